"""
The Every8d adapter: signing in, limits, batches, pages, and what its check keeps back.
"""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import Token
from sendyard.providers.contract import Accepted, DeliveryEvent, Outgoing, ProtocolError, Refused
from sendyard.providers.every8d import ADAPTER, EMULATOR
from sendyard.providers.every8d.codes import CODES
from sendyard.providers.every8d.spec import SPEC, Every8dAccount
from sendyard.providers.wire import HttpResponse
from tests.providers.every8d_wire import (
    NOW,
    account,
    call,
    delivered,
    exchange,
    outgoing,
    pending,
    picture_message,
    poll,
    registered,
    submit,
)
from tests.providers.samples import (
    Case,
    account_of,
    assert_same_request,
    call_for,
    cases,
    moment,
    response_of,
)

BATCH = "220478cc-8506-49b2-93b7-2505f651c12e"


def codes_of(message: Outgoing, **fields: Any) -> list[str]:
    problems = ADAPTER.check(account(**fields), message)
    assert all(len(problem.detail) > 20 for problem in problems)
    return [problem.code for problem in problems]


@pytest.mark.parametrize("case", cases("every8d", "token"), ids=lambda case: case["name"])
def test_token_samples_are_asked_for_and_read_exactly(case: Case) -> None:
    made = call_for("every8d", account_of(ADAPTER, case))
    assert_same_request(ADAPTER.build_token(made), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_token(made, response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_token(made, response_of(case["response"])), case["expected"]
    if isinstance(found, Token):
        assert (found.value, found.expires_at) == (expected["value"], moment(expected["expires_at"]))
    else:
        assert (found.kind, found.code) == (expected["kind"], expected["code"])


def test_only_an_account_set_to_it_signs_in() -> None:
    assert not ADAPTER.wants_token(call())
    assert ADAPTER.wants_token(call(account(sign_in="token")))


def test_with_a_token_no_call_carries_name_or_password() -> None:
    by_token = call(account(sign_in="token", filter_duplicates=True), token="tok-1")
    plain = call(account(sign_in="token"), token="tok-1")
    one = pending(outgoing(), BATCH)
    for request in (
        ADAPTER.build_submit(plain, [outgoing()]),
        ADAPTER.build_submit(plain, [outgoing(text="a|b")]),
        ADAPTER.build_submit(plain, [picture_message()]),
        ADAPTER.build_submit(by_token, [outgoing()]),
        ADAPTER.build_poll(plain, "", [one]),
        ADAPTER.build_balance(plain),
    ):
        assert request.headers["authorization"] == "Bearer tok-1"
        assert not [field for field in (b"UID", b"PWD", b"sendyard", b"invented") if field in request.body]


def test_an_account_that_signs_in_sends_polls_and_asks_for_its_credit_by_token() -> None:
    state = registered()
    signing_in = account(sign_in="token")
    token = ADAPTER.parse_token(call(signing_in), exchange(state, ADAPTER.build_token(call(signing_in))).response)
    assert isinstance(token, Token)
    made = call(signing_in, token=token.value)
    (receipt,), handled = submit(state, [outgoing()], made)
    assert isinstance(receipt, Accepted)
    assert [received.account for received in handled.received] == ["sendyard"]
    assert [event.key.reference for event in events(poll(state, pending(outgoing(), receipt.provider_ref), made))] == [
        "ref-1"
    ]
    assert not isinstance(ADAPTER.parse_balance(exchange(state, ADAPTER.build_balance(made)).response), ProviderError)


def test_a_token_that_is_no_longer_good_is_an_account_problem() -> None:
    made = call(account(sign_in="token"), token="tok-of-yesterday")
    (receipt,), _ = submit(registered(), [outgoing()], made)
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.AUTH_FAILED


def events(found: Any) -> list[DeliveryEvent]:
    assert all(isinstance(event, DeliveryEvent) for event in found.events)
    return list(found.events)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://new.e8d.tw", "https://new.e8d.tw/API21/HTTP"),
        (" https://api.e8d.tw/API21/HTTP/ ", "https://api.e8d.tw/API21/HTTP"),
        ("https://api.e8d.tw/api21/http/SendSMS.ashx", "https://api.e8d.tw/api21/http"),
        ("https://api.e8d.tw/SMS/BulkSMS", "https://api.e8d.tw/API21/HTTP"),
        ("https://biz3.every8d.com.tw/shop", "https://biz3.every8d.com.tw/shop/API21/HTTP"),
        ("http://127.0.0.1:8025/every8d/API21/HTTP", "http://127.0.0.1:8025/every8d/API21/HTTP"),
    ],
)
def test_any_spelling_of_the_site_becomes_the_address_of_all_calls(given: str, url: str) -> None:
    assert account(base_url=given).base_url == url


