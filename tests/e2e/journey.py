"""
A server and emulators as processes of their own, and the person who uses them: by the API, the CLI and a handset.
"""

import csv
import io
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tests.e2e.conftest import Process

AGENT = "Mozilla/5.0 (Linux; Android 14; SM-S921N) Mobile Safari/537.36"


@dataclass(frozen=True)
class Journey:
    """Where the server and the emulators are, and a key for the server."""

    server: str
    key: str
    control: str

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One call of the API; gives the JSON document, or the words of what is none."""
        return self._call(f"{self.server}/api/v1{path}", method, body, {"authorization": f"Bearer {self.key}"})

    def emulator(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One call of the emulators' control API."""
        return self._call(self.control + path, method, body, {})

    @staticmethod
    def _call(url: str, method: str, body: Mapping[str, Any] | None, headers: dict[str, str]) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(url, data, {"content-type": "application/json", **headers}, method=method)
        try:
            with urlopen(request, timeout=60) as answer:
                said = answer.read().decode("utf-8-sig")
                return json.loads(said) if "json" in answer.headers["content-type"] else said
        except HTTPError as refused:
            raise AssertionError(f"{method} {url}: {refused.code} {refused.read().decode()}") from None

    def all_of(self, path: str) -> list[dict[str, Any]]:
        """Every page of a list."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self.ask("GET", f"{path}?limit=500{after}")
            found += page["data"]
            if page["next"] is None:
                return found
            after = f"&after={page['next']}"

    def base_url(self, provider: str) -> str:
        """Where the emulator of a provider is."""
        (found,) = [one for one in self.emulator("GET", "/providers") if one["provider"] == provider]
        return str(found["base_url"])

    def letters(self, provider: str) -> list[dict[str, Any]]:
        """What handsets received."""
        found: list[dict[str, Any]] = self.emulator("GET", f"/mailbox?provider={provider}")
        return found

    def follow(self, address: str, place: int) -> tuple[int, str]:
        """Follow a short link with a phone in a network of its own; gives the status and where it leads."""
        parts = urlsplit(address)
        connection = HTTPConnection(parts.netloc, timeout=30)
        try:
            forwarded = f"203.1.{place // 250}.{place % 250 + 1}"
            connection.request("GET", parts.path, headers={"user-agent": AGENT, "x-forwarded-for": forwarded})
            answer: HTTPResponse = connection.getresponse()
            answer.read()
            return answer.status, answer.headers.get("location") or ""
        finally:
            connection.close()


def wait_for(found: Callable[[], Any], seconds: float = 150.0) -> Any:
    """The first thing found that is true."""
    deadline = time.monotonic() + seconds
    while True:
        one = found()
        if one:
            return one
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def lines_of(text: str | Path) -> list[dict[str, str]]:
    """The lines of a CSV file by its header."""
    written = text.read_text("utf-8-sig") if isinstance(text, Path) else text
    return list(csv.DictReader(io.StringIO(written)))


@contextmanager
def journey(*, delivery: str = "0.05") -> Iterator[Journey]:
    """Start both; they end with the block. The installation is that of SENDYARD_DATA_DIR."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    os.environ["SENDYARD_PUBLIC_URL"] = address
    emulate = Process("emulate", "--port", "0", "--delivery", delivery, "--while-stdin", "--json")
    serve: Process | None = None
    try:
        control = json.loads(emulate.line("{"))["control"]
        serve = Process("serve", "--port", str(port), "--json")
        key = json.loads(serve.line("{"))["first_key"]
        yield Journey(address, key, control)
        assert serve.end() == 0
        assert "Traceback" not in serve.err, serve.err
    finally:
        for one in (serve, emulate):
            if one is not None:
                one.clean()
        del os.environ["SENDYARD_PUBLIC_URL"]
