"""
Korea, as the Network Act and the carriers have it.
"""

from datetime import timedelta
from typing import Any

import pytest

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.korea import months_later, renewal_due
from sendyard.domain.countries.registry import decide
from sendyard.domain.countries.situation import Consent, ConsentKind, Registration
from sendyard.domain.korean import count_korean
from tests.situations import KOREA, KOREAN_AD, MARKETING, NIGHT, at, but, consents, levels, only

SEOUL = "Asia/Seoul"
FOOTER = "\n무료수신거부 080-123-4567"


def seoul(when: str) -> Any:
    return at(when, SEOUL)


def test_advertisement_with_everything_in_place_has_no_remark() -> None:
    assert levels(KOREA) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Label
        ({"text": KOREAN_AD[4:]}, {"kr.label": "fix"}),
        ({"text": "오늘만 할인" + FOOTER}, {"kr.label": "fix", "kr.sender_name": "fix"}),
        ({"text": " " + KOREAN_AD}, {"kr.label": "fix"}),
        ({"text": "[광고]행복가게 할인" + FOOTER}, {"kr.wrong_label": "block"}),
        ({"text": "(광 고)행복가게 할인" + FOOTER}, {"kr.wrong_label": "block"}),
        ({"text": "(광/고)행복가게 할인" + FOOTER}, {"kr.wrong_label": "block"}),
        ({"text": "(광.고)행복가게 할인" + FOOTER}, {"kr.wrong_label": "block"}),
        ({"text": '("광고")행복가게 할인' + FOOTER}, {"kr.wrong_label": "block"}),
        ({"text": "(대출광고)행복가게 할인" + FOOTER}, {"kr.wrong_label": "block"}),
        ({"text": "（광고）행복가게 할인" + FOOTER}, {"kr.wrong_label": "block"}),
        # Name
        ({"text": "(광고) 행복가게 할인" + FOOTER}, {}),
        ({"text": "(광고)오늘만 할인" + FOOTER}, {"kr.sender_name": "fix"}),
        ({"text": "(광고)오늘만 할인, 행복가게" + FOOTER}, {"kr.sender_name": "fix"}),
        ({"text": "(광고)오늘만 할인" + FOOTER, "business": ""}, {"kr.sender_name": "block"}),
        # The free way to refuse, at the end
        ({"text": "(광고)행복가게 할인"}, {"kr.opt_out": "fix"}),
        ({"text": "(광고)행복가게 할인\n수신거부: 080-123-4567"}, {"kr.opt_out": "fix"}),
        ({"text": "(광고)행복가게 할인\n무료수신거부"}, {"kr.opt_out": "fix"}),
        ({"text": "(광고)행복가게" + FOOTER + "\n많이 찾아주세요"}, {"kr.opt_out": "fix"}),
        ({"text": "(광고)행복가게 할인\n무료거부 0801234567"}, {}),
        ({"text": "(광고)행복가게 할인\n무료 수신거부: 080-1234-5678"}, {}),
        ({"text": "(광고)행복가게 할인", "opt_out_number": ""}, {"kr.opt_out": "block"}),
        ({"text": "(광고)행복가게 할인", "opt_out_number": "1588-1234"}, {"kr.opt_out": "block"}),
        # Contact
        ({"contact": "031-555-1234"}, {"kr.contact": "fix"}),
        ({"contact": "02 123 4567"}, {}),
        ({"contact": "031-555-1234", "text": "(광고)행복가게 031-5551234 할인" + FOOTER}, {}),
        ({"contact": "help@shop.example"}, {"kr.contact": "fix"}),
        # Size
        ({"text": "(광고)행복가게 " + "가" * 30 + FOOTER}, {"kr.size": "warn:class_change"}),
        ({"text": "(광고)행복가게 " + "가" * 1000 + FOOTER}, {"kr.size": "block"}),
        ({"text": "(광고)행복가게 😀" + FOOTER}, {"kr.size": "block"}),
        ({"title": "소식"}, {"kr.title_label": "warn"}),
        ({"title": "(광고)소식"}, {}),
        # Other channels
        ({"channel": Channel.ALIMTALK}, {"kr.alimtalk": "block"}),
        ({"channel": Channel.RCS}, {"kr.rcs_header": "warn"}),
        ({"channel": Channel.RCS, "text": "할인"}, {}),
        ({"channel": Channel.LINE, "text": "할인"}, {"kr.other_medium": "warn"}),
        ({"channel": Channel.LINE}, {}),
        # Information is no advertising, until it promotes
        ({"purpose": Purpose.TRANSACTIONAL, "text": "주문이 발송되었습니다"}, {}),
        ({"purpose": Purpose.TRANSACTIONAL, "text": "발송되었습니다. 할인 쿠폰도!"}, {"kr.hidden_advertising": "warn"}),
        ({"purpose": Purpose.OTP, "text": "인증번호 123456"}, {}),
        ({"purpose": Purpose.TRANSACTIONAL, "text": "가" * 60}, {}),
        # Consent
        ({"consents": ()}, {"kr.consent": "block"}),
        ({"consents": consents(NIGHT)}, {"kr.consent": "block"}),
        ({"consents": consents(MARKETING, evidence=" ")}, {"kr.consent": "warn"}),
        ({"consents": consents(MARKETING, given="2026-11-20 12:00")}, {"kr.consent": "block"}),
        ({"consents": (), "purpose": Purpose.TRANSACTIONAL, "text": "발송되었습니다"}, {}),
        ({"consents": consents(ConsentKind.RELATIONSHIP, given="2026-08-01 12:00")}, {"kr.consent": "block"}),
        (
            {
                "consents": consents(ConsentKind.RELATIONSHIP, given="2026-08-01 12:00"),
                "option_korea_relationship": True,
            },
            {},
        ),
        (
            {
                "consents": consents(ConsentKind.RELATIONSHIP, given="2026-05-20 05:00"),
                "option_korea_relationship": True,
            },
            {"kr.consent": "block"},
        ),
        (
            {
                "consents": consents(ConsentKind.RELATIONSHIP, given="2026-08-01 12:00", evidence=""),
                "option_korea_relationship": True,
            },
            {"kr.consent": "block"},
        ),
        # Confirmation every two years
        ({"consents": consents(MARKETING, given="2024-11-20 05:00")}, {"kr.consent_renewal": "block"}),
        ({"consents": consents(MARKETING, given="2024-11-20 05:01")}, {"kr.consent_renewal": "warn"}),
        ({"consents": consents(MARKETING, given="2024-12-21 05:01")}, {}),
        (
            {"consents": (Consent(MARKETING, at("2020-01-01 00:00"), "form", at("2025-06-01 00:00")),)},
            {},
        ),
    ],
)
def test_content_and_consent(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert levels(but(KOREA, **changes)) == expected


@pytest.mark.parametrize(
    ("when", "changes", "until"),
    [
        ("2026-11-20 08:00:00", {}, None),
        ("2026-11-20 20:49:59", {}, None),
        ("2026-11-20 20:50:00", {}, "2026-11-21 08:00"),
        ("2026-11-20 20:59:59", {"option_korea_margin_minutes": 0}, None),
        ("2026-11-20 21:00:00", {"option_korea_margin_minutes": 0}, "2026-11-21 08:00"),
        ("2026-11-20 23:59:59", {}, "2026-11-21 08:00"),
        ("2026-11-21 00:00:00", {}, "2026-11-21 08:00"),
        ("2026-11-21 07:59:59", {}, "2026-11-21 08:00"),
        ("2026-11-20 22:00:00", {"consents": consents(MARKETING, NIGHT)}, None),
        ("2026-11-20 22:00:00", {"purpose": Purpose.OTP, "text": "인증번호 123456"}, None),
        # Kakao's own hours hold even with night consent
        ("2026-11-20 20:00:00", {"channel": Channel.BRANDMESSAGE}, "2026-11-21 08:00"),
        ("2026-11-20 19:59:59", {"channel": Channel.BRANDMESSAGE}, None),
        (
            "2026-11-20 20:30",
            {"channel": Channel.BRANDMESSAGE, "consents": consents(MARKETING, NIGHT)},
            "2026-11-21 08:00",
        ),
        # The person's own zone counts as well: 21:30 in Seoul is 04:30 in Los Angeles
        ("2026-11-20 21:30:00", {"zone": "America/Los_Angeles"}, "2026-11-21 08:00"),
        # 14:00 in Seoul is 21:00 the day before there: courtesy waits for 08:00 there, 01:00 in Seoul, then for Seoul
        ("2026-11-20 14:00:00", {"zone": "America/Los_Angeles"}, "2026-11-21 08:00"),
        ("2026-11-20 13:59:59", {"zone": "America/Los_Angeles"}, None),
        # In summer Los Angeles is an hour nearer
        ("2026-07-20 12:59:59", {"zone": "America/Los_Angeles"}, None),
        ("2026-07-20 13:00:00", {"zone": "America/Los_Angeles"}, "2026-07-21 08:00"),
        # 10:00 in Seoul is 02:00 in Berlin, whose 08:00 is 16:00 in Seoul
        ("2026-11-20 10:00:00", {"zone": "Europe/Berlin"}, "2026-11-20 16:00"),
        ("2026-11-20 14:00:00", {"zone": "Asia/Tokyo"}, None),
        ("2026-11-20 14:00:00", {"zone": "Mars/Base"}, None),
    ],
)
def test_time(when: str, changes: dict[str, Any], until: str | None) -> None:
    decision = decide(but(KOREA, at=seoul(when), **changes))
    assert decision.until == (seoul(until) if until else None)


def test_phone_in_seoul_of_a_person_in_los_angeles_is_protected_twice() -> None:
    """At 21:30 in Seoul the statute speaks for the number, courtesy for the person; only courtesy can be waived."""
    situation = but(KOREA, at=seoul("2026-11-20 21:30"), zone="America/Los_Angeles")
    assert levels(situation) == {"kr.night": "defer:night", "kr.courtesy": "defer"}
    waived = decide(situation, waived=("kr.night", "kr.courtesy"))
    assert [one.rule_id for one in waived.verdicts] == ["kr.night"]
    assert waived.waived == ("kr.courtesy",)
    assert waived.until == seoul("2026-11-21 08:00")


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("02-123-4567", {}),
        ("031 1234 5678", {}),
        ("010-1234-5678", {}),
        ("011-234-5678", {}),
        ("070-1234-5678", {}),
        ("080-123-4567", {}),
        ("1588-1234", {}),
        ("16009064", {}),
        ("14331234", {}),
        ("030-1234-56789", {}),
        ("112", {}),
        ("", {}),
        ("+8216009064", {"kr.sender_form": "block"}),
        ("0216009064", {}),
        ("021600906412", {"kr.sender_form": "block"}),
        ("1600906", {"kr.sender_form": "block"}),
        ("160090641", {"kr.sender_form": "block"}),
        ("050-1234-5678", {"kr.sender_form": "warn:forwarding"}),
        ("ACME", {"kr.sender_form": "block"}),
    ],
)
def test_form_of_a_sender(sender: str, expected: dict[str, str]) -> None:
    assert levels(but(KOREA, sender_value=sender)) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (Registration.APPROVED, {}),
        (Registration.UNKNOWN, {"kr.sender_registered": "warn"}),
        (Registration.PENDING, {"kr.sender_registered": "block"}),
        (Registration.MISSING, {"kr.sender_registered": "block"}),
        (Registration.REJECTED, {"kr.sender_registered": "block"}),
    ],
)
def test_registration_of_a_sender_holds_for_every_purpose(state: Registration, expected: dict[str, str]) -> None:
    for purpose, text in ((Purpose.PROMOTIONAL, KOREAN_AD), (Purpose.OTP, "인증번호 123456")):
        assert levels(but(KOREA, purpose=purpose, text=text, registration=state)) == expected


