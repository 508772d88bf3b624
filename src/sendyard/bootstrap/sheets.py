"""
Files of rows for data records, read by the reader that people's files have.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sendyard.features.audience.reading import Shape, Source, inspect_file
from sendyard.features.audience.reading.shape import records_of
from sendyard.features.audience.reading.sources import Gauge


@dataclass(frozen=True, slots=True)
class FileSheet:
    """A CSV, TSV or XLSX file as `features.templates.records` takes it."""

    source: Source
    shape: Shape

    @property
    def header(self) -> Sequence[str]:
        """The names of its columns."""
        return self.shape.header

    def rows(self) -> Iterator[tuple[int, Sequence[str], str]]:
        """Give number, cells and fault of every row below the header. Raises Invalid for a damaged workbook."""
        with records_of(self.source, self.shape, Gauge()) as records:
            for record in records:
                yield record.number, record.cells, record.fault


def open_sheet(source: Source, *, name: str = "", country: str = "") -> FileSheet:
    """
    Find out how a file is to be read.

    Args:
        source: a path, or an open binary file that can seek.
        name: what it was called, when `source` does not know.
        country: ISO 3166 code that decides between encodings which are equally likely.

    Raises:
        Invalid: the file as a whole cannot be used.
    """
    return FileSheet(source, inspect_file(source, name=name, country=country, has_header=True))
