"""
Templates in full and data records, over the interface.
"""

import tomllib
from typing import Any

import pytest

from tests.api.conftest import KOREAN, TAIWANESE, Caller, problem

FLIGHT: dict[str, Any] = {
    "language": "en",
    "variables": {
        "flight.date": {"type": "date", "sample": "2026-05-03"},
        "flight.price": {"type": "money", "sample": "240000 TWD"},
        "extras": {"type": "list", "required": False},
    },
    "bodies": {
        "sms": {
            "en": {"text": "{name}, {flight.number} on {flight.date}, {flight.price}. {extras}"},
            "ko": {"text": "{name}님, {flight.date} {flight.number}편, {flight.price}. {extras}"},
        },
        "lms": {"en": {"title": "Flight", "text": "{flight.number}"}, "ko": {"title": "항공편", "text": "{name}님"}},
    },
    "samples": [{"name": "Mina", "flight.number": "BW 120"}],
}
CSV = "Number,Date,Price\nBW 120,2026-05-03,240000 TWD\nBW 121,2026-05-04,180000 TWD\n"
TYPES = {"date": "date", "price": {"type": "money"}}


@pytest.fixture
async def flights(sender: Caller) -> Caller:
    """A caller with a template and a table of flights."""
    added = await sender.post("/templates", {"code": "flight", "document": FLIGHT})
    assert added.status_code == 201, added.text
    wish = {"csv": CSV, "columns": TYPES, "prefix": "flight"}
    done = await sender.post("/records/flights/import", wish)
    assert done.status_code == 200, done.text
    assert (done.json()["rows"], done.json()["added"], done.json()["refusals"]) == (2, 2, [])
    return sender


def message(**changes: Any) -> dict[str, Any]:
    use = {"code": "flight", "variables": {"name": "Ann"}, "record": {"table": "flights", "key": "BW 120"}}
    return {"to": TAIWANESE, "template": use | changes}


async def text_of(caller: Caller, body: dict[str, Any]) -> str:
    answer = await caller.post("/messages", body)
    assert answer.status_code == 202, answer.text
    return str((await caller.get(f"/messages/{answer.json()['id']}")).json()["text"])


async def test_pick_a_flight_pick_a_template_pick_a_person(flights: Caller) -> None:
    assert await text_of(flights, message()) == "Ann, BW 120 on May 3, 2026, NT$240,000. "
    assert await text_of(flights, message(language="ko-KR")) == "Ann님, 2026. 5. 3. BW 120편, NT$240,000. "
    values = {"name": "Ann", "extras": ["tea", "rice"], "flight.number": "BW 999"}
    assert await text_of(flights, message(variables=values)) == "Ann, BW 999 on May 3, 2026, NT$240,000. tea and rice"


async def test_a_batch_shares_a_record(flights: Caller) -> None:
    use = {"code": "flight", "record": {"table": "flights", "key": "BW 121"}}
    recipients = [{"to": TAIWANESE, "variables": {"name": "Ann"}}, {"to": TAIWANESE}]
    answer = await flights.post("/messages/batch", {"template": use, "recipients": recipients})
    assert answer.status_code == 202, answer.text
    assert [one["index"] for one in answer.json()["accepted"]] == [0]
    assert answer.json()["rejected"][0]["errors"][0]["code"] == "missing_variable"


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"record": {"table": "flights", "key": "BW 1"}}, "unknown_row", "/template/record"),
        ({"record": {"table": "trains", "key": "1"}}, "unknown_table", "/template/record"),
        (
            {"variables": {"name": "A", "flight.date": "soon"}},
            "bad_value",
            "/template/variables/flight.date",
        ),
    ],
)
async def test_what_is_wrong_with_a_use_is_named(
    flights: Caller, changes: dict[str, Any], code: str, pointer: str
) -> None:
    refused = problem(await flights.post("/messages", message(**changes)), 422, code)
    assert refused["errors"][0]["pointer"] == pointer


async def test_a_template_for_promotion_is_sent_as_such(sender: Caller) -> None:
    document = {"purpose": "promotional", "bodies": {"sms": {"": {"text": "Offer"}}}}
    await sender.post("/templates", {"code": "offer", "document": document})
    refused = problem(
        await sender.post("/messages", {"to": TAIWANESE, "template": {"code": "offer"}}), 422, "purpose_differs"
    )
    assert "promotional" in refused["detail"]


