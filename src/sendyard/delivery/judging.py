"""
What the rules of countries say of one message: of its sender and words once, of its recipient and the clock each time.

Nothing here asks a database. Whatever can be worked out once for many messages is kept in `Directory.memo`, so it is
forgotten when accounts, routes or facts change.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sendyard.delivery.brief import WAIVED, Brief
from sendyard.delivery.persons import Persons, moment
from sendyard.domain.content import Content, Interactive, Media, Text, title_of
from sendyard.domain.countries.registry import decide
from sendyard.domain.countries.rules import Aspect, Level, Need, Verdict
from sendyard.domain.countries.situation import ConsentKind, Person, Situation
from sendyard.domain.errors import FieldError
from sendyard.ledger.entries import EventKind, Note

_WORDS = frozenset({Aspect.CONTENT})
_CONSENT = frozenset({Aspect.CONSENT})
_CLOCK = frozenset({Aspect.TIME})
_MINUTE_MS = 60_000
_MOST_TEXTS = 512
_MOST_CLOCKS = 4096
_MOST_PERMISSIONS = 512


@dataclass(frozen=True, slots=True)
class Worded:
    """A text as the rules let it go: put right where it can be, with what stops it and what a person should know."""

    text: str
    blocks: Sequence[Verdict] = ()
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Ruling:
    """
    What the rules say of one recipient at one moment; people who are alike share one.

    Attributes:
        block: what forbids it for good, the first if there are several.
        until: the moment it has to wait for, in milliseconds since 1970; None when it may go.
        notes: everything said, the waiting included.
    """

    block: Verdict | None = None
    until: int | None = None
    notes: Sequence[Note] = ()


FREE = Ruling()
"""Nobody objects."""


def word(brief: Brief, content: Content, *, explain: bool = True, secret: bool = False) -> Worded:
    """
    Judge sender and words of a message.

    Args:
        brief: what all such messages have in common.
        content: what it says; `with_text` takes over the text that comes back.
        explain: look for the very words that are wrong, which can take milliseconds.
        secret: nothing of the text may stay in memory or be quoted: a one-time code stands in it.
    """
    if not brief.judges_words:
        return Worded(content.body, brief.sender_blocks, brief.sender_notes)
    title, media = title_of(content), isinstance(content, Media)
    # What is stopped without an explanation may be asked again for one.
    key: Any = content.body if not (title or media) else (content.body, title, media)
    known: Worded | None = brief.texts.get(key)
    if known is not None and not (explain and known.blocks):
        return known
    # A stranger stands for the recipient: what rules say of words to newcomers is dropped for all others later.
    spare = brief.spare_explained if explain else brief.spare
    try:
        situation = spare.pop()  # another thread may be judging as well
    except IndexError:
        situation = (brief.situation if explain else brief.unexplained).with_text("")
    situation.rewrite(content.body)
    given = replace(situation, title=title, has_media=media) if title or media else situation
    found = decide(given, _WORDS, waived=brief.waived, in_place=True)
    situation.rewrite("")
    spare.append(situation)
    verdicts = [brief.weighed(one) for one in found.verdicts]
    if secret:
        verdicts = [one._replace(detail=f"{one.rule.what} {one.rule.satisfy}") for one in verdicts]
    worded = Worded(
        found.text,
        (*brief.sender_blocks, *(one for one in verdicts if one.level is Level.BLOCK)),
        (*brief.sender_notes, *_notes(verdicts, found.waived)),
    )
    if not secret:
        _keep(brief.texts, key, worded, _MOST_TEXTS)
    return worded


def with_text(content: Content, text: str) -> Content:
    """Give the same content with another body; a template of a provider is never rewritten."""
    if isinstance(content, Text):
        return Text(text, content.title)
    return replace(content, body=text) if isinstance(content, Media | Interactive) else content


def judge(brief: Brief, persons: Persons, address: str, at: int) -> Ruling:
    """Ask the rules of consent and clock about one recipient; `at` is the moment of hand-over, in milliseconds."""
    if Need.INBOUND in brief.needs:
        return _ruled(brief, persons, persons.person(address), at)
    # People of one import differ in nothing that these rules look at; what they say of one holds for the others.
    key = (at // _MINUTE_MS, persons.traits(address))
    known: Ruling | None = brief.rulings.get(key)
    if known is None:
        known = _ruled(brief, persons, persons.person(address), at)
        _keep(brief.rulings, key, known, _MOST_PERMISSIONS)
    return known


def _ruled(brief: Brief, persons: Persons, person: Person, at: int) -> Ruling:
    when = moment(at)
    verdicts: list[Verdict] = []
    waived: tuple[str, ...] = ()
    if brief.judges_consent:
        said, waived = _permission(brief, person, when, at)
        verdicts += said
    until = None
    if brief.judges_clock:
        clocked, until, besides = _clock(brief, persons, person, when, at)
        verdicts += clocked
        waived += besides
    if not (verdicts or waived):
        return FREE
    block = next((one for one in verdicts if one.level is Level.BLOCK), None)
    return Ruling(block, until, _notes(verdicts, waived))


_Permission = tuple[Sequence[Verdict], tuple[str, ...]]


def _permission(brief: Brief, person: Person, when: datetime, at: int) -> _Permission:
    # People of one import said the same at the same time, and rules of consent look at nothing else of them.
    key = (at // _MINUTE_MS, person.consents, person.do_not_disturb)
    known: _Permission | None = brief.permissions.get(key)
    if known is None:
        found = decide(brief.situation.to(person, when), _CONSENT, waived=brief.waived)
        known = [brief.weighed(one) for one in found.verdicts], found.waived
        _keep(brief.permissions, key, known, _MOST_PERMISSIONS)
    return known


def _keep(cache: dict[Any, Any], key: Any, value: object, most: int) -> None:
    if len(cache) >= most:
        cache.clear()
    cache[key] = value


_Clocked = tuple[Sequence[Verdict], int | None, tuple[str, ...]]


def _clock(brief: Brief, persons: Persons, person: Person, when: datetime, at: int) -> _Clocked:
    if Need.INBOUND in brief.needs:
        return _by_the_clock(brief, brief.situation.to(person, when), hears=persons.hears)
    # Rules of hours look at whole minutes, and of the person at nothing but this.
    night = tuple(one for one in person.consents if one.kind is ConsentKind.NIGHT and one.given_at <= when)
    key = (at // _MINUTE_MS, person.zone, person.number_zones, person.state, bool(night))
    known: _Clocked | None = brief.clocks.get(key)
    if known is None:
        alike = Person(person.zone, person.number_zones, person.state, night)
        known = _by_the_clock(brief, brief.situation.to(alike, when), hears=True)
        _keep(brief.clocks, key, known, _MOST_CLOCKS)
    return known


def _by_the_clock(brief: Brief, situation: Situation, *, hears: bool) -> _Clocked:
    found = decide(situation, _CLOCK, waived=brief.waived)
    verdicts = [brief.weighed(one, hears=hears) for one in found.verdicts]
    if found.until is None:
        # Hours that exclude each other for ever never come.
        stopped = [one._replace(level=Level.BLOCK) if one.level is Level.DEFER else one for one in verdicts]
        return stopped, None, found.waived
    return verdicts, int(found.until.timestamp() * 1000), found.waived


_KIND = {Level.DEFER: EventKind.DEFERRED, Level.FIX: EventKind.CHANGED}


def _notes(verdicts: Sequence[Verdict], waived: Sequence[str]) -> list[Note]:
    """What a message keeps of what was said: being moved and being changed become events."""
    return [
        *(
            Note(one.rule_id, one.level.value, one.detail, _KIND.get(one.level))
            for one in verdicts
            if one.level is not Level.BLOCK
        ),
        *(Note(rule_id, WAIVED, "") for rule_id in waived),
    ]


_POINTERS = {Aspect.SENDER: "/sender", Aspect.CONTENT: "/text", Aspect.CONSENT: "/to", Aspect.TIME: "/send_at"}


def field_errors(blocks: Iterable[Verdict], place: str = "") -> list[FieldError]:
    """What stops a message, as a caller gets it: the rule's id is the code."""
    return [FieldError(place or _POINTERS[one.rule.aspect], one.rule_id, explained(one)) for one in blocks]


def explained(verdict: Verdict) -> str:
    """A verdict's sentences with the way to more: what was found, what to do, and where the rule is explained."""
    doubt = " Our sources for this rule are weak." if verdict.uncertain else ""
    return f"{verdict.detail}{doubt} See `sendyard rules show {verdict.rule_id}`."
