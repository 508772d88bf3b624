"""
The only HTTP client. It tells apart what certainly was not sent from what may have been.
"""

import re
from datetime import timedelta
from functools import lru_cache
from types import TracebackType
from typing import Self

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import BuilderError, DetailedPyreqwestError, PyreqwestError
from pyreqwest.response import Response

from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest, HttpResponse

_LARGEST_ANSWER = 8 * 1024 * 1024  # bytes; no provider documents anything near it
_CONNECTING = "client error (Connect)"
_NUMBER = re.compile(r" \(os error [0-9]+\)")
_KEEP_ALIVE = 8.0  # seconds: below what servers usually grant, so that a dying connection is not reused


class NotSent(Exception):
    """The connection failed before a byte of the request was written: the provider cannot have it."""


class Lost(Exception):
    """The request left, or may have left, and no whole answer came back."""


class Transport:
    """
    Moves requests and responses; knows nothing of providers. Use it from one event loop.

    Sockets and TLS are worked outside the interpreter's lock (reqwest), so that a round trip costs the event loop
    a fifth of what a client in Python takes.
    """

    def __init__(self, *, pinned: tuple[str, str, int] | None = None) -> None:
        """
        Open nothing yet: a client belongs to the loop that first uses it.

        `pinned` names a host with the address and port at which it is asked, whatever name servers say.
        """
        self._pinned = pinned
        self._clients: dict[float, Client] = {}

    async def __aenter__(self) -> Self:
        """Use as a context to have it closed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def exchange(self, request: HttpRequest, timeout: Timeout) -> HttpResponse:  # noqa: ASYNC109 - per provider
        """
        Send one request and read the whole answer. Redirects are answers, not followed.

        Raises:
            NotSent: nothing was written.
            Lost: anything later.
        """
        client = self._clients.get(timeout.connect) or self._open(timeout.connect)
        try:
            asking = client.request(request.method, request.url).headers(request.headers)
            if request.body:
                asking = asking.body_bytes(request.body)
            asking = asking.timeout(_limit(timeout.total))
        except (BuilderError, ValueError) as error:
            raise NotSent("no connection: the account's address or a header is not one that can be sent") from error
        try:
            async with asking.build_streamed() as response:
                body = await _whole(response)
                return HttpResponse(response.status, _headers(response), body)
        except (PyreqwestError, OSError, ValueError) as error:
            if _was_connecting(error):
                raise NotSent(f"no connection: {_words(error)}") from error
            if isinstance(error, TimeoutError):
                raise Lost(f"no answer within {timeout.total:g} s") from error
            raise Lost(f"the connection broke: {_words(error)}") from error

    async def close(self) -> None:
        """Close every connection."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    def _open(self, connect: float) -> Client:
        # The engine limits open requests by account; a second limit here would let one wait for another.
        builder = ClientBuilder()
        if self._pinned is not None:
            builder = builder.resolve(*self._pinned)
        client = (
            builder.user_agent("sendyard")
            .follow_redirects(enable=False)
            .referer(enable=False)
            .no_proxy()
            .connect_timeout(timedelta(seconds=connect))
            .pool_idle_timeout(timedelta(seconds=_KEEP_ALIVE))
            .build()
        )
        self._clients[connect] = client
        return client


async def _whole(response: Response) -> bytes:
    length = response.get_header("content-length")
    if length is not None and length.isdecimal() and int(length) <= _LARGEST_ANSWER and _is_plain(response):
        return bytes(await response.bytes())
    body = bytearray()
    while (chunk := await response.body_reader.read_chunk()) is not None:
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise Lost(f"the answer is larger than {_LARGEST_ANSWER} bytes")
    return bytes(body)


def _is_plain(response: Response) -> bool:
    # The length is that of the compressed bytes, which says nothing about how much they hold.
    return response.get_header("content-encoding") is None


def _headers(response: Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


@lru_cache(maxsize=256)
def _limit(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _was_connecting(error: Exception) -> bool:
    """
    Whether the error is reqwest's for a connection that did not come about: the one proof that nothing was written.

    The class of the error is none: a connection that breaks in the middle is a `ConnectError` as well.
    """
    if not isinstance(error, DetailedPyreqwestError):
        return False
    return any(cause["message"] == _CONNECTING for cause in error.details["causes"] or ())


def _words(error: BaseException) -> str:
    # Some of these carry the URL, and a URL can carry a key; the last cause, such as a refused connection, does not.
    if isinstance(error, DetailedPyreqwestError) and (causes := error.details["causes"]):
        said = _NUMBER.sub("", causes[-1]["message"])
        if "://" not in said:
            return said
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
