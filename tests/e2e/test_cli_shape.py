"""
What every command has in common: help with an example, JSON, exit codes, and no traceback ever.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sendyard.cli import inspecting
from sendyard.cli.main import ENTRIES, root, run
from sendyard.cli.shape import Command as Shaped
from sendyard.cli.shape import Entry, LazyGroup
from tests.e2e.conftest import Command

PROMISED = {
    "serve", "web", "worker", "demo", "emulate", "send", "campaign", "suppressions", "templates", "accounts", "routes",
    "messages", "text", "numbers", "providers", "keys", "db", "doctor", "rotate-keys",
}  # fmt: skip


def leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, (*path, name))


ALL = [(path, found) for path, found in leaves(root, ()) if path[0] != "bench"]


def test_every_promised_command_is_there() -> None:
    assert ENTRIES.keys() >= PROMISED
    assert set(root.list_commands(click.Context(root))) >= PROMISED


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_command_has_help_with_an_example_of_itself_and_json(path: tuple[str, ...], command: click.Command) -> None:
    assert isinstance(command, Shaped)
    text = command.get_help(click.Context(command, info_name=" ".join(path)))
    assert f"sendyard {' '.join(path)}" in text.split("Example")[1]
    assert "--json" in text


def test_overview_imports_neither_server_nor_database() -> None:
    code = (
        "import sys; from sendyard.cli.main import run; assert run(['--help']) == 0;"
        "print(sorted({'litestar', 'sqlalchemy', 'aiohttp', 'pydantic', 'rich', 'phonenumbers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_command_whose_module_is_not_built_is_left_out() -> None:
    group = LazyGroup("top", entries={"there": ENTRIES["text"], "gone": Entry("sendyard.cli.gone", "gone", "Gone.")})
    context = click.Context(group)
    assert group.list_commands(context) == ["there"]
    assert group.get_command(context, "gone") is None


def test_wrong_usage_ends_with_2_and_says_how_it_is_meant(sendyard: Command) -> None:
    said = sendyard("send")
    assert said.code == 2
    assert "Missing option '--to'" in said.err
    assert sendyard("no-such-command").code == 2
    assert sendyard("text", "inspect", "--channel", "pigeon", "hello").code == 2


def test_refusal_ends_with_1_and_is_a_document_where_one_is_wanted(sendyard: Command) -> None:
    said = sendyard("providers", "pigeon", "--json")
    assert said.code == 1
    assert said.document["error"]["code"] == "unknown_provider"
    assert "There is no provider 'pigeon'; the known ones are" in said.err
    assert sendyard("providers", "pigeon").out == ""


def test_several_faults_are_told_one_a_line(sendyard: Command, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("phone\n+12025550123\n")
    said = sendyard("campaign", "create", "--csv", str(file), "--text", " ", "--country", "Taiwan")
    assert said.code == 1
    assert len(said.err.splitlines()) == 2
    assert "found 'TAIWAN'" in said.err


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (RuntimeError("a wheel came off"), "This is a defect of Sendyard (RuntimeError: a wheel came off)"),
        (PermissionError(13, "Permission denied", "/somewhere"), "/somewhere: Permission denied. Check the path"),
        (KeyboardInterrupt(), "Interrupted."),
    ],
)
def test_failure_nobody_planned_is_one_sentence(
    failure: BaseException, words: str, sendyard: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(inspecting, "inspect_text", fail)
    said = sendyard("text", "inspect", "hello")
    assert said.code == 1
    assert words in said.err
    assert len(said.err.splitlines()) == 1


def test_database_that_is_away_is_named_as_such(sendyard: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDYARD_DATABASE_URL", "postgresql://nobody:invented@127.0.0.1:9/none")
    said = sendyard("accounts", "list")
    assert said.code == 1
    assert "The database did not answer" in said.err
    assert "invented" not in said.err


def test_setting_that_is_not_usable_is_named(sendyard: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDYARD_PORT", "seventy")
    said = sendyard("accounts", "list")
    assert said.code == 1
    assert "SENDYARD_PORT" in said.err
    assert "found 'seventy'" in said.err


def test_reader_that_has_seen_enough_is_no_failure() -> None:
    command = f"{sys.executable} -m sendyard.cli providers --json | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout == "["
    assert done.stderr == ""


def test_character_the_terminal_cannot_show_does_not_end_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sendyard.cli", "text", "inspect", "--json", "한글 \udcff"],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"},
        check=True,
    )
    assert json.loads(done.stdout)["encoding"] == "UCS-2"


def test_workspace_nobody_has_is_refused(sendyard: Command) -> None:
    said = sendyard("keys", "list", "--workspace", "elsewhere")
    assert said.code == 1
    assert "There is no workspace 'elsewhere'" in said.err


def test_help_of_the_whole_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert "rotate-keys" in capsys.readouterr().out
