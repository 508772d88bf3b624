"""
When the next step of a person is due.
"""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sendyard.features.campaigns.drips.plan import MINUTE_MS, Step
from sendyard.features.campaigns.plan import minutes_of
from sendyard.features.campaigns.scheduling.timing import DAY


def step_moment(step: Step, since: int, zone: str) -> int:
    """
    The moment of a step, in milliseconds, when the one before it, or the person, came at `since`.

    With a time of day it is the first such time that is not before minutes and hours have passed, on the calendar day
    so many days later at the earliest. A time that does not exist there, because clocks went forward, means as much
    later; one that comes twice means the first.
    """
    minutes = minutes_of(step.at)
    if minutes is None:
        return since + MINUTE_MS * step.wait.total
    wait = step.wait
    return _at(since + MINUTE_MS * (wait.minutes + 60 * wait.hours), wait.days, minutes, zone)


@lru_cache(maxsize=4096)
def _at(since: int, days: int, minutes: int, zone: str) -> int:
    place = _zone(zone)
    from_ = datetime.fromtimestamp(since / 1000, UTC)
    day = from_.astimezone(place).date() + timedelta(days=days)
    at = datetime.combine(day, time(*divmod(minutes, 60)), place).astimezone(UTC)
    if at < from_:
        at = datetime.combine(day + DAY, time(*divmod(minutes, 60)), place).astimezone(UTC)
    return int(at.timestamp() * 1000)


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
