"""
One lane by itself: what it holds, what it gives back, and what it may not do.
"""

import asyncio
import time
from typing import Any

import pytest

from sendyard.delivery import lane as lane_module
from sendyard.delivery.lane import Lane
from sendyard.domain.channels import Purpose
from sendyard.domain.content import Text
from sendyard.emulator.scenarios import Latency
from sendyard.ledger.cancel import cancel_message
from sendyard.storage.identifiers import now_ms
from tests.running import AMERICA, PATIENCE, Running


def lane_of(running: Running, account: str) -> Lane:
    return Lane(
        account,
        entry_of=running.yard.directory.account,
        database=running.yard.database,
        transport=running.transport,
        limits=running.dispatcher.limits,
        policy=running.dispatcher.policy,
        threshold=running.dispatcher.threshold,
        breaker=running.dispatcher.breaker(account),
        recorder=running.dispatcher,
        tokens=running.dispatcher.tokens,
        owner="worker-1",
    )


async def test_a_paused_account_gives_its_messages_back(running: Running) -> None:
    account = await running.account("twilio", rate_per_second=1)
    ids = await running.queue(account, count=60, pattern=AMERICA)
    running.start()

    async def one_left() -> bool:
        return len(running.letters()) >= 1

    await running.until(one_left)
    lane, _ = running.dispatcher._lanes[account]
    assert lane._held
    await running.yard.accounts.pause(running.yard.workspace_id, account)

    async def given_back() -> bool:
        return not lane._held and not running.yard.rows(
            "SELECT 1 FROM messages WHERE status = 'queued' AND lease_owner IS NOT NULL"
        )

    await running.until(given_back)
    assert "queued" in running.statuses(ids)
    await running.run_sql("UPDATE accounts SET rate_per_second = '500'")
    await running.run_sql("DELETE FROM rate_buckets")
    running.dispatcher.limits._next_free.clear()
    await running.yard.accounts.resume(running.yard.workspace_id, account)
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 60


