"""
Messages by the interface: sent, repeated, listed, stopped.
"""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from sendyard.providers.spec import RateUnit
from sendyard.providers.wire import HttpResponse
from sendyard.storage import idempotency
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction
from tests.api.conftest import KOREAN, TAIWANESE, TWILIO, Caller, problem

HELLO = {"to": KOREAN, "text": "Hello"}


async def count(caller: Caller) -> int:
    return len((await caller.get("/messages", limit=1000)).json()["data"])


async def test_message_is_answered_with_everything_known_and_found_again(sender: Caller) -> None:
    wish = {**HELLO, "reference": "order 7", "metadata": {"shop": "A", "n": 1, "x": 1.5, "ok": True, "none": None}}
    answer = await sender.post("/messages", wish)
    assert answer.status_code == 202
    sent = answer.json()
    assert UUID(sent["id"]).version == 7
    assert sent["created_at"].endswith("Z")
    expected = {"status": "queued", "channel": "sms", "to": KOREAN, "sender": "+15005550006", "parts": 1,
                "purpose": "transactional", "provider": "twilio", "provider_ref": None, "encoding": "GSM-7",
                "cost": None, "error": None, "reference": "order 7", "metadata": wish["metadata"], "campaign": None,
                "text": "Hello", "sent_at": None, "delivered_at": None, "country": "KR"}  # fmt: skip
    assert {name: sent[name] for name in expected} == expected
    found = (await sender.get(f"/messages/{sent['id']}")).json()
    assert found == sent
    (listed,) = (await sender.get("/messages")).json()["data"]
    assert listed == sent | {"text": None}


async def test_one_time_code_is_never_shown(sender: Caller) -> None:
    sent = (await sender.post("/messages", {**HELLO, "purpose": "otp", "text": "Your code is 123456"})).json()
    found = await sender.get(f"/messages/{sent['id']}")
    assert sent["text"] is found.json()["text"] is None
    assert "123456" not in (await sender.get(f"/messages/{sent['id']}/timeline")).text


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"to": "12"}, "/to", None),
        ({"text": " "}, "/text", "empty_text"),
        ({"text": None}, "/text", "required"),
        ({"template": {"code": "x"}}, "/template", "content_twice"),
        ({"text": None, "template": {"code": "x"}}, "/template/code", "unknown_template"),
        ({"fallback": [{"channel": "sms"}]}, "/fallback/0/text", "required"),
        ({"send_at": "2001-01-01T00:00:00Z"}, "/send_at", "past"),
        ({"send_at": "0001-01-01T00:00:00+14:00"}, "/send_at", "past"),
        ({"send_at": "9999-12-31T23:59:59-14:00"}, "/send_at", "too_far"),
        ({"channel": "line"}, "/to", "not_a_line_id"),
        ({"account": "nobody"}, "/account", "unknown_account"),
        ({"media": [{"url": "https://a.example/x"}]}, "/channel", "media_needs_mms"),
        ({"reference": "x" * 300}, "/reference", "too_long"),
    ],
)
async def test_message_that_cannot_be_sent_is_refused_with_the_place(
    sender: Caller, change: dict[str, Any], pointer: str, code: str | None
) -> None:
    answer = await sender.post("/messages", {**HELLO, **change})
    document = problem(answer, 422, code if code not in {None, "required"} else answer.json()["code"])
    assert (pointer, code or document["errors"][0]["code"]) in {(e["pointer"], e["code"]) for e in document["errors"]}
    assert await count(sender) == 0


async def test_message_before_there_is_any_route_says_how_to_make_one(caller: Caller) -> None:
    document = problem(await caller.post("/messages", HELLO), 422, "no_route")
    assert "PUT /api/v1/routes" in document["detail"]


async def test_template_is_filled_in_and_a_missing_value_named(sender: Caller) -> None:
    await sender.post("/templates", {"code": "hi", "body": "Hi {name}, {n|no} orders"})
    wish = {"to": KOREAN, "template": {"code": "hi", "variables": {"name": "Kim", "n": 2}}}
    assert (await sender.post("/messages", wish)).json()["text"] == "Hi Kim, 2 orders"
    document = problem(
        await sender.post("/messages", {"to": KOREAN, "template": {"code": "hi"}}), 422, "missing_variable"
    )
    assert document["errors"][0]["pointer"] == "/template/variables/name"


