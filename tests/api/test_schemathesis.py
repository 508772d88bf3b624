"""
Made-up requests, sound and broken, against a real server: every answer is one the document names.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import uvloop
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sendyard import bootstrap
from sendyard.settings import Settings
from tests.api.conftest import KOREAN, TWILIO

EXAMPLES = 10
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


class Server:
    """The whole process, sending side included, in a thread of its own."""

    def __init__(self, directory: Path) -> None:
        self._settings = Settings(data_dir=directory, port=0)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.started: bootstrap.Started | None = None
        self._thread = threading.Thread(target=uvloop.run, args=(self._run(),), daemon=True)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()

        def announce(started: bootstrap.Started) -> None:
            self.started = started
            self._ready.set()

        await bootstrap.run(self._settings, announce=announce, stop=self._stop)

    def __enter__(self) -> bootstrap.Started:
        self._thread.start()
        assert self._ready.wait(30)
        assert self.started is not None
        return self.started

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bootstrap.Started]:
    with Server(tmp_path_factory.mktemp("made-up")) as started:
        fill(started)
        yield started


def fill(started: bootstrap.Started) -> None:
    """A few things to find, so that not every made-up request ends at "not found"."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {started.first_key}"
        base = f"{started.address}/api/v1"
        account = {"provider": "twilio", "name": "tw", "settings": TWILIO, "sender": "+15005550006"}
        things: list[tuple[str, Any]] = [
            ("/accounts", account),
            ("/routes", {"channel": "sms", "accounts": ["tw"]}),
            ("/templates", {"code": "hi", "body": "Hi {name|there}"}),
            ("/messages", {"to": KOREAN, "text": "Hi"}),
            ("/campaigns", {"name": "x", "text": "Hi", "csv": f"phone\n{KOREAN}\n"}),
        ]
        for path, body in things:
            assert session.post(base + path, json=body, timeout=60).ok, path


@pytest.fixture(scope="module")
def document(server: bootstrap.Started) -> Any:
    loaded = schemathesis.openapi.from_url(f"{server.address}/api/v1/openapi.json")
    # Broken keys would hide everything behind "401"; tests/api/test_doors.py has them.
    loaded.config.generation.with_security_parameters = False
    return loaded


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_made_up_requests_get_documented_answers(
    document: Any, server: bootstrap.Started, mode: GenerationMode
) -> None:
    # No provider is asked: the account's address is a closed port of this machine.
    headers = {"Authorization": f"Bearer {server.first_key}"}
    statuses: Counter[int] = Counter()
    asked = 0
    with requests.Session() as session:
        for found in document.get_all_operations():
            operation = found.ok()
            if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.headers):
                continue

            @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
                      suppress_health_check=list(HealthCheck))  # fmt: skip
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                answer = case.call_and_validate(headers=headers, checks=CHECKS, timeout=90, session=session)
                statuses[answer.status_code] += 1

            ask()
            asked += 1
    assert asked > 20
    # Broken requests must get past the key to show anything, and sound ones must succeed at times.
    assert 401 not in statuses
    assert statuses[422 if mode is GenerationMode.NEGATIVE else 200] > 30
