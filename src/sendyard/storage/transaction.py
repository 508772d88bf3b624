"""
One transaction as work functions see it: the same statements on SQLite and PostgreSQL.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, CursorResult
from sqlalchemy.sql import Executable

Dialect = Literal["sqlite", "postgresql"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[list[Any]]).decode


@lru_cache(maxsize=512)
def _percent_style(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


class Transaction:
    """
    Handed to a work function; commits when the function returns, rolls back when it raises.

    Ordinary queries go through `execute` (SQLAlchemy Core). Hot statements go through `rows`, `run` and
    `run_many`: plain SQL with `?` for parameters, straight to the driver.
    """

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        """Wrap a connection on which a transaction has begun."""
        self._connection = connection
        self._driver: Any = connection.connection.dbapi_connection
        self.dialect = dialect
        self.wakes = False

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a SQLAlchemy statement."""
        return self._connection.execute(statement, parameters)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run plain SQL and fetch every row."""
        cursor = self._driver.execute(self._dialect_sql(sql), parameters)
        fetched: list[tuple[Any, ...]] = cursor.fetchall()
        return fetched

    def table(self, columns: str, source: str, parameters: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """
        Like `rows` of `SELECT {columns} {source}`, for values that are text, whole numbers or null.

        SQLite gives one row of JSON: each row fetched by itself would hand the interpreter's lock to and fro.
        """
        if self.dialect != "sqlite":
            return [*self.rows(f"SELECT {columns} {source}", parameters)]
        ((gathered,),) = self.rows(f"SELECT json_group_array(json_array({columns})) {source}", parameters)
        found: list[Any] = _decode(gathered)
        return found

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run plain SQL and return how many rows it touched."""
        count: int = self._driver.execute(self._dialect_sql(sql), parameters).rowcount
        return count

    def run_many(self, sql: str, parameters: Sequence[Sequence[Any]]) -> int:
        """Run one statement for each row of parameters; returns how many rows were touched in all."""
        if not parameters:
            return 0
        cursor = self._driver.cursor()
        cursor.executemany(self._dialect_sql(sql), parameters)
        count: int = cursor.rowcount
        cursor.close()
        return count

    def among(self, values: Iterable[str]) -> tuple[str, Any]:
        """A condition `= any of values` and its one parameter: `f"WHERE id {condition}"`."""
        if self.dialect == "sqlite":
            return "IN (SELECT value FROM json_each(?))", _encode(list(values)).decode()
        return "= ANY(?)", list(values)

    def one_of(self, select: str) -> str:
        """
        A condition `= any row of this limited select`: `f"WHERE id {condition}"`.

        PostgreSQL may run a sub-select after `IN` more than once and so find more rows than its limit; an array is
        computed once.
        """
        return f"IN ({select})" if self.dialect == "sqlite" else f"= ANY(ARRAY({select}))"

    def in_turn(self, table: str, name: str, condition: str) -> str:
        """
        A join that looks into `table`, called `name`, once for each row of what stands before it, by an index.

        For lookups of few rows in a long table. PostgreSQL would rather read the whole table whenever what it knows of
        it is old, as after loading much; the offset keeps it from looking at both sides at once. SQLite takes this
        order for what it is.
        """
        if self.dialect == "sqlite":
            return f"CROSS JOIN {table} {name} ON {condition}"
        return f"CROSS JOIN LATERAL (SELECT * FROM {table} {name} WHERE {condition} OFFSET 0) {name}"

    def each(self, rows: Sequence[Sequence[Any]], *kinds: Literal["TEXT", "INTEGER", "BIGINT"]) -> tuple[str, str]:
        """
        Rows of values as a table with the columns `c0`, `c1`, … of the given kinds, and its one parameter.

        One statement over it beats one execution per row: the values are read without the interpreter.
        """
        parameter = _encode(rows).decode()
        if self.dialect == "sqlite":
            columns = ", ".join(f"json_extract(value, '$[{index}]') AS c{index}" for index in range(len(kinds)))
            return f"(SELECT {columns} FROM json_each(?)) AS given", parameter
        columns = ", ".join(f"CAST(value ->> {index} AS {kind}) AS c{index}" for index, kind in enumerate(kinds))
        # The offset keeps the columns what they are: as terms put into a look-up each would be paid for before it
        # begins, and PostgreSQL could prefer another index only because it compares less with them.
        return f"(SELECT {columns} FROM jsonb_array_elements(CAST(? AS jsonb)) OFFSET 0) AS given", parameter

    def wake(self) -> None:
        """Tell dispatchers, in every process, that there is work once this transaction is committed."""
        self.wakes = True

    def _dialect_sql(self, sql: str) -> str:
        return sql if self.dialect == "sqlite" else _percent_style(sql)