async def test_media_message_keeps_files_text_and_fallback(sender: Caller) -> None:
    await sender.ask("PUT", "/routes", {"channel": "mms", "accounts": ["tw"]})
    wish = {
        "to": KOREAN,
        "channel": "mms",
        "text": "Look",
        "title": "Offer",
        "media": [{"url": "https://a.example/x.png"}, {"url": "https://a.example/y", "content_type": "image/gif"}],
        "fallback": [{"channel": "sms", "text": "Look"}],
    }
    sent = (await sender.post("/messages", wish)).json()
    assert (sent["text"], sent["channel"]) == ("Look", "mms")
    ((content,),) = await sender.yard.database.read(lambda tx: tx.rows("SELECT content FROM messages"))
    assert '"image/png"' in content
    assert '"image/gif"' in content
    assert '"fallback"' in content


async def test_media_of_no_known_kind_is_called_a_stream_of_bytes(sender: Caller) -> None:
    await sender.ask("PUT", "/routes", {"channel": "mms", "accounts": ["tw"]})
    wish = {"to": KOREAN, "channel": "mms", "media": [{"url": "https://a.example/unknown"}]}
    assert (await sender.post("/messages", wish)).status_code in {202, 422}
    rows = await sender.yard.database.read(lambda tx: tx.rows("SELECT content FROM messages"))
    assert all("application/octet-stream" in content for (content,) in rows)


async def test_scheduled_message_waits_and_can_be_cancelled_more_than_once(sender: Caller) -> None:
    send_at = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
    sent = (await sender.post("/messages", {**HELLO, "send_at": send_at.isoformat()})).json()
    assert sent["status"] == "scheduled"
    assert datetime.fromisoformat(sent["send_at"]) == send_at
    for _ in range(2):
        assert (await sender.post(f"/messages/{sent['id']}/cancel")).json()["status"] == "cancelled"


async def test_message_that_has_left_cannot_be_cancelled(sender: Caller) -> None:
    sent = (await sender.post("/messages", HELLO)).json()
    await sender.yard.database.write(lambda tx: tx.run("UPDATE messages SET status = 'sent', due_at = NULL"))
    document = problem(await sender.post(f"/messages/{sent['id']}/cancel"), 409, "too_late")
    assert "sent" in document["detail"]


@pytest.mark.parametrize("path", ["", "/timeline", "/cancel"])
async def test_message_of_another_workspace_does_not_exist(sender: Caller, path: str) -> None:
    sent = (await sender.post("/messages", HELLO)).json()
    other = await sender.yard.workspaces.add("Other")
    created = await sender.yard.keys.create(other["id"], name="theirs")
    stranger = Caller(sender.http, sender.yard, other["id"], created["key"])
    method = "POST" if path == "/cancel" else "GET"
    problem(await stranger.ask(method, f"/messages/{sent['id']}{path}"), 404, "unknown_message")
    assert (await stranger.get("/messages")).json()["data"] == []


async def settled(caller: Caller, message_id: str, status: str) -> dict[str, Any]:
    """Run the sending side until a message has a status."""
    work = asyncio.create_task(caller.yard.work("all"))
    try:
        for _ in range(2400):
            found: dict[str, Any] = (await caller.get(f"/messages/{message_id}")).json()
            if found["status"] == status:
                return found
            await asyncio.sleep(0.025)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    pytest.fail(f"the message is still {found['status']}")


def provider_says(caller: Caller, monkeypatch: pytest.MonkeyPatch, status: int, document: Any) -> None:
    async def exchange(*_: object) -> HttpResponse:
        return HttpResponse(status, {"content-type": "application/json"}, json.dumps(document).encode())

    monkeypatch.setattr(caller.yard.transport, "exchange", exchange)