@pytest.mark.parametrize("given", ["new.e8d.tw", "ftp://new.e8d.tw", "https://", "https://new.e8d.tw/?a=b", "x#y"])
def test_what_is_no_site_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(ValidationError, match=r"https://new\.e8d\.tw"):
        account(base_url=given)


@pytest.mark.parametrize("fields", [{"username": ""}, {"password": ""}, {"sign_in": "cookie"}])
def test_an_account_without_what_it_needs_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Every8dAccount(**{**EMULATOR.sample_account, **fields})


def test_the_address_defaults_to_the_site_of_enterprise_accounts() -> None:
    assert account().base_url == "https://new.e8d.tw/API21/HTTP"


def test_texts_that_expire_within_a_minute_share_a_request_and_others_do_not() -> None:
    at = NOW + timedelta(hours=1)
    key = ADAPTER.batch_key(outgoing(1, valid_until=at))
    assert key == ADAPTER.batch_key(outgoing(2, valid_until=at + timedelta(seconds=59)))
    assert key != ADAPTER.batch_key(outgoing(3, valid_until=at + timedelta(seconds=60)))
    assert ADAPTER.batch_key(outgoing(4)) == ADAPTER.batch_key(outgoing(5)) != key


@pytest.mark.parametrize("text", ["a|b", "%field1%您好"])
def test_what_sendparam_would_take_for_a_template_travels_alone_and_arrives(text: str) -> None:
    one, other = outgoing(1, text), outgoing(2, text)
    assert ADAPTER.batch_key(one) != ADAPTER.batch_key(other)
    (receipt,), handled = submit(registered(), [one])
    assert isinstance(receipt, Accepted)
    assert [(received.text, received.reference) for received in handled.received] == [(text, "ref-1")]


def test_pictures_travel_alone() -> None:
    assert ADAPTER.batch_key(picture_message()) == "ref-1"


def test_the_duplicate_filter_takes_one_message_at_a_time_and_refuses_the_second() -> None:
    filtering = account(filter_duplicates=True)
    assert (ADAPTER.batch_limit(filtering), ADAPTER.batch_limit(account())) == (1, 500)
    state = registered()
    (first,), _ = submit(state, [outgoing()], call(filtering))
    (second,), handled = submit(state, [outgoing()], call(filtering, now=NOW + timedelta(hours=23)))
    (third,), _ = submit(state, [outgoing()], call(filtering, now=NOW + timedelta(hours=25)))
    assert isinstance(first, Accepted)
    assert isinstance(second, Refused)
    assert (second.error.kind, second.error.code) == (ErrorKind.CONTENT_REJECTED, "FAIL_MOBILE")
    assert first.provider_ref in second.error.detail
    assert not handled.received
    assert isinstance(third, Accepted)


