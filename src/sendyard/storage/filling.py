"""
Filling a database by the million before anybody uses it: no journal, no waiting for disks, indexes at the end.

A crash in between leaves the file of SQLite unusable, so this is for what can be made again.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence

import psycopg
from sqlalchemy.engine import make_url

from sendyard.storage.transaction import Dialect

Run = Callable[[str], object]
"""Runs one statement without parameters."""


@contextlib.contextmanager
def filling(url: str, tables: Sequence[str]) -> Iterator[tuple[Run, Dialect]]:
    """
    Take the indexes off these tables, give what runs statements and the engine's name, and build them again.

    Nobody else may use the database meanwhile.
    """
    parsed = make_url(url)
    names = ", ".join(f"'{table}'" for table in tables)
    if parsed.get_backend_name() == "sqlite":
        with contextlib.closing(sqlite3.connect(parsed.database or "", isolation_level=None)) as file:
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-262144"):
                file.execute(f"PRAGMA {pragma}").close()
            yield from _without_indexes(
                file.execute,
                "sqlite",
                file.execute(
                    f"SELECT name, sql FROM sqlite_master WHERE tbl_name IN ({names}) AND type = 'index' AND sql <> ''"
                ).fetchall(),
            )
            file.execute("PRAGMA journal_mode=WAL").close()
        return
    plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as server:
        server.execute("SET synchronous_commit = off")
        server.execute("SET maintenance_work_mem = '256MB'")

        def run(sql: str) -> object:
            return server.execute(sql.encode())

        yield from _without_indexes(
            run,
            "postgresql",
            server.execute(
                f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ({names})"
                " AND indexname NOT IN (SELECT conname FROM pg_constraint)".encode()
            ).fetchall(),
        )
        # Autovacuum would do so within a minute; nothing does it on SQLite.
        server.execute("VACUUM ANALYZE")


def _without_indexes(
    run: Run, dialect: Dialect, definitions: Sequence[tuple[str, str]]
) -> Iterator[tuple[Run, Dialect]]:
    for name, _ in definitions:
        run(f"DROP INDEX {name}")
    yield run, dialect
    for _, definition in definitions:
        run(definition)
