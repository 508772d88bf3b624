"""
Rules of the house that no linter knows. Each reads the tree as it is and names the file that breaks it.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sendyard.providers.registry import SLUGS

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "sendyard"
PYTHON_FILES = [file for folder in ("src", "tests", "tools") for file in sorted((ROOT / folder).rglob("*.py"))]
WRITTEN_FILES = [
    file
    for folder in ("src", "tests", "tools", "docs", ".ci", "requirements")
    for file in sorted((ROOT / folder).rglob("*"))
    if file.is_file() and file.suffix in {".py", ".md", ".sh", ".txt", ".in", ".toml", ".mako", ""}
] + [*sorted(ROOT.glob("*.md")), ROOT / "pyproject.toml", ROOT / "Makefile"]
LOCKS = [ROOT / "requirements" / "runtime.txt", ROOT / "requirements" / "test.txt"]
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "base", "manager", "misc"}


def named(files: list[Path]) -> list[str]:
    return [str(file.relative_to(ROOT)) for file in files]


ENGLISH_WORDS = {"line"}
"""Slugs that are words: only where one stands as a module, a path or a text of its own does it name the provider."""


def naming(slug: str) -> re.Pattern[str]:
    """What names a provider in a source file."""
    if slug in ENGLISH_WORDS:
        return re.compile(rf"providers[./]{slug}(?![a-z_])|[\"']{slug}[\"']")
    return re.compile(rf"(?<![a-z]){slug}(?![a-z])", re.IGNORECASE)


@pytest.mark.parametrize(
    ("slug", "text", "is_named"),
    [
        ("twilio", "The Twilio way", True),
        ("twilio", "twilio_like = 1", True),
        ("twilio", "twilioes", False),
        ("line", "one line of text", False),
        ("line", 'x = "line one"', False),
        ("line", "from sendyard.providers.line.spec import SPEC", True),
        ("line", "src/sendyard/providers/line", True),
        ("line", 'if slug == "line":', True),
        ("line", "providers/lines", False),
    ],
)
def test_naming_of_a_provider_is_recognised(slug: str, text: str, is_named: bool) -> None:
    assert bool(naming(slug).search(text)) is is_named


@pytest.mark.parametrize("slug", SLUGS)
def test_provider_is_named_in_its_folder_and_the_registry_only(slug: str) -> None:
    home = SOURCE / "providers" / slug
    # `api/compat/` speaks other products' APIs by their names, whoever carries the message; a channel has its name,
    # whoever serves it.
    elsewhere = [
        file
        for file in SOURCE.rglob("*.py")
        if home not in file.parents
        and file != SOURCE / "providers" / "registry.py"
        and SOURCE / "api" / "compat" not in file.parents
        and not (slug in ENGLISH_WORDS and file == SOURCE / "domain" / "channels.py")
        and naming(slug).search(file.read_text())
    ]
    assert named(elsewhere) == []


def test_every_provider_folder_is_in_the_registry_and_complete() -> None:
    folders = {file.parent.name: file.parent for file in (SOURCE / "providers").glob("*/adapter.py")}
    assert sorted(folders) == sorted(SLUGS)
    parts = ("__init__.py", "spec.py", "adapter.py", "emulator.py", "README.md", "samples/submit.json")
    missing = [f"{slug}/{part}" for slug, folder in folders.items() for part in parts if not (folder / part).exists()]
    assert missing == []


def test_no_file_is_longer_than_500_lines() -> None:
    assert named([file for file in PYTHON_FILES if len(file.read_text().splitlines()) > 500]) == []


def test_every_module_is_named_for_what_it_knows() -> None:
    assert named([file for file in PYTHON_FILES if VAGUE_NAMES & set(file.stem.split("_"))]) == []
    assert named([file for file in SOURCE.rglob("*") if file.is_dir() and file.name in VAGUE_NAMES]) == []


def test_nothing_is_left_for_later_or_hidden_from_coverage() -> None:
    leftover = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "pragma: no " + "cover")))
    assert named([file for file in WRITTEN_FILES if leftover.search(file.read_text())]) == []


def clock_readings(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in {"now", "utcnow", "today"}
            and ast.unparse(node.value).split(".")[-1] in {"datetime", "date"}
        ):
            yield node.lineno


@pytest.mark.parametrize(
    "code", ["datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()", "f = datetime.now"]
)
def test_reading_of_the_clock_is_recognised(code: str) -> None:
    assert list(clock_readings(ast.parse(code))) == [1]


def test_use_of_a_given_time_is_no_reading_of_the_clock() -> None:
    assert list(clock_readings(ast.parse("call.now; datetime.fromtimestamp(0, UTC); request.now.date()"))) == []


def test_domain_and_providers_never_read_the_clock() -> None:
    readings = [
        f"{file.relative_to(ROOT)}:{line}"
        for package in ("domain", "providers")
        for file in sorted((SOURCE / package).rglob("*.py"))
        for line in clock_readings(ast.parse(file.read_text()))
    ]
    assert readings == []


def imported(tree: ast.AST) -> set[str]:
    """Top-level packages that a module imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_sql_lives_in_storage_ledger_and_the_queries_of_features() -> None:
    outside = [
        file
        for file in sorted(SOURCE.rglob("*.py"))
        if file.relative_to(SOURCE).parts[0] not in {"storage", "ledger"}
        and file.name != "queries.py"
        and imported(ast.parse(file.read_text())) & {"sqlalchemy", "sqlite3", "psycopg"}
    ]
    assert named(outside) == []


def makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_make_command_that_the_documentation_names_exists() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    commands = {
        command
        for page in pages
        for command in re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }
    named_commands = {quoted or line for quoted, line in commands}
    assert {"demo", "test"} <= named_commands
    assert named_commands <= makefile_targets()


def test_every_command_of_the_makefile_is_listed_by_make_help() -> None:
    described = set(re.findall(r"^([a-z][a-z-]*):.*## \S", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert described == makefile_targets()


def entries(lock: Path) -> list[str]:
    """A lock's requirements, continuation lines joined, comments left out."""
    lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.name))
def test_every_locked_dependency_has_one_version_and_its_hashes(lock: Path) -> None:
    whole = re.compile(r"[a-z0-9][a-z0-9._-]*==[\w.+!]+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert entries(lock)
    assert [entry[:60] for entry in entries(lock) if not whole.fullmatch(entry)] == []


@pytest.mark.parametrize("file", sorted((ROOT / "requirements").iterdir()), ids=lambda file: str(file.name))
def test_requirements_name_no_index_and_no_address(file: Path) -> None:
    text = file.read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host|\s-[if]\s", text)
    assert not re.search(r"\b[a-z0-9-]+\.(org|com|net|io|dev|internal|local)\b", text)


def canonical(requirement: str) -> str:
    """The name in a requirement, as locks spell it."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def test_locks_hold_what_pyproject_asks_for_at_the_same_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime, test = ({canonical(entry): entry.split()[0] for entry in entries(lock)} for lock in LOCKS)
    assert {canonical(asked) for asked in project["dependencies"]} <= set(runtime)
    assert {canonical(asked) for asked in project["optional-dependencies"]["test"]} <= set(test)
    assert {name: test.get(name) for name in runtime} == runtime


def test_every_exception_to_the_style_rules_is_explained() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    style = text[text.index("[tool.ruff.lint]") : text.index("[tool.mypy]")]
    exceptions = [line for line in style.splitlines() if re.match(r'\s+"[A-Z]+\d*",', line)]
    assert len(exceptions) > 10
    assert [line for line in exceptions if not re.search(r"# \S", line)] == []


def test_version_of_the_package_heads_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first
    assert first[1] == project["version"]
