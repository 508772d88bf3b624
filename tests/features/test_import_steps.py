"""
Imports in steps: looked at, mapped, tried, started, carried on by another process, stopped, taken back.
"""

import asyncio
import csv
import io
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.features.audience import ImportSteps, ImportWorker, Manner
from sendyard.features.audience.importing import imports as imports_module
from sendyard.features.audience.importing import working as working_module
from sendyard.features.audience.importing.imports import Imports
from sendyard.features.audience.importing.undoing import undo_step
from sendyard.features.audience.reading.verdicts import Several
from sendyard.storage.identifiers import now_ms
from tests.features.audience_play import Crowd, row
from tests.yard import KOREAN, TAIWANESE, Yard

PEOPLE = "phone,name,tags\n" + "".join(f"09123456{n:02},Person {n},new\n" for n in range(6))
MESSY = "mobile,name\n0912345601,Ann\nnobody,=1+1\n0912345602,Bob\n12,Cy\n0912345603,Di\n0912345601,again\n"


@dataclass
class Hall:
    """A workspace with a folder of files and one process that works on them."""

    crowd: Crowd
    folder: Path

    def __post_init__(self) -> None:
        self.worker = self.process()
        self.nudged = 0
        self.steps = ImportSteps(self.crowd.yard.database, self.crowd.fields, self.folder / "imports", self._nudge)

    def _nudge(self) -> None:
        self.nudged += 1

    def process(self, imports: Imports | None = None) -> ImportWorker:
        """Another process on the same data directory."""
        yard = self.crowd.yard
        imports = imports or Imports(yard.database, self.crowd.keys)
        return ImportWorker(yard.database, imports, self.crowd.fields, self.folder / "imports")

    async def send(self, text: str | bytes, *, start: bool = False, name: str = "people.csv", **manner: Any) -> Any:
        file = self.folder / "sent"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        manner = {"country": "TW"} | manner
        return await self.steps.take(self.crowd.id, file, Manner(**manner), name=name, start=start)

    async def now(self, made: dict[str, Any]) -> dict[str, Any]:
        return await self.crowd.imports.get(self.crowd.id, made["id"])

    async def refused(self, made: dict[str, Any]) -> list[list[str]]:
        pieces = [piece async for piece in await self.steps.refused(self.crowd.id, made["id"])]
        return [*csv.reader(io.StringIO(b"".join(pieces).decode("utf-8-sig")))]

    async def people(self) -> Sequence[str]:
        return [one["name"] for one in await self.crowd.contacts.list(self.crowd.id)]

    def waiting(self) -> list[Path]:
        folder = self.folder / "imports"
        return [*folder.iterdir()] if folder.exists() else []

    def expire(self) -> None:
        """Let the time of every lease pass."""
        self.crowd.yard.database.write_now(lambda tx: tx.run("UPDATE contact_imports SET lease_until = 0"))


class Killed(BaseException):
    """The process is gone at this moment."""


class Mortal(Imports):
    """Stores some steps, then its process is killed."""

    steps_left = 2

    async def _step(self, *arguments: Any) -> None:
        if not self.steps_left:
            raise Killed
        self.steps_left -= 1
        await super()._step(*arguments)


