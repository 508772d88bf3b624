"""
Facts, registered texts, rules and waivers by the interface.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sendyard.delivery.evidence import keep_preflight
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction
from tests.api.conftest import TAIWANESE, Caller, problem

ENTITY = "1401234567890123456"
TEMPLATE = "1107123456789012345"
SENDERS, TEXTS, WAIVERS = "/compliance/senders", "/compliance/templates", "/compliance/waivers"
WHY = {"who": "Lin Yi", "reason": "people asked for 21:15"}


async def good(answer: Any, status: int = 200) -> Any:
    found = await answer
    assert found.status_code == status, found.text
    return found.json() if found.content else None


async def test_facts_are_told_read_and_say_which_key_told_them(caller: Caller) -> None:
    assert (await good(caller.get("/compliance")))["updated_at"] is None
    told = {"home_zone": "Asia/Kolkata", "allowed_urls": [], "options": {"india_variable_limit": 40},
            "dlt": [{"entity_id": ENTITY, "chain": "approved"}]}  # fmt: skip
    found = await good(caller.ask("PATCH", "/compliance", told))
    assert await good(caller.get("/compliance")) == found
    assert (found["home_zone"], found["allowed_urls"], found["allowed_numbers"]) == ("Asia/Kolkata", [], None)
    (key,) = await caller.yard.keys.list(caller.workspace_id)
    (ids,) = found["dlt"]
    assert (ids["account"], ids["entity_id"], ids["chain"], ids["updated_by"]) == (None, ENTITY, "approved", key["id"])
    assert found["updated_by"] == key["id"]
    document = problem(await caller.ask("PATCH", "/compliance", {"home_zone": "Mars"}), 422, "bad_facts")
    assert document["errors"][0]["pointer"] == "/home_zone"
    problem(await caller.ask("PATCH", "/compliance", {"dlt": [{"account": "none"}]}), 404, "unknown_account")


async def test_senders_are_told_listed_and_forgotten(caller: Caller) -> None:
    account_id = await caller.account("tw")
    body = {"value": "+886911510123", "account": "tw", "identity_words": ["樂活"], "registration": "approved"}
    found = await good(caller.ask("PUT", SENDERS, body))
    assert (found["account"], found["identity_words"]) == ({"id": account_id, "name": "tw"}, ["樂活"])
    again = await good(caller.ask("PUT", SENDERS, {"value": "+886911510123", "account": "tw", "note": "x"}))
    assert again["identity_words"] == ["樂活"]
    assert (await good(caller.get(SENDERS)))["data"] == [again]
    problem(await caller.ask("DELETE", SENDERS, params={"value": "+886911510123"}), 404, "unknown_sender")
    gone = await caller.http.delete(
        f"/api/v1{SENDERS}?value=+886911510123&account=tw", headers={"authorization": f"Bearer {caller.key}"}
    )
    assert gone.status_code == 204
    assert (await good(caller.get(SENDERS)))["data"] == []


async def test_gaps_are_told_for_countries(caller: Caller) -> None:
    found = await good(caller.get("/compliance/gaps", country="in,TW"))
    assert found["countries"] == ["IN", "TW"]
    assert {"in.entity", "tw.identity"} <= {one["rule"] for one in found["data"]}
    problem(await caller.get("/compliance/gaps", country="India"), 422, "bad_country")


async def test_registered_texts_are_imported_with_verdicts_and_kept(caller: Caller) -> None:
    file = {"csv": f"id,content,status\n{TEMPLATE},Hi {{#var#}},approved\n12,x,approved\n"}
    assert (await good(caller.post(f"{TEXTS}/import", file | {"dry_run": True})))["added"] == 1
    done = await good(caller.post(f"{TEXTS}/import", file))
    assert [one["verdict"] for one in done["verdicts"]] == ["added", "refused"]
    changed = await good(caller.ask("PUT", f"{TEXTS}/{TEMPLATE}", {"category": "service_implicit"}))
    assert (changed["text"], changed["state"], changed["category"]) == ("Hi {#var#}", "approved", "service_implicit")
    assert await good(caller.get(f"{TEXTS}/{TEMPLATE}")) == changed
    second = await good(caller.ask("PUT", f"{TEXTS}/{ENTITY}", {"text": "Hello"}))
    page = await good(caller.get(TEXTS, limit=1))
    assert (page["data"], page["next"]) == ([changed], TEMPLATE)
    assert await good(caller.get(TEXTS, after=page["next"])) == {"data": [second], "next": None}
    assert (await good(caller.get(TEXTS, state="pending")))["data"] == []
    await good(caller.ask("DELETE", f"{TEXTS}/{TEMPLATE}"), 204)
    problem(await caller.get(f"{TEXTS}/{TEMPLATE}"), 404, "unknown_template")
    problem(await caller.post(f"{TEXTS}/import", {"csv": "x"}), 422, "no_header")


async def test_rules_are_data_for_everybody_with_a_key(caller: Caller) -> None:
    reader = await caller.other(scopes=["messages:read"])
    found = await good(reader.get("/rules", country="KR", channel="sms", purpose="promotional", level="defer"))
    assert [one["id"] for one in found["data"]] == ["kr.night", "kr.courtesy"]
    night = await good(reader.get("/rules/kr.night"))
    assert night == found["data"][0]
    assert night["sources"][0]["section"] == "Art. 50(3)"
    assert len((await good(reader.get("/rules")))["data"]) > 60
    assert {one["waiver"] for one in (await good(reader.get("/rules", waivable="false")))["data"]} == {"nobody"}
    problem(await reader.get("/rules/kr.nothing"), 404, "unknown_rule")
    problem(await reader.get("/compliance"), 403, "missing_scope")


async def test_waivers_are_made_once_listed_and_withdrawn(caller: Caller) -> None:
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    body = {"rule": "tw.hours", "until": until, **WHY}
    made = await good(caller.post(WAIVERS, body, once="w-1"), 201)
    assert await good(caller.post(WAIVERS, body, once="w-1"), 201) == made
    problem(await caller.post(WAIVERS, body), 409, "already_waived")
    problem(await caller.post(WAIVERS, body | {"rule": "kr.night"}), 403, "not_waivable")
    problem(await caller.post(WAIVERS, body | {"reason": "so"}), 422, "bad_waiver")
    problem(await caller.post(WAIVERS, body | {"campaign": "none", "until": None}), 404, "unknown_campaign")
    await good(caller.post(WAIVERS, body | {"rule": "tw.consent"}), 201)
    page = await good(caller.get(WAIVERS, limit=1))
    assert page["data"][0]["rule"] == "tw.consent"
    assert (await good(caller.get(WAIVERS, after=page["next"])))["data"] == [made]
    ended = await good(caller.post(f"{WAIVERS}/{made['id']}/withdraw"))
    assert (ended["in_force"], ended["withdrawn_by"] != "") == (False, True)
    assert [one["rule"] for one in (await good(caller.get(WAIVERS, in_force="true")))["data"]] == ["tw.consent"]
    problem(await caller.post(f"{WAIVERS}/none/withdraw"), 404, "unknown_waiver")


def keep(caller: Caller, campaign: str, number: int) -> None:
    def work(tx: Transaction) -> str:
        return keep_preflight(tx, caller.workspace_id, campaign, {"number": number}, now=now_ms(), waived=["tw.hours"])

    caller.yard.database.write_now(work)


async def test_evidence_of_a_campaign_is_read(sender: Caller) -> None:
    body = {"name": "x", "text": "Hi", "csv": f"phone\n{TAIWANESE}\n"}
    campaign = (await good(sender.post("/campaigns", body), 201))["id"]
    made = await good(sender.post(WAIVERS, {"rule": "tw.hours", "campaign": campaign, **WHY}), 201)
    assert made["campaign"] == campaign
    keep(sender, campaign, 0)
    keep(sender, campaign, 1)
    page = await good(sender.get("/compliance/preflights", campaign=campaign, limit=1))
    (newest,) = page["data"]
    assert (newest["campaign"], newest["report"], newest["waivers"]) == (campaign, {"number": 1}, [made])
    older = await good(sender.get("/compliance/preflights", campaign=campaign, after=page["next"]))
    assert [one["report"] for one in older["data"]] == [{"number": 0}]
    problem(await sender.get("/compliance/preflights", campaign="none"), 404, "unknown_campaign")


async def test_the_history_of_facts_is_read_page_by_page_and_by_sender(caller: Caller) -> None:
    await good(caller.ask("PATCH", "/compliance", {"business": "ACME"}))
    await good(caller.ask("PUT", "/compliance/senders", {"value": "+15005550006", "note": "main"}))
    page = await good(caller.get("/compliance/history", limit=1))
    (newest,) = page["data"]
    assert (newest["subject"], newest["name"], newest["account"]) == ("sender", "+15005550006", None)
    assert newest["changes"]["note"] == {"from": None, "to": "main"}
    key = (await good(caller.get("/compliance")))["updated_by"]
    (older,) = (await good(caller.get("/compliance/history", after=page["next"])))["data"]
    assert (older["by"], older["changes"]) == (key, {"business": {"from": "", "to": "ACME"}})
    assert (await good(caller.get("/compliance/history?name=+15005550006")))["data"] == [newest]
    problem(await caller.get("/compliance/history", subject="everything"), 422, "invalid_query")


async def test_a_limited_key_does_not_decide_as_an_owner(caller: Caller) -> None:
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    body = {"rule": "us.opt_out", "until": until, "role": "owner", **WHY}
    limited = await caller.yard.keys.create(caller.workspace_id, name="desk", scopes=["compliance"])
    desk = replace(caller, key=limited["key"])
    problem(await desk.post(WAIVERS, body), 403, "role_contradicted")
    made = await good(caller.post(WAIVERS, body), 201)
    assert (made["role"], made["created_by"] != limited["id"]) == ("owner", True)
