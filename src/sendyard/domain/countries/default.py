"""
Everywhere else: no statute of ours, but what is right almost anywhere. Everything here can be waived.
"""

import re
from collections.abc import Iterator

from sendyard.domain.countries.courtesy import HOUSE
from sendyard.domain.countries.hours import clock, daily, first_open, person_zones
from sendyard.domain.countries.rules import PROMOTIONAL, Aspect, Finding, Level, Need, Pack, Rule, Waiver
from sendyard.domain.countries.situation import ConsentKind, Situation

HOURS = daily("09:00-20:00")

_WAY_OUT = re.compile(
    r"\b(?:stop|unsubscribe|opt[ \-]?out|abmelden|désabonner|baja)\b|退訂|退订|거부|बंद", re.IGNORECASE
)


def _look_hours(situation: Situation) -> Iterator[Finding]:
    person = situation.person
    zones = person_zones(person.zone, person.number_zones, situation.home_zone)
    until = first_open(HOURS, zones, situation.at)
    if until is None:
        yield Finding(
            f"The number may be in {len(zones)} time zones so far apart that no hour suits all of them. Enter the "
            "person's time zone.",
            level=Level.WARN,
            kind="no_common_hour",
        )
    elif until > situation.at:
        closed = next(zone for zone in zones if not HOURS.is_open(situation.at, zone))
        yield Finding(
            f"Advertising goes out 09:00–20:00 where the person is; it is {clock(situation.at, closed)} in {closed}. "
            f"It waits until {clock(until, closed)} there.",
            until=until,
        )


def _look_name(situation: Situation) -> Iterator[Finding]:
    name = situation.sender.business.strip()
    if not name or name.casefold() not in situation.text.casefold():
        found = f"{name!r} does not stand in the text" if name else "no sender name is configured"
        yield Finding(f"Advertising should say who sends it; {found}. Add the name.")


def _look_way_out(situation: Situation) -> Iterator[Finding]:
    if not _WAY_OUT.search(situation.text):
        yield Finding("Advertising should say how to stop it; found nothing like it. Add how to refuse more.")


def _look_consent(situation: Situation) -> Iterator[Finding]:
    if not situation.consent(ConsentKind.MARKETING, ConsentKind.WRITTEN):
        yield Finding(
            "No consent to advertising is recorded, and most countries ask for it before. Record it, and check the "
            "country's law: Sendyard has no pack for it."
        )


RULES = (
    Rule(
        id="default.sender_name",
        what="Advertising says who sends it.",
        source=HOUSE,
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Add the name.",
        waiver=Waiver.MANAGER,
        look=_look_name,
        purposes=PROMOTIONAL,
        uncertain=True,
    ),
    Rule(
        id="default.opt_out",
        what="Advertising says how to stop it.",
        source=HOUSE,
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Add the words.",
        waiver=Waiver.MANAGER,
        look=_look_way_out,
        purposes=PROMOTIONAL,
        uncertain=True,
    ),
    Rule(
        id="default.consent",
        what="Advertising has a recorded consent.",
        source=HOUSE,
        level=Level.WARN,
        aspect=Aspect.CONSENT,
        satisfy="Record when and how the person agreed.",
        waiver=Waiver.MANAGER,
        look=_look_consent,
        purposes=PROMOTIONAL,
        needs=frozenset({Need.CONSENTS}),
        uncertain=True,
    ),
    Rule(
        id="default.hours",
        what="Advertising goes out 09:00–20:00 where the person is.",
        source=HOUSE,
        level=Level.DEFER,
        aspect=Aspect.TIME,
        satisfy="Let it wait, or enter the person's time zone.",
        waiver=Waiver.MANAGER,
        look=_look_hours,
        purposes=PROMOTIONAL,
        needs=frozenset({Need.ZONE}),
        uncertain=True,
    ),
)

PACK = Pack("default", "Other countries", frozenset(), RULES)
