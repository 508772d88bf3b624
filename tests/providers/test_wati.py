"""
The WATI adapter: abilities by their samples, limits, settings, and what no answer may do.
"""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.providers.abilities import (
    Found,
    Inconclusive,
    NotFound,
    ProviderTemplate,
    TemplateButton,
    TemplatePage,
)
from sendyard.providers.contract import DeliveryEvent, Inbound, Outgoing, ProtocolError, TemplateState
from sendyard.providers.wati import ADAPTER
from sendyard.providers.wati.answers import retry_after
from sendyard.providers.wati.spec import SPEC
from sendyard.providers.wati.statements import moment
from sendyard.providers.wire import CallbackRequest, HttpResponse
from tests.providers.samples import (
    NOW,
    Case,
    account_of,
    address,
    assert_same_request,
    call_for,
    callback_of,
    cases,
    response_of,
)
from tests.providers.wati_wire import CALLBACK_URL, account, call, document, outgoing, template


def each(kind: str) -> pytest.MarkDecorator:
    found = cases("wati", kind)
    assert found
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in found])


def assert_refused(found: object, case: Case) -> None:
    assert isinstance(found, ProviderError)
    assert (found.kind, found.code) == (case["error"]["kind"], case["error"]["code"])
    assert found.detail


@each("templates")
def test_templates_are_listed_in_every_generation(case: Case) -> None:
    given = call_for("wati", account_of(ADAPTER, case))
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
    given, made = call_for("wati", account_of(ADAPTER, case)), provider_template(case["template"])
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
        ({"variables": ["name", "city"]}, "samples_missing"),
        ({"name": "Order Update"}, "template_name"),
        ({"language": ""}, "template_incomplete"),
        ({"category": ""}, "template_incomplete"),
        ({"body": "x" * 1025}, "template_too_long"),
        ({"footer": "x" * 61}, "template_too_long"),
    ],
)
def test_a_template_beyond_the_limits_is_not_handed_in(changes: dict[str, Any], code: str) -> None:
    good = {"name": "order_update", "language": "en", "category": "UTILITY", "body": "Hi", "variables": ["name"]}
    with pytest.raises(Invalid) as refused:
        ADAPTER.build_template(call(), provider_template({**good, **changes}), {"name": "Asha"})
    assert refused.value.code == code


@each("senders")
def test_channels_are_senders(case: Case) -> None:
    given = call_for("wati", account_of(ADAPTER, case))
    if "request" in case:
        assert_same_request(ADAPTER.build_senders(given), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_senders(given, response_of(case["response"]))
        return
    found = ADAPTER.parse_senders(given, response_of(case["response"]))
    if "error" in case:
        assert_refused(found, case)
        return
    assert not isinstance(found, ProviderError)
    assert [[one.sender, one.name] for one in found] == case["expected"]
    assert all(one.channels == (Channel.WHATSAPP,) for one in found)


@each("contact")
def test_contacts_are_pushed(case: Case) -> None:
    given, person = call_for("wati", account_of(ADAPTER, case)), address(case["person"])
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


@pytest.mark.parametrize(
    ("person", "version"),
    [(Address(AddressKind.LINE_ID, "U" + "0" * 32), "v3"), (Address(AddressKind.WHATSAPP_ID, "US.1349"), "v1")],
)
def test_a_contact_needs_an_address_that_wati_knows(person: Address, version: str) -> None:
    with pytest.raises(Invalid, match="phone number"):
        ADAPTER.build_contact(call(account(api_version=version)), person, "Asha", {})


@pytest.mark.parametrize(
    ("pasted", "kept"),
    [
        ("https://live-mt-server.wati.io/1234/", "https://live-mt-server.wati.io/1234"),
        ("https://live-mt-server.wati.io/1234/api/v1", "https://live-mt-server.wati.io/1234"),
        (" https://live-mt-server.wati.io/1234/api/v2/ ", "https://live-mt-server.wati.io/1234"),
        ("https://live-mt-server.wati.io/api/ext/v3", "https://live-mt-server.wati.io"),
        ("https://live-server-77.wati.io/api", "https://live-server-77.wati.io"),
    ],
)
def test_the_endpoint_may_be_pasted_with_what_follows_it(pasted: str, kept: str) -> None:
    assert account(base_url=pasted).base_url == kept


@pytest.mark.parametrize("token", ["two words", "", "Bearer ", "schlüssel", "line\nbreak"])
def test_a_token_that_cannot_stand_in_a_header_is_refused_without_being_repeated(token: str) -> None:
    with pytest.raises(ValidationError) as refused:
        account(api_token=token)
    assert not token.strip() or token not in str(refused.value)


def test_a_pasted_bearer_is_not_part_of_the_token() -> None:
    assert account(api_token=" bearer abc ").api_token.get_secret_value() == "abc"
    assert ADAPTER.build_probe(call(account(api_token="Bearer abc"))).headers["authorization"] == "Bearer abc"


@pytest.mark.parametrize(("plan", "per_second"), [("growth", 3.0), ("pro", 6.0), ("business", 10.0)])
def test_the_plan_decides_the_rate(plan: str, per_second: float) -> None:
    assert ADAPTER.rate(account(plan=plan)).per_second == per_second


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, 500),
        ({"slice_size": 10_000}, 10_000),
        ({"api_version": "v2"}, 1),
        ({"api_version": "v2", "channel_number": "911140000001"}, 100),
        ({"api_version": "v2", "channel_number": "911140000001", "slice_size": 7}, 7),
        ({"api_version": "v1", "channel_number": "911140000001"}, 1),
    ],
)
def test_the_generation_decides_how_many_travel_together(fields: dict[str, Any], limit: int) -> None:
    assert ADAPTER.batch_limit(account(**fields)) == limit


