"""
Our side of MSG91: what its samples of further abilities say, what is refused before sending, and what proves nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import OtpWanted, Pending, ProviderTemplate, TemplatePage, Token
from sendyard.providers.contract import Outgoing, ProtocolError, Refused, TemplateState
from sendyard.providers.msg91 import ADAPTER
from sendyard.providers.msg91.codes import CODES, STATES, code_of_words
from sendyard.providers.msg91.reports import judge, moment
from sendyard.providers.msg91.scrubbing import SCRUB_CODES, scrub_code
from sendyard.providers.msg91.spec import Msg91Account
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
)

KEY = "270001AinventedKey"
TEMPLATE = "6a4503e82abed18d7607c632"
VALUES = {"name": "Asha", "order": "A-17"}
APPROVED = ProviderTemplate(
    name=TEMPLATE,
    state=TemplateState.APPROVED,
    body="Dear ##name##, order ##order## is out. - ACMEIN",
    variables=("name", "order"),
)


def account(**fields: Any) -> Msg91Account:
    return Msg91Account(**{"authkey": KEY, **fields})


def outgoing(content: Content | None = None, **changes: Any) -> Outgoing:
    message = Outgoing(
        message_id="m1",
        reference="ref-1",
        channel=Channel.SMS,
        to=Address.phone("+919876543210"),
        sender="ACMEIN",
        content=content or TemplateRef(TEMPLATE, variables=VALUES),
        country="IN",
    )
    return replace(message, **changes)


def codes_of(message: Outgoing, **fields: Any) -> list[str]:
    found = ADAPTER.check(account(**fields), message)
    assert all(len(problem.detail) > 30 for problem in found)
    return [problem.code for problem in found]


def each(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases("msg91", kind)])


def assert_error(found: object, wanted: Mapping[str, Any]) -> None:
    assert isinstance(found, ProviderError)
    assert (found.kind, found.code) == (wanted["kind"], wanted["code"])


@each("token")
def test_the_key_check_before_sending_follows_its_samples(case: Case) -> None:
    call = call_for("msg91", account_of(ADAPTER, case))
    assert_same_request(ADAPTER.build_token(call), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_token(call, response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_token(call, response_of(case["response"])), case["expected"]
    if "code" in expected:
        assert_error(found, expected)
    else:
        assert found == Token(expected["value"], datetime.fromisoformat(expected["expires_at"]))


def test_the_key_check_can_be_turned_off_by_the_account() -> None:
    assert ADAPTER.wants_token(call_for("msg91", account()))
    assert not ADAPTER.wants_token(call_for("msg91", account(check_key=False)))


@each("templates")
def test_template_versions_follow_their_samples(case: Case) -> None:
    call = call_for("msg91", account_of(ADAPTER, case))
    assert_same_request(ADAPTER.build_templates(call, case["cursor"]), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_templates(call, case["cursor"], response_of(case["response"]))
        return
    found = ADAPTER.parse_templates(call, case["cursor"], response_of(case["response"]))
    expected = case["expected"]
    if "code" in expected:
        assert_error(found, expected)
        return
    assert isinstance(found, TemplatePage)
    assert found.cursor == expected["cursor"]
    assert len(found.templates) == len(expected["templates"])
    for template, wanted in zip(found.templates, expected["templates"], strict=True):
        assert_template(template, wanted)


@each("template_create")
def test_templates_are_handed_in_as_their_samples_say(case: Case) -> None:
    call = call_for("msg91", account_of(ADAPTER, case))
    template = ProviderTemplate(state=TemplateState.DRAFT, **case["template"])
    assert_same_request(ADAPTER.build_template(call, template, {"name": "Asha"}), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_template(template, response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_template(template, response_of(case["response"])), case["expected"]
    if "code" in expected:
        assert_error(found, expected)
    else:
        assert isinstance(found, ProviderTemplate)
        assert_template(found, expected)


def assert_template(template: ProviderTemplate, wanted: Mapping[str, Any]) -> None:
    assert wanted.get("reason_contains", "") in template.reason
    for name in wanted.keys() - {"reason_contains", "variables"}:
        assert getattr(template, name) == wanted[name], name
    assert list(template.variables) == wanted.get("variables", [])


@pytest.mark.parametrize("changes", [{"body": ""}, {"registration": {}}])
def test_a_template_without_text_or_header_is_not_handed_in(changes: dict[str, Any]) -> None:
    whole = replace(APPROVED, registration={"header": "ACMEIN"})
    with pytest.raises(Invalid, match="text and a header"):
        ADAPTER.build_template(call_for("msg91", account()), replace(whole, **changes), {})


def test_a_message_that_says_what_the_active_version_says_fits() -> None:
    body = "Dear Asha, order A-17 is out. - ACMEIN"
    assert ADAPTER.fits(APPROVED, TemplateRef(TEMPLATE, variables=VALUES, body=body)) == []
    assert ADAPTER.fits(APPROVED, TemplateRef(TEMPLATE, variables=VALUES)) == []


@pytest.mark.parametrize(
    ("template", "wanted", "code", "words"),
    [
        (None, TemplateRef(TEMPLATE), "template_unknown", TEMPLATE),
        (
            replace(APPROVED, state=TemplateState.DISABLED, reason="no version is active"),
            TemplateRef(TEMPLATE, variables=VALUES),
            "template_not_approved",
            "no version is active",
        ),
        (APPROVED, TemplateRef(TEMPLATE, variables={"name": "Asha"}), "template_variables_missing", "order"),
        (
            APPROVED,
            TemplateRef(TEMPLATE, variables={"Name": "Asha", "order": "A-17"}),
            "template_variables_misspelled",
            "name, not Name",
        ),
        (
            APPROVED,
            TemplateRef(TEMPLATE, variables=VALUES, body="Dear Asha, order A-17 is out! - ACMEIN"),
            "template_text_differs",
            "at character 29: there '. - ACMEIN', here '! - ACMEIN'",
        ),
        (
            APPROVED,
            TemplateRef(TEMPLATE, variables=VALUES, body="Dear Asha, order A-17 is out."),
            "template_text_differs",
            "at character 30",
        ),
    ],
)
def test_what_msg91_would_drop_or_deliver_blank_does_not_fit(
    template: ProviderTemplate | None, wanted: TemplateRef, code: str, words: str
) -> None:
    (problem,) = ADAPTER.fits(template, wanted)
    assert problem.code == code
    assert words in problem.detail


def wanted_of(case: Case) -> OtpWanted:
    return OtpWanted(**{**case["wanted"], "to": address(case["wanted"]["to"])})


@each("otp")
def test_sending_a_code_follows_its_samples(case: Case) -> None:
    call = call_for("msg91", account_of(ADAPTER, case))
    assert_same_request(ADAPTER.build_otp(call, wanted_of(case)), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_otp(response_of(case["response"]))
        return
    assert_started(ADAPTER.parse_otp(response_of(case["response"])), case["expected"])


@each("otp_resend")
def test_sending_a_code_again_follows_its_samples(case: Case) -> None:
    call = call_for("msg91", account_of(ADAPTER, case))
    built = ADAPTER.build_otp_resend(call, wanted_of(case), case["session"], by_voice=case["by_voice"])
    assert_same_request(built, case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_otp_resend(response_of(case["response"]))
        return
    assert_started(ADAPTER.parse_otp_resend(response_of(case["response"])), case["expected"])


def assert_started(found: object, expected: Mapping[str, Any]) -> None:
    if "code" in expected:
        assert_error(found, expected)
        return
    for name, value in expected.items():
        assert getattr(found, name) == value


@each("otp_check")
def test_checking_a_code_follows_its_samples(case: Case) -> None:
    call = call_for("msg91", account_of(ADAPTER, case))
    assert_same_request(ADAPTER.build_otp_check(call, wanted_of(case), "", case["code"]), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_otp_check(response_of(case["response"]))
        return
    assert ADAPTER.parse_otp_check(response_of(case["response"])) == case["expected"]


def test_a_message_of_a_registered_template_is_taken() -> None:
    assert codes_of(outgoing()) == []
    assert codes_of(outgoing(sender="")) == []
    assert codes_of(outgoing(registration={"template_id": "1007165158208125858"})) == []
    assert codes_of(outgoing(sender="612345", purpose=Purpose.PROMOTIONAL)) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": Address.phone("+886912345678")}, "not_an_indian_mobile"),
        ({"to": Address.phone("+915876543210")}, "not_an_indian_mobile"),
        ({"to": Address.phone("+91987654321")}, "not_an_indian_mobile"),
        ({"sender": "VM-ACMEIN-S"}, "sender_not_a_header"),
        ({"sender": "AC"}, "sender_not_a_header"),
        ({"sender": "612345"}, "header_is_promotional"),
        ({"registration": {"template_id": TEMPLATE}}, "dlt_template_id"),
        ({"content": Text("Hello")}, "template_needed"),
        ({"content": TemplateRef("1007165158208125858", variables=VALUES)}, "template_id"),
        ({"content": TemplateRef(TEMPLATE, media=(MediaItem("image/png", "https://x.test/a"),))}, "media_not_carried"),
        ({"content": TemplateRef(TEMPLATE, variables={"mobiles": "x"})}, "variable_name"),
        ({"content": TemplateRef(TEMPLATE, variables={"CRQID": "x"})}, "variable_name"),
        ({"content": TemplateRef(TEMPLATE, variables={"na me": "x"})}, "variable_name"),
    ],
)
def test_what_msg91_cannot_carry_is_named_before_sending(changes: dict[str, Any], code: str) -> None:
    assert codes_of(outgoing(**changes)) == [code]


@pytest.mark.parametrize(
    ("value", "limit", "fits"),
    [
        ("x" * 30, 30, True),
        ("x" * 31, 30, False),
        ("x" * 31, 40, True),
        ("x" * 500, 0, True),
        (f"https://acme.example/{'o' * 60}", 30, True),
        (f"see https://acme.example/{'o' * 60}", 30, False),
        ("two\nlines", 30, False),
        ("two\rlines", 30, False),
        ("<b>", 30, False),
        ("{#var#}", 30, False),
        ("two\nlines <b> {#var#}", 0, True),
        ("half \ud83d", 0, False),
        ("", 30, True),
    ],
)
def test_values_that_operators_refuse_are_named_before_sending(value: str, limit: int, *, fits: bool) -> None:
    found = codes_of(outgoing(TemplateRef(TEMPLATE, variables={"name": value})), value_limit=limit)
    assert found == ([] if fits else ["variable_value"])


def test_messages_of_one_template_header_and_route_travel_together() -> None:
    key = ADAPTER.batch_key
    first = outgoing()
    assert key(first) == key(outgoing(TemplateRef(TEMPLATE, variables={"name": "Ravi"}), reference="ref-2"))
    assert key(first) == key(replace(first, purpose=Purpose.PROMOTIONAL))
    assert key(first) != key(outgoing(TemplateRef(TEMPLATE[::-1])))
    assert key(first) != key(replace(first, sender="OTHERX"))
    numeric = replace(first, sender="612345")
    assert key(numeric) != key(replace(numeric, purpose=Purpose.PROMOTIONAL))
    assert key(outgoing(Text("x"))) == key(outgoing(Text("y")))


def test_no_variable_can_take_the_place_of_recipient_or_reference() -> None:
    content = TemplateRef(TEMPLATE, variables={"mobiles": "910000000000", "CRQID": "theirs"})
    body = ADAPTER.build_submit(call_for("msg91", account()), [outgoing(content)]).body
    assert b"910000000000" not in body
    assert b"theirs" not in body


def test_the_key_stands_in_no_address() -> None:
    call = call_for("msg91", account(template_ids=TEMPLATE))
    wanted = OtpWanted("o1", Address.phone("+919876543210"))
    pending = [Pending("ref-1", "386a", Address.phone("+919876543210"), NOW)]
    requests = [
        ADAPTER.build_submit(call, [outgoing()]),
        ADAPTER.build_token(call),
        ADAPTER.build_probe(call),
        ADAPTER.build_balance(call),
        ADAPTER.build_templates(call, ""),
        ADAPTER.build_poll(call, "", pending),
        ADAPTER.build_lookup(call, outgoing(), NOW),
        ADAPTER.build_otp(call, wanted),
        ADAPTER.build_otp_check(call, wanted, "", "4821"),
        ADAPTER.build_otp_resend(call, wanted, "", by_voice=False),
    ]
    assert all(KEY not in request.url and request.headers["authkey"] == KEY for request in requests)


@pytest.mark.parametrize("minutes", [0, 5, 10])
def test_a_repeated_question_to_the_log_has_another_first_day_because_answers_are_cached(minutes: int) -> None:
    pending = [Pending("ref-1", "386a", Address.phone("+919876543210"), NOW)]
    call = call_for("msg91", account())

    def asked(later: int) -> str:
        return ADAPTER.build_poll(replace(call, now=NOW + timedelta(minutes=later)), "", pending).url

    assert asked(minutes) == asked(minutes + 4)
    assert asked(minutes) != asked(minutes + 5)
    assert len({asked(later) for later in range(0, 60, 5)}) == 3


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("https://control.msg91.com/api/v5/", "https://control.msg91.com/api/v5"),
        (" https://api.msg91.com/api/v5", "https://api.msg91.com/api/v5"),
        ("http://127.0.0.1:9025/msg91/api/v5", "http://127.0.0.1:9025/msg91/api/v5"),
    ],
)
def test_the_interface_address_is_understood_as_people_write_it(written: str, used: str) -> None:
    assert account(base_url=written).base_url == used
    assert account().base_url == "https://control.msg91.com/api/v5"


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"base_url": "control.msg91.com"}, "expected an address"),
        ({"base_url": "https://control.msg91.com/api"}, "ends with /api/v5"),
        ({"base_url": "https://control.msg91.com/api/v5?authkey=x"}, "expected an address"),
        ({"authkey": "two words"}, "bare authkey"),
        ({"authkey": ""}, "bare authkey"),
        ({"template_ids": "1007165158208125858"}, "24 hexadecimal"),
        ({"otp_template_id": f"{TEMPLATE},{TEMPLATE[::-1]}"}, "expected one template id"),
        ({"value_limit": -1}, "greater than or equal"),
    ],
)
def test_unusable_account_fields_are_refused_with_advice(fields: dict[str, Any], advice: str) -> None:
    with pytest.raises(ValidationError, match=advice):
        account(**fields)


def test_template_ids_are_read_as_people_paste_them() -> None:
    other = TEMPLATE[::-1]
    pasted = f"{TEMPLATE}\n{other}; {TEMPLATE}"
    assert account(template_ids=pasted).named_templates == (TEMPLATE, other)
    assert account().named_templates == ()


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("633", "633"),
        ("633:TEMPLATE_NOT_MATCHED", "633"),
        ("template not matched", "633"),
        ("TEMPLATE-VARIABLE-EXCEEDED-MAX LENGTH", "635"),
        ("TEMPLATE-INACTIVE", "631"),
        ("NDNC REJECTED", "NDNC-REJECTED"),
        ("MESSAGE INBOX FULL", "MESSAGE-INBOX-FULL"),
        ("err 919 then 650", "650"),
        ("16330", ""),
        ("699", ""),
        ("", ""),
    ],
)
def test_operators_reasons_are_known_by_number_and_by_name(reason: str, code: str) -> None:
    assert scrub_code(reason) == code


def test_every_reason_is_found_by_its_own_code() -> None:
    assert {code: scrub_code(code) for code in SCRUB_CODES} == {code: code for code in SCRUB_CODES}
    numbers = {*range(600, 606), *range(610, 619), *range(620, 626), *range(630, 638), 650, 660, 666, 670, 683, 687}
    assert {int(code) for code in SCRUB_CODES if code.isdigit()} == numbers | {801, 802, 803, 804}


def test_every_code_of_the_sheet_is_in_the_table() -> None:
    requests = {101, 102, 103, 105, 106, 107, 201, 202, 203, 207, 208, 211, 301, 302, 303, 306, 307, 308, 309, 310, 311}
    assert {str(code) for code in (*requests, 401, 418, 429, 1, 2, 9, 16, 17, 25)} <= set(CODES)
    people_can_act = {
        *(ErrorKind.AUTH_FAILED, ErrorKind.OUT_OF_CREDIT, ErrorKind.NOT_REGISTERED),
        *(ErrorKind.REGISTRY_REFUSED, ErrorKind.BLOCKED),
    }
    assert all(known.advice for known in CODES.values() if known.meaning in people_can_act)


@pytest.mark.parametrize("words", [known.wording for code, known in STATES.items() if code != "25"])
def test_states_are_known_by_their_words_whatever_the_capitals(words: str) -> None:
    assert STATES[code_of_words(words)].wording == words
    assert code_of_words(words.upper()) == code_of_words(words)
    assert judge(words, "", "").status is not ReportStatus.UNMAPPED


def test_words_about_something_else_are_no_state() -> None:
    assert judge("OTP not match", "", "").status is ReportStatus.UNMAPPED
    assert judge("", "", "").status is ReportStatus.UNMAPPED


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("2026-01-12 11:02:09", "", "2026-01-12T05:32:09+00:00"),
        ("2026-01-12", "11:02:09", "2026-01-12T05:32:09+00:00"),
        ("2026-01-12T11:02:09+00:00", "", "2026-01-12T11:02:09+00:00"),
        ("11:02:09", "11:02:09", None),
        ("", "", None),
        ("0001-01-01 00:00:00", "", None),
    ],
)
def test_times_are_indian_unless_they_say_otherwise(date: str, time: str, expected: str | None) -> None:
    assert moment(date, time) == (datetime.fromisoformat(expected) if expected else None)


def test_an_unusable_waiting_time_is_none() -> None:
    for given_wait in ("soon", "-1", "inf", "nan"):
        response = HttpResponse(429, {"retry-after": given_wait}, b"{}")
        (receipt,) = ADAPTER.parse_submit([outgoing()], response)
        assert isinstance(receipt, Refused)
        assert (receipt.error.kind, receipt.error.retry_after) == (ErrorKind.THROTTLED, None)


noise = st.binary(max_size=80) | st.lists(
    st.sampled_from(
        ['{"type":"success"', '"data":[{}', "]", "}", ",", '"message":', '"x"', "[[", "Valid", "9" * 30, "null"]
    )
).map(lambda parts: "".join(parts).encode())


@given(noise, st.sampled_from([200, 200, 204, 302, 401, 418, 429, 500]))
def test_no_answer_to_a_further_call_raises_anything_but_protocol_error(body: bytes, status: int) -> None:
    response = HttpResponse(status, {}, body)
    call = call_for("msg91", account(template_ids=TEMPLATE))
    for attempt in (
        lambda: ADAPTER.parse_token(call, response),
        lambda: ADAPTER.parse_templates(call, "", response),
        lambda: ADAPTER.parse_template(APPROVED, response),
        lambda: ADAPTER.parse_otp(response),
        lambda: ADAPTER.parse_otp_check(response),
        lambda: ADAPTER.parse_otp_resend(response),
    ):
        try:
            assert attempt() is not None
        except ProtocolError as error:
            assert str(error)  # noqa: PT017 (both outcomes are right, each with its own proof)
