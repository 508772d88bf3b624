"""
The second transaction of a round trip: what every attempt came to.

Statements move rows only forward, so a report that overtook its own receipt is never undone.
"""

import json
from collections.abc import Sequence

from sendyard.domain.status import RANK, MessageStatus
from sendyard.ledger.entries import Closing, Outcome
from sendyard.ledger.reports import match_again
from sendyard.storage.transaction import Transaction

_ATTEMPT = """
INSERT INTO attempts (id, workspace_id, message_id, account_id, exchange_id, status, rank, provider_ref, sender,
  recipient, parts, cost_amount, cost_currency, error_kind, error_code, error_detail, submitted_at, settled_at, poll_at,
  polls)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
ON CONFLICT (id) DO UPDATE SET
  status = CASE WHEN attempts.rank < excluded.rank THEN excluded.status ELSE attempts.status END,
  rank = CASE WHEN attempts.rank < excluded.rank THEN excluded.rank ELSE attempts.rank END,
  provider_ref = COALESCE(excluded.provider_ref, attempts.provider_ref),
  parts = COALESCE(excluded.parts, attempts.parts),
  cost_amount = COALESCE(attempts.cost_amount, excluded.cost_amount),
  cost_currency = COALESCE(attempts.cost_currency, excluded.cost_currency),
  error_kind = CASE WHEN attempts.rank < excluded.rank THEN excluded.error_kind ELSE attempts.error_kind END,
  error_code = CASE WHEN attempts.rank < excluded.rank THEN excluded.error_code ELSE attempts.error_code END,
  error_detail = CASE WHEN attempts.rank < excluded.rank THEN excluded.error_detail ELSE attempts.error_detail END,
  settled_at = excluded.settled_at,
  poll_at = CASE WHEN attempts.rank < excluded.rank THEN excluded.poll_at ELSE attempts.poll_at END
"""
# Only the newest attempt speaks for its message: an older one may answer after a fail-over.
_MINE = "attempts = ? AND status IN ('sending', 'unknown')"
_SENT = (
    "UPDATE messages SET status = 'sent', sent_at = ?, error_kind = NULL, error_code = NULL, error_detail = NULL"
    " WHERE id {among} AND " + _MINE
)
_WAIT = (
    "UPDATE messages SET status = 'queued', due_at = ?, account_id = ?, route = ?, retries = ?, error_kind = ?,"
    " error_code = ?, error_detail = ? WHERE id = ? AND " + _MINE
)
_STOP = (
    "UPDATE messages SET status = ?, settled_at = ?, error_kind = ?, error_code = ?, error_detail = ?"
    " WHERE id = ? AND " + _MINE
)
_EVENT = (
    "INSERT INTO events (workspace_id, message_id, attempt_id, account_id, kind, status, code, detail, at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_EXCHANGE = (
    "UPDATE exchanges SET status = ?, next_try_at = ?, closed_at = ?, http_status = ?, request = ?, response = ?"
    " WHERE id = ?"
)


def close(tx: Transaction, closings: Sequence[Closing], *, now: int) -> None:
    """Record the outcomes of any number of round trips."""
    attempts, events, waiting, stopped = [], [], [], []
    sent: dict[int, list[str]] = {}
    for closing in closings:
        for outcome in closing.outcomes:
            error = _error(outcome)
            attempts.append(_attempt_row(closing, outcome, error, now))
            events.append(_event_row(closing, outcome, error, now))
            posting, status = outcome.posting, outcome.message_status
            if status is MessageStatus.SENT:
                sent.setdefault(posting.number, []).append(posting.message.id)
            elif status is MessageStatus.QUEUED:
                waiting.append((outcome.due_at, outcome.route[0], json.dumps(list(outcome.route)), outcome.retries,
                                *error, posting.message.id, posting.number))  # fmt: skip
            else:
                settled_at = now if status.is_final else None
                stopped.append((status.value, settled_at, *error, posting.message.id, posting.number))
    tx.run_many(_ATTEMPT, attempts)
    for number, ids in sent.items():
        condition, parameter = tx.among(ids)
        tx.run(_SENT.format(among=condition), (now, parameter, number))
    tx.run_many(_WAIT, waiting)
    tx.run_many(_STOP, stopped)
    tx.run_many(_EVENT, events)
    tx.run_many(
        _EXCHANGE,
        [(c.status, c.next_try_at, now, c.http_status, c.request, c.response, c.exchange_id) for c in closings],
    )
    for account_id in {closing.account_id for closing in closings}:
        match_again(tx, account_id, now=now)
    if waiting:
        tx.wake()


def _error(outcome: Outcome) -> tuple[str | None, str | None, str | None]:
    error = outcome.error
    return (error.kind.value, error.code, error.detail) if error else (None, None, None)


def _attempt_row(
    closing: Closing, outcome: Outcome, error: tuple[str | None, str | None, str | None], now: int
) -> tuple[object, ...]:
    posting = outcome.posting
    message = posting.message
    status = outcome.attempt_status
    return (
        posting.attempt_id,
        message.workspace_id,
        message.id,
        closing.account_id,
        closing.exchange_id,
        status.value,
        RANK[status],
        outcome.provider_ref,
        posting.sender,
        message.to.value,
        outcome.parts,
        outcome.cost_amount,
        outcome.cost_currency,
        *error,
        posting.submitted_at,
        now,
        outcome.poll_at,
    )


def _event_row(
    closing: Closing, outcome: Outcome, error: tuple[str | None, str | None, str | None], now: int
) -> tuple[object, ...]:
    _, code, detail = error
    message = outcome.posting.message
    return (
        message.workspace_id,
        message.id,
        outcome.posting.attempt_id,
        closing.account_id,
        outcome.event.value,
        outcome.message_status.value,
        code,
        detail,
        now,
    )
