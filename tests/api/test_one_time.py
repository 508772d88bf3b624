"""
One-time codes over the interface.
"""

import re
from datetime import datetime
from typing import Any

import pytest

from sendyard.storage.identifiers import now_ms
from tests.api.conftest import KOREAN, TAIWANESE, Caller, problem


def code_of(caller: Caller, message_id: str) -> str:
    ((content,),) = caller.yard.database.read_now(
        lambda tx: tx.rows("SELECT content FROM messages WHERE id = ?", (message_id,))
    )
    found = re.search("[0-9]{4,10}", content)
    assert found
    return found[0]


async def test_code_is_sent_checked_and_looked_up(sender: Caller) -> None:
    answer = await sender.post("/otp", {"to": TAIWANESE, "reference": "login-1"})
    assert answer.status_code == 202, answer.text
    sent = answer.json()
    assert (sent["status"], sent["attempts_left"], sent["reference"]) == ("pending", 5, "login-1")
    life = datetime.fromisoformat(sent["expires_at"]) - datetime.fromisoformat(sent["created_at"])
    assert life.total_seconds() == 300
    assert sent["resend_after"] < sent["expires_at"]
    code = code_of(sender, sent["message"])
    wrong = await sender.post(f"/otp/{sent['id']}/verify", {"code": f"{(int(code) + 1) % 1_000_000:06d}"})
    assert wrong.status_code == 200
    assert wrong.json() == {"verified": False, "reason": "wrong_code", "attempts_left": 4}
    right = await sender.post(f"/otp/{sent['id']}/verify", {"code": f"{code[:3]} {code[3:]}"})
    assert right.json() == {"verified": True, "reason": None, "attempts_left": 4}
    assert (await sender.get(f"/otp/{sent['id']}")).json()["status"] == "verified"
    assert code not in answer.text + wrong.text + right.text


async def test_message_of_a_code_never_shows_it(sender: Caller) -> None:
    sent = (await sender.post("/otp", {"to": TAIWANESE})).json()
    code = code_of(sender, sent["message"])
    asked = [
        await sender.get(f"/messages/{sent['message']}"),
        await sender.get("/messages"),
        await sender.get("/messages", batch=sent["id"]),
        await sender.get(f"/messages/{sent['message']}/timeline"),
        await sender.get("/events"),
        await sender.get(f"/otp/{sent['id']}"),
    ]
    assert [answer.status_code for answer in asked] == [200] * 6
    assert all(code not in answer.text for answer in asked)
    assert asked[0].json()["text"] is None
    assert [message["id"] for message in asked[2].json()["data"]] == [sent["message"]]


async def test_second_code_waits_and_is_told_how_long(sender: Caller) -> None:
    began = now_ms()
    sent = (await sender.post("/otp", {"to": TAIWANESE})).json()
    for answer in (await sender.post("/otp", {"to": TAIWANESE}), await sender.post(f"/otp/{sent['id']}/resend")):
        problem(answer, 429, "code_too_soon")
        took = (now_ms() - began) / 1000
        assert 59 - took <= int(answer.headers["retry-after"]) <= 60


async def test_repeated_request_sends_one_code(sender: Caller) -> None:
    first = await sender.post("/otp", {"to": TAIWANESE}, once="login-1")
    again = await sender.post("/otp", {"to": TAIWANESE}, once="login-1")
    assert again.json() == first.json()
    assert again.headers["idempotent-replay"] == "true"
    other = await sender.post("/otp", {"to": KOREAN}, once="login-1")
    problem(other, 422, "idempotency_mismatch")
    # A refusal leaves its key free.
    problem(await sender.post("/otp", {"to": "12"}, once="login-2"), 422, "too_short")
    assert (await sender.post("/otp", {"to": KOREAN}, once="login-2")).status_code == 202


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"to": "12"}, "/to"),
        ({"to": TAIWANESE, "length": 3}, "/length"),
        ({"to": TAIWANESE, "expires_in": 59}, "/expires_in"),
        ({"to": TAIWANESE, "language": "fr"}, "/language"),
        ({"to": TAIWANESE, "template": "nobody"}, "/template"),
        ({"to": TAIWANESE, "provider": True}, "/provider"),
        ({"to": TAIWANESE, "code": "123456"}, "/code"),
    ],
)
async def test_wish_that_cannot_be_met_names_the_place(sender: Caller, body: dict[str, Any], pointer: str) -> None:
    answer = await sender.post("/otp", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_variables_of_a_template_may_be_numbers(sender: Caller) -> None:
    await sender.post("/templates", {"code": "login", "body": "Shop {shop}: {code}"})
    sent = await sender.post("/otp", {"to": TAIWANESE, "template": "login", "variables": {"shop": 7}, "length": 8})
    assert len(re.sub("Shop 7: ", "", code_of(sender, sent.json()["message"]))) == 8


async def test_code_nobody_knows_is_not_found(sender: Caller) -> None:
    problem(await sender.get("/otp/nothing"), 404, "unknown_code")
    problem(await sender.post("/otp/nothing/verify", {"code": "123456"}), 404, "unknown_code")
    problem(await sender.post("/otp/nothing/resend", {}), 404, "unknown_code")


async def test_what_can_be_no_code_is_refused(sender: Caller) -> None:
    sent = (await sender.post("/otp", {"to": TAIWANESE})).json()
    answer = await sender.post(f"/otp/{sent['id']}/verify", {"code": "the code"})
    assert problem(answer, 422, "bad_code")["errors"][0]["pointer"] == "/code"
    problem(await sender.post(f"/otp/{sent['id']}/resend", {"by_voice": True}), 409, "not_supported")


async def test_codes_have_a_scope_of_their_own(sender: Caller) -> None:
    login = await sender.other(scopes=("otp",))
    sent = await login.post("/otp", {"to": TAIWANESE})
    assert sent.status_code == 202
    problem(await login.get("/messages"), 403, "missing_scope")
    desk = await sender.other(scopes=("messages:send", "messages:read"))
    problem(await desk.post("/otp", {"to": TAIWANESE}), 403, "missing_scope")


async def test_test_key_sends_codes_to_emulators_only(sender: Caller) -> None:
    tester = await sender.other(kind="test")
    assert (await tester.post("/otp", {"to": TAIWANESE})).status_code == 202
    await sender.yard.accounts.edit(sender.workspace_id, "tw", {"settings": {"base_url": "https://provider.invalid"}})
    problem(await tester.post("/otp", {"to": KOREAN}), 422, "no_usable_account")
    assert (await sender.post("/otp", {"to": KOREAN})).status_code == 202


async def test_tidying_blots_codes_out(sender: Caller) -> None:
    sent = (await sender.post("/otp", {"to": TAIWANESE})).json()
    sender.yard.database.write_now(
        lambda tx: [
            tx.run("UPDATE otp_codes SET expires_at = 1"),
            tx.run("UPDATE messages SET status = 'delivered', due_at = NULL"),
        ]
    )
    await sender.yard.tidy()
    ((content,),) = sender.yard.database.read_now(
        lambda tx: tx.rows("SELECT content FROM messages WHERE id = ?", (sent["message"],))
    )
    assert content == '"•••"'
