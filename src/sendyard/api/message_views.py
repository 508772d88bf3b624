"""
Ledger rows as callers see them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from sendyard.api.message_bodies import (
    ChoiceUse,
    Cost,
    Exchange,
    Label,
    MessageAnswer,
    MessageError,
    MessageFile,
    RuleNote,
    TimelineEntry,
)
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, Interactive, files_of
from sendyard.domain.countries.rules import Level
from sendyard.domain.status import MessageStatus
from sendyard.ledger.content_codec import decode_letter
from sendyard.ledger.entries import EventKind, NewMessage

_LEVELS = {EventKind.DEFERRED.value: Level.DEFER.value, EventKind.CHANGED.value: Level.FIX.value}
_metadata = msgspec.json.Decoder(dict[str, Label])


def moment(milliseconds: int) -> datetime:
    """A stored time as callers get it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def moment_or_none(milliseconds: int | None) -> datetime | None:
    """Like `moment`, for times that may be missing."""
    return None if milliseconds is None else moment(milliseconds)


def milliseconds_of(time: datetime) -> int:
    """A caller's time as it is stored."""
    return int(time.timestamp() * 1000)


def new_message(message: NewMessage, directory: Directory) -> MessageAnswer:
    """A message that was accepted a moment ago."""
    account_id = message.route[0] if message.route else ""
    entry = directory.account(account_id)
    error = message.error
    return MessageAnswer(
        id=message.id,
        status=message.status,
        channel=message.channel,
        to=message.to.value,
        sender=message.sender or (entry.sender if entry else ""),
        purpose=message.purpose,
        account=account_id,
        provider=entry.provider if entry else "",
        provider_ref=None,
        parts=message.parts,
        encoding=message.encoding,
        cost=None,
        costs=[],
        error=MessageError(error.kind.value, error.code, error.detail, "") if error else None,
        reference=message.reference,
        metadata=_labels(message.metadata),
        campaign=message.campaign_id or None,
        batch=message.batch_id,
        country=message.country,
        text=None if message.purpose is Purpose.OTP else message.content.body,
        created_at=moment(message.created_at),
        send_at=moment_or_none(message.send_at),
        expires_at=moment(message.expires_at),
        sent_at=None,
        delivered_at=None,
        media=files_shown(message.content),
        choices=choices_shown(message.content),
        rules=[RuleNote(note.rule, note.level, note.detail) for note in message.notes if note.kind is not None],
    )


def stored_message(found: Mapping[str, Any], directory: Directory, *, with_text: bool) -> MessageAnswer:
    """A message as `ledger.queries.message` gives it."""
    entry = directory.account(found["account_id"])
    costs = [Cost(cost["amount"], cost["currency"]) for cost in found["costs"]]
    purpose = Purpose(found["purpose"])
    # A one-time code must not be readable by whoever may list messages.
    shows_text = with_text and purpose is not Purpose.OTP
    content = decode_letter(found["content"]).content if shows_text else None
    return MessageAnswer(
        id=found["id"],
        status=MessageStatus(found["status"]),
        channel=Channel(found["channel"]),
        to=found["address"],
        sender=found["sender"] or (entry.sender if entry else ""),
        purpose=purpose,
        account=found["account_id"],
        provider=entry.provider if entry else "",
        provider_ref=found["provider_ref"],
        parts=found["parts"],
        encoding=found["encoding"],
        cost=costs[0] if len(costs) == 1 else None,
        costs=costs,
        error=_error(found, entry),
        reference=found["reference"],
        metadata=_labels(found["metadata"]),
        campaign=found["group_id"] or None,
        batch=found["batch_id"],
        country=found["country"],
        text=content.body if content is not None else None,
        created_at=moment(found["created_at"]),
        send_at=moment_or_none(found["send_at"]),
        expires_at=moment(found["expires_at"]),
        sent_at=moment_or_none(found["sent_at"]),
        delivered_at=moment_or_none(found["delivered_at"]),
        media=files_shown(content) if content is not None else [],
        choices=choices_shown(content) if content is not None else [],
        rules=[RuleNote(rule, _LEVELS[kind], detail) for kind, rule, detail in found.get("rules", ())],
    )


def files_shown(content: Content) -> list[MessageFile]:
    """The files of a message as callers get them."""
    return [
        MessageFile(item.content_type, item.medium_id, "" if item.medium_id else item.url, item.filename)
        for item in files_of(content)
    ]


def choices_shown(content: Content) -> list[ChoiceUse]:
    """What can be pressed, as callers get it."""
    if not isinstance(content, Interactive):
        return []
    return [ChoiceUse(choice.title, choice.id, choice.description) for choice in content.choices]


def timeline_entry(entry: Mapping[str, Any], directory: Directory) -> TimelineEntry:
    """One entry of `ledger.queries.timeline`."""
    account_id = entry.get("account_id")
    account = directory.account(account_id) if account_id else None
    purpose, channel = entry.get("purpose"), entry.get("channel")
    return TimelineEntry(
        at=moment(entry["at"]),
        kind=entry["kind"],
        detail=entry.get("detail"),
        status=entry.get("status"),
        code=entry.get("code"),
        account=account_id,
        provider=account.provider if account else None,
        attempt=entry.get("attempt_id"),
        provider_ref=entry.get("provider_ref"),
        parts=entry.get("parts"),
        cost=Cost(entry["cost_amount"], entry["cost_currency"]) if entry.get("cost_amount") else None,
        error=_error(entry, account),
        exchange=_exchange(entry) if entry.get("exchange_id") else None,
        purpose=Purpose(purpose) if purpose else None,
        channel=Channel(channel) if channel else None,
        send_at=moment_or_none(entry.get("send_at")),
        route=entry.get("route"),
        settled_at=moment_or_none(entry.get("settled_at")),
    )


def _exchange(entry: Mapping[str, Any]) -> Exchange:
    return Exchange(
        id=entry["exchange_id"],
        tries=entry["tries"],
        opened_at=moment(entry["opened_at"]),
        closed_at=moment_or_none(entry["closed_at"]),
        http_status=entry["http_status"],
        request=entry["request"],
        response=entry["response"],
    )


def _error(found: Mapping[str, Any], entry: AccountEntry | None) -> MessageError | None:
    kind = found.get("error_kind")
    if not kind:
        return None
    code = found["error_code"] or ""
    known = entry.adapter.spec.codes.get(code) if entry else None
    return MessageError(kind, code, found["error_detail"] or "", known.advice if known else "")


def _labels(stored: str) -> dict[str, Label]:
    return {} if stored == "{}" else _metadata.decode(stored)
