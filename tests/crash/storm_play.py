"""
A storm: campaigns of every kind and a drip under way at once, while processes are killed and people press buttons.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from sendyard.domain.channels import Channel
from sendyard.features.campaigns import Campaigns, Tests
from sendyard.features.campaigns.drips import Drips
from sendyard.features.campaigns.drips.plan import DripPlan, Step, Wait
from sendyard.features.campaigns.experiments.terms import Experiment, SampleSize, Variant
from sendyard.features.campaigns.plan import Audience, AutoPause, Plan, Throttle, Wave, When
from sendyard.features.people import Team
from tests.crash.test_kill import ROOT, free_port
from tests.features.audience_play import Crowd, row
from tests.features.link_desk import LinkDesk
from tests.running import AMERICA, KOREA, TAIWAN, Running

LANES = {"mitake": (TAIWAN, "TW"), "bizgo": (KOREA, "KR"), "twilio": (AMERICA, "US")}
HERE = 16
"""People of each country in a campaign."""
STEPS = 3
KINDS = ("compared", "waves", "local")
_NO_STOP = AutoPause(failures=0)

# Campaigns that say they are over, with how many of their people have no outcome, and how many messages still move.
OVER = (
    "SELECT c.id, c.status, (SELECT count(*) FROM campaign_recipients r WHERE r.campaign_id = c.id AND r.code = ''"
    " AND NOT EXISTS (SELECT 1 FROM messages m"
    " WHERE m.group_id = c.id AND m.group_id <> '' AND m.address = r.address)),"
    " (SELECT count(*) FROM messages m WHERE m.group_id = c.id AND m.group_id <> ''"
    " AND m.status IN ('queued', 'scheduled', 'sending', 'sent')),"
    " (SELECT count(*) FROM campaign_experiments e WHERE e.campaign_id = c.id AND e.state <> 'done')"
    " FROM campaigns c WHERE c.status IN ('completed', 'completed_with_failures')"
)


@dataclass
class Herd:
    """The processes of a storm, each at an address of its own."""

    running: Running
    nursery: asyncio.subprocess.Process
    client: aiohttp.ClientSession
    arguments: dict[str, str]
    log: Path
    ports: list[int]
    alive: dict[int, int] = field(default_factory=dict)  # number of the process, by port
    deaths: int = 0

    async def bring(self, port: int) -> None:
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(json.dumps({**self.arguments, "port": str(port)}).encode() + b"\n")
        self.alive[port] = int(await asyncio.wait_for(self.nursery.stdout.readline(), 120))

    async def kill(self, port: int) -> None:
        """End a process without warning; one that had ended by itself is a fault."""
        number = self.alive.pop(port)
        assert is_alive(number), f"a process ended by itself:\n{self.log.read_text()[-5000:]}"
        os.kill(number, signal.SIGKILL)
        async with asyncio.timeout(60):
            while is_alive(number):  # noqa: ASYNC110 - what is waited for happens in the kernel
                await asyncio.sleep(0.001)
        self.deaths += 1

    async def end(self) -> None:
        for port in list(self.alive):
            await self.kill(port)

    async def press(self, feature: str, action: str, id_: str = "-") -> int:
        """Ask a living process to do something; 0 when it died instead of answering."""
        port = next(iter(self.alive))
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            async with self.client.post(f"http://127.0.0.1:{port}/press/{feature}/{action}/{id_}") as answer:
                return answer.status
        return 0


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def herd_on(running: Running, tmp_path: Path, *, processes: int) -> AsyncIterator[Herd]:
    """Processes over the database of `running`, none of them alive yet."""
    log = tmp_path / "storm.log"
    with log.open("ab") as words:
        nursery = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash.nursery", cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=words,
        )  # fmt: skip
    assert nursery.stdin is not None
    arguments = {
        "database_url": running.yard.database.url,
        "key": running.key,
        "data_dir": str(tmp_path / "data"),
        "workspace_id": running.yard.workspace_id,
    }
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60)) as client:
            yield Herd(running, nursery, client, arguments, log, [free_port() for _ in range(processes)])
    finally:
        nursery.stdin.close()
        await nursery.wait()


@dataclass
class Storm:
    """What is under way in one storm, and what happens to it."""

    running: Running
    seed: int
    campaigns: dict[str, str] = field(default_factory=dict)  # id by kind
    drip_id: str = ""
    stopped: set[str] = field(default_factory=set)  # kinds that somebody cancelled
    lies: list[tuple[Any, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.people = [
            pattern.format(self.seed % 1000 * HERE + at) for pattern, _ in LANES.values() for at in range(HERE)
        ]

    def tag(self, kind: str) -> str:
        return f"S{self.seed}-{kind}"

    async def begin(self) -> None:
        """Make and start everything, before anything runs."""
        yard, seed = self.running.yard, self.seed
        crowd = Crowd(yard)
        await crowd.load([row(at + 2, phone) for at, phone in enumerate(self.people)], list=f"storm {seed}")
        everybody = Audience(lists=(f"storm {seed}",))
        plans = {
            "compared": Plan(auto_pause=_NO_STOP, throttle=self._throttle(), experiment=Experiment(
                metric="delivered", expected_rate=0.5, lift=0.5, sample=SampleSize(percent=40), wait_minutes=1,
                then=self.chance.choice(["winner", "thompson"]), otherwise=self.chance.choice(["evenly", "first"]),
            )),
            "waves": Plan(auto_pause=_NO_STOP, throttle=self._throttle(), audience=everybody, waves=(
                Wave(percent=self.chance.randrange(5, 50), wait_minutes=0, stop_above=100),
                Wave(count=self.chance.randrange(1, 12), wait_minutes=1, stop_above=100),
            )),
            "local": Plan(auto_pause=_NO_STOP, audience=everybody, when=When(
                mode="local", time=f"{self.chance.randrange(24):02}:30",
                passed="next_day" if self.chance.random() < 0.5 else "now",
            )),
        }  # fmt: skip
        # A third of the people of a list are in the file as well, and two of its rows are bad.
        sheet = "phone,name\nnobody,Ann\n" + "".join(f"{phone},Lin\n" for phone in [*self.people[::3], self.people[0]])
        features = Campaigns(yard.database, yard.directory)
        for kind, plan in plans.items():
            compared = kind == "compared"
            csv = sheet if kind == "waves" else "phone,name\n" + "".join(f"{phone},Lin\n" for phone in self.people)
            variants = [Variant(name=name, text=f"{self.tag(kind)}: {name} {{link.sale}}") for name in ("one", "two")]
            made = await features.create(
                yard.workspace_id, name=f"{kind} {seed}", text=None if compared else f"{self.tag(kind)}: {{link.sale}}",
                csv=None if kind == "local" else csv.encode(), variants=variants if compared else (),
                purpose="transactional", plan=plan, start=True,
            )  # fmt: skip
            self.campaigns[kind] = made["id"]
        steps = tuple(
            Step(text=f"{self.tag(f'drip{at}')}: {{link.sale}}", wait=Wait(minutes=min(at, 1))) for at in range(STEPS)
        )
        drips = Drips(yard.database, yard.directory, Tests(yard.database, yard.directory, Team(yard.database)))
        made = await drips.create(
            yard.workspace_id, name=f"drip {seed}", plan=DripPlan(steps=steps, audience=everybody),
            numbers=self.people[::5], purpose="transactional", start=True,
        )  # fmt: skip
        self.drip_id = made["id"]

    def _throttle(self) -> Throttle | None:
        return Throttle(self.chance.randrange(40, 400)) if self.chance.random() < 0.5 else None

    async def rage(self, herd: Herd, kills: int) -> None:
        """Kill and press, at random moments."""
        for port in herd.ports:
            await herd.bring(port)
        pressing = asyncio.create_task(self._press_at_random(herd))
        try:
            for _ in range(kills):
                # Some die while they still come up and settle what the one before left behind.
                await asyncio.sleep(self.chance.uniform(0.0, 0.25 if self.chance.random() < 0.2 else 1.2))
                port = self.chance.choice(list(herd.alive))
                await herd.kill(port)
                await herd.bring(port)
        finally:
            pressing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pressing

    async def _press_at_random(self, herd: Herd) -> None:
        ends = self.seed % 3 == 2
        while True:
            await asyncio.sleep(self.chance.uniform(0.02, 0.3))
            if not herd.alive:
                continue
            kind = self.chance.choice([*self.campaigns, "drip"])
            place = ("drips", self.drip_id) if kind == "drip" else ("campaigns", self.campaigns[kind])
            action = self.chance.choice(["pause", "resume", "resume", "time", *(["cancel"] if ends else [])])
            if action == "time":
                await herd.press("time", "pass")
                continue
            if action == "cancel":
                # What dies before it answers may have been done all the same.
                self.stopped.add(kind)
            await herd.press(place[0], action, place[1])

    async def watch(self) -> None:
        """Look again and again, until cancelled, whether what says it is over is over."""
        while True:
            await asyncio.sleep(0.02)
            found = await self.running.yard.database.read(lambda tx: tx.rows(OVER))
            self.lies += [tuple(row) for row in found if any(row[2:])]

    async def calm(self, herd: Herd) -> None:
        """Let those who live bring everything to its end."""
        async with asyncio.timeout(300):
            while not await self.is_over():
                for id_ in self.campaigns.values():
                    await herd.press("campaigns", "resume", id_)
                await herd.press("drips", "resume", self.drip_id)
                await herd.press("time", "pass")
                await asyncio.sleep(0.1)

    async def is_over(self) -> bool:
        ids = [*self.campaigns.values(), *(id_ for id_, _ in self.steps())]
        rows = self.running.yard.rows
        marks = ", ".join("?" * len(ids))
        # In this order: whoever is inside makes a message, and that a message moves keeps a campaign under way.
        ((inside,),) = rows("SELECT count(*) FROM drip_people WHERE drip_id = ? AND state = 'active'", self.drip_id)
        ((under_way,),) = rows(
            f"SELECT count(*) FROM campaigns WHERE id IN ({marks})"
            " AND status NOT IN ('completed', 'completed_with_failures', 'cancelled')", *ids,
        )  # fmt: skip
        # A campaign that was cancelled is over while it is still asked what became of those who were on their way.
        ((waiting, asked),) = rows(
            f"SELECT (SELECT count(*) FROM messages WHERE group_id IN ({marks})"
            " AND status IN ('queued', 'scheduled', 'sending', 'sent')),"
            " (SELECT count(*) FROM exchanges WHERE status IN ('open', 'doubtful'))", *ids,
        )  # fmt: skip
        return not (under_way or waiting or inside or asked)

    def steps(self) -> list[tuple[str, int]]:
        return [
            (str(id_), int(number))
            for id_, number in self.running.yard.rows(
                "SELECT campaign_id, number FROM drip_steps WHERE drip_id = ? ORDER BY number", self.drip_id
            )
        ]


async def prepare(running: Running) -> None:
    """Accounts, routes and the short link that storms use."""
    yard = running.yard
    await yard.hourly_limit(0)
    await LinkDesk(yard).add()
    for provider, (_, country) in LANES.items():
        sender = running.server.world.hosted[provider].emulator.sample_sender
        options = {} if provider == "twilio" else {"sender": sender}
        account = await running.account(provider, rate_per_second="300", **options)
        await yard.routes.set(yard.workspace_id, channel=Channel.SMS, country=country, accounts=[account])
    await yard.directory.refresh()


async def told(work: Awaitable[None], storm: Storm, herd: Herd) -> None:
    """Do something, and where it fails say in which storm, how everything stands and what the processes wrote."""
    try:
        await work
    except (TimeoutError, AssertionError) as error:
        said = herd.log.read_text()[-6000:]
        raise AssertionError(f"storm {storm.seed}: {error!r}\n{storm_state(storm)}\n{said}") from error


def storm_state(storm: Storm) -> str:
    """How everything of a storm stands, for the message of a failure."""
    rows = storm.running.yard.rows
    ids = [*storm.campaigns.values(), *(id_ for id_, _ in storm.steps())]
    mine = f"IN ({', '.join('?' * len(ids))})"
    told_of = [
        *rows(f"SELECT id, name, status, pause_reason, expanded_to FROM campaigns WHERE id {mine}", *ids),
        *rows(
            f"SELECT m.group_id, a.provider, m.status, m.error_kind, m.due_at, count(*) FROM messages m"
            f" JOIN accounts a ON a.id = m.account_id WHERE m.group_id {mine}"
            " GROUP BY m.group_id, a.provider, m.status, m.error_kind, m.due_at",
            *ids,
        ),
        *rows("SELECT state, step, count(*) FROM drip_people WHERE drip_id = ? GROUP BY state, step", storm.drip_id),
        *rows("SELECT provider, status, pause_reason FROM accounts"),
    ]
    return "\n".join(map(str, told_of))
