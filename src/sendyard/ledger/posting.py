"""
The point of no return: messages and their exchanges are marked, in one commit, just before requests leave.

After a crash exactly the members of open exchanges are in doubt; everything merely claimed still waits.
"""

import json
from collections.abc import Sequence

from sendyard.ledger.entries import EventKind, Exchange
from sendyard.ledger.kept_counts import outdate
from sendyard.ledger.pacing import keep_pace
from sendyard.storage.transaction import Transaction

# Asked again here, inside the claim: a campaign may have been paused and a person may have opted out
# since preflight. One-time codes are asked for by the person and pass, and so does the answer to a stop word.
_SUPPRESSED = """EXISTS (
    SELECT 1 FROM suppressions s WHERE s.workspace_id = messages.workspace_id AND s.address = messages.address
      AND s.channel IN ('', messages.channel) AND s.purpose IN ('', messages.purpose) AND s.spares <> messages.id)"""
_POST = f"""
UPDATE messages SET status = 'sending', due_at = NULL, lease_owner = NULL, lease_until = NULL, attempts = attempts + 1
WHERE id {{among}} AND attempts = ? AND status IN ('queued', 'scheduled') AND (due_at IS NOT NULL OR lease_owner = ?)
  AND (group_id = '' OR EXISTS (
    SELECT 1 FROM campaigns c WHERE c.id = group_id AND c.status IN ('preparing', 'sending')))
  AND (purpose = 'otp' OR NOT {_SUPPRESSED})
"""
_SUPPRESS = f"""
UPDATE messages SET status = 'suppressed', due_at = NULL, settled_at = ?, lease_owner = NULL, lease_until = NULL,
  error_kind = 'opted_out', error_code = 'suppressed', error_detail = 'on the suppression list at hand-over'
WHERE id {{among}} AND status IN ('queued', 'scheduled') AND (due_at IS NOT NULL OR lease_owner = ?)
  AND purpose <> 'otp' AND {_SUPPRESSED}
RETURNING id, workspace_id
"""


def post(tx: Transaction, exchanges: Sequence[Exchange], *, owner: str, now: int, lease_until: int) -> set[str]:
    """
    Mark a window of messages as being handed over.

    Returns the ids that may leave. The others were cancelled, paused, suppressed or taken by someone else
    meanwhile: they are settled or given back here, and their postings must be dropped.
    """
    ids: list[str] = []
    by_number: dict[int, list[str]] = {}
    early = keep_pace(tx, exchanges, owner=owner, now=now)
    for exchange in exchanges:
        for posting in exchange.postings:
            if posting.message.id in early:
                continue
            ids.append(posting.message.id)
            by_number.setdefault(posting.number, []).append(posting.message.id)
    going: set[str] = set()
    for number, numbered in by_number.items():
        going |= _mark(tx, numbered, number, owner)
    rows = []
    for exchange in exchanges:
        members = [posting.attempt_id for posting in exchange.postings if posting.message.id in going]
        if members:
            place = (exchange.id, exchange.workspace_id, exchange.account_id)
            rows.append((*place, len(members), now, owner, lease_until, json.dumps(members)))
    tx.run_many(
        "INSERT INTO exchanges (id, workspace_id, account_id, status, size, tries, opened_at, owner, lease_until,"
        " members) VALUES (?, ?, ?, 'open', ?, 1, ?, ?, ?, ?)",
        rows,
    )
    if len(going) < len(ids):
        _turn_back(tx, [id_ for id_ in ids if id_ not in going], owner=owner, now=now)
    messages = [posting.message for exchange in exchanges for posting in exchange.postings]
    outdate(tx, [(message.id, message.group_id) for message in messages], now=now)
    return going


def _mark(tx: Transaction, message_ids: Sequence[str], number: int, owner: str) -> set[str]:
    """Mark these as sending their `number`-th attempt; returns those that were still to be had."""
    condition, parameter = tx.among(message_ids)
    # Whoever overslept its lease must not post again, under the same name, what another has tried meanwhile.
    statement, values = _POST.format(among=condition), (parameter, number - 1, owner)
    if tx.dialect == "sqlite":
        # Nearly always all: reading a row for each would hand the interpreter's lock to and fro as often.
        tx.run("SAVEPOINT mark")
        marked = tx.run(statement, values)
        if marked != len(message_ids):
            # Which of them cannot be told afterwards: another may be sending this attempt already.
            tx.run("ROLLBACK TO mark")
        tx.run("RELEASE mark")
        if marked == len(message_ids):
            return set(message_ids)
    return {row[0] for row in tx.rows(f"{statement} RETURNING id", values)}


def _turn_back(tx: Transaction, message_ids: Sequence[str], *, owner: str, now: int) -> None:
    condition, parameter = tx.among(message_ids)
    suppressed = tx.rows(_SUPPRESS.format(among=condition), (now, parameter, owner))
    tx.run_many(
        "INSERT INTO events (workspace_id, message_id, kind, status, code, detail, at)"
        " VALUES (?, ?, ?, 'suppressed', 'suppressed', 'on the suppression list at hand-over', ?)",
        [(workspace_id, id_, EventKind.SUPPRESSED.value, now) for id_, workspace_id in suppressed],
    )
    tx.run(
        "UPDATE messages SET due_at = ?, lease_owner = NULL, lease_until = NULL"
        f" WHERE id {condition} AND lease_owner = ? AND status IN ('queued', 'scheduled')",
        (now, parameter, owner),
    )
