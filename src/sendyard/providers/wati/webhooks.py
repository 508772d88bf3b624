"""
What WATI tells by webhook. Nothing is signed: only the unguessable address protects it.

Names come as `name`, `name_v2` and `name_v2_bsuid`, and several forms of one event may be switched on at once.
Sources: https://docs.wati.io/reference/template-message-failed and its neighbours;
https://docs.wati.io/v2.5/reference/template-quality-update.
"""

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import msgspec

from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.providers.contract import (
    AccountNotice,
    CallbackEvent,
    CallbackResult,
    Inbound,
    MessageKey,
    ProtocolError,
    TemplateChange,
)
from sendyard.providers.wati.catalogue import STATES, state_of
from sendyard.providers.wati.statements import delivery_event, moment
from sendyard.providers.wire import CallbackRequest, HttpResponse


class Event(msgspec.Struct, rename="camel"):
    """One webhook, whichever it is."""

    event_type: str
    id: str | None = None
    local_message_id: str | None = None
    whatsapp_message_id: str | None = None
    status_string: str | None = None
    failed_code: str | int | None = None
    failed_detail: str | None = None
    wa_id: str | None = None
    timestamp: str | int | float | None = None
    created: str | None = None
    owner: bool | None = None
    text: str | None = None
    type: str | None = None
    data: Any = None
    sender_name: str | None = None
    reply_context_id: str | None = None
    button_reply: Any = None
    interactive_button_reply: Any = None
    list_reply: Any = None
    channel_phone_number: str | None = None
    template_name: str | None = None
    template_id: str | None = None
    wati_template_id: str | None = None
    new_template_status: int | str | None = None
    new_template_quality: int | str | None = None
    new_template_category: int | str | None = None
    reason: str | None = None


_event = msgspec.json.Decoder(Event)

_WORD_OF: Mapping[str, str] = MappingProxyType(
    {
        "templatemessagesent": "sent",
        "sessionmessagesent": "sent",
        "sentmessagedelivered": "delivered",
        "sentmessageread": "read",
        "sentmessagereplied": "replied",
        "templatemessagefailed": "failed",
        "sessionmessagefailed": "failed",
    }
)
_TEMPLATE_EVENTS = frozenset({"templatereviewed", "templatequalityupdated", "templatecategoryupdated"})
# Comes beside `message`, which says the same and has the text.
_WITHOUT_NEWS = frozenset({"newcontactmessagereceived"})
_QUALITIES = ("UNKNOWN", "GREEN", "RED", "YELLOW")
_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "png": "image/png",
        "webp": "image/webp",
        "mp4": "video/mp4",
        "3gp": "video/3gpp",
        "ogg": "audio/ogg",
        "opus": "audio/ogg",
        "mp3": "audio/mpeg",
        "aac": "audio/aac",
        "amr": "audio/amr",
        "pdf": "application/pdf",
    }
)
_FILES = frozenset({"image", "video", "audio", "voice", "document", "sticker"})
_NOTED = HttpResponse(200)


