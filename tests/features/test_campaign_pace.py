"""
How fast a campaign goes, in which waves, and what stops it: throttle, waves, budget, trouble of accounts.
"""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from sendyard.delivery.queries import pause_account
from sendyard.domain.channels import Channel
from sendyard.domain.errors import Conflict, Invalid
from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns.plan import AutoPause, Budget, Plan, Throttle, Wave, When
from sendyard.features.campaigns.queries import active_campaigns
from sendyard.ledger.claim import claim
from sendyard.ledger.entries import Claimed, Exchange, Posting
from sendyard.ledger.posting import post
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction
from tests.features.campaign_play import Play, number, play_on, sheet
from tests.yard import Yard


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


def post_due(play: Play, now: int, *, database: Database | None = None, owner: str = "a", limit: int = 500) -> int:
    """Claim what is due at a moment and post it; gives how many might leave. Nothing is closed."""

    def work(tx: Transaction) -> int:
        claimed = claim(tx, play.account_id, limit, owner=owner, now=now, lease_until=now + 60_000)
        if not claimed:
            return 0
        postings = [Posting(message, message.attempts + 1, "") for message in claimed]
        exchange = Exchange(new_id(), play.yard.workspace_id, play.account_id, postings)
        return len(post(tx, [exchange], owner=owner, now=now, lease_until=now + 60_000))

    return (database or play.yard.database).write_now(work)


async def expand_all(play: Play) -> None:
    expander = play.expander()
    while await expander.round():
        pass


async def test_messages_of_a_throttled_campaign_have_moments_one_step_apart(play: Play) -> None:
    began = now_ms()
    campaign_id = await play.prepared(sheet(40), plan=Plan(throttle=Throttle(5)))
    moments = [at for (at,) in play.rows("SELECT due_at FROM messages m ORDER BY m.row")]
    gaps = {after - before for before, after in itertools.pairwise(moments[1:])}
    assert gaps <= {200}
    assert began <= moments[0] + 1000 <= now_ms() + 2000
    assert await play.status(campaign_id) == "sending"


async def test_no_more_is_prepared_than_leaves_soon(play: Play) -> None:
    began = now_ms()
    campaign_id = await play.prepared(sheet(400), plan=Plan(throttle=Throttle(10)))
    took = (now_ms() - began) / 1000
    assert 95 <= len(play.addresses(campaign_id)) <= 115 + 10 * took
    assert await play.status(campaign_id) == "preparing"


async def test_a_limit_of_one_lets_one_leave_whoever_asks_and_however_many_wait(play: Play) -> None:
    await play.prepared(sheet(20), plan=Plan(throttle=Throttle(1)))
    other = Database(play.yard.database.url)
    try:
        start = now_ms() + 60_000  # a minute later everything that was prepared is overdue
        left = []
        for step in range(0, 10_000, 100):
            sides = [(play.yard.database, "a"), (other, "b")]
            for database, owner in sides if step % 200 else reversed(sides):
                left += [start + step] * post_due(play, start + step, database=database, owner=owner)
    finally:
        other.close()
    assert 9 <= len(left) <= 11
    assert min(after - before for before, after in itertools.pairwise(left)) >= 950


async def test_a_throttle_is_kept_when_many_times_of_people_come_together(play: Play) -> None:
    plan = Plan(when=When(mode="local", time="12:00", passed="now"), throttle=Throttle(50))
    await play.prepared(sheet(300), plan=plan)
    play.yard.database.write_now(lambda tx: tx.run("UPDATE messages SET due_at = 1000 WHERE due_at IS NOT NULL"))
    start, left = now_ms() + 5000, 0
    for step in range(0, 3000, 20):
        left += post_due(play, start + step)
    assert 145 <= left <= 156
    for step in range(3000, 9000, 50):
        left += post_due(play, start + step)
    assert left == 300


async def test_a_throttle_can_be_set_and_taken_away_while_it_is_under_way(play: Play) -> None:
    from sendyard.features.campaigns import Changes  # noqa: PLC0415 - only here

    changes = Changes(play.yard.database, play.yard.directory)
    campaign_id = await play.prepared(sheet(100), plan=Plan(throttle=Throttle(1)))
    assert len(play.addresses(campaign_id)) < 20
    await changes.edit(play.yard.workspace_id, campaign_id, {"throttle": None})
    await expand_all(play)
    assert len(play.addresses(campaign_id)) == 100
    assert post_due(play, now_ms() + 30_000) == 100


