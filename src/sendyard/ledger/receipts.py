"""
The second transaction of a round trip: what every attempt came to.

Statements move rows only forward, so a report that overtook its own receipt is never undone.
"""

import json
from collections.abc import Sequence
from typing import Any

from sendyard.domain.status import RANK, MessageStatus
from sendyard.ledger.entries import Closing, Outcome
from sendyard.ledger.kept_counts import outdate
from sendyard.ledger.reports import place_early
from sendyard.storage.transaction import Transaction

# Seldom used: the attempt is known already when a doubtful exchange was repeated. What it cost was an estimate then.
_FORWARD = """
ON CONFLICT (id) DO UPDATE SET
  status = CASE WHEN attempts.rank < excluded.rank THEN excluded.status ELSE attempts.status END,
  rank = CASE WHEN attempts.rank < excluded.rank THEN excluded.rank ELSE attempts.rank END,
  provider_ref = COALESCE(excluded.provider_ref, attempts.provider_ref),
  parts = COALESCE(excluded.parts, attempts.parts),
  cost_amount = CASE WHEN attempts.status = 'unknown' THEN excluded.cost_amount
                ELSE COALESCE(attempts.cost_amount, excluded.cost_amount) END,
  cost_currency = CASE WHEN attempts.status = 'unknown' THEN excluded.cost_currency
                  ELSE COALESCE(attempts.cost_currency, excluded.cost_currency) END,
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
    messages = [outcome.posting.message for closing in closings for outcome in closing.outcomes]
    outdate(tx, [(message.id, message.group_id) for message in messages], now=now)
    refs: dict[str, list[str]] = {}
    for closing in closings:
        refs.setdefault(closing.account_id, []).extend(o.provider_ref for o in closing.outcomes if o.provider_ref)
    for account_id, provider_refs in refs.items():
        place_early(tx, account_id, provider_refs, now=now)
    if waiting:
        tx.wake()


def _attempts(tx: Transaction, closings: Sequence[Closing], *, now: int) -> None:
    """
    Write attempts and events, alike ones with one statement however many round trips they come from.

    Only what differs between alike attempts goes row by row; a statement that ran once for each would hand the
    interpreter's lock to and fro as often.
    """
    alike: dict[tuple[Any, ...], list[tuple[str, str | None, str]]] = {}
    for closing in closings:
        for outcome in closing.outcomes:
            row = (outcome.posting.message.id, outcome.provider_ref, closing.exchange_id)
            alike.setdefault(_likeness(closing, outcome), []).append(row)
    for likeness, rows in alike.items():
        (number, workspace_id, account_id, status, message_status, event, parts, cost, currency, submitted_at,
         poll_at, kind, code, detail) = likeness  # fmt: skip
        given, parameter = tx.each(rows, "TEXT", "TEXT", "TEXT")
        # SQLite takes an ON CONFLICT after a SELECT for part of the SELECT unless that has a WHERE.
        tx.run(
            "INSERT INTO attempts (id, message_id, provider_ref, exchange_id, workspace_id, account_id, status, rank,"
            " parts, cost_amount, cost_currency, error_kind, error_code, error_detail, submitted_at, settled_at,"
            f" poll_at, polls) SELECT {_ATTEMPT_ID}, c0, c1, c2, ?, ?, ?, CAST(? AS SMALLINT), CAST(? AS SMALLINT),"
            " CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT),"
            f" CAST(? AS BIGINT), CAST(? AS BIGINT), 0 FROM {given} WHERE true {_FORWARD}",
            (str(number), workspace_id, account_id, status.value, RANK[status], parts, cost, currency, kind, code,
             detail, submitted_at, now, poll_at, parameter),
        )  # fmt: skip
        tx.run(
            "INSERT INTO events (message_id, attempt_id, workspace_id, account_id, kind, status, code, detail, at)"
            f" SELECT c0, {_ATTEMPT_ID}, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT)"
            f" FROM {given}",
            (str(number), workspace_id, account_id, event.value, message_status.value, code, detail, now, parameter),
        )


# As domain.ids.attempt_id makes it.
_ATTEMPT_ID = "replace(c0, '-', '') || '-' || CAST(? AS TEXT)"


def _likeness(closing: Closing, outcome: Outcome) -> tuple[Any, ...]:
    posting = outcome.posting
    return (
        posting.number,
        posting.message.workspace_id,
        closing.account_id,
        outcome.attempt_status,
        outcome.message_status,
        outcome.event,
        outcome.parts,
        outcome.cost_amount,
        outcome.cost_currency,
        posting.submitted_at,
        outcome.poll_at,
        *_error(outcome),
    )


def _error(outcome: Outcome) -> tuple[str | None, str | None, str | None]:
    error = outcome.error
    return (error.kind.value, error.code, error.detail) if error else (None, None, None)
