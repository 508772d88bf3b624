"""
Drips by the interface.
"""

from typing import Any

import pytest

from tests.api.conftest import Caller, problem

PHONE, OTHER = "+886912345678", "+886912345679"
WISH = {
    "name": "Welcome",
    "purpose": "transactional",
    "country": "TW",
    "steps": [{"text": "Hi {name|you}"}, {"text": "Still there?", "wait": {"days": 1}, "at": "09:00"}],
}


async def made(caller: Caller, **change: Any) -> dict[str, Any]:
    answer = await caller.post("/drips", WISH | change)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def settle(caller: Caller) -> None:
    while await caller.yard.drip_timer.round():
        pass


async def test_a_text_that_needs_what_nobody_brings_is_refused_before_anything_is_kept(sender: Caller) -> None:
    steps = [{"text": "Hi"}, {"text": "Your code is {voucher}", "wait": {"days": 1}}]
    for audience in (
        {"numbers": [PHONE]},
        {"contacts": [(await sender.post("/contacts", {"phone": PHONE})).json()["id"]]},
    ):
        refused = await sender.post("/drips", WISH | {"steps": steps, "audience": audience})
        assert "no field for {voucher}" in problem(refused, 422, "missing_field")["detail"]
    assert (await sender.get("/drips")).json()["data"] == []
    spared = [{"text": "Your code is {voucher|on its way}"}]
    assert (await made(sender, steps=spared, audience={"numbers": [PHONE]}))["status"] == "draft"


async def test_a_drip_is_made_started_and_followed(sender: Caller) -> None:
    exits = ["replied", {"tag": "vip"}]
    drip = await made(sender, audience={"numbers": [PHONE, "12"]}, exit=exits, start=True)
    assert (drip["status"], drip["people"]["refused"], drip["exit"]) == (
        "active", 1, ["replied", {"tag": "vip", "segment": ""}],
    )  # fmt: skip
    await settle(sender)
    added = await sender.post(f"/drips/{drip['id']}/people", {"to": OTHER, "variables": {"name": "Wu"}})
    assert added.status_code == 201
    assert (added.json()["no"], added.json()["step"], added.json()["variables"]) == (3, 1, {"name": "Wu"})
    again = await sender.post(f"/drips/{drip['id']}/people", {"to": OTHER})
    problem(again, 409, "already_in")
    await settle(sender)
    found = (await sender.get(f"/drips/{drip['id']}")).json()
    first, second = found["steps"]
    assert (first["messages"], second["waiting"], second["wait"]["days"], second["at"]) == (
        {"queued": 2}, 2, 1, "09:00",
    )  # fmt: skip
    assert (first["status"], first["next_at"], second["status"]) == ("under_way", None, "under_way")
    assert second["next_at"] == min(
        one["next_at"] for one in (await sender.get(f"/drips/{drip['id']}/people", state="active")).json()["data"]
    )
    progress = (await sender.get(f"/campaigns/{first['campaign_id']}/progress")).json()
    assert progress["recipients"] == 2
    step = {"id": drip["id"], "name": drip["name"], "step": 1, "people_may_come": True}
    assert progress["drip"] == (await sender.get(f"/campaigns/{first['campaign_id']}")).json()["drip"] == step
    page = (await sender.get(f"/drips/{drip['id']}/people", limit=1)).json()
    assert (page["data"][0]["to"], page["next"]) == (PHONE, "1")
    rest = (await sender.get(f"/drips/{drip['id']}/people", after=page["next"])).json()
    assert ([one["state"] for one in rest["data"]], rest["next"]) == (["refused", "active"], None)
    results = await sender.get(f"/drips/{drip['id']}/results.csv")
    assert len(results.text.splitlines()) == 4
    problem(await sender.get("/drips/nothing"), 404, "unknown_drip")


async def test_it_is_paused_resumed_and_cancelled(sender: Caller) -> None:
    drip = await made(sender, audience={"numbers": [PHONE]})
    problem(await sender.post(f"/drips/{drip['id']}/pause"), 409, "wrong_state")
    for action, status in (("start", "active"), ("pause", "paused"), ("resume", "active"), ("cancel", "cancelled")):
        answer = await sender.post(f"/drips/{drip['id']}/{action}")
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    await made(sender, name="Second")
    page = (await sender.get("/drips", limit=1)).json()
    assert [one["name"] for one in page["data"]] == ["Second"]
    rest = (await sender.get("/drips", after=page["next"])).json()
    assert ([one["name"] for one in rest["data"]], rest["next"]) == (["Welcome"], None)


async def test_what_is_wrong_with_a_step_is_told_when_it_is_made(sender: Caller) -> None:
    drip = await made(sender, audience={"numbers": [PHONE]}, steps=[{"text": "Hi"}, {"text": "x", "channel": "rcs"}])
    assert [one["step"] for one in drip["checks"] if one["level"] == "block"] == [2]
    told = (await sender.post(f"/drips/{drip['id']}/preflight")).json()["data"]
    assert [(one["step"], one["preflight"]["messages"]) for one in told] == [(1, 1), (2, 0)]
    problem(await sender.post(f"/drips/{drip['id']}/start"), 422, "nobody_reachable")
    answer = await sender.post("/drips", WISH | {"steps": [{"text": "Hi", "at": "late"}]})
    assert answer.json()["errors"][0]["pointer"] == "/steps/0/at"


