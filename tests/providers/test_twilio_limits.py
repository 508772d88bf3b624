"""
What a Twilio account and a message for it may look like.
"""

from collections.abc import Mapping
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Media, MediaItem, TemplateRef, Text
from sendyard.providers.contract import (
    Outgoing,
)
from sendyard.providers.twilio import ADAPTER
from sendyard.providers.twilio.spec import TwilioAccount
from sendyard.providers.wire import HttpRequest
from tests.providers.twilio_wire import CALLBACK_URL, HX, MG, OURS, SK, account, call, outgoing


def fields(request: HttpRequest) -> dict[str, list[str]]:
    return parse_qs(request.body.decode(), keep_blank_values=True)


def test_without_a_public_address_no_report_is_asked_for() -> None:
    assert "StatusCallback" not in fields(ADAPTER.build_submit(call(callback_url=""), [outgoing()]))


@pytest.mark.parametrize(
    ("url", "reference", "wanted"),
    [
        (CALLBACK_URL, "ref-1", f"{CALLBACK_URL}?ref=ref-1"),
        (f"{CALLBACK_URL}?x=1", "a&b=c/", f"{CALLBACK_URL}?x=1&ref=a%26b%3Dc%2F"),
        (CALLBACK_URL, "", CALLBACK_URL),
    ],
)
def test_our_reference_travels_in_the_callback_address(url: str, reference: str, wanted: str) -> None:
    request = ADAPTER.build_submit(call(callback_url=url), [outgoing(reference=reference)])
    assert fields(request)["StatusCallback"] == [wanted]


def test_a_whatsapp_person_without_a_number_is_addressed_by_id() -> None:
    message = Outgoing(
        "m1", "r", Channel.WHATSAPP, Address(AddressKind.WHATSAPP_ID, "US.1234"), "+14155238886", Text("x")
    )
    assert fields(ADAPTER.build_submit(call(), [message]))["To"] == ["whatsapp:US.1234"]


PICTURE = MediaItem("image/png", url="https://files.example.test/a.png")
SERVED = {"messaging_service_sid": MG}


@pytest.mark.parametrize(
    ("message", "options", "codes"),
    [
        (outgoing(), {}, []),
        (outgoing(""), {}, ["text_empty"]),
        (outgoing("half \ud83d"), {}, ["text_broken"]),
        (outgoing("完整 👍"), {}, []),
        (outgoing(sender=""), {}, ["sender_missing"]),
        (outgoing(sender=""), SERVED, []),
        (outgoing(sender="MyShop"), {}, ["sender_not_a_number"]),
        (outgoing(sender="MyShop", country="TW"), {}, []),
        (outgoing(sender=MG), {}, []),
        (outgoing(sender="12345"), {}, []),
        (outgoing(sender="whatsapp:+14155238886"), {}, ["sender_not_a_number"]),
        (outgoing(sender="whatsapp:+14155238886", country="TW"), {}, ["sender_other_channel"]),
        (outgoing(sender="whatsapp:+14155238886", channel=Channel.WHATSAPP), {}, []),
        (outgoing(Media([PICTURE], "x"), channel=Channel.MMS), {}, []),
        (outgoing(Media([PICTURE], "\ud83d"), channel=Channel.MMS), {}, ["text_broken"]),
        (outgoing(Media([PICTURE])), {}, ["media_on_sms"]),
        (outgoing(Media([]), channel=Channel.MMS), {}, ["media_missing"]),
        (outgoing(Media([PICTURE] * 10), channel=Channel.MMS), {}, []),
        (outgoing(Media([PICTURE] * 11), channel=Channel.MMS), {}, ["media_too_many"]),
        (outgoing(Media([MediaItem("image/png", handle="h")]), channel=Channel.MMS), {}, ["media_needs_url"]),
        (outgoing(TemplateRef(HX, variables={"1": "a"})), {}, []),
        (outgoing(TemplateRef("order_shipped")), {}, ["template_not_a_sid"]),
        (outgoing(TemplateRef(HX, variables={"1": ""})), {}, ["variable_empty"]),
        (outgoing(TemplateRef(HX, variables={"1": "x" * 255})), {}, []),
        (outgoing(TemplateRef(HX, variables={"1": "x" * 256})), {}, ["variable_too_long"]),
        (outgoing(TemplateRef(HX, variables={"n" * 17: "x"})), {}, ["variable_too_long"]),
        (outgoing(TemplateRef(HX, variables={str(n): "x" for n in range(101)})), {}, ["variables_too_many"]),
        (outgoing(TemplateRef(HX, body="x" * 1025), channel=Channel.WHATSAPP), {}, ["template_too_long"]),
        (outgoing(TemplateRef(HX, body="x" * 1025)), {}, []),
    ],
)
def test_what_twilio_would_refuse_is_named_before(
    message: Outgoing, options: Mapping[str, str], codes: list[str]
) -> None:
    found = ADAPTER.check(account(**options), message)
    assert [problem.code for problem in found] == codes
    assert all(problem.detail for problem in found)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"account_sid": "AC12"}, "account_sid"),
        ({"account_sid": SK}, "account_sid"),
        ({"auth_token": ""}, "auth_token"),
        ({"api_key_sid": SK}, "both the API key SID"),
        ({"api_key_secret": "s"}, "both the API key SID"),
        ({"api_key_sid": SK, "api_key_secret": ""}, "both the API key SID"),
        ({"messaging_service_sid": "MG1"}, "messaging_service_sid"),
        ({"base_url": "api.twilio.com"}, "https://api.twilio.com"),
        ({"base_url": "https://api.twilio.com?x=1"}, "https://api.twilio.com"),
        ({"from_number": "+1"}, "from_number"),
    ],
)
def test_an_unusable_account_is_refused_with_the_field_at_fault(options: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        account(**options)


@pytest.mark.parametrize("written", ["http://127.0.0.1:9025/twilio", "http://127.0.0.1:9025/twilio/2010-04-01/"])
def test_an_emulators_address_keeps_its_path(written: str) -> None:
    request = ADAPTER.build_balance(call(account(base_url=written)))
    assert request.url.startswith("http://127.0.0.1:9025/twilio/2010-04-01/Accounts/AC0")


def test_no_secret_shows_in_a_description_of_the_account() -> None:
    shown = repr(account(api_key_sid=SK, api_key_secret="key-secret", webhook_shared_key="shared", auth_token="tok-en"))
    assert not [secret for secret in ("key-secret", "shared'", "tok-en") if secret in shown]


def test_each_field_tells_where_its_value_is_found() -> None:
    assert all(field.title and field.description for name, field in TwilioAccount.model_fields.items())


def test_the_sample_sender_is_taken_as_it_is_written() -> None:
    assert fields(ADAPTER.build_submit(call(), [outgoing()]))["From"] == [OURS]
