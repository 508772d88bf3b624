"""
Imports: rows that were read become people, in chunks; each chunk is one transaction.

Repeating an import changes nothing. Nothing in it lifts a suppression or a withdrawn consent. Taking it back deletes
the people it made and restores what it changed, unless somebody changed it since.
"""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec

from sendyard.domain.errors import Conflict, NotFound
from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.contacts.queries import begin_change
from sendyard.features.audience.contacts.rows import Identity
from sendyard.features.audience.erased import revive
from sendyard.features.audience.fields import FieldSet, field_set
from sendyard.features.audience.importing import queries
from sendyard.features.audience.importing.planning import (
    Entry,
    Plan,
    Refusal,
    entry_of,
    new_row,
    plan_chunk,
    tags_among,
)
from sendyard.features.audience.importing.queries import ChangeRow, ImportRow
from sendyard.features.audience.importing.undoing import undo_step
from sendyard.features.audience.labels import LIST, label_set, make, require_tags
from sendyard.features.audience.queries import ConsentRow
from sendyard.features.audience.reading.verdicts import RowVerdict
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

CHUNK = 2000
"""Rows of one transaction: more would keep others waiting for longer, fewer would cost more commits."""

RUNNING, DONE, FAILED, UNDOING, UNDONE = "running", "done", "failed", "undoing", "undone"
_PROMOTIONAL = "promotional"
_encode = msgspec.json.Encoder().encode
Documents: TypeAlias = list[dict[str, Any]]
_Stored: TypeAlias = tuple[Counter[str], list[Refusal]]
Progress: TypeAlias = Callable[[Mapping[str, int]], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """How a file is stored. `list` is made if it is not there; `source` stands where the file says nothing."""

    name: str
    list: str = ""
    tags: Sequence[str] = ()
    source: str = "import"


@dataclass(slots=True)
class _Run:
    """One import under way."""

    workspace_id: str
    wish: Wish
    row: ImportRow
    counts: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)