async def test_the_team_gets_a_step(sender: Caller) -> None:
    await sender.post("/team", {"name": "Mina", "addresses": [OTHER]})
    drip = await made(sender, audience={"numbers": [PHONE]})
    sent = await sender.post(f"/drips/{drip['id']}/test", {"step": 2})
    assert sent.status_code == 202
    assert [(one["to"], one["error"]) for one in sent.json()["data"]] == [(OTHER, None)]


async def test_a_running_drip_gets_a_new_version_a_pace_and_a_budget(sender: Caller) -> None:
    drip = await made(sender, csv=f"phone,name\n{PHONE},Lin\n", throttle={"messages": 100, "per": "hour"}, start=True)
    assert (drip["version"], drip["older"], drip["throttle"], drip["columns"]["phone"]) == (
        1, [], {"messages": 100, "per": "hour"}, "phone",
    )  # fmt: skip
    await settle(sender)
    path = f"/drips/{drip['id']}"
    changed = await sender.ask("PATCH", path, {"throttle": None, "name": "Hello"})
    assert (changed.status_code, changed.json()["throttle"], changed.json()["version"]) == (200, None, 1)
    steps = [{"text": "New"}, {"text": "New later", "wait": {"days": 1}}]
    newer = (await sender.ask("PATCH", path, {"steps": steps, "exit": ["replied"], "apply_to": "all"})).json()
    assert (newer["name"], newer["version"], [one["text"] for one in newer["steps"]]) == (
        "Hello",
        2,
        ["New", "New later"],
    )
    assert [(one["version"], one["active"], one["steps"][0]["messages"]) for one in newer["older"]] == [
        (1, 1, {"queued": 1})
    ]
    await settle(sender)
    (person,) = (await sender.get(f"{path}/people")).json()["data"]
    assert (person["version"], person["round"], person["step"]) == (2, 1, 2)
    problem(await sender.ask("PATCH", path, {"budget": {"amount": "5", "currency": "XXX"}}), 422, "no_price")
    assert (await sender.ask("PATCH", path, {"channel": "mms"})).status_code in {400, 422}
    problem(await sender.ask("PATCH", "/drips/none", {"name": "x"}), 404, "unknown_drip")
    both = await sender.post("/drips", WISH | {"csv": "phone\n", "csv_base64": "cGhvbmUK"})
    problem(both, 422, "one_file")


@pytest.mark.parametrize("path", ["", "/people", "/results.csv"])
async def test_a_key_without_the_scope_sees_no_drips(sender: Caller, path: str) -> None:
    created = await sender.post("/keys", {"name": "reader", "scopes": ["messages:read"]})
    reader = {"authorization": f"Bearer {created.json()['key']}"}
    assert (await sender.ask("GET", f"/drips/x{path}", headers=reader)).status_code == 403


async def test_whom_a_drip_means_is_changed_while_it_goes_on(sender: Caller) -> None:
    for name, number in (("Guests", PHONE), ("Regulars", OTHER)):
        assert (await sender.post("/lists", {"name": name})).status_code == 201
        person = (await sender.post("/contacts", {"phone": number})).json()["id"]
        await sender.post(f"/lists/{name}/contacts", {"contacts": [person]})
    drip = await made(sender, audience={"lists": ["Guests"]}, start=True)
    await settle(sender)
    path = f"/drips/{drip['id']}"
    edited = await sender.ask("PATCH", path, {"audience": {"lists": ["Regulars"]}, "enrol": "segment"})
    assert edited.status_code == 200, edited.text
    assert (edited.json()["version"], edited.json()["enrol"], edited.json()["looking"]) == (1, "segment", True)
    await settle(sender)
    people = (await sender.get(f"{path}/people")).json()["data"]
    assert [(one["to"], one["state"]) for one in people] == [(PHONE, "active"), (OTHER, "active")]
    gone = await sender.ask("PATCH", path, {"audience": {"lists": ["None"]}})
    problem(gone, 404, "unknown_list")


async def test_a_step_carries_files(sender: Caller) -> None:
    await sender.ask("PUT", "/routes", {"channel": "mms", "accounts": ["tw"]})
    poster = {"url": "https://shop.example/poster.jpg"}
    steps = [{"text": "Look", "channel": "mms", "media": [poster]}, {"text": "And?", "wait": {"days": 1}}]
    drip = await made(sender, steps=steps, audience={"numbers": [PHONE]})
    shown = {"url": poster["url"], "content_type": "image/jpeg"}
    assert [one["media"] for one in drip["plan"]] == [one["media"] for one in drip["steps"]] == [[shown], []]
    listed = (await sender.get("/drips")).json()["data"][0]
    assert listed["plan"][0]["media"] == [shown]
    two = [steps[0], {"text": "No", "channel": "mms", "media": [{"id": "gone"}, poster]}]
    document = problem(await sender.ask("PATCH", f"/drips/{drip['id']}", {"steps": two}), 422, "unknown_media")
    assert document["errors"][0]["pointer"] == "/steps/1/media"
    started = await sender.post(f"/drips/{drip['id']}/start")
    assert started.status_code == 200, started.text
    await settle(sender)
    (message,) = (await sender.get("/messages")).json()["data"]
    whole = (await sender.get(f"/messages/{message['id']}")).json()
    assert [one["url"] for one in whole["media"]] == [poster["url"]]
