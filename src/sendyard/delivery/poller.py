"""
Asking for reports: all a provider has, or those of named messages whose report is late.
"""

import asyncio
import logging
from datetime import UTC, datetime

from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.ingest import Ingest
from sendyard.delivery.queries import free_poll, lease_poll
from sendyard.delivery.redaction import redact
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.addresses import Address
from sendyard.ledger.polls import DuePoll, cursor, due_polls, keep_cursor, polled
from sendyard.providers.abilities import Pending, ReportPolling
from sendyard.providers.contract import ProtocolError
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_ROUND = 1.0  # seconds
_LEASE_MS = 90_000  # longer than one poll with its acknowledgement takes
_POLLS_A_ROUND = 20  # of one account, so that a long list does not starve the others
_log = logging.getLogger(__name__)


class Poller:
    """Runs beside the dispatcher, in as many processes as there are: one of them asks an account at a time."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        transport: Transport,
        ingest: Ingest,
        *,
        tokens: Tokens | None = None,
    ) -> None:
        """Take what it works with; `tokens` are shared with whoever else asks providers."""
        self._tokens = tokens or Tokens(transport)
        self._database = database
        self._directory = directory
        self._transport = transport
        self._ingest = ingest
        self._next: dict[str, float] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.gather(*(self._guarded(entry) for entry in self._directory.accounts() if self._is_due(entry)))
            await asyncio.sleep(_ROUND)

    def _is_due(self, entry: AccountEntry) -> bool:
        if not entry.is_active or not isinstance(entry.adapter, ReportPolling):
            return False
        return asyncio.get_running_loop().time() >= self._next.get(entry.id, 0.0)

    async def _guarded(self, entry: AccountEntry) -> None:
        spec = entry.adapter.spec
        pause = _ROUND if spec.poll_limit else spec.poll_interval
        self._next[entry.id] = asyncio.get_running_loop().time() + pause
        now = now_ms()
        if not await self._database.write(lambda tx: lease_poll(tx, entry.id, now=now, until=now + _LEASE_MS)):
            return
        try:
            await self.poll(entry)
        except (NotSent, Lost, ProtocolError) as error:
            _log.warning("could not ask %s for reports: %s", entry.name, redact(str(error), entry.secrets))
        finally:
            await self._database.write(lambda tx: free_poll(tx, entry.id))

    async def poll(self, entry: AccountEntry) -> int:
        """
        Ask one account for what is due; returns how many events came.

        Raises:
            NotSent, Lost, ProtocolError: the provider could not be asked; nothing is forgotten.
        """
        total = 0
        for _ in range(_POLLS_A_ROUND):
            count, more = await self._once(entry)
            total += count
            if not more:
                break
        return total

    async def _once(self, entry: AccountEntry) -> tuple[int, bool]:
        adapter = entry.adapter
        if not isinstance(adapter, ReportPolling):
            return 0, False
        spec = adapter.spec
        now = now_ms()
        due: list[DuePoll] = []
        if spec.poll_limit:
            due = await self._database.read(lambda tx: due_polls(tx, entry.id, now=now, limit=spec.poll_limit))
            if not due:
                return 0, False
        position = await self._database.read(lambda tx: cursor(tx, entry.id))
        pending = [_pending(poll) for poll in due]
        try:
            call = await self._tokens.call(entry)
            request = adapter.build_poll(call, position, pending)
            found = adapter.parse_poll(call, pending, await self._transport.exchange(request, spec.timeout))
        except (NotSent, Lost, ProtocolError):
            await self._database.write(lambda tx: polled(tx, _later(due, spec.poll_delays, now)))
            raise

        def work(tx: Transaction) -> None:
            self._ingest.store_in(tx, entry, found.events, now)
            polled(tx, _later(due, spec.poll_delays, now))
            if found.cursor != position:
                keep_cursor(tx, entry.id, found.cursor)

        await self._database.write(work)
        if found.acknowledge is not None:
            await self._transport.exchange(found.acknowledge, spec.timeout)
        return len(found.events), found.more or len(due) == spec.poll_limit > 0


def _pending(poll: DuePoll) -> Pending:
    submitted_at = datetime.fromtimestamp(poll.submitted_at / 1000, UTC)
    return Pending(poll.attempt_id, poll.provider_ref, Address.known(poll.recipient), submitted_at)


def _later(due: list[DuePoll], delays: tuple[float, ...], now: int) -> list[tuple[str, int | None]]:
    """When to ask again for each; nothing more is asked after the last delay."""
    return [
        (poll.attempt_id, now + int(1000 * delays[poll.polls]) if poll.polls < len(delays) else None) for poll in due
    ]
