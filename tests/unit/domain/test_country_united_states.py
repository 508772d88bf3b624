"""
The United States, as 47 CFR 64.1200 and the carriers have it.
"""

from typing import Any

import pytest

from sendyard.domain.channels import Purpose
from sendyard.domain.countries.hours import number_zones
from sendyard.domain.countries.registry import decide
from sendyard.domain.countries.situation import ConsentKind, Registration
from tests.situations import AMERICA, MARKETING, WRITTEN, at, but, consents, levels, only

HELP = "Reply HELP for help. Msg & data rates may apply."


def test_registered_marketing_text_by_day_has_no_remark() -> None:
    assert levels(AMERICA) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Registration
        ({"registration": Registration.UNKNOWN}, {"us.registration": "warn:unconfirmed"}),
        ({"registration": Registration.PENDING}, {"us.registration": "block"}),
        ({"registration": Registration.MISSING, "sender_value": "+18005550123"}, {"us.registration": "block"}),
        ({"sender_value": "+18005550123"}, {}),
        ({"sender_value": "4155550123"}, {}),
        ({"sender_value": "24273"}, {}),
        ({"sender_value": "ACME"}, {"us.registration": "block:sender"}),
        ({"sender_value": "+821012345678"}, {"us.registration": "block:sender"}),
        ({"sender_value": ""}, {}),
        (
            {"registration": Registration.REJECTED, "purpose": Purpose.OTP, "text": "Your code is 123456"},
            {"us.registration": "block"},
        ),
        # Who sends
        ({"text": "20% off. Reply STOP to opt out."}, {"us.sender_name": "fix"}),
        ({"text": "20% off at ACME. Reply STOP to opt out."}, {}),
        ({"business": ""}, {"us.sender_name": "warn:unconfigured"}),
        # The way out
        ({"text": "Acme: 20% off"}, {"us.opt_out": "fix"}),
        ({"text": "Acme: 20% off. STOP to end"}, {}),
        ({"text": "Acme: 20% off. Text STOP to 24273"}, {}),
        ({"text": 'Acme: 20% off. Reply "stop" at any time'}, {}),
        ({"text": "Acme: 20% off. STOP=unsubscribe"}, {}),
        ({"text": "Acme: our non-stop sale"}, {"us.opt_out": "fix"}),
        ({"text": "Acme: 20% off", "receives_replies": False}, {"us.opt_out": "block:one_way"}),
        ({"text": "Acme: 20% off. No replies, see https://acme.example/stop", "receives_replies": False}, {}),
        # First message
        ({"first_contact": True}, {"us.first_message": "warn"}),
        ({"first_contact": True, "text": AMERICA.text + " " + HELP}, {}),
        ({"first_contact": True, "text": AMERICA.text + " Reply HELP"}, {"us.first_message": "warn"}),
        # Consent in writing
        ({"consents": ()}, {"us.consent": "block"}),
        ({"consents": consents(MARKETING)}, {"us.consent": "block"}),
        ({"consents": consents(ConsentKind.RELATIONSHIP)}, {"us.consent": "block"}),
        ({"consents": consents(WRITTEN, evidence="")}, {"us.consent": "warn"}),
        # None of this concerns orders
        ({"purpose": Purpose.TRANSACTIONAL, "text": "Your order shipped", "consents": ()}, {}),
        # Territories are the same
        ({"country": "PR", "consents": ()}, {"us.consent": "block"}),
    ],
)
def test_content_sender_and_consent(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert levels(but(AMERICA, **changes)) == expected


NEW_YORK, CHICAGO, LOS_ANGELES = "America/New_York", "America/Chicago", "America/Los_Angeles"
BOISE = number_zones("+12085550123")


@pytest.mark.parametrize(
    ("when", "zone", "changes", "until"),
    [
        ("2026-11-20 07:59:59", NEW_YORK, {}, "2026-11-20 08:00"),
        ("2026-11-20 08:00:00", NEW_YORK, {}, None),
        ("2026-11-20 20:59:59", NEW_YORK, {}, None),
        ("2026-11-20 21:00:00", NEW_YORK, {}, "2026-11-21 08:00"),
        ("2026-11-20 23:59:59", NEW_YORK, {}, "2026-11-21 08:00"),
        ("2026-11-21 00:00:00", NEW_YORK, {}, "2026-11-21 08:00"),
        ("2026-11-20 22:00:00", NEW_YORK, {"purpose": Purpose.TRANSACTIONAL}, None),
        # Where the person is wins over the area code
        ("2026-11-20 22:00:00", NEW_YORK, {"zone": LOS_ANGELES}, None),
        ("2026-11-20 09:00:00", NEW_YORK, {"zone": LOS_ANGELES}, "2026-11-20 11:00"),
        ("2026-11-20 09:00:00", NEW_YORK, {"zone": "nowhere"}, None),
        # 208 is Idaho: Boise on mountain time, the north on Pacific time; both have to be open
        ("2026-11-20 08:30:00", "America/Boise", {"number_zones": BOISE}, "2026-11-20 09:00"),
        ("2026-11-20 09:00:00", "America/Boise", {"number_zones": BOISE}, None),
        ("2026-11-20 21:00:00", "America/Boise", {"number_zones": BOISE}, "2026-11-21 09:00"),
        # A toll-free number may be anywhere from Hawaii to New York
        ("2026-11-20 12:00:00", NEW_YORK, {"number_zones": number_zones("+18005550123")}, "2026-11-20 13:00"),
        # Clocks go forward on 8 March 2026 at 02:00 and back on 1 November
        ("2026-03-08 01:59:59", NEW_YORK, {}, "2026-03-08 08:00"),
        ("2026-03-07 21:30:00", NEW_YORK, {}, "2026-03-08 08:00"),
        ("2026-10-31 21:30:00", NEW_YORK, {}, "2026-11-01 08:00"),
        ("2026-11-01 20:59:59", NEW_YORK, {}, None),
        # Stricter states
        ("2026-11-20 20:00:00", NEW_YORK, {"state": "FL"}, "2026-11-21 08:00"),
        ("2026-11-20 19:59:59", NEW_YORK, {"state": "fl"}, None),
        ("2026-11-20 08:30:00", NEW_YORK, {"state": "CT"}, "2026-11-20 09:00"),
        ("2026-11-22 11:00:00", CHICAGO, {"state": "TX", "zone": CHICAGO}, "2026-11-22 12:00"),
        ("2026-11-21 21:00:00", CHICAGO, {"state": "TX", "zone": CHICAGO}, "2026-11-22 12:00"),
        ("2026-11-20 18:00:00", NEW_YORK, {"state": "RI"}, "2026-11-21 10:00"),
        ("2026-11-20 20:00:00", NEW_YORK, {"state": "NY"}, None),
        # Nothing known of the number: the workspace's own zone
        ("2026-11-20 22:00:00", CHICAGO, {"number_zones": (), "home_zone": CHICAGO}, "2026-11-21 08:00"),
    ],
)
def test_quiet_hours(when: str, zone: str, changes: dict[str, Any], until: str | None) -> None:
    decision = decide(but(AMERICA, at=at(when, zone), **changes))
    assert decision.until == (at(until, zone) if until else None)


def test_night_before_clocks_change_is_an_hour_shorter_or_longer() -> None:
    def wait(when: str) -> float:
        moment = at(when, NEW_YORK)
        until = decide(but(AMERICA, at=moment)).until
        assert until is not None
        return (until - moment).total_seconds() / 3600

    assert [wait("2026-03-06 21:00"), wait("2026-03-07 21:00"), wait("2026-10-31 21:00")] == [11, 10, 12]


def test_zones_without_a_common_hour_ask_for_the_persons_own() -> None:
    verdict = only(but(AMERICA, number_zones=("Asia/Tokyo", "Europe/London", LOS_ANGELES)), "us.quiet_hours")
    assert verdict.level.value == "block"
    assert "Enter the person's time zone" in verdict.detail


def test_at_half_past_nine_in_seoul_a_number_of_los_angeles_sleeps() -> None:
    """The number is American, so American law speaks; in Los Angeles it is 04:30."""
    moment = at("2026-11-20 21:30", "Asia/Seoul")
    situation = but(AMERICA, at=moment, number_zones=number_zones("+12135550123"))
    assert decide(situation).until == at("2026-11-20 08:00", LOS_ANGELES)
    # The same number in the hand of someone who lives in Seoul: their own evening counts.
    assert decide(but(situation, zone="Asia/Seoul")).until == at("2026-11-21 08:00", "Asia/Seoul")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("20% off", "Acme: 20% off Reply STOP to opt out."),
        ("Acme sale!\n", "Acme sale!\nReply STOP to opt out."),
        ("", "Acme: Reply STOP to opt out."),
    ],
)
def test_name_and_way_out_are_added(text: str, sent: str) -> None:
    assert decide(but(AMERICA, text=text)).text == sent
