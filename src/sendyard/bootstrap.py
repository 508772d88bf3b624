"""
Builds every object once, from settings, and runs them: the only place that knows all packages.
"""

import asyncio
import contextlib
import fcntl
import gc
import json
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal, Self

import uvicorn

from sendyard.api.access import Access
from sendyard.api.application import Application
from sendyard.api.audience import Audience
from sendyard.api.callbacks import Callbacks
from sendyard.api.campaigns import CampaignDoor
from sendyard.api.catalogue import CatalogueDoor
from sendyard.api.connections import Connections
from sendyard.api.desk import Desk
from sendyard.api.drafting import Drafting
from sendyard.api.events import Events
from sendyard.api.gathering import GatheringProtocol
from sendyard.api.groups import Groups
from sendyard.api.health import Health
from sendyard.api.messages import Messages
from sendyard.api.one_time import OneTime
from sendyard.api.people import People
from sendyard.api.preflight import Preflight
from sendyard.api.templates import TemplateDoor
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.dispatcher import Dispatcher
from sendyard.delivery.ingest import Ingest
from sendyard.delivery.intake import Intake
from sendyard.delivery.policy import Policy, RetryDelays
from sendyard.delivery.poller import Poller
from sendyard.delivery.recovery import Recovery
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.errors import Conflict, Invalid
from sendyard.features.audience import (
    Arrivals,
    Census,
    Consents,
    Contacts,
    CustomFields,
    Erasing,
    Files,
    Imports,
    Lists,
    Merging,
    Segments,
    Suppressions,
)
from sendyard.features.campaigns import Campaigns, Expander
from sendyard.features.connections import Accounts, Routes
from sendyard.features.otp import OneTimeCodes
from sendyard.features.people import ApiKeys, Workspaces
from sendyard.features.templates import Catalogue, Submissions, Templates
from sendyard.ledger.reports import forget_unmatched
from sendyard.providers.wire import HttpRequest, HttpResponse
from sendyard.settings import Settings
from sendyard.storage import idempotency, migrations
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.vault import Vault, generate_key

Role = Literal["all", "web", "worker"]
"""Everything in one process, only the web side, or only the sending side."""

_RESTART_DELAYS = (1.0, 2.0, 5.0, 15.0, 30.0)  # seconds before the sending side is built anew
_REFRESH = 1.0
_UNMATCHED_MS = 7 * 86_400_000  # a provider's report that finds no message within a week never will
_TIDY = 3600.0
_CATALOGUES = 60.0  # how often is looked for accounts whose hour has passed
_SHUTDOWN = 10  # seconds a caller's open request may still take

_log = logging.getLogger("sendyard")


@dataclass(frozen=True, slots=True)
class Started:
    """What a person wants to know once the process works."""

    role: Role
    address: str  # of the web side; "" without one
    first_key: str  # a live API key, shown this once; "" when this was not the first start


