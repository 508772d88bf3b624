"""
What people send and press: `messages` of the webhook field of that name, and their wishes about marketing.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages.
"""

from collections.abc import Iterator

import msgspec

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.providers.contract import AccountNotice, CallbackEvent, Inbound, MessageKey
from sendyard.providers.meta_cloud.answers import decode
from sendyard.providers.meta_cloud.wording import Contact, Fault, Metadata, contact_of, moment_of, person_of

_OPT_OUT = {"stop": True, "resume": False}


class _Body(msgspec.Struct, frozen=True):
    body: str = ""


class _Context(msgspec.Struct, frozen=True):
    id: str | None = None


class _File(msgspec.Struct, frozen=True):
    id: str = ""
    mime_type: str = "application/octet-stream"
    caption: str | None = None
    filename: str | None = None


class _Place(msgspec.Struct, frozen=True):
    latitude: float | str = ""
    longitude: float | str = ""
    name: str | None = None
    address: str | None = None


class _Reaction(msgspec.Struct, frozen=True):
    message_id: str = ""
    emoji: str | None = None  # missing when a reaction was taken back


class _Pressed(msgspec.Struct, frozen=True):
    payload: str | None = None
    text: str | None = None


class _Reply(msgspec.Struct, frozen=True):
    """A button, a row, or a form filled in (`nfm_reply`)."""

    id: str | None = None
    title: str | None = None
    body: str | None = None
    response_json: str | None = None


class _Interactive(msgspec.Struct, frozen=True):
    type: str = ""
    button_reply: _Reply | None = None
    list_reply: _Reply | None = None
    nfm_reply: _Reply | None = None


class _Name(msgspec.Struct, frozen=True):
    formatted_name: str | None = None


class _Phone(msgspec.Struct, frozen=True):
    phone: str | None = None


class _Card(msgspec.Struct, frozen=True):
    name: _Name | None = None
    phones: list[_Phone] = []


class _Order(msgspec.Struct, frozen=True):
    text: str | None = None
    product_items: list[msgspec.Raw] = []


class _System(msgspec.Struct, frozen=True):
    body: str = ""
    type: str = ""
    wa_id: str | None = None
    new_wa_id: str | None = None


class Message(msgspec.Struct, frozen=True):
    """One message of a person; `type` names the field that holds it."""

    id: str
    type: str = ""
    sender: str | None = msgspec.field(name="from", default=None)
    from_user_id: str | None = None
    timestamp: str | int | None = None
    context: _Context | None = None
    text: _Body | None = None
    image: _File | None = None
    video: _File | None = None
    audio: _File | None = None
    document: _File | None = None
    sticker: _File | None = None
    location: _Place | None = None
    contacts: list[_Card] = []
    reaction: _Reaction | None = None
    button: _Pressed | None = None
    interactive: _Interactive | None = None
    order: _Order | None = None
    system: _System | None = None
    errors: list[Fault] = []


class _Preference(msgspec.Struct, frozen=True):
    value: str
    wa_id: str | None = None
    user_id: str | None = None
    category: str = ""
    detail: str | None = None
    timestamp: str | int | None = None


class _Preferences(msgspec.Struct, frozen=True):
    user_preferences: list[_Preference]
    metadata: Metadata = Metadata()
    contacts: list[Contact] = []


_preferences = msgspec.json.Decoder(_Preferences)


def inbound_events(metadata: Metadata, contacts: list[Contact], messages: list[Message]) -> Iterator[CallbackEvent]:
    """Translate every message; a changed number is a fact about a person, not something they said."""
    for message in messages:
        if message.system:
            yield _changed_number(message, message.system)
        else:
            yield _inbound(metadata, contact_of(contacts, message.sender, message.from_user_id), message)


def preference_events(raw: bytes) -> Iterator[Inbound]:
    """People who stopped offers at WhatsApp itself, or want them again. Raises ProtocolError."""
    value = decode(_preferences, raw, "the value of user_preferences")
    for wish in value.user_preferences:
        contact = contact_of(value.contacts, wish.wa_id, wish.user_id)
        person = person_of(wish.wa_id or contact.wa_id, wish.user_id or contact.user_id)
        yield Inbound(
            sender=person.value,
            recipient=value.metadata.phone_number_id,
            channel=Channel.WHATSAPP,
            content=Text(wish.detail or wish.value),
            provider_ref="",
            dedupe_key=f"preference:{person.value}:{wish.category}:{wish.value}:{wish.timestamp}",
            occurred_at=moment_of(wish.timestamp),
            opt_out=_OPT_OUT.get(wish.value),
            sender_kind=person.kind,
        )


def _changed_number(message: Message, system: _System) -> AccountNotice:
    before = person_of(message.sender, message.from_user_id).value
    after = person_of(system.wa_id or system.new_wa_id, None).value
    return AccountNotice(
        subject=system.type or "system",
        detail=system.body or "WhatsApp says something about a person.",
        dedupe_key=message.id,
        facts={name: value for name, value in (("before", before), ("after", after)) if value},
        occurred_at=moment_of(message.timestamp),
    )


def _inbound(metadata: Metadata, contact: Contact, message: Message) -> Inbound:
    user_id = message.from_user_id or contact.user_id
    person = person_of(message.sender or contact.wa_id, user_id)
    content, choice = _content(message)
    quoted = message.context.id if message.context else None
    if message.reaction:
        quoted = message.reaction.message_id
    other = user_id if user_id and user_id != person.value else ""
    return Inbound(
        sender=person.value,
        recipient=metadata.phone_number_id,
        channel=Channel.WHATSAPP,
        content=content,
        provider_ref=message.id,
        dedupe_key=message.id,
        in_reply_to=MessageKey(provider_ref=quoted) if quoted else None,
        occurred_at=moment_of(message.timestamp),
        sender_kind=person.kind,
        identities=(Address(AddressKind.WHATSAPP_ID, other),) if other else (),
        profile_name=(contact.profile.name or "") if contact.profile else "",
        choice=choice,
    )


def _content(message: Message) -> tuple[Content, str]:
    """What was said, and the id or data of what was pressed; what has no words of its own becomes a line to read."""
    if file := message.image or message.video or message.audio or message.document or message.sticker:
        item = MediaItem(file.mime_type, handle=file.id, filename=file.filename or "")
        return Media((item,), file.caption or ""), ""
    if message.button:
        return Text(message.button.text or ""), message.button.payload or ""
    if chosen := message.interactive:
        reply = chosen.button_reply or chosen.list_reply or chosen.nfm_reply or _Reply()
        return Text(reply.title or reply.body or ""), reply.id or reply.response_json or ""
    return Text(_words(message)), ""


def _words(message: Message) -> str:
    if message.text:
        return message.text.body
    if message.reaction:
        return message.reaction.emoji or ""
    if place := message.location:
        named = filter(None, (place.name, place.address))
        return ", ".join([*named, f"{place.latitude}, {place.longitude}"])
    if message.contacts:
        return "\n".join(map(_card, message.contacts))
    if message.order:
        return message.order.text or f"An order of {len(message.order.product_items)} items"
    return message.errors[0].words if message.errors else ""


def _card(card: _Card) -> str:
    name = (card.name.formatted_name if card.name else None) or ""
    return " ".join([name, *(phone.phone or "" for phone in card.phones)]).strip()
