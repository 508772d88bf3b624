"""
The `mitake` package from PyPI and our adapter say the same to Mitake, and the emulator understands both.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from mitake import APIError, MitakeClient
from requests.adapters import BaseAdapter

from sendyard.domain.addresses import Address
from sendyard.providers.abilities import Pending
from sendyard.providers.contract import Outgoing
from sendyard.providers.mitake import ADAPTER, EMULATOR
from sendyard.providers.mitake.counter import MitakeState
from sendyard.providers.wire import HttpRequest
from tests.providers.mitake_wire import CALLBACK_URL, arrive, call, outgoing

if TYPE_CHECKING:
    from sendyard.providers.emulation import Received

LOGIN = dict(EMULATOR.sample_account)


class Wire(BaseAdapter):
    """Answers the client's requests from the emulator, without a socket, and keeps them."""

    def __init__(self, state: MitakeState) -> None:
        super().__init__()
        self.state = state
        self.requests: list[HttpRequest] = []
        self.received: list[Received] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body = request.body or b""
        assert isinstance(body, str | bytes)
        raw = body.encode() if isinstance(body, str) else body
        made = HttpRequest(str(request.method), str(request.url), {}, raw)
        self.requests.append(made)
        handled = EMULATOR.handle(arrive(made), self.state)
        self.received += handled.received
        answer = requests.Response()
        answer.status_code = handled.response.status
        answer.headers.update(handled.response.headers)
        answer._content = handled.response.body
        answer.encoding = "big5"
        answer.request = request
        return answer

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def wire() -> Wire:
    return Wire(EMULATOR.new_state())


def client(wire: Wire, **login: str) -> MitakeClient:
    made = MitakeClient(**{**LOGIN, **login}, base_url="https://emulator.test")
    made.session.mount("https://", wire)
    return made


def parameters(request: HttpRequest) -> dict[str, str]:
    """All parameters of a form, wherever they stand: Mitake takes them in the query as in the body."""
    query = urlsplit(request.url).query
    return dict(parse_qsl(query) + parse_qsl(request.body.decode()))


def records(request: HttpRequest) -> list[list[str]]:
    return [line.split("$$") for line in request.body.decode().replace("\r\n", "\n").split("\n")]


def ours(number: int, text: str, to: str) -> Outgoing:
    return outgoing(number, text, to=to)


def test_a_single_message_is_the_same_request(wire: Wire) -> None:
    answer = client(wire).send_sms("0912345678", "【幸福氣】A&B=100% +1")
    assert answer["statuscode"] == "1"
    assert answer["msgid"] == "0000000001"
    theirs = parameters(wire.requests[0])
    made = ADAPTER.build_submit(call(), [ours(1, "【幸福氣】A&B=100% +1", "+886912345678")])
    mine = parameters(made)
    # What we add: the key against duplicates, the callback address and the question for the price.
    extra = {"clientid": "ref-1", "response": CALLBACK_URL, "smsPointFlag": "1"}
    assert mine == {**theirs, **extra}
    assert urlsplit(made.url).path == urlsplit(wire.requests[0].url).path
    assert made.method == wire.requests[0].method
    assert [(one.to, one.text) for one in wire.received] == [("+886912345678", "【幸福氣】A&B=100% +1")]


def test_several_messages_are_the_same_records(wire: Wire) -> None:
    batch = [ours(1, "【幸福氣】一", "+886912345678"), ours(2, "two; $5", "+886922333444")]
    client(wire).send_batch_sms(
        [
            {
                "to": f"0{one.to.value.removeprefix('+886')}",
                "message": getattr(one.content, "body", ""),
                "message_id": one.reference,
                "callback_url": CALLBACK_URL,
            }
            for one in batch
        ]
    )
    made = ADAPTER.build_submit(call(), batch)
    assert records(made) == records(wire.requests[0])
    query = dict(parse_qsl(urlsplit(made.url).query))
    assert query.pop("smsPointFlag") == "1"
    assert query == dict(parse_qsl(urlsplit(wire.requests[0].url).query))
    assert [(one.to, one.reference, one.callback_url) for one in wire.received] == [
        (one.to.value, one.reference, CALLBACK_URL) for one in batch
    ]


def test_the_balance_is_the_same_question(wire: Wire) -> None:
    EMULATOR.register(wire.state, {**LOGIN, "credit": 110})
    assert client(wire).query_account_balance() == {"AccountPoint": "110"}
    made = ADAPTER.build_balance(call())
    assert parameters(made) == parameters(wire.requests[0])
    assert urlsplit(made.url).path == urlsplit(wire.requests[0].url).path


def test_refusals_reach_the_client_as_mitake_words_them(wire: Wire) -> None:
    refused = client(wire, password="invalid-1").send_sms("0912345678", "x")
    assert refused == {"statuscode": "e", "Error": "帳號、密碼錯誤"}
    landline = client(wire).send_sms("0223456789", "x")
    assert (landline["statuscode"], landline["Error"]) == ("v", "無效的手機號碼")
    assert wire.received == []


def test_the_clients_status_query_asks_at_an_address_that_the_specification_does_not_have(wire: Wire) -> None:
    with pytest.raises(APIError, match="404"):
        client(wire).query_message_status(["0000000001"])
    assert urlsplit(wire.requests[0].url).path == "/api/mtk/SmQueryGet"


def test_our_status_query_reads_what_the_client_sent(wire: Wire) -> None:
    client(wire).send_sms("0912345678", "x")
    pending = [Pending("", "0000000001", Address.phone("+886912345678"), call().now)]
    answer = EMULATOR.handle(arrive(ADAPTER.build_poll(call(), "", pending)), wire.state).response
    assert len(ADAPTER.parse_poll(call(), pending, answer).events) == 1
