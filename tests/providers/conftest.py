"""
What the contract suite notes of each of its tests, and the table at the end.
"""

import pytest

from sendyard.providers.registry import adapters
from tests.providers.contract_table import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]


@pytest.fixture(autouse=True)
def contract_rule(request: pytest.FixtureRequest) -> None:
    """Note rule and provider for the table; step aside where the provider has a written reason."""
    if "slug" not in request.fixturenames or "test_contract" not in request.node.nodeid:
        return
    slug: str = request.getfixturevalue("slug")
    name: str = request.node.originalname.removeprefix("test_")
    request.node.user_properties += [("contract_provider", slug), ("contract_rule", name)]
    if reason := adapters()[slug].spec.exemptions.get(name):
        pytest.skip(f"exempt: {reason}")
    if request.node.callspec.params.get("case") == {}:
        pytest.skip(f"{slug} has no samples of this; `folder_is_complete` tells whether it should")
