"""
Drips for tests: made over a yard, with a clock that can be moved and a timer that can die.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from sendyard.features.campaigns import Tests
from sendyard.features.campaigns.drips import Drips, DripTimer
from sendyard.features.campaigns.drips.plan import DripPlan, Step, Wait
from sendyard.features.people import Team
from sendyard.ledger.content_codec import decode_letter
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction
from tests.features.audience_play import Crowd
from tests.features.campaign_play import Play, play_on
from tests.yard import Yard

DAY = 86_400_000


def step(text: str, **rest: Any) -> Step:
    """A step after so many minutes, hours or days."""
    wait = Wait(**{name: rest.pop(name) for name in ("minutes", "hours", "days") if name in rest})
    return Step(text=text, wait=wait, **rest)


def phone(position: int) -> str:
    """An invented Taiwanese mobile number."""
    return f"+8869{position:08d}"


THREE = (step("One {name|friend}"), step("Two {name|friend}", days=1), step("Three {name|friend}", days=2))


@dataclass
class DripPlay:
    """A yard with one account, and its drips."""

    play: Play
    crowd: Crowd

    @classmethod
    async def on(cls, yard: Yard) -> "DripPlay":
        found = cls(await play_on(yard), Crowd(yard))
        await yard.hourly_limit(0)
        return found

    @property
    def yard(self) -> Yard:
        return self.play.yard

    @property
    def id(self) -> str:
        return self.yard.workspace_id

    @property
    def drips(self) -> Drips:
        team = Team(self.yard.database)
        return Drips(self.yard.database, self.yard.directory, Tests(self.yard.database, self.yard.directory, team))

    def timer(self) -> DripTimer:
        return DripTimer(self.yard.database, self.yard.directory)

    async def make(self, *steps: Step, **rest: Any) -> dict[str, Any]:
        names = ("audience", "exit", "enrol", "again", "throttle", "budget")
        plan = DripPlan(steps=steps or THREE, **{name: rest.pop(name) for name in names if name in rest})
        options = {"name": "Welcome", "purpose": "transactional", "country": "TW", **rest}
        return await self.drips.create(self.id, plan=plan, **options)

    async def started(self, *steps: Step, **rest: Any) -> str:
        """Make and start a drip, and let those in who are meant at its start; gives its id."""
        made = await self.make(*steps, start=True, **rest)
        await self.settle()
        return str(made["id"])

    async def settle(self) -> None:
        timer = self.timer()
        while await timer.round():
            pass

    async def get(self, drip_id: str) -> dict[str, Any]:
        return await self.drips.get(self.id, drip_id)

    async def people(self, drip_id: str) -> list[dict[str, Any]]:
        return await self.drips.people(self.id, drip_id, limit=10_000)

    async def later(self, drip_id: str, milliseconds: int = DAY) -> None:
        """Let so much time have gone by for the people of a drip, and take the steps that are due."""
        self.pass_time(drip_id, milliseconds)
        await self.settle()

    def pass_time(self, drip_id: str, milliseconds: int = DAY) -> None:
        def move(tx: Transaction) -> None:
            tx.run(
                "UPDATE drip_people SET next_at = next_at - ?, entered_at = entered_at - ? WHERE drip_id = ?",
                (milliseconds, milliseconds, drip_id),
            )
            tx.run("UPDATE drips SET sweep_at = sweep_at - ? WHERE id = ?", (milliseconds, drip_id))

        self.yard.database.write_now(move)

    def texts(self, drip_id: str, address: str = "") -> list[str]:
        """What messages of a drip say, in the order in which they were made; to one address if given."""
        found = self.yard.rows(
            "SELECT m.content, m.address FROM drip_steps s JOIN messages m ON m.group_id = s.campaign_id"
            " AND m.group_id <> '' WHERE s.drip_id = ? ORDER BY m.id",
            drip_id,
        )
        return [decode_letter(content).content.body for content, to in found if address in {"", to}]

    async def die(self, after: float) -> None:
        """Two timers work at once for so many seconds and die in the middle of whatever they do."""
        tasks = [asyncio.create_task(self.timer().round()) for _ in range(2)]
        await asyncio.sleep(after)
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def reply(self, address: str) -> None:
        """Somebody writes to us, now."""

        def insert(tx: Transaction) -> None:
            tx.run(
                "INSERT INTO inbound_messages (id, workspace_id, account_id, sender, recipient, channel, text,"
                " provider_ref, dedupe_key, received_at) VALUES (?, ?, ?, ?, '', 'sms', 'hello', '', ?, ?)",
                (f"in-{address}", self.id, self.play.account_id, address, address, now_ms()),
            )

        self.yard.database.write_now(insert)
