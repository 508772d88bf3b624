"""
United States: 10DLC and toll-free registration, quiet hours where the person is, consent, name and the way out.

The person's own time zone decides; without one, every zone their area code may be in has to be open.
"""

import re
from collections.abc import Iterator

from sendyard.domain.countries.hours import Hours, clock, daily, first_open, person_zones, weekly
from sendyard.domain.countries.rules import PROMOTIONAL, TEXTS, Aspect, Finding, Level, Need, Pack, Rule, Source, Waiver
from sendyard.domain.countries.situation import ConsentKind, Registration, Situation

COUNTRIES = frozenset({"US", "PR", "GU", "VI", "AS", "MP"})
"""The states, and the territories that dial like them."""

QUIET_HOURS = daily("08:00-21:00")

_ROUND_THE_WEEK_TO_20 = daily("08:00-20:00")
STATE_HOURS: dict[str, Hours] = {
    **dict.fromkeys(("FL", "MD", "MS", "NJ", "OK"), _ROUND_THE_WEEK_TO_20),
    "CT": daily("09:00-20:00"),
    "TX": weekly(workdays="09:00-21:00", saturday="09:00-21:00", sunday="12:00-21:00"),
    "RI": weekly(workdays="09:00-18:00", saturday="10:00-17:00", sunday="10:00-17:00"),
}
"""Stricter states, from a secondary source."""

_CFR = "https://www.ecfr.gov/current/title-47/section-64.1200"
TCPA = "47 CFR 64.1200"
_QUIET = Source(TCPA, "(c)(1), (e)", _CFR)
_CONSENT = Source(TCPA, "(a)(2), (f)(9)", _CFR)
_REVOKE = Source(TCPA, "(a)(10)–(12)", _CFR, "2025-04-11")
_CTIA = Source("CTIA messaging principles")
_TEN_DLC = Source("Carriers' 10DLC programme")

_TOLL_FREE = re.compile(r"1?8(?:00|33|44|55|66|77|88)\d{7}")
_LONG_CODE = re.compile(r"1?[2-9]\d{9}")
_SHORT_CODE = re.compile(r"\d{5,6}")


def _kind_of(sender: str) -> str:
    digits = re.sub(r"[\s\-.()+]", "", sender)
    if _TOLL_FREE.fullmatch(digits):
        return "toll-free number"
    if _LONG_CODE.fullmatch(digits):
        return "10DLC number"
    return "short code" if _SHORT_CODE.fullmatch(digits) else ""


def _look_registration(situation: Situation) -> Iterator[Finding]:
    value, state = situation.sender.value, situation.sender.registration
    if not value:
        return
    kind = _kind_of(value)
    if not kind:
        yield Finding(
            f"The United States take no senders of letters or foreign numbers, found {value!r:.30}. Choose a "
            "registered 10DLC number, a verified toll-free number or a short code.",
            kind="sender",
        )
    elif state is Registration.UNKNOWN:
        yield Finding(
            f"Nobody has confirmed that {kind} {value} is registered; carriers drop what is not. Record its "
            "registration.",
            level=Level.WARN,
            kind="unconfirmed",
        )
    elif state is not Registration.APPROVED:
        todo = "verification" if kind == "toll-free number" else "campaign registration"
        yield Finding(
            f"The {todo} of {kind} {value} is {state.value}, and carriers refuse its traffic. Complete it with the "
            "provider, or choose another sender.",
        )


def _look_quiet(situation: Situation) -> Iterator[Finding]:
    person = situation.person
    zones = person_zones(person.zone, person.number_zones, situation.home_zone)
    until = first_open(QUIET_HOURS, zones, situation.at)
    if until is None:
        yield Finding(
            "The number may be in time zones so far apart that no hour suits all of them. Enter the person's time "
            "zone.",
            level=Level.BLOCK,
        )
    elif until > situation.at:
        closed = next(zone for zone in zones if not QUIET_HOURS.is_open(situation.at, zone))
        yield Finding(
            f"No solicitation before 08:00 or from 21:00 where the person is; it is {clock(situation.at, closed)} in "
            f"{closed}{_others(zones)}. It waits until {clock(until, closed)} there.",
            until=until,
        )


def _others(zones: tuple[str, ...]) -> str:
    return "" if len(zones) == 1 else f", one of {len(zones)} zones the number may be in"


def _look_state(situation: Situation) -> Iterator[Finding]:
    hours = STATE_HOURS.get(situation.person.state.upper())
    if hours is None:
        return
    person = situation.person
    zones = person_zones(person.zone, person.number_zones, situation.home_zone)
    until = first_open(hours, zones, situation.at)
    if until and until > situation.at:
        yield Finding(
            f"{person.state.upper()} has shorter hours than the federal 08:00–21:00, and it is "
            f"{clock(situation.at, zones[0])} there. It waits until {clock(until, zones[0])}.",
            until=until,
        )


def _look_consent(situation: Situation) -> Iterator[Finding]:
    written = situation.consent(ConsentKind.WRITTEN)
    if written is None:
        asked = situation.consent(ConsentKind.MARKETING)
        found = "only an opt-in that is not in writing" if asked else "none"
        yield Finding(
            f"Marketing texts need prior express written consent; found {found}. Have the person sign or tick it, "
            "and keep time, wording and address."
        )
    elif not written.evidence.strip():
        yield Finding(
            "Written consent is recorded without its wording and source, which a court asks for. Add the evidence.",
            level=Level.WARN,
        )


