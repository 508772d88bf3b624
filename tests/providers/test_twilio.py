"""
The Twilio adapter: every sample, what signatures prove, and what no answer may do.
"""

import contextlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers import twilio
from sendyard.providers.abilities import Found, Inconclusive, NotFound, Pending
from sendyard.providers.contract import (
    Accepted,
    CallbackRejected,
    DeliveryEvent,
    Inbound,
    Outgoing,
    ProtocolError,
    Receipt,
    Refused,
    Unknown,
)
from sendyard.providers.twilio import ADAPTER
from sendyard.providers.twilio.codes import CODES, DELIVERY, HTTP_STATUS, STATUSES, SYNCHRONOUS
from sendyard.providers.twilio.signature import is_signed
from sendyard.providers.twilio.spec import SPEC
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse
from tests.providers.twilio_wire import CALLBACK_URL, NOW, PERSON, account, call, outgoing

SAMPLES = Path(twilio.__file__).parent / "samples"
Case = dict[str, Any]


def samples(kind: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in json.loads((SAMPLES / f"{kind}.json").read_text("utf-8"))]


def answer(case: Case) -> HttpResponse:
    said = case["response"]
    body = bytes.fromhex(said["body_hex"]) if "body_hex" in said else said["body"].encode()
    return HttpResponse(said["status"], said["headers"], body)


def content_of(one: Case) -> Content:
    if template := one.get("template"):
        return TemplateRef(template["name"], "", template.get("variables", {}), template.get("body", ""))
    if media := one.get("media"):
        return Media([MediaItem(item["content_type"], item["url"]) for item in media], one.get("text", ""))
    return Text(one["text"])


def outgoing_of(one: Case) -> Outgoing:
    return Outgoing(
        message_id=one["message_id"],
        reference=one["reference"],
        channel=Channel(one["channel"]),
        to=Address.phone(one["to"]),
        sender=one["sender"],
        content=content_of(one),
        purpose=Purpose(one["purpose"]),
        country=one["country"],
        valid_until=datetime.fromisoformat(one["valid_until"]) if "valid_until" in one else None,
    )


def assert_built(case: Case, request: HttpRequest) -> None:
    if wanted := case.get("request"):
        assert (request.method, request.url) == (wanted["method"], wanted["url"])
        assert request.body.decode() == wanted.get("body", "")
        assert wanted["headers"].items() <= dict(request.headers).items()


def money(amount: Mapping[str, str] | None) -> Money | None:
    return Money(Decimal(amount["amount"]), amount["currency"]) if amount else None


def assert_receipt(receipt: Receipt, wanted: Case) -> None:
    assert (type(receipt).__name__.lower(), receipt.message_id) == (wanted["type"], wanted["message_id"])
    if isinstance(receipt, Accepted):
        assert (receipt.provider_ref, receipt.cost) == (wanted["provider_ref"], money(wanted.get("cost")))
        assert receipt.parts == wanted["parts"]
    elif isinstance(receipt, Refused):
        assert_error(receipt.error, wanted)
        assert receipt.error.retry_after == wanted.get("retry_after")
    else:
        assert isinstance(receipt, Unknown)
        assert receipt.reason


def assert_error(error: ProviderError | None, wanted: Case) -> None:
    assert (error.kind if error else None) == wanted.get("kind")
    assert (error.code if error else None) == wanted.get("code")
    if error and "detail" in wanted:
        assert error.detail == wanted["detail"]


def assert_event(event: object, wanted: Case) -> None:
    if wanted.get("type") == "inbound":
        assert_inbound(event, wanted)
        return
    assert isinstance(event, DeliveryEvent)
    seen = {
        "status": event.status,
        "raw_status": event.raw_status,
        "reference": event.key.reference,
        "provider_ref": event.key.provider_ref,
        "recipient": event.key.recipient,
        "occurred_at": event.occurred_at.isoformat() if event.occurred_at else None,
        "dedupe_key": event.dedupe_key,
        "parts": event.parts,
    }
    assert seen == {**seen, **{name: value for name, value in wanted.items() if name in seen}}
    assert event.cost == money(wanted.get("cost"))
    assert_error(event.error, wanted)


