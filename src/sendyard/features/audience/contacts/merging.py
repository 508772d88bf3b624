"""
Two contacts that are one person, and one contact that is two; both can be taken back.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from sendyard.domain.errors import Conflict, FieldError, Invalid, NotFound
from sendyard.features.audience.contacts import queries
from sendyard.features.audience.contacts.details import guessed_columns
from sendyard.features.audience.contacts.queries import begin_change
from sendyard.features.audience.contacts.rows import (
    ACTIVITY_COLUMNS,
    EDITABLE,
    ContactRow,
    HistoryRow,
    Identity,
    marks_of,
    numbers_of,
)
from sendyard.features.audience.contacts.store import require, show, survivor
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

_encode = msgspec.json.Encoder().encode


class _Merge(msgspec.Struct):
    """What a merge needs to be taken back: the other as it was, its identities, and what was filled in."""

    contact: dict[str, Any]
    identities: list[tuple[str, str]]
    before: dict[str, Any]
    after: dict[str, Any]
    taken_back: bool = False


_decode = msgspec.json.Decoder(_Merge).decode


class Merging:
    """Merges and splits contacts of every workspace."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def merge(self, workspace_id: str, contact_id: str, other_id: str) -> dict[str, Any]:
        """
        Make two contacts one: `contact_id` stays, gets the other's identities and labels, and keeps its own values.

        Where it has no value, the other's is taken; of times of activity the newer ones. The other's id leads here.

        Raises:
            Invalid: both are the same.
            NotFound: one of them is not there.
            Conflict: they were merged before.
        """
        if contact_id == other_id:
            detail = "Expected two contacts, found the same one twice."
            raise Invalid("same_contact", detail, errors=[FieldError("/contact", "same_contact", detail)])
        moment = now_ms()

        def join(tx: Transaction) -> dict[str, Any]:
            change = begin_change(tx, workspace_id)
            if survivor(tx, workspace_id, other_id) == survivor(tx, workspace_id, contact_id):
                raise Conflict("already_merged", "These two are one person already; nothing was changed.")
            kept, other = require(tx, workspace_id, contact_id), require(tx, workspace_id, other_id)
            moved = queries.identities_of(tx, workspace_id, [other["no"]]).get(other["no"], [])
            after = _filled(kept, other)
            merge = _Merge(other, [(kind, value) for kind, value in moved], {name: kept[name] for name in after}, after)
            queries.move_identities(tx, workspace_id, moved, kept["no"])
            queries.update_contact(tx, workspace_id, change, kept["no"], after or {"name": kept["name"]}, now=moment)
            queries.blank_contacts(tx, workspace_id, change, [other["no"]], now=moment)
            queries.add_history(tx, workspace_id, contact_id, "merged", _encode(merge).decode(), now=moment)
            queries.add_history(tx, workspace_id, other_id, "merged_into", contact_id, now=moment)
            return show(tx, workspace_id, contact_id)

        return await self._database.write(join)

    async def split(
        self, workspace_id: str, contact_id: str, *, identities: Sequence[tuple[str, str]] = (), merge: str = ""
    ) -> dict[str, Any]:
        """
        Make one contact two: some identities go to another person, or a merge of its history is taken back.

        A new person starts with the same language and labels and nothing else. Taking a merge back restores the other
        under its own id; values it had filled in are emptied again unless they were changed since.

        Returns:
            `{contact, other}`: both as they are now.

        Raises:
            Invalid: neither or both ways are asked for, or nothing would be left.
            NotFound: there is no such contact, identity or merge.
            Conflict: the merge was taken back already.
        """
        if bool(identities) == bool(merge):
            detail = "Expected either identities to take away, or the id of a merge to take back."
            raise Invalid("one_way", detail, errors=[FieldError("/identities", "one_way", detail)])
        moment = now_ms()

        def part(tx: Transaction) -> dict[str, Any]:
            row = require(tx, workspace_id, contact_id)
            if merge:
                other_id = _take_back(tx, workspace_id, row, merge, moment)
            else:
                other_id = _split_off(tx, workspace_id, row, [Identity(*one) for one in identities], moment)
            return {"contact": show(tx, workspace_id, contact_id), "other": show(tx, workspace_id, other_id)}

        return await self._database.write(part)

    async def history(self, workspace_id: str, contact_id: str) -> list[dict[str, Any]]:
        """Give what happened to a contact as a whole, oldest first: `{id, kind, at, other, taken_back}`."""
        found = await self._database.read(lambda tx: queries.history(tx, workspace_id, contact_id))
        return [_document(row) for row in found]


