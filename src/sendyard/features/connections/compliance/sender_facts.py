"""
What is known of single senders: whose name they carry, and what registries say of them.
"""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from sendyard.delivery.directory import Directory
from sendyard.domain.countries.situation import Registration
from sendyard.domain.errors import NotFound
from sendyard.features.connections.compliance import checks, queries
from sendyard.features.connections.compliance.telling import account_id, account_name, named, note_change, tell
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

Documents: TypeAlias = list[dict[str, Any]]

_CHECKS: Mapping[str, checks.Check] = {
    "business": checks.plain,
    "identity_words": checks.words,
    "contact": checks.plain,
    "opt_out_number": checks.free_number,
    "registration": checks.registration,
    "receives_replies": checks.yes_or_no,
    "note": checks.note,
}
_BLANK: Mapping[str, Any] = {
    "business": "",
    "identity_words": (),
    "contact": "",
    "opt_out_number": "",
    "registration": Registration.UNKNOWN,
    "receives_replies": True,
    "note": "",
}
_NAMES = ("account", "value", *_BLANK, "updated_by", "updated_at")


class SenderFacts:
    """The senders of every workspace, as far as somebody told us of them."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are and the directory to keep in step."""
        self._database = database
        self._directory = directory

    async def list(self, workspace_id: str) -> Documents:
        """Give every sender, by its value."""
        rows = await self._database.read(lambda tx: queries.senders(tx, workspace_id))
        return [self._document(row) for row in rows]

    async def put(
        self, workspace_id: str, value: str, changes: Mapping[str, Any], *, account: str = "", by: str
    ) -> dict[str, Any]:
        """
        Say what is known of a sender; what is not given stays as it was.

        Args:
            workspace_id: whose sender it is.
            value: the number or header exactly as the provider knows it.
            changes: `business`, `identity_words`, `contact`, `opt_out_number`, `registration`, `receives_replies`,
                `note`. What stays blank is taken from the workspace's own facts, where those have it.
            account: id or name; "" speaks for every account.
            by: who changes it.

        Raises:
            Invalid: `bad_facts`, one error for each place.
            NotFound: there is no such account.
        """
        value = checks.checked({"value": value}, {"value": checks.sender}, code="bad_facts")["value"]
        fields = checks.checked(changes, _CHECKS, code="bad_facts")
        place = account_id(self._directory, workspace_id, account)
        moment = now_ms()

        def work(tx: Transaction) -> tuple[Any, ...]:
            present = queries.senders(tx, workspace_id, account_id=place, value=value)
            known = _facts(present[0]) if present else dict(_BLANK)
            told = [_stored(one) for one in (known | fields).values()]
            queries.put_sender(tx, workspace_id, (place, value, *told, by, moment))
            (stored,) = queries.senders(tx, workspace_id, account_id=place, value=value)
            audit, before = (by, moment), known if present else {}
            note_change(tx, workspace_id, "sender", before, _facts(stored), audit, name=value, account=place)
            return stored

        return self._document(await tell(self._database, self._directory, workspace_id, work))

    async def delete(self, workspace_id: str, value: str, *, account: str = "", by: str) -> None:
        """Forget a sender. Raises NotFound."""
        place = account_id(self._directory, workspace_id, account)

        def work(tx: Transaction) -> None:
            present = queries.senders(tx, workspace_id, account_id=place, value=value)
            if not queries.delete_sender(tx, workspace_id, place, value):
                where = f"account {account}" if account else "every account"
                detail = f"Nothing is known of sender {value!r:.60} for {where}; list the senders to see."
                raise NotFound("unknown_sender", detail)
            audit = (by, now_ms())
            note_change(tx, workspace_id, "sender", _facts(present[0]), {}, audit, name=value, account=place)

        await tell(self._database, self._directory, workspace_id, work)

    def _document(self, row: tuple[Any, ...]) -> dict[str, Any]:
        told = _read(row)
        return told | {"account": account_name(self._directory, told["account"])}


def _read(row: tuple[Any, ...]) -> dict[str, Any]:
    told = named(_NAMES, row)
    return told | {
        "identity_words": json.loads(told["identity_words"]),
        "receives_replies": bool(told["receives_replies"]),
    }


def _facts(row: tuple[Any, ...]) -> dict[str, Any]:
    told = _read(row)
    return {name: told[name] for name in _BLANK}


def _stored(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (tuple, list)) else value
