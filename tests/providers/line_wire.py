"""
Both sides of LINE's wire joined without sockets: what the adapter builds, the emulator answers.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Text
from sendyard.providers.contract import Call, Outgoing, Receipt
from sendyard.providers.emulation import EmulatedRequest, Handled
from sendyard.providers.line import ADAPTER, EMULATOR
from sendyard.providers.line.emulated_channel import LineState
from sendyard.providers.line.spec import LineAccount
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
CALLBACK_URL = "https://gw.example.test/callbacks/line/tok"
TOKEN = EMULATOR.sample_account["channel_access_token"]
SECRET = EMULATOR.sample_account["channel_secret"]
GROUP = "C" + "0" * 31 + "1"


def person(number: int = 1) -> str:
    return EMULATOR.sample_address(f"+8869{number:08d}").value


def account(**fields: Any) -> LineAccount:
    return LineAccount(**{**EMULATOR.sample_account, **fields})


def call(given: LineAccount | None = None, *, exchange: int = 1, token: str = "", now: datetime = NOW) -> Call:
    return Call(given or account(), now, "0123456789abcdef", f"01a1fbba-0000-7000-8000-{exchange:012d}", token)


def outgoing(
    content: Content | str = "Your parcel arrives today", *, number: int = 1, to: str = "", sender: str = ""
) -> Outgoing:
    return Outgoing(
        message_id=f"m{number}",
        reference=f"ref-{number}",
        channel=Channel.LINE,
        to=Address(AddressKind.LINE_ID, to or person(number)),
        sender=sender,
        content=Text(content) if isinstance(content, str) else content,
    )


def crowd(size: int, content: Content | str = "Sale") -> list[Outgoing]:
    return [outgoing(content, number=number) for number in range(1, size + 1)]


def arrive(request: HttpRequest, now: datetime = NOW, **more: Any) -> EmulatedRequest:
    """The request as the emulator's server hands it over."""
    parts = urlsplit(request.url)
    return EmulatedRequest(request.method, parts.path, parts.query, request.headers, request.body, now, **more)


def submit(
    state: LineState, batch: Sequence[Outgoing], given: Call | None = None, **more: Any
) -> tuple[list[Receipt], Handled]:
    """One exchange: what the adapter makes of the answer, and what the emulator took."""
    made = given or call()
    handled = EMULATOR.handle(arrive(ADAPTER.build_submit(made, batch), made.now, **more), state)
    return ADAPTER.parse_submit(batch, handled.response), handled


def ask(
    state: LineState,
    method: str,
    path: str,
    document: Any = None,
    *,
    token: str = TOKEN,
    now: datetime = NOW,
    **headers: str,
) -> HttpResponse:
    """One request as a customer without our adapter would make it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = b"" if document is None else document if isinstance(document, bytes) else msgspec.json.encode(document)
    split = urlsplit(path)
    given = EmulatedRequest(method, split.path, split.query, {"authorization": f"Bearer {token}", **named}, body, now)
    return EMULATOR.handle(given, state).response


def document(response: HttpResponse) -> Any:
    return msgspec.json.decode(response.body)


def called_back(request: HttpRequest | None) -> CallbackRequest:
    """What the emulator sent, as our server takes it in."""
    assert request is not None
    return CallbackRequest(request.method, request.url, "", request.headers, request.body)
