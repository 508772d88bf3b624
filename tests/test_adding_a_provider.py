"""
What `docs/adding-a-provider.md` says, done word for word in a copy of the tree.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "adding-a-provider.md"
FOLDER = "src/sendyard/providers/madeup/"
REGISTRY = "src/sendyard/providers/registry.py"


def blocks() -> Iterator[tuple[str, str, str]]:
    """Language, path and content of every fenced block; commands have no path."""
    for token in MarkdownIt("commonmark").parse(PAGE.read_text("utf-8")):
        if token.type == "fence":
            language, _, path = token.info.partition(" ")
            yield language, path, token.content


def patched(text: str, diff: str) -> str:
    """Apply a diff without line numbers: what is there must be there, once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if not line.startswith("+"))
    after = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert text.count(before) == 1, f"the page expects in {REGISTRY}:\n{before}"
    return text.replace(before, after)


def commands() -> list[str]:
    """What the page tells to run, line by line."""
    (shell,) = [content for language, _, content in blocks() if language == "sh"]
    return shell.splitlines()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the page's steps have been followed."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("src", "tests", "tools", "docs", "requirements"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.md"), ROOT / "pyproject.toml", ROOT / "Makefile"):
        shutil.copy(file, copy / file.name)
    for language, path, content in blocks():
        if not path:
            continue
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(patched(target.read_text("utf-8"), content) if language == "diff" else content, "utf-8")
    return copy


def run(tree: Path, *command: str) -> str:
    """Run a Python module in the copy, whose sources come before the installed ones; what it said."""
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR", "LANG"}}
    environment |= {"PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_page_adds_one_folder_and_one_line() -> None:
    paths = [path for _, path, _ in blocks() if path]
    assert [path for path in paths if not path.startswith(FOLDER)] == [REGISTRY]
    assert len(paths) == len(set(paths))
    (diff,) = [content for language, _, content in blocks() if language == "diff"]
    assert [line for line in diff.splitlines() if not line.startswith(" ")] == ['+    "madeup",']


def test_provider_of_the_page_passes_the_contract_suite(tree: Path) -> None:
    interpreter, _, *arguments = shlex.split(commands()[0])
    assert interpreter == ".venv/bin/python"
    said = run(tree, *arguments, "-q", "-p", "no:cacheprovider", "-p", "no:randomly")
    passed = re.search(r"(\d+) passed", said)
    assert passed
    assert int(passed[1]) > 50
    kept = dict(re.findall(r"^(\w+) +(ok|exempt|FAILED|-)$", said, re.MULTILINE))
    assert kept["messages_arrive_and_their_reports_come_back"] == kept["callback_body_tampering"] == "ok"
    assert set(kept.values()) <= {"ok", "-"}


def test_provider_of_the_page_keeps_the_rules_of_the_house(tree: Path) -> None:
    run(tree, "pytest", "tests/test_house.py", "-q", "-k", "madeup or complete", "-p", "no:cacheprovider")
    run(tree, "ruff", "check", "--no-cache", FOLDER)
    run(tree, "ruff", "format", "--no-cache", "--check", FOLDER)
    run(tree, "mypy", "--cache-dir", str(tree / "types"), FOLDER)


def test_provider_of_the_page_gets_its_own_page_and_its_row_of_the_matrix(tree: Path) -> None:
    assert "make pages" in commands()
    said = run(tree, "tools.provider_pages", "docs/providers")
    assert "docs/providers/madeup.md" in said
    assert "Made-up console, Settings, API" in (tree / "docs/providers/madeup.md").read_text("utf-8")
    assert "[Made-up Messaging](madeup.md)" in (tree / "docs/providers/README.md").read_text("utf-8")


def test_a_step_that_no_longer_fits_the_registry_is_noticed() -> None:
    assert patched("a\nb\nc\n", " b\n+x\n c\n") == "a\nb\nx\nc\n"
    with pytest.raises(AssertionError, match="the page expects"):
        patched("a\nc\n", " b\n+x\n c\n")
