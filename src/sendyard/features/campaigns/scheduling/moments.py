"""
The moment of each message of a campaign: at once, at a pace, at a time of the person's day.
"""

from collections.abc import Mapping, Sequence

from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.plan import When, minutes_of
from sendyard.features.campaigns.scheduling.timing import best_hour, local_moment, zone_of

HORIZON_US = 10_000_000
"""How far ahead messages of a throttled campaign are made: after a pause no more than this many are late."""
REMEMBERED_MS = 180 * 86_400_000
"""Reactions older than half a year say little about the present."""
_MINUTE_MS = 60_000


def personal(
    when: When, rows: Sequence[Recipient], reactions: Mapping[str, Sequence[int]], home: str, now: int
) -> list[int | None]:
    """
    The moment of each person's own time of day, in milliseconds; None for those whose message leaves at once.

    Of an hour that was learned, everybody has another minute, so that a thousand do not leave in its first second.
    """
    usual = minutes_of(when.time) or 0
    # Whole minutes, so that most people of one zone share one computation.
    since = now // _MINUTE_MS * _MINUTE_MS
    found: list[int | None] = []
    for row in rows:
        zone = zone_of(row.zone, row.address, home)
        minutes = usual
        if when.mode == "best":
            hour = best_hour(reactions.get(row.address, ()), zone, at_least=when.at_least)
            minutes = usual if hour is None else 60 * hour + row.row % 60
        at = local_moment(zone, minutes, when.date, when.passed, since)
        found.append(at if at > now else None)
    return found


def affordable(step_us: int, promised_us: int, now: int) -> int:
    """How many messages may be made now, so that the last one's moment is not beyond the horizon."""
    ahead = 1000 * now + HORIZON_US - promised_us
    return 0 if ahead < 0 else ahead // step_us + 1


def paced(count: int, step_us: int, promised_us: int, now: int) -> tuple[list[int | None], int]:
    """The next moments of a throttled campaign, in milliseconds, and the first that is nobody's, in microseconds."""
    first = max(promised_us, 1000 * now)
    moments = [-(-(first + place * step_us) // 1000) for place in range(count)]
    return [at if at > now else None for at in moments], first + count * step_us
