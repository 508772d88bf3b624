"""
Campaigns as interfaces show them; times are milliseconds.
"""

from typing import Any

from sendyard.features.campaigns.experiments.showing import summary
from sendyard.features.campaigns.finding import find
from sendyard.features.campaigns.outcomes.counting import counted_rows
from sendyard.features.campaigns.outcomes.progress import rows_document
from sendyard.features.campaigns.oversight import approvals
from sendyard.features.campaigns.oversight.queries import approvals as approval_rows
from sendyard.features.campaigns.plan import read_plan
from sendyard.features.campaigns.queries import CampaignRow, step_of_drip
from sendyard.features.campaigns.scheduling.queries import waves as wave_rows
from sendyard.features.campaigns.scheduling.showing import next_document, wave_document
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction


async def whole_document(database: Database, workspace_id: str, campaign_id: str) -> dict[str, Any]:
    """Give one campaign with what became of its rows, its waves, its approval, and its drip. Raises NotFound."""
    campaign = await find(database, workspace_id, campaign_id)

    def read(tx: Transaction) -> dict[str, Any]:
        return {
            **rows_document(counted_rows(tx, campaign_id)),
            "approval": approvals.document(approval_rows(tx, campaign_id)),
            "waves": [wave_document(row) for row in wave_rows(tx, campaign_id)],
            "experiment": summary(tx, campaign_id),
            "drip": step_of_drip(tx, campaign_id),
        }

    return {**campaign_document(campaign, now_ms()), **await database.read(read)}


def campaign_document(campaign: CampaignRow, now: int) -> dict[str, Any]:
    """Show a campaign without what has to be counted."""
    listed = campaign.newest_version > 0
    return {
        "id": campaign.id,
        "name": campaign.name,
        "status": campaign.status,
        "template": campaign.code if listed else None,
        "template_version": campaign.version if listed else None,
        "text": campaign.body,
        "channel": campaign.channel,
        "purpose": campaign.purpose,
        "sender": campaign.sender,
        "country": campaign.country,
        "expires_in": campaign.expires_in,
        "pause_reason": campaign.pause_reason,
        "created_at": campaign.created_at,
        "started_at": campaign.started_at,
        "finished_at": campaign.finished_at,
        "archived_at": campaign.archived_at,
        "created_by": campaign.created_by,
        "reach": campaign.reach,
        "gathering": bool(campaign.gathering),
        "parent_id": campaign.parent_id,
        "run_at": campaign.run_at,
        "plan": read_plan(campaign.plan),
        "next": next_document(campaign, now),
    }
