"""
Data records: tables made by hand or of a file, rows by key, values for templates.
"""

import io
from pathlib import Path
from typing import Any

import pytest

from sendyard.bootstrap.sheets import FileSheet, open_sheet
from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.features.templates import Records, Templates
from sendyard.features.templates.records import library, values
from tests.yard import Yard, only_sqlite

COLUMNS = {"number": "text", "date": "date", "price": {"type": "money", "currency": "TWD"}, "gate": "text"}
ROW = {"number": "BW 120", "date": "2026/5/3", "price": "240,000", "gate": "B4"}
CSV = "Number,Departure date,Price,Gate No.\nBW 120,2026-05-03,240000,B4\nBW 121,2026-05-04,NT$180000,\n"


@pytest.fixture
def records(yard: Yard) -> Records:
    return Records(yard.database)


def sheet(text: str) -> FileSheet:
    return open_sheet(io.BytesIO(text.encode()))


async def flights(yard: Yard, records: Records) -> dict[str, Any]:
    return await records.add(yard.workspace_id, name="flights", key="number", columns=COLUMNS, prefix="flight")


async def test_a_row_fills_a_template_by_plain_and_by_prefixed_names(yard: Yard, records: Records) -> None:
    made = await flights(yard, records)
    assert (made["prefix"], made["key"], made["rows"]) == ("flight", "number", 0)
    assert made["columns"]["price"] == {"type": "money", "currency": "TWD"}
    done = await records.put(yard.workspace_id, "flights", [ROW])
    assert (done["rows"], done["added"], done["refused"]) == (1, 1, 0)
    held = await records.values(yard.workspace_id, "flights", "BW 120")
    assert held == {
        "number": "BW 120", "date": "2026-05-03", "price": "240000 TWD", "gate": "B4",
        "flight.number": "BW 120", "flight.date": "2026-05-03", "flight.price": "240000 TWD", "flight.gate": "B4",
    }  # fmt: skip
    templates = Templates(yard.database, yard.directory)
    document = {
        "language": "en",
        "variables": {"flight.date": {"type": "date"}, "flight.price": {"type": "money"}},
        "bodies": {"sms": {"en": {"text": "{flight.number}: {flight.date}, gate {gate}, {flight.price}"}}},
    }
    await templates.add(yard.workspace_id, code="flight", document=document)
    rendered = await templates.render(yard.workspace_id, "flight", held)
    assert rendered.text == "BW 120: May 3, 2026, gate B4, NT$240,000"


async def test_rows_are_replaced_by_key_listed_in_pages_and_removed(yard: Yard, records: Records) -> None:
    await flights(yard, records)
    await records.put(yard.workspace_id, "flights", [{"number": key} for key in ("c", "a", "b")])
    again = await records.put(yard.workspace_id, "flights", [{"number": "a", "gate": "A1"}, {"number": "b"}])
    assert (again["added"], again["updated"], again["unchanged"]) == (0, 1, 1)
    first = await records.rows(yard.workspace_id, "flights", limit=2)
    rest = await records.rows(yard.workspace_id, "flights", after=first[-1]["key"], limit=2)
    assert [row["key"] for row in (*first, *rest)] == ["a", "b", "c"]
    assert first[0]["values"] == {"number": "a", "gate": "A1"}
    assert (await records.row(yard.workspace_id, "flights", "a"))["values"]["gate"] == "A1"
    await records.remove_row(yard.workspace_id, "flights", "a")
    for attempt in (
        records.row(yard.workspace_id, "flights", "a"),
        records.remove_row(yard.workspace_id, "flights", "a"),
        records.values(yard.workspace_id, "flights", "a"),
    ):
        with pytest.raises(NotFound, match="no row with the key 'a'"):
            await attempt
    assert [(one["name"], one["rows"]) for one in await records.list(yard.workspace_id)] == [("flights", 2)]
    await records.remove(yard.workspace_id, "flights")
    assert yard.rows("SELECT count(*) FROM record_rows") == [(0,)]


async def test_a_table_is_seen_by_its_workspace_only(yard: Yard, records: Records) -> None:
    await flights(yard, records)
    await records.put(yard.workspace_id, "flights", [ROW])
    assert await records.list("another") == []
    for attempt in (
        records.get("another", "flights"),
        records.put("another", "flights", [ROW]),
        records.values("another", "flights", "BW 120"),
    ):
        with pytest.raises(NotFound, match="There is no table 'flights'"):
            await attempt
    with pytest.raises(NotFound):
        yard.database.read_now(lambda tx: values(tx, "another", "flights", "BW 120"))
    with pytest.raises(Conflict, match="already"):
        await flights(yard, records)


async def test_a_file_makes_a_table_and_importing_it_again_changes_nothing(yard: Yard, records: Records) -> None:
    types = {"Departure date": "date", "price": {"type": "money", "currency": "TWD"}}
    tried = await records.take(yard.workspace_id, "flights", sheet(CSV), columns=types, dry_run=True)
    assert (tried["added"], await records.list(yard.workspace_id)) == (2, [])
    done = await records.take(yard.workspace_id, "flights", sheet(CSV), columns=types, prefix="flight")
    assert {name: done[name] for name in ("table", "rows", "added", "refused")} == {
        "table": "flights", "rows": 2, "added": 2, "refused": 0,
    }  # fmt: skip
    assert list((await records.get(yard.workspace_id, "flights"))["columns"]) == [
        "number", "departure_date", "price", "gate_no",
    ]  # fmt: skip
    held = await records.values(yard.workspace_id, "flights", "BW 121")
    assert (held["flight.price"], "gate_no" in held) == ("180000 TWD", False)
    again = await records.take(yard.workspace_id, "flights", sheet(CSV))
    assert (again["added"], again["updated"], again["unchanged"]) == (0, 0, 2)


