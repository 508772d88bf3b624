"""
Imports: rows that were read become people, in chunks; each chunk is one transaction.

Repeating an import changes nothing. Nothing in it lifts a suppression or a withdrawn consent. Taking it back deletes
the people it made and restores what it changed, unless somebody changed it since.

Whoever works on an import holds it by a lease, which every step extends in its own transaction. So of several processes
one works, a cancelled import stops at the next step, and one whose process died is carried on behind its last step.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sendyard.domain.errors import AppError, Conflict, NotFound
from sendyard.features.audience.contacts.queries import begin_change
from sendyard.features.audience.importing import queries
from sendyard.features.audience.importing.queries import ImportRow
from sendyard.features.audience.importing.storing import Stored, Target, Wish, reasons_of, store_chunk
from sendyard.features.audience.importing.undoing import undo_step
from sendyard.features.audience.reading.refusals import refused_row
from sendyard.features.audience.reading.verdicts import RowVerdict
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.engine import Database
from sendyard.storage.failures import DATABASE_AWAY
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

CHUNK = 2000
"""Rows of one transaction: more would keep others waiting for longer, fewer would cost more commits."""
LEASE_MS = 20_000
"""How long a step may take before the import is given to another process."""

INSPECTED, CHECKING, QUEUED, RUNNING, DONE, FAILED, CANCELLED, UNDOING, UNDONE = (
    "inspected", "checking", "queued", "running", "done", "failed", "cancelled", "undoing", "undone",
)  # fmt: skip
_MUCH = 10_000  # people stored after which the database had better know how many there are now
_SHOWN = 20  # refused rows that an answer names
_log = logging.getLogger(__name__)
Documents: TypeAlias = list[dict[str, Any]]
Progress: TypeAlias = Callable[[Mapping[str, int]], None]
Gauge: TypeAlias = Callable[[], tuple[int, int]]


class Stopped(Exception):
    """The import was cancelled, or another process works on it."""


@dataclass(slots=True)
class Run:
    """
    One import under way: what it reads, where that goes, and who wants to know.

    `counts` and the row's `at_row` are as of the last step. `gauge` tells bytes read and bytes in all; `header` are the
    names above the refused rows. A dry run of an import without a number leaves no trace.
    """

    target: Target
    dry_run: bool = False
    header: Sequence[str] = ()
    gauge: Gauge = lambda: (0, 0)
    progress: Progress | None = None
    refused: Callable[[Sequence[RowVerdict]], None] | None = None
    counts: Counter[str] = field(default_factory=Counter)


class Imports:
    """The imports of every workspace."""

    def __init__(self, database: Database, keys: AddressKeys) -> None:
        """Take where rows are, and what recognises addresses of people who were erased."""
        self._database = database
        self._keys = keys
        self._undoing: set[asyncio.Task[dict[str, Any]]] = set()

    async def run(
        self,
        workspace_id: str,
        verdicts: Iterable[RowVerdict],
        wish: Wish,
        *,
        header: Sequence[str] = (),
        dry_run: bool = False,
        progress: Progress | None = None,
        refused: Callable[[Sequence[RowVerdict]], None] | None = None,
    ) -> dict[str, Any]:
        """
        Store what was read of a file; rows are read in a thread while the ones before are written.

        Args:
            workspace_id: whose people they become.
            verdicts: rows in the order of the file; refused ones are counted.
            wish: how.
            header: the names of the file's columns, for the refused rows that are kept.
            dry_run: only say what would happen.
            progress: told the counts after every chunk.
            refused: given the refused rows of every chunk.

        Returns:
            The import (see `get`) with `dry_run` and the first refused rows in `refusals`.

        Raises:
            Conflict: it was cancelled meanwhile.
        """
        moment = now_ms()
        row = ImportRow(
            0, new_id(), wish.name[:200], RUNNING, "{}", moment, owner=new_id(), lease_until=moment + LEASE_MS
        )
        if not dry_run:
            row = await self._database.write(lambda tx: begin(tx, workspace_id, row))
        refusals: Documents = []

        def take(found: Sequence[RowVerdict]) -> None:
            more = found[: _SHOWN - len(refusals)]
            refusals.extend({"row": one.row, "code": one.code, "detail": one.detail} for one in more)
            if refused is not None:
                refused(found)

        run = Run(Target(workspace_id, row, wish), dry_run, header, progress=progress, refused=take)
        try:
            await self.store(run, iter(verdicts))
        except Stopped:
            raise Conflict("import_stopped", "The import was cancelled; what was stored can be taken back.") from None
        except BaseException as error:
            if not dry_run:
                await self.finish(run, FAILED, sentence_of(error))
            raise
        if not dry_run:
            await self.finish(run, DONE)
        done = run.target.row._replace(counts=json.dumps(run.counts), status=DONE, finished_at=now_ms())
        return document(done) | {"dry_run": dry_run, "refusals": refusals}

    async def store(self, run: Run, verdicts: Iterator[RowVerdict]) -> None:
        """
        Store the rest of a file chunk by chunk.

        Raises:
            Stopped: the import is no longer ours; what was stored up to the last step stays.
        """
        chunks = _chunks(verdicts)
        reading = asyncio.create_task(asyncio.to_thread(next, chunks, None))
        try:
            while (chunk := await reading) is not None:
                reading = asyncio.create_task(asyncio.to_thread(next, chunks, None))
                await self._step(run, chunk)
        finally:
            reading.cancel()

    async def finish(self, run: Run, status: str, failure: str = "") -> None:
        """Note how an import ended, unless it is no longer ours."""
        target = run.target
        finished_at = None if status == INSPECTED else now_ms()
        row = target.row._replace(status=status, failure=failure, finished_at=finished_at)

        def end(tx: Transaction) -> None:
            if queries.hold_import(tx, target.workspace_id, target.row, until=now_ms()):
                queries.change_import(tx, target.workspace_id, row, "status", "failure", "finished_at")

        await self._database.write(end)
        if not run.dry_run and run.counts["added"] + run.counts["updated"] >= _MUCH:
            try:
                await self._database.look_over("contacts", "identities", "contact_import_changes", "consents")
            except DATABASE_AWAY:
                _log.warning("the database could not look over what was imported; it will by itself", exc_info=True)

    async def list(self, workspace_id: str, *, before: int = 0, limit: int = 50) -> Documents:
        """Give imports, newest first, before a number (0: from the newest)."""
        found = await self._database.read(
            lambda tx: queries.imports(tx, workspace_id, before=before or 1 << 62, limit=limit)
        )
        return [document(row) for row in found]

    async def get(self, workspace_id: str, import_id: str) -> dict[str, Any]:
        """Give one import: id, number, name, status, counts and its times. Raises NotFound."""
        return document(await self._database.read(lambda tx: require_import(tx, workspace_id, import_id)))

    async def undo(self, workspace_id: str, import_id: str, *, patience: float | None = None) -> dict[str, Any]:
        """
        Take an import back; may be repeated after a crash.

        Args:
            workspace_id: whose it is.
            import_id: which.
            patience: seconds to wait for the end; None waits as long as it takes.

        Returns:
            The import with counts of `deleted` people, `restored` people, and those `kept` because they were changed
            since; with patience perhaps still on its way.

        Raises:
            NotFound: there is no such import.
            Conflict: it is still running, or was taken back already.
        """
        owner = new_id()

        def claim(tx: Transaction) -> ImportRow | None:
            row = require_import(tx, workspace_id, import_id)
            until = now_ms() + LEASE_MS
            if row.status == UNDOING and (row.lease_until or 0) < now_ms():
                taken = queries.claim_import(tx, workspace_id, row, owner=owner, status=UNDOING, until=until)
            else:
                ended = (DONE, FAILED, CANCELLED)
                taken = queries.take_import(tx, workspace_id, row.no, ended, UNDOING, until=until, owner=owner)
            return row._replace(status=UNDOING, owner=owner) if taken else None

        row = await self._database.write(claim)
        if row is None:
            raise Conflict(
                "not_undoable",
                "This import has stored nothing yet, is running, or was taken back already; nothing was changed.",
            )
        work = asyncio.create_task(self.undo_rest(workspace_id, row))
        if patience is None:
            return await work
        self._undoing.add(work)
        work.add_done_callback(self._undoing.discard)
        ended, _ = await asyncio.wait({work}, timeout=patience)
        return work.result() if ended else await self.get(workspace_id, import_id)

    async def undo_rest(self, workspace_id: str, row: ImportRow) -> dict[str, Any]:
        """Take back what is left of an import that is ours and in the state `undoing`. Raises Stopped."""
        counts: Counter[str] = Counter(json.loads(row.counts))
        after: int | None = -1
        while after is not None:
            counts, after = await self._database.write(
                lambda tx, counts=counts, after=after: _undo_some(tx, workspace_id, row, counts, after)  # type: ignore[misc]
            )
        undone = row._replace(status=UNDONE, counts=json.dumps(counts), undone_at=now_ms())
        await self._database.write(lambda tx: queries.change_import(tx, workspace_id, undone, "status", "undone_at"))
        return document(undone)

    async def _step(self, run: Run, chunk: Sequence[RowVerdict]) -> None:
        target = run.target
        if run.dry_run:
            stored = await self._database.read(lambda tx: store_chunk(tx, self._keys, target, chunk, dry_run=True))
            if target.row.no:
                await self._database.write(lambda tx: _note_step(tx, run, chunk, stored))
        else:

            def step(tx: Transaction) -> Stored:
                # The lease first: what another process does cannot be done here too.
                _hold(tx, target.workspace_id, target.row)
                found = store_chunk(tx, self._keys, target, chunk, dry_run=False)
                _note_step(tx, run, chunk, found)
                return found

            stored = await self._database.write(step)
        run.counts.update(stored.counts)
        if run.refused is not None:
            run.refused(stored.refused)
        if run.progress is not None:
            run.progress(reasons_of(run.counts)[0])


def begin(tx: Transaction, workspace_id: str, row: ImportRow) -> ImportRow:
    """Give an import its number, and store it."""
    row = row._replace(no=begin_change(tx, workspace_id, imports=1).import_)
    queries.insert_import(tx, workspace_id, row)
    return row


def _hold(tx: Transaction, workspace_id: str, row: ImportRow) -> None:
    if not queries.hold_import(tx, workspace_id, row, until=now_ms() + LEASE_MS):
        raise Stopped


def _note_step(tx: Transaction, run: Run, chunk: Sequence[RowVerdict], stored: Stored) -> None:
    workspace_id, row = run.target.workspace_id, run.target.row
    if run.dry_run:
        _hold(tx, workspace_id, row)
    counts = json.dumps(_sum(run.counts, stored.counts))
    done, total = run.gauge()
    noted = row._replace(at_row=chunk[-1].row, read_bytes=done, total_bytes=total, counts=counts, checked=counts)
    place = "checked" if run.dry_run else "counts"
    names = ("read_bytes", "total_bytes", place) if run.dry_run else ("at_row", "read_bytes", "total_bytes", place)
    queries.change_import(tx, workspace_id, noted, *names)
    if stored.refused and run.header:
        lines = b"".join(refused_row(run.header, verdict) for verdict in stored.refused).decode()
        queries.add_refusals(tx, workspace_id, row.no, noted.at_row, lines, now=now_ms())


def _undo_some(
    tx: Transaction, workspace_id: str, row: ImportRow, counts: Counter[str], after: int
) -> tuple[Counter[str], int | None]:
    _hold(tx, workspace_id, row)
    step = undo_step(tx, workspace_id, row.no, row.id, after, now=now_ms())
    counts = _sum(counts, step.counts)
    queries.change_import(tx, workspace_id, row._replace(counts=json.dumps(counts)), "counts")
    return counts, None if step.done else step.after


def _sum(counts: Counter[str], more: Counter[str]) -> Counter[str]:
    """Add counts; other than with `+`, those of zero stay."""
    both = Counter(counts)
    both.update(more)
    return both


def _chunks(verdicts: Iterator[RowVerdict]) -> Iterator[list[RowVerdict]]:
    """Gather verdicts; those of one row stay together, so that reading can go on behind a row."""
    chunk: list[RowVerdict] = []
    try:
        for verdict in verdicts:
            if len(chunk) >= CHUNK and not verdict.part:
                full, chunk = chunk, []
                yield full
            chunk.append(verdict)
    except Exception:
        # Whatever is wrong with the rest of a file, this much of it was read.
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def sentence_of(error: BaseException) -> str:
    """Say why an import failed, and what to do."""
    why = error.detail if isinstance(error, AppError) else "It broke off unexpectedly; the log says more."
    return f"{why} What was stored stays and can be taken back; importing the file again adds only what is missing."


def require_import(tx: Transaction, workspace_id: str, import_id: str) -> ImportRow:
    """Find an import. Raises NotFound."""
    row = queries.import_by_id(tx, workspace_id, import_id)
    if row is None:
        raise NotFound("unknown_import", f"There is no import {import_id!r:.60}; list them to see those there are.")
    return row


def document(row: ImportRow) -> dict[str, Any]:
    """An import as interfaces show it."""
    counts, reasons = reasons_of(json.loads(row.counts))
    checked = reasons_of(json.loads(row.checked)) if row.checked else None
    shape = json.loads(row.shape)
    return {
        "id": row.id,
        "number": row.no,
        "name": row.name,
        "status": row.status,
        "counts": counts,
        "reasons": reasons,
        "share": round(row.read_bytes / row.total_bytes, 4) if row.total_bytes else float(row.status == DONE),
        "checked": {"counts": checked[0], "reasons": checked[1]} if checked else None,
        "failure": row.failure,
        "manner": json.loads(row.manner),
        "file": shape.get("file"),
        "columns": shape.get("columns", []),
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "undone_at": row.undone_at,
    }


__all__ = ["CHUNK", "Imports", "Run", "Stopped", "Wish"]