def test_templates_of_one_name_and_sender_travel_together_and_words_alone() -> None:
    key = ADAPTER.batch_key
    assert key(outgoing(template())) == key(outgoing(template(text="Other"), reference="ref-2"))
    assert key(outgoing(template())) != key(outgoing(template("other")))
    assert key(outgoing(template())) != key(outgoing(template(), sender="911140000001"))
    assert key(outgoing("Hi")) != key(outgoing("Hi", reference="ref-2"))


def test_ten_thousand_recipients_fit_into_one_request() -> None:
    batch = [outgoing(reference=f"r{count}", to=f"+9198{count:08d}") for count in range(SPEC.batch.limit)]
    built = ADAPTER.build_submit(call(account(slice_size=10_000)), batch)
    assert len(document(HttpResponse(200, {}, built.body))["recipients"]) == 10_000


FILE = MediaItem("image/jpeg", url="https://cdn.example.com/a.jpg")
HANDLE = MediaItem("image/jpeg", handle="h1")
YES = (Choice("y", "Yes"),)


def choices(count: int) -> tuple[Choice, ...]:
    return tuple(Choice(f"y{number}", "Yes") for number in range(count))


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (template(), []),
        (TemplateRef("t", variables={"name": " "}), ["variable_empty"]),
        (TemplateRef(""), ["template_missing"]),
        (TemplateRef("t", media=(FILE,)), []),
        (TemplateRef("t", variables={"header": "h"}, media=(FILE,)), ["template_header_twice"]),
        (TemplateRef("t", media=(HANDLE,)), ["media_needs_address"]),
        (TemplateRef("t", media=(FILE, FILE)), ["template_header_twice"]),
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
        (Interactive("Come?", (Choice("y", ""),)), ["choice_length"]),
        (Interactive("x" * 1025, YES), ["text_too_long"]),
        (Interactive("Come?", (Choice("y", "x" * 21),)), ["choice_length"]),
        (Interactive("Come?", (Choice("y", "x" * 24),), list_label="Choose"), []),
        (Interactive("Come?", (Choice("y", "Yes", "x" * 73),), list_label="Choose"), ["choice_description"]),
    ],
)
def test_what_whatsapp_would_refuse_is_found_before(content: Content, codes: list[str]) -> None:
    found = ADAPTER.check(account(), outgoing(content))
    assert [problem.code for problem in found] == codes
    assert all(len(problem.detail) > 20 for problem in found)


