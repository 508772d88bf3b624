"""
Files that providers have already: their handles, until providers forget them.
"""

from sendyard.storage.transaction import Transaction


def find_handle(tx: Transaction, account_id: str, digest: bytes, channel: str, *, now: int) -> tuple[str, int] | None:
    """Give the handle of a file and until when it may be used (milliseconds since 1970); None when there is none."""
    rows = tx.rows(
        "SELECT handle, expires_at FROM media_handles WHERE account_id = ? AND digest = ? AND channel = ?"
        " AND expires_at > ?",
        (account_id, digest, channel, now),
    )
    return (rows[0][0], rows[0][1]) if rows else None


def keep_handle(
    tx: Transaction, workspace_id: str, account_id: str, digest: bytes, channel: str, *, handle: str, expires_at: int
) -> None:
    """Remember a handle; a newer one takes the place of an older."""
    tx.run(
        "INSERT INTO media_handles (account_id, digest, channel, workspace_id, handle, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account_id, digest, channel)"
        " DO UPDATE SET handle = excluded.handle, expires_at = excluded.expires_at",
        (account_id, digest, channel, workspace_id, handle, expires_at),
    )


def forget_handles(tx: Transaction, *, now: int) -> int:
    """Forget what has ended; returns how many."""
    return tx.run("DELETE FROM media_handles WHERE expires_at <= ?", (now,))
