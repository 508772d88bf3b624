"""
One client connection of the emulator server: HTTP/1.1 with keep-alive, and the ways an answer can fail to come.

Written on the bare transport, because scenarios need what web frameworks hide: a true reset, silence, garbage.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import httptools

from sendyard.providers.wire import HttpResponse

MAX_BODY_BYTES = 16 * 1024 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request as it came; `path` and `query` are still percent-encoded, header names lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer for so many seconds, then the connection is closed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The connection is reset (TCP RST)."""


Answer = HttpResponse | Silence | Disconnect
Handler = Callable[[WireRequest], HttpResponse | Awaitable[Answer]]


class HttpConnection(asyncio.Protocol):
    """Answers the requests of one connection in their order; a handler may answer at once or later."""

    def __init__(self, handler: Handler, open_connections: "set[HttpConnection]") -> None:
        """Take what answers, and the set this connection keeps itself in while it is open."""
        self._handler = handler
        self._open_connections = open_connections
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._waiting: deque[tuple[WireRequest, bool]] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._open_connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client; an answer under way is not finished."""
        del exc
        self._open_connections.discard(self)
        if self._answering:
            self._answering.cancel()

    def close(self) -> None:
        """Cut the connection without waiting for anything."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read; anything but HTTP/1 is answered 400."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as wrong:
            self._refuse(400, f"Expected HTTP/1.1, found something else: {wrong}")

    def on_message_begin(self) -> None:
        """Called by the parser: a new request starts."""
        self._target = b""
        self._headers = {}
        self._body = []
        self._body_size = 0

    def on_url(self, url: bytes) -> None:
        """Called by the parser: the request target, perhaps in pieces."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser: one header."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Called by the parser: the body may come."""
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Called by the parser: a piece of the body."""
        self._body_size += len(body)
        if self._body_size <= MAX_BODY_BYTES:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser: the request is whole."""
        if self._body_size > MAX_BODY_BYTES:
            self._refuse(413, f"A body may have {MAX_BODY_BYTES} bytes, this one has {self._body_size}")
            return
        path, _, query = self._target.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("ascii")
        request = WireRequest(method, path, query, self._headers, b"".join(self._body))
        keep_alive = self._parser.should_keep_alive()
        if self._answering:
            self._waiting.append((request, keep_alive))
            return
        answer = self._handler(request)
        if isinstance(answer, HttpResponse):
            self._respond(request, answer, keep_alive=keep_alive)
        else:
            self._answering = self._loop.create_task(self._answer_in_order(request, answer, keep_alive=keep_alive))

    async def _answer_in_order(
        self, request: WireRequest, answer: HttpResponse | Awaitable[Answer], *, keep_alive: bool
    ) -> None:
        while True:
            settled = answer if isinstance(answer, HttpResponse) else await answer
            if isinstance(settled, HttpResponse):
                self._respond(request, settled, keep_alive=keep_alive)
            elif isinstance(settled, Disconnect):
                self._reset()
            else:
                await asyncio.sleep(settled.seconds)
                self.close()
            if not self._waiting or self._transport.is_closing():
                self._answering = None
                return
            request, keep_alive = self._waiting.popleft()
            answer = self._handler(request)

    def _respond(self, request: WireRequest, response: HttpResponse, *, keep_alive: bool) -> None:
        self._transport.write(encode(response, keep_alive=keep_alive, with_body=request.method != "HEAD"))
        if not keep_alive:
            self._transport.close()

    def _reset(self) -> None:
        # Closing with SO_LINGER of zero makes the kernel send RST instead of FIN.
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def _refuse(self, status: int, why: str) -> None:
        answer = HttpResponse(status, {"content-type": "text/plain; charset=utf-8"}, why.encode())
        self._transport.write(encode(answer, keep_alive=False))
        self._transport.close()


def encode(response: HttpResponse, *, keep_alive: bool = True, with_body: bool = True) -> bytes:
    """The bytes of an answer; length and connection headers are this function's, whatever the emulator set."""
    bodiless = response.status in {204, 304}
    head = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unassigned')}"]
    head += [
        f"{name}: {value}"
        for name, value in response.headers.items()
        if name.lower() not in {"content-length", "connection", "transfer-encoding"}
    ]
    if not bodiless:
        head.append(f"content-length: {len(response.body)}")
    if not keep_alive:
        head.append("connection: close")
    lines = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n"
    return lines if bodiless or not with_body else lines + response.body
