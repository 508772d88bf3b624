"""
A file of recipients as bytes: which encoding, which separator, which rows.

Knows files only; what the columns mean is for `columns`, what the cells mean for `rows`.
"""

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.audience.reading import Shape, inspect_file
from sendyard.features.audience.reading.shape import records_of
from sendyard.features.audience.reading.sources import Gauge
from sendyard.features.campaigns.audience.columns import phone_rank

_BLOCK = 1 << 16  # bytes decoded at once while looking for the encoding
_HEAD = 4096
_SEPARATORS = ",;\t"
_WORKBOOK = b"PK\x03\x04"
_BINARY = {b"\xd0\xcf\x11\xe0": "an old Excel workbook", b"%PDF": "a PDF"}
_NAMES = {"utf-8-sig": "utf-8", "cp950": "big5", "big5hkscs": "big5-hkscs"}
_NEIGHBOURS = {
    "KR": ("cp949", "cp950", "big5hkscs"),
    "TW": ("cp950", "big5hkscs", "cp949"),
    "HK": ("big5hkscs", "cp950", "cp949"),
    "MO": ("big5hkscs", "cp950", "cp949"),
}
_ASIAN = ("cp949", "cp950", "big5hkscs")
_WESTERN = "cp1252"


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """
    A file whose encoding and separator are known. `header` holds the names of the columns, trimmed, in NFC.

    `first_row` is the number of the header as a spreadsheet program shows it.
    """

    data: bytes
    codec: str
    separator: str
    skipped_lines: int  # a leading `sep=;`, which spreadsheet programs swallow
    header: tuple[str, ...]
    header_row: int

    @property
    def encoding(self) -> str:
        """The encoding as people call it: utf-8, utf-16, cp949, big5, big5-hkscs, cp1252."""
        return _NAMES.get(self.codec, self.codec)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """
        Give the rows below the header with their numbers as a spreadsheet program shows them.

        Lines without any character are passed over, and so are rows of nothing but separators at the end of the file,
        which spreadsheet programs leave there; between other rows those are given.

        Raises:
            Invalid: the quotes of a row are not in order.
        """
        hollow: list[tuple[int, list[str]]] = []
        for number, record in self._records():
            if number <= self.header_row or not record:
                continue
            if not any(map(str.strip, record)):
                hollow.append((number, record))
                continue
            if hollow:
                yield from hollow
                hollow.clear()
            yield number, record

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        yield from _records(self.data, self.codec, self.separator, self.skipped_lines)


@dataclass(frozen=True, slots=True)
class WorkbookSheet:
    """The first sheet of an XLSX workbook that people see, with what `Spreadsheet` has."""

    data: bytes
    shape: Shape
    encoding: str = "xlsx"
    separator: str = ""

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.shape.header

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        """
        Give the rows below the header that have cells, with their numbers.

        Raises:
            Invalid: the workbook is damaged.
        """
        with records_of(io.BytesIO(self.data), self.shape, Gauge()) as records:
            for record in records:
                if any(map(str.strip, record.cells)):
                    yield record.number, record.cells


def open_spreadsheet(data: bytes, country: str = "") -> Spreadsheet | WorkbookSheet:
    """
    Find out how a file is written: a workbook, or text by its byte order mark, as UTF-8, by a header, by `country`.

    Raises:
        Invalid: it is empty, no text, in no encoding we know, or in one of several that only a country could tell
            apart: a name read wrongly would be sent wrongly.
    """
    if not data.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise refused("empty_file", "Expected a CSV file with a header and rows, found an empty file.")
    if data.startswith(_WORKBOOK):
        return _open_workbook(data)
    for start, name in _BINARY.items():
        if data.startswith(start):
            raise refused("not_csv", f"Expected a CSV file, found {name}. Open it and save it as CSV UTF-8.")
    found: list[Spreadsheet] = []
    for codec in _candidates(data, country):
        if _decodes(data, codec):
            sheet = _look(data, codec)
            if codec.startswith("utf") or _is_proof(sheet.header):
                return sheet
            found.append(sheet)
    if not found:
        raise refused(
            "unknown_encoding",
            "Expected text in UTF-8, UTF-16, CP949 or Big5, found other bytes. Save the file as CSV UTF-8.",
        )
    if len(found) > 1 and not country:
        named = " or ".join(sheet.encoding for sheet in found)
        detail = f"Expected UTF-8, found text that is {named}. Save the file as CSV UTF-8, or choose the country."
        raise refused("ambiguous_encoding", detail)
    return found[0]


