"""
What the product does because something took long, set so that a slow machine does not make it happen by itself.

Import `unhurried` into a conftest. Tests of those limits set them anew.
"""

import pytest

_NEVER = 600.0
_LIMITS = {
    "sendyard.api.contact_files._UNDO_PATIENCE": _NEVER,
    "sendyard.api.health._PATIENCE": _NEVER,
    "sendyard.features.campaigns.oversight.balances._PATIENCE": _NEVER,
    "sendyard.features.campaigns.outcomes.completion._SHARE": 0,
    "sendyard.features.campaigns.outcomes.progress._COSTLY": _NEVER,
    "sendyard.features.campaigns.rehearsal._START_SECONDS": _NEVER,
    "sendyard.features.links.following._FRESH": _NEVER,
}


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever takes long is waited for, and nothing is postponed for it."""
    for name, limit in _LIMITS.items():
        monkeypatch.setattr(name, limit)


__all__ = ["unhurried"]
