"""
The second transaction of a round trip: what every attempt came to.

Statements move rows only forward, so a report that overtook its own receipt is never undone.
"""

import json
from collections.abc import Sequence

from sendyard.domain.status import RANK, AttemptStatus, MessageStatus
from sendyard.ledger.entries import Closing, EventKind, Outcome
from sendyard.ledger.reports import match_again
from sendyard.storage.transaction import Transaction

_COLUMNS = (
    "id, message_id, provider_ref, parts, cost_amount, cost_currency, submitted_at, poll_at, error_kind, error_code,"
    " error_detail, exchange_id, status, rank, workspace_id, account_id, settled_at, polls"
)
# Seldom used: the attempt is known already when a doubtful exchange was repeated.
_FORWARD = """
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
  poll_at = CASE WHEN attempts.rank <= excluded.rank THEN excluded.poll_at ELSE attempts.poll_at END
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
_EXCHANGE = (
    "UPDATE exchanges SET status = ?, next_try_at = ?, closed_at = ?, http_status = ?, request = ?, response = ?"
    " WHERE id = ?"
)


def close(tx: Transaction, closings: Sequence[Closing], *, now: int) -> None:
    """Record the outcomes of any number of round trips."""
    waiting, stopped = [], []
    sent: dict[int, list[str]] = {}
    _attempts(tx, closings, now=now)
    for closing in closings:
        for outcome in closing.outcomes:
            posting, status = outcome.posting, outcome.message_status
            if status is MessageStatus.SENT:
                sent.setdefault(posting.number, []).append(posting.message.id)
                continue
            mine = (*_error(outcome), posting.message.id, posting.number)
            if status is MessageStatus.QUEUED:
                route = json.dumps(list(outcome.route))
                waiting.append((outcome.due_at, outcome.route[0], route, outcome.retries, *mine))
            else:
                stopped.append((status.value, now if status.is_final else None, *mine))
    for number, ids in sent.items():
        condition, parameter = tx.among(ids)
        tx.run(_SENT.format(among=condition), (now, parameter, number))
    tx.run_many(_WAIT, waiting)
    tx.run_many(_STOP, stopped)
    tx.run_many(
        _EXCHANGE,
        [(c.status, c.next_try_at, now, c.http_status, c.request, c.response, c.exchange_id) for c in closings],
    )
    for account_id in {closing.account_id for closing in closings}:
        match_again(tx, account_id, now=now)
    if waiting:
        tx.wake()


def _attempts(tx: Transaction, closings: Sequence[Closing], *, now: int) -> None:
    """Write attempts and events, alike ones with one statement however many round trips they come from."""
    alike: dict[tuple[str, str, AttemptStatus, MessageStatus, EventKind], list[tuple[object, ...]]] = {}
    for closing in closings:
        for outcome in closing.outcomes:
            workspace_id = outcome.posting.message.workspace_id
            kind = (outcome.attempt_status, outcome.message_status, outcome.event)
            alike.setdefault((workspace_id, closing.account_id, *kind), []).append(_row(closing, outcome))
    for (workspace_id, account_id, attempt_status, message_status, event), rows in alike.items():
        given, parameter = tx.each(
            rows,
            "TEXT", "TEXT", "TEXT", "INTEGER", "TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT",
        )  # fmt: skip
        # SQLite takes an ON CONFLICT after a SELECT for part of the SELECT unless that has a WHERE.
        tx.run(
            f"INSERT INTO attempts ({_COLUMNS}) SELECT c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, ?, ?, ?, ?,"
            f" CAST(? AS BIGINT), 0 FROM {given} WHERE true {_FORWARD}",
            (attempt_status.value, RANK[attempt_status], workspace_id, account_id, now, parameter),
        )
        tx.run(
            "INSERT INTO events (message_id, attempt_id, code, detail, workspace_id, account_id, kind, status, at)"
            f" SELECT c1, c0, c9, c10, ?, ?, ?, ?, CAST(? AS BIGINT) FROM {given}",
            (workspace_id, account_id, event.value, message_status.value, now, parameter),
        )


def _row(closing: Closing, outcome: Outcome) -> tuple[object, ...]:
    posting = outcome.posting
    return (
        posting.attempt_id,
        posting.message.id,
        outcome.provider_ref,
        outcome.parts,
        outcome.cost_amount,
        outcome.cost_currency,
        posting.submitted_at,
        outcome.poll_at,
        *_error(outcome),
        closing.exchange_id,
    )


def _error(outcome: Outcome) -> tuple[str | None, str | None, str | None]:
    error = outcome.error
    return (error.kind.value, error.code, error.detail) if error else (None, None, None)
