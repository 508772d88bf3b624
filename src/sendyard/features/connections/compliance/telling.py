"""
The way every fact is changed: counted, so that all processes notice, and visible here at once.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sendyard.delivery.directory import Directory
from sendyard.features.connections.compliance import queries
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

T = TypeVar("T")


async def tell(database: Database, directory: Directory, workspace_id: str, work: Callable[[Transaction], T]) -> T:
    """Run a change of one workspace's facts and give its result; two changes of one workspace follow each other."""

    def counted(tx: Transaction) -> T:
        queries.count_change(tx, workspace_id)
        return work(tx)

    result = await database.write(counted)
    await directory.refresh()
    return result


def account_id(directory: Directory, workspace_id: str, account: str) -> str:
    """Find the account a fact is about, by id or name; "" stays: every account. Raises NotFound."""
    return directory.require(workspace_id, account).id if account else ""


def account_name(directory: Directory, account: str) -> dict[str, str] | None:
    """Name an account as documents do; None for every account."""
    if not account:
        return None
    entry = directory.account(account)
    return {"id": account, "name": entry.name if entry else ""}


def named(names: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    """Name the columns of a row."""
    return dict(zip(names, row, strict=True))


def note_change(
    tx: Transaction,
    workspace_id: str,
    subject: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    audit: tuple[str, int],
    *,
    name: str = "",
    account: str = "",
) -> None:
    """
    Keep for good what a change did; nothing where it did nothing, or said nothing where nothing was said.

    Args:
        tx: the transaction of the change.
        workspace_id: whose facts they are.
        subject: one of `history.SUBJECTS`.
        before: the facts by field; empty where there were none.
        after: likewise afterwards.
        audit: who changed it, and when.
        name: which sender or registered text.
        account: id of the account it is about; "" for every one.
    """
    fields = {**before, **after}
    changes = {
        field: {"from": before.get(field), "to": after.get(field)}
        for field in fields
        if before.get(field) != after.get(field) and (before.get(field) or after.get(field) or field in before)
    }
    if changes:
        document = json.dumps(changes, ensure_ascii=False)
        queries.add_fact_change(tx, workspace_id, (new_id(), subject, name, account, document, *audit))
