"""
The emulated LINE: what it takes and refuses, what it counts, and whom it tells.
"""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from sendyard.domain.content import Choice, Interactive, Media, MediaItem, TemplateRef
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Profile, Token
from sendyard.providers.contract import Accepted, Inbound, Receipt, Refused
from sendyard.providers.emulation import EmulatedRequest, Refusal, Report
from sendyard.providers.line import ADAPTER, EMULATOR
from sendyard.providers.line.emulated_channel import LineState
from tests.providers.line_wire import (
    CALLBACK_URL,
    GROUP,
    NOW,
    SECRET,
    TOKEN,
    account,
    arrive,
    ask,
    call,
    called_back,
    crowd,
    document,
    outgoing,
    person,
    submit,
)

PUSH = {"to": person(), "messages": [{"type": "text", "text": "Hello"}]}
KEY = "123e4567-e89b-12d3-a456-426614174000"


@pytest.fixture
def state() -> LineState:
    return EMULATOR.new_state()


def registered(state: LineState, **fields: Any) -> str:
    """Register the sample channel; gives its Official Account's id."""
    EMULATOR.register(state, {**EMULATOR.sample_account, "callback_url": CALLBACK_URL, **fields})
    return state.tokens[TOKEN].name


def kinds(receipts: list[Receipt]) -> list[ErrorKind | None]:
    return [receipt.error.kind if isinstance(receipt, Refused) else None for receipt in receipts]


def push(state: LineState, **fields: Any) -> tuple[int, str]:
    response = ask(state, "POST", "/v2/bot/message/push", {**PUSH, **fields})
    return response.status, document(response).get("message", "")


def test_five_hundred_people_get_one_multicast_and_a_push_has_an_id_of_its_own(state: LineState) -> None:
    receipts, handled = submit(state, crowd(500, "包裹今天到 😀"))
    assert [received.to for received in handled.received] == [person(number) for number in range(1, 501)]
    assert {received.text for received in handled.received} == {"包裹今天到 😀"}
    request_id = handled.response.headers["x-line-request-id"]
    assert {receipt.provider_ref for receipt in receipts if isinstance(receipt, Accepted)} == {request_id}
    (receipt,), alone = submit(state, [outgoing(to=GROUP, sender="Shop")], call(exchange=2))
    (received,) = alone.received
    assert receipt == Accepted("m1", received.provider_ref, 1)
    assert (received.to, received.sender) == (GROUP, "Shop")
    assert received.provider_ref != request_id


def test_a_repeated_call_is_answered_409_and_sends_nothing_for_a_day(state: LineState) -> None:
    for batch, exchange in ((crowd(1), 1), (crowd(3), 2)):
        first, handled = submit(state, batch, call(exchange=exchange))
        assert len(handled.received) == len(batch)
        again, repeated = submit(state, batch, call(exchange=exchange, now=NOW + timedelta(hours=23)))
        assert repeated.response.status == 409
        assert not repeated.received
        assert [one.provider_ref for one in first if isinstance(one, Accepted)] == [
            one.provider_ref for one in again if isinstance(one, Accepted)
        ]
    _, late = submit(state, crowd(1), call(exchange=1, now=NOW + timedelta(hours=25)))
    assert len(late.received) == 1


def test_a_refused_call_does_not_use_up_its_key(state: LineState) -> None:
    refused, _ = submit(state, crowd(1), refusal=lambda _to: Refusal(ErrorKind.THROTTLED))
    assert kinds(refused) == [ErrorKind.THROTTLED]
    assert len(submit(state, crowd(1))[1].received) == 1


def test_a_retry_key_is_a_uuid_and_no_reply_takes_one(state: LineState) -> None:
    assert [ask(state, "POST", "/v2/bot/message/push", PUSH).status for _ in range(2)] == [200, 200]
    assert ask(state, "POST", "/v2/bot/message/push", PUSH, x_line_retry_key="once").status == 400
    assert ask(state, "POST", "/v2/bot/message/reply", PUSH, x_line_retry_key=KEY).status == 400