async def test_a_file_may_bring_a_further_column(yard: Yard, records: Records) -> None:
    await flights(yard, records)
    await records.put(yard.workspace_id, "flights", [ROW])
    wider = "number,seats\nBW 120,6\nBW 122,x\n"
    done = await records.take(yard.workspace_id, "flights", sheet(wider), columns={"seats": "number"})
    assert (done["updated"], done["refused"]) == (1, 1)
    assert done["refusals"] == [
        {"row": 3, "code": "bad_value", "detail": "Expected a number such as 1234.5 in seats, found 'x'."}
    ]
    assert "seats" in (await records.get(yard.workspace_id, "flights"))["columns"]
    with pytest.raises(Invalid, match="table's key 'number' among the columns"):
        await records.take(yard.workspace_id, "flights", sheet("seats,gate\n1,2\n"))


@only_sqlite
async def test_rows_that_cannot_be_used_keep_no_others_out(
    yard: Yard, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "CHUNK", 2)
    monkeypatch.setattr(library, "MOST_REFUSED_SHOWN", 5)
    await flights(yard, records)
    rows = [
        ROW,
        {"gate": "B1"},
        {"number": "1", "date": "soon"},
        {"number": "2", "colour": "red"},
        ROW,
        {"number": "k" * 201},
        {"number": "3", "gate": "g" * 10_001},
        {"number": "4", "price": "1 XQZ"},
        {"number": "5"},
    ]
    done = await records.put(yard.workspace_id, "flights", rows)
    assert (done["rows"], done["added"], done["refused"]) == (9, 2, 7)
    assert [(one["row"], one["code"]) for one in done["refusals"]] == [
        (2, "bad_value"), (3, "bad_value"), (4, "bad_value"), (5, "repeated_key"), (6, "bad_value"),
    ]  # fmt: skip
    assert "in date, found 'soon'" in done["refusals"][1]["detail"]


@only_sqlite
async def test_days_are_read_as_the_country_writes_them(yard: Yard, records: Records) -> None:
    await flights(yard, records)
    given = [{"number": "1", "date": "5/3/2026"}]
    assert (await records.put(yard.workspace_id, "flights", given))["refused"] == 1
    await records.put(yard.workspace_id, "flights", given, country="US")
    assert (await records.row(yard.workspace_id, "flights", "1"))["values"]["date"] == "2026-05-03"
    await records.put(yard.workspace_id, "flights", [{"number": "2", "date": "2026-05-03T09:30"}])
    assert (await records.row(yard.workspace_id, "flights", "2"))["values"]["date"] == "2026-05-03"


@only_sqlite
async def test_an_unknown_type_of_a_column_is_answered_with_the_known_ones(yard: Yard, records: Records) -> None:
    columns = {"number": "text", "gate": {"type": "colour"}}
    with pytest.raises(Invalid, match="gate: Expected one of text, number, money, date, time, link, list, found 'colo"):
        await records.add(yard.workspace_id, name="flights", key="number", columns=columns)
    with pytest.raises(Invalid, match="Expected a type such as text or date for each column, found"):
        await records.add(yard.workspace_id, name="flights", key="number", columns={"number": 1})


@only_sqlite
@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"name": "my flights"}, "/name"),
        ({"name": "f" * 61}, "/name"),
        ({"prefix": "a.b"}, "/prefix"),
        ({"key": "nothing"}, "/key"),
        ({"columns": {}}, "/columns"),
        ({"columns": {"a b": "text"}}, "/columns"),
        ({"columns": {"number": "colour"}}, "/columns/number"),
        ({"columns": {f"c{n}": "text" for n in range(201)}}, "/columns"),
    ],
)
async def test_what_is_wrong_with_a_table_is_named(
    yard: Yard, records: Records, given: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await records.add(yard.workspace_id, **{"name": "flights", "key": "number", "columns": COLUMNS, **given})
    assert refused.value.errors[0].pointer == pointer


@only_sqlite
@pytest.mark.parametrize(
    ("text", "options", "detail"),
    [
        ("a,!!\n1,2\n", {}, "found '!!'"),
        ("c_1,1\n1,2\n", {}, "two of that name"),
        ("a,b\n1,2\n", {"columns": {"c": "date"}}, "found 'c'"),
        ("a,b\n1,2\n", {"key": "c"}, "as the key, found 'c'"),
    ],
)
async def test_a_header_that_cannot_be_used_is_refused(
    yard: Yard, records: Records, text: str, options: dict[str, Any], detail: str
) -> None:
    with pytest.raises(Invalid, match=detail):
        await records.take(yard.workspace_id, "flights", sheet(text), **options)
    assert await records.list(yard.workspace_id) == []


@only_sqlite
async def test_a_damaged_row_of_a_file_is_refused_and_blank_ones_are_passed_over(
    yard: Yard, records: Records, tmp_path: Path
) -> None:
    file = tmp_path / "flights.csv"
    file.write_bytes(b"number,1st gate\n1,B\xec\x9d\xb4\n\n,,\n2,\x00\n3,C\n")
    done = await records.take(yard.workspace_id, "flights", open_sheet(file))
    assert (done["added"], done["refused"], done["refusals"][0]["row"]) == (2, 1, 5)
    assert list((await records.get(yard.workspace_id, "flights"))["columns"]) == ["number", "c_1st_gate"]
    wide = "number," + ",".join(f"c{n}" for n in range(199)) + "\n9" + "," * 199 + "\n"
    with pytest.raises(Invalid, match="at most 200 columns in a table, found 201"):
        await records.take(yard.workspace_id, "flights", sheet(wide))
