"""
Health, metrics, the pages that need no key, and the door for callbacks.
"""

import asyncio
import re
import sqlite3
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import httpx
import pytest

from sendyard.api.callbacks import Callbacks
from sendyard.api.health import Health
from sendyard.bootstrap import Yard
from sendyard.bootstrap.doors import application
from sendyard.domain.errors import Conflict
from sendyard.providers.wire import CallbackRequest, HttpResponse
from tests.api.conftest import KOREAN, Caller, problem


async def test_process_that_answers_is_alive(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json()["status"] == "ok"


async def test_every_part_that_works_makes_the_process_ready(http: httpx.AsyncClient) -> None:
    answer = await http.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "parts": {"database": {"ok": True, "detail": ""}}}


async def test_part_that_cannot_work_is_named(yard: Yard) -> None:
    transport = httpx.ASGITransport(application(yard, "all"))
    async with httpx.AsyncClient(transport=transport, base_url="http://yard") as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["sending"] == {"ok": False, "detail": "It has not started yet."}
    assert answer.json()["parts"]["database"]["ok"] is True


@pytest.mark.parametrize(
    ("trouble", "words"), [(OSError, None), ("slow", "did not answer within"), ("away", "cannot be read")]
)
async def test_database_that_does_not_answer_is_named(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, trouble: object, words: str | None
) -> None:
    async def read(*_: object) -> Any:
        if trouble == "slow":
            await asyncio.sleep(600)
        raise sqlite3.OperationalError("unable to open") if trouble == "away" else OSError("something else")

    monkeypatch.setattr(yard.database, "read", read)
    monkeypatch.setattr("sendyard.api.health._PATIENCE", 0.01)
    health = Health(yard.database, yard.directory, dict)
    if words is None:
        with pytest.raises(OSError, match="something else"):
            await health.ready()
        return
    answer = await health.ready()
    assert answer.status == 503
    assert words in answer.body.decode()


def samples(text: str, name: str) -> dict[str, float]:
    return {
        labels: float(value)
        for labels, value in re.findall(rf"^{name}\{{(.*)\}} ([0-9.e+-]+)$", text, flags=re.MULTILINE)
    }


async def test_metrics_tell_queues_accounts_and_events(sender: Caller) -> None:
    first = (await sender.http.get("/metrics")).text
    assert list(samples(first, "sendyard_queue_messages").values()) == [0]
    assert samples(first, "sendyard_events_total") == {}
    sent = [(await sender.post("/messages", {"to": KOREAN, "text": "x"})).json() for _ in range(3)]
    await sender.post(f"/messages/{sent[0]['id']}/cancel")
    await sender.yard.database.write(lambda tx: tx.run("UPDATE messages SET due_at = due_at - 60000"))
    answer = await sender.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    (waiting,) = samples(answer.text, "sendyard_queue_messages").values()
    (age,) = samples(answer.text, "sendyard_queue_age_seconds").values()
    ((labels, active),) = samples(answer.text, "sendyard_account_active").items()
    assert (waiting, active) == (2, 1)
    assert 60 <= age < 120
    assert 'provider="twilio"' in labels
    ((labels, events),) = samples(answer.text, "sendyard_events_total").items()
    assert ('kind="cancelled"' in labels, events) == (True, 1)
    again = (await sender.http.get("/metrics")).text
    assert list(samples(again, "sendyard_events_total").values()) == [1]
    await sender.post("/accounts/tw/pause")
    paused = (await sender.http.get("/metrics")).text
    assert list(samples(paused, "sendyard_account_active").values()) == [0]


async def test_metrics_name_a_queue_whose_account_is_gone(sender: Caller) -> None:
    await sender.post("/messages", {"to": KOREAN, "text": "x"})
    await sender.yard.database.write(lambda tx: tx.run("UPDATE messages SET account_id = 'gone'"))
    text = (await sender.http.get("/metrics")).text
    assert samples(text, "sendyard_queue_messages")['account="gone",provider=""'] == 1


class Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"href", "src"}]


