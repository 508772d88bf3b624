"""
AiSensy's webhooks as events (sheet, section 6): signed over the raw body, one thing told in each.

A body in Meta's own form (`entry[].changes[]`) is read as well: one integration gets AiSensy's webhooks like that.
"""

import hmac
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.aisensy.codes import META, NO_REASON, SENTENCES
from sendyard.providers.aisensy.spec import AiSensyAccount
from sendyard.providers.contract import (
    CallbackEvent,
    CallbackRejected,
    CallbackResult,
    DeliveryEvent,
    Inbound,
    MessageKey,
    ProtocolError,
)
from sendyard.providers.meta_codes import meta_error
from sendyard.providers.wire import CallbackRequest, HttpResponse

SIGNATURE_HEADER = "x-aisensy-signature"

_NOTED = HttpResponse(200)
_STATUSES: Mapping[str, ReportStatus] = {
    "SENT": ReportStatus.SENT,
    "DELIVERED": ReportStatus.DELIVERED,
    "READ": ReportStatus.READ,
    "PLAYED": ReportStatus.READ,
    "FAILED": ReportStatus.FAILED,
}
_TIMES = {"SENT": "sent_at", "DELIVERED": "delivered_at", "READ": "read_at"}
_EPOCH_MS = 100_000_000_000  # a greater number counts milliseconds

# Media objects have an address only sometimes; a person's file without one is known by its id at AiSensy.
_FILE_TYPES = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/ogg", "sticker": "image/webp"}


class _Failure(msgspec.Struct, frozen=True):
    code: str | int | None = None
    reason: str | None = None


class _Message(msgspec.Struct, frozen=True):
    id: str = ""
    message_id: str | None = msgspec.field(default=None, name="messageId")
    submitted_message_id: str | None = None
    phone_number: str | int | None = None
    sender: str | None = None
    message_type: str | None = None
    message_content: dict[str, Any] | str | None = None
    status: str | None = None
    failure: _Failure | None = msgspec.field(default=None, name="failureResponse")
    sent_at: str | int | float | None = None
    delivered_at: str | int | float | None = None
    read_at: str | int | float | None = None


class _Data(msgspec.Struct, frozen=True):
    message: _Message | None = None


class _MetaError(msgspec.Struct, frozen=True):
    code: str | int | None = None
    title: str | None = None


class _MetaStatus(msgspec.Struct, frozen=True):
    id: str
    status: str
    recipient_id: str | None = None
    timestamp: str | int | None = None
    errors: tuple[_MetaError, ...] = ()


class _MetaValue(msgspec.Struct, frozen=True):
    statuses: tuple[_MetaStatus, ...] = ()
    messages: tuple[dict[str, Any], ...] = ()


class _MetaChange(msgspec.Struct, frozen=True):
    value: _MetaValue


class _MetaEntry(msgspec.Struct, frozen=True):
    changes: tuple[_MetaChange, ...] = ()


class _Envelope(msgspec.Struct, frozen=True):
    id: str = ""
    topic: str = ""
    project_id: str = ""
    data: _Data | None = None
    entry: tuple[_MetaEntry, ...] | None = None
    contact: dict[str, Any] | None = None


_envelope = msgspec.json.Decoder(_Envelope)


