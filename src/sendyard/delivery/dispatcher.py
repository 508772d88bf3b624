"""
Runs a lane for each account and records what their round trips came to, many in one commit.
"""

import asyncio
import contextlib
import logging
import random
import time
from functools import partial

from sendyard.delivery.attachments import Attachments, Supply
from sendyard.delivery.breaker import Breaker
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.lane import LEASE_MS, Lane
from sendyard.delivery.limits import RateLimits
from sendyard.delivery.policy import Policy, RetryDelays
from sendyard.delivery.settling import Settled, record
from sendyard.delivery.threshold import Threshold
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Transport
from sendyard.ledger.claim import extend
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms

_LARGEST_COMMIT = 400  # round trips; keeps a commit short when single messages are sent
_WORTH_A_COMMIT = 100  # round trips
_LINGER = 0.02  # seconds
_REFRESH = 1.0  # seconds between looks for new, paused and resumed accounts
_log = logging.getLogger(__name__)


class Dispatcher:
    """Hands over everything that is due. One per process; several processes may share a PostgreSQL."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        transport: Transport,
        *,
        owner: str,
        delays: RetryDelays | None = None,
        tokens: Tokens | None = None,
        supply: Supply | None = None,
    ) -> None:
        """
        Take what it works with.

        `owner` names this process in leases and must be unique; `tokens` are shared with whoever else asks providers.
        `supply` keeps the files of messages.
        """
        self.tokens = tokens or Tokens(transport)
        self.attachments = Attachments(database, transport, self.tokens, supply) if supply is not None else None
        self._database = database
        self._directory = directory
        self._transport = transport
        self._owner = owner
        self.limits = RateLimits(database)
        self.breakers: dict[str, Breaker] = {}
        chance = random.Random()  # noqa: S311 - nothing secret
        self.policy = Policy(usable=self.usable, jitter=chance.random, delays=delays or RetryDelays())
        self.threshold = Threshold(directory, self.policy.following)
        self._lanes: dict[str, tuple[Lane, asyncio.Task[None]]] = {}
        self._finished: list[tuple[AccountEntry, Settled]] = []
        self._something = asyncio.Event()
        self._stopping = False

    def breaker(self, account_id: str) -> Breaker:
        """The breaker of one account."""
        return self.breakers.setdefault(account_id, Breaker(time.monotonic))

    def usable(self, account_id: str) -> bool:
        """Whether an account may be given messages: known, active, and not taken to be down."""
        entry = self._directory.account(account_id)
        return entry is not None and entry.is_active and not self.breaker(account_id).is_open

    def add(self, entry: AccountEntry, settled: Settled) -> None:
        """Take a finished round trip, to be committed with others."""
        self._finished.append((entry, settled))
        self._something.set()

    async def run(self) -> None:
        """Work until cancelled; then let open requests end and record their answers."""
        recorder = asyncio.create_task(self._record())
        rounds = [asyncio.create_task(work()) for work in (self._wake_lanes, self._prolong)]
        try:
            while True:
                await self._directory.refresh()
                self._match_lanes()
                for task in (recorder, *rounds, *(task for _, task in self._lanes.values())):
                    if task.done():
                        task.result()
                await asyncio.sleep(_REFRESH)
        finally:
            await self._stop(recorder, rounds)

    def _match_lanes(self) -> None:
        known = {entry.id for entry in self._directory.accounts()}
        for account_id in known - self._lanes.keys():
            lane = Lane(
                account_id,
                entry_of=self._directory.account,
                database=self._database,
                transport=self._transport,
                limits=self.limits,
                policy=self.policy,
                threshold=self.threshold,
                breaker=self.breaker(account_id),
                recorder=self,
                tokens=self.tokens,
                owner=self._owner,
                attachments=self.attachments,
            )
            self._lanes[account_id] = lane, asyncio.create_task(lane.run(), name=f"lane {account_id}")
        for account_id in self._lanes.keys() - known:
            self._lanes.pop(account_id)[1].cancel()

    async def _wake_lanes(self) -> None:
        flag = self._database.wakeup()
        while True:
            await flag.wait()
            flag.clear()
            for lane, _ in self._lanes.values():
                lane.stir()

    async def _prolong(self) -> None:
        while True:
            await asyncio.sleep(LEASE_MS / 3000)
            await self._database.write(partial(extend, owner=self._owner, lease_until=now_ms() + LEASE_MS))

    async def _record(self) -> None:
        while not (self._stopping and not self._finished):
            await self._something.wait()
            self._something.clear()
            if len(self._finished) < _WORTH_A_COMMIT and not self._stopping:
                # A commit costs as much as recording some hundred answers: let a few more come.
                await asyncio.sleep(_LINGER)
            while self._finished:
                group = self._finished[:_LARGEST_COMMIT]
                del self._finished[:_LARGEST_COMMIT]
                await self._commit(group)

    async def _commit(self, group: list[tuple[AccountEntry, Settled]]) -> None:
        while True:
            try:
                await self._database.write(partial(record, finished=group, now=now_ms()))
                break
            except Exception:  # noqa: BLE001 - whatever the reason, they must be written
                # These answers exist nowhere else: a database that is away is waited for.
                _log.exception("could not record %d round trips, trying again", len(group))
                await asyncio.sleep(1)
        paused = {entry.name for entry, settled in group if settled.pause is not None}
        for entry, _ in group:
            if lane := self._lanes.get(entry.id):
                lane[0].recorded()
        if paused:
            _log.warning("paused %s: its provider refuses the account", ", ".join(sorted(paused)))
            await self._directory.refresh()

    async def _stop(self, recorder: asyncio.Task[None], rounds: list[asyncio.Task[None]]) -> None:
        tasks = [*rounds, *(task for _, task in self._lanes.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.attachments is not None:
            await self.attachments.close()
        self._stopping = True
        self._something.set()
        with contextlib.suppress(asyncio.CancelledError):
            await recorder
        for lane, _ in self._lanes.values():
            await lane.give_back()
