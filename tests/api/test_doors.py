"""
Every way in which a request can fail before any feature hears of it.
"""

import sqlite3
import time
from typing import Any

import httpx
import pytest

from sendyard.api.desk import read_body
from sendyard.api.problems import BodyTooLarge
from sendyard.bootstrap import Yard
from sendyard.bootstrap.doors import application
from sendyard.domain.errors import AppError
from tests.api.conftest import KOREAN, Caller, problem


async def test_request_without_a_key_is_told_how_to_give_one(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/messages")
    problem(answer, 401, "no_key")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("given", ["Basic c3k6eQ==", "Bearer", "Bearer ", "sy_live_1"])
async def test_other_forms_of_authorization_are_refused(http: httpx.AsyncClient, given: str) -> None:
    problem(await http.get("/api/v1/messages", headers={"authorization": given}), 401, "no_key")


async def test_invented_key_is_refused(caller: Caller) -> None:
    caller.key = "sy_live_" + "x" * 43
    problem(await caller.get("/messages"), 401, "bad_key")


async def test_revoked_key_is_refused_at_once_by_the_process_that_revoked_it(caller: Caller) -> None:
    other = await caller.other(scopes=["messages:read"])
    assert (await other.get("/messages")).status_code == 200
    listed = (await caller.get("/keys")).json()["data"]
    assert (await caller.ask("DELETE", f"/keys/{listed[1]['id']}")).status_code == 204
    problem(await other.get("/messages"), 401, "bad_key")


async def test_key_without_the_scope_is_told_which_one_is_missing(caller: Caller) -> None:
    other = await caller.other(scopes=["messages:read", "templates"])
    document = problem(await other.post("/messages", {"to": KOREAN, "text": "hi"}), 403, "missing_scope")
    assert "messages:send" in document["detail"]
    assert "templates" in document["detail"]


async def test_key_of_any_scope_may_see_the_providers(caller: Caller) -> None:
    other = await caller.other(scopes=["templates"])
    assert (await other.get("/providers")).status_code == 200


async def test_unknown_address_and_method_are_problems_too(http: httpx.AsyncClient) -> None:
    problem(await http.get("/api/v1/nothing"), 404, "not_found")
    problem(await http.get("/nothing"), 404, "not_found")
    answer = await http.put("/api/v1/messages")
    problem(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize("raw", [b"", b"{", b"nope", b"\xff\xfe", b'{"%s": "\xff"}', b'{"%s": "\\ud800"}'])
@pytest.mark.parametrize(("path", "name"), [("/messages", b"to"), ("/templates", b"code")])
async def test_body_that_is_not_json_is_refused(caller: Caller, path: str, name: bytes, raw: bytes) -> None:
    content = raw.replace(b"%s", name)
    answer = await caller.post(path, content=content, headers={"content-type": "application/json"})
    problem(answer, 400, "malformed_json")


async def test_body_of_nothing_but_brackets_is_refused(caller: Caller) -> None:
    problem(await caller.post("/messages", content=b"[" * 9999), 422, "invalid_body")
    nested = b'{"provider": "twilio", "settings": ' + b'{"a": ' * 9999
    problem(await caller.post("/accounts", content=nested), 400, "malformed_json")


@pytest.mark.parametrize(
    ("body", "pointer", "code", "words"),
    [
        ([], "", "type", "an object"),
        ({"text": "hi"}, "/to", "required", "required"),
        ({"to": 1, "text": "hi"}, "/to", "type", "Expected text, got a whole number"),
        ({"to": KOREAN, "text": "hi", "colour": "red"}, "/colour", "unknown", "OpenAPI"),
        ({"to": KOREAN, "text": "hi", "a/b~c": 1}, "/a~1b~0c", "unknown", "a/b~c"),
        ({"to": KOREAN, "text": "hi", "channel": "fax"}, "/channel", "choice", "sms"),
        ({"to": KOREAN, "text": "hi", "expires_in": 10**30}, "/expires_in", "range", "2592000"),
        ({"to": KOREAN, "text": "hi", "expires_in": 0}, "/expires_in", "range", "1"),
        ({"to": KOREAN, "text": "hi", "country": "KOR"}, "/country", "length", "2"),
        ({"to": KOREAN, "text": "hi", "send_at": "tomorrow"}, "/send_at", "time", "RFC3339"),
        ({"to": KOREAN, "text": "hi", "send_at": "2030-01-01T00:00:00"}, "/send_at", "time", "timezone"),
        ({"to": KOREAN, "media": [{"url": "ftp://x"}]}, "/media/0/url", "pattern", "https"),
        ({"to": KOREAN, "text": "hi", "metadata": {"a": [1]}}, "/metadata", "type", "got a list"),
        ({"to": KOREAN, "text": "hi", "metadata": {"a": 10**40}}, "/metadata", "range", "9007199254740992"),
    ],
)
async def test_body_of_the_wrong_shape_is_named_by_its_place(
    caller: Caller, body: Any, pointer: str, code: str, words: str
) -> None:
    document = problem(await caller.post("/messages", body), 422, "invalid_body")
    (fault,) = document["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, code)
    assert words in fault["detail"]


async def test_unknown_word_in_a_body_that_breaks_off_is_told_without_the_known_ones(caller: Caller) -> None:
    document = problem(await caller.post("/messages", content=b'{"channel": "fax", "to": '), 422, "invalid_body")
    (fault,) = document["errors"]
    assert (fault["pointer"], fault["code"]) == ("/channel", "choice")
    assert "'fax'" in fault["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"to": "+8210\0", "text": "hi"}, "/to"),
        ({"to": KOREAN, "text": "hi", "metadata": {"a": "\0"}}, "/metadata/a"),
        ({"to": KOREAN, "text": "hi", "metadata": {"\0": "a"}}, "/metadata"),
        ({"to": KOREAN, "media": [{"url": "https://a.example"}, {"url": "https://a.example/\0"}]}, "/media/1/url"),
    ],
)
async def test_character_no_database_stores_is_refused_at_the_door(caller: Caller, body: Any, pointer: str) -> None:
    document = problem(await caller.post("/messages", body), 422, "nul_character")
    assert document["errors"][0]["pointer"] == pointer


async def test_text_that_only_looks_like_that_character_is_taken(sender: Caller) -> None:
    answer = await sender.post("/messages", {"to": KOREAN, "text": "a \\u0000 b"})
    assert answer.status_code == 202
    assert answer.json()["text"] == "a \\u0000 b"


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("limit=x", "limit", "type"),
        ("limit=0", "limit", "range"),
        ("limit=100000000000000000000000000", "limit", "range"),
        ("colour=red", "colour", "unknown"),
        ("status=lost", "status", "choice"),
        ("after=%00", "after", "nul_character"),
        ("%00=1", "", "nul_character"),
    ],
)
async def test_unusable_query_is_named_by_its_parameter(caller: Caller, query: str, pointer: str, code: str) -> None:
    answer = await caller.get(f"/messages?{query}")
    document = problem(answer, 422, "nul_character" if code == "nul_character" else "invalid_query")
    assert (document["errors"][0]["pointer"], document["errors"][0]["code"]) == (pointer, code)


