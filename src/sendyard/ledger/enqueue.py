"""
Messages enter the ledger here, and nowhere else.
"""

import json
from collections.abc import Sequence
from functools import lru_cache

from sendyard.domain.status import MessageStatus
from sendyard.ledger.content_codec import Letter, encode_letter
from sendyard.ledger.entries import EventKind, NewMessage
from sendyard.ledger.kept_counts import outdate
from sendyard.storage.transaction import Transaction

_COLUMNS = (
    "id, workspace_id, status, purpose, priority, channel, address_kind, address, country, sender, content, parts,"
    " encoding, group_id, row, batch_id, reference, metadata, route, failover, account_id, attempts, retries, due_at,"
    " send_at, expires_at, created_at, settled_at, error_kind, error_code, error_detail"
)
_INSERT = (
    f"INSERT INTO messages ({_COLUMNS}) VALUES ({', '.join('?' * (_COLUMNS.count(',') + 1))}) ON CONFLICT DO NOTHING"
)
_INSERT_EVENT = (
    "INSERT INTO events (workspace_id, message_id, kind, status, code, detail, at) SELECT ?, ?, ?, ?, ?, ?, ?"
    " WHERE EXISTS (SELECT 1 FROM messages WHERE id = ?)"  # not for the repeat that was passed over
)
_WAITING = frozenset({MessageStatus.QUEUED, MessageStatus.SCHEDULED})


def enqueue(tx: Transaction, messages: Sequence[NewMessage]) -> int:
    """
    Store messages and wake the dispatchers.

    Within one campaign a row is stored once; a repeat is passed over, so that an interrupted expansion can be run
    again. (That rows have different addresses is settled when the audience is.) Returns how many rows are new.
    """
    stored = tx.run_many(_INSERT, [_row(message) for message in messages])
    if stored:
        outdate(tx, [(message.id, message.campaign_id) for message in messages], now=messages[0].created_at)
    stopped = [
        (
            m.workspace_id,
            m.id,
            _stop_event(m.status),
            m.status,
            m.error.code if m.error else None,
            m.error.detail if m.error else None,
            m.created_at,
            m.id,
        )
        for m in messages
        if m.status not in _WAITING
    ]
    noted = [
        (m.workspace_id, m.id, note.kind, m.status, note.rule, note.detail, m.created_at, m.id)
        for m in messages
        for note in m.notes
        # What is changed in a campaign's text is changed in all of them, and its preflight keeps it.
        if note.kind is not None and not (m.campaign_id and note.kind is EventKind.CHANGED)
    ]
    if stopped or noted:
        tx.run_many(_INSERT_EVENT, [*noted, *stopped])
    if len(stopped) < len(messages):
        tx.wake()
    return stored


def _stop_event(status: MessageStatus) -> EventKind:
    return EventKind.SUPPRESSED if status is MessageStatus.SUPPRESSED else EventKind.REFUSED


@lru_cache(maxsize=1024)
def _route_json(route: tuple[str, ...]) -> str:
    return json.dumps(route)


def _row(m: NewMessage) -> tuple[object, ...]:
    waiting = m.status in _WAITING
    error = m.error
    return (
        m.id,
        m.workspace_id,
        m.status.value,
        m.purpose.value,
        m.purpose.priority,
        m.channel.value,
        m.to.kind.value,
        m.to.value,
        m.country,
        m.sender,
        encode_letter(Letter(m.content, m.fallback, m.variants, m.registration)),
        m.parts,
        m.encoding,
        m.campaign_id,
        m.row,
        m.batch_id,
        m.reference,
        m.metadata,
        _route_json(tuple(m.route)),
        m.failover,
        m.route[0] if m.route else "",
        0,
        0,
        (m.send_at or m.created_at) if waiting else None,
        m.send_at,
        m.expires_at,
        m.created_at,
        None if waiting else m.created_at,
        error.kind.value if error else None,
        error.code if error else None,
        error.detail if error else None,
    )
