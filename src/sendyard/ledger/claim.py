"""
Taking messages for a dispatcher, and giving them back.

A message waits exactly while `due_at` is set. What makes a message somebody's is `posting.post`; claiming
only keeps dispatchers from reading the same rows. With several processes (PostgreSQL) it writes a lease;
the only process on an SQLite file keeps what it holds in memory, and a crash forgets it.
"""

import json
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.ledger.content_codec import decode_letter
from sendyard.ledger.entries import Claimed
from sendyard.storage.transaction import Transaction

CLAIMED_COLUMNS = (
    "id, workspace_id, account_id, group_id, purpose, channel, address_kind, address, country, sender, content,"
    " parts, route, failover, attempts, retries, expires_at, created_at"
)
_decode = msgspec.json.Decoder(list[tuple[Any, ...]]).decode
_PRIORITIES = sorted(purpose.priority for purpose in Purpose)

# Jumps from one campaign to the next along the lane index, so that a million waiting rows of one
# campaign cost one step.
_GROUPS = """
WITH RECURSIVE lane(group_id) AS (
  SELECT min(group_id) FROM messages WHERE account_id = ? AND priority = ? AND due_at IS NOT NULL
  UNION ALL
  SELECT (SELECT min(m.group_id) FROM messages m
          WHERE m.account_id = ? AND m.priority = ? AND m.due_at IS NOT NULL AND m.group_id > lane.group_id)
  FROM lane WHERE lane.group_id IS NOT NULL
)
SELECT lane.group_id FROM lane
WHERE lane.group_id = '' OR lane.group_id IN (SELECT id FROM campaigns WHERE status IN ('preparing', 'sending'))
"""
_NEXT_DUE = f"""
SELECT min((SELECT min(m.due_at) FROM messages m WHERE m.account_id = ? AND m.priority = ?
            AND m.group_id = active.group_id AND m.due_at > ?)) FROM ({_GROUPS}) AS active
"""
_WAITING = "account_id = ? AND priority = ? AND group_id = ? AND due_at IS NOT NULL AND due_at <= ?"
# One row of JSON: each row read by itself would hand the interpreter's lock to and fro.
_READ = f"""
SELECT json_group_array(json_array({CLAIMED_COLUMNS}))
FROM (SELECT * FROM messages WHERE {_WAITING} {{free}} ORDER BY due_at LIMIT ?)
"""
# An array, not `IN`: PostgreSQL may run a locking sub-select more than once and so take more than the limit.
_LEASE = f"""
UPDATE messages SET due_at = NULL, lease_owner = ?, lease_until = ?
WHERE id = ANY(ARRAY(
  SELECT id FROM messages WHERE {_WAITING} ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED))
RETURNING {CLAIMED_COLUMNS}
"""


def claim(
    tx: Transaction,
    account_id: str,
    limit: int,
    *,
    owner: str,
    now: int,
    lease_until: int,
    held: Collection[str] = (),
    most_urgent: int | None = None,
) -> list[Claimed]:
    """
    Take up to `limit` due messages of one account for `owner`.

    One-time codes come before transactional, those before promotional messages. Within a priority the
    campaigns on the account get equal shares, and what one cannot use goes to the others.

    Args:
        held: ids that this owner has taken and not posted yet; they are not taken twice.
        most_urgent: take only messages of this priority or a more urgent one.
    """
    claimed: list[Claimed] = []
    for priority in _PRIORITIES:
        if len(claimed) >= limit or (most_urgent is not None and priority > most_urgent):
            break
        groups = [group for (group,) in tx.rows(_GROUPS, (account_id, priority, account_id, priority))]
        taken = set(held)
        while groups and len(claimed) < limit:
            share = -(-(limit - len(claimed)) // len(groups))
            still_full = []
            for group in groups:
                quota = min(share, limit - len(claimed))
                if quota == 0:
                    break
                lane = (account_id, priority, group, now)
                rows = _take(tx, lane, quota, owner=owner, lease_until=lease_until, taken=taken)
                claimed += [claimed_from(row) for row in rows]
                taken.update(row[0] for row in rows)
                if len(rows) == quota:
                    still_full.append(group)
            groups = still_full
    return claimed


def _take(
    tx: Transaction,
    lane: tuple[str, int, str, int],
    quota: int,
    *,
    owner: str,
    lease_until: int,
    taken: Collection[str],
) -> list[tuple[Any, ...]]:
    if tx.dialect == "postgresql":
        # RETURNING promises no order; ids sort by the time they were made.
        return sorted(tx.rows(_LEASE, (owner, lease_until, *lane, quota)))
    if not taken:
        return _decode(tx.rows(_READ.format(free=""), (*lane, quota))[0][0])
    condition, parameter = tx.among(taken)
    return _decode(tx.rows(_READ.format(free=f"AND id NOT {condition}"), (*lane, parameter, quota))[0][0])


def next_due(tx: Transaction, account_id: str, *, after: int) -> int | None:
    """The first moment behind `after` at which a message of one account falls due; None when none does."""
    found = [
        due
        for priority in _PRIORITIES
        for (due,) in tx.rows(_NEXT_DUE, (account_id, priority, after, account_id, priority, account_id, priority))
        if due is not None
    ]
    return min(found, default=None)


def waiting(tx: Transaction, account_id: str, *, limit: int) -> list[Claimed]:
    """Look at what waits in a lane without taking it, in the order it was made."""
    sql = f"SELECT {CLAIMED_COLUMNS} FROM messages WHERE account_id = ? AND due_at IS NOT NULL ORDER BY id LIMIT ?"
    return [claimed_from(row) for row in tx.rows(sql, (account_id, limit))]


def release(tx: Transaction, message_ids: Sequence[str], *, owner: str, now: int) -> None:
    """Give taken messages back unposted; those that were meanwhile cancelled stay so."""
    if tx.dialect == "postgresql":
        condition, parameter = tx.among(message_ids)
        tx.run(
            "UPDATE messages SET due_at = ?, lease_owner = NULL, lease_until = NULL"
            f" WHERE id {condition} AND lease_owner = ? AND status IN ('queued', 'scheduled')",
            (now, parameter, owner),
        )


def extend(tx: Transaction, *, owner: str, lease_until: int) -> None:
    """Prolong everything `owner` holds; to be called well before the deadline."""
    tx.run("UPDATE exchanges SET lease_until = ? WHERE status = 'open' AND owner = ?", (lease_until, owner))
    if tx.dialect == "postgresql":
        tx.run(
            "UPDATE messages SET lease_until = ? WHERE lease_until IS NOT NULL AND lease_owner = ?",
            (lease_until, owner),
        )


@lru_cache(maxsize=1024)
def _route(stored: str) -> tuple[str, ...]:
    return tuple(json.loads(stored))


def claimed_from(row: Sequence[Any]) -> Claimed:
    """Build the value from a row of `CLAIMED_COLUMNS`."""
    content, fallback, variants, registration = decode_letter(row[10])
    return Claimed(
        row[0],
        row[1],
        row[2],
        row[3],
        _PURPOSE[row[4]],
        _CHANNEL[row[5]],
        Address(_KIND[row[6]], row[7]),
        row[8],
        row[9],
        content,
        fallback,
        row[11],
        list(_route(row[12])),
        bool(row[13]),
        row[14],
        row[15],
        row[16],
        row[17],
        variants,
        registration,
    )


_PURPOSE = {purpose.value: purpose for purpose in Purpose}
_CHANNEL = {channel.value: channel for channel in Channel}
_KIND = {kind.value: kind for kind in AddressKind}
