"""
Settling what nobody knows: after a crash, after a time-out, after a report that came too early.

A doubtful exchange is repeated where the provider de-duplicates, looked up where it can be asked, and
otherwise left to the report that may come.
"""

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial

from sendyard.delivery.batches import Batch, Load, build, call_for, outgoing_of, units
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.dispatcher import Dispatcher
from sendyard.delivery.roundtrip import round_trip
from sendyard.delivery.settling import record, settle
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.ledger.cancel import expire, find_expired
from sendyard.ledger.entries import Closing, Exchange, Posting
from sendyard.ledger.receipts import close
from sendyard.ledger.recovery import postpone, recover, take_doubtful
from sendyard.ledger.reports import AfterFailure, match_again
from sendyard.providers.abilities import Found, NotFound, SubmitLookup
from sendyard.providers.contract import Accepted, Outgoing, ProtocolError, Receipt, Refused, Unknown
from sendyard.providers.wire import HttpResponse
from sendyard.storage.engine import Database
from sendyard.storage.failures import DATABASE_AWAY
from sendyard.storage.identifiers import now_ms

_ROUND = 1.0  # seconds
_EXPIRY_ROUNDS = 10
_WAITS = (5, 15, 60, 300, 900, 3600, 7200)  # seconds between questions about one exchange
_BUSY_MS = 120_000  # longer than any exchange takes
_FRESH_MS = 60_000
_SAFETY = 0.9  # of the provider's memory for repetitions: clocks differ
_log = logging.getLogger(__name__)


