"""
The database, the key ring and the doctor from the command line.
"""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sendyard.storage.vault import generate_key
from tests.bucket import REFUSED, answering
from tests.databases import PostgresDatabases
from tests.e2e.conftest import Command, Process

SETTINGS = json.dumps(
    {"account_sid": "AC" + "0" * 32, "auth_token": "invented-token", "base_url": "http://127.0.0.1:9/twilio"}
)


@pytest.fixture
def filled(sendyard: Command) -> Command:
    """An installation with something of everything that a command can make."""
    arguments = ("--name", "main", "--sender", "+15005550006", "--settings", "-")
    assert sendyard("accounts", "add", "twilio", *arguments, given=SETTINGS).code == 0
    assert sendyard("routes", "set", "main").code == 0
    assert sendyard("templates", "add", "hi", "안녕 {name}").code == 0
    assert sendyard("suppressions", "add", "+886912345678").code == 0
    assert sendyard("keys", "create", "shop").code == 0
    assert sendyard("send", "--to", "+12025550123", "--text", "x").code == 0
    return sendyard


def everything(sendyard: Command) -> list[Any]:
    commands = (
        ("accounts", "list"), ("routes", "list"), ("templates", "list"), ("suppressions", "list"), ("keys", "list"),
        ("messages", "list"),
    )  # fmt: skip
    return [sendyard(*command, "--json").document for command in commands]


def test_upgrade_makes_the_database_and_may_be_repeated(sendyard: Command, data_dir: Path) -> None:
    first = sendyard("db", "upgrade", "--json").document
    assert (first["before"], first["changed"]) == ("", True)
    assert (data_dir / "sendyard.db").exists()
    assert sendyard("db", "upgrade").out == f"It is up to date ({first['after']}).\n"


def test_upgrade_says_what_it_brought(sendyard: Command) -> None:
    assert sendyard("db", "upgrade").out.startswith("Brought to ")


