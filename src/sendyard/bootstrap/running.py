"""
Runs a process from settings until it is told to stop.
"""

import asyncio
import contextlib
import fcntl
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import uvicorn

from sendyard.api.application import Application
from sendyard.api.gathering import GatheringProtocol
from sendyard.bootstrap.doors import application
from sendyard.bootstrap.yard import Role, Yard
from sendyard.domain.errors import Conflict, Invalid
from sendyard.settings import Settings

_SHUTDOWN = 10  # seconds a caller's open request may still take


@dataclass(frozen=True, slots=True)
class Started:
    """What a person wants to know once the process works."""

    role: Role
    address: str  # of the web side; "" without one
    first_key: str  # a live API key, shown this once; "" when this was not the first start


async def run(
    settings: Settings, role: Role = "all", *, announce: Callable[[Started], None], stop: asyncio.Event | None = None
) -> None:
    """
    Run one process until it is told to stop: by SIGINT or SIGTERM, or by `stop` when given.

    Args:
        settings: the process's configuration.
        role: which half, or both.
        announce: called once when everything works.
        stop: for callers that handle signals themselves, and for threads, which cannot.

    Raises:
        Invalid: the configuration is not usable, or the role needs another database.
        Conflict: another process has this SQLite database, or the address is taken.
    """
    with only_process(settings, role), Yard(settings) as yard:
        await serve(yard, role, announce=announce, stop=stop)


async def serve(
    yard: Yard, role: Role = "all", *, announce: Callable[[Started], None], stop: asyncio.Event | None = None
) -> None:
    """Like `run`, with objects that the caller built, and closes after the end."""
    stop = stop or _stopped_by_signal()
    sock = None if role == "worker" else _listen(yard.settings)
    server = _server(application(yard, role)) if sock else None
    # The key is shown only once, so nothing that can still fail stands between making and telling it.
    first_key = await yard.first_start()
    background = asyncio.create_task(yard.work(role))
    serving = asyncio.create_task(server.serve([sock])) if server and sock else None
    try:
        tune_interpreter()
        announce(Started(role, _address(sock) if sock else "", first_key))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, background, *({serving} if serving else ())},
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        stopping.cancel()
    finally:
        if server and serving:
            server.should_exit = True
            await serving
        background.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await background
        await yard.transport.close()


def tune_interpreter() -> None:
    """
    Set the garbage collector and the interpreter's lock for one busy loop beside one busy writer.

    Sending makes many short-lived objects and hardly a cycle among them: at the default thresholds a third of a
    hand-over went into walking what lives as long as the process. And the writer, which gives the lock up at each
    statement, waited 5 ms to have it back; with 0.5 ms batches leave a third faster (docs/benchmarks.md).
    """
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


@contextlib.contextmanager
def only_process(settings: Settings, role: Role) -> Iterator[None]:
    """
    Keep a second process away from a SQLite database: it would take the first one's open messages for lost.

    Raises:
        Invalid: web and worker apart need PostgreSQL.
        Conflict: another process serves this database.
    """
    file = settings.sqlite_file
    if file is None:
        yield
        return
    if role != "all":
        detail = f"`sendyard {role}` shares its database with other processes, which needs PostgreSQL; "
        raise Invalid("needs_postgresql", detail + "set SENDYARD_DATABASE_URL, or use `sendyard serve`.")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.with_name(f"{file.name}.lock").open("a") as lock:
        _take(lock, file)
        yield


def _take(lock: IO[str], file: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        detail = f"Another process serves {file} already; stop it first, or use another SENDYARD_DATA_DIR."
        raise Conflict("already_running", detail) from None


class _Server(uvicorn.Server):
    """Leaves signals to `run`, which also has a sending side to end in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: Application) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            app,
            http=GatheringProtocol,
            loop="none",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_SHUTDOWN,
        )
    )


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise Conflict(
            "address_not_available",
            f"Cannot listen on {settings.host} port {settings.port}: {error.strerror or error}. "
            "Choose another with --port or SENDYARD_PORT.",
        ) from None


def _address(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _stopped_by_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
