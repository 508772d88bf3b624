"""
Wall clocks and moments: when a campaign starts, when each person's time comes, when the next run is.

A wall clock time that does not exist, because clocks went forward, means as much later as they went; one that comes
twice, because they went back, means the first.
"""

import calendar
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sendyard.domain.countries.hours import is_zone, number_zones
from sendyard.features.campaigns.plan import Repeat, When, day_of, minutes_of, wall_time

DAY = timedelta(days=1)
_LAST_ZONE = timedelta(hours=12)  # behind UTC; nobody lives further west
_MONTHS_AHEAD = 13  # a day of every month comes within a year


def moment_ms(wall: datetime, zone: str) -> int:
    """Milliseconds since 1970 of a wall clock time of a zone."""
    return int(wall.replace(tzinfo=_zone(zone)).timestamp() * 1000)


def begins_at(when: When) -> int | None:
    """When a campaign for everybody at once begins; None unless its mode is `at`."""
    wall = wall_time(when.at) if when.mode == "at" else None
    return None if wall is None else moment_ms(wall, when.zone)


def zone_of(given: str, address: str, home: str) -> str:
    """
    Say where a person is: what is known of the contact, else by the number, else at home.

    A number that may be in several zones is taken to be at home if that is one of them, else in the first.
    """
    if given and is_zone(given):
        return given
    zones = number_zones(address) if address[:1] == "+" else ()
    return home if not zones or home in zones else zones[0]


@lru_cache(maxsize=4096)
def local_moment(zone: str, minutes: int, on: str, passed: str, now_ms: int) -> int:
    """
    The moment at which it is `minutes` past midnight in a zone, on the day `on` or today, in milliseconds.

    `passed` says what follows when that was before `now_ms`: next_day (the next on which it is still to come), or now.
    """
    place = _zone(zone)
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    day = day_of(on) or now.astimezone(place).date()
    at = _at(day, minutes, place)
    if at > now or passed == "now":
        return max(int(at.timestamp() * 1000), now_ms)
    day = max(day, now.astimezone(place).date())
    at = _at(day, minutes, place)
    return int((at if at > now else _at(day + DAY, minutes, place)).timestamp() * 1000)


def is_over_everywhere(on: str, *, now: int) -> bool:
    """Whether a day, if one is named, is past wherever people live."""
    day = day_of(on)
    return day is not None and day < (datetime.fromtimestamp(now / 1000, UTC) - _LAST_ZONE).date()


def next_run(repeat: Repeat, *, after: int) -> int | None:
    """The first moment of a repetition behind `after`, in milliseconds; None when there is none any more."""
    place = _zone(repeat.zone)
    minutes = minutes_of(repeat.time) or 0
    last = day_of(repeat.until)
    since = datetime.fromtimestamp(after / 1000, UTC)
    for day in _days(repeat, since.astimezone(place).date()):
        if last is not None and day > last:
            return None
        at = _at(day, minutes, place)
        if at > since:
            return int(at.timestamp() * 1000)
    return None


def best_hour(moments: Sequence[int], zone: str, *, at_least: int) -> int | None:
    """
    The hour of the day at which somebody reacted most, by the milliseconds of what is known; None for too few.

    An hour's neighbours count half, so that 8:59 and 9:01 are no different; of equals the earlier.
    """
    if len(moments) < at_least:
        return None
    place = _zone(zone)
    counts = [0] * 24
    for moment in moments:
        counts[datetime.fromtimestamp(moment / 1000, place).hour] += 1
    return max(range(24), key=lambda hour: 2 * counts[hour] + counts[hour - 1] + counts[(hour + 1) % 24])


def shown(moment: int, zone: str) -> str:
    """A moment as people of a zone write it, with the zone: 2026-12-24 18:00 Asia/Taipei."""
    return f"{datetime.fromtimestamp(moment / 1000, _zone(zone)):%Y-%m-%d %H:%M} {zone}"


def ago(milliseconds: int) -> str:
    """A length of time in words, in its largest unit."""
    for name, size in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000)):
        if milliseconds >= size:
            count = milliseconds // size
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


def _days(repeat: Repeat, first: date) -> Iterator[date]:
    """The days of a repetition from `first` on, for a year at least."""
    match repeat.every:
        case "day":
            yield from (first + count * DAY for count in range(366))
        case "week":
            yield from (day for count in range(366) if (day := first + count * DAY).isoweekday() in repeat.on)
        case "month":
            for count in range(_MONTHS_AHEAD):
                year, month = divmod(first.year * 12 + first.month - 1 + count, 12)
                last = calendar.monthrange(year, month + 1)[1]
                days = sorted({min(day, last) for day in repeat.on})
                yield from (day for number in days if (day := date(year, month + 1, number)) >= first)


def _at(day: date, minutes: int, place: ZoneInfo) -> datetime:
    return datetime.combine(day, time(*divmod(minutes, 60)), place).astimezone(UTC)


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
