"""
Reading people's spreadsheets: CSV, TSV, semicolons, pipes and XLSX, in the encodings of East Asia, row by row.

No storage and no network. Three steps, each shown to a person before the next:

    shape = inspect_file(path, country="TW")            # text or workbook, encoding, delimiter, header
    mapping = map_columns(shape, overrides={...})       # which column holds what
    for verdict in read(path, mapping, shape=shape, country="TW"):
        ...                                             # ok, fixed (what) or refused (why)

`preview(read(...))` gives the first and the worst rows, `preview(read(...), scanned=None)` a dry run; `refused_rows`
makes the file of what was not taken. `read(..., after_row=n)` goes on behind row n.
"""

from sendyard.features.audience.reading.encodings import Encoding
from sendyard.features.audience.reading.headers import Field
from sendyard.features.audience.reading.mapping import Column, ColumnMapping, map_columns
from sendyard.features.audience.reading.refusals import refused_header, refused_row, refused_rows
from sendyard.features.audience.reading.rows import Preview, Reading, preview, read
from sendyard.features.audience.reading.shape import Shape, inspect_file
from sendyard.features.audience.reading.sources import Source
from sendyard.features.audience.reading.verdicts import (
    Fix,
    Outcome,
    Repeated,
    RowVerdict,
    Several,
    Tally,
    Unreadable,
)

__all__ = [
    "Column", "ColumnMapping", "Encoding", "Field", "Fix", "Outcome", "Preview", "Reading", "Repeated", "RowVerdict",
    "Several", "Shape", "Source", "Tally", "Unreadable", "inspect_file", "map_columns", "preview", "read",
    "refused_header", "refused_row", "refused_rows",
]  # fmt: skip
