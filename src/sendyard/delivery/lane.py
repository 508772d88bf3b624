"""
One loop owns one account: claim, group, wait for the rate, post, send, settle.

Nothing here holds a transaction while a request is open, and nothing of one account waits for another.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from sendyard.delivery.attachments import Attachments
from sendyard.delivery.batches import Attach, Batch, Load, build, build_each, group, units
from sendyard.delivery.breaker import Breaker
from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.gate import Gate
from sendyard.delivery.limits import RateLimits
from sendyard.delivery.policy import Policy
from sendyard.delivery.roundtrip import kept_back, round_trip
from sendyard.delivery.settling import Settled, settle
from sendyard.delivery.threshold import Threshold
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Transport
from sendyard.domain.channels import Purpose
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.ledger.cancel import expire
from sendyard.ledger.claim import claim, next_due, release
from sendyard.ledger.entries import Claimed
from sendyard.ledger.moving import move
from sendyard.ledger.posting import post
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_IDLE = 0.5  # seconds: a retry that falls due is noticed by then without any wake-up
_HELD = 200  # messages taken at once from one lane, unless a window needs more
_SLICE = 0.25  # seconds of rate taken at once: short, so that an urgent message waits no longer
_UNRECORDED = 8  # windows whose receipts may still wait for their commit
_LOOK = 0.1  # seconds between looks for something more urgent that fell due by itself
_BARRED = 2.0  # seconds: a provider that refuses the account is not asked again before its pause is known here
_LONGEST_QUIET = 1.0  # seconds for which a request that was posted ahead keeps its place
LEASE_MS = 60_000
_T = TypeVar("_T")


class Recorder(Protocol):
    """Whoever writes finished round trips; declared by its caller."""

    def add(self, entry: AccountEntry, settled: Settled) -> None:
        """Take one; it will be committed soon, together with others."""


class Lane:
    """Everything that leaves through one account."""

    def __init__(
        self,
        account_id: str,
        *,
        entry_of: Callable[[str], AccountEntry | None],
        database: Database,
        transport: Transport,
        limits: RateLimits,
        policy: Policy,
        threshold: Threshold,
        breaker: Breaker,
        recorder: Recorder,
        tokens: Tokens,
        owner: str,
        attachments: Attachments | None = None,
    ) -> None:
        """
        Take what it works with; `entry_of` is asked anew for each window, so changes apply at once.

        Without `attachments` messages with files of ours cannot be built.
        """
        self.account_id = account_id
        self.breaker = breaker
        self.wake = asyncio.Event()
        self._entry_of = entry_of
        self._database = database
        self._transport = transport
        self._limits = limits
        self._policy = policy
        self._threshold = threshold
        self._recorder = recorder
        self._tokens = tokens
        self._attachments = attachments
        self._owner = owner
        self._held: list[Claimed] = []
        self._gate = Gate()
        self._posted = 0  # round trips that are marked and not ended; the gate says how many of them are open
        self._looked_at = 0.0
        self._freed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unrecorded = 0
        self._more = False  # whether the last claim left something behind
        self._barred_by: ProviderError | None = None
        self._barred_until = 0.0
        self._quiet_until = 0.0

    async def run(self) -> None:
        """Work until cancelled; open requests are then waited for, so that their answers are recorded."""
        try:
            while True:
                entry = self._entry_of(self.account_id)
                if entry is None or not entry.is_active or time.monotonic() < self._barred_until:
                    await self.give_back()
                    await self._sleep(_IDLE)
                    continue
                if not await self._step(entry):
                    await self._sleep(await self._until_due())
        finally:
            while self._tasks:
                await asyncio.wait(self._tasks)

    def stir(self) -> None:
        """Look for work now: something was committed."""
        self.wake.set()
        self._freed.set()

    async def _step(self, entry: AccountEntry) -> bool:
        """Let one window leave; False when there is nothing to do now."""
        allowed = self.breaker.allows()
        if allowed == 0:
            return await self._lead_away(entry)
        free = await self._free_slots(entry) if allowed < 0 else 1
        await self._fill(entry, free)
        if not self._held:
            return False
        return await self._let_leave(entry, free, probe=allowed > 0)

    async def _let_leave(self, entry: AccountEntry, free: int, *, probe: bool) -> bool:
        loads = self._affordable(entry, free)
        if not loads:
            return False  # files of all of them are still on their way to the provider
        await self._limits.acquire(entry.workspace_id, entry.id, units(entry, loads), entry.rate_per_second)
        if self.wake.is_set():
            # Something came while the moment was awaited: it may be more urgent than what was chosen.
            size = len(loads)
            await self._fill_urgent(entry)
            loads = self._affordable(entry, free)[:size]
        handing_over = self._to_the_end(self._hand_over(entry, loads, probe=probe))
        wanted = self._wanted(entry, free)
        staying = len(self._held) - sum(len(load.postings) for load in loads)
        if self._more and staying < wanted // 2:
            # The next window is read while this one is posted.
            await asyncio.gather(handing_over, self._to_the_end(self._claim(wanted, None)))
        else:
            await handing_over
        return True

    async def _hand_over(self, entry: AccountEntry, loads: list[Load], *, probe: bool) -> None:
        token = await self._tokens.of(entry) if entry.signs_in else ""
        built = [batch for load in loads for batch in build_each(entry, load, token)]
        now = now_ms()
        exchanges = [batch.exchange for batch in built]

        def work(tx: Transaction) -> set[str]:
            passed = self._threshold.pass_through(tx, exchanges, owner=self._owner, now=now)
            return post(tx, passed, owner=self._owner, now=now, lease_until=now + LEASE_MS)

        going = await self._database.write(work)
        gone = {posting.message.id for exchange in exchanges for posting in exchange.postings}
        self._held = [message for message in self._held if message.id not in gone]
        for batch in built:
            self._send(entry, batch, going, now, token=token, probe=probe)

    async def _to_the_end(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do what must not break off half-way, even when the lane is stopped meanwhile."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    def _send(
        self, entry: AccountEntry, batch: Batch, going: set[str], now: int, *, token: str | ProviderError, probe: bool
    ) -> None:
        exchange = batch.exchange
        if not going.issuperset(posting.message.id for posting in exchange.postings):
            exchange.postings = [posting for posting in exchange.postings if posting.message.id in going]
            if not exchange.postings:
                return
            kept = [outgoing for outgoing in batch.outgoing if outgoing.message_id in going]
            batch = build(entry, exchange, kept, batch.withheld or token)
        for posting in exchange.postings:
            posting.submitted_at = now
        if probe and batch.request is not None:
            self.breaker.probing()
        self._posted += 1
        self._unrecorded += 1
        task = asyncio.create_task(self._round_trip(entry, batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _round_trip(self, entry: AccountEntry, batch: Batch) -> None:
        priority = min(posting.message.purpose.priority for posting in batch.exchange.postings)
        await self._gate.enter(priority, entry.open_requests)
        try:
            error = await self._not_now()
            if error is None:
                receipts, response = await round_trip(self._transport, entry, batch)
                if entry.signs_in:
                    receipts = self._tokens.second_chance(entry, batch.call, receipts)
            else:
                receipts, response = kept_back(batch, error), None
        finally:
            self._gate.leave()
            self._posted -= 1
            self._freed.set()
        settled = settle(batch, entry, receipts, self._policy, now=now_ms(), response=response)
        if batch.request is not None and error is None:  # else the provider was not asked
            (self.breaker.succeeded if settled.healthy else self.breaker.failed)()
        if settled.pause is not None:
            self._barred_by, self._barred_until = settled.pause, time.monotonic() + _BARRED
        if settled.hold:
            self._quiet_until = max(self._quiet_until, time.monotonic() + settled.hold)
        self._recorder.add(entry, settled)
        if settled.hold:
            await self._limits.hold(entry.workspace_id, entry.id, settled.hold)

    async def _not_now(self) -> ProviderError | None:
        """Whether what was posted ahead must stay here after all: since then the provider has refused the account."""
        now = time.monotonic()
        if self._barred_by is not None and now < self._barred_until:
            return self._barred_by
        wait = self._quiet_until - now
        if wait > _LONGEST_QUIET:
            return ProviderError(ErrorKind.THROTTLED, "kept_back", "the provider wants quiet", retry_after=wait)
        if wait > 0:
            await asyncio.sleep(wait)
        return None

    async def give_back(self) -> None:
        """Let go of everything claimed and not posted."""
        if self._held:
            ids, now = [message.id for message in self._held], now_ms()
            self._held = []
            await self._database.write(lambda tx: release(tx, ids, owner=self._owner, now=now))

    def recorded(self) -> None:
        """One round trip of this lane is committed."""
        self._unrecorded -= 1
        self._freed.set()

    async def _free_slots(self, entry: AccountEntry) -> int:
        """
        Wait until another window is worth its commit, and return how many requests it may have.

        As many requests again as may be open are posted ahead, so that the provider never waits for a commit.
        """
        limit = entry.open_requests
        while True:
            if self._unrecorded <= _UNRECORDED * max(8, limit):
                if self._posted <= limit:
                    return min(2 * limit - self._posted, limit)
                room = min(self._overtaking(), 3 * limit - self._posted)
                if room > 0:
                    return room
            self._freed.clear()
            await self._freed.wait()
            if self.wake.is_set():
                await self._fill_urgent(entry)

    def _overtaking(self) -> int:
        """How many in hand would be let out before something that was posted ahead."""
        if not self._held or self._held[0].purpose is Purpose.PROMOTIONAL:
            return 0
        behind = self._gate.least_urgent()
        return sum(1 for _ in itertools.takewhile(lambda message: message.purpose.priority < behind, self._held))

    async def _fill(self, entry: AccountEntry, free: int) -> None:
        wanted = self._wanted(entry, free)
        if len(self._held) >= min(wanted, free * entry.batch_limit):
            await self._fill_urgent(entry)
        else:
            self.wake.clear()
            await self._to_the_end(self._claim(wanted - len(self._held), None))
        await self._drop_late()

    def _wanted(self, entry: AccountEntry, free: int) -> int:
        """How many messages a window can use, and some to choose from."""
        return max(_HELD, min(free, 8) * entry.batch_limit)

    async def _fill_urgent(self, entry: AccountEntry) -> None:
        now = time.monotonic()
        if not self.wake.is_set() and now - self._looked_at < _LOOK:
            return
        self._looked_at = now
        self.wake.clear()
        # With nothing in hand the free slots are those kept from bulk.
        least = max((message.purpose.priority for message in self._held), default=Purpose.PROMOTIONAL.priority)
        if least > 0:
            await self._to_the_end(self._claim(max(_HELD, entry.batch_limit), least - 1))

    async def _claim(self, limit: int, most_urgent: int | None) -> None:
        now = now_ms()
        held = [message.id for message in self._held]

        def work(tx: Transaction) -> list[Claimed]:
            return claim(
                tx,
                self.account_id,
                limit,
                owner=self._owner,
                now=now,
                lease_until=now + LEASE_MS,
                held=held,
                most_urgent=most_urgent,
            )

        # With one process a claim writes nothing, so it need not wait for the writer.
        claimed = await (self._database.read if self._database.dialect == "sqlite" else self._database.write)(work)
        if most_urgent is None:
            self._more = len(claimed) == limit
        if claimed:
            self._held += claimed
            self._held.sort(key=lambda message: message.purpose.priority)

    async def _drop_late(self) -> None:
        """End what expired, just claimed or held for long: a leased message is hidden from the sweep for it."""
        now = now_ms()
        late = [message.id for message in self._held if message.expires_at <= now]
        if late:
            await self._database.write(lambda tx: expire(tx, late, now=now))
            self._held = [message for message in self._held if message.expires_at > now]

    def _affordable(self, entry: AccountEntry, free: int) -> list[Load]:
        """Loads for the free slots, as many as a short slice of the rate pays for, but always one."""
        budget = entry.rate_per_second * _SLICE
        chosen: list[Load] = []
        for load in group(entry, self._held, requests=free, attach=self._attach(entry)):
            budget -= units(entry, [load])
            if chosen and budget < 0:
                break
            chosen.append(load)
        return chosen

    def _attach(self, entry: AccountEntry) -> Attach | None:
        attachments = self._attachments
        return None if attachments is None else lambda outgoing: attachments.ready(entry, outgoing, self.stir)

    async def _lead_away(self, entry: AccountEntry) -> bool:
        """The account is down: what may go another way does so now, the rest waits."""
        await self._fill(entry, 1)
        moves = [
            (message, following) for message in self._held if (following := self._policy.following(message)) is not None
        ]
        if not moves:
            return False
        now = now_ms()
        reason = f"{entry.name} does not answer"
        await self._database.write(lambda tx: move(tx, moves, owner=self._owner, now=now, reason=reason))
        moved = {message.id for message, _ in moves}
        self._held = [message for message in self._held if message.id not in moved]
        return True

    async def _until_due(self) -> float:
        """Seconds until the next message falls due, at most those of an idle round: a throttle counts on it."""
        now = now_ms()
        due = await self._database.read(lambda tx: next_due(tx, self.account_id, after=now))
        return _IDLE if due is None else min(_IDLE, (due - now) / 1000)

    async def _sleep(self, seconds: float) -> None:
        # Not `wait_for`: on Python 3.11 it can swallow the cancellation that ends this lane.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wake.wait()
        self.wake.clear()
