"""
When the next step of a person is due, across changes of clocks.
"""

from datetime import UTC, datetime

import pytest

from sendyard.features.campaigns.drips.moments import step_moment
from sendyard.features.campaigns.drips.plan import Step, Wait

TAIPEI = "Asia/Taipei"
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("since", "zone", "wait", "at", "expected"),
    [
        ("2026-05-04T15:00+08:00", TAIPEI, {"days": 1}, "09:00", "2026-05-05T09:00+08:00"),
        ("2026-05-04T08:00+08:00", TAIPEI, {}, "09:00", "2026-05-04T09:00+08:00"),
        ("2026-05-04T09:30+08:00", TAIPEI, {}, "09:00", "2026-05-05T09:00+08:00"),
        ("2026-05-04T08:00+08:00", TAIPEI, {"hours": 2}, "09:00", "2026-05-05T09:00+08:00"),
        ("2026-05-04T15:00+08:00", TAIPEI, {"days": 1}, "", "2026-05-05T15:00+08:00"),
        # Clocks go forward on 29 March and back on 25 October 2026: nine in the morning stays nine in the morning.
        ("2026-03-28T12:00+01:00", BERLIN, {"days": 1}, "09:00", "2026-03-29T09:00+02:00"),
        ("2026-10-24T12:00+02:00", BERLIN, {"days": 1}, "09:00", "2026-10-25T09:00+01:00"),
        ("2026-03-28T12:00+01:00", BERLIN, {"days": 1}, "02:30", "2026-03-29T03:30+02:00"),
        ("2026-10-24T12:00+02:00", BERLIN, {"days": 1}, "02:30", "2026-10-25T02:30+02:00"),
    ],
)
def test_a_wait_ends_at_the_time_of_day_that_the_clock_on_the_wall_shows(
    since: str, zone: str, wait: dict[str, int], at: str, expected: str
) -> None:
    found = step_moment(Step(text="x", wait=Wait(**wait), at=at), _ms(since), zone)
    assert datetime.fromtimestamp(found / 1000, UTC) == datetime.fromisoformat(expected)


def _ms(given: str) -> int:
    return int(datetime.fromisoformat(given).timestamp() * 1000)
