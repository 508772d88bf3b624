"""
Keeping claimed messages from leaving: until a moment, or for good. No attempt is counted.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import EventKind
from sendyard.ledger.kept_counts import outdate_ids
from sendyard.storage.transaction import Transaction

_OURS = "status IN ('queued', 'scheduled') AND (due_at IS NOT NULL OR lease_owner = ?)"
# Advertising has its time to live from the moment at which it may go; anything else keeps its end.
_DEFER = f"""
UPDATE messages SET status = 'scheduled', due_at = ?, send_at = ?, lease_owner = NULL, lease_until = NULL,
  expires_at = CASE WHEN purpose = 'promotional' THEN ? + (expires_at - COALESCE(send_at, created_at))
                    ELSE expires_at END
WHERE id = ? AND {_OURS}
"""
_STOP = f"""
UPDATE messages SET status = ?, due_at = NULL, settled_at = ?, lease_owner = NULL, lease_until = NULL,
  error_kind = ?, error_code = ?, error_detail = ?
WHERE id = ? AND {_OURS}
"""
_EVENT = (
    "INSERT INTO events (workspace_id, message_id, kind, status, code, detail, at) SELECT workspace_id, id, ?, status,"
    " ?, ?, ? FROM messages WHERE id = ? AND status = ? AND"
)


class Deferral(NamedTuple):
    """One message that has to wait, the moment it may go (milliseconds since 1970), and what says so."""

    message_id: str
    until: int
    code: str
    detail: str


class Stopping(NamedTuple):
    """One message that must not go at all."""

    message_id: str
    status: MessageStatus  # suppressed or failed
    kind: ErrorKind
    code: str
    detail: str


def defer(tx: Transaction, deferrals: Sequence[Deferral], *, owner: str, now: int) -> int:
    """Let messages wait, each with one event; returns how many were still to be had."""
    found = tx.run_many(_DEFER, [(until, until, until, id_, owner) for id_, until, _, _ in deferrals])
    tx.run_many(
        f"{_EVENT} due_at = ?",
        [
            (EventKind.DEFERRED.value, code, detail, now, id_, MessageStatus.SCHEDULED.value, until)
            for id_, until, code, detail in deferrals
        ],
    )
    outdate_ids(tx, [one.message_id for one in deferrals], now=now)
    return found


def stop(tx: Transaction, stoppings: Sequence[Stopping], *, owner: str, now: int) -> int:
    """End messages that were not handed over, each with one event; returns how many were still to be had."""
    found = tx.run_many(
        _STOP,
        [(one.status.value, now, one.kind.value, one.code, one.detail, one.message_id, owner) for one in stoppings],
    )
    tx.run_many(
        f"{_EVENT} settled_at = ? AND error_code = ?",
        [
            (_kind(one.status), one.code, one.detail, now, one.message_id, one.status.value, now, one.code)
            for one in stoppings
        ],
    )
    outdate_ids(tx, [one.message_id for one in stoppings], now=now)
    return found


def _kind(status: MessageStatus) -> str:
    kind = EventKind.SUPPRESSED if status is MessageStatus.SUPPRESSED else EventKind.REFUSED
    return kind.value