def test_the_month_and_the_second_are_refused_with_different_sentences(state: LineState) -> None:
    registered(state, monthly_limit=3, used=1)
    assert kinds(submit(state, crowd(3))[0]) == [ErrorKind.OUT_OF_CREDIT] * 3
    assert kinds(submit(state, crowd(2), call(exchange=2))[0]) == [None] * 2
    assert push(state) == (429, "You have reached your monthly limit.")
    usage = ADAPTER.parse_usage(call(), EMULATOR.handle(arrive(ADAPTER.build_usage(call())), state).response)
    assert usage == {"used": "3"}
    probe = ADAPTER.parse_probe(call(), EMULATOR.handle(arrive(ADAPTER.build_probe(call())), state).response)
    assert probe.facts["limit"] == "3"

    other = EMULATOR.new_state()
    statuses = [submit(other, crowd(2), call(exchange=count))[1].response for count in range(201)]
    assert [response.status for response in statuses] == [200] * 200 + [429]
    assert document(statuses[-1])["message"] == "The API rate limit has been exceeded. Try again later."
    later = call(exchange=999, now=NOW + timedelta(milliseconds=5))
    assert submit(other, crowd(2), later)[1].response.status == 200


def test_who_blocked_the_account_gets_nothing_and_is_not_counted(state: LineState) -> None:
    registered(state, blocked=[person(2)])
    receipts, handled = submit(state, crowd(3))
    assert kinds(receipts) == [None] * 3
    assert [received.to for received in handled.received] == [person(1), person(3)]
    assert state.tokens[TOKEN].used == 2
    alone, nothing = submit(state, [outgoing(number=2)], call(exchange=2))
    assert (kinds(alone), list(nothing.received)) == ([None], [])


def test_a_stranger_is_left_out_of_a_multicast_and_refused_alone(state: LineState) -> None:
    def refusal(to: str) -> Refusal | None:
        return Refusal(ErrorKind.INVALID_RECIPIENT) if to == person(2) else None

    receipts, handled = submit(state, crowd(3), refusal=refusal)
    assert kinds(receipts) == [None] * 3
    assert [received.to for received in handled.received] == [person(1), person(3)]
    alone, nothing = submit(state, [outgoing(number=2)], call(exchange=2), refusal=refusal)
    assert (kinds(alone), nothing.received) == ([ErrorKind.INVALID_RECIPIENT], ())


def test_a_malformed_id_refuses_the_whole_multicast_and_only_it_is_blamed(state: LineState) -> None:
    batch = crowd(3)
    batch[1] = outgoing("Sale", number=2, to="U123")
    receipts, handled = submit(state, batch)
    assert kinds(receipts) == [ErrorKind.UNAVAILABLE, ErrorKind.INVALID_RECIPIENT, ErrorKind.UNAVAILABLE]
    assert handled.received == ()
    for to in ([], [person()] * 501, person(), None, [GROUP]):
        body = {**PUSH, "to": to}
        assert ask(state, "POST", "/v2/bot/message/multicast", body).status == 400


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        ([], "messages"),
        ([{"type": "text", "text": "a"}] * 6, "messages"),
        (["text"], "messages[0]"),
        ([{"type": "text", "text": ""}], "messages[0].text"),
        ([{"type": "text", "text": "a" * 5001}], "messages[0].text"),
        ([{"type": "hologram"}], "messages[0].type"),
        ([{"type": "image", "originalContentUrl": "http://x.test/a"}], "messages[0].originalContentUrl"),
        ([{"type": "flex", "altText": "a", "contents": {}}], "messages[0].contents"),
        ([{"type": "template", "altText": "a", "template": {}}], "messages[0].template.type"),
        (
            [{"type": "template", "altText": "a", "template": {"type": "buttons", "text": "a", "actions": []}}],
            "messages[0].template.actions",
        ),
        (
            [{"type": "template", "altText": "a", "template": {"type": "buttons", "text": "a", "actions": ["x"]}}],
            "messages[0].template.actions[0].label",
        ),
        (
            [
                {
                    "type": "template",
                    "altText": "a",
                    "template": {"type": "confirm", "text": "a", "actions": [{"type": "postback", "label": "a"}]},
                }
            ],
            "messages[0].template.actions[0].data",
        ),
    ],
)
def test_a_bad_message_is_refused_with_the_name_of_its_fault(state: LineState, messages: list[Any], named: str) -> None:
    for path in ("push", "validate/push"):
        response = ask(state, "POST", f"/v2/bot/message/{path}", {**PUSH, "messages": messages})
        assert response.status == 400
        assert document(response)["details"][0]["property"] == named


