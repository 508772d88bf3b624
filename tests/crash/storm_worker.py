"""
A serving process in a storm: the product's own `Yard` at work, with steps so small that there are many moments to die.

It takes callbacks, and orders of the test (`/press/FEATURE/ACTION/ID`), so that whatever writes into the database
dies with it.
"""

import asyncio
import os
from dataclasses import replace

from aiohttp import web

from sendyard import bootstrap, settings
from sendyard.delivery import poller as poller_module
from sendyard.delivery import recovery as recovery_module
from sendyard.domain.errors import AppError
from sendyard.features.campaigns import expansion as expansion_module
from sendyard.features.campaigns.audience.gathering import Gathering
from sendyard.features.campaigns.drips import timer as timer_module
from sendyard.features.campaigns.expansion import Expander
from sendyard.features.campaigns.experiments import trial as trial_module
from sendyard.ledger import reports as reports_module
from sendyard.providers.registry import SLUGS
from sendyard.providers.registry import adapter as adapter_of
from sendyard.storage.transaction import Transaction
from tests.crash.worker import QUICK, shorten_waits
from tests.running import Door

ROWS_A_STEP = 9
MINUTES = 2
"""How far `/press/time/pass` moves the clocks of people: longer than any wait of the storms."""


def shorten_everything() -> None:
    """Steps of a few rows, and no wait that only makes a test long."""
    shorten_waits()
    recovery_module._ROUND = 0.2
    reports_module.ASKED_AFTER_MS = 1000
    recovery_module._WAITS = (1,) * 40  # type: ignore[assignment]
    poller_module._ROUND, poller_module._LEASE_MS = 0.2, 1500
    for slug in SLUGS:
        kind = type(adapter_of(slug))
        kind.spec = replace(kind.spec, confirm_within=1.0, poll_delays=(0.5,) * 60, poll_interval=0.2)
    expansion_module._ROUND = expansion_module._WATCH = timer_module._ROUND = 0.02
    expansion_module.CANCEL_CHUNK = timer_module.CHUNK = timer_module.PAGE = ROWS_A_STEP
    trial_module.DEALT = 2 * ROWS_A_STEP
    for step, name in ((Expander.expand, "chunk"), (Gathering.step, "page")):
        assert step.__kwdefaults__ is not None
        step.__kwdefaults__[name] = ROWS_A_STEP


class Orders:
    """Does what a person would, in the process that will be killed."""

    def __init__(self, yard: bootstrap.Yard, workspace_id: str, door: Door) -> None:
        self._yard, self._workspace_id, self._door = yard, workspace_id, door

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if not request.path.startswith("/press/"):
            return await self._door.handle(request)
        _, _, feature, action, id_ = request.path.split("/", 4)
        if feature == "time":
            await self._yard.database.write(pass_time)
            return web.Response()
        place = self._yard.drips if feature == "drips" else self._yard.campaigns
        try:
            await getattr(place, action)(self._workspace_id, id_)
        except AppError as error:
            return web.Response(status=409, text=error.detail)
        return web.Response()


def pass_time(tx: Transaction) -> None:
    """Let some minutes go by for whoever waits: in drips and experiments, between waves, for an hour of their own."""
    moved = MINUTES * 60_000
    tx.run("UPDATE campaign_waves SET due_at = due_at - ? WHERE ended_at IS NULL", (moved,))
    tx.run("UPDATE drip_people SET next_at = next_at - ? WHERE state = 'active'", (moved,))
    tx.run("UPDATE messages SET sent_at = sent_at - ? WHERE sent_at IS NOT NULL AND status <> 'sending'", (moved,))
    tx.run("UPDATE messages SET due_at = 1, status = 'queued' WHERE status = 'scheduled' AND due_at IS NOT NULL")


async def live(*, database_url: str, key: str, data_dir: str, port: str, workspace_id: str) -> None:
    """Work until killed. `port` is where it listens, on this machine."""
    url = f"http://127.0.0.1:{port}"
    given = settings.load(
        {"database_url": database_url, "secret_keys": key, "data_dir": data_dir, "public_url": url, "port": port}
    )
    with bootstrap.Yard(given, delays=QUICK) as yard:
        yard.expander = Expander(yard.database, yard.directory, look_pause_ms=0)
        door = Door()
        door.ingest, door.url = yard.ingest, url
        runner = web.ServerRunner(web.Server(Orders(yard, workspace_id, door).handle))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(port)).start()
        async with asyncio.TaskGroup() as group:
            group.create_task(end_with_the_nursery(os.getppid()))
            group.create_task(yard.work("all" if yard.database.dialect == "sqlite" else "worker"))


async def end_with_the_nursery(parent: int) -> None:
    """Die when the test did, so that nothing of it stays."""
    while os.getppid() == parent:  # noqa: ASYNC110 - the kernel says so to nobody
        await asyncio.sleep(1)
    os._exit(0)
