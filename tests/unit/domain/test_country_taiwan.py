"""
Taiwan, as the carriers and the fraud prevention act have it.
"""

from typing import Any

import pytest

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.registry import decide
from sendyard.domain.countries.situation import Allowed
from tests.situations import TAIWAN, at, but, levels, only

INFORMATION = but(TAIWAN, purpose=Purpose.TRANSACTIONAL, text="【幸福氣】您的訂單已出貨")
UNKNOWN_LISTS = Allowed()


def test_message_with_name_and_registered_address_has_no_remark() -> None:
    assert levels(TAIWAN) == {}
    assert levels(INFORMATION) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # The sender's name, in every SMS
        ({"text": "您的訂單已出貨"}, {"tw.identity": "fix"}),
        ({"text": "您的驗證碼 123456", "purpose": Purpose.OTP}, {"tw.identity": "fix"}),
        ({"text": "幸福氣：您的訂單已出貨"}, {}),
        ({"text": "ACME 訂單已出貨"}, {}),
        ({"text": "您的訂單已出貨", "identity_words": ()}, {"tw.identity": "warn:unconfigured"}),
        ({"text": "【ＡＣＭＥ】訂單已出貨"}, {"tw.identity_width": "fix"}),
        ({"text": "【ACME】ＡＣＭＥ訂單已出貨"}, {}),
        ({"text": "您在線上購買的商品已經出貨，謝謝。幸福氣"}, {"tw.identity_place": "warn"}),
        ({"text": "親愛的會員，幸福氣通知"}, {}),
        # Registered addresses
        ({"text": "【幸福氣】請看 https://shop.example/fall"}, {}),
        ({"text": "【幸福氣】請看 HTTPS://SHOP.example/fall。"}, {}),
        ({"text": "【幸福氣】請看 https://shop.example/spring"}, {"tw.url_allow_list": "block"}),
        ({"text": "【幸福氣】請看 go.example/any?x=1"}, {}),
        ({"text": "【幸福氣】請看 https://t.example/abc"}, {}),
        ({"text": "【幸福氣】請看 https://bit.ly/3abc"}, {"tw.url_allow_list": "block:shortener"}),
        ({"text": "【幸福氣】請看 https://shop.example/a", "allowed": UNKNOWN_LISTS}, {"tw.url_allow_list": "warn"}),
        ({"text": "【幸福氣】reurl.cc/a", "allowed": UNKNOWN_LISTS}, {"tw.url_allow_list": "block:shortener"}),
        ({"text": "【幸福氣】請看 reurl.cc/a", "allowed": Allowed(("reurl.cc/a",), ())}, {}),
        ({"text": "【幸福氣】淨重3.5kg，共2.0組"}, {}),
        # Registered numbers
        ({"text": "【幸福氣】請洽 02-2345-6789"}, {}),
        ({"text": "【幸福氣】請洽 (02)2345-6789#123"}, {}),
        ({"text": "【幸福氣】請洽 +886 2 2345 6789"}, {}),
        ({"text": "【幸福氣】請洽 0912-345-678"}, {"tw.number_allow_list": "block"}),
        ({"text": "【幸福氣】請洽 0912-345-678", "allowed": UNKNOWN_LISTS}, {"tw.number_allow_list": "warn"}),
        ({"text": "【幸福氣】訂單 20261120001 已出貨"}, {}),
        ({"text": "【幸福氣】https://go.example/0912345678"}, {}),
        # Official codes
        ({"sender_value": "111"}, {"tw.official_sender": "block:sender"}),
        ({"text": "【111】幸福氣通知"}, {"tw.official_sender": "block"}),
        ({"text": "165提醒您，幸福氣"}, {"tw.official_sender": "block"}),
        ({"text": "【幸福氣】本訊息由111政府專屬短碼發送"}, {"tw.official_sender": "block"}),
        ({"text": "【幸福氣】可疑請撥165查證"}, {}),
        ({"text": "111年度活動 幸福氣"}, {}),
        ({"text": "1922：幸福氣疫苗通知"}, {"tw.official_sender": "block"}),
        ({"text": "111.5元 幸福氣"}, {}),
        # Topics and chats
        ({"text": "【幸福氣】線上博弈開跑"}, {"tw.topics": "warn"}),
        (
            {"text": "【幸福氣】加好友 https://lin.ee/abc", "allowed": Allowed(("lin.ee",), ())},
            {"tw.chat_link": "warn"},
        ),
        # No SMS
        ({"text": "您好", "channel": Channel.LINE}, {}),
    ],
)
def test_information(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert levels(but(INFORMATION, **changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"text": "【幸福氣】全館八折"}, {"tw.refusal": "warn"}),
        ({"text": "【幸福氣】全館八折 回TD退訂"}, {}),
        ({"consents": ()}, {"tw.consent": "warn"}),
    ],
)
def test_advertising(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert levels(but(TAIWAN, **changes)) == expected


@pytest.mark.parametrize(
    ("when", "changes", "until"),
    [
        ("2026-11-20 08:59:59", {}, "2026-11-20 09:00"),
        ("2026-11-20 09:00:00", {}, None),
        ("2026-11-20 12:29:59", {}, None),
        ("2026-11-20 12:30:00", {}, "2026-11-20 13:30"),
        ("2026-11-20 13:29:59", {}, "2026-11-20 13:30"),
        ("2026-11-20 13:30:00", {}, None),
        ("2026-11-20 20:59:59", {}, None),
        ("2026-11-20 21:00:00", {}, "2026-11-21 09:00"),
        ("2026-11-21 00:00:00", {}, "2026-11-21 09:00"),
        ("2026-12-31 23:59:59", {}, "2027-01-01 09:00"),
        ("2026-11-20 23:00:00", {"purpose": Purpose.TRANSACTIONAL}, None),
        ("2026-11-20 23:00:00", {"purpose": Purpose.OTP}, None),
        # 08:00 in Berlin is 15:00 in Taipei; 21:00 in Taipei is not reached
        ("2026-11-20 09:30:00", {"zone": "Europe/Berlin"}, "2026-11-20 15:00"),
        # 08:00 in Los Angeles is midnight in Taipei: the first moment both are open is 09:00
        ("2026-11-20 14:00:00", {"zone": "America/Los_Angeles"}, "2026-11-21 09:00"),
    ],
)
def test_promotional_hours(when: str, changes: dict[str, Any], until: str | None) -> None:
    decision = decide(but(TAIWAN, at=at(when, "Asia/Taipei"), **changes))
    assert decision.until == (at(until, "Asia/Taipei") if until else None)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("您的訂單已出貨", "【幸福氣】您的訂單已出貨"),
        ("【ＡＣＭＥ】訂單已出貨", "【ACME】訂單已出貨"),
        ("㍿ＡＣＭＥ訂單", "㍿ACME訂單"),
        ("全館八折！", "【幸福氣】全館八折！"),
        ("", "【幸福氣】"),
    ],
)
def test_name_is_put_in_place(text: str, sent: str) -> None:
    assert decide(but(INFORMATION, text=text)).text == sent


def test_unregistered_address_is_pointed_at() -> None:
    text = "【幸福氣】請看 https://shop.example/spring。謝謝"
    span = only(but(INFORMATION, text=text), "tw.url_allow_list").span
    assert span is not None
    assert text[slice(*span)] == "https://shop.example/spring"
