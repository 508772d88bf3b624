"""
The generic adapter: requests that no value can bend, answers judged by the account's rules, callbacks proved and read.
"""

import json
from base64 import b64encode
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Purpose
from sendyard.domain.content import Media, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending
from sendyard.providers.contract import (
    Accepted,
    DeliveryEvent,
    Outgoing,
    Refused,
    Unknown,
)
from sendyard.providers.generic_http import ADAPTER
from sendyard.providers.generic_http.paths import Document, compile_path, moment
from sendyard.providers.wire import HttpResponse
from tests.providers.generic_http_wire import account, adapter, built, call, is_taken, judged, outgoing, small
from tests.providers.samples import NOW

URL = "https://gw.example.test/callbacks/generic_http/tok"
ANYTHING = st.text(max_size=40) | st.sampled_from(
    ['"}{', "{secret}", "%s%d", "a\r\nX-Evil: 1", "../../x", "&to=+1", "</text>", "]]>", "&amp;", "\\u0041", "@x.test"]
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(text=ANYTHING, sender=ANYTHING, reference=ANYTHING)
def test_no_value_leaves_its_place_in_the_request(text: str, sender: str, reference: str) -> None:
    message = Outgoing("m1", reference, outgoing().channel, outgoing().to, sender, Text(text), country="TW")
    get = built(
        small(
            method="GET",
            body_kind="none",
            body="",
            send_path="/{to}/{reference}?text={text}&from={sender}",
            headers="X-Ref: {reference}\nX-Key: {secret}",
            secret="invented-key",
        ),
        message,
    )
    parts = urlsplit(get.url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "api.carrier.example", "")
    assert parts.path.count("/") == 2
    assert unquote(parts.path.split("/")[2]) == reference
    assert dict(parse_qsl(parts.query, keep_blank_values=True)) == {"text": text, "from": sender}
    assert set(get.headers) == {"x-ref", "x-key"}
    assert all(" " <= character < "\x7f" for value in get.headers.values() for character in value)
    assert get.headers["x-key"] == "invented-key"

    template = '{"to": "{to}", "from": "{sender}", "text": "{text}", "n": {timestamp}, "ref": ["{reference}"]}'
    in_json = json.loads(built(small(body=template), message).body)
    assert (in_json["text"], in_json["from"], in_json["ref"]) == (text, sender, [reference])
    in_form = built(small(body_kind="form", body="to={to}&text={text}&from={sender}"), message).body.decode()
    assert parse_qsl(in_form, keep_blank_values=True)[1:] == [("text", text), ("from", sender)]
    in_plain = built(small(body_kind="plain", body="{to} {text}"), message).body.decode()
    assert in_plain == f"+886912345601 {text}"

    as_xml = small(body_kind="xml", body='<sms to="{to}" ref="{text}"><text>{text}</text></sms>')
    if text and not ADAPTER.check(as_xml, outgoing(text)):
        tree = ET.fromstring(built(as_xml, outgoing(text)).body)
        assert (tree.findtext("text"), tree.get("ref")) == (text, text)


def test_headers_may_be_typed_into_a_single_line() -> None:
    request = built(small(headers=r"X-One: 1\nX-Two: 2"))
    assert (request.headers["x-one"], request.headers["x-two"]) == ("1", "2")


def test_every_placeholder_has_its_value() -> None:
    names = (
        *("to", "text", "sender", "reference", "callback_url", "exchange", "timestamp", "purpose", "alphabet"),
        *("entity_id", "template_id", "country", "username", "secret", "secret_2"),
    )
    body = "&".join(f"{name}={{{name}}}" for name in names)
    asked = small(
        body_kind="form",
        body=body,
        username="me",
        secret="s1",
        secret_2="s2",
        purpose_words="otp=3",
        alphabet_words="gsm=0,unicode=8",
        headers="X-Once: {exchange}\nX-Basic: {basic}\nContent-Type: application/x-www-form-urlencoded; charset=utf-8",
    )
    message = outgoing("您好", purpose=Purpose.OTP, registration={"entity_id": "e1"})
    request = built(asked, message)
    assert {name: values[0] for name, values in parse_qs(request.body.decode(), keep_blank_values=True).items()} == {
        "to": "+886912345601",
        "text": "您好",
        "sender": "ACME",
        "reference": "ref-1",
        "callback_url": URL,
        "exchange": "01a1fbba-0000-7000-8000-000000000001",
        "timestamp": str(int(NOW.timestamp())),
        "purpose": "3",
        "alphabet": "8",
        "entity_id": "e1",
        "template_id": "",
        "country": "TW",
        "username": "me",
        "secret": "s1",
        "secret_2": "s2",
    }
    assert request.headers == {
        "x-once": "01a1fbba-0000-7000-8000-000000000001",
        "x-basic": b64encode(b"me:s1").decode(),
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
    }
    gsm = parse_qs(built(asked, outgoing("plain")).body.decode())
    assert (gsm["alphabet"], gsm["purpose"]) == (["0"], ["transactional"])


@pytest.mark.parametrize(
    ("form", "country", "to", "wire"),
    [
        ("e164", "", "+886912345601", "+886912345601"),
        ("no_plus", "", "+886912345601", "886912345601"),
        ("national", "", "+886912345601", "0912345601"),
        ("national", "TW", "+886912345601", "0912345601"),
        ("national", "", "+14155550100", "4155550100"),
    ],
)
def test_numbers_are_written_as_the_carrier_wants_them(form: str, country: str, to: str, wire: str) -> None:
    written = built(small(number_format=form, country=country), outgoing(to=to, country=""))
    assert json.loads(written.body)["to"] == wire


@pytest.mark.parametrize(
    ("changes", "message", "codes"),
    [
        ({}, outgoing(), []),
        ({}, outgoing(Media((), "x")), ["unsupported"]),
        ({}, outgoing(TemplateRef("x", body="x")), ["unsupported"]),
        ({}, outgoing(""), ["content_rejected"]),
        ({}, outgoing("\ud800"), ["content_rejected"]),
        ({}, outgoing("bell\x07"), []),
        ({"max_characters": 3}, outgoing("four"), ["too_long"]),
        ({"max_characters": 3}, outgoing("one"), []),
        ({"body_kind": "xml", "body": "<a>{to}{text}</a>"}, outgoing("bell\x07"), ["content_rejected"]),
        ({"body_kind": "xml", "body": "<a>{to}{text}</a>"}, outgoing("a\r\n\tb"), []),
        ({"number_format": "national", "country": "TW"}, outgoing(to="+14155550100"), ["unsupported"]),
        ({"send_path": "/{to}?from={sender}"}, outgoing(sender=""), ["sender_missing"]),
        ({"send_path": "/{to}?from={sender}"}, outgoing(sender="a\nb"), ["sender_invalid"]),
        ({}, outgoing(sender=""), []),
    ],
)
def test_what_the_account_cannot_carry_is_told_before(
    changes: dict[str, Any], message: Outgoing, codes: list[str]
) -> None:
    found = ADAPTER.check(small(**changes), message)
    assert [problem.code for problem in found] == codes
    assert all(len(problem.detail) > 25 for problem in found)


@pytest.mark.parametrize("to", [Address(AddressKind.WHATSAPP_ID, "../x"), Address.phone("886912")])
def test_only_phone_numbers_are_recipients(to: Address) -> None:
    message = Outgoing("m1", "r", outgoing().channel, to, "ACME", Text("x"))
    assert [problem.code for problem in ADAPTER.check(small(), message)] == ["unsupported"]


def test_all_that_is_stated_of_an_acceptance_must_hold() -> None:
    strict = small(
        success_status="200,201",
        success_path="state",
        success_values="ok, Fine",
        success_contains='"done"',
        success_pattern="[0-9]{3}",
    )
    good = '{"state": "FINE", "id": "123", "x": "done"}'
    assert is_taken(strict, good)
    assert is_taken(strict, good, 201)
    for body, status in (
        (good, 202),
        (good.replace("FINE", "fined"), 200),
        (good.replace("done", "undone"), 200),
        (good.replace("123", "12"), 200),
        (good.replace('"id"', '"ID"'), 200),
        (good.replace("123", "1" * 201), 200),
    ):
        assert not is_taken(strict, body, status), body
    assert is_taken(small(id_path="", success_status="202"), "", 202)


def test_a_status_that_means_too_fast_is_never_an_acceptance() -> None:
    receipt = judged(
        small(throttle_status="429", success_status="200,429"), HttpResponse(429, {"retry-after": "x"}, b'{"id": 1}')
    )
    assert isinstance(receipt, Refused)
    assert (receipt.error.kind, receipt.error.retry_after) == (ErrorKind.THROTTLED, None)


def test_parts_and_cost_are_kept_only_where_they_are_numbers() -> None:
    asked = small(parts_path="n", cost_path="price", currency="TWD")
    for parts, price, found in (
        ("3", '"1,200.50"', (3, "1200.50 TWD")),
        ("0", "1.5", (None, "1.5 TWD")),
        ('"many"', '"free"', (None, "None")),
        ("1", f'"{"9" * 40}"', (1, "None")),
    ):
        receipt = judged(asked, HttpResponse(200, {}, f'{{"id": "a", "n": {parts}, "price": {price}}}'.encode()))
        assert isinstance(receipt, Accepted)
        assert (receipt.parts, str(receipt.cost)) == found


def test_each_account_has_an_adapter_of_its_own_that_keeps_nothing() -> None:
    message = outgoing()
    json_ids, line_ids = adapter(small(id_path="id")), adapter(small(id_path="/OK (.+)/"))
    json_ids.build_submit(call(small(id_path="id")), [message])
    for _ in range(2):
        assert isinstance(json_ids.parse_submit([message], HttpResponse(200, {}, b'{"id": "1"}'))[0], Accepted)
        assert isinstance(json_ids.parse_submit([message], HttpResponse(200, {}, b"OK 1"))[0], Unknown)
        assert isinstance(line_ids.parse_submit([message], HttpResponse(200, {}, b"OK 1"))[0], Accepted)


def test_the_registered_adapter_speaks_for_nobody() -> None:
    with pytest.raises(LookupError, match="for_account"):
        ADAPTER.parse_submit([outgoing()], HttpResponse(200))


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        ("a.b[1].c", '{"a": {"b": [0, {"c": "x"}]}}', "x"),
        ("$.a", '{"a": 7}', "7"),
        ("$", '"word"', "word"),
        ("[0]", "[true]", "true"),
        ('["odd. name"].x', '{"odd. name": {"x": false}}', "false"),
        ("a", '{"a": 0.05}', "0.05"),
        ("a", '{"a": null}', ""),
        ("a", '{"a": {"b": 1}}', ""),
        ("a.b", '{"a": [1]}', ""),
        ("a[3]", '{"a": [1]}', ""),
        ("a[0]", '{"a": {"0": 1}}', ""),
        ("a", "no json", ""),
        ("a", "[" * 5000, ""),
        ("a", '{"a": 1e999}', "1e999"),
        ("a", '{"a": 12345678901234567890123}', "12345678901234567890123"),
        ("a", '{"a": 0.0400}', "0.0400"),
        ("a", '{"a": NaN}', ""),
        ("a", '\ufeff{"a": "x"}', "x"),
        ("/ID: ([0-9]+)/", "ID: 42", "42"),
        ("/ID: ([0-9]+)?/", "ID: ", ""),
        ("/ID: ([0-9]+)/", "none", ""),
    ],
)
def test_a_path_finds_one_value_or_nothing(path: str, body: str, found: str) -> None:
    assert Document.of_body(body.encode()).find(compile_path(path)) == found


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1795226400", 0),
        ("1795226400123", 0),
        ("2026-11-21T10:00:00+08:00", 0),
        ("2026-11-21T02:00:05Z", 5),
        ("2026-11-21T02:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_is_read_only_when_it_is_certain(text: str, seconds: int | None) -> None:
    assert moment(text) == (None if seconds is None else NOW + timedelta(seconds=seconds))


def test_questions_carry_the_accounts_headers_without_a_kind_of_body() -> None:
    asked = small(
        headers="Authorization: Bearer {secret}\nX-Once: {exchange}\nX-At: {timestamp}\nX-Ref: {reference}",
        secret="invented-key",
        balance_path="/credit?at={timestamp}",
        balance_at="left",
    )
    request = adapter(asked).build_balance(call(asked))
    stamp, once = str(int(NOW.timestamp())), "01a1fbba-0000-7000-8000-000000000001"
    assert (request.method, request.url) == ("GET", f"https://api.carrier.example/credit?at={stamp}")
    assert request.headers == {
        "authorization": "Bearer invented-key",
        "x-once": once,
        "x-at": stamp,
        "x-ref": once,
    }


def test_a_poll_may_ask_by_our_own_id_and_by_post() -> None:
    asked = small(
        poll_path="/state?ref={reference}&to={to}",
        poll_status="/state=(.)/",
        status_words="D=delivered",
        ask_method="POST",
        number_format="no_plus",
    )
    pending = [Pending("ref/1", "", Address.phone("+886912345601"), NOW)]
    request = adapter(asked).build_poll(call(asked), "", pending)
    assert (request.method, request.url) == ("POST", "https://api.carrier.example/state")
    assert request.body == b"ref=ref%2F1&to=886912345601"
    assert request.headers == {"content-type": "application/x-www-form-urlencoded"}
    poll = adapter(asked).parse_poll(call(asked), pending, HttpResponse(200, {}, b"state=D"))
    (event,) = poll.events
    assert isinstance(event, DeliveryEvent)
    assert (event.status, event.key.reference) == (ReportStatus.DELIVERED, "ref/1")
    assert adapter(asked).parse_poll(call(asked), [], HttpResponse(200, {}, b"state=D")).events == []


def test_an_account_without_a_balance_says_what_to_fill_in() -> None:
    with pytest.raises(Invalid, match="balance_path"):
        adapter(small()).build_balance(call(small()))


def test_the_sentence_of_a_failed_test_admits_that_the_question_shows_no_credentials() -> None:
    asked = small(probe_path="/ping")
    result = adapter(asked).parse_probe(call(asked), HttpResponse(401))
    assert not result.ok
    assert "that the test's path or a header carries the credentials" in result.detail


def test_a_question_to_a_page_that_is_not_there_blames_address_and_path_not_the_carrier() -> None:
    asked = small(probe_path="/ping")
    detail = adapter(asked).parse_probe(call(asked), HttpResponse(404, {}, b"<html>Not Found</html>")).detail
    assert detail == f"{asked.base_url}/ping answers HTTP 404: nothing is there; check the address and the path."


def test_the_account_of_the_readme_never_shows_its_secret_in_a_failed_test() -> None:
    for carrier in ("Sparrow", "Heron", "Stork", "Pigeon"):
        for status in (200, 401, 404, 500):
            asked = account(carrier)
            detail = adapter(asked).parse_probe(call(asked), HttpResponse(status)).detail
            assert asked.secret.get_secret_value() not in detail
