"""
The Mitake adapter: every sample, its limits, and what no text may do.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.providers import mitake
from sendyard.providers.abilities import Pending
from sendyard.providers.contract import (
    Accepted,
    CallbackRejected,
    DeliveryEvent,
    Outgoing,
    ProtocolError,
    Receipt,
    Refused,
    Unknown,
)
from sendyard.providers.mitake import ADAPTER, EMULATOR
from sendyard.providers.mitake.codes import CODES
from sendyard.providers.mitake.spec import PRESETS, MitakeAccount
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse
from tests.providers.mitake_wire import CALLBACK_URL, NOW, account, arrive, call, outgoing, submit

SAMPLES = Path(mitake.__file__).parent / "samples"
Case = dict[str, Any]


def samples(kind: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in json.loads((SAMPLES / f"{kind}.json").read_text("utf-8"))]


def answer(case: Case) -> HttpResponse:
    given_answer = case["response"]
    body = given_answer["body"].encode(given_answer.get("body_encoding", "utf-8"))
    return HttpResponse(given_answer["status"], given_answer["headers"], body)


def assert_built(case: Case, request: HttpRequest) -> None:
    if wanted := case.get("request"):
        assert (request.method, request.url, request.body.decode()) == (wanted["method"], wanted["url"], wanted["body"])
        assert wanted["headers"].items() <= dict(request.headers).items()


def money(amount: Mapping[str, str] | None) -> Money | None:
    return Money(Decimal(amount["amount"]), amount["currency"]) if amount else None


def assert_receipt(receipt: Receipt, wanted: Case) -> None:
    assert receipt.message_id == wanted["message_id"]
    assert type(receipt).__name__.lower() == wanted["type"]
    if isinstance(receipt, Accepted):
        assert (receipt.provider_ref, receipt.cost) == (wanted["provider_ref"], money(wanted.get("cost")))
    elif isinstance(receipt, Refused):
        assert (receipt.error.kind, receipt.error.code) == (wanted["kind"], wanted["code"])
        assert receipt.error.detail == wanted.get("detail", receipt.error.detail)
        assert receipt.error.detail
        assert receipt.error.retry_after == wanted.get("retry_after")
    else:
        assert isinstance(receipt, Unknown)
        assert receipt.reason


def assert_event(event: object, wanted: Case) -> None:
    assert isinstance(event, DeliveryEvent)
    assert (event.status, event.raw_status) == (wanted["status"], wanted["raw_status"])
    assert (event.key.reference, event.key.provider_ref) == (wanted["reference"], wanted["provider_ref"])
    assert event.key.recipient == wanted["recipient"]
    assert event.occurred_at == (datetime.fromisoformat(wanted["occurred_at"]) if wanted["occurred_at"] else None)
    assert (event.error.kind if event.error else None) == wanted.get("kind")
    assert (event.error.code if event.error else None) == wanted.get("code")
    assert event.cost == money(wanted.get("cost"))


@pytest.mark.parametrize("case", samples("submit"))
def test_submit_samples_build_and_parse_exactly(case: Case) -> None:
    made = call(MitakeAccount(**case["account"]))
    batch = [
        Outgoing(
            message_id=one["message_id"],
            reference=one["reference"],
            channel=Channel(one["channel"]),
            to=Address.phone(one["to"]),
            sender=one["sender"],
            content=Text(one["text"]),
        )
        for one in case["outgoing"]
    ]
    assert_built(case, ADAPTER.build_submit(made, batch))
    if "response" not in case:
        return
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_submit(batch, answer(case))
        return
    receipts = ADAPTER.parse_submit(batch, answer(case))
    assert len(receipts) == len(case["receipts"])
    for receipt, wanted in zip(receipts, case["receipts"], strict=True):
        assert_receipt(receipt, wanted)


@pytest.mark.parametrize("case", samples("callback"))
def test_callback_samples_are_translated_and_answered_exactly(case: Case) -> None:
    wanted = case["request"]
    request = CallbackRequest(wanted["method"], wanted["url"], wanted["query"], {}, b"")
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_callback(call(), request)
        return
    result = ADAPTER.parse_callback(call(), request)
    assert_event(result.events[0], case["events"][0])
    assert len(result.events) == 1
    assert (result.reply.status, result.reply.body.decode()) == (200, case["reply"]["body"])
    assert result.reply.headers == case["reply"]["headers"]


@pytest.mark.parametrize("case", samples("poll"))
def test_poll_samples_ask_and_read_exactly(case: Case) -> None:
    made = call(MitakeAccount(**case["account"]))
    pending = [Pending(one["reference"], one["provider_ref"], Address.phone(one["to"]), NOW) for one in case["pending"]]
    assert_built(case, ADAPTER.build_poll(made, "", pending))
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_poll(made, pending, answer(case))
        return
    poll = ADAPTER.parse_poll(made, pending, answer(case))
    assert (poll.cursor, poll.more, poll.acknowledge) == ("", False, None)
    assert len(poll.events) == len(case["expected"]["events"])
    for event, wanted in zip(poll.events, case["expected"]["events"], strict=True):
        assert_event(event, wanted)


@pytest.mark.parametrize("case", samples("balance"))
def test_balance_samples_ask_and_read_exactly(case: Case) -> None:
    assert_built(case, ADAPTER.build_balance(call(MitakeAccount(**case["account"]))))
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_balance(answer(case))
        return
    found, wanted = ADAPTER.parse_balance(answer(case)), case["expected"]
    if isinstance(found, ProviderError):
        assert (found.kind, found.code, found.detail) == (wanted["kind"], wanted["code"], wanted["detail"])
    else:
        assert found == money(wanted)


@pytest.mark.parametrize("case", samples("probe"))
def test_probe_samples_say_what_is_wrong_and_what_to_do(case: Case) -> None:
    made = call(MitakeAccount(**case["account"]))
    assert_built(case, ADAPTER.build_probe(made))
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_probe(made, answer(case))
        return
    found, wanted = ADAPTER.parse_probe(made, answer(case)), case["expected"]
    assert (found.ok, found.facts) == (wanted["ok"], wanted["facts"])
    assert all(part in found.detail for part in wanted["detail_contains"])
    error = {"kind": found.error.kind, "code": found.error.code} if found.error else None
    assert error == wanted.get("error")


def test_every_character_code_and_word_of_the_specification_is_in_the_table() -> None:
    words = {f"statusstr:{word}" for word in ("DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "UNKNOWN", "SYNTAXE")}
    assert set(CODES) == set("0123456789*abcdefhklmnprstuvwxyz") | words
    people_can_act = {ErrorKind.AUTH_FAILED, ErrorKind.OUT_OF_CREDIT, ErrorKind.THROTTLED, ErrorKind.BLOCKED}
    assert all(known.advice for known in CODES.values() if known.meaning in people_can_act)


def test_validity_is_sent_in_taipei_time() -> None:
    until = NOW + timedelta(minutes=5, seconds=7)
    single = ADAPTER.build_submit(call(), [outgoing(valid_until=until)])
    assert b"&vldtime=20261121100507&" in single.body
    bulk = ADAPTER.build_submit(call(), [outgoing(1, valid_until=until), outgoing(2)])
    assert [line.split("$$")[3] for line in bulk.body.decode().split("\r\n")] == ["20261121100507", ""]


def test_validity_beyond_the_carriers_24_hours_is_left_to_the_default() -> None:
    request = ADAPTER.build_submit(call(), [outgoing(valid_until=NOW + timedelta(hours=24))])
    assert b"vldtime" not in request.body


@pytest.mark.parametrize("length", [256, 257])
def test_a_callback_address_over_256_characters_is_not_sent_because_polling_finds_the_reports(length: int) -> None:
    url = "https://gw.example.test/".ljust(length, "t")
    single = ADAPTER.build_submit(call(callback_url=url), [outgoing()]).body
    bulk = ADAPTER.build_submit(call(callback_url=url), [outgoing(1), outgoing(2)]).body
    assert (b"&response=" in single, url.encode() in bulk) == (length == 256, length == 256)


def test_without_a_public_address_no_callback_is_asked_for() -> None:
    assert b"response" not in ADAPTER.build_submit(call(callback_url=""), [outgoing()]).body


def test_a_callback_address_cannot_end_its_field() -> None:
    body = ADAPTER.build_submit(call(callback_url="https://gw.example.test/$$x"), [outgoing(1), outgoing(2)]).body
    assert all(len(line.split("$$")) == 7 for line in body.decode().split("\r\n"))


@pytest.mark.parametrize("text", ["a\r\nref-9$$0912345678$$$$$$$$$$x", "a\rb", "a\nb", "\r\n", "x\n\r\ny"])
def test_no_line_break_of_any_kind_begins_a_record_even_without_check(text: str) -> None:
    body = ADAPTER.build_submit(call(), [outgoing(1, text), outgoing(2)]).body
    assert len(body.splitlines()) == 2
    _, handled = submit(EMULATOR.new_state(), [outgoing(1, text), outgoing(2, "ok")])
    assert [one.to for one in handled.received if one.text == "ok"] == ["+886900000002"]
    assert {one.reference for one in handled.received} <= {"ref-1", "ref-2"}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("NT$$5", "$$"),
        ("a\r\nb", "carriage return"),
        ("a\x06b", "U+0006 at position 2"),
        ("\x00a", "U+0000 at position 1"),
        ("tab\there", "U+0009"),
        ("next\x85line", "U+0085"),
        ("half \ud83d", "U+D83D"),
    ],
)
def test_text_that_would_not_arrive_as_written_is_refused_with_its_reason(text: str, word: str) -> None:
    [problem] = ADAPTER.check(account(), outgoing(1, text))
    assert problem.code == "content_rejected"
    assert word in problem.detail


@pytest.mark.parametrize("to", ["+886223456789", "+821012345678", "+88691234567", "+8869123456789", "+886912345678\n"])
def test_only_taiwanese_mobile_numbers_are_taken(to: str) -> None:
    [problem] = ADAPTER.check(account(), outgoing(to=to))
    assert (problem.code, "Taiwanese mobile" in problem.detail) == ("unsupported", True)


def test_another_kind_of_address_is_not_taken() -> None:
    line = Outgoing("m", "r", Channel.SMS, Address(AddressKind.LINE_ID, "+886912345678"), "", Text("x"))
    assert [problem.code for problem in ADAPTER.check(account(), line)] == ["unsupported"]


@pytest.mark.parametrize("content", [Media([MediaItem("image/png", "https://x.test/a.png")], "x"), TemplateRef("t")])
def test_only_plain_text_is_taken(content: Media | TemplateRef) -> None:
    [problem] = ADAPTER.check(account(), outgoing(content=content))
    assert (problem.code, "plain text" in problem.detail) == ("unsupported", True)


def test_a_long_text_is_refused_for_an_account_whose_long_texts_mitake_would_cut() -> None:
    text = "字" * 71
    assert ADAPTER.check(account(), outgoing(1, text)) == []
    assert ADAPTER.check(account(long_sms=False), outgoing(1, text[:70])) == []
    [problem] = ADAPTER.check(account(long_sms=False), outgoing(1, text))
    assert (problem.code, "2 parts" in problem.detail) == ("unsupported", True)


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("enterprise", PRESETS["enterprise"]),
        (" B2C ", PRESETS["b2c"]),
        ("https://api.mitake.com.tw/api/mtk/SmSend", "https://api.mitake.com.tw/api/mtk"),
        ("https://smsb2c.mitake.com.tw/b2c/mtk/SmBulkSend/", "https://smsb2c.mitake.com.tw/b2c/mtk"),
        ("http://127.0.0.1:9025/mitake/api/mtk/", "http://127.0.0.1:9025/mitake/api/mtk"),
    ],
)
def test_the_interface_address_is_understood_as_people_write_it(written: str, used: str) -> None:
    assert account(base_url=written).base_url == used
    assert account().base_url == PRESETS["enterprise"]


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("smsapi.mitake.com.tw", "expected"),
        ("ftp://smsapi.mitake.com.tw/api/mtk", "expected"),
        ("https:///api/mtk", "expected"),
        ("https://smsapi.mitake.com.tw/api/mtk?x=1", "expected"),
        ("https://smsapi.mitake.com.tw/api/mtk#x", "expected"),
        ("https://smsapi.mitake.com.tw/", "add /api/mtk"),
        ("https://smsapi.mitake.com.tw/SmSend", "add /api/mtk"),
    ],
)
def test_an_unusable_interface_address_is_refused_with_advice(written: str, advice: str) -> None:
    with pytest.raises(ValidationError, match=advice):
        account(base_url=written)


@pytest.mark.parametrize("field", [{"username": ""}, {"username": "u" * 21}, {"password": ""}, {"password": "p" * 25}])
def test_credentials_beyond_mitakes_lengths_are_refused(field: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        account(**field)


def test_the_password_shows_in_no_description_of_the_account() -> None:
    assert "invented-1" not in f"{account()!r} {account()}"


carried = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\n$[]=&+% ^{€字𠮷😀\x06\r\t\u2028")),
    max_size=200,
).filter(lambda text: not ADAPTER.check(account(), outgoing(1, text)))


@given(st.lists(carried, min_size=1, max_size=6))
def test_any_accepted_text_arrives_as_exactly_that_at_exactly_those_recipients(texts: list[str]) -> None:
    batch = [outgoing(number, text) for number, text in enumerate(texts, 1)]
    receipts, handled = submit(EMULATOR.new_state(), batch)
    assert [(one.to, one.text, one.reference) for one in handled.received] == [
        (one.to.value, text, one.reference) for one, text in zip(batch, texts, strict=True)
    ]
    accepted = [one for one in receipts if isinstance(one, Accepted)]
    assert [one.message_id for one in accepted] == [one.message_id for one in batch]
    assert [one.provider_ref for one in accepted] == [one.provider_ref for one in handled.received]


noise = st.binary(max_size=120) | st.lists(
    st.sampled_from(["[ref-1]", "[", "]", "statuscode=", "1", "v", "msgid=", "=", "\t", "\r\n", "AccountPoint", "字"])
).map(lambda parts: "".join(parts).encode("cp950"))


@given(noise, st.sampled_from([200, 200, 204, 302, 404, 429, 500]), st.sampled_from(["", "5", "soon", "-1", "9" * 40]))
def test_no_answer_raises_anything_but_protocol_error(body: bytes, status: int, wait: str) -> None:
    response = HttpResponse(status, {"retry-after": wait}, body)
    batch = [outgoing(1), outgoing(2)]
    pending = [Pending("r", "1", Address.phone("+886912345678"), NOW)]
    attempts: list[Callable[[], object]] = [
        lambda: ADAPTER.parse_submit(batch, response),
        lambda: ADAPTER.parse_submit(batch[:1], response),
        lambda: ADAPTER.parse_poll(call(), pending, response),
        lambda: ADAPTER.parse_balance(response),
        lambda: ADAPTER.parse_probe(call(), response),
    ]
    for attempt in attempts:
        try:
            assert attempt() is not None
        except ProtocolError as error:
            assert str(error)  # noqa: PT017 (both outcomes are right, each with its own proof)


@given(
    st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")) | st.text(max_size=40).map(lambda t: f"msgid=1&{t}")
)
def test_no_callback_raises_anything_but_protocol_error_or_rejection(query: str) -> None:
    try:
        result = ADAPTER.parse_callback(
            call(), CallbackRequest("GET", CALLBACK_URL, query, {}, query.encode("utf-8", "replace"))
        )
    except (ProtocolError, CallbackRejected) as error:
        assert str(error)  # noqa: PT017
    else:
        assert len(result.events) == 1


def test_the_answer_to_a_callback_satisfies_the_emulator_and_nothing_else_does() -> None:
    state = EMULATOR.new_state()
    _, handled = submit(state, [outgoing()])
    [received] = handled.received
    good = HttpResponse(200, {"content-type": "text/plain"}, b"magicid=sms_gateway_rpack\nmsgid=0000000001\n")
    assert EMULATOR.callback_accepted(received, good)
    for bad in (
        HttpResponse(202, good.headers, good.body),
        HttpResponse(200, {"content-type": "text/html"}, good.body),
        HttpResponse(200, {}, good.body),
        HttpResponse(200, good.headers, good.body.rstrip()),
        HttpResponse(200, good.headers, b"magicid=sms_gateway_rpack\nmsgid=0000000002\n"),
    ):
        assert not EMULATOR.callback_accepted(received, bad)


def test_a_batch_is_never_too_large_for_the_emulator() -> None:
    receipts, handled = submit(EMULATOR.new_state(), [outgoing(n) for n in range(1, ADAPTER.spec.batch.limit + 1)])
    assert len(handled.received) == len(receipts) == 500
    assert all(isinstance(one, Accepted) and one.cost == Money(Decimal(1), "XPT") for one in receipts)
    request = ADAPTER.build_submit(call(), [outgoing(n) for n in range(1, 502)])
    assert EMULATOR.handle(arrive(request), EMULATOR.new_state()).response.body.startswith(b"statuscode=x")
