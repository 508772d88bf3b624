"""
What a file turned out to be: text or workbook, encoding, delimiter, sheet, header; shown to a person before importing.
"""

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from sendyard.domain.phone import parse_phone
from sendyard.features.audience.reading.delimited import DELIMITERS, Record, find_delimiter, text_records
from sendyard.features.audience.reading.encodings import SAMPLE, Encoding, chosen_encoding, detect_encoding
from sendyard.features.audience.reading.headers import Field, meaning_of, settled_names
from sendyard.features.audience.reading.sources import (
    Gauge,
    Source,
    is_workbook,
    name_of,
    opened,
    refused,
    remark_on_name,
    size_of,
)
from sendyard.features.audience.reading.workbook import Workbook, sheet_names

MOST_COLUMNS = 500
_LOOKED_AT = 30  # rows among which the header is sought
_SAMPLE_ROWS = 50
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


@dataclass(frozen=True, slots=True)
class Shape:
    """
    How a file is read.

    `kind` is "text" or "workbook". Text has `encoding` and `delimiter`, a workbook `sheet` and `sheets`.
    `header` has a distinct name for every column; `header_row` is its number as a spreadsheet program shows it, 0 when
    the file has none and columns are called by their place. Rows up to `skipped_rows` hold no people. `sample` are the
    first rows below. `remarks` are sentences for the person who gave the file.
    """

    kind: str
    size: int
    header: tuple[str, ...]
    header_row: int
    skipped_rows: int
    sample: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...] = ()
    encoding: Encoding | None = None
    delimiter: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the document that interfaces show; cells of the sample are shortened."""
        encoding = self.encoding
        return {
            "kind": self.kind,
            "size": self.size,
            "encoding": encoding.label if encoding else None,
            "encoding_certain": encoding.certain if encoding else True,
            "encoding_others": list(encoding.others) if encoding else [],
            "delimiter": self.delimiter or None,
            "delimiter_name": _DELIMITER_NAMES.get(self.delimiter),
            "sheet": self.sheet or None,
            "sheets": list(self.sheets),
            "header": list(self.header),
            "header_row": self.header_row,
            "sample": [[cell[:200] for cell in row] for row in self.sample[:10]],
            "remarks": list(self.remarks),
        }


def inspect_file(
    source: Source,
    *,
    name: str = "",
    country: str = "",
    encoding: str = "",
    delimiter: str = "",
    sheet: str = "",
    has_header: bool | None = None,
) -> Shape:
    """
    Find out how a file is to be read; what is given is taken, the rest detected.

    Args:
        source: a path, or an open binary file that can seek.
        name: what the file was called, when `source` does not know.
        country: ISO 3166 code of most of its people; decides between encodings that are equally likely.
        encoding: a label of `Encoding`, such as Big5.
        delimiter: comma, semicolon, tab or pipe, as the character.
        sheet: which one of a workbook; the first that people see when left out.
        has_header: whether the first row with cells holds the names of the columns; judged when None.

    Raises:
        Invalid: the file cannot be used as a whole; code empty_file, not_a_table, old_workbook, damaged_workbook,
            unknown_encoding, unknown_sheet, bad_delimiter, too_many_columns or too_large.
    """
    if delimiter and delimiter not in DELIMITERS:
        raise refused("bad_delimiter", f"Expected a comma, semicolon, tab or pipe, found {delimiter!r:.20}.")
    with opened(source) as stream:
        size = size_of(stream)
        if not size:
            raise refused("empty_file", "Expected a file with a header and rows, found an empty one.")
        workbook = is_workbook(stream)
        remark = remark_on_name(name or name_of(source), workbook=workbook)
        remarks = [remark] if remark else []
        if workbook:
            return _workbook_shape(stream, size, sheet, remarks, has_header=has_header)
        found = chosen_encoding(encoding) if encoding else detect_encoding(stream, country)
        return _text_shape(stream, size, found, delimiter, remarks, has_header=has_header)


@contextlib.contextmanager
def records_of(source: Source, shape: Shape, gauge: Gauge) -> Iterator[Iterator[Record]]:
    """
    Give every row of the file below its header, blank ones included.

    Raises:
        Invalid: a workbook is damaged where it had not been read before.
    """
    with opened(source) as stream:
        if shape.kind == "workbook":
            with Workbook(stream) as book:
                yield _below(book.records(book.sheet(shape.sheet), gauge), shape.skipped_rows)
        else:
            gauge.total = shape.size
            codec = shape.encoding.codec if shape.encoding else "utf-8"
            columns = len(shape.header)
            records = text_records(stream, codec, shape.delimiter, gauge, columns=columns)
            with contextlib.closing(records):
                yield _below(records, shape.skipped_rows)


def _below(records: Iterator[Record], last: int) -> Iterator[Record]:
    return itertools.dropwhile(lambda record: record.number <= last, records)


def _workbook_shape(stream: BinaryIO, size: int, sheet: str, remarks: list[str], *, has_header: bool | None) -> Shape:
    with Workbook(stream) as book:
        chosen = book.sheet(sheet)
        top = _top(book.records(chosen, Gauge()))
        if not top and not sheet:
            for other in book.sheets:
                if other.visible and (top := _top(book.records(other, Gauge()))):
                    remarks.append(f"The sheet {chosen.name} is empty; {other.name} is read.")
                    chosen = other
                    break
        header, row, sample = _header(top, remarks, has_header=has_header)
        names = sheet_names(book.sheets)
    others = [name for name in names if name != chosen.name]
    if others:
        remarks.append(f"Only the sheet {chosen.name} is read, not {', '.join(others[:10])}.")
    return Shape("workbook", size, header, row, row, sample, tuple(remarks), sheet=chosen.name, sheets=names)


def _text_shape(
    stream: BinaryIO, size: int, encoding: Encoding, delimiter: str, remarks: list[str], *, has_header: bool | None
) -> Shape:
    text = stream.read(SAMPLE).decode(encoding.codec, "replace").lstrip("\ufeff")
    stream.seek(0)
    found, named = find_delimiter(text)
    if named:
        remarks.append(f"The first line names {_DELIMITER_NAMES.get(found, found)} as the delimiter and is no row.")
        if found not in DELIMITERS:
            raise refused("bad_delimiter", f"Expected a comma, semicolon, tab or pipe, found {found!r}.")
    if not encoding.certain:
        others = f" or {', '.join(encoding.others)}" if encoding.others else ""
        remarks.append(f"The text may be {encoding.label}{others}. Look at the names, and choose if they are wrong.")
    records = text_records(stream, encoding.codec, delimiter or found, Gauge())
    with contextlib.closing(records):
        top = _top(record for record in records if not (named and record.number == 1))
    header, row, sample = _header(top, remarks, has_header=has_header)
    skipped = row or int(named)
    return Shape(
        "text", size, header, row, skipped, sample, tuple(remarks), encoding=encoding, delimiter=delimiter or found
    )


def _top(records: Iterator[Record]) -> list[Record]:
    filled = (record for record in records if any(map(_filled, record.cells)))
    return list(itertools.islice(filled, _SAMPLE_ROWS))


def _filled(cell: str) -> bool:
    return bool(cell.strip("\ufeff \t\r\n\u3000\u00a0"))


def _header(
    top: Sequence[Record], remarks: list[str], *, has_header: bool | None
) -> tuple[tuple[str, ...], int, tuple[tuple[str, ...], ...]]:
    if not top:
        raise refused("empty_file", "Expected a header such as `phone,name` and rows below it, found neither.")
    place = _header_place(top, has_header=has_header)
    cells: Sequence[str] = top[place].cells if place is not None else ()
    below = top[place + 1 :] if place is not None else top
    cells = _without_empty_end(cells) if place is not None else [""] * max(len(record.cells) for record in top)
    if len(cells) > MOST_COLUMNS:
        raise refused(
            "too_many_columns",
            f"Expected at most {MOST_COLUMNS} columns, found {len(cells)}. Remove what is not needed.",
        )
    names, renamed = settled_names(cells)
    remarks.extend(renamed if place is not None else ("The file has no header; columns are called by their place.",))
    if place:
        remarks.append(f"The names of the columns are in row {top[place].number}; the rows above are left out.")
    row = top[place].number if place is not None else 0
    return names, row, tuple(tuple(record.cells) for record in below if not record.fault)


def _without_empty_end(cells: Sequence[str]) -> Sequence[str]:
    end = len(cells)
    while end > 1 and not _filled(cells[end - 1]):
        end -= 1
    return cells[:end]


def _header_place(top: Sequence[Record], *, has_header: bool | None) -> int | None:
    """Find the row of names among the first: the one with most names we know; else the first, unless it is data."""
    if has_header is False:
        return None
    if has_header is None or has_header:
        known = [(sum(meaning_of(cell) is not None for cell in record.cells), -at) for at, record in enumerate(top)]
        count, at = max(known[:_LOOKED_AT])
        if count and (count > 1 or at == 0 or _means_phone(top[-at].cells)):
            return -at
    if has_header:
        return 0
    return None if _is_data(top[0].cells) else 0


def _means_phone(cells: Sequence[str]) -> bool:
    return any((meaning := meaning_of(cell)) is not None and meaning[0] is Field.PHONE for cell in cells)


def _is_data(cells: Sequence[str]) -> bool:
    """Say whether a row holds what no column is called: a number, an e-mail address."""
    return any(looks_like_phone(cell) or "@" in cell[1:] for cell in cells)


def looks_like_phone(cell: str, country: str = "") -> bool:
    """Say whether a cell could be a phone number, even one whose country is not known."""
    if sum(map(str.isdigit, cell)) < 7:
        return False
    parsed = parse_phone(cell, country or None)
    return parsed.ok or parsed.reason in {"no_country", "not_mobile", "several", "exponent", "too_long"}