@pytest.mark.parametrize("content", [Media([FILE]), Interactive("Come?", YES)])
def test_old_generations_carry_words_and_templates_only(content: Content) -> None:
    (problem,) = ADAPTER.check(account(api_version="v1"), outgoing(content))
    assert (problem.code, "v3" in problem.detail) == (ErrorKind.UNSUPPORTED, True)


@pytest.mark.parametrize(
    ("to", "version", "refused"),
    [
        (Address(AddressKind.LINE_ID, "U" + "0" * 32), "v3", True),
        (Address(AddressKind.WHATSAPP_ID, "US.1349"), "v3", False),
        (Address(AddressKind.WHATSAPP_ID, "US.1349"), "v2", True),
    ],
)
def test_only_addresses_of_whatsapp_are_reached(to: Address, version: str, *, refused: bool) -> None:
    message = Outgoing("m", "r", Channel.WHATSAPP, to, "", template())
    assert bool(ADAPTER.check(account(api_version=version), message)) is refused


def test_a_header_file_fills_its_parameter() -> None:
    known = ProviderTemplate("t", TemplateState.APPROVED, variables=("name", "header"))
    with_file = TemplateRef("t", variables={"name": "Asha"}, media=(FILE,))
    assert ADAPTER.fits(known, with_file) == []
    (problem,) = ADAPTER.fits(known, TemplateRef("t", variables={"name": "Asha"}))
    assert problem.code == "template_variables_missing"
    (problem,) = ADAPTER.fits(None, with_file)
    assert problem.code == "template_unknown"


def test_a_full_page_without_a_total_promises_another() -> None:
    one = {"elementName": "t", "status": "APPROVED"}
    body = str({"messageTemplates": [one] * 100}).replace("'", '"').encode()
    page = ADAPTER.parse_templates(call(), "4", HttpResponse(200, {}, body))
    assert isinstance(page, TemplatePage)
    assert (len(page.templates), page.cursor) == (100, "5")


def history(count: int, created: str) -> HttpResponse:
    item = f'{{"id":"1","local_message_id":"x","owner":true,"status":"SENT","created":"{created}"}}'
    return HttpResponse(200, {}, f'{{"message_list":[{",".join([item] * count)}]}}'.encode())


@pytest.mark.parametrize(
    ("count", "created", "kind"),
    [
        (99, "2026-11-21T02:00:05Z", NotFound),
        (100, "2026-11-21T02:00:05Z", Inconclusive),
        (100, "2026-11-20T02:00:05Z", NotFound),
        (100, "no time", Inconclusive),
    ],
)
def test_a_history_settles_only_what_it_reaches_back_to(count: int, created: str, kind: type[object]) -> None:
    assert isinstance(ADAPTER.parse_lookup(outgoing(), NOW, history(count, created)), kind)


def test_a_channel_may_be_a_name_with_blanks() -> None:
    built = ADAPTER.build_lookup(call(), outgoing(sender="My shop"), NOW)
    assert "/conversations/My%20shop:919876543210/messages?" in built.url


def test_a_text_is_not_found_by_a_message_without_any_name() -> None:
    body = b'{"messages":[{"owner":true,"text":"Hi","created":"2026-11-21T02:00:05Z"}]}'
    assert isinstance(ADAPTER.parse_lookup(outgoing("Hi"), NOW, HttpResponse(200, {}, body)), Inconclusive)


def test_a_found_text_of_v1_tells_how_far_it_came() -> None:
    body = (
        b'{"messages":[{"id":"7","owner":true,"text":"Hi","statusString":"FAILED","failedDetail":"wallet is empty",'
        b'"created":"2026-11-21T02:00:05Z"}]}'
    )
    found = ADAPTER.parse_lookup(outgoing("Hi"), NOW, HttpResponse(200, {}, body))
    assert isinstance(found, Found)
    assert found.event
    assert found.event.error
    assert (found.provider_ref, found.event.error.kind) == ("7", ErrorKind.OUT_OF_CREDIT)


def heard(name: str) -> Inbound:
    (case,) = [case for case in cases("wati", "callback") if case["name"] == name]
    (event,) = ADAPTER.parse_callback(call(), callback_of(case["request"])).events
    assert isinstance(event, Inbound)
    return event


