"""
Callbacks on their way to us: sent over real sockets, some at a time, repeated as the provider repeats them.
"""

import asyncio
import ipaddress
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from yarl import URL

from sendyard.providers.wire import HttpRequest, HttpResponse

_KEPT_RECORDS = 20_000


@dataclass(slots=True)
class Callback:
    """One callback, and what became of it so far."""

    provider: str
    provider_ref: str
    request: HttpRequest
    accepts: Callable[[HttpResponse], bool]  # whether our answer satisfies the provider
    retries: Sequence[float]  # seconds before each repetition
    sent_later: Callable[[HttpRequest, datetime], HttpRequest]  # the request as it leaves after a wait
    followed_by: "Callback | None" = None  # sent after the first try of this one
    first_try_is_over: bool = False
    has_waited: bool = False  # since it was made, or since its last try
    at: datetime | None = None  # of the last try
    tries: int = 0
    status: int | None = None  # of our last answer; None: none came
    accepted: bool = False
    error: str = ""


def as_document(callback: Callback) -> dict[str, Any]:
    """The callback as the control API shows it."""
    return {
        "provider": callback.provider,
        "provider_ref": callback.provider_ref,
        "method": callback.request.method,
        "url": callback.request.url,
        "at": callback.at,
        "tries": callback.tries,
        "status": callback.status,
        "accepted": callback.accepted,
        "error": callback.error,
    }


class CallbackSender:
    """
    Sends callbacks, at most `open_limit` at once, each answered within `timeout` seconds.

    Only loopback addresses and hosts in `allowed_hosts` are called: a callback address comes in a
    request, so without this anyone who reaches the emulator could have it call anything.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        open_limit: int = 100,
        timeout: float = 5.0,
        retry_scale: float = 1.0,
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """Take the clock for the records; `retry_scale` shrinks or stretches the provider's own distances."""
        self._clock = clock
        self._open_limit = open_limit
        self._timeout = timeout
        self._retry_scale = retry_scale
        self._allowed_hosts = allowed_hosts
        self._session: aiohttp.ClientSession | None = None
        self._waiting: deque[Callback] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self.records: deque[Callback] = deque(maxlen=_KEPT_RECORDS)

    @property
    def pending(self) -> int:
        """Callbacks waiting or under way."""
        return len(self._waiting) + len(self._workers) + len(self._timers)

    async def stop(self) -> None:
        """Drop what waits, break off what is under way."""
        await self.forget()
        if self._session:
            await self._session.close()
            self._session = None

    async def forget(self) -> None:
        """Drop everything waiting, under way, or recorded."""
        self._waiting.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        workers = tuple(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self.records.clear()

    def post(self, callback: Callback, *, after: float = 0.0) -> None:
        """Send `after` seconds from now, as soon as there is room."""
        if after:
            self._post_later(callback, after)
            return
        self._waiting.append(callback)
        if len(self._workers) < self._open_limit:
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def deliver(self, callback: Callback) -> None:
        """Try once now; repeat later if the answer was not satisfying."""
        if callback.tries == 0:
            self.records.append(callback)
        callback.tries += 1
        callback.at = self._clock()
        if callback.has_waited:
            callback.request, callback.has_waited = callback.sent_later(callback.request, callback.at), False
        try:
            response = await self._exchange(callback.request)
        except TimeoutError:
            callback.status, callback.error = None, f"no answer within {self._timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as wrong:
            callback.status, callback.error = None, str(wrong) or type(wrong).__name__
        else:
            callback.status, callback.error = response.status, ""
            callback.accepted = callback.accepts(response)
        if not callback.accepted and callback.tries <= len(callback.retries):
            self.post(callback, after=callback.retries[callback.tries - 1] * self._retry_scale)
        callback.first_try_is_over = True
        follower, callback.followed_by = callback.followed_by, None
        if follower:
            self.post(follower)

    async def _work(self) -> None:
        while self._waiting:
            await self.deliver(self._waiting.popleft())

    def _post_later(self, callback: Callback, after: float) -> None:
        callback.has_waited = True

        def post() -> None:
            self._timers.discard(handle)
            self.post(callback)

        handle = asyncio.get_running_loop().call_later(after, post)
        self._timers.add(handle)

    async def _exchange(self, request: HttpRequest) -> HttpResponse:
        url = URL(request.url, encoded=True)
        if not self._may_call(url.host or ""):
            raise ValueError(f"callbacks go to this machine only, not to {url.host!r}; allow the host at start-up")
        async with self._client().request(
            request.method, url, data=request.body or None, headers=request.headers, allow_redirects=False
        ) as answer:
            body = await answer.read()
            return HttpResponse(answer.status, {name.lower(): text for name, text in answer.headers.items()}, body)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._open_limit),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept-Encoding", "Content-Type"),
            )
        return self._session

    def _may_call(self, host: str) -> bool:
        if host == "localhost" or host in self._allowed_hosts:
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False
