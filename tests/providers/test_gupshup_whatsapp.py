"""
The Gupshup WhatsApp adapter beyond the contract: every ability's samples, and what it refuses beforehand.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import MediaFile, ProviderTemplate, TemplateButton, TemplatePage
from sendyard.providers.contract import (
    Call,
    CallbackRejected,
    Inbound,
    MessageKey,
    Outgoing,
    ProtocolError,
    TemplateState,
)
from sendyard.providers.gupshup_whatsapp import ADAPTER, EMULATOR
from sendyard.providers.gupshup_whatsapp.spec import GupshupWhatsappAccount
from sendyard.providers.wire import CallbackRequest, HttpResponse
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

SLUG = "gupshup_whatsapp"
TEMPLATE = "c6aecef6-bcb0-4fb1-8100-28c094e3bc6b"
PICTURE = MediaItem("image/png", "https://cdn.example.test/a.png")


def account(**fields: Any) -> GupshupWhatsappAccount:
    return GupshupWhatsappAccount(**{**EMULATOR.sample_account, **fields})


def call(**fields: Any) -> Call:
    return call_for(SLUG, account(**fields))


def samples(kind: str) -> pytest.MarkDecorator:
    found = cases(SLUG, kind)
    assert found
    return pytest.mark.parametrize("case", found, ids=[case["name"] for case in found])


def assert_error(found: object, expected: Mapping[str, str]) -> bool:
    """Whether an error was expected; if so, it is that one."""
    if not (isinstance(expected, dict) and "code" in expected):
        assert not isinstance(found, ProviderError), found
        return False
    assert isinstance(found, ProviderError)
    assert (found.kind, found.code) == (expected["kind"], expected["code"])
    return True


@samples("templates")
def test_templates_are_listed_as_gupshup_has_them(case: Case) -> None:
    asked = call_for(SLUG, account_of(ADAPTER, case))
    assert_same_request(ADAPTER.build_templates(asked, ""), case.get("request", cases(SLUG, "templates")[0]["request"]))
    found = ADAPTER.parse_templates(asked, "", response_of(case["response"]))
    if assert_error(found, case["expected"]):
        return
    assert isinstance(found, TemplatePage)
    assert found.cursor == case["expected"]["cursor"]
    for template, wanted in zip(found.templates, case["expected"]["templates"], strict=True):
        seen = {name: getattr(template, name) for name in wanted if name != "button_kinds"}
        assert {**seen, "variables": list(template.variables)} == {
            name: value for name, value in wanted.items() if name != "button_kinds"
        }
        assert [button.kind for button in template.buttons] == wanted["button_kinds"]


@samples("template_create")
def test_templates_are_handed_in(case: Case) -> None:
    given = {**case["template"], "buttons": tuple(TemplateButton(**one) for one in case["template"].get("buttons", ()))}
    template = ProviderTemplate(state=TemplateState.DRAFT, **given)
    built = ADAPTER.build_template(call_for(SLUG, account_of(ADAPTER, case)), template, case["samples"])
    if "request" in case:
        assert_same_request(built, case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_template(template, response_of(case["response"]))
        return
    found = ADAPTER.parse_template(template, response_of(case["response"]))
    if not assert_error(found, case["expected"]):
        assert isinstance(found, ProviderTemplate)
        assert {name: getattr(found, name) for name in case["expected"]} == case["expected"]


@samples("usage")
def test_usage_is_added_up(case: Case) -> None:
    asked = call_for(SLUG, account_of(ADAPTER, case))
    if "request" in case:
        assert_same_request(ADAPTER.build_usage(asked), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_usage(asked, response_of(case["response"]))
        return
    found = ADAPTER.parse_usage(asked, response_of(case["response"]))
    if not assert_error(found, case["expected"]):
        assert not isinstance(found, ProviderError)
        assert case["expected"].items() <= dict(found).items()


@samples("senders")
def test_the_number_is_listed_with_its_quality(case: Case) -> None:
    asked = call_for(SLUG, account_of(ADAPTER, case))
    if "request" in case:
        assert_same_request(ADAPTER.build_senders(asked), case["request"])
    found = ADAPTER.parse_senders(asked, response_of(case["response"]))
    if assert_error(found, case["expected"]):
        return
    assert not isinstance(found, ProviderError)
    shown = [{"sender": one.sender, "name": one.name, "usable": one.usable, "facts": one.facts} for one in found]
    assert shown == case["expected"]
    assert all(one.channels == (Channel.WHATSAPP,) for one in found)


@samples("contact")
def test_an_opt_in_is_marked(case: Case) -> None:
    asked = call_for(SLUG, account_of(ADAPTER, case))
    built = ADAPTER.build_contact(asked, address(case["person"]), case["display_name"], case["fields"])
    assert_same_request(built, case.get("request", cases(SLUG, "contact")[0]["request"]))
    found = ADAPTER.parse_contact(response_of(case["response"]))
    if not assert_error(found, case["expected"]):
        assert found == case["expected"]


def test_only_phone_numbers_are_opted_in() -> None:
    with pytest.raises(Invalid, match="phone numbers only"):
        ADAPTER.build_contact(call(), Address(AddressKind.WHATSAPP_ID, "IN.1"), "", {})


@pytest.mark.parametrize("build", [ADAPTER.build_balance, ADAPTER.build_usage, ADAPTER.build_senders])
def test_what_only_partners_may_ask_says_so_before_it_asks(build: Any) -> None:
    with pytest.raises(Invalid, match="partner app token"):
        build(call(partner_token=None))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "Order Shipped"}, "small letters"),
        ({"category": "TICKET"}, "category"),
        ({"body": ""}, "1 to 1024"),
        ({"body": "x" * 1025}, "1 to 1024"),
        ({"header": "x" * 61}, "60 characters"),
        ({"footer": "x" * 61}, "60 characters"),
        ({"body": "Hi {{3}}"}, "variable 3"),
        ({"header": "Hi {{1}}", "header_format": "text"}, "variable header"),
        ({"header_format": "video"}, "variable header"),
        ({"buttons": (TemplateButton("url", "Go", "https://x.test/{{1}}"),)}, "variable button:0"),
    ],
)
def test_a_template_that_would_be_refused_is_not_handed_in(changes: dict[str, Any], why: str) -> None:
    good = ProviderTemplate("order", TemplateState.DRAFT, category="UTILITY", body="Hi {{1}}")
    with pytest.raises(Invalid, match=why):
        ADAPTER.build_template(call(), replace(good, **changes), {"1": "Asha"})


def test_a_location_template_needs_no_example_file() -> None:
    template = ProviderTemplate("order", TemplateState.DRAFT, category="UTILITY", body="Hi", header_format="location")
    button = TemplateButton("url", "Go", "https://x.test/")
    built = ADAPTER.build_template(call(), replace(template, buttons=(button,)), {})
    assert b"templateType=LOCATION" in built.body
    assert b"exampleMedia" not in built.body


@pytest.mark.parametrize(
    "file",
    [
        MediaFile(Channel.WHATSAPP, "a.jpg", "image/jpeg", b""),
        MediaFile(Channel.WHATSAPP, "a.obj", "model/obj", b"x"),
    ],
)
def test_a_file_that_would_be_refused_is_not_uploaded(file: MediaFile) -> None:
    with pytest.raises(Invalid, match="100 MB"):
        ADAPTER.build_upload(call(), file)


def outgoing(content: Content, **changes: Any) -> Outgoing:
    to = Address.phone("+919876543210")
    message = Outgoing("m1", "ref-1", Channel.WHATSAPP, to, EMULATOR.sample_sender, content, country="IN")
    return replace(message, **changes)


YES, NO = Choice("y", "Yes"), Choice("n", "No")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (Text(" \n"), "text_empty"),
        (Text("a\ud800"), "text_broken"),
        (Media([], "Look"), "media_not_one"),
        (Media([PICTURE, PICTURE]), "media_not_one"),
        (Media([replace(PICTURE, url="")]), "media_needs_address"),
        (Media([replace(PICTURE, url="https://x.test/ä.png")]), "media_needs_address"),
        (Media([MediaItem("audio/ogg", "https://x.test/a.ogg")], "Listen"), "caption_not_possible"),
        (Media([PICTURE], "x" * 1025), "caption_too_long"),
        (TemplateRef("order_shipped"), "template_not_an_id"),
        (TemplateRef(TEMPLATE, variables={"name": "Asha"}), "variable_unknown"),
        (TemplateRef(TEMPLATE, variables={"1": "a", "3": "c"}), "variables_with_gaps"),
        (TemplateRef(TEMPLATE, variables={"1": " "}), "variable_empty"),
        (TemplateRef(TEMPLATE, variables={"1": "\udc00"}), "text_broken"),
        (TemplateRef(TEMPLATE, media=[PICTURE, PICTURE]), "template_header_twice"),
        (TemplateRef(TEMPLATE, media=[MediaItem("audio/ogg", "https://x.test/a.ogg")]), "media_not_possible"),
        (TemplateRef(TEMPLATE, media=[MediaItem("image/png")]), "media_needs_address"),
        (Interactive("Fine?", []), "choices_count"),
        (Interactive("Fine?", [Choice(str(n), str(n)) for n in range(4)]), "choices_count"),
        (Interactive("Size?", [Choice(str(n), str(n)) for n in range(11)], list_label="Sizes"), "choices_count"),
        (Interactive("Fine?", [YES, YES]), "choices_same_id"),
        (Interactive("Fine?", [YES, replace(NO, title="Yes")]), "choices_same_title"),
        (Interactive("Size?", [YES], list_label="Sizes", footer="Shop"), "footer_not_possible"),
        (Interactive("x" * 1025, [YES]), "text_too_long"),
        (Interactive("Fine?", [Choice("y", "x" * 21)]), "choice_length"),
        (Interactive(" ", [YES]), "text_empty"),
        (Interactive("Fine?", [Choice("", "Yes")]), "choice_length"),
        (Interactive("Fine?", [Choice("y\ud800", "Yes")]), "text_broken"),
    ],
)
def test_what_cannot_be_carried_is_named_beforehand(content: Content, code: str) -> None:
    found = ADAPTER.check(account(), outgoing(content))
    assert code in [problem.code for problem in found]
    assert all(len(problem.detail) > 20 for problem in found)


@pytest.mark.parametrize(
    "content",
    [
        Text("नमस्ते"),
        Media([PICTURE], "Look"),
        Media([MediaItem("audio/ogg", "https://x.test/a.ogg")]),
        TemplateRef(TEMPLATE, variables={"header": "a", "1": "b", "button:0": "c"}),
        TemplateRef(TEMPLATE, variables={"1": "b"}, media=[PICTURE]),
        TemplateRef(TEMPLATE, media=[MediaItem("application/pdf", handle="1852559851913765")]),
        Interactive("Fine?", [YES, NO], header="Visit", footer="Shop"),
        Interactive("Size?", [Choice(str(n), f"Size {n}", "cm") for n in range(10)], list_label="Sizes"),
    ],
)
def test_what_can_be_carried_has_no_problem(content: Content) -> None:
    assert ADAPTER.check(account(), outgoing(content)) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": Address(AddressKind.WHATSAPP_ID, "IN.134")}, "recipient_not_a_number"),
        ({"to": Address.phone("+91 98")}, "recipient_not_a_number"),
        ({"sender": "+917834811114"}, "sender_not_a_number"),
        ({"sender": "SHOPIN"}, "sender_not_a_number"),
    ],
)
def test_addresses_that_are_no_numbers_are_named_beforehand(changes: dict[str, Any], code: str) -> None:
    assert [problem.code for problem in ADAPTER.check(account(), outgoing(Text("Hi"), **changes))] == [code]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "https://api.gupshup.io?x=1"),
        ("api_key", " key"),
        ("api_key", "schlüssel"),
        ("partner_token", ""),
        ("app_id", "ShopApp"),
        ("source", "+917834811114"),
        ("webhook_header", "x webhook"),
    ],
)
def test_an_account_that_could_not_work_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValidationError):
        account(**{field: value})


def test_the_partner_portal_is_a_host_of_its_own_at_gupshup_only() -> None:
    assert ADAPTER.build_balance(call()).url.startswith("https://partner.gupshup.io/partner/app/")
    emulated = call(base_url="http://127.0.0.1:8099/gupshup_whatsapp/")
    assert ADAPTER.build_balance(emulated).url.startswith("http://127.0.0.1:8099/gupshup_whatsapp/partner/app/")


def _heard(name: str) -> Inbound:
    (case,) = [case for case in cases(SLUG, "callback") if case["name"] == name]
    result = ADAPTER.parse_callback(call_for(SLUG, account_of(ADAPTER, case)), callback_of(case["request"]))
    (event,) = result.events
    assert isinstance(event, Inbound)
    return event


def test_a_reply_names_our_message_by_our_id() -> None:
    wanted = MessageKey(provider_ref="ee4a68a0-1203-4c85-8dc3-49d0b3226a35")
    for name in ("somebody writes in reply", "a reaction", "version 3: a template's button"):
        assert _heard(name).in_reply_to == wanted
    assert _heard("version 3: a reaction").in_reply_to == MessageKey(provider_ref="wamid.HBgM")
    assert _heard("version 3: a text").in_reply_to is None


def test_inbound_files_keep_type_address_and_caption() -> None:
    content = _heard("a picture comes in").content
    assert isinstance(content, Media)
    assert (content.items[0].content_type, content.body) == ("image/jpeg", "Broken")
    assert content.items[0].url == "https://filemanager.gupshup.io/a"
    uploaded = _heard("version 3: a picture").content
    assert isinstance(uploaded, Media)
    assert (uploaded.items[0].handle, uploaded.body) == ("MEDIA", "Look")


def test_a_person_with_number_and_id_keeps_both() -> None:
    assert _heard("version 3: a text").identities == (Address(AddressKind.WHATSAPP_ID, "IN.13491208655302741918"),)


def test_our_number_stands_in_every_inbound_message() -> None:
    for name in (
        "somebody writes in reply",
        "somebody opts out",
        "version 3: a text",
        "version 3: somebody without a number",
    ):
        assert _heard(name).recipient == "917834811114"


def test_the_agreed_header_may_have_another_name() -> None:
    agreed = call(webhook_header="X-Ours", webhook_secret="invented-header-value")
    (case,) = [case for case in cases(SLUG, "callback") if case["name"] == "delivered"]
    request = callback_of(case["request"])
    good = CallbackRequest(request.method, request.url, "", {"x-ours": "invented-header-value"}, request.body)
    assert len(ADAPTER.parse_callback(agreed, good).events) == 1
    with pytest.raises(CallbackRejected, match="x-ours"):
        ADAPTER.parse_callback(agreed, request)


def test_a_time_beyond_the_calendar_is_no_time() -> None:
    body = b'{"type":"message-event","timestamp":99999999999999999,"payload":{"id":"x","type":"sent"}}'
    (event,) = ADAPTER.parse_callback(call(), CallbackRequest("POST", "https://x.test", "", {}, body)).events
    assert not isinstance(event, Inbound)
    assert event.occurred_at is None


def test_every_2xx_without_a_body_is_a_marked_opt_in() -> None:
    assert ADAPTER.parse_contact(HttpResponse(202)) == ""