def test_a_picture_is_sent_polled_and_called_back_under_one_reference() -> None:
    state = registered(callback_url="https://gw.example.test/c")
    message = picture_message()
    assert not ADAPTER.check(account(), message)
    (receipt,), handled = submit(state, [message])
    assert isinstance(receipt, Accepted)
    assert receipt.provider_ref.startswith("mms/")
    (received,) = handled.received
    assert (received.channel, received.text, received.media) == (Channel.MMS, "週年慶", ("image/jpg, 64 bytes",))
    (event,) = events(poll(state, pending(message, receipt.provider_ref)))
    assert (event.raw_status, event.key.provider_ref) == ("700", receipt.provider_ref)


PNG = "data:image/png;base64,iVBORw0K"


@pytest.mark.parametrize(
    "items",
    [
        (MediaItem("image/jpeg", url="https://files.example.test/a.jpg"),),
        (MediaItem("image/png", url=PNG), MediaItem("image/png", url=PNG)),
        (MediaItem("image/bmp", url="data:image/bmp;base64,Qk0="),),
        (MediaItem("image/png", url="data:image/png,raw"),),
    ],
)
def test_anything_but_one_inline_picture_is_refused_before_sending(items: tuple[MediaItem, ...]) -> None:
    message = picture_message(*items)
    assert codes_of(message) == [ErrorKind.CONTENT_REJECTED]
    with pytest.raises(ValueError, match="check"):
        ADAPTER.build_submit(call(), [message])


def test_a_picture_may_also_stand_in_the_handle_percent_encoded() -> None:
    message = picture_message(MediaItem("image/png", handle=PNG.replace("+", "%2B").replace("/", "%2F")))
    assert not codes_of(message)
    assert ADAPTER.build_submit(call(), [message]).body.endswith(b"&ATTACHMENT=iVBORw0K&TYPE=png")


@pytest.mark.parametrize(
    "message",
    [picture_message(data=bytes(50_001)), picture_message(title=" "), picture_message(body="")],
    ids=["too large", "no title", "no text"],
)
def test_a_picture_breaking_a_limit_is_refused_before_sending(message: Outgoing) -> None:
    assert codes_of(message) == [ErrorKind.CONTENT_REJECTED]
    assert not codes_of(picture_message(data=bytes(50_000)))


@pytest.mark.parametrize("text", ["", " \n", "a\rb", "a\x00b", "a\tb", "\ud800"])
def test_a_text_that_would_not_arrive_is_refused_before_sending(text: str) -> None:
    assert codes_of(outgoing(text=text)) == [ErrorKind.CONTENT_REJECTED]


def test_a_text_without_the_approved_identity_is_refused_before_sending() -> None:
    assert codes_of(outgoing(text="訂單已確認"), identity="【幸福氣】") == [ErrorKind.CONTENT_REJECTED]
    assert not codes_of(outgoing(), identity="【幸福氣】")


@pytest.mark.parametrize(
    "to",
    [
        Address.phone("+886223456789"),
        Address.phone("+8190123456789"),
        Address.phone("+88691234567"),
        Address(AddressKind.LINE_ID, "+886912345678"),
    ],
)
def test_what_is_no_taiwanese_mobile_number_is_routed_elsewhere(to: Address) -> None:
    assert codes_of(outgoing_to(to)) == [ErrorKind.UNSUPPORTED]


def outgoing_to(to: Address) -> Outgoing:
    return Outgoing("m1", "ref-1", Channel.SMS, to, "", Text("hello"))


@pytest.mark.parametrize(
    ("content", "channel"),
    [
        (TemplateRef("order", body="hello"), Channel.SMS),
        (Text("hello"), Channel.MMS),
        (Media((MediaItem("image/png", url=PNG),), "hello", "title"), Channel.SMS),
    ],
)
def test_content_that_does_not_fit_its_channel_is_unsupported(content: Content, channel: Channel) -> None:
    assert codes_of(outgoing(content=content, channel=channel)) == [ErrorKind.UNSUPPORTED]


