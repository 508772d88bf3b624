"""
The house's own courtesy: a person abroad is not advertised to in the middle of their night.

A country's statutory window follows the *number*: the law binds whoever sends to its recipients, wherever they
happen to be. A time zone the person gave us is respected besides. So advertising at 21:30 in Seoul to a Korean
number whose owner says Los Angeles waits twice: until 08:00 in Seoul, and until Los Angeles is awake as well.
"""

from collections.abc import Iterator
from datetime import datetime

from sendyard.domain.countries.hours import clock, daily, first_open, is_zone
from sendyard.domain.countries.rules import PROMOTIONAL, Aspect, Finding, Level, Need, Rule, Source, Waiver
from sendyard.domain.countries.situation import Situation

COURTESY_HOURS = daily("08:00-21:00")

HOUSE = Source("Sendyard house rule")


def courtesy_rule(pack: str, home_zone: str) -> Rule:
    """Give the rule for a country with one time zone of its own."""

    def look(situation: Situation) -> Iterator[Finding]:
        zone = situation.person.zone
        if not zone or not is_zone(zone) or _same_clock(situation.at, zone, home_zone):
            return
        until = first_open(COURTESY_HOURS, (zone,), situation.at)
        if until and until > situation.at:
            yield Finding(
                f"The person's own time zone is {zone}, where it is {clock(situation.at, zone)}; advertising waits "
                f"for 08:00–21:00 there. Send from {clock(until, zone)} on.",
                until=until,
            )

    return Rule(
        id=f"{pack}.courtesy",
        what="Advertising respects 08:00–21:00 in the time zone the person gave, besides the country's own hours.",
        source=HOUSE,
        level=Level.DEFER,
        aspect=Aspect.TIME,
        satisfy="Let it wait, or correct the person's time zone.",
        waiver=Waiver.MANAGER,
        look=look,
        purposes=PROMOTIONAL,
        needs=frozenset({Need.ZONE}),
    )


def _same_clock(at: datetime, one: str, other: str) -> bool:
    return clock(at, one) == clock(at, other)