def test_special_number_is_for_its_owner_only() -> None:
    assert levels(but(KOREA, sender_value="1335", registration=Registration.UNKNOWN)) == {
        "kr.sender_form": "block",
        "kr.sender_registered": "warn",
    }


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("오늘만 할인", "(광고)행복가게 오늘만 할인\n무료수신거부 080-123-4567"),
        ("", "(광고)행복가게\n무료수신거부 080-123-4567"),
        ("행복가게 할인", "(광고)행복가게 할인\n무료수신거부 080-123-4567"),
        ("할인\n수신거부: 080-123-4567", "(광고)행복가게 할인\n무료수신거부 080-123-4567"),
        ("할인 [무료거부 080-999-9999]", "(광고)행복가게 할인\n무료수신거부 080-123-4567"),
        ("결제를 거부", "(광고)행복가게 결제를 거부\n무료수신거부 080-123-4567"),
        ("할인\n무료거부 0809999999", "(광고)행복가게 할인\n무료거부 0809999999"),
    ],
)
def test_missing_parts_are_put_in_their_places(text: str, sent: str) -> None:
    assert decide(but(KOREA, text=text)).text == sent


def test_contact_stands_before_the_last_line() -> None:
    decision = decide(but(KOREA, text="할인", contact="031-555-1234"))
    assert decision.text == "(광고)행복가게 할인\n문의 031-555-1234\n무료수신거부 080-123-4567"


