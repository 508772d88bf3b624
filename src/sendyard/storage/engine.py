"""
Connections, group commit and wake-ups, for SQLite and PostgreSQL alike.

Work is a function of a `Transaction`. Everything that waits to be written at the same moment shares one
commit; a caller is answered after it. One of a group failing makes the others run again without it, so
a work function touches nothing but its transaction.
"""

import asyncio
import contextlib
import queue
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

import psycopg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.pool import NullPool

from sendyard.domain.errors import Invalid
from sendyard.storage.transaction import Dialect, Transaction

T = TypeVar("T")
Work = Callable[[Transaction], T]

_GROUP_LIMIT = 256  # works in one commit: beyond it, waiting costs more than the commit saves
# Of its own: whoever seeds the shared one, tests among them, is not to be disturbed by a thread of ours.
_chance = random.Random()  # noqa: S311 - nothing secret
_CHANNEL = "sendyard_work"
_RETRIES = 5


@dataclass(slots=True)
class _Entry:
    """Work that waits for its commit, and who waits for it: a coroutine of `loop`, or a thread."""

    work: Work[Any]
    future: asyncio.Future[Any] | Future[Any]
    loop: asyncio.AbstractEventLoop | None = None


_Answer = tuple[_Entry, Any, bool]  # who waits, the result or the error, whether it is an error


class Database:
    """
    The one way to stored data.

    `write` and `read` are for the event loop, `write_now` and `read_now` for threads and the command
    line. Never call the `_now` forms on the event loop.
    """

    def __init__(self, url: str, *, writers: int = 3, readers: int = 2) -> None:
        """
        Open `sqlite:///path` or `postgresql://…`.

        SQLite always has one writer; PostgreSQL has `writers` connections that share one queue.

        Raises:
            Invalid: the URL names another engine, or SQLite is too old.
        """
        self.url = url
        self.engine = _open_engine(url)
        self.dialect: Dialect = cast("Dialect", self.engine.dialect.name)
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._writer_count = 1 if self.dialect == "sqlite" else writers
        self._writers = [
            threading.Thread(target=self._write_loop, name=f"writer-{number}", daemon=True)
            for number in range(self._writer_count)
        ]
        self._local = threading.local()
        self._reader_connections: list[Connection] = []
        self._readers = ThreadPoolExecutor(max_workers=readers, thread_name_prefix="reader")
        self._wake_lock = threading.Lock()
        self._listeners: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._listener: threading.Thread | None = None
        self._closed = False
        for writer in self._writers:
            writer.start()

    async def write(self, work: Work[T]) -> T:
        """
        Run `work` in a transaction that may be shared with others, and return after the commit.

        A caller cancelled while it waits does not know whether its work was done.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._submit(_Entry(work, future, loop))
        return await future

    def write_now(self, work: Work[T]) -> T:
        """Like `write`, blocking."""
        future: Future[T] = Future()
        self._submit(_Entry(work, future))
        return future.result()

    async def read(self, work: Work[T]) -> T:
        """Run `work` in a read-only transaction on a connection of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    def read_now(self, work: Work[T]) -> T:
        """Like `read`, blocking."""
        return self._readers.submit(self._read, work).result()

    async def look_over(self, *tables: str) -> None:
        """
        Have PostgreSQL look at tables of which much is new, so that it plans for what is there from now on.

        It would by itself, but a minute or more later, and read pages of a sorted million from the beginning until
        then. Nobody waits but the caller; a table that it looks at already is left out. SQLite needs none of it.
        """
        if self.dialect == "postgresql":
            await asyncio.to_thread(self._analyze, tables)

    def wakeup(self) -> asyncio.Event:
        """
        Subscribe the running loop: the event is set whenever committed work may be waiting.

        The subscriber clears it. On PostgreSQL this hears every process; on SQLite this process, and a
        command-line tool that writes beside it is noticed by the dispatcher's own slow round.
        """
        flag = asyncio.Event()
        with self._wake_lock:
            self._listeners.append((asyncio.get_running_loop(), flag))
            if self.dialect == "postgresql" and self._listener is None:
                self._listener = threading.Thread(target=self._listen, name="listener", daemon=True)
                self._listener.start()
        return flag

    def close(self) -> None:
        """Finish what is queued and close every connection. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        for _ in self._writers:
            self._queue.put(None)
        for writer in self._writers:
            writer.join()
        self._readers.shutdown()
        for connection in self._reader_connections:
            connection.close()
        if self._listener is not None:
            self._listener.join()
        self.engine.dispose()

    def _submit(self, entry: "_Entry") -> None:
        if self._closed:
            raise RuntimeError("the database is closed")
        self._queue.put(entry)

    def _write_loop(self) -> None:
        connection: Connection | None = None
        while (first := self._queue.get()) is not None:
            group = [first]
            stop = False
            while len(group) < _GROUP_LIMIT:
                try:
                    waiting = self._queue.get_nowait()
                except queue.Empty:
                    break
                if waiting is None:
                    stop = True
                    break
                group.append(waiting)
            # From here on a caller that stops waiting cannot take its work back, only its interest in it.
            group = [entry for entry in group if not entry.future.cancelled()]
            if group and (connection is None or connection.closed or connection.invalidated):
                connection = self._connect_for(group)
            if group and connection is not None:
                self._commit_group(connection, group)
            if stop:
                break
        if connection is not None:
            connection.close()

    def _connect_for(self, group: list["_Entry"]) -> Connection | None:
        try:
            return self.engine.connect()
        except sa.exc.SQLAlchemyError as error:
            _answer([(entry, error, True) for entry in group])
            return None

    def _commit_group(self, connection: Connection, group: list["_Entry"]) -> None:
        try:
            results, wakes = self._run(connection, [entry.work for entry in group])
        except BaseException as error:  # noqa: BLE001 - it belongs to a caller, not to this thread
            if len(group) == 1:
                _answer([(group[0], error, True)])
                return
            for alone in group:
                self._commit_group(connection, [alone])
            return
        if wakes:
            self._wake_local()
        _answer([(entry, result, False) for entry, result in zip(group, results, strict=True)])

    def _run(self, connection: Connection, works: list[Work[Any]]) -> tuple[list[Any], bool]:
        for attempt in range(_RETRIES):
            try:
                with connection.begin():
                    transaction = Transaction(connection, self.dialect)
                    results = [work(transaction) for work in works]
                    if transaction.wakes and self.dialect == "postgresql":
                        transaction.run(f"NOTIFY {_CHANNEL}")
            except (sa.exc.DBAPIError, psycopg.Error, sqlite3.Error) as error:
                if attempt == _RETRIES - 1 or not _is_passing(error):
                    raise
                # Two that were in each other's way would meet again if both came back at once.
                time.sleep(_chance.uniform(0, 0.05) * (attempt + 1))
            else:
                return results, transaction.wakes
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _read(self, work: Work[T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed or connection.invalidated:
            connection = self.engine.connect().execution_options(sendyard_read_only=True)
            self._local.connection = connection
            self._reader_connections.append(connection)
        with connection.begin() as transaction:
            try:
                return work(Transaction(connection, self.dialect))
            finally:
                transaction.rollback()

    def _analyze(self, tables: tuple[str, ...]) -> None:
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {', '.join(tables)}")

    def _wake_local(self) -> None:
        with self._wake_lock:
            listeners = list(self._listeners)
        for loop, flag in listeners:
            # A loop that has ended since it subscribed has nobody left to wake.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(flag.set)

    def _listen(self) -> None:
        url = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        while not self._closed:
            try:
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    while not self._closed:
                        for _ in connection.notifies(timeout=0.1, stop_after=1):
                            self._wake_local()
            except psycopg.Error:
                # The dispatcher's slow round carries on until the server is back.
                threading.Event().wait(0.5)


def _answer(answers: list[_Answer]) -> None:
    """Tell everyone what came of their work; each loop is woken once, however many of its coroutines wait."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[_Answer]] = {}
    for answer in answers:
        by_loop.setdefault(answer[0].loop, []).append(answer)
    for loop, own in by_loop.items():
        if loop is None:
            _settle(own)
        else:
            # A loop that has ended has nobody left to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, own)


