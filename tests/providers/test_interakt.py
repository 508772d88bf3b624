"""
The Interakt adapter: abilities by their samples, limits, settings, and what no answer may do.
"""

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.providers.abilities import ProviderTemplate, TemplateButton, TemplatePage
from sendyard.providers.contract import CallbackRejected, Inbound, Outgoing, ProtocolError, TemplateState
from sendyard.providers.interakt import ADAPTER
from sendyard.providers.interakt.codes import META, name_of
from sendyard.providers.interakt.signature import sign
from sendyard.providers.interakt.spec import SPEC
from sendyard.providers.interakt.webhooks import moment
from tests.providers.interakt_wire import FILE, KEY, SECRET, account, call, document, outgoing, template
from tests.providers.samples import (
    Case,
    account_of,
    address,
    assert_same_request,
    call_for,
    callback_of,
    cases,
    response_of,
)


def each(kind: str) -> pytest.MarkDecorator:
    found = cases("interakt", kind)
    assert found
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in found])


def assert_refused(found: object, case: Case) -> None:
    assert isinstance(found, ProviderError)
    assert (found.kind, found.code) == (case["error"]["kind"], case["error"]["code"])
    assert found.detail


@each("templates")
def test_templates_are_listed(case: Case) -> None:
    given = call_for("interakt", account_of(ADAPTER, case))
    if "request" in case:
        assert_same_request(ADAPTER.build_templates(given, case["cursor"]), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_templates(given, case["cursor"], response_of(case["response"]))
        return
    page = ADAPTER.parse_templates(given, case["cursor"], response_of(case["response"]))
    if "error" in case:
        assert_refused(page, case)
        return
    assert isinstance(page, TemplatePage)
    assert page.cursor == case["expected"]["cursor"]
    assert len(page.templates) == len(case["expected"]["templates"])
    for found, wanted in zip(page.templates, case["expected"]["templates"], strict=True):
        for name, value in wanted.items():
            seen = getattr(found, name)
            if name == "buttons":
                assert [[one.kind, one.text, one.url, one.phone] for one in seen] == value
            else:
                assert (list(seen) if name == "variables" else seen) == value


def provider_template(given: dict[str, Any]) -> ProviderTemplate:
    buttons = tuple(TemplateButton(*one) for one in given.get("buttons", ()))
    rest = {name: value for name, value in given.items() if name not in {"buttons", "variables"}}
    return ProviderTemplate(
        state=TemplateState.DRAFT, buttons=buttons, variables=tuple(given.get("variables", ())), **rest
    )


@each("template_create")
def test_templates_are_handed_in(case: Case) -> None:
    given, made = call_for("interakt", account_of(ADAPTER, case)), provider_template(case["template"])
    if "request" in case:
        assert_same_request(ADAPTER.build_template(given, made, case["samples"]), case["request"])
    if "response" not in case:
        return
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_template(made, response_of(case["response"]))
        return
    found = ADAPTER.parse_template(made, response_of(case["response"]))
    if "error" in case:
        assert_refused(found, case)
        return
    assert isinstance(found, ProviderTemplate)
    seen = {"state": found.state, "provider_ref": found.provider_ref, "raw_state": found.raw_state}
    assert (seen, found.body) == (case["expected"], made.body)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": "Hi {{1}} and {{2}}"}, "samples_missing"),
        ({"variables": ["1", "header"]}, "samples_missing"),
        ({"name": ""}, "template_incomplete"),
        ({"category": ""}, "template_incomplete"),
        ({"language": "tlh"}, "template_language"),
        ({"header_format": "image"}, "template_header"),
        ({"body": "x" * 1025}, "template_too_long"),
        ({"footer": "x" * 61}, "template_too_long"),
    ],
)
def test_a_template_beyond_the_limits_is_not_handed_in(changes: dict[str, Any], code: str) -> None:
    good = {"name": "Order update", "language": "en", "category": "UTILITY", "body": "Hi {{1}}"}
    with pytest.raises(Invalid) as refused:
        ADAPTER.build_template(call(), provider_template({**good, **changes}), {"1": "Asha"})
    assert refused.value.code == code


