"""
What every test gets: no connection leaves this machine, and PostgreSQL is there for those who ask.
"""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest
import uvloop

from sendyard.delivery.transport import Transport
from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.databases import PostgresDatabases
from tests.throwaway_postgres import PostgresUnavailableError, shared_server


class OutsideConnectionError(RuntimeError):
    """
    A test tried to reach another machine; point the account's `base_url` at an emulator.

    Not an OSError: code that treats those as "the provider is away" must not hide it.
    """


def is_loopback(address: object) -> bool:
    """Whether a socket address (a path, or a tuple that begins with a host) stays on this machine."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"}


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, address: object) -> object:
        if not is_loopback(address):
            raise OutsideConnectionError(f"a test tried to connect to {address}")
        return method(self, address)

    return connect


class GuardedLoop(uvloop.Loop):
    """The product's event loop, which connects without asking Python's sockets, with the same guard."""

    async def create_connection(self, protocol_factory: Any, host: Any = None, *rest: Any, **named: Any) -> Any:
        """Connect to this machine only."""
        if host is not None and not is_loopback((host,)):
            raise OutsideConnectionError(f"a test tried to connect to {host}")
        return await super().create_connection(protocol_factory, host, *rest, **named)


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], Any]]:
    """Every test runs on the event loop the product runs on."""
    del config, item
    return {"uvloop": GuardedLoop}


async def _guarded_exchange(self: Transport, request: HttpRequest, timeout: Timeout) -> HttpResponse:  # noqa: ASYNC109
    # The client's sockets are not Python's, so that only its address tells where it goes. Names under `.invalid`
    # lead nowhere by definition.
    host = urlsplit(request.url).hostname or ""
    if not is_loopback((host,)) and not host.endswith(".invalid"):
        raise OutsideConnectionError(f"a test tried to connect to {host}")
    return await _exchange(self, request, timeout)


_exchange = Transport.exchange


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Refuse every connection to anything but this machine, for the whole run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", _guarded(socket.socket.connect_ex))
        patch.setattr(Transport, "exchange", _guarded_exchange)
        yield


def do_without_postgres(error: PostgresUnavailableError, *, in_ci: bool) -> NoReturn:
    """Skip with the reason; in CI, where every part must be there, fail with it."""
    if in_ci:
        raise error
    pytest.skip(f"PostgreSQL cannot run here: {error}")


@pytest.fixture(scope="session")
def full_size() -> bool:
    """Whether long tests run at the size of `make chaos` instead of one that suits every run."""
    return os.environ.get("SENDYARD_TEST_SIZE") == "full"


@pytest.fixture(scope="session")
def postgres_databases(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[PostgresDatabases]:
    """
    The run's one PostgreSQL server, also among parallel workers, as a maker of databases.

    Where it cannot run: a failure in CI, elsewhere a skip that says why.
    """
    base = tmp_path_factory.getbasetemp()
    run_directory = base if worker_id == "master" else base.parent
    try:
        with shared_server(run_directory / "postgres") as url:
            yield PostgresDatabases(url, worker_id)
    except PostgresUnavailableError as error:
        do_without_postgres(error, in_ci=bool(os.environ.get("CI")))


@pytest.fixture(scope="session")
def postgres_url(postgres_databases: PostgresDatabases) -> Iterator[str]:
    """The URL of an empty database of this worker's own, shared by its tests."""
    url = postgres_databases.create()
    yield url
    postgres_databases.drop(url)


@pytest.fixture
def fresh_postgres_url(postgres_databases: PostgresDatabases) -> Iterator[str]:
    """The URL of an empty database for this test alone."""
    url = postgres_databases.create()
    yield url
    postgres_databases.drop(url)
