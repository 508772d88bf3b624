"""
People, lists, segments, suppressions and consents by the interface.
"""

import re

import pytest

from sendyard.features.audience import Wish
from tests.api.conftest import KOREAN, TAIWANESE, Caller, problem
from tests.features.audience_play import row
from tests.features.list_play import Provider

BRITISH = "+447400123456"


async def test_people_are_added_changed_merged_exported_and_erased(caller: Caller) -> None:
    field = {"code": "amount", "type": "money", "currency": "TWD"}
    assert (await caller.post("/contact-fields", field)).status_code == 201
    wish = {"phone": "0912345678", "country": "TW", "name": "王", "tags": ["vip"], "fields": {"amount": 12.5}}
    added = await caller.post("/contacts", wish, once="a")
    assert added.status_code == 201
    made = added.json()
    assert (await caller.post("/contacts", wish, once="a")).json() == made
    assert made["fields"] == {"amount": {"amount": "12.5", "currency": "TWD"}}
    problem(await caller.post("/contacts", wish), 409, "identity_taken")
    problem(await caller.post("/contacts", {"name": "x"}), 422, "no_identity")
    problem(await caller.post("/contacts", {"phone": ""}), 422, "blank")
    wrong = {"identities": [{"kind": "line_id", "value": "wang.line"}]}
    problem(await caller.post("/contacts", wrong), 422, "bad_line_user_id")
    one = f"/contacts/{made['id']}"
    body = {"identities": [{"kind": "email", "value": "w@x.example"}], "lead": "won"}
    changed = (await caller.ask("PATCH", one, body)).json()
    assert (changed["lead"], len(changed["identities"])) == ("won", 2)
    assert (await caller.get(one)).json() == changed
    other = (await caller.post("/contacts", {"phone": KOREAN})).json()
    merged = await caller.post(f"{one}/merge", {"contact": other["id"]})
    assert len(merged.json()["identities"]) == 3
    (note,) = (await caller.get(f"{one}/history")).json()["data"]
    parted = (await caller.post(f"{one}/split", {"merge": note["id"]})).json()
    assert parted["other"]["id"] == other["id"]
    dropped = await caller.ask("DELETE", f"{one}/identities", params={"kind": "email", "value": "w@x.example"})
    assert [identity["kind"] for identity in dropped.json()["identities"]] == ["phone"]
    exported = await caller.get(f"{one}/export")
    assert exported.json()["contact"]["id"] == made["id"]
    assert "attachment" in exported.headers["content-disposition"]
    assert (await caller.ask("DELETE", one)).json() == {"id": made["id"], "messages": 0, "suppressions": 0}
    problem(await caller.get(one), 404, "unknown_contact")


async def test_people_are_listed_by_filter_by_number_and_in_pages(caller: Caller) -> None:
    for number, tags in (("+886912345601", ["a"]), ("+886912345602", ["b"]), ("+886912345603", ["a"])):
        await caller.post("/contacts", {"phone": number, "tags": tags})
    page = (await caller.get("/contacts", limit=1, filter="tag = a")).json()
    rest = (await caller.get("/contacts", limit=1, filter="tag = a", after=page["next"])).json()
    assert [one["phone"] for one in page["data"] + rest["data"]] == ["+886912345601", "+886912345603"]
    assert rest["next"] is None
    assert len((await caller.get("/contacts?to=+886912345602")).json()["data"]) == 1
    assert (await caller.get("/contacts", to="0912345609", country="TW")).json()["data"] == []
    answer = problem(await caller.get("/contacts", filter="tag = c"), 422, "bad_filter")
    assert "At character 7" in answer["detail"]
    tags = (await caller.get("/tags")).json()["data"]
    assert [(one["name"], one["contacts"]) for one in tags] == [("a", 2), ("b", 1)]


