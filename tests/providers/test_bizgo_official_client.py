"""
The `bizgo-sdk-comm` package from PyPI and our adapter say the same to BizGO, and the emulator understands both.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from bizgo import (
    APIError,
    AuthenticationError,
    Bizgo,
    RateLimitError,
)
from bizgo.models import AlimtalkMessage, Destination, MmsMessage, SmsMessage
from bizgo.webhooks import WebhookReceiver
from pydantic import SecretStr

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, TemplateRef, Text
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import MediaFile
from sendyard.providers.bizgo import ADAPTER, EMULATOR
from sendyard.providers.bizgo.spec import BizgoAccount
from sendyard.providers.contract import Call, Outgoing
from sendyard.providers.emulation import Report
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.providers.bizgo_wire import CALLBACK_URL, KEY, NOW, SECRET, Yard

JPEG = b"\xff\xd8\xff\xe0 invented \xff\xd9"
CALL = Call(
    account=BizgoAccount(api_key=SecretStr(KEY), base_url="http://127.0.0.1/api/comm"),
    now=NOW,
    nonce="0123456789abcdef",
    exchange_id="exchange-1",
)


class Wire(Yard):
    """Answers the client's requests from the emulator, without a socket, and keeps them."""

    def __init__(self, **console: Any) -> None:
        super().__init__(**console)
        self.requests: list[HttpRequest] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.read()
        self.requests.append(HttpRequest(request.method, str(request.url), headers, body))
        path = request.url.raw_path.decode("ascii").partition("?")[0].removeprefix("/api/comm/v1/")
        query = request.url.query.decode("ascii")
        response: HttpResponse = self.ask(
            request.method, path, query, body, key=headers.get("authorization", ""), headers=headers
        )
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body)

    def client(self, key: str = KEY) -> Bizgo:
        transport = httpx.Client(transport=httpx.MockTransport(self.answer))
        return Bizgo(api_key=key, base_url="http://127.0.0.1", rate_limit=None, max_retries=0, http_client=transport)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def client(wire: Wire) -> Iterator[Bizgo]:
    made = wire.client()
    yield made
    made.close()


def ours(*batch: Outgoing) -> HttpRequest:
    return ADAPTER.build_submit(CALL, batch)


def message(number: int, content: Content, channel: Channel = Channel.SMS, **fields: Any) -> Outgoing:
    to = Address.phone(f"+82100000000{number}")
    return Outgoing(f"m{number}", f"ref-{number}", channel, to, "15880000", content, country="KR", **fields)


def assert_same(theirs: HttpRequest, own: HttpRequest) -> None:
    """Same place, same key, same meaning; the client names itself in further headers."""
    assert theirs.method == own.method
    assert urlsplit(theirs.url).path == urlsplit(own.url).path
    for name in ("authorization", "accept"):
        assert theirs.headers[name] == own.headers[name]
    if own.body:
        assert theirs.headers["content-type"] == own.headers["content-type"]
        assert json.loads(theirs.body) == json.loads(own.body)


def destination(number: int, **fields: Any) -> Destination:
    return Destination(to=f"0100000000{number}", ref=f"ref-{number}", **fields)


def test_a_text_message_is_the_same_request(wire: Wire, client: Bizgo) -> None:
    result = client.send.omni(
        to=[destination(1), destination(2)],
        messages=[SmsMessage(from_="15880000", text="안내")],
        idempotency_key="exchange-1",
    )
    assert_same(wire.requests[0], ours(message(1, Text("안내")), message(2, Text("안내"))))
    assert [one.code for one in result.destinations] == ["A000", "A000"]
    assert [received.text for received in wire.received] == ["안내", "안내"]


def test_a_personal_text_is_the_same_request(wire: Wire, client: Bizgo) -> None:
    client.send.omni(
        to=[destination(1, replace_words={"text": "가님"}), destination(2, replace_words={"text": "나님"})],
        messages=[SmsMessage(from_="15880000", text="#{text}")],
        idempotency_key="exchange-1",
    )
    assert_same(wire.requests[0], ours(message(1, Text("가님")), message(2, Text("나님"))))
    assert [received.text for received in wire.received] == ["가님", "나님"]


def test_a_long_text_with_a_title_is_the_same_request(wire: Wire, client: Bizgo) -> None:
    client.send.omni(
        to=destination(1),
        messages=[MmsMessage(from_="15880000", text="가" * 100, title="안내")],
        idempotency_key="exchange-1",
    )
    assert_same(wire.requests[0], ours(message(1, Text("가" * 100, title="안내"))))


def test_an_upload_and_its_picture_message_are_the_same_requests(wire: Wire, client: Bizgo) -> None:
    key = client.files.upload_mms(JPEG, filename="a.jpg").file_key
    assert key
    own = ADAPTER.build_upload(CALL, MediaFile(Channel.MMS, "a.jpg", "image/jpeg", JPEG))
    theirs = wire.requests[0]
    boundary = theirs.headers["content-type"].partition("boundary=")[2]
    assert theirs.body.replace(boundary.encode(), b"sendyard-0123456789abcdef") == own.body
    assert urlsplit(theirs.url).path == urlsplit(own.url).path

    client.send.omni(
        to=destination(1),
        messages=[MmsMessage(from_="15880000", text="새 메뉴", file_key=[key])],
        idempotency_key="exchange-1",
    )
    picture = Media((MediaItem("image/jpeg", handle=key),), "새 메뉴")
    assert_same(wire.requests[1], ours(message(1, picture, Channel.MMS)))
    assert wire.received[0].media == (key,)


