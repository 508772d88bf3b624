"""
Commands as a person types them: in this process where only their words matter, in a process of their own elsewhere.
"""

import contextlib
import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sendyard.cli.main import run


@dataclass
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own; nothing of this machine's environment applies."""
    for name in [name for name in os.environ if name.startswith("SENDYARD_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "data"
    monkeypatch.setenv("SENDYARD_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def sendyard(data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Run one command in this process; `given` is its standard input."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def command(*arguments: str, given: str = "") -> Said:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode()), encoding="utf-8"))
        code = run(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Said(code, captured.out, captured.err)

    yield command
    root.handlers[:] = handlers
    root.setLevel(level)


class Process:
    """A command running in a process of its own; its lines are read as they come."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sendyard.cli", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        self.pid = self._process.pid
        self._errors: list[str] = []
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()

    def _read_errors(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self._errors.append(line)

    @property
    def err(self) -> str:
        return "".join(self._errors)

    def line(self, holding: str = "") -> str:
        """The next line of standard output with these words in it."""
        assert self._process.stdout
        for line in self._process.stdout:
            if holding in line:
                return line
        raise AssertionError(f"it ended without saying {holding!r}; it complained: {self.err}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and give its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        return self.wait()

    def close_input(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()

    def wait(self) -> int:
        code = self._process.wait(60)
        self._reader.join(10)
        return code

    def rest(self) -> str:
        """Everything still said on standard output."""
        assert self._process.stdout
        return self._process.stdout.read()

    def clean(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join(10)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()


@pytest.fixture
def process(data_dir: Path) -> Iterator[Callable[..., Process]]:
    """Start commands in processes of their own; those left over are killed at the end of the test."""
    started: list[Process] = []

    def start(*arguments: str, **environment: str) -> Process:
        started.append(Process(*arguments, **environment))
        return started[-1]

    yield start
    for one in started:
        one.clean()


@pytest.fixture(scope="module")
def emulators() -> Iterator[dict[str, Any]]:
    """`sendyard emulate` in a process of its own: what it said about its addresses."""
    emulate = Process("emulate", "--port", "0", "--delivery", "0.05", "--while-stdin", "--json")
    try:
        yield json.loads(emulate.line("{"))
    finally:
        emulate.clean()