async def test_lists_and_segments_are_kept_and_counted(caller: Caller) -> None:
    people = [(await caller.post("/contacts", {"phone": number})).json()["id"] for number in (KOREAN, TAIWANESE)]
    made = (await caller.post("/lists", {"name": "Spring"})).json()
    assert made["contacts"] == 0
    assert (await caller.post(f"/lists/{made['id']}/contacts", {"contacts": people})).json() == {"changed": 2}
    gone = await caller.ask("DELETE", f"/lists/{made['id']}/contacts", {"contacts": people[:1]})
    assert gone.json() == {"changed": 1}
    renamed = (await caller.ask("PATCH", f"/lists/{made['id']}", {"name": "May"})).json()
    assert (renamed["name"], renamed["contacts"]) == ("May", 1)
    assert (await caller.get("/lists")).json()["data"] == [renamed] == [(await caller.get("/lists/May")).json()]
    counted = (await caller.post("/segments/count", {"filter": "list = May"})).json()
    assert counted == {"count": 1, "filter": "list = May", "tree": {"field": "list", "op": "=", "value": "May"}}
    shown = (await caller.post("/segments/preview", {"tree": {"not": counted["tree"]}})).json()
    assert (shown["count"], shown["sample"][0]["id"], shown["filter"]) == (1, people[0], "not list = May")
    saved = (await caller.post("/segments", {"name": "Mine", "filter": "country = KR"})).json()
    assert (await caller.get(f"/segments/{saved['id']}/count")).json()["count"] == 1
    assert len((await caller.get(f"/segments/{saved['id']}/preview")).json()["sample"]) == 1
    assert (await caller.ask("PATCH", f"/segments/{saved['id']}", {"name": "Korea"})).json()["filter"] == "country = KR"
    problem(await caller.post("/segments", {"name": " KOREA", "filter": "country = TW"}), 409, "name_taken")
    problem(await caller.post("/lists", {"name": "MAY"}), 409, "name_taken")
    changed = await caller.ask("PATCH", f"/segments/{saved['id']}", {"filter": "country = TW"})
    assert (await caller.get("/segments")).json()["data"] == [changed.json()]
    assert (await caller.get(f"/segments/{saved['id']}")).json() == changed.json()
    assert (await caller.ask("DELETE", f"/segments/{saved['id']}")).status_code == 204
    assert (await caller.ask("DELETE", f"/lists/{made['id']}")).status_code == 204
    problem(await caller.get(f"/segments/{saved['id']}"), 404, "unknown_segment")


async def test_custom_fields_are_listed_changed_and_removed(caller: Caller) -> None:
    await caller.post("/contact-fields", {"code": "grade", "type": "choice", "choices": ["A"]})
    changed = (await caller.ask("PATCH", "/contact-fields/grade", {"choices": ["A", "B"]})).json()
    assert (await caller.get("/contact-fields")).json()["data"] == [changed]
    assert (await caller.ask("DELETE", "/contact-fields/grade")).status_code == 204
    problem(await caller.ask("DELETE", "/contact-fields/grade"), 404, "unknown_field")


async def test_imports_are_listed_and_taken_back(caller: Caller) -> None:
    done = await caller.yard.imports.run(caller.workspace_id, [row(2, KOREAN)], Wish("people.csv"))
    await caller.yard.imports.run(caller.workspace_id, [row(2, TAIWANESE)], Wish("more.csv"))
    page = (await caller.get("/contacts/imports", limit=1)).json()
    assert [one["name"] for one in page["data"]] == ["more.csv"]
    rest = (await caller.get("/contacts/imports", after=page["next"])).json()
    assert rest["data"] == [(await caller.get(f"/contacts/imports/{done['id']}")).json()]
    undone = (await caller.post(f"/contacts/imports/{done['id']}/undo")).json()
    assert (undone["status"], undone["counts"]["deleted"]) == ("undone", 1)
    problem(await caller.post(f"/contacts/imports/{done['id']}/undo"), 409, "not_undoable")


