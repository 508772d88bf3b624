"""
Connections, group commit and wake-ups, on both engines.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from sendyard.domain.errors import Invalid
from sendyard.storage.engine import Database
from sendyard.storage.failures import DATABASE_AWAY
from sendyard.storage.schema import idempotency_keys, workspaces
from sendyard.storage.transaction import Transaction

NOW = 1_790_000_000_000


def add(name: str) -> Callable[[Transaction], str]:
    def work(tx: Transaction) -> str:
        tx.run("INSERT INTO workspaces (id, name, created_at) VALUES (?, ?, ?)", (name, name, NOW))
        return name

    return work


def names(database: Database) -> set[str]:
    return {name for (name,) in database.read_now(lambda tx: tx.rows("SELECT name FROM workspaces"))}


class Gate:
    """Keeps every writer of a database busy until it is opened, so that what follows waits together."""

    def __init__(self, database: Database) -> None:
        self._open = threading.Event()
        self._entered: list[threading.Event] = []
        for _ in range(database._writer_count):
            entered = threading.Event()
            self._entered.append(entered)
            threading.Thread(target=self._occupy, args=(database, entered), daemon=True).start()
            assert entered.wait(60)

    def _occupy(self, database: Database, entered: threading.Event) -> None:
        def work(_tx: Transaction) -> None:
            entered.set()
            self._open.wait(60)

        database.write_now(work)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def commits(database: Database) -> Iterator[list[int]]:
    """Grows by one with each commit."""
    seen: list[int] = []
    sa.event.listen(database.engine, "commit", lambda _connection: seen.append(1))
    yield seen
    seen.clear()


async def test_writers_that_wait_together_share_commits(database: Database, commits: list[int]) -> None:
    gate = Gate(database)
    writes = [asyncio.create_task(database.write(add(f"w{number}"))) for number in range(60)]
    await asyncio.sleep(0)
    before = len(commits)
    gate.open()
    assert await asyncio.gather(*writes) == [f"w{number}" for number in range(60)]
    assert names(database) == {f"w{number}" for number in range(60)}
    # Each connection that was kept busy commits that, and at most one group more.
    assert len(commits) - before <= 2 * database._writer_count


async def test_one_failing_writer_does_not_harm_those_beside_it(database: Database) -> None:
    def broken(tx: Transaction) -> None:
        add("half")(tx)
        raise ValueError("not this one")

    gate = Gate(database)
    good = [asyncio.create_task(database.write(add(f"good{number}"))) for number in range(10)]
    bad = asyncio.create_task(database.write(broken))
    wrong = asyncio.create_task(database.write(lambda tx: tx.run("SELECT nonsense FROM nowhere")))
    good += [asyncio.create_task(database.write(add(f"more{number}"))) for number in range(10)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(*good)
    with pytest.raises(ValueError, match="not this one"):
        await bad
    with pytest.raises((sqlite3.Error, psycopg.Error)):
        await wrong
    assert names(database) == {f"good{number}" for number in range(10)} | {f"more{number}" for number in range(10)}


async def test_a_write_is_answered_after_its_commit(database: Database) -> None:
    for number in range(20):
        name = await database.write(add(f"w{number}"))
        assert name in names(database)


async def test_a_caller_that_stops_waiting_does_not_stop_the_writer(database: Database) -> None:
    gate = Gate(database)
    waiting = [asyncio.create_task(database.write(add(f"w{number}"))) for number in range(5)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    gate.open()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert [task.cancelled() for task in waiting] == [True, False, True, False, True]
    assert await asyncio.wait_for(database.write(add("afterwards")), 60) == "afterwards"
    assert names(database) == {"w1", "w3", "afterwards"}


async def test_a_caller_cancelled_during_its_commit_leaves_a_whole_transaction(database: Database) -> None:
    entered = threading.Event()

    def slow(tx: Transaction) -> None:
        add("first")(tx)
        entered.set()
        time.sleep(0.1)
        add("second")(tx)

    task = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(entered.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.write(add("third"))
    async with asyncio.timeout(60):  # on PostgreSQL another connection may be first
        while (found := names(database)) == {"third"}:  # noqa: ASYNC110 - it is a thread that writes
            await asyncio.sleep(0.01)
    assert found == {"first", "second", "third"}


def test_reading_never_writes(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        database.read_now(lambda _tx: 1 // 0)
    assert database.read_now(add("ghost")) == "ghost"
    assert names(database) == set()


async def test_readers_see_whole_commits_while_a_writer_is_busy(database: Database) -> None:
    await database.write(add("before"))
    entered = threading.Event()
    leave = threading.Event()

    def slow(tx: Transaction) -> None:
        add("during")(tx)
        entered.set()
        leave.wait(60)

    task = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(entered.wait, 60)
    assert names(database) == {"before"}
    leave.set()
    await task
    assert names(database) == {"before", "during"}


async def test_closing_finishes_what_is_queued(database: Database) -> None:
    other = Database(database.url)
    gate = Gate(other)
    waiting = [asyncio.create_task(other.write(add(f"w{number}"))) for number in range(20)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(other.close))
    gate.open()
    await asyncio.gather(*waiting, closing)
    assert len(names(database)) == 20
    other.close()
    with pytest.raises(RuntimeError, match="closed"):
        await other.write(add("late"))


async def test_a_commit_with_work_wakes_every_listener_and_one_without_does_not(database: Database) -> None:
    flags = [database.wakeup(), database.wakeup()]
    await settled(database, flags)

    async def quiet(number: int) -> None:
        await database.write(add(f"quiet {number}"))

    await wakes_nobody(quiet, flags)
    await database.write(lambda tx: tx.wake())
    await asyncio.wait_for(asyncio.gather(*(flag.wait() for flag in flags)), 60)


async def test_work_that_fails_wakes_nobody(database: Database) -> None:
    flag = database.wakeup()
    await settled(database, [flag])

    def work(tx: Transaction) -> None:
        tx.wake()
        raise ValueError("no")

    async def fail(_number: int) -> None:
        with pytest.raises(ValueError, match="no"):
            await database.write(work)

    await wakes_nobody(fail, [flag])


async def wakes_nobody(deed: Callable[[int], Awaitable[None]], flags: list[asyncio.Event]) -> None:
    """
    Check that a deed sets no flag.

    On PostgreSQL the echo of an earlier wake-up may still arrive; only a deed that wakes is never followed by silence.
    """
    for number in range(50):
        for flag in flags:
            flag.clear()
        await deed(number)
        await asyncio.sleep(0.05)
        if not any(flag.is_set() for flag in flags):
            return
    pytest.fail("every time somebody was woken")


async def settled(database: Database, flags: list[asyncio.Event]) -> None:
    """Wait until a subscription works: PostgreSQL needs a moment to listen."""
    if database.dialect == "postgresql":
        for flag in flags:
            while not flag.is_set():
                await database.write(lambda tx: tx.wake())
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
    for flag in flags:
        flag.clear()


async def test_waking_a_loop_that_has_ended_is_no_trouble(database: Database) -> None:
    async def subscribe() -> None:
        database.wakeup()

    await asyncio.to_thread(asyncio.run, subscribe())
    flag = database.wakeup()
    await database.write(lambda tx: tx.wake())
    await asyncio.wait_for(flag.wait(), 60)


@pytest.mark.postgres
def test_postgres_compiles_no_statements_for_us(postgres_database: Database) -> None:
    assert postgres_database.read_now(lambda tx: tx.rows("SHOW jit")) == [("off",)]
    assert postgres_database.write_now(lambda tx: tx.rows("SHOW jit")) == [("off",)]


@pytest.mark.postgres
async def test_postgres_plans_for_what_is_there_after_looking_tables_over(postgres_database: Database) -> None:
    def believed(tx: Transaction) -> float:
        ((rows,),) = tx.rows("SELECT reltuples FROM pg_class WHERE oid = CAST('workspaces' AS regclass)")
        return float(rows)

    await postgres_database.write(
        lambda tx: tx.run(
            "INSERT INTO workspaces (id, name, created_at) SELECT 'w' || no, 'w', ? FROM generate_series(1, 777) AS no",
            (NOW,),
        )
    )
    await postgres_database.look_over("workspaces", "contacts")
    assert await postgres_database.read(believed) == 777


async def test_tables_are_looked_over_beside_writers_that_are_at_work(database: Database) -> None:
    gate = Gate(database)
    async with asyncio.timeout(30):  # less than the gate holds
        await database.look_over("workspaces")
    gate.open()
    assert await database.write(add("later")) == "later"


@pytest.mark.postgres
async def test_postgres_wakes_other_processes(postgres_shape: str) -> None:
    here, there = Database(postgres_shape), Database(postgres_shape)
    flag = there.wakeup()
    await settled(there, [flag])
    await here.write(lambda tx: tx.wake())
    await asyncio.wait_for(flag.wait(), 60)
    await asyncio.to_thread(here.close)
    await asyncio.to_thread(there.close)


@pytest.mark.postgres
async def test_postgres_connections_that_were_cut_are_replaced(postgres_shape: str) -> None:
    database = Database(postgres_shape, writers=1, readers=1)
    flag = database.wakeup()
    await settled(database, [flag])
    database.read_now(lambda tx: tx.rows("SELECT 1"))
    with psycopg.connect(postgres_shape, autocommit=True) as killer:
        killer.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(DATABASE_AWAY):
        await database.write(lambda tx: tx.rows("SELECT 1"))
    with pytest.raises(DATABASE_AWAY):
        await database.read(lambda tx: tx.rows("SELECT 1"))
    assert await database.write(lambda tx: tx.rows("SELECT 2")) == [(2,)]
    assert await database.read(lambda tx: tx.rows("SELECT 3")) == [(3,)]
    flag.clear()
    async with asyncio.timeout(60):  # the listener comes back as well
        while not flag.is_set():
            await database.write(lambda tx: tx.wake())
            await asyncio.sleep(0.02)
    await asyncio.to_thread(database.close)


@pytest.mark.postgres
async def test_postgres_deadlocks_are_resolved_by_trying_again(postgres_shape: str) -> None:
    database = Database(postgres_shape)
    await database.write(add("a"))
    await database.write(add("b"))
    both = threading.Barrier(2, timeout=60)
    taken = threading.Event()
    tries: list[str] = []

    def crossing(first: str, second: str) -> Callable[[Transaction], None]:
        def work(tx: Transaction) -> None:
            tries.append(first)
            taken.set()
            tx.run("UPDATE workspaces SET name = name || '+' WHERE id = ?", (first,))
            if len(tries) <= 2:
                both.wait()
            tx.run("UPDATE workspaces SET name = name || '-' WHERE id = ?", (second,))

        return work

    first = asyncio.create_task(database.write(crossing("a", "b")))
    await asyncio.to_thread(taken.wait, 60)  # one connection is, so that the other work gets another
    await asyncio.gather(first, database.write(crossing("b", "a")))
    assert len(tries) >= 3
    assert {name[0]: sorted(name[1:]) for name in names(database)} == {"a": ["+", "-"], "b": ["+", "-"]}
    await database.write(lambda tx: tx.run("DELETE FROM workspaces"))
    await asyncio.to_thread(database.close)


async def test_a_database_that_cannot_be_reached_fails_the_caller_and_not_the_writer(tmp_path: Path) -> None:
    missing = tmp_path / "not yet" / "yard.db"
    database = Database(f"sqlite:///{missing}")
    with pytest.raises(DATABASE_AWAY):
        await database.write(lambda tx: tx.rows("SELECT 1"))
    missing.parent.mkdir()
    assert await database.write(lambda tx: tx.rows("SELECT 1")) == [(1,)]
    database.close()


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused_with_what_to_do(url: str) -> None:
    with pytest.raises(Invalid, match="SENDYARD_DATABASE_URL") as refused:
        Database(url)
    assert refused.value.code == "bad_database_url"


def test_an_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(Invalid, match=r"3\.35"):
        Database(f"sqlite:///{tmp_path}/old.db")


def test_an_sqlite_file_is_written_ahead_and_synchronised(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/yard.db")
    assert database.read_now(lambda tx: tx.rows("PRAGMA journal_mode")) == [("wal",)]
    assert database.read_now(lambda tx: tx.rows("PRAGMA synchronous")) == [(2,)]
    database.close()


def test_percent_signs_and_lists_mean_the_same_on_both_engines(database: Database) -> None:
    database.write_now(add("100%"))
    database.write_now(add("50"))
    condition = database.read_now(lambda tx: tx.rows("SELECT name FROM workspaces WHERE name LIKE '%0%' ORDER BY id"))
    assert condition == [("100%",), ("50",)]

    def among(tx: Transaction) -> list[tuple[str, ...]]:
        found, parameter = tx.among(["50", "60"])
        return tx.rows(f"SELECT id FROM workspaces WHERE id {found}", (parameter,))

    assert database.read_now(among) == [("50",)]


def test_values_travel_as_a_table_of_columns(database: Database) -> None:
    words = 'quote " and \\ and ü한🙂 and line\nend'

    def work(tx: Transaction) -> list[tuple[object, ...]]:
        given, parameter = tx.each([("a", 1, NOW), (words, None, 2)], "TEXT", "INTEGER", "BIGINT")
        return tx.rows(f"SELECT c0, c1, c2 FROM {given}", (parameter,))

    assert database.read_now(work) == [("a", 1, NOW), (words, None, 2)]


def test_running_a_statement_for_no_rows_touches_none(database: Database) -> None:
    assert database.write_now(lambda tx: tx.run_many("UPDATE workspaces SET name = ?", [])) == 0
    rows = [("a", "a", NOW), ("b", "b", NOW)]
    sql = "INSERT INTO workspaces (id, name, created_at) VALUES (?, ?, ?)"
    assert database.write_now(lambda tx: tx.run_many(sql, rows)) == 2


def test_foreign_keys_hold(database: Database) -> None:
    row = {"workspace_id": "nobody", "key": "k", "fingerprint": b"", "created_at": NOW}
    with pytest.raises(sa.exc.IntegrityError):
        database.write_now(lambda tx: tx.execute(idempotency_keys.insert(), [row]))
    assert database.read_now(lambda tx: tx.execute(sa.select(workspaces.c.id)).all()) == []