async def test_timeline_tells_the_attempt_and_its_exchange(sender: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = {
        "sid": "SM" + "3" * 32,
        "status": "queued",
        "num_segments": "2",
        "price": "-0.0158",
        "price_unit": "USD",
    }
    provider_says(sender, monkeypatch, 201, accepted)
    sent = (await sender.post("/messages", HELLO)).json()
    found = await settled(sender, sent["id"], "sent")
    assert found["provider_ref"] == accepted["sid"]
    assert found["sent_at"]
    entries = {entry["kind"]: entry for entry in (await sender.get(f"/messages/{sent['id']}/timeline")).json()["data"]}
    assert list(entries)[:2] == ["created", "attempt"]
    assert entries["created"]["route"] == [sent["account"]]
    attempt = entries["attempt"]
    assert (attempt["provider"], attempt["provider_ref"]) == ("twilio", accepted["sid"])
    assert attempt["exchange"]["http_status"] == 201
    assert "detail" not in attempt
    feed = (await sender.get("/events")).json()["data"]
    assert [event["kind"] for event in feed] == ["accepted"]


async def test_refused_message_tells_why_and_what_to_do(sender: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    provider_says(sender, monkeypatch, 400, {"code": 21610, "message": "unsubscribed recipient", "status": 400})
    sent = (await sender.post("/messages", HELLO)).json()
    error = (await settled(sender, sent["id"], "failed"))["error"]
    assert (error["kind"], error["code"]) == ("opted_out", "21610")
    assert error["advice"]
    attempt = (await sender.get(f"/messages/{sent['id']}/timeline")).json()["data"][1]
    assert attempt["error"]["code"] == "21610"


async def test_list_is_paged_by_cursor_and_filtered(sender: Caller) -> None:
    ids = []
    for number in range(5):
        wish = {**HELLO, "reference": f"r{number % 2}"}
        ids.append((await sender.post("/messages", wish)).json()["id"])
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await sender.get("/messages", limit=2, **({"after": cursor} if cursor else {}))).json()
        seen += [message["id"] for message in page["data"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert seen == ids[::-1]
    for filters, expected in (
        ({"reference": "r1"}, 2),
        ({"status": "queued"}, 5),
        ({"status": "sent"}, 0),
        ({"to": KOREAN}, 5),
        ({"account": "tw"}, 5),
        ({"account": "nobody"}, 0),
        ({"campaign": "none"}, 0),
    ):
        assert len((await sender.get("/messages", **filters)).json()["data"]) == expected, filters
    # An unescaped plus sign arrives as a blank.
    assert len((await sender.get(f"/messages?to={KOREAN}")).json()["data"]) == 5


async def test_suppressed_recipient_gets_nothing_and_the_reason_is_told(sender: Caller) -> None:
    assert (await sender.post("/suppressions", {"to": KOREAN})).status_code == 201
    sent = (await sender.post("/messages", HELLO)).json()
    assert (sent["status"], sent["error"]["kind"]) == ("suppressed", "opted_out")
    found = (await sender.get(f"/messages/{sent['id']}")).json()
    assert found["error"] == sent["error"]


async def test_recipient_who_had_enough_is_protected(sender: Caller) -> None:
    for _ in range(10):
        assert (await sender.post("/messages", HELLO)).status_code == 202
    answer = await sender.post("/messages", HELLO, once="k")
    problem(answer, 429, "recipient_limit")
    assert 1 <= int(answer.headers["retry-after"]) <= 3600


async def test_test_key_reaches_emulated_accounts_only(sender: Caller) -> None:
    tester = await sender.other(kind="test")
    assert (await tester.post("/messages", HELLO)).status_code == 202
    real = {**TWILIO, "base_url": "https://api.twilio.com"}
    await sender.yard.accounts.edit(sender.workspace_id, "tw", {"settings": real})
    document = problem(await tester.post("/messages", HELLO), 422, "no_usable_account")
    assert "test key" in document["detail"]


class TestIdempotencyKey:
    async def test_same_request_gets_the_first_answer_and_a_mark(self, sender: Caller) -> None:
        first = await sender.post("/messages", HELLO, once="order-7")
        again = await sender.post("/messages", HELLO, once="order-7")
        assert "idempotent-replay" not in first.headers
        assert again.headers["idempotent-replay"] == "true"
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert await count(sender) == 1

    async def test_other_request_is_refused(self, sender: Caller) -> None:
        await sender.post("/messages", HELLO, once="order-7")
        document = problem(await sender.post("/messages", {**HELLO, "text": "x"}, once="order-7"), 422,
                           "idempotency_mismatch")  # fmt: skip
        assert document["errors"][0]["pointer"] == "Idempotency-Key"
        problem(
            await sender.post("/templates", {"code": "a", "body": "b"}, once="order-7"), 422, "idempotency_mismatch"
        )

    async def test_key_of_another_workspace_means_nothing(self, sender: Caller) -> None:
        await sender.post("/templates", {"code": "a", "body": "b"}, once="order-7")
        other = await sender.yard.workspaces.add("Other")
        created = await sender.yard.keys.create(other["id"], name="theirs")
        stranger = Caller(sender.http, sender.yard, other["id"], created["key"])
        answer = await stranger.post("/templates", {"code": "a", "body": "b"}, once="order-7")
        assert "idempotent-replay" not in answer.headers

    async def test_requests_at_the_same_moment_make_one_message(self, sender: Caller) -> None:
        answers = await asyncio.gather(*(sender.post("/messages", HELLO, once="same") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert sum("idempotent-replay" in answer.headers for answer in answers) == 19

    async def test_refused_request_leaves_the_key_free(self, sender: Caller) -> None:
        for path, bad, good in (
            ("/messages", {**HELLO, "to": "12"}, HELLO),
            ("/templates", {"code": "a", "body": ""}, {"code": "a", "body": "b"}),
        ):
            assert (await sender.post(path, bad, once=f"free{path}")).status_code == 422
            assert (await sender.post(path, good, once=f"free{path}")).status_code in {201, 202}

    @pytest.mark.parametrize("path", ["/messages", "/templates"])
    async def test_key_that_is_running_elsewhere_asks_to_wait(self, sender: Caller, path: str) -> None:
        body = HELLO if path == "/messages" else {"code": "a", "body": "b"}
        await sender.post(path, body, once="k")
        await self._set_running(sender, now_ms())
        answer = await sender.post(path, body, once="k")
        problem(answer, 409, "idempotency_running")
        assert answer.headers["retry-after"] == "1"

    async def test_key_of_a_process_that_died_is_free_after_two_minutes(self, sender: Caller) -> None:
        await sender.post("/messages", HELLO, once="k")
        await self._set_running(sender, now_ms() - idempotency.ABANDONED_MS)
        assert (await sender.post("/messages", HELLO, once="k")).status_code == 202
        assert await count(sender) == 2

    async def test_key_is_kept_for_a_day_and_then_forgotten(self, sender: Caller) -> None:
        await sender.post("/messages", HELLO, once="k")
        await sender.yard.tidy()
        assert (await sender.post("/messages", HELLO, once="k")).headers["idempotent-replay"] == "true"
        past = now_ms() - idempotency.KEPT_MS

        def age(tx: Transaction) -> None:
            tx.run("UPDATE idempotency_keys SET created_at = ?", (past,))

        await sender.yard.database.write(age)
        assert "idempotent-replay" not in (await sender.post("/messages", HELLO, once="k")).headers
        await sender.yard.database.write(age)
        await sender.yard.tidy()
        rows = await sender.yard.database.read(lambda tx: tx.rows("SELECT count(*) FROM idempotency_keys"))
        assert rows == [(0,)]

    async def test_failed_create_leaves_the_key_free(
        self, caller: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def broken(*_: object, **__: object) -> Any:
            raise RuntimeError("broken")

        body = {"code": "a", "body": "b"}
        with monkeypatch.context() as patch:
            patch.setattr(caller.yard.templates, "add", broken)
            assert (await caller.post("/templates", body, once="k")).status_code == 500
        assert (await caller.post("/templates", body, once="k")).status_code == 201
        assert "broken" in caplog.text

    @pytest.mark.parametrize("key", ["x" * 256, "a b", "ü"])
    async def test_unusable_key_is_refused(self, sender: Caller, key: str) -> None:
        answer = await sender.ask("POST", "/messages", HELLO, headers={"idempotency-key": key.encode()})
        assert problem(answer, 422, "bad_idempotency_key")["errors"][0]["pointer"] == "Idempotency-Key"

    async def _set_running(self, caller: Caller, created_at: int) -> None:
        await caller.yard.database.write(
            lambda tx: tx.run("UPDATE idempotency_keys SET status = NULL, created_at = ?", (created_at,))
        )


class TestBatch:
    async def test_bad_rows_never_refuse_the_rest(self, sender: Caller) -> None:
        wish = {
            "text": "Hi {name}",
            "reference": "run 1",
            "recipients": [
                {"to": KOREAN, "variables": {"name": "Kim"}},
                {"to": "12", "variables": {"name": "Lin"}},
                {"to": TAIWANESE},
                {"to": TAIWANESE, "variables": {"name": 7}, "reference": "mine"},
            ],
        }
        answer = await sender.post("/messages/batch", wish)
        assert answer.status_code == 202
        found = answer.json()
        assert [(row["index"], row["status"]) for row in found["accepted"]] == [(0, "queued"), (3, "queued")]
        assert [(row["index"], row["errors"][0]["pointer"]) for row in found["rejected"]] == [
            (1, "/to"),
            (2, "/variables/name"),
        ]
        listed = (await sender.get("/messages", batch=found["batch_id"])).json()["data"]
        assert {message["reference"] for message in listed} == {"run 1", "mine"}
        one = (await sender.get(f"/messages/{found['accepted'][1]['id']}")).json()
        assert one["text"] == "Hi 7"

    async def test_batch_of_a_template_lets_a_recipient_overrule_a_common_value(self, sender: Caller) -> None:
        await sender.post("/templates", {"code": "hi", "body": "{greeting} {name}"})
        wish = {
            "template": {"code": "hi", "variables": {"greeting": "Hello", "name": "you"}},
            "recipients": [{"to": KOREAN}, {"to": TAIWANESE, "variables": {"name": "Lin"}}],
        }
        accepted = (await sender.post("/messages/batch", wish)).json()["accepted"]
        texts = [(await sender.get(f"/messages/{row['id']}")).json()["text"] for row in accepted]
        assert texts == ["Hello you", "Hello Lin"]

    async def test_batch_of_media_needs_no_text(self, sender: Caller) -> None:
        await sender.ask("PUT", "/routes", {"channel": "mms", "accounts": ["tw"]})
        wish = {"channel": "mms", "media": [{"url": "https://a.example/x.png"}], "recipients": [{"to": KOREAN}]}
        assert len((await sender.post("/messages/batch", wish)).json()["accepted"]) == 1

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"text": "Hi {"}, "/text"),
            ({"text": None}, "/text"),
            ({"text": None, "template": {"code": "none"}}, "/template/code"),
            ({"recipients": []}, "/recipients"),
        ],
    )
    async def test_fault_that_all_share_refuses_the_batch(
        self, sender: Caller, change: dict[str, Any], pointer: str
    ) -> None:
        wish = {"text": "Hi", "recipients": [{"to": KOREAN}]} | change
        answer = await sender.post("/messages/batch", wish)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer

    async def test_repeated_batch_sends_nothing_twice(self, sender: Caller) -> None:
        wish = {"text": "Hi", "recipients": [{"to": KOREAN}, {"to": "12"}]}
        first = await sender.post("/messages/batch", wish, once="b")
        again = await sender.post("/messages/batch", wish, once="b")
        assert again.content == first.content
        assert again.headers["idempotent-replay"] == "true"
        assert await count(sender) == 1
        problem(await sender.post("/messages/batch", wish | {"text": "Ho"}, once="b"), 422, "idempotency_mismatch")

    async def test_ten_thousand_recipients_fit_and_one_more_does_not(self, sender: Caller) -> None:
        recipients = [{"to": f"+8210{number:08d}"} for number in range(20_000_000, 20_010_000)]
        found = (await sender.post("/messages/batch", {"text": "Hi", "recipients": recipients})).json()
        assert len(found["accepted"]) == 10_000
        answer = await sender.post("/messages/batch", {"text": "Hi", "recipients": [*recipients, {"to": KOREAN}]})
        assert problem(answer, 422, "invalid_body")["errors"][0]["pointer"] == "/recipients"

    async def test_error_that_names_no_field_is_still_told(self, sender: Caller) -> None:
        wish = {"text": "Hi", "recipients": [{"to": KOREAN}] * 11}
        rejected = (await sender.post("/messages/batch", wish)).json()["rejected"]
        assert [row["errors"][0]["code"] for row in rejected] == ["recipient_limit"]


class TestPreflight:
    async def test_single_message_is_judged_and_not_sent(self, sender: Caller) -> None:
        found = (await sender.post("/preflight", {**HELLO, "text": "x" * 200})).json()
        assert {check["level"] for check in found["checks"]} == {"ok"}
        assert (found["messages"], found["parts"]) == (1, 2)
        assert found["cost"] == {"low": "0.0158", "high": "0.0158", "currency": "USD"}
        assert found["sample"][0]["to"] == KOREAN
        assert await count(sender) == 0

    async def test_list_is_summed_up_by_check(self, sender: Caller) -> None:
        await sender.post("/suppressions", {"to": TAIWANESE})
        recipients = [{"to": KOREAN}, {"to": "12"}, {"to": TAIWANESE}, {"to": "abc"}, {"to": KOREAN, "variables": {}}]
        wish = {"text": "Hi {name|there}", "recipients": recipients}
        levels = {
            c["check"]: (c["level"], c["count"]) for c in (await sender.post("/preflight", wish)).json()["checks"]
        }
        assert levels["address"] == ("warn", 2)
        assert levels["suppression"] == ("warn", 1)
        assert levels["content"] == ("ok", 0)
        missing = wish | {"text": "Hi {name}"}
        checks = (await sender.post("/preflight", missing)).json()["checks"]
        assert {c["check"]: c["level"] for c in checks}["content"] == "block"

    async def test_every_kind_of_fault_has_its_check(self, sender: Caller) -> None:
        for _ in range(10):
            await sender.post("/messages", HELLO)
        await sender.account("free")
        await sender.post("/accounts/free/pause", {"reason": "No credit."})
        for change, check, level in (
            ({}, "recipient_limit", "block"),
            ({"account": "nobody", "to": TAIWANESE}, "route", "block"),
            ({"send_at": "2001-01-01T00:00:00Z", "to": TAIWANESE}, "schedule", "block"),
            ({"text": " ", "to": TAIWANESE}, "content", "block"),
            ({"account": "free", "to": TAIWANESE}, "accounts", "warn"),
        ):
            found = (await sender.post("/preflight", {**HELLO, **change})).json()
            levels = {entry["check"]: entry["level"] for entry in found["checks"]}
            assert levels.pop(check) == level, change
            assert set(levels.values()) == {"ok"}, change
            # The account "free" has no price, and what is blocked costs nothing.
            assert (found["cost"], found["costs"]) == (None, [])
            assert found["cost_note"] in {
                "No price is entered for free: what goes through there is not counted.",
                "Nobody would be reached.",
            }

    @pytest.mark.parametrize(
        ("unit", "seconds"), [(RateUnit.MESSAGE, 2.0), (RateUnit.PART, 4.0), (RateUnit.REQUEST, 0.02)]
    )
    async def test_end_is_told_from_the_rate_in_the_unit_of_the_provider(
        self, sender: Caller, monkeypatch: pytest.MonkeyPatch, unit: RateUnit, seconds: float
    ) -> None:
        (entry,) = sender.yard.directory.accounts()
        other = replace(entry, rate_unit=unit, rate_per_second=1, batch_limit=100)
        monkeypatch.setattr(sender.yard.directory, "account", lambda _: other)
        before = now_ms()
        found = (await sender.post("/preflight", {"text": "x" * 200, "recipients": [{"to": KOREAN}] * 2})).json()
        assert (found["messages"], found["parts"]) == (2, 4)
        after = now_ms()
        finish = datetime.fromisoformat(found["finish_at"]).timestamp() * 1000
        assert before <= finish - seconds * 1000 < after + 1500

    async def test_nothing_to_go_on_is_refused(self, sender: Caller) -> None:
        problem(await sender.post("/preflight", {"text": "x"}), 422, "to_or_recipients")
        both = {"text": "x", "to": KOREAN, "recipients": [{"to": KOREAN}]}
        problem(await sender.post("/preflight", both), 422, "to_or_recipients")
