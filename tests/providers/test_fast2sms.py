"""
The Fast2SMS adapter: routes, what each refuses, batches, and the DLT Manager.
"""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import Pending, ProviderTemplate
from sendyard.providers.contract import CallbackRejected, MessageKey, Outgoing, ProtocolError, TemplateState
from sendyard.providers.fast2sms import ADAPTER, EMULATOR
from sendyard.providers.fast2sms.codes import CODES
from sendyard.providers.fast2sms.reports import e164_of, event, moment
from sendyard.providers.fast2sms.spec import WEBHOOK_BODY, Fast2SmsAccount
from sendyard.providers.wire import CallbackRequest, HttpResponse
from tests.providers.samples import NOW, Case, account_of, assert_same_request, call_for, cases, response_of


def account(**fields: Any) -> Fast2SmsAccount:
    return Fast2SmsAccount(**{**EMULATOR.sample_account, **fields})


def outgoing(content: Content | None = None, **more: Any) -> Outgoing:
    made = Outgoing("m1", "ref-1", Channel.SMS, Address.phone("+919876543210"), "ACMEIN", content or Text("Hi"))
    return replace(made, country="IN", **more)


def template(**variables: str) -> TemplateRef:
    return TemplateRef("111111", variables=variables)


def problems(message: Outgoing, **fields: Any) -> list[str]:
    found = ADAPTER.check(account(**fields), message)
    assert all(len(problem.detail) > 30 for problem in found)
    return [problem.code for problem in found]


def built(*messages: Outgoing, **fields: Any) -> dict[str, str]:
    request = ADAPTER.build_submit(call_for("fast2sms", account(**fields)), messages)
    found: dict[str, str] = msgspec.json.decode(request.body)
    return found


def by_name(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases("fast2sms", kind)])


