"""
Running the carriers' emulators.
"""

import asyncio
import json
import signal
import sys

import click
import uvloop

from sendyard.cli.printing import say
from sendyard.cli.shape import Command, wants_json
from sendyard.domain.errors import Conflict
from sendyard.emulator.reports import Pace
from sendyard.emulator.server import EmulatorServer


@click.command(
    cls=Command,
    example="sendyard emulate\nsendyard emulate --port 9025 --seed 7\n"
    "curl http://127.0.0.1:9025/_control/mailbox    # what handsets received",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=9025, show_default=True, help="0 is any free one.")
@click.option("--control-port", type=click.IntRange(0, 65535), help="Give the control API a port of its own.")
@click.option("--seed", default="0", show_default=True, help="Where chance starts; equal seeds repeat a run.")
@click.option("--delivery", type=click.FloatRange(0, 3600), default=0.2, show_default=True,
              metavar="SECONDS", help="From acceptance to the handset.")  # fmt: skip
@click.option("--retry-scale", type=click.FloatRange(0.0001, 100), default=1.0, show_default=True,
              help="Shrinks or stretches how long providers wait before repeating a callback.")  # fmt: skip
@click.option("--no-reports", is_flag=True, help="Accepted messages are never heard of again.")
@click.option("--while-stdin", is_flag=True, hidden=True, help="End with standard input: with whoever started it.")
@click.option("--callback-host", "hosts", multiple=True, help="May be called back besides this machine.")
def emulate(
    *,
    host: str,
    port: int,
    control_port: int | None,
    seed: str,
    delivery: float,
    retry_scale: float,
    no_reports: bool,
    while_stdin: bool,
    hosts: tuple[str, ...],
) -> None:
    """
    Serve an emulator of every provider, each under /<slug>, until Ctrl-C or SIGTERM.

    Any well-formed credential works until accounts are registered; one that contains `invalid` is refused.
    """
    server = EmulatorServer(
        port,
        host,
        control_port=control_port,
        seed=seed,
        pace=Pace(sent=delivery / 4, final=delivery, read=delivery * 2),
        reports=not no_reports,
        retry_scale=retry_scale,
        callback_hosts=frozenset(hosts),
    )
    uvloop.run(_serve(server, host, port, while_stdin=while_stdin))


async def _serve(server: EmulatorServer, host: str, port: int, *, while_stdin: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await server.start()
    except OSError as error:
        raise Conflict(
            "address_not_available",
            f"Cannot listen on {host} port {port}: {error.strerror or error}. Choose another with --port.",
        ) from None
    try:
        _announce(server)
        if while_stdin:
            await asyncio.get_running_loop().connect_read_pipe(lambda: _UntilEnd(stop), sys.stdin)
        await stop.wait()
    finally:
        await server.stop()


def _announce(server: EmulatorServer) -> None:
    providers = {slug: server.base_url(slug) for slug in server.world.hosted}
    if wants_json():
        say(json.dumps({"url": server.url, "control": server.control_url, "providers": providers}))
    else:
        say(f"Emulators at {server.url}; what handsets received: {server.control_url}/mailbox")
        for slug, address in providers.items():
            say(f"  {slug}: base_url {address}")
        say("Ctrl-C ends it.")
    sys.stdout.flush()


class _UntilEnd(asyncio.Protocol):
    """Sets an event when a pipe ends."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._ended.set()
