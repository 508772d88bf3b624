"""
Gupshup's webhooks of version 3: Meta's own envelope, with `gs_app_id` on top and `gs_id` in each status.

Sources: partner-docs.gupshup.io (v3 message events) and developers.facebook.com, webhooks reference. Times may be
seconds or milliseconds; there is one more status, `enqueued`; the test of the address comes as `platform-event`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.providers.contract import (
    CallbackEvent,
    DeliveryEvent,
    Inbound,
    MessageKey,
    ProtocolError,
    TemplateChange,
)
from sendyard.providers.gupshup_whatsapp.events import (
    Number,
    contact_names,
    e164,
    failure,
    moment,
    notice,
    preference,
    word_event,
)
from sendyard.providers.whatsapp_templates import state_of

_MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})


class _Error(msgspec.Struct, frozen=True):
    code: Number | None = None
    title: str | None = None
    message: str | None = None


class _Status(msgspec.Struct, frozen=True):
    status: str
    id: str | None = None
    gs_id: str | None = None
    timestamp: Number | None = None
    recipient_id: str | None = None
    errors: list[_Error] = []


class _Profile(msgspec.Struct, frozen=True):
    name: str | None = None


class _Contact(msgspec.Struct, frozen=True):
    wa_id: str | None = None
    user_id: str | None = None
    profile: _Profile | None = None


class _Context(msgspec.Struct, frozen=True):
    id: str | None = None
    gs_id: str | None = None


class _Part(msgspec.Struct, frozen=True):
    """The object named after a message's type: whatever any of the types has."""

    body: str | None = None
    text: str | None = None
    payload: str | None = None
    url: str | None = None
    id: str | None = None
    mime_type: str | None = None
    filename: str | None = None
    caption: str | None = None
    emoji: str | None = None
    message_id: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    name: str | None = None
    title: str | None = None
    button_reply: "_Part | None" = None
    list_reply: "_Part | None" = None
    nfm_reply: "_Part | None" = None


class _Message(msgspec.Struct, frozen=True):
    id: str
    type: str
    sender: str | None = msgspec.field(default=None, name="from")
    from_user_id: str | None = None
    timestamp: Number | None = None
    context: _Context | None = None
    text: _Part | None = None
    image: _Part | None = None
    video: _Part | None = None
    audio: _Part | None = None
    document: _Part | None = None
    sticker: _Part | None = None
    location: _Part | None = None
    reaction: _Part | None = None
    button: _Part | None = None
    interactive: _Part | None = None
    contacts: list[dict[str, Any]] | None = None


class _Metadata(msgspec.Struct, frozen=True):
    display_phone_number: str | None = None


class _Preference(msgspec.Struct, frozen=True):
    wa_id: str | None = None
    value: str | None = None
    timestamp: Number | None = None


class _Messages(msgspec.Struct, frozen=True):
    metadata: _Metadata | None = None
    contacts: list[_Contact] = []
    statuses: list[_Status] = []
    messages: list[_Message] = []
    user_preferences: list[_Preference] = []


class _Template(msgspec.Struct, frozen=True):
    event: str | None = None
    message_template_name: str | None = None
    message_template_language: str | None = None
    message_template_category: str | None = None
    new_category: str | None = None
    new_quality_score: str | None = None
    reason: str | None = None


class _Change(msgspec.Struct, frozen=True):
    field: str
    value: msgspec.Raw = msgspec.Raw(b"{}")


class _Entry(msgspec.Struct, frozen=True):
    changes: list[_Change] = []
    time: Number | None = None


class Webhook(msgspec.Struct, frozen=True):
    """One POST; it may hold several entries, changes and statuses."""

    entry: list[_Entry]
    gs_app_id: str | None = None


_messages = msgspec.json.Decoder(_Messages)
_template = msgspec.json.Decoder(_Template)
_facts = msgspec.json.Decoder(dict[str, Any])


def meta_events_of(webhook: Webhook, source: str) -> list[CallbackEvent]:
    """
    Translate one webhook; `source` is our number where the webhook does not name it.

    Raises:
        ProtocolError: a change is not what its field promises.
    """
    return [event for entry in webhook.entry for change in entry.changes for event in _changed(change, entry, source)]


