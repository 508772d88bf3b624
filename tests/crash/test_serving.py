"""
The serving process itself is killed without warning in the middle of a campaign, and started again.

Both providers of the campaign de-duplicate, so everybody gets the message exactly once.
"""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sendyard import bootstrap, settings
from sendyard.domain.channels import Channel
from sendyard.emulator.reports import Pace
from sendyard.emulator.scenarios import Latency, Rule
from sendyard.emulator.server import EmulatorServer
from tests.crash.test_kill import ROOT, free_port
from tests.running import KOREA, TAIWAN

# Messages a second, in each provider's own unit, so that a campaign lasts long enough to be killed in.
LANES = {"mitake": (TAIWAN, "TW", "2"), "bizgo": (KOREA, "KR", "20")}


async def prepare(given: settings.Settings, server: EmulatorServer, people: int, faster: float) -> str:
    """Accounts, routes and a campaign that has been started; gives its id."""
    with bootstrap.Yard(given) as yard:
        workspace, _ = await yard.workspaces.first()
        place = workspace["id"]
        await yard.directory.refresh()
        rows = ["phone,name"]
        for provider, (pattern, country, rate) in LANES.items():
            emulator = server.world.hosted[provider].emulator
            account = await yard.accounts.add(
                place,
                provider=provider,
                settings={**emulator.sample_account, "base_url": server.base_url(provider)},
                sender=emulator.sample_sender,
                rate_per_second=str(float(rate) * faster),
            )
            await yard.routes.set(place, channel=Channel.SMS, country=country, accounts=[account["id"]])
            rows += [f"{pattern.format(number)},Person {number}" for number in range(people // len(LANES))]
        campaign = await yard.campaigns.create(
            place, name="killed", text="Hello {name}", csv="\n".join(rows).encode(), purpose="transactional"
        )
        await yard.campaigns.start(place, campaign["id"])
        await yard.transport.close()
        return str(campaign["id"])


@asynccontextmanager
async def serving(data_dir: Path, port: int, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `sendyard serve`, as it is, until the block ends; killed then if it still lives."""
    environment = {
        **os.environ,
        "SENDYARD_DATA_DIR": str(data_dir),
        "SENDYARD_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    with log.open("ab") as words:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sendyard.cli", "serve", "--port", str(port),
            cwd=ROOT, env=environment, stdout=words, stderr=words,
        )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as client, asyncio.timeout(120):
            while not await ready(client, port):
                assert process.returncode is None, f"it ended by itself, see {log}"
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def ready(client: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with client.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def outcome(given: settings.Settings, campaign: str) -> tuple[str, Counter[str]]:
    """The status of the campaign, and how many of its messages are in each."""
    with bootstrap.Yard(given) as yard:
        rows = await yard.database.read(
            lambda tx: tx.rows("SELECT status, count(*) FROM messages WHERE group_id = ? GROUP BY status", (campaign,))
        )
        ((status,),) = await yard.database.read(
            lambda tx: tx.rows("SELECT status FROM campaigns WHERE id = ?", (campaign,))
        )
        return str(status), Counter({str(name): int(count) for name, count in rows})


@pytest.mark.chaos
@pytest.mark.timeout(1200)
async def test_a_killed_server_finishes_its_campaign_and_repeats_nobody(tmp_path: Path, full_size: bool) -> None:
    people, kills = (5000, 20) if full_size else (200, 3)
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    port, log = free_port(), tmp_path / "serve.log"
    async with EmulatorServer(pace=Pace(sent=0.01, final=0.05), retry_scale=0.1, seed=1) as server:
        server.world.scenarios.add(Rule(effect=Latency(seconds=0.05, up_to=0.4)))
        given = settings.load({"data_dir": str(tmp_path / "data"), "public_url": f"http://127.0.0.1:{port}"})
        campaign = await prepare(given, server, people, faster=people / 200)
        for _ in range(kills):
            async with serving(tmp_path / "data", port, log):
                await asyncio.sleep(chance.uniform(0.1, 1.5))
        async with serving(tmp_path / "data", port, log):
            # A report that was called out while nobody listened is asked for after ten minutes.
            async with asyncio.timeout(900):
                while not is_over(found := await outcome(given, campaign)):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(1)
        assert found == ("completed", Counter(delivered=people)), log.read_text()
        copies: Counter[Any] = Counter(letter.received.to for _, letter in server.world.mailbox.find())
        assert len(copies) == people
        assert set(copies.values()) == {1}


def is_over(found: tuple[str, Counter[str]]) -> bool:
    status, counts = found
    return status.startswith("completed") and not counts["unknown"] and not counts["sent"]
