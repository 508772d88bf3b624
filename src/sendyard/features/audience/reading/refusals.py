"""
The file of refused rows: what was given, and why each was not taken; made to be mended and imported again.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from sendyard.domain.formulas import neutral
from sendyard.features.audience.reading.mapping import REASON_COLUMN
from sendyard.features.audience.reading.verdicts import Outcome, RowVerdict

_AT_ONCE = 500


def refused_rows(header: Sequence[str], verdicts: Iterable[RowVerdict]) -> Iterator[bytes]:
    """
    Give a CSV file piece by piece, in UTF-8 with its mark: the original columns and one with the reason.

    Formulas are neutralised. The reason has the row, the code and the sentence; its column is left out when the
    mended file is imported. A row of which several people were refused appears once for each.
    """
    yield refused_header(header)
    chunk: list[list[str]] = []
    for verdict in verdicts:
        if verdict.outcome is Outcome.REFUSED:
            chunk.append(_cells(verdict, len(header)))
        if len(chunk) >= _AT_ONCE:
            yield _lines(chunk)
            chunk.clear()
    if chunk:
        yield _lines(chunk)


def refused_header(header: Sequence[str]) -> bytes:
    """Give the mark and the first line, for writers that see verdicts one at a time."""
    return b"\xef\xbb\xbf" + _lines([[*header, REASON_COLUMN]])


def refused_row(header: Sequence[str], verdict: RowVerdict) -> bytes:
    """Give the line of one refused row, for writers that see verdicts one at a time."""
    return _lines([_cells(verdict, len(header))])


def _cells(verdict: RowVerdict, width: int) -> list[str]:
    cells = list(verdict.cells)
    # Cells too many stand behind the last column of the header, where a person sees what ran over.
    padded = cells + [""] * (width - len(cells))
    where = f"{verdict.column}: " if verdict.column else ""
    reason = f"Row {verdict.row}, {verdict.code}. {where}{verdict.detail}"
    return [*padded[:width], reason, *padded[width:]]


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([neutral(_plain(cell)) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _plain(cell: str) -> str:
    return cell.replace("\0", "\ufffd") if "\0" in cell else cell
