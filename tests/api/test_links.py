"""
Short links through the interface, and what people and machines get at the addresses themselves.
"""

import re
import sqlite3
from typing import Any

import httpx
import pytest

from sendyard.api.short_pages import PAGES, language_for
from sendyard.domain.links.tokens import LENGTH
from sendyard.providers.wire import HttpResponse
from sendyard.storage.engine import Database
from tests.api.conftest import TAIWANESE, Caller, problem

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B83"
PUBLIC = "https://yard.example"


async def made(
    caller: Caller, url: str = "https://shop.example/sale", code: str = "sale", **more: Any
) -> dict[str, Any]:
    answer = await caller.post("/links", {"url": url, "code": code, **more})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def visit(http: httpx.AsyncClient, address: str, method: str = "GET", **headers: str) -> httpx.Response:
    told = {"user-agent": PHONE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await http.request(method, address.removeprefix(PUBLIC), headers=told)


async def text_of(caller: Caller, message_id: str) -> str:
    answer = await caller.get(f"/messages/{message_id}")
    return str(answer.json()["text"])


# ---- the interface -------------------------------------------------------------------------------


async def test_links_are_made_listed_changed_and_looked_at(caller: Caller) -> None:
    one = await made(caller, title="Spring", expires_in=3600)
    assert (one["variable"], one["visits"]) == ("{link.sale}", {"people": 0, "clicks": 0, "filtered": 0})
    other = await made(caller, "https://shop.example/{number}", "track")
    assert other["short_url"] is None
    first = (await caller.get("/links", limit=1)).json()
    assert [found["code"] for found in first["data"]] == ["track"]
    rest = (await caller.get("/links", after=first["next"])).json()
    assert ([found["code"] for found in rest["data"]], rest["next"]) == (["sale"], None)
    changed = await caller.ask("PATCH", "/links/sale", {"title": "Sale", "expires_in": 0})
    assert (changed.status_code, changed.json()["title"]) == (200, "Sale")
    assert changed.json()["expires_at"] < one["expires_at"]
    assert (await caller.get(f"/links/{one['id']}")).json() == changed.json()


async def test_what_is_wrong_with_a_link_is_said(caller: Caller) -> None:
    await made(caller)
    problem(await caller.post("/links", {"url": "https://shop.example/", "code": "sale"}), 409, "code_taken")
    wrong = problem(await caller.post("/links", {"url": "javascript:alert(1)"}), 422, "bad_url")
    assert wrong["errors"][0]["pointer"] == "/url"
    problem(await caller.get("/links/none"), 404, "unknown_link")
    problem(await caller.get("/links/none/clicks"), 404, "unknown_link")
    problem(
        await caller.post("/links", {"url": "https://shop.example/", "domain": "go.example"}), 404, "unknown_domain"
    )


async def test_key_without_the_scope_sees_no_links(caller: Caller) -> None:
    other = await caller.other(scopes=["messages:read"])
    problem(await other.get("/links"), 403, "missing_scope")


async def test_repeating_a_create_makes_one_link(caller: Caller) -> None:
    body = {"url": "https://shop.example/sale"}
    one, two = [await caller.post("/links", body, once="once-1") for _ in range(2)]
    assert one.json() == two.json()
    assert len((await caller.get("/links")).json()["data"]) == 1


async def test_domain_is_noted_proved_by_its_own_door_and_used(
    caller: Caller, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = await caller.post("/link-domains", {"host": "go.example"})
    assert noted.status_code == 201
    domain = noted.json()
    assert domain["check_url"] == f"https://go.example/.well-known/sendyard/{domain['id']}"
    problem(await caller.post("/link-domains", {"host": "go.example"}), 409, "domain_exists")
    door = domain["check_url"].removeprefix("https://go.example")

    async def through_our_door(request: Any, _timeout: Any) -> HttpResponse:
        answer = await http.get(request.url.removeprefix("https://go.example"))
        return HttpResponse(answer.status_code, {}, answer.content)

    monkeypatch.setattr("sendyard.delivery.outside.Outside.exchange", lambda _self, *asked: through_our_door(*asked))
    verified = await caller.post(f"/link-domains/{domain['id']}/verify")
    assert (verified.status_code, verified.json()["verified_at"] is not None) == (200, True)
    assert (await http.head(door)).content == b""
    assert (await http.get("/.well-known/sendyard/nobody")).status_code == 404
    assert (await made(caller))["short_url"].startswith("https://go.example/l/")
    listed = (await caller.get("/link-domains")).json()
    assert [one["host"] for one in listed["data"]] == ["go.example"]
    assert (await caller.ask("DELETE", f"/link-domains/{domain['id']}")).status_code == 204
    problem(await caller.post(f"/link-domains/{domain['id']}/verify"), 404, "unknown_domain")


# ---- the addresses -------------------------------------------------------------------------------


async def test_address_leads_on_and_the_visit_is_written_after_it(caller: Caller, http: httpx.AsyncClient) -> None:
    short = (await made(caller))["short_url"]
    answer = await visit(http, short, x_forwarded_for="9.9.9.9")
    assert (answer.status_code, answer.headers["location"], answer.content) == (302, "https://shop.example/sale", b"")
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    looked = await visit(http, short, "HEAD")
    assert (looked.status_code, looked.headers["location"]) == (302, "https://shop.example/sale")
    await caller.yard.link_clicks.flush()
    found = (await caller.get("/links/sale")).json()
    assert (found["visits"], found["filtered_reasons"]) == (
        {"people": 0, "clicks": 1, "filtered": 1},
        {"head": 1},
    )
    visits = (await caller.get("/links/sale/clicks", limit=1)).json()
    assert [one["filtered"] for one in visits["data"]] == ["head"]
    rest = (await caller.get("/links/sale/clicks", after=visits["next"])).json()
    assert ([one["device"] for one in rest["data"]], rest["next"]) == (["iphone"], None)
    counted = (await caller.get("/links/sale/clicks", counted="true")).json()
    assert len(counted["data"]) == 1


async def test_other_methods_are_not_taken(caller: Caller, http: httpx.AsyncClient) -> None:
    short = (await made(caller))["short_url"]
    answer = await visit(http, short, "POST")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("zh-TW,zh;q=0.9", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("fr, hi;q=0.4, en;q=0.3", "hi"),
        ("de", "en"),
        ("ko;q=0, en;q=0.1", "en"),
        ("ko;q=high", "en"),
        ("ko;level=1", "ko"),
        (",".join(["de"] * 30 + ["ko"]), "en"),
    ],
)
def test_pages_speak_the_language_that_is_asked_for(accepted: str, language: str) -> None:
    assert language_for(accepted) == language


@pytest.mark.parametrize("language", PAGES)
async def test_ended_and_unknown_addresses_say_so_in_the_visitors_language(
    caller: Caller, http: httpx.AsyncClient, language: str
) -> None:
    short = (await made(caller))["short_url"]
    await caller.ask("PATCH", "/links/sale", {"expires_in": 0})
    ended = await visit(http, short, accept_language=language)
    assert (ended.status_code, ended.headers["content-language"]) == (410, language)
    assert PAGES[language].ended in ended.text
    assert f'<html lang="{language}">' in ended.text
    assert "location" not in ended.headers
    unknown = await visit(http, short[:-1] + "-", accept_language=language)
    assert unknown.status_code == 404
    assert PAGES[language].unknown in unknown.text
    assert "default-src 'none'" in unknown.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/l/",
        "/l/short",
        "/l/https://elsewhere.example/",
        "/l//elsewhere.example",
        "/l/%0d%0alocation:x",
        "/l/" + "a" * 999,
    ],
)
async def test_whatever_is_asked_for_nobody_is_led_where_no_workspace_leads(
    caller: Caller, http: httpx.AsyncClient, path: str
) -> None:
    await made(caller)
    answer = await http.get(path)
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert "elsewhere" not in answer.text


