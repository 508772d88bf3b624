"""
What Interakt tells by webhook: reports of API sends, and what people write. It wants 200 within three seconds.

Source: https://www.interakt.shop/resource-center/interakts-webhooks and the page of template statuses beside it;
names inside `data.message` from public integrations. Some relays send an array of events.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.domain.errors import ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import (
    AccountNotice,
    CallbackEvent,
    CallbackResult,
    DeliveryEvent,
    Inbound,
    MessageKey,
    ProtocolError,
)
from sendyard.providers.interakt.codes import NO_REASON, STATUS_OF, name_of
from sendyard.providers.interakt.spec import SPEC
from sendyard.providers.meta_codes import meta_error
from sendyard.providers.wire import CallbackRequest, HttpResponse


class _Customer(msgspec.Struct):
    channel_phone_number: str | None = None
    country_code: str | None = None
    phone_number: str | None = None
    traits: Any = None


class _SourceData(msgspec.Struct):
    callback_data: str | None = None


class _Cost(msgspec.Struct):
    actual_message_cost: str | int | float | None = None


class _MetaData(msgspec.Struct):
    source_data: _SourceData | None = None
    message_cost: _Cost | None = None


class _Message(msgspec.Struct):
    id: str | None = None
    chat_message_type: str | None = None
    message_status: str | None = None
    received_at_utc: str | None = None
    delivered_at_utc: str | None = None
    seen_at_utc: str | None = None
    channel_failure_reason: str | None = None
    message_status_reason: str | None = None
    channel_error_code: str | int | None = None
    message_content_type: str | None = None
    message: Any = None
    media_url: str | None = None
    meta_data: _MetaData | None = None


class _Data(msgspec.Struct):
    customer: _Customer | None = None
    message: _Message | None = None


class Event(msgspec.Struct):
    """One webhook, whichever it is; `type` is missing from those about onboarding."""

    type: str = ""
    timestamp: str | None = None
    data: _Data | None = None


_events: msgspec.json.Decoder[list[Event] | Event] = msgspec.json.Decoder(list[Event] | Event)
_replies = msgspec.json.Decoder(dict[str, Any])

_OURS = "message_api_"
_CAMPAIGN = "message_campaign_"
_RECEIVED = "message_received"
_FILES: Mapping[str, str] = MappingProxyType(
    {
        "image": "image/jpeg",
        "sticker": "image/webp",
        "video": "video/mp4",
        "audio": "audio/ogg",
        "document": "application/octet-stream",
    }
)
_NOTED = HttpResponse(200)


def read_callback(request: CallbackRequest, currency: str) -> CallbackResult:
    """Translate what is authentic already. Raises ProtocolError."""
    try:
        given = _events.decode(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected one of Interakt's events as JSON, found: {problem}") from None
    found: list[CallbackEvent] = []
    for event in given if isinstance(given, list) else (given,):
        found += _translated(event, request.body, currency)
    return CallbackResult(found, _NOTED)


def _translated(event: Event, body: bytes, currency: str) -> list[CallbackEvent]:
    data = event.data or _Data()
    customer, message = data.customer or _Customer(), data.message
    if event.type == _RECEIVED:
        # Ours come back under the same type; only a customer's is inbound.
        is_inbound = message is not None and message.chat_message_type == "CustomerMessage"
        return [_inbound(customer, message)] if message and is_inbound else []
    if event.type.startswith((_OURS, _CAMPAIGN)):
        if message is None or not message.id:
            raise ProtocolError(f"expected data.message.id in {event.type[:60]}, found none")
        # Campaigns of the dashboard are not ours, unless they carry what we gave along.
        is_ours = event.type.startswith(_OURS) or bool(_callback_data(message))
        return [_report(event, customer, message, message.id, currency)] if is_ours else []
    if not event.type:
        return []
    detail = f"Interakt told of {event.type[:60]}; look at the Interakt dashboard for what it means."
    return [AccountNotice(event.type, detail, sha256(body).hexdigest(), occurred_at=moment(event.timestamp))]


def _callback_data(message: _Message) -> str:
    source = message.meta_data.source_data if message.meta_data else None
    return (source.callback_data if source else None) or ""


def _report(event: Event, customer: _Customer, message: _Message, name: str, currency: str) -> DeliveryEvent:
    word = event.type.rpartition("_")[2]
    status = STATUS_OF.get(word, ReportStatus.UNMAPPED)
    error = _failure(message) if status is ReportStatus.FAILED else None
    times = {
        ReportStatus.SENT: message.received_at_utc,
        ReportStatus.DELIVERED: message.delivered_at_utc,
        ReportStatus.READ: message.seen_at_utc,
    }
    return DeliveryEvent(
        key=MessageKey(_callback_data(message), name, _number(customer)),
        status=status,
        raw_status=message.message_status or word,
        dedupe_key=f"{name}:{word}:{error.code if error else ''}",
        error=error,
        occurred_at=moment(times.get(status)) or moment(event.timestamp),
        cost=_cost(message, currency),
    )


def _failure(message: _Message) -> ProviderError:
    words = message.channel_failure_reason or message.message_status_reason or ""
    if message.channel_error_code in {None, ""}:
        name = name_of(words) if words else NO_REASON
        return ProviderError(SPEC.error_kind(name), name, words or SPEC.codes[name].wording)
    code = str(message.channel_error_code)
    return meta_error(SPEC.codes, code, words)


def _cost(message: _Message, currency: str) -> Money | None:
    cost = message.meta_data.message_cost if message.meta_data else None
    if cost is None or cost.actual_message_cost is None:
        return None
    try:
        amount = Decimal(str(cost.actual_message_cost))
    except InvalidOperation:
        return None
    return Money(amount, currency) if amount.is_finite() else None


def _inbound(customer: _Customer, message: _Message) -> Inbound:
    sender = _number(customer)
    if not sender or not message.id:
        raise ProtocolError("expected a phone number and data.message.id in message_received, found one at most")
    body, choice = _words(message)
    traits = customer.traits if isinstance(customer.traits, dict) else {}
    return Inbound(
        sender=sender,
        recipient="",  # Interakt does not say which of our numbers was written to
        channel=Channel.WHATSAPP,
        content=_content(message, body),
        provider_ref=message.id,
        dedupe_key=message.id,
        occurred_at=moment(message.received_at_utc),
        profile_name=str(traits.get("name") or ""),
        choice=choice,
    )


def _words(message: _Message) -> tuple[str, str]:
    """Text and id of what was pressed, if something was: a reply stands as JSON in the text."""
    said = message.message
    if isinstance(said, str) and (message.message_content_type or "").casefold() in {"button", "interactive", "list"}:
        try:
            said = _replies.decode(said)
        except (msgspec.MsgspecError, RecursionError):
            return said, ""
    if not isinstance(said, dict):
        return said if isinstance(said, str) else "", ""
    reply = said.get("button_reply") or said.get("list_reply")
    if not isinstance(reply, dict):
        return "", ""
    return str(reply.get("title") or ""), str(reply.get("id") or "")


def _content(message: _Message, body: str) -> Content:
    kind = _FILES.get((message.message_content_type or "").casefold())
    if kind is None or not message.media_url:
        return Text(body)
    return Media((MediaItem(kind, url=message.media_url),), body)


def _number(customer: _Customer) -> str:
    """E.164 from the one field or the other two; nothing when neither holds a number."""
    digits = customer.channel_phone_number or f"{customer.country_code or ''}{customer.phone_number or ''}"
    digits = digits.replace("+", "").strip()
    return f"+{digits}" if digits.isascii() and digits.isdecimal() and 8 <= len(digits) <= 15 else ""


def moment(text: str | None) -> datetime | None:
    """A time of Interakt's, which is UTC without saying so; None when it is none."""
    try:
        found = datetime.fromisoformat(text or "")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
