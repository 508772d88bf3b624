"""
Consents, keywords and errands over the interface.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sendyard.delivery.facts import Facts
from sendyard.domain.channels import Channel
from sendyard.domain.content import Text
from sendyard.providers.contract import Inbound
from tests.api.conftest import KOREAN, TAIWANESE, Caller, problem

AMERICAN = "+12025550123"


async def write(caller: Caller, account: str, text: str, sender: str = AMERICAN) -> None:
    """Let somebody write to us."""
    entry = caller.yard.directory.account(account)
    assert entry is not None
    event = Inbound(
        sender=sender,
        recipient=entry.sender,
        channel=Channel.SMS,
        content=Text(text),
        provider_ref=text,
        dedupe_key=text,
    )
    await caller.yard.ingest.store(entry, [event])


async def test_a_consent_has_a_kind_and_may_be_confirmed(caller: Caller) -> None:
    body = {"to": KOREAN, "kind": "night", "channel": "sms", "evidence": "form 7", "at": "2026-01-02T03:04:05Z"}
    made = await caller.post("/consents", body, once="a")
    assert made.status_code == 201, made.text
    kept = made.json()
    assert (kept["kind"], kept["state"], kept["at"], kept["confirmed_at"]) == (
        "night",
        "granted",
        "2026-01-02T03:04:05Z",
        None,
    )
    assert (await caller.post("/consents", body, once="a")).json() == kept
    confirmed = (await caller.post(f"/consents/{kept['id']}/confirm", {"at": "2026-03-01T00:00:00Z"})).json()
    assert confirmed["confirmed_at"] == "2026-03-01T00:00:00Z"
    assert (await caller.post(f"/consents/{kept['id']}/confirm")).status_code == 200
    problem(await caller.post("/consents/none/confirm"), 404, "unknown_consent")
    listed = (await caller.get("/consents", to=KOREAN)).json()
    assert ([one["id"] for one in listed["data"]], listed["next"]) == ([kept["id"]], None)
    older = (await caller.get("/consents", given_before="2026-02-01T00:00:00Z")).json()
    assert older["data"] == []  # confirmed since
    problem(await caller.post("/consents", {"to": KOREAN, "at": "2099-01-01T00:00:00Z"}), 422, "future")


async def test_a_list_is_taken_over_once_and_comes_back_as_it_was(caller: Caller) -> None:
    await caller.post("/suppressions", {"to": TAIWANESE, "reason": "opted_out"})
    await caller.post("/consents", {"to": AMERICAN, "state": "withdrawn", "at": "2026-03-01T00:00:00Z"})
    csv = (
        "Phone,kind,at,evidence,confirmed_at\n"
        f"{KOREAN},written,2026-01-02,=HYPERLINK(1),2026-02-03T00:00:00Z\n"
        f"{TAIWANESE},,,,\n{AMERICAN},,,,\n{AMERICAN},,2026-01-01,,\n{KOREAN},silver,,,\n{KOREAN},,yesterday,,\nnobody,,,,\n"
    )
    loaded = (await caller.post("/consents/import", {"csv": csv, "source": "shop"})).json()
    assert (loaded["rows"], loaded["added"], loaded["known"]) == (7, 1, 0)
    assert [(one["row"], one["code"]) for one in loaded["refused"]] == [
        (3, "refused_before"),
        (4, "refused_before"),
        (5, "refused_before"),
        (6, "bad_kind"),
        (7, "bad_at"),
        (8, "letters"),
    ]
    again = (
        await caller.post("/consents/import", {"csv": csv.split("\n+8869", maxsplit=1)[0], "source": "shop"})
    ).json()
    assert (again["added"], again["known"], again["refused"]) == (0, 1, [])
    # Somebody who agrees later than they refused is taken at their word.
    later = {"csv": f"to,at\n{AMERICAN},2026-04-01T09:00:00+09:00\n"}
    assert (await caller.post("/consents/import", later)).json()["added"] == 1
    exported = (await caller.get("/consents/export")).text
    assert exported.startswith("\ufeffaddress,channel,purpose,kind,state,source,evidence,at,confirmed_at\r\n")
    assert f"{KOREAN},,promotional,written,granted,shop,'=HYPERLINK(1),2026-01-02T00:00:00.000Z" in exported
    back = (await caller.post("/consents/import", {"csv": exported})).json()
    assert (back["added"], back["known"], back["refused"]) == (0, 3, [])
    plain = (await caller.post("/consents/import", {"csv": f"{KOREAN}\n\n"})).json()
    assert (plain["rows"], plain["added"]) == (1, 1)


async def test_somebody_is_asked_and_answers(caller: Caller) -> None:
    account = await caller.account("us")
    asked = await caller.post("/consents/requests", {"to": AMERICAN, "account": "us", "source": "form"}, once="q")
    assert asked.status_code == 202, asked.text
    request = asked.json()
    assert (request["state"], request["language"], "yes" in request["words"]) == ("waiting", "en", True)
    assert (await caller.get("/consents", to=AMERICAN)).json()["data"][0]["state"] == "asked"
    await write(caller, account, "Yes!")
    settled = (await caller.get(f"/consents/requests/{request['id']}")).json()
    assert settled["state"] == "granted"
    assert "“Yes!”" in settled["evidence"]
    assert [one["state"] for one in (await caller.get("/consents")).json()["data"]] == ["asked", "granted"]
    listed = (await caller.get("/consents/requests", state="granted", to=AMERICAN)).json()
    assert [one["id"] for one in listed["data"]] == [request["id"]]
    problem(await caller.post("/consents/requests", {"to": AMERICAN, "account": "us"}), 409, "granted_already")
    problem(await caller.get("/consents/requests/none"), 404, "unknown_request")


async def test_a_stored_template_may_ask(caller: Caller) -> None:
    await caller.account("us")
    await caller.post("/templates", {"code": "club", "name": "Club", "body": "Hi {name}, answer {word} for {word}."})
    body = {"to": AMERICAN, "account": "us", "template": "club", "variables": {"name": "{Ada}"}, "words": ["join"]}
    asked = await caller.post("/consents/requests", body)
    assert asked.status_code == 202, asked.text
    message = (await caller.get(f"/messages/{asked.json()['message_id']}")).json()
    assert message["purpose"] == "transactional"
    assert "Hi {Ada}, answer join for join." in str(message)
    problem(await caller.post("/consents/requests", body | {"template": "none"}), 422, "unknown_template")
    problem(await caller.post("/consents/requests", body | {"text": "hi {word}"}), 422, "two_texts")


async def test_what_falls_due_is_listed_and_reminded_of(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"api_key": "invented-key", "base_url": "http://127.0.0.1:9"}
    await caller.yard.accounts.add(
        caller.workspace_id, provider="bizgo", name="kr", settings=settings, sender="15880000"
    )
    given = datetime.now(UTC) - timedelta(days=725)
    await caller.post("/consents", {"to": KOREAN, "at": given.isoformat()})
    due = (await caller.get("/consents/due", days="30")).json()["data"]
    assert [(one["address"], one["overdue"], one["notice"]) for one in due] == [(KOREAN, False, None)]
    problem(await caller.post("/consents/remind", {}), 409, "business_unknown")
    monkeypatch.setattr(caller.yard.directory, "facts", lambda _: Facts(business="한빛상점", contact="02-1234-5678"))
    answer = await caller.ask("PATCH", "/consents/settings", {"account": "kr", "days_before": 20})
    assert answer.json() == {"automatic": False, "days_before": 20, "account": "kr", "sender": ""}
    assert (await caller.get("/consents/settings")).json() == answer.json()
    problem(await caller.ask("PATCH", "/consents/settings", {"account": "none"}), 404, "unknown_account")
    assert (await caller.post("/consents/remind", {"consents": [due[0]["id"]]})).json() == {"sent": 1, "left": []}
    notice = (await caller.get("/consents/due")).json()["data"][0]["notice"]
    assert (notice["state"], notice["channel"]) == ("sending", "sms")
    assert "수신거부 라고 답장" in notice["text"]
    assert (await caller.get(f"/messages/{notice['message']}")).json()["to"] == KOREAN


async def test_words_and_texts_of_one_s_own(caller: Caller) -> None:
    account = await caller.account("us")
    word = {"word": "Basta", "intent": "opt_out", "language": "en"}
    assert (await caller.ask("PUT", "/keywords/words", word)).json() == word | {"own": True}
    text = {"reply": "opt_out", "language": "en", "text": "Bye."}
    assert (await caller.ask("PUT", "/keywords/texts", text)).json() == text | {"own": True}
    await write(caller, account, "BASTA!")
    (message,) = (await caller.get("/messages")).json()["data"]
    assert (message["to"], message["sender"]) == (AMERICAN, "+15005550006")
    shown = (await caller.get("/keywords")).json()
    assert shown["words"][0]["word"] == "Basta"
    assert (await caller.ask("DELETE", "/keywords/words", params={"word": "basta"})).status_code == 204
    back = await caller.ask("DELETE", "/keywords/texts", params={"reply": "opt_out", "language": "en"})
    assert "You have unsubscribed" in back.json()["text"]
    problem(await caller.ask("DELETE", "/keywords/words", params={"word": "basta"}), 404, "unknown_word")
    problem(await caller.ask("PUT", "/keywords/words", word | {"word": "..."}), 422, "bad_word")


async def test_a_sentence_that_refuses_waits_for_somebody_to_look(caller: Caller) -> None:
    account = await caller.account("us")
    await write(caller, account, "please stop texting me, I have had enough of all of this")
    (found,) = (await caller.get("/suppressions", to_review="true")).json()["data"]
    assert (found["address"], found["needs_review"]) == (AMERICAN, True)
    assert (await caller.post(f"/suppressions/{found['id']}/reviewed")).status_code == 204
    assert (await caller.get("/suppressions", to_review="true")).json()["data"] == []
    problem(await caller.post(f"/suppressions/{found['id']}/reviewed"), 404, "unknown_suppression")


async def test_a_contact_is_pushed_and_the_errand_is_listed(caller: Caller) -> None:
    settings: dict[str, Any] = {"api_key": "invented", "base_url": "http://127.0.0.1:9"}
    await caller.yard.accounts.add(caller.workspace_id, provider="openphone", name="quo", settings=settings)
    await caller.account("us")
    identities = [{"kind": "phone", "value": AMERICAN}]
    contact = (await caller.post("/contacts", {"name": "Ada", "identities": identities})).json()["id"]
    pushed = await caller.post(f"/contacts/{contact}/push", {"account": "quo"})
    assert pushed.status_code == 202, pushed.text
    errand = pushed.json()
    # Nobody listens there.
    assert (errand["state"], errand["kind"], errand["subject"], errand["tries"]) == ("waiting", "contact", contact, 1)
    assert errand["next_try_at"]
    listed = (await caller.get("/errands", kind="contact", state="waiting", subject=contact)).json()
    assert ([one["id"] for one in listed["data"]], listed["next"]) == ([errand["id"]], None)
    problem(await caller.post(f"/contacts/{contact}/push", {"account": "us"}), 409, "not_supported")
    problem(await caller.post("/contacts/none/push", {"account": "quo"}), 404, "unknown_contact")
    problem(await caller.post("/accounts/us/opt-out-number", {"number": "080-123-4567"}), 409, "not_supported")
