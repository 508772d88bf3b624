"""
From rows to messages, through crashes, pauses and second processes; and how campaigns end.
"""

import asyncio
import contextlib
import random
from typing import Any

import pytest

from sendyard.delivery.queries import suppress
from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns import Expander
from sendyard.features.campaigns.outcomes import queries as outcomes
from sendyard.features.campaigns.queries import CampaignRow, active_campaigns
from sendyard.ledger.cancel import cancel_message
from sendyard.ledger.entries import Claimed
from sendyard.ledger.recovery import postpone
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction
from tests.features.campaign_play import Play, number, play_on, sheet
from tests.yard import Yard

_SHARE = "sendyard.features.campaigns.outcomes.completion._SHARE"


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


async def active(play: Play) -> list[CampaignRow]:
    return await play.yard.database.read(active_campaigns)


async def watch(play: Play, expander: Expander | None = None) -> None:
    await (expander or play.expander()).watch(await active(play))


def expected(count: int) -> list[str]:
    return [f"+886{number(position)[1:]}" for position in range(count)]


async def test_every_good_row_becomes_one_message_in_the_order_of_the_file(play: Play) -> None:
    campaign_id = await play.prepared(sheet(1234))
    assert play.addresses(campaign_id) == expected(1234)
    assert await play.status(campaign_id) == "sending"
    rows = play.rows("SELECT m.row, content, purpose, batch_id FROM messages m WHERE m.row = 2")
    assert rows == [(2, '"Hi Name 0"', "transactional", None)]


async def test_the_first_messages_can_leave_while_others_are_prepared(play: Play) -> None:
    campaign_id = await play.started(sheet(30))
    (campaign,) = await active(play)
    assert await play.expander().expand(campaign, chunk=10)
    assert await play.status(campaign_id) == "preparing"
    assert play.hand_over() == expected(10)


async def test_crashes_at_any_chunk_neither_skip_nor_repeat_a_row(play: Play) -> None:
    chance = random.Random(7)
    campaign_id = await play.started(sheet(700))
    for _ in range(200):
        found = await active(play)
        if found[0].status == "sending":
            break
        # What a process read before another went on, or before it died, is worth nothing afterwards.
        stale = found[0]
        await play.expander().expand(found[0], chunk=chance.randrange(1, 60))
        assert not await play.expander().expand(stale, chunk=chance.randrange(1, 60))
    assert await play.status(campaign_id) == "sending"
    assert play.addresses(campaign_id) == expected(700)


