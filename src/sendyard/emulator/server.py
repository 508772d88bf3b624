"""
The emulator server: every provider under `/<slug>` and the control API under `/_control`, on one port.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Self

from sendyard.emulator.callbacks import CallbackSender
from sendyard.emulator.connection import Answer, Handler, HttpConnection, WireRequest
from sendyard.emulator.control import PREFIX, Control, problem
from sendyard.emulator.reports import Pace
from sendyard.emulator.world import World, utc_now
from sendyard.providers.emulation import Emulator
from sendyard.providers.registry import emulators
from sendyard.providers.wire import HttpResponse

logger = logging.getLogger(__name__)

_BACKLOG = 1024
_DEFECT = problem(500, "The emulator failed", "This is a defect of the emulator; its log has the details.")


class EmulatorServer:
    """
    A local stand-in for all providers; also `async with EmulatorServer() as server`.

    `port` 0 takes a free one; with `control_port` the control API has that port to itself; with
    `reports` False accepted messages are never heard of again (for measuring submits alone);
    `retry_scale` shrinks the distances at which providers repeat callbacks; `callback_hosts` may be
    called besides this machine.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        control_port: int | None = None,
        seed: int | str = 0,
        clock: Callable[[], datetime] = utc_now,
        pace: Pace | None = None,
        reports: bool = True,
        callback_limit: int = 100,
        callback_timeout: float = 5.0,
        retry_scale: float = 1.0,
        callback_hosts: frozenset[str] = frozenset(),
        providers: Mapping[str, Emulator] | None = None,
    ) -> None:
        """Prepare; nothing listens before `start`."""
        self._host = host
        self._port = port
        self._control_port = control_port
        self._servers: list[asyncio.Server] = []
        self._connections: set[HttpConnection] = set()
        sender = CallbackSender(
            clock,
            open_limit=callback_limit,
            timeout=callback_timeout,
            retry_scale=retry_scale,
            allowed_hosts=callback_hosts,
        )
        self.world = World(
            emulators() if providers is None else providers,
            sender,
            seed=str(seed),
            clock=clock,
            pace=pace,
            reports=reports,
        )
        self._control = Control(self.world, self.base_url)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """Address of the server, without a slash at the end; known once it has started."""
        return _address(self._host, self._port)

    @property
    def control_url(self) -> str:
        """Address of the control API, `/_control` included."""
        port = self._port if self._control_port is None else self._control_port
        return _address(self._host, port) + PREFIX

    def base_url(self, slug: str) -> str:
        """What an account's `base_url` must be to reach this provider here."""
        return f"{self.url}/{slug}{self.world.hosted[slug].emulator.base_path}"

    async def start(self) -> None:
        """Listen. Raises OSError when a port is taken."""
        try:
            self._port = await self._listen(self._port, self._answer)
            if self._control_port is not None:
                self._control_port = await self._listen(self._control_port, self._answer_control_only)
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close every socket; reports and callbacks still to come are dropped."""
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.close()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        self.world.reporter.forget()
        await self.world.sender.stop()

    async def _listen(self, port: int, handler: Handler) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: HttpConnection(_guarded(handler), self._connections), self._host, port, backlog=_BACKLOG
        )
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    def _answer(self, request: WireRequest) -> HttpResponse | Awaitable[Answer]:
        slug, slash, rest = request.path[1:].partition("/")
        hosted = self.world.hosted.get(slug)
        if hosted is not None:
            return self.world.answer(hosted, request, slash + rest)
        if slug == PREFIX[1:] and self._control_port is None:
            return self._control.answer(request)
        known = ", ".join(f"/{name}" for name in self.world.hosted)
        return problem(404, "Not found", f"There is no {request.path}; providers are at {known}, control at {PREFIX}.")

    def _answer_control_only(self, request: WireRequest) -> HttpResponse | Awaitable[Answer]:
        if request.path.startswith(f"{PREFIX}/"):
            return self._control.answer(request)
        return problem(404, "Not found", f"There is no {request.path}; this port has only {PREFIX}.")


def _guarded(handler: Handler) -> Handler:
    """A defect of an emulator becomes a logged 500 instead of a connection that never answers."""

    def answer(request: WireRequest) -> HttpResponse | Awaitable[Answer]:
        try:
            answered = handler(request)
        except Exception:
            logger.exception("the emulator failed at %s %s", request.method, request.path)
            return _DEFECT
        return answered if isinstance(answered, HttpResponse) else later(request, answered)

    async def later(request: WireRequest, answered: Awaitable[Answer]) -> Answer:
        try:
            return await answered
        except Exception:
            logger.exception("the emulator failed at %s %s", request.method, request.path)
            return _DEFECT

    return answer


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