@pytest.fixture
def hall(yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hall:
    monkeypatch.setattr(imports_module, "CHUNK", 2)
    return Hall(Crowd(yard), tmp_path)


async def test_a_file_is_looked_at_mapped_tried_started_and_taken_back(hall: Hall) -> None:
    made = await hall.send("x,y\n0912345601,Ann\nnobody,Bob\n0912345602,Cy\n", name="customers.csv")
    assert (made["status"], made["file"]["encoding"], made["file"]["delimiter"]) == ("inspected", "UTF-8", ",")
    assert made["columns"][0] == {"column": "x", "target": "phone", "because": "contents"}
    assert made["preview"]["tally"]["refused"] == 1
    assert made["preview"]["worst"][0]["code"] == "letters"
    mapped = await hall.steps.map(hall.crowd.id, made["id"], {"columns": {"y": "name"}, "list": "Spring"})
    assert [one["target"] for one in mapped["columns"]] == ["phone", "name"]
    assert (await hall.steps.preview(hall.crowd.id, made["id"]))["first"][0]["fields"] == {"name": "Ann"}
    assert not await hall.worker.round()
    assert (await hall.steps.check(hall.crowd.id, made["id"]))["status"] == "checking"
    assert await hall.worker.round()
    tried = await hall.now(made)
    assert (tried["status"], tried["checked"]["counts"]["added"], tried["counts"]) == ("inspected", 2, {})
    assert tried["checked"]["reasons"] == {"letters": 1}
    assert await hall.people() == []
    assert len(await hall.refused(made)) == 2
    assert (await hall.steps.start(hall.crowd.id, made["id"]))["status"] == "queued"
    assert hall.nudged == 2
    assert await hall.worker.round()
    done = await hall.now(made)
    assert (done["status"], done["counts"]["added"], done["reasons"], done["share"]) == ("done", 2, {"letters": 1}, 1)
    assert await hall.people() == ["Ann", "Cy"]
    assert (await hall.crowd.contacts.list(hall.crowd.id))[0]["lists"] == ["Spring"]
    assert hall.waiting() == []
    assert (await hall.crowd.imports.undo(hall.crowd.id, made["id"], patience=20))["counts"]["deleted"] == 2
    assert await hall.people() == []


async def test_refused_rows_come_back_with_their_reasons_and_without_formulas(hall: Hall) -> None:
    made = await hall.send(MESSY, start=True)
    assert await hall.worker.round()
    header, *lines = await hall.refused(made)
    assert header == ["mobile", "name", "Not imported because"]
    assert [(line[0], line[1]) for line in lines] == [("nobody", "'=1+1"), ("12", "Cy"), ("0912345601", "again")]
    assert [line[2].split(",")[0] for line in lines] == ["Row 3", "Row 5", "Row 7"]
    done = await hall.now(made)
    assert done["reasons"] == {"letters": 1, "too_short": 1, "duplicate": 1}
    assert sum(done["reasons"].values()) == done["counts"]["refused"]


async def test_an_import_whose_process_was_killed_is_carried_on_by_another(hall: Hall) -> None:
    made = await hall.send(MESSY, start=True)
    mortal = Mortal(hall.crowd.yard.database, hall.crowd.keys)
    with pytest.raises(Killed):
        await hall.process(mortal).round()
    running = await hall.now(made)
    assert (running["status"], running["counts"]["rows"]) == ("running", 4)
    assert not await hall.worker.round()
    hall.expire()
    assert await hall.worker.round()
    done = await hall.now(made)
    assert (done["status"], done["counts"]["rows"], done["counts"]["added"], done["counts"]["refused"]) == (
        "done", 6, 3, 3,
    )  # fmt: skip
    assert await hall.people() == ["Ann", "Bob", "Di"]
    assert len(await hall.refused(made)) == 4


async def test_people_of_one_row_are_never_parted_by_a_step(hall: Hall) -> None:
    text = "phone\n0912345601\n0912345602 / 0912345603 / 0912345604\n0912345605\n"
    made = await hall.send(text, start=True, several=Several.EACH)
    mortal = Mortal(hall.crowd.yard.database, hall.crowd.keys)
    mortal.steps_left = 1
    with pytest.raises(Killed):
        await hall.process(mortal).round()
    assert len(await hall.people()) == 4
    hall.expire()
    await hall.worker.round()
    assert len(await hall.people()) == 5
    assert (await hall.now(made))["counts"]["added"] == 5


async def test_of_two_processes_one_does_the_work(hall: Hall) -> None:
    made = await hall.send(PEOPLE, start=True)
    others = [hall.process() for _ in range(3)]
    assert sorted(await asyncio.gather(*(worker.round() for worker in others))) == [False, False, True]
    done = await hall.now(made)
    assert (done["counts"]["rows"], done["counts"]["added"]) == (6, 6)


async def test_a_process_that_ends_in_order_leaves_its_import_to_the_next_at_once(hall: Hall) -> None:
    made = await hall.send(PEOPLE, start=True)
    ending = Mortal(hall.crowd.yard.database, hall.crowd.keys)

    async def end(*_: Any) -> None:
        raise asyncio.CancelledError

    ending._step = end  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await hall.process(ending).round()
    assert (await hall.now(made))["status"] == "running"
    assert await hall.worker.round()
    assert (await hall.now(made))["status"] == "done"


async def test_cancelling_stops_at_the_next_step_and_what_was_stored_can_be_taken_back(hall: Hall) -> None:
    made = await hall.send(PEOPLE, start=True)

    class Cancelled(Mortal):
        async def _step(self, *arguments: Any) -> None:
            await super()._step(*arguments)
            await steps.cancel(workspace_id, made["id"])

    steps, workspace_id = hall.steps, hall.crowd.id
    assert await hall.process(Cancelled(hall.crowd.yard.database, hall.crowd.keys)).round()
    stopped = await hall.now(made)
    assert (stopped["status"], stopped["counts"]["rows"]) == ("cancelled", 2)
    assert hall.waiting() == []
    assert not await hall.worker.round()
    with pytest.raises(Conflict, match="has ended"):
        await hall.steps.cancel(hall.crowd.id, made["id"])
    with pytest.raises(Conflict, match="Send it again"):
        await hall.steps.start(hall.crowd.id, made["id"])
    assert (await hall.crowd.imports.undo(hall.crowd.id, made["id"]))["counts"]["deleted"] == 2
    assert await hall.people() == []


async def test_an_import_of_the_command_line_that_died_says_what_to_do(hall: Hall) -> None:
    dying = Mortal(hall.crowd.yard.database, hall.crowd.keys)

    async def gone(*_: Any) -> None:
        raise Killed

    dying.finish = gone  # type: ignore[assignment, method-assign]
    with pytest.raises(Killed):
        await dying.run(hall.crowd.id, [row(n, f"+8869123456{n:02}") for n in range(6)], imports_module.Wish("x.csv"))
    (left,) = await hall.crowd.imports.list(hall.crowd.id)
    assert left["status"] == "running"
    with pytest.raises(Conflict):
        await hall.crowd.imports.undo(hall.crowd.id, left["id"])
    hall.expire()
    assert await hall.worker.round()
    failed = await hall.now(left)
    assert failed["status"] == "failed"
    assert "importing the file again adds only what is missing" in failed["failure"]
    assert (await hall.crowd.imports.undo(hall.crowd.id, left["id"]))["counts"]["deleted"] == 4


async def test_a_cancelled_import_of_the_command_line_ends_with_a_word(hall: Hall) -> None:
    cancelled = Mortal(hall.crowd.yard.database, hall.crowd.keys)
    told: list[int] = []

    def tell(counts: Any) -> None:
        told.append(counts["rows"])
        if len(told) == 1:
            (one,) = hall.crowd.yard.rows("SELECT id FROM contact_imports")
            hall.crowd.yard.database.write_now(
                lambda tx: tx.run("UPDATE contact_imports SET status = 'cancelled' WHERE id = ?", one)
            )

    rows = [row(n, f"+8869123456{n:02}") for n in range(6)]
    with pytest.raises(Conflict, match="cancelled"):
        await cancelled.run(hall.crowd.id, rows, imports_module.Wish("x.csv"), progress=tell)
    assert told == [2]


async def test_a_file_that_nobody_sees_fails_after_a_while(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await hall.send(PEOPLE, start=True)
    for file in hall.waiting():
        file.unlink()
    # Another machine may have it.
    assert not await hall.worker.round()
    monkeypatch.setattr(working_module, "_PATIENCE_MS", -1)
    assert await hall.worker.round()
    assert "no longer there" in (await hall.now(made))["failure"]


async def test_undoing_goes_on_after_a_crash(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await hall.send(PEOPLE, start=True)
    await hall.worker.round()
    monkeypatch.setattr("sendyard.features.audience.importing.undoing._AT_ONCE", 2)
    real, left = undo_step, [2]

    def dying(*arguments: Any, **options: Any) -> Any:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return real(*arguments, **options)

    monkeypatch.setattr(imports_module, "undo_step", dying)
    with pytest.raises(Killed):
        await hall.crowd.imports.undo(hall.crowd.id, made["id"])
    assert ((await hall.now(made))["status"], len(await hall.people())) == ("undoing", 2)
    with pytest.raises(Conflict):
        await hall.crowd.imports.undo(hall.crowd.id, made["id"])
    monkeypatch.setattr(imports_module, "undo_step", real)
    hall.expire()
    assert await hall.worker.round()
    undone = await hall.now(made)
    assert (undone["status"], undone["counts"]["deleted"], await hall.people()) == ("undone", 6, [])


async def test_whoever_has_no_patience_is_told_that_undoing_goes_on(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await hall.send(PEOPLE, start=True)
    await hall.worker.round()
    imports, go = hall.crowd.imports, threading.Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        assert go.wait(60)
        return undo_step(*arguments, **options)

    monkeypatch.setattr(imports_module, "undo_step", slow)
    assert (await imports.undo(hall.crowd.id, made["id"], patience=0))["status"] == "undoing"
    go.set()
    await asyncio.gather(*imports._undoing)
    assert (await hall.now(made))["status"] == "undone"


async def test_a_workbook_that_turns_out_damaged_fails_with_its_reason(hall: Hall) -> None:
    damaged = (Path(__file__).parent / "awkward_files" / "cut_off.xlsx").read_bytes()
    with pytest.raises(Invalid, match="damaged"):
        await hall.send(damaged)
    assert hall.waiting() == []
    made = await hall.send(PEOPLE, start=True)
    (file,) = hall.waiting()
    file.write_bytes(damaged)
    assert await hall.worker.round()
    failed = await hall.now(made)
    assert (failed["status"], "damaged" in failed["failure"]) == ("failed", True)
    # The owner mends the file's place and carries on.
    file.write_text(PEOPLE)
    await hall.steps.start(hall.crowd.id, made["id"])
    await hall.worker.round()
    assert ((await hall.now(made))["status"], len(await hall.people())) == ("done", 6)


async def test_a_mistake_of_ours_fails_the_import_and_not_the_worker(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = await hall.send(PEOPLE, start=True)

    def wrong(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(imports_module, "store_chunk", wrong)
    assert await hall.worker.round()
    failed = await hall.now(made)
    assert (failed["status"], "unexpectedly" in failed["failure"]) == ("failed", True)
    assert "ZeroDivisionError" in caplog.text


async def test_a_file_without_a_way_to_reach_anybody_waits_for_its_mapping(hall: Hall) -> None:
    with pytest.raises(Invalid, match="column of phone numbers"):
        await hall.send("a,b\nx,y\n", start=True)
    made = await hall.send("a,b\nx,y\n")
    assert (made["status"], made["preview"]["tally"]) == ("inspected", None)
    with pytest.raises(Invalid, match="column of phone numbers"):
        await hall.steps.start(hall.crowd.id, made["id"])
    with pytest.raises(Invalid, match="Expected one of the columns"):
        await hall.steps.map(hall.crowd.id, made["id"], {"columns": {"c": "phone"}})
    with pytest.raises(NotFound):
        await hall.steps.start(hall.crowd.id, "nothing")


async def test_a_started_import_is_not_mapped_or_started_again(hall: Hall) -> None:
    made = await hall.send(PEOPLE, start=True)
    with pytest.raises(Conflict, match="started"):
        await hall.steps.map(hall.crowd.id, made["id"], {"country": "KR"})
    with pytest.raises(Conflict, match="started"):
        await hall.steps.start(hall.crowd.id, made["id"])


async def test_files_and_refused_rows_are_kept_for_a_time_only(hall: Hall) -> None:
    kept = await hall.send(PEOPLE)
    forgotten = await hall.send(MESSY)
    done = await hall.send(MESSY, start=True)
    failed = await hall.send(PEOPLE, start=True)
    (hall.folder / "imports" / failed["id"]).write_bytes(b"")
    await hall.worker.round()
    await hall.worker.round()
    stray = hall.folder / "imports" / "stray"
    stray.write_text("x")
    os.utime(stray, (time.time() - 90_000,) * 2)
    await hall.steps.tidy()
    assert len(hall.waiting()) == 3
    assert len(await hall.refused(done)) == 4
    day_ago, week_ago = now_ms() - 25 * 3_600_000, now_ms() - 8 * 86_400_000

    def age(tx: Any) -> None:
        for made in (forgotten, failed):
            tx.run("UPDATE contact_imports SET created_at = ? WHERE id = ?", (day_ago, made["id"]))
        tx.run("UPDATE contact_import_refusals SET created_at = ?", (week_ago,))

    hall.crowd.yard.database.write_now(age)
    for made in (forgotten, failed):
        os.utime(hall.folder / "imports" / made["id"], (time.time() - 90_000,) * 2)
    await hall.steps.tidy()
    assert [file.name for file in hall.waiting()] == [kept["id"]]
    assert len(await hall.refused(done)) == 1
    with pytest.raises(NotFound):
        await hall.now(forgotten)
    assert (await hall.now(failed))["status"] == "failed"
    with pytest.raises(Conflict, match="Send it again"):
        await hall.steps.start(hall.crowd.id, failed["id"])


async def test_the_worker_goes_on_after_an_error_and_works_when_told(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(working_module, "_AFTER_ERROR", 0.0)
    rounds: list[int] = []
    real = hall.worker.round

    async def troubled() -> bool:
        rounds.append(1)
        if len(rounds) == 1:
            raise OSError("the database is away")
        return await real()

    monkeypatch.setattr(hall.worker, "round", troubled)
    running = asyncio.create_task(hall.worker.run())
    made = await hall.send(PEOPLE, start=True)
    hall.worker.nudge()
    for _ in range(6000):
        if (await hall.now(made))["status"] == "done":
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("nothing was done")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "could not be looked at" in caplog.text


async def test_lists_of_a_column_are_made_and_nobody_is_resubscribed(hall: Hall) -> None:
    await hall.crowd.suppressions.add(hall.crowd.id, to=TAIWANESE, reason="opted_out")
    text = f"phone,lists,consent\n{TAIWANESE},Spring; Summer,yes\n{KOREAN},spring,yes\n"
    first = await hall.send(text, start=True)
    await hall.worker.round()
    again = await hall.send(text, start=True)
    await hall.worker.round()
    assert [one["lists"] for one in await hall.crowd.contacts.list(hall.crowd.id)] == [["Spring", "Summer"], ["Spring"]]
    counts = [(await hall.now(made))["counts"] for made in (first, again)]
    assert [(one["added"], one["unchanged"], one["suppressed"]) for one in counts] == [(2, 0, 1), (0, 2, 1)]
    assert len(await hall.crowd.suppressions.list(hall.crowd.id)) == 1
    assert [one["address"] for one in await hall.crowd.consents.list(hall.crowd.id)] == [KOREAN]


async def test_columns_that_no_field_holds_are_named_and_not_silently_lost(hall: Hall) -> None:
    text = "phone,name,Shoe Size,天氣\n0912345678,Ann,42,晴\n"
    made = await hall.send(text)
    assert {one["column"]: one["target"] for one in made["columns"]} == {
        "phone": "phone", "name": "name", "Shoe Size": "", "天氣": "",
    }  # fmt: skip
    (remark,) = made["file"]["remarks"]
    assert remark.startswith("The columns Shoe Size, 天氣 will not be stored: no field is called so.")
    with pytest.raises(Invalid, match="no custom field 'shoes' for Shoe Size") as caught:
        await hall.steps.map(hall.crowd.id, made["id"], {"columns": {"Shoe Size": "custom:shoes"}})
    assert (caught.value.code, caught.value.errors[0].pointer) == ("unknown_field", "/mapping/Shoe Size")
    await hall.crowd.fields.add(hall.crowd.id, code="shoes")
    mapped = await hall.steps.map(hall.crowd.id, made["id"], {"columns": {"Shoe Size": "custom:shoes", "天氣": ""}})
    assert mapped["file"]["remarks"] == []
    assert mapped["columns"][2]["target"] == "custom:shoes"


async def test_what_is_being_tried_is_told_apart_from_what_was_begun(hall: Hall) -> None:
    made = await hall.send(PEOPLE)
    await hall.steps.check(hall.crowd.id, made["id"])
    with pytest.raises(Conflict, match="still going on") as caught:
        await hall.steps.start(hall.crowd.id, made["id"])
    assert caught.value.code == "import_checked"
