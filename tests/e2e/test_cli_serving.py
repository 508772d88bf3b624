"""
The server and the emulators as processes: they say where they are, and end in order when told.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.e2e.conftest import Command, Process

Start = Callable[..., Process]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_where_it_is_and_ends_when_told(process: Start, data_dir: Path, number: signal.Signals) -> None:
    serve = process("serve", "--port", "0")
    address = serve.line("Sendyard serves").split()[2].rstrip(";")
    assert "sy_live_" in serve.line("first start")
    assert serve.line("no web console")
    with urlopen(f"{address}/healthz") as answer:
        assert json.load(answer)["status"] == "ok"
    assert serve.end(number) == 0
    assert "Traceback" not in serve.err
    again = process("serve", "--port", "0", "--json")
    assert json.loads(again.line("{"))["first_key"] == ""
    assert again.end() == 0


def test_ring_and_database_are_made_for_their_owner_only(process: Start, data_dir: Path) -> None:
    serve = process("serve", "--port", "0")
    serve.line("Ctrl-C")
    assert (data_dir / "secret-keys").stat().st_mode & 0o777 == 0o600
    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert serve.end() == 0


def test_halves_and_crews_need_postgresql(sendyard: Command) -> None:
    for arguments in (("web",), ("worker",), ("serve", "--workers", "2")):
        said = sendyard(*arguments)
        assert said.code == 1
        assert "PostgreSQL" in said.err
    assert sendyard("serve", "--workers", "0").code == 2


def test_port_that_is_taken_is_named(process: Start, sendyard: Command) -> None:
    emulate = process("emulate", "--port", "0", "--json")
    port = json.loads(emulate.line("{"))["url"].rsplit(":", 1)[1]
    for command in ("serve", "emulate"):
        said = sendyard(command, "--port", port)
        assert said.code == 1
        assert "Cannot listen on 127.0.0.1" in said.err
        assert "--port" in said.err
    assert emulate.end() == 0


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.mark.postgres
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes through /proc")
def test_crew_of_workers_is_kept_complete_and_ends_with_its_server(process: Start, fresh_postgres_url: str) -> None:
    serve = process("serve", "--port", "0", "--workers", "2", SENDYARD_DATABASE_URL=fresh_postgres_url)
    serve.line("Ctrl-C")
    wait_for(lambda: len(children(serve.pid)) == 2)
    first = children(serve.pid)
    os.kill(first[0], signal.SIGKILL)
    wait_for(lambda: len(children(serve.pid)) == 2 and first[0] not in children(serve.pid))
    crew = children(serve.pid)
    assert first[1] in crew
    assert serve.end() == 0
    assert "A worker ended with -9; another starts" in serve.err
    assert not [pid for pid in crew if Path(f"/proc/{pid}").exists()]


@pytest.mark.postgres
def test_web_and_worker_are_the_two_halves(process: Start, fresh_postgres_url: str) -> None:
    web = process("web", "--port", "0", "--json", SENDYARD_DATABASE_URL=fresh_postgres_url)
    assert json.loads(web.line("{"))["role"] == "web"
    worker = process("worker", SENDYARD_DATABASE_URL=fresh_postgres_url)
    assert worker.line() == "Sendyard sends.\n"
    assert worker.end() == 0
    assert web.end() == 0


def test_emulators_say_where_they_are_and_hold_a_mailbox(process: Start) -> None:
    emulate = process("emulate", "--port", "0", "--control-port", "0", "--seed", "7")
    told = emulate.line("Emulators at")
    control = told.split()[-1].removesuffix("/mailbox")
    with urlopen(f"{control}/mailbox") as answer:
        assert json.load(answer) == []
    with urlopen(f"{control}/health") as answer:
        assert json.load(answer)["seed"] == "7"
    assert "base_url http://127.0.0.1:" in emulate.line("twilio")
    assert emulate.end(signal.SIGINT) == 0


def test_emulators_end_with_whoever_started_them(process: Start) -> None:
    emulate = process("emulate", "--port", "0", "--while-stdin", "--no-reports")
    emulate.line("Ctrl-C")
    emulate.close_input()
    assert emulate.wait() == 0
