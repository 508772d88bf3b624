"""
A worker as the product runs one, for tests that kill it: see `main` for its arguments.

Says "ready" on standard output once it dispatches, and runs until it is killed. Everything is the
product's own; only waits that would make a test long are shorter, and requests carry fewer messages, so
that there are many moments at which to die.
"""

import argparse
import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import uvloop
from aiohttp import web

from sendyard.delivery import dispatcher as dispatcher_module
from sendyard.delivery import lane as lane_module
from sendyard.delivery import recovery as recovery_module
from sendyard.delivery import settling as settling_module
from sendyard.delivery.directory import Directory
from sendyard.delivery.dispatcher import Dispatcher
from sendyard.delivery.ingest import Ingest
from sendyard.delivery.policy import RetryDelays
from sendyard.delivery.poller import Poller
from sendyard.delivery.recovery import Recovery
from sendyard.delivery.transport import Transport
from sendyard.providers.registry import SLUGS
from sendyard.providers.registry import adapter as adapter_of
from sendyard.storage.engine import Database
from sendyard.storage.vault import Vault
from tests.running import Door

QUICK = RetryDelays(ordinary=(0.05, 0.1, 0.2, 0.5, 1.0), otp=(0.05, 0.1), throttled=(0.1,) * 50)
MESSAGES_A_REQUEST = 10
LEASE_MS = 1500


def shorten_waits() -> None:
    """How long the dead are respected, and what one request takes."""
    lane_module.LEASE_MS = LEASE_MS
    dispatcher_module.LEASE_MS = LEASE_MS  # type: ignore[attr-defined]
    recovery_module._BUSY_MS = 3000
    recovery_module._WAITS = (1,) * 60  # type: ignore[assignment]
    settling_module._FIRST_QUESTION = 0.5
    for slug in SLUGS:
        kind = type(adapter_of(slug))
        batch = replace(kind.spec.batch, limit=min(MESSAGES_A_REQUEST, kind.spec.batch.limit))
        kind.spec = replace(kind.spec, batch=batch, poll_interval=0.5)


async def work(database_url: str, key: str, public_url: str, owner: str, port: int) -> None:
    database = Database(database_url)
    directory = Directory(database, Vault([key]), public_url)
    await directory.refresh()
    async with Transport() as transport:
        dispatcher = Dispatcher(database, directory, transport, owner=owner, delays=QUICK)
        recovery = Recovery(database, directory, transport, dispatcher, owner=owner)
        ingest = Ingest(database, directory, dispatcher.policy)
        await recovery.start()
        if port:
            door = Door()
            door.ingest, door.url = ingest, public_url
            runner = web.ServerRunner(web.Server(door.handle))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
        running: list[Awaitable[None]] = [dispatcher.run(), recovery.run()]
        running.append(Poller(database, directory, transport, ingest).run())
        print("ready", flush=True)
        await asyncio.gather(*running)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--public-url", required=True)
    parser.add_argument("--owner", required=True)
    parser.add_argument("--port", type=int, default=0, help="take callbacks there; 0: another process does")
    given = parser.parse_args()
    shorten_waits()
    uvloop.run(work(given.database, given.key, given.public_url, given.owner, given.port))


if __name__ == "__main__":
    main()
