"""
After a crash: claimed messages wait again, open requests become unknown and their exchanges doubtful.

A doubtful exchange is settled by repeating it (where the provider de-duplicates), by lookup, or by the
report that comes later; the ledger only keeps the list and who works on it.
"""

import json

from sendyard.domain.ids import split_attempt_id
from sendyard.domain.status import RANK, AttemptStatus, MessageStatus
from sendyard.ledger.claim import CLAIMED_COLUMNS, claimed_from
from sendyard.ledger.entries import Claimed, EventKind, Exchange, Posting
from sendyard.ledger.kept_counts import outdate
from sendyard.storage.transaction import Transaction

_DOUBT = "the process ended while the request was open"


def recover(tx: Transaction, *, now: int, everything: bool = False) -> tuple[int, int]:
    """
    Take back what dead dispatchers held.

    Args:
        now: leases that ended before it are void.
        everything: all of them are void, for the start of the only process on its database.

    Returns:
        how many claimed messages went back, and how many posted ones are now unknown.
    """
    returned = tx.rows(
        "UPDATE messages SET due_at = ?, lease_owner = NULL, lease_until = NULL"
        " WHERE lease_until IS NOT NULL AND lease_until < ? AND status IN ('queued', 'scheduled')"
        " RETURNING id, workspace_id",
        (now, now),
    )
    tx.run_many(
        "INSERT INTO events (workspace_id, message_id, kind, status, detail, at) VALUES (?, ?, ?, 'queued', ?, ?)",
        [(workspace_id, id_, EventKind.RETURNED.value, "nothing had left", now) for id_, workspace_id in returned],
    )
    lock = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgresql" else ""
    dead = tx.rows(
        "SELECT id, account_id, opened_at, members FROM exchanges WHERE status = 'open'"
        f" AND (lease_until < ? OR ? = 1){lock}",
        (now, int(everything)),
    )
    doubtful = sum(_doubt(tx, *row, now=now) for row in dead)
    if returned or doubtful:
        tx.wake()
    return len(returned), doubtful


def _doubt(tx: Transaction, exchange_id: str, account_id: str, opened_at: int, members: str, *, now: int) -> int:
    unknown = AttemptStatus.UNKNOWN
    postings = _postings(tx, json.loads(members), opened_at, account_id)
    tx.run_many(
        "INSERT INTO attempts (id, workspace_id, message_id, account_id, exchange_id, status, rank, submitted_at,"
        " polls) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING",
        [
            (p.attempt_id, p.message.workspace_id, p.message.id, account_id, exchange_id, unknown.value, RANK[unknown],
             opened_at)
            for p in postings
        ],
    )  # fmt: skip
    tx.run_many(
        "UPDATE messages SET status = 'unknown', error_detail = ? WHERE id = ? AND attempts = ? AND status = 'sending'",
        [(_DOUBT, p.message.id, p.number) for p in postings],
    )
    tx.run_many(
        "INSERT INTO events (workspace_id, message_id, attempt_id, account_id, kind, status, detail, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (p.message.workspace_id, p.message.id, p.attempt_id, account_id, EventKind.UNKNOWN.value,
             MessageStatus.UNKNOWN.value, _DOUBT, now)
            for p in postings
        ],
    )  # fmt: skip
    outdate(tx, [(p.message.id, p.message.group_id) for p in postings], now=now)
    tx.run("UPDATE exchanges SET status = 'doubtful', next_try_at = ? WHERE id = ?", (now, exchange_id))
    return len(postings)


def take_doubtful(tx: Transaction, *, owner: str, now: int, busy_until: int, limit: int = 50) -> list[Exchange]:
    """
    Take doubtful exchanges that are due, keeping others away until `busy_until`.

    Each comes with all its postings in the order they were submitted, since a repetition must be the same
    batch to the byte. `in_doubt` marks those whose message still waits for this answer.
    """
    due = "SELECT id FROM exchanges WHERE status = 'doubtful' AND next_try_at <= ? ORDER BY next_try_at LIMIT ?"
    one_of = tx.one_of(due if tx.dialect == "sqlite" else f"{due} FOR UPDATE SKIP LOCKED")
    rows = tx.rows(
        f"UPDATE exchanges SET next_try_at = ?, owner = ?, tries = tries + 1 WHERE id {one_of}"
        " RETURNING id, workspace_id, account_id, tries, opened_at, members",
        (busy_until, owner, now, limit),
    )
    return [
        Exchange(id_, workspace_id, account_id, _postings(tx, json.loads(members), opened_at, account_id), tries)
        for id_, workspace_id, account_id, tries, opened_at, members in rows
    ]


def postpone(tx: Transaction, exchange_id: str, *, next_try_at: int | None) -> None:
    """Leave an exchange in doubt until `next_try_at`; None gives up asking and waits for a report."""
    status = "doubtful" if next_try_at is not None else "abandoned"
    tx.run("UPDATE exchanges SET status = ?, next_try_at = ? WHERE id = ?", (status, next_try_at, exchange_id))


def _postings(tx: Transaction, members: list[str], opened_at: int, account_id: str) -> list[Posting]:
    numbers = [split for member in members if (split := split_attempt_id(member))]
    condition, parameter = tx.among([message_id for message_id, _ in numbers])
    found: dict[str, tuple[Claimed, str]] = {}
    for status, *row in tx.rows(f"SELECT status, {CLAIMED_COLUMNS} FROM messages WHERE id {condition}", (parameter,)):
        found[row[0]] = claimed_from(row), status
    senders = dict(tx.rows("SELECT id, sender FROM accounts WHERE id = ?", (account_id,)))
    postings = []
    for message_id, number in numbers:
        message, status = found[message_id]
        sender = message.sender or senders.get(account_id, "")
        in_doubt = message.attempts == number and status == MessageStatus.UNKNOWN
        postings.append(Posting(message, number, sender, opened_at, in_doubt))
    return postings
