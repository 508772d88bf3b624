"""
Files read many lines at once: the same rows and verdicts as line by line, wherever a block happens to end.
"""

import csv
import io
import random

import pytest

from sendyard.domain.fields import FieldDefinition, FieldType
from sendyard.features.audience.reading import (
    RowVerdict,
    Unreadable,
    delimited,
    inspect_file,
    judging,
    map_columns,
    read,
)
from sendyard.features.audience.reading.delimited import Record, text_records
from sendyard.features.audience.reading.seen import Seen
from sendyard.features.audience.reading.sources import Gauge


def records(raw: bytes, codec: str = "utf-8", columns: int = 3) -> list[Record]:
    return [*text_records(io.BytesIO(raw), codec, ",", Gauge(), columns=columns)]


@pytest.mark.parametrize("block", [1, 2, 7, 64, 1 << 15])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_are_the_same_wherever_a_block_ends(block: int, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", block)
    chance = random.Random(block)
    rows = [[chance.choice(("", "王小明", "a b", 'say "no"', "x,y")) for _ in range(3)] for _ in range(300)]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows(rows)
    found = records(text.getvalue().encode())
    assert [record.cells for record in found] == rows
    assert [record.number for record in found] == [*range(1, 301)]
    assert {record.fault for record in found} == {""}


def test_blank_lines_and_mixed_line_ends_are_rows_of_their_own() -> None:
    assert [record.cells for record in records(b"a\n\r\n\rb\r\r\nc")] == [["a"], [""], [""], ["b"], [""], ["c"]]
    assert records(b"") == []
    assert [record.cells for record in records(b"\n")] == [[""]]


@pytest.mark.parametrize("block", [3, 1 << 15])
def test_an_overlong_line_costs_itself_only_also_between_plain_ones(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", block)
    monkeypatch.setattr(delimited, "LONGEST_LINE", 100)
    found = records(b"a,b,c\n" + b"x" * 950 + b"\nd,e,f\n" + b"y" * 250)
    assert [(record.number, record.fault) for record in found] == [
        (1, ""), (2, "too_long_row"), (3, ""), (4, "too_long_row"),
    ]  # fmt: skip
    assert found[2].cells == ["d", "e", "f"]


def test_a_damaged_character_marks_its_own_row_of_a_block() -> None:
    found = records(b"a,b\nc\xff,d\ne\0,f\ng,h\n")
    assert [record.fault for record in found] == ["", "bad_character", "bad_character", ""]


FIELDS = (FieldDefinition("amount", FieldType.NUMBER), FieldDefinition("born", FieldType.DATE), FieldDefinition("city"))


def verdicts(text: str, unreadable: Unreadable = Unreadable.REFUSE) -> list[RowVerdict]:
    stream = io.BytesIO(text.encode())
    shape = inspect_file(stream)
    mapping = map_columns(shape, fields=FIELDS)
    return [*read(stream, mapping, shape=shape, country="TW", unreadable=unreadable)]


def numbered(cells: str, count: int = 3) -> str:
    return "".join(f"09{10_000_000 + row},{cells}\n" for row in range(count))


def test_a_cell_that_was_repaired_is_repaired_in_every_row_and_said_each_time() -> None:
    found = verdicts("phone,city,tags\n" + numbered("'=臺北,vip"))
    assert [dict(verdict.custom) for verdict in found] == [{"city": "=臺北"}] * 3
    assert [[fix.code for fix in verdict.fixes] for verdict in found] == [["value_rewritten"]] * 3


def test_a_cell_that_cannot_be_read_is_refused_or_left_out_in_every_row() -> None:
    text = "phone,amount,tags\n" + numbered("many,vip")
    assert [verdict.column for verdict in verdicts(text)] == ["amount"] * 3
    left_out = verdicts(text, unreadable=Unreadable.LEAVE_OUT)
    assert [([fix.code for fix in verdict.fixes], verdict.tags) for verdict in left_out] == [
        (["left_out"], ("vip",))
    ] * 3


def test_the_same_day_is_read_by_the_country_of_its_own_row() -> None:
    found = verdicts("phone,country,born\n+14155550123,US,03/04/1990\n+919876543210,IN,03/04/1990\n")
    assert [verdict.custom["born"] for verdict in found] == ["1990-03-04", "1990-04-03"]


def test_more_different_cells_than_are_remembered_are_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "_REMEMBERED", 3)
    text = "phone,language,amount,tags\n" + "".join(
        f"09{10_000_000 + row},{('en', 'ko', 'Hindi')[row % 3]},{row % 7},a{row % 5};b\n" for row in range(50)
    )
    for row, verdict in enumerate(verdicts(text)):
        assert verdict.fields == {"language": ("en", "ko", "hi")[row % 3]}
        assert verdict.custom == {"amount": str(row % 7)}
        assert verdict.tags == (f"a{row % 5}", "b")


def test_whoever_was_seen_is_known_through_every_growth() -> None:
    seen = Seen()
    people = [*(f"+8869{row:08d}" for row in range(9000)), *(f"U{row:032x}" for row in range(9000))]
    assert [seen.first(one, row) for row, one in enumerate(people, 1)] == [*range(1, 18_001)]
    assert [seen.first(one, 0) for one in people] == [*range(1, 18_001)]
