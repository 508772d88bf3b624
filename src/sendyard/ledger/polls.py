"""
Attempts whose report is missing, and when to ask for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sendyard.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class DuePoll:
    """An accepted attempt without a final report; `polls` counts how often it was asked for."""

    attempt_id: str
    workspace_id: str
    provider_ref: str
    recipient: str
    submitted_at: int
    polls: int


def due_polls(tx: Transaction, account_id: str, *, now: int, limit: int) -> list[DuePoll]:
    """The attempts of one account whose time to be asked for has come, the longest waiting first."""
    return [
        DuePoll(*row)
        for row in tx.rows(
            "SELECT a.id, a.workspace_id, a.provider_ref, m.address, a.submitted_at, a.polls FROM attempts a"
            " JOIN messages m ON m.id = a.message_id"
            " WHERE a.account_id = ? AND a.poll_at IS NOT NULL AND a.poll_at <= ? AND a.provider_ref IS NOT NULL"
            " ORDER BY a.poll_at LIMIT ?",
            (account_id, now, limit),
        )
    ]


def polled(tx: Transaction, asked: Sequence[tuple[str, int | None]]) -> None:
    """Note that attempts were asked for: (attempt id, when to ask next, or None to stop asking)."""
    tx.run_many(
        "UPDATE attempts SET polls = polls + 1, poll_at = ? WHERE id = ? AND poll_at IS NOT NULL",
        [(poll_at, attempt_id) for attempt_id, poll_at in asked],
    )


def keep_cursor(tx: Transaction, account_id: str, cursor: str) -> None:
    """Remember how far an account's reports were read."""
    tx.run("UPDATE accounts SET poll_cursor = ? WHERE id = ?", (cursor, account_id))


def cursor(tx: Transaction, account_id: str) -> str:
    """Where the last poll of an account ended; empty at the beginning."""
    rows = tx.rows("SELECT poll_cursor FROM accounts WHERE id = ?", (account_id,))
    return str(rows[0][0]) if rows else ""
