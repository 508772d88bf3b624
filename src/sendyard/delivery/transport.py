"""
The only HTTP client. It tells apart what certainly was not sent from what may have been.
"""

from functools import lru_cache
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest, HttpResponse

_LARGEST_ANSWER = 8 * 1024 * 1024  # bytes; no provider documents anything near it
_KEEP_ALIVE = 8.0  # seconds: below what servers usually grant, so that a dying connection is not reused


class NotSent(Exception):
    """The connection failed before a byte of the request was written: the provider cannot have it."""


class Lost(Exception):
    """The request left, or may have left, and no whole answer came back."""


class Transport:
    """Moves requests and responses; knows nothing of providers. Use it from one event loop."""

    def __init__(self) -> None:
        """Open nothing yet: the session belongs to the loop that first uses it."""
        self._session: aiohttp.ClientSession | None = None

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
        session = self._session or self._open()
        url = _address(request.url)
        try:
            async with session.request(
                request.method,
                url,
                data=request.body or None,
                headers=request.headers,
                allow_redirects=False,
                timeout=_limits(timeout),
            ) as response:
                body = await self._whole(response)
                return HttpResponse(
                    response.status, {name.lower(): value for name, value in response.headers.items()}, body
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotSent(f"no connection: {_words(error)}") from error
        except TimeoutError as error:
            raise Lost(f"no answer within {timeout.total:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Lost(f"the connection broke: {_words(error)}") from error

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        # The engine limits open requests by account; a second limit here would let one wait for another.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE, ttl_dns_cache=60)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            skip_auto_headers=("Content-Type",),
            headers={"User-Agent": "sendyard"},
        )
        return self._session

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        length = response.content_length
        if length is not None and length <= _LARGEST_ANSWER:
            return await response.read()
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > _LARGEST_ANSWER:
                raise Lost(f"the answer is larger than {_LARGEST_ANSWER} bytes")
        return bytes(body)


@lru_cache(maxsize=256)
def _limits(timeout: Timeout) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=timeout.total, sock_connect=timeout.connect)


@lru_cache(maxsize=1024)
def _address(text: str) -> URL:
    try:
        url = URL(text, encoded=True)
        usable = url.host and url.port
    except ValueError as error:
        raise NotSent("no connection: the account's address is not one") from error
    if not usable:
        raise NotSent("no connection: the account's address names no host")
    return url


def _words(error: BaseException) -> str:
    # Some of these carry the URL, and a URL can carry a key.
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
