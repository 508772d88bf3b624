"""
India, as TRAI's regulations and the operators' DLT platforms have it.
"""

from typing import Any

import pytest

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.registry import decide
from sendyard.domain.countries.situation import Allowed, ConsentKind, DoNotDisturb, Registration
from tests.situations import INDIA, INDIAN_OFFER, MARKETING, at, but, consents, levels, only

DLT_CONSENT = consents(MARKETING, ConsentKind.REGISTERED)
MATCH = "in.template_match"


def test_registered_message_has_no_remark() -> None:
    assert levels(INDIA) == {}
    assert levels(INDIAN_OFFER) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Entity, telemarketers, chain
        ({"dlt_entity_id": ""}, {"in.entity": "block"}),
        ({"dlt_entity_id": "14016877700000735"}, {"in.entity": "block"}),
        ({"dlt_entity_id": "1407687770000073525"}, {"in.entity": "warn:pattern"}),
        ({"dlt_telemarketer_ids": ("12",)}, {"in.telemarketer": "block"}),
        ({"dlt_telemarketer_ids": ("1201000000000000001",)}, {"in.telemarketer": "warn:pattern"}),
        ({"dlt_chain": Registration.UNKNOWN}, {"in.chain": "warn"}),
        ({"dlt_chain": Registration.MISSING}, {"in.chain": "block"}),
        # Template
        ({"template_id": ""}, {"in.template_id": "block"}),
        ({"template_id": "64b5a1c2d3e4f5a6b7c8d9e0"}, {"in.template_id": "block"}),
        ({"template_id": "1001165158208125858"}, {"in.template_id": "warn:pattern"}),
        ({"template": None}, {"in.template_id": "block"}),
        ({"template_state": Registration.PENDING}, {"in.template_state": "block"}),
        ({"template_state": Registration.UNKNOWN}, {"in.template_state": "warn"}),
        ({"template_senders": ("OTHERS",)}, {"in.template_header": "block"}),
        ({"template_senders": ()}, {"in.template_header": "block"}),
        ({"template_senders": None}, {}),
        ({"template_senders": ("AcmeIN",)}, {"in.template_header": "block:case"}),
        # Header
        ({"sender_value": ""}, {"in.header": "block"}),
        ({"sender_value": "VM-ACMEIN-S"}, {"in.header": "block:affix", "in.template_header": "block"}),
        ({"sender_value": "ACMEIN-S"}, {"in.header": "block:affix", "in.template_header": "block"}),
        ({"sender_value": "AC ME"}, {"in.header": "block", "in.template_header": "block"}),
        ({"sender_value": "512345", "template_senders": None}, {"in.header": "block:category"}),
        ({"sender_value": "ACME", "template_senders": None}, {"in.header": "warn:length"}),
        ({"registration": Registration.REJECTED}, {"in.header_state": "block"}),
        ({"registration": Registration.UNKNOWN}, {}),
        # Category
        ({"template_category": "marketing"}, {"in.category": "block"}),
        ({"template_category": ""}, {}),
        ({"template_category": "transactional"}, {"in.category": "warn"}),
        ({"template_category": "transactional", "purpose": Purpose.OTP}, {}),
        ({"purpose": Purpose.PROMOTIONAL}, {"in.category": "block"}),
        (
            {"template_category": "promotional"},
            {"in.header": "block:category", "in.category": "warn", "in.consent": "warn"},
        ),
        # Not an SMS
        ({"channel": Channel.RCS, "template": None, "sender_value": ""}, {}),
    ],
)
def test_registration(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert levels(but(INDIA, **changes)) == expected


@pytest.mark.parametrize(
    ("text", "expected", "words"),
    [
        ("Hi Asha, your Acme order A-17 is packed.", "block:case", "Acme"),
        ("Hi Asha,  your ACME order A-17 is packed.", "block:spacing", " "),
        ("Hi Asha, your ACME order A-17 is packed", "block:punctuation", ""),
        ("Hi Asha, your ACME order A-17 is packed!", "block:punctuation", "!"),
        ("Hi Asha, your ACME\u00a0order A-17 is packed.", "block:lookalike", "\u00a0"),
        ("Hi Asha, your ACME parcel A-17 is packed.", "block:wrong_words", "parcel"),
        ("Hello Asha, your ACME order A-17 is packed.", "block:wrong_words", "Hello"),
        ("Hi Asha, your ACME order A-17 is packed. Thanks", "block:extra_text", "Thanks"),
        ("Hi Asha, your ACME order", "block:missing_static", ""),
    ],
)
def test_words_that_differ_from_the_template_are_pointed_at(text: str, expected: str, words: str) -> None:
    situation = but(INDIA, text=text)
    assert levels(situation) == {MATCH: expected}
    span = only(situation, MATCH).span
    assert span is not None
    assert text[slice(*span)] == words


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"text": "Hi Asha, your ACME order " + "A" * 30 + " is packed."}, {}),
        (
            {"text": "Hi Asha, your ACME order " + "A" * 31 + " is packed."},
            {"in.variable_length": "block:variable_too_long"},
        ),
        ({"text": "Hi Asha, your ACME order " + "A" * 31 + " is packed.", "option_india_variable_limit": 31}, {}),
        ({"text": "Hi Asha, your ACME order <A> is packed."}, {"in.variable_content": "block:variable_content"}),
        ({"text": "Hi Asha, your ACME order A\n17 is packed."}, {"in.variable_content": "block:variable_content"}),
        ({"text": "Hi , your ACME order 17 is packed."}, {"in.variable_content": "warn:variable_empty"}),
        (
            {"text": "Hi Asha, your ACME order 1,7 is packed.", "template_tags": ("", "numeric")},
            {"in.variable_type": "block:variable_type"},
        ),
        ({"text": "Hi Asha, your ACME order 17 is packed.", "template_tags": ("", "numeric")}, {}),
        ({"text": "Hi Asha, your ACME order 17 is shipped.", "explain": False}, {MATCH: "block:differs"}),
        ({"template_text": ""}, {}),
        # Addresses and numbers inside values
        ({"text": "Hi Asha, your ACME order https://acme.example/1 is packed."}, {"in.url_allow_list": "block"}),
        (
            {
                "text": "Hi Asha, your ACME order https://acme.example/1 is packed.",
                "allowed": Allowed(("https://acme.example/?",), ()),
            },
            {},
        ),
        (
            {"text": "Hi Asha, your ACME order https://acme.example/1 is packed.", "allowed": Allowed()},
            {"in.url_allow_list": "warn"},
        ),
        ({"text": "Hi Asha, your ACME order https://bit.ly/abc is packed."}, {"in.url_allow_list": "block:shortener"}),
        (
            {"text": "Hi Asha, your ACME order bit.ly/ACMEIN/abc is packed.", "allowed": Allowed()},
            {"in.url_allow_list": "warn"},
        ),
        ({"text": "Hi Asha, your ACME order 9876543210 is packed."}, {"in.number_allow_list": "warn"}),
        (
            {"text": "Hi Asha, your ACME order 9876543210 is packed.", "option_india_block_numbers": True},
            {"in.number_allow_list": "block"},
        ),
        (
            {
                "text": "Hi Asha, your ACME order +91 98765 43210 is packed.",
                "allowed": Allowed((), ("09876543210",)),
            },
            {},
        ),
        ({"text": "Hi Asha, your ACME order 9876543210 is packed.", "allowed": Allowed((), None)}, {}),
        # What portals say of the registered text itself
        ({"text": "ACME closed", "template_text": "ACME closed"}, {"in.template_text": "warn:no_variable"}),
        ({"text": "Hi 1", "template_text": "Hi {#var#}"}, {"in.template_text": "warn:brand"}),
        ({"text": "ACME <1", "template_text": "ACME <{#var#}"}, {"in.template_text": "warn:bracket"}),
        ({"text": "ACME  1", "template_text": "ACME  {#var#}"}, {"in.template_text": "warn:spaces"}),
        ({"text": "ACME {#VAR#} 1", "template_text": "ACME {#VAR#} {#var#}"}, {"in.template_text": "warn:placeholder"}),
        (
            {"text": "ACME 1 2 3 4 5 6", "template_text": "ACME" + " {#var#}" * 6},
            {"in.template_text": "warn:many"},
        ),
        # Promotion in a service message
        (
            {"text": "ACME sale 1", "template_text": "ACME sale {#var#}"},
            {"in.promotional_words": "warn"},
        ),
    ],
)
def test_text(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert levels(but(INDIA, **changes)) == expected


def test_address_in_the_fixed_words_was_checked_when_they_were_approved() -> None:
    fixed = "ACME: track at https://acme.example/t or call 9876543210, order {#var#}."
    situation = but(INDIA, text=fixed.replace("{#var#}", "17"), template_text=fixed)
    assert levels(situation) == {}


def test_every_address_counts_when_the_text_does_not_match() -> None:
    situation = but(INDIA, text="See https://acme.example/t", explain=False)
    assert levels(situation) == {MATCH: "block:differs", "in.url_allow_list": "block"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"consents": ()}, {"in.consent": "warn"}),
        ({"do_not_disturb": DoNotDisturb.NONE}, {}),
        ({"do_not_disturb": DoNotDisturb.FULL}, {"in.do_not_disturb": "block"}),
        ({"do_not_disturb": DoNotDisturb.PROMOTIONAL}, {"in.do_not_disturb": "block"}),
        ({"do_not_disturb": DoNotDisturb.PARTIAL}, {"in.do_not_disturb": "block"}),
        (
            {"do_not_disturb": DoNotDisturb.PARTIAL, "wanted_categories": frozenset("12")},
            {"in.do_not_disturb": "block"},
        ),
        ({"do_not_disturb": DoNotDisturb.PARTIAL, "wanted_categories": frozenset("5")}, {}),
        ({"do_not_disturb": DoNotDisturb.FULL, "consents": DLT_CONSENT}, {}),
        ({"sender_value": "ACMEIN", "template_senders": None}, {"in.header": "block:category"}),
        (
            {"template_category": "service_explicit", "sender_value": "ACMEIN", "template_senders": None},
            {"in.consent": "block"},
        ),
        (
            {
                "template_category": "service_explicit",
                "sender_value": "ACMEIN",
                "template_senders": None,
                "consents": DLT_CONSENT,
                "do_not_disturb": DoNotDisturb.FULL,
            },
            {},
        ),
    ],
)
def test_consent_and_do_not_disturb(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert levels(but(INDIAN_OFFER, **changes)) == expected


@pytest.mark.parametrize("listed", list(DoNotDisturb))
def test_service_message_reaches_people_on_the_register(listed: DoNotDisturb) -> None:
    assert levels(but(INDIA, do_not_disturb=listed)) == {}


EXPLICIT = {
    "template_category": "service_explicit",
    "sender_value": "ACMEIN",
    "template_senders": None,
    "consents": DLT_CONSENT,
}


@pytest.mark.parametrize(
    ("when", "changes", "until"),
    [
        ("2026-11-20 09:59:59", {}, "2026-11-20 10:00"),
        ("2026-11-20 10:00:00", {}, None),
        ("2026-11-20 20:59:59", {}, None),
        ("2026-11-20 21:00:00", {}, "2026-11-21 10:00"),
        ("2026-11-20 23:59:59", {}, "2026-11-21 10:00"),
        ("2026-11-21 00:00:00", {}, "2026-11-21 10:00"),
        ("2026-11-20 22:00:00", EXPLICIT, "2026-11-21 10:00"),
        ("2026-11-20 22:00:00", {**EXPLICIT, "option_india_explicit_any_hour": True}, None),
        ("2026-11-20 14:00:00", {"zone": "America/New_York"}, "2026-11-20 18:30"),
    ],
)
def test_promotional_hours(when: str, changes: dict[str, Any], until: str | None) -> None:
    decision = decide(but(INDIAN_OFFER, at=at(when, "Asia/Kolkata"), **changes))
    assert decision.until == (at(until, "Asia/Kolkata") if until else None)


def test_service_message_goes_at_any_hour_but_not_in_a_promotional_template() -> None:
    night = but(INDIA, at=at("2026-11-20 23:00", "Asia/Kolkata"))
    assert decide(night).until is None
    assert decide(but(night, template_category="promotional")).until == at("2026-11-21 10:00", "Asia/Kolkata")


def test_purpose_decides_while_the_template_has_no_category() -> None:
    night = but(INDIAN_OFFER, at=at("2026-11-20 23:00", "Asia/Kolkata"), template_category="")
    assert decide(night).until == at("2026-11-21 10:00", "Asia/Kolkata")
