"""
Countries without a pack of their own.
"""

from typing import Any

import pytest

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.hours import number_zones
from sendyard.domain.countries.registry import decide
from tests.situations import GERMANY, at, but, levels, only

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"text": "20 % Rabatt. STOP zum Abmelden."}, {"default.sender_name": "warn"}),
        ({"business": ""}, {"default.sender_name": "warn"}),
        ({"text": "ACME: 20 % Rabatt. STOP"}, {}),
        ({"text": "Acme: 20 % Rabatt"}, {"default.opt_out": "warn"}),
        ({"text": "Acme: 20 % Rabatt, opt-out: acme.example"}, {}),
        ({"text": "Acme: 20 % Rabatt, nonstop"}, {"default.opt_out": "warn"}),
        ({"consents": ()}, {"default.consent": "warn"}),
        ({"purpose": Purpose.TRANSACTIONAL, "text": "Ihr Paket kommt", "consents": ()}, {}),
        ({"purpose": Purpose.OTP, "text": "Code 123456", "at": at("2026-11-20 03:00", BERLIN)}, {}),
        ({"country": "CA", "number_zones": ("Europe/London",)}, {}),
        ({"country": "JP", "number_zones": ("Asia/Tokyo",)}, {"default.hours": "defer"}),
        ({"country": "", "channel": Channel.LINE, "number_zones": (), "home_zone": BERLIN}, {}),
    ],
)
def test_advice(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert levels(but(GERMANY, **changes)) == expected


@pytest.mark.parametrize(
    ("when", "zone", "changes", "until"),
    [
        ("2026-11-20 08:59:59", BERLIN, {}, "2026-11-20 09:00"),
        ("2026-11-20 09:00:00", BERLIN, {}, None),
        ("2026-11-20 19:59:59", BERLIN, {}, None),
        ("2026-11-20 20:00:00", BERLIN, {}, "2026-11-21 09:00"),
        ("2026-11-20 00:00:00", BERLIN, {}, "2026-11-20 09:00"),
        ("2026-03-28 20:30:00", BERLIN, {}, "2026-03-29 09:00"),
        ("2026-10-24 20:30:00", BERLIN, {}, "2026-10-25 09:00"),
        ("2026-11-20 20:30:00", BERLIN, {"zone": "Europe/London"}, None),
        # An Australian mobile may be anywhere from Perth to Sydney and beyond: open in all of them
        ("2026-11-20 11:30:00", "Australia/Sydney", {"number_zones": number_zones("+61412345678")}, "2026-11-20 13:30"),
        ("2026-11-20 13:00:00", "Australia/Sydney", {"number_zones": ("Australia/Perth", "Australia/Sydney")}, None),
        (
            "2026-11-20 20:00:00",
            "Australia/Sydney",
            {"number_zones": ("Australia/Perth", "Australia/Sydney")},
            "2026-11-21 12:00",
        ),
        # Half hours, and a zone beyond the date line
        ("2026-11-20 08:45:00", "Asia/Kathmandu", {"number_zones": ("Asia/Kathmandu",)}, "2026-11-20 09:00"),
        ("2026-11-20 20:00:00", "Pacific/Kiritimati", {"number_zones": ("Pacific/Kiritimati",)}, "2026-11-21 09:00"),
    ],
)
def test_night(when: str, zone: str, changes: dict[str, Any], until: str | None) -> None:
    decision = decide(but(GERMANY, at=at(when, zone), **changes))
    assert decision.until == (at(until, zone) if until else None)


def test_zones_without_a_common_hour_are_only_a_remark() -> None:
    verdict = only(but(GERMANY, number_zones=("Asia/Tokyo", "Europe/London", "America/Los_Angeles")), "default.hours")
    assert (verdict.level.value, verdict.kind, verdict.until) == ("warn", "no_common_hour", None)


def test_everything_can_be_waived_by_a_manager() -> None:
    situation = but(GERMANY, text="hi", consents=(), at=at("2026-11-20 23:00", BERLIN))
    ids = ("default.sender_name", "default.opt_out", "default.consent", "default.hours")
    assert tuple(levels(situation)) == ids
    decision = decide(situation, waived=ids)
    assert (decision.verdicts, decision.until, decision.waived) == ((), None, ids)
