"""
Whether a budget lasts, as far as what is foretold is paid in its currency.
"""

from decimal import Decimal

from sendyard.delivery.forecast import Check, Forecast, Level
from sendyard.features.campaigns.plan import MILLION, Budget


def budget_checks(budget: Budget | None, found: Forecast) -> list[Check]:
    """
    Compare a budget with everything that is foretold; nothing without a budget, or when nobody is reached.

    What may be billed in another currency is named, never converted.
    """
    if budget is None or not found.routes:
        return []
    counted = [one.high for one in found.costs if one.currency == budget.currency]
    needed = sum(counted, Decimal(0))
    lasts = needed * MILLION <= budget.millionths
    beside = uncounted_checks(budget, found)
    if beside:
        told = f"In {budget.currency} it may cost up to {needed}, and the budget is {budget.amount}"
        enough = ", which is enough for that" if lasts else ""
        if not counted:
            told, enough = f"Nothing of it has a price in {budget.currency}, the currency of the budget", ""
        return [Check(one.check, one.level, one.count, f"{told}{enough}. {one.detail}", one.fix) for one in beside]
    if lasts:
        return [Check("budget", Level.OK, 0, f"The budget of {budget.amount} {budget.currency} is enough.", "")]
    detail = f"It may cost up to {needed} {budget.currency}, and the budget is {budget.amount}."
    return [Check("budget", Level.WARN, 1, detail, "It is paused when the budget is used up; raise it, or go on then.")]


def uncounted_checks(budget: Budget | None, found: Forecast) -> list[Check]:
    """Warn of messages that a budget cannot pay for, because an account of their route has no price in its currency."""
    if budget is None:
        return []
    outside = [
        route
        for route in found.routes
        if any(one.amount is None or one.currency != budget.currency for one in route.by_account)
    ]
    if not outside:
        return []
    charging: dict[str, dict[str, None]] = {}
    unpriced: dict[str, None] = {}
    for one in (account for route in outside for account in route.by_account):
        if one.amount is None:
            unpriced[one.account] = None
        elif one.currency != budget.currency:
            charging.setdefault(one.currency, {})[one.account] = None
    sums = [
        f"up to {cost.high} {cost.currency} through {', '.join(charging[cost.currency])}"
        for cost in found.costs
        if cost.currency in charging
    ]
    told = [f"Nothing is converted, so the budget does not count {' and '.join(sums)}."] if sums else []
    if unpriced:
        told.append(f"No price is entered for {', '.join(unpriced)}.")
    told.append("It is paused before the first message that such an account may carry.")
    fix = f"Choose accounts that have a price in {budget.currency}, or do without a budget."
    return [Check("budget", Level.WARN, sum(route.messages for route in outside), " ".join(told), fix)]
