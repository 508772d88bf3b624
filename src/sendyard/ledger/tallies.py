"""
What happened lately, counted: for metrics, which want numbers and not messages.
"""

from dataclasses import dataclass

from sendyard.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Tally:
    """Events of one kind on one account; `account_id` is "" where none was involved yet."""

    account_id: str
    kind: str
    status: str
    count: int


def newest_event(tx: Transaction) -> int:
    """The number of the newest event of all workspaces; 0 when there is none."""
    ((newest,),) = tx.rows("SELECT coalesce(max(seq), 0) FROM events")
    return int(newest)


def tally_events(tx: Transaction, *, after: int, up_to: int) -> list[Tally]:
    """Count the events with `after < number <= up_to`, by account, kind and the status they led to."""
    return [
        Tally(account_id or "", kind, status or "", count)
        for account_id, kind, status, count in tx.rows(
            "SELECT account_id, kind, status, count(*) FROM events WHERE seq > ? AND seq <= ?"
            " GROUP BY account_id, kind, status",
            (after, up_to),
        )
    ]
