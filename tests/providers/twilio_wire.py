"""
Both sides of Twilio's wire joined without sockets: what the adapter builds, the emulator answers.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Text
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import Call, Outgoing, Receipt
from sendyard.providers.emulation import EmulatedRequest, Handled, Received, Report
from sendyard.providers.twilio import ADAPTER, EMULATOR
from sendyard.providers.twilio.spec import TwilioAccount
from sendyard.providers.twilio.switchboard import TwilioState
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
CALLBACK_URL = "https://gw.example.test/callbacks/twilio/tok"
AC = EMULATOR.sample_account["account_sid"]
TOKEN = EMULATOR.sample_account["auth_token"]
MG = f"MG{1:032x}"
SK = f"SK{1:032x}"
HX = f"HX{1:032x}"
PERSON = "+15551230001"
OURS = EMULATOR.sample_sender


def account(**fields: Any) -> TwilioAccount:
    return TwilioAccount(**{**EMULATOR.sample_account, **fields})


def call(given: TwilioAccount | None = None, *, now: datetime = NOW, callback_url: str = CALLBACK_URL) -> Call:
    exchange_id = "01a1fbba-0000-7000-8000-000000000001"
    return Call(given or account(), now, "0123456789abcdef", exchange_id, callback_url=callback_url)


def outgoing(
    content: Content | str = "Your order shipped.",
    *,
    to: str = PERSON,
    sender: str = OURS,
    channel: Channel = Channel.SMS,
    country: str = "US",
    reference: str = "ref-1",
) -> Outgoing:
    return Outgoing(
        message_id="m1",
        reference=reference,
        channel=channel,
        to=Address.phone(to),
        sender=sender,
        content=Text(content) if isinstance(content, str) else content,
        country=country,
    )


def arrive(request: HttpRequest, now: datetime = NOW, **more: Any) -> EmulatedRequest:
    """The request as the emulator's server hands it over."""
    parts = urlsplit(request.url)
    return EmulatedRequest(request.method, parts.path, parts.query, request.headers, request.body, now, **more)


def submit(state: TwilioState, message: Outgoing, given: Call | None = None, **more: Any) -> tuple[Receipt, Handled]:
    handled = EMULATOR.handle(arrive(ADAPTER.build_submit(given or call(), [message]), **more), state)
    (receipt,) = ADAPTER.parse_submit([message], handled.response)
    return receipt, handled


def ask(
    state: TwilioState,
    method: str,
    path: str,
    fields: Mapping[str, Any] | None = None,
    *,
    given: TwilioAccount | None = None,
    now: datetime = NOW,
) -> HttpResponse:
    """One request as a customer without our adapter would make it."""
    headers = ADAPTER.build_balance(call(given)).headers
    query = urlsplit(path).query
    body = urlencode(fields, doseq=True).encode() if fields else b""
    where = f"/2010-04-01/Accounts/{(given or account()).account_sid}{urlsplit(path).path}"
    return EMULATOR.handle(EmulatedRequest(method, where, query, headers, body, now), state).response


def document(response: HttpResponse) -> Any:
    return msgspec.json.decode(response.body)


def report(
    status: ReportStatus, kind: ErrorKind | None = None, code: str = "", *, after: timedelta = timedelta(seconds=9)
) -> Report:
    return Report(status, NOW + after, kind, code)


def called_back(request: HttpRequest | None) -> CallbackRequest:
    """What the emulator sent, as our server takes it in."""
    assert request is not None
    return CallbackRequest(request.method, request.url, urlsplit(request.url).query, request.headers, request.body)


def one(handled: Handled) -> Received:
    (received,) = handled.received
    return received
