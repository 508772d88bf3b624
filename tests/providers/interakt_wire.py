"""
Both sides of Interakt's wire joined without sockets, and calls as a customer without our adapter makes them.
"""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import Call, Outgoing, Receipt
from sendyard.providers.emulation import EmulatedRequest, Handled, Report
from sendyard.providers.interakt import ADAPTER, EMULATOR
from sendyard.providers.interakt.emulated_state import InteraktState
from sendyard.providers.interakt.spec import InteraktAccount
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
CALLBACK_URL = "https://gw.example.test/callbacks/interakt/tok"
ORIGIN = "http://emulator.test"
KEY = EMULATOR.sample_account["api_key"]
SECRET = "itk-demo-secret"
PERSON = "+919876543210"
DIGITS = PERSON[1:]
FILE = MediaItem("application/pdf", url="https://cdn.example.com/inv.pdf", filename="inv.pdf")


def account(**fields: Any) -> InteraktAccount:
    given = {"base_url": ORIGIN + EMULATOR.base_path, "api_key": KEY, "webhook_secret": SECRET, **fields}
    return InteraktAccount(**given)


def call(given: InteraktAccount | None = None) -> Call:
    return Call(given or account(), NOW, "0123456789abcdef", "01a1fbba-0000-7000-8000-000000000001")


def template(name: str = "sendyard_text", /, *, media: tuple[MediaItem, ...] = (), **variables: str) -> TemplateRef:
    """Variables as `v1`, `header`, `button1`."""
    named = {key.removeprefix("v").replace("button", "button:"): value for key, value in variables.items()}
    return TemplateRef(name, "en", named, "Hello", media)


def outgoing(
    content: Content | str | None = None,
    *,
    to: str = PERSON,
    reference: str = "ref-1",
    purpose: Purpose = Purpose.TRANSACTIONAL,
) -> Outgoing:
    said = Text(content) if isinstance(content, str) else content or template(v1="Hello")
    address = Address.phone(to)
    return Outgoing("m1", reference, Channel.WHATSAPP, address, "", said, purpose=purpose, country="IN")


def arrive(request: HttpRequest, now: datetime = NOW, **more: Any) -> EmulatedRequest:
    parts = urlsplit(request.url)
    return EmulatedRequest(request.method, parts.path, parts.query, request.headers, request.body, now, **more)


def exchange(state: InteraktState, request: HttpRequest) -> HttpResponse:
    return EMULATOR.handle(arrive(request), state).response


def submit(
    state: InteraktState, message: Outgoing, given: InteraktAccount | None = None, **more: Any
) -> tuple[Receipt, Handled]:
    handled = EMULATOR.handle(arrive(ADAPTER.build_submit(call(given), [message]), **more), state)
    (receipt,) = ADAPTER.parse_submit([message], handled.response)
    return receipt, handled


def encoded(secret: str) -> str:
    return b64encode(f"{secret}:".encode()).decode()


def ask(
    state: InteraktState, method: str, path: str, body: Any = None, *, key: str = KEY, now: datetime = NOW
) -> HttpResponse:
    split = urlsplit(f"{EMULATOR.base_path}/{path}")
    raw = msgspec.json.encode(body) if body is not None else b""
    headers = {"authorization": f"Basic {key}"}
    return EMULATOR.handle(EmulatedRequest(method, split.path, split.query, headers, raw, now), state).response


def document(response: HttpResponse | HttpRequest) -> Any:
    return msgspec.json.decode(response.body)


def registered(**console: Any) -> InteraktState:
    state = EMULATOR.new_state()
    fields = {"base_url": ORIGIN, "api_key": KEY, "webhook_secret": SECRET, "callback_url": CALLBACK_URL}
    EMULATOR.register(state, {**fields, **console})
    return state


def report(status: ReportStatus, kind: ErrorKind | None = None, code: str = "") -> Report:
    return Report(status, NOW + timedelta(seconds=9), kind, code)


def called_back(request: HttpRequest | None) -> CallbackRequest:
    assert request is not None
    return CallbackRequest(request.method, request.url, urlsplit(request.url).query, request.headers, request.body)


def person_writes(state: InteraktState, text: str = "Hello?") -> HttpRequest | None:
    (workspace,) = state.workspaces.values()
    return EMULATOR.inbound(state, account=workspace.name, sender=PERSON, recipient="", text=text, now=NOW)
