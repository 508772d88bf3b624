"""
Ending messages before anything leaves: cancelled by someone, or expired by the clock.
"""

from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import EventKind
from sendyard.ledger.kept_counts import outdate_ids
from sendyard.storage.transaction import Transaction

_CHUNK = 5000
# A leased message is still ours to stop: posting asks again whether it is queued.
_STOPPABLE = "status IN ('queued', 'scheduled')"


def cancel_message(tx: Transaction, workspace_id: str, message_id: str, *, now: int) -> bool:
    """Cancel one message that was not handed over; False when it is too late or there is none."""
    rows = tx.rows(
        "UPDATE messages SET status = 'cancelled', due_at = NULL, lease_owner = NULL, lease_until = NULL,"
        f" settled_at = ? WHERE id = ? AND workspace_id = ? AND {_STOPPABLE} RETURNING id, workspace_id",
        (now, message_id, workspace_id),
    )
    _note(tx, rows, EventKind.CANCELLED, MessageStatus.CANCELLED, now)
    return bool(rows)


def cancel_campaign(tx: Transaction, workspace_id: str, campaign_id: str, *, now: int, limit: int = _CHUNK) -> int:
    """Cancel up to `limit` messages of a campaign that were not handed over; call again until it returns 0."""
    slice_ = tx.one_of(
        f"SELECT id FROM messages WHERE group_id = ? AND group_id <> '' AND workspace_id = ? AND {_STOPPABLE} LIMIT ?"
    )
    rows = tx.rows(
        "UPDATE messages SET status = 'cancelled', due_at = NULL, lease_owner = NULL, lease_until = NULL,"
        f" settled_at = ? WHERE id {slice_} AND {_STOPPABLE} RETURNING id, workspace_id",
        (now, campaign_id, workspace_id, limit),
    )
    _note(tx, rows, EventKind.CANCELLED, MessageStatus.CANCELLED, now)
    return len(rows)


def cancel_lane(
    tx: Transaction, campaign_id: str, account_id: str, priority: int, *, now: int, limit: int = _CHUNK
) -> int:
    """
    Like `cancel_campaign` for the messages that wait in one lane.

    It finds them by the index of what waits, so the last of a million costs no more than the first.
    """
    slice_ = tx.one_of(
        "SELECT id FROM messages WHERE account_id = ? AND priority = ? AND group_id = ? AND due_at IS NOT NULL LIMIT ?"
    )
    rows = tx.rows(
        "UPDATE messages SET status = 'cancelled', due_at = NULL, lease_owner = NULL, lease_until = NULL,"
        f" settled_at = ? WHERE id {slice_} AND {_STOPPABLE} RETURNING id, workspace_id",
        (now, account_id, priority, campaign_id, limit),
    )
    _note(tx, rows, EventKind.CANCELLED, MessageStatus.CANCELLED, now)
    return len(rows)


def find_expired(tx: Transaction, *, now: int, limit: int = _CHUNK) -> list[str]:
    """
    Ids of waiting messages whose time to live is over, for `expire`.

    Reads every waiting row, so it belongs on a reading connection.
    """
    return [
        id_
        for (id_,) in tx.rows(
            "SELECT id FROM messages WHERE due_at IS NOT NULL AND expires_at <= ? LIMIT ?", (now, limit)
        )
    ]


def expire(tx: Transaction, message_ids: list[str], *, now: int) -> int:
    """End those of `message_ids` that were not handed over and whose time to live is over."""
    condition, parameter = tx.among(message_ids)
    rows = tx.rows(
        "UPDATE messages SET status = 'expired', due_at = NULL, lease_owner = NULL, lease_until = NULL,"
        " settled_at = ?, error_kind = 'expired', error_code = 'expired',"
        " error_detail = 'its time to live was over before it could be handed over'"
        f" WHERE id {condition} AND expires_at <= ? AND {_STOPPABLE} RETURNING id, workspace_id",
        (now, parameter, now),
    )
    _note(tx, rows, EventKind.EXPIRED, MessageStatus.EXPIRED, now)
    return len(rows)


def _note(tx: Transaction, rows: list[tuple[str, ...]], kind: EventKind, status: MessageStatus, now: int) -> None:
    tx.run_many(
        "INSERT INTO events (workspace_id, message_id, kind, status, at) VALUES (?, ?, ?, ?, ?)",
        [(workspace_id, id_, kind.value, status.value, now) for id_, workspace_id in rows],
    )
    outdate_ids(tx, [id_ for id_, _ in rows], now=now)
