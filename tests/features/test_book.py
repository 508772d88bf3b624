"""
Everybody as a file: read again it changes nothing, elsewhere it makes the same people, and no spreadsheet runs it.
"""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from sendyard.domain.errors import Invalid, NotFound
from sendyard.features.audience import Book, Choice, Details, Files, Manner, Question
from sendyard.features.audience import book as book_module
from sendyard.features.people import Workspaces
from tests.features.audience_play import Crowd
from tests.yard import AMERICAN, KOREAN, TAIWANESE, Yard

FIELDS: list[dict[str, Any]] = [
    {"code": "points", "type": "number"},
    {"code": "nickname", "type": "text"},
    {"code": "spent", "type": "money", "currency": "TWD"},
    {"code": "born", "type": "date"},
    {"code": "grade", "type": "choice", "choices": ["gold, or so", "silver"]},
]


@pytest.fixture
async def crowd(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    monkeypatch.setattr(book_module, "_PAGE", 2)
    found = Crowd(yard)
    for field in FIELDS:
        await found.fields.add(found.id, **field)
    await found.add(
        TAIWANESE,
        identities=[("email", "-w@x.example"), ("external_id", "=1+1"), ("phone", "+886922222222")],
        name='=HYPERLINK("x"), 王\n小明',
        language="zh-TW",
        time_zone="Asia/Tokyo",
        tags=["vip", "+new"],
        source="shop",
        lead="won",
        fields={"points": 2.5, "nickname": "@sum", "spent": 1200, "born": "1990-01-31", "grade": "gold, or so"},
    )
    await found.add(KOREAN, name="김민수", fields={"points": -3})
    await found.contacts.add(found.id, Details(identities=[("line_id", "U" + "a" * 32)], name="'quoted"))
    await found.add(AMERICAN, country="CA")
    (listed, *_) = await found.contacts.list(found.id)
    await found.lists.add(found.id, name="Spring sale")
    await found.lists.put(found.id, "Spring sale", [listed["id"]])
    await found.suppressions.add(found.id, to=KOREAN, reason="opted_out")
    return found


async def written(crowd: Crowd, **choice: str) -> tuple[bytes, int]:
    pieces = [piece async for piece in await Book(crowd.yard.database).pieces(crowd.id, Choice(**choice))]
    return b"".join(piece for piece, _ in pieces), sum(count for _, count in pieces)


async def load(crowd: Crowd, workspace_id: str, content: bytes, folder: Path) -> dict[str, Any]:
    file = folder / "book.csv"
    file.write_bytes(content)
    return await Files(crowd.imports, crowd.fields).take(workspace_id, file, Manner())


async def test_a_book_that_is_imported_again_changes_nothing(crowd: Crowd, tmp_path: Path) -> None:
    content, people = await written(crowd)
    assert people == 4
    done = await load(crowd, crowd.id, content, tmp_path)
    assert (done["counts"]["unchanged"], done["counts"]["refused"]) == (4, 0)
    assert done["reasons"] == {}
    assert (await written(crowd))[0] == content


async def test_a_book_makes_the_same_people_elsewhere(crowd: Crowd, tmp_path: Path) -> None:
    content, _ = await written(crowd)
    workspaces = Workspaces(crowd.yard.database)
    other = await workspaces.add("other")
    for field in FIELDS:
        await crowd.fields.add(other["id"], **field)
    done = await load(crowd, other["id"], content, tmp_path)
    assert (done["counts"]["added"], done["counts"]["refused"]) == (4, 0)
    here = await crowd.contacts.list(crowd.id)
    there = await crowd.contacts.list(other["id"])
    own = {"id", "number", "created_at", "updated_at", "identities", "source"}
    assert [_without(one, own) for one in there] == [_without(one, own) for one in here]
    assert [one["source"] for one in there] == ["shop", "manual", "manual", "manual"]
    # A second number is told, not taken: nobody knows whether the file's reader wants one person or two.
    numbers = [len(one["identities"]) for one in here], [len(one["identities"]) for one in there]
    assert numbers == ([4, 1, 1, 1], [3, 1, 1, 1])


def _without(person: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in person.items() if name not in names}


async def test_a_book_has_the_same_columns_whoever_is_in_it_and_no_formulas(crowd: Crowd) -> None:
    content, _ = await written(crowd)
    nobody, none = await written(crowd, filter="name contains nobody")
    assert none == 0
    header, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert nobody.decode("utf-8-sig").strip() == ",".join(header)
    assert header == [
        *("phone", "whatsapp_id", "line_user_id", "email", "external_id", "name", "country", "language", "time_zone"),
        *("tags", "lists", "lead_state", "source", "custom:points", "custom:nickname", "custom:spent", "custom:born"),
        *("custom:grade", "sendyard_id", "other_identities", "guessed_time_zone", "suppressed", "created_at"),
        "updated_at",
    ]
    first = dict(zip(header, lines[0], strict=True))
    assert first["phone"] == TAIWANESE
    assert first["name"].startswith("'=HYPERLINK")
    assert (first["external_id"], first["email"], first["custom:nickname"]) == ("'=1+1", "'-w@x.example", "'@sum")
    assert (first["other_identities"], first["lists"]) == ("phone:+886922222222", "Spring sale")
    assert (first["custom:spent"], first["custom:points"]) == ("1200 TWD", "2.5")
    told = [dict(zip(header, line, strict=True)) for line in lines]
    assert [one["suppressed"] for one in told] == ["", "yes", "", ""]
    assert (told[0]["time_zone"], told[1]["guessed_time_zone"]) == ("Asia/Tokyo", "Asia/Seoul")


async def test_whom_a_book_has_can_be_chosen(crowd: Crowd) -> None:
    await crowd.segments.add(crowd.id, name="Korea", question=Question("country = KR"))
    assert (await written(crowd, list="spring sale"))[1] == 1
    assert (await written(crowd, segment="Korea"))[1] == 1
    assert (await written(crowd, segment="Korea", list="Spring sale"))[1] == 0
    assert (await written(crowd, filter="country in (KR, TW, CA)"))[1] == 3
    with pytest.raises(NotFound):
        await written(crowd, list="nothing")
    with pytest.raises(NotFound):
        await written(crowd, segment="nothing")
    with pytest.raises(Invalid):
        await written(crowd, filter="tag =")
