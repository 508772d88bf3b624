"""
Campaigns as callers see them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sendyard.api.campaign_bodies import CampaignAnswer, ProgressAnswer, RecipientAnswer
from sendyard.api.message_views import moment_or_none

_TIMES = frozenset({
    "archived_at", "at", "clicked_at", "created_at", "delivered_at", "finish_at", "finished_at", "judged_at", "run_at",
    "sent_at", "started_at", "starts_at",
})  # fmt: skip


def campaign_answer(found: Mapping[str, Any]) -> CampaignAnswer:
    """One campaign."""
    plain = {**found, "plan": msgspec.to_builtins(found["plan"])}
    return msgspec.convert(_with_times(plain), CampaignAnswer)


def progress_answer(found: Mapping[str, Any]) -> ProgressAnswer:
    """Where a campaign stands."""
    return msgspec.convert(_with_times(found), ProgressAnswer)


def recipient_answer(found: Mapping[str, Any]) -> RecipientAnswer:
    """One row and what became of it; what stands in its variables is nobody's time."""
    variables = found["variables"]
    return msgspec.convert({**_with_times({**found, "variables": {}}), "variables": variables}, RecipientAnswer)


def _with_times(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: moment_or_none(value) if name in _TIMES and not isinstance(value, str) else _inside(value)
        for name, value in found.items()
    }


def _inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _with_times(value)
    if isinstance(value, list):
        return [_inside(one) for one in value]
    return value