@each("contact")
def test_contacts_are_pushed(case: Case) -> None:
    given, person = call_for("interakt", account_of(ADAPTER, case)), address(case["person"])
    if "request" in case:
        built = ADAPTER.build_contact(given, person, case["person_name"], case["fields"])
        assert_same_request(built, case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_contact(response_of(case["response"]))
        return
    found = ADAPTER.parse_contact(response_of(case["response"]))
    if "error" in case:
        assert_refused(found, case)
    else:
        assert found == case["expected"]


def test_a_contact_needs_a_number() -> None:
    with pytest.raises(Invalid, match="phone number"):
        ADAPTER.build_contact(call(), Address(AddressKind.WHATSAPP_ID, "IN.1349"), "Asha", {})


@pytest.mark.parametrize(
    ("pasted", "kept"),
    [
        ("https://api.interakt.ai", "https://api.interakt.ai/v1/public"),
        (" https://api.interakt.ai/v1/public/ ", "https://api.interakt.ai/v1/public"),
        ("https://api.interakt.ai/v1/public/message/", "https://api.interakt.ai/v1/public"),
    ],
)
def test_the_address_may_be_pasted_in_any_length(pasted: str, kept: str) -> None:
    assert account(base_url=pasted).base_url == kept


@pytest.mark.parametrize("key", ["two words", "", "Basic ", "schlüssel", "line\nbreak"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(ValidationError) as refused:
        account(api_key=key)
    assert not key.strip() or key not in str(refused.value)


@pytest.mark.parametrize("key", ["plain-secret", b64encode(b"hello").decode(), b64encode(b"\xff\xfe").decode()])
@pytest.mark.parametrize("form", ["never", "auto", "always"])
def test_a_key_is_never_encoded_twice(key: str, form: str) -> None:
    once = b64encode(f"{key}:".encode()).decode()
    for given in (once, f"Basic {once}", f" basic {once} "):
        header = ADAPTER.build_probe(call(account(api_key=given, encode_key=form))).headers["authorization"]
        assert header == f"Basic {once}"
    is_text_inside = key == b64encode(b"hello").decode()
    wanted = key if form == "never" or (form == "auto" and is_text_inside) else once
    assert (
        ADAPTER.build_probe(call(account(api_key=key, encode_key=form))).headers["authorization"] == f"Basic {wanted}"
    )


@pytest.mark.parametrize(
    ("fields", "per_minute"),
    [({}, 300), ({"plan": "advanced"}, 600), ({"plan": "enterprise"}, 600), ({"requests_per_minute": 40}, 40)],
)
def test_the_plan_decides_the_rate(fields: dict[str, Any], per_minute: int) -> None:
    assert ADAPTER.rate(account(**fields)).per_second == pytest.approx(per_minute / 60)


HANDLE = MediaItem("image/jpeg", handle="h1")
YES = (Choice("y", "Yes"),)


def choices(count: int) -> tuple[Choice, ...]:
    return tuple(Choice(f"y{number}", "Yes") for number in range(count))


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (template(v1="Hello"), []),
        (template("t", v2="b", v1="a", header="h", button1="x"), []),
        (TemplateRef("t", ""), ["template_missing"]),
        (TemplateRef("", "en"), ["template_missing"]),
        (TemplateRef("t", "en", {"1": " "}), ["variable_empty"]),
        (TemplateRef("t", "en", {"name": "Asha"}), ["variable_name"]),
        (TemplateRef("t", "en", {"1": "a", "3": "c"}), ["variable_name"]),
        (TemplateRef("t", "en", {"button:x": "a"}), ["variable_name"]),
        (TemplateRef("t", "en", {f"button:{place}": "a" for place in range(11)}), ["template_buttons"]),
        (template("t", media=(FILE,)), []),
        (template("t", media=(FILE,), header="h"), ["template_header_twice"]),
        (template("t", media=(FILE, FILE)), ["template_header_twice"]),
        (template("t", media=(HANDLE,)), ["media_needs_address"]),
        (Text("Hi"), []),
        (Text(" \n"), ["text_empty"]),
        (Media([FILE]), []),
        (Media([FILE, FILE]), ["media_not_one"]),
        (Media([HANDLE]), ["media_needs_address"]),
        (Interactive("Come?", YES), []),
        (Interactive("Come?", ()), ["choices_count"]),
        (Interactive("Come?", choices(4)), ["choices_count"]),
        (Interactive("Come?", choices(10), list_label="Choose"), []),
        (Interactive("Come?", choices(11), list_label="Choose"), ["choices_count"]),
        (Interactive(" ", YES), ["text_empty"]),
        (Interactive("Come?", (Choice("", "Yes"),)), ["choice_length"]),
        (Interactive("Come?", (Choice("y", "x" * 21),)), ["choice_length"]),
        (Interactive("Come?", (Choice("y", "x" * 24),), list_label="Choose"), []),
    ],
)
def test_what_whatsapp_would_refuse_is_found_before(content: Content, codes: list[str]) -> None:
    found = ADAPTER.check(account(), outgoing(content))
    assert [problem.code for problem in found] == codes
    assert all(len(problem.detail) > 20 for problem in found)


def test_only_phone_numbers_are_reached() -> None:
    to = Address(AddressKind.WHATSAPP_ID, "IN.1349")
    message = Outgoing("m", "r", Channel.WHATSAPP, to, "", template(v1="Hello"))
    (problem,) = ADAPTER.check(account(), message)
    assert problem.code == ErrorKind.UNSUPPORTED


def test_values_stand_in_the_order_of_their_numbers() -> None:
    variables = {str(number): f"v{number}" for number in (11, 2, 10, 1, *range(3, 10))}
    body = document(ADAPTER.build_submit(call(), [outgoing(TemplateRef("t", "en", variables))]))
    assert body["template"]["bodyValues"] == [f"v{number}" for number in range(1, 12)]


def test_both_forms_of_a_number_never_stand_together() -> None:
    body = document(ADAPTER.build_submit(call(), [outgoing()]))
    assert (body["fullPhoneNumber"], {"countryCode", "phoneNumber"} & body.keys()) == ("919876543210", set())


def test_the_signature_is_that_of_the_documented_check_value() -> None:
    body = b'{"version":"1.0","type":"message_api_sent"}'
    assert sign(SECRET, body) == "sha256=f176db8fa5c8eca107b28d0a4b4ce60bc3ec1da2aa6a3d463aa213c62b4cc624"


def signed_case(name: str) -> Case:
    (case,) = [case for case in cases("interakt", "callback") if case["name"] == name]
    return case


@pytest.mark.parametrize("change", ["", "sha256=", "SHA256=abc", "é", "sha1=00"])
def test_a_signature_of_another_form_is_rejected(change: str) -> None:
    request = callback_of(signed_case("sent")["request"])
    with pytest.raises(CallbackRejected):
        ADAPTER.parse_callback(call(), replace(request, headers={"interakt-signature": change}))


def test_an_empty_secret_believes_nothing() -> None:
    body = b"{}"
    request = callback_of(signed_case("sent")["request"])
    forged = replace(request, body=body, headers={"interakt-signature": sign("", body)})
    with pytest.raises(CallbackRejected, match="webhook secret"):
        ADAPTER.parse_callback(call(account(webhook_secret="")), forged)


@pytest.mark.parametrize("word", ["sent", "delivered, with its cost", "read, under the other name of the header"])
def test_a_report_is_answered_at_once_with_a_bare_200(word: str) -> None:
    reply = ADAPTER.parse_callback(call(), callback_of(signed_case(word)["request"])).reply
    assert (reply.status, reply.body) == (200, b"")


def test_the_currency_is_that_of_the_account() -> None:
    request = callback_of(signed_case("delivered, with its cost")["request"])
    (event,) = ADAPTER.parse_callback(call(account(currency="USD")), request).events
    assert "0.14 USD" in str(getattr(event, "cost", ""))


def test_an_inbound_picture_is_a_file_to_fetch() -> None:
    (event,) = ADAPTER.parse_callback(call(), callback_of(signed_case("a person sends a picture")["request"])).events
    assert isinstance(event, Inbound)
    assert event.content == Media((MediaItem("image/jpeg", url="https://media.example.com/x"),), "")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-10-01T08:30:05.120000", "2026-10-01T08:30:05.120000+00:00"),
        ("2026-10-01T14:00:05+05:30", "2026-10-01T08:30:05+00:00"),
        ("0001-01-01T00:00:00+05:30", None),
        ("soon", None),
        (None, None),
    ],
)
def test_times_are_utc_without_saying_so(text: str | None, wanted: str | None) -> None:
    found = moment(text)
    assert (found.isoformat() if found else None) == wanted


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("This option is not available", "refused"),
        ("Optional field is wrong", "refused"),
        ("Customer opted-out", "opted_out"),
        ("User did not opt in", "opted_out"),
        ("Language hi is missing", "template"),
        ("countryCode is required", "number"),
        ("Please recharge", "balance"),
        ("Sent 24 times", "refused"),
        ("Session of 24h is over", "window_closed"),
    ],
)
def test_sentences_are_recognised_by_their_words(words: str, name: str) -> None:
    assert name_of(words) == name


def test_every_number_of_metas_is_in_the_table_once() -> None:
    assert all(SPEC.codes[code] is known for code, known in META.items())


def test_the_sample_key_is_as_interakt_shows_keys() -> None:
    assert b64encode(b"interakt-demo-secret:").decode() == KEY
