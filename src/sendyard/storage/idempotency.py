"""
Answers already given, by the key a caller chose: what makes a repeated create harmless.

A key is free, running (its create has begun) or answered. Keys belong to a workspace and are kept for
`KEPT_MS`; a running one whose process died is free again after `ABANDONED_MS`.
"""

from dataclasses import dataclass

from sendyard.storage.transaction import Transaction

KEPT_MS = 24 * 3600 * 1000
ABANDONED_MS = 120 * 1000


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of a key that was used before; `status` is None while its create is running."""

    fingerprint: bytes
    status: int | None
    body: bytes


def take(tx: Transaction, workspace_id: str, key: str, fingerprint: bytes, *, now: int) -> Earlier | None:
    """
    Mark a free key as running and return None; of a key in use return what is known.

    On PostgreSQL this waits for another transaction that takes the same key at this moment.
    """
    taken = tx.run(
        "INSERT INTO idempotency_keys (workspace_id, key, fingerprint, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (workspace_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = NULL,"
        " body = NULL, created_at = excluded.created_at WHERE idempotency_keys.created_at <= ?"
        " OR (idempotency_keys.status IS NULL AND idempotency_keys.created_at <= ?)",
        (workspace_id, key, fingerprint, now, now - KEPT_MS, now - ABANDONED_MS),
    )
    if taken:
        return None
    ((known, status, body),) = tx.rows(
        "SELECT fingerprint, status, body FROM idempotency_keys WHERE workspace_id = ? AND key = ?", (workspace_id, key)
    )
    return Earlier(bytes(known), status, bytes(body or b""))


def keep(tx: Transaction, workspace_id: str, key: str, status: int, body: bytes) -> None:
    """Store the answer that repetitions will get."""
    tx.run(
        "UPDATE idempotency_keys SET status = ?, body = ? WHERE workspace_id = ? AND key = ?",
        (status, body, workspace_id, key),
    )


def release(tx: Transaction, workspace_id: str, key: str) -> None:
    """Free a key whose create did nothing."""
    tx.run("DELETE FROM idempotency_keys WHERE workspace_id = ? AND key = ?", (workspace_id, key))


def forget_old(tx: Transaction, *, now: int) -> int:
    """Remove the keys nobody may repeat any more; returns how many."""
    return tx.run("DELETE FROM idempotency_keys WHERE created_at <= ?", (now - KEPT_MS,))
