"""
Lists of addresses as people keep them: one a line, or CSV with a header.
"""

import csv
import io
from collections.abc import Iterator, Sequence

from sendyard.domain.errors import Invalid

_ADDRESSES = ("address", "phone", "number", "to", "mobile")

Line = tuple[int, str, dict[str, str]]
"""The row of the file, the address as it stands there, and what else stands beside it, by column."""


def read_lines(text: str, columns: Sequence[str]) -> Iterator[Line]:
    """
    Read a list: one address a line, or CSV with a header that has `address` (or phone, number, to, mobile) and any of
    `columns`; lines without an address are passed over.

    Rows count as a spreadsheet shows them and as in imports of contacts: the first one, header or not, is 1, blank
    ones count, and a cell with line breaks is in one row.

    Raises:
        Invalid: a cell is too long, as behind a quote that is not closed.
    """
    rows = _numbered(text)
    _, first = next(rows, (1, []))
    names = [cell.strip().casefold() for cell in first]
    place = next((names.index(name) for name in _ADDRESSES if name in names), None)
    others: dict[str, int] = {}
    if place is not None:
        others = {name: names.index(name) for name in columns if name in names}
    elif first and first[0].strip():
        yield 1, first[0], {}
    at = place or 0
    for number, cells in rows:
        if len(cells) > at and cells[at].strip():
            yield number, cells[at], {name: cells[by].strip() for name, by in others.items() if by < len(cells)}


def _numbered(text: str) -> Iterator[tuple[int, list[str]]]:
    rows = enumerate(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")), 1)
    number = 0
    try:
        for number, cells in rows:
            yield number, cells
    except csv.Error:
        detail = (
            f"Expected a cell of at most {csv.field_size_limit():,} characters in row {number + 1}; is a quote open?"
        )
        raise Invalid("bad_quotes", detail) from None
