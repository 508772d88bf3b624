"""
The SQL of data records.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

_TABLE = "id, name, prefix, key_column, columns, created_at"


class TableRow(NamedTuple):
    """A table of records."""

    id: str
    name: str
    prefix: str
    key: str
    columns: str
    created_at: int


def insert_table(
    tx: Transaction, workspace_id: str, *, name: str, prefix: str, key: str, columns: str, now: int
) -> bool:
    """Store a table; False when there is one of this name."""
    return bool(
        tx.run(
            "INSERT INTO record_tables (id, workspace_id, name, prefix, key_column, columns, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, name) DO NOTHING",
            (new_id(), workspace_id, name, prefix, key, columns, now),
        )
    )


def tables(tx: Transaction, workspace_id: str) -> list[tuple[TableRow, int]]:
    """Every table by name, with how many rows it has."""
    counts: dict[str, int] = dict(
        tx.rows("SELECT table_id, count(*) FROM record_rows WHERE workspace_id = ? GROUP BY table_id", (workspace_id,))
    )
    sql = f"SELECT {_TABLE} FROM record_tables WHERE workspace_id = ? ORDER BY name"  # noqa: S608 - constants
    found = [TableRow(*row) for row in tx.rows(sql, (workspace_id,))]
    return [(table, counts.get(table.id, 0)) for table in found]


def table(tx: Transaction, workspace_id: str, name: str) -> TableRow | None:
    """One table."""
    sql = f"SELECT {_TABLE} FROM record_tables WHERE workspace_id = ? AND name = ?"  # noqa: S608 - constants
    found = tx.rows(sql, (workspace_id, name))
    return TableRow(*found[0]) if found else None


def count(tx: Transaction, table_id: str) -> int:
    """How many rows a table has."""
    return int(tx.rows("SELECT count(*) FROM record_rows WHERE table_id = ?", (table_id,))[0][0])


def set_columns(tx: Transaction, table_id: str, columns: str) -> None:
    """Change what columns a table has."""
    tx.run("UPDATE record_tables SET columns = ? WHERE id = ?", (columns, table_id))


def drop_table(tx: Transaction, table_id: str) -> None:
    """Remove a table with its rows."""
    tx.run("DELETE FROM record_rows WHERE table_id = ?", (table_id,))
    tx.run("DELETE FROM record_tables WHERE id = ?", (table_id,))


def rows(tx: Transaction, table_id: str, *, after: str, limit: int) -> list[tuple[str, str, int]]:
    """(key, document, changed) in the order of keys, after the key `after`."""
    return [
        (key, document, at)
        for key, document, at in tx.rows(
            "SELECT key, document, updated_at FROM record_rows WHERE table_id = ? AND key > ? ORDER BY key LIMIT ?",
            (table_id, after, limit),
        )
    ]


def documents(tx: Transaction, table_id: str, keys: Sequence[str]) -> dict[str, str]:
    """What is kept under these keys."""
    condition, parameter = tx.among(keys)
    sql = f"SELECT key, document FROM record_rows WHERE table_id = ? AND key {condition}"  # noqa: S608 - constants
    return dict(tx.rows(sql, (table_id, parameter)))


def put(tx: Transaction, workspace_id: str, table_id: str, found: Mapping[str, str], *, now: int) -> None:
    """Store rows; those of the same key are replaced."""
    tx.run_many(
        "INSERT INTO record_rows (table_id, key, workspace_id, document, updated_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (table_id, key) DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at",
        [(table_id, key, workspace_id, document, now) for key, document in found.items()],
    )


def drop_row(tx: Transaction, table_id: str, key: str) -> bool:
    """Remove a row; False when there is none."""
    return bool(tx.run("DELETE FROM record_rows WHERE table_id = ? AND key = ?", (table_id, key)))


def one(tx: Transaction, workspace_id: str, name: str, key: str) -> tuple[str, str] | None:
    """(prefix, document) of one row of a table by name."""
    found = tx.rows(
        "SELECT t.prefix, r.document FROM record_tables t JOIN record_rows r ON r.table_id = t.id"
        " WHERE t.workspace_id = ? AND t.name = ? AND r.key = ?",
        (workspace_id, name, key),
    )
    return (found[0][0], found[0][1]) if found else None
