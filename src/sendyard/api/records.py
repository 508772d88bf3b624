"""
Data records: tables of flights, orders or appointments whose rows fill templates.
"""

import io
from collections.abc import Callable
from typing import Annotated, Any, BinaryIO

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment, Value
from sendyard.api.message_views import moment
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.templates import Records
from sendyard.features.templates.records import Column, Sheet

FILE_LIMIT = 32 * 1024 * 1024
MOST_ROWS = 10_000

OpenSheet = Callable[..., Sheet]
"""Finds out how a file is to be read: the open file, and `name` and `country` by name."""

Country = Annotated[str, Meta(max_length=2, description="Country code by which days such as 5/3/2026 are read.")]
ColumnTypes = Annotated[
    dict[str, str | Column],
    Meta(
        description="By name: text, number, money, date, time, link or list; or `{type, currency}`.",
        examples=[{"number": "text", "date": "date", "price": {"type": "money", "currency": "TWD"}}],
    ),
]
Name = Annotated[str, Meta(max_length=60, examples=["flights"])]
Prefix = Annotated[
    str, Meta(max_length=60, description="Before the dot of a variable, as in `{flight.gate}`; the name when empty.")
]


class AddTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A table; `key` is the column that tells rows apart."""

    name: Name
    key: str
    columns: ColumnTypes
    prefix: Prefix = ""


class PutRows(msgspec.Struct, forbid_unknown_fields=True):
    """Rows by column; one whose key is there already is replaced."""

    rows: Annotated[list[dict[str, Value]], Meta(min_length=1, max_length=MOST_ROWS)]
    country: Country = ""


class ImportRows(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A file with a header; a table that is not there is made of it."""

    csv: Annotated[str | None, Meta(examples=["number,gate\nBW 120,B4\n"])] = None
    file_base64: Annotated[bytes | None, Meta(description="Or the bytes of a CSV, TSV or XLSX file.")] = None
    key: Annotated[str, Meta(description="For a new table: the column that tells rows apart; the first if empty.")] = ""
    columns: Annotated[ColumnTypes, Meta(description="What columns hold that are not text.")] = {}
    prefix: Prefix = ""
    country: Country = ""
    dry_run: Annotated[bool, Meta(description="Only say what would happen.")] = False


class TableAnswer(msgspec.Struct):
    """A table; `rows` is how many it has."""

    id: str
    name: str
    prefix: str
    key: str
    columns: dict[str, Column]
    rows: int
    created_at: Moment


class TableList(msgspec.Struct):
    """Tables by name."""

    data: list[TableAnswer]
    next: str | None = None


class RowAnswer(msgspec.Struct, omit_defaults=True):
    """A row; blank cells are left out."""

    key: str
    values: dict[str, str]
    updated_at: Moment | None = None


class RowList(msgspec.Struct):
    """Rows by key."""

    data: list[RowAnswer]
    next: str | None


class RefusedRow(msgspec.Struct):
    """A row that is not taken, and why."""

    row: int
    code: str
    detail: str


class StoredAnswer(msgspec.Struct):
    """What became of the rows; the first refused ones are named."""

    rows: int
    added: int
    updated: int
    unchanged: int
    refused: int
    refusals: list[RefusedRow]


class RowPage(msgspec.Struct, forbid_unknown_fields=True):
    """Which rows to list: after a key."""

    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class RemovedAnswer(msgspec.Struct):
    """What was removed."""

    removed: str


