"""
A chunk of a file becomes people: one transaction, in which nothing is done twice and no "no" is taken back.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.contacts.queries import begin_change
from sendyard.features.audience.erased import revive
from sendyard.features.audience.fields import FieldSet, field_set
from sendyard.features.audience.importing import queries
from sendyard.features.audience.importing.agreeing import Told, keep_words
from sendyard.features.audience.importing.planning import (
    Entry,
    Labels,
    Plan,
    Refusal,
    entry_of,
    lists_among,
    new_columns,
    plan_chunk,
    tags_among,
)
from sendyard.features.audience.importing.queries import ChangeRow, ImportRow
from sendyard.features.audience.labels import LIST, label_set, make, require_tags
from sendyard.features.audience.reading.verdicts import Outcome, RowVerdict
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.identifiers import new_ids
from sendyard.storage.transaction import Transaction

_REASON = "refused:"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Wish:
    """How a file is stored. `list` is made if it is not there; `source` stands where the file says nothing."""

    name: str
    list: str = ""
    tags: Sequence[str] = ()
    source: str = "import"


@dataclass(frozen=True, slots=True)
class Target:
    """Whose people a file becomes, by which import, and how."""

    workspace_id: str
    row: ImportRow
    wish: Wish


class Stored(NamedTuple):
    """What became of a chunk: counts, and every row that was refused, in reading or here."""

    counts: Counter[str]
    refused: Sequence[RowVerdict]


def store_chunk(
    tx: Transaction, keys: AddressKeys, target: Target, chunk: Sequence[RowVerdict], *, dry_run: bool
) -> Stored:
    """
    Store rows in the order of the file.

    Args:
        tx: the transaction; with `dry_run` nothing is written in it.
        keys: what recognises addresses of people who were erased.
        target: where the rows go.
        chunk: verdicts, refused ones included.
        dry_run: only say what would happen.
    """
    workspace_id, moment = target.workspace_id, target.row.created_at
    counts: Counter[str] = Counter(rows=len(chunk))
    refused = [verdict for verdict in chunk if verdict.code]
    taken = [verdict for verdict in chunk if not verdict.code] if refused else chunk
    fields = field_set(tx, workspace_id)
    labels = Labels((), {}, {}) if dry_run else _labels(tx, target, taken)
    entries: list[Entry] = []
    for verdict in taken:
        found = entry_of(verdict, fields, labels, target.wish.source)
        if isinstance(found, Refusal):
            refused.append(verdict._replace(outcome=Outcome.REFUSED, code=found.code, detail=found.detail))
        else:
            entries.append(found)
    counts["refused"] = len(refused)
    counts.update(_REASON + verdict.code for verdict in refused)
    if fixed := sum(verdict.outcome is Outcome.FIXED for verdict in taken):
        counts["fixed"] = fixed
    slots = [*fields.by_slot]
    wanted = [*dict.fromkeys(one for entry in entries for one in entry.identities)]
    held, rows = queries.known(tx, workspace_id, wanted, slots)
    plan = plan_chunk(entries, held, rows)
    counts.update(added=len(plan.added), updated=len(plan.updates), unchanged=plan.unchanged, shared=plan.shared)
    addresses = [one.value for one in wanted]
    if not dry_run:
        _write(tx, target, plan, fields, moment)
        revive(tx, keys, workspace_id, addresses, now=moment)
    stopped = audience_queries.suppressed_among(tx, workspace_id, addresses)
    counts["suppressed"] = len(stopped)
    if not dry_run:
        keep_words(
            tx,
            workspace_id,
            [(one.identities[0].value, one.row, one.words) for one in entries if one.words and one.identities],
            stopped,
            Told(f"import:{target.row.id}", target.wish.name[:150], moment),
        )
    return Stored(counts, refused)


def reasons_of(counts: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Part the counts of an import into those of what became of rows, and those of why rows were refused."""
    plain = {name: count for name, count in counts.items() if not name.startswith(_REASON)}
    why = {name.removeprefix(_REASON): count for name, count in counts.items() if name.startswith(_REASON)}
    return plain, dict(sorted(why.items(), key=lambda one: -one[1]))


def _write(tx: Transaction, target: Target, plan: Plan, fields: FieldSet, now: int) -> None:
    workspace_id = target.workspace_id
    slots = [*fields.by_slot]
    change = begin_change(tx, workspace_id, contacts=len(plan.added))
    if plan.added:
        columns = new_columns(plan.added, slots)
        queries.insert_contacts(
            tx, workspace_id, change, new_ids(len(plan.added)), columns, import_no=target.row.no, now=now
        )
    identities = [(*one, change.contact + at) for at, entry in enumerate(plan.added) for one in entry.identities]
    identities += [(*one, number) for number, update in plan.updates.items() for one in update.identities]
    if identities:
        queries.insert_identities(tx, workspace_id, identities, now=now)
    if plan.updates:
        values = {number: update.after for number, update in plan.updates.items()}
        queries.update_contacts(tx, workspace_id, change, values, now=now)
        _note_changes(tx, target, plan)


def _labels(tx: Transaction, target: Target, taken: Sequence[RowVerdict]) -> Labels:
    """Find every label the chunk needs; those missing are made."""
    workspace_id, wish, now = target.workspace_id, target.wish, target.row.created_at
    known = label_set(tx, workspace_id)
    lists: dict[str, int] = {}
    for name in [*([wish.list] if wish.list else []), *lists_among(taken)]:
        found = known.find(LIST, name)
        if found is None:
            found = make(tx, workspace_id, LIST, name, now=now)
            known.take(found)
        lists[name] = found.no
    everybody = [*([lists[wish.list]] if wish.list else []), *require_tags(tx, workspace_id, known, wish.tags, now=now)]
    names = [*tags_among(taken)]
    tags = dict(zip(names, require_tags(tx, workspace_id, known, names, now=now), strict=True))
    return Labels(everybody, tags, lists)


def _note_changes(tx: Transaction, target: Target, plan: Plan) -> None:
    """Note what changed in people who were there before, together with what this import changed in them earlier."""
    workspace_id, import_no = target.workspace_id, target.row.no
    of_others = [number for number in plan.updates if plan.rows[number]["import_no"] != import_no]
    earlier = {row.contact_no: row for row in queries.changes_of(tx, workspace_id, import_no, of_others)}
    notes: list[ChangeRow] = []
    for number in of_others:
        update = plan.updates[number]
        before, after = update.before, update.after
        added: list[Sequence[str]] = [[*one] for one in update.identities]
        if number in earlier:
            before = before | json.loads(earlier[number].before)
            known = json.loads(earlier[number].after)
            added = [*known.pop("identities", []), *added]
            after = known | after
        written = after | {"identities": added} if added else after
        notes.append(ChangeRow(number, _encode(before).decode(), _encode(written).decode()))
    if notes:
        queries.note_changes(tx, workspace_id, import_no, notes)