def _settle(answers: list[_Answer]) -> None:
    for entry, value, failed in answers:
        if entry.future.done():
            continue
        if failed:
            entry.future.set_exception(value)
        else:
            entry.future.set_result(value)


def _is_passing(error: Exception) -> bool:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(cause, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
        return True
    return isinstance(cause, sqlite3.OperationalError) and "locked" in str(cause)


def _open_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # What they say repeats the URL, which may hold a password.
        detail = "expected sqlite:///path/to/file or postgresql://host:port/name, found something that is no such URL"
        raise Invalid("bad_database_url", f"{detail}; set SENDYARD_DATABASE_URL") from None
    if parsed.get_backend_name() == "postgresql":
        engine = sa.create_engine(parsed.set(drivername="postgresql+psycopg"), poolclass=NullPool)
        event.listen(engine, "connect", _prepare_postgres)
        return engine
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise Invalid(
            "bad_database_url",
            f"expected sqlite:///path/to/file or postgresql://host/name, found a URL for "
            f"{parsed.get_backend_name() or 'nothing'}; set SENDYARD_DATABASE_URL",
        )
    if sqlite3.sqlite_version_info < (3, 35):
        raise Invalid(
            "old_sqlite", f"expected SQLite 3.35 or newer, found {sqlite3.sqlite_version}; use a newer Python build"
        )
    engine = sa.create_engine(parsed, poolclass=NullPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_postgres(driver: psycopg.Connection, _record: object) -> None:
    # Compiling a statement takes longer than any of ours runs that is not itself a mistake.
    driver.execute("SET jit = off")
    driver.commit()


def _prepare_sqlite(driver: sqlite3.Connection, _record: object) -> None:
    # The stdlib module would otherwise open transactions by itself, and always deferred ones.
    driver.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=10000",
        "cache_size=-16384",
        "temp_store=MEMORY",
        "wal_autocheckpoint=4000",
    ):
        driver.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns into a write cannot wait for the lock: it fails at once.
    mode: Literal["DEFERRED", "IMMEDIATE"] = (
        "DEFERRED" if connection.get_execution_options().get("sendyard_read_only") else "IMMEDIATE"
    )
    connection.exec_driver_sql(f"BEGIN {mode}")