class Recovery:
    """Runs beside the dispatcher. Call `start` once, before anything is dispatched."""

    def __init__(
        self, database: Database, directory: Directory, transport: Transport, dispatcher: Dispatcher, *, owner: str
    ) -> None:
        """Take what it works with; the dispatcher lends its policy, limits and breakers."""
        self._database = database
        self._directory = directory
        self._transport = transport
        self._dispatcher = dispatcher
        self._owner = owner

    async def start(self) -> tuple[int, int]:
        """Take back what the last process on this database held; (given back, now unknown)."""
        alone = self._database.dialect == "sqlite"
        now = now_ms()
        returned, doubtful = await self._database.write(lambda tx: recover(tx, now=now, everything=alone))
        if returned or doubtful:
            _log.warning("after an unclean end: %d messages wait again, %d are not known", returned, doubtful)
        return returned, doubtful

    async def run(self) -> None:
        """Work until cancelled."""
        rounds = 0
        while True:
            await asyncio.sleep(_ROUND)
            await self.round(with_expiry=rounds % _EXPIRY_ROUNDS == 0)
            rounds += 1

    async def round(self, *, with_expiry: bool = True) -> None:
        """One look at everything in doubt."""
        now = now_ms()
        if self._database.dialect == "postgresql":
            await self._database.write(lambda tx: recover(tx, now=now))
        exchanges = await self._database.write(
            lambda tx: take_doubtful(tx, owner=self._owner, now=now, busy_until=now + _BUSY_MS)
        )
        await asyncio.gather(*(self._guarded(exchange) for exchange in exchanges))
        # What has waited for long is looked at with the sweep only: a receipt places what came shortly before it.
        since = 0 if with_expiry else now - _FRESH_MS
        for entry in self._directory.accounts():
            await self._database.write(
                partial(match_again, account_id=entry.id, now=now, after_failure=self._after_failure(now), since=since)
            )
        if with_expiry:
            late = await self._database.read(lambda tx: find_expired(tx, now=now))
            if late:
                await self._database.write(lambda tx: expire(tx, late, now=now))

    def _after_failure(self, now: int) -> AfterFailure:
        return lambda message, error: self._dispatcher.policy.failed_later(message, error, now=now)

    async def _guarded(self, exchange: Exchange) -> None:
        try:
            await self._resolve(exchange)
        except DATABASE_AWAY:
            raise
        except Exception:  # noqa: BLE001 - any fault of an adapter
            # A fault of ours with one exchange must not hold up the others; it comes up again when it is due.
            _log.exception("cannot settle an exchange", extra={"exchange": exchange.id})

    async def _resolve(self, exchange: Exchange) -> None:
        entry = self._directory.account(exchange.account_id)
        doubtful = [posting for posting in exchange.postings if posting.in_doubt]
        if not doubtful:
            now = now_ms()
            await self._database.write(lambda tx: close(tx, [Closing(exchange.id, exchange.account_id, ())], now=now))
            return
        if entry is None or not entry.is_active:
            await self._postpone(exchange, 30)
            return
        age = (now_ms() - doubtful[0].submitted_at) / 1000
        if age < entry.adapter.dedup_seconds(outgoing_of(doubtful[0], entry.provider)) * _SAFETY:
            await self._repeat(entry, exchange)
        elif isinstance(entry.adapter, SubmitLookup):
            await self._look_up(entry, exchange, doubtful)
        else:
            await self._postpone(exchange, None)

    async def _repeat(self, entry: AccountEntry, exchange: Exchange) -> None:
        outgoing = await self._outgoing(entry, exchange)
        if outgoing is None:
            await self._postpone(exchange, _WAITS[0])
            return
        batch = build(entry, exchange, outgoing=outgoing, token=await self._dispatcher.tokens.of(entry))
        cost = units(entry, [Load(exchange.postings, batch.outgoing)])
        await self._dispatcher.limits.acquire(entry.workspace_id, entry.id, cost, entry.rate_per_second)
        receipts, response = await round_trip(self._transport, entry, batch)
        doubtful = {posting.message.id for posting in exchange.postings if posting.in_doubt}
        asked = [receipt for receipt in receipts if receipt.message_id in doubtful]
        await self._write(entry, batch, asked, response)

    async def _outgoing(self, entry: AccountEntry, exchange: Exchange) -> list[Outgoing] | None:
        """The messages as they left, their files put in place again; None when a file cannot be had now."""
        found = [outgoing_of(posting, entry.provider) for posting in exchange.postings]
        attachments = self._dispatcher.attachments
        if attachments is None:
            return found
        attached = [await attachments.resolved(entry, outgoing) for outgoing in found]
        whole = [outgoing for outgoing in attached if isinstance(outgoing, Outgoing)]
        return whole if len(whole) == len(found) else None

    async def _look_up(self, entry: AccountEntry, exchange: Exchange, doubtful: list[Posting]) -> None:
        receipts = [await self._ask(entry, posting) for posting in doubtful]
        outgoing = await self._outgoing(entry, exchange)
        if outgoing is not None:
            batch = build(entry, exchange, outgoing=outgoing)
        else:
            batch = Batch(exchange, [], call_for(entry, exchange.id), None)
        await self._write(entry, batch, receipts, None)

    async def _ask(self, entry: AccountEntry, posting: Posting) -> Receipt:
        adapter = entry.adapter
        if not isinstance(adapter, SubmitLookup):
            raise TypeError(f"{entry.provider} cannot be asked")
        outgoing = outgoing_of(posting, entry.provider)
        submitted_at = datetime.fromtimestamp(posting.submitted_at / 1000, UTC)
        try:
            call = await self._dispatcher.tokens.call(entry, posting.attempt_id)
            request = adapter.build_lookup(call, outgoing, submitted_at)
            answer = adapter.parse_lookup(
                outgoing, submitted_at, await self._transport.exchange(request, adapter.spec.timeout)
            )
        except (NotSent, Lost, ProtocolError) as error:
            return Unknown(posting.message.id, f"asked the provider: {error}")
        if isinstance(answer, Found):
            return Accepted(posting.message.id, answer.provider_ref)
        if isinstance(answer, NotFound):
            posting.in_doubt = False
            detail = "the provider says it never got this message"
            return Refused(posting.message.id, ProviderError(ErrorKind.UNAVAILABLE, "not_found", detail))
        return Unknown(posting.message.id, f"asked the provider: {answer.reason}")

    async def _write(
        self, entry: AccountEntry, batch: Batch, receipts: list[Receipt], response: HttpResponse | None
    ) -> None:
        now = now_ms()
        settled = settle(batch, entry, receipts, self._dispatcher.policy, now=now, response=response)
        await self._database.write(lambda tx: record(tx, [(entry, settled)], now=now))
        if settled.closing.status == "doubtful":
            tries = batch.exchange.tries
            await self._postpone(batch.exchange, _WAITS[tries - 1] if tries <= len(_WAITS) else None)

    async def _postpone(self, exchange: Exchange, seconds: int | None) -> None:
        next_try_at = None if seconds is None else now_ms() + 1000 * seconds
        await self._database.write(lambda tx: postpone(tx, exchange.id, next_try_at=next_try_at))
