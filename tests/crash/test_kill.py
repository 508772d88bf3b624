"""
Workers are killed at random moments, without warning: nobody is lost, and nobody gets a message twice.

Providers that de-duplicate are asked again; for one that does not, a second message is allowed only where
the ledger says that nobody knows about the first.
"""

import asyncio
import contextlib
import random
import signal
import socket
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sendyard.domain.channels import Purpose
from sendyard.emulator.scenarios import Latency
from sendyard.storage.identifiers import now_ms
from tests.any_hour import at_any_hour
from tests.running import AMERICA, HOUR, KOREA, TAIWAN, Running

ROOT = Path(__file__).resolve().parents[2]
# Numbers, and a rate in the provider's own unit: so low that also a machine that needs ten seconds to start a process
# kills the last one before the work is done.
LANES = {"mitake": (TAIWAN, 0.4), "bizgo": (KOREA, 4), "twilio": (AMERICA, 4)}
QUICK = 100
"""The rate of all of them after the last kill."""
FORGETFUL = "twilio"  # keeps no id of ours: repeating would send twice


@dataclass
class Workers:
    """Processes, by the name they have in leases."""

    running: Running
    key: str
    port: int
    log: Path
    alive: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    deaths: int = 0

    async def start(self, owner: str) -> None:
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.crash.worker",
                "--database", self.running.yard.database.url, f"--key={self.key}", "--owner", f"{owner}-{self.deaths}",
                "--public-url", self.running.door.url, "--port", str(self.port),
                cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert process.stdout is not None
        said = await asyncio.wait_for(process.stdout.readline(), 120)
        assert said == b"ready\n", self.log.read_text()
        self.alive[owner] = process

    async def kill(self, owner: str) -> None:
        process = self.alive.pop(owner)
        assert process.returncode is None, self.log.read_text()
        process.send_signal(signal.SIGKILL)
        await process.wait()
        self.deaths += 1

    async def busy(self, chance: random.Random) -> str:
        """One of those that have a request open at this moment, as soon as there is one; "" when all is handed over."""
        async with asyncio.timeout(60):
            while True:
                rows = self.running.yard.rows("SELECT DISTINCT owner FROM exchanges WHERE status = 'open'")
                named = sorted({str(owner).partition("-")[0] for (owner,) in rows})
                if named:
                    return chance.choice(named)
                if not self.running.yard.rows("SELECT 1 FROM messages WHERE status IN ('queued', 'sending') LIMIT 1"):
                    return ""
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        for owner in list(self.alive):
            with contextlib.suppress(ProcessLookupError):
                await self.kill(owner)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.chaos
@pytest.mark.timeout(1200)
async def test_killed_workers_lose_nobody_and_repeat_nobody(running: Running, tmp_path: Path, full_size: bool) -> None:
    messages, kills = (5000, 20) if full_size else (240, 4)
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    alone = running.yard.database.dialect == "sqlite"
    # On SQLite the one process also takes callbacks, and dies with them; else another process does.
    port = free_port() if alone else 0
    if alone:
        running.door.url = f"http://127.0.0.1:{port}"
    running.scenario(Latency(seconds=0.05, up_to=0.4))
    ids = await accept(running, messages, faster=messages / kills / 180)
    workers = Workers(running, running.key, port, tmp_path / "workers.log")
    try:
        for name in ["one"] if alone else ["one", "two", "three"]:
            await workers.start(name)
        await running.run_sql("UPDATE accounts SET status = 'active'")
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.05, 0.5))
            name = await workers.busy(chance)
            if not name:
                break  # where starting a process takes long, the others were done with everything meanwhile
            await workers.kill(name)
            await workers.start(name)
        await running.run_sql("UPDATE accounts SET rate_per_second = ?", str(QUICK))
        await running.reach(ids, "sent", "delivered", "unknown", seconds=60 + messages / 20)
        await settle(running, ids)
        assert workers.deaths >= kills // 2
    finally:
        await workers.end()
    judge(running, ids)
    # The kills hit something.
    ((repeated,),) = running.yard.rows("SELECT count(*) FROM exchanges WHERE tries > 1")
    assert repeated > 0


async def accept(running: Running, messages: int, *, faster: float) -> list[str]:
    """Store everything before anything runs; each provider carries a third."""
    await at_any_hour(running.yard)
    ids: list[str] = []
    for provider, (pattern, rate) in LANES.items():
        account = await running.account(provider, rate_per_second=rate * faster)
        await running.yard.accounts.pause(running.yard.workspace_id, account)
        ids += await running.queue(
            account,
            count=-(-messages // len(LANES)),
            pattern=pattern,
            purpose=Purpose.PROMOTIONAL,
            failover=False,
            expires_at=now_ms() + 24 * HOUR,
        )
    return ids


async def settle(running: Running, ids: list[str]) -> None:
    """Give what is in doubt the time to be asked for."""

    async def decided() -> bool:
        return "unknown" not in running.statuses(ids)

    with contextlib.suppress(TimeoutError):
        await running.until(decided, 30)


def judge(running: Running, ids: list[str]) -> None:
    letters = Counter(letter.received.to for letter in running.letters())
    unknown = {row[0] for row in running.yard.rows("SELECT message_id FROM events WHERE kind = 'unknown'")}
    rows = running.yard.rows(
        "SELECT m.id, m.status, m.address, a.provider FROM messages m JOIN accounts a ON a.id = m.account_id"
    )
    assert sorted(row[0] for row in rows) == sorted(ids)
    wrong: list[tuple[Any, ...]] = []
    for message_id, status, address, provider in rows:
        copies = letters.pop(address, 0)
        lost = copies == 0
        repeated = copies > 1 and (provider != FORGETFUL or message_id not in unknown)
        undecided = status == "unknown" and provider != FORGETFUL
        if lost or repeated or undecided:
            wrong.append((message_id, status, provider, copies))
    assert wrong == []
    assert letters == Counter()  # and nobody got what was never asked for
