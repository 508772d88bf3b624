"""
Whether a budget lasts, and what is named when some of it is paid in other currencies.
"""

from decimal import Decimal

import pytest

from sendyard.delivery.costs import AccountCost, RouteCost, bill
from sendyard.delivery.forecast import Forecast, Level
from sendyard.domain.channels import Channel
from sendyard.features.campaigns.oversight.budgets import budget_checks, uncounted_checks
from sendyard.features.campaigns.plan import Budget, Plan
from tests.features.campaign_play import play_on, sheet
from tests.yard import Yard

DOLLARS = AccountCost("main", Decimal("12.50"), "USD")
TAIPEI = AccountCost("taipei", Decimal(450), "TWD")
FREE = AccountCost("free", None, "USD")


def foretold(*chains: tuple[AccountCost, ...]) -> Forecast:
    routes = [RouteCost([one.account for one in chain], 100, 100, None, chain) for chain in chains]
    sums = bill(routes)
    return Forecast(routes=routes, cost=sums.cost, costs=sums.costs, cost_note=sums.note)


@pytest.mark.parametrize(
    ("amount", "level", "detail"),
    [
        ("12.50", Level.OK, "The budget of 12.50 USD is enough."),
        ("12.49", Level.WARN, "It may cost up to 12.50 USD, and the budget is 12.49."),
    ],
)
def test_in_one_currency_a_budget_is_enough_or_not(amount: str, level: Level, detail: str) -> None:
    (check,) = budget_checks(Budget(amount, "USD"), foretold((DOLLARS,)))
    assert (check.check, check.level, check.detail) == ("budget", level, detail)


@pytest.mark.parametrize(
    ("amount", "own"),
    [
        ("25", "In USD it may cost up to 25.00, and the budget is 25, which is enough for that."),
        ("24", "In USD it may cost up to 25.00, and the budget is 24."),
    ],
)
def test_what_is_paid_in_other_currencies_is_named_beside_what_is_compared(amount: str, own: str) -> None:
    euros = AccountCost("berlin", Decimal("9.5"), "EUR")
    (check,) = budget_checks(Budget(amount, "USD"), foretold((DOLLARS,), (DOLLARS, TAIPEI, FREE), (euros,)))
    assert (check.level, check.count) == (Level.WARN, 200)
    assert check.detail == (
        f"{own} Nothing is converted, so the budget does not count up to 9.5 EUR through berlin and up to 450 TWD "
        "through taipei. No price is entered for free. It is paused before the first message that such an account may "
        "carry."
    )
    assert check.fix == "Choose accounts that have a price in USD, or do without a budget."


def test_where_nothing_has_a_price_in_its_currency_a_budget_is_not_called_enough() -> None:
    (check,) = budget_checks(Budget("50", "USD"), foretold((FREE,)))
    assert (check.level, check.count) == (Level.WARN, 100)
    assert check.detail == (
        "Nothing of it has a price in USD, the currency of the budget. No price is entered for free. It is paused "
        "before the first message that such an account may carry."
    )


def test_nothing_is_said_without_a_budget_or_without_anybody_to_pay_for() -> None:
    assert budget_checks(None, foretold((DOLLARS,))) == []
    assert uncounted_checks(None, foretold((TAIPEI,))) == []
    assert budget_checks(Budget("1", "USD"), foretold()) == []


@pytest.mark.parametrize("failover", [True, False])
async def test_preflight_warns_exactly_when_a_start_would_pause_for_a_currency(yard: Yard, failover: bool) -> None:
    play = await play_on(yard)
    taipei = await yard.account("mitake", "taipei", price_per_part=Decimal(1), currency="TWD")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[play.account_id, taipei], failover=failover)
    plan = Plan(budget=Budget("5", "USD"))
    campaign_id = await play.draft(sheet(3), plan=plan)
    found = await play.campaigns.preflight(yard.workspace_id, campaign_id)
    (check,) = (one for one in found.checks if one.check == "budget")
    assert (check.level, check.count) == ((Level.WARN, 3) if failover else (Level.OK, 0))
    assert ("up to 3 TWD through taipei" in check.detail) is failover
    await play.campaigns.start(yard.workspace_id, campaign_id)
    expander = play.expander()
    while await expander.round():
        pass
    assert await play.status(campaign_id) == ("paused" if failover else "sending")
