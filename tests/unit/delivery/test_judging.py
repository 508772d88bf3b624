"""
What is asked of the rules, how often, and what follows from the answer.
"""

from dataclasses import replace
from typing import Any

import pytest

from sendyard.delivery import judging
from sendyard.delivery.brief import Brief
from sendyard.delivery.judging import FREE, judge, with_text, word
from sendyard.delivery.persons import Persons
from sendyard.delivery.rule_lines import RuleLines, fix_of, show
from sendyard.domain.content import Choice, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.countries.registry import RULES, decide
from sendyard.domain.countries.rules import Level, Need, Verdict
from sendyard.domain.countries.situation import ConsentKind, Person, Situation
from sendyard.ledger.entries import Note
from tests.situations import AMERICA, INDIA, KOREA, at, but, consents

SOMEBODY = "+821012345678"
NOON = int(at("2026-11-20 12:00", "Asia/Seoul").timestamp() * 1000)
NIGHT = int(at("2026-11-20 21:30", "Asia/Seoul").timestamp() * 1000)


def brief(situation: Situation = KOREA, needs: frozenset[Need] = frozenset(), **rest: Any) -> Brief:
    told = {"waived": frozenset(), "judges_words": True, "judges_consent": True, "judges_clock": True, **rest}
    return Brief(situation=situation, needs=needs, **told)


def agreed(*kinds: ConsentKind, to: str = SOMEBODY) -> Persons:
    return Persons(consents={to: consents(*kinds)})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Situation]:
    """Every situation the rules were asked about."""
    found: list[Situation] = []

    def counting(situation: Situation, *args: Any, **rest: Any) -> Any:
        found.append(situation)
        return decide(situation, *args, **rest)

    monkeypatch.setattr(judging, "decide", counting)
    return found


def test_the_same_text_is_judged_once(asked: list[Situation]) -> None:
    shared = brief()
    first, second = (word(shared, Text("할인")) for _ in range(2))
    assert first is second
    assert len(asked) == 1
    assert word(shared, Text("할인", "제목")) != first
    assert len(asked) == 2


def test_no_more_texts_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "_MOST_TEXTS", 3)
    shared = brief()
    for number in range(10):
        word(shared, Text(f"할인 {number}"))
    assert len(shared.texts) <= 3


def test_what_was_stopped_without_explanation_is_asked_again_for_one(asked: list[Situation]) -> None:
    shared = brief(INDIA)
    altered = Text(INDIA.text.replace("packed", "shipped"))
    short = word(shared, altered, explain=False)
    full = word(shared, altered)
    assert len(asked) == 2
    assert "shipped" not in short.blocks[0].detail
    assert "shipped" in full.blocks[0].detail


def test_a_text_nobody_has_rules_for_comes_back_with_what_is_said_of_the_sender() -> None:
    unregistered = brief(but(KOREA, sender_value="ABC"), judges_words=False)
    found = word(unregistered, Text("할인"))
    assert found.text == "할인"
    assert [one.rule_id for one in found.blocks] == ["kr.sender_form"]


def test_only_bodies_of_ours_are_rewritten() -> None:
    picture = MediaItem("image/png", url="https://yard.example/cat.png")
    reference = TemplateRef("arrival", body="as registered")
    assert with_text(Text("a", "title"), "b") == Text("b", "title")
    assert with_text(Media([picture], "a"), "b") == Media([picture], "b")
    assert with_text(Interactive("a", [Choice("1", "yes")]), "b") == Interactive("b", [Choice("1", "yes")])
    assert with_text(reference, "b") is reference


def test_people_who_said_the_same_share_one_judgement_of_a_minute(asked: list[Situation]) -> None:
    shared = brief()
    persons = Persons(consents={f"+8210{number:08d}": consents(ConsentKind.MARKETING) for number in range(50)})
    for address in persons.consents:
        assert judge(shared, persons, address, NOON) is FREE
    assert len(asked) == 2  # once for consent, once for the clock
    judge(shared, persons, "+821000000001", NOON + 60_000)
    assert len(asked) == 4


def test_night_consents_are_told_apart_though_the_clock_is_shared() -> None:
    shared = brief()
    assert judge(shared, agreed(ConsentKind.MARKETING), SOMEBODY, NIGHT).until is not None
    assert judge(shared, agreed(ConsentKind.MARKETING, ConsentKind.NIGHT), SOMEBODY, NIGHT).until is None


