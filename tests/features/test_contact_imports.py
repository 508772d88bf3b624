"""
Imports: what they add and change, that they never do it twice, and that they can be taken back exactly.
"""

from typing import Any

import psycopg
import pytest

from sendyard.domain.errors import Conflict, NotFound
from sendyard.features.audience import Details
from sendyard.features.audience.importing import imports as imports_module
from sendyard.features.audience.reading.verdicts import Outcome, RowVerdict
from sendyard.storage.engine import Database
from tests.features.audience_play import Crowd, row
from tests.yard import KOREAN, TAIWANESE, Yard


@pytest.fixture
def crowd(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    monkeypatch.setattr(imports_module, "CHUNK", 2)
    return Crowd(yard)


def people(count: int = 5) -> list[RowVerdict]:
    return [
        row(number + 2, f"+8869{number:08d}", fields={"name": f"Person {number}"}, tags=("new",))
        for number in range(count)
    ]


def state(crowd: Crowd) -> Any:
    contacts = crowd.yard.rows(
        "SELECT no, name, marks, country, language, n1, x1 FROM contacts WHERE NOT gone ORDER BY no"
    )
    return contacts, crowd.yard.rows("SELECT kind, value, contact_no FROM identities ORDER BY kind, value")


async def test_a_file_becomes_people_and_repeating_it_changes_nothing(crowd: Crowd) -> None:
    told: list[dict[str, int]] = []
    rows = [*people(), RowVerdict(9, 0, Outcome.REFUSED, (), code="too_short", detail="x")]
    wish = imports_module.Wish("a.csv", list="Spring", tags=("file",))
    done = await crowd.imports.run(crowd.id, rows, wish, progress=lambda counts: told.append(dict(counts)))
    assert {name: done["counts"].get(name) for name in ("rows", "added", "updated", "refused")} == {
        "rows": 6, "added": 5, "updated": 0, "refused": 1,
    }  # fmt: skip
    assert [one["rows"] for one in told] == [2, 4, 6]
    first = (await crowd.contacts.list(crowd.id))[0]
    assert (first["name"], first["tags"], first["lists"], first["source"], first["country"], first["time_zone"]) == (
        "Person 0", ["file", "new"], ["Spring"], "import", "TW", "Asia/Taipei",
    )  # fmt: skip
    before = state(crowd)
    again = await crowd.load(rows, list="spring", tags=("FILE",))
    assert (again["counts"]["added"], again["counts"]["updated"], again["counts"]["unchanged"]) == (0, 0, 5)
    assert state(crowd) == before
    assert [one["status"] for one in await crowd.imports.list(crowd.id)] == ["done", "done"]
    assert (await crowd.imports.get(crowd.id, done["id"]))["counts"] == done["counts"]


async def test_blank_cells_leave_what_is_known_and_filled_ones_change_it(crowd: Crowd) -> None:
    await crowd.fields.add(crowd.id, code="points", type="number")
    made = await crowd.add(TAIWANESE, name="王", language="zh-TW", source="shop", tags=["a"], fields={"points": 1})
    done = await crowd.load(
        [row(2, TAIWANESE, fields={"first_name": "小明", "last_name": "王", "time_zone": "Asia/Tokyo"},
             custom={"points": "2.5", "unknown": "x"}, tags=("b",))]
    )  # fmt: skip
    assert done["counts"]["updated"] == 1
    found = await crowd.contacts.get(crowd.id, made["id"])
    assert (found["name"], found["language"], found["source"], found["tags"], found["fields"]) == (
        "王小明", "zh-TW", "shop", ["a", "b"], {"points": 2.5},
    )  # fmt: skip
    assert (found["time_zone"], found["time_zone_origin"]) == ("Asia/Tokyo", "set")


async def test_a_person_is_found_by_any_identity_but_not_by_a_shared_address(crowd: Crowd) -> None:
    made = await crowd.add(TAIWANESE, identities=[("external_id", "C-1"), ("email", "home@x.example")])
    rows = [
        row(2, "", fields={"external_id": "C-1", "name": "By number of ours"}),
        row(3, KOREAN, fields={"email": "HOME@x.example", "name": "Family"}),
        row(4, "", whatsapp_id="KR.1", fields={"external_id": "C-2", "name": "New"}),
        row(5, "", whatsapp_id="KR.1", line_user_id="U" + "a" * 32, fields={"language": "ko"}),
    ]
    done = await crowd.load(rows)
    assert (done["counts"]["added"], done["counts"]["updated"], done["counts"]["shared"]) == (2, 1, 1)
    assert (await crowd.contacts.get(crowd.id, made["id"]))["name"] == "By number of ours"
    family = await crowd.contacts.find(crowd.id, "phone", KOREAN)
    assert family is not None
    assert [one["kind"] for one in family["identities"]] == ["phone"]
    new = await crowd.contacts.find(crowd.id, "whatsapp_id", "KR.1")
    assert new is not None
    assert (new["language"], len(new["identities"])) == ("ko", 3)


async def test_one_person_twice_in_a_chunk_is_one_person(crowd: Crowd) -> None:
    rows = [row(2, KOREAN, fields={"name": "First"}), row(3, KOREAN, fields={"email": "k@x.example", "name": "Last"})]
    done = await crowd.load(rows)
    assert (done["counts"]["added"], done["counts"]["unchanged"]) == (1, 1)
    (person,) = await crowd.contacts.list(crowd.id)
    assert (person["name"], len(person["identities"])) == ("Last", 2)


async def test_a_dry_run_says_the_same_and_does_nothing(crowd: Crowd) -> None:
    await crowd.add("+886900000000", name="There")
    before = state(crowd)
    wish = imports_module.Wish("a.csv", list="Spring")
    dry = await crowd.imports.run(crowd.id, people(), wish, dry_run=True)
    assert (dry["dry_run"], dry["counts"]["added"], dry["counts"]["updated"]) == (True, 4, 1)
    assert state(crowd) == before
    assert await crowd.lists.all(crowd.id) == []
    assert await crowd.imports.list(crowd.id) == []


async def test_undoing_restores_exactly_what_was_there(crowd: Crowd) -> None:
    await crowd.fields.add(crowd.id, code="points", type="number")
    await crowd.lists.add(crowd.id, name="Spring")
    await crowd.add("+886900000000", name="There", tags=["old"], fields={"points": 1})
    await crowd.add("+886900000001", name="")
    before = state(crowd)
    rows = [row(2, "+886900000000", fields={"name": "Changed", "email": "t@x.example"}, custom={"points": "7"}),
            *people(), row(9, "+886900000000", fields={"name": "Again", "language": "zh"})]  # fmt: skip
    done = await crowd.load(rows, list="Spring")
    assert (done["counts"]["added"], done["counts"]["updated"]) == (3, 3)
    undone = await crowd.imports.undo(crowd.id, done["id"])
    assert (undone["status"], undone["counts"]["deleted"], undone["counts"]["restored"]) == ("undone", 3, 2)
    assert state(crowd) == before
    with pytest.raises(Conflict):
        await crowd.imports.undo(crowd.id, done["id"])
    with pytest.raises(NotFound):
        await crowd.imports.undo(crowd.id, "nothing")


async def test_undoing_keeps_what_was_changed_since(crowd: Crowd) -> None:
    old = await crowd.add(KOREAN, name="Old", tags=["kept"])
    done = await crowd.load([*people(2), row(9, KOREAN, fields={"name": "Imported", "language": "ko"}, tags=("new",))])
    fresh = await crowd.contacts.find(crowd.id, "phone", "+886900000000")
    assert fresh is not None
    await crowd.contacts.edit(crowd.id, fresh["id"], Details(name="Touched"))
    await crowd.contacts.edit(crowd.id, old["id"], Details(name="Mine", tags=["new", "kept", "mine"]))
    undone = await crowd.imports.undo(crowd.id, done["id"])
    assert (undone["counts"]["deleted"], undone["counts"]["kept"]) == (1, 1)
    left = await crowd.contacts.get(crowd.id, old["id"])
    assert (left["name"], left["language"], left["tags"]) == ("Mine", "", ["kept", "mine"])
    assert len(await crowd.contacts.list(crowd.id)) == 2


async def test_an_import_never_takes_a_no_back(crowd: Crowd) -> None:
    await crowd.suppressions.add(crowd.id, to=TAIWANESE, reason="opted_out")
    await crowd.consents.add(crowd.id, to=KOREAN, state="withdrawn")
    rows = [row(2, TAIWANESE, consent=True), row(3, KOREAN, consent=True),
            row(4, "+886911111111", consent=True, fields={"consent_at": "2026-01-31"}),
            row(5, "+886922222222", consent=False)]  # fmt: skip
    done = await crowd.load(rows)
    assert done["counts"]["suppressed"] == 1
    assert len(await crowd.suppressions.list(crowd.id)) == 1
    said = {one["address"]: one for one in await crowd.consents.list(crowd.id)}
    assert {address: one["state"] for address, one in said.items()} == {
        KOREAN: "withdrawn", "+886911111111": "granted", "+886922222222": "withdrawn",
    }  # fmt: skip
    assert said["+886911111111"]["at"] == 1_769_817_600_000
    assert said["+886911111111"]["evidence"] == "people.csv, row 4"
    await crowd.load(rows)
    assert len(await crowd.consents.list(crowd.id)) == 3
    await crowd.imports.undo(crowd.id, done["id"])
    assert [one["address"] for one in await crowd.consents.list(crowd.id)] == [KOREAN]


async def test_a_value_beyond_what_can_be_kept_refuses_its_row_only(crowd: Crowd) -> None:
    await crowd.fields.add(crowd.id, code="points", type="number")
    done = await crowd.load([row(2, TAIWANESE, custom={"points": "0.12345678"}), row(3, KOREAN)])
    assert done["refusals"] == [{"row": 2, "code": "too_exact", "detail": done["refusals"][0]["detail"]}]
    assert (done["counts"]["added"], done["counts"]["refused"]) == (1, 1)


async def test_a_file_that_breaks_off_is_kept_as_failed_and_can_be_taken_back(crowd: Crowd) -> None:
    def broken() -> Any:
        yield from people(4)
        raise ValueError("the file ends here")

    with pytest.raises(ValueError, match="ends here"):
        await crowd.load(broken())
    (failed,) = await crowd.imports.list(crowd.id)
    assert failed["status"] == "failed"
    assert len(await crowd.contacts.list(crowd.id)) == 4
    assert (await crowd.imports.undo(crowd.id, failed["id"]))["counts"]["deleted"] == 4
    assert await crowd.contacts.list(crowd.id) == []


@pytest.fixture
def looked_over(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The tables that the database was asked to look over, once for each time; five people are many."""
    seen: list[tuple[str, ...]] = []

    async def note(_database: Database, *tables: str) -> None:
        seen.append(tables)

    monkeypatch.setattr(imports_module, "_MUCH", 5)
    monkeypatch.setattr(Database, "look_over", note)
    return seen


async def test_the_database_looks_over_what_a_large_import_stored(
    crowd: Crowd, looked_over: list[tuple[str, ...]]
) -> None:
    rows = people(5)
    await crowd.load(rows[:4])
    await crowd.imports.run(crowd.id, rows, imports_module.Wish("a.csv"), dry_run=True)
    await crowd.load(rows)
    assert looked_over == []  # four, none, and one
    await crowd.load([one._replace(fields={"name": "Ann"}) for one in rows])
    assert len(looked_over) == 1
    assert {"contacts", "identities"} <= {*looked_over[0]}


async def test_a_database_that_cannot_look_over_leaves_a_large_import_done(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(_database: Database, *_tables: str) -> None:
        raise psycopg.OperationalError("too many connections")

    monkeypatch.setattr(imports_module, "_MUCH", 5)
    monkeypatch.setattr(Database, "look_over", refuse)
    done = await crowd.load(people(5))
    assert (done["status"], (await crowd.imports.get(crowd.id, done["id"]))["status"]) == ("done", "done")
    assert "could not look over" in caplog.text


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
async def test_postgres_knows_how_many_people_there_are_after_a_large_import(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports_module, "_MUCH", 5)
    await crowd.load(people(7))
    ((contacts, identities),) = crowd.yard.rows(
        "SELECT a.reltuples, b.reltuples FROM pg_class a CROSS JOIN pg_class b"
        " WHERE a.oid = CAST('contacts' AS regclass) AND b.oid = CAST('identities' AS regclass)"
    )
    assert (contacts, identities) == (7, 7)
