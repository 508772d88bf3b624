"""
The `bizgo-sdk-comm` package says the same as our adapter on every channel beyond text messages.
"""

import json
from dataclasses import replace
from typing import Any

import pytest
from bizgo import Bizgo
from bizgo.models import AlimtalkMessage, BrandMessage, InternationalMessage, RcsMessage
from pydantic import SecretStr

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Choice, Interactive, TemplateRef, Text
from sendyard.providers.abilities import MediaFile, OptOutNumber, ProviderTemplate
from sendyard.providers.bizgo import ADAPTER
from sendyard.providers.bizgo.spec import BizgoAccount
from sendyard.providers.contract import Call, Outgoing, TemplateState
from tests.providers.bizgo_wire import KEY, NOW
from tests.providers.test_bizgo_official_client import JPEG, Wire, assert_same, destination, message

ACCOUNT = BizgoAccount(
    api_key=SecretStr(KEY),
    base_url="http://127.0.0.1/api/comm",
    sender_key="SK",
    targeting="M",
    opt_out_number="080-123-4567",
    rcs_brand_key="BK",
)
CALL = Call(account=ACCOUNT, now=NOW, nonce="0123456789abcdef", exchange_id="exchange-1")
URL = "https://shop.example.test"
"""Where buttons lead."""


@pytest.fixture
def wire() -> Wire:
    return Wire()


def assert_ours_is(wire: Wire, *batch: Outgoing) -> None:
    assert_same(wire.requests[-1], ADAPTER.build_submit(CALL, batch))


def omni(wire: Wire, *messages: Any, to: Any = None) -> Bizgo:
    client = wire.client()
    client.send.omni(to=to or [destination(1)], messages=list(messages), idempotency_key="exchange-1")
    return client


def test_alimtalk_with_a_button_is_the_same_request(wire: Wire) -> None:
    given = {"button": [{"type": "WL", "name": "보기", "urlMobile": URL, "urlPc": URL}]}
    theirs = {"senderKey": "SK", "templateCode": "T", "msgType": "AT", "text": "안내", "title": "제목"}
    omni(wire, AlimtalkMessage.model_validate({**theirs, "attachment": given}))
    brought = {"alimtalk.title": "제목", "alimtalk.attachment": json.dumps(given)}
    assert_ours_is(wire, message(1, TemplateRef("T", body="안내"), Channel.ALIMTALK, registration=brought))


def test_a_brand_message_with_a_button_is_the_same_request(wire: Wire) -> None:
    theirs = {
        "sendType": "free",
        "msgType": "FT",
        "senderKey": "SK",
        "targeting": "M",
        "text": "오늘만",
        "header": "특가",
        "unsubscribePhoneNumber": "080-123-4567",
        "attachment": {"button": [{"type": "WL", "name": "보기", "urlMobile": URL, "urlPc": URL}]},
    }
    omni(wire, BrandMessage.model_validate(theirs))
    pressed = Interactive("오늘만", [Choice(URL, "보기")], header="특가")
    assert_ours_is(wire, message(1, pressed, Channel.BRANDMESSAGE))
    assert wire.received[0].channel is Channel.BRANDMESSAGE


def test_a_brand_message_by_its_template_is_the_same_request(wire: Wire) -> None:
    template = BrandMessage(
        send_type="template",
        sender_key="SK",
        template_code="BM",
        targeting="M",
        unsubscribe_phone_number="080-123-4567",
    )
    omni(wire, template, to=[destination(1, replace_words={"name": "가"})])
    assert_ours_is(wire, message(1, TemplateRef("BM", variables={"name": "가"}), Channel.BRANDMESSAGE))


def test_rcs_advertising_is_the_same_request(wire: Wire) -> None:
    action = {"urlAction": {"openUrl": {"url": URL}}}
    theirs = {
        "from": "15880000",
        "formatId": "RPLSAXX001",
        "brandKey": "BK",
        "body": {"title": "특가", "description": "오늘만"},
        "buttons": [{"suggestions": [{"displayText": "보기", "action": action}]}],
        "header": "1",
        "footer": "080-123-4567",
    }
    omni(wire, RcsMessage.model_validate(theirs))
    pressed = Interactive("오늘만", [Choice(URL, "보기")], header="특가")
    assert_ours_is(wire, message(1, pressed, Channel.RCS, purpose=Purpose.PROMOTIONAL))


