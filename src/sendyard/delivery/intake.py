"""
The door to the ledger: drafts are checked and stored, and the caller is answered after the commit.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sendyard.delivery.directory import Directory
from sendyard.delivery.people_limit import written_lately
from sendyard.delivery.preflight import Draft, admit, admit_many, prepare, prepare_many
from sendyard.domain.errors import AppError
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import NewMessage
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

T = TypeVar("T")
Outcome = NewMessage | AppError
Store = Callable[[], Outcome]
"""Checks and stores one message in the transaction at hand; errors are returned, never raised."""

_INLINE = 20  # drafts that may be prepared on the event loop without others noticing


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of a list; the numbers are positions in it."""

    accepted: list[tuple[int, NewMessage]] = field(default_factory=list)
    rejected: list[tuple[int, AppError]] = field(default_factory=list)


class Intake:
    """
    Accepts messages.

    The hourly limit of a recipient is exact within one process; processes that accept for the same recipient at the
    same instant may each let one more through.
    """

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where messages go and what they may go through."""
        self._database = database
        self._directory = directory
        self._busy: dict[tuple[str, str], asyncio.Event] = {}

    async def accept(self, workspace_id: str, draft: Draft) -> NewMessage:
        """
        Check and store one message.

        Raises:
            Invalid: something about the draft is not usable, or nothing can carry it.
            RateLimited: the recipient has had enough for this hour.
        """
        prepared = prepare(self._directory, workspace_id, draft, now_ms())
        outcome = await self._write(prepared, lambda tx: self._store(tx, prepared))
        if isinstance(outcome, AppError):
            raise outcome
        return outcome

    async def accept_as(self, workspace_id: str, draft: Draft, wrap: Callable[[Transaction, Store], T]) -> T:
        """
        Let the caller decide inside the transaction whether to store, and write beside it (idempotency keys).

        `wrap` gets the transaction and a function that checks and stores; it should return errors instead of raising
        them, because a work function that raises costs its whole group the commit.
        """
        prepared = prepare_many(self._directory, workspace_id, [draft], now_ms())[0]
        return await self._write(prepared, lambda tx: wrap(tx, lambda: self._store(tx, prepared)))

    async def accept_batch(self, workspace_id: str, drafts: Sequence[Draft]) -> BatchOutcome:
        """Store all good drafts of a list in one transaction; the bad ones come back with their reasons."""
        return await self.accept_batch_as(workspace_id, drafts, lambda _tx, store: store())

    async def accept_batch_as(
        self,
        workspace_id: str,
        drafts: Sequence[Draft],
        wrap: Callable[[Transaction, Callable[[], BatchOutcome]], T],
    ) -> T:
        """Like `accept_batch`, with the caller's say inside the transaction, as `accept_as`."""
        moment = now_ms()
        if len(drafts) <= _INLINE:
            prepared = prepare_many(self._directory, workspace_id, drafts, moment)
        else:
            prepared = await asyncio.to_thread(prepare_many, self._directory, workspace_id, drafts, moment)

        def store(tx: Transaction) -> BatchOutcome:
            outcome = _sorted_out(admit_many(self._directory, tx, workspace_id, prepared, moment))
            enqueue(tx, [message for _, message in outcome.accepted])
            return outcome

        return await self._database.write(lambda tx: wrap(tx, lambda: store(tx)))

    async def examine(self, workspace_id: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """Say what would become of each draft, without storing any."""
        moment = now_ms()
        prepared = await asyncio.to_thread(prepare_many, self._directory, workspace_id, drafts, moment)
        return await self._database.read(lambda tx: admit_many(self._directory, tx, workspace_id, prepared, moment))

    async def written(self, workspace_id: str) -> Mapping[str, int]:
        """Say how many people accounts with a limit have written to within a day; see `written_lately`."""
        return await self._database.read(lambda tx: written_lately(self._directory, workspace_id, tx))

    def _store(self, tx: Transaction, prepared: Outcome) -> Outcome:
        if isinstance(prepared, AppError):
            return prepared
        outcome = admit(self._directory, tx, prepared)
        if isinstance(outcome, NewMessage):
            enqueue(tx, (outcome,))
        return outcome

    async def _write(self, prepared: Outcome, work: Callable[[Transaction], T]) -> T:
        if (
            self._database.dialect == "sqlite"
            or isinstance(prepared, AppError)
            or not self._directory.hourly_limit(prepared.workspace_id)
        ):
            return await self._database.write(work)
        # PostgreSQL has several writers, and each would count without the others' uncommitted messages.
        recipient = (prepared.workspace_id, prepared.to.value)
        while (busy := self._busy.get(recipient)) is not None:
            await busy.wait()
        done = self._busy[recipient] = asyncio.Event()
        try:
            return await self._database.write(work)
        finally:
            del self._busy[recipient]
            done.set()


def _sorted_out(outcomes: Sequence[Outcome]) -> BatchOutcome:
    sorted_out = BatchOutcome()
    for position, outcome in enumerate(outcomes):
        if isinstance(outcome, AppError):
            sorted_out.rejected.append((position, outcome))
        else:
            sorted_out.accepted.append((position, outcome))
    return sorted_out
