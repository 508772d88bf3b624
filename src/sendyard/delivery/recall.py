"""
Stopping a message that has not left yet.
"""

from typing import Any

from sendyard.domain.errors import Conflict, NotFound
from sendyard.domain.status import MessageStatus
from sendyard.ledger import queries
from sendyard.ledger.cancel import cancel_message
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction


class Recall:
    """Cancels messages as long as nothing of them was handed to a provider."""

    def __init__(self, database: Database) -> None:
        """Take where messages are."""
        self._database = database

    async def cancel(self, workspace_id: str, message_id: str) -> dict[str, Any]:
        """
        Cancel one message and give it as `ledger.queries.message` does; harmless when it is cancelled already.

        Raises:
            NotFound: the workspace has no such message.
            Conflict: it was handed over, or is final.
        """

        def work(tx: Transaction) -> tuple[bool, dict[str, Any] | None]:
            done = cancel_message(tx, workspace_id, message_id, now=now_ms())
            return done, queries.message(tx, workspace_id, message_id)

        done, found = await self._database.write(work)
        if found is None:
            raise unknown_message(message_id)
        if not done and found["status"] != MessageStatus.CANCELLED:
            detail = f"Only scheduled and queued messages can be cancelled; this one is {found['status']}."
            raise Conflict("too_late", detail)
        return found


def unknown_message(message_id: str) -> NotFound:
    """Say that a workspace has no such message."""
    return NotFound("unknown_message", f"There is no message {message_id!r:.80} in this workspace.")
