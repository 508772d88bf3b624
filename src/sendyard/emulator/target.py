"""
What benchmarks send to: a server that costs almost nothing, in a process of its own.

It reads just enough of HTTP/1.1 for a client that sends `Content-Length`, and lets the provider's
`LoadTarget` accept everything.
"""

import asyncio
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import uvloop

from sendyard.providers.emulation import EmulatedRequest, LoadTarget
from sendyard.providers.registry import emulators

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NO_HEADERS: Mapping[str, str] = {}


class TargetConnection(asyncio.Protocol):
    """One connection; requests are answered in the order they come, pipelined ones too."""

    def __init__(self, target: LoadTarget, prefix: str) -> None:
        """Take who answers, and the part of the path before the provider's own."""
        self._target = target
        self._prefix = len(prefix)
        self._pending = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._pending += data
        answers = []
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            head = self._pending[: end + 2]
            found = _LENGTH.search(head)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._pending) < whole:
                break
            answers.append(self._answer(head, self._pending[end + 4 : whole]))
            self._pending = self._pending[whole:]
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))

    def _answer(self, head: bytes, body: bytes) -> bytes:
        method, url, _ = head[: head.index(b"\r\n")].decode("ascii").split(" ", 2)
        path, _, query = url[self._prefix :].partition("?")
        request = EmulatedRequest(method, path, query, _NO_HEADERS, body, datetime.now(UTC))
        response = self._target.accept_all(request, next_serial())
        headers = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
        return (
            f"HTTP/1.1 {response.status} OK\r\n{headers}content-length: {len(response.body)}\r\n\r\n".encode()
            + response.body
        )


_serial = 0


def next_serial() -> int:
    """A number no other answer of this process has."""
    global _serial  # noqa: PLW0603 - the counter of one small process
    _serial += 1
    return _serial


async def serve(slug: str) -> None:
    """Listen on a free port, print it, and answer until standard input ends."""
    target = emulators()[slug]
    if not isinstance(target, LoadTarget):
        sys.exit(f"{slug} has no load target")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: TargetConnection(target, f"/{slug}"), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    # The parent holds the other end: when it goes, however it goes, so does this process.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
