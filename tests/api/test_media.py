"""
Files by the interface: uploaded, listed, shown, sent, fetched by providers.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Unavailable
from sendyard.providers.registry import adapter
from tests.api.conftest import Caller, problem
from tests.features.media_shelf import PDF, noise, picture

META = {
    "phone_number_id": "100000000000001",
    "waba_id": "200000000000002",
    "access_token": "EAAGinventedtoken0000000000000",
    "app_secret": "0123456789abcdef0123456789abcdef",
    "verify_token": "a-word-of-our-own",
    "base_url": "http://127.0.0.1:9",
}


async def upload(caller: Caller, data: bytes, name: str = "view.jpg") -> dict[str, Any]:
    answer = await caller.ask("POST", "/media", content=data, params={"name": name})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def meta(caller: Caller) -> None:
    await caller.yard.accounts.add(caller.workspace_id, provider="meta_cloud", name="wa", settings=META)


async def test_a_file_is_uploaded_as_it_is_or_in_a_form_and_is_one(caller: Caller) -> None:
    data = picture(size=(64, 48))
    raw = await upload(caller, data, "../summer.exe")
    form = await caller.ask("POST", "/media", files={"file": ("other.jpg", data, "text/html")})
    assert form.status_code == 201
    assert form.json()["id"] == raw["id"]
    assert {name: raw[name] for name in ("name", "content_type", "bytes", "width", "height")} == {
        "name": "summer.exe.jpg",
        "content_type": "image/jpeg",
        "bytes": len(data),
        "width": 64,
        "height": 48,
    }
    shown = await caller.get(f"/media/{raw['id']}")
    assert shown.json()["digest"] == raw["digest"]
    listed = (await caller.get("/media")).json()
    assert ([one["id"] for one in listed["data"]], listed["next"]) == ([raw["id"]], None)
    await upload(caller, PDF, "menu.pdf")
    first = (await caller.get("/media", limit=1)).json()
    second = (await caller.get("/media", limit=1, after=first["next"])).json()
    assert [one["content_type"] for one in (*first["data"], *second["data"])] == ["application/pdf", "image/jpeg"]


async def test_what_is_refused_says_what_was_found(caller: Caller) -> None:
    answer = await caller.ask("POST", "/media", content=b"<svg xmlns='x'/>", params={"name": "logo.png"})
    assert "an SVG picture, which can carry programs" in problem(answer, 422, "media_type_refused")["detail"]
    problem(await caller.ask("POST", "/media", content=b""), 422, "media_empty")
    problem(await caller.ask("POST", "/media", content=b"x", headers={"content-length": "999999999"}), 413,
            "body_too_large")  # fmt: skip
    reader = await caller.other(scopes=["messages:read"])
    problem(await reader.ask("POST", "/media", content=PDF), 403, "missing_scope")
    problem(await caller.get("/media/nothing"), 404, "unknown_media")


async def test_content_comes_back_in_a_way_no_browser_can_misread(caller: Caller) -> None:
    added = await upload(caller, PDF, "메뉴.pdf")
    answer = await caller.get(f"/media/{added['id']}/content")
    assert answer.content == PDF
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%EB%A9%94%EB%89%B4.pdf"
    await caller.account()
    large = await upload(caller, noise(size=(1200, 900)))
    shown = await caller.get(f"/media/{large['id']}/content", account="tw", channel="mms")
    assert (len(shown.content), shown.headers["content-disposition"][:6]) == (large["bytes"], "inline")
    problem(await caller.get(f"/media/{large['id']}/content", account="tw"), 422, "invalid_query")


async def test_a_preview_tells_what_would_be_sent(caller: Caller) -> None:
    await caller.account()
    settings = {"api_key": "mars_ak_invented", "base_url": "http://127.0.0.1:9"}
    await caller.yard.accounts.add(
        caller.workspace_id, provider="bizgo", name="kr", settings=settings, sender="15880000"
    )
    added = await upload(caller, noise(size=(1700, 1200)))
    answer = await caller.ask("POST", f"/media/{added['id']}/preview", params={"channel": "mms"})
    assert answer.status_code == 200, answer.text
    by_name = {one["account_name"]: one for one in answer.json()["data"]}
    assert by_name["kr"]["sent"]["bytes"] <= 307_200
    assert (by_name["tw"]["sent"]["bytes"], by_name["tw"]["sent"]["changes"]) == (added["bytes"], [])
    one = await caller.ask("POST", f"/media/{added['id']}/preview", params={"channel": "whatsapp", "account": "kr"})
    assert one.json()["data"][0]["problems"][0]["code"] == "media_not_carried"


async def test_a_link_is_served_without_a_key_and_nothing_else_is(caller: Caller) -> None:
    data = picture()
    added = await upload(caller, data)
    library = caller.yard.media
    form = await library.form(caller.workspace_id, added["id"], adapter("twilio").spec.media[Channel.MMS])
    link = urlsplit(library.link(form, datetime.now(UTC) + timedelta(minutes=5))).path
    answer = await caller.http.get(link)
    assert (answer.status_code, answer.content) == (200, data)
    assert answer.headers["content-type"] == "image/jpeg"
    head = await caller.http.head(link)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(data)))
    broken = link.replace(added["id"], added["id"][:-1] + ("0" if added["id"][-1] != "0" else "1"))
    for wrong in (broken, link.rpartition("/")[0], "/media/public", "/media/public/a/b/c/d"):
        refused = await caller.http.get(wrong)
        assert refused.status_code == 404


async def test_while_bytes_cannot_be_had_the_answer_says_so_before_it_begins(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = await upload(caller, picture())
    library = caller.yard.media
    form = await library.form(caller.workspace_id, added["id"], adapter("twilio").spec.media[Channel.MMS])
    link = urlsplit(library.link(form, datetime.now(UTC) + timedelta(minutes=5))).path

    async def away(key: str) -> AsyncIterator[bytes]:
        if key:
            raise Unavailable("media_store_away", "The bucket in which files are kept refuses the key.")
        yield b""

    monkeypatch.setattr(library._store, "stream", away)
    shown = await caller.get(f"/media/{added['id']}/content")
    assert "refuses the key" in problem(shown, 503, "media_store_away")["detail"]
    assert shown.headers["retry-after"] == "5"
    fetched = await caller.http.get(link)
    assert "bucket" not in problem(fetched, 503, "file_not_at_hand")["detail"]


async def test_a_message_names_an_uploaded_file_and_shows_it(caller: Caller) -> None:
    await caller.account()
    added = await upload(caller, picture(), "view.jpg")
    body = {"to": "+12025550123", "channel": "mms", "account": "tw", "text": "look", "media": [{"id": added["id"]}]}
    sent = await caller.post("/messages", body)
    assert sent.status_code == 202, sent.text
    shown = (await caller.get(f"/messages/{sent.json()['id']}")).json()
    assert shown["media"] == [{"content_type": "image/jpeg", "id": added["id"], "filename": "view.jpg"}]
    assert sent.json()["media"] == shown["media"]
    assert (await caller.get("/messages")).json()["data"][0]["media"] == []
    problem(await caller.ask("DELETE", f"/media/{added['id']}"), 409, "media_in_use")
    await caller.post(f"/messages/{sent.json()['id']}/cancel")
    assert (await caller.ask("DELETE", f"/media/{added['id']}")).status_code == 204
    gone = problem(await caller.post("/messages", body), 422, "unknown_media")
    assert gone["errors"][0]["pointer"] == "/media"


async def test_a_batch_carries_one_file_to_many(caller: Caller) -> None:
    await caller.account()
    added = await upload(caller, picture())
    body = {
        "recipients": [{"to": f"+1202555010{at}", "variables": {"name": f"Ann {at}"}} for at in range(3)],
        "channel": "mms", "account": "tw", "text": "Hi {name}", "media": [{"id": added["id"]}],
    }  # fmt: skip
    answer = (await caller.post("/messages/batch", body)).json()
    assert (len(answer["accepted"]), answer["rejected"]) == (3, [])
    shown = (await caller.get(f"/messages/{answer['accepted'][1]['id']}")).json()
    assert (shown["text"], shown["media"][0]["id"]) == ("Hi Ann 1", added["id"])


async def test_a_file_is_named_by_id_or_address_and_never_by_both(caller: Caller) -> None:
    await caller.account()
    given: list[list[dict[str, str]]] = [[{}], [{"id": "x", "url": "https://files.example/a.jpg"}]]
    for media in given:
        body = {"to": "+12025550123", "channel": "mms", "account": "tw", "media": media}
        found = problem(await caller.post("/messages", body), 422, "media_id_or_url")
        assert found["errors"][0]["pointer"] == "/media/0"


async def test_buttons_are_accepted_shown_and_refused_where_nobody_could_press_them(caller: Caller) -> None:
    await meta(caller)
    await caller.account()
    pressed = {"body": "At home?", "choices": [{"title": "Yes", "id": "y"}, {"title": "No"}], "footer": "Shop"}
    body = {"to": "+12025550123", "channel": "whatsapp", "account": "wa", "interactive": pressed}
    sent = await caller.post("/messages", body)
    assert sent.status_code == 202, sent.text
    shown = (await caller.get(f"/messages/{sent.json()['id']}")).json()
    assert shown["text"] == "At home?"
    assert [(one["id"], one["title"]) for one in shown["choices"]] == [("y", "Yes"), ("No", "No")]
    plain = body | {"channel": "sms", "account": "tw"}
    problem(await caller.post("/messages", plain), 422, "buttons_not_carried")
    four = pressed | {"choices": [{"title": f"Choice {at}"} for at in range(4)]}
    problem(await caller.post("/messages", body | {"interactive": four}), 422, "choices_count")
    twice = problem(await caller.post("/messages", body | {"text": "hello"}), 422, "content_twice")
    assert twice["errors"][0]["pointer"] == "/interactive"


async def test_a_batch_of_buttons_fills_in_each_person_s_values(caller: Caller) -> None:
    await meta(caller)
    pressed = {"body": "{name}, at home?", "choices": [{"title": "Yes"}]}
    recipients = [{"to": "+12025550123", "variables": {"name": "Ann"}}, {"to": "+12025550124"}]
    body = {"recipients": recipients, "channel": "whatsapp", "account": "wa", "interactive": pressed}
    answer = (await caller.post("/messages/batch", body)).json()
    assert [one["index"] for one in answer["rejected"]] == [1]
    shown = (await caller.get(f"/messages/{answer['accepted'][0]['id']}")).json()
    assert shown["text"] == "Ann, at home?"
    unfinished = body | {"interactive": pressed | {"body": "{name"}}
    bad = await caller.post("/messages/batch", unfinished)
    assert bad.json()["errors"][0]["pointer"] == "/interactive/body"
