"""
Rows of an XLSX workbook (ECMA-376, part 1, section 18), read piece by piece: a sheet is never held as a whole.

Own, because the libraries measured either hold a whole sheet and reserve memory for its corners (a cell in the last
row and column is enough to exhaust a machine) or read 7,500 rows a second.
"""

import contextlib
import posixpath
import zipfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple, Self

from sendyard.features.audience.reading.delimited import Record
from sendyard.features.audience.reading.shared_strings import (
    SharedStrings,
    elements,
    parse_part,
    read_shared_strings,
)
from sendyard.features.audience.reading.sheet_cells import CellStyles, SheetParser, read_styles
from sendyard.features.audience.reading.sources import Gauge, refused

MOST_BYTES = 4 << 30
"""Of one unpacked part."""

_ADVICE = "Open it in a spreadsheet program and save it again."


class Sheet(NamedTuple):
    """One sheet: its name, where it is in the archive, and whether people see it."""

    name: str
    part: str
    visible: bool


class Workbook:
    """An open workbook; give it up with `close`, or use it as a context."""

    def __init__(self, stream: BinaryIO) -> None:
        """
        Read the list of sheets; texts and styles are read when rows are.

        Raises:
            Invalid: it is no workbook, a damaged one, or one that unpacks to more than is reasonable.
        """
        try:
            self._archive = zipfile.ZipFile(stream)
        except zipfile.BadZipFile:
            raise refused("damaged_workbook", f"Expected a workbook, found a damaged archive. {_ADVICE}") from None
        self._parts = {info.filename.lstrip("/"): info for info in self._archive.infolist()}
        self._main = self._main_part()
        self._related = self._relations(self._main)
        self._since_1904 = False
        self.sheets = tuple(self._sheets())
        if not self.sheets:
            raise refused("empty_file", "Expected a sheet with a header and rows, found none.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the archive; the file stays open."""
        self._archive.close()

    def sheet(self, name: str) -> Sheet:
        """
        Give the sheet of a name; the first visible one for "".

        Raises:
            Invalid: there is none of that name; the message lists those there are.
        """
        if not name:
            return next((sheet for sheet in self.sheets if sheet.visible), self.sheets[0])
        for sheet in self.sheets:
            if sheet.name == name:
                return sheet
        listed = ", ".join(sheet.name for sheet in self.sheets[:30])
        raise refused("unknown_sheet", f"Expected one of the sheets {listed}, found {name!r:.60}. Choose one.")

    def records(self, sheet: Sheet, gauge: Gauge) -> Iterator[Record]:
        """Give the rows of a sheet that have cells; `gauge` measures the unpacked sheet."""
        gauge.total = self._info(sheet.part).file_size
        parser = SheetParser(self._strings(), self._styles(), since_1904=self._since_1904)
        with self._open(sheet.part) as stream:
            for size in self._guarded(parse_part(stream, parser.expat)):
                gauge.done += size
                yield from parser.rows
                parser.rows.clear()

    def _guarded(self, pieces: Iterator[int]) -> Iterator[int]:
        try:
            yield from pieces
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise refused(
                "damaged_workbook", f"Expected a workbook, found a damaged one ({error}). {_ADVICE}"
            ) from None

    def _strings(self) -> SharedStrings:
        part = self._part_of("sharedStrings")
        if not part:
            return SharedStrings()
        with self._open(part) as stream:
            return read_shared_strings(stream)

    def _styles(self) -> CellStyles:
        part = self._part_of("styles")
        if not part:
            return CellStyles((), ())
        with self._open(part) as stream:
            return read_styles(elements(stream))

    def _sheets(self) -> Iterator[Sheet]:
        with self._open(self._main) as stream:
            for name, given in elements(stream):
                if name == "workbookPr":
                    self._since_1904 = given.get("date1904") in {"1", "true"}
                elif name == "sheet":
                    relation = next((value for key, value in given.items() if key.endswith(":id")), "")
                    kind, part = self._related.get(relation, ("", ""))
                    if kind == "worksheet" and part in self._parts:
                        yield Sheet(given.get("name", ""), part, given.get("state", "visible") == "visible")

    def _main_part(self) -> str:
        for kind, part in self._relations("").values():
            if kind == "officeDocument" and part in self._parts:
                if part.endswith(".bin"):
                    raise refused("old_workbook", f"Expected XLSX, found a binary workbook (.xlsb). {_ADVICE}")
                if part.startswith("xl/"):
                    return part
        raise refused("not_a_table", "Expected a CSV or XLSX file, found another kind of archive or document.")

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Give what a part refers to: id → last word of the kind, and the part meant."""
        folder, name = posixpath.split(part)
        home = posixpath.join(folder, "_rels", f"{name}.rels")
        if home not in self._parts:
            return {}
        with self._open(home) as stream:
            return {
                given.get("Id", ""): (given.get("Type", "").rpartition("/")[2], _resolved(folder, given["Target"]))
                for name, given in elements(stream)
                if name == "Relationship" and "Target" in given
            }

    def _part_of(self, kind: str) -> str:
        found = (part for found, part in self._related.values() if found == kind and part in self._parts)
        return next(found, "")

    def _info(self, part: str) -> zipfile.ZipInfo:
        info = self._parts[part]
        if info.file_size > MOST_BYTES:
            raise refused("too_large", f"Expected at most {MOST_BYTES >> 30} GB unpacked, found more. Split the file.")
        return info

    @contextlib.contextmanager
    def _open(self, part: str) -> Iterator[BinaryIO]:
        try:
            with self._archive.open(self._info(part)) as stream:
                yield stream  # type: ignore[misc]
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise refused(
                "damaged_workbook", f"Expected a workbook, found a damaged one ({error}). {_ADVICE}"
            ) from None


def _resolved(folder: str, target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))


def sheet_names(sheets: Sequence[Sheet]) -> tuple[str, ...]:
    """Give the names of the sheets people see, or of all when none is seen."""
    return tuple(sheet.name for sheet in sheets if sheet.visible) or tuple(sheet.name for sheet in sheets)
