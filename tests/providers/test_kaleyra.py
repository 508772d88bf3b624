"""
The Kaleyra adapter beyond the contract: Verify's samples, accounts, and what it refuses beforehand.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import OtpStarted, OtpWanted
from sendyard.providers.contract import CallbackRejected, Inbound, MessageKey, Outgoing, ProtocolError
from sendyard.providers.kaleyra import ADAPTER, EMULATOR
from sendyard.providers.kaleyra.spec import REGIONS, KaleyraAccount
from sendyard.providers.wire import CallbackRequest
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

SLUG = "kaleyra"
PICTURE = MediaItem("image/png", "https://cdn.example.test/a.png")
YES = Choice("y", "Yes")


def account(**fields: Any) -> KaleyraAccount:
    return KaleyraAccount(**{**EMULATOR.sample_account, **fields})


def samples(kind: str) -> pytest.MarkDecorator:
    found = cases(SLUG, kind)
    assert found
    return pytest.mark.parametrize("case", found, ids=[case["name"] for case in found])


def wanted_of(case: Case) -> OtpWanted:
    given: Mapping[str, Any] = case["wanted"]
    return OtpWanted(given["reference"], address(given["to"]), template=given.get("template", ""))


@samples("otp")
def test_codes_are_asked_for(case: Case) -> None:
    built = ADAPTER.build_otp(call_for(SLUG, account_of(ADAPTER, case)), wanted_of(case))
    if "request" in case:
        assert_same_request(built, case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_otp(response_of(case["response"]))
        return
    found = ADAPTER.parse_otp(response_of(case["response"]))
    if isinstance(found, ProviderError):
        assert (found.kind, found.code) == (case["expected"]["kind"], case["expected"]["code"])
    else:
        assert found == OtpStarted(case["expected"]["session"], case["expected"]["session"])


@samples("otp_check")
def test_only_the_words_of_a_match_are_one(case: Case) -> None:
    asked = call_for(SLUG, account_of(ADAPTER, case))
    built = ADAPTER.build_otp_check(asked, wanted_of(case), case["session"], case["code"])
    assert_same_request(built, case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_otp_check(response_of(case["response"]))
        return
    assert ADAPTER.parse_otp_check(response_of(case["response"])) == case["expected"]


def test_a_code_of_our_own_is_not_handed_to_verify() -> None:
    wanted = OtpWanted("r1", Address.phone("+919876543210"), code="123456")
    with pytest.raises(Invalid, match="own making"):
        ADAPTER.build_otp(call_for(SLUG, account()), wanted)


@pytest.mark.parametrize(("name", "url"), REGIONS.items())
def test_a_region_is_named_or_written_out(name: str, url: str) -> None:
    assert account(base_url=name.upper()).base_url == account(base_url=f"{url}/").base_url == url


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "mars"),
        ("base_url", "https://api.kaleyra.io?x=1"),
        ("sid", "HX/1"),
        ("api_key", " key"),
        ("webhook_secret", "schlüssel"),
        ("wa_number", "+918012345678"),
        ("callback_mapping", "id=id"),
        ("callback_mapping", "id=, status=status"),
        ("callback_mapping", "id=id, status=status, colour=colour"),
        ("webhook_header", "x key"),
        ("currency", "rupee"),
    ],
)
def test_an_account_that_could_not_work_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValidationError):
        account(**{field: value})


def test_an_account_may_agree_on_no_secret() -> None:
    assert account(webhook_secret=None).webhook_secret is None


HELLO = Text("Hello")


def sms(content: Content = HELLO, **changes: Any) -> Outgoing:
    to = Address.phone("+390000000001")
    return replace(Outgoing("m1", "ref-1", Channel.SMS, to, "SHOPIN", content, country="IT"), **changes)


def whatsapp(content: Content, **changes: Any) -> Outgoing:
    return sms(content, **{"channel": Channel.WHATSAPP, "sender": "918012345678", **changes})


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (sms(to=Address(AddressKind.WHATSAPP_ID, "IN.1")), "recipient_not_a_number"),
        (sms(to=Address.phone("+0123")), "recipient_not_a_number"),
        (sms(sender=""), "sender_missing"),
        (sms(country="IN"), "dlt_template_missing"),
        (sms(country="IN", purpose=Purpose.OTP), "dlt_template_missing"),
        (sms(Media([PICTURE])), "unsupported"),
        (sms(Text("\n")), "text_empty"),
        (sms(Text("a\ud800")), "text_broken"),
        (whatsapp(HELLO, sender="SHOPIN"), "sender_not_a_number"),
        (whatsapp(Text(" ")), "text_empty"),
        (whatsapp(Text("x" * 4097)), "text_too_long"),
        (whatsapp(TemplateRef("order shipped")), "template_not_a_name"),
        (whatsapp(TemplateRef("order", variables={"1": ""})), "variable_empty"),
        (whatsapp(TemplateRef("order", variables={"1": "\ud800"})), "text_broken"),
        (whatsapp(TemplateRef("order", media=[PICTURE, PICTURE])), "template_header_twice"),
        (whatsapp(TemplateRef("order", media=[MediaItem("audio/ogg", "https://x.test/a")])), "media_not_possible"),
        (whatsapp(TemplateRef("order", media=[MediaItem("image/png")])), "media_needs_address"),
        (whatsapp(Media([PICTURE, PICTURE])), "media_not_one"),
        (whatsapp(Media([MediaItem("image/png", handle="1")])), "media_needs_address"),
        (whatsapp(Media([MediaItem("audio/ogg", "https://x.test/a")], "Listen")), "caption_not_possible"),
        (whatsapp(Media([PICTURE], "x" * 1025)), "caption_too_long"),
        (whatsapp(Media([replace(PICTURE, filename="\ud800")])), "text_broken"),
        (whatsapp(Interactive("Fine?", [])), "choices_count"),
        (whatsapp(Interactive("Fine?", [YES, YES])), "choices_same_id"),
        (whatsapp(Interactive("Fine?", [Choice("y", "x" * 21)])), "choice_length"),
        (whatsapp(Interactive(" ", [YES])), "text_empty"),
        (whatsapp(Interactive("Fine?", [Choice("y", "Y\ud800")])), "text_broken"),
    ],
)
def test_what_cannot_be_carried_is_named_beforehand(message: Outgoing, code: str) -> None:
    found = ADAPTER.check(account(), message)
    assert [problem.code for problem in found] == [code]
    assert len(found[0].detail) > 20


def test_an_sms_header_as_sender_of_whatsapp_is_named_and_a_missing_number_asked_for() -> None:
    (problem,) = ADAPTER.check(account(), whatsapp(HELLO, sender="SHOPIN"))
    assert "not from 'SHOPIN'" in problem.detail
    (problem,) = ADAPTER.check(account(wa_number=""), whatsapp(HELLO, sender=""))
    assert problem.detail == "Give the account its WhatsApp number, digits with the country code."


@pytest.mark.parametrize(
    "message",
    [
        sms(),
        sms(country="IN", purpose=Purpose.PROMOTIONAL),
        sms(country="IN", registration={"template_id": "1107160000000012345"}),
        whatsapp(HELLO),
        whatsapp(TemplateRef("order", variables={"1": 'a "b"', "button:0": "c"}, media=[PICTURE])),
        whatsapp(Media([PICTURE], "Look")),
        whatsapp(Interactive("Size?", [Choice(str(n), f"Size {n}", "cm") for n in range(10)], list_label="Sizes")),
    ],
)
def test_what_can_be_carried_has_no_problem(message: Outgoing) -> None:
    assert ADAPTER.check(account(), message) == []


@pytest.mark.parametrize(
    "content",
    [
        Interactive("Fine?", [YES]),
        TemplateRef("order", variables={"1": 'a "b"'}),
        TemplateRef("order", variables={"button:0": "a", "button:1": "b"}),
    ],
)
def test_what_the_first_version_cannot_carry_wants_the_second(content: Content) -> None:
    found = ADAPTER.check(account(whatsapp_api="v1"), whatsapp(content))
    assert [problem.code for problem in found] == ["needs_whatsapp_v2"]
    assert ADAPTER.check(account(whatsapp_api="v1"), whatsapp(TemplateRef("order", variables={"button:0": "a"}))) == []


def test_the_accounts_own_sender_template_and_number_fill_the_gaps() -> None:
    given = account(sender="SHOPIN", template_id="1107160000000012345")
    assert ADAPTER.check(given, sms(sender="", country="IN")) == []
    assert ADAPTER.check(given, whatsapp(HELLO)) == []
    assert ADAPTER.check(account(), replace(whatsapp(HELLO), sender="")) == []


def _heard(name: str) -> Inbound:
    (case,) = [case for case in cases(SLUG, "callback") if case["name"] == name]
    result = ADAPTER.parse_callback(call_for(SLUG, account_of(ADAPTER, case)), callback_of(case["request"]))
    event = result.events[-1]
    assert isinstance(event, Inbound)
    return event


def test_inbound_messages_name_our_number_and_what_they_answer() -> None:
    assert _heard("somebody writes").recipient == "918012345678"
    assert _heard("a picture, by GET").recipient == "918012345678"
    assert _heard("a text to our SMS number").recipient == "+918012345678"
    assert _heard("somebody writes").in_reply_to == MessageKey(provider_ref="58f86fab-85c5-4f7c-9b68-9c323248afc4:0")
    assert _heard("a picture, by GET").in_reply_to is None


def test_inbound_files_keep_type_and_address() -> None:
    picture = _heard("a picture, by GET").content
    assert isinstance(picture, Media)
    assert (picture.items[0].content_type, picture.items[0].url) == ("image/jpeg", "https://kaleyra.example.test/a")
    older = _heard("the older form: two messages").content
    assert isinstance(older, Media)
    assert (older.items[0].handle, older.body) == ("M1", "Look")


def test_the_same_message_twice_has_one_key_and_another_has_its_own() -> None:
    first, again = _heard("somebody writes"), _heard("somebody writes")
    assert first.dedupe_key == again.dedupe_key
    assert first.dedupe_key != _heard("somebody presses a button").dedupe_key


def test_a_header_with_another_value_is_rejected() -> None:
    (case,) = [case for case in cases(SLUG, "callback") if case["name"] == "the agreed header"]
    request = callback_of(case["request"])
    forged = replace(request, headers={**request.headers, "x-api-key": "invented-header-valuf"})
    with pytest.raises(CallbackRejected, match="x-api-key"):
        ADAPTER.parse_callback(call_for(SLUG, account_of(ADAPTER, case)), forged)


def test_an_address_of_the_first_version_proves_itself_for_its_own_message_only() -> None:
    agreed = call_for(SLUG, account(whatsapp_api="v1", webhook_secret="invented-header-value"))
    body = parse_qs(ADAPTER.build_submit(agreed, [whatsapp(HELLO, reference="a/b c")]).body.decode())
    address = urlsplit(body["callback_url"][0])
    good = CallbackRequest("GET", address.geturl(), f"{address.query}&id=x%3A0&status=read", {}, b"")
    assert len(ADAPTER.parse_callback(agreed, good).events) == 1
    for query in (good.query.replace("b%20c", "b%20d"), "sendyard_ref=a&id=x&status=read", "id=x&status=read"):
        with pytest.raises(CallbackRejected):
            ADAPTER.parse_callback(agreed, replace(good, query=query))


def test_without_a_public_address_no_callback_is_asked_for() -> None:
    deaf = replace(call_for(SLUG, account(whatsapp_api="v1")), callback_url="")
    assert b"callback" not in ADAPTER.build_submit(deaf, [whatsapp(HELLO)]).body
    assert b"callback" not in ADAPTER.build_submit(deaf, [sms()]).body
