"""
What holds of every decision: fixes are done once, a fixed text passes, and a moment given as open is open.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendyard.domain.channels import Purpose
from sendyard.domain.countries.dlt_matching import match_template
from sendyard.domain.countries.dlt_template import read_template
from sendyard.domain.countries.registry import AT_HAND_OVER, decide
from sendyard.domain.countries.rules import Level
from sendyard.domain.countries.situation import Situation
from tests.situations import AMERICA, GERMANY, INDIAN_OFFER, KOREA, TAIWAN, but, settled

# What texts are made of: words, and every piece the rules look for, whole and broken.
PIECES = st.sampled_from(
    [
        *("(광고)", "(광고", "광고", "[광고]", "(광 고)", "행복가게", "할인", "무료수신거부 080-123-4567"),
        *("수신거부: 080-999-9999", "무료거부", "거부", "문의 031-555-1234", "031-555-1234"),
        *("【幸福氣】", "幸福氣", "ＡＣＭＥ", "ACME", "Acme", "Acme:", "退訂", "㍿", "。", "😀"),
        *("Reply STOP to opt out.", "STOP", "reply", "20% off", " ", "\n", "\t", "  ", "!"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=8).map("".join)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 -- bounds are naive
ZONES = st.sampled_from(["", "Asia/Seoul", "America/Los_Angeles", "Europe/London", "Asia/Kathmandu", "America/Caracas"])
SITUATIONS = pytest.mark.parametrize("situation", [KOREA, TAIWAN, AMERICA], ids=lambda one: one.country)


def fixes(situation: Situation) -> list[str]:
    return [one.rule_id for one in decide(situation).verdicts if one.level is Level.FIX]


@SITUATIONS
@given(text=TEXTS, contact=st.sampled_from(["", "031-555-1234", "a@shop.example"]))
def test_fixed_text_needs_no_second_fix(situation: Situation, text: str, contact: str) -> None:
    fixed = decide(but(situation, text=text, contact=contact)).text
    again = but(situation, text=fixed, contact=contact)
    assert fixes(again) == []
    assert decide(again).text == fixed


@SITUATIONS
@given(
    text=st.text(
        st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3) | st.sampled_from("abcXYZ ,!?\n"), max_size=99
    )
)
def test_fixed_text_passes(situation: Situation, text: str) -> None:
    assert settled(decide(but(situation, text=decide(but(situation, text=text)).text)))


@SITUATIONS
@given(text=TEXTS)
def test_text_without_a_fix_is_sent_as_it_is(situation: Situation, text: str) -> None:
    written = but(situation, text=text)
    assert bool(fixes(written)) is (decide(written).text != text)


@pytest.mark.parametrize("situation", [KOREA, TAIWAN, AMERICA, GERMANY, INDIAN_OFFER], ids=lambda one: one.country)
@given(moment=MOMENTS, zone=ZONES)
def test_moment_given_as_open_is_open(situation: Situation, moment: datetime, zone: str) -> None:
    asked = but(situation, at=moment, zone=zone)
    decision = decide(asked, AT_HAND_OVER)
    deferred = any(one.level is Level.DEFER for one in decision.verdicts)
    assert (decision.until is not None) is deferred
    if decision.until:
        assert moment < decision.until <= moment + timedelta(days=2)
        later = decide(asked.later(decision.until), AT_HAND_OVER)
        assert [one for one in later.verdicts if one.level is Level.DEFER] == []


@pytest.mark.parametrize("situation", [KOREA, TAIWAN, AMERICA, GERMANY], ids=lambda one: one.country)
@given(moment=MOMENTS, zone=ZONES, purpose=st.sampled_from([Purpose.OTP, Purpose.TRANSACTIONAL]))
def test_codes_and_orders_never_wait(situation: Situation, moment: datetime, zone: str, purpose: Purpose) -> None:
    assert decide(but(situation, at=moment, zone=zone, purpose=purpose)).until is None


VALUES = st.text(st.characters(categories=["Ll", "Lu", "Nd", "Zs"]), min_size=1, max_size=30).filter(str.strip)


@given(st.lists(st.sampled_from(["ACME", " order ", ", ", "a", "\n", "is ready."]), min_size=2, max_size=5), st.data())
def test_rendered_template_matches_itself(statics: list[str], data: Any) -> None:
    template = read_template("{#var#}".join(statics))
    text = statics[0]
    for static in statics[1:]:
        text += data.draw(VALUES) + static
    found = match_template(template, text)
    assert found.ok
    assert len(found.values) == len(template.slots)


@given(TEXTS, TEXTS)
def test_comparison_says_match_or_what_differs(template: str, text: str) -> None:
    found = match_template(read_template(template + "{#var#}" + "ACME"), text)
    for problem in found.problems:
        assert 0 <= problem.start <= problem.end <= len(text)
        assert problem.detail.endswith((".", "!"))
