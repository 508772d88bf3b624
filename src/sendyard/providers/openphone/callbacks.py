"""
Quo's webhooks of both generations, as events.

Source: https://www.quo.com/docs (API 2026-03-30: `data.resource` and `data.context`) and
https://support.openphone.com/hc/en-us/articles/4690754298903-How-to-use-webhooks (older: `data.object`, with `body` and
a text as `to` up to v3, with `text` and a list as `to` in v4, v3 also wrapped once more). Unknown fields and events of
calls, contacts and tasks are ignored.
"""

from datetime import datetime

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Media, MediaItem, Text
from sendyard.providers.contract import (
    Call,
    CallbackEvent,
    CallbackResult,
    Inbound,
    MessageKey,
    ProtocolError,
)
from sendyard.providers.openphone.answers import Moment, decode, statement
from sendyard.providers.openphone.signature import authenticate
from sendyard.providers.openphone.spec import OpenPhoneAccount
from sendyard.providers.wire import CallbackRequest, HttpResponse

_NOTED = HttpResponse(200)
_PREFIX = "message."


class _Event(msgspec.Struct, frozen=True):
    type: str = ""
    created_at: Moment | None = msgspec.field(name="createdAt", default=None)
    data: msgspec.Raw = msgspec.Raw(b"{}")
    object: msgspec.Raw = msgspec.Raw(b"null")  # "event", or in some of v3 the event itself


class _File(msgspec.Struct, frozen=True):
    url: str = ""
    type: str | None = None


class _Resource(msgspec.Struct, frozen=True):
    """A message in `data.resource` or `data.object`."""

    id: str
    direction: str = ""
    text: str | None = None
    body: str | None = None
    sender: str = msgspec.field(name="from", default="")
    to: list[str] | str | None = None
    media: list[_File] | None = None
    error_code: str | int | None = msgspec.field(name="errorCode", default=None)
    created_at: Moment | None = msgspec.field(name="createdAt", default=None)


class _Context(msgspec.Struct, frozen=True):
    sender: str = msgspec.field(name="senderIdentifier", default="")
    recipients: list[str] = msgspec.field(name="recipientIdentifiers", default_factory=list)


class _Current(msgspec.Struct, frozen=True):
    resource: _Resource
    context: _Context = msgspec.field(default_factory=_Context)


class _Legacy(msgspec.Struct, frozen=True):
    object: _Resource


_event = msgspec.json.Decoder(_Event)
_current = msgspec.json.Decoder(_Current)
_legacy = msgspec.json.Decoder(_Legacy)


def read_callback(account: OpenPhoneAccount, call: Call, request: CallbackRequest) -> CallbackResult:
    """Authenticate, then translate. Raises CallbackRejected or ProtocolError."""
    is_current = authenticate(account, request.headers, request.body, call.now)
    event = decode(_event, request.body, "an event")
    if not event.type and bytes(event.object).startswith(b"{"):
        event = decode(_event, event.object, "an event")
    if not event.type:
        raise ProtocolError("expected an event with a type, found none")
    if not event.type.startswith(_PREFIX):
        return CallbackResult((), _NOTED)
    if is_current:
        found = decode(_current, event.data, "a message event with resource and context")
        message, sender, recipients = found.resource, found.context.sender, found.context.recipients
    else:
        message = decode(_legacy, event.data, "a message event with an object").object
        sender = message.sender
        recipients = [message.to] if isinstance(message.to, str) else message.to or []
    if not message.id:
        raise ProtocolError("expected the message's id, found an empty text")
    recipient = next(iter(recipients), "")
    word = event.type.removeprefix(_PREFIX)
    if word == "received":
        return CallbackResult((_inbound(message, sender, recipient, event.created_at),), _NOTED)
    key = MessageKey(provider_ref=message.id, recipient=recipient)
    code = "" if message.error_code is None else str(message.error_code)
    return CallbackResult((statement(key, word, code, event.created_at),), _NOTED)


def _inbound(message: _Resource, sender: str, recipient: str, at: datetime | None) -> CallbackEvent:
    if not sender:
        raise ProtocolError("expected who wrote the message, found nobody")
    text = message.text or message.body or ""
    items = [
        MediaItem(file.type or "application/octet-stream", url=file.url) for file in message.media or () if file.url
    ]
    return Inbound(
        sender=sender,
        recipient=recipient,
        channel=Channel.MMS if items else Channel.SMS,
        content=Media(tuple(items), text) if items else Text(text),
        provider_ref=message.id,
        # The message's own id: an account with webhooks of both generations hears everything twice.
        dedupe_key=message.id,
        occurred_at=message.created_at or at,
    )