def read_callback(account: AiSensyAccount, request: CallbackRequest) -> CallbackResult:
    """Authenticate, then translate. Raises CallbackRejected or ProtocolError."""
    _authenticate(account, request)
    try:
        envelope = _envelope.decode(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected an envelope of AiSensy as JSON, found: {problem}") from None
    if envelope.entry is not None:
        return CallbackResult(tuple(_meta_events(envelope.entry)), _NOTED)
    if not envelope.topic and envelope.contact is None:
        raise ProtocolError("expected topic and data (or Meta's entry) in AiSensy's webhook, found neither")
    message = envelope.data.message if envelope.data else None
    if message is None:
        if envelope.topic.startswith("message."):
            raise ProtocolError(f"expected data.message with the topic {envelope.topic[:40]!r}, found none")
        return CallbackResult((), _NOTED)
    return CallbackResult(tuple(_events(account, envelope, message)), _NOTED)


def _authenticate(account: AiSensyAccount, request: CallbackRequest) -> None:
    secret = account.webhook_secret.get_secret_value() if account.webhook_secret else ""
    if not secret:
        # Some accounts are reported to sign nothing; the unguessable address was checked before.
        return
    given = request.headers.get(SIGNATURE_HEADER, "").strip().removeprefix("sha256=")
    if not given:
        raise CallbackRejected("the header X-AiSensy-Signature is missing")
    expected = hmac.digest(secret.encode(), request.body, "sha256").hex()
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise CallbackRejected(
            "X-AiSensy-Signature does not fit the webhook shared secret; copy it again (AiSensy, Manage, Webhooks)"
        )


def _events(account: AiSensyAccount, envelope: _Envelope, message: _Message) -> Iterator[CallbackEvent]:
    if envelope.topic == "message.status.updated":
        yield _report(account, envelope, message)
    elif envelope.topic == "message.sender.user" or (
        envelope.topic == "message.created" and (message.sender or "").upper() == "USER"
    ):
        yield _inbound(envelope, message)


def _report(account: AiSensyAccount, envelope: _Envelope, message: _Message) -> DeliveryEvent:
    word = message.status or ""
    status = _STATUSES.get(word.upper(), ReportStatus.UNMAPPED)
    names = [message.message_id, message.id]
    # The Campaign API answers with an id of its own, and sends nothing but templates.
    by_campaign = account.send_via == "campaign" and (message.message_type or "").upper() in {"", "TEMPLATE"}
    names.insert(0 if by_campaign else len(names), message.submitted_message_id)
    reference = next(filter(None, names), "")
    if not reference:
        raise ProtocolError("expected submitted_message_id, messageId or id in a status of AiSensy, found none")
    when = getattr(message, _TIMES.get(word.upper(), "sent_at"))
    return DeliveryEvent(
        key=MessageKey(provider_ref=reference, recipient=_e164(message.phone_number)),
        status=status,
        raw_status=word,
        dedupe_key=envelope.id or f"{reference}:{word}",
        channel=Channel.WHATSAPP,
        error=_failure(message.failure) if status is ReportStatus.FAILED else None,
        occurred_at=_moment(when),
    )


def _failure(failure: _Failure | None) -> ProviderError:
    code = "" if failure is None or failure.code is None else str(failure.code)[:20]
    reason = ((failure.reason if failure else None) or "")[:300]
    if not code:
        return ProviderError(ErrorKind.UNDELIVERABLE, NO_REASON, reason or SENTENCES[NO_REASON].wording)
    return meta_error(META, code, reason)


def _inbound(envelope: _Envelope, message: _Message) -> Inbound:
    given = message.message_content
    content: Mapping[str, Any] = {"body": given} if isinstance(given, str) else given or {}
    reference = message.message_id or message.id
    if not reference:
        raise ProtocolError("expected messageId or id in an inbound message of AiSensy, found neither")
    said, choice = _said((message.message_type or "").lower(), content)
    return Inbound(
        sender=_e164(message.phone_number),
        recipient=envelope.project_id,
        channel=Channel.WHATSAPP,
        content=said,
        provider_ref=reference,
        # The same message may come under two topics.
        dedupe_key=f"in:{reference}",
        occurred_at=_moment(message.sent_at),
        choice=choice,
    )


def _said(kind: str, content: Mapping[str, Any]) -> tuple[Content, str]:
    """What a person sent, and the id of what they pressed."""
    interactive = _part(content, "interactive")
    for pressed in (_part(interactive, "button_reply"), _part(interactive, "list_reply")):
        if pressed:
            return Text(_text(pressed, "title")), _text(pressed, "id")
    if button := _part(content, "button"):
        return Text(_text(button, "text")), _text(button, "payload")
    inner = _part(content, kind) or content
    body = _text(_part(content, "text"), "body") or _text(inner, "body", "caption", "text")
    url, handle = _text(inner, "link", "url"), _text(inner, "id")
    if kind in {*_FILE_TYPES, "document"} and (url or handle):
        content_type = _text(inner, "mime_type") or _FILE_TYPES.get(kind, "application/octet-stream")
        item = MediaItem(content_type, url=url, handle="" if url else handle, filename=_text(inner, "filename"))
        return Media((item,), body), ""
    if kind == "location":
        place = [_text(inner, "name"), _text(inner, "address"), _text(inner, "latitude"), _text(inner, "longitude")]
        return Text(", ".join(filter(None, place))), ""
    return Text(body), ""


def _part(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = content.get(name)
    return part if isinstance(part, dict) else {}


def _text(content: Mapping[str, Any], *names: str) -> str:
    """The first of these that is there; numbers as text."""
    found = (content.get(name) for name in names)
    return next((str(value) for value in found if isinstance(value, str | int | float) and value != ""), "")


def _meta_events(entries: tuple[_MetaEntry, ...]) -> Iterator[CallbackEvent]:
    for value in (change.value for entry in entries for change in entry.changes):
        for status in value.statuses:
            known = _STATUSES.get(status.status.upper(), ReportStatus.UNMAPPED)
            first = status.errors[0] if status.errors else _MetaError()
            yield DeliveryEvent(
                key=MessageKey(provider_ref=status.id, recipient=_e164(status.recipient_id)),
                status=known,
                raw_status=status.status,
                dedupe_key=f"{status.id}:{status.status}",
                channel=Channel.WHATSAPP,
                error=_failure(_Failure(first.code, first.title)) if known is ReportStatus.FAILED else None,
                occurred_at=_moment(status.timestamp),
            )
        for message in value.messages:
            said, choice = _said(_text(message, "type").lower(), message)
            reference = _text(message, "id")
            if not reference:
                raise ProtocolError("expected the id of an inbound message in Meta's form, found none")
            yield Inbound(
                sender=_e164(_text(message, "from")),
                recipient="",
                channel=Channel.WHATSAPP,
                content=said,
                provider_ref=reference,
                dedupe_key=f"in:{reference}",
                occurred_at=_moment(_text(message, "timestamp")),
                choice=choice,
            )


def _e164(number: str | int | None) -> str:
    digits = "" if number is None else str(number).strip().lstrip("+")
    return f"+{digits}" if digits.isascii() and digits.isdecimal() and len(digits) <= 15 else digits


def _moment(value: str | float | None) -> datetime | None:
    """Epoch seconds or milliseconds, as number or text, or ISO 8601; None for anything else."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str) and not value.isdecimal():
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        number = float(value)
        return datetime.fromtimestamp(number / 1000 if number > _EPOCH_MS else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None
