"""
Both sides of WATI's wire joined without sockets, and calls as a customer without our adapter makes them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, TemplateRef, Text
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import Call, Outgoing, Receipt
from sendyard.providers.emulation import EmulatedRequest, Handled, Report
from sendyard.providers.wati import ADAPTER, EMULATOR
from sendyard.providers.wati.emulated_state import WatiState
from sendyard.providers.wati.spec import WatiAccount
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
CALLBACK_URL = "https://gw.example.test/callbacks/wati/tok"
ORIGIN = "http://emulator.test"
TOKEN = EMULATOR.sample_account["api_token"]
PERSON = "+919876543210"
CHANNEL = EMULATOR.sample_sender


def account(**fields: Any) -> WatiAccount:
    return WatiAccount(**{"base_url": ORIGIN + EMULATOR.base_path, "api_token": TOKEN, **fields})


def call(given: WatiAccount | None = None) -> Call:
    return Call(given or account(), NOW, "0123456789abcdef", "01a1fbba-0000-7000-8000-000000000001")


def template(name: str = "sendyard_text", /, **variables: str) -> TemplateRef:
    return TemplateRef(name, "en", variables or {"text": "Hello"}, "Hello")


def outgoing(
    content: Content | str | None = None, *, to: str = PERSON, reference: str = "ref-1", sender: str = ""
) -> Outgoing:
    said = Text(content) if isinstance(content, str) else content or template()
    return Outgoing(f"m-{reference}", reference, Channel.WHATSAPP, Address.phone(to), sender, said, country="IN")


def arrive(request: HttpRequest, now: datetime = NOW, **more: Any) -> EmulatedRequest:
    parts = urlsplit(request.url)
    return EmulatedRequest(request.method, parts.path, parts.query, request.headers, request.body, now, **more)


def exchange(state: WatiState, request: HttpRequest, now: datetime = NOW) -> HttpResponse:
    return EMULATOR.handle(arrive(request, now), state).response


def submit(
    state: WatiState, *batch: Outgoing, given: WatiAccount | None = None, **more: Any
) -> tuple[list[Receipt], Handled]:
    handled = EMULATOR.handle(arrive(ADAPTER.build_submit(call(given), batch), **more), state)
    return ADAPTER.parse_submit(batch, handled.response), handled


def ask(
    state: WatiState, method: str, path: str, body: Any = None, *, token: str = TOKEN, now: datetime = NOW
) -> HttpResponse:
    headers: Mapping[str, str] = {"authorization": f"Bearer {token}"}
    split = urlsplit(path)
    raw = msgspec.json.encode(body) if body is not None else b""
    return EMULATOR.handle(EmulatedRequest(method, split.path, split.query, headers, raw, now), state).response


def document(response: HttpResponse) -> Any:
    return msgspec.json.decode(response.body)


def registered(**console: Any) -> WatiState:
    state = EMULATOR.new_state()
    base = ORIGIN + EMULATOR.base_path
    EMULATOR.register(state, {"base_url": base, "api_token": TOKEN, "callback_url": CALLBACK_URL, **console})
    return state


def report(status: ReportStatus, kind: ErrorKind | None = None, code: str = "") -> Report:
    return Report(status, NOW + timedelta(seconds=9), kind, code)


def called_back(request: HttpRequest | None) -> CallbackRequest:
    assert request is not None
    return CallbackRequest(request.method, request.url, urlsplit(request.url).query, request.headers, request.body)


def person_writes(state: WatiState, text: str = "Hello?", now: datetime = NOW) -> HttpRequest | None:
    return EMULATOR.inbound(state, account="100200", sender=PERSON, recipient=CHANNEL, text=text, now=now)