def read_callback(request: CallbackRequest) -> CallbackResult:
    """Translate one webhook. Raises ProtocolError."""
    try:
        event = _event.decode(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected one of WATI's events as JSON, found: {problem}") from None
    return CallbackResult(tuple(_events(event, request.body)), _NOTED)


def name_of_event(event_type: str) -> str:
    """The event behind its forms: `sentMessageREAD_v2_bsuid` is `sentmessageread`."""
    return event_type.casefold().removesuffix("_bsuid").removesuffix("_v2")


def _events(event: Event, body: bytes) -> list[CallbackEvent]:
    name = name_of_event(event.event_type)
    if name == "message":
        return [] if event.owner else [_inbound(event)]
    if name in _WITHOUT_NEWS:
        return []
    if name in _TEMPLATE_EVENTS and event.template_name:
        return [_template_change(event, event.template_name, body)]
    if (word := _WORD_OF.get(name)) or event.status_string:
        return [_report(event, word)]
    detail = f"WATI told of {event.event_type[:60]}; look at the WATI dashboard for what it means."
    return [AccountNotice(event.event_type, detail, _digest(body), occurred_at=moment(event.timestamp, event.created))]


def _report(event: Event, word: str | None) -> CallbackEvent:
    name = event.local_message_id or event.whatsapp_message_id or event.id
    if not name:
        raise ProtocolError(f"expected localMessageId or whatsappMessageId in {event.event_type[:60]}, found neither")
    # In v3 the label is our reference, in v2 WATI's id for the message: the same field either way.
    label = event.local_message_id or ""
    return delivery_event(
        MessageKey(label, label or name, _e164(event.wa_id), (event.whatsapp_message_id or "") if label else ""),
        name,
        word or event.status_string or "",
        code="" if event.failed_code is None else str(event.failed_code),
        detail=event.failed_detail or "",
        at=moment(event.timestamp, event.created),
    )


def _inbound(event: Event) -> Inbound:
    name = event.whatsapp_message_id or event.id
    if not event.wa_id or not name:
        raise ProtocolError("expected waId and whatsappMessageId in WATI's message, found one of them at most")
    number = _e164(event.wa_id)
    body, choice = _pressed(event)
    return Inbound(
        sender=number or event.wa_id,
        recipient=event.channel_phone_number or "",
        channel=Channel.WHATSAPP,
        content=_content(event, body),
        provider_ref=name,
        dedupe_key=name,
        in_reply_to=MessageKey(provider_ref=event.reply_context_id) if event.reply_context_id else None,
        occurred_at=moment(event.timestamp, event.created),
        sender_kind=AddressKind.PHONE if number else AddressKind.WHATSAPP_ID,
        profile_name=event.sender_name or "",
        choice=choice,
    )


def _pressed(event: Event) -> tuple[str, str]:
    """Text and id of what was pressed; WATI makes the ids, so the text is what a person chose."""
    for reply in (event.interactive_button_reply, event.list_reply, event.button_reply):
        if isinstance(reply, dict):
            text = str(reply.get("title") or reply.get("text") or event.text or "")
            return text, str(reply.get("id") or reply.get("payload") or text)
    return event.text or "", ""


def _content(event: Event, body: str) -> Content:
    if event.type not in _FILES or not isinstance(event.data, str) or not event.data:
        return Text(body)
    kind = _TYPES.get(event.data.rpartition(".")[2].casefold(), "application/octet-stream")
    is_address = event.data.startswith(("https://", "http://"))
    # Otherwise a path that `getMedia` of v1 takes.
    item = MediaItem(kind, url=event.data) if is_address else MediaItem(kind, handle=event.data)
    return Media((item,), body)


def _template_change(event: Event, name: str, body: bytes) -> TemplateChange:
    status, quality = event.new_template_status, event.new_template_quality
    rating = str(quality)
    is_number = rating.isdecimal() and len(rating) == 1 and int(rating) < len(_QUALITIES)
    return TemplateChange(
        name=name,
        dedupe_key=_digest(body),
        provider_ref=event.wati_template_id or event.template_id or "",
        state=None if status is None else state_of(status),
        raw_state="" if status is None else _state_word(status),
        category="" if event.new_template_category is None else str(event.new_template_category),
        quality="" if quality is None else _QUALITIES[int(rating)] if is_number else rating,
        reason=event.reason or "",
        occurred_at=moment(event.timestamp, event.created),
    )


def _state_word(status: int | str) -> str:
    words = list(STATES)
    return words[status] if isinstance(status, int) and 0 <= status < len(words) else str(status)


def _digest(body: bytes) -> str:
    """These events carry neither id nor time, so the whole event is what a repetition repeats."""
    return sha256(body).hexdigest()


def _e164(wa_id: str | None) -> str:
    digits = (wa_id or "").lstrip("+")
    return f"+{digits}" if digits.isascii() and digits.isdecimal() and 8 <= len(digits) <= 15 else ""
