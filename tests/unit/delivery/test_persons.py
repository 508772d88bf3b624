"""
Which permissions hold, from everything that was said.
"""

import pytest

from sendyard.delivery.person_queries import Word
from sendyard.delivery.persons import Persons, in_force
from sendyard.domain.countries.rules import Need
from sendyard.domain.countries.situation import Consent, ConsentKind, DoNotDisturb
from tests.situations import at

SOMEBODY = "+821012345678"
DAY = 86_400_000


def said(kind: str = "marketing", state: str = "granted", channel: str = "", day: int = 1, **rest: str) -> Word:
    purpose = rest.get("purpose", "promotional")
    return Word(SOMEBODY, channel, purpose, kind, state, "a form", rest.get("evidence", "wording 3"), day * DAY, None)


def kinds(*words: Word) -> set[str]:
    return {one.kind.value for one in in_force(words).get(SOMEBODY, ())}


def test_a_word_is_a_consent_with_its_time_evidence_and_last_reminder() -> None:
    word = said(day=3)._replace(confirmed_at=5 * DAY)
    (found,) = in_force([word])[SOMEBODY]
    assert found == Consent(ConsentKind.MARKETING, at("1970-01-04 00:00"), "wording 3", at("1970-01-06 00:00"))


def test_the_source_stands_in_for_missing_evidence() -> None:
    (found,) = in_force([said(evidence="")])[SOMEBODY]
    assert found.evidence == "a form"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([said(), said(state="withdrawn", day=2)], set()),
        ([said(state="withdrawn"), said(day=2)], {"marketing"}),
        ([said(state="asked")], set()),
        ([said("night"), said()], {"night", "marketing"}),
        ([said(), said("night"), said(state="withdrawn", day=2)], set()),
        ([said(), said("night"), said("night", "withdrawn", day=2)], {"marketing"}),
        ([said("written"), said("written", "withdrawn", day=2), said("night", day=3)], {"night"}),
        ([said("registered", purpose="transactional"), said(state="withdrawn", day=2)], {"registered"}),
        ([said(purpose="transactional")], set()),
        ([said(), said(state="withdrawn", purpose="transactional", day=2)], {"marketing"}),
        ([said(channel="sms"), said(state="withdrawn", day=2)], {"marketing"}),
        ([said(), said(state="withdrawn", channel="sms", day=2)], set()),
    ],
)
def test_the_newest_word_of_each_kind_holds_and_the_channel_comes_before_all(
    words: list[Word], expected: set[str]
) -> None:
    assert kinds(*words) == expected


def test_words_count_in_the_order_they_were_said_however_they_come() -> None:
    other = said()._replace(address="+821011111111")
    assert kinds(said(state="withdrawn", day=2), other, said(day=1)) == set()
    granted, withdrawn = said()._replace(id="b"), said(state="withdrawn")
    assert kinds(withdrawn._replace(id="c"), granted) == set()
    assert kinds(granted, withdrawn._replace(id="a")) == {"marketing"}


def test_of_somebody_nothing_was_read_of_only_the_number_speaks() -> None:
    zoned = Persons(needs=frozenset({Need.ZONE}))
    assert zoned.person(SOMEBODY).number_zones == ("Asia/Seoul",)
    assert zoned.person("U" + "1" * 32).number_zones == ()
    assert Persons().person(SOMEBODY).number_zones == ()


def test_first_contact_and_registers_are_told_of_those_who_were_asked_about() -> None:
    needs = frozenset({Need.FIRST_CONTACT, Need.DO_NOT_DISTURB})
    persons = Persons(needs=needs, written_to={"+15"}, listed={SOMEBODY})
    somebody, other = persons.person(SOMEBODY), persons.person("+15")
    assert (somebody.first_contact, other.first_contact) == (True, False)
    assert (somebody.do_not_disturb, other.do_not_disturb) == (DoNotDisturb.FULL, DoNotDisturb.UNKNOWN)
