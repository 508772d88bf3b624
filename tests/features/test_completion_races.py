"""
The ends of campaigns and drips: in the very moment in which new people come, and by a process that dies over it.
"""

import asyncio
import threading

import pytest

from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns import queries
from sendyard.features.campaigns.drips import queries as drip_queries
from sendyard.features.campaigns.outcomes import queries as outcomes
from sendyard.features.campaigns.outcomes.completion import Completion
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction
from tests.features.campaign_play import sheet
from tests.features.drip_play import DripPlay, phone, step
from tests.yard import Yard


@pytest.fixture
async def play(yard: Yard) -> DripPlay:
    return await DripPlay.on(yard)


async def settled_step(play: DripPlay) -> tuple[str, CampaignRow]:
    """A drip whose one message so far was delivered; its id and the campaign of its step."""
    drip_id = await play.started(step("One"), numbers=[phone(1)])
    play.play.hand_over()
    (campaign,) = await play.yard.database.read(queries.active_campaigns)
    return drip_id, campaign


async def test_a_step_that_somebody_reaches_while_it_is_judged_is_not_completed(play: DripPlay) -> None:
    drip_id, campaign = await settled_step(play)
    turn = await play.yard.database.read(lambda tx: queries.turn_of(tx, campaign.id))
    await play.drips.add(play.id, drip_id, to=phone(2))
    await play.settle()
    done = await play.yard.database.write(
        lambda tx: queries.complete(tx, campaign.id, "completed", turn=turn, now=now_ms())
    )
    assert not done
    assert await play.play.status(campaign.id) == "sending"
    play.play.hand_over()
    assert await Completion(play.yard.database, 60).look(campaign) == "completed"


async def test_a_step_without_new_people_is_completed_and_opens_again_for_the_next(play: DripPlay) -> None:
    drip_id, campaign = await settled_step(play)
    assert await Completion(play.yard.database, 60).look(campaign) == "completed"
    await play.drips.add(play.id, drip_id, to=phone(2))
    await play.settle()
    assert (await play.play.get(campaign.id))["finished_at"] is None
    assert await play.play.status(campaign.id) == "sending"


async def test_of_two_transactions_at_once_the_one_that_brings_people_has_the_last_word(play: DripPlay) -> None:
    drip_id, campaign = await settled_step(play)
    database = play.yard.database
    turn = await database.read(lambda tx: queries.turn_of(tx, campaign.id))
    brought, ending = threading.Event(), threading.Event()

    def bring(tx: Transaction) -> None:
        tx.run("UPDATE drips SET turn = turn + 1 WHERE id = ?", (drip_id,))
        queries.reopen(tx, campaign.id)
        brought.set()
        # On SQLite nobody else writes meanwhile; on PostgreSQL the other one stands before the locked row by then.
        ending.wait(10 if database.dialect == "postgresql" else 0)

    def end(tx: Transaction) -> bool:
        ending.set()
        return queries.complete(tx, campaign.id, "completed", turn=turn, now=now_ms())

    first = asyncio.create_task(database.write(bring))
    await asyncio.to_thread(brought.wait, 10)
    assert not await database.write(end)
    await first
    assert await play.play.status(campaign.id) == "sending"


async def test_everybody_leaves_a_drip_whose_end_was_cut_short(play: DripPlay) -> None:
    drip_id = await play.started(numbers=[phone(1), phone(2)])
    # All that a process did which was killed behind its first commit.
    await play.yard.database.write(lambda tx: drip_queries.cancel(tx, drip_id, now=now_ms()))
    assert (await play.get(drip_id))["people"]["active"] == 2
    await play.settle()
    assert [(one["state"], one["why"]) for one in await play.people(drip_id)] == [("left", "cancelled")] * 2


async def test_a_message_whose_doubt_ends_while_it_is_judged_is_waited_for(
    play: DripPlay, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await play.play.prepared(sheet(1))
    play.play.hand_over(lambda _message: MessageStatus.UNKNOWN, closing="doubtful")
    (campaign,) = await play.yard.database.read(queries.active_campaigns)
    asked = outcomes.is_in_doubt
    times = iter(range(2))

    def answered_meanwhile(tx: Transaction, id_: str) -> bool:
        if next(times) == 0:
            return False  # it was being handed over then, which was not seen either
        play.yard.database.write_now(lambda other: _answer(other, campaign_id))
        return asked(tx, id_)

    monkeypatch.setattr(outcomes, "is_in_doubt", answered_meanwhile)
    assert await Completion(play.yard.database, 60).look(campaign) is None
    assert play.yard.rows("SELECT status FROM messages") == [("sent",)]


def _answer(tx: Transaction, campaign_id: str) -> None:
    """The provider says that it has the message, so nobody asks for it any more."""
    tx.run("UPDATE messages SET status = 'sent', sent_at = ? WHERE group_id = ?", (now_ms(), campaign_id))
    tx.run("UPDATE exchanges SET status = 'closed'")