@pytest.mark.parametrize("query", ["limit=1&limit=2", "after=%ff%fe", "to=&reference=", "", "&&"])
async def test_odd_but_readable_query_is_answered(caller: Caller, query: str) -> None:
    assert (await caller.get(f"/messages?{query}")).json() == {"data": [], "next": None}


@pytest.mark.parametrize("path", ["/messages/%00", "/accounts/a%00b", "/templates/%00/versions"])
async def test_character_no_database_stores_is_refused_in_addresses(caller: Caller, path: str) -> None:
    problem(await caller.get(path), 422, "nul_character")


@pytest.mark.parametrize("given", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
async def test_body_of_another_type_is_refused(caller: Caller, given: str) -> None:
    answer = await caller.post("/messages", content=b"{}", headers={"content-type": given})
    problem(answer, 415, "wrong_content_type")


@pytest.mark.parametrize("given", ["application/json; charset=utf-8", "Application/JSON", None])
async def test_json_by_any_spelling_is_read(sender: Caller, given: str | None) -> None:
    headers = {"content-type": given} if given else {}
    content = b'{"to": "+821012345678", "text": "hi"}'
    assert (await sender.post("/messages", content=content, headers=headers)).status_code == 202


async def test_compressed_body_is_refused(caller: Caller) -> None:
    answer = await caller.post("/messages", {"to": KOREAN}, headers={"content-encoding": "gzip"})
    problem(answer, 415, "wrong_content_encoding")


async def test_body_over_the_limit_is_refused_whether_announced_or_not(caller: Caller) -> None:
    large = b'"' + b"x" * 1024 * 1024 + b'"'

    async def pieces() -> Any:
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    problem(await caller.post("/messages", content=large), 413, "body_too_large")
    problem(await caller.post("/messages", content=pieces()), 413, "body_too_large")
    problem(await caller.post("/messages", headers={"content-length": "9" * 5000}), 413, "body_too_large")


async def test_body_in_one_piece_of_untold_length_is_measured() -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"1234", "more_body": False}

    assert await read_body({}, receive, 4) == b"1234"
    with pytest.raises(BodyTooLarge, match="at most 3 bytes"):
        await read_body({}, receive, 3)