def test_consent_is_asked_and_the_clock_is_not_where_only_that_is_a_rule() -> None:
    only_consent = brief(judges_clock=False)
    assert judge(only_consent, agreed(ConsentKind.MARKETING), SOMEBODY, NIGHT) is FREE
    found = judge(only_consent, Persons(), SOMEBODY, NIGHT)
    assert found.block is not None
    assert found.block.rule_id == "kr.consent"


def test_hours_that_exclude_each_other_for_ever_stop_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "decide", lambda *args, **rest: replace(decide(*args, **rest), until=None))
    found = judge(brief(), agreed(ConsentKind.MARKETING), SOMEBODY, NIGHT)
    assert found.until is None
    assert found.block is not None
    assert (found.block.rule_id, found.block.level) == ("kr.night", Level.BLOCK)


def test_doubtful_sources_are_named_in_the_sentence_a_caller_gets() -> None:
    weak = RULES["wa.opt_in"]
    verdict = Verdict(weak, Level.BLOCK, "No opt-in is recorded.")
    assert judging.explained(verdict) == (
        "No opt-in is recorded. Our sources for this rule are weak. See `sendyard rules show wa.opt_in`."
    )


def test_each_rule_that_reads_the_recipient_says_what_it_reads() -> None:
    """A rule that reads what it does not name would judge a blank, because nothing was read for it."""
    reads = {
        "zone": Need.ZONE,
        "number_zones": Need.ZONE,
        "state": Need.STATE,
        "consents": Need.CONSENTS,
        "last_inbound_at": Need.INBOUND,
        "first_contact": Need.FIRST_CONTACT,
        "do_not_disturb": Need.DO_NOT_DISTURB,
        "wanted_categories": Need.DO_NOT_DISTURB,
    }
    seen: set[str] = set()

    class Watched:
        def __init__(self, person: Person) -> None:
            self._person = person

        def __getattr__(self, name: str) -> Any:
            seen.add(name)
            return getattr(self._person, name)

    for situation in (KOREA, INDIA, AMERICA):
        for rule in RULES.values():
            for person in (situation.person, Person(), Person("Asia/Seoul", ("Asia/Seoul",), "FL")):
                seen.clear()
                list(rule.look(replace(situation, person=Watched(person))))  # type: ignore[arg-type]
                undeclared = {reads[name] for name in seen} - rule.needs
                assert not undeclared, rule.id


def test_a_rule_that_says_two_things_of_a_message_counts_it_once_and_shows_five_examples() -> None:
    lines = RuleLines()
    (said,) = lines.noted([Note("tw.url_allow_list", "warn", "a"), Note("tw.url_allow_list", "warn", "b")])
    assert said.detail == "a"
    said.line.add(said.level, 8)
    assert [show(said.line.examples, said.detail, row, SOMEBODY) for row in range(8)] == [True] * 4 + [False] * 4
    (forbidden,) = lines.forbidden("tw.url_allow_list", "no")
    forbidden.line.add(forbidden.level, 1)
    (waived,) = lines.noted([Note("tw.hours", "waived", "")])
    waived.line.add(waived.level, 1)
    first, second = lines.lines()
    assert (first.rule.id, first.level, first.count, len(first.examples)) == ("tw.url_allow_list", "block", 9, 5)
    assert (first.examples[0].row, first.examples[0].to) == (0, "+821***678")
    assert (second.rule.id, second.level, second.count) == ("tw.hours", "waived", 1)


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("us.consent", "/api/v1/consents"),
        ("kr.consent_renewal", "/api/v1/consents/remind"),
        ("us.quiet_hours", "/api/v1/contacts/{id}"),
        ("wa.template_state", "/api/v1/templates/sync"),
        ("in.template_match", "/api/v1/compliance/templates/import"),
        ("in.entity", "PATCH /api/v1/compliance,"),
        ("tw.url_allow_list", "PATCH /api/v1/compliance,"),
        ("kr.opt_out", "/api/v1/compliance/senders"),
        ("us.registration", "/api/v1/compliance/senders"),
        ("kr.wrong_label", ""),
    ],
)
def test_each_rule_leads_to_where_what_it_asks_for_is_entered(rule: str, place: str) -> None:
    assert place in fix_of(RULES[rule])
    assert bool(fix_of(RULES[rule])) is bool(place)