def test_a_message_abroad_is_the_same_request(wire: Wire) -> None:
    omni(
        wire,
        InternationalMessage(from_="15880000", text="您的訂單"),
        to=[{"to": "886912000001", "ref": "ref-1"}],
    )
    assert wire.received[0].to == "+886912000001"
    own = message(1, Text("您的訂單"))
    assert_ours_is(wire, replace(own, to=Address.phone("+886912000001")))


def test_a_reservation_is_the_same_request_and_is_found_by_the_client(wire: Wire) -> None:
    client = wire.client()
    reserved = client.reservations.create(
        {
            "destinations": [{"to": "01000000001", "ref": "ref-1"}],
            "messageFlow": [{"sms": {"from": "15880000", "text": "내일"}}],
            "resvSendTime": "2026-11-22 10:00:00",
            "resvName": "ref-1",
        }
    )
    own = message(1, Text("내일"), registration={"send_at": "2026-11-22T01:00:00+00:00"})
    assert_ours_is(wire, own)
    assert reserved.resv_key
    listed = client.reservations.list(resv_send_time="2026-11-22 10:00:00", limit=1000)
    lookup = ADAPTER.build_lookup(CALL, own, NOW)
    assert sorted(wire.requests[-1].url.partition("?")[2].replace("+", "%20").split("&")) == sorted(
        lookup.url.partition("?")[2].replace(":", "%3A").split("&")
    )
    assert [row.resv_name for row in listed.reservations or ()] == ["ref-1"]
    client.reservations.cancel(reserved.resv_key)
    assert [
        row["status"] for row in wire.data("reservation/list", "resvSendTime=2026-11-22 10:00:00")["reservations"]
    ] == ["CANCELLED"]


def test_templates_are_handed_in_inspected_and_listed_alike(wire: Wire) -> None:
    client = wire.client()
    draft = ProviderTemplate("NEW", TemplateState.DRAFT, body="#{name}님 안내", header="안내")
    client.alimtalk.templates.create(
        {
            "alimtalk": {
                "senderKey": "SK",
                "templateCode": "NEW",
                "templateName": "NEW",
                "templateMessageType": "BA",
                "templateEmphasizeType": "TEXT",
                "text": "#{name}님 안내",
                "title": "안내",
            }
        }
    )
    theirs = json.loads(wire.requests[-1].body)
    for unasked in ("senderKeyType", "adultFlag"):
        # Defaults that the package writes out.
        theirs["alimtalk"].pop(unasked, None)
    own = ADAPTER.build_template(CALL, draft, {})
    assert theirs == json.loads(own.body)
    assert own.url.endswith("/v1/center/alimtalk/template")
    page = client.alimtalk.templates.list(sender_key="SK", offset=0, limit=100)
    assert sorted(wire.requests[-1].url.partition("?")[2].split("&")) == sorted(
        ADAPTER.build_templates(CALL, "").url.partition("?")[2].split("&")
    )
    assert [row.inspection_status for row in page] == ["REG"]


def test_an_opt_out_number_is_registered_alike(wire: Wire) -> None:
    wire.client().brand_message.unsubscribe_contents.register(
        {"brandmessage": {"senderKey": "SK", "unsubscribePhoneNumber": "080-123-4567"}}
    )
    assert_same(wire.requests[-1], ADAPTER.build_opt_out(CALL, OptOutNumber("080-123-4567")))


def test_a_picture_for_rcs_is_uploaded_alike(wire: Wire) -> None:
    uploaded = wire.client().files.upload_rcs(JPEG, filename="a.jpg")
    own = ADAPTER.build_upload(CALL, MediaFile(Channel.RCS, "a.jpg", "image/jpeg", JPEG))
    theirs = wire.requests[-1]
    boundary = theirs.headers["content-type"].partition("boundary=")[2]
    assert theirs.body.replace(boundary.encode(), b"sendyard-0123456789abcdef") == own.body
    assert str(uploaded.media).startswith("maapfile://")