def test_contact_is_last_while_there_is_no_free_number() -> None:
    decision = decide(but(KOREA, text="할인", contact="031-555-1234", opt_out_number=""))
    assert decision.text == "(광고)행복가게 할인\n문의 031-555-1234"


def test_fixes_are_counted_in_the_bytes() -> None:
    # 48 of the text, 6 of the label, 9 of name and space, 26 of the footer: 89 is an SMS, two more are not.
    short, long = but(KOREA, text="가" * 24), but(KOREA, text="가" * 25)
    assert count_korean(decide(short).text).bytes == 89
    assert levels(short) == dict.fromkeys(("kr.label", "kr.sender_name", "kr.opt_out"), "fix")
    assert "26 bytes" in only(short, "kr.opt_out").detail
    assert "91 bytes" in only(long, "kr.size").detail
    assert "by 1 bytes" in only(long, "kr.size").detail


def test_offending_characters_are_pointed_at() -> None:
    text = "(광 고)행복가게 할인" + FOOTER
    span = only(but(KOREA, text=text), "kr.wrong_label").span
    assert span is not None
    assert text[slice(*span)] == "(광 고)"


@pytest.mark.parametrize(
    ("moment", "months", "later"),
    [
        ("2024-02-29 12:00", 24, "2026-02-28 12:00"),
        ("2024-08-31 12:00", 6, "2025-02-28 12:00"),
        ("2025-12-01 00:00", 1, "2026-01-01 00:00"),
        ("2026-01-31 23:59", 24, "2028-01-31 23:59"),
    ],
)
def test_calendar_months_in_korean_time(moment: str, months: int, later: str) -> None:
    assert months_later(seoul(moment), months) == seoul(later)


def test_confirmation_starts_the_two_years_again() -> None:
    given = Consent(MARKETING, seoul("2022-03-01 10:00"), "form", seoul("2024-02-20 10:00"))
    assert renewal_due(given) == seoul("2026-02-20 10:00")
    assert renewal_due(Consent(MARKETING, given.given_at)) == given.given_at + timedelta(days=731)


def test_label_is_for_the_body_even_when_the_title_has_it() -> None:
    assert levels(but(KOREA, text="행복가게 할인" + FOOTER, title="(광고)소식"))["kr.label"] == "fix"
