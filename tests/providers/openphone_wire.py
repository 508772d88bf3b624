"""
Both sides of Quo's wire joined without sockets: what the adapter builds, the emulator answers.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Text
from sendyard.providers.contract import Call, Outgoing, Receipt
from sendyard.providers.emulation import EmulatedRequest, Handled, Received
from sendyard.providers.openphone import ADAPTER, EMULATOR
from sendyard.providers.openphone.emulated_workspace import OpenPhoneState
from sendyard.providers.openphone.spec import OpenPhoneAccount
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
CALLBACK_URL = "https://gw.example.test/callbacks/openphone/tok"
KEY = EMULATOR.sample_account["api_key"]
OURS = EMULATOR.sample_sender
PERSON = "+12125550123"


def account(**fields: Any) -> OpenPhoneAccount:
    return OpenPhoneAccount(**{**EMULATOR.sample_account, **fields})


def call(given: OpenPhoneAccount | None = None, *, now: datetime = NOW) -> Call:
    return Call(given or account(), now, "0123456789abcdef", "01a1fbba-0000-7000-8000-000000000001")


def outgoing(
    content: Content | str = "Your technician arrives at 3pm.", *, to: str = PERSON, sender: str = OURS
) -> Outgoing:
    return Outgoing(
        message_id="m1",
        reference="ref-1",
        channel=Channel.SMS,
        to=Address.phone(to),
        sender=sender,
        content=Text(content) if isinstance(content, str) else content,
        country="US",
    )


def arrive(request: HttpRequest, now: datetime = NOW, **more: Any) -> EmulatedRequest:
    """The request as the emulator's server hands it over."""
    parts = urlsplit(request.url)
    return EmulatedRequest(request.method, parts.path, parts.query, request.headers, request.body, now, **more)


def submit(state: OpenPhoneState, message: Outgoing, given: Call | None = None, **more: Any) -> tuple[Receipt, Handled]:
    made = given or call()
    handled = EMULATOR.handle(arrive(ADAPTER.build_submit(made, [message]), made.now, **more), state)
    (receipt,) = ADAPTER.parse_submit([message], handled.response)
    return receipt, handled


def ask(
    state: OpenPhoneState,
    method: str,
    path: str,
    document: Any = None,
    *,
    key: str = KEY,
    version: str = "",
    now: datetime = NOW,
) -> HttpResponse:
    """One request as a customer without our adapter would make it."""
    headers = {"authorization": key, **({"quo-api-version": version} if version else {})}
    body = b"" if document is None else document if isinstance(document, bytes) else msgspec.json.encode(document)
    split = urlsplit(path)
    return EMULATOR.handle(EmulatedRequest(method, split.path, split.query, headers, body, now), state).response


def document(response: HttpResponse) -> Any:
    return msgspec.json.decode(response.body)


def called_back(request: HttpRequest | None) -> CallbackRequest:
    """What the emulator sent, as our server takes it in."""
    assert request is not None
    return CallbackRequest(request.method, request.url, "", request.headers, request.body)


def one(handled: Handled) -> Received:
    (received,) = handled.received
    return received
