"""
What messages may cost before they are sent: their parts at the dearest account that may carry them.
"""

from collections.abc import Sequence
from decimal import Decimal

from sendyard.delivery.directory import Directory
from sendyard.domain.errors import AppError, FieldError, Invalid
from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns.plan import MILLION, Budget
from sendyard.ledger.entries import NewMessage


def affordable(
    directory: Directory, outcomes: Sequence[NewMessage | AppError], budget: Budget, reserved: int
) -> tuple[int, int, str]:
    """
    Say how many of these may be made within a budget of which `reserved` millionths are used.

    Returns their number, their price in millionths, and why no more may, "" when all may. Those that are not sent
    cost nothing.
    """
    left = budget.millionths - reserved
    price = 0
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, AppError) or outcome.status not in {MessageStatus.QUEUED, MessageStatus.SCHEDULED}:
            continue
        own = _price(directory, outcome, budget.currency)
        if own is None:
            return place, price, f"An account of the route has no price in {budget.currency}; give it one, then resume."
        if price + own > left:
            spent = Decimal(reserved + price) / MILLION
            return place, price, (
                f"The budget of {budget.amount} {budget.currency} is used up: messages for {spent:f} were made. Raise "
                "it and resume, or cancel."
            )  # fmt: skip
        price += own
    return len(outcomes), price, ""


def expect_prices(directory: Directory, workspace_id: str, budget: Budget | None) -> None:
    """
    Make sure that a budget can be kept.

    Raises:
        Invalid: no account of the workspace has a price in its currency.
    """
    if budget is None:
        return
    known = {entry.currency for entry in directory.accounts() if entry.workspace_id == workspace_id
             and entry.price_per_part is not None}  # fmt: skip
    if budget.currency not in known:
        detail = (
            f"Expected a currency in which an account has a price, found {budget.currency}; "
            f"{'there are ' + ', '.join(sorted(known)) if known else 'no account has a price yet'}."
        )
        raise Invalid("no_price", detail, errors=[FieldError("/budget/currency", "no_price", detail)])


def _price(directory: Directory, message: NewMessage, currency: str) -> int | None:
    dearest = Decimal(0)
    # Without failover only the first choice can ever cost anything.
    for account_id in message.route if message.failover else message.route[:1]:
        entry = directory.account(account_id)
        if entry is None or entry.price_per_part is None or entry.currency != currency:
            return None
        dearest = max(dearest, entry.price_per_part)
    return int(dearest * message.parts * MILLION)