def test_an_inbound_picture_is_a_file_to_fetch() -> None:
    event = heard("a person sends a picture")
    assert event.content == Media((MediaItem("image/jpeg", handle="data/images/6400.jpg"),), "")
    assert event.in_reply_to
    assert event.in_reply_to.provider_ref == "wamid.HBgMAAA"


@pytest.mark.parametrize(
    ("data", "content"),
    [
        ('"https://cdn.example.com/a.PDF"', MediaItem("application/pdf", url="https://cdn.example.com/a.PDF")),
        ('"data/x.bin"', MediaItem("application/octet-stream", handle="data/x.bin")),
        ('""', None),
        ("{}", None),
    ],
)
def test_an_inbound_file_is_an_address_or_a_path(data: str, content: MediaItem | None) -> None:
    body = f'{{"eventType":"message","id":"1","waId":"919876543210","type":"document","text":"See","data":{data}}}'
    request = CallbackRequest("POST", CALLBACK_URL, "", {}, body.encode())
    (event,) = ADAPTER.parse_callback(call(), request).events
    assert isinstance(event, Inbound)
    assert event.content == (Media((content,), "See") if content else Text("See"))


def test_the_forms_of_one_event_have_one_key() -> None:
    keys = set()
    for name in ("sentMessageREAD", "sentMessageREAD_v2", "sentMessageREAD_v2_bsuid"):
        body = f'{{"eventType":"{name}","statusString":"Read","localMessageId":"r1","whatsappMessageId":"w1"}}'
        request = CallbackRequest("POST", CALLBACK_URL, "", {}, body.encode())
        keys |= {event.dedupe_key for event in ADAPTER.parse_callback(call(), request).events}
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("timestamp", "created", "wanted"),
    [
        ("1795226400", None, "2026-11-21T02:00:00+00:00"),
        (1795226400, None, "2026-11-21T02:00:00+00:00"),
        (None, "2026-11-21T02:00:00.1234567Z", "2026-11-21T02:00:00.123456+00:00"),
        (None, "2026-11-21T02:00:00", "2026-11-21T02:00:00+00:00"),
        ("soon", "2026-11-21T02:00:00Z", None),
        ("9" * 400, None, None),
        (1e300, None, None),
        (None, None, None),
    ],
)
def test_times_come_as_seconds_or_iso_with_seven_digits(
    timestamp: str | float | None, created: str | None, wanted: str | None
) -> None:
    found = moment(timestamp, created)
    assert (found.isoformat() if found else None) == wanted


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("99999", 3600.0), ("-1", None), ("nan", None)])
def test_a_waiting_time_is_kept_within_reason(header: str, seconds: float | None) -> None:
    assert retry_after(HttpResponse(429, {"retry-after": header})) == seconds


def test_v2_keeps_its_own_label_and_v3_ours() -> None:
    body = document(HttpResponse(200, {}, ADAPTER.build_submit(call(), [outgoing()]).body))
    assert body["recipients"][0]["local_message_id"] == "ref-1"
    body = document(HttpResponse(200, {}, ADAPTER.build_submit(call(account(api_version="v2")), [outgoing()]).body))
    assert "local_message_id" not in str(body)


def test_an_event_with_both_ids_names_the_one_that_older_events_bring_alone() -> None:
    both = {"eventType": "sentMessageDELIVERED_v2", "statusString": "Delivered", "localMessageId": "c42-r1"}
    older = {"eventType": "templateMessageSent", "statusString": "SENT"}
    keys = []
    for event in (both, older):
        body = json.dumps({**event, "id": "66b2", "whatsappMessageId": "wamid.HBgMAAA"}).encode()
        request = CallbackRequest("POST", CALLBACK_URL, "", {}, body)
        (told,) = ADAPTER.parse_callback(call(), request).events
        assert isinstance(told, DeliveryEvent)
        keys.append((told.key.reference, told.key.provider_ref, told.key.other_ref))
    assert keys == [("c42-r1", "c42-r1", "wamid.HBgMAAA"), ("", "wamid.HBgMAAA", "")]
