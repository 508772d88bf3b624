"""
What a preflight says of costs that are no single sum.
"""

from tests.api.conftest import KOREAN, Caller

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