async def test_versions_are_compared_copied_and_archived(flights: Caller) -> None:
    changed = await flights.ask("PATCH", "/templates/flight", {"body": "{name}: {flight.number}"})
    assert (changed.json()["version"], changed.json()["languages"]) == (2, ["en", "ko"])
    found = (await flights.get("/templates/flight/differences", old="1", new="2")).json()
    assert [text["place"] for text in found["texts"]] == ["sms/en/text"]
    problem(await flights.get("/templates/flight/differences", old="1", new="9"), 404, "unknown_version")
    copy = await flights.post("/templates/flight/copy", {"code": "flight-2"})
    assert (copy.status_code, copy.json()["document"]) == (201, changed.json()["document"])
    problem(await flights.post("/templates/flight/copy", {"code": "flight-2"}), 409, "code_taken")
    archived = (await flights.post("/templates/flight/archive")).json()
    assert archived["archived_at"].endswith("Z")
    assert [one["code"] for one in (await flights.get("/templates")).json()["data"]] == ["flight-2"]
    assert [one["code"] for one in (await flights.get("/templates", archived="true")).json()["data"]] == ["flight"]
    refused = problem(await flights.post("/messages", message()), 422, "template_archived")
    assert refused["errors"][0]["pointer"] == "/template/code"
    assert (await flights.post("/templates/flight/unarchive")).json()["archived_at"] is None
    versions = (await flights.get("/templates/flight/versions")).json()["data"]
    assert [one["document"]["bodies"]["sms"]["en"]["text"][:6] for one in versions] == ["{name}", "{name}"]


async def test_a_preview_takes_samples_records_and_people(flights: Caller) -> None:
    async def preview(**wish: Any) -> dict[str, Any]:
        answer = await flights.post("/templates/flight/preview", wish)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    sample = await preview(sample=0, country="TW")
    assert sample["rendered"] == "Mina, BW 120 on May 3, 2026, NT$240,000. "
    assert (sample["price"]["account"], sample["class"], sample["registered"]) == ("tw", "", [])
    assert sample["problems"] == []
    record = {"table": "flights", "key": "BW 121"}
    assert (await preview(record=record, variables={"name": "Ann"}))["values"]["flight.price"] == "NT$180,000"
    person = {"name": "민아", "phone": KOREAN, "language": "ko"}
    contact = (await flights.post("/contacts", person)).json()
    for_her = await preview(record=record, contact=contact["id"])
    assert (for_her["kind"], for_her["title"], for_her["text"], for_her["class"]) == ("lms", "항공편", "민아님", "LMS")
    problem(await flights.post("/templates/flight/preview", {"contact": "nobody"}), 404, "unknown_contact")
    problem(await flights.post("/templates/flight/preview", {}), 422, "missing_variable")
    unsaved = await flights.post(
        "/templates/preview", {"body": "봄 할인 {rate}%", "variables": {"rate": 20}, "country": "KR",
                               "purpose": "promotional"},
    )  # fmt: skip
    assert unsaved.json()["text"].startswith("(광고)")
    assert "kr.label" in {rule["rule"] for rule in unsaved.json()["rules"]}
    assert (await flights.post("/templates/preview", {"document": FLIGHT, "sample": 0})).status_code == 200
    problem(await flights.post("/templates/preview", {}), 422, "code_or_body")


async def test_a_preview_names_what_sending_would_refuse(flights: Caller) -> None:
    korean = {"body": "{hello} 🎉", "variables": {"hello": "안녕"}, "country": "KR", "channel": "mms"}
    shown = await flights.post("/templates/preview", korean)
    assert shown.status_code == 200, shown.text
    (fault,) = shown.json()["problems"]
    assert fault["code"] == "characters_not_carried"
    assert "cannot show these characters: '🎉'" in fault["detail"]


@pytest.mark.parametrize(
    ("document", "pointer", "words"),
    [
        (FLIGHT | {"purpose": "news"}, "/purpose", "otp, transactional, promotional, found 'news'"),
        (FLIGHT | {"bodies": {"a/b~c": {}}}, "/bodies/a~1b~0c", "sms, lms, mms, whatsapp, alimtalk, line, found 'a/b~"),
        (FLIGHT | {"variables": {"n": {"type": "int"}}}, "/variables/n/type", "text, number, money, date, time, link"),
        (
            FLIGHT | {"bodies": {"line": {"en": {"text": "x", "buttons": [{"kind": "call", "text": "x"}]}}}},
            "/bodies/line/en/buttons/0/kind",
            "copy_code, phone, reply, url, found 'call'",
        ),
    ],
)
async def test_a_word_that_a_document_does_not_know_is_answered_with_those_it_knows(
    caller: Caller, document: dict[str, Any], pointer: str, words: str
) -> None:
    answer = problem(await caller.post("/templates", {"code": "x", "document": document}), 422, "invalid_body")
    (fault,) = answer["errors"]
    assert (fault["pointer"], fault["code"]) == (f"/document{pointer}", "choice")
    assert fault["detail"].startswith(f"Expected one of {words}")


