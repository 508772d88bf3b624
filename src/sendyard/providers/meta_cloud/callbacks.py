"""
What Meta posts: the proof that it is Meta, the handshake, and the envelope that holds every kind of change.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint.
One post may hold several entries, changes and statuses, in any order and more than once.
"""

import hmac
from collections.abc import Iterator
from urllib.parse import parse_qsl

import msgspec

from sendyard.providers.contract import CallbackEvent, CallbackRejected, CallbackResult, ProtocolError
from sendyard.providers.meta_cloud.answers import decode
from sendyard.providers.meta_cloud.inbound import Message, inbound_events, preference_events
from sendyard.providers.meta_cloud.notices import account_notice, error_notice, template_change
from sendyard.providers.meta_cloud.spec import MetaCloudAccount
from sendyard.providers.meta_cloud.statuses import Status, status_event
from sendyard.providers.meta_cloud.wording import Contact, Fault, Metadata
from sendyard.providers.wire import CallbackRequest, HttpResponse

SIGNATURE_HEADER = "x-hub-signature-256"
_OBJECT = "whatsapp_business_account"
_NOTED = HttpResponse(200)


class _Change(msgspec.Struct, frozen=True):
    field: str
    value: msgspec.Raw


class _Entry(msgspec.Struct, frozen=True):
    changes: list[_Change]
    id: str | int = ""
    time: int | str | None = None


class _Envelope(msgspec.Struct, frozen=True):
    object: str
    entry: list[_Entry]


class _Messages(msgspec.Struct, frozen=True):
    metadata: Metadata = Metadata()
    contacts: list[Contact] = []
    statuses: list[Status] = []
    messages: list[Message] = []
    errors: list[Fault] = []


_envelope = msgspec.json.Decoder(_Envelope)
_messages = msgspec.json.Decoder(_Messages)


def read_callback(account: MetaCloudAccount, request: CallbackRequest) -> CallbackResult:
    """Authenticate, then translate; a GET is Meta's handshake. Raises CallbackRejected or ProtocolError."""
    if request.method == "GET":
        return CallbackResult((), _handshake(account, request.query))
    _authenticate(account, request)
    envelope = decode(_envelope, request.body, "a webhook of WhatsApp")
    if envelope.object != _OBJECT:
        raise ProtocolError(f"expected the object {_OBJECT}, found {envelope.object[:40]!r}")
    events = [
        event for entry in envelope.entry for change in entry.changes for event in _events(account, entry, change)
    ]
    return CallbackResult(events, _NOTED)


def _handshake(account: MetaCloudAccount, query: str) -> HttpResponse:
    """Meta asks once, when the address is entered in the app's dashboard: answer with the bare challenge."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    token = account.verify_token.get_secret_value().encode()
    if not hmac.compare_digest(token, given.get("hub.verify_token", "").encode("utf-8", "replace")):
        raise CallbackRejected("hub.verify_token is not the verify token of this account: enter the same word at Meta")
    if given.get("hub.mode") != "subscribe" or not given.get("hub.challenge"):
        raise ProtocolError("expected hub.mode=subscribe and a hub.challenge, found neither or one of them")
    return HttpResponse(200, {"content-type": "text/plain"}, given["hub.challenge"].encode("utf-8", "replace"))


def _authenticate(account: MetaCloudAccount, request: CallbackRequest) -> None:
    given = request.headers.get(SIGNATURE_HEADER, "")
    if not given:
        raise CallbackRejected("the header X-Hub-Signature-256 is missing")
    # Over the bytes as they came: Meta escapes characters and slashes in a way no JSON encoder repeats.
    made = hmac.digest(account.app_secret.get_secret_value().encode(), request.body, "sha256").hex()
    if not hmac.compare_digest(f"sha256={made}".encode(), given.encode("utf-8", "replace")):
        raise CallbackRejected("X-Hub-Signature-256 does not fit: check the app secret (App settings, Basic)")


def _events(account: MetaCloudAccount, entry: _Entry, change: _Change) -> Iterator[CallbackEvent]:
    raw, field = bytes(change.value), change.field
    if field == "messages":
        value = decode(_messages, raw, "the value of messages")
        for status in value.statuses:
            yield status_event(status, value.contacts, account.billing_currency)
        yield from inbound_events(value.metadata, value.contacts, value.messages)
        if not value.statuses and not value.messages:
            yield from (error_notice(fault, entry.time) for fault in value.errors)
    elif field == "user_preferences":
        yield from preference_events(raw)
    elif field.startswith(("message_template_", "template_")):
        yield template_change(field, raw, entry.time)
    else:
        yield account_notice(field, raw, entry.time)
