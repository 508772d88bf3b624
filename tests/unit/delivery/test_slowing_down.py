"""
A provider that wants quiet, or nothing of an account at all, is heard by everything that was about to leave.
"""

import time
from typing import Any

import pytest

from sendyard.delivery import lane as lane_module
from sendyard.delivery.settling import Settled
from sendyard.domain.errors import ErrorKind
from sendyard.emulator.scenarios import Latency, Refuse, Throttle
from tests.running import AMERICA, Running


def heard_wishes(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the lane heard that it shall slow down, in seconds of the clock on the wall; filled while it runs."""
    heard: list[float] = []
    real = lane_module.settle  # type: ignore[attr-defined]

    def settle(*given: Any, **rest: Any) -> Settled:
        settled: Settled = real(*given, **rest)
        if settled.hold:
            heard.append(time.time())
        return settled

    monkeypatch.setattr(lane_module, "settle", settle)
    return heard


async def test_the_provider_s_wish_to_slow_down_is_obeyed_by_all(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = heard_wishes(monkeypatch)
    account = await running.account("twilio", open_requests=5)
    running.scenario(Throttle(retry_after=2), count=1)
    ids = await running.queue(account, count=40, pattern=AMERICA)
    running.start()
    await running.reach(ids, "delivered")
    # The four other requests that were open may end, however slowly; nothing new leaves within those two seconds.
    arrived = [letter.at.timestamp() - heard[0] for letter in running.letters()]
    assert sum(0 < at < 1.95 for at in arrived) <= 4
    assert len(arrived) == 40


@pytest.mark.parametrize("seconds", [1.0, 2.0])
async def test_what_was_posted_ahead_keeps_quiet_too(
    running: Running, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    heard = heard_wishes(monkeypatch)
    account = await running.account("twilio", open_requests=2)
    running.scenario(Latency(seconds=0.1), count=2)
    running.scenario(Throttle(retry_after=seconds), count=2)
    ids = await running.queue(account, count=8, pattern=AMERICA)
    running.start()
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 8
    first = min(letter.at.timestamp() for letter in running.letters())
    assert first - heard[0] >= seconds - 0.05


async def test_what_was_posted_ahead_does_not_knock_where_the_account_is_refused(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "_BARRED", 600.0)  # however long the pause takes to be written and known
    account = await running.account("twilio", open_requests=2)
    running.scenario(Latency(seconds=0.1))
    running.scenario(Refuse(kind=ErrorKind.AUTH_FAILED))
    ids = await running.queue(account, count=8, pattern=AMERICA)
    running.start()

    async def paused() -> bool:
        return not running.dispatcher.usable(account)

    await running.until(paused)
    await running.stop()
    assert set(running.statuses(ids)) == {"queued"}
    ((knocks,),) = running.yard.rows("SELECT count(*) FROM exchanges WHERE http_status IS NOT NULL")
    assert knocks <= 2
