"""
Every change of facts: who, when, from what to what. Nothing of it is ever changed or removed.
"""

import json
from typing import Any, TypeAlias

from sendyard.delivery.directory import Directory
from sendyard.features.connections.compliance import queries
from sendyard.features.connections.compliance.telling import account_name, named
from sendyard.storage.engine import Database

SUBJECTS = ("workspace", "dlt", "sender", "template")
"""The workspace itself, its ids in India, a sender, a registered text."""
_NAMES = ("id", "subject", "name", "account", "changes", "by", "at")

Documents: TypeAlias = list[dict[str, Any]]


class FactHistory:
    """The history of every workspace's facts."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and what names accounts."""
        self._database = database
        self._directory = directory

    async def list(
        self, workspace_id: str, *, subject: str = "", name: str = "", after: str = "", limit: int = 100
    ) -> Documents:
        """
        Give changes, newest first, behind the id `after`; of one subject, sender or registered text when asked for.

        Each is `{id, subject, name, account, changes, by, at}`; `changes` has `{from, to}` by field, null where there
        was or is nothing.
        """
        rows = await self._database.read(
            lambda tx: queries.fact_changes(tx, workspace_id, subject=subject, name=name, before=after, limit=limit)
        )
        return [self._document(row) for row in rows]

    def _document(self, row: tuple[Any, ...]) -> dict[str, Any]:
        told = named(_NAMES, row)
        return told | {
            "account": account_name(self._directory, told["account"]),
            "changes": json.loads(told["changes"]),
        }
