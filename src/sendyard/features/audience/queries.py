"""
The SQL of suppressions, besides what delivery itself adds and reads.
"""

from typing import Any

from sendyard.storage.transaction import Transaction

_COLUMNS = "id, address, channel, reason, source, created_at"


def suppressions(tx: Transaction, workspace_id: str, *, address: str, after: str, limit: int) -> list[tuple[Any, ...]]:
    """Suppressions in the order they were made, after the id `after`; of one address unless that is ""."""
    only, values = (" AND address = ?", (address,)) if address else ("", ())
    return tx.rows(
        f"SELECT {_COLUMNS} FROM suppressions WHERE workspace_id = ? AND id > ?{only} ORDER BY id LIMIT ?",  # noqa: S608 - constants
        (workspace_id, after, *values, limit),
    )


def suppression(tx: Transaction, workspace_id: str, address: str, channel: str) -> tuple[Any, ...]:
    """The one suppression of an address on a channel, which exists."""
    return tx.rows(
        f"SELECT {_COLUMNS} FROM suppressions WHERE workspace_id = ? AND address = ? AND channel = ?",  # noqa: S608 - constants
        (workspace_id, address, channel),
    )[0]