def refused(code: str, detail: str) -> Invalid:
    """The error for a file that cannot be used as a whole."""
    return Invalid(code, detail, errors=[FieldError("/csv", code, detail)])


def _open_workbook(data: bytes) -> WorkbookSheet:
    try:
        shape = inspect_file(io.BytesIO(data))
    except Invalid as error:
        raise refused(error.code, error.detail) from None
    if not shape.header_row:
        raise refused("no_header", "Expected a header such as phone, name in the first row of the sheet, found none.")
    return WorkbookSheet(data, shape)


def _candidates(data: bytes, country: str) -> Sequence[str]:
    if data.startswith(codecs.BOM_UTF8):
        return ("utf-8-sig",)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    head = data[:_HEAD]
    if head.count(0) * 4 > len(head):
        detail = "Expected text, found bytes that are none, or UTF-16 without its mark. Save the file as CSV UTF-8."
        raise refused("not_csv", detail)
    if country in _NEIGHBOURS:
        return ("utf-8", *_NEIGHBOURS[country], _WESTERN)
    return ("utf-8", _WESTERN, *_ASIAN) if country else ("utf-8", *_ASIAN, _WESTERN)


def _is_proof(header: Sequence[str]) -> bool:
    return any(phone_rank(name) is not None for name in header if not name.isascii())


def _decodes(data: bytes, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    view = memoryview(data)
    try:
        for start in range(0, len(data), _BLOCK):
            decoder.decode(view[start : start + _BLOCK], final=start + _BLOCK >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def _look(data: bytes, codec: str) -> Spreadsheet:
    skipped = 0
    line = _line(data, codec, 0)
    if line.lower().startswith("sep=") and len(line) > len("sep="):
        separator = line[len("sep=")]
        skipped = 1
    else:
        separator = _separator(next(filter(str.strip, _lines(data, codec)), ""))
    for number, record in _records(data, codec, separator, skipped):
        if any(map(str.strip, record)):
            header = tuple(unicodedata.normalize("NFC", cell.strip().lstrip("\ufeff")) for cell in record)
            return Spreadsheet(data, codec, separator, skipped, header, number)
    raise refused("empty_file", "Expected a header such as `phone,name` and rows below it, found neither.")


def _lines(data: bytes, codec: str) -> Iterator[str]:
    with io.TextIOWrapper(io.BytesIO(data), encoding=codec) as lines:
        for line in lines:
            yield line.rstrip("\r\n")


def _line(data: bytes, codec: str, number: int) -> str:
    return next((line for position, line in enumerate(_lines(data, codec)) if position == number), "")


def _separator(header: str) -> str:
    def merit(separator: str) -> tuple[bool, int]:
        cells = next(csv.reader([header], delimiter=separator))
        return any(phone_rank(cell) is not None for cell in cells), len(cells)

    return max(_SEPARATORS, key=merit)


def _records(data: bytes, codec: str, separator: str, skipped_lines: int) -> Iterator[tuple[int, list[str]]]:
    number = 0
    with io.TextIOWrapper(io.BytesIO(data), encoding=codec, newline="") as lines:
        for _ in range(skipped_lines):
            lines.readline()
        try:
            # Strict, because a quote that is never closed would swallow the rest of the file as one cell.
            for number, record in enumerate(csv.reader(lines, delimiter=separator, strict=True), start=1):
                yield number, record
        except csv.Error as error:
            raise refused(
                "bad_quotes",
                f"Row {number + 1} of the file cannot be read ({error}). Check its quotation marks: a cell that "
                'begins with " must end with one, and a " inside it is written twice.',
            ) from None
