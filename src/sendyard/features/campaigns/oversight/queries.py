"""
The SQL of approvals, and of what a workspace asks of every campaign.
"""

from typing import NamedTuple

from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction


class ApprovalRow(NamedTuple):
    """Somebody asked, agreed, or did not."""

    action: str
    by: str
    note: str
    recipients: int
    cost: str
    at: int


def add_approval(tx: Transaction, workspace_id: str, campaign_id: str, row: ApprovalRow) -> None:
    """Keep one."""
    tx.run(
        "INSERT INTO campaign_approvals (id, workspace_id, campaign_id, action, by, note, recipients, cost, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (new_id(), workspace_id, campaign_id, *row),
    )


def approvals(tx: Transaction, campaign_id: str) -> list[ApprovalRow]:
    """All of a campaign, oldest first."""
    sql = "SELECT action, by, note, recipients, cost, at FROM campaign_approvals WHERE campaign_id = ? ORDER BY at, id"
    return [ApprovalRow(*row) for row in tx.rows(sql, (campaign_id,))]


def policy(tx: Transaction, workspace_id: str) -> tuple[int | None, str | None, str]:
    """(recipients, cost, currency) above which a second person approves."""
    found = tx.rows(
        "SELECT approve_recipients, approve_cost, approve_currency FROM campaign_policies WHERE workspace_id = ?",
        (workspace_id,),
    )
    return (found[0][0], found[0][1], found[0][2]) if found else (None, None, "")


def set_policy(tx: Transaction, workspace_id: str, recipients: int | None, cost: str | None, currency: str) -> None:
    """Say above what a second person approves."""
    tx.run(
        "INSERT INTO campaign_policies (workspace_id, approve_recipients, approve_cost, approve_currency)"
        " VALUES (?, ?, ?, ?) ON CONFLICT (workspace_id)"
        " DO UPDATE SET approve_recipients = excluded.approve_recipients,"
        " approve_cost = excluded.approve_cost, approve_currency = excluded.approve_currency",
        (workspace_id, recipients, cost, currency),
    )
