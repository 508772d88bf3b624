"""
Running the server, whole or in halves.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Sequence

import click
import uvloop

from sendyard.bootstrap import Role, Started, run
from sendyard.cli.opening import settings_for
from sendyard.cli.printing import note, say
from sendyard.cli.shape import Command, wants_json
from sendyard.domain.errors import Invalid
from sendyard.settings import Settings

_GRACE = 30  # seconds a worker may take to record the answers of its open requests

host_option = click.option("--host", help="The address to listen on; SENDYARD_HOST, else 127.0.0.1.")
port_option = click.option("--port", type=click.IntRange(0, 65535), help="SENDYARD_PORT, else 8025; 0 is any free one.")


@click.command(cls=Command, example="sendyard serve\nsendyard serve --host 0.0.0.0 --port 8025")
@host_option
@port_option
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True,
    help="Processes that send; more than one needs PostgreSQL.",
)  # fmt: skip
def serve(host: str | None, port: int | None, workers: int) -> None:
    """
    Serve the API and send, in one process over the data directory, until Ctrl-C or SIGTERM.

    The first start creates the database, the key ring and a live API key, which is printed once.
    """
    settings = settings_for(host=host, port=port)
    if workers == 1:
        _serve(settings, "all")
        return
    if settings.effective_database_url.startswith("sqlite"):
        raise Invalid(
            "needs_postgresql",
            f"SQLite has one writing process, so --workers {workers} cannot share it; use --workers 1, or set "
            "SENDYARD_DATABASE_URL to a PostgreSQL database.",
        )
    _serve_with_workers(settings, workers)


@click.command(cls=Command, example="sendyard web --host 0.0.0.0")
@host_option
@port_option
def web(host: str | None, port: int | None) -> None:
    """Serve only the API and the callbacks; a `sendyard worker` on the same PostgreSQL sends."""
    _serve(settings_for(host=host, port=port), "web")


@click.command(cls=Command, example="sendyard worker")
def worker() -> None:
    """Only send, poll and settle; may run on several machines over one PostgreSQL."""
    _serve(settings_for(), "worker")


def _serve(settings: Settings, role: Role) -> None:
    uvloop.run(run(settings, role, announce=_announce))


def _announce(started: Started) -> None:
    if wants_json():
        say(json.dumps({"role": started.role, "address": started.address, "first_key": started.first_key}))
        sys.stdout.flush()
        return
    if started.address:
        say(f"Sendyard serves {started.address}; its API is described at {started.address}/api/docs.")
    else:
        say("Sendyard sends.")
    if started.first_key:
        say(f"This is the first start. Your API key, shown this once: {started.first_key}")
        say("Templates to begin with, in four languages: `sendyard templates starters`.")
        say("There is no web console in this version; use the API or the command line.")
    say("Ctrl-C ends it.")
    sys.stdout.flush()


def _serve_with_workers(settings: Settings, count: int) -> None:
    """The web side here, `count` sending processes beside it; one that ends early is started anew."""
    uvloop.run(_Crew(count).serve(settings))


class _Crew:
    """The sending processes of one `serve`."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._stop = asyncio.Event()

    async def serve(self, settings: Settings) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        crew: list[asyncio.Task[None]] = []

        def begin(started: Started) -> None:
            # The web side has brought the database to its newest shape by now.
            _announce(started)
            crew.extend(asyncio.create_task(self._keep_one_working()) for _ in range(self._count))

        try:
            await run(settings, "web", announce=begin, stop=self._stop)
        finally:
            self._stop.set()
            await asyncio.gather(*crew)

    async def _keep_one_working(self) -> None:
        pause = 1.0
        while not self._stop.is_set():
            # A group of its own: Ctrl-C at the terminal reaches this process, which ends the workers in order.
            process = await asyncio.create_subprocess_exec(
                *this_program("worker"), stdout=subprocess.DEVNULL, start_new_session=True
            )
            ended = asyncio.create_task(process.wait())
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if self._stop.is_set():
                await _end(process, ended)
                return
            stopping.cancel()
            note(f"A worker ended with {process.returncode}; another starts in {pause:.0f} s.")
            await asyncio.wait({asyncio.create_task(self._stop.wait())}, timeout=pause)
            pause = min(30.0, pause * 2)


async def _end(process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
    if not ended.done():
        process.terminate()
        done, _ = await asyncio.wait({ended}, timeout=_GRACE)
        if not done:
            process.kill()
    await ended


def this_program(*arguments: str) -> Sequence[str]:
    """The words that start one of our commands in a process of its own."""
    return (sys.executable, "-m", "sendyard.cli", *arguments)