def _filled(kept: ContactRow, other: ContactRow) -> dict[str, Any]:
    after: dict[str, Any] = {}
    for name in EDITABLE:
        if name == "marks":
            marks = marks_of([*numbers_of(kept[name]), *numbers_of(other[name])])
            if marks != kept[name]:
                after[name] = marks
        elif kept[name] in {None, ""} and other[name] not in {None, ""}:
            after[name] = other[name]
    for name in ACTIVITY_COLUMNS:
        newest = max(kept[name] or 0, other[name] or 0)
        if newest > (kept[name] or 0):
            after[name] = newest
    return after


def _split_off(tx: Transaction, workspace_id: str, row: ContactRow, leaving: Sequence[Identity], now: int) -> str:
    having = queries.identities_of(tx, workspace_id, [row["no"]]).get(row["no"], [])
    for index, identity in enumerate(leaving):
        if identity not in having:
            detail = f"This person has no {identity.kind} {identity.value!r:.60}."
            raise NotFound("unknown_identity", detail, errors=[FieldError(f"/identities/{index}", "unknown", detail)])
    if len(set(leaving)) == len(having):
        detail = "Expected to leave the person at least one identity, found all of them."
        raise Invalid("nothing_left", detail, errors=[FieldError("/identities", "nothing_left", detail)])
    change = begin_change(tx, workspace_id, contacts=1)
    fresh = {"no": change.contact, "id": new_id(), "created_at": now, "updated_at": now, "source": "split"}
    fresh |= {name: row[name] for name in ("marks", "language")}
    queries.insert_contact(tx, workspace_id, change, fresh | guessed_columns({}, leaving))
    queries.move_identities(tx, workspace_id, leaving, change.contact)
    queries.update_contact(tx, workspace_id, change, row["no"], {"name": row["name"]}, now=now)
    queries.add_history(tx, workspace_id, row["id"], "split", str(fresh["id"]), now=now)
    queries.add_history(tx, workspace_id, str(fresh["id"]), "split_off", row["id"], now=now)
    return str(fresh["id"])


def _take_back(tx: Transaction, workspace_id: str, row: ContactRow, merge_id: str, now: int) -> str:
    note = next((one for one in queries.history(tx, workspace_id, row["id"]) if one.id == merge_id), None)
    if note is None or note.kind != "merged":
        detail = f"There is no merge {merge_id!r:.60} in this contact's history."
        raise NotFound("unknown_merge", detail, errors=[FieldError("/merge", "unknown_merge", detail)])
    merge = _decode(note.document)
    if merge.taken_back:
        raise Conflict("taken_back", "This merge was taken back already.")
    other = merge.contact
    change = begin_change(tx, workspace_id, contacts=1)
    # Under a number of its own: those who count may have forgotten the old one already.
    queries.rename_blank(tx, workspace_id, other["id"], new_id())
    queries.insert_contact(tx, workspace_id, change, other | {"no": change.contact, "updated_at": now})
    held = queries.holders(tx, workspace_id, [Identity(*one) for one in merge.identities])
    back = [identity for identity, holder in held.items() if holder == row["no"]]
    queries.move_identities(tx, workspace_id, back, change.contact)
    restored = {name: merge.before[name] for name, value in merge.after.items() if row[name] == value}
    queries.update_contact(tx, workspace_id, change, row["no"], restored or {"name": row["name"]}, now=now)
    merge.taken_back = True
    queries.change_history(tx, workspace_id, note.id, _encode(merge).decode())
    queries.remove_history_kind(tx, workspace_id, other["id"], "merged_into")
    queries.add_history(tx, workspace_id, row["id"], "split", other["id"], now=now)
    queries.add_history(tx, workspace_id, other["id"], "split_off", row["id"], now=now)
    return str(other["id"])


def _document(row: HistoryRow) -> dict[str, Any]:
    merge = _decode(row.document) if row.kind == "merged" else None
    return {
        "id": row.id,
        "kind": row.kind,
        "at": row.at,
        "other": merge.contact["id"] if merge else row.document,
        "taken_back": merge.taken_back if merge else False,
    }
