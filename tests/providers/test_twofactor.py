"""
The 2Factor adapter: its limits, one-time codes, and a key that never shows.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.providers.abilities import OtpStarted, OtpWanted, Pending
from sendyard.providers.contract import Outgoing, ProtocolError
from sendyard.providers.twofactor import ADAPTER, EMULATOR
from sendyard.providers.twofactor.codes import CODES, name_of, word_meaning, word_of
from sendyard.providers.twofactor.reports import e164_of, logged, moment
from sendyard.providers.twofactor.spec import TwoFactorAccount
from sendyard.providers.wire import HttpResponse
from tests.providers.samples import (
    NOW,
    Case,
    account_of,
    address,
    assert_same_request,
    call_for,
    cases,
    response_of,
    secrets_of,
)

KEY = EMULATOR.sample_account["api_key"]


def account(**fields: Any) -> TwoFactorAccount:
    return TwoFactorAccount(**{**EMULATOR.sample_account, **fields})


def outgoing(content: Content | None = None, *, to: str = "+919876543210", sender: str = "ACMEIN") -> Outgoing:
    return Outgoing("m1", "ref-1", Channel.SMS, Address.phone(to), sender, content or Text("Hi Asha"), country="IN")


def template(**variables: str) -> TemplateRef:
    return TemplateRef("OrderShipped", variables=variables, body="Hi Asha")


def problems(message: Outgoing, **fields: Any) -> list[str]:
    found = ADAPTER.check(account(**fields), message)
    assert all(len(problem.detail) > 30 for problem in found)
    return [problem.code for problem in found]


def wanted_of(given: Mapping[str, Any]) -> OtpWanted:
    return OtpWanted(**{**given, "to": address(given["to"])})


def by_name(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases("twofactor", kind)])


@by_name("otp")
def test_code_samples_ask_and_read_exactly(case: Case) -> None:
    call = call_for("twofactor", account_of(ADAPTER, case))
    assert_same_request(ADAPTER.build_otp(call, wanted_of(case["wanted"])), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_otp(response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_otp(response_of(case["response"])), case["expected"]
    if isinstance(found, ProviderError):
        assert (found.kind, found.code) == (expected["kind"], expected["code"])
    else:
        assert found == OtpStarted(expected["session"], expected["session"])


@by_name("otp_check")
def test_check_samples_ask_and_read_exactly(case: Case) -> None:
    call = call_for("twofactor", account_of(ADAPTER, case))
    request = ADAPTER.build_otp_check(call, wanted_of(case["wanted"]), case["session"], case["code"])
    assert_same_request(request, case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_otp_check(response_of(case["response"]))
        return
    assert ADAPTER.parse_otp_check(response_of(case["response"])) == case["expected"]


@pytest.mark.parametrize(
    ("details", "verified"),
    [
        ("OTP Matched", True),
        ("OTP Expired", False),
        ("OTP Mismatch", False),
        ("Matched", False),
        ("OTP Matched.", False),
    ],
)
def test_one_sentence_alone_verifies(details: str, *, verified: bool) -> None:
    answer = HttpResponse(200, {}, f'{{"Status":"Success","Details":"{details}"}}'.encode())
    try:
        found = ADAPTER.parse_otp_check(answer) == "verified"
    except ProtocolError:
        found = False
    assert found is verified


@pytest.mark.parametrize(
    ("fields", "wanted", "code"),
    [
        ({}, {}, "otp_template"),
        ({}, {"template": "a/b"}, "otp_template"),
        ({"otp_template": "Pay"}, {"code": "12a4"}, "otp_code"),
        ({"otp_template": "Pay"}, {"code": "1234567"}, "otp_code"),
        ({"otp_template": "Pay"}, {"length": 5}, "otp_length"),
    ],
)
def test_a_code_that_2factor_could_not_send_is_refused_before(
    fields: dict[str, str], wanted: dict[str, Any], code: str
) -> None:
    call = call_for("twofactor", account(**fields))
    with pytest.raises(Invalid) as refused:
        ADAPTER.build_otp(call, OtpWanted("otp-1", Address.phone("+919876543210"), **wanted))
    assert refused.value.code == code
    assert wanted.get("code", "no code") not in refused.value.detail


def test_the_key_stands_in_the_address_and_in_no_text() -> None:
    call = call_for("twofactor", account())
    request = ADAPTER.build_submit(call, [outgoing()])
    assert f"/V1/{KEY}/" in request.url
    assert secrets_of(account()) == [KEY]
    said = [repr(account()), repr(call), str(ADAPTER.check(account(), outgoing()))]
    for status, body in ((404, b"<html>"), (500, b"x"), (200, b'{"Status":"Queued"}')):
        answer = HttpResponse(status, {}, body)
        for parse in (ADAPTER.parse_balance, ADAPTER.parse_otp):
            with pytest.raises(ProtocolError) as broken:
                parse(answer)
            said.append(str(broken.value))
    assert not [text for text in said if KEY in text]


def test_codes_and_templates_leave_by_post_because_a_repeated_get_would_send_twice() -> None:
    call = call_for("twofactor", account(otp_template="Pay"))
    built = [
        ADAPTER.build_submit(call, [outgoing()]),
        ADAPTER.build_submit(call, [outgoing(template(otp="482913"))]),
        ADAPTER.build_otp(call, OtpWanted("otp-1", Address.phone("+919876543210"))),
    ]
    assert {request.method for request in built} == {"POST"}


@pytest.mark.parametrize("to", ["+919876543210", "+916000000001", "+919123456780"])
def test_indian_mobiles_are_accepted(to: str) -> None:
    assert problems(outgoing(to=to)) == []


@pytest.mark.parametrize("to", ["+915876543210", "+9198765432101", "+886912345678", "+911800123456"])
def test_other_numbers_are_refused(to: str) -> None:
    assert problems(outgoing(to=to)) == [ErrorKind.UNSUPPORTED]


def test_an_address_that_is_no_number_is_refused() -> None:
    message = Outgoing("m1", "r1", Channel.SMS, Address(AddressKind.LINE_ID, "U1"), "ACMEIN", Text("Hi"))
    assert problems(message) == [ErrorKind.UNSUPPORTED]


@pytest.mark.parametrize("sender", ["ACMEIN", "acmein", "VM-ACMEIN", "VM-ACMEIN-S", "ACMEIN-T", "512345"])
def test_senders_are_headers_with_or_without_what_handsets_add(sender: str) -> None:
    assert problems(outgoing(sender=sender)) == []


@pytest.mark.parametrize("sender", ["", "AC", "ACMEINDIA", "+919876543210", "ACME IN", "51234"])
def test_what_is_no_header_is_refused(sender: str) -> None:
    assert problems(outgoing(sender=sender)) == [ErrorKind.NOT_REGISTERED]


@pytest.mark.parametrize("text", ["", "  ", "a\rb", "a\x00b", "a\x1bb", "half \ud83d"])
def test_texts_that_would_not_arrive_as_they_are_are_refused(text: str) -> None:
    assert problems(outgoing(Text(text))) == [ErrorKind.CONTENT_REJECTED]


@pytest.mark.parametrize(
    "content",
    [
        Media([MediaItem("image/jpeg", "https://x.example/a.jpg")], "Hi"),
        Interactive("Hi", [Choice("a", "A")]),
    ],
)
def test_only_texts_and_templates_are_carried(content: Content) -> None:
    assert problems(outgoing(content)) == [ErrorKind.UNSUPPORTED]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (template(VAR1="Asha", VAR2="A-1"), []),
        (template(**{"1": "Asha"}), []),
        (template(), []),
        (template(VAR2="Asha"), ["variable_names"]),
        (template(name="Asha"), ["variable_names"]),
        (template(**{str(number): "x" for number in range(1, 12)}), ["variable_names"]),
        (template(VAR1=" "), ["variable_value"]),
        (template(VAR1="a\x00"), ["variable_value"]),
        (TemplateRef("a/b"), ["template_name"]),
        (TemplateRef(" "), ["template_name"]),
        (template(otp="482913"), []),
        (template(otp="48291a"), ["otp_code"]),
        (template(otp="482913", VAR1="x"), ["otp_code"]),
    ],
)
def test_templates_are_checked_by_name_and_variables(content: TemplateRef, expected: list[str]) -> None:
    assert problems(outgoing(content)) == expected


def test_an_account_for_codes_carries_nothing_else() -> None:
    assert problems(outgoing(template(otp="482913"), sender=""), product="otp") == []
    assert problems(outgoing(), product="otp") == [ErrorKind.UNSUPPORTED]


def test_promotional_templates_need_the_newer_interface() -> None:
    assert problems(outgoing(template(VAR1="Asha")), product="promotional") == [ErrorKind.UNSUPPORTED]
    assert problems(outgoing(template(VAR1="Asha")), product="promotional", interface="r1") == []


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": ""},
        {"api_key": "abc/def"},
        {"api_key": "abc def"},
        {"api_key": "kéy-key"},
        {"base_url": "2factor.in"},
        {"base_url": "https://2factor.in/API?x=1"},
        {"otp_template": "a#b"},
        {"entity_id": "123"},
        {"product": "voice"},
    ],
)
def test_unusable_accounts_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        account(**fields)


@pytest.mark.parametrize(
    ("said", "word", "meaning"),
    [
        ("dlt_something", "DLT-SOMETHING", ErrorKind.REGISTRY_REFUSED),
        ("TEMPLATE-VARIABLE-EXCEEDED-MAX LENGTH", "TEMPLATE-VARIABLE-EXCEEDED-MAX-LENGTH", ErrorKind.CONTENT_REJECTED),
        (" dnd blocked ", "DND-BLOCKED", ErrorKind.BLOCKED),
        ("SERIES-BLOCK", "SERIES-BLOCK", ErrorKind.BLOCKED),
        ("NEWS", "NEWS", ErrorKind.UNMAPPED),
    ],
)
def test_words_of_reports_are_read_in_any_spelling(said: str, word: str, meaning: ErrorKind) -> None:
    assert (word_of(said), word_meaning(word_of(said))) == (word, meaning)


def test_every_sentence_of_the_table_is_recognised_by_what_it_contains() -> None:
    sentences = {code: known for code, known in CODES.items() if code.islower()}
    assert {code: name_of(known.wording) for code, known in sentences.items()} == {code: code for code in sentences}
    people_can_act = {
        *(ErrorKind.AUTH_FAILED, ErrorKind.OUT_OF_CREDIT, ErrorKind.THROTTLED),
        *(ErrorKind.NOT_REGISTERED, ErrorKind.REGISTRY_REFUSED),
    }
    assert all(known.advice for known in CODES.values() if known.meaning in people_can_act)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("919876543210", "+919876543210"),
        ("+919876543210", "+919876543210"),
        ("09876543210", "+919876543210"),
        ("9123456780", "+919123456780"),
        ("12345", ""),
    ],
)
def test_numbers_in_reports_come_in_several_spellings(given: str, expected: str) -> None:
    assert e164_of(given) == expected


def test_a_moment_that_is_none_is_left_out() -> None:
    assert [moment(text) for text in ("", "2026-13-01 00:00:00", "0001-01-01 00:00:00")] == [None] * 3


def test_a_log_larger_than_any_session_is_not_read() -> None:
    with pytest.raises(ProtocolError, match="262144"):
        list(logged(b"<smsLog>" + b" " * 262_144, "s"))


def test_a_session_is_quoted_in_the_address_of_its_log() -> None:
    pending = [Pending("r1", "a/b c", Address.phone("+919876543210"), NOW)]
    request = ADAPTER.build_poll(call_for("twofactor", account()), "", pending)
    assert request.url.endswith("/RPT/TSMS/a%2Fb%20c")


def test_a_probe_says_nothing_of_what_was_not_listed_but_the_sentence() -> None:
    answer = HttpResponse(400, {}, b'{"Status":"Error","Details":"Computer says no"}')
    probe = ADAPTER.parse_probe(call_for("twofactor", account()), answer)
    assert not probe.ok
    assert "Computer says no" in probe.detail


def test_an_answer_nested_beyond_reason_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError):
        ADAPTER.parse_balance(HttpResponse(200, {}, b'{"a":' * 100_000))


def test_purpose_does_not_choose_the_call() -> None:
    text = Outgoing("m1", "r1", Channel.SMS, Address.phone("+919876543210"), "ACMEIN", Text("Hi"), Purpose.OTP)
    assert ADAPTER.build_submit(call_for("twofactor", account()), [text]).url.endswith("/SEND/TSMS")