async def test_a_chunk_that_cannot_be_written_leaves_no_trace_and_is_done_again(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await play.started(sheet(20))
    (campaign,) = await active(play)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr("sendyard.features.campaigns.expansion.refuse_rows", broken)
        with pytest.raises(RuntimeError):
            await play.expander().expand(campaign, chunk=10)
    assert play.addresses(campaign_id) == []
    assert await play.expander().expand(campaign, chunk=10)
    assert play.addresses(campaign_id) == expected(10)


async def test_two_processes_at_once_prepare_every_row_once(play: Play) -> None:
    campaign_id = await play.started(sheet(2600))
    other = Database(play.yard.database.url)
    try:
        expanders = [play.expander(), Expander(other, play.yard.directory)]

        async def work(expander: Expander) -> None:
            while await play.status(campaign_id) == "preparing":
                await expander.round()

        await asyncio.wait_for(asyncio.gather(*map(work, expanders)), 110)
    finally:
        other.close()
    assert play.addresses(campaign_id) == expected(2600)


async def test_pauses_and_resumptions_at_random_moments_lose_nobody(play: Play) -> None:
    chance = random.Random(11)
    campaign_id = await play.started(sheet(400))
    reached: list[str] = []
    expander = play.expander()
    for _ in range(60):
        match chance.randrange(4):
            case 0:
                await play.campaigns.pause(play.yard.workspace_id, campaign_id)
                assert play.hand_over() == []
                for campaign in await active(play):
                    await expander.expand(campaign, chunk=5)
                await play.campaigns.resume(play.yard.workspace_id, campaign_id)
            case 1:
                reached += play.hand_over(limit=chance.randrange(1, 20))
            case _:
                for campaign in await active(play):
                    await expander.expand(campaign, chunk=chance.randrange(1, 40))
    while await expander.round():
        pass
    reached += play.hand_over()
    assert sorted(reached) == expected(400)


async def test_a_paused_campaign_is_not_prepared_further(play: Play) -> None:
    campaign_id = await play.started(sheet(20))
    (campaign,) = await active(play)
    await play.campaigns.pause(play.yard.workspace_id, campaign_id)
    assert not await play.expander().expand(campaign, chunk=10)
    assert not await play.expander().round()
    assert play.addresses(campaign_id) == []


async def test_a_resumed_campaign_goes_back_to_where_it_was(play: Play) -> None:
    campaign_id = await play.prepared(sheet(3))
    await play.campaigns.pause(play.yard.workspace_id, campaign_id)
    assert (await play.campaigns.resume(play.yard.workspace_id, campaign_id))["status"] == "sending"


@pytest.mark.parametrize("prepared", [0, 40, 2500])
async def test_a_cancelled_campaign_hands_nothing_over_and_ends_every_message(play: Play, prepared: int) -> None:
    campaign_id = await play.started(sheet(2500))
    (campaign,) = await active(play)
    if prepared:
        await play.expander().expand(campaign, chunk=prepared)
    sent = play.hand_over(limit=10) if prepared else []
    await play.campaigns.cancel(play.yard.workspace_id, campaign_id)
    assert play.hand_over() == []
    await watch(play)
    counts = (await play.progress(campaign_id))["counts"]
    assert counts == {name: count for name, count in
                      {"cancelled": max(0, prepared - 10), "delivered": len(sent)}.items() if count}  # fmt: skip
    assert await play.status(campaign_id) == "cancelled"
    assert not await play.expander().expand(campaign, chunk=10)


async def test_people_suppressed_since_the_file_was_read_get_nothing(play: Play) -> None:
    campaign_id = await play.draft(sheet(3))
    await play.yard.database.write(
        lambda tx: suppress(tx, play.yard.workspace_id, expected(1)[0], channel="sms", reason="opted_out",
                            source="reply", now=now_ms())
    )  # fmt: skip
    await play.campaigns.start(play.yard.workspace_id, campaign_id)
    while await play.expander().round():
        pass
    assert play.hand_over() == expected(3)[1:]
    await watch(play)
    found = await play.progress(campaign_id)
    assert found["counts"] == {"delivered": 2, "suppressed": 1}
    assert found["status"] == "completed"


async def test_rows_that_cannot_be_sent_are_refused_with_their_address_and_count_as_failures(play: Play) -> None:
    await play.yard.hourly_limit(1)
    first = await play.prepared(sheet(2))
    play.hand_over()
    second = await play.prepared(sheet(3))
    refused = await play.campaigns.recipients(play.yard.workspace_id, second, status="refused")
    assert [(row["row"], row["to"], row["code"]) for row in refused] == [
        (2, expected(1)[0], "recipient_limit"),
        (3, expected(2)[1], "recipient_limit"),
    ]
    assert play.hand_over() == expected(3)[2:]
    await watch(play)
    assert [await play.status(one) for one in (first, second)] == ["completed", "completed_with_failures"]
    await play.yard.hourly_limit(0)
    assert (await play.campaigns.retry_failed(play.yard.workspace_id, second))["recipients"] == 2


async def test_a_campaign_is_over_when_every_message_is_settled(play: Play) -> None:
    campaign_id = await play.prepared(sheet(3))
    expander = play.expander()
    play.hand_over(limit=2)
    await watch(play, expander)
    assert await play.status(campaign_id) == "sending"
    play.hand_over()
    await watch(play, expander)
    found = await play.get(campaign_id)
    assert (found["status"], found["finished_at"] >= found["started_at"]) == ("completed", True)


async def test_the_end_is_seen_at_once_however_long_a_look_took(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_SHARE, 10_000_000)
    campaign_id = await play.prepared(sheet(3))
    expander = play.expander()
    play.hand_over(limit=2)
    await watch(play, expander)
    play.hand_over()
    await watch(play, expander)
    assert await play.status(campaign_id) == "completed"


async def test_a_look_goes_on_where_the_one_before_found_a_message_under_way(play: Play) -> None:
    campaign_id = await play.prepared(sheet(4))
    asked: list[tuple[int, int]] = []
    next_under_way = outcomes.next_under_way

    def note(
        tx: Transaction, campaign_id: str, *, from_row: int, limit: int, reports_since: int
    ) -> tuple[int | None, int | None]:
        asked.append((from_row, limit))
        return next_under_way(tx, campaign_id, from_row=from_row, limit=limit, reports_since=reports_since)

    expander = play.expander()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(outcomes, "next_under_way", note)
        await watch(play, expander)
        play.hand_over(limit=2)
        await watch(play, expander)
        await watch(play, expander)
        # One that was settled moves again meanwhile: it is found, though it lies behind.
        play.yard.database.write_now(
            lambda tx: tx.run("UPDATE messages SET status = 'sent', sent_at = ? WHERE row = 2", (now_ms(),))
        )
        play.hand_over()
        await watch(play, expander)
        assert await play.status(campaign_id) == "sending"
        play.yard.database.write_now(lambda tx: tx.run("UPDATE messages SET status = 'delivered' WHERE row = 2"))
        await watch(play, expander)
    assert asked == [
        (0, 1),
        (2, 1), (3, 8),
        (4, 1),
        (4, 1), (5, 8), (6, 64),
        (0, 1), (3, 8), (6, 64),
    ]  # fmt: skip
    assert await play.status(campaign_id) == "completed"


async def test_a_look_at_everything_that_took_a_while_is_not_repeated_at_once(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_SHARE, 10_000_000)
    campaign_id = await play.prepared(sheet(1))
    expander = play.expander()
    play.hand_over(lambda _message: MessageStatus.UNKNOWN, closing="doubtful")
    await watch(play, expander)
    play.yard.database.write_now(lambda tx: tx.run("UPDATE exchanges SET status = 'closed'"))
    await watch(play, expander)
    assert await play.status(campaign_id) == "sending"
    await watch(play)
    assert await play.status(campaign_id) == "completed_with_failures"


async def test_an_accepted_message_is_waited_for_until_its_report_is_overdue(play: Play) -> None:
    campaign_id = await play.prepared(sheet(1))
    play.hand_over(lambda _message: MessageStatus.SENT)
    await watch(play)
    assert await play.status(campaign_id) == "sending"
    await watch(play, play.expander(report_wait=-1))
    assert await play.status(campaign_id) == "completed"


async def test_an_unknown_outcome_is_waited_for_while_somebody_asks(play: Play) -> None:
    campaign_id = await play.prepared(sheet(1))
    play.hand_over(lambda _message: MessageStatus.UNKNOWN, closing="doubtful")
    await watch(play)
    assert await play.status(campaign_id) == "sending"
    ((exchange_id,),) = play.rows("SELECT id FROM exchanges")
    await play.yard.database.write(lambda tx: postpone(tx, exchange_id, next_try_at=None))
    await watch(play)
    assert await play.status(campaign_id) == "completed_with_failures"


async def test_a_message_that_someone_cancelled_is_no_failure(play: Play) -> None:
    campaign_id = await play.prepared(sheet(1))
    ((message_id,),) = play.rows("SELECT id FROM messages")
    await play.yard.database.write(lambda tx: cancel_message(tx, play.yard.workspace_id, message_id, now=now_ms()))
    await watch(play)
    assert await play.status(campaign_id) == "completed"


async def test_a_campaign_opens_again_when_a_late_report_sends_a_message_on_its_way(play: Play) -> None:
    campaign_id = await play.prepared(sheet(1))
    play.hand_over(lambda _message: MessageStatus.UNKNOWN)
    await watch(play)
    assert await play.status(campaign_id) == "completed_with_failures"
    await play.yard.database.write(
        lambda tx: tx.run("UPDATE messages SET status = 'queued', due_at = ? WHERE group_id = ?", (1, campaign_id))
    )
    await watch(play)
    assert await play.status(campaign_id) == "sending"
    assert play.hand_over() == expected(1)


def failing(*rows: int) -> Any:
    addresses = {expected(row + 1)[row] for row in rows}

    def verdict(message: Claimed) -> MessageStatus:
        return MessageStatus.FAILED if message.to.value in addresses else MessageStatus.SENT

    return verdict


async def test_twenty_failures_among_a_hundred_rows_pause_a_campaign_with_the_reason(play: Play) -> None:
    campaign_id = await play.prepared(sheet(300))
    expander = play.expander()
    await watch(play, expander)
    play.hand_over(failing(*range(100, 119)), limit=150)
    await watch(play, expander)
    assert await play.status(campaign_id) == "sending"
    play.hand_over(failing(150), limit=1)
    await watch(play, expander)
    found = await play.get(campaign_id)
    assert found["status"] == "paused"
    assert "20 of the rows 100 to 199 failed" in found["pause_reason"]
    assert play.hand_over() == []


async def test_a_resumed_campaign_is_not_stopped_for_what_is_known(play: Play) -> None:
    campaign_id = await play.prepared(sheet(60))
    expander = play.expander()
    await watch(play, expander)
    play.hand_over(failing(*range(40)), limit=40)
    await watch(play, expander)
    assert await play.status(campaign_id) == "paused"
    await play.campaigns.resume(play.yard.workspace_id, campaign_id)
    await watch(play, expander)
    assert await play.status(campaign_id) == "sending"
    assert (await play.get(campaign_id))["pause_reason"] == ""


async def test_failures_spread_over_the_file_pause_nothing(play: Play) -> None:
    campaign_id = await play.prepared(sheet(400))
    expander = play.expander()
    await watch(play, expander)
    play.hand_over(failing(*range(0, 400, 10)))
    await watch(play, expander)
    assert await play.status(campaign_id) == "sending"


async def test_failures_of_a_campaign_that_was_stopped_are_forgotten(play: Play) -> None:
    campaign_id = await play.prepared(sheet(60))
    expander = play.expander()
    await watch(play, expander)
    play.hand_over(failing(*range(10)), limit=10)
    await watch(play, expander)
    play.hand_over(failing(*range(10, 15)), limit=5)
    await play.campaigns.pause(play.yard.workspace_id, campaign_id)
    await watch(play, expander)
    await play.campaigns.resume(play.yard.workspace_id, campaign_id)
    play.hand_over(failing(*range(15, 30)), limit=15)
    await watch(play, expander)
    assert await play.status(campaign_id) == "sending"


async def test_automatic_pause_can_be_turned_off(play: Play) -> None:
    campaign_id = await play.prepared(sheet(60))
    expander = play.expander(watch_failures=False)
    play.hand_over(failing(*range(50)), limit=50)
    await watch(play, expander)
    assert await play.status(campaign_id) == "sending"


async def test_an_import_that_died_is_cleared_away(play: Play) -> None:
    kept = await play.draft(sheet(1))
    died = await play.draft(sheet(1200))
    hours_ago = now_ms() - 7 * 3600 * 1000
    await play.yard.database.write(
        lambda tx: tx.run("UPDATE campaigns SET expanded_to = -1, created_at = ? WHERE id = ?", (hours_ago, died))
    )
    assert [one["id"] for one in await play.campaigns.list(play.yard.workspace_id)] == [kept]
    await play.expander().round()
    assert play.rows("SELECT id FROM campaigns") == [(kept,)]
    assert play.rows("SELECT DISTINCT campaign_id FROM campaign_recipients") == [(kept,)]
    assert len(play.rows("SELECT id FROM template_versions")) == 1


async def test_the_loop_prepares_sends_and_ends_and_outlives_trouble(
    play: Play, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sendyard.features.campaigns.expansion._PAUSE_AFTER_ERROR", 0.01)
    expander = play.expander()
    round_, calls = expander.round, iter([RuntimeError("the database is away")])

    async def troubled() -> bool:
        for error in calls:
            raise error
        return await round_()

    monkeypatch.setattr(expander, "round", troubled)
    campaign_id = await play.started(sheet(700))
    task = asyncio.create_task(expander.run())
    async with asyncio.timeout(60):
        while await play.status(campaign_id) != "completed":
            await asyncio.to_thread(play.hand_over)
            await asyncio.sleep(0.05)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert play.addresses(campaign_id) == expected(700)
    assert "trying again" in caplog.text