@by_name("templates")
def test_template_samples_ask_and_read_exactly(case: Case) -> None:
    call = call_for("fast2sms", account_of(ADAPTER, case))
    assert_same_request(ADAPTER.build_templates(call, ""), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_templates(call, "", response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_templates(call, "", response_of(case["response"])), case["expected"]
    if isinstance(found, ProviderError):
        assert (found.kind, found.code) == (expected["kind"], expected["code"])
        return
    assert found.cursor == ""
    made = [
        {"name": one.name, "body": one.body, "variables": list(one.variables), "registration": dict(one.registration)}
        for one in found.templates
    ]
    assert made == expected["templates"]
    assert all(one.state is TemplateState.APPROVED and one.provider_ref == one.name for one in found.templates)


@by_name("senders")
def test_sender_samples_ask_and_read_exactly(case: Case) -> None:
    call = call_for("fast2sms", account_of(ADAPTER, case))
    assert_same_request(ADAPTER.build_senders(call), case["request"])
    found, expected = ADAPTER.parse_senders(call, response_of(case["response"])), case["expected"]
    if isinstance(found, ProviderError):
        assert (found.kind, found.code) == (expected["kind"], expected["code"])
        return
    made = [{"sender": one.sender, "name": one.name, "facts": dict(one.facts)} for one in found]
    assert made == expected["senders"]
    assert all(one.channels == (Channel.SMS,) and one.usable for one in found)


def test_a_template_fits_by_its_places_and_the_code_stands_in_no_list() -> None:
    known = ProviderTemplate("111111", TemplateState.APPROVED, variables=("1", "2"))
    assert ADAPTER.fits(known, template(**{"1": "a", "2": "b"})) == []
    assert [one.code for one in ADAPTER.fits(known, template(**{"1": "a"}))] == ["template_variables_missing"]
    assert [one.code for one in ADAPTER.fits(None, template())] == ["template_unknown"]
    assert ADAPTER.fits(None, TemplateRef("otp", variables={"code": "1234"})) == []


@pytest.mark.parametrize(
    ("content", "purpose", "route"),
    [
        (Text("Your OTP: 482913"), Purpose.OTP, "otp"),
        (Text("Your OTP: 482913"), Purpose.TRANSACTIONAL, "dlt_manual"),
        (Text("Your OTP: 48 29"), Purpose.OTP, "dlt_manual"),
        (Text("482913 is your code"), Purpose.OTP, "dlt_manual"),
        (TemplateRef("otp", variables={"code": "482913"}), Purpose.TRANSACTIONAL, "otp"),
        (template(), Purpose.OTP, "dlt"),
    ],
)
def test_the_route_follows_from_what_is_sent(content: Content, purpose: Purpose, route: str) -> None:
    assert built(outgoing(content, purpose=purpose))["route"] == route


def test_ten_and_more_variables_keep_their_order() -> None:
    values = {str(place): f"v{place}" for place in range(12, 0, -1)}
    assert built(outgoing(template(**values)))["variables_values"] == "|".join(f"v{place}" for place in range(1, 13))


def test_a_reference_travels_only_where_it_names_one_message() -> None:
    one, other = outgoing(), outgoing(to=Address.phone("+919123456780"), reference="ref-2")
    assert built(one)["udf1"] == "ref-1"
    assert "udf1" not in built(one, other)
    assert built(one, other)["numbers"] == "9876543210,9123456780"


def test_only_messages_with_one_text_share_a_call() -> None:
    ids = {"template_id": "1007165158208125858"}
    different = [
        outgoing(),
        outgoing(Text("Hello")),
        outgoing(sender="OTHERS"),
        outgoing(registration=ids),
        outgoing(template(**{"1": "a"})),
        outgoing(template(**{"1": "b"})),
        outgoing(TemplateRef("111112", variables={"1": "a"})),
        outgoing(Text("Your OTP: 482913"), purpose=Purpose.OTP),
        outgoing(Text("Your OTP: 482913")),
    ]
    assert len({ADAPTER.batch_key(message) for message in different}) == len(different)
    same = outgoing(template(**{"1": "a"}), to=Address.phone("+919123456780"), reference="ref-2")
    assert ADAPTER.batch_key(same) == ADAPTER.batch_key(different[4])


def test_the_account_says_how_many_numbers_share_a_call() -> None:
    assert [ADAPTER.batch_limit(account(**fields)) for fields in ({}, {"numbers_per_call": 1})] == [100, 1]


def test_the_key_is_in_a_header_and_in_no_address() -> None:
    call = call_for("fast2sms", account())
    pending = [Pending("r1", "a/b c", Address.phone("+919876543210"), NOW)]
    requests = [
        ADAPTER.build_submit(call, [outgoing()]),
        ADAPTER.build_balance(call),
        ADAPTER.build_poll(call, "", pending),
        ADAPTER.build_templates(call, ""),
        ADAPTER.build_senders(call),
    ]
    key = EMULATOR.sample_account["api_key"]
    assert all(request.headers["authorization"] == key for request in requests)
    assert not [request for request in requests if key in request.url or key.encode() in request.body]
    assert requests[2].url.endswith("/dlr/a%2Fb%20c")


@pytest.mark.parametrize("to", ["+915876543210", "+9198765432101", "+886912345678"])
def test_numbers_beyond_indian_mobiles_are_refused(to: str) -> None:
    assert problems(outgoing(to=Address.phone(to))) == [ErrorKind.UNSUPPORTED]
    assert problems(outgoing(to=Address(AddressKind.LINE_ID, "U1"))) == [ErrorKind.UNSUPPORTED]


@pytest.mark.parametrize("sender", ["ACM", "ACMEIN", "VM-ACMEIN-S", "512345", "JD-512345-P"])
def test_senders_are_headers_with_or_without_what_handsets_add(sender: str) -> None:
    assert problems(outgoing(sender=sender)) == []


@pytest.mark.parametrize("sender", ["", "AC", "ACMEIND", "ACME 1", "+919876543210"])
def test_what_is_no_header_is_refused_where_a_header_is_sent(sender: str) -> None:
    assert problems(outgoing(sender=sender)) == [ErrorKind.NOT_REGISTERED]
    assert problems(outgoing(sender=sender), text_route="quick") == []
    assert problems(outgoing(TemplateRef("otp", variables={"1": "4829"}), sender=sender)) == []


@pytest.mark.parametrize("text", ["", " ", "a\rb", "a\x00b", "half \ud83d"])
def test_texts_that_would_not_arrive_as_they_are_are_refused(text: str) -> None:
    assert problems(outgoing(Text(text))) == [ErrorKind.CONTENT_REJECTED]


@pytest.mark.parametrize(
    "content",
    [Media([MediaItem("image/jpeg", "https://x.example/a.jpg")], "Hi"), Interactive("Hi", [Choice("a", "A")])],
)
def test_only_texts_and_templates_are_carried(content: Content) -> None:
    assert problems(outgoing(content)) == [ErrorKind.UNSUPPORTED]


def test_offers_do_not_go_by_the_quick_route() -> None:
    offer = outgoing(purpose=Purpose.PROMOTIONAL)
    assert problems(offer, text_route="quick") == [ErrorKind.UNSUPPORTED]
    assert problems(offer) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (template(**{"1": "a", "2": "b"}), []),
        (template(), []),
        (template(name="a"), ["variable_names"]),
        (template(**{"2": "a"}), ["variable_names"]),
        (template(**{"1": "a|b"}), ["variable_value"]),
        (template(**{"1": " "}), ["variable_value"]),
        (template(**{"1": "a\x00"}), ["variable_value"]),
        (TemplateRef("1007165158208125858"), ["message_id"]),
        (TemplateRef("Order shipped"), ["message_id"]),
        (TemplateRef("otp", variables={"1": "48a9"}), ["otp_code"]),
        (TemplateRef("otp", variables={"1": "4829", "2": "1"}), ["otp_code"]),
        (TemplateRef("otp"), ["otp_code"]),
    ],
)
def test_templates_are_checked_by_name_and_variables(content: TemplateRef, expected: list[str]) -> None:
    found = problems(outgoing(content))
    assert [code for code in found if code != ErrorKind.NOT_REGISTERED] == expected


