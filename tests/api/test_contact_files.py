"""
Files of people by the interface: sent whole or as a form, step by step or in one call, and everybody as a file.
"""

import csv
import io
import stat
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sendyard.api import contact_files as files_module
from sendyard.api import uploads as uploads_module
from sendyard.domain.errors import Invalid
from tests.api.conftest import KOREAN, TAIWANESE, Caller, problem
from tests.features.test_awkward_files import EXPECTED, FOLDER, definitions, start

PEOPLE = "手機,姓名,tags\n0912345601,王小明,vip\nnobody,=1+1,\n0912345602,Ann,\n".encode("big5")


async def send(caller: Caller, content: bytes | AsyncIterator[bytes], **query: Any) -> httpx.Response:
    headers = {"content-type": "text/csv"} | query.pop("headers", {})
    return await caller.ask("POST", "/contacts/import", content=content, params=query, headers=headers)


async def finished(caller: Caller, made: dict[str, Any]) -> dict[str, Any]:
    while await caller.yard.import_worker.round():
        continue
    found: dict[str, Any] = (await caller.get(f"/contacts/imports/{made['id']}")).json()
    return found


async def refused_rows(caller: Caller, made: dict[str, Any]) -> list[list[str]]:
    answer = await caller.get(f"/contacts/imports/{made['id']}/refused.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    return [*csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))]


async def test_a_file_goes_step_by_step(caller: Caller) -> None:
    answer = await send(caller, PEOPLE, name="people.csv")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["status"], made["name"], made["file"]["encoding"], made["file"]["delimiter"]) == (
        "inspected", "people.csv", "Big5", ",",
    )  # fmt: skip
    assert [(one["column"], one["target"]) for one in made["columns"]] == [
        ("手機", "phone"), ("姓名", "name"), ("tags", "tags"),
    ]  # fmt: skip
    assert {one["code"] for one in made["preview"]["worst"]} == {"no_country", "letters"}
    one = f"/contacts/imports/{made['id']}"
    body = {"country": "tw", "list": "Spring", "tags": ["new"], "columns": {"tags": ""}, "source": "shop"}
    mapped = (await caller.post(f"{one}/mapping", body)).json()
    assert mapped["preview"]["tally"]["people"] == 2
    assert mapped["columns"][2]["target"] == ""
    assert (await caller.get(f"{one}/preview")).json() == mapped["preview"]
    assert (await caller.post(f"{one}/dry-run")).json()["status"] == "checking"
    tried = await finished(caller, made)
    assert (tried["status"], tried["checked"]["counts"]["added"]) == ("inspected", 2)
    assert (await caller.get("/contacts")).json()["data"] == []
    assert (await caller.post(f"{one}/start")).json()["status"] == "queued"
    done = await finished(caller, made)
    assert (done["status"], done["counts"]["added"], done["reasons"], done["share"]) == ("done", 2, {"letters": 1}, 1)
    people = (await caller.get("/contacts")).json()["data"]
    assert [(p["name"], p["tags"], p["lists"], p["source"]) for p in people] == [
        ("王小明", ["new"], ["Spring"], "shop"), ("Ann", ["new"], ["Spring"], "shop"),
    ]  # fmt: skip
    header, line = await refused_rows(caller, made)
    assert header[:3] == ["手機", "姓名", "tags"]
    assert line[1] == "'=1+1"
    problem(await caller.post(f"{one}/start"), 409, "no_file")
    problem(await caller.post(f"{one}/cancel"), 409, "import_ended")
    undone = (await caller.post(f"{one}/undo")).json()
    assert (undone["status"], undone["counts"]["deleted"]) == ("undone", 2)


async def test_one_call_is_enough_for_a_script_and_repeats_are_harmless(caller: Caller) -> None:
    query = {"start": "true", "list": "customers", "country": "TW", "tags": "a, b", "headers": {"idempotency-key": "1"}}
    made = (await send(caller, PEOPLE, **query)).json()
    assert made["status"] == "queued"
    again = await send(caller, PEOPLE, **query)
    assert (again.json()["id"], again.headers["idempotent-replay"]) == (made["id"], "true")
    problem(await send(caller, PEOPLE + b"x", **query), 422, "idempotency_mismatch")
    problem(await send(caller, PEOPLE, **(query | {"country": "KR"})), 422, "idempotency_mismatch")
    assert (await finished(caller, made))["counts"]["added"] == 2
    listed = (await caller.get("/contacts", filter='list = customers and tag = "b"')).json()["data"]
    assert len(listed) == 2
    (only,) = (await caller.get("/contacts/imports")).json()["data"]
    assert only["id"] == made["id"]