def assert_inbound(event: object, wanted: Case) -> None:
    assert isinstance(event, Inbound)
    items = event.content.items if isinstance(event.content, Media) else ()
    assert {
        "type": "inbound",
        "sender": event.sender,
        "recipient": event.recipient,
        "channel": event.channel,
        "text": event.content.body,
        "media": [{"content_type": item.content_type, "url": item.url} for item in items],
        "provider_ref": event.provider_ref,
        "dedupe_key": event.dedupe_key,
        "opt_out": event.opt_out,
        "in_reply_to": event.in_reply_to.provider_ref if event.in_reply_to else None,
    } == wanted


@pytest.mark.parametrize("case", samples("submit"))
def test_submit_samples_build_and_parse_exactly(case: Case) -> None:
    batch = [outgoing_of(one) for one in case["outgoing"]]
    assert_built(case, ADAPTER.build_submit(call(account(**case["account"])), batch))
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_submit(batch, answer(case))
        return
    (receipt,) = ADAPTER.parse_submit(batch, answer(case))
    assert_receipt(receipt, case["receipts"][0])


def callback_of(case: Case) -> CallbackRequest:
    made = case["request"]
    return CallbackRequest(made["method"], made["url"], made["query"], made["headers"], made["body"].encode())


REFUSALS = {"CallbackRejected": CallbackRejected, "ProtocolError": ProtocolError}


@pytest.mark.parametrize("case", samples("callback"))
def test_callback_samples_are_translated_and_answered_exactly(case: Case) -> None:
    made = call(account(**case["account"]))
    if "raises" in case:
        with pytest.raises(REFUSALS[case["raises"]]):
            ADAPTER.parse_callback(made, callback_of(case))
        return
    result = ADAPTER.parse_callback(made, callback_of(case))
    assert len(result.events) == len(case["events"]) == 1
    assert_event(result.events[0], case["events"][0])
    assert (result.reply.status, result.reply.body.decode()) == (case["reply"]["status"], case["reply"]["body"])
    assert dict(result.reply.headers) == case["reply"].get("headers", {})


@pytest.mark.parametrize("case", [case for case in samples("callback") if case.values[0].get("raises") is None])
@pytest.mark.parametrize("change", ["signature", "address", "query", "body", "extra"])
def test_a_changed_callback_is_rejected(case: Case, change: str) -> None:
    genuine = callback_of(case)
    url, headers, body = genuine.url, dict(genuine.headers), genuine.body
    if change == "signature":
        headers["x-twilio-signature"] = "é" + headers["x-twilio-signature"][1:]
    elif change == "address":
        url = url.replace("/tok", "/tik")
    elif change == "query":
        url += "&ref=other"
    elif body:
        body = body.replace(b"To=%2B", b"To=%2B9") + b"9" if change == "body" else body + b"&Extra=1"
    else:
        url += "&MessageStatus=failed"
    forged = CallbackRequest(genuine.method, url, url.partition("?")[2], headers, body)
    with pytest.raises(CallbackRejected, match="X-Twilio-Signature"):
        ADAPTER.parse_callback(call(account(**case["account"])), forged)


@pytest.mark.parametrize("case", samples("poll"))
def test_poll_samples_ask_and_read_exactly(case: Case) -> None:
    made = call(account(**case["account"]))
    pending = [Pending(one["reference"], one["provider_ref"], Address.phone(one["to"]), NOW) for one in case["pending"]]
    assert_built(case, ADAPTER.build_poll(made, case["cursor"], pending))
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_poll(made, pending, answer(case))
        return
    poll = ADAPTER.parse_poll(made, pending, answer(case))
    assert (poll.cursor, poll.more, poll.acknowledge) == ("", False, None)
    assert len(poll.events) == len(case["expected"]["events"])
    for event, wanted in zip(poll.events, case["expected"]["events"], strict=True):
        assert_event(event, wanted)


LOOKUPS = {"found": Found, "not_found": NotFound, "inconclusive": Inconclusive}


