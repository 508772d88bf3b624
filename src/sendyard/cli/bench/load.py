"""
A load generator that costs little: prepared bytes over kept connections, one request after the other on each.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Measured:
    """What came back: seconds in all, seconds of each request in ascending order, answers by status."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    def percentile(self, share: float) -> float:
        """The latency in milliseconds that `share` of the requests stayed under."""
        return round(1000 * self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))], 2)


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], measured: Measured, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._measured = measured
        self._done = done
        self._pending = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._pending += data
        end = self._pending.find(b"\r\n\r\n")
        if end < 0:
            return
        found = _LENGTH.search(self._pending, 0, end + 2)
        if len(self._pending) < end + 4 + (int(found[1]) if found else 0):
            return
        status = int(self._pending[9:12])
        self._measured.statuses[status] = self._measured.statuses.get(status, 0) + 1
        self._measured.latencies.append(time.perf_counter() - self._sent_at)
        self._pending = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if self._transport is None:
            return
        if request is None:
            if not self._done.done():
                self._done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


async def fire(address: str, requests: Sequence[bytes], connections: int) -> Measured:
    """Send every request over so many connections; raises ConnectionError when one breaks."""
    parts = urlsplit(address)
    measured = Measured()
    loop = asyncio.get_running_loop()
    left = iter(requests)
    waits = [loop.create_future() for _ in range(connections)]
    started = time.perf_counter()
    for done in waits:
        await loop.create_connection(
            lambda done=done: _Connection(left, measured, done),  # type: ignore[misc]
            parts.hostname or "127.0.0.1",
            parts.port or 80,
        )
    await asyncio.gather(*waits)
    measured.seconds = time.perf_counter() - started
    measured.latencies.sort()
    return measured


def http_bytes(method: str, address: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """One request as it goes over the wire."""
    lines = {"Host": urlsplit(address).netloc, "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body
