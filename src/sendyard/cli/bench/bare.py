"""
What is left when everything that Sendyard does to a message is taken away: the floors of `accept`, `callbacks` and
`dispatch` with many recipients a request.

The same HTTP server, the same group commit and the same settings of the database; one row for each request, or the four
statements that no queue of messages does without.
"""

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import uvicorn
import uvloop

from sendyard.bootstrap import tune_interpreter
from sendyard.cli.bench.server import announced
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

_Event = MutableMapping[str, Any]
_decode = msgspec.json.Decoder(dict[str, str]).decode
_encode = msgspec.json.Encoder().encode


class _Door:
    """Keeps what a request says as one row and answers after the commit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(
        self, scope: _Event, receive: Callable[[], Awaitable[_Event]], send: Callable[[_Event], Awaitable[None]]
    ) -> None:
        del scope
        body = b""
        more = True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        said = _decode(body) if body.startswith(b"{") else dict(parse_qsl(body.decode()))
        row = (new_id(), next(iter(said.values()), ""), json.dumps(said))
        await self._database.write(lambda tx: tx.run("INSERT INTO bench_rows (id, name, body) VALUES (?, ?, ?)", row))
        answer = _encode({"id": row[0], "status": "queued"})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


async def _run(url: str) -> None:
    database = Database(url)
    try:
        await database.write(lambda tx: _table(tx, "bench_rows", "id TEXT PRIMARY KEY, name TEXT, body TEXT"))
        listening = socket.create_server(("127.0.0.1", 0))
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(
            _Door(database), http="httptools", loop="none", ws="none", lifespan="off", access_log=False, log_config=None
        )
        server = uvicorn.Server(config)
        tune_interpreter()
        serving = asyncio.create_task(server.serve([listening]))
        await asyncio.to_thread(sys.stdin.read)
        server.should_exit = True
        await serving
        await database.write(lambda tx: tx.run("DROP TABLE bench_rows"))
    finally:
        database.close()


def _table(tx: Transaction, name: str, columns: str) -> None:
    tx.run(f"DROP TABLE IF EXISTS {name}")
    tx.run(f"CREATE TABLE {name} ({columns})")


@contextlib.contextmanager
def bare_server(url: str) -> Iterator[str]:
    """Run one in a process of its own, over a database that nobody else uses; yields its address."""
    with announced("sendyard.cli.bench.bare", url) as port:
        yield f"http://127.0.0.1:{port}"


def bare_statements(url: str, messages: int, batch: int) -> float:
    """
    Seconds that it takes to move so many messages through a queue, without anything around it.

    For each batch: one commit that takes due messages and marks them, one that marks them as sent and adds a row for
    the attempt and one for the event. The database is empty, or nobody else uses its tables `bench_…`.
    """
    database = Database(url)
    try:
        database.write_now(_tables)
        rows = [(new_id(), f"Kim {index}, your order arrives on 24 Nov") for index in range(messages)]
        for start in range(0, messages, 2000):
            chunk = rows[start : start + 2000]
            insert = "INSERT INTO bench_messages (id, status, due_at, body) VALUES (?, 'queued', 1, ?)"
            database.write_now(lambda tx, chunk=chunk, insert=insert: tx.run_many(insert, chunk))  # type: ignore[misc]
        started = time.perf_counter()
        while ids := database.write_now(lambda tx: _take(tx, batch)):
            database.write_now(lambda tx, ids=ids: _note(tx, ids))  # type: ignore[misc]
        return time.perf_counter() - started
    finally:
        database.close()


def _tables(tx: Transaction) -> None:
    sequence = "INTEGER PRIMARY KEY" if tx.dialect == "sqlite" else "BIGSERIAL PRIMARY KEY"
    _table(tx, "bench_messages", "id TEXT PRIMARY KEY, status TEXT, due_at BIGINT, body TEXT")
    tx.run("CREATE INDEX ix_bench_due ON bench_messages (due_at) WHERE due_at IS NOT NULL")
    _table(tx, "bench_attempts", "id TEXT PRIMARY KEY, message_id TEXT, provider_ref TEXT")
    _table(tx, "bench_events", f"seq {sequence}, message_id TEXT, kind TEXT, at BIGINT")


def _take(tx: Transaction, batch: int) -> list[str]:
    due = tx.one_of("SELECT id FROM bench_messages WHERE due_at <= 1 ORDER BY due_at LIMIT ?")
    sql = f"UPDATE bench_messages SET status = 'sending', due_at = NULL WHERE id {due} RETURNING id"  # noqa: S608 - ours
    return [row[0] for row in tx.rows(sql, (batch,))]


def _note(tx: Transaction, ids: list[str]) -> None:
    at = now_ms()
    tx.run_many("UPDATE bench_messages SET status = 'sent' WHERE id = ?", [(id_,) for id_ in ids])
    tx.run_many(
        "INSERT INTO bench_attempts (id, message_id, provider_ref) VALUES (?, ?, ?)",
        [(f"{id_}-1", id_, f"ref-{id_}") for id_ in ids],
    )
    tx.run_many("INSERT INTO bench_events (message_id, kind, at) VALUES (?, 'accepted', ?)", [(id_, at) for id_ in ids])


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1]))