def test_backup_brings_everything_back_elsewhere(
    filled: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "saved.backup"
    before = everything(filled)
    assert filled("db", "backup", str(file), "--json").document["rows"] > 6
    assert file.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("SENDYARD_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    assert "Brought back" in filled("db", "restore", str(file)).out
    assert everything(filled) == before


@pytest.mark.postgres
def test_backup_moves_an_installation_to_postgresql_and_back(
    filled: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_databases: PostgresDatabases
) -> None:
    there, again = tmp_path / "there.backup", tmp_path / "again.backup"
    before = everything(filled)
    filled("db", "backup", str(there))
    url = postgres_databases.create()
    monkeypatch.setenv("SENDYARD_DATABASE_URL", url)
    assert filled("db", "restore", str(there)).code == 0
    assert everything(filled) == before
    # New events and rows find their place behind those that were brought.
    assert filled("messages", "cancel", before[-1]["data"][0]["id"]).code == 0
    assert filled("send", "--to", "+12025550124", "--text", "y").code == 0
    present = everything(filled)
    assert filled("db", "backup", str(again), "--json").document["engine"] == "postgresql"
    monkeypatch.setenv("SENDYARD_DATABASE_URL", f"sqlite:///{tmp_path / 'back.db'}")
    assert filled("db", "restore", str(again)).code == 0
    assert everything(filled) == present
    postgres_databases.drop(url)


def test_backup_never_overwrites_unless_told(filled: Command, tmp_path: Path) -> None:
    file = tmp_path / "saved.backup"
    file.write_text("precious")
    said = filled("db", "backup", str(file))
    assert said.code == 1
    assert file.read_text() == "precious"
    assert filled("db", "backup", str(file), "--force").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "saved.backup"]


def test_backup_that_cannot_be_written_leaves_nothing_behind(
    filled: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gzip, "open", _full)
    assert filled("db", "backup", str(tmp_path / "saved.backup")).code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_backup_of_nothing_is_refused(sendyard: Command, data_dir: Path, tmp_path: Path) -> None:
    data_dir.mkdir()
    said = sendyard("db", "backup", str(tmp_path / "saved.backup"))
    assert said.code == 1
    assert "There is no Sendyard database to save" in said.err


def test_restore_into_a_database_in_use_is_refused(filled: Command, tmp_path: Path) -> None:
    file = tmp_path / "saved.backup"
    filled("db", "backup", str(file))
    before = everything(filled)
    said = filled("db", "restore", str(file))
    assert said.code == 1
    assert "nothing is overwritten" in said.err
    assert everything(filled) == before


def replacing(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: gzip.compress(gzip.decompress(data).replace(old, new))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: b"hello", "it cannot be read (BadGzipFile)"),
        (lambda data: data[: len(data) // 2], "it cannot be read (EOFError)"),
        (lambda data: gzip.compress(b""), "it does not begin as one"),
        (lambda data: gzip.compress(b"[1]\n"), "it does not begin as one"),
        (lambda data: gzip.compress(b"\xff\n"), "it cannot be read (UnicodeDecodeError)"),
        (lambda data: gzip.compress(b"{\n"), "it cannot be read (JSONDecodeError)"),
        (lambda data: gzip.compress(b"\n".join(gzip.decompress(data).split(b"\n")[:-2]) + b"\n"), "before its end"),
        (replacing(b'{"end": ', b'{"end": 1'), "is not as it was written"),
        (replacing(b'"table": "accounts"', b'"table": "pets"'), "is not as it was written"),
        (replacing(b'"revision": "', b'"revision": "9'), "was saved in the shape"),
    ],
)  # fmt: skip
def test_damaged_backup_is_refused_and_changes_nothing(
    damage: Any, words: str, filled: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "saved.backup"
    filled("db", "backup", str(file))
    file.write_bytes(damage(file.read_bytes()))
    monkeypatch.setenv("SENDYARD_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    said = filled("db", "restore", str(file))
    assert said.code == 1
    assert words in said.err
    assert filled("messages", "list", "--json").document["data"] == []


def test_restore_beside_a_running_server_is_refused(process: Any, sendyard: Command, tmp_path: Path) -> None:
    serve: Process = process("serve", "--port", "0", "--json")
    serve.line("{")
    file = tmp_path / "saved.backup"
    assert sendyard("db", "backup", str(file)).code == 0
    said = sendyard("db", "restore", str(file))
    assert said.code == 1
    assert "Another process serves" in said.err
    assert serve.end() == 0


def test_rotation_seals_with_the_newest_key_so_that_the_old_one_can_go(
    sendyard: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = generate_key(), generate_key()
    monkeypatch.setenv("SENDYARD_SECRET_KEYS", old)
    sendyard("accounts", "add", "twilio", "--name", "main", "--settings", "-", given=SETTINGS)
    monkeypatch.setenv("SENDYARD_SECRET_KEYS", f"{new},{old}")
    assert sendyard("rotate-keys").out == "1 accounts were encrypted anew.\n"
    monkeypatch.setenv("SENDYARD_SECRET_KEYS", new)
    assert sendyard("rotate-keys").out == "All use the newest key.\n"
    assert sendyard("accounts", "list", "--json").document[0]["status"] == "active"


def found(sendyard: Command, *arguments: str) -> dict[str, tuple[str, str]]:
    findings = sendyard("doctor", "--json", *arguments).document["findings"]
    return {one["check"]: (one["level"], f"{one['detail']} {one['fix']}".strip()) for one in findings}


def test_doctor_finds_a_working_installation_well(
    sendyard: Command, emulators: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDYARD_PUBLIC_URL", "https://yard.example")
    working = {"base_url": emulators["providers"]["twilio"], "auth_token": "0123456789abcdef" * 2}
    settings = json.dumps(json.loads(SETTINGS) | working)
    sendyard("accounts", "add", "twilio", "--name", "main", "--settings", "-", given=settings)
    sendyard("routes", "set", "main")
    said = sendyard("doctor", "--online")
    assert said.code == 0
    assert all(line.startswith("ok") for line in said.out.splitlines())
    assert "credentials of main: The account works." in said.out


def test_doctor_asks_the_bucket_in_which_files_are_kept(
    sendyard: Command, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir.mkdir(exist_ok=True)
    with answering(403, REFUSED) as endpoint:
        monkeypatch.setenv("SENDYARD_MEDIA_URL", f"s3://files/yard?endpoint={endpoint}")
        monkeypatch.setenv("SENDYARD_MEDIA_KEY_ID", "invented")
        monkeypatch.setenv("SENDYARD_MEDIA_SECRET", "invented")
        level, told = found(sendyard)["files"]
        assert (level, "refuses the key" in told) == ("fail", True)
    empty = '<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'
    with answering(200, empty) as endpoint:
        monkeypatch.setenv("SENDYARD_MEDIA_URL", f"s3://files/yard?endpoint={endpoint}")
        assert found(sendyard)["files"] == ("ok", "The bucket files answers.")


def test_doctor_changes_nothing_where_nothing_is(sendyard: Command, data_dir: Path) -> None:
    said = sendyard("doctor")
    assert said.code == 1
    assert "Start `sendyard serve` once" in said.out
    assert not data_dir.exists()


def test_doctor_names_what_was_not_made_yet(sendyard: Command, data_dir: Path) -> None:
    data_dir.mkdir()
    findings = found(sendyard)
    assert findings["key ring"][0] == "warn"
    assert "sendyard db upgrade" in findings["database"][1]
    assert findings["public address"][0] == "warn"
    sendyard("db", "upgrade")
    assert found(sendyard)["database"][0] == "ok"


def test_doctor_sees_accounts_and_routes_that_cannot_work(
    filled: Command, monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    assert found(filled, "--online")["credentials of main"][0] == "fail"
    filled("accounts", "pause", "main", "--reason", "holiday")
    findings = found(filled)
    resume = f"When the reason is gone: sendyard accounts resume {account_id(filled)}"
    assert findings["account main"] == ("warn", f"Paused: holiday {resume}")
    assert findings["route sms to any country, any purpose"][0] == "warn"
    monkeypatch.setenv("SENDYARD_SECRET_KEYS", generate_key())
    assert found(filled)["account main"][0] == "fail"
    assert found(filled, "--online")["credentials of main"][0] == "warn"


def account_id(sendyard: Command) -> str:
    return str(sendyard("accounts", "list", "--json").document[0]["id"])


def test_doctor_says_that_nothing_can_be_sent_without_accounts_or_routes(sendyard: Command) -> None:
    assert sendyard("keys", "list").code == 0
    assert found(sendyard)["accounts"][0] == "warn"
    sendyard("accounts", "add", "twilio", "--settings", "-", given=SETTINGS)
    assert found(sendyard)["routes"][0] == "warn"


def test_doctor_sees_messages_that_nobody_sends(filled: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(filled)["queues"] == ("ok", "1 messages wait, none for long.")
    monkeypatch.setattr("sendyard.cli.doctor.now_ms", lambda: 4_000_000_000_000)
    level, words = found(filled)["queue of main"]
    assert level == "warn"
    assert "Is `sendyard serve` or `worker` running?" in words


def test_doctor_sees_a_full_disk_and_a_folder_it_may_not_write(
    filled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    assert found(filled)["data directory"][0] == "warn"
    monkeypatch.setattr("os.access", lambda *_: False)
    assert found(filled)["data directory"][0] == "fail"


@pytest.mark.parametrize(
    ("variable", "value", "check"),
    [
        ("SENDYARD_PORT", "seventy", "settings"),
        ("SENDYARD_SECRET_KEYS", "too-short", "key ring"),
        ("SENDYARD_DATABASE_URL", "mysql://127.0.0.1/x", "settings"),
        ("SENDYARD_DATABASE_URL", "postgresql://nobody:invented@127.0.0.1:port/none", "database"),
        ("SENDYARD_DATABASE_URL", "postgresql://nobody:invented@127.0.0.1:9/none", "database"),
    ],
)
def test_doctor_names_the_setting_that_is_wrong(
    variable: str, value: str, check: str, filled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    said = filled("doctor", "--json")
    assert said.code == 1
    assert any(f["check"] == check and f["level"] == "fail" for f in said.document["findings"])
    assert "invented" not in said.out + said.err


def test_doctor_warns_of_a_public_address_that_is_not_encrypted(
    filled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDYARD_PUBLIC_URL", "http://yard.example")
    assert found(filled)["public address"][0] == "warn"


def test_backup_takes_the_files_of_messages_along_and_brings_them_back(
    sendyard: Command, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "menu.pdf"
    page.write_bytes(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n")
    assert sendyard("media", "add", str(page)).code == 0
    (data_dir / "media" / ".incoming").mkdir(exist_ok=True)
    (data_dir / "media" / ".incoming" / "half").write_bytes(b"half")
    file = tmp_path / "saved.backup"
    saved = sendyard("db", "backup", str(file), "--json").document
    assert saved["files"] == 1
    beside = tmp_path / "saved.backup.media"
    assert [one.read_bytes() for one in beside.rglob("*") if one.is_file()] == [page.read_bytes()]
    assert beside.stat().st_mode & 0o077 == 0
    file.unlink()
    refused = sendyard("db", "backup", str(file))
    assert (refused.code, "saved.backup.media exists already" in refused.err) == (1, True)
    assert "and 1 files to" in sendyard("db", "backup", str(file), "--force").out
    monkeypatch.setenv("SENDYARD_DATA_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("SENDYARD_SECRET_KEYS", (data_dir / "secret-keys").read_text().split()[0])
    assert "and 1 files." in sendyard("db", "restore", str(file)).out
    assert [one.read_bytes() for one in (tmp_path / "elsewhere" / "media").rglob("*") if one.is_file()] == [
        page.read_bytes()
    ]
    assert "menu.pdf" in sendyard("media", "list").out
    monkeypatch.setenv("SENDYARD_MEDIA_URL", "s3://bucket?region=eu-west-1&endpoint=http://127.0.0.1:9")
    assert "in a bucket" in sendyard("db", "backup", str(tmp_path / "other.backup")).err