async def test_two_campaigns_do_not_wait_for_each_others_throttle(play: Play) -> None:
    await play.prepared(sheet(5), plan=Plan(throttle=Throttle(1, "hour")))
    await play.prepared(b"phone,name\n" + b"".join(b"0911%06d,N\n" % at for at in range(50)))
    assert post_due(play, now_ms() + 1000) == 51


async def test_the_throttle_reaches_its_rate_and_not_more(play: Play) -> None:
    # 20 a second: the last of 31 leaves 1.5 s after the first, for somebody who looks every 10 ms.
    began = now_ms()
    await play.prepared(sheet(31), plan=Plan(throttle=Throttle(20)))
    ((first,),) = play.rows("SELECT min(due_at) FROM messages")
    assert began <= first <= now_ms() + 1000
    left: list[int] = []
    for moment in range(first, first + 5000, 10):
        left += [moment] * post_due(play, moment)
    assert len(left) == 31
    assert left[0] == first
    assert 1400 <= left[-1] - left[0] <= 1700


def failing(*rows: int) -> Any:
    addresses = {f"+886{number(row)[1:]}" for row in rows}

    def verdict(message: Claimed) -> MessageStatus:
        return MessageStatus.FAILED if message.to.value in addresses else MessageStatus.DELIVERED

    return verdict


async def watch(play: Play) -> None:
    expander = play.expander(watch_failures=False)
    await expander.round()
    await expander.watch(await play.yard.database.read(active_campaigns))
    while await expander.round():
        pass


async def test_a_wave_leaves_is_waited_for_judged_and_followed_by_the_next(play: Play) -> None:
    waves = (Wave(percent=5, wait_minutes=0, stop_above=3), Wave(count=10, wait_minutes=0, stop_above=3))
    campaign_id = await play.started(sheet(100), plan=Plan(waves=waves))
    await watch(play)
    assert len(play.hand_over()) == 5
    assert play.hand_over() == []
    await watch(play)
    await watch(play)
    assert len(play.hand_over()) == 10
    await watch(play)
    await watch(play)
    assert len(play.hand_over()) == 85
    found = (await play.get(campaign_id))["waves"]
    assert [(one["last_row"], one["ended"], one["figures"]["people"]) for one in found] == [
        (6, True, 5),
        (16, True, 15),
    ]
    assert await play.status(campaign_id) == "sending"


async def test_a_wave_waits_its_minutes_also_across_a_restart(play: Play) -> None:
    campaign_id = await play.started(sheet(20), plan=Plan(waves=(Wave(count=5, wait_minutes=30),)))
    await watch(play)
    play.hand_over()
    await watch(play)
    (wave,) = (await play.get(campaign_id))["waves"]
    assert not wave["ended"]
    assert 29 * 60_000 < wave["judged_at"] - now_ms() <= 30 * 60_000
    await watch(play)
    assert play.hand_over() == []
    play.yard.database.write_now(lambda tx: tx.run("UPDATE campaign_waves SET due_at = 1"))
    await watch(play)
    assert len(play.hand_over()) == 15


async def test_a_wave_in_which_too_many_fail_pauses_with_its_figures(play: Play) -> None:
    campaign_id = await play.started(sheet(50), plan=Plan(waves=(Wave(count=20, wait_minutes=0, stop_above=9.9),)))
    await watch(play)
    play.hand_over(failing(3, 5))
    await watch(play)
    found = await play.get(campaign_id)
    assert found["status"] == "paused"
    assert "Wave 1: 2 of 20 failed (10.0 %, more than 9.9 %)" in found["pause_reason"]
    assert found["waves"][0]["figures"]["failed_percent"] == 10
    await play.campaigns.resume(play.yard.workspace_id, campaign_id)
    await watch(play)
    assert len(play.hand_over()) == 30


async def test_a_budget_stops_before_it_is_exceeded_and_goes_on_when_raised(play: Play) -> None:
    from sendyard.features.campaigns import Changes  # noqa: PLC0415 - only here

    campaign_id = await play.prepared(sheet(30), plan=Plan(budget=Budget("0.52", "USD")))  # 0.05 a part
    found = await play.get(campaign_id)
    assert found["status"] == "paused"
    assert "The budget of 0.52 USD is used up: messages for 0.5 were made" in found["pause_reason"]
    assert len(play.addresses(campaign_id)) == 10
    await play.campaigns.resume(play.yard.workspace_id, campaign_id)
    await expand_all(play)
    assert (await play.get(campaign_id))["status"] == "paused"
    changes = Changes(play.yard.database, play.yard.directory)
    await changes.edit(play.yard.workspace_id, campaign_id, {"budget": Budget("2", "USD")})
    await play.campaigns.resume(play.yard.workspace_id, campaign_id)
    await expand_all(play)
    assert len(play.hand_over()) == 30
    warned = await play.draft(sheet(30), plan=Plan(budget=Budget("1", "USD")))
    checks = {c.check: c for c in (await play.campaigns.preflight(play.yard.workspace_id, warned)).checks}
    assert checks["budget"].level == "warn"
    with pytest.raises(Invalid) as refused:
        await play.started(sheet(1), plan=Plan(budget=Budget("1", "TWD")))
    assert (refused.value.code, refused.value.errors[0].pointer) == ("no_price", "/budget/currency")


