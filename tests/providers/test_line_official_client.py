"""
The `line-bot-sdk` package from PyPI and our adapter say the same to LINE, and the emulator understands both.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import urllib3
from linebot.v3 import WebhookParser
from linebot.v3.exceptions import InvalidSignatureError
from linebot.v3.messaging import (
    ApiClient,
    ApiException,
    AudienceRecipient,
    ButtonsTemplate,
    Configuration,
    FlexBubble,
    FlexMessage,
    ImageMessage,
    MessagingApi,
    MulticastRequest,
    NarrowcastRequest,
    PostbackAction,
    PushMessageRequest,
    ReplyMessageRequest,
    TemplateMessage,
    TextMessage,
)
from linebot.v3.oauth import ApiClient as OAuthClient
from linebot.v3.oauth import ChannelAccessToken
from linebot.v3.oauth import Configuration as OAuthConfiguration
from linebot.v3.webhooks import FollowEvent, MessageEvent, PostbackEvent, UnfollowEvent

from sendyard.domain.content import Choice, Interactive, Media, MediaItem, TemplateRef
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending
from sendyard.providers.contract import Outgoing, Receipt, Refused
from sendyard.providers.emulation import Received, Refusal, Report
from sendyard.providers.line import ADAPTER, EMULATOR
from sendyard.providers.line.emulated_channel import LineState
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.providers.line_wire import CALLBACK_URL, NOW, SECRET, TOKEN, account, arrive, call, crowd, outgoing, person

KEY = "01a1fbba-0000-7000-8000-000000000001"
PICTURE = "https://files.example.test/a.png"


class Wire:
    """Stands in for the client's pool of connections: answers from the emulator, without a socket."""

    def __init__(self, state: LineState) -> None:
        self.state = state
        self.requests: list[HttpRequest] = []
        self.received: list[Received] = []
        self.refuses = ""

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: Any = None, fields: Any = None, **_: Any
    ) -> urllib3.HTTPResponse:
        raw = (body or "").encode() if isinstance(body, str | None) else body
        if fields:
            raw = urlencode(fields).encode()
        made = HttpRequest(method, url, {name.lower(): value for name, value in headers.items()}, raw)
        self.requests.append(made)
        refusal = Refusal(ErrorKind.INVALID_RECIPIENT)
        handled = EMULATOR.handle(arrive(made, refusal=lambda to: refusal if to == self.refuses else None), self.state)
        self.received += handled.received
        return urllib3.HTTPResponse(
            handled.response.body, headers=dict(handled.response.headers), status=handled.response.status
        )


@pytest.fixture
def wire() -> Wire:
    return Wire(EMULATOR.new_state())


def client(wire: Wire, token: str = TOKEN) -> MessagingApi:
    api = ApiClient(Configuration(access_token=token))
    api.rest_client.pool_manager = wire
    return MessagingApi(api)


def test_a_narrowcast_and_its_progress_are_the_same_by_the_official_client(wire: Wire) -> None:
    audience = outgoing("Sale starts now", to="audience:5614991017776")
    wanted = NarrowcastRequest(
        messages=[TextMessage(text="Sale starts now")], recipient=AudienceRecipient(audienceGroupId=5614991017776)
    )
    answer = client(wire).narrowcast_with_http_info(wanted, x_line_retry_key=KEY)
    theirs = wire.requests[-1]
    assert normal(theirs) == normal(ADAPTER.build_submit(call(account(audiences=True)), [audience]))
    assert answer.status_code == 202
    request_id = answer.headers["x-line-request-id"]
    assert client(wire).get_narrowcast_progress(request_id).phase == "waiting"
    pending = [Pending("ref-1", request_id, audience.to, NOW)]
    assert normal(wire.requests[-1]) == normal(ADAPTER.build_poll(call(), "", pending))
    for received in wire.received:
        EMULATOR.settle(wire.state, received, Report(ReportStatus.DELIVERED, NOW))
    told = client(wire).get_narrowcast_progress(request_id)
    assert (told.phase, told.success_count, told.target_count) == ("succeeded", 50, 50)


def normal(request: HttpRequest) -> tuple[Any, ...]:
    """A request without headers that only name the client, and without what is left at its default."""
    document = json.loads(request.body) if request.body else {}
    if document.get("notificationDisabled") is False:
        del document["notificationDisabled"]
    headers = {name.lower(): value for name, value in request.headers.items()}
    split = urlsplit(request.url)
    named = ("authorization", "x-line-retry-key", "accept")
    return request.method, split[:3], parse_qsl(split.query), document, [headers.get(name) for name in named]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (outgoing("包裹今天到 😀"), TextMessage(text="包裹今天到 😀")),
        (
            outgoing(Media([MediaItem("image/png", url=PICTURE)])),
            ImageMessage(originalContentUrl=PICTURE, previewImageUrl=PICTURE),
        ),
        (
            outgoing(Interactive("At home?", [Choice("home=1", "Yes")], header="Delivery")),
            TemplateMessage(
                altText="At home?",
                template=ButtonsTemplate(
                    title="Delivery",
                    text="At home?",
                    actions=[PostbackAction(label="Yes", data="home=1", displayText="Yes")],
                ),
            ),
        ),
        (
            outgoing(TemplateRef("flex", variables={"contents": '{"type":"bubble"}'}, body="Sale")),
            FlexMessage(altText="Sale", contents=FlexBubble.from_dict({"type": "bubble"})),
        ),
    ],
)
def test_both_push_the_same(wire: Wire, ours: Outgoing, theirs: Any) -> None:
    answer = client(wire).push_message(PushMessageRequest(to=person(), messages=[theirs]), x_line_retry_key=KEY)
    assert normal(ADAPTER.build_submit(call(), [ours])) == normal(wire.requests[0])
    assert answer.sent_messages[0].id == wire.received[0].provider_ref
    assert wire.received[0].text == ours.content.body