class RecordDoor:
    """The operations under `/records`."""

    def __init__(self, records: Records, open_sheet: OpenSheet) -> None:
        """Take the feature they speak for, and what reads files."""
        self._records = records
        self._open_sheet = open_sheet

    def operations(self) -> list[Operation]:
        """Everything callers can do with records."""
        tag, scope, table = "Data records", "templates", "/records/{table}"
        return [
            Operation(method="GET", path="/records", handler=self.list, summary="List tables of records", tag=tag,
                      scope=scope, answers=TableList),
            Operation(method="POST", path="/records", handler=self.add, summary="Make a table of records", tag=tag,
                      scope=scope, body=AddTable, answers=TableAnswer, status=201, creates=True),
            Operation(method="GET", path=table, handler=self.get, summary="One table of records", tag=tag,
                      scope=scope, answers=TableAnswer, refuses=(404,)),
            Operation(method="DELETE", path=table, handler=self.remove, summary="Remove a table with its rows",
                      tag=tag, scope=scope, answers=RemovedAnswer, refuses=(404,)),
            Operation(method="POST", path=f"{table}/import", handler=self.bring, summary="Import a file of rows",
                      tag=tag, scope=scope, body=ImportRows, answers=StoredAnswer, body_limit=FILE_LIMIT,
                      refuses=(404,)),
            Operation(method="GET", path=f"{table}/rows", handler=self.rows, summary="List rows by key", tag=tag,
                      scope=scope, query=RowPage, answers=RowList, refuses=(404,)),
            Operation(method="POST", path=f"{table}/rows", handler=self.put, summary="Store rows", tag=tag,
                      scope=scope, body=PutRows, answers=StoredAnswer, body_limit=FILE_LIMIT, refuses=(404,)),
            Operation(method="GET", path=f"{table}/rows/{{key}}", handler=self.row, summary="One row", tag=tag,
                      scope=scope, answers=RowAnswer, refuses=(404,)),
            Operation(method="DELETE", path=f"{table}/rows/{{key}}", handler=self.remove_row,
                      summary="Remove one row", tag=tag, scope=scope, answers=RemovedAnswer, refuses=(404,)),
        ]  # fmt: skip

    async def list(self, ask: Ask[NoBody, NoQuery]) -> TableList:
        """List tables."""
        return TableList([_table(one) for one in await self._records.list(ask.workspace_id)])

    async def add(self, ask: Ask[AddTable, NoQuery]) -> TableAnswer:
        """Make a table."""
        wish = ask.body
        columns = msgspec.to_builtins(wish.columns)
        return _table(
            await self._records.add(ask.workspace_id, name=wish.name, key=wish.key, columns=columns, prefix=wish.prefix)
        )

    async def get(self, ask: Ask[NoBody, NoQuery]) -> TableAnswer:
        """Give one table."""
        return _table(await self._records.get(ask.workspace_id, ask.path["table"]))

    async def remove(self, ask: Ask[NoBody, NoQuery]) -> RemovedAnswer:
        """Remove a table."""
        await self._records.remove(ask.workspace_id, ask.path["table"])
        return RemovedAnswer(ask.path["table"])

    async def bring(self, ask: Ask[ImportRows, NoQuery]) -> StoredAnswer:
        """Import a file."""
        wish = ask.body
        if (wish.csv is None) is (wish.file_base64 is None):
            detail = "Expected the file either as text in `csv` or as bytes in `file_base64`, found both or neither."
            raise Invalid("one_file", detail, errors=[FieldError("/csv", "one_file", detail)])
        file: BinaryIO = io.BytesIO(wish.csv.encode() if wish.csv is not None else wish.file_base64 or b"")
        sheet = self._open_sheet(file, country=wish.country.upper())
        found = await self._records.take(
            ask.workspace_id,
            ask.path["table"],
            sheet,
            key=wish.key,
            columns=msgspec.to_builtins(wish.columns),
            prefix=wish.prefix,
            country=wish.country.upper(),
            dry_run=wish.dry_run,
        )
        return msgspec.convert(found, StoredAnswer)

    async def rows(self, ask: Ask[NoBody, RowPage]) -> RowList:
        """List rows."""
        limit = ask.query.limit
        found = await self._records.rows(ask.workspace_id, ask.path["table"], after=ask.query.after, limit=limit + 1)
        shown = found[:limit]
        following = shown[-1]["key"] if len(found) > limit else None
        return RowList([_row(one) for one in shown], following)

    async def put(self, ask: Ask[PutRows, NoQuery]) -> StoredAnswer:
        """Store rows."""
        rows = ({name: str(value) for name, value in row.items()} for row in ask.body.rows)
        found = await self._records.put(ask.workspace_id, ask.path["table"], rows, country=ask.body.country.upper())
        return msgspec.convert(found, StoredAnswer)

    async def row(self, ask: Ask[NoBody, NoQuery]) -> RowAnswer:
        """Give one row."""
        return _row(await self._records.row(ask.workspace_id, ask.path["table"], ask.path["key"]))

    async def remove_row(self, ask: Ask[NoBody, NoQuery]) -> RemovedAnswer:
        """Remove one row."""
        await self._records.remove_row(ask.workspace_id, ask.path["table"], ask.path["key"])
        return RemovedAnswer(ask.path["key"])


def _table(found: dict[str, Any]) -> TableAnswer:
    return msgspec.convert(found | {"created_at": moment(found["created_at"])}, TableAnswer)


def _row(found: dict[str, Any]) -> RowAnswer:
    at = found.get("updated_at")
    return RowAnswer(found["key"], found["values"], None if at is None else moment(at))