@pytest.mark.parametrize(
    "fields", [{"customAggregationUnits": ["a", "b"]}, {"customAggregationUnits": ["-"]}, {"notificationDisabled": 1}]
)
def test_what_stands_beside_the_messages_is_looked_at_too(state: LineState, fields: dict[str, Any]) -> None:
    assert push(state, **fields)[0] == 400


def test_good_messages_validate_without_being_sent(state: LineState) -> None:
    assert document(ask(state, "POST", "/v2/bot/message/validate/push", PUSH)) == {}
    assert state.tokens[TOKEN].used == 0


def test_a_body_that_is_too_large_or_no_object_is_refused(state: LineState) -> None:
    assert ask(state, "POST", "/v2/bot/message/push", b" " * (2 * 1024 * 1024 + 1)).status == 413
    assert ask(state, "POST", "/v2/bot/message/push", b"\xff{").status == 400


@pytest.mark.parametrize(
    "content",
    [
        Media([MediaItem("image/png", url="https://files.example.test/a.png")], "Look"),
        Interactive("At home?", [Choice("home=1", "Yes"), Choice("home=0", "No")]),
        Interactive("When?", [Choice("t=1", "Morning")], list_label="Times"),
        TemplateRef("flex", variables={"contents": '{"type":"bubble"}'}, body="Sale"),
    ],
)
def test_every_kind_of_content_arrives_as_it_reads(state: LineState, content: Any) -> None:
    receipts, handled = submit(state, [outgoing(content)])
    assert kinds(receipts) == [None]
    assert handled.received[0].text == content.body
    assert len(handled.received[0].media) == isinstance(content, Media)


def test_a_scenario_may_name_a_code_or_a_class(state: LineState) -> None:
    for refusal, kind in (
        (Refusal(ErrorKind.UNMAPPED, "http:403"), ErrorKind.AUTH_FAILED),
        (Refusal(ErrorKind.CONTENT_REJECTED), ErrorKind.CONTENT_REJECTED),
        (Refusal(ErrorKind.UNSUPPORTED), ErrorKind.UNSUPPORTED),
        (Refusal(ErrorKind.OPTED_OUT), ErrorKind.INVALID_RECIPIENT),
    ):
        receipts, handled = submit(state, [outgoing()], refusal=lambda _to, said=refusal: said)
        assert (kinds(receipts), handled.received) == ([kind], ())
    whole = Refusal(ErrorKind.INVALID_RECIPIENT, "invalid_to")
    receipts, handled = submit(state, crowd(2), refusal=lambda _to: whole)
    assert (kinds(receipts), handled.received) == ([ErrorKind.UNAVAILABLE] * 2, ())


def test_only_registered_channels_work_once_there_is_one(state: LineState) -> None:
    submit(state, crowd(1))
    registered(state, channel_access_token="another-token")
    assert ask(state, "GET", "/v2/bot/info", token="another-token").status == 200
    for token in ("yet-another", "", "an-invalid-token"):
        assert ask(state, "GET", "/v2/bot/info", token=token).status == 401