@pytest.mark.parametrize("case", samples("lookup"))
def test_lookup_samples_ask_and_judge_exactly(case: Case) -> None:
    message, submitted_at = outgoing_of(case["outgoing"]), datetime.fromisoformat(case["submitted_at"])
    assert_built(case, ADAPTER.build_lookup(call(account(**case["account"])), message, submitted_at))
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_lookup(message, submitted_at, answer(case))
        return
    found = ADAPTER.parse_lookup(message, submitted_at, answer(case))
    assert type(found) is LOOKUPS[case["expected"]["type"]]
    if isinstance(found, Found):
        assert found.provider_ref == case["expected"]["provider_ref"]
        assert_event(found.event, case["expected"]["event"])
    elif isinstance(found, Inconclusive):
        assert found.reason


@pytest.mark.parametrize("case", samples("balance"))
def test_balance_samples_ask_and_read_exactly(case: Case) -> None:
    assert_built(case, ADAPTER.build_balance(call(account(**case["account"]))))
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_balance(answer(case))
        return
    found = ADAPTER.parse_balance(answer(case))
    if isinstance(found, ProviderError):
        assert_error(found, case["expected"])
    else:
        assert found == money(case["expected"])


@pytest.mark.parametrize("case", samples("probe"))
def test_probe_samples_say_what_is_wrong_and_where_to_find_it(case: Case) -> None:
    made = call(account(**case["account"]))
    assert_built(case, ADAPTER.build_probe(made))
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_probe(made, answer(case))
        return
    found, wanted = ADAPTER.parse_probe(made, answer(case)), case["expected"]
    assert found.ok == wanted["ok"]
    assert [words for words in wanted["detail_contains"] if words not in found.detail] == []
    assert dict(found.facts) == wanted.get("facts", {})
    assert_error(found.error, wanted)


def test_the_published_check_vector_of_the_signature_holds() -> None:
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    parameters = [
        ("To", "+18005551212"),
        ("Digits", "1234"),
        ("CallSid", "CA1234567890ABCDE"),
        ("From", "+14158675309"),
        ("Caller", "+14158675309"),
    ]
    signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert is_signed(signature, "HMAC_SHA1", ["12345"], url, parameters)
    assert is_signed(signature, "HMAC_SHA1", ["wrong", "12345"], f"{url}#rc=2&rp=all", parameters)
    assert is_signed(signature, "HMAC_SHA1", ["12345"], url, [*parameters, ("Digits", "1234")])
    assert not is_signed(signature, "HMAC_SHA1", ["12345"], url, [*parameters, ("Digits", "12345")])
    assert not is_signed(signature, "HMAC_SHA256", ["12345"], url, parameters)
    assert not is_signed(signature, "HMAC_SHA1", ["1234"], url, parameters)


SHEET = {
    ErrorKind.AUTH_FAILED: "20003 20005 20006 20008 30002 63001",
    ErrorKind.NOT_REGISTERED: (
        "21212 21601 21603 21606 21607 21616 21659 21660 21661 "
        "21701 21702 21703 21704 21705 63007 30024 30032 30034 30018"
    ),
    ErrorKind.INVALID_RECIPIENT: "21211 21217 21604 21614 21635 21401 30005 30006 63003 63024",
    ErrorKind.UNSUPPORTED: "21408 21608 21612 63015 30010 35118",
    ErrorKind.UNDELIVERABLE: "30003",
    ErrorKind.OPTED_OUT: "21610 63033",
    ErrorKind.BLOCKED: "30004",
    ErrorKind.CONTENT_REJECTED: (
        "21602 21619 21617 21618 21620 21623 21654 21655 21656 63005 63013 63021 "
        "30007 30019 63016 63019 63027 63028 63040 63041 63032 35111"
    ),
    ErrorKind.THROTTLED: "20429 14107 21611 63017 63018 30001 30022 30023 63038",
    ErrorKind.EXPIRED: "21624 35114 35115 35117 30036",
    ErrorKind.UNAVAILABLE: "20500 30008 30017 30020 30410 63010 63012 63023",
}