def test_a_flow_with_fallback_is_the_same_request(wire: Wire, client: Bizgo) -> None:
    client.send.omni(
        to=destination(1),
        messages=[
            AlimtalkMessage(sender_key="SK", template_code="T", msg_type="AT", text="접수되었습니다."),
            SmsMessage(from_="15880000", text="접수되었습니다."),
        ],
        idempotency_key="exchange-1",
    )
    kakao = TemplateRef("T", body="접수되었습니다.")
    own = message(
        1,
        kakao,
        Channel.ALIMTALK,
        registration={"sender_key": "SK"},
        fallback=((Channel.SMS, Text("접수되었습니다.")),),
    )
    assert_same(wire.requests[0], ours(own))


def test_a_repeated_key_is_a_duplicate_for_the_client_too(client: Bizgo) -> None:
    given: dict[str, Any] = {"to": "01000000001", "from_": "15880000", "text": "hi", "idempotency_key": "k"}
    assert client.send.sms(**given).destinations[0].msg_key
    again = client.send.sms(**given)
    assert [one.code for one in again.duplicates] == ["A301"]


def test_a_bad_number_fails_alone_for_the_client_too(client: Bizgo) -> None:
    result = client.send.sms(to=["01000000001", "0100000"], from_="15880000", text="hi")
    assert [one.code for one in result.failed] == ["A306"]


def test_a_wrong_key_is_an_authentication_error(wire: Wire) -> None:
    with pytest.raises(AuthenticationError):
        wire.client("an-invalid-key").send.sms(to="01000000001", from_="15880000", text="hi")


def test_too_fast_is_a_rate_limit_error() -> None:
    wire = Wire(send_rate=1)
    client = wire.client()
    wire.step *= 0
    client.send.sms(to="01000000001", from_="15880000", text="hi")
    with pytest.raises(RateLimitError):
        client.send.sms(to="01000000001", from_="15880000", text="hi")


def test_an_unregistered_sender_is_the_services_error() -> None:
    client = Wire(senders=["16009064"]).client()
    with pytest.raises(APIError) as refused:
        client.send.sms(to="01000000001", from_="15880000", text="hi")
    assert refused.value.code == "A327"


def test_polling_and_acknowledging_are_the_same_requests(wire: Wire, client: Bizgo) -> None:
    client.send.sms(to="01000000001", from_="15880000", text="hi", ref="r1")
    EMULATOR.settle(wire.state, wire.received[0], Report(ReportStatus.DELIVERED, wire.now))
    batch = client.reports.poll()
    assert [(one.report_code, one.ref) for one in batch.reports] == [("10000", "r1")]
    assert_same(wire.requests[-1], ADAPTER.build_poll(CALL, "", ()))
    answer = wire.ask("GET", "report/polling")
    acknowledge = ADAPTER.parse_poll(CALL, (), answer).acknowledge
    client.reports.ack(batch.report_id)
    assert acknowledge
    assert_same(wire.requests[-1], acknowledge)
    assert client.reports.poll().empty
    assert [one.report_code for one in client.reports.inquiry(wire.received[0].provider_ref)] == ["10000"]


def test_history_and_statistics_are_the_same_requests(wire: Wire, client: Bizgo) -> None:
    client.send.sms(to="01000000001", from_="15880000", text="hi", ref="r1")
    page = client.messages.history("2026-11-21T10:59:30", limit=1000)
    own = ADAPTER.build_lookup(CALL, message(1, Text("hi")), NOW)
    assert httpx.URL(own.url).params == httpx.URL(wire.requests[-1].url).params
    assert_same(wire.requests[-1], own)
    assert [one.ref for one in page.messages] == ["r1"]
    key = page.messages[0].msg_key
    assert key
    assert client.messages.status(key)[0].to == "01000000001"
    assert len(client.messages.status_by_request_id(key[:-3])) == 1

    (day,) = client.messages.statistics("20261121", "20261121")
    probe = ADAPTER.build_probe(CALL)
    assert httpx.URL(probe.url).params == httpx.URL(wire.requests[-1].url).params
    assert_same(wire.requests[-1], probe)
    assert day.recv_succ_cnt == 1


def test_the_emulators_callbacks_satisfy_the_official_receiver() -> None:
    wire = Wire(callback_url=CALLBACK_URL, webhook_secret=SECRET)
    wire.client().send.sms(to="01000000001", from_="15880000", text="hi", ref="r1")
    callback = EMULATOR.settle(wire.state, wire.received[0], Report(ReportStatus.DELIVERED, wire.now))
    assert callback
    receiver = WebhookReceiver(SECRET, tolerance=None)
    assert receiver.report(dict(callback.headers), callback.body).report_code == "10000"
    written = EMULATOR.inbound(
        wire.state, account=KEY, sender="+821000000001", recipient="0220001234", text="거부", now=wire.now
    )
    assert written
    assert receiver.mo(dict(written.headers), written.body).content == "거부"
    (kept,) = wire.client().messages.mo_history("2026-11-21T10:00:00+09:00").messages
    assert kept.originator == "01000000001"
