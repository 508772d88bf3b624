"""
The demo as a person runs it: to its end, again with the same seed, on PostgreSQL, and staying until told to go.
"""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from tests.e2e.conftest import Command, Process

Start = Callable[..., Process]
PROMISED = {
    "recipients", "accepted", "delivered", "failed", "unknown", "suppressed", "lost", "duplicated", "failovers",
    "retries", "callbacks", "providers", "seconds", "messages_per_second", "cost",
}  # fmt: skip


def outcome(process: Start, *arguments: str) -> dict[str, Any]:
    demo = process("demo", "--exit", "--json", *arguments)
    document: dict[str, Any] = json.loads(demo.rest())
    assert demo.wait() == 0
    assert "Traceback" not in demo.err
    return document


def test_everybody_gets_one_message_and_the_same_seed_counts_alike(process: Start, full_size: bool) -> None:
    recipients = 1000 if full_size else 90
    first = outcome(process, "--recipients", str(recipients), "--seed", "5")
    assert first.keys() >= PROMISED
    assert (first["recipients"], first["accepted"], first["refused"]) == (recipients, recipients, 20)
    assert (first["lost"], first["duplicated"], first["unknown"], first["suppressed"]) == (0, 0, 0, 3)
    assert first["delivered"] + first["failed"] + first["suppressed"] == recipients
    assert first["failovers"] >= recipients // 3 - 1
    assert first["retries"] > 0
    assert len(first["refused_rows"]) == 20
    assert all(row["row"] > 1 and row["detail"] for row in first["refused_rows"])
    assert len(first["providers"]) == 3
    second = outcome(process, "--recipients", str(recipients), "--seed", "5")
    timed = {"seconds", "messages_per_second"}
    assert {k: v for k, v in first.items() if k not in timed} == {k: v for k, v in second.items() if k not in timed}


@pytest.mark.postgres
def test_postgresql_gives_the_same_result(process: Start, fresh_postgres_url: str) -> None:
    found = outcome(process, "--recipients", "30", "--database", fresh_postgres_url)
    assert (found["lost"], found["duplicated"], found["unknown"]) == (0, 0, 0)
    again = process("demo", "--exit", "--database", fresh_postgres_url)
    assert again.wait() == 1
    assert "The demo needs an empty database" in again.err


def test_person_sees_the_course_and_the_end_and_can_look_around(process: Start) -> None:
    demo = process("demo", "--recipients", "12", "--port", "0")
    assert "Route to KR" in demo.line()
    assert "12 good (2 repaired), 20 left out, 3 people" in demo.line("Read 32 rows")
    offer = demo.line("An offer")
    assert "would reach 2, who agreed to it; left out by rule: 1 kr.consent." in offer
    assert "(광고)데모상점" in offer
    assert "is down" in demo.line()
    assert "why it was left out" in demo.line("row of the file")
    assert "spreadsheet formula" in demo.line("=SUM(B2:B9)")
    assert "Lost: 0. Received twice: 0." in demo.line("delivered, ")
    address = re.search(r"http://\S+/api/v1", demo.line("The API:"))
    key = demo.line("Its key").split()[-1]
    mailbox = demo.line("What handsets received").split()[-1]
    assert address
    with urlopen(Request(f"{address[0]}/messages?limit=100", headers={"Authorization": f"Bearer {key}"})) as answer:
        assert len(json.load(answer)["data"]) == 12
    with urlopen(mailbox) as answer:
        assert json.load(answer)
    assert demo.end(signal.SIGINT) == 0
    with pytest.raises(URLError):
        urlopen(mailbox)


def test_terminal_shows_progress_as_it_happens(data_dir: Path) -> None:
    ours, theirs = pty.openpty()
    demo = subprocess.Popen(
        [sys.executable, "-m", "sendyard.cli", "demo", "--recipients", "30", "--exit"],
        stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    # Linux ends a terminal nobody writes to any more with an error.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65536):
            seen += piece
    os.close(ours)
    assert demo.wait() == 0
    text = seen.decode()
    assert "under way" in text
    assert "━" in text
    assert "Lost: 0. Received twice: 0." in text


def test_interrupted_demo_ends_in_order(process: Start) -> None:
    demo = process("demo", "--recipients", "300")
    demo.line("is down")
    assert demo.end(signal.SIGINT) == 1
    assert "Traceback" not in demo.err


def test_demo_of_too_few_or_too_many_is_refused(sendyard: Command) -> None:
    assert sendyard("demo", "--recipients", "9").code == 2
    assert sendyard("demo", "--recipients", "27001").code == 2


def test_port_that_is_taken_is_named(process: Start, sendyard: Command) -> None:
    emulate = process("emulate", "--port", "0", "--json")
    port = json.loads(emulate.line("{"))["url"].rsplit(":", 1)[1]
    said = sendyard("demo", "--recipients", "10", "--port", port)
    assert said.code == 1
    assert "Choose another with --port" in said.err
    assert emulate.end() == 0
