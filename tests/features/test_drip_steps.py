"""
How the steps of a drip stand: over only when nobody waits for them and nothing of them moves.
"""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns.drips.step_status import step_status
from sendyard.features.campaigns.plan import Budget
from tests.features.campaign_play import sheet
from tests.features.drip_play import DAY, THREE, DripPlay, phone, step
from tests.yard import Yard


@pytest.fixture
async def play(yard: Yard) -> DripPlay:
    return await DripPlay.on(yard)


async def stand(play: DripPlay, drip_id: str) -> list[tuple[str, int]]:
    """Of each step its status and how many wait for it, after the loops have looked at what is over."""
    await play.play.expander().round()
    return [(one["status"], one["waiting"]) for one in (await play.get(drip_id))["steps"]]


async def test_a_step_is_over_only_when_everybody_has_had_it_and_every_message_is_settled(play: DripPlay) -> None:
    made = await play.make(*THREE, numbers=[phone(1), phone(2)])
    assert await stand(play, made["id"]) == [("draft", 2), ("draft", 0), ("draft", 0)]
    await play.drips.start(play.id, made["id"], by="bob")
    assert await stand(play, made["id"]) == [("under_way", 2), ("not_reached", 0), ("not_reached", 0)]
    await play.settle()
    assert await stand(play, made["id"]) == [("under_way", 0), ("under_way", 2), ("not_reached", 0)]
    play.play.hand_over(lambda _message: MessageStatus.SENT)
    assert (await stand(play, made["id"]))[0] == ("under_way", 0)
    play.yard.database.write_now(lambda tx: tx.run("UPDATE messages SET status = 'failed'"))
    assert await stand(play, made["id"]) == [("completed_with_failures", 0), ("under_way", 2), ("not_reached", 0)]
    await play.later(made["id"])
    play.play.hand_over()
    await play.drips.add(play.id, made["id"], to=phone(3))
    assert await stand(play, made["id"]) == [("under_way", 1), ("under_way", 0), ("under_way", 2)]


