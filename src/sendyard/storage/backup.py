"""
The whole database in one file, and back again: the same file for SQLite and PostgreSQL.

The file is gzipped JSON, a line each: a head, then for each table its columns and its rows. It holds everything
of one moment, because it is read in one transaction; credentials in it stay encrypted.
"""

import base64
import gzip
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from sendyard.domain.errors import Conflict, Invalid
from sendyard.storage import migrations
from sendyard.storage.engine import Database
from sendyard.storage.tables import metadata

FORMAT = "sendyard backup 1"
_AT_ONCE = 1000  # rows in one statement


def revision(database: Database) -> str:
    """The shape the database is in, by the id of its newest migration; "" when there is none yet."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def newest_revision() -> str:
    """The shape this version brings a database to."""
    return ScriptDirectory.from_config(migrations.configuration()).get_current_head() or ""


def is_empty(database: Database) -> bool:
    """Whether no table of a database in the newest shape holds a row."""
    with database.engine.connect() as connection, connection.begin():
        return _first_filled(connection) is None


def save(database: Database, file: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """
    Write the whole database to a file that only its owner may read: `{file, engine, revision, tables, rows}`.

    Raises:
        Conflict: the file exists, or there is no database yet.
        OSError: the file cannot be written; nothing is left behind then.
    """
    if file.exists() and not overwrite:
        raise Conflict("file_exists", f"{file} exists already; choose another name, or overwrite it with --force.")
    shape = revision(database)
    if not shape:
        raise Conflict("no_database", "There is no Sendyard database to save; check SENDYARD_DATABASE_URL.")
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with gzip.open(raw, "wt", encoding="utf-8", compresslevel=6) as output:
                rows = _write(database, output, shape)
            raw.flush()
            os.fsync(raw.fileno())
        draft.replace(file)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    tables = len(metadata.sorted_tables)
    return {"file": str(file), "engine": database.dialect, "revision": shape, "tables": tables, "rows": rows}


def load(database: Database, file: Path) -> dict[str, Any]:
    """
    Fill an empty database from a file that `save` wrote: `{engine, revision, tables, rows}`.

    Raises:
        Invalid: the file is none of ours, damaged, or of another version's shape; nothing was changed then.
        Conflict: the database holds something already.
    """
    migrations.upgrade(database)
    shape = revision(database)
    try:
        with gzip.open(file, "rt", encoding="utf-8") as text, database.engine.connect() as connection:
            lines = map(json.loads, text)
            _check_head(next(lines, None), shape, file)
            with connection.begin():
                _expect_empty(connection)
                rows = _fill(connection, lines, file)
                if database.dialect == "postgresql":
                    connection.exec_driver_sql(_NEXT_EVENT)
    except (EOFError, UnicodeDecodeError, json.JSONDecodeError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(file, f"it cannot be read ({type(error).__name__})") from None
    return {"engine": database.dialect, "revision": shape, "tables": len(metadata.sorted_tables), "rows": rows}


# Rows brought their own numbers, which PostgreSQL's counter knows nothing of.
_NEXT_EVENT = (
    "SELECT setval(pg_get_serial_sequence('events', 'seq'), (SELECT coalesce(max(seq), 0) + 1 FROM events), false)"
)


def _write(database: Database, output: IO[str], shape: str) -> int:
    total = 0
    output.write(json.dumps({"format": FORMAT, "revision": shape}) + "\n")
    with database.engine.connect() as plain:
        # One snapshot for all tables; on SQLite a reader that never asks for the writer's lock.
        level = {"isolation_level": "REPEATABLE READ"} if database.dialect == "postgresql" else {}
        connection = plain.execution_options(sendyard_read_only=True, yield_per=_AT_ONCE, **level)
        with connection.begin():
            for table in metadata.sorted_tables:
                output.write(json.dumps({"table": table.name, "columns": table.columns.keys()}) + "\n")
                for row in connection.execute(sa.select(table)):
                    output.write(json.dumps([_written(value) for value in row], ensure_ascii=False) + "\n")
                    total += 1
    output.write(json.dumps({"end": total}) + "\n")
    return total


def _fill(connection: Connection, lines: Iterator[Any], file: Path) -> int:
    total = 0
    table: sa.Table | None = None
    columns: list[str] = []
    waiting: list[dict[str, Any]] = []
    for line in lines:
        if isinstance(line, list) and len(line) == len(columns):
            waiting.append({name: _read(value) for name, value in zip(columns, line, strict=True)})
            total += 1
            if len(waiting) < _AT_ONCE:
                continue
        if waiting and table is not None:
            connection.execute(table.insert(), waiting)
            waiting = []
        match line:
            case {"table": str(name), "columns": list(columns)} if name in metadata.tables:
                table = metadata.tables[name]
            case {"end": int(expected)} if expected == total:
                return total
            case list() if len(line) == len(columns):
                continue
            case _:
                raise _damaged(file, f"row {total + 1:,} is not as it was written")
    raise _damaged(file, f"it ends after {total:,} rows, before its end")


def _check_head(head: Any, shape: str, file: Path) -> None:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise _damaged(file, "it does not begin as one")
    if head.get("revision") != shape:
        raise Invalid(
            "other_version",
            f"{file} was saved in the shape {head.get('revision')!r:.40}, and this version has {shape!r}; restore it "
            "with the version that saved it, then upgrade.",
        )


def _expect_empty(connection: Connection) -> None:
    if (name := _first_filled(connection)) is not None:
        raise Conflict(
            "not_empty",
            f"The database holds {name} already, and nothing is overwritten; restore into an empty one "
            "(SENDYARD_DATABASE_URL), or move the present one away first.",
        )


def _first_filled(connection: Connection) -> str | None:
    for table in metadata.sorted_tables:
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            return str(table.name)
    return None


def _written(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes | memoryview) else value


def _read(value: Any) -> Any:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value


def _damaged(file: Path, found: str) -> Invalid:
    return Invalid("bad_backup", f"Expected {file} to be a whole file made by `sendyard db backup`; {found}.")
