"""
The process: first start, key ring, one process on a SQLite file, both halves on PostgreSQL, and its end.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from sendyard.bootstrap import JsonLines, Role, Started, Yard, configure_logging, key_ring, keys, only_process, run
from sendyard.bootstrap import yard as yard_module
from sendyard.delivery.recovery import Recovery
from sendyard.domain.errors import Conflict, Invalid
from sendyard.settings import Settings
from sendyard.storage.vault import generate_key

ROOT = Path(__file__).parents[2]


class Process:
    """One process's life inside the test's loop."""

    def __init__(self, settings: Settings, role: Role = "all") -> None:
        self._settings = settings
        self._role = role
        self._stop = asyncio.Event()
        self._started: asyncio.Future[Started] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Started:
        self._task = asyncio.create_task(
            run(self._settings, self._role, announce=self._started.set_result, stop=self._stop)
        )
        ends: set[asyncio.Future[Any]] = {self._task, self._started}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            await self._task
        return await self._started

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.wait_for(self._task, 60)


def nobody_started(started: Started) -> None:
    pytest.fail(f"{started.address} must not have started")


async def ready(started: Started) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=60) as client:
        for _ in range(1000):
            answer = await client.get(f"{started.address}/readyz")
            if answer.status_code == 200:
                break
            await asyncio.sleep(0.05)
        found: dict[str, Any] = answer.json()
        return found


async def test_first_start_makes_everything_and_shows_one_key_once(tmp_path: Path) -> None:
    given = Settings(data_dir=tmp_path / "new", port=0)
    async with Process(given) as started:
        assert started.first_key.startswith("sy_live_")
        assert await ready(started) == {
            "status": "ready",
            "parts": {"database": {"ok": True, "detail": ""}, "sending": {"ok": True, "detail": ""}},
        }
        async with httpx.AsyncClient(timeout=60) as client:
            headers = {"authorization": f"Bearer {started.first_key}"}
            answer = await client.get(f"{started.address}/api/v1/keys", headers=headers)
        assert [key["name"] for key in answer.json()["data"]] == ["first key"]
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE(given.key_ring_file.stat().st_mode) == 0o600
    ring = given.key_ring_file.read_text()
    async with Process(given) as started:
        assert started.first_key == ""
    assert given.key_ring_file.read_text() == ring


async def test_second_process_on_a_sqlite_file_is_refused(tmp_path: Path) -> None:
    given = Settings(data_dir=tmp_path, port=0)
    async with Process(given):
        with pytest.raises(Conflict, match="Another process serves"):
            await run(given, announce=nobody_started, stop=asyncio.Event())


@pytest.mark.parametrize("role", ["web", "worker"])
async def test_halves_apart_need_postgresql(tmp_path: Path, role: Role) -> None:
    with pytest.raises(Invalid, match="needs PostgreSQL"):
        await run(Settings(data_dir=tmp_path), role, announce=nobody_started)


@pytest.mark.postgres
async def test_web_and_worker_share_a_postgresql_database(tmp_path: Path, fresh_postgres_url: str) -> None:
    given = Settings(data_dir=tmp_path, port=0, database_url=fresh_postgres_url)
    async with Process(given, "web") as web, Process(given, "worker") as worker:
        assert (worker.address, worker.first_key) == ("", "")
        assert web.first_key
        assert (await ready(web))["parts"] == {"database": {"ok": True, "detail": ""}}
        async with httpx.AsyncClient(base_url=f"{web.address}/api/v1", timeout=60) as client:
            client.headers["authorization"] = f"Bearer {web.first_key}"
            login = {"account_sid": "AC" + "1" * 32, "auth_token": "x", "base_url": "http://127.0.0.1:9"}
            added = {"provider": "twilio", "name": "tw", "sender": "+15005550006", "settings": login}
            assert (await client.post("/accounts", json=added)).status_code == 201
            await client.put("/routes", json={"channel": "sms", "accounts": ["tw"]})
            body = {"to": "+821012345678", "text": "hi"}
            answers = await asyncio.gather(
                *(client.post("/messages", json=body, headers={"idempotency-key": "same"}) for _ in range(8))
            )
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.json()["id"] for answer in answers}) == 1
            message = answers[0].json()["id"]
            for _ in range(1000):
                kinds = {e["kind"] for e in (await client.get(f"/messages/{message}/timeline")).json()["data"]}
                if "retry" in kinds:
                    break
                await asyncio.sleep(0.05)
            assert "retry" in kinds


async def test_address_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = Settings(data_dir=tmp_path, port=taken.getsockname()[1])
        with pytest.raises(Conflict, match=r"Cannot listen on 127\.0\.0\.1 port"):
            await run(given, announce=nobody_started, stop=asyncio.Event())


async def test_ipv6_and_any_address_are_shown_as_one_can_open_them(tmp_path: Path) -> None:
    for host, shown in (("::1", "http://[::1]:"), ("0.0.0.0", "http://127.0.0.1:")):
        async with Process(Settings(data_dir=tmp_path, port=0, host=host)) as started:
            assert started.address.startswith(shown)


def test_key_ring_of_the_environment_wins_and_may_hold_several(tmp_path: Path) -> None:
    keys = [generate_key(), generate_key()]
    given = Settings(data_dir=tmp_path, secret_keys=SecretStr(f"{keys[0]}, {keys[1]},"))
    assert key_ring(given) == keys
    assert not given.key_ring_file.exists()


def test_key_ring_others_can_read_is_refused(tmp_path: Path) -> None:
    given = Settings(data_dir=tmp_path)
    assert key_ring(given) == key_ring(given)
    given.key_ring_file.chmod(0o640)
    with pytest.raises(Invalid, match="chmod 600"):
        key_ring(given)


def test_key_ring_of_a_faster_process_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings(data_dir=tmp_path)
    theirs = generate_key()

    def generate() -> str:
        given.key_ring_file.write_text(theirs)
        given.key_ring_file.chmod(0o600)
        return generate_key()

    monkeypatch.setattr(keys, "generate_key", generate)
    assert key_ring(given) == [theirs]
    assert [file.name for file in tmp_path.iterdir()] == ["secret-keys"]


def test_lock_is_free_again_after_the_process(tmp_path: Path) -> None:
    given = Settings(data_dir=tmp_path / "deep")
    for _ in range(2):
        with only_process(given, "all"), pytest.raises(Conflict), only_process(given, "all"):
            pytest.fail("two processes at once")


async def test_sending_side_that_fails_starts_anew_and_health_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(yard_module, "_RESTART_DELAYS", (0.1,))
    repaired = False
    original = Recovery.start

    async def start(self: Recovery) -> tuple[int, int]:
        if not repaired:
            raise RuntimeError("broken at first")
        return await original(self)

    monkeypatch.setattr(Recovery, "start", start)
    async with Process(Settings(data_dir=tmp_path, port=0)) as started:
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.get(f"{started.address}/readyz")
            for _ in range(1000):
                if "starts again" in answer.text:
                    break
                await asyncio.sleep(0.01)
                answer = await client.get(f"{started.address}/readyz")
        assert answer.status_code == 503
        assert "It failed and starts again" in answer.json()["parts"]["sending"]["detail"]
        repaired = True
        assert (await ready(started))["status"] == "ready"
    assert "broken at first" in caplog.text


async def test_round_that_fails_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(yard_module, "_REFRESH", 0.01)
    with Yard(Settings(data_dir=tmp_path)) as yard:
        seen = asyncio.Event()
        failures = iter([RuntimeError("away")])

        async def refresh(**_: object) -> bool:
            if error := next(failures, None):
                raise error
            seen.set()
            return False

        monkeypatch.setattr(yard.directory, "refresh", refresh)
        work = asyncio.create_task(yard.work("web"))
        await asyncio.wait_for(seen.wait(), 60)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert "directory failed and is tried again" in caplog.text


async def test_account_is_usable_while_it_is_active_and_not_taken_to_be_down(tmp_path: Path) -> None:
    with Yard(Settings(data_dir=tmp_path)) as yard:
        await yard.first_start()
        workspace, _ = await yard.workspaces.first()
        wish = {"account_sid": "AC" + "1" * 32, "auth_token": "x"}
        added = await yard.accounts.add(workspace["id"], provider="twilio", settings=wish)
        assert yard.policy.usable(added["id"])
        await yard.accounts.pause(workspace["id"], added["id"])
        assert not yard.policy.usable(added["id"])
        assert not yard.policy.usable("nobody")
        await yard.accounts.resume(workspace["id"], added["id"])
        work = asyncio.create_task(yard.work("all"))
        async with asyncio.timeout(60):
            while yard.engine is None:  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.01)
        breaker = yard.engine.breaker(added["id"])
        assert yard.policy.usable(added["id"])
        while not breaker.is_open:
            breaker.failed()
        assert not yard.policy.usable(added["id"])
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await yard.transport.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_ends_in_order_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    code = (
        "import uvloop; from sendyard import bootstrap, settings\n"
        "given = settings.load(); bootstrap.configure_logging(given)\n"
        "uvloop.run(bootstrap.run(given, announce=lambda started: print(started.address, flush=True)))"
    )
    environment = {**os.environ, "SENDYARD_DATA_DIR": str(tmp_path), "SENDYARD_PORT": "0"}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(number)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""


@pytest.fixture
def root_logger() -> Any:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_logs_are_json_lines_or_plain_text(root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_format="json", log_level="info"))
    logging.getLogger("part").error("It %s", "broke", exc_info=ValueError("oops"))
    logging.getLogger("part").debug("not shown")
    (line,) = capsys.readouterr().err.splitlines()
    document = json.loads(line)
    assert (document["level"], document["logger"], document["message"]) == ("error", "part", "It broke")
    assert "ValueError: oops" in document["traceback"]
    assert document["at"].endswith("Z")
    configure_logging(Settings(log_format="pretty"))
    logging.getLogger("part").warning("plain")
    assert "WARNING part: plain" in capsys.readouterr().err
    assert len(root_logger.handlers) == 1


def test_log_line_without_an_error_has_no_traceback() -> None:
    record = logging.LogRecord("part", logging.INFO, "file", 1, "text", (), None)
    assert "traceback" not in json.loads(JsonLines().format(record))
