"""
What a preflight of messages says of costs that are no single sum, and of a limit of people.
"""

import pytest

from sendyard.providers.contract import Adapter
from tests.api.conftest import KOREAN, TAIWANESE, Caller

HELLO = {"to": KOREAN, "text": "Hello"}


async def test_accounts_that_bill_in_two_currencies_are_told_apart(sender: Caller) -> None:
    await sender.account("asia", price_per_part="0.9", currency="TWD")
    await sender.ask("PUT", "/routes", {"channel": "sms", "accounts": ["tw", "asia"], "failover": True})
    found = (await sender.post("/preflight", HELLO)).json()
    assert found["cost"] is None
    assert found["costs"] == [
        {"low": "0", "high": "0.9", "currency": "TWD"},
        {"low": "0", "high": "0.0079", "currency": "USD"},
    ]
    assert found["cost_note"].startswith("The accounts bill in TWD and USD, and nothing is converted")
    (route,) = found["routes"]
    assert (route["accounts"], route["cost"], route["cost_note"]) == (["tw", "asia"], None, found["cost_note"])
    assert route["by_account"] == [
        {"account": "tw", "amount": "0.0079", "currency": "USD"},
        {"account": "asia", "amount": "0.9", "currency": "TWD"},
    ]
    alone = (await sender.post("/preflight", {**HELLO, "account": "tw"})).json()
    assert alone["costs"] == [alone["cost"]] == [{"low": "0.0079", "high": "0.0079", "currency": "USD"}]
    assert (alone["cost_note"], alone["routes"][0]["cost_note"]) == ("", "")


async def test_whom_an_account_wrote_to_today_counts_towards_its_limit_of_people(
    sender: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Adapter, "daily_people", lambda _adapter, _account: 1)
    await sender.account("small")
    wish = {**HELLO, "to": TAIWANESE, "account": "small"}
    (check,) = (
        one for one in (await sender.post("/preflight", wish)).json()["checks"] if one["check"] == "people_limit"
    )
    assert check["level"] == "ok"
    assert (await sender.post("/messages", {**HELLO, "account": "small"})).status_code == 202
    await sender.yard.database.write(lambda tx: tx.run("UPDATE messages SET sent_at = created_at"))
    (check,) = (
        one for one in (await sender.post("/preflight", wish)).json()["checks"] if one["check"] == "people_limit"
    )
    assert (check["level"], check["count"]) == ("warn", 1)
    assert "and has written to 1; this is for 1, so 1 would be refused" in check["detail"]