async def test_a_form_brings_the_file_its_name_and_the_settings(caller: Caller) -> None:
    form = {"country": "TW", "start": "true"}
    answer = await caller.ask("POST", "/contacts/import", files={"file": ("客戶.csv", PEOPLE)}, data=form)
    made = answer.json()
    assert (answer.status_code, made["name"], made["status"]) == (201, "客戶.csv", "queued")
    two = [("file", ("a.csv", PEOPLE)), ("file", ("b.csv", PEOPLE))]
    problem(await caller.ask("POST", "/contacts/import", files=two), 400, "malformed_form")
    nothing = await caller.ask("POST", "/contacts/import", files={"country": (None, "TW")})
    problem(nothing, 400, "malformed_form")
    long = await caller.ask("POST", "/contacts/import", files={"x": (None, "y" * 70_000), "file": ("a.csv", PEOPLE)})
    problem(long, 400, "malformed_form")
    wrong = {"content-type": "multipart/form-data; boundary=x"}
    problem(await send(caller, b"no form", headers=wrong), 400, "malformed_form")
    problem(await send(caller, b"no form", headers={"content-type": "multipart/form-data"}), 400, "malformed_form")
    unknown = await caller.ask("POST", "/contacts/import", files={"file": ("a.csv", PEOPLE)}, data={"colour": "red"})
    problem(unknown, 422, "invalid_query")


async def test_the_day_of_consents_is_stated_for_a_file_and_changed_while_it_is_mapped(caller: Caller) -> None:
    content = f"phone,night consent\n{KOREAN},yes\n".encode()
    made = (await send(caller, content)).json()
    assert made["preview"]["tally"]["reasons"] == {"consent_without_date": 1}
    one = f"/contacts/imports/{made['id']}"
    problem(await caller.post(f"{one}/mapping", {"consent_at": "2999-01-01"}), 422, "bad_consent_at")
    problem(await send(caller, content, consent_at="soon"), 422, "bad_consent_at")
    mapped = (await caller.post(f"{one}/mapping", {"consent_at": "2026-03-01"})).json()
    assert mapped["manner"]["consent_at"] == "2026-03-01"
    assert {column["column"]: column["target"] for column in mapped["columns"]}["night consent"] == "night_consent"
    assert mapped["preview"]["first"][0]["fields"] == {"night_consent": "yes", "night_consent_at": "2026-03-01"}
    await caller.post(f"{one}/start")
    assert (await finished(caller, made))["counts"]["added"] == 1
    (word,) = (await caller.get("/consents", to=KOREAN)).json()["data"]
    assert (word["kind"], word["state"], word["at"][:10]) == ("night", "granted", "2026-03-01")


async def test_what_is_no_list_of_people_is_refused_and_leaves_nothing(caller: Caller) -> None:
    problem(await send(caller, b""), 422, "empty_file")
    problem(await send(caller, b"%PDF-1.7"), 422, "not_a_table")
    problem(await send(caller, b"a,b\nx,y\n", start="true"), 422, "no_phone_column")
    problem(await send(caller, PEOPLE, several="some"), 422, "invalid_query")
    problem(await send(caller, PEOPLE, headers={"content-encoding": "gzip"}), 415, "wrong_content_encoding")
    assert (await caller.get("/contacts/imports")).json()["data"] == []
    left = [file for folder in ("arriving", "imports") for file in (caller.yard.settings.data_dir / folder).glob("*")]
    assert left == []


async def test_a_file_that_waits_is_its_owners_only(caller: Caller) -> None:
    made = (await send(caller, PEOPLE)).json()
    waiting = caller.yard.settings.data_dir / "imports"
    assert stat.S_IMODE((waiting / made["id"]).stat().st_mode) == 0o600
    assert stat.S_IMODE(waiting.stat().st_mode) == 0o700
    assert (await caller.post(f"/contacts/imports/{made['id']}/cancel")).json()["status"] == "cancelled"
    assert [*waiting.iterdir()] == []


