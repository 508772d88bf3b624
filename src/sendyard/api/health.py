"""
Alive, ready, and the numbers a monitoring system collects.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from sendyard.api.operations import Answer, encode
from sendyard.delivery.directory import Directory
from sendyard.ledger.queries import lanes
from sendyard.ledger.tallies import newest_event, tally_events
from sendyard.storage.engine import Database
from sendyard.storage.failures import DATABASE_AWAY
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

Complaints = Callable[[], Mapping[str, str]]
"""Per part of the process: "" while it works, else what is wrong with it in one sentence."""

_PATIENCE = 2.0  # seconds a database may take before it counts as away


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str
    version: str


class Part(msgspec.Struct, frozen=True):
    """One part of the installation."""

    ok: bool
    detail: str


class Ready(msgspec.Struct, frozen=True):
    """Whether every part can work."""

    status: str
    parts: Mapping[str, Part]


class Health:
    """
    Answers `/healthz`, `/readyz` and `/metrics`.

    Event counters cover every process on the database from the moment this one started, because they are
    counted from the ledger.
    """

    def __init__(self, database: Database, directory: Directory, complaints: Complaints) -> None:
        """Take what is watched; `complaints` speaks for the parts only the process knows."""
        self._database = database
        self._directory = directory
        self._complaints = complaints
        self._counted_to: int | None = None
        self._turn = asyncio.Lock()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        labels = ("account", "provider")
        self._waiting = Gauge("sendyard_queue_messages", "Messages waiting for this account.", labels,
                              registry=self._registry)  # fmt: skip
        self._age = Gauge("sendyard_queue_age_seconds", "How long the longest-waiting message has been due.", labels,
                          registry=self._registry)  # fmt: skip
        self._active = Gauge("sendyard_account_active", "1 while the account may send, 0 while it is paused.", labels,
                             registry=self._registry)  # fmt: skip
        self._events = Counter("sendyard_events", "Facts the ledger recorded, by kind and the status they led to.",
                               (*labels, "kind", "status"), registry=self._registry)  # fmt: skip

    async def alive(self) -> Answer:
        """Say that the process answers; nothing else is looked at."""
        return Answer(200, encode(Alive("ok", version("sendyard"))))

    async def ready(self) -> Answer:
        """Say whether every part can work, and which cannot; 503 when any cannot."""
        parts = {name: Part(not complaint, complaint) for name, complaint in await self._all_complaints()}
        ok = all(part.ok for part in parts.values())
        return Answer(200 if ok else 503, encode(Ready("ready" if ok else "not_ready", parts)))

    async def metrics(self) -> Answer:
        """Give the numbers in Prometheus' text format."""
        async with self._turn:
            await self._collect()
            return Answer(200, generate_latest(self._registry), CONTENT_TYPE_LATEST)

    async def _all_complaints(self) -> list[tuple[str, str]]:
        complaint = ""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._database.read(newest_event)
        except TimeoutError:
            complaint = f"It did not answer within {_PATIENCE:.0f} s."
        except DATABASE_AWAY as error:
            complaint = f"It cannot be read: {type(error).__name__}; see the log and SENDYARD_DATABASE_URL."
        return [("database", complaint), *self._complaints().items()]

    async def _collect(self) -> None:
        after = self._counted_to

        def work(tx: Transaction) -> tuple[int, list[tuple[str, str, str, int]], dict[str, tuple[int, int]]]:
            newest = newest_event(tx)
            tallies = [] if after is None else tally_events(tx, after=after, up_to=newest)
            waiting = {lane["account_id"]: (lane["waiting"], lane["oldest_due_at"]) for lane in lanes(tx)}
            return newest, [(t.account_id, t.kind, t.status, t.count) for t in tallies], waiting

        newest, tallies, waiting = await self._database.read(work)
        self._counted_to = newest
        for account_id, kind, status, count in tallies:
            self._events.labels(*self._names(account_id), kind, status).inc(count)
        moment = now_ms()
        for gauge in (self._waiting, self._age, self._active):
            gauge.clear()
        for account_id in self._account_ids(waiting):
            names = self._names(account_id)
            count, oldest = waiting.get(account_id, (0, moment))
            entry = self._directory.account(account_id)
            self._waiting.labels(*names).set(count)
            self._age.labels(*names).set(max(0, moment - oldest) / 1000)
            self._active.labels(*names).set(entry is not None and entry.is_active)

    def _account_ids(self, waiting: Mapping[str, tuple[int, int]]) -> Iterator[str]:
        known = [entry.id for entry in self._directory.accounts()]
        yield from known
        yield from waiting.keys() - set(known)

    def _names(self, account_id: str) -> tuple[str, str]:
        entry = self._directory.account(account_id)
        # Names are unique within one workspace only; two series must never share their labels.
        return (f"{entry.name} ({entry.id})", entry.provider) if entry else (account_id, "")