def test_both_multicast_the_same_and_a_repetition_is_told(wire: Wire) -> None:
    people = [person(number) for number in range(1, 4)]
    order = MulticastRequest(to=people, messages=[TextMessage(text="Sale")])
    api = client(wire)
    api.multicast(order, x_line_retry_key=KEY)
    assert normal(ADAPTER.build_submit(call(), crowd(3))) == normal(wire.requests[0])
    assert [received.to for received in wire.received] == people
    with pytest.raises(ApiException) as repeated:
        api.multicast(order, x_line_retry_key=KEY)
    assert repeated.value.status == 409
    assert repeated.value.headers["x-line-accepted-request-id"] == wire.received[0].provider_ref
    assert len(wire.received) == 3


def test_a_bad_key_is_refused_to_both(wire: Wire) -> None:
    with pytest.raises(ApiException) as refused:
        client(wire, "an-invalid-token").push_message(
            PushMessageRequest(to=person(), messages=[TextMessage(text="Hi")])
        )
    assert refused.value.status == 401
    (receipt,) = ours(wire, [outgoing()], token="an-invalid-token")
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.AUTH_FAILED


def ours(wire: Wire, batch: list[Outgoing], token: str = TOKEN) -> list[Receipt]:
    """What our adapter makes of the same wire."""
    request = ADAPTER.build_submit(call(account(channel_access_token=token)), batch)
    answer = wire.request(request.method, request.url, headers=request.headers, body=request.body)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return ADAPTER.parse_submit(batch, HttpResponse(answer.status, headers, answer.data))


@pytest.mark.parametrize("to", ["U123", person(7)])
def test_a_bad_recipient_is_refused_to_both(wire: Wire, to: str) -> None:
    wire.refuses = person(7)
    with pytest.raises(ApiException) as refused:
        client(wire).push_message(PushMessageRequest(to=to, messages=[TextMessage(text="Hi")]))
    assert refused.value.status == 400
    (receipt,) = ours(wire, [outgoing(to=to)])
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.INVALID_RECIPIENT


def test_the_client_reads_what_the_emulator_tells_of_the_channel(wire: Wire) -> None:
    EMULATOR.register(wire.state, {**EMULATOR.sample_account, "monthly_limit": 200, "used": 57, "verified": True})
    api = client(wire)
    quota = api.get_message_quota()
    assert (quota.type, quota.value, api.get_message_quota_consumption().total_usage) == ("limited", 200, 57)
    assert api.get_bot_info().basic_id.startswith("@")
    assert api.get_profile(person()).display_name == "Emulated person 0001"
    api.push_message(PushMessageRequest(to=person(), messages=[TextMessage(text="Hi")]))
    assert api.get_followers(limit=10).user_ids == [person()]
    assert api.get_number_of_sent_push_messages("20261120").success == 0
    mine = [ADAPTER.build_probe(call()), ADAPTER.build_usage(call()), ADAPTER.build_senders(call())]
    mine.append(ADAPTER.build_profile(call(), outgoing().to))
    assert [normal(request) for request in mine] == [normal(request) for request in wire.requests[:4]]


def test_the_client_signs_in_where_we_do(wire: Wire) -> None:
    api = OAuthClient(OAuthConfiguration())
    api.rest_client.pool_manager = wire
    issued = ChannelAccessToken(api).issue_stateless_channel_token_by_client_secret("1234567890", SECRET)
    assert (issued.expires_in, issued.token_type) == (900, "Bearer")
    request = ADAPTER.build_token(call(account(channel_access_token=None, channel_id="1234567890")))
    assert (request.method, request.url) == (wire.requests[0].method, wire.requests[0].url)
    assert sorted(parse_qsl(request.body.decode())) == sorted(parse_qsl(wire.requests[0].body.decode()))


def test_the_client_believes_and_reads_our_webhooks(wire: Wire) -> None:
    EMULATOR.register(wire.state, {**EMULATOR.sample_account, "callback_url": CALLBACK_URL})
    bot = wire.state.tokens[TOKEN].name
    parser = WebhookParser(SECRET)
    kinds = {"hi": MessageEvent, "/follow": FollowEvent, "/unfollow": UnfollowEvent, "/postback a=1": PostbackEvent}
    for text, kind in kinds.items():
        told = EMULATOR.inbound(wire.state, account=bot, sender=person(), recipient="", text=text, now=NOW)
        assert told is not None
        (event,) = parser.parse(told.body.decode(), told.headers["x-line-signature"])
        assert isinstance(event, kind)
        assert event.source.user_id == person()
        with pytest.raises(InvalidSignatureError):
            WebhookParser("another-secret").parse(told.body.decode(), told.headers["x-line-signature"])
        if text == "hi":
            reply = ReplyMessageRequest(replyToken=event.reply_token, messages=[TextMessage(text="hello")])
            assert client(wire).reply_message(reply).sent_messages
            assert wire.received[-1].to == person()
