"""
Finding one campaign, and whether a key may let it go.
"""

from sendyard.domain.errors import Forbidden, NotFound
from sendyard.features.campaigns import queries
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.storage.engine import Database


async def find(database: Database, workspace_id: str, campaign_id: str) -> CampaignRow:
    """Give one campaign. Raises NotFound."""
    found = await database.read(lambda tx: queries.campaign(tx, workspace_id, campaign_id))
    if found is None:
        detail = f"There is no campaign {campaign_id!r:.80}; `sendyard campaign list` shows those there are."
        raise NotFound("unknown_campaign", detail)
    return found


def allow(campaign: CampaignRow, reach: str) -> None:
    """
    Let a key for the team, or for tests, send only what was made with one of its kind.

    Raises:
        Forbidden: the campaign reaches others.
    """
    if reach not in {"all", campaign.reach}:
        detail = f"This campaign reaches others than a {reach} key may; use a live key, or make it with this one."
        raise Forbidden("other_reach", detail)
