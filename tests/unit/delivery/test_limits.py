"""
Rate limits are exact: units have moments, and nobody gets one twice.
"""

import asyncio
import time

import pytest

from sendyard.delivery.limits import RateLimits
from sendyard.storage.engine import Database
from tests.yard import Yard


class Clock:
    """Stands still unless a test moves it, however long the database takes."""

    def __init__(self) -> None:
        self.now = time.time_ns()

    def later(self, seconds: float) -> None:
        self.now += int(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stands = Clock()
    monkeypatch.setattr("sendyard.delivery.limits.time.time_ns", lambda: stands.now)
    return stands


@pytest.fixture
async def account(yard: Yard) -> str:
    return await yard.account("mitake")


@pytest.mark.usefixtures("clock")
async def test_a_limit_of_one_lets_one_leave_and_the_next_a_second_later(yard: Yard, account: str) -> None:
    limits = RateLimits(yard.database)
    waits = [await limits.reserve(yard.workspace_id, account, 1, 1.0) for _ in range(4)]
    assert waits == [0, 1, 2, 3]


@pytest.mark.usefixtures("clock")
async def test_moments_are_exactly_apart(yard: Yard, account: str) -> None:
    limits = RateLimits(yard.database)
    waits = [await limits.reserve(yard.workspace_id, account, 1, 40.0) for _ in range(20)]
    assert waits == [number * 25 / 1000 for number in range(20)]


@pytest.mark.usefixtures("clock")
async def test_a_take_of_many_is_paid_for_by_the_next(yard: Yard, account: str) -> None:
    limits = RateLimits(yard.database)
    assert await limits.reserve(yard.workspace_id, account, 50, 10.0) <= 0
    assert await limits.reserve(yard.workspace_id, account, 1, 10.0) == 5.0


async def test_time_that_nobody_used_is_not_saved_up(yard: Yard, account: str, clock: Clock) -> None:
    limits = RateLimits(yard.database)
    await limits.reserve(yard.workspace_id, account, 1, 100.0)
    clock.later(10)
    waits = [await limits.reserve(yard.workspace_id, account, 1, 2.0) for _ in range(3)]
    assert waits == [0, 0.5, 1.0]


async def test_acquiring_waits_for_the_moment(yard: Yard, account: str) -> None:
    limits = RateLimits(yard.database)
    start = time.monotonic()
    for _ in range(4):
        await limits.acquire(yard.workspace_id, account, 1, 20.0)
    assert time.monotonic() - start >= 0.148


@pytest.mark.usefixtures("clock")
async def test_being_told_to_slow_down_moves_every_moment(yard: Yard, account: str) -> None:
    limits = RateLimits(yard.database)
    await limits.hold(yard.workspace_id, account, 3.0)
    await limits.hold(yard.workspace_id, account, 1.0)  # an older, shorter wish does not shorten it
    assert await limits.reserve(yard.workspace_id, account, 1, 10.0) == 3.0
    assert await limits.reserve(yard.workspace_id, account, 1, 10.0) == 3.1


async def test_accounts_do_not_wait_for_each_other(yard: Yard, account: str) -> None:
    other = await yard.account("mitake", "other")
    limits = RateLimits(yard.database)
    await limits.hold(yard.workspace_id, account, 60.0)
    assert await limits.reserve(yard.workspace_id, other, 1, 1.0) <= 0


@pytest.mark.postgres
@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_processes_that_share_a_database_share_the_limit(yard: Yard, account: str) -> None:
    elsewhere = Database(yard.database.url)
    both = [RateLimits(yard.database), RateLimits(elsewhere)]
    waits = await asyncio.gather(
        *(both[number % 2].reserve(yard.workspace_id, account, 1, 50.0) for number in range(60))
    )
    assert sorted(waits) == [number * 20 / 1000 for number in range(60)]
    await asyncio.to_thread(elsewhere.close)
