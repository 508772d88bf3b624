"""
The providers' pages: made from data, complete, and up to date.
"""

import re
from pathlib import Path

import pytest

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.features.connections.capabilities import Ability, abilities_of, capabilities, capabilities_of
from sendyard.providers.registry import SLUGS, adapters
from sendyard.providers.spec import AddressFormat, CallbackAuth, Counting, RateUnit
from tools.provider_pages import MATRIX, main, page, pages, read, readme_of, write
from tools.provider_words import CHANNELS, lasting

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "providers"


def written(name: str) -> str:
    return (PAGES / name).read_text("utf-8")


def row_of(text: str, first: str) -> str:
    """The one row of a table that begins with this cell."""
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return row


def between(text: str, start: str, end: str) -> str:
    return text[text.index(start) : text.index(end)]


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages()


@pytest.mark.parametrize("name", [MATRIX, *(f"{slug}.md" for slug in SLUGS)])
def test_page_is_what_the_folders_say_today(name: str, made: dict[str, str]) -> None:
    assert made[name] == written(name), f"docs/providers/{name} is out of date: run `make pages`"


def test_there_is_a_page_for_every_provider_and_no_other() -> None:
    assert {file.name for file in PAGES.iterdir()} == {MATRIX, *(f"{slug}.md" for slug in SLUGS)}


@pytest.mark.parametrize("slug", SLUGS)
def test_every_setting_ability_code_and_source_is_on_the_providers_page(slug: str) -> None:
    text, found = written(f"{slug}.md"), capabilities_of(slug)
    settings = between(text, "\n### Settings of an account\n", "\n### The callback address\n")
    abilities = between(text, "\n### Abilities\n", "\n## Limits\n")
    codes = between(text, "\n## Codes\n", "\n## Unverified\n")
    for setting in found["settings"]:
        row = row_of(settings, f"`{setting['name']}`")
        assert ("needed" in row, "secret" in row.split(" | ")[2]) == (setting["required"], setting["secret"])
        assert "``" not in row
        assert all((f"`{choice}`" if choice else "(blank)") in row for choice in setting["choices"])
    for ability in found["abilities"]:
        assert row_of(abilities, f"`{ability}`")
    rows = [line for line in codes.splitlines() if line.startswith(("| `", "| (none)"))]
    spec = adapters()[slug].spec
    assert len(rows) == len(spec.codes)
    for row, known in zip(rows, spec.codes.values(), strict=True):
        assert str(known.meaning) in row
    assert all(f"<{url}>" in text for url in spec.docs)
    assert f"/callbacks/{slug}/<token>" in text


@pytest.mark.parametrize("slug", SLUGS)
def test_nothing_of_a_folders_readme_is_lost_on_the_page(slug: str) -> None:
    lines = {line.strip() for line in written(f"{slug}.md").splitlines()}
    readme = [line.strip() for line in readme_of(slug).splitlines() if not line.startswith("#")]
    assert [line for line in readme if line not in lines] == []


@pytest.mark.parametrize("slug", SLUGS)
def test_every_page_has_the_same_order(slug: str) -> None:
    headings = [line for line in written(f"{slug}.md").splitlines() if line.startswith("## ")]
    order = ["What you need", "What works", "Limits", "Costs", "Quirks", "Codes", "Unverified", "Sources"]
    assert [heading for heading in headings if heading.removeprefix("## ") in order] == [f"## {one}" for one in order]
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize("slug", SLUGS)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(slug: str, made: dict[str, str]) -> None:
    cells = 0
    for line in made[f"{slug}.md"].splitlines():
        if not line.startswith("| "):
            cells = 0
            continue
        found = len(re.findall(r"(?<!\\)\|", line))
        assert found == (cells or found), line
        cells = found


def test_limits_of_a_text_are_told_apart_where_they_differ_abroad() -> None:
    foreign = {slug for slug, found in adapters().items() if found.text_rules("ZZ") != found.spec.text}
    told = {slug for slug in SLUGS if "\n| outside " in written(f"{slug}.md")}
    assert told == foreign
    assert "bizgo" in told


