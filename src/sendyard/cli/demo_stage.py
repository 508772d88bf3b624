"""
What a demo stands on: a temporary installation, the emulators in a process of their own, and its end in order.
"""

import asyncio
import json
import signal
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import click
import msgspec

from sendyard.bootstrap import Started, Yard, configure_logging, only_process, serve
from sendyard.cli.serving import this_program
from sendyard.cli.shape import wants_json
from sendyard.cli.showing import Show
from sendyard.delivery.policy import RetryDelays
from sendyard.domain.errors import Conflict
from sendyard.settings import Settings, load
from sendyard.storage import backup
from sendyard.storage.engine import Database
from sendyard.storage.vault import generate_key

DELAYS = RetryDelays(ordinary=(1.0, 2.0, 4.0), throttled=(0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0))
"""Waits between tries, shortened."""
LOOK = 0.2
"""Seconds between looks at what is under way."""
USUAL_PORT = 8025


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    recipients: int
    port: int | None
    seed: str
    database: str
    stays: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class World:
    """The control API of the emulators, which run in a process of their own."""

    control: str
    session: aiohttp.ClientSession

    async def get(self, path: str) -> Any:
        """Read one document."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, document: object) -> Any:
        """Give one document."""
        return await self._ask("POST", path, document)

    async def delete(self, path: str) -> Any:
        """Remove something."""
        return await self._ask("DELETE", path, None)

    async def calm(self) -> None:
        """Wait until every report has happened and every callback was answered or given up."""
        for _ in range(150):
            health = await self.get("/health")
            if not health["pending_reports"] and not health["pending_callbacks"]:
                return
            await asyncio.sleep(LOOK)

    async def _ask(self, method: str, path: str, document: object) -> Any:
        body = None if document is None else msgspec.json.encode(document)
        async with self.session.request(method, self.control + path, data=body) as answer:
            found = msgspec.json.decode(await answer.read())
            if answer.status >= 400:
                raise Conflict("emulator_refused", f"The emulators refused {method} {path}: {found.get('detail')}")
            return found


class Stage(ABC):
    """One run, from the first process to the last line; `play` is what differs between demos."""

    def __init__(self, wish: Wish, folder: Path) -> None:
        """Take what is asked for and where the installation may live."""
        self.wish = wish
        self._folder = folder
        self._stop = asyncio.Event()

    @abstractmethod
    async def play(self, yard: Yard, world: World, workspace_id: str, show: Show) -> bool:
        """Do what is to be seen; False when something was lost, doubled or not final."""

    async def run(self) -> bool:
        """Set up, play, and serve on where that is wished; gives what `play` gave, False when it was interrupted."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        settings = self._settings()
        configure_logging(settings)
        with only_process(settings, "all"), Show(as_json=self.wish.as_json) as show:
            if self.wish.database:
                await asyncio.to_thread(_expect_empty, settings.effective_database_url)
            async with emulated_world(self.wish.seed) as world:
                with await asyncio.to_thread(Yard, settings, delays=DELAYS) as yard:
                    return await self._with_server(yard, world, show)

    def _settings(self) -> Settings:
        port = self.wish.port or _free_port(USUAL_PORT if self.wish.port is None else 0)
        return load(
            {
                # Nothing of the environment applies: it may belong to an installation that matters.
                "data_dir": self._folder,
                "database_url": self.wish.database or f"sqlite:///{self._folder / 'sendyard.db'}",
                "secret_keys": generate_key(),
                "public_url": f"http://127.0.0.1:{port}",
                "host": "127.0.0.1",
                "port": port,
                "log_level": "error",
            }
        )

    async def _with_server(self, yard: Yard, world: World, show: Show) -> bool:
        started: asyncio.Future[Started] = asyncio.get_running_loop().create_future()
        server = asyncio.create_task(serve(yard, announce=started.set_result, stop=self._stop))
        playing = asyncio.create_task(self._play(yard, world, show, started))
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({server, playing, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                return False
            good = playing.result()
            if self.wish.stays:
                _invite(await started, world.control)
                await asyncio.wait({server, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return good
        finally:
            playing.cancel()
            stopped.cancel()
            # Waited for, not awaited: a fault of the play must not keep the server from ending in order.
            await asyncio.wait({playing})
            self._stop.set()
            await server

    async def _play(self, yard: Yard, world: World, show: Show, started: "asyncio.Future[Started]") -> bool:
        await started
        workspace, _ = await yard.workspaces.first()
        return await self.play(yard, world, workspace["id"], show)


@asynccontextmanager
async def emulated_world(seed: str) -> AsyncIterator[World]:
    """Run the emulators in a process of their own; chance starts from `seed`."""
    # The pipe ends with this process, however it ends, and the emulators end with the pipe.
    process = await asyncio.create_subprocess_exec(
        *this_program("emulate", "--port", "0", "--seed", seed, "--retry-scale", "0.05", "--while-stdin", "--json"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        if process.stdout is None or not (line := await process.stdout.readline()):
            raise Conflict("no_emulators", "The emulators did not start; see what they wrote above.")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            yield World(json.loads(line)["control"], session)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _expect_empty(url: str) -> None:
    database = Database(url)
    try:
        if backup.revision(database) and not backup.is_empty(database):
            raise Conflict(
                "not_empty", "The demo needs an empty database, and this one is in use; create another one for it."
            )
    finally:
        database.close()


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            return found
    raise Conflict("no_port", "No port is free on 127.0.0.1; choose one with --port.")


def _invite(started: Started, control: str) -> None:
    for line in (
        "",
        f"The API:                {started.address}/api/v1 (described at {started.address}/api/docs)",
        f"Its key in this demo:   {started.first_key}",
        f"What handsets received: {control}/mailbox",
        "There is no web console in this version. Ctrl-C ends the demo and removes its data.",
    ):
        click.echo(line, err=wants_json())