async def test_a_defect_with_one_message_costs_only_that_message(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, other = await running.account("mitake"), await running.account("mitake", "other")
    entry = running.yard.directory.account(account)
    assert entry is not None
    kind = type(entry.adapter)
    real = kind.build_submit

    def picky(self: Any, call: Any, batch: Any) -> Any:
        if any(outgoing.content == Text("poison") for outgoing in batch):
            raise ValueError("not this one")
        return real(self, call, batch)

    monkeypatch.setattr(kind, "build_submit", picky)
    poison = await running.queue(account, content=Text("poison"))
    good = await running.queue(account, count=5)
    twice = await running.queue(account, other, content=Text("poison"))
    running.start()
    await running.reach(good, "delivered")
    await running.reach(poison + twice, "failed")
    row = running.books.row(poison[0])
    assert (row["error_kind"], row["error_code"]) == ("unsupported", "cannot_build")
    assert running.books.row(twice[0])["attempts"] == 2
    assert not running.dispatcher.breaker(account).is_open


async def test_what_is_cancelled_in_its_hands_leaves_the_batch(running: Running) -> None:
    account = await running.account("mitake")
    ids = await running.queue(account, count=3)
    lane = lane_of(running, account)
    entry = running.yard.directory.account(account)
    assert entry is not None
    await lane._fill(entry, 5)
    assert [message.id for message in lane._held] == ids
    await running.yard.database.write(lambda tx: cancel_message(tx, running.yard.workspace_id, ids[1], now=now_ms()))
    running.start()  # records what the lane below finishes
    assert await lane._let_leave(entry, 5, probe=False)
    await running.reach([ids[0], ids[2]], "delivered")
    assert running.statuses([ids[1]]) == ["cancelled"]
    assert len(running.letters()) == 2
    assert running.yard.rows("SELECT size FROM exchanges") == [(2,)]


async def test_a_lane_stopped_while_it_hands_over_still_hands_over(running: Running) -> None:
    account = await running.account("twilio", open_requests=8)
    running.scenario(Latency(seconds=0.1))
    ids = await running.queue(account, count=8, pattern=AMERICA)
    lane = lane_of(running, account)
    entered, leave = asyncio.Event(), asyncio.Event()
    real = running.yard.database.write

    async def slow(work: Any) -> Any:
        done = await real(work)
        if isinstance(done, set):  # those that may leave: committed, and nobody has been told yet
            entered.set()
            await leave.wait()
        return done

    running.yard.database.write = slow  # type: ignore[method-assign]
    task = asyncio.create_task(lane.run())
    await asyncio.wait_for(entered.wait(), PATIENCE)
    task.cancel()
    await asyncio.sleep(0.05)
    running.yard.database.write = real  # type: ignore[method-assign]
    leave.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(running.letters()) == 8
    assert len(running.dispatcher._finished) == 8
    assert set(running.statuses(ids)) == {"sending"}  # the dispatcher would record them now


async def test_a_window_is_posted_ahead_and_beyond_that_only_what_is_urgent(running: Running) -> None:
    account = await running.account("twilio", open_requests=20)
    entry = running.yard.directory.account(account)
    assert entry is not None
    lane = lane_of(running, account)
    assert await lane._free_slots(entry) == 20
    lane._posted = 20
    assert await lane._free_slots(entry) == 20
    lane._posted = 40
    for _ in range(18):
        await lane._gate.enter(Purpose.PROMOTIONAL.priority, 20)
    behind = asyncio.create_task(lane._gate.enter(Purpose.PROMOTIONAL.priority, 20))
    await running.queue(account, pattern=AMERICA, purpose=Purpose.PROMOTIONAL)
    await lane._fill(entry, 20)
    waiting = asyncio.create_task(lane._free_slots(entry))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await running.queue(account, pattern=AMERICA, purpose=Purpose.OTP)
    lane.stir()
    assert await asyncio.wait_for(waiting, PATIENCE) == 1
    assert [message.purpose for message in lane._held] == [Purpose.OTP, Purpose.PROMOTIONAL]
    lane._posted = 60
    waiting = asyncio.create_task(lane._free_slots(entry))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    waiting.cancel()
    lane._gate.leave()
    await asyncio.wait_for(behind, PATIENCE)


async def test_what_would_overtake_nothing_waits_its_turn(running: Running) -> None:
    account = await running.account("twilio", open_requests=20)
    entry = running.yard.directory.account(account)
    assert entry is not None
    lane = lane_of(running, account)
    await running.queue(account, pattern=AMERICA, count=3)
    await lane._fill(entry, 20)
    assert lane._overtaking() == 0
    lane._posted = 21
    waiting = asyncio.create_task(lane._free_slots(entry))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    lane._posted = 15
    lane.stir()
    assert await asyncio.wait_for(waiting, PATIENCE) == 20


async def test_a_lane_that_cannot_record_stops_handing_over(running: Running) -> None:
    account = await running.account("twilio", open_requests=1)
    entry = running.yard.directory.account(account)
    assert entry is not None
    lane = lane_of(running, account)
    lane._unrecorded = 65
    waiting = asyncio.create_task(lane._free_slots(entry))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    lane.recorded()
    assert await asyncio.wait_for(waiting, PATIENCE) == 1


async def test_a_provider_that_refuses_the_account_is_not_asked_again_at_once(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await running.account("mitake")
    lane = lane_of(running, account)
    monkeypatch.setattr(lane_module, "_IDLE", 0.05)
    ids = await running.queue(account)
    lane._barred_until = time.monotonic() + 600
    task = asyncio.create_task(lane.run())
    await asyncio.sleep(0.15)
    assert running.statuses(ids) == ["queued"]
    lane._barred_until = time.monotonic()

    async def left() -> bool:
        return len(running.letters()) == 1

    await running.until(left)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_fill_is_limited_to_what_a_window_needs(running: Running) -> None:
    account = await running.account("twilio", open_requests=5)
    await running.queue(account, count=230, pattern=AMERICA)
    lane = lane_of(running, account)
    entry = running.yard.directory.account(account)
    assert entry is not None
    await lane._fill(entry, 5)
    assert len(lane._held) == 200
    await lane._fill(entry, 5)
    assert len(lane._held) == 200
    await lane.give_back()
    assert lane._held == []
    await lane.give_back()
    assert running.yard.rows("SELECT count(*) FROM messages WHERE lease_owner IS NOT NULL") == [(0,)]