def test_a_neighbours_opt_out_suppresses_nobody_in_a_batch() -> None:
    refusal = HttpResponse(200, {}, b'{"Result":false,"Status":"-3","Msg":""}')
    for receipt in ADAPTER.parse_submit([outgoing(1), outgoing(2)], refusal):
        assert isinstance(receipt, Refused)
        assert (receipt.error.kind, receipt.error.code) == (ErrorKind.UNMAPPED, "-3")
        assert "for whom" in receipt.error.detail
    (alone,) = ADAPTER.parse_submit([outgoing(1)], refusal)
    assert isinstance(alone, Refused)
    assert alone.error.kind is ErrorKind.OPTED_OUT


def page(rows: int, total: int) -> HttpResponse:
    data = [{"MR": f"ref-{n}", "MOBILE": f"+8869{n:08d}", "STATUS": "100", "COST": "1"} for n in range(rows)]
    return HttpResponse(200, {}, msgspec.json.encode({"SMS_COUNT": total, "BID": BATCH, "DATA": data}))


@pytest.mark.parametrize(
    ("rows", "total", "cursor"),
    [
        (999, 999, ""),
        (1000, 1000, ""),
        (1000, 1001, f"{BATCH} 2"),
        (1000, 1999, f"{BATCH} 2"),
        (1, 1001, ""),
        (1000, 2000, ""),
    ],
)
def test_a_full_first_page_is_followed_by_the_second(rows: int, total: int, cursor: str) -> None:
    found = ADAPTER.parse_poll(call(), [pending(outgoing(), BATCH)], page(rows, total))
    assert (len(found.events), found.cursor, found.more) == (rows, cursor, bool(cursor))


def test_the_pages_of_a_long_batch_bring_every_report_once() -> None:
    state = registered()
    batch = [outgoing(number) for number in range(1, 1202)]
    receipts, _ = submit(state, batch)
    assert isinstance(receipts[0], Accepted)
    one = pending(batch[0], receipts[0].provider_ref)
    first = poll(state, one)
    second = poll(state, one, cursor=first.cursor)
    assert (first.more, second.more, second.cursor) == (True, False, "")
    references = [event.key.reference for event in [*events(first), *events(second)]]
    assert references == [message.reference for message in batch]


def test_a_number_the_batch_left_out_is_told_by_its_report() -> None:
    """What SendParam's answer cannot say: which of several was refused."""
    state = registered(credit=2)
    batch = [outgoing(number) for number in (1, 2, 3)]
    receipts, handled = submit(state, batch)
    assert [type(receipt) for receipt in receipts] == [Accepted] * 3
    assert len(handled.received) == 2
    assert isinstance(receipts[0], Accepted)
    kinds = {
        event.key.reference: event.error.kind if event.error else event.status
        for event in events(poll(state, pending(batch[0], receipts[0].provider_ref)))
    }
    assert kinds == {"ref-1": "sent", "ref-2": "sent", "ref-3": ErrorKind.OUT_OF_CREDIT}


def test_poll_and_callback_say_the_same_under_one_key() -> None:
    state = registered(callback_url="https://gw.example.test/c")
    (receipt,), handled = submit(state, [outgoing()])
    assert isinstance(receipt, Accepted)
    from_callback = delivered(state, handled.received[0])
    (from_poll,) = events(poll(state, pending(outgoing(), receipt.provider_ref)))
    assert from_callback.dedupe_key == from_poll.dedupe_key
    assert from_callback.key == from_poll.key
    assert from_callback.occurred_at == from_poll.occurred_at


def test_every_error_class_of_the_table_has_advice_where_a_person_can_act() -> None:
    for code, known in CODES.items():
        if known.meaning in {ErrorKind.AUTH_FAILED, ErrorKind.OUT_OF_CREDIT, ErrorKind.CONTENT_REJECTED}:
            assert known.advice, code


def test_the_spec_keeps_to_what_the_platform_splits() -> None:
    assert (SPEC.text.max_characters, SPEC.batch.limit, SPEC.poll_limit) == (333, 500, 1)
