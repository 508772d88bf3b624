"""
Process configuration: environment, file and command line, and what is said about mistakes.
"""

from pathlib import Path
from typing import Any

import pytest

from sendyard import settings
from sendyard.domain.errors import Invalid

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(f"SENDYARD_{name.upper()}", raising=False)
    monkeypatch.setenv("SENDYARD_DATA_DIR", str(tmp_path))


def test_defaults_are_a_sqlite_file_and_the_loopback_address(tmp_path: Path) -> None:
    found = settings.load()
    assert found.effective_database_url == f"sqlite:///{tmp_path}/sendyard.db"
    assert (found.host, found.port, found.key_ring_file) == ("127.0.0.1", 8025, tmp_path / "secret-keys")


def test_data_directory_is_in_the_home_directory_when_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENDYARD_DATA_DIR")
    monkeypatch.setenv("HOME", "/nonexistent")
    assert settings.load().data_dir == Path("/nonexistent/.sendyard")


def test_command_line_wins_over_environment_and_environment_over_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sendyard.toml").write_text('port = 1\nhost = "file"\nlog_format = "json"\n')
    monkeypatch.setenv("SENDYARD_PORT", "2")
    monkeypatch.setenv("SENDYARD_HOST", "environment")
    found = settings.load({"port": 3, "host": None})
    assert (found.port, found.host, found.log_format) == (3, "environment", "json")


def test_file_is_looked_for_in_the_directory_the_command_line_names(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "sendyard.toml").write_text("port = 5\n")
    assert settings.load({"data_dir": tmp_path / "other"}).port == 5


def test_public_address_loses_its_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDYARD_PUBLIC_URL", "https://yard.example/base/")
    assert settings.load().public_url == "https://yard.example/base"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PORT", "x", "valid integer"),
        ("PORT", "70000", "65535"),
        ("HOST", "", "at least 1"),
        ("PUBLIC_URL", "yard.example", "https://messages.example.com"),
        ("PUBLIC_URL", "https://yard.example/?a=1", "absolute"),
        ("PUBLIC_URL", "ftp://yard.example", "http or https"),
        ("DATABASE_URL", "mysql://yard", "sqlite:///path"),
        ("DATABASE_URL", "sqlite:///", "sqlite:///path"),
        ("DATABASE_URL", "sqlite:///:memory:", "sqlite:///path"),
        ("DATABASE_URL", "yard.db", "postgresql://"),
        ("LOG_FORMAT", "xml", "'pretty' or 'json'"),
    ],
)
def test_unusable_value_is_named_with_what_was_expected_and_found(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"SENDYARD_{name}", value)
    with pytest.raises(Invalid) as caught:
        settings.load()
    (fault,) = caught.value.errors
    assert fault.pointer == f"SENDYARD_{name}"
    assert words in fault.detail
    # A database URL may hold a password, so it is not repeated.
    assert (repr(value) in fault.detail) == (name != "DATABASE_URL")


@pytest.mark.parametrize(("text", "words"), [("prt = 1", "'prt', which is no setting"), ("port", "cannot be read")])
def test_mistake_in_the_file_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "sendyard.toml").write_text(text)
    with pytest.raises(Invalid, match=words):
        settings.load()


def test_secret_value_is_never_repeated(tmp_path: Path) -> None:
    (tmp_path / "sendyard.toml").write_text("secret_keys = 12345678\n")
    with pytest.raises(Invalid) as caught:
        settings.load()
    assert "12345678" not in caught.value.detail
    given = settings.load({"secret_keys": "abcdef", "database_url": "postgresql://me:hidden@db/yard"})
    assert "abcdef" not in repr(given)
    assert "hidden" not in repr(given)


def test_api_key_that_the_examples_of_the_documentation_export_disturbs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SENDYARD_KEY", "sy_live_invented")
    assert settings.load().port == 8025


def test_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDYARD_DATBASE_URL", "postgresql://db/yard")
    with pytest.raises(Invalid, match=r"no variable SENDYARD_DATBASE_URL; .*SENDYARD_DATABASE_URL"):
        settings.load()


def test_every_setting_is_documented() -> None:
    text = (DOCS / "operations.md").read_text()
    for name, field in settings.Settings.model_fields.items():
        assert field.description
        assert f"`SENDYARD_{name.upper()}`" in text


def test_settings_never_change() -> None:
    found: Any = settings.load()
    with pytest.raises(ValueError, match="frozen"):
        found.port = 1
