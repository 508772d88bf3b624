"""
The SleekFlow adapter: the abilities beside sending, its limits and its account.
"""

from typing import Any

import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import Profile, TemplatePage
from sendyard.providers.contract import Call, Inbound, Outgoing, ProtocolError
from sendyard.providers.sleekflow import ADAPTER
from sendyard.providers.sleekflow.codes import META, STATUSES
from sendyard.providers.sleekflow.spec import REGIONS, SleekFlowAccount
from tests.providers.samples import (
    Case,
    account_of,
    assert_same_request,
    call_for,
    callback_of,
    cases,
    response_of,
)

ACCOUNT = {"api_key": "invented-platform-key", "from_number": "85200000000"}


def samples(kind: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in cases("sleekflow", kind)]


def account(**fields: Any) -> SleekFlowAccount:
    return SleekFlowAccount.model_validate({**ACCOUNT, **fields})


def call_of(**fields: Any) -> Call:
    return call_for("sleekflow", account(**fields))


def outgoing(content: Content, *, to: Address | None = None, sender: str = "85200000000") -> Outgoing:
    return Outgoing("m1", "ref-1", Channel.WHATSAPP, to or Address.phone("+919876543210"), sender, content)


def assert_same_error(found: object, expected: Case) -> None:
    assert isinstance(found, ProviderError)
    assert (found.kind, found.code) == (expected["kind"], expected["code"])
    assert found.detail


@pytest.mark.parametrize("case", samples("templates"))
def test_template_lists_are_read_exactly(case: Case) -> None:
    call = call_for("sleekflow", account_of(ADAPTER, case))
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
    assert len(found.templates) == len(case["expected"])
    for template, expected in zip(found.templates, case["expected"], strict=True):
        for name, value in expected.items():
            given = [one.kind for one in template.buttons] if name == "buttons" else getattr(template, name)
            assert (list(given) if isinstance(value, list) else given) == value, name


def test_a_list_of_templates_needs_the_own_number() -> None:
    with pytest.raises(Invalid, match="own WhatsApp number"):
        ADAPTER.build_templates(call_of(from_number=""), "")


@pytest.mark.parametrize("case", samples("senders"))
def test_channels_are_read_exactly(case: Case) -> None:
    call = call_for("sleekflow", account_of(ADAPTER, case))
    if "request" in case:
        assert_same_request(ADAPTER.build_senders(call), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_senders(call, response_of(case["response"]))
        return
    found = ADAPTER.parse_senders(call, response_of(case["response"]))
    if isinstance(found, ProviderError):
        assert_same_error(found, case["expected"])
        return
    assert [
        {"sender": one.sender, "name": one.name, "channels": list(one.channels), "usable": one.usable} for one in found
    ] == case["expected"]


@pytest.mark.parametrize("case", samples("profile"))
def test_contacts_are_looked_up_exactly(case: Case) -> None:
    call = call_for("sleekflow", account_of(ADAPTER, case))
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


@pytest.mark.parametrize("case", samples("contact"))
def test_contacts_are_added_exactly(case: Case) -> None:
    call = call_for("sleekflow", account_of(ADAPTER, case))
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


FILE = MediaItem("image/jpeg", url="https://cdn.example.com/a.jpg")
YES = Choice("yes", "Yes")


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (TemplateRef("offer", variables={"1": "Asha", "button:0": "A-17"}, media=(FILE,)), []),
        (TemplateRef("offer", variables={"header": "Hi"}, media=(FILE,)), ["template_header_twice"]),
        (TemplateRef(""), ["template_missing"]),
        (TemplateRef("offer", variables={"1": " "}), ["variable_empty"]),
        (TemplateRef("offer", variables={"1": "a\tb", "2": "\ud800"}), ["variable_layout", "text_broken"]),
        (TemplateRef("offer", variables={"button:first": "x"}), ["variable_name"]),
        (TemplateRef("offer", body="x" * 1025), ["template_too_long"]),
        (TemplateRef("offer", media=(FILE, FILE)), ["template_header_twice"]),
        (TemplateRef("offer", media=(MediaItem("image/jpeg", handle="h1"),)), ["media_needs_address"]),
        (Text("Hello\nthere"), []),
        (Text("\n"), ["text_empty"]),
        (Text("\udc00"), ["text_broken"]),
        (Media((FILE,), "Look"), ["media_unsupported"]),
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
        (Interactive("Fine?", (YES,), list_label="x" * 21), ["choices_label_too_long"]),
        (Interactive("x" * 1025, (YES,)), ["text_too_long"]),
    ],
)
def test_limits_are_known_before_sending(content: Content, codes: list[str]) -> None:
    problems = ADAPTER.check(account(), outgoing(content))
    assert [problem.code for problem in problems] == codes
    assert all(len(problem.detail) > 20 for problem in problems)


