"""
Audiences, times, changes, approvals and teams by the interface.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import Caller, problem

WISH = {"name": "Spring", "text": "Hi {name|you}", "purpose": "transactional"}
PHONE, OTHER = "+886912345678", "+886912345679"


async def made(caller: Caller, **change: Any) -> dict[str, Any]:
    answer = await caller.post("/campaigns", WISH | change)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def settle(caller: Caller) -> None:
    while await caller.yard.expander.round():
        pass


async def test_an_audience_of_everything_is_gathered_and_sent(sender: Caller) -> None:
    contact = (
        await sender.post("/contacts", {"name": "Lin", "identities": [{"kind": "phone", "value": PHONE}]})
    ).json()
    await sender.post("/lists", {"name": "friends"})
    await sender.post("/lists/friends/contacts", {"contacts": [contact["id"]]})
    campaign = await made(sender, audience={"lists": ["friends"], "numbers": [OTHER, "12"]}, country="TW", start=True)
    assert (campaign["status"], campaign["gathering"], campaign["refused"]) == ("preparing", True, 1)
    await settle(sender)
    found = (await sender.get(f"/campaigns/{campaign['id']}")).json()
    assert (found["status"], found["recipients"], found["created_by"]) == ("sending", 2, campaign["created_by"])
    rows = (await sender.get(f"/campaigns/{campaign['id']}/recipients", status="queued")).json()["data"]
    assert [(row["to"], row["variables"]) for row in rows] == [(OTHER, {}), (PHONE, {"name": "Lin"})]
    waiting = await sender.get(f"/campaigns/{campaign['id']}/results.csv", status="queued")
    assert len(waiting.text.splitlines()) == 3
    refused = await sender.get(f"/campaigns/{campaign['id']}/results.csv", status="refused")
    assert len(refused.text.splitlines()) == 2
    problem(await sender.get(f"/campaigns/{campaign['id']}/results.csv", status="lost"), 422, "bad_status")


async def test_a_time_is_kept_shown_and_counted_down(sender: Caller) -> None:
    later = datetime.now(UTC) + timedelta(hours=3)
    when = {"mode": "at", "at": f"{later:%Y-%m-%dT%H:%M}", "zone": "UTC"}
    campaign = await made(sender, audience={"numbers": [PHONE]}, when=when, start=True)
    assert campaign["status"] == "scheduled"
    assert campaign["next"]["shown"] == f"{later:%Y-%m-%d %H:%M} UTC"
    assert campaign["plan"]["when"]["mode"] == "at"
    progress = (await sender.get(f"/campaigns/{campaign['id']}/progress")).json()
    assert 10_700 < progress["next"]["seconds_left"] <= 10_800
    past = when | {"at": "2020-01-01T10:00"}
    document = problem(
        await sender.post("/campaigns", WISH | {"audience": {"numbers": [PHONE]}, "when": past}), 422, "past"
    )
    assert document["errors"][0]["pointer"] == "/when/at"


async def test_a_draft_is_changed_copied_put_away_and_deleted(sender: Caller) -> None:
    campaign = await made(sender, audience={"numbers": [PHONE]}, throttle={"messages": 5})
    path = f"/campaigns/{campaign['id']}"
    wave = {"percent": 5, "wait_minutes": 30, "stop_above": 3}
    changed = (await sender.ask("PATCH", path, {"name": "Summer", "throttle": None, "waves": [wave]})).json()
    assert (changed["name"], changed["plan"]["throttle"]) == ("Summer", None)
    assert changed["plan"]["waves"] == [wave | {"count": None}]
    copy = (await sender.post(f"{path}/duplicate", {"name": "Autumn"}, once="copy")).json()
    assert (copy["name"], copy["status"]) == ("Autumn", "preparing")
    await settle(sender)
    assert (await sender.post(f"{path}/archive")).json()["archived_at"] is not None
    assert [one["id"] for one in (await sender.get("/campaigns")).json()["data"]] == [copy["id"]]
    assert [one["id"] for one in (await sender.get("/campaigns", archived="true")).json()["data"]] == [campaign["id"]]
    assert (await sender.post(f"{path}/unarchive")).json()["archived_at"] is None
    assert (await sender.ask("DELETE", path)).status_code == 204
    problem(await sender.get(path), 404, "unknown_campaign")


async def test_runs_of_a_repeating_campaign_are_listed(sender: Caller) -> None:
    repeat = {"every": "week", "on": [1], "time": "09:00", "zone": "Asia/Taipei"}
    parent = await made(sender, audience={"numbers": [PHONE]}, repeat=repeat, start=True)
    assert parent["status"] == "scheduled"
    await sender.yard.database.write(
        lambda tx: tx.run("UPDATE campaigns SET send_at = send_at - 7 * 86400000 WHERE id = ?", (parent["id"],))
    )
    await sender.yard.expander.round()
    listed = (await sender.get("/campaigns", parent=parent["id"])).json()["data"]
    assert [(one["parent_id"], one["run_at"] is not None) for one in listed] == [(parent["id"], True)]


async def test_a_second_key_approves(sender: Caller) -> None:
    assert (await sender.get("/campaign-policy")).json() == {"recipients": None, "cost": None, "currency": ""}
    answer = await sender.ask("PUT", "/campaign-policy", {"recipients": 0})
    assert answer.json()["recipients"] == 0
    campaign = await made(sender, audience={"numbers": [PHONE]})
    path = f"/campaigns/{campaign['id']}"
    asked = (await sender.post(f"{path}/start")).json()
    assert (asked["status"], asked["approval"]["state"]) == ("draft", "requested")
    problem(await sender.post(f"{path}/approve"), 403, "own_campaign")
    second = await sender.other()
    assert (await second.post(f"{path}/reject", {"note": "too late"})).json()["approval"]["state"] == "rejected"
    await sender.post(f"{path}/start")
    started = (await second.post(f"{path}/approve")).json()
    assert started["status"] == "preparing"
    assert [one["action"] for one in started["approval"]["history"]] == [
        "requested", "rejected", "requested", "approved",
    ]  # fmt: skip


async def test_a_team_key_reaches_the_team_and_nobody_else(sender: Caller) -> None:
    team = await sender.other(kind="team")
    assert (await team.get("/accounts")).status_code == 200
    problem(await team.post("/team", {"name": "Mina", "addresses": [PHONE]}), 403, "team_key")
    member = await sender.post("/team", {"name": "Mina", "addresses": ["0912345678"], "country": "tw"})
    assert member.json()["addresses"] == [PHONE]
    assert (await team.post("/messages", {"to": PHONE, "text": "Hi"})).status_code == 202
    problem(await team.post("/messages", {"to": OTHER, "text": "Hi"}), 403, "not_in_team")
    batch = {"recipients": [{"to": PHONE}, {"to": OTHER}, {"to": "12"}], "text": "Hi"}
    outcome = (await team.post("/messages/batch", batch)).json()
    assert [one["index"] for one in outcome["accepted"]] == [0]
    assert {one["index"]: one["errors"][0]["code"] for one in outcome["rejected"]} == {1: "not_in_team", 2: "too_short"}
    assert (await team.post("/otp", {"to": PHONE})).status_code == 202
    problem(await team.post("/otp", {"to": OTHER}), 403, "not_in_team")
    code = (await sender.post("/otp", {"to": OTHER})).json()
    problem(await team.post(f"/otp/{code['id']}/resend"), 403, "not_in_team")
    campaign = await made(team, audience={"numbers": [PHONE, OTHER]})
    assert (campaign["reach"], campaign["recipients"], campaign["refused"]) == ("team", 1, 1)
    assert (await team.post(f"/campaigns/{campaign['id']}/start")).json()["status"] == "preparing"
    live = await made(sender, audience={"numbers": [OTHER]})
    problem(await team.post(f"/campaigns/{live['id']}/start"), 403, "other_reach")


async def test_tests_go_to_the_team(sender: Caller) -> None:
    member = (await sender.post("/team", {"name": "Mina", "addresses": [PHONE]}, once="m")).json()
    campaign = await made(sender, audience={"numbers": [OTHER]})
    sent = (await sender.post(f"/campaigns/{campaign['id']}/test", {"row": 2})).json()["data"]
    assert [(one["to"], one["error"]) for one in sent] == [(PHONE, None)]
    assert (await sender.get(f"/messages/{sent[0]['message_id']}")).json()["to"] == PHONE
    assert [one["name"] for one in (await sender.get("/team")).json()["data"]] == ["Mina"]
    assert (await sender.ask("DELETE", f"/team/{member['id']}")).status_code == 204
    problem(await sender.ask("DELETE", f"/team/{member['id']}"), 404, "unknown_member")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"when": {"mode": "soon"}}, "/when/mode"),
        ({"throttle": {"messages": 0}}, "/throttle/messages"),
        ({"budget": {"amount": "1", "currency": "EUR"}}, None),
        ({"audience": {"lists": ["none"]}}, None),
        ({"record": {"table": "none", "key": "1"}}, None),
    ],
)
async def test_what_cannot_be_planned_is_refused(sender: Caller, change: dict[str, Any], pointer: str | None) -> None:
    answer = await sender.post("/campaigns", WISH | {"audience": {"numbers": [PHONE]}, "start": True} | change)
    assert answer.status_code in {404, 422}
    if pointer:
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_files_of_a_draft_are_replaced_until_its_start(sender: Caller) -> None:
    await sender.ask("PUT", "/routes", {"channel": "mms", "accounts": ["tw"]})
    wish = {"name": "Spring", "text": "Look", "channel": "mms", "purpose": "transactional",
            "audience": {"numbers": ["+886912345678"]}}  # fmt: skip
    path = f"/campaigns/{(await sender.post('/campaigns', wish)).json()['id']}"
    both = [{"url": "https://shop.example/a.jpg"}, {"url": "https://shop.example/b.png"}]
    edited = await sender.ask("PATCH", path, {"media": both})
    assert [one["content_type"] for one in edited.json()["plan"]["media"]] == ["image/jpeg", "image/png"]
    problem(await sender.ask("PATCH", path, {"media": [{}]}), 422, "media_id_or_url")
    none = await sender.ask("PATCH", path, {"media": []})
    assert none.json()["plan"]["media"] == []
    await sender.post(f"{path}/start")
    problem(await sender.ask("PATCH", path, {"media": both}), 409, "wrong_state")