async def test_a_file_that_is_too_large_is_not_taken_in(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads_module, "_AT_ONCE", 10)

    async def endless() -> AsyncIterator[bytes]:
        yield b"phone\n"
        for _ in range(files_module.FILE_LIMIT // (1 << 20) + 1):
            yield bytes(1 << 20)

    problem(await send(caller, endless()), 413, "body_too_large")
    announced = {"content-length": str(files_module.FILE_LIMIT + 1)}
    problem(await send(caller, PEOPLE, headers=announced), 413, "body_too_large")


async def test_somebody_else_sees_nothing_of_an_import(caller: Caller) -> None:
    made = (await send(caller, PEOPLE)).json()
    workspace = await caller.yard.workspaces.add("other")
    created = await caller.yard.keys.create(workspace["id"], name="theirs")
    other = Caller(caller.http, caller.yard, workspace["id"], created["key"])
    one = f"/contacts/imports/{made['id']}"
    for path in ("", "/preview", "/refused.csv"):
        problem(await other.get(one + path), 404, "unknown_import")
    for path in ("/start", "/cancel", "/dry-run", "/undo"):
        problem(await other.post(one + path), 404, "unknown_import")
    problem(await other.post(f"{one}/mapping", {}), 404, "unknown_import")


async def test_everybody_leaves_as_a_file_that_comes_back_unchanged(caller: Caller) -> None:
    for phone, tags in ((KOREAN, ["a"]), (TAIWANESE, ["a", "b"])):
        await caller.post("/contacts", {"phone": phone, "name": "=x", "tags": tags})
    await caller.post("/lists", {"name": "Spring"})
    await caller.post("/segments", {"name": "Korea", "filter": "country = KR"})
    answer = await caller.get("/contacts/export.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.decode("utf-8-sig").count("'=x") == 2
    made = (await send(caller, answer.content, start="true")).json()
    counts = (await finished(caller, made))["counts"]
    assert (counts["unchanged"], counts["updated"], counts["added"], counts["refused"]) == (2, 0, 0, 0)
    for query, lines in (({"list": "Spring"}, 1), ({"segment": "Korea"}, 2), ({"filter": "tag = b"}, 2)):
        assert len((await caller.get("/contacts/export.csv", **query)).text.splitlines()) == lines
    problem(await caller.get("/contacts/export.csv", list="x"), 404, "unknown_list")
    problem(await caller.get("/contacts/export.csv", filter="x"), 422, "bad_filter")


@pytest.mark.timeout(900)
async def test_every_awkward_file_comes_to_the_same_by_the_interface(caller: Caller) -> None:
    # One installation for all of them: building one for each would take ten times as long.
    found = {name: await awkward(caller, name) for name in sorted(EXPECTED)}
    assert found == {name: wanted(name) for name in sorted(EXPECTED)}
    refused = [name for name, outcome in found.items() if isinstance(outcome, str)]
    assert len(found) > 100 > len(refused) > 10


def wanted(name: str) -> Any:
    """What the reader alone makes of a file: the code of its refusal, or rows and reasons."""
    try:
        verdicts = [*start(name)[2]]
    except Invalid as error:
        return error.code
    return len(verdicts), Counter(verdict.code for verdict in verdicts if verdict.code), len(verdicts)


_SETTINGS = ("country", "several", "repeated", "unreadable", "consent_at")


async def awkward(caller: Caller, name: str) -> Any:
    """Send a file, map it, start it, fetch what was refused."""
    settings = EXPECTED[name].get("settings", {})
    fields = definitions(settings.get("fields", {}))
    for field in fields:
        body = {"code": field.key, "type": field.type.value, "currency": field.currency, "choices": [*field.choices]}
        assert (await caller.post("/contact-fields", body)).status_code == 201
    query = {one: settings[one] for one in _SETTINGS if one in settings}
    query |= {"encoding": settings.get("encoding_chosen", ""), "sheet": settings.get("sheet_chosen", "")}
    query |= {"landlines": "true" if settings.get("landlines") else "false", "name": name}
    try:
        answer = await send(caller, (FOLDER / name).read_bytes(), **query)
        if answer.status_code == 422:
            return answer.json()["code"]
        made = answer.json()
        one = f"/contacts/imports/{made['id']}"
        columns = {"columns": settings.get("overrides", {})}
        for answer in (await caller.post(f"{one}/mapping", columns), await caller.post(f"{one}/start")):
            if answer.status_code == 422:
                return answer.json()["code"]
        done = await finished(caller, made)
        counts, reasons = done["counts"], Counter(done["reasons"])
        lines = len(await refused_rows(caller, made)) - 1
        assert (done["status"], lines) == ("done", counts.get("refused", 0)), name
        return counts.get("rows", 0), reasons, sum(reasons.values()) + _taken(counts)
    finally:
        for field in fields:
            await caller.ask("DELETE", f"/contact-fields/{field.key}")


def _taken(counts: dict[str, int]) -> int:
    return sum(counts.get(name, 0) for name in ("added", "updated", "unchanged"))
