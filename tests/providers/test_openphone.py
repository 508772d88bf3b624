"""
The Quo adapter: accounts, what check refuses, senders and contacts; the contract suite does the rest.
"""

import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ProviderError
from sendyard.providers.contract import Outgoing, ProtocolError
from sendyard.providers.openphone import ADAPTER
from sendyard.providers.openphone.door import door_of
from sendyard.providers.openphone.spec import SPACES, OpenPhoneAccount
from tests.providers.openphone_wire import account, call, outgoing
from tests.providers.samples import Case, address, assert_same_request, cases, response_of


def each(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases("openphone", kind)])


@each("senders")
def test_senders_are_listed_with_where_they_may_write_to(case: Case) -> None:
    given = call(OpenPhoneAccount(**case["account"]))
    assert_same_request(ADAPTER.build_senders(given), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_senders(given, response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_senders(given, response_of(case["response"])), case["expected"]
    if isinstance(found, ProviderError):
        assert (found.kind, found.code) == (expected["kind"], expected["code"])
        return
    seen = [{"sender": one.sender, "name": one.name, "usable": one.usable, "facts": one.facts} for one in found]
    assert seen == expected["senders"]


@each("contact")
def test_contacts_are_added_and_brought_up_to_date(case: Case) -> None:
    given = call(OpenPhoneAccount(**case["account"]))
    request = ADAPTER.build_contact(given, address(case["person"]), case["contact_name"], case["fields"])
    assert_same_request(request, case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_contact(response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_contact(response_of(case["response"])), case["expected"]
    if isinstance(found, ProviderError):
        assert (found.kind, found.code) == (expected["kind"], expected["code"])
    else:
        assert found == expected["id"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (Media((MediaItem("image/png", url="https://files.example.test/a.png"),), "look"), "text_only"),
        (TemplateRef("welcome", body="Welcome"), "text_only"),
        (Interactive("Yes?", (Choice("y", "Yes"),)), "text_only"),
        (Text(""), "text_empty"),
        (Text(SPACES), "text_empty"),
        (Text("a" * 1601), "text_too_long"),
        (Text("half a pair \ud83d"), "text_broken"),
    ],
)
def test_content_that_quo_cannot_carry_is_named_with_what_to_do(content: Content, code: str) -> None:
    (problem,) = ADAPTER.check(account(), outgoing(content))
    assert problem.code == code
    assert len(problem.detail) > 20


@pytest.mark.parametrize("sender", ["", "Shop", "15555550100", "PN", "+0155"])
def test_a_sender_that_is_no_number_of_quo_is_named(sender: str) -> None:
    (problem,) = ADAPTER.check(account(), outgoing(sender=sender))
    assert problem.code == "sender_not_a_number"


@pytest.mark.parametrize(
    "to", [Address.phone("2125550123"), Address(AddressKind.LINE_ID, "U" + "0" * 32), Address(AddressKind.PHONE, "+1")]
)
def test_a_recipient_without_a_number_is_named(to: Address) -> None:
    message = outgoing()
    (problem,) = ADAPTER.check(account(), Outgoing("m1", "r1", message.channel, to, message.sender, message.content))
    assert problem.code == "recipient_not_a_number"


@pytest.mark.parametrize("text", ["a", "한" * 1600, "\u200b", "\x00", " \n x"])
def test_texts_that_quo_takes_pass(text: str) -> None:
    assert ADAPTER.check(account(), outgoing(text)) == []
    assert ADAPTER.check(account(), outgoing(text, sender="PN123abc")) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": "Bearer abc"},
        {"api_key": "abc\r\nx-forged: 1"},
        {"signing_secret": "whsec_not base64"},
        {"legacy_signing_key": "%%%"},
        {"user_id": "someone"},
        {"base_url": "ftp://api.quo.com"},
        {"base_url": "https://api.quo.com/?x=1"},
    ],
)
def test_an_account_copied_from_the_wrong_place_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        account(**fields)


@pytest.mark.parametrize(
    ("given", "base", "dated"),
    [
        ("https://api.quo.com", "https://api.quo.com", "https://api.quo.com"),
        ("https://api.quo.com/v1/", "https://api.quo.com", "https://api.quo.com"),
        ("https://api.openphone.com", "https://api.openphone.com", "https://api.quo.com"),
        ("http://127.0.0.1:9/openphone", "http://127.0.0.1:9/openphone", "http://127.0.0.1:9/openphone"),
    ],
)
def test_only_the_old_host_is_left_for_dated_calls(given: str, base: str, dated: str) -> None:
    door = door_of(account(base_url=given))
    assert (door.messages_url, door.dated_url) == (f"{base}/v1/messages", dated)
