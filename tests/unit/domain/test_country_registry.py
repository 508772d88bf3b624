"""
The packs together: what every rule owes its reader, and how a decision is made of verdicts.
"""

import json
import re
from pathlib import Path

import pytest

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries import registry
from sendyard.domain.countries.registry import AT_HAND_OVER, PACKS, RULES, decide, packs_for
from sendyard.domain.countries.rules import Aspect, Level, Rule, Source, Waiver
from sendyard.domain.countries.situation import Registration
from tests.situations import AMERICA, GERMANY, INDIA, KOREA, TAIWAN, at, but, levels, only

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "rules.md").read_text()


def test_every_rule_has_an_id_of_its_own() -> None:
    assert len(RULES) == sum(len(pack.rules) for pack in PACKS)
    assert [one for one in RULES if not re.fullmatch(r"(kr|in|tw|us|wa|default)\.[a-z_]+", one)] == []


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_says_what_why_and_how(rule: Rule) -> None:
    assert rule.what.endswith(".")
    assert rule.satisfy.endswith(".")
    assert rule.source.title
    assert rule.channels
    assert rule.purposes


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_is_documented_with_source_level_and_doubt(rule: Rule) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{rule.id}` ")]
    assert rule.level.value in row
    assert str(rule.source) in row
    assert ("uncertain" in row) is rule.uncertain


def test_page_is_made_from_the_rules() -> None:
    from tools.rules_page import page  # noqa: PLC0415 -- only this test needs the tool

    assert page() == PAGE


@pytest.mark.parametrize(
    ("country", "channel", "packs"),
    [
        ("KR", Channel.SMS, ["kr"]),
        ("IN", Channel.WHATSAPP, ["in", "whatsapp"]),
        ("TW", Channel.SMS, ["tw"]),
        ("GU", Channel.SMS, ["us"]),
        ("CA", Channel.SMS, ["default"]),
        ("", Channel.WHATSAPP, ["default", "whatsapp"]),
        ("001", Channel.SMS, ["default"]),
    ],
)
def test_packs_speak_for_country_and_channel(country: str, channel: Channel, packs: list[str]) -> None:
    assert [pack.id for pack in packs_for(country, channel)] == packs


def test_at_hand_over_only_consent_and_clock_are_asked() -> None:
    situation = but(KOREA, text="할인", consents=(), at=at("2026-11-20 22:00", "Asia/Seoul"))
    decision = decide(situation, AT_HAND_OVER)
    assert [one.rule_id for one in decision.verdicts] == ["kr.consent", "kr.night"]
    assert decision.text == "할인"
    assert {RULES[one.rule_id].aspect for one in decision.verdicts} == {Aspect.CONSENT, Aspect.TIME}


def test_strongest_finding_is_the_outcome() -> None:
    night = at("2026-11-20 22:00", "Asia/Seoul")
    assert decide(KOREA).outcome is None
    assert decide(but(KOREA, title="소식")).outcome is Level.WARN
    assert decide(but(KOREA, title="소식", text="할인")).outcome is Level.FIX
    assert decide(but(KOREA, text="할인", at=night)).outcome is Level.DEFER
    blocked = decide(but(KOREA, text="할인", at=night, consents=()))
    assert blocked.outcome is Level.BLOCK
    assert [one.rule_id for one in blocked.blocks] == ["kr.consent"]


def test_rule_that_nobody_may_waive_is_asked_all_the_same() -> None:
    assert RULES["kr.label"].waiver is Waiver.NOBODY
    assert decide(but(KOREA, text="할인"), waived=("kr.label", "no.such")).text.startswith("(광고)")


def test_waived_fix_is_not_applied_and_is_named() -> None:
    decision = decide(but(AMERICA, text="Acme: 20% off"), waived=("us.opt_out", "us.sender_name"))
    assert decision.text == "Acme: 20% off"
    assert decision.waived == ("us.opt_out",)


def test_deferral_is_to_a_moment_at_which_every_rule_is_content() -> None:
    situation = but(TAIWAN, at=at("2026-11-20 12:40", "Asia/Taipei"), zone="Europe/Berlin")
    single = [one.until for one in decide(situation).verdicts]
    assert single == [at("2026-11-20 13:30", "Asia/Taipei"), at("2026-11-20 15:00", "Asia/Taipei")]
    decision = decide(situation)
    assert decision.until == at("2026-11-20 15:00", "Asia/Taipei")
    assert levels(situation.later(decision.until)) == {}


def test_hours_that_never_meet_give_no_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_MOST_OPENINGS", 0)
    decision = decide(but(KOREA, at=at("2026-11-20 22:00", "Asia/Seoul")))
    assert (decision.outcome, decision.until) == (Level.DEFER, None)


def test_verdict_is_a_document_for_screens_and_evidence() -> None:
    situation = but(INDIA, text="Hi Asha, your ACME parcel A-17 is packed.")
    document = only(situation, "in.template_match").to_dict()
    assert json.loads(json.dumps(document)) == document
    assert document == {
        "rule": "in.template_match",
        "level": "block",
        "kind": "wrong_words",
        "detail": (
            "The text differs from the approved template, and operators will refuse it. "
            "Expected 'order' at character 20, found 'parcel'. Write it as approved."
        ),
        "satisfy": "Write the words named exactly as approved.",
        "waiver": "nobody",
        "source": "DLT scrubbing code 633",
        "source_url": "https://authkey.io/dlt-registration/dlt-error-codes",
        "uncertain": False,
        "fixed": None,
        "until": None,
        "span": [19, 25],
    }


def test_deferral_is_written_as_a_time() -> None:
    document = only(but(GERMANY, at=at("2026-11-20 23:00")), "default.hours").to_dict()
    assert (document["until"], document["uncertain"]) == ("2026-11-21T08:00:00+00:00", True)


def test_source_names_section_and_date_where_known() -> None:
    assert str(Source("Act")) == "Act"
    assert str(Source("Act", "Art. 1", "", "2026-01-01")) == "Act, Art. 1 (2026-01-01)"


@pytest.mark.parametrize("situation", [KOREA, INDIA, TAIWAN, AMERICA, GERMANY], ids=lambda one: one.country)
@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("channel", list(Channel))
def test_verdicts_speak_in_whole_sentences(situation: object, purpose: Purpose, channel: Channel) -> None:
    assert isinstance(situation, type(KOREA))
    bare = but(
        situation,
        purpose=purpose,
        channel=channel,
        text="x",
        consents=(),
        registration=Registration.REJECTED,
        at=at("2026-11-20 17:00"),
    )
    verdicts = decide(bare).verdicts
    assert all(re.search(r"[A-Za-z].*[.\"]$", one.detail) for one in verdicts)
    assert all(one.detail[0].isupper() or one.detail[0] in "'\"【0123456789" for one in verdicts)
