"""
Single messages that arrive at the same moment enter the ledger together.

Each statement of the writer's thread gives up the interpreter's lock and has to win it back from the loop, so a
few statements for twenty messages cost little more than the same few for one.
"""

import asyncio
from collections import deque

from sendyard.delivery.intake import BatchOutcome, Intake
from sendyard.delivery.preflight import Draft
from sendyard.domain.errors import AppError
from sendyard.ledger.entries import NewMessage
from sendyard.storage.failures import DATABASE_AWAY

_TOGETHER = 20  # as many as the intake prepares without leaving the loop

_Waiting = tuple[Draft, asyncio.Future[NewMessage]]


class Turnstile:
    """
    Accepts single messages as `Intake.accept` does, in groups that form by themselves while one is being stored.

    One group of a workspace is on its way at a time, so the hourly limit of a recipient stays exact in this process.
    """

    def __init__(self, intake: Intake) -> None:
        """Take the way into the ledger."""
        self._intake = intake
        self._queues: dict[str, deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, workspace_id: str, draft: Draft) -> NewMessage:
        """Check and store one message; returns after the commit. Raises as `Intake.accept`."""
        future: asyncio.Future[NewMessage] = asyncio.get_running_loop().create_future()
        queue = self._queues.get(workspace_id)
        if queue is None:
            queue = self._queues[workspace_id] = deque()
            task = asyncio.create_task(self._let_through(workspace_id, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        queue.append((draft, future))
        return await future

    async def _let_through(self, workspace_id: str, queue: deque[_Waiting]) -> None:
        while queue:
            group = [queue.popleft() for _ in range(min(len(queue), _TOGETHER))]
            try:
                outcome = await self._intake.accept_batch(workspace_id, [draft for draft, _ in group])
            except DATABASE_AWAY as error:
                _refuse(group, error)
            except Exception:  # noqa: BLE001 - it belongs to one of them, and the others must not suffer
                for waiting in group:
                    await self._let_one_through(workspace_id, waiting)
            else:
                _tell(group, outcome)
        del self._queues[workspace_id]

    async def _let_one_through(self, workspace_id: str, waiting: _Waiting) -> None:
        draft, future = waiting
        try:
            message = await self._intake.accept(workspace_id, draft)
        except Exception as error:  # noqa: BLE001 - told to the one who asked
            _refuse([waiting], error)
        else:
            if not future.done():
                future.set_result(message)


def _tell(group: list[_Waiting], outcome: BatchOutcome) -> None:
    for position, message in outcome.accepted:
        future = group[position][1]
        # Someone who no longer waits has a message all the same.
        if not future.done():
            future.set_result(message)
    for position, error in outcome.rejected:
        _refuse([group[position]], error)


def _refuse(group: list[_Waiting], error: AppError | Exception) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)
