"""
The SQL of waves, and of when people react.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sendyard.storage.transaction import Transaction


class WaveRow(NamedTuple):
    """One wave as it stands."""

    number: int
    last_row: int
    due_at: int | None
    ended_at: int | None
    figures: str


def waves(tx: Transaction, campaign_id: str) -> list[WaveRow]:
    """The waves of a campaign, in their order; none before they are laid out."""
    sql = "SELECT number, last_row, due_at, ended_at, figures FROM campaign_waves WHERE campaign_id = ? ORDER BY number"
    return [WaveRow(*row) for row in tx.rows(sql, (campaign_id,))]


def lay_out(tx: Transaction, workspace_id: str, campaign_id: str, last_rows: Sequence[int]) -> None:
    """Say where each wave ends; harmless when another process did so."""
    tx.run_many(
        "INSERT INTO campaign_waves (campaign_id, workspace_id, number, last_row) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        [(campaign_id, workspace_id, number, last_row) for number, last_row in enumerate(last_rows, start=1)],
    )


def set_due(tx: Transaction, campaign_id: str, number: int, due_at: int) -> None:
    """Say when a wave is judged; the first word holds."""
    tx.run(
        "UPDATE campaign_waves SET due_at = ? WHERE campaign_id = ? AND number = ? AND due_at IS NULL",
        (due_at, campaign_id, number),
    )


def end_wave(tx: Transaction, campaign_id: str, number: int, figures: str, *, now: int) -> bool:
    """Keep what a wave was judged by; False when another process did so."""
    sql = (
        "UPDATE campaign_waves SET ended_at = ?, figures = ? WHERE campaign_id = ? AND number = ? AND ended_at IS NULL"
    )
    return tx.run(sql, (now, figures, campaign_id, number)) == 1


def reactions(tx: Transaction, workspace_id: str, addresses: Iterable[str], *, since: int) -> dict[str, list[int]]:
    """When the people at these addresses read a message or wrote, in milliseconds, by address."""
    condition, parameter = tx.among(addresses)
    found: dict[str, list[int]] = {}
    for address, at in tx.rows(
        "SELECT m.address, e.at FROM messages m JOIN events e ON e.message_id = m.id AND e.status = 'read'"  # noqa: S608 - placeholders only
        f" WHERE m.workspace_id = ? AND m.address {condition} AND m.created_at > ?",
        (workspace_id, parameter, since),
    ):
        found.setdefault(address, []).append(at)
    for address, at in tx.rows(
        "SELECT i.sender, i.received_at FROM inbound_messages i WHERE i.workspace_id = ?"  # noqa: S608 - placeholders only
        f" AND i.sender {condition} AND i.received_at > ?",
        (workspace_id, parameter, since),
    ):
        found.setdefault(address, []).append(at)
    return found
