"""
Rows of a text file: cells between delimiters, quotes as RFC 4180 has them, and damage kept to the row it is in.

A quote that is never closed would swallow every row below it. Here only the row it stands in is lost: reading goes on
with the line behind.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from sendyard.features.audience.reading.headers import meaning_of
from sendyard.features.audience.reading.sources import Gauge, Measured

DELIMITERS = ",;\t|"
LONGEST_LINE = 1 << 20
"""Characters of one line; what is longer is no row of a contact list."""

_MOST_LINES = 200
"""Lines a quoted cell may span; beyond that, the quote is taken for one that was never closed."""

_NUMBER = re.compile(r"\s*\+?[\d\s().-]{9,20}", re.ASCII)

_LONGEST_SHOWN = 1000
_BLOCK = 1 << 15
"""Characters that are looked at together."""
_SAMPLE_ROWS = 40


class Record(NamedTuple):
    """
    One row as it stands in the file; `number` counts rows as a spreadsheet program shows them, from 1.

    `fault` is "" or bad_quotes, too_long_row, bad_character (U+0000, or bytes that are none of the encoding's).
    """

    number: int
    cells: Sequence[str]
    fault: str = ""


class _Lines:
    """Lines of a text, some of which may be given back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._waiting: deque[str] = deque()

    def next(self) -> str:
        """Give the next line with its end, "" at the end; of an overlong line a part without an end."""
        return self._waiting.popleft() if self._waiting else self._text.readline(LONGEST_LINE)

    def plain(self) -> Sequence[str]:
        """
        Give the next lines without their ends where none of them has a quote or a damaged character; else none.

        Looking for those in many lines at once costs no more than in one. Lines that are not plain are given by `next`.
        """
        if self._waiting:
            return ()
        block = self._text.read(_BLOCK)
        if block and block[-1] != "\n":
            # A carriage return may be half of a line end, of which this reads the other half.
            block += self._text.readline(LONGEST_LINE)
        if '"' in block or "\0" in block or "\ufffd" in block or len(block) >= LONGEST_LINE:
            self._waiting.extend(_lines(block))
            return ()
        if "\r" in block:
            block = block.replace("\r\n", "\n").replace("\r", "\n")
        return block.removesuffix("\n").split("\n") if block else ()

    def give_back(self, lines: Sequence[str]) -> None:
        self._waiting.extendleft(reversed(lines))

    def skip_rest(self) -> None:
        """Pass over what remains of an overlong line."""
        while (part := self.next()) and not part.endswith(("\n", "\r")):
            continue


def _lines(block: str) -> Iterator[str]:
    """Part a text into lines with their ends, overlong ones into parts."""
    with io.StringIO(block, newline="") as text:
        while line := text.readline(LONGEST_LINE):
            yield line


def text_records(
    stream: BinaryIO, codec: str, delimiter: str, gauge: Gauge, *, columns: int = 0
) -> Generator[Record, None, None]:
    """
    Give every row of an open file from its beginning, blank ones and a `sep=;` line included.

    Args:
        stream: the file, at its beginning; stays open.
        codec: Python's name of the encoding; undecodable bytes become U+FFFD and a fault of their row.
        delimiter: one character.
        gauge: gets the bytes read.
        columns: how many the header has, when known: tells a cell over two lines from a quote that was not closed.
    """
    buffered = io.BufferedReader(Measured(stream, gauge), 1 << 16)
    with io.TextIOWrapper(buffered, encoding=codec, errors="replace", newline="") as text:
        lines = _Lines(text)
        new = tuple.__new__  # in half the time of calling the class, for a million rows
        number = 0
        while True:
            if plain := lines.plain():
                for number, line in enumerate(plain, number + 1):  # noqa: B020 - goes on counting
                    yield new(Record, (number, line.split(delimiter), ""))
                continue
            if not (line := lines.next()):
                return
            number += 1
            if len(line) >= LONGEST_LINE:
                lines.skip_rest()
                yield Record(number, [line[:_LONGEST_SHOWN]], "too_long_row")
            elif '"' in line:
                cells, fault = _quoted(line, lines, delimiter, columns)
                yield Record(number, cells, fault or _strange(cells))
            else:
                fault = "bad_character" if "\0" in line or "\ufffd" in line else ""
                yield Record(number, line.rstrip("\r\n").split(delimiter), fault)


def _strange(cells: Sequence[str]) -> str:
    return "bad_character" if any("\0" in cell or "\ufffd" in cell for cell in cells) else ""


def _quoted(first: str, lines: _Lines, delimiter: str, columns: int) -> tuple[Sequence[str], str]:
    """Read a row that has quotes, over as many lines as it takes; lines it does not own are given back."""
    taken = [first]
    length = len(first)
    while True:
        try:
            cells = next(csv.reader(taken, delimiter=delimiter, strict=True))
        except csv.Error as error:
            follows = lines.next() if "unexpected end" in str(error) and len(taken) < _MOST_LINES else ""
            length += len(follows)
            if follows and length < LONGEST_LINE:
                taken.append(follows)
                continue
            lines.give_back([*taken[1:], follows] if follows else taken[1:])
            return _as_is(first, delimiter), "too_long_row" if "field limit" in str(error) else "bad_quotes"
        if len(taken) > 1 and columns > 1 and _holds_a_row(taken[1:], delimiter, columns, len(cells)):
            lines.give_back(taken[1:])
            return _as_is(first, delimiter), "bad_quotes"
        return cells, ""


def _holds_a_row(lines: Sequence[str], delimiter: str, columns: int, cells: int) -> bool:
    """
    Say whether what looks like one cell over several lines has swallowed a row: a line is as wide as one, and either
    the whole is not, or the line has a cell that is nothing but a number.
    """
    for line in lines:
        width = line.count(delimiter) + 1
        if width == columns != cells:
            return True
        if width >= max(2, columns - 1) and any(map(_NUMBER.fullmatch, line.rstrip("\r\n").split(delimiter))):
            return True
    return False


def _as_is(line: str, delimiter: str) -> list[str]:
    return line[:_LONGEST_SHOWN].rstrip("\r\n").split(delimiter)


def find_delimiter(text: str) -> tuple[str, bool]:
    """
    Judge by which character cells are separated, from the first lines; a comma when there is nothing to see.

    Returns:
        The character, and whether it stands in a first line `sep=;`, which is no row.
    """
    lines = [line for line in text.splitlines() if line.strip()][:_SAMPLE_ROWS]
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].rstrip()) <= len("sep=;"):
        return lines[0][len("sep=") :][:1] or ",", True
    return max(DELIMITERS, key=lambda delimiter: _merit(lines, delimiter)), False


def _merit(lines: Sequence[str], delimiter: str) -> tuple[int, float, int]:
    """A delimiter is the better, the more names we know it lets appear, and the more rows are equally long."""
    rows = list(_loosely(lines, delimiter))
    widths = [len(row) for row in rows if len(row) > 1]
    usual = max(set(widths), key=widths.count) if widths else 1
    known = max((sum(meaning_of(cell) is not None for cell in row) for row in rows[:20] if len(row) > 1), default=0)
    return known, widths.count(usual) / len(rows) if usual > 1 else 0.0, usual


def _loosely(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=delimiter)
    except csv.Error:
        return  # a cell beyond every limit; what came before it is enough to judge
