"""
WhatsApp's window, template categories and opt-in.
"""

from typing import Any

import pytest

from sendyard.domain.channels import Purpose
from sendyard.domain.countries.registry import decide
from sendyard.domain.countries.situation import RegisteredTemplate, Registration
from sendyard.domain.countries.whatsapp import window_closes_at
from tests.situations import AMERICA, KOREA, MARKETING, WHATSAPP, at, but, consents, levels

BERLIN = "Europe/Berlin"
UTILITY = RegisteredTemplate("parcel_sent", "", "utility", Registration.APPROVED)
MARKETING_TEMPLATE = RegisteredTemplate("autumn", "", "marketing", Registration.APPROVED)
CODE = RegisteredTemplate("code", "", "authentication", Registration.APPROVED)
OPTED_IN = consents(MARKETING)
OFFER = {
    "purpose": Purpose.PROMOTIONAL,
    "template": MARKETING_TEMPLATE,
    "text": "Acme: 20 % off, reply STOP to end",
    "business": "Acme",
    "consents": OPTED_IN,
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        # The window
        ({"last_inbound_at": None}, {"wa.window": "block:never"}),
        ({"last_inbound_at": at("2026-11-19 14:00:01", BERLIN)}, {"wa.window": "warn:closing"}),
        ({"last_inbound_at": at("2026-11-19 14:00:00", BERLIN)}, {"wa.window": "block:closed"}),
        ({"last_inbound_at": at("2026-11-19 14:10:00", BERLIN)}, {"wa.window": "warn:closing"}),
        ({"last_inbound_at": at("2026-11-19 14:10:01", BERLIN)}, {}),
        ({"last_inbound_at": None, "template": UTILITY}, {}),
        # Across the change of clocks 24 hours stay 24 hours
        (
            {"at": at("2026-10-25 12:00", BERLIN), "last_inbound_at": at("2026-10-24 12:30", BERLIN)},
            {"wa.window": "block:closed"},
        ),
        (
            {"at": at("2026-03-29 12:30", BERLIN), "last_inbound_at": at("2026-03-28 12:00", BERLIN)},
            {},
        ),
        # State of the template
        ({"template": RegisteredTemplate("a", "", "utility", Registration.UNKNOWN)}, {"wa.template_state": "warn"}),
        ({"template": RegisteredTemplate("a", "", "utility", Registration.PENDING)}, {"wa.template_state": "block"}),
        ({"template": RegisteredTemplate("a", "", "utility", Registration.REJECTED)}, {"wa.template_state": "block"}),
        # Category
        ({"template": CODE, "purpose": Purpose.OTP}, {}),
        ({"template": UTILITY, "purpose": Purpose.OTP}, {"wa.template_category": "warn"}),
        ({"template": RegisteredTemplate("a", "", "", Registration.APPROVED)}, {}),
        (
            {"template": MARKETING_TEMPLATE},
            {"wa.template_category": "warn", "wa.opt_in": "block"},
        ),
        ({"template": MARKETING_TEMPLATE, "consents": OPTED_IN}, {"wa.template_category": "warn"}),
        ({**OFFER}, {}),
        ({**OFFER, "template": UTILITY}, {"wa.template_category": "block"}),
        ({**OFFER, "consents": ()}, {"wa.opt_in": "block", "default.consent": "warn"}),
        # Promotion as free text inside the window needs opt-in all the same
        ({**OFFER, "template": None}, {}),
        ({**OFFER, "template": None, "consents": ()}, {"wa.opt_in": "block", "default.consent": "warn"}),
        # The country's rules hold as well
        ({**OFFER, "at": at("2026-11-20 22:00", BERLIN)}, {"default.hours": "defer"}),
        ({**OFFER, "country": "KR", "at": at("2026-11-20 14:00", "Asia/Seoul")}, {"kr.other_medium": "warn"}),
        ({"template": UTILITY, "country": "US"}, {}),
        # People without a phone number
        ({"country": ""}, {}),
        ({**OFFER, "country": "", "number_zones": (), "home_zone": "Asia/Tokyo"}, {"default.hours": "defer"}),
    ],
)
def test_window_template_and_opt_in(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert levels(but(WHATSAPP, **changes)) == expected


@pytest.mark.parametrize(
    ("state", "words"),
    [(Registration.PENDING, "is pending at Meta"), (Registration.REJECTED, "is rejected, paused or disabled at Meta")],
)
def test_a_template_that_is_not_sent_says_what_it_is(state: Registration, words: str) -> None:
    (block,) = decide(but(WHATSAPP, template=RegisteredTemplate("a", "", "utility", state))).verdicts
    assert words in block.detail


def test_marketing_templates_do_not_reach_numbers_of_the_united_states() -> None:
    situation = but(AMERICA, channel=WHATSAPP.channel, template=MARKETING_TEMPLATE, consents=OPTED_IN)
    assert levels(situation) == {"wa.marketing_in_america": "block"}
    assert levels(but(situation, template=None, last_inbound_at=situation.at)) == {}


def test_korean_night_holds_on_whatsapp() -> None:
    night = at("2026-11-20 22:00", "Asia/Seoul")
    situation = but(KOREA, channel=WHATSAPP.channel, template=MARKETING_TEMPLATE, at=night)
    assert levels(situation) == {"kr.night": "defer:night"}
    assert decide(situation).until == at("2026-11-21 08:00", "Asia/Seoul")


def test_window_closes_a_day_after_the_last_message() -> None:
    assert window_closes_at(at("2026-11-20 10:00")) == at("2026-11-21 10:00")
    assert window_closes_at(None) is None
