"""
How a file is read and stored: what its owner says of it, and what it turns out to be by that.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from sendyard.domain.errors import FieldError, Invalid
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

_MOST_NAMED = 10


class Manner(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    Everything that may be said about a file; what is left out is found out.

    `columns` is the name of a column → what it holds, see `reading.map_columns`. People get the list, which is made if
    it is not there, and the tags; `source` stands where the file says nothing, `consent_at` (ISO 8601) is the day of
    consents without one.
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
    consent_at: str = ""
    list: str = ""
    tags: tuple[str, ...] = ()
    source: str = "import"


class Opened(NamedTuple):
    """A file that was looked at."""

    shape: Shape
    mapping: ColumnMapping

    def columns(self) -> list[dict[str, Any]]:
        """What is stored of each column, as interfaces show it; nothing of those that no field holds."""
        held = [not one.custom or one.custom in self.mapping.fields for one in self.mapping.columns]
        return [
            shown if is_held else shown | {"target": ""}
            for shown, is_held in zip(self.mapping.to_dict(), held, strict=True)
        ]


def look(source: Source, manner: Manner, definitions: Sequence[FieldDefinition], *, name: str = "") -> Opened:
    """
    Look at a file. Columns that no field of the workspace holds are not stored, and a remark of the shape names them.

    Raises:
        Invalid: as `inspect_file` and `map_columns` do; also when a column was given to a custom field there is not.
    """
    shape = inspect_file(
        source,
        name=name,
        country=manner.country,
        encoding=manner.encoding,
        delimiter=manner.delimiter,
        sheet=manner.sheet,
        has_header=manner.has_header,
    )
    mapping = map_columns(shape, overrides=manner.columns, fields=definitions, country=manner.country)
    homeless = [column for column in mapping.columns if column.custom and column.custom not in mapping.fields]
    if not homeless:
        return Opened(shape, mapping)
    for column in homeless:
        if column.because == "chosen":
            detail = (
                f"There is no custom field {column.custom!r:.60} for {column.name:.60}; make it, or choose another."
            )
            raise Invalid(
                "unknown_field", detail, errors=[FieldError(f"/mapping/{column.name}", "unknown_field", detail)]
            )
    return Opened(replace(shape, remarks=(*shape.remarks, _left_out([column.name for column in homeless]))), mapping)


def _left_out(names: Sequence[str]) -> str:
    listed = ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" if names[_MOST_NAMED:] else "")
    what = "The column" if len(names) == 1 else "The columns"
    return f"{what} {listed} will not be stored: no field is called so. Make custom fields first, or say what it is."


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
        consent_at=manner.consent_at,
        after_row=after_row,
    )