async def test_other_protocols_are_turned_away(yard: Yard) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/api/v1/messages", "raw_path": b"/", "query_string": b"", "headers": [],
             "scheme": "ws", "http_version": "1.1", "server": ("yard", 80), "client": ("127.0.0.1", 1),
             "root_path": "", "subprotocols": [], "asgi": {"version": "3.0"}, "state": {}}  # fmt: skip
    await application(yard, "web")(scope, receive, send)
    assert sent == ["websocket.close"]


async def test_body_in_pieces_is_put_together(sender: Caller) -> None:
    async def pieces() -> Any:
        for piece in (b'{"to": "+8210', b'12345678", "te', b'xt": "hi"}'):
            yield piece

    assert (await sender.post("/messages", content=pieces())).json()["to"] == KOREAN


async def test_caller_who_leaves_while_sending_gets_no_answer_and_makes_no_noise(
    yard: Yard, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    app = application(yard, "web")
    for path, method in (("/api/v1/messages", "POST"), ("/api/v1/templates", "POST")):
        heard = iter(
            [
                {"type": "http.request", "body": b'{"to"', "more_body": True},
                {"type": "http.disconnect"},
            ]
        )
        sent: list[Any] = []

        async def receive(heard: Any = heard) -> Any:
            return next(heard)

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
                 "headers": [(b"authorization", f"Bearer {caller.key}".encode())], "scheme": "http",
                 "http_version": "1.1", "server": ("yard", 80), "client": ("127.0.0.1", 1), "root_path": "",
                 "asgi": {"version": "3.0"}, "state": {}}  # fmt: skip
        await app(scope, receive, send)
        assert not [message for message in sent if message.get("status") == 500]
    assert caplog.text == ""


async def test_mistake_of_ours_tells_only_the_number_under_which_the_log_has_it(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise ValueError("a secret detail")

    monkeypatch.setattr(caller.yard.accounts, "list", broken)
    document = problem(await caller.get("/accounts"), 500, "internal_error")
    assert "secret" not in str(document)
    assert document["detail"].split()[-1].rstrip(".") in caplog.text
    assert "a secret detail" in caplog.text


async def test_database_that_is_away_is_a_passing_problem(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    assert (await caller.get("/messages")).status_code == 200
    monkeypatch.setattr(caller.yard.database, "read", away)
    answer = await caller.get("/messages")
    problem(answer, 503, "database_unavailable")
    assert answer.headers["retry-after"] == "5"


async def test_error_of_the_framework_itself_is_a_problem_too(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> Any:
        raise RuntimeError("no answer came about")

    monkeypatch.setattr("sendyard.api.desk.Desk.answer", broken)
    problem(await caller.get("/templates"), 500, "internal_error")
    assert "no answer came about" in caplog.text


def test_every_error_the_product_knows_has_a_status_and_title() -> None:
    import sendyard.api.problems  # noqa: F401, PLC0415 - its own kinds count too

    kinds = AppError.__subclasses__()
    assert len(kinds) >= 10
    assert all(400 <= kind.status < 600 and kind.title for kind in kinds)


async def test_accepted_message_is_answered_within_a_second(sender: Caller) -> None:
    async def took() -> float:
        began = time.monotonic()
        assert (await sender.post("/messages", {"to": KOREAN, "text": "hi"})).status_code == 202
        return time.monotonic() - began

    # The quickest of some, because the machine may be busy with something else.
    assert min([await took() for _ in range(5)]) < 1
