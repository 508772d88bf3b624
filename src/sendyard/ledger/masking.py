"""
Texts that must not be kept: what a message said is taken out of its row once nobody can need it.
"""

from collections.abc import Iterable

from sendyard.storage.transaction import Transaction

MASKED = '"•••"'
"""The content of such a row; to readers it is a plain text of three dots."""


def mask_texts(tx: Transaction, batches: Iterable[tuple[str, str, int, str]]) -> int:
    """
    Mask the messages of batches that have left or are over; returns how many that were.

    Args:
        tx: the transaction at hand.
        batches: (workspace, address, time before which none was made, batch id) of each; the index of recipients
            leads there.
    """
    return tx.run_many(
        "UPDATE messages SET content = ? WHERE workspace_id = ? AND address = ? AND created_at >= ? AND batch_id = ?"
        " AND status NOT IN ('queued', 'scheduled', 'sending') AND content <> ?",
        [(MASKED, *batch, MASKED) for batch in batches],
    )