async def test_preview_page_shows_where_it_leads_and_runs_nothing(caller: Caller, http: httpx.AsyncClient) -> None:
    short = (await made(caller, "https://shop.example/?a='<script>\"&b", preview_page=True))["short_url"]
    answer = await visit(http, short)
    assert answer.status_code == 200
    assert "<strong>shop.example</strong>" in answer.text
    assert "<script>" not in answer.text
    assert "location" not in answer.headers
    assert "script-src" not in answer.headers["content-security-policy"]


async def test_database_that_is_away_is_no_dead_link(
    caller: Caller, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    short = (await made(caller))["short_url"]

    async def away(_database: Database, _work: Any) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(Database, "read", away)
    answer = await visit(http, short)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert short[-LENGTH:] not in caplog.text


async def test_defect_is_logged_without_the_address(
    caller: Caller, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    short = (await made(caller))["short_url"]
    monkeypatch.setattr(Database, "read", lambda *_: 1 / 0)
    answer = await visit(http, short)
    assert answer.status_code == 500
    assert "a short address" in caplog.text
    assert short[-LENGTH:] not in caplog.text


# ---- messages ------------------------------------------------------------------------------------


@pytest.fixture
async def templated(sender: Caller) -> Caller:
    await made(sender, "https://shop.example/track/{number}", "track")
    added = await sender.post("/templates", {"code": "sent", "body": "Order {number}: {link.track}"})
    assert added.status_code == 201, added.text
    return sender


async def test_message_of_a_template_carries_an_address_of_its_own(templated: Caller, http: httpx.AsyncClient) -> None:
    use = {"code": "sent", "variables": {"number": "4711"}}
    body = {"to": TAIWANESE, "template": use, "purpose": "transactional"}
    answers = [await templated.post("/messages", body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202], answers[0].text
    texts = [await text_of(templated, answer.json()["id"]) for answer in answers]
    short = [text.removeprefix("Order 4711: ") for text in texts]
    assert short[0] != short[1]
    assert all(re.fullmatch(rf"{PUBLIC}/l/[0-9A-Za-z]{{{LENGTH}}}", one) for one in short)
    led = await visit(http, short[0])
    assert led.headers["location"] == "https://shop.example/track/4711"
    await templated.yard.link_clicks.flush()
    (click,) = (await templated.get("/links/track/clicks")).json()["data"]
    assert click["message_id"] == answers[0].json()["id"]
    assert (click["to"], click["filtered"]) == (TAIWANESE, "not_sent")


async def test_batch_gives_each_recipient_an_address(templated: Caller) -> None:
    recipients = [
        {"to": TAIWANESE, "variables": {"number": "1"}},
        {"to": "+886912345679", "variables": {"number": "2"}},
    ]
    for content in ({"template": {"code": "sent"}}, {"text": "No. {number}: {link.track}"}):
        answer = await templated.post(
            "/messages/batch", {"recipients": recipients, "purpose": "transactional", **content}
        )
        assert answer.status_code == 202, answer.text
        ids = [one["id"] for one in answer.json()["accepted"]]
        assert len({(await text_of(templated, one)).split()[-1] for one in ids}) == 2


async def test_preflight_and_preview_show_an_address_as_long_as_the_real_one_and_keep_nothing(
    templated: Caller,
) -> None:
    use = {"code": "sent", "variables": {"number": "4711"}}
    looked = await templated.post("/preflight", {"to": TAIWANESE, "template": use, "purpose": "transactional"})
    assert looked.status_code == 200, looked.text
    (sample,) = looked.json()["sample"]
    previewed = await templated.post("/templates/sent/preview", {"variables": {"number": "4711"}, "country": "TW"})
    assert previewed.status_code == 200, previewed.text
    length = len(f"Order 4711: {PUBLIC}/l/") + LENGTH
    assert (len(sample["text"]), len(previewed.json()["text"])) == (length, length)
    assert previewed.json()["text"] == sample["text"]
    kept = await templated.yard.database.read(lambda tx: tx.rows("SELECT 1 FROM link_messages"))
    assert kept == []


async def test_template_that_names_no_link_we_have_is_refused(templated: Caller) -> None:
    await templated.post("/templates", {"code": "lost", "body": "See {link.lost}"})
    answer = await templated.post("/messages", {"to": TAIWANESE, "template": {"code": "lost"}})
    problem(answer, 422, "unknown_link")
    lacking = await templated.post("/messages", {"to": TAIWANESE, "template": {"code": "sent"}})
    problem(lacking, 422, "missing_variable")