class Imports:
    """The imports of every workspace."""

    def __init__(self, database: Database, keys: AddressKeys) -> None:
        """Take where rows are, and what recognises addresses of people who were erased."""
        self._database = database
        self._keys = keys

    async def run(
        self,
        workspace_id: str,
        verdicts: Iterable[RowVerdict],
        wish: Wish,
        *,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """
        Store what was read of a file; rows are read in a thread while the ones before are written.

        Args:
            workspace_id: whose people they become.
            verdicts: rows in the order of the file; refused ones are counted.
            wish: how.
            dry_run: only say what would happen.
            progress: told the counts after every chunk.

        Returns:
            The import (see `get`) with `refusals`, rows that were read and still could not be stored.
        """
        moment = now_ms()
        row = ImportRow(0, new_id(), wish.name[:200], RUNNING, "{}", moment, None, None)
        if not dry_run:
            row = await self._database.write(lambda tx: _begin(tx, workspace_id, row))
        run = _Run(workspace_id, wish, row)
        source = iter(verdicts)
        reading = asyncio.create_task(asyncio.to_thread(_next_chunk, source))
        store = self._database.read if dry_run else self._database.write
        try:
            while chunk := await reading:
                reading = asyncio.create_task(asyncio.to_thread(_next_chunk, source))
                counts, refusals = await store(
                    lambda tx, chunk=chunk: self._store(tx, run, chunk, dry_run=dry_run)  # type: ignore[misc]
                )
                run.counts.update(counts)
                run.refusals += refusals
                if progress is not None:
                    progress(dict(run.counts))
        except BaseException:
            reading.cancel()
            if not dry_run:
                await self._finish(run, FAILED)
            raise
        if not dry_run:
            await self._finish(run, DONE)
        done = run.row._replace(counts=json.dumps(run.counts), status=DONE, finished_at=now_ms())
        return _document(done) | {"dry_run": dry_run, "refusals": [refusal._asdict() for refusal in run.refusals]}

    async def list(self, workspace_id: str, *, before: int = 0, limit: int = 50) -> Documents:
        """Give imports, newest first, before a number (0: from the newest)."""
        found = await self._database.read(
            lambda tx: queries.imports(tx, workspace_id, before=before or 1 << 62, limit=limit)
        )
        return [_document(row) for row in found]

    async def get(self, workspace_id: str, import_id: str) -> dict[str, Any]:
        """Give one import: id, number, name, status, counts and its times. Raises NotFound."""
        return _document(await self._database.read(lambda tx: _require(tx, workspace_id, import_id)))

    async def undo(self, workspace_id: str, import_id: str) -> dict[str, Any]:
        """
        Take an import back; may be repeated after a crash.

        Returns:
            The import with counts of `deleted` people, `restored` people, and those `kept` because they were changed
            since.

        Raises:
            NotFound: there is no such import.
            Conflict: it is still running, or was taken back already.
        """

        def begin(tx: Transaction) -> ImportRow | None:
            row = _require(tx, workspace_id, import_id)
            taken = queries.take_import(tx, workspace_id, row.no, (DONE, FAILED, UNDOING), UNDOING)
            return row if taken else None

        row = await self._database.write(begin)
        if row is None:
            raise Conflict("not_undoable", "This import is running or was taken back already; nothing was changed.")
        counts: Counter[str] = Counter(json.loads(row.counts))
        after = -1
        while True:
            step = await self._database.write(
                lambda tx, after=after: undo_step(tx, workspace_id, row.no, row.id, after, now=now_ms())  # type: ignore[misc]
            )
            counts.update(step.counts)
            if step.done:
                break
            after = step.after
        undone = row._replace(status=UNDONE, counts=json.dumps(counts), undone_at=now_ms())
        await self._database.write(lambda tx: queries.change_import(tx, workspace_id, undone))
        return _document(undone)

    async def _finish(self, run: _Run, status: str) -> None:
        row = run.row._replace(status=status, counts=json.dumps(run.counts), finished_at=now_ms())
        await self._database.write(lambda tx: queries.change_import(tx, run.workspace_id, row))

    def _store(self, tx: Transaction, run: _Run, chunk: Sequence[RowVerdict], *, dry_run: bool) -> _Stored:
        workspace_id, moment = run.workspace_id, run.row.created_at
        counts: Counter[str] = Counter(rows=len(chunk))
        taken = [verdict for verdict in chunk if not verdict.code]
        counts["refused"] = len(chunk) - len(taken)
        fields = field_set(tx, workspace_id)
        marks, tags = ((), dict.fromkeys(tags_among(taken), 0)) if dry_run else _labels(tx, run, taken)
        entries: list[Entry] = []
        refusals: list[Refusal] = []
        for verdict in taken:
            found = entry_of(verdict, fields, tags, marks, run.wish.source)
            if isinstance(found, Entry):
                entries.append(found)
            else:
                refusals.append(found)
        counts["refused"] += len(refusals)
        slots = [*fields.by_slot]
        wanted = [*dict.fromkeys(one for entry in entries for one in entry.identities)]
        held, rows = queries.known(tx, workspace_id, wanted, slots)
        plan = plan_chunk(entries, held, rows)
        counts.update(added=len(plan.added), updated=len(plan.updates), unchanged=plan.unchanged, shared=plan.shared)
        addresses = [one.value for entry in entries for one in entry.identities]
        if not dry_run:
            self._write(tx, run, plan, fields, moment)
            revive(tx, self._keys, workspace_id, addresses, now=moment)
        stopped = audience_queries.suppressed_among(tx, workspace_id, addresses)
        counts["suppressed"] = len(stopped)
        if not dry_run:
            _keep_consents(tx, run, entries, stopped, moment)
        return counts, refusals

    def _write(self, tx: Transaction, run: _Run, plan: Plan, fields: FieldSet, now: int) -> None:
        workspace_id = run.workspace_id
        slots = [*fields.by_slot]
        change = begin_change(tx, workspace_id, contacts=len(plan.added))
        if plan.added:
            rows = [new_row(entry, slots, change.contact + at, new_id()) for at, entry in enumerate(plan.added)]
            queries.insert_contacts(tx, workspace_id, change, rows, slots, import_no=run.row.no, now=now)
        identities = [(*one, change.contact + at) for at, entry in enumerate(plan.added) for one in entry.identities]
        identities += [(*one, number) for number, update in plan.updates.items() for one in update.identities]
        if identities:
            queries.insert_identities(tx, workspace_id, identities, now=now)
        if plan.updates:
            values = {number: update.after for number, update in plan.updates.items()}
            queries.update_contacts(tx, workspace_id, change, values, now=now)
            _note_changes(tx, run, plan)


def _next_chunk(source: Iterator[RowVerdict]) -> list[RowVerdict]:
    return [*itertools.islice(source, CHUNK)]


def _begin(tx: Transaction, workspace_id: str, row: ImportRow) -> ImportRow:
    row = row._replace(no=begin_change(tx, workspace_id, imports=1).import_)
    queries.insert_import(tx, workspace_id, row)
    return row


def _labels(tx: Transaction, run: _Run, taken: Sequence[RowVerdict]) -> tuple[Sequence[int], dict[str, int]]:
    """The numbers of labels everybody gets, and of the tags the chunk names; those missing are made."""
    workspace_id, wish, now = run.workspace_id, run.wish, run.row.created_at
    known = label_set(tx, workspace_id)
    marks: list[int] = []
    if wish.list:
        found = known.find(LIST, wish.list) or make(tx, workspace_id, LIST, wish.list, now=now)
        marks.append(found.no)
    marks += require_tags(tx, workspace_id, known, wish.tags, now=now)
    names = [*tags_among(taken)]
    return marks, dict(zip(names, require_tags(tx, workspace_id, known, names, now=now), strict=True))


def _note_changes(tx: Transaction, run: _Run, plan: Plan) -> None:
    """Note what changed in people who were there before, together with what this import changed in them earlier."""
    of_others = [number for number in plan.updates if plan.rows[number]["import_no"] != run.row.no]
    earlier = {row.contact_no: row for row in queries.changes_of(tx, run.workspace_id, run.row.no, of_others)}
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
        queries.note_changes(tx, run.workspace_id, run.row.no, notes)


def _keep_consents(tx: Transaction, run: _Run, entries: Sequence[Entry], stopped: set[str], now: int) -> None:
    """Keep what the file says of consent, unless the person said no before: an import never takes a no back."""
    said: dict[str, Entry] = {}
    for entry in entries:
        if entry.consent is not None and entry.identities:
            said[entry.identities[0].value] = entry
    if not said:
        return
    in_force = {
        row.address: row.state
        for row in audience_queries.consents_in_force(tx, run.workspace_id, said)
        if row.purpose == _PROMOTIONAL and not row.channel
    }
    fresh: list[ConsentRow] = []
    for address, entry in said.items():
        state = "granted" if entry.consent else "withdrawn"
        known = in_force.get(address)
        if known == state or (entry.consent and (known == "withdrawn" or address in stopped)):
            continue
        at = _moment(entry.consent_at) or now
        evidence = f"{run.wish.name[:150]}, row {entry.row}"
        fresh.append(ConsentRow(new_id(), address, "", _PROMOTIONAL, state, f"import:{run.row.id}", evidence, at, now))
    if fresh:
        audience_queries.add_consents(tx, run.workspace_id, fresh)


def _moment(day: str) -> int | None:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000) if day else None


def _require(tx: Transaction, workspace_id: str, import_id: str) -> ImportRow:
    row = queries.import_by_id(tx, workspace_id, import_id)
    if row is None:
        raise NotFound("unknown_import", f"There is no import {import_id!r:.60}; list them to see those there are.")
    return row


def _document(row: ImportRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.no,
        "name": row.name,
        "status": row.status,
        "counts": json.loads(row.counts),
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "undone_at": row.undone_at,
    }


__all__ = ["CHUNK", "Identity", "Imports", "Wish"]
