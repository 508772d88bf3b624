"""
Every command line in the documentation names commands and options that there are.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sendyard.cli.main import root

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
_ENTRY = re.compile(r"^\| (`[^|]*?) \|", re.MULTILINE)


def test_command_lines_of_the_documentation_can_be_typed() -> None:
    lines = [(page, line) for page in PAGES for line in _lines(page.read_text(encoding="utf-8"))]
    assert len(lines) > 100
    assert [f"{page.relative_to(ROOT)}: {line}: {fault}" for page, line in lines if (fault := _fault(line))] == []


def test_commands_of_the_table_are_there_and_no_other() -> None:
    listed = {_path(line.split())[0] for line in _table()}
    # Benchmarks have a page of their own.
    assert [" ".join(path) for path in _commands(root, ()) if path not in listed and path[0] != "bench"] == []
    assert [fault for line in _table() if (fault := _fault(f"sendyard {line}"))] == []


@pytest.mark.parametrize("line", ["sendyard serv", "sendyard lists put --nam x", "sendyard campaign shoe ID"])
def test_a_line_that_cannot_be_typed_is_noticed(line: str) -> None:
    assert _fault(line)


def _lines(text: str) -> Iterator[str]:
    """Command lines of a page: those of its blocks, with their continuations, and those within sentences."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        yield from re.findall(r"sendyard [^\n|)]+", block.replace("\\\n", " "))
    for sentence in re.sub(r"```.*?```", "", text, flags=re.DOTALL).split("\n\n"):
        yield from re.findall(r"`(?:[\w.-]+/)*(sendyard [a-z][^`]*)`", sentence.replace("\n", " "))


def _table() -> Iterator[str]:
    """What the first column of the tables in docs/cli.md names; behind a dot the group of the line goes on."""
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    for cell in _ENTRY.findall(text.replace("\\|", "¦")):
        group: tuple[str, ...] = ()
        for span in re.findall(r"`([^`]+)`", cell):
            words = [part for part in span.removeprefix("sendyard ").split() if part]
            alone, _ = _path(words)
            if alone and not words[0].startswith("-"):
                group = alone if isinstance(_command(alone), click.Group) else alone[:-1]
                yield " ".join(words)
            elif group:
                yield " ".join((*group, *words))


def _fault(line: str) -> str:
    """What is wrong with a command line, or nothing."""
    plain = re.sub(r"'[^']*'|\"[^\"]*\"", "X", line).partition(" #")[0]
    words = re.sub(r"[\[\]()¦…'\"]", " ", plain).split()[1:]
    path, rest = _path(words)
    command = _command(path)
    if isinstance(command, click.Group) and rest and rest[0].isupper():
        return ""  # stands for any of its commands
    if isinstance(command, click.Group) and rest and re.fullmatch(r"[a-z][a-z-]+", rest[0]):
        return f"{' '.join(path) or 'sendyard'} has no command {rest[0]}"
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h", "--json", "--version"}
    unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
    return f"{' '.join(path)} has no {', '.join(unknown)}" if unknown else ""


def _path(words: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """The command that words begin with, and the words behind it."""
    command: click.Command = root
    path: tuple[str, ...] = ()
    while words and isinstance(command, click.Group):
        inner = command.get_command(click.Context(command), words[0])
        if inner is None:
            break
        command, path, words = inner, (*path, words[0]), words[1:]
    return path, words


def _command(path: tuple[str, ...]) -> click.Command:
    command: click.Command = root
    for name in path:
        assert isinstance(command, click.Group)
        inner = command.get_command(click.Context(command), name)
        assert inner is not None
        command = inner
    return command


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(click.Context(group)):
        inner = group.get_command(click.Context(group), name)
        if isinstance(inner, click.Group):
            yield from _commands(inner, (*path, name))
        else:
            yield (*path, name)
