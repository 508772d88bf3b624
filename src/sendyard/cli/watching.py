"""
Following a campaign at the terminal.
"""

import asyncio
from typing import Any

from sendyard.cli.opening import Place
from sendyard.cli.shape import wants_json
from sendyard.cli.showing import Show
from sendyard.domain.status import CampaignStatus

_LOOK = 0.5  # seconds


async def watch_campaign(place: Place, campaign_id: str) -> dict[str, Any]:
    """
    Show progress until the campaign is over or paused; gives the last `Campaigns.progress`.

    Raises:
        NotFound: there is no such campaign.
    """
    campaigns = place.yard.campaigns
    with Show(as_json=wants_json()) as show:
        while True:
            found = await campaigns.progress(place.workspace_id, campaign_id)
            show.progress(found, {entry.name: entry.status for entry in place.yard.directory.accounts()})
            status = CampaignStatus(found["status"])
            if status.is_final or status in {CampaignStatus.PAUSED, CampaignStatus.DRAFT}:
                return dict(found)
            await asyncio.sleep(_LOOK)
            await place.yard.directory.refresh()
