"""
A whole Sendyard in a process of its own, for benchmarks that come through its doors.

Reads its configuration from the environment, prints one line of JSON when it works, and ends when
standard input does.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import uvloop

from sendyard import bootstrap, settings


async def _run() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().run_in_executor(None, sys.stdin.read).add_done_callback(lambda _: stop.set())

    def announce(started: bootstrap.Started) -> None:
        sys.stdout.write(json.dumps({"address": started.address, "key": started.first_key}) + "\n")
        sys.stdout.flush()

    await bootstrap.run(settings.load(), announce=announce, stop=stop)


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def announced(module: str, *arguments: str) -> Iterator[int]:
    """Run a module of ours until its input closes; yields the port that it tells in its first line."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError(f"{module} has no output")
        yield int(process.stdout.readline())
    finally:
        process.communicate()


@contextlib.contextmanager
def served(data_dir: str, *, port: int = 0, database_url: str = "", public_url: str = "") -> Iterator[dict[str, Any]]:
    """Start one over a data directory; yields its address, and the first key if it had to make one."""
    environment = {
        **os.environ,
        "SENDYARD_DATA_DIR": data_dir,
        "SENDYARD_DATABASE_URL": database_url,
        "SENDYARD_PUBLIC_URL": public_url,
        "SENDYARD_PORT": str(port),
        "SENDYARD_LOG_LEVEL": "warning",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "sendyard.cli.bench.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the server has no output")
        yield json.loads(process.stdout.readline())
    finally:
        process.communicate()


if __name__ == "__main__":
    uvloop.run(_run())
