"""
Both sides of Meta's wire joined without sockets: an account, its webhooks, and requests made by hand.
"""

import json
from datetime import timedelta
from typing import Any

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, TemplateRef
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import (
    Accepted,
    DeliveryEvent,
    Inbound,
    Outgoing,
    Receipt,
    Refused,
)
from sendyard.providers.emulation import Report
from sendyard.providers.meta_cloud import EMULATOR
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.providers.wire_pair import Pair

ID, WABA = EMULATOR.sample_account["phone_number_id"], EMULATOR.sample_account["waba_id"]
PERSON = Address.phone("+919812345678")
USER = Address(AddressKind.WHATSAPP_ID, "US.13491208655302741918")


def pair(**console: Any) -> Pair:
    """A registered account with a callback address."""
    return Pair("meta_cloud", callbacks=True, console=console)


def send(line: Pair, content: Content, to: Address = PERSON, sender: str = "") -> Receipt:
    message = Outgoing("m1", "ref-1", Channel.WHATSAPP, to, sender, content)
    (receipt,) = line.submit([message])
    return receipt


def code_of(receipt: Receipt) -> str:
    """Why it was refused; "" for a message that was taken."""
    assert isinstance(receipt, Accepted | Refused), receipt
    return receipt.error.code if isinstance(receipt, Refused) else ""


def ask(line: Pair, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
    """One request without our adapter."""
    token = line.account.model_dump()["access_token"].get_secret_value()
    raw = b"" if body is None else json.dumps(body).encode()
    given = {"authorization": f"Bearer {token}", "content-type": "application/json", **headers}
    return line.exchange(HttpRequest(method, f"http://emulator.test/v25.0{path}", given, raw))


def said(response: HttpResponse) -> Any:
    return json.loads(response.body)


def error(response: HttpResponse) -> tuple[int, int, int | None]:
    found = said(response)["error"]
    return response.status, found["code"], found.get("error_subcode")


def events(line: Pair, callback: HttpRequest | None) -> list[Any]:
    assert callback
    return list(line.hear(callback).events)


def report(line: Pair, status: ReportStatus = ReportStatus.DELIVERED, **failure: Any) -> DeliveryEvent:
    """Let a report of the last message happen; what our adapter reads of it."""
    callback = EMULATOR.settle(line.state, line.received[-1], Report(status, line.now, **failure))
    (event,) = events(line, callback)
    assert isinstance(event, DeliveryEvent)
    return event


def write(line: Pair, text: str = "Hi", sender: str = PERSON.value) -> Inbound:
    callback = EMULATOR.inbound(line.state, account=ID, sender=sender, recipient=ID, text=text, now=line.now)
    (event,) = events(line, callback)
    assert isinstance(event, Inbound)
    return event


HELLO = TemplateRef("sample_message", "en_US", {"1": "Your order shipped."}, "Your order shipped.")


BASE = {"messaging_product": "whatsapp", "to": "919812345678"}


def send_at_once(line: Pair, to: Address = PERSON) -> Receipt:
    """Send without time passing."""
    line.now -= timedelta(seconds=1)
    return send(line, HELLO, to)
