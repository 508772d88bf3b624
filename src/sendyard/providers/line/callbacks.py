"""
LINE's webhook as events: messages, friendship, buttons, and what happens to the Official Account itself.

Sources: https://developers.line.biz/en/docs/messaging-api/receiving-messages/ and .../verify-webhook-signature/. Events
and fields are added without notice, so unknown ones are left out; order is not guaranteed and repetitions occur.
"""

import hmac
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import msgspec

from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.providers.contract import (
    AccountNotice,
    CallbackEvent,
    CallbackRejected,
    CallbackResult,
    Inbound,
    MessageKey,
    ProtocolError,
)
from sendyard.providers.line.door import content_url
from sendyard.providers.line.spec import LineAccount
from sendyard.providers.wire import CallbackRequest, HttpResponse

SIGNATURE_HEADER = "x-line-signature"

_NOTED = HttpResponse(200)
_LATEST = 253_402_300_799_000  # the last millisecond a date can name
_TYPES = {"image": "image/*", "video": "video/*", "audio": "audio/*", "file": "application/octet-stream"}
_NOTICES = {
    "activated": "The channel was activated for this Official Account.",
    "deactivated": "The channel was deactivated for this Official Account.",
    "botSuspended": "LINE suspended the Official Account: see LINE Official Account Manager.",
    "botResumed": "LINE lifted the suspension of the Official Account.",
}


class _Envelope(msgspec.Struct, frozen=True):
    events: list[msgspec.Raw]
    destination: str = ""


class _Head(msgspec.Struct, frozen=True):
    type: str = ""


class _Source(msgspec.Struct, frozen=True):
    user: str = msgspec.field(name="userId", default="")
    group: str = msgspec.field(name="groupId", default="")
    room: str = msgspec.field(name="roomId", default="")


class _Provider(msgspec.Struct, frozen=True):
    url: str = msgspec.field(name="originalContentUrl", default="")


class _Message(msgspec.Struct, frozen=True):
    id: str
    type: str
    text: str = ""
    quoted: str = msgspec.field(name="quotedMessageId", default="")
    filename: str = msgspec.field(name="fileName", default="")
    provider: _Provider = msgspec.field(name="contentProvider", default_factory=_Provider)
    title: str = ""
    address: str = ""
    latitude: float = 0.0
    longitude: float = 0.0
    keywords: list[str] = []


class _Postback(msgspec.Struct, frozen=True):
    data: str = ""
    params: dict[str, Any] = {}


class _Unsend(msgspec.Struct, frozen=True):
    id: str = msgspec.field(name="messageId", default="")


class _Event(msgspec.Struct, frozen=True):
    type: str
    timestamp: int = 0
    mode: str = "active"
    id: str = msgspec.field(name="webhookEventId", default="")
    source: _Source = msgspec.field(default_factory=_Source)
    message: _Message | None = None
    postback: _Postback | None = None
    unsend: _Unsend | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_head = msgspec.json.Decoder(_Head)
_event = msgspec.json.Decoder(_Event)

_KNOWN = frozenset({"message", "postback", "follow", "unfollow", "unsend", *_NOTICES})


def read_callback(account: LineAccount, request: CallbackRequest) -> CallbackResult:
    """Check the signature over the raw bytes, then translate. Raises CallbackRejected or ProtocolError."""
    given = request.headers.get(SIGNATURE_HEADER, "")
    if not given:
        raise CallbackRejected("the header x-line-signature is missing")
    key = account.channel_secret.get_secret_value().encode()
    expected = b64encode(hmac.digest(key, request.body, "sha256"))
    if not hmac.compare_digest(expected, given.encode("utf-8", "replace")):
        raise CallbackRejected("x-line-signature does not fit the channel secret; is it the secret of this channel?")
    try:
        envelope = _envelope.decode(request.body)
        known = [raw for raw in envelope.events if _head.decode(raw).type in _KNOWN]
        events = [_event.decode(raw) for raw in known]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected an object with events, found: {problem}") from None
    translated = [_translated(account, envelope.destination, event) for event in events]
    return CallbackResult(tuple(filter(None, translated)), _NOTED)


def _translated(account: LineAccount, destination: str, event: _Event) -> CallbackEvent | None:
    at = datetime.fromtimestamp(event.timestamp / 1000, UTC) if 0 < event.timestamp <= _LATEST else None
    source = event.source
    person = source.user or source.group or source.room
    key = event.id or f"{event.type}:{event.timestamp}:{person}"
    if event.type in _NOTICES:
        return AccountNotice(event.type, _NOTICES[event.type], key, occurred_at=at)
    if not person:
        return None
    if event.type == "unsend":
        unsent = event.unsend.id if event.unsend else ""
        detail = "A person took a message back; LINE asks to delete it from what was kept."
        return AccountNotice("unsend", detail, key, {"message_id": unsent, "person": person}, at)
    message, postback = event.message, event.postback
    content: Content = Text("")
    reference, quoted, choice = event.id, "", ""
    opt_out = {"follow": False, "unfollow": True}.get(event.type)
    if opt_out is None:
        # On standby somebody else answers the person: another module of the Official Account.
        if event.mode == "standby":
            return None
        if message:
            content, reference, quoted = _content(account, message), message.id, message.quoted
        elif postback:
            choice = postback.data
            content = Text(", ".join(str(value) for value in postback.params.values()))
        else:
            raise ProtocolError(f"expected a {event.type} event with its content, found none")
    return Inbound(
        sender=person,
        recipient=destination,
        channel=Channel.LINE,
        content=content,
        provider_ref=reference,
        dedupe_key=key,
        in_reply_to=MessageKey(provider_ref=quoted) if quoted else None,
        occurred_at=at,
        opt_out=opt_out,
        sender_kind=AddressKind.LINE_ID,
        choice=choice,
    )


def _content(account: LineAccount, message: _Message) -> Content:
    if kind := _TYPES.get(message.type):
        url = message.provider.url or content_url(account, message.id)
        return Media((MediaItem(kind, url=url, filename=message.filename),))
    if message.type == "location":
        place = [message.title, message.address, f"{message.latitude}, {message.longitude}"]
        return Text(", ".join(filter(None, place)))
    if message.type == "sticker":
        return Text(message.text or f"[{', '.join(message.keywords[:3]) or 'sticker'}]")
    return Text(message.text)