async def test_a_budget_needs_a_price_at_every_account_of_the_route(play: Play) -> None:
    second = await play.yard.account("mitake", "free")
    await play.yard.routes.set(play.yard.workspace_id, channel=Channel.SMS, accounts=[play.account_id, second])
    campaign_id = await play.prepared(sheet(3), plan=Plan(budget=Budget("5", "USD")))
    found = await play.get(campaign_id)
    assert (found["status"], "no price in USD" in found["pause_reason"]) == ("paused", True)


async def test_an_account_that_its_provider_refuses_pauses_the_campaigns_that_wait_for_it(play: Play) -> None:
    pausing = await play.prepared(sheet(2))
    patient = await play.prepared(b"phone,name\n0911111111,A\n", plan=Plan(auto_pause=AutoPause(account_trouble=False)))
    await play.yard.accounts.pause(play.yard.workspace_id, play.account_id)
    await play.yard.directory.refresh()
    await watch(play)
    assert [await play.status(one) for one in (pausing, patient)] == ["sending", "sending"]
    await play.yard.database.write(lambda tx: pause_account(tx, play.account_id, "auth_failed: the key is wrong"))
    await play.yard.accounts.resume(play.yard.workspace_id, play.account_id)
    await play.yard.database.write(lambda tx: pause_account(tx, play.account_id, "auth_failed: the key is wrong"))
    await play.yard.directory.refresh()
    await watch(play)
    assert [await play.status(one) for one in (pausing, patient)] == ["paused", "sending"]
    assert "auth_failed: the key is wrong" in (await play.get(pausing))["pause_reason"]


async def test_a_low_balance_pauses_those_who_asked_for_it(play: Play) -> None:
    asked: list[str] = []

    async def balance(_workspace: str, account: str) -> Decimal:
        asked.append(account)
        return Decimal("3.20")

    careful = await play.prepared(sheet(2), plan=Plan(auto_pause=AutoPause(balance_below="5")))
    calm = await play.prepared(b"phone,name\n0911111111,A\n", plan=Plan(auto_pause=AutoPause(balance_below="1")))
    expander = play.expander(balance=balance)
    for _ in range(3):
        await expander.watch(await play.yard.database.read(active_campaigns))
    assert [await play.status(one) for one in (careful, calm)] == ["paused", "sending"]
    assert "has 3.20 left, less than 5" in (await play.get(careful))["pause_reason"]
    assert asked == [play.account_id]


async def test_a_provider_that_tells_no_balance_stops_nobody(play: Play) -> None:
    async def balance(_workspace: str, _account: str) -> Decimal:
        raise Conflict("not_supported", "It does not tell.")

    campaign_id = await play.prepared(sheet(2), plan=Plan(auto_pause=AutoPause(balance_below="5")))
    await play.expander(balance=balance).watch(await play.yard.database.read(active_campaigns))
    assert await play.status(campaign_id) == "sending"


async def test_how_many_failures_of_how_many_rows_pause_is_the_campaigns_choice(play: Play) -> None:
    plan = Plan(auto_pause=AutoPause(failures=2, of=10))

    def verdict(*rows: int) -> Any:
        told = failing(*rows)
        return lambda message: MessageStatus.FAILED if told(message) is MessageStatus.FAILED else MessageStatus.SENT

    for rows, status in (((0, 9, 20), "sending"), ((10, 11), "paused")):
        campaign_id = await play.prepared(sheet(40), plan=plan)
        expander = play.expander()
        await expander.watch(await play.yard.database.read(active_campaigns))
        play.hand_over(verdict(*rows))
        await expander.watch(await play.yard.database.read(active_campaigns))
        assert await play.status(campaign_id) == status
    assert "2 of the rows 10 to 19 failed" in (await play.get(campaign_id))["pause_reason"]