@pytest.mark.parametrize("kind", SHEET)
def test_every_documented_code_has_its_class_and_wording(kind: ErrorKind) -> None:
    assert {code: SPEC.meaning(code) for code in SHEET[kind].split()} == dict.fromkeys(SHEET[kind].split(), kind)
    assert all(CODES[code].wording for code in SHEET[kind].split())


def test_every_status_is_in_the_table_and_every_special_http_status_belongs_to_a_refusal() -> None:
    words = "accepted scheduled canceled queued sending sent failed delivered undelivered read partially_delivered"
    assert set(STATUSES) == set(words.split())
    assert set(HTTP_STATUS) <= set(SYNCHRONOUS)
    assert set(CODES) == {*STATUSES, *SYNCHRONOUS, *DELIVERY}


@pytest.mark.parametrize("kind", [ErrorKind.AUTH_FAILED, ErrorKind.NOT_REGISTERED, ErrorKind.CONTENT_REJECTED])
def test_codes_that_a_person_can_act_on_carry_advice(kind: ErrorKind) -> None:
    ours = {"20001", "35111"}  # of calls and options that this adapter does not use
    assert [
        code for code, known in CODES.items() if known.meaning is kind and not known.advice and code not in ours
    ] == []


FRAGMENTS = (
    *(
        '{"sid":"SM1"',
        '"status":"queued"',
        '"price":"',
        '"code":',
        '"messages":',
        '"date_created":"',
        '"num_segments":"9"',
    ),
    *("Sat, 21 Nov 2026 02:00:00 +0000", "{", "}", "[", ",", ":", "1", '"', "null", "1e999", "字"),
)
NOISE = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(lambda parts: "".join(parts).encode()),
    st.just(b"[" * 100_000),
)


@given(
    NOISE,
    st.sampled_from([200, 201, 204, 302, 400, 401, 404, 429, 500]),
    st.sampled_from(["", "5", "soon", "-1", "9" * 400]),
)
def test_no_answer_raises_anything_but_protocol_error(body: bytes, status: int, wait: str) -> None:
    response = HttpResponse(status, {"retry-after": wait}, body)
    message, pending = outgoing(), [Pending("r", "SM1", Address.phone(PERSON), NOW)]
    made = call()
    for read in (
        lambda: ADAPTER.parse_submit([message], response),
        lambda: ADAPTER.parse_poll(made, pending, response),
        lambda: ADAPTER.parse_lookup(message, NOW, response),
        lambda: ADAPTER.parse_balance(response),
        lambda: ADAPTER.parse_probe(made, response),
    ):
        with contextlib.suppress(ProtocolError):
            read()


@given(st.binary(max_size=300), st.text(max_size=50), st.sampled_from(["POST", "GET", "PUT"]), st.text(max_size=40))
def test_no_callback_without_a_right_signature_is_believed(
    body: bytes, query: str, method: str, signature: str
) -> None:
    request = CallbackRequest(method, f"{CALLBACK_URL}?{query}", query, {"x-twilio-signature": signature}, body)
    with pytest.raises(CallbackRejected):
        ADAPTER.parse_callback(call(), request)


def test_a_wait_longer_than_a_day_is_cut() -> None:
    body = b'{"code":20429,"message":"Too Many Requests"}'
    (receipt,) = ADAPTER.parse_submit([outgoing()], HttpResponse(429, {"retry-after": "9" * 400}, body))
    assert isinstance(receipt, Refused)
    assert receipt.error.retry_after == timedelta(days=1).total_seconds()


def test_a_callback_and_a_poll_saying_the_same_have_the_same_key() -> None:
    delivered = next(case.values[0] for case in samples("poll") if case.id == "delivered and billed")
    pending = [Pending("r", "SM1", Address.phone(PERSON), NOW)]
    (polled,) = ADAPTER.parse_poll(call(), pending, answer(delivered)).events
    reported = next(case.values[0] for case in samples("callback") if case.id.startswith("delivered,"))
    (heard,) = ADAPTER.parse_callback(call(), callback_of(reported)).events
    assert polled.dedupe_key == heard.dedupe_key
    assert isinstance(heard, DeliveryEvent)
    assert heard.status is ReportStatus.DELIVERED
