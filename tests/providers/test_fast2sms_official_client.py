"""
`fast2sms` and `multi-sms` from PyPI, clients by others, send through the emulated Fast2SMS what we send.
"""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
import requests
from fast2sms import F2Client
from multi_sms import send_sms_otp
from requests.adapters import BaseAdapter

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, TemplateRef, Text
from sendyard.providers.contract import Outgoing
from sendyard.providers.emulation import EmulatedRequest, Received
from sendyard.providers.fast2sms import ADAPTER, EMULATOR
from sendyard.providers.fast2sms.spec import Fast2SmsAccount
from tests.providers.samples import NOW, call_for

KEY = EMULATOR.sample_account["api_key"]
DLT_ID, ENTITY = "1007165158208125858", "1401687770000073525"


class Wire(BaseAdapter):
    """Answers the client's requests from the emulator, without a socket, and keeps what they said."""

    def __init__(self) -> None:
        super().__init__()
        self.state = EMULATOR.new_state()
        EMULATOR.register(self.state, {"api_key": KEY})
        self.said: list[dict[str, str]] = []
        self.received: list[Received] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        self.said.append(dict(parse_qsl(parts.query)))
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        arrived = EmulatedRequest(str(request.method), parts.path, parts.query, headers, b"", NOW)
        handled = EMULATOR.handle(arrived, self.state)
        self.received += handled.received
        answer = requests.Response()
        answer.status_code = handled.response.status
        answer._content = handled.response.body
        return answer

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    monkeypatch.setattr(requests.Session, "get_adapter", lambda _self, url: made)
    monkeypatch.setattr("multi_sms.sender.time.sleep", lambda _seconds: None)
    return made


def ours(content: Content, sender: str = "ACMEIN", **fields: Any) -> dict[str, str]:
    account = Fast2SmsAccount(**{"api_key": KEY, "entity_id": ENTITY, **fields})
    registration = {"template_id": DLT_ID} if isinstance(content, Text) and not fields else {}
    to = Address.phone("+919876543210")
    message = Outgoing("m1", "ref-1", Channel.SMS, to, sender, content, registration=registration)
    said: dict[str, str] = msgspec.json.decode(ADAPTER.build_submit(call_for("fast2sms", account), [message]).body)
    # What we add, and what they add: the key stands in their address and in our header.
    assert said.pop("udf1") == "ref-1"
    return {**said, "authorization": KEY}


def test_every_route_is_said_as_we_say_it(wire: Wire) -> None:
    client = F2Client(KEY)
    answers = [
        client.send_otp("9876543210", "482913"),
        client.send_dlt("9876543210", "ACMEIN", "111112", "Asha|A-17"),
        client.quick_sms("9876543210", "Hi"),
        client.dlt_manual_sms("9876543210", "ACMEIN", "Hi", DLT_ID, ENTITY),
    ]
    assert [answer.json()["return"] for answer in answers] == [True] * 4
    assert wire.said == [
        ours(TemplateRef("otp", variables={"code": "482913"})),
        ours(TemplateRef("111112", variables={"1": "Asha", "2": "A-17"})),
        ours(Text("Hi"), text_route="quick"),
        ours(Text("Hi")),
    ]
    texts = ["Your OTP: 482913", "Hi Asha, your ACME order A-17 is packed.", "Hi", "Hi"]
    assert [one.text for one in wire.received] == texts


def test_the_wallet_is_the_same_question(wire: Wire) -> None:
    answer = F2Client(KEY).wallet_balance()
    assert answer.json()["wallet"] == "1000000000.0000"


def test_a_bad_key_is_refused(wire: Wire) -> None:
    answer = F2Client("invalid-key").send_otp("9876543210", "482913")
    assert (answer.status_code, answer.json()["status_code"]) == (401, 412)
    assert wire.received == []


def test_a_bad_number_is_refused(wire: Wire) -> None:
    answer = F2Client(KEY).quick_sms("12345", "Hi")
    assert (answer.status_code, answer.json()["status_code"]) == (400, 411)
    assert wire.received == []


@pytest.mark.parametrize(("key", "sent"), [(KEY, True), ("invalid-key", False)])
def test_another_client_sends_its_code_too(wire: Wire, key: str, *, sent: bool) -> None:
    assert bool(send_sms_otp("+919876543210", "482913", methods=[{"method": "FAST2SMS", "api_key": key}])) is sent
    assert [one.text for one in wire.received] == ["Your OTP: 482913"] * sent