async def test_it_says_when_the_first_of_those_who_wait_is_due(play: DripPlay) -> None:
    drip_id = await play.started(*THREE, numbers=[phone(1)])
    await play.later(drip_id, DAY // 2)
    await play.drips.add(play.id, drip_id, to=phone(2))
    await play.settle()
    due = {one["next_at"] for one in await play.people(drip_id)}
    assert len(due) == 2
    assert [one["next_at"] for one in (await play.get(drip_id))["steps"]] == [None, min(due), None]


async def test_a_pause_holds_the_steps_that_somebody_waits_for_and_a_cancellation_ends_them(play: DripPlay) -> None:
    drip_id = await play.started(*THREE, numbers=[phone(1), phone(2)])
    play.play.hand_over()
    await play.later(drip_id)
    play.play.hand_over()
    await play.drips.add(play.id, drip_id, to=phone(3))
    await play.settle()
    play.play.hand_over()
    assert await stand(play, drip_id) == [("completed", 0), ("under_way", 1), ("under_way", 2)]
    await play.drips.pause(play.id, drip_id)
    assert await stand(play, drip_id) == [("completed", 0), ("paused", 1), ("paused", 2)]
    await play.drips.cancel(play.id, drip_id)
    # The second step was over for two people; the third of them did not come to it.
    assert await stand(play, drip_id) == [("completed", 0), ("cancelled", 0), ("cancelled", 0)]


async def test_a_step_is_one_for_everybody_however_often_they_came(play: DripPlay) -> None:
    drip_id = await play.started(step("One"), step("Two", days=1), numbers=[phone(1)], again=True, exit=("replied",))
    play.play.hand_over()
    play.reply(phone(1))
    await play.later(drip_id)
    assert await stand(play, drip_id) == [("completed", 0), ("not_reached", 0)]
    await play.drips.add(play.id, drip_id, to=phone(1))
    await play.settle()
    assert await stand(play, drip_id) == [("under_way", 0), ("under_way", 1)]
    second = play.yard.rows(
        "SELECT campaign_id FROM drip_steps WHERE drip_id = ? AND round = 2 AND number = 1", drip_id
    )
    await play.play.campaigns.pause(play.id, second[0][0])
    assert (await stand(play, drip_id))[0] == ("paused", 0)


@pytest.mark.parametrize(
    ("drip", "campaigns", "messages", "here", "before", "status"),
    [
        ("active", {"cancelled"}, {"delivered": 1}, 1, 0, "cancelled"),
        ("active", {"cancelled", "completed"}, {"delivered": 1}, 0, 0, "completed"),
        ("active", {"completed"}, {"unknown": 1}, 0, 0, "completed_with_failures"),
        ("active", {"sending"}, {"unknown": 1}, 0, 0, "under_way"),
        ("active", {"completed"}, {"delivered": 1, "refused": 1}, 0, 0, "completed_with_failures"),
        ("active", {"completed"}, {"delivered": 1}, 0, 1, "under_way"),
        ("active", {"completed"}, {"queued": 1}, 0, 0, "under_way"),
        ("paused", {"completed"}, {"sending": 1}, 0, 0, "paused"),
        ("cancelled", {"completed"}, {"delivered": 1}, 0, 0, "completed"),
        ("cancelled", {"completed"}, {}, 0, 0, "cancelled"),
        ("cancelled", {"completed", "cancelled"}, {"delivered": 1}, 0, 0, "cancelled"),
    ],
)
def test_what_a_step_is_called(
    drip: str, campaigns: set[str], messages: dict[str, int], here: int, before: int, status: str
) -> None:
    assert step_status(drip, campaigns, messages, here=here, before=before) == status


async def may_come(play: DripPlay, campaigns: Sequence[str]) -> list[tuple[str, bool]]:
    """Of the campaigns of steps their status, and whether people may still come to them."""
    await play.play.expander().round()
    found = [await play.play.get(one) for one in campaigns]
    told = [await play.play.campaigns.progress(play.id, one) for one in campaigns]
    assert [one["drip"] for one in told] == [one["drip"] for one in found]
    return [(one["status"], one["drip"]["people_may_come"]) for one in found]


async def test_the_campaign_of_a_step_says_whether_people_may_still_come_to_it(play: DripPlay) -> None:
    drip_id = await play.started(step("One"), step("Two", days=1), numbers=[phone(1)])
    campaigns = [one["campaign_id"] for one in (await play.get(drip_id))["steps"]]
    assert (await play.play.get(campaigns[1]))["drip"] == {
        "id": drip_id, "name": "Welcome", "step": 2, "people_may_come": True,
    }  # fmt: skip
    play.play.hand_over()
    assert await may_come(play, campaigns) == [("completed", True), ("completed", True)]
    await play.drips.edit(play.id, drip_id, {"steps": (step("Other"),)})
    assert await may_come(play, campaigns) == [("completed", False), ("completed", True)]
    await play.later(drip_id)
    play.play.hand_over()
    assert await may_come(play, campaigns) == [("completed", False), ("completed", False)]
    (newest,) = (one["campaign_id"] for one in (await play.get(drip_id))["steps"])
    assert await may_come(play, [newest]) == [("completed", True)]
    await play.drips.cancel(play.id, drip_id)
    assert (await may_come(play, [newest]))[0][1] is False


async def test_nobody_comes_to_a_step_that_was_cancelled_by_itself(play: DripPlay) -> None:
    drip_id = await play.started(*THREE, numbers=[phone(1)])
    second = (await play.get(drip_id))["steps"][1]["campaign_id"]
    await play.play.campaigns.cancel(play.id, second)
    assert await may_come(play, [second]) == [("cancelled", False)]


async def test_a_campaign_of_its_own_has_no_drip(play: DripPlay) -> None:
    campaign_id = await play.play.draft(sheet(1))
    assert (await play.play.get(campaign_id))["drip"] is None
    assert (await play.play.campaigns.progress(play.id, campaign_id))["drip"] is None


async def test_preflight_of_a_drip_names_what_its_budget_cannot_pay_for(play: DripPlay) -> None:
    taipei = await play.yard.account("mitake", "taipei", price_per_part=Decimal(1), currency="TWD")
    made = await play.make(step("One"), step("Two", account=taipei), numbers=[phone(1)], budget=Budget("5", "USD"))
    found = await play.drips.preflight(play.id, made["id"])
    told = [[one.detail for one in forecast.checks if one.check == "budget"] for _, forecast in found]
    assert told[0] == []
    (detail,) = told[1]
    assert detail.startswith("Nothing is converted, so the budget does not count up to 1 TWD through taipei.")
    assert detail.endswith("It is paused before the first message that such an account may carry.")