def test_everybody_who_carries_a_channel_is_named_for_it() -> None:
    carriers = between(written(MATRIX), "\n## Who carries what\n", "\n## Feature matrix\n").splitlines()
    for slug, found in adapters().items():
        for channel in found.spec.channels:
            rows = [row for row in carriers if row.startswith(f"| {CHANNELS[channel]} |") and f"]({slug}.md)" in row]
            places = {row.split(" | ")[1] for row in rows}
            anywhere = set() if found.spec.countries else {"any"}
            assert places == anywhere | found.spec.countries | found.spec.home


def test_matrix_has_every_provider_with_what_it_can_do() -> None:
    text = written(MATRIX)
    for slug, found in adapters().items():
        facts, abilities = [line for line in text.splitlines() if f"]({slug}.md) | " in line and line[2] == "["]
        assert all(CHANNELS[channel] in facts for channel in found.spec.channels)
        assert f"`{found.spec.callback_auth}`" in facts
        marks = [cell.strip() for cell in abilities.split("|")[2:-1]]
        assert [ability for ability, mark in zip(Ability, marks, strict=True) if mark] == abilities_of(found)


def test_every_word_of_the_closed_lists_is_explained() -> None:
    text = written(MATRIX)
    explained = (Ability, ErrorKind, ReportStatus, CallbackAuth, AddressFormat, Counting, RateUnit)
    missing = [word for words in explained for word in words if f"\n| `{word}` | " not in text]
    assert missing == []


def test_every_ability_has_a_name_and_is_told_of_somebody() -> None:
    used = {ability for found in capabilities() for ability in found["abilities"]}
    assert used == {ability.value for ability in Ability}


def test_every_ability_is_on_the_page_about_adding_providers() -> None:
    text = (ROOT / "docs" / "adding-a-provider.md").read_text("utf-8")
    assert [ability for ability in Ability if f"| `{ability}` | `" not in text] == []


README = """# Pigeons

They fly. See [the contract](../../../../docs/architecture.md#c), [the table](codes.md), [home](https://pigeon.example).

## Prices and seeds

One seed.

## What you need, and where to find it

A pigeon.

```sh
## no heading
```

## Before the first message

### Feeding

Feed it.

## Not verified

Whether it returns.
"""


def test_sections_of_a_readme_find_their_place_and_links_still_lead_there() -> None:
    introduction, sections = read(README, "pigeon")
    assert introduction == (
        "They fly. See [the contract](../architecture.md#c), "
        "[the table](../../src/sendyard/providers/pigeon/codes.md), [home](https://pigeon.example)."
    )
    assert sections["other"] == ["## Prices and seeds\n\nOne seed."]
    assert sections["need"] == [
        "A pigeon.\n\n```sh\n## no heading\n```",
        "### Before the first message",
        "#### Feeding\n\nFeed it.",
    ]
    assert sections["unverified"] == ["Whether it returns."]
    assert sections["quirks"] == []


def test_page_says_so_where_a_readme_names_nothing_unverified() -> None:
    found = adapters()[SLUGS[0]]
    assert "names nothing that is unverified" in page(found, "# Pigeons\n\nThey fly.\n")
    assert "names nothing that is unverified" not in page(found, README)


def test_no_secret_and_no_default_of_one_is_on_a_page(made: dict[str, str]) -> None:
    assert not [name for name, text in made.items() if "SecretStr" in text or "**********" in text]


def test_writing_touches_only_what_changed_and_removes_what_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    assert str(tmp_path / MATRIX) in capsys.readouterr().out.splitlines()
    assert write(tmp_path) == []
    (tmp_path / "pigeon.md").write_text("# Gone\n")
    (tmp_path / MATRIX).write_text("# Old\n")
    assert write(tmp_path) == [MATRIX, "pigeon.md"]
    assert not (tmp_path / "pigeon.md").exists()
    assert "## Feature matrix" in (tmp_path / MATRIX).read_text("utf-8")


def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (90, "90 s"),
        (60, "60 s"),
        (600, "10 min"),
        (43_200, "12 h"),
        (86_400, "24 h"),
        (172_800, "2 days"),
        (0.5, "0.5 s"),
    ],
)
def test_times_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert lasting(seconds) == said