def test_a_channel_signs_in_and_its_token_ends_after_a_quarter_of_an_hour(state: LineState) -> None:
    by_id = account(channel_access_token=None, channel_id="1234567890")
    EMULATOR.register(state, {"channel_secret": SECRET, "channel_id": "1234567890"})

    def sign_in(secret: str) -> object:
        given = call(account(channel_access_token=None, channel_id="1234567890", channel_secret=secret))
        return ADAPTER.parse_token(given, EMULATOR.handle(arrive(ADAPTER.build_token(given)), state).response)

    token = sign_in(SECRET)
    assert isinstance(token, Token)
    assert token.expires_at == NOW + timedelta(seconds=840)
    receipts, _ = submit(state, crowd(1), call(by_id, token=token.value))
    assert kinds(receipts) == [None]
    late, _ = submit(state, crowd(1), call(by_id, token=token.value, exchange=2, now=NOW + timedelta(seconds=901)))
    assert kinds(late) == [ErrorKind.AUTH_FAILED]
    refused = sign_in("another-secret")
    assert getattr(refused, "code", "") == "invalid_client"


def test_an_unregistered_channel_signs_in_with_any_secret_and_keeps_it(state: LineState) -> None:
    def sign_in(form: bytes) -> int:
        request = EmulatedRequest("POST", "/oauth2/v3/token", "", {}, form, NOW)
        return EMULATOR.handle(request, state).response.status

    good = b"grant_type=client_credentials&client_id=12&client_secret=s3cret"
    assert [sign_in(good), sign_in(good), sign_in(good.replace(b"s3cret", b"other"))] == [200, 200, 400]
    assert sign_in(good.replace(b"id=12", b"id=13").replace(b"s3cret", b"invalid")) == 400
    assert sign_in(b"grant_type=password") == 400


def test_a_person_follows_writes_presses_and_leaves(state: LineState) -> None:
    bot = registered(state)

    def act(text: str) -> Inbound:
        told = EMULATOR.inbound(state, account=bot, sender=person(), recipient="", text=text, now=NOW)
        (event,) = ADAPTER.parse_callback(call(), called_back(told)).events
        assert isinstance(event, Inbound)
        assert (event.sender, event.recipient) == (person(), bot)
        return event

    assert act("/follow").opt_out is False
    written = act("좋아요 ✓")
    assert (written.content.body, written.opt_out) == ("좋아요 ✓", None)
    assert act("/postback home=1").choice == "home=1"
    assert act("/unfollow").opt_out is True
    assert not submit(state, crowd(1))[1].received
    assert act("/follow").opt_out is False
    assert len(submit(state, crowd(1), call(exchange=2))[1].received) == 1
    assert EMULATOR.inbound(state, account="U0", sender=person(), recipient="", text="hi", now=NOW) is None


def test_not_now_has_no_words_and_too_fast_has_its_sentence(state: LineState) -> None:
    request = arrive(ADAPTER.build_submit(call(), crowd(1)))
    assert EMULATOR.unavailable(request).status == 503
    assert kinds(ADAPTER.parse_submit(crowd(1), EMULATOR.throttled(request, None))) == [ErrorKind.THROTTLED]


def test_nobody_is_told_where_no_secret_is_known(state: LineState) -> None:
    submit(state, crowd(1))
    bot = state.tokens[TOKEN].name
    address = {"endpoint": CALLBACK_URL}
    assert ask(state, "PUT", "/v2/bot/channel/webhook/endpoint", address).status == 200
    shown = document(ask(state, "GET", "/v2/bot/channel/webhook/endpoint"))
    assert shown == {"endpoint": CALLBACK_URL, "active": True}
    assert ask(state, "PUT", "/v2/bot/channel/webhook/endpoint", {"endpoint": "nowhere"}).status == 400
    assert EMULATOR.inbound(state, account=bot, sender=person(), recipient="", text="hi", now=NOW) is None


