"""
Interakt's own `interakt-track-python` tracks users and events at the emulator, with the bare secret as its key.
"""

from importlib import import_module
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from sendyard.domain.addresses import Address
from sendyard.providers.interakt import ADAPTER, EMULATOR
from sendyard.providers.interakt.emulated_state import InteraktState
from sendyard.providers.wire import HttpRequest
from tests.providers.interakt_wire import DIGITS, PERSON, account, arrive, ask, call, document, exchange

SECRET = "interakt-demo-secret"


class Wire(BaseAdapter):
    """Answers the client's requests from the emulator, without a socket, and keeps them."""

    def __init__(self, state: InteraktState) -> None:
        super().__init__()
        self.state = state
        self.requests: list[HttpRequest] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        assert isinstance(request.body, bytes)
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        made = HttpRequest(str(request.method), str(request.url), headers, request.body)
        self.requests.append(made)
        said = EMULATOR.handle(arrive(made), self.state).response
        answer = requests.Response()
        answer.status_code = said.status
        answer._content = said.body
        answer.request = request
        return answer

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire(EMULATOR.new_state())
    session = requests.Session()
    session.mount("https://", made)
    monkeypatch.setattr(import_module("track.request"), "_session", session)
    return made


def client(key: str = SECRET) -> Any:
    return import_module("track.client").Client(key, host="https://emulator.test", sync_mode=True)


def test_a_user_is_tracked_and_is_the_contact_that_we_push(wire: Wire) -> None:
    answer = client().user(country_code="+91", phone_number=DIGITS[2:], traits={"name": "Asha"})
    assert (answer.status_code, answer.json()["result"]) == (202, True)
    given = call(account(api_key=SECRET, encode_key="always"))
    ours = ADAPTER.build_contact(given, Address.phone(PERSON), "Asha", {"city": "Pune"})
    assert exchange(wire.state, ours).status == 202
    (theirs,) = wire.requests
    assert theirs.headers["authorization"] == ours.headers["authorization"]
    assert theirs.url.partition("/v1/")[2] == ours.url.partition("/v1/")[2]
    (found,) = document(ask(wire.state, "GET", f"apis/users/phone_number/{DIGITS[2:]}"))["data"]["customers"]
    assert found["traits"] == {"name": "Asha", "city": "Pune"}


def test_an_event_is_tracked(wire: Wire) -> None:
    answer = client().event(event="order_placed", phone_number=DIGITS[2:], traits={"amount": 7})
    assert (answer.status_code, bool(answer.json()["id"])) == (201, True)
    assert document(wire.requests[0])["event"] == "order_placed"


@pytest.mark.usefixtures("wire")
@pytest.mark.parametrize("key", ["invalid-secret", "aW50ZXJha3QtZGVtby1zZWNyZXQ6"])
def test_a_bad_key_and_one_encoded_already_are_refused(key: str) -> None:
    with pytest.raises(import_module("track.request").APIError) as refused:
        client(key).user(phone_number=DIGITS[2:])
    assert (refused.value.status_code, refused.value.message) == (401, "Invalid token provided")


@pytest.mark.usefixtures("wire")
def test_a_bad_recipient_is_refused() -> None:
    with pytest.raises(import_module("track.request").APIError) as refused:
        client().user(phone_number="1")
    assert (refused.value.status_code, refused.value.message) == (400, "Phone number is not valid")
