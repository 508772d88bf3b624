"""
`bench callbacks`: delivery reports a second, each answered after it is durable, while a campaign runs.
"""

import asyncio
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import uvloop

from sendyard import bootstrap, settings
from sendyard.cli.bench.bare import bare_server
from sendyard.cli.bench.load import fire, http_bytes
from sendyard.cli.bench.server import free_port, served
from sendyard.cli.bench.yard import Yard, fill, handed_over, single_recipient, target
from sendyard.delivery.dispatcher import Dispatcher
from sendyard.delivery.transport import Transport
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Received, Report
from sendyard.providers.registry import emulators
from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest, HttpResponse

TARGET = 5000  # callbacks a second
CAMPAIGN_RATE = 200  # messages a second of the campaign that runs meanwhile


class _InProcess(Transport):
    """Carries requests straight to an emulator and keeps what it received."""

    def __init__(self, slug: str, emulator: Emulator) -> None:
        super().__init__()
        self._prefix = f"/{slug}"
        self._emulator = emulator
        self.state = emulator.new_state()
        self.received: list[Received] = []

    async def exchange(self, request: HttpRequest, timeout: Timeout) -> HttpResponse:  # noqa: ASYNC109 - as its base
        del timeout
        parts = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        handled = self._emulator.handle(
            EmulatedRequest(
                request.method,
                parts.path.removeprefix(self._prefix),
                parts.query,
                headers,
                request.body,
                datetime.now(UTC),
            ),
            self.state,
        )
        self.received += handled.received
        return handled.response


def callbacks(messages: int, connections: int, database_url: str | None) -> dict[str, Any]:
    """
    Measure one run, and after it what a bare server does with the same requests.

    Every message was accepted before; a campaign is handed over at a steady rate meanwhile.
    """
    slug = single_recipient()
    port = free_port()
    public_url = f"http://127.0.0.1:{port}"
    url = database_url or ""
    with TemporaryDirectory(prefix="sendyard-bench-") as directory, target(slug) as base:
        requests = uvloop.run(_prepare(directory, url, slug, base, public_url, messages))
        with served(directory, port=port, database_url=url, public_url=public_url):
            measured = uvloop.run(fire(public_url, requests, connections))
        with bare_server(url or f"sqlite:///{directory}/bare.db") as address:
            floor = messages / uvloop.run(fire(address, requests, connections)).seconds
    taken = sum(count for status, count in measured.statuses.items() if 200 <= status < 300)
    per_second = taken / measured.seconds
    return {
        "provider": slug,
        "database": "postgresql" if url.startswith("postgresql") else "sqlite",
        "callbacks": messages,
        "connections": connections,
        "campaign_per_second": CAMPAIGN_RATE,
        "statuses": measured.statuses,
        "callbacks_per_second": round(per_second),
        "floor_per_second": round(floor),
        "ratio": round(per_second / floor, 3),
        "target_per_second": TARGET,
        "p50_ms": measured.percentile(0.5),
        "p99_ms": measured.percentile(0.99),
    }


async def _prepare(directory: str, url: str, slug: str, base: str, public_url: str, messages: int) -> list[bytes]:
    """Have everything accepted, then leave a campaign waiting; returns the callbacks to fire."""
    emulator = emulators()[slug]
    given = settings.load({"data_dir": directory, "database_url": url, "public_url": public_url})
    with bootstrap.Yard(given) as yard:
        workspace, _ = await yard.workspaces.first()
        account = await yard.accounts.add(
            workspace["id"],
            provider=slug,
            name=f"bench {slug}",
            settings={**emulator.sample_account, "base_url": base + emulator.base_path},
            sender=emulator.sample_sender,
            rate_per_second="100000",
        )
        place = Yard(yard.database, yard.directory, workspace["id"], account["id"])
        await asyncio.to_thread(fill, place, messages)
        carrier = _InProcess(slug, emulator)
        dispatcher = Dispatcher(yard.database, yard.directory, carrier, owner="bench")
        work = asyncio.create_task(dispatcher.run())
        await handed_over(place)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await yard.accounts.edit(workspace["id"], account["id"], {"rate_per_second": str(CAMPAIGN_RATE)})
        await asyncio.to_thread(fill, place, CAMPAIGN_RATE * 120)
    requests = []
    for received in carrier.received:
        report = Report(ReportStatus.DELIVERED, datetime.now(UTC))
        callback = emulator.settle(carrier.state, received, report)
        if callback is None:
            raise RuntimeError(f"{slug} calls nobody back")
        parts = urlsplit(callback.url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        requests.append(http_bytes(callback.method, public_url, path, dict(callback.headers), callback.body))
    return requests
