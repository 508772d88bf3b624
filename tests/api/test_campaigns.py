"""
Campaigns by the interface, with the loop that prepares them run by hand.
"""

import base64
import json
from typing import Any

import pytest

from sendyard.api.campaigns import CampaignDoor
from sendyard.api.operations import Ask, NoBody, NoQuery
from tests.api.conftest import Caller, problem

FILE = "phone,name\n+821012345678,Kim\n+886912345678,Lin\n12,Bad\n"
WISH = {"name": "Spring", "text": "Hi {name}", "csv": FILE, "purpose": "transactional"}


async def made(caller: Caller, **change: Any) -> dict[str, Any]:
    answer = await caller.post("/campaigns", WISH | change)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_campaign_goes_from_file_to_results(sender: Caller) -> None:
    campaign = await made(sender)
    assert (campaign["status"], campaign["recipients"], campaign["refused"]) == ("draft", 2, 1)
    assert campaign["columns"] == {"phone": "phone", "variables": {"name": "name"}}
    path = f"/campaigns/{campaign['id']}"
    checks = (await sender.post(f"{path}/preflight")).json()
    assert checks["messages"] == 2
    assert checks["cost"]["low"] == "0.0158"
    started = (await sender.post(f"{path}/start")).json()
    assert started["status"] == "preparing"
    for _ in range(3):
        await sender.yard.expander.round()
    progress = (await sender.get(f"{path}/progress")).json()
    assert (progress["status"], progress["messages"], progress["counts"]) == ("sending", 2, {"queued": 2})
    rows = (await sender.get(f"{path}/recipients", limit=2)).json()
    assert [(row["row"], row["to"], row["status"]) for row in rows["data"]] == [
        (2, "+821012345678", "queued"),
        (3, "+886912345678", "queued"),
    ]
    rest = (await sender.get(f"{path}/recipients", after=rows["next"])).json()
    assert ([row["status"] for row in rest["data"]], rest["next"]) == (["refused"], None)
    assert len((await sender.get(f"{path}/recipients", status="refused")).json()["data"]) == 1
    listed = (await sender.get("/messages", campaign=campaign["id"])).json()["data"]
    assert {message["campaign"] for message in listed} == {campaign["id"]}
    assert (await sender.post(f"{path}/pause")).json()["status"] == "paused"
    assert (await sender.post(f"{path}/resume")).json()["status"] == "sending"
    assert (await sender.post(f"{path}/cancel")).json()["status"] == "cancelled"
    results = await sender.get(f"{path}/results.csv")
    assert results.headers["content-type"].startswith("text/csv")
    assert campaign["id"] in results.headers["content-disposition"]
    assert results.text.count("cancelled") == 2
    retry = await sender.post(f"{path}/retry-failed")
    assert retry.status_code in {201, 409}


async def test_campaign_from_a_template_and_bytes_in_an_asian_charset(sender: Caller) -> None:
    await sender.post("/templates", {"code": "hi", "body": "{이름}님"})
    file = base64.b64encode("전화번호,이름\n010-1234-5678,김민수\n".encode("cp949")).decode()
    wish = {"name": "봄", "template": "hi", "csv_base64": file, "country": "KR"}
    answer = await sender.post("/campaigns", wish, once="spring")
    campaign = answer.json()
    assert (campaign["template"], campaign["template_version"], campaign["recipients"]) == ("hi", 1, 1)
    again = await sender.post("/campaigns", wish, once="spring")
    assert again.json() == campaign
    assert len((await sender.get("/campaigns")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"csv": None}, "nobody", "/audience"),
        ({"csv_base64": "eA=="}, "one_file", "/csv"),
        ({"text": None}, None, "/text"),
        ({"account": "nobody"}, "unknown_account", "/account"),
        ({"purpose": "otp"}, "invalid_body", "/purpose"),
        ({"csv_base64": "%", "csv": None}, "invalid_body", "/csv_base64"),
    ],
)
async def test_unusable_campaign_is_refused(
    sender: Caller, change: dict[str, Any], code: str | None, pointer: str
) -> None:
    answer = await sender.post("/campaigns", WISH | change)
    document = problem(answer, 422, code or answer.json()["code"])
    assert document["errors"][0]["pointer"] == pointer


async def test_unknown_template_and_campaign_are_not_found(sender: Caller) -> None:
    missing = await sender.post("/campaigns", {"name": "x", "template": "none", "csv": FILE})
    problem(missing, 404, "unknown_template")
    for method, path in (("GET", ""), ("GET", "/progress"), ("GET", "/results.csv"), ("POST", "/start")):
        problem(await sender.ask(method, f"/campaigns/none{path}"), 404, "unknown_campaign")
    campaign = await made(sender)
    assert (await sender.post(f"/campaigns/{campaign['id']}/resume")).status_code == 409


async def test_campaigns_are_paged_newest_first(sender: Caller) -> None:
    ids = [(await made(sender, name=f"number {number}"))["id"] for number in range(3)]
    first = (await sender.get("/campaigns", limit=2)).json()
    assert [campaign["id"] for campaign in first["data"]] == ids[:0:-1]
    rest = (await sender.get("/campaigns", limit=2, after=first["next"])).json()
    assert ([campaign["id"] for campaign in rest["data"]], rest["next"]) == (ids[:1], None)


async def test_progress_stream_tells_news_until_the_end(sender: Caller) -> None:
    campaign = await made(sender)
    path = f"/campaigns/{campaign['id']}"
    principal = await sender.yard.keys.authenticate(sender.key)
    ask = Ask(principal, {"id": campaign["id"]}, NoQuery(), NoBody(), "text/event-stream")
    answer = await CampaignDoor(sender.yard.campaigns, sender.yard.media, look=0.001).progress(ask)
    assert answer.stream is not None
    stream = aiter(answer.stream)
    first = await anext(stream)
    assert first.startswith(b"id: ")
    assert b"\nevent: progress\ndata: {" in first
    assert json.loads(first.split(b"data: ")[1])["status"] == "draft"
    # Nothing changes, so the next thing heard only keeps the connection open.
    assert (await anext(stream)).startswith(b":")
    await sender.post(f"{path}/cancel")
    rest = [piece async for piece in stream]
    assert b'"cancelled"' in rest[-2]
    assert rest[-1].startswith(b"event: end")


async def test_a_stream_that_is_taken_up_again_tells_only_what_is_new(sender: Caller) -> None:
    campaign = await made(sender)
    await sender.post(f"/campaigns/{campaign['id']}/cancel")
    stream = {"accept": "text/event-stream"}
    path = f"/campaigns/{campaign['id']}/progress"
    told = (await sender.ask("GET", path, headers=stream)).text
    last = told.splitlines()[0].removeprefix("id: ")
    assert told.count("event: progress") == 1
    again = await sender.ask("GET", path, headers=stream | {"last-event-id": last})
    assert again.text == "event: end\ndata: {}\n\n"
    later = await sender.ask("GET", path, headers=stream | {"last-event-id": "older"})
    assert later.text == told


async def test_stream_of_a_finished_campaign_ends_at_once(sender: Caller) -> None:
    campaign = await made(sender)
    await sender.post(f"/campaigns/{campaign['id']}/cancel")
    answer = await sender.ask("GET", f"/campaigns/{campaign['id']}/progress", headers={"accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("event: end\ndata: {}\n\n")
