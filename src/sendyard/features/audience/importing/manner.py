"""
How a file is read and stored: what its owner says of it, and what it turns out to be by that.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from sendyard.domain.fields import FieldDefinition
from sendyard.features.audience.reading import (
    ColumnMapping,
    Reading,
    Repeated,
    Several,
    Shape,
    Source,
    Unreadable,
    inspect_file,
    map_columns,
    read,
)


class Manner(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    Everything that may be said about a file; what is left out is found out.

    `columns` is the name of a column → what it holds, see `reading.map_columns`. People get the list, which is made if
    it is not there, and the tags; `source` stands where the file says nothing.
    """

    country: str = ""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    has_header: bool | None = None
    columns: dict[str, str] = {}
    several: Several = Several.REFUSE
    repeated: Repeated = Repeated.REFUSE
    unreadable: Unreadable = Unreadable.REFUSE
    landlines: bool = False
    list: str = ""
    tags: tuple[str, ...] = ()
    source: str = "import"


class Opened(NamedTuple):
    """A file that was looked at."""

    shape: Shape
    mapping: ColumnMapping


def look(source: Source, manner: Manner, definitions: Sequence[FieldDefinition], *, name: str = "") -> Opened:
    """Look at a file. Raises Invalid as `inspect_file` and `map_columns` do."""
    shape = inspect_file(
        source,
        name=name,
        country=manner.country,
        encoding=manner.encoding,
        delimiter=manner.delimiter,
        sheet=manner.sheet,
        has_header=manner.has_header,
    )
    return Opened(shape, map_columns(shape, overrides=manner.columns, fields=definitions, country=manner.country))


def begin_reading(source: Source, opened: Opened, manner: Manner, *, after_row: int = 0) -> Reading:
    """Read a file behind a row. Raises Invalid when no column tells how people are reached."""
    return read(
        source,
        opened.mapping,
        shape=opened.shape,
        country=manner.country,
        several=manner.several,
        repeated=manner.repeated,
        unreadable=manner.unreadable,
        landlines=manner.landlines,
        after_row=after_row,
    )
