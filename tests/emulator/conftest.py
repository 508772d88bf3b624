import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sendyard.emulator.reports import Pace
from sendyard.emulator.server import EmulatorServer
from tests.emulator.parrot import Parrot


class Listener:
    """Our side: keeps what was called back, and answers with the statuses it was told, then 200."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        self.silent = False
        self.url = ""

    async def handle(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        self.heard.append(json.loads(body) if body else dict(request.query))
        if self.silent:
            await asyncio.sleep(600)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    def told(self, provider_ref: str) -> list[str]:
        return [said["status"] for said in self.heard if said["id"] == provider_ref]


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listening = Listener()
    runner = web.ServerRunner(web.Server(listening.handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listening.url = f"http://127.0.0.1:{runner.addresses[0][1]}/heard"
    yield listening
    await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[EmulatorServer]:
    pace = Pace(sent=0.01, final=0.03, read=0.02)
    async with EmulatorServer(
        providers={"parrot": Parrot()}, pace=pace, retry_scale=0.02, callback_timeout=60, seed=1
    ) as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Caller:
    """Speaks to the emulated world as its users do."""

    def __init__(self, server: EmulatorServer, client: aiohttp.ClientSession, callback_url: str) -> None:
        self._server = server
        self._client = client
        self._callback_url = callback_url

    async def send(self, *to: str, account: str = "polly", text: str = "hello", **more: str) -> tuple[int, Any]:
        order = {"account": account, "to": to, "text": text, "callback": self._callback_url, **more}
        async with self._client.post(f"{self._server.base_url('parrot')}/send", json=order) as answer:
            body = await answer.read()
            return answer.status, json.loads(body) if answer.status == 201 else body

    async def send_and_wait(self, *to: str, **more: str) -> tuple[int, Any]:
        sent = await self.send(*to, **more)
        await self.settled()
        return sent

    async def give_up(self, *to: str, once: Callable[[], Awaitable[bool]]) -> None:
        """Send, and go away without an answer as soon as something is so."""
        sending = asyncio.create_task(self.send(*to))
        await eventually(once)
        assert sending.cancel(), "there was an answer"
        with contextlib.suppress(asyncio.CancelledError):
            await sending

    async def settled(self) -> None:
        """Wait until no report and no callback is due any more."""
        await eventually(self._nothing_due)

    async def _nothing_due(self) -> bool:
        world = self._server.world
        return not world.reporter.pending and not world.sender.pending

    async def control(self, method: str, path: str, document: object = None, raw: bytes | None = None) -> Any:
        """Status and JSON of a control call."""
        data = raw if raw is not None else None if document is None else json.dumps(document).encode()
        async with self._client.request(method, f"{self._server.control_url}{path}", data=data) as answer:
            return answer.status, await answer.json(content_type=None)

    async def scenario(self, **rule: object) -> dict[str, Any]:
        status, added = await self.control("POST", "/scenarios", rule)
        assert status == 201, added
        assert isinstance(added, dict)
        return added

    async def mailbox(self, query: str = "") -> list[dict[str, Any]]:
        status, letters = await self.control("GET", f"/mailbox{query}")
        assert status == 200
        assert isinstance(letters, list)
        return letters


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    for _ in range(int(seconds / 0.005)):
        if await condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError(f"not within {seconds} s")


@pytest.fixture
def caller(server: EmulatorServer, client: aiohttp.ClientSession, listener: Listener) -> Caller:
    return Caller(server, client, listener.url)
