"""
Rules of countries by the interface: what they refuse, change and move, and what a preflight says of them.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from sendyard.delivery import intake
from tests.api.conftest import KOREAN, TAIWANESE, Caller, problem
from tests.situations import at

OFFER = {"to": KOREAN, "text": "오늘만 할인", "purpose": "promotional", "sender": "0273910478"}
PUT_RIGHT = "(광고)행복가게 오늘만 할인\n무료수신거부 080-123-4567"
NOON, NIGHT = at("2026-11-20 12:00", "Asia/Seoul"), at("2026-11-20 21:30", "Asia/Seoul")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time at which messages are accepted; noon in Seoul until a test says otherwise."""
    now = [NOON]
    monkeypatch.setattr(intake, "now_ms", lambda: int(now[-1].timestamp() * 1000))
    return now


@pytest.fixture
async def shop(sender: Caller, clock: list[datetime]) -> Caller:
    """A sender that has told its name and free number, and has one Korean's consent."""
    del clock
    told = {"business": "행복가게", "opt_out_number": "080-123-4567"}
    assert (await sender.ask("PATCH", "/compliance", told)).status_code == 200
    given = {"to": KOREAN, "source": "form", "evidence": "wording 3", "at": "2026-01-10T12:00:00Z"}
    assert (await sender.post("/consents", given)).status_code == 201
    return sender


async def test_text_that_was_put_right_is_in_the_answer_the_message_and_its_timeline(shop: Caller) -> None:
    answer = await shop.post("/messages", OFFER)
    assert answer.status_code == 202, answer.text
    sent = answer.json()
    assert (sent["status"], sent["text"]) == ("queued", PUT_RIGHT)
    assert [(said["rule"], said["level"]) for said in sent["rules"]] == [
        ("kr.label", "fix"),
        ("kr.sender_name", "fix"),
        ("kr.opt_out", "fix"),
    ]
    assert (await shop.get(f"/messages/{sent['id']}")).json() == sent
    life = (await shop.get(f"/messages/{sent['id']}/timeline")).json()["data"]
    assert [(entry["kind"], entry["code"]) for entry in life[1:]] == [
        ("changed", "kr.label"),
        ("changed", "kr.sender_name"),
        ("changed", "kr.opt_out"),
    ]


async def test_closed_hours_give_202_with_the_moment_and_the_reason(shop: Caller, clock: list[datetime]) -> None:
    clock.append(NIGHT)
    sent = (await shop.post("/messages", OFFER)).json()
    assert (sent["status"], sent["send_at"]) == ("scheduled", "2026-11-20T23:00:00Z")
    assert sent["expires_at"] == "2026-11-21T23:00:00Z"
    assert sent["rules"][-1]["rule"] == "kr.night"
    assert "waits until Sat 08:00" in sent["rules"][-1]["detail"]


async def test_what_a_rule_forbids_is_refused_with_the_rule_as_code(shop: Caller) -> None:
    document = problem(await shop.post("/messages", {**OFFER, "to": "+821087654321"}), 422, "kr.consent")
    (error,) = document["errors"]
    assert (error["pointer"], error["code"]) == ("/to", "kr.consent")
    assert "record when and how it was given" in error["detail"]
    assert "sendyard rules show kr.consent" in error["detail"]


async def test_batch_refuses_only_those_a_rule_protects(shop: Caller) -> None:
    wish = {name: value for name, value in OFFER.items() if name != "to"}
    people = [{"to": KOREAN}, {"to": "+821087654321"}]
    found = (await shop.post("/messages/batch", {**wish, "recipients": people})).json()
    assert [row["index"] for row in found["accepted"]] == [0]
    ((index, errors),) = [(row["index"], row["errors"]) for row in found["rejected"]]
    assert (index, errors[0]["code"]) == (1, "kr.consent")


async def test_preflight_shows_text_rules_deferrals_and_routes(shop: Caller, clock: list[datetime]) -> None:
    clock.append(at("2026-11-20 22:30", "Asia/Seoul"))  # half past nine in Taipei
    wish = {name: value for name, value in OFFER.items() if name != "to"}
    people = [{"to": KOREAN}, {"to": "+821087654321"}, {"to": TAIWANESE}]
    shown = (await shop.post("/preflight", {**wish, "recipients": [{"to": "nobody at all"}, *people]})).json()["checks"]
    assert {one["check"]: [(e["row"], e["to"]) for e in one["examples"]] for one in shown if one["examples"]} == {
        "address": [(0, "nobo***all")],
        "rules": [(2, "+821***321")],
        "hours": [(1, "+821***678"), (3, "+886***678")],
    }
    found: dict[str, Any] = (await shop.post("/preflight", {**wish, "recipients": people})).json()
    checks = {check["check"]: (check["level"], check["count"]) for check in found["checks"]}
    assert (checks["rules"], checks["hours"]) == (("warn", 1), ("warn", 2))
    assert (found["messages"], found["examined"], found["complete"]) == (2, 3, True)
    assert found["sample"][0]["text"] == PUT_RIGHT
    lines = {line["id"]: line for line in found["rules"]}
    assert (lines["kr.consent"]["level"], lines["kr.consent"]["examples"][0]["row"]) == ("block", 1)
    assert (lines["kr.night"]["level"], lines["kr.night"]["count"]) == ("defer", 1)
    assert lines["tw.hours"]["uncertain"] is True
    assert found["rules"][0]["level"] == "block"  # the most serious come first
    assert found["deferrals"] == [
        {"at": "2026-11-20T23:00:00Z", "messages": 1},
        {"at": "2026-11-21T01:00:00Z", "messages": 1},
    ]
    assert [(route["accounts"], route["messages"]) for route in found["routes"]] == [(["tw"], 2)]
    moment = datetime.fromisoformat(found["finish_at"])
    assert moment >= datetime(2026, 11, 21, 1, tzinfo=UTC)


async def test_one_time_code_is_in_no_word_of_a_rule(sender: Caller, clock: list[datetime]) -> None:
    del clock
    body = {"value": "+15005550006", "identity_words": ["樂活"]}
    assert (await sender.ask("PUT", "/compliance/senders", body)).status_code == 200
    wish = {"to": TAIWANESE, "purpose": "otp", "text": "Your code is 739104"}
    sent = (await sender.post("/messages", wish)).json()
    assert [said["rule"] for said in sent["rules"]] == ["tw.identity"]
    assert "739104" not in str(sent)
    assert "739104" not in (await sender.get(f"/messages/{sent['id']}/timeline")).text
