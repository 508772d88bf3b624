"""
What a workspace tells about itself: its home, its names, its ids in India, registered addresses and numbers, options.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sendyard.delivery.directory import Directory
from sendyard.domain.countries.situation import DltIds, Options, Registration
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.connections.compliance import checks, queries
from sendyard.features.connections.compliance.telling import account_id, account_name, named, note_change, tell
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_CHECKS: Mapping[str, checks.Check] = {
    "home_zone": checks.time_zone,
    "business": checks.plain,
    "contact": checks.plain,
    "opt_out_number": checks.free_number,
    "allowed_urls": checks.urls,
    "allowed_numbers": checks.numbers,
    "options": checks.options,
}
_DLT_CHECKS: Mapping[str, checks.Check] = {
    "account": checks.plain,
    "entity_id": checks.dlt_id,
    "telemarketer_ids": checks.telemarketers,
    "chain": checks.registration,
}
_NAMES = (
    "home_zone", "business", "contact", "opt_out_number", "allowed_urls", "allowed_numbers", "options", "updated_by",
    "updated_at", "revision",
)  # fmt: skip
_DLT_NAMES = ("account", "entity_id", "telemarketer_ids", "chain", "updated_by", "updated_at")
_UNTOLD = ("", "", "", "", None, None, "{}", "", None, 0)
_MOST_ENTRIES = 100


class WorkspaceFacts:
    """The facts of every workspace about itself."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are and the directory to keep in step."""
        self._database = database
        self._directory = directory

    async def get(self, workspace_id: str) -> dict[str, Any]:
        """
        Give everything told: blank texts, and null lists, are what nobody has told.

        `options` holds every option, with the value that counts; `dlt` the ids in India by account, null for all.
        """

        def read(tx: Transaction) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
            return queries.workspace(tx, workspace_id) or _UNTOLD, queries.dlt(tx, workspace_id)

        row, dlt = await self._database.read(read)
        told = named(_NAMES, row)
        return told | {
            "allowed_urls": _list(told["allowed_urls"]),
            "allowed_numbers": _list(told["allowed_numbers"]),
            "options": asdict(Options()) | json.loads(told["options"]),
            "dlt": [self._dlt_document(one) for one in dlt],
        }

    async def change(self, workspace_id: str, changes: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """
        Change what is given and nothing else.

        Args:
            workspace_id: whose facts they are.
            changes: `home_zone`, `business`, `contact`, `opt_out_number`; `allowed_urls` and `allowed_numbers`, whole
                lists, None for "nobody told us"; `options`, some of them, None for the usual value; `dlt`, a list of
                `{account, entity_id, telemarketer_ids, chain}` that changes the ids of the accounts it names ("" or
                none for every account) and forgets those in which nothing is left.
            by: who changes it.

        Raises:
            Invalid: `bad_facts`, one error for each place; or nothing was given.
            NotFound: there is no such account.
        """
        if not changes:
            raise Invalid("nothing_to_change", "Expected at least one fact to change, found none.")
        given = dict(changes)
        entries = self._dlt_entries(workspace_id, given.pop("dlt", ()))
        columns = checks.checked(given, _CHECKS, code="bad_facts")
        moment = now_ms()

        def work(tx: Transaction) -> None:
            before = _readable(queries.workspace(tx, workspace_id))
            if columns:
                stored = {name: _stored(value) for name, value in columns.items()}
                if "options" in columns:
                    row = queries.workspace(tx, workspace_id) or _UNTOLD
                    stored["options"] = _merged(named(_NAMES, row)["options"], columns["options"])
                queries.update_workspace(tx, workspace_id, stored, by=by, now=moment)
                after = _readable(queries.workspace(tx, workspace_id))
                note_change(tx, workspace_id, "workspace", before, after, (by, moment))
            for place, entry in entries:
                _put_dlt(tx, workspace_id, place, entry, (by, moment))

        await tell(self._database, self._directory, workspace_id, work)
        return await self.get(workspace_id)

    def _dlt_entries(self, workspace_id: str, given: Any) -> list[tuple[str, dict[str, Any]]]:
        if not isinstance(given, Sequence) or len(given) > _MOST_ENTRIES:
            detail = f"dlt: expected a list of at most {_MOST_ENTRIES} entries, one for each account."
            raise Invalid("bad_facts", detail, errors=[FieldError("/dlt", "bad_value", detail)])
        found = []
        for position, entry in enumerate(given):
            fields = checks.checked(entry, _DLT_CHECKS, code="bad_facts", place=f"/dlt/{position}")
            found.append((account_id(self._directory, workspace_id, fields.pop("account", "")), fields))
        return found

    def _dlt_document(self, row: tuple[Any, ...]) -> dict[str, Any]:
        entry = named(_DLT_NAMES, row)
        return entry | {
            "account": account_name(self._directory, entry["account"]),
            "telemarketer_ids": json.loads(entry["telemarketer_ids"]),
        }


def _put_dlt(tx: Transaction, workspace_id: str, place: str, entry: Mapping[str, Any], audit: tuple[str, int]) -> None:
    present = next((row for row in queries.dlt(tx, workspace_id) if row[0] == place), None)
    ids = DltIds(present[1], tuple(json.loads(present[2])), Registration(present[3])) if present else DltIds()
    before, ids = ids, replace(ids, **entry)
    note_change(tx, workspace_id, "dlt", _dlt_readable(before), _dlt_readable(ids), audit, account=place)
    if ids == DltIds():
        queries.delete_dlt(tx, workspace_id, place)
    else:
        row = (place, ids.entity_id, json.dumps(ids.telemarketer_ids), ids.chain.value, *audit)
        queries.put_dlt(tx, workspace_id, row)


def _dlt_readable(ids: DltIds) -> dict[str, Any]:
    return {"entity_id": ids.entity_id, "telemarketer_ids": list(ids.telemarketer_ids), "chain": ids.chain.value}


def _readable(row: tuple[Any, ...] | None) -> dict[str, Any]:
    """The facts as people told them, without what counts and signs them."""
    told = named(_NAMES, row or _UNTOLD)
    lists = {name: _list(told[name]) for name in ("allowed_urls", "allowed_numbers")}
    options = {f"options.{name}": value for name, value in json.loads(told["options"]).items()}
    plain = {name: told[name] for name in ("home_zone", "business", "contact", "opt_out_number")}
    return {**plain, **lists, **options}


def _stored(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (tuple, dict)) else value


def _merged(stored: str, changes: Mapping[str, Any]) -> str:
    present = json.loads(stored) | changes
    return json.dumps({name: value for name, value in present.items() if value is not None})


def _list(stored: str | None) -> list[str] | None:
    return None if stored is None else list(json.loads(stored))