def test_a_reply_token_answers_once(state: LineState) -> None:
    bot = registered(state)
    told = called_back(EMULATOR.inbound(state, account=bot, sender=person(), recipient="", text="hi", now=NOW))
    token = msgspec.json.decode(told.body)["events"][0]["replyToken"]
    reply = {"replyToken": token, "messages": PUSH["messages"]}
    assert document(ask(state, "POST", "/v2/bot/message/reply", reply))["sentMessages"]
    again = ask(state, "POST", "/v2/bot/message/reply", reply)
    assert (again.status, document(again)["message"]) == (400, "Invalid reply token")
    assert state.tokens[TOKEN].used == 0


def test_reply_tokens_and_sign_ins_do_not_pile_up(state: LineState) -> None:
    bot = registered(state, channel_id="12")
    for _ in range(1001):
        EMULATOR.inbound(state, account=bot, sender=person(), recipient="", text="hi", now=NOW)
    assert len(state.channels[bot].reply_tokens) == 1000
    request = EmulatedRequest(
        "POST",
        "/oauth2/v3/token",
        "",
        {},
        f"grant_type=client_credentials&client_id=12&client_secret={SECRET}".encode(),
        NOW,
    )
    for _ in range(10_001):
        EMULATOR.handle(request, state)
    assert len(state.issued) == 10_000


def test_a_friend_has_a_profile_and_a_stranger_none(state: LineState) -> None:
    registered(state, blocked=[person(2)])
    request = arrive(ADAPTER.build_profile(call(), outgoing().to))
    found = ADAPTER.parse_profile(EMULATOR.handle(request, state).response)
    assert found == Profile("Emulated person 0001", "en")
    for stranger in (person(2), "U123"):
        assert ask(state, "GET", f"/v2/bot/profile/{stranger}").status == 404


def test_friends_are_listed_for_verified_accounts_only(state: LineState) -> None:
    registered(state)
    assert ask(state, "GET", "/v2/bot/followers/ids").status == 403
    registered(state, verified=True)
    submit(state, crowd(3))
    page = document(ask(state, "GET", "/v2/bot/followers/ids?limit=2"))
    assert page == {"userIds": [person(1), person(2)], "next": "2"}
    rest = document(ask(state, "GET", f"/v2/bot/followers/ids?limit=2&start={page['next']}"))
    assert rest == {"userIds": [person(3)]}
    assert ask(state, "GET", "/v2/bot/followers/ids?limit=1001").status == 400


def test_a_day_is_counted_once_it_is_over_in_tokyo(state: LineState) -> None:
    submit(state, crowd(3))
    day = "/v2/bot/message/delivery/multicast?date=20261121"
    assert document(ask(state, "GET", day)) == {"status": "unready"}
    assert document(ask(state, "GET", day, now=NOW + timedelta(days=1))) == {"status": "ready", "success": 3}
    assert ask(state, "GET", "/v2/bot/message/delivery/push?date=today").status == 400


def test_the_official_account_is_named(state: LineState) -> None:
    senders = ADAPTER.parse_senders(call(), EMULATOR.handle(arrive(ADAPTER.build_senders(call())), state).response)
    assert isinstance(senders, tuple)
    assert senders[0].sender.startswith("@")


def test_no_report_is_ever_called_back(state: LineState) -> None:
    registered(state)
    _, handled = submit(state, crowd(1))
    assert EMULATOR.settle(state, handled.received[0], Report(ReportStatus.DELIVERED, NOW)) is None


@pytest.mark.parametrize(
    "fields", [{"channel_secret": ""}, {"channel_access_token": ""}, {"nothing": "known"}, {"monthly_limit": "many"}]
)
def test_a_channel_that_line_would_not_know_cannot_be_registered(state: LineState, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        registered(state, **fields)
