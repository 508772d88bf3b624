"""
Processes that die, pauses, resumptions and an end by hand, at random moments while people are found and messages leave.
"""

import asyncio
import contextlib
import random
from collections import Counter
from typing import Any

import pytest

from sendyard.domain.errors import Conflict
from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns.plan import Audience, Plan, Throttle, Wave
from sendyard.ledger.entries import Claimed
from tests.features.audience_play import Crowd, row
from tests.features.campaign_play import Play, play_on
from tests.yard import Yard

PEOPLE = 240
PLANS: tuple[dict[str, Any], ...] = (
    {},
    {"waves": (Wave(percent=10, wait_minutes=0, stop_above=100), Wave(count=50, wait_minutes=0, stop_above=100))},
    {"throttle": Throttle(10_000)},
)


def phone(position: int) -> str:
    return f"+8869{position:08d}"


class Storm:
    """One campaign and what happens to it."""

    def __init__(self, play: Play, seed: int) -> None:
        self.play, self.chance, self.ends_by_hand = play, random.Random(seed), seed % 4 == 3
        self.reached: Counter[str] = Counter()
        self.campaign_id = ""

    async def begin(self, crowd: Crowd, seed: int) -> None:
        csv = ("phone\n" + "".join(f"{phone(at)}\n" for at in range(0, PEOPLE, 9))).encode()
        plan = Plan(audience=Audience(lists=("all",)), **PLANS[seed % len(PLANS)])
        made = await self.play.campaigns.create(
            crowd.id, name="Storm", text="Hi", purpose="transactional", csv=csv, plan=plan, start=True
        )
        self.campaign_id = made["id"]

    async def live(self) -> None:
        """A process works for a moment and dies in the middle of whatever it does."""
        task = asyncio.create_task(self.play.expander(watch_failures=False).round())
        await asyncio.sleep(self.chance.random() * 0.01)
        if self.chance.random() < 0.6:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def hand_over(self) -> None:
        def verdict(_message: Claimed) -> MessageStatus:
            return MessageStatus.FAILED if self.chance.random() < 0.05 else MessageStatus.DELIVERED

        self.reached.update(self.play.hand_over(verdict, limit=self.chance.randrange(1, 60)))

    async def press(self) -> None:
        campaigns, place = self.play.campaigns, (self.play.yard.workspace_id, self.campaign_id)
        action = self.chance.choice([campaigns.pause, campaigns.resume, campaigns.resume])
        with contextlib.suppress(Conflict):
            await action(*place)

    async def rage(self, steps: int) -> None:
        for step in range(steps):
            match self.chance.randrange(6):
                case 0:
                    await self.press()
                case 1:
                    self.hand_over()
                case _:
                    await self.live()
            if self.ends_by_hand and step > steps * 2 // 3 and self.chance.random() < 0.2:
                with contextlib.suppress(Conflict):
                    await self.play.campaigns.cancel(self.play.yard.workspace_id, self.campaign_id)

    async def calm(self) -> str:
        """Let one process that stays alive bring it to its end."""
        expander = self.play.expander(watch_failures=False)
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(Conflict):
                    await self.play.campaigns.resume(self.play.yard.workspace_id, self.campaign_id)
                while await expander.round():
                    pass
                self.hand_over()
                expander._watch_at = 0.0
                status = await self.play.status(self.campaign_id)
                if status in {"completed", "completed_with_failures", "cancelled", "failed"}:
                    await expander.round()
                    return status


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(4))
async def test_after_any_storm_everybody_has_exactly_one_final_outcome(yard: Yard, part: int, full_size: bool) -> None:
    play = await play_on(yard)
    await yard.hourly_limit(0)
    crowd = Crowd(yard)
    await crowd.load([row(at + 2, phone(at)) for at in range(PEOPLE)], list="all")
    for seed in range(part, 100 if full_size else 4, 4):
        storm = Storm(play, seed)
        await storm.begin(crowd, seed)
        await storm.rage(60)
        status = await storm.calm()
        assert max(storm.reached.values(), default=1) == 1, seed
        outcomes = play.rows("SELECT address, status FROM messages WHERE group_id = ?", storm.campaign_id)
        addresses = [address for address, _ in outcomes]
        assert len(addresses) == len(set(addresses)), seed
        final = {MessageStatus(one) for _, one in outcomes}
        assert all(one.is_final for one in final), (seed, final)
        if status == "cancelled":
            assert storm.ends_by_hand
            assert set(storm.reached) == {a for a, one in outcomes if one != "cancelled"}, seed
        else:
            assert sorted(addresses) == [phone(at) for at in range(PEOPLE)], seed
            failed = any(one == "failed" for _, one in outcomes)
            assert status == ("completed_with_failures" if failed else "completed"), seed
