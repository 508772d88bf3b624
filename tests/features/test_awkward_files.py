"""
A folder of awkward files and what becomes of each: `awkward_files/expected.json` says it, row by row.

A row reads `2 fixed +886912345678 number_rewritten`: its number (and part), what became of it, the number in E.164
(`-` for none) and the kinds of fixes; or the code of its refusal.
"""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from sendyard.domain.errors import Invalid
from sendyard.domain.fields import FieldDefinition, FieldType
from sendyard.features.audience.reading import (
    ColumnMapping,
    Outcome,
    Reading,
    Repeated,
    RowVerdict,
    Several,
    Shape,
    Source,
    Unreadable,
    inspect_file,
    map_columns,
    read,
)

FOLDER = Path(__file__).parent / "awkward_files"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text())
READABLE = [name for name, expected in EXPECTED.items() if "error" not in expected]


def definitions(given: dict[str, list[str]]) -> list[FieldDefinition]:
    return [
        FieldDefinition(key, FieldType(kind), rest[0] if rest else "", tuple(rest[1:]))
        for key, (kind, *rest) in given.items()
    ]


def start(name: str, source: Source | None = None, after_row: int = 0) -> tuple[Shape, ColumnMapping, Reading]:
    settings = EXPECTED[name].get("settings", {})
    country = settings.get("country", "")
    source = source or FOLDER / name
    shape = inspect_file(
        source,
        name=name,
        country=country,
        encoding=settings.get("encoding_chosen", ""),
        sheet=settings.get("sheet_chosen", ""),
    )
    fields = definitions(settings.get("fields", {}))
    mapping = map_columns(shape, overrides=settings.get("overrides"), fields=fields, country=country)
    reading = read(
        source,
        mapping,
        shape=shape,
        country=country,
        several=Several(settings.get("several", "refuse")),
        repeated=Repeated(settings.get("repeated", "refuse")),
        unreadable=Unreadable(settings.get("unreadable", "refuse")),
        landlines=settings.get("landlines", False),
        consent_at=settings.get("consent_at", ""),
        after_row=after_row,
    )
    return shape, mapping, reading


def line(verdict: RowVerdict) -> str:
    row = f"{verdict.row}.{verdict.part}" if verdict.part else str(verdict.row)
    if verdict.outcome is Outcome.REFUSED:
        return f"{row} refused {verdict.code}"
    fixes = " ".join(fix.code for fix in verdict.fixes)
    return f"{row} {verdict.outcome.value} {verdict.phone or '-'} {fixes}".strip()


def value(verdict: RowVerdict, key: str) -> Any:
    if key.startswith("custom:"):
        return verdict.custom.get(key.removeprefix("custom:"))
    if key in {"consent", "line_user_id", "whatsapp_id"}:
        return getattr(verdict, key)
    return list(verdict.tags) if key == "tags" else verdict.fields.get(key)


def test_every_awkward_file_says_what_is_expected_of_it() -> None:
    files = {file.name for file in FOLDER.iterdir()} - {"expected.json", ".gitattributes"}
    assert files == set(EXPECTED)
    assert len(files) >= 60


@pytest.mark.parametrize("name", READABLE)
def test_rows_of_an_awkward_file_come_to_what_is_expected(name: str) -> None:
    expected = EXPECTED[name]
    _, mapping, reading = start(name)
    verdicts = list(reading)
    if "rows" in expected:
        assert [line(verdict) for verdict in verdicts] == expected["rows"]
    for row, wanted in expected.get("values", {}).items():
        found = next(verdict for verdict in verdicts if str(verdict.row) == row)
        assert {key: value(found, key) for key in wanted} == wanted
    targets = {column.name: column.target for column in mapping.columns}
    assert {name: targets[name] for name in expected.get("mapping", {})} == expected.get("mapping", {})
    for verdict in verdicts:
        refused = verdict.outcome is Outcome.REFUSED
        assert bool(verdict.code) == bool(verdict.detail) == refused
        assert bool(verdict.fixes) == (verdict.outcome is Outcome.FIXED)
        assert refused or verdict.phone or verdict.whatsapp_id or verdict.line_user_id


@pytest.mark.parametrize("name", READABLE)
def test_the_shape_of_an_awkward_file_is_found(name: str) -> None:
    shape, _, reading = start(name)
    wanted = dict(EXPECTED[name].get("shape", {}))
    if "blank" in wanted:
        assert list(reading)
        assert reading.tally.blank == wanted.pop("blank")
    if wanted.pop("remarked", False):
        assert shape.remarks
    found = shape.to_dict()
    assert {key: found[key] for key in wanted} == wanted


@pytest.mark.parametrize("name", sorted(set(EXPECTED) - set(READABLE)))
def test_a_file_that_cannot_be_used_says_why(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        list(start(name)[2])
    assert refused.value.code in EXPECTED[name]["error"].split("|")
    assert refused.value.detail.startswith("Expected")


@pytest.mark.parametrize("name", READABLE)
def test_an_open_file_reads_as_the_one_on_disk_and_stays_open(name: str) -> None:
    with io.BytesIO((FOLDER / name).read_bytes()) as stream:
        _, _, reading = start(name, stream)
        assert list(reading) == list(start(name)[2])
        done, total = reading.progress
        assert done == total > 0
        assert not stream.closed


@pytest.mark.parametrize("name", READABLE)
def test_reading_goes_on_behind_any_row_with_the_same_verdicts(name: str) -> None:
    verdicts = list(start(name)[2])
    for after in sorted({0, *(verdict.row for verdict in verdicts)}):
        assert list(start(name, after_row=after)[2]) == [verdict for verdict in verdicts if verdict.row > after]