@pytest.mark.parametrize("name", ["entity_id", "template_id"])
def test_dlt_ids_have_19_digits(name: str) -> None:
    assert problems(outgoing(registration={name: "111111"})) == ["registration"]
    assert problems(outgoing(registration={name: "1007165158208125858"})) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": ""},
        {"api_key": "Bearer abcdef"},
        {"api_key": "kéykéy"},
        {"base_url": "www.fast2sms.com/dev"},
        {"base_url": "https://www.fast2sms.com/dev?authorization=x"},
        {"entity_id": "14"},
        {"numbers_per_call": 0},
        {"numbers_per_call": 101},
        {"text_route": "otp"},
    ],
)
def test_unusable_accounts_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        account(**fields)


def test_every_code_of_the_sheet_is_in_the_table() -> None:
    listed = [*range(401, 418), 424, 425, 426, 500, 990, *range(995, 1000)]
    assert {str(code) for code in listed} == {code for code in CODES if code.isdigit()}
    people_can_act = {
        *(ErrorKind.AUTH_FAILED, ErrorKind.OUT_OF_CREDIT, ErrorKind.THROTTLED),
        *(ErrorKind.NOT_REGISTERED, ErrorKind.REGISTRY_REFUSED),
    }
    assert all(known.advice for known in CODES.values() if known.meaning in people_can_act)


@pytest.mark.parametrize(
    ("status", "description", "code"),
    [
        ("Delivered", "Delivered to handset by template", None),
        ("not delivered yet", "", "not delivered"),
        ("Failed", "Entity is blacklisted", "dlt_registration"),
        ("Failed", "DLT content rejected", "dlt_text"),
        ("DND", "", "dnd"),
        ("Failed", "INVALID-SUB", "invalid_number"),
        ("UNDELIVERED", "Switched off", "undelivered"),
    ],
)
def test_the_description_tells_what_the_status_does_not(status: str, description: str, code: str | None) -> None:
    said = event(MessageKey(provider_ref="r1"), status, description)
    assert (said.error.code if said.error else None) == code


@pytest.mark.parametrize(
    ("given", "expected"),
    [("919876543210", "+919876543210"), ("9123456780", "+919123456780"), ("0987", ""), ("None", "")],
)
def test_numbers_in_reports_come_in_several_spellings(given: str, expected: str) -> None:
    assert e164_of(given) == expected


def test_a_moment_that_is_none_is_left_out() -> None:
    assert [moment(text) for text in ("", "2026-13-01 00:00:00", "0001-01-01 00:00:00")] == [None] * 3


@pytest.mark.parametrize("body", [b'{"a":' * 100_000, b'{"request_id":"\xff"}', b"data=%7B%22broken"])
def test_a_webhook_that_is_no_json_is_a_protocol_error(body: bytes) -> None:
    request = CallbackRequest("POST", "https://gw.example.test/c", "", {}, body)
    with pytest.raises(ProtocolError):
        ADAPTER.parse_callback(call_for("fast2sms", account()), request)


def test_the_webhook_body_to_paste_is_json_and_holds_what_is_read() -> None:
    fields = msgspec.json.decode(WEBHOOK_BODY)
    assert {"request_id", "mobile", "status", "status_description", "delivery_time", "udf1"} <= fields.keys()
    assert all(value == "{{" + name + "}}" for name, value in fields.items())


def test_the_adapter_never_says_that_a_callback_is_forged() -> None:
    request = CallbackRequest("POST", "https://gw.example.test/c", "", {}, b"{}")
    with pytest.raises(ProtocolError) as said:
        ADAPTER.parse_callback(call_for("fast2sms", account()), request)
    assert not isinstance(said.value, CallbackRejected)


def test_an_answer_nested_beyond_reason_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError):
        ADAPTER.parse_balance(HttpResponse(200, {}, b'{"a":' * 100_000))