def _look_name(situation: Situation) -> Iterator[Finding]:
    name = situation.sender.business.strip()
    if not name:
        yield Finding(
            "Marketing texts say who sends them, and this workspace has no sender name. Enter it in the sender's "
            "settings.",
            level=Level.WARN,
            kind="unconfigured",
        )
    elif name.casefold() not in situation.text.casefold():
        yield Finding(
            f"Marketing texts say who sends them; {name!r} does not stand in the text. It is put in front.",
            fixed=f"{name}: {situation.text}",
        )


_WAY_OUT = re.compile(
    r"\b(?:reply|text|txt|send|responda|envíe)\s+\W?(?:STOP|END|QUIT|CANCEL|UNSUBSCRIBE)\b"
    r"|\bSTOP\b\W?\s*(?:to|2|=|:|para)\s*(?:opt[ \-]?out|end|stop|quit|cancel|unsub\w*)",
    re.IGNORECASE,
)
WAY_OUT = "Reply STOP to opt out."
_OTHER_WAY = re.compile(r"https?://|www\.|\d{3}[\-. )]\s?\d{3}[\-. ]\d{4}|\bcall\b", re.IGNORECASE)


def _look_way_out(situation: Situation) -> Iterator[Finding]:
    text = situation.text
    if not situation.sender.receives_replies:
        if not _OTHER_WAY.search(text):
            yield Finding(
                f"Sender {situation.sender.value or '(chosen by the provider)'} takes no replies, so the text must "
                "say so and offer another way to refuse; found none. Add an address or number.",
                level=Level.BLOCK,
                kind="one_way",
            )
    elif not _WAY_OUT.search(text):
        gap = " " if text and not text[-1].isspace() else ""
        yield Finding(
            f"Marketing texts say how to stop them; found nothing like it. {WAY_OUT!r} is added at the end.",
            fixed=f"{text}{gap}{WAY_OUT}",
        )


_HELP = re.compile(r"\bHELP\b")
_RATES = re.compile(r"\b(?:msg|message)s?\s*(?:&|and)\s*data\s+rates?\s+may\s+apply", re.IGNORECASE)


def _look_first(situation: Situation) -> Iterator[Finding]:
    if not situation.person.first_contact:
        return
    lacking = [
        words
        for words, found in (("HELP", _HELP), ("Msg & data rates may apply", _RATES))
        if not found.search(situation.text)
    ]
    if lacking:
        yield Finding(
            f"This is the first message to the person, and it lacks {' and '.join(lacking)}. Add for example "
            '"Reply HELP for help. Msg & data rates may apply."'
        )


RULES = (
    Rule(
        id="us.registration",
        what="The sender is a registered 10DLC number, a verified toll-free number or a short code.",
        source=_TEN_DLC,
        level=Level.BLOCK,
        aspect=Aspect.SENDER,
        satisfy="Register brand and campaign, or verify the toll-free number, and record it.",
        waiver=Waiver.NOBODY,
        look=_look_registration,
        channels=TEXTS,
    ),
    Rule(
        id="us.first_message",
        what="The first message names HELP and that rates may apply.",
        source=_CTIA,
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Add the words.",
        waiver=Waiver.MANAGER,
        look=_look_first,
        channels=TEXTS,
        purposes=PROMOTIONAL,
        needs=frozenset({Need.FIRST_CONTACT}),
        uncertain=True,
    ),
    Rule(
        id="us.sender_name",
        what="Marketing texts say who sends them.",
        source=_CTIA,
        level=Level.FIX,
        aspect=Aspect.CONTENT,
        satisfy="Enter the name in the sender's settings; it is put in front.",
        waiver=Waiver.MANAGER,
        look=_look_name,
        channels=TEXTS,
        purposes=PROMOTIONAL,
    ),
    Rule(
        id="us.opt_out",
        what="Marketing texts say how to stop them.",
        source=_REVOKE,
        level=Level.FIX,
        aspect=Aspect.CONTENT,
        satisfy="Nothing to do for senders that take replies; for others add another way.",
        waiver=Waiver.OWNER,
        look=_look_way_out,
        channels=TEXTS,
        purposes=PROMOTIONAL,
    ),
    Rule(
        id="us.consent",
        what="Marketing texts need prior express written consent.",
        source=_CONSENT,
        level=Level.BLOCK,
        aspect=Aspect.CONSENT,
        satisfy="Record the written consent with its wording.",
        waiver=Waiver.OWNER,
        look=_look_consent,
        channels=TEXTS,
        purposes=PROMOTIONAL,
        needs=frozenset({Need.CONSENTS}),
    ),
    Rule(
        id="us.quiet_hours",
        what="No solicitation before 08:00 or from 21:00 where the person is.",
        source=_QUIET,
        level=Level.DEFER,
        aspect=Aspect.TIME,
        satisfy="Let it wait, or enter the person's time zone.",
        waiver=Waiver.NOBODY,
        look=_look_quiet,
        purposes=PROMOTIONAL,
        needs=frozenset({Need.ZONE}),
    ),
    Rule(
        id="us.state_hours",
        what="Stricter hours of FL, MD, MS, NJ, OK, CT, TX and RI.",
        source=Source("State telemarketing laws"),
        level=Level.DEFER,
        aspect=Aspect.TIME,
        satisfy="Let it wait, or correct the person's state.",
        waiver=Waiver.OWNER,
        look=_look_state,
        purposes=PROMOTIONAL,
        needs=frozenset({Need.ZONE, Need.STATE}),
        uncertain=True,
    ),
)

PACK = Pack("us", "United States", COUNTRIES, RULES)
