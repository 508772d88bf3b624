"""
A yard at work: dispatcher, recovery, callbacks and polls, against real adapters and the emulator server over sockets.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from sendyard.delivery import poller, settling
from sendyard.delivery.directory import Directory
from sendyard.delivery.dispatcher import Dispatcher
from sendyard.delivery.ingest import Ingest
from sendyard.delivery.policy import RetryDelays
from sendyard.delivery.poller import Poller
from sendyard.delivery.recovery import Recovery
from sendyard.delivery.transport import Transport
from sendyard.emulator.mailbox import Letter
from sendyard.emulator.reports import Pace
from sendyard.emulator.scenarios import Effect, Rule
from sendyard.emulator.server import EmulatorServer
from sendyard.features.people import Workspaces
from sendyard.ledger.reports import match_again
from sendyard.providers.registry import adapter as adapter_of
from sendyard.providers.spec import Timeout
from sendyard.providers.wire import CallbackRequest
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.vault import Vault, generate_key
from tests.stores import HOUR, Books
from tests.yard import Provider, Yard

QUICK = RetryDelays(ordinary=(0.05, 0.1, 0.2), otp=(0.05, 0.05, 0.1), throttled=(0.05,) * 10)
PATIENCE = 60.0  # seconds
TAIWAN, AMERICA, KOREA = "+88691{:07d}", "+1202555{:04d}", "+82108{:07d}"


class Door:
    """Our public address: gives callbacks to ingest, and remembers what was answered."""

    def __init__(self) -> None:
        self.ingest: Ingest | None = None
        self.url = ""
        self.answers: list[int] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        assert self.ingest is not None
        _, _, provider, token = request.path.split("/", 3)
        answer = await self.ingest.receive(
            provider,
            token,
            CallbackRequest(
                method=request.method,
                url=f"{self.url}{request.raw_path}",
                query=request.rel_url.raw_query_string,
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await request.read(),
            ),
        )
        self.answers.append(answer.status)
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
        return web.Response(status=answer.status, headers=headers, body=answer.body)


@dataclass
class Running:
    """
    Everything that runs in a worker, over one database; tests start what they need.

    Waits end as soon as what they wait for has happened; their limits only tell a hang from a slow machine.
    """

    yard: Yard
    server: EmulatorServer
    door: Door
    transport: Transport
    dispatcher: Dispatcher
    recovery: Recovery
    ingest: Ingest
    poller: Poller
    books: Books
    key: str  # of the vault
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    spoken_for: int = 0

    async def account(self, provider: str, name: str = "", **options: Any) -> str:
        """Add an account that leads to the emulator."""
        settings = {
            **self.server.world.hosted[provider].emulator.sample_account,
            "base_url": self.server.base_url(provider),
            **options.pop("settings", {}),
        }
        if provider == "twilio":
            options.setdefault("sender", "+15005550006")
        if provider == "bizgo":
            options.setdefault("sender", "15880000")
        return await self.yard.account(provider, name, settings=settings, **options)

    def start(self, *more: Coroutine[Any, Any, None]) -> None:
        """Run the dispatcher, the placing of early reports, and whatever else is given, until the test ends."""
        self.tasks += [
            asyncio.create_task(work) for work in (self.dispatcher.run(), self._place_early_reports(), *more)
        ]

    async def _place_early_reports(self) -> None:
        # A part of recovery's round, without the part that settles doubt: tests do that when they want.
        while True:
            await asyncio.sleep(0.05)
            for entry in self.yard.directory.accounts():
                now = now_ms()
                place = partial(
                    match_again, account_id=entry.id, now=now, after_failure=self.recovery._after_failure(now)
                )
                await self.yard.database.write(place)

    async def stop(self) -> None:
        """End as a process does that was asked to."""
        for task in self.tasks:
            task.cancel()
        for task in self.tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.tasks.clear()

    async def queue(self, *routes: str, count: int = 1, pattern: str = TAIWAN, **rest: Any) -> list[str]:
        """Store messages to numbers of their own; their ids in order."""
        self.books.now = now_ms()
        messages = []
        for _ in range(count):
            self.spoken_for += 1
            to = rest.get("to") or pattern.format(self.spoken_for)
            messages.append(self.books.message(**{**rest, "to": to, "route": routes}))
        await asyncio.to_thread(self.books.enqueue, *messages)
        return [message.id for message in messages]

    def scenario(self, effect: Effect, **rest: Any) -> int:
        """Let the emulated world do something on purpose; gives the number to end it with."""
        return self.server.world.scenarios.add(Rule(effect=effect, **rest)).id

    def letters(self) -> list[Letter]:
        """What providers took, in order."""
        return [letter for _, letter in self.server.world.mailbox.find()]

    def letter_count(self, to: str) -> int:
        return sum(letter.received.to == to for letter in self.letters())

    def statuses(self, ids: list[str]) -> list[str]:
        found = dict(self.yard.rows("SELECT id, status FROM messages"))
        return [found[one] for one in ids]

    async def reach(self, ids: list[str], *statuses: str, seconds: float = PATIENCE) -> None:
        """Wait until every message is in one of `statuses`."""

        async def reached() -> bool:
            found = dict(await self.yard.database.read(lambda tx: tx.rows("SELECT id, status FROM messages")))
            return all(found[one] in statuses for one in ids)

        try:
            await self.until(reached, seconds)
        except TimeoutError:
            for task in self.tasks:
                if task.done() and not task.cancelled():
                    task.result()
            raise AssertionError(f"expected {statuses}, found {self.statuses(ids)}") from None

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 - what is waited for happens in other threads and processes
                await asyncio.sleep(0.01)

    async def settle_doubt(self) -> None:
        """One round of recovery, without waiting for the moment of the first question."""
        await self.yard.database.write(
            lambda tx: tx.run("UPDATE exchanges SET next_try_at = 0 WHERE status = 'doubtful'")
        )
        await self.recovery.round()

    def hang_up(self) -> None:
        """End every scenario and cut the connections to all providers: what hangs there ends now, unanswered."""
        self.server.world.scenarios.reset("1")
        for connection in tuple(self.server._connections):
            connection.close()

    async def run_sql(self, sql: str, *parameters: Any) -> None:
        await self.yard.database.write(lambda tx: tx.run(sql, parameters))


def impatient(monkeypatch: pytest.MonkeyPatch, provider: str, total: float = 1.0) -> None:
    """
    Let the engine wait for a provider's answers no longer than `total` seconds.

    Only while a request is to time out: no other would be answered in time on a slow machine.
    """
    kind = type(adapter_of(provider))
    monkeypatch.setattr(kind, "spec", replace(kind.spec, timeout=Timeout(connect=PATIENCE, total=total)))


def eager(monkeypatch: pytest.MonkeyPatch, provider: str, **rest: Any) -> None:
    """Ask a provider for reports without the pauses it wishes for."""
    kind = type(adapter_of(provider))
    monkeypatch.setattr(kind, "spec", replace(kind.spec, poll_interval=0.05, **rest))
    monkeypatch.setattr(poller, "_ROUND", 0.05)


def _emulators() -> EmulatorServer:
    pace = Pace(sent=0.005, final=0.02, read=0.03)
    return EmulatorServer(pace=pace, callback_timeout=PATIENCE, retry_scale=0.02, seed=1)


@pytest.fixture
async def running(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A yard whose accounts lead to emulators; nothing is dispatched before `start`."""
    monkeypatch.setattr(settling, "_FIRST_QUESTION", 0.1)
    door = Door()
    runner = web.ServerRunner(web.Server(door.handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    key = generate_key()
    vault = Vault([key])
    directory = Directory(database, vault, door.url)
    workspace, _ = await Workspaces(database).first()
    await directory.refresh()
    yard = Yard(database, vault, directory, Provider(), workspace["id"])
    async with Transport() as transport, _emulators() as server:
        dispatcher = Dispatcher(database, directory, transport, owner="worker-1", delays=QUICK)
        recovery = Recovery(database, directory, transport, dispatcher, owner="worker-1")
        ingest = door.ingest = Ingest(database, directory, dispatcher.policy)
        polling = Poller(database, directory, transport, ingest)
        books = Books(database, workspace["id"])
        found = Running(yard, server, door, transport, dispatcher, recovery, ingest, polling, books, key)
        try:
            yield found
        finally:
            await found.stop()
    await runner.cleanup()


__all__ = [
    "AMERICA",
    "HOUR",
    "KOREA",
    "PATIENCE",
    "QUICK",
    "TAIWAN",
    "Door",
    "Running",
    "eager",
    "impatient",
    "running",
]
