"""
The WhatsApp Cloud API adapter: abilities by their samples, limits, and what webhooks tell beyond statuses.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import MediaFile, ProviderTemplate, TemplateButton, TemplatePage
from sendyard.providers.contract import (
    AccountNotice,
    CallbackEvent,
    CallbackRejected,
    Inbound,
    Outgoing,
    ProtocolError,
    TemplateChange,
    TemplateState,
)
from sendyard.providers.meta_cloud import ADAPTER, EMULATOR
from sendyard.providers.meta_cloud.media import LARGEST
from sendyard.providers.meta_cloud.spec import SPEC, MetaCloudAccount
from tests.providers.samples import (
    Case,
    account_of,
    assert_same_request,
    call_for,
    callback_of,
    cases,
    response_of,
)

ACCOUNT = MetaCloudAccount.model_validate(EMULATOR.sample_account)
CALL = call_for("meta_cloud", ACCOUNT)
TEMPLATE = ProviderTemplate(
    "order_left",
    TemplateState.APPROVED,
    "en_US",
    "UTILITY",
    body="Hi {{1}}, order {{2}} left.",
    variables=("1", "2"),
)


def samples(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases("meta_cloud", kind)])


def refused(found: object, expected: Case) -> bool:
    """Whether a refusal was wanted; then it must be that one."""
    if "code" not in expected:
        assert not isinstance(found, ProviderError), found
        return False
    assert isinstance(found, ProviderError)
    assert (found.kind, found.code) == (expected["kind"], expected["code"])
    return True


@samples("templates")
def test_the_catalog_reads_pages_of_templates(case: Case) -> None:
    call = call_for("meta_cloud", account_of(ADAPTER, case))
    if "request" in case:
        assert_same_request(ADAPTER.build_templates(call, case["cursor"]), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_templates(call, case["cursor"], response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_templates(call, case["cursor"], response_of(case["response"])), case["expected"]
    if refused(found, expected):
        return
    assert isinstance(found, TemplatePage)
    assert found.cursor == expected["cursor"]
    for template, wanted in zip(found.templates, expected["templates"], strict=True):
        kinds = wanted.get("button_kinds", [])
        assert [button.kind for button in template.buttons] == kinds
        assert list(template.variables) == wanted["variables"]
        for name in wanted.keys() - {"button_kinds", "variables"}:
            assert getattr(template, name) == wanted[name], name


def template_of(given: Case) -> ProviderTemplate:
    buttons = tuple(TemplateButton(**button) for button in given.get("buttons", ()))
    return ProviderTemplate(**{**given, "state": TemplateState.DRAFT, "buttons": buttons})


@samples("template_create")
def test_a_template_is_handed_in_and_its_state_is_read(case: Case) -> None:
    call, template = call_for("meta_cloud", account_of(ADAPTER, case)), template_of(case["template"])
    if "request" in case:
        assert_same_request(ADAPTER.build_template(call, template, case["samples"]), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_template(template, response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_template(template, response_of(case["response"])), case["expected"]
    if not refused(found, expected):
        assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "Order Left"}, "template_name_malformed"),
        ({"category": "NEWS"}, "template_category_unknown"),
        ({"language": ""}, "template_language_missing"),
        ({"body": " "}, "template_body"),
        ({"body": "x" * 1025}, "template_body"),
        ({"body": "{{1}} is here"}, "template_variable_at_edge"),
        ({"body": "Here is {{1}}"}, "template_variable_at_edge"),
        ({"body": "A {{2}} b"}, "template_variables_gap"),
        ({"body": "A {{1}} and {{name}} b"}, "template_variables_mixed"),
        ({"body": "A {{3}} b", "header": "{{1}} {{2}}"}, "template_header"),
        ({"header": "x" * 61}, "template_header"),
        ({"header_format": "text"}, "template_header"),
        ({"header_format": "hologram"}, "template_header"),
        ({"header_format": "image"}, "template_sample_missing"),
        ({"footer": "x" * 61}, "template_footer"),
        ({"footer": "by {{1}}"}, "template_footer"),
        ({"body": "A {{1}} {{2}} {{3}} b"}, "template_sample_missing"),
        ({"buttons": (TemplateButton("quick_reply", "Yes"),) * 11}, "template_buttons"),
        ({"buttons": (TemplateButton("flow", "Go"),)}, "template_button_kind"),
        ({"buttons": (TemplateButton("quick_reply", ""),)}, "template_button_text"),
        ({"buttons": (TemplateButton("phone", "x" * 26, phone="+15550783881"),)}, "template_button_text"),
        ({"buttons": (TemplateButton("url", "Go", "https://s.example.test/{{1}}"),)}, "template_sample_missing"),
        ({"category": "AUTHENTICATION"}, "template_text_fixed"),
    ],
)
def test_a_template_that_meta_would_refuse_is_not_handed_in(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as problem:
        ADAPTER.build_template(CALL, replace(TEMPLATE, **changes), {"1": "Asha", "2": "17"})
    assert problem.value.code == code
    assert len(problem.value.detail) > 20


def test_a_header_without_a_variable_needs_no_example() -> None:
    body = json.loads(ADAPTER.build_template(CALL, replace(TEMPLATE, header="News"), {"1": "Asha", "2": "17"}).body)
    assert body["components"][0] == {"type": "HEADER", "format": "TEXT", "text": "News"}


def test_a_code_template_needs_no_label_on_its_button() -> None:
    template = ProviderTemplate("login", TemplateState.DRAFT, "en_US", "AUTHENTICATION")
    body = json.loads(ADAPTER.build_template(CALL, template, {}).body)
    assert body["components"][1] == {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]}


PICTURE = MediaItem("image/jpeg", url="https://files.example.test/a.jpg")


@pytest.mark.parametrize(
    ("template", "wanted", "codes"),
    [
        (None, TemplateRef("x", "en_US"), ["template_unknown"]),
        (TEMPLATE, TemplateRef("order_left", "en_US", {"1": "A", "2": "B"}), []),
        (TEMPLATE, TemplateRef("order_left", "en_US", {"1": "A", "2": "B", "payload:0": "x"}), []),
        (TEMPLATE, TemplateRef("order_left", "en_US", {"1": "A"}), ["template_variables_missing"]),
        (
            TEMPLATE,
            TemplateRef("order_left", "en_US", {"1": "A", "2": "B", "3": "C"}),
            ["template_variables_unknown"],
        ),
        (
            TEMPLATE,
            TemplateRef("order_left", "en_US", {"1": "A", "2": "B"}, media=(PICTURE,)),
            ["template_media_unknown"],
        ),
        (
            replace(TEMPLATE, header_format="video"),
            TemplateRef("order_left", "en_US", {"1": "A", "2": "B"}, media=(PICTURE,)),
            ["template_media_missing"],
        ),
        (
            replace(TEMPLATE, header_format="image"),
            TemplateRef("order_left", "en_US", {"1": "A", "2": "B"}, media=(PICTURE,)),
            [],
        ),
        (
            replace(TEMPLATE, header_format="location"),
            TemplateRef("order_left", "en_US", {"1": "A", "2": "B"}),
            ["template_header_unsupported"],
        ),
        (replace(TEMPLATE, state=TemplateState.PAUSED), TemplateRef("order_left"), ["template_not_approved"]),
    ],
)
def test_what_does_not_fit_the_providers_copy_is_named(
    template: ProviderTemplate | None, wanted: TemplateRef, codes: list[str]
) -> None:
    assert [problem.code for problem in ADAPTER.fits(template, wanted)] == codes


@samples("senders")
def test_the_numbers_of_the_account_are_senders(case: Case) -> None:
    call = call_for("meta_cloud", account_of(ADAPTER, case))
    assert_same_request(ADAPTER.build_senders(call), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_senders(call, response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_senders(call, response_of(case["response"])), case["expected"]
    if refused(found, expected):
        return
    assert not isinstance(found, ProviderError)
    for sender, wanted in zip(found, expected["senders"], strict=True):
        assert (sender.sender, sender.name, sender.usable) == (wanted["sender"], wanted["name"], wanted["usable"])
        assert wanted["facts"].items() <= dict(sender.facts).items()
        assert sender.channels == (Channel.WHATSAPP,)


@samples("usage")
def test_quality_and_messaging_limit_are_told(case: Case) -> None:
    call = call_for("meta_cloud", account_of(ADAPTER, case))
    assert_same_request(ADAPTER.build_usage(call), case["request"])
    found, expected = ADAPTER.parse_usage(call, response_of(case["response"])), case["expected"]
    if not refused(found, expected):
        assert isinstance(found, Mapping)
        assert expected["facts"].items() <= found.items()


@pytest.mark.parametrize(
    ("content_type", "size", "code"),
    [
        ("image/gif", 9, "media_type_not_taken"),
        ("image/svg+xml", 9, "media_type_not_taken"),
        ("video/x-msvideo", 9, "media_type_not_taken"),
        ("image/jpeg\r\nX: y", 9, "media_type_not_taken"),
        ("", 9, "media_type_not_taken"),
        ("image/png", 0, "media_too_large"),
        ("image/png", LARGEST["image"] + 1, "media_too_large"),
        ("image/webp", LARGEST["sticker"] + 1, "media_too_large"),
    ],
)
def test_a_file_that_whatsapp_does_not_take_is_not_uploaded(content_type: str, size: int, code: str) -> None:
    with pytest.raises(Invalid) as problem:
        ADAPTER.build_upload(CALL, MediaFile(Channel.WHATSAPP, "a", content_type, bytes(size)))
    assert problem.value.code == code


def test_a_file_without_a_usable_name_gets_one() -> None:
    request = ADAPTER.build_upload(CALL, MediaFile(Channel.WHATSAPP, "", "application/pdf", b"%PDF"))
    assert b'filename="file"' in request.body
    request = ADAPTER.build_upload(CALL, MediaFile(Channel.WHATSAPP, 'ä"\r\n.pdf', "application/pdf", b"%PDF"))
    assert b'filename="____.pdf"' in request.body


def outgoing(content: Content, **changes: Any) -> Outgoing:
    fields = {"to": Address.phone("+919812345678"), "sender": "", "country": "IN", **changes}
    return Outgoing(message_id="m1", reference="ref-1", channel=Channel.WHATSAPP, content=content, **fields)


def template(**changes: Any) -> TemplateRef:
    return TemplateRef(**{"name": "order_left", "language": "en_US", **changes})


YES = Choice("y", "Yes")
PDF = MediaItem("application/pdf", handle="7000000000000009")


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (Text("Hi"), []),
        (Text("x" * 4096), []),
        (Text("x" * 4097), ["text_too_long"]),
        (Text(" \n"), ["text_empty"]),
        (Text("half \ud83d"), ["text_broken"]),
        (template(), []),
        (template(variables={"1": "A", "header": "B", "button:0": "C", "payload:1": "D", "coupon:2": "E"}), []),
        (template(variables={"name": "A", "header:shop": "B"}, media=()), []),
        (template(name="Order Left"), ["template_name_malformed"]),
        (template(language=""), ["template_language_missing"]),
        (template(variables={"1": ""}), ["variable_empty"]),
        (template(variables={"button:x": "A", "button": "B"}), ["variable_place_unknown"]),
        (template(variables={"button:10": "A"}), ["variable_place_unknown"]),
        (template(variables={"menu:1": "A", "": "B", "header:": "C"}), ["variable_place_unknown"]),
        (template(variables={"1": "A", "name": "B"}), ["variables_mixed"]),
        (template(variables={"1": "\ud83d"}), ["text_broken"]),
        (template(body="x" * 1025), ["template_too_long"]),
        (template(variables={"header": "A"}, media=(PICTURE,)), ["template_header_twice"]),
        (template(media=(MediaItem("image/png"),)), ["media_needs_address"]),
        (Media((PICTURE,), "Look"), []),
        (Media((PDF,)), []),
        (Media(()), ["media_not_one"]),
        (Media((PICTURE, PDF)), ["media_not_one"]),
        (Media((PICTURE,), "x" * 1025), ["caption_too_long"]),
        (Media((MediaItem("audio/ogg", handle="1"),), "Hear"), ["caption_not_possible"]),
        (Media((MediaItem("image/webp", handle="1"),), "See"), ["caption_not_possible"]),
        (Media((MediaItem("image/png", url="ftp://x"),)), ["media_needs_address"]),
        (Interactive("Come?", (YES,)), []),
        (Interactive("Come?", ()), ["choices_count"]),
        (Interactive("Come?", tuple(Choice(str(n), "Yes") for n in range(4))), ["choices_count"]),
        (Interactive("Come?", (YES, YES)), ["choices_same_id"]),
        (Interactive("Come?", (Choice("y", "x" * 21),)), ["choice_length"]),
        (Interactive("Come?", (Choice("", "Yes"),)), ["choice_length"]),
        (Interactive("Come?", (Choice("y", "Yes", "or no"),)), ["choice_description"]),
        (Interactive("x" * 1025, (YES,)), ["text_too_long"]),
        (Interactive("", (YES,)), ["text_empty"]),
        (Interactive("Come?", (YES,), footer="x" * 61), ["footer_too_long"]),
        (Interactive("Come?", (YES,), header="x" * 61), ["header_too_long"]),
        (Interactive("x" * 4096, (Choice("y", "x" * 24, "x" * 72),), list_label="Choose"), []),
        (Interactive("Come?", (Choice("y", "Yes", "x" * 73),), list_label="Choose"), ["choice_description"]),
        (
            Interactive("Come?", tuple(Choice(str(n), "Yes") for n in range(11)), list_label="x" * 21),
            ["choices_count", "choices_label_too_long"],
        ),
    ],
)
def test_content_that_meta_would_refuse_is_named(content: Content, codes: list[str]) -> None:
    found = ADAPTER.check(ACCOUNT, outgoing(content))
    assert [problem.code for problem in found] == codes
    assert all(len(problem.detail) > 20 for problem in found)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"sender": "100000000000009"}, []),
        ({"sender": "+15550783881"}, ["sender_not_an_id"]),
        ({"to": Address(AddressKind.WHATSAPP_ID, "US.13491208655302741918")}, []),
        ({"to": Address(AddressKind.WHATSAPP_ID, "US.ENT.13491208655302741918")}, []),
        ({"to": Address(AddressKind.WHATSAPP_ID, "13491208655302741918")}, ["user_id_malformed"]),
        ({"to": Address(AddressKind.LINE_ID, "U0")}, ["recipient_not_on_whatsapp"]),
        ({"purpose": Purpose.PROMOTIONAL, "country": "US"}, ["marketing_to_us"]),
        ({"purpose": Purpose.PROMOTIONAL, "country": "CA"}, []),
        ({"purpose": Purpose.TRANSACTIONAL, "country": "US"}, []),
    ],
)
def test_addresses_and_purposes_that_meta_would_refuse_are_named(changes: dict[str, Any], codes: list[str]) -> None:
    found = ADAPTER.check(ACCOUNT, outgoing(template(), **changes))
    assert [problem.code for problem in found] == codes


def test_the_rate_is_what_meta_gave_the_number() -> None:
    assert ADAPTER.rate(ACCOUNT).per_second == SPEC.rate.per_second == 80
    assert ADAPTER.rate(ACCOUNT.model_copy(update={"messages_per_second": 20})).per_second == 20
    fast = ADAPTER.rate(ACCOUNT.model_copy(update={"messages_per_second": 1000}))
    assert (ADAPTER.rate(ACCOUNT).open_requests, fast.open_requests) == (50, 300)


def test_only_promotional_templates_go_by_the_marketing_api() -> None:
    call = replace(CALL, account=ACCOUNT.model_copy(update={"marketing_messages": True}))
    for content, purpose, edge in (
        (template(), Purpose.PROMOTIONAL, "marketing_messages"),
        (template(), Purpose.TRANSACTIONAL, "messages"),
        (Text("Hi"), Purpose.PROMOTIONAL, "messages"),
    ):
        request = ADAPTER.build_submit(call, [outgoing(content, purpose=purpose)])
        assert request.url.rpartition("/")[2] == edge


def test_a_message_without_a_reference_carries_none() -> None:
    request = ADAPTER.build_submit(CALL, [replace(outgoing(Text("Hi")), reference="")])
    assert b"biz_opaque_callback_data" not in request.body


@pytest.mark.parametrize(
    "changes",
    [
        {"phone_number_id": "+15550783881"},
        {"waba_id": ""},
        {"access_token": ""},
        {"access_token": "EAAG token"},
        {"app_secret": "secret\n"},
        {"verify_token": "wörd"},
        {"api_version": "25"},
        {"messages_per_second": 0},
        {"billing_currency": "rupees"},
        {"base_url": "https://graph.facebook.com?x=1"},
    ],
)
def test_an_account_that_cannot_work_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MetaCloudAccount.model_validate({**EMULATOR.sample_account, **changes})


def told(name: str) -> list[CallbackEvent]:
    (case,) = [case for case in cases("meta_cloud", "callback") if case["name"] == name]
    call = call_for("meta_cloud", account_of(ADAPTER, case))
    return list(ADAPTER.parse_callback(call, callback_of(case["request"])).events)


def inbound(name: str) -> Inbound:
    event = told(name)[0]
    assert isinstance(event, Inbound)
    return event


def test_a_person_is_known_by_number_and_by_user_id() -> None:
    event = inbound("a text, with escapes as Meta writes them")
    assert event.identities == (Address(AddressKind.WHATSAPP_ID, "IN.13491208655302741918"),)
    assert event.recipient == "100000000000001"
    assert event.occurred_at == datetime(2025, 6, 16, 16, 24, 5, tzinfo=UTC)
    assert inbound("from a person without a phone number").identities == ()


def test_what_is_answered_names_our_message() -> None:
    wamid = "wamid.HBgMOTE5ODc2NTQzMjEwFQIAERgSQjlFN0Y5"
    for name in ("a tap on a template's quick reply", "a tap on a button of a session message"):
        answered = inbound(name).in_reply_to
        assert answered
        assert answered.provider_ref == wamid
    reaction = inbound("a reaction, and one taken back").in_reply_to
    assert reaction
    assert reaction.provider_ref == wamid
    assert inbound("a row of a list").in_reply_to is None


def test_files_come_with_their_handle() -> None:
    picture, bill = inbound("a file: image").content, inbound("a file: document").content
    assert picture == Media((MediaItem("image/jpeg", handle="880011"),), "Look")
    assert bill == Media((MediaItem("application/pdf", handle="880011", filename="bill.pdf"),))


def test_wishes_about_marketing_have_a_key_each() -> None:
    keys = [event.dedupe_key for event in told("marketing stopped, and wanted again")]
    assert len(set(keys)) == 3


def test_a_repeated_price_tier_has_one_key_whatever_its_time() -> None:
    (case,) = [case for case in cases("meta_cloud", "callback") if case["name"] == "account: account_update"]
    call = call_for("meta_cloud", account_of(ADAPTER, case))
    request = callback_of(case["request"])
    (first,) = ADAPTER.parse_callback(call, request).events
    later = request.body.replace(b"1743451903", b"1743459999").replace(b"1751250234", b"1751259999")
    (second,) = signed_events(later)
    (other,) = signed_events(later.replace(b"India", b"Chile"))
    assert first.dedupe_key == second.dedupe_key != other.dedupe_key


def signed_events(body: bytes) -> list[CallbackEvent]:
    secret = ACCOUNT.app_secret.get_secret_value().encode()
    (case, *_) = cases("meta_cloud", "callback")
    headers = {"x-hub-signature-256": f"sha256={hmac.digest(secret, body, 'sha256').hex()}"}
    request = replace(callback_of(case["request"]), body=body, headers=headers)
    return list(ADAPTER.parse_callback(CALL, request).events)


def test_a_notice_is_a_sentence_with_facts_of_bounded_length() -> None:
    value = {"event": "DISABLED_UPDATE", **{f"fact{n}": "x" * 900 for n in range(60)}}
    changes = [{"field": "account_update", "value": value}]
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}).encode()
    (event,) = signed_events(body)
    assert isinstance(event, AccountNotice)
    assert event.detail == "Meta changed the WhatsApp Business Account: DISABLED_UPDATE."
    assert len(event.facts) == 40
    assert max(map(len, event.facts.values())) == 500
    assert event.occurred_at is None


def test_a_template_change_happened_when_its_entry_says() -> None:
    (event,) = told("template paused")
    assert isinstance(event, TemplateChange)
    assert event.occurred_at == datetime(2025, 6, 30, 2, 23, 54, tzinfo=UTC)


def test_flipping_any_bit_of_a_signed_body_is_noticed() -> None:
    (case, *_) = cases("meta_cloud", "callback")
    request = callback_of(case["request"])
    for bit in range(8 * len(request.body)):
        body = bytearray(request.body)
        body[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CallbackRejected):
            ADAPTER.parse_callback(CALL, replace(request, body=bytes(body)))
