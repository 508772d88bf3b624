"""
A person stops a campaign for themselves through one process while another hands it over.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sendyard import bootstrap, settings
from sendyard.domain.channels import Channel
from sendyard.emulator.reports import Pace
from sendyard.emulator.server import EmulatorServer
from sendyard.providers.wire import CallbackRequest, HttpRequest
from tests.crash.test_kill import ROOT, free_port
from tests.crash.test_serving import outcome, ready
from tests.running import AMERICA

PEOPLE = 60
SLOW, QUICK = "3", "60"  # a second: before the person says stop, so that there is time to say it, and after it
STOP = "수신거부"  # a word that the provider itself does not answer

Tell = Callable[[HttpRequest], Awaitable[int]]


async def prepare(given: settings.Settings, server: EmulatorServer) -> tuple[str, str]:
    """An account, a route and a campaign that has been started; gives the campaign and the account."""
    with bootstrap.Yard(given) as yard:
        workspace, _ = await yard.workspaces.first()
        place = workspace["id"]
        await yard.directory.refresh()
        emulator = server.world.hosted["twilio"].emulator
        account = await yard.accounts.add(
            place,
            provider="twilio",
            settings={**emulator.sample_account, "base_url": server.base_url("twilio")},
            sender=emulator.sample_sender,
            rate_per_second=SLOW,
        )
        await yard.routes.set(place, channel=Channel.SMS, country="US", accounts=[account["id"]])
        rows = ["phone", *(AMERICA.format(number) for number in range(PEOPLE))]
        campaign = await yard.campaigns.create(
            place, name="stopped", text="Hello", csv="\n".join(rows).encode(), purpose="transactional"
        )
        await yard.campaigns.start(place, campaign["id"])
        await yard.transport.close()
        return str(campaign["id"]), str(account["id"])


@asynccontextmanager
async def process(role: str, environment: dict[str, str], port: int, log: Path) -> AsyncIterator[None]:
    """Run `sendyard serve`, `web` or `worker` until the block ends."""
    door = [] if role == "worker" else ["--port", str(port)]
    with log.open("ab") as words:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sendyard.cli", role, *door,
            cwd=ROOT, env={**os.environ, **environment}, stdout=words, stderr=words,
        )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as client, asyncio.timeout(120):
            while door and not await ready(client, port):
                assert child.returncode is None, f"it ended by itself, see {log}"
                await asyncio.sleep(0.05)
        yield
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGKILL)
        await child.wait()


async def by_door(told: HttpRequest) -> int:
    """Tell the door of the process that the callback's address names."""
    async with (
        aiohttp.ClientSession() as client,
        client.request(told.method, told.url, headers=dict(told.headers), data=told.body) as answer,
    ):
        return answer.status


def here(yard: bootstrap.Yard) -> Tell:
    """Tell the door of this process, which never sends anything."""

    async def tell(told: HttpRequest) -> int:
        provider, token = told.url.partition("/callbacks/")[2].split("/")
        request = CallbackRequest(told.method, told.url, "", told.headers, told.body)
        return (await yard.ingest.receive(provider, token, request)).status

    return tell


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_stop_told_to_another_process_ends_a_running_campaign_for_that_person(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    port, log = free_port(), tmp_path / "log"
    told = {"data_dir": str(tmp_path / "data"), "public_url": f"http://127.0.0.1:{port}"}
    if kind == "postgresql":
        told["database_url"] = request.getfixturevalue("fresh_postgres_url")
    given = settings.load(told)
    environment = {f"SENDYARD_{name.upper()}": value for name, value in told.items()}
    async with EmulatorServer(pace=Pace(sent=0.01, final=0.05), retry_scale=0.1, seed=1) as server:
        campaign, account = await prepare(given, server)
        async with AsyncExitStack() as running:
            yard = running.enter_context(bootstrap.Yard(given))
            tell: Tell = by_door
            if kind == "postgresql":
                await running.enter_async_context(process("web", environment, port, log))
                await running.enter_async_context(process("worker", environment, port, log))
            else:
                # One process serves a SQLite file; this one takes the callback and hands nothing over.
                tell = here(yard)
                await running.enter_async_context(process("serve", environment, port, log))
            async with asyncio.timeout(120):
                while not any(server.world.mailbox.find()):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
            person = await last_in_line(yard, campaign)
            assert not any(server.world.mailbox.find(to=person))
            word = stop_word(server, yard, account, person)
            assert {await tell(word) for _ in range(3)} <= {200, 204}
            await yard.database.write(lambda tx: tx.run("UPDATE accounts SET rate_per_second = ?", (QUICK,)))
            async with asyncio.timeout(240):
                while not (await outcome(given, campaign))[0].startswith("completed"):  # noqa: ASYNC110 - likewise
                    await asyncio.sleep(0.5)
                while not any(server.world.mailbox.find(to=person)):  # noqa: ASYNC110 - likewise
                    await asyncio.sleep(0.1)
            await asyncio.sleep(1)  # long enough for a second answer
            letters = [letter.received.text for _, letter in server.world.mailbox.find(to=person)]
            stops = await yard.database.read(lambda tx: tx.rows("SELECT address, reason FROM suppressions"))
        assert len(letters) == 1, letters
        assert STOP in letters[0]
        assert stops == [(person, "opted_out")]
        _, counts = await outcome(given, campaign)
        assert (counts["suppressed"], counts["delivered"]) == (1, PEOPLE - 1), (counts, log.read_text())


async def last_in_line(yard: bootstrap.Yard, campaign: str) -> str:
    """Somebody of the campaign who will be handed over at the very end."""
    (found,) = await yard.database.read(
        lambda tx: tx.rows(
            "SELECT address FROM messages WHERE group_id = ? AND status = 'queued' ORDER BY id DESC LIMIT 1",
            (campaign,),
        )
    )
    return str(found[0])


def stop_word(server: EmulatorServer, yard: bootstrap.Yard, account: str, person: str) -> HttpRequest:
    hosted: Any = server.world.hosted["twilio"]
    yard.directory.load_now()
    entry = yard.directory.account(account)
    assert entry is not None
    told = hosted.emulator.inbound(
        hosted.state,
        account=str(hosted.emulator.sample_account["account_sid"]),
        sender=person,
        recipient=entry.sender,
        text=STOP,
        now=datetime.now(UTC),
    )
    assert isinstance(told, HttpRequest)
    return told
