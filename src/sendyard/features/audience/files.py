"""
A file of people from its first byte to the last row stored: found out, mapped, judged, kept.
"""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sendyard.features.audience.fields import CustomFields
from sendyard.features.audience.importing.imports import Imports, Progress, Wish
from sendyard.features.audience.reading import Outcome, RowVerdict, inspect_file, map_columns, read, refused_rows

SHOWN = 20  # refused rows that an answer names


class Files:
    """Files of people for every workspace."""

    def __init__(self, imports: Imports, fields: CustomFields) -> None:
        """Take what stores rows, and the custom fields that there are."""
        self._imports = imports
        self._fields = fields

    async def take(
        self,
        workspace_id: str,
        file: Path,
        wish: Wish,
        *,
        country: str = "",
        columns: Mapping[str, str] | None = None,
        dry_run: bool = False,
        refused: BinaryIO | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """
        Import a file; giving it again changes nothing but what differs.

        Args:
            workspace_id: whose people they become.
            file: CSV, TSV or XLSX.
            wish: what the import is called, and the list and tags its people get.
            country: ISO 3166 code by which national numbers are read.
            columns: name of a column → what it holds, where its name does not tell; see `reading.map_columns`.
            dry_run: only say what would happen.
            refused: where a CSV of the refused rows with their reasons goes.
            progress: told the counts after every chunk.

        Returns:
            As `Imports.run`, with `file` (how it was read), `columns` (what each holds) and the first `refused` rows.

        Raises:
            Invalid: the file as a whole cannot be used, or no column tells how people are reached.
        """
        shape = await asyncio.to_thread(inspect_file, file, country=country)
        definitions = await self._fields.definitions(workspace_id)
        mapping = map_columns(shape, overrides=columns, fields=definitions, country=country)
        shown: list[dict[str, Any]] = []
        reading = read(file, mapping, shape=shape, country=country)
        verdicts = _told(reading, shown, _Sheet(refused, shape.header))
        done = await self._imports.run(workspace_id, verdicts, wish, dry_run=dry_run, progress=progress)
        return {**done, "file": shape.to_dict(), "columns": mapping.to_dict(), "refused": shown}


class _Sheet:
    """The file of refused rows, if one is wanted."""

    def __init__(self, file: BinaryIO | None, header: tuple[str, ...]) -> None:
        self._file = file
        self._header = header
        self._begun = False

    def add(self, verdict: RowVerdict) -> None:
        if self._file is None:
            return
        pieces = list(refused_rows(self._header, [verdict]))
        # Only the first time with the names of the columns.
        for piece in pieces[1 if self._begun else 0 :]:
            self._file.write(piece)
        self._begun = True


def _told(verdicts: Iterator[RowVerdict], shown: list[dict[str, Any]], sheet: _Sheet) -> Iterator[RowVerdict]:
    for verdict in verdicts:
        if verdict.outcome is Outcome.REFUSED:
            sheet.add(verdict)
            if len(shown) < SHOWN:
                shown.append({"row": verdict.row, "code": verdict.code, "detail": verdict.detail})
        yield verdict
