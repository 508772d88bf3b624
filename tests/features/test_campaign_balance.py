"""
Whether what is left at the providers pays for a campaign.
"""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

import pytest

from sendyard.delivery.costs import AccountCost, RouteCost
from sendyard.delivery.forecast import Check, Forecast, Level
from sendyard.domain.errors import Conflict
from sendyard.features.campaigns.oversight import balances
from sendyard.features.campaigns.oversight.balances import with_balance


def route(first: str, cost: str | None, messages: int = 10, currency: str = "TWD") -> RouteCost:
    """Through one account, and if need be through another that is dearer and bills in dollars."""
    amount = None if cost is None else Decimal(cost)
    by_account = [AccountCost(first, amount, currency), AccountCost("reserve", Decimal(1000), "USD")]
    return RouteCost((first, "reserve"), messages, messages, None, by_account)


async def checked(*routes: RouteCost, **left: tuple[str, str]) -> Check:
    async def ask(workspace_id: str, account: str) -> Mapping[str, str]:
        assert workspace_id == "shop"
        if account not in left:
            raise Conflict("not_supported", "tells no balance")
        amount, currency = left[account]
        return {"amount": amount, "currency": currency}

    found = await with_balance(ask, "shop", Forecast(checks=[Check("rows", Level.OK, 0, "", "")], routes=list(routes)))
    assert [one.check for one in found.checks] == ["rows", "balance"]
    return found.checks[-1]


async def test_enough_credit_is_good() -> None:
    check = await checked(route("taipei", "100"), taipei=("100", "TWD"))
    assert (check.level, check.count, check.detail) == (Level.OK, 0, "Good: there is enough at taipei.")


async def test_too_little_for_all_routes_together_warns_with_both_figures() -> None:
    check = await checked(route("taipei", "60", 6), route("taipei", "50", 5), taipei=("100", "TWD"))
    assert (check.level, check.count) == (Level.WARN, 11)
    assert check.detail == "taipei has 100 TWD left and needs 110: enough for about 10 of 11 messages."
    assert check.fix.startswith("Add credit")


async def test_each_account_is_held_against_its_own_share_in_its_own_currency() -> None:
    check = await checked(
        route("taipei", "60", 6), route("delhi", "900", 1000, "INR"), route("seoul", "5", 1, "KRW"),
        taipei=("60", "TWD"), delhi=("450.9", "INR"), seoul=("-2", "KRW"),
    )  # fmt: skip
    assert (check.level, check.count) == (Level.WARN, 1001)
    assert check.detail == (
        "delhi has 450.9 INR left and needs 900: enough for about 501 of 1,000 messages. "
        "seoul has -2 KRW left and needs 5: not enough for a message."
    )


async def test_what_nobody_knows_is_named() -> None:
    check = await checked(
        route("taipei", "1"), route("quiet", "1"), route("points", "1"), route("unpriced", None),
        taipei=("9", "TWD"), points=("9", "XPT"),
    )  # fmt: skip
    assert (check.level, check.fix) == (Level.OK, "")
    assert check.detail == (
        "Good: there is enough at taipei. points has 9 XPT left and bills 1 TWD, not compared. Not known: quiet. "
        "No price is entered for unpriced."
    )
    nothing = await checked(route("unpriced", None), RouteCost((), 1, 1, None))
    assert nothing.detail == "Nothing is known of balances. No price is entered for unpriced."


async def test_silent_provider_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances, "_PATIENCE", 0.05)

    async def ask(_workspace_id: str, _account: str) -> Mapping[str, str]:
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")

    found = await with_balance(ask, "shop", Forecast(routes=[route("slow", "1")]))
    assert found.checks[-1].detail == "Nothing is known of balances. Not known: slow."