def test_only_numbers_send_and_receive() -> None:
    person = Address(AddressKind.WHATSAPP_ID, "c-77")
    assert [one.code for one in ADAPTER.check(account(), outgoing(Text("Hi"), to=person))] == ["not_a_number"]
    assert [one.code for one in ADAPTER.check(account(), outgoing(Text("Hi"), sender="Shop"))] == [
        "sender_not_a_number"
    ]
    for sender in ("", "85200000000", "+85200000000"):
        assert ADAPTER.check(account(), outgoing(Text("Hi"), sender=sender)) == []


def test_templates_of_360dialog_need_their_namespace() -> None:
    template = outgoing(TemplateRef("offer"))
    assert [one.code for one in ADAPTER.check(account(channel="whatsapp360dialog"), template)] == ["namespace_missing"]
    named = account(channel="whatsapp360dialog", template_namespace="ns_1")
    assert ADAPTER.check(named, template) == []


@pytest.mark.parametrize(
    ("given", "url"),
    [
        *REGIONS.items(),
        ("SEAS ", REGIONS["seas"]),
        ("https://api.sleekflow.io/api/", REGIONS["global"]),
        ("http://127.0.0.1:9/sleekflow", "http://127.0.0.1:9/sleekflow"),
    ],
)
def test_a_region_is_a_host(given: str, url: str) -> None:
    assert account(base_url=given).base_url == url


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"base_url": "mars"}, "one of the regions"),
        ({"base_url": "https://api.sleekflow.io?apikey=1"}, "one of the regions"),
        ({"api_key": "two\nlines"}, "one line"),
        ({"api_key": "ключ"}, "one line"),
        ({"from_number": "+852"}, "String should match"),
        ({"channel": "carrier-pigeon"}, "Input should be"),
    ],
)
def test_an_account_that_cannot_work_is_refused(fields: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        account(**fields)


def _heard(name: str) -> Inbound:
    (case,) = [case for case in cases("sleekflow", "callback") if case["name"] == name]
    (event,) = ADAPTER.parse_callback(call_of(), callback_of(case["request"])).events
    assert isinstance(event, Inbound)
    return event


def test_a_message_without_id_is_known_by_words_and_time() -> None:
    event = _heard("flat: no number and no id")
    assert event.dedupe_key == _heard("flat: no number and no id").dedupe_key
    assert event.dedupe_key != _heard("flat without a person").dedupe_key
    assert event.occurred_at is not None
    assert event.occurred_at.isoformat() == "2026-10-01T08:40:00+00:00"


def test_times_are_seconds_or_iso_and_nonsense_is_left_out() -> None:
    heard = _heard("camelCase").occurred_at
    assert heard is not None
    assert heard.isoformat() == "2026-10-01T08:40:00+00:00"
    assert _heard("camelCase, nested, the number under from").occurred_at is None


def test_files_of_people_keep_their_address() -> None:
    image = MediaItem("image/jpeg", url="https://cdn.example.com/i.jpg", filename="i.jpg")
    assert _heard("a file").content == Media((image,), "")


def test_every_name_of_a_status_is_spelt_once_whatever_the_case() -> None:
    assert len({word.lower() for word in STATUSES}) == len(STATUSES)
    assert not set(STATUSES) & set(META)