@pytest.mark.parametrize("path", ["/", "/api/docs"])
async def test_pages_load_nothing_from_elsewhere_and_link_to_what_exists(http: httpx.AsyncClient, path: str) -> None:
    page = await http.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    parser = Addresses()
    parser.feed(page.text)
    assert parser.found
    for address in parser.found:
        assert address.startswith("/")
        assert (await http.get(address)).status_code == 200, address


def test_no_file_of_the_pages_names_another_host() -> None:
    for page in (files("sendyard.api") / "pages").iterdir():
        assert "//" not in re.sub(r"^//.*$", "", page.read_text(), flags=re.MULTILINE), page.name


class Receiver:
    def __init__(self, outcome: HttpResponse | Exception) -> None:
        self.outcome = outcome
        self.heard: list[tuple[str, str, CallbackRequest]] = []

    async def receive(self, provider: str, token: str, request: CallbackRequest) -> HttpResponse:
        self.heard.append((provider, token, request))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Door:
    """The callback door alone, with a receiver that answers as told."""

    def __init__(self, outcome: HttpResponse | Exception) -> None:
        self.receiver = Receiver(outcome)
        callbacks = Callbacks(self.receiver, "https://yard.example")
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(callbacks), base_url="http://inside:1")


async def test_callback_is_handed_on_as_it_came_with_the_public_address() -> None:
    door = Door(HttpResponse(202, {"content-type": "text/plain", "x-magic": "1"}, b"magic"))
    answer = await door.http.put("/callbacks/mitake/t0k%2Ben?a=%2B1&b=", content=b"\xff\x00", headers={"X-Sign": "s"})
    assert (answer.status_code, answer.content, answer.headers["x-magic"]) == (202, b"magic", "1")
    ((provider, token, request),) = door.receiver.heard
    assert (provider, token, request.method, request.body) == ("mitake", "t0k+en", "PUT", b"\xff\x00")
    assert request.url == "https://yard.example/callbacks/mitake/t0k%2Ben?a=%2B1&b="
    assert (request.query, request.headers["x-sign"]) == ("a=%2B1&b=", "s")


async def test_callback_without_a_query_has_none_in_its_address() -> None:
    door = Door(HttpResponse(200))
    await door.http.get("/callbacks/mitake/token")
    assert door.receiver.heard[0][2].url == "https://yard.example/callbacks/mitake/token"


@pytest.mark.parametrize("path", ["/callbacks/mitake", "/callbacks/mitake/", "/callbacks/", "/callbacks/a/b/c"])
async def test_callback_address_of_another_form_is_not_found(path: str) -> None:
    door = Door(HttpResponse(200))
    problem(await door.http.get(path), 404, "not_found")
    assert door.receiver.heard == []


async def test_callback_over_the_limit_is_refused() -> None:
    problem(await Door(HttpResponse(200)).http.post("/callbacks/a/b", content=b"x" * 1048577), 413, "body_too_large")


async def test_callback_that_cannot_be_stored_is_asked_for_again(caplog: pytest.LogCaptureFixture) -> None:
    door = Door(sqlite3.OperationalError("disk full"))
    answer = await door.http.post("/callbacks/a/b")
    problem(answer, 503, "database_unavailable")
    assert answer.headers["retry-after"] == "5"
    problem(await Door(RuntimeError("a mistake")).http.post("/callbacks/a/b"), 500, "internal_error")
    assert "a mistake" in caplog.text
    problem(await Door(Conflict("busy", "Busy.", retry_after=0.2)).http.post("/callbacks/a/b"), 409, "busy")


async def test_provider_that_hangs_up_is_not_answered() -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pytest.fail(f"nobody listens to {message}")

    scope = {"type": "http", "method": "POST", "path": "/callbacks/a/b", "query_string": b"", "headers": []}
    await Callbacks(Receiver(HttpResponse(200)), "")(scope, receive, send)


async def test_callback_of_nobody_reaches_the_real_receiver(caller: Caller) -> None:
    assert (await caller.http.post("/callbacks/twilio/nobody")).status_code == 404
    assert caller.yard.ingest.counts["unaddressed"] == 1
