"""
Moving waiting messages to another lane without an attempt: their account is known to be down.
"""

import json
from collections.abc import Sequence

from sendyard.ledger.entries import Claimed, EventKind
from sendyard.ledger.kept_counts import outdate
from sendyard.storage.transaction import Transaction


def move(tx: Transaction, moves: Sequence[tuple[Claimed, Sequence[str]]], *, owner: str, now: int, reason: str) -> int:
    """Let claimed messages wait in the lane of the first account of their new route; returns how many still could."""
    moved = 0
    for message, route in moves:
        if tx.run(
            "UPDATE messages SET due_at = ?, account_id = ?, route = ?, retries = 0, lease_owner = NULL,"
            " lease_until = NULL WHERE id = ? AND status IN ('queued', 'scheduled')"
            " AND (due_at IS NOT NULL OR lease_owner = ?)",
            (now, route[0], json.dumps(list(route)), message.id, owner),
        ):
            moved += 1
            tx.run(
                "INSERT INTO events (workspace_id, message_id, account_id, kind, status, detail, at)"
                " VALUES (?, ?, ?, ?, 'queued', ?, ?)",
                (message.workspace_id, message.id, route[0], EventKind.FAILOVER.value, reason, now),
            )
    if moved:
        outdate(tx, [(message.id, message.group_id) for message, _ in moves], now=now)
        tx.wake()
    return moved
