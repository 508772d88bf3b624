"""
Imports that were started from elsewhere, done in the background: one at a time in each process.

Any process that sees the file may do the work; the lease decides which one does, and gives the import to another when
its holder is gone. What began in a process without a file to share, as on the command line, is marked as failed then.
"""

import asyncio
import contextlib
import json
import logging
from collections import Counter
from pathlib import Path
from typing import NoReturn

from sendyard.domain.errors import AppError
from sendyard.features.audience.fields import CustomFields
from sendyard.features.audience.importing import queries
from sendyard.features.audience.importing.imports import (
    CHECKING,
    DONE,
    FAILED,
    INSPECTED,
    LEASE_MS,
    QUEUED,
    RUNNING,
    UNDOING,
    Imports,
    Run,
    Stopped,
    sentence_of,
)
from sendyard.features.audience.importing.manner import begin_reading, look
from sendyard.features.audience.importing.queries import DueImport, ImportRow
from sendyard.features.audience.importing.steps import decode_manner
from sendyard.features.audience.importing.storing import Target, Wish
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms

_ROUND = 1.0  # seconds between looks when nobody tells of work
_AFTER_ERROR = 5.0
_PATIENCE_MS = 600_000  # how long is waited for a process that sees the file
_log = logging.getLogger(__name__)


class ImportWorker:
    """Does what was started. Any number of processes may run one."""

    def __init__(self, database: Database, imports: Imports, fields: CustomFields, folder: Path) -> None:
        """Take where rows are, what stores them, the custom fields that there are, and where files wait."""
        self._database = database
        self._imports = imports
        self._fields = fields
        self._folder = folder
        self._work = asyncio.Event()

    def nudge(self) -> None:
        """Say that there is work."""
        self._work.set()

    async def run(self) -> NoReturn:
        """Work until cancelled; what goes wrong is logged."""
        while True:
            try:
                busy = await self.round()
            except Exception:  # noqa: BLE001 - a database that is away must not end the loop
                _log.exception("imports could not be looked at, trying again")
                await asyncio.sleep(_AFTER_ERROR)
                continue
            if not busy:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._work.wait(), _ROUND)
                self._work.clear()

    async def round(self) -> bool:
        """Do the oldest import that waits; False when there is none for this process."""
        waiting = (QUEUED, CHECKING, RUNNING, UNDOING)
        due = await self._database.read(lambda tx: queries.due_imports(tx, waiting, now=now_ms()))
        for one in due:
            if await self._take(one):
                return True
        return False

    async def _take(self, due: DueImport) -> bool:
        workspace_id, row = due
        has_file = bool(row.file) and (self._folder / row.file).exists()
        lost = row.status != UNDOING and not has_file
        if lost and row.file and now_ms() - (row.lease_until or 0) < _PATIENCE_MS:
            return False
        status = {QUEUED: RUNNING}.get(row.status, row.status)
        owner, until = new_id(), now_ms() + LEASE_MS
        if not await self._database.write(
            lambda tx: queries.claim_import(tx, workspace_id, row, owner=owner, status=status, until=until)
        ):
            return False
        mine = row._replace(owner=owner, status=status)
        if lost:
            why = "The file is no longer there." if row.file else "The process that read the file ended before its end."
            await self._imports.finish(Run(Target(workspace_id, mine, Wish(row.name))), FAILED, f"{why} {_ADVICE}")
        elif status == UNDOING:
            with contextlib.suppress(Stopped):
                await self._imports.undo_rest(workspace_id, mine)
        else:
            await self._work_through(workspace_id, mine)
        return True

    async def _work_through(self, workspace_id: str, row: ImportRow) -> None:
        file = self._folder / row.file
        dry_run = row.status == CHECKING
        manner = decode_manner(row.manner)
        wish = Wish(row.name, manner.list, manner.tags, manner.source)
        run = Run(Target(workspace_id, row, wish), dry_run, counts=Counter({} if dry_run else json.loads(row.counts)))
        try:
            definitions = await self._fields.definitions(workspace_id)
            opened = await asyncio.to_thread(look, file, manner, definitions, name=row.name)
            reading = begin_reading(file, opened, manner, after_row=0 if dry_run else row.at_row)
            run.header = opened.shape.header
            run.gauge = lambda: reading.progress
            if dry_run:
                await self._database.write(lambda tx: queries.forget_refusals(tx, workspace_id, row.no))
            await self._imports.store(run, reading)
        except Stopped:
            return
        except asyncio.CancelledError:
            # The process ends: whoever comes next need not wait for the lease.
            await self._database.write(lambda tx: queries.hold_import(tx, workspace_id, row, until=now_ms() - 1))
            raise
        except Exception as error:  # noqa: BLE001 - noted with the import, and others wait
            if not isinstance(error, AppError):
                _log.exception("import %s of %s failed", row.id, workspace_id)
            await self._imports.finish(run, FAILED, sentence_of(error))
            return
        await self._imports.finish(run, INSPECTED if dry_run else DONE)
        if not dry_run:
            file.unlink(missing_ok=True)
            gone = row._replace(file="")
            await self._database.write(lambda tx: queries.change_import(tx, workspace_id, gone, "file"))


_ADVICE = "What was stored stays and can be taken back; importing the file again adds only what is missing."