class Yard:
    """
    Every object of one process. Opening it creates or migrates the database and makes a key ring if there is none.

    `close` it at the end; or use it as a context.
    """

    def __init__(self, settings: Settings, *, delays: RetryDelays | None = None) -> None:
        """
        Open the database and build what rests on it; `delays` replaces the usual waits between tries.

        Raises:
            Invalid: the database URL or the key ring is not usable.
        """
        self.settings = settings
        self._delays = delays
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.vault = Vault(key_ring(settings))
        self.database = Database(settings.effective_database_url)
        migrations.upgrade(self.database)
        self.directory = Directory(self.database, self.vault, settings.public_url)
        self.directory.load_now()
        self.transport = Transport()
        self.tokens = Tokens(self.transport)
        self.engine: Dispatcher | None = None
        self._engine_complaint = "It has not started yet."
        self.policy = Policy(usable=self._is_usable, jitter=random.Random().random)  # noqa: S311 - nothing secret
        self.ingest = Ingest(self.database, self.directory, self.policy)
        self.intake = Intake(self.database, self.directory)
        self.keys = ApiKeys(self.database)
        self.workspaces = Workspaces(self.database)
        self.accounts = Accounts(self.database, self.vault, self.directory, self._exchange, self.tokens)
        self.routes = Routes(self.database, self.directory)
        self.templates = Templates(self.database, self.directory)
        self.catalogue = Catalogue(self.database, self.directory, self.transport, self.tokens)
        self.submissions = Submissions(self.database, self.directory, self.templates, self.transport, self.tokens)
        self.suppressions = Suppressions(self.database)
        self.consents = Consents(self.database)
        address_keys = self.directory.address_keys
        self.contacts = Contacts(self.database, address_keys)
        self.merging = Merging(self.database)
        self.erasing = Erasing(self.database, address_keys)
        self.contact_fields = CustomFields(self.database)
        self.imports = Imports(self.database, address_keys)
        self.files = Files(self.imports, self.contact_fields)
        self.lists = Lists(self.database)
        self.census = Census(self.database)
        self.segments = Segments(self.database, self.census)
        self.arrivals = Arrivals(self.database, address_keys)
        self.one_time_codes = OneTimeCodes(
            self.database, self.directory, self.intake, self.templates, self.vault, self._exchange, self.tokens
        )
        self.campaigns = Campaigns(self.database, self.directory)
        self.expander = Expander(self.database, self.directory)

    def __enter__(self) -> Self:
        """Use as a context to have it closed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Finish what is being written and close the database."""
        self.database.close()

    def application(self, role: Role = "all") -> Application:
        """The web side as an ASGI application."""
        drafting = Drafting(self.templates)
        doors = (
            Messages(self.database, self.directory, self.intake, drafting),
            Preflight(self.directory, self.intake, drafting),
            CampaignDoor(self.campaigns),
            OneTime(self.one_time_codes),
            Connections(self.accounts, self.routes),
            TemplateDoor(self.templates),
            CatalogueDoor(self.catalogue, self.submissions),
            Audience(self.suppressions, self.consents),
            People(self.contacts, self.merging, self.erasing, self.segments, self.contact_fields, self.imports),
            Groups(self.lists, self.segments),
            Access(self.keys),
            Events(self.database),
        )
        return Application(
            Desk(self.database, self.keys, self.vault),
            [operation for door in doors for operation in door.operations()],
            Callbacks(self.ingest, self.settings.public_url),
            Health(self.database, self.directory, lambda: self._complaints(role)),
        )

    async def first_start(self) -> str:
        """Make the first workspace with a live key, and give the key; "" when there is a workspace already."""
        workspace, made = await self.workspaces.first()
        if not made:
            return ""
        await self.directory.refresh()
        created = await self.keys.create(workspace["id"], name="first key")
        return str(created["key"])

    async def work(self, role: Role) -> None:
        """Run what works in the background until cancelled; a part that fails is logged and started anew."""
        async with asyncio.TaskGroup() as group:
            if role != "worker":
                group.create_task(self.census.run())
            if role == "web":
                group.create_task(self._repeat("directory", _REFRESH, self.directory.refresh))
                return
            group.create_task(self._send())
            group.create_task(self.expander.run())
            group.create_task(self.arrivals.run())
            group.create_task(self._repeat("tidying", _TIDY, self.tidy))
            group.create_task(self._repeat("listing of templates", _CATALOGUES, self.catalogue.sync_due))

    async def _send(self) -> None:
        failures = 0
        while True:
            owner = f"{socket.gethostname()}-{os.getpid()}-{new_id()}"
            dispatcher = Dispatcher(
                self.database, self.directory, self.transport, owner=owner, delays=self._delays, tokens=self.tokens
            )
            recovery = Recovery(self.database, self.directory, self.transport, dispatcher, owner=owner)
            poller = Poller(self.database, self.directory, self.transport, self.ingest, tokens=self.tokens)
            self.engine = dispatcher
            try:
                await recovery.start()
                self._engine_complaint = ""
                async with asyncio.TaskGroup() as group:
                    for part in (dispatcher, recovery, poller):
                        group.create_task(part.run())
            except Exception:  # noqa: BLE001 - whatever it is, messages must move again
                delay = _RESTART_DELAYS[min(failures, len(_RESTART_DELAYS) - 1)]
                self._engine_complaint = f"It failed and starts again within {delay:.0f} s; see the log."
                _log.exception("sending failed and starts again in %.0f s", delay)
                failures += 1
                await asyncio.sleep(delay)
            finally:
                self.engine = None

    async def _repeat(self, name: str, pause: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001 - the next round may work
                _log.exception("%s failed and is tried again", name)
                await asyncio.sleep(_REFRESH)
            await asyncio.sleep(pause)

    async def tidy(self) -> None:
        """Forget what is kept for a time only."""
        now = now_ms()
        await self.database.write(lambda tx: idempotency.forget_old(tx, now=now))
        await self.database.write(lambda tx: forget_unmatched(tx, before=now - _UNMATCHED_MS))
        await self.one_time_codes.tidy()
        await self.contacts.tidy()

    async def _exchange(self, entry: AccountEntry, request: HttpRequest) -> HttpResponse:
        try:
            return await self.transport.exchange(request, entry.adapter.spec.timeout)
        except (NotSent, Lost) as error:
            raise ConnectionError(str(error)) from error

    def _is_usable(self, account_id: str) -> bool:
        if self.engine is not None:
            return self.engine.usable(account_id)
        entry = self.directory.account(account_id)
        return entry is not None and entry.is_active

    def _complaints(self, role: Role) -> Mapping[str, str]:
        return {} if role == "web" else {"sending": self._engine_complaint}


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
    server = _server(yard.application(role)) if sock else None
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


def key_ring(settings: Settings) -> Sequence[str]:
    """
    The keys that encrypt credentials, newest first: from the environment, else from the file, made if absent.

    Raises:
        Invalid: others may read the file.
    """
    if given := settings.secret_keys.get_secret_value():
        return [key for part in given.split(",") if (key := part.strip())]
    file = settings.key_ring_file
    if not file.exists():
        _make_key_file(file)
    if file.stat().st_mode & 0o077:
        raise Invalid("exposed_key_ring", f"Expected {file} to be readable by its owner only; run: chmod 600 {file}")
    return file.read_text(encoding="ascii", errors="replace").split()


def _make_key_file(file: Path) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as output:
        output.write(generate_key() + "\n")
        output.flush()
        os.fsync(output.fileno())
    # A link appears whole or not at all; a process that was faster keeps its own ring.
    with contextlib.suppress(FileExistsError):
        file.hardlink_to(draft)
    draft.unlink()


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


def _server(application: Application) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            application,
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


class JsonLines(logging.Formatter):
    """One JSON document a line, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, source and message; a traceback as one text."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(settings: Settings) -> None:
    """Write logs to standard error in the form the settings name; replaces earlier handlers."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    # Alembic tells of every migration and uvicorn of every start; both are of interest to developers only.
    for chatty in ("alembic", "uvicorn", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