async def test_templates_are_taken_out_and_brought_in(flights: Caller) -> None:
    document = (await flights.get("/templates/export")).json()
    assert [one["code"] for one in document["templates"]] == ["flight"]
    assert tomllib.loads((await flights.get("/templates/export", format="toml", codes="flight")).text)["templates"]
    problem(await flights.get("/templates/export", codes="nothing"), 404, "unknown_template")
    document["templates"][0]["code"] = "again"
    bad = {"code": "bad", "document": {"bodies": {}}}
    wish = {"templates": [*document["templates"], bad]}
    tried = (await flights.post("/templates/import", wish | {"dry_run": True})).json()
    done = (await flights.post("/templates/import", wish)).json()
    assert tried == done
    assert (done["added"], done["refused"][0]["code"]) == (["again"], "bad")
    problem(await flights.post("/templates/import", {"templates": [{"x": 1}]}), 422, "bad_export")


async def test_a_set_is_listed_and_installed(caller: Caller) -> None:
    sets = (await caller.get("/templates/starters")).json()["data"]
    assert [one["set"] for one in sets] == ["appointments", "charter-flights", "codes", "delivery", "shop"]
    done = (await caller.post("/templates/starters/shop")).json()
    assert (len(done["added"]), done["kept"]) == (6, [])
    assert (await caller.get("/templates/shop-sale")).json()["purpose"] == "promotional"
    problem(await caller.post("/templates/starters/nothing"), 404, "unknown_set")


@pytest.mark.parametrize("code", ["starters", "export", "import", "preview"])
async def test_codes_that_are_words_of_addresses_are_not_given(caller: Caller, code: str) -> None:
    problem(await caller.post("/templates", {"code": code, "body": "Hi"}), 422, "reserved_code")


async def test_a_document_that_cannot_be_used_is_refused_with_its_place(caller: Caller) -> None:
    wish = {"code": "a", "document": {"language": "en", "bodies": {"sms": {"en": {"text": "Hi {"}}}}}
    refused = problem(await caller.post("/templates", wish), 422, "bad_document")
    assert refused["errors"][0]["pointer"] == "/document/bodies/sms/en/text"
    problem(await caller.post("/templates", {"code": "a"}), 422, "body_or_document")


async def test_records_are_kept_by_hand_too(caller: Caller) -> None:
    wish = {"name": "orders", "key": "no", "columns": {"no": "text", "total": {"type": "money", "currency": "TWD"}}}
    made = await caller.post("/records", wish)
    assert (made.status_code, made.json()["prefix"], made.json()["rows"]) == (201, "orders", 0)
    problem(await caller.post("/records", wish), 409, "name_taken")
    rows = [{"no": 1, "total": 1200}, {"no": 2, "total": "much"}]
    stored = (await caller.post("/records/orders/rows", {"rows": rows})).json()
    assert (stored["added"], stored["refused"], stored["refusals"][0]["row"]) == (1, 1, 2)
    await caller.post("/records/orders/rows", {"rows": [{"no": "3"}]})
    first = (await caller.get("/records/orders/rows", limit="1")).json()
    assert (first["data"][0]["values"], first["next"]) == ({"no": "1", "total": "1200 TWD"}, "1")
    assert (await caller.get("/records/orders/rows", after="1")).json()["next"] is None
    assert (await caller.get("/records/orders/rows/1")).json()["values"]["total"] == "1200 TWD"
    assert (await caller.ask("DELETE", "/records/orders/rows/1")).json() == {"removed": "1"}
    problem(await caller.get("/records/orders/rows/1"), 404, "unknown_row")
    assert (await caller.get("/records/orders")).json()["rows"] == 1
    assert [one["name"] for one in (await caller.get("/records")).json()["data"]] == ["orders"]
    problem(await caller.post("/records/orders/import", {}), 422, "one_file")
    tried = await caller.post("/records/new/import", {"file_base64": "bm8KMQo=", "dry_run": True})
    assert tried.json()["added"] == 1
    problem(await caller.get("/records/new"), 404, "unknown_table")
    assert (await caller.ask("DELETE", "/records/orders")).status_code == 200
    problem(await caller.get("/records/orders"), 404, "unknown_table")
