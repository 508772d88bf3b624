"""
Tables of records: made by hand or from a file's header, rows by key, values for templates.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from sendyard.domain.errors import Conflict, FieldError, Invalid, NotFound
from sendyard.domain.template import is_name
from sendyard.features.templates.records import queries
from sendyard.features.templates.records.columns import (
    LONGEST_KEY,
    MOST_COLUMNS,
    BadValue,
    Column,
    Columns,
    columns_of,
    plain_value,
    read_columns,
    stored_columns,
    variable_name,
)
from sendyard.features.templates.records.queries import TableRow
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

CHUNK = 500
"""Rows in one transaction, so that messages are not kept waiting."""
MOST_REFUSED_SHOWN = 20
LONGEST_NAME = 60

_decode = msgspec.json.Decoder(dict[str, str]).decode
_encode = msgspec.json.Encoder(order="sorted").encode


class Sheet(Protocol):
    """A file of rows below a header, whoever reads it."""

    @property
    def header(self) -> Sequence[str]:
        """The names of its columns."""

    def rows(self) -> Iterator[tuple[int, Sequence[str], str]]:
        """Give number, cells and fault ("" for none) of every row below the header."""


def values(tx: Transaction, workspace_id: str, table: str, key: str) -> Mapping[str, str]:
    """
    Give what a row fills in: every column by its name, and by its table's prefix as in `flight.gate`.

    Raises:
        NotFound: there is no such table or row.
    """
    found = queries.one(tx, workspace_id, table, key)
    if found is None:
        if queries.table(tx, workspace_id, table) is None:
            raise _unknown_table(table)
        raise _unknown_row(table, key)
    prefix, document = found
    held = _decode(document)
    return {**held, **{f"{prefix}.{name}": value for name, value in held.items()}}


class Records:
    """The tables of records of every workspace."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def values(self, workspace_id: str, table: str, key: str) -> Mapping[str, str]:
        """As the function `values`, in a transaction of its own. Raises NotFound."""
        return await self._database.read(lambda tx: values(tx, workspace_id, table, key))

    async def add(
        self, workspace_id: str, *, name: str, key: str, columns: Mapping[str, Any], prefix: str = ""
    ) -> dict[str, Any]:
        """
        Make a table; `key` is the column that tells its rows apart, `prefix` (its name when blank) stands before a dot.

        Raises:
            Invalid: a name or column is not usable.
            Conflict: there is a table of this name.
        """
        for pointer, given in (("/name", name), ("/prefix", prefix or name)):
            if not is_name(given) or "." in given or len(given) > LONGEST_NAME:
                detail = f"Expected up to {LONGEST_NAME} letters, digits and underscores, found {given!r:.80}."
                raise Invalid("bad_name", detail, errors=[FieldError(pointer, "bad_name", detail)])
        stored = stored_columns(read_columns(columns, key))
        now = now_ms()
        if not await self._database.write(
            lambda tx: queries.insert_table(
                tx, workspace_id, name=name, prefix=prefix or name, key=key, columns=stored, now=now
            )
        ):
            detail = f"There is a table {name!r} already; import into it, or choose another name."
            raise Conflict("name_taken", detail, errors=[FieldError("/name", "name_taken", detail)])
        return await self.get(workspace_id, name)

    async def list(self, workspace_id: str) -> list[dict[str, Any]]:
        """Give every table by name."""
        found = await self._database.read(lambda tx: queries.tables(tx, workspace_id))
        return [_shown(table, rows) for table, rows in found]

    async def get(self, workspace_id: str, name: str) -> dict[str, Any]:
        """Give one table. Raises NotFound."""
        table = await self._table(workspace_id, name)
        return _shown(table, await self._database.read(lambda tx: queries.count(tx, table.id)))

    async def remove(self, workspace_id: str, name: str) -> None:
        """Remove a table with its rows; messages made of them stay. Raises NotFound."""
        table = await self._table(workspace_id, name)
        await self._database.write(lambda tx: queries.drop_table(tx, table.id))

    async def rows(
        self, workspace_id: str, name: str, *, after: str = "", limit: int = 100
    ) -> Sequence[dict[str, Any]]:
        """Give rows by key, after the key `after`. Raises NotFound."""
        table = await self._table(workspace_id, name)
        found = await self._database.read(lambda tx: queries.rows(tx, table.id, after=after, limit=limit))
        return [{"key": key, "values": _decode(document), "updated_at": at} for key, document, at in found]

    async def row(self, workspace_id: str, name: str, key: str) -> dict[str, Any]:
        """Give one row. Raises NotFound."""
        table = await self._table(workspace_id, name)
        found = await self._database.read(lambda tx: queries.documents(tx, table.id, [key]))
        if key not in found:
            raise _unknown_row(name, key)
        return {"key": key, "values": _decode(found[key])}

    async def remove_row(self, workspace_id: str, name: str, key: str) -> None:
        """Remove one row. Raises NotFound."""
        table = await self._table(workspace_id, name)
        if not await self._database.write(lambda tx: queries.drop_row(tx, table.id, key)):
            raise _unknown_row(name, key)

    async def put(
        self, workspace_id: str, name: str, rows: Iterable[Mapping[str, str]], *, country: str = ""
    ) -> dict[str, Any]:
        """
        Store rows, each by column; a row whose key is there already is replaced as a whole.

        `country` decides how days such as 5/3/2026 are read. Gives `{rows, added, updated, unchanged, refused}`;
        refused ones come as `{row, code, detail}`, counted from 1, and keep none of the others out.

        Raises:
            NotFound: there is no such table.
        """
        table = await self._table(workspace_id, name)
        return await self._store(workspace_id, table, enumerate(rows, start=1), country, dry_run=False)

    async def take(
        self,
        workspace_id: str,
        name: str,
        sheet: Sheet,
        *,
        key: str = "",
        columns: Mapping[str, Any] | None = None,
        prefix: str = "",
        country: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """
        Import a file; giving it again changes nothing but what differs.

        A table that is not there is made of the header: `columns` says what a column holds where it is not text, `key`
        which one tells rows apart (the first when blank). New columns of the file are added to a table that is there.

        Gives as `put`, with `table`.

        Raises:
            Invalid: the header has no usable name, two columns of one name, or the key is none of them.
        """
        names = _header(sheet.header)
        wanted = {variable_name(column): one for column, one in (columns or {}).items()}
        wished = {name: wanted.get(name, "text") for name in names}
        unknown = [column for column in wanted if column not in wished]
        if unknown:
            detail = f"Expected columns of the file ({', '.join(names[:30])}), found {unknown[0]!r:.60}."
            raise Invalid("bad_column", detail, errors=[FieldError("/columns", "bad_column", detail)])
        chosen = read_columns(wished, variable_name(key) if key else names[0])
        table = await self._database.read(lambda tx: queries.table(tx, workspace_id, name))
        if table is None and dry_run:
            table = TableRow("", name, prefix or name, variable_name(key) if key else names[0],
                             stored_columns(chosen), now_ms())  # fmt: skip
        elif table is None:
            await self.add(
                workspace_id, name=name, key=variable_name(key) if key else names[0], columns=wished, prefix=prefix
            )
            table = await self._table(workspace_id, name)
        else:
            table = await self._widened(table, chosen, wanted, dry_run=dry_run)
        found = _Refusals()
        read = ((number, dict(zip(names, cells, strict=False))) for number, cells in found.good(sheet))
        done = await self._store(workspace_id, table, read, country, dry_run=dry_run, found=found)
        return {"table": name, **done}

    async def _widened(self, table: TableRow, chosen: Columns, wanted: Mapping[str, Any], *, dry_run: bool) -> TableRow:
        """The table with the columns of a file that it does not have, and with types that were named."""
        there = columns_of(table.columns)
        if table.key not in chosen:
            detail = f"Expected the table's key {table.key!r} among the columns, found {', '.join(list(chosen)[:30])}."
            raise Invalid("bad_column", detail, errors=[FieldError("/file", "bad_column", detail)])
        added = {name: column for name, column in chosen.items() if name not in there or name in wanted}
        wider = stored_columns({**there, **added})
        if wider == table.columns:
            return table
        if len(columns_of(wider)) > MOST_COLUMNS:
            detail = f"Expected at most {MOST_COLUMNS} columns in a table, found {len(columns_of(wider))}."
            raise Invalid("bad_column", detail, errors=[FieldError("/file", "bad_column", detail)])
        if not dry_run:
            await self._database.write(lambda tx: queries.set_columns(tx, table.id, wider))
        return table._replace(columns=wider)

    async def _store(
        self,
        workspace_id: str,
        table: TableRow,
        rows: Iterator[tuple[int, Mapping[str, str]]],
        country: str,
        *,
        dry_run: bool,
        found: "_Refusals | None" = None,
    ) -> dict[str, Any]:
        columns = columns_of(table.columns)
        refusals = found or _Refusals()
        counts = {"rows": 0, "added": 0, "updated": 0, "unchanged": 0}
        seen: set[str] = set()
        now = now_ms()
        while chunk := list(itertools.islice(rows, CHUNK)):
            good: dict[str, str] = {}
            for number, row in chunk:
                try:
                    key, held = _judged(table.key, columns, row, country)
                except BadValue as fault:
                    refusals.add(number, "bad_value", str(fault))
                    continue
                if key in seen:
                    refusals.add(number, "repeated_key", f"A row above has the key {key!r:.60} already.")
                    continue
                seen.add(key)
                good[key] = _encode(held).decode()
            there = await self._database.read(partial(queries.documents, table_id=table.id, keys=list(good)))
            fresh = {key: document for key, document in good.items() if there.get(key) != document}
            counts["unchanged"] += len(good) - len(fresh)
            counts["updated"] += sum(key in there for key in fresh)
            counts["added"] += sum(key not in there for key in fresh)
            if fresh and not dry_run:
                await self._database.write(partial(queries.put, workspace_id=workspace_id, table_id=table.id,
                                                   found=fresh, now=now))  # fmt: skip
        counts["rows"] = len(seen) + refusals.count
        return {**counts, "refused": refusals.count, "refusals": refusals.shown}

    async def _table(self, workspace_id: str, name: str) -> TableRow:
        found = await self._database.read(lambda tx: queries.table(tx, workspace_id, name))
        if found is None:
            raise _unknown_table(name)
        return found


class _Refusals:
    """Rows that are not taken, of which the first are shown."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[dict[str, Any]] = []

    def add(self, row: int, code: str, detail: str) -> None:
        self.count += 1
        if len(self.shown) < MOST_REFUSED_SHOWN:
            self.shown.append({"row": row, "code": code, "detail": detail})

    def good(self, sheet: Sheet) -> Iterator[tuple[int, Sequence[str]]]:
        """The rows of a file that can be read; blank ones are passed over."""
        for number, cells, fault in sheet.rows():
            if fault:
                self.add(
                    number, fault, "The row cannot be read as it stands in the file; check its quotes and characters."
                )
            elif any(map(str.strip, cells)):
                yield number, cells


def _judged(key: str, columns: Columns, row: Mapping[str, str], country: str) -> tuple[str, dict[str, str]]:
    """Key and plain values of a row. Raises BadValue."""
    unknown = [name for name in row if name not in columns]
    if unknown:
        raise BadValue(f"Expected the columns {', '.join(list(columns)[:30])}, found {unknown[0]!r:.60}.")
    held = {name: plain_value(columns[name], name, value, country) for name, value in row.items()}
    found = held.get(key, "")
    if not 1 <= len(found) <= LONGEST_KEY:
        raise BadValue(f"Expected 1 to {LONGEST_KEY} characters in the key {key}, found {len(found)}.")
    return found, {name: value for name, value in held.items() if value}


def _header(cells: Sequence[str]) -> list[str]:
    names = [variable_name(cell) for cell in cells]
    twice = next((name for position, name in enumerate(names) if name in names[:position]), "")
    if twice:
        detail = f"Expected one column for {twice!r}, found two of that name. Rename one."
        raise Invalid("ambiguous_column", detail, errors=[FieldError("/file", "ambiguous_column", detail)])
    return names


def _shown(table: TableRow, rows: int) -> dict[str, Any]:
    columns = columns_of(table.columns)
    return {
        "id": table.id,
        "name": table.name,
        "prefix": table.prefix,
        "key": table.key,
        "columns": {name: msgspec.to_builtins(_told(column)) for name, column in columns.items()},
        "rows": rows,
        "created_at": table.created_at,
    }


def _told(column: Column) -> dict[str, str]:
    return {"type": column.type.value, "currency": column.currency}


def _unknown_table(name: str) -> NotFound:
    return NotFound("unknown_table", f"There is no table {name!r:.80}; `sendyard records list` shows those there are.")


def _unknown_row(table: str, key: str) -> NotFound:
    return NotFound("unknown_row", f"The table {table!r:.80} has no row with the key {key!r:.80}.")
