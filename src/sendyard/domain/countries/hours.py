"""
When a message may leave: opening hours, time zones of numbers, and the next moment everything is open.

Zone data come from the system or the `tzdata` package through `zoneinfo`, which reads each zone once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

_DAY = timedelta(days=1)
_WEEK = 7
_SEARCH_DAYS = 8
"""A weekly table that is open at all is open within this many days."""


@dataclass(frozen=True, slots=True)
class Hours:
    """
    A weekly table of when sending is allowed, in local time.

    `week` has one tuple per day, Monday first, of spans in minutes after midnight. A span is open at its start and
    closed at its end: 08:00:00 is open, 21:00:00 is closed.
    """

    week: tuple[tuple[tuple[int, int], ...], ...]

    def is_open(self, at: datetime, zone: str) -> bool:
        """Say whether a moment is within the hours of a place."""
        local = at.astimezone(_zone(zone))
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.week[local.weekday()])

    def next_open(self, at: datetime, zone: str) -> datetime | None:
        """Give the first open moment from `at` on, UTC; None when the table is never open."""
        if self.is_open(at, zone):
            return at
        place = _zone(zone)
        today = at.astimezone(place).date()
        for ahead in range(_SEARCH_DAYS):
            date = today + ahead * _DAY
            for start, _ in self.week[date.weekday()]:
                opens = datetime.combine(date, time(*divmod(start, 60)), place).astimezone(UTC)
                if opens >= at:
                    return opens
        return None

    @lru_cache(maxsize=64)  # noqa: B019 -- tables live as long as the program
    def shortened(self, minutes: int) -> "Hours":
        """Give the same hours, each span closing so many minutes earlier."""
        return Hours(tuple(tuple((start, max(start, end - minutes)) for start, end in day) for day in self.week))


def daily(*spans: str) -> Hours:
    """Read the same spans for every day: `daily("09:00-12:30", "13:30-21:00")`."""
    return Hours((_spans(spans),) * _WEEK)


def weekly(*, workdays: str, saturday: str, sunday: str) -> Hours:
    """Read one span for Monday to Friday and one each for the weekend; "" for a closed day."""
    return Hours((*(_spans((workdays,)),) * 5, _spans((saturday,)), _spans((sunday,))))


def _spans(spans: Iterable[str]) -> tuple[tuple[int, int], ...]:
    return tuple((_minute(span[:5]), _minute(span[6:])) for span in spans if span)


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def first_open(hours: Hours, zones: Sequence[str], at: datetime) -> datetime | None:
    """Give the first moment from `at` on at which it is open in *all* the zones; None if there is none in a week."""
    moment = at
    while moment - at < _SEARCH_DAYS * _DAY:
        opens = [hours.next_open(moment, zone) for zone in zones]
        latest = max((one for one in opens if one), default=None)
        if latest is None or latest == moment:
            return latest
        moment = latest
    return None


def is_zone(name: str) -> bool:
    """True for a time zone's IANA name that this system knows."""
    return _known_zone(name) is not None


@lru_cache(maxsize=1024)
def _known_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return None


def _zone(name: str) -> ZoneInfo:
    found = _known_zone(name)
    if found is None:
        raise ValueError(f"expected the IANA name of a time zone such as Asia/Seoul, found {name!r}")
    return found


_AMERICAN_ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
)
"""Where a number of the United States may be when its area code says nothing."""


_ONE_ZONE = {"+82": ("Asia/Seoul",), "+886": ("Asia/Taipei",), "+91": ("Asia/Kolkata",)}
"""Countries of one zone that most numbers are of, without asking the library."""

_LONGEST_PREFIX = 9
"""Digits the library's table of zones looks at, at most; the same for all numbers that begin so."""


def number_zones(e164: str) -> tuple[str, ...]:
    """
    Give the time zones a number may be in, by its area code or country; () for what is no number.

    North American area codes tell the place of mobiles too; elsewhere a mobile may be anywhere in its country. North
    American numbers without a place, such as toll-free ones, may be anywhere in the United States.
    """
    for code, zones in _ONE_ZONE.items():
        if e164.startswith(code):
            return zones
    if not e164.startswith("+1"):
        return _zones_of_number(e164)
    found = _zones_of_area(e164[: 1 + _LONGEST_PREFIX])
    return found if len(found) <= len(_AMERICAN_ZONES) else _AMERICAN_ZONES


@lru_cache(maxsize=8192)
def _zones_of_area(prefix: str) -> tuple[str, ...]:
    return _zones_by(timezone.time_zones_for_geographical_number, prefix)


@lru_cache(maxsize=8192)
def _zones_of_number(e164: str) -> tuple[str, ...]:
    return _zones_by(timezone.time_zones_for_number, e164)


def _zones_by(table: Callable[[phonenumbers.PhoneNumber], Sequence[str]], e164: str) -> tuple[str, ...]:
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return ()
    return tuple(name for name in table(number) if is_zone(name))


def person_zones(zone: str, by_number: Sequence[str], home: str) -> tuple[str, ...]:
    """
    Choose the zones to judge by: what the person gave, else all their number may be in, else the workspace's own.

    Several zones mean the strictest: it has to be open in each of them.
    """
    if zone and is_zone(zone):
        return (zone,)
    return tuple(name for name in by_number if is_zone(name)) or ((home,) if is_zone(home) else ("UTC",))


def clock(at: datetime, zone: str) -> str:
    """Write a moment as a person there reads it: `Mon 21:30`."""
    return f"{at.astimezone(_zone(zone)):%a %H:%M}"