def _changed(change: _Change, entry: _Entry, source: str) -> Iterator[CallbackEvent]:
    try:
        if change.field in {"messages", "user_preferences"}:
            yield from _talk(_messages.decode(change.value), source)
        elif change.field.startswith(("message_template_", "template_category_")):
            yield _template_change(change.field, _template.decode(change.value), entry.time)
        elif change.field != "platform-event":
            yield notice(change.field, _facts.decode(change.value), str(entry.time or ""), moment(entry.time))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected the value of {change.field[:40]}, found: {problem}") from None


def _talk(value: _Messages, source: str) -> Iterator[CallbackEvent]:
    for status in value.statuses:
        yield _reported(status)
    number = ((value.metadata and value.metadata.display_phone_number) or source).lstrip("+")
    for message in value.messages:
        yield _received(message, value.contacts, number)
    for choice in value.user_preferences:
        if sender := e164(choice.wa_id):
            word = "opted-out" if choice.value == "stop" else "opted-in"
            yield preference(sender, number, word, str(choice.timestamp or ""), moment(choice.timestamp))


def _reported(status: _Status) -> DeliveryEvent:
    known = status.gs_id or status.id
    if not known:
        raise ProtocolError("expected gs_id or id in a status, found neither")
    error = status.errors[0] if status.errors else _Error()
    other = (status.id or "") if status.id != known else ""
    key = MessageKey(provider_ref=known, recipient=e164(status.recipient_id), other_ref=other)
    why = failure(error.code, error.message or error.title)
    return word_event(key, status.status, why, moment(status.timestamp))


def _received(message: _Message, contacts: list[_Contact], source: str) -> Inbound:
    contact = contacts[0] if contacts else _Contact()
    phone, person = e164(message.sender or contact.wa_id), message.from_user_id or contact.user_id or ""
    if not message.id or not (phone or person):
        raise ProtocolError("expected id and sender in an inbound message, found one of them missing")
    at: datetime | None = moment(message.timestamp)
    replied = (message.context.gs_id or message.context.id) if message.context else None
    if message.reaction:
        replied = message.reaction.message_id
    return Inbound(
        sender=phone or person,
        recipient=source,
        channel=Channel.WHATSAPP,
        content=_content(message),
        provider_ref=message.id,
        dedupe_key=message.id,
        in_reply_to=MessageKey(provider_ref=replied) if replied else None,
        occurred_at=at,
        sender_kind=AddressKind.PHONE if phone else AddressKind.WHATSAPP_ID,
        identities=(Address(AddressKind.WHATSAPP_ID, person),) if phone and person else (),
        profile_name=(contact.profile.name or "") if contact.profile else "",
        choice=_choice(message),
    )


def _content(message: _Message) -> Content:
    if message.type in _MEDIA:
        file: _Part = getattr(message, message.type) or _Part()
        content_type = file.mime_type or "application/octet-stream"
        item = MediaItem(content_type, file.url or "", file.id or "", file.filename or "")
        return Media((item,), file.caption or "")
    if message.contacts is not None:
        return Text(", ".join(contact_names(message.contacts)))
    if place := message.location:
        parts = (place.name, place.latitude, place.longitude)
        return Text(", ".join(str(part) for part in parts if part is not None))
    said = message.text or message.button or message.reaction or _pressed(message) or _Part()
    return Text(said.body or said.text or said.title or said.emoji or "")


def _pressed(message: _Message) -> _Part | None:
    part = message.interactive
    return (part.button_reply or part.list_reply or part.nfm_reply) if part else None


def _choice(message: _Message) -> str:
    if message.button:
        return message.button.payload or ""
    pressed = _pressed(message)
    return (pressed.id or "") if pressed else ""


def _template_change(field: str, change: _Template, time: Number | None) -> TemplateChange:
    name = change.message_template_name
    if not name:
        raise ProtocolError(f"expected message_template_name in {field}, found none")
    # A category or quality change names no event; the template stays as it was.
    word = change.event or ""
    reason = change.reason or ""
    return TemplateChange(
        name=name,
        dedupe_key=f"{name}:{change.message_template_language}:{word}:{change.new_category}:{time}",
        language=(change.message_template_language or "").replace("-", "_"),
        provider_ref=name,
        state=state_of(word) if word else None,
        raw_state=word,
        category=change.new_category or change.message_template_category or "",
        quality=change.new_quality_score or "",
        reason="" if reason == "NONE" else reason,
        occurred_at=moment(time),
    )
