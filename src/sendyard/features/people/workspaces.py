"""
Workspaces: one business each; every row belongs to one.
"""

from typing import Any

from sendyard.domain.errors import FieldError, Invalid, NotFound
from sendyard.features.people import queries
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

HIGHEST_HOURLY_LIMIT = 100_000


class Workspaces:
    """The workspaces of an install."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def first(self, name: str = "Main") -> tuple[dict[str, Any], bool]:
        """Give the oldest workspace, made now when there is none, and whether it was made now."""

        def find_or_make(tx: Transaction) -> tuple[dict[str, Any], bool]:
            queries.lock_workspaces(tx)
            made = False
            if not (found := queries.workspaces(tx)):
                queries.insert_workspace(tx, new_id(), name, now_ms())
                found, made = queries.workspaces(tx), True
            return _document(found[0]), made

        return await self._database.write(find_or_make)

    async def add(self, name: str) -> dict[str, Any]:
        """Make another workspace."""
        workspace_id = new_id()
        moment = now_ms()
        await self._database.write(lambda tx: queries.insert_workspace(tx, workspace_id, name, moment))
        return await self.get(workspace_id)

    async def all(self) -> list[dict[str, Any]]:
        """Give every workspace, oldest first."""
        return [_document(row) for row in await self._database.read(queries.workspaces)]

    async def get(self, workspace_id: str) -> dict[str, Any]:
        """Give one workspace. Raises NotFound."""
        for row in await self._database.read(queries.workspaces):
            if row[0] == workspace_id:
                return _document(row)
        raise NotFound("unknown_workspace", f"There is no workspace {workspace_id!r}.")

    async def set_hourly_limit(self, workspace_id: str, limit: int) -> dict[str, Any]:
        """
        Set how many messages one recipient may be sent within an hour; 0 for no limit.

        Raises:
            Invalid: the limit is negative or beyond use.
            NotFound: there is no such workspace.
        """
        if not 0 <= limit <= HIGHEST_HOURLY_LIMIT:
            detail = f"Expected 0 (no limit) to {HIGHEST_HOURLY_LIMIT:,} messages an hour, found {limit}."
            raise Invalid("bad_limit", detail, errors=[FieldError("/recipient_hourly_limit", "bad_limit", detail)])
        await self._database.write(lambda tx: queries.set_hourly_limit(tx, workspace_id, limit))
        return await self.get(workspace_id)


def _document(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(("id", "name", "recipient_hourly_limit", "created_at"), row, strict=True))
