"""
`multi-sms` from PyPI, a client by others, sends codes through the emulated 2Factor as we do.
"""

from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from multi_sms import send_sms_otp
from requests.adapters import BaseAdapter

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef
from sendyard.providers.contract import Outgoing
from sendyard.providers.emulation import EmulatedRequest, Received
from sendyard.providers.twofactor import ADAPTER, EMULATOR
from sendyard.providers.twofactor.spec import TwoFactorAccount
from tests.providers.samples import NOW, call_for

KEY = EMULATOR.sample_account["api_key"]


class Wire(BaseAdapter):
    """Answers the client's requests from the emulator, without a socket, and keeps their addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.state = EMULATOR.new_state()
        # The name that the client gives every template.
        EMULATOR.register(self.state, {"api_key": KEY, "templates": {"OTP1": "{#var#} is your code."}})
        self.urls: list[str] = []
        self.received: list[Received] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        self.urls.append(str(request.url))
        arrived = EmulatedRequest(str(request.method), parts.path, parts.query, {}, b"", NOW)
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


def send(to: str = "+919876543210", code: str = "482913", key: str = KEY) -> bool:
    return bool(send_sms_otp(to, code, methods=[{"method": "2FACTOR", "api_key": key}]))


def test_its_code_arrives_at_the_same_address_as_ours(wire: Wire) -> None:
    assert send()
    assert [(one.to, one.text) for one in wire.received] == [("+919876543210", "482913 is your code.")]
    content = TemplateRef("OTP1", variables={"otp": "482913"})
    ours = Outgoing("m1", "r1", Channel.SMS, Address.phone("+919876543210"), "", content)
    call = call_for("twofactor", TwoFactorAccount(api_key=KEY))  # type: ignore[arg-type]
    assert ADAPTER.build_submit(call, [ours]).url == wire.urls[0]


def test_a_bad_key_is_refused(wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    assert not send(key="invalid-key")
    assert "Invalid API Key" in capsys.readouterr().out
    assert wire.received == []


def test_a_bad_number_is_refused(wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    assert not send(to="+91123")
    assert "Invalid Phone Number" in capsys.readouterr().out
    assert wire.received == []
