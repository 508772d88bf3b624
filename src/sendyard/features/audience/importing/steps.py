"""
An import in steps, for whoever sends a file from elsewhere: look at it, map its columns, try it, start it.

The file waits in a folder of the data directory, readable by nobody else, until it is stored, cancelled or a day old.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sendyard.domain.errors import Conflict, Invalid
from sendyard.features.audience.fields import CustomFields
from sendyard.features.audience.importing import queries
from sendyard.features.audience.importing.imports import (
    CANCELLED,
    CHECKING,
    FAILED,
    INSPECTED,
    QUEUED,
    RUNNING,
    begin,
    document,
    require_import,
)
from sendyard.features.audience.importing.manner import Manner, Opened, begin_reading, look
from sendyard.features.audience.importing.queries import ImportRow
from sendyard.features.audience.reading import preview, refused_header
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

KEPT_SECONDS = 24 * 3600
"""How long a file waits for its owner."""
REFUSED_KEPT_MS = 7 * 86_400_000
"""How long refused rows can be fetched."""

_encode = msgspec.json.Encoder().encode
decode_manner = msgspec.json.Decoder(Manner).decode


class ImportSteps:
    """The steps of imports, for every workspace."""

    def __init__(
        self, database: Database, fields: CustomFields, folder: Path, nudge: Callable[[], None] = lambda: None
    ) -> None:
        """
        Take where rows are, the custom fields that there are, where files wait, and whom to tell that there is work.
        """
        self._database = database
        self._fields = fields
        self._folder = folder
        self._nudge = nudge

    async def take(self, workspace_id: str, file: Path, manner: Manner, *, name: str, start: bool) -> dict[str, Any]:
        """
        Look at a file, which moves to the folder; with `start` its import begins at once.

        Returns:
            The import with a `preview`: its first and worst rows, and counts as far as was looked.

        Raises:
            Invalid: the file as a whole cannot be used; with `start` also when no column tells how people are reached.
        """
        found, seen = await self._looked(workspace_id, file, manner, name, mapped=start)
        import_id = new_id()
        await asyncio.to_thread(self._move, file, import_id)
        moment = now_ms()
        row = ImportRow(
            0,
            import_id,
            (name or "upload")[:200],
            QUEUED if start else INSPECTED,
            "{}",
            moment,
            manner=_encode(manner).decode(),
            shape=_shape(found),
            file=import_id,
            lease_until=moment - 1,
        )
        try:
            row = await self._database.write(lambda tx: begin(tx, workspace_id, row))
        except BaseException:
            (self._folder / import_id).unlink(missing_ok=True)
            raise
        if start:
            self._nudge()
        return document(row) | {"preview": seen}

    async def map(self, workspace_id: str, import_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """
        Say how a file is to be read, and look at it again; what is left out stays as it was said before.

        Args:
            workspace_id: whose it is.
            import_id: which import.
            changes: fields of `Manner`.

        Raises:
            Invalid: the file cannot be used so.
            NotFound: there is no such import.
            Conflict: it was started already, or its file is not here.
        """
        row = await self._row(workspace_id, import_id)
        manner = msgspec.structs.replace(decode_manner(row.manner), **changes)
        found, seen = await self._looked(workspace_id, self._file(row), manner, row.name)
        mapped = row._replace(manner=_encode(manner).decode(), shape=_shape(found), checked="")

        def change(tx: Transaction) -> bool:
            if not queries.take_import(tx, workspace_id, row.no, (INSPECTED,), INSPECTED, until=now_ms()):
                return False
            queries.change_import(tx, workspace_id, mapped, "manner", "shape", "checked")
            return True

        if not await self._database.write(change):
            raise _begun(checking=row.status == CHECKING)
        return document(mapped) | {"preview": seen}

    async def preview(self, workspace_id: str, import_id: str) -> dict[str, Any]:
        """Give the first and the worst rows. Raises NotFound, Conflict when the file is not here."""
        row = await self._row(workspace_id, import_id)
        _, seen = await self._looked(workspace_id, self._file(row), decode_manner(row.manner), row.name)
        return seen

    async def check(self, workspace_id: str, import_id: str) -> dict[str, Any]:
        """Begin a dry run, whose counts appear as `checked`. Raises NotFound, Conflict, Invalid."""
        return await self._begin(workspace_id, import_id, (INSPECTED,), CHECKING)

    async def start(self, workspace_id: str, import_id: str) -> dict[str, Any]:
        """Begin to store, or carry on one that failed. Raises NotFound, Conflict, Invalid."""
        return await self._begin(workspace_id, import_id, (INSPECTED, FAILED), QUEUED)

    async def cancel(self, workspace_id: str, import_id: str) -> dict[str, Any]:
        """
        Stop an import at its next step; what it stored stays until it is undone.

        Raises:
            NotFound: there is no such import.
            Conflict: it has ended.
        """

        def stop(tx: Transaction) -> ImportRow | None:
            row = require_import(tx, workspace_id, import_id)
            moment = now_ms()
            waiting = (INSPECTED, CHECKING, QUEUED, RUNNING)
            if not queries.take_import(tx, workspace_id, row.no, waiting, CANCELLED, until=moment):
                return None
            stopped = row._replace(status=CANCELLED, file="", finished_at=moment)
            queries.change_import(tx, workspace_id, stopped, "file", "finished_at")
            return stopped

        before = await self._row(workspace_id, import_id)
        stopped = await self._database.write(stop)
        if stopped is None:
            raise Conflict("import_ended", "This import has ended; to take back what it stored, undo it.")
        if before.file:
            (self._folder / before.file).unlink(missing_ok=True)
        return document(stopped)

    async def refused(self, workspace_id: str, import_id: str) -> AsyncIterator[bytes]:
        """
        Give a CSV of the refused rows with their reasons, piece by piece.

        Raises:
            NotFound: there is no such import.
        """
        row = await self._row(workspace_id, import_id)
        return self._pieces(workspace_id, row)

    async def tidy(self) -> None:
        """Remove files that waited for a day, imports that were never started, and old refused rows."""
        moment = now_ms()
        await self._database.write(lambda tx: queries.forget_old_refusals(tx, before=moment - REFUSED_KEPT_MS))
        for workspace_id, row in await self._database.read(queries.waiting_files):
            if row.created_at < moment - KEPT_SECONDS * 1000 and row.status in {INSPECTED, FAILED}:
                await self._database.write(lambda tx, w=workspace_id, r=row: _let_go(tx, w, r))  # type: ignore[misc]
        await asyncio.to_thread(self._remove_old)

    def _move(self, file: Path, name: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.replace(self._folder / name)

    def _remove_old(self) -> None:
        # By the wall clock, as files have it.
        oldest = time.time() - KEPT_SECONDS
        with contextlib.suppress(FileNotFoundError):
            for file in self._folder.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if file.stat().st_mtime < oldest:
                        file.unlink()

    async def _begin(self, workspace_id: str, import_id: str, expected: tuple[str, ...], status: str) -> dict[str, Any]:
        row = await self._row(workspace_id, import_id)
        manner = decode_manner(row.manner)
        file = self._file(row)
        definitions = await self._fields.definitions(workspace_id)
        opened = await asyncio.to_thread(look, file, manner, definitions, name=row.name)
        begin_reading(file, opened, manner).close()  # says so when no column tells how people are reached
        moment = now_ms()

        def change(tx: Transaction) -> bool:
            if not queries.take_import(tx, workspace_id, row.no, expected, status, until=moment - 1):
                return False
            if not row.at_row:  # those of a dry run
                queries.forget_refusals(tx, workspace_id, row.no)
            queries.change_import(tx, workspace_id, row._replace(read_bytes=0, finished_at=None),
                                  "read_bytes", "finished_at")  # fmt: skip
            return True

        if not await self._database.write(change):
            raise _begun(checking=row.status == CHECKING)
        self._nudge()
        return document(row._replace(status=status, read_bytes=0, finished_at=None, failure=""))

    async def _row(self, workspace_id: str, import_id: str) -> ImportRow:
        return await self._database.read(lambda tx: require_import(tx, workspace_id, import_id))

    def _file(self, row: ImportRow) -> Path:
        file = self._folder / row.file
        if not row.file or not file.exists():
            raise Conflict(
                "no_file",
                "The file of this import is no longer here: it was stored, cancelled or a day old. Send it again.",
            )
        return file

    async def _looked(
        self, workspace_id: str, file: Path, manner: Manner, name: str, *, mapped: bool = False
    ) -> tuple[Opened, dict[str, Any]]:
        definitions = await self._fields.definitions(workspace_id)

        def work() -> tuple[Opened, dict[str, Any]]:
            opened = look(file, manner, definitions, name=name)
            try:
                return opened, preview(begin_reading(file, opened, manner)).to_dict()
            except Invalid as error:
                if mapped or error.code != "no_phone_column":
                    raise
                # Whoever looks chooses the column next.
                return opened, {"first": [], "worst": [], "tally": None, "complete": False}

        return await asyncio.to_thread(work)

    async def _pieces(self, workspace_id: str, row: ImportRow) -> AsyncIterator[bytes]:
        header = json.loads(row.shape).get("file", {}).get("header", [])
        yield refused_header(header)
        at = -1
        while piece := await self._database.read(
            lambda tx, at=at: queries.refusals_after(tx, workspace_id, row.no, at)  # type: ignore[misc]
        ):
            at, lines = piece
            yield lines.encode()


def _let_go(tx: Transaction, workspace_id: str, row: ImportRow) -> None:
    if row.status == INSPECTED:
        queries.forget_import(tx, workspace_id, row.no)
    else:
        queries.change_import(tx, workspace_id, row._replace(file=""), "file")


def _shape(found: Opened) -> str:
    return _encode({"file": found.shape.to_dict(), "columns": found.columns()}).decode()


def _begun(*, checking: bool) -> Conflict:
    if checking:
        return Conflict("import_checked", "The dry run of this import is still going on; ask again when it has ended.")
    return Conflict("import_begun", "This import was started, or ended, already; send the file again for another one.")
