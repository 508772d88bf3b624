"""
A file of people from its first byte to the last row stored, in one go: for whoever has the file at hand.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from sendyard.features.audience.fields import CustomFields
from sendyard.features.audience.importing.imports import Imports, Progress, Wish
from sendyard.features.audience.importing.manner import Manner, begin_reading, look
from sendyard.features.audience.reading import RowVerdict, refused_header, refused_row


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
        manner: Manner,
        *,
        dry_run: bool = False,
        refused: BinaryIO | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """
        Import a file; giving it again changes nothing but what differs.

        Args:
            workspace_id: whose people they become.
            file: CSV, TSV or XLSX.
            manner: how it is read and stored.
            dry_run: only say what would happen.
            refused: where a CSV of the refused rows with their reasons goes.
            progress: told the counts after every chunk.

        Returns:
            As `Imports.run`, with `file` (how it was read) and `columns` (what each holds).

        Raises:
            Invalid: the file as a whole cannot be used, or no column tells how people are reached.
        """
        definitions = await self._fields.definitions(workspace_id)
        opened = await asyncio.to_thread(look, file, manner, definitions)
        header = opened.shape.header
        begun = False

        def write(found: Sequence[RowVerdict]) -> None:
            nonlocal begun
            if refused is not None and found:
                refused.write(b"".join([b"" if begun else refused_header(header),
                                        *(refused_row(header, verdict) for verdict in found)]))  # fmt: skip
                begun = True

        done = await self._imports.run(
            workspace_id,
            begin_reading(file, opened, manner),
            Wish(file.name, manner.list, manner.tags, manner.source),
            header=header,
            dry_run=dry_run,
            progress=progress,
            refused=write,
        )
        return {**done, "file": opened.shape.to_dict(), "columns": opened.columns()}
