"""
The AiSensy adapter: the abilities beside sending, its limits and its account.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import Profile, ProviderTemplate, TemplateButton, TemplatePage
from sendyard.providers.aisensy import ADAPTER
from sendyard.providers.aisensy.messages import media_kind
from sendyard.providers.aisensy.spec import AiSensyAccount
from sendyard.providers.contract import Call, DeliveryEvent, Inbound, Outgoing, ProtocolError, TemplateState
from sendyard.providers.wire import CallbackRequest, HttpRequest
from tests.providers.samples import Case, account_of, assert_same_request, call_for, cases, response_of

CAMPAIGN_ONLY = {"api_key": "invented-campaign-key"}
PROJECT = {**CAMPAIGN_ONLY, "project_id": "650000000000000000000001", "project_api_password": "invented-password"}


def samples(kind: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in cases("aisensy", kind)]


def account(**fields: Any) -> AiSensyAccount:
    return AiSensyAccount.model_validate(fields)


def call_of(**fields: str) -> Call:
    return call_for("aisensy", account(**fields))


def outgoing(content: Content, to: Address | None = None) -> Outgoing:
    return Outgoing("m1", "ref-1", Channel.WHATSAPP, to or Address.phone("+919876543210"), "+919000000001", content)


def assert_same_error(found: object, expected: Case) -> None:
    assert isinstance(found, ProviderError)
    assert (found.kind, found.code) == (expected["kind"], expected["code"])
    assert found.detail


def assert_same_template(found: ProviderTemplate, expected: Case) -> None:
    for name, value in expected.items():
        wanted = tuple(value) if isinstance(value, list) else value
        given = tuple(one.kind for one in found.buttons) if name == "buttons" else getattr(found, name)
        assert given == wanted, name


def template_of(given: Case) -> ProviderTemplate:
    buttons = tuple(TemplateButton(**one) for one in given.get("buttons", ()))
    return ProviderTemplate(**{"state": TemplateState.DRAFT, **given, "buttons": buttons})


@pytest.mark.parametrize("case", samples("templates"))
def test_template_lists_are_read_exactly(case: Case) -> None:
    call = call_for("aisensy", account_of(ADAPTER, case))
    if "request" in case:
        assert_same_request(ADAPTER.build_templates(call, ""), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_templates(call, "", response_of(case["response"]))
        return
    found = ADAPTER.parse_templates(call, "", response_of(case["response"]))
    if not isinstance(found, TemplatePage):
        assert_same_error(found, case["expected"])
        return
    assert found.cursor == ""
    assert len(found.templates) == len(case["expected"])
    for template, expected in zip(found.templates, case["expected"], strict=True):
        assert_same_template(template, expected)


@pytest.mark.parametrize("case", samples("template_create"))
def test_templates_are_handed_in_exactly(case: Case) -> None:
    call, template = call_for("aisensy", account_of(ADAPTER, case)), template_of(case["template"])
    built = ADAPTER.build_template(call, template, case["samples"])
    if "request" in case:
        assert_same_request(built, case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_template(template, response_of(case["response"]))
        return
    found = ADAPTER.parse_template(template, response_of(case["response"]))
    if isinstance(found, ProviderTemplate):
        assert_same_template(found, {**case["expected"], "name": template.name, "body": template.body})
    else:
        assert_same_error(found, case["expected"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Offer May"}, "small letters"),
        ({"category": "NEWS"}, "one of the categories"),
        ({"body": ""}, "1 to 1024 characters"),
        ({"body": "x" * 1025}, "1 to 1024 characters"),
        ({"header_format": "image"}, "in AiSensy itself"),
        ({"body": "Hi {{1}}"}, "found none for 1"),
        ({"buttons": (TemplateButton("otp", "Copy"),)}, "otp button"),
    ],
)
def test_a_template_that_breaks_a_limit_is_not_handed_in(change: dict[str, Any], said: str) -> None:
    template = replace(ProviderTemplate("offer", TemplateState.DRAFT, category="UTILITY", body="Hi"), **change)
    with pytest.raises(Invalid, match=said):
        ADAPTER.build_template(call_of(**PROJECT), template, {})


def test_a_template_that_is_not_listed_may_be_a_campaign() -> None:
    wanted = TemplateRef("order_update_live", variables={"1": "Asha"})
    assert ADAPTER.fits(None, wanted) == []
    paused = ProviderTemplate("order_update_live", TemplateState.PAUSED)
    assert [problem.code for problem in ADAPTER.fits(paused, wanted)] == ["template_not_approved"]


@pytest.mark.parametrize("case", samples("contact"))
def test_contacts_are_made_exactly(case: Case) -> None:
    call = call_for("aisensy", account_of(ADAPTER, case))
    if "request" in case:
        built = ADAPTER.build_contact(call, Address.phone(case["to"]), case["person"], case["fields"])
        assert_same_request(built, case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_contact(response_of(case["response"]))
        return
    found = ADAPTER.parse_contact(response_of(case["response"]))
    if isinstance(found, str):
        assert found == case["expected"]
    else:
        assert_same_error(found, case["expected"])


@pytest.mark.parametrize("case", samples("profile"))
def test_contacts_are_looked_up_exactly(case: Case) -> None:
    call = call_for("aisensy", account_of(ADAPTER, case))
    if "request" in case:
        assert_same_request(ADAPTER.build_profile(call, Address.phone(case["to"])), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_profile(response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_profile(response_of(case["response"])), case["expected"]
    if isinstance(found, Profile):
        assert (found.name, dict(found.facts)) == (expected["name"], expected["facts"])
    else:
        assert_same_error(found, expected)


@pytest.mark.parametrize("case", samples("usage"))
def test_figures_are_asked_for_and_added_up_exactly(case: Case) -> None:
    call = call_for("aisensy", account_of(ADAPTER, case))
    if "request" in case:
        assert_same_request(ADAPTER.build_usage(call), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_usage(call, response_of(case["response"]))
        return
    found = ADAPTER.parse_usage(call, response_of(case["response"]))
    if isinstance(found, ProviderError):
        assert_same_error(found, case["expected"])
    else:
        assert found == case["expected"]


def test_what_needs_the_project_api_says_so() -> None:
    call = call_of(**CAMPAIGN_ONLY)
    template = ProviderTemplate("offer", TemplateState.DRAFT, category="UTILITY", body="Hi")
    person = Address.phone("+919876543210")
    asks: tuple[Callable[[], HttpRequest], ...] = (
        lambda: ADAPTER.build_templates(call, ""),
        lambda: ADAPTER.build_template(call, template, {}),
        lambda: ADAPTER.build_contact(call, person, "Asha", {}),
        lambda: ADAPTER.build_profile(call, person),
        lambda: ADAPTER.build_usage(call),
        lambda: ADAPTER.build_submit(call, [outgoing(Text("Hello"))]),
    )
    for ask in asks:
        with pytest.raises(Invalid, match="Pro plan"):
            ask()


def test_figures_without_a_campaign_to_measure_say_what_is_missing() -> None:
    with pytest.raises(Invalid, match="id of the campaign"):
        ADAPTER.build_usage(call_of(**PROJECT))


FILE = MediaItem("image/jpeg", url="https://cdn.example.com/a.jpg")
YES = Choice("yes", "Yes")


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (TemplateRef("live", variables={"1": "Asha", "button:0": "A-17"}), []),
        (TemplateRef("live", variables={"header": "Hi"}, media=(FILE,)), ["template_header_twice"]),
        (TemplateRef(""), ["template_missing"]),
        (TemplateRef("live", variables={"1": " "}), ["variable_empty"]),
        (TemplateRef("live", variables={"1": "a\nb", "2": "\ud800"}), ["variable_layout", "text_broken"]),
        (TemplateRef("live", variables={"button:first": "x"}), ["variable_name"]),
        (TemplateRef("live", body="x" * 1025), ["template_too_long"]),
        (TemplateRef("live", media=(FILE, FILE)), ["template_header_twice"]),
        (TemplateRef("live", media=(MediaItem("image/jpeg", handle="h1"),)), ["media_needs_address"]),
        (Text("Hello\nthere"), []),
        (Text(" "), ["text_empty"]),
        (Text("\udc00"), ["text_broken"]),
        (Media((FILE,), "Look"), []),
        (Media(()), ["media_not_one"]),
        (Media((MediaItem("audio/ogg", url="https://cdn.example.com/a.ogg"),), "Listen"), ["caption_not_possible"]),
        (Media((FILE,), "x" * 1025), ["caption_too_long"]),
        (Interactive("Fine?", (YES, Choice("no", "No"))), []),
        (Interactive("Fine?", ()), ["choices_count"]),
        (Interactive("Fine?", tuple(Choice(str(place), "Yes") for place in range(4))), ["choices_count"]),
        (Interactive("Fine?", tuple(Choice(str(place), "Yes") for place in range(4)), list_label="Days"), []),
        (
            Interactive("Fine?", tuple(Choice(str(place), "Y") for place in range(11)), list_label="Days"),
            ["choices_count"],
        ),
        (Interactive("Fine?", (Choice("yes", "x" * 21),)), ["choice_length"]),
        (Interactive("Fine?", (YES, YES)), ["choices_same_id"]),
        (Interactive("Fine?", (Choice("", "Yes"),)), ["choice_length"]),
        (Interactive("Fine?", (Choice("a", "Yes", "x" * 73),), list_label="Days"), ["choice_description"]),
        (Interactive("Fine?", (YES,), footer="x" * 61), ["footer_too_long"]),
        (Interactive("", (YES,)), ["text_empty"]),
    ],
)
def test_limits_of_whatsapp_are_known_before_sending(content: Content, codes: list[str]) -> None:
    problems = ADAPTER.check(account(**PROJECT), outgoing(content))
    assert [problem.code for problem in problems] == codes
    assert all(len(problem.detail) > 20 for problem in problems)


def test_without_the_project_api_only_templates_pass() -> None:
    named = account(**CAMPAIGN_ONLY, default_campaign_name="order_update_live")
    assert ADAPTER.check(named, outgoing(TemplateRef(""))) == []
    assert [problem.code for problem in ADAPTER.check(named, outgoing(Text("Hello")))] == ["project_api_needed"]


def test_only_phone_numbers_pass() -> None:
    message = outgoing(TemplateRef("live"), Address(AddressKind.WHATSAPP_ID, "IN.13491208655302741918"))
    assert [problem.code for problem in ADAPTER.check(account(**CAMPAIGN_ONLY), message)] == ["not_a_number"]


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [("image/png", "image"), ("video/mp4", "video"), ("audio/ogg", "audio"), ("application/pdf", "document")],
)
def test_files_have_whatsapps_kinds(content_type: str, kind: str) -> None:
    assert media_kind(content_type) == kind


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, "https://apis.aisensy.com/project-apis/v1/project/650000000000000000000001/messages"),
        ({"base_url": "http://127.0.0.1:9/aisensy"}, "http://127.0.0.1:9/aisensy/project-apis/v1/project/"),
        ({"project_base_url": "https://papi.example.com/project-apis/v1"}, "https://papi.example.com/project-apis/"),
    ],
)
def test_the_emulator_of_one_api_serves_the_other(fields: dict[str, str], url: str) -> None:
    request = ADAPTER.build_submit(call_of(**PROJECT, **fields), [outgoing(Text("Hello"))])
    assert request.url.startswith(url)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"project_id": "1"}, "both its project id and its password"),
        ({"project_api_password": "x"}, "both its project id and its password"),
        ({"send_via": "project"}, "only with a project id"),
        ({"api_key": "two\nlines"}, "one line"),
        ({"project_base_url": "apis.aisensy.com"}, "expected an address"),
        ({"base_url": "https://backend.aisensy.com/?apikey=1"}, "expected an address"),
    ],
)
def test_an_account_that_cannot_work_is_refused(fields: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        account(**{**CAMPAIGN_ONLY, **fields})


@pytest.mark.parametrize("given", ["https://backend.aisensy.com/campaign/t1/api/v2", "https://backend.aisensy.com/ "])
def test_the_address_of_a_call_becomes_that_of_all(given: str) -> None:
    assert account(**CAMPAIGN_ONLY, base_url=given).base_url == "https://backend.aisensy.com"


def test_without_a_secret_the_unguessable_address_is_proof_enough() -> None:
    (case,) = [case for case in cases("aisensy", "callback") if case["name"] == "a person writes"]
    request = CallbackRequest("POST", case["request"]["url"], "", {}, case["request"]["body"].encode())
    (event,) = ADAPTER.parse_callback(call_of(**CAMPAIGN_ONLY), request).events
    assert isinstance(event, Inbound)
    assert event.content == Text("STOP")
    empty = account(**CAMPAIGN_ONLY, webhook_secret=SecretStr(""))
    assert ADAPTER.parse_callback(call_for("aisensy", empty), request).events == (event,)


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (
            "IMAGE",
            {"image": {"link": "https://cdn.example.com/i.jpg"}},
            MediaItem("image/jpeg", "https://cdn.example.com/i.jpg"),
        ),
        (
            "DOCUMENT",
            {"id": "m7", "filename": "a.pdf"},
            MediaItem("application/octet-stream", handle="m7", filename="a.pdf"),
        ),
        (
            "AUDIO",
            {"audio": {"url": "https://cdn.example.com/v", "mime_type": "audio/aac"}},
            MediaItem("audio/aac", "https://cdn.example.com/v"),
        ),
    ],
)
def test_files_of_people_keep_their_address_or_handle(kind: str, content: Case, expected: MediaItem) -> None:
    message = {"id": "1", "phone_number": "919876543210", "message_type": kind, "message_content": content}
    body = {"id": "e1", "topic": "message.sender.user", "data": {"message": message}}
    (event,) = ADAPTER.parse_callback(call_of(**CAMPAIGN_ONLY), _posted(body)).events
    assert isinstance(event, Inbound)
    assert event.content == Media((expected,), "")


def _posted(body: Case) -> CallbackRequest:
    encoded = str(body).replace("'", '"').replace("None", "null").encode()
    return CallbackRequest("POST", "https://gw.example.test/callbacks/aisensy/tok", "", {}, encoded)


@pytest.mark.parametrize("when", ["9" * 40, -(10**18), 1e300])
def test_a_time_that_is_none_is_left_out(when: str | float) -> None:
    message = {"id": "1", "phone_number": "919876543210", "status": "SENT", "sent_at": when}
    body = {"id": "e1", "topic": "message.status.updated", "data": {"message": message}}
    (event,) = ADAPTER.parse_callback(call_of(**CAMPAIGN_ONLY), _posted(body)).events
    assert isinstance(event, DeliveryEvent)
    assert event.occurred_at is None
