"""
Times and waves of a campaign as interfaces show them.
"""

from typing import Any

import msgspec

from sendyard.features.campaigns.plan import read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.scheduling.queries import WaveRow
from sendyard.features.campaigns.scheduling.timing import shown

_figures = msgspec.json.Decoder(dict[str, float]).decode


def next_document(campaign: CampaignRow, now: int) -> dict[str, Any] | None:
    """When a scheduled campaign begins, or runs next: the moment, as its zone writes it, and the seconds left."""
    if campaign.send_at is None:
        return None
    plan = read_plan(campaign.plan)
    zone = plan.repeat.zone if plan.repeat else plan.when.zone
    return {
        "starts_at": campaign.send_at,
        "zone": zone,
        "shown": shown(campaign.send_at, zone),
        "seconds_left": max(0, (campaign.send_at - now) // 1000),
    }


def wave_document(row: WaveRow) -> dict[str, Any]:
    """One wave: up to which row, when it is or was judged, and by what."""
    return {
        "number": row.number,
        "last_row": row.last_row,
        "judged_at": row.ended_at or row.due_at,
        "ended": row.ended_at is not None,
        "figures": _figures(row.figures),
    }