async def test_suppressions_have_purpose_and_evidence_and_travel_as_files(sender: Caller) -> None:
    # A country whose rules let advertising pass without more.
    wish = {"to": BRITISH, "purpose": "promotional", "reason": "opted_out", "evidence": "STOP"}
    added = (await sender.post("/suppressions", wish)).json()
    assert (added["purpose"], added["evidence"]) == ("promotional", "STOP")
    assert (await sender.post("/messages", {"to": BRITISH, "text": "Hi"})).json()["status"] == "queued"
    offer = {"to": BRITISH, "text": "Buy", "purpose": "promotional"}
    assert (await sender.post("/messages", offer)).json()["status"] == "suppressed"
    batch = {"text": "Buy", "purpose": "promotional", "recipients": [{"to": BRITISH}]}
    assert (await sender.post("/messages/batch", batch)).status_code == 202
    listed = (await sender.get("/messages", to=BRITISH)).json()["data"]
    assert sorted(one["status"] for one in listed) == ["queued", "suppressed", "suppressed"]
    csv = f"phone,channel,purpose,reason\n{TAIWANESE},sms,,complaint\nhello,,,\n{BRITISH},,promotional,\n,,,\n"
    loaded = (await sender.post("/suppressions/import", {"csv": csv, "source": "a list"})).json()
    assert (loaded["rows"], loaded["added"], loaded["known"]) == (3, 1, 1)
    assert [(one["row"], one["address"]) for one in loaded["refused"]] == [(3, "hello")]
    exported = (await sender.get("/suppressions/export")).text
    assert exported.splitlines()[0].lstrip("\ufeff") == "address,channel,purpose,reason,source,evidence,created_at"
    assert re.search(rf"{re.escape(TAIWANESE)},sms,,complaint,a list,,\d{{4}}-\d\d-\d\dT[\d:.]+Z\r?\n", exported)
    again = (await sender.post("/suppressions/import", {"csv": exported})).json()
    assert (again["added"], again["known"], again["refused"]) == (0, 2, [])
    lift = await sender.ask("DELETE", "/suppressions", params={"to": BRITISH, "purpose": "promotional"})
    assert lift.status_code == 204


async def test_consents_are_kept_word_by_word(caller: Caller) -> None:
    asked = {"to": KOREAN, "state": "asked", "source": "form", "at": "2024-01-01T00:00:00Z"}
    assert (await caller.post("/consents", asked)).status_code == 201
    granted = {"to": KOREAN, "evidence": "link pressed", "at": "2024-01-02T00:00:00Z"}
    made = (await caller.post("/consents", granted)).json()
    assert (made["state"], made["purpose"], made["at"]) == ("granted", "promotional", "2024-01-02T00:00:00Z")
    page = (await caller.get("/consents", to=KOREAN, limit=1)).json()
    rest = (await caller.get("/consents", to=KOREAN, after=page["next"])).json()
    assert [one["state"] for one in page["data"] + rest["data"]] == ["asked", "granted"]
    due = (await caller.get("/consents", given_before="2025-01-01T00:00:00Z")).json()
    assert [one["id"] for one in due["data"]] == [made["id"]]
    await caller.post("/consents", {"to": KOREAN, "state": "withdrawn"})
    assert (await caller.get("/consents", given_before="2025-01-01T00:00:00Z")).json()["data"] == []
    problem(await caller.post("/consents", {"to": KOREAN, "at": "2999-01-01T00:00:00Z"}), 422, "future")
    problem(await caller.post("/consents", {"to": KOREAN, "source": "x" * 201}), 422, "bad_source")


async def test_lists_that_providers_keep_are_read_and_kept_in_step(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider("gupshup_whatsapp", opted_out=["919876543210"])
    monkeypatch.setattr(caller.yard.transport, "exchange", provider.exchange)
    settings = provider.settings | {"base_url": "http://127.0.0.1:9"}
    await caller.yard.accounts.add(caller.workspace_id, provider="gupshup_whatsapp", name="in-main", settings=settings)
    await caller.account("us-main")
    never, nothing = (await caller.get("/suppressions/lists")).json()["data"]
    assert (never["account"], never["state"], never["reads"], never["takes"]) == ("in-main", "never", True, True)
    assert (nothing["account"], nothing["state"], nothing["reads"]) == ("us-main", "none", False)
    assert "documents no list" in nothing["detail"]
    done = (await caller.post("/suppressions/sync", {"account": "in-main"})).json()
    assert (done["state"], done["added"], done["next_at"]) == ("done", 1, None)
    (stopped,) = (await caller.get("/suppressions")).json()["data"]
    assert (stopped["address"], stopped["source"]) == ("+919876543210", "list of in-main")
    kept = await caller.ask("PATCH", "/suppressions/lists/in-main", {"every_hours": 24, "tell": True})
    assert (kept.json()["every_hours"], kept.json()["tells"]) == (24, True)
    problem(await caller.post("/suppressions/sync", {"account": "us-main"}), 409, "not_supported")
    problem(await caller.post("/suppressions/sync", {"account": "nobody"}), 404, "unknown_account")
    problem(await caller.ask("PATCH", "/suppressions/lists/us-main", {"tell": True}), 409, "not_supported")
    problem(await caller.ask("PATCH", "/suppressions/lists/in-main", {}), 422, "nothing_to_change")
