"""
Whether what is left at the providers pays for a campaign.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from sendyard.delivery.forecast import Check, Forecast, Level
from sendyard.domain.errors import AppError

AskBalance = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""Asks the provider of an account, by workspace and name, for `{amount, currency}`; raises AppError."""

_PATIENCE = 5.0  # seconds: a preflight is looked at by somebody who waits
_FIX = "Add credit in the provider's own console, or spread the messages over more accounts."


@dataclass(slots=True)
class _Need:
    """What one account is to carry as a first choice, in the currency in which it bills."""

    currency: str
    amount: Decimal = Decimal(0)
    messages: int = 0


async def with_balance(ask: AskBalance, workspace_id: str, found: Forecast) -> Forecast:
    """
    Add the check `balance`: each route's first account is asked for its credit, all at the same time.

    Each is held against what that account itself would bill, in its own currency; nothing is converted. Where a price
    is not set here, the balance is in another unit, or the provider tells none, the line says so; a balance that is too
    small warns, since credit may still be added while the campaign runs.
    """
    wanted: dict[str, _Need] = {}
    unpriced: dict[str, None] = {}
    for route in found.routes:
        for first in route.by_account[:1]:
            if first.amount is None:
                unpriced[first.account] = None
            else:
                need = wanted.setdefault(first.account, _Need(first.currency))
                need.amount += first.amount
                need.messages += route.messages
    answers = await asyncio.gather(*(_ask(ask, workspace_id, name) for name in wanted))
    short, enough, silent, unlike, count = [], [], [], [], 0
    for (name, need), (left, unit) in zip(wanted.items(), answers, strict=True):
        if left is None:
            silent.append(name)
        elif unit != need.currency:
            unlike.append(f"{name} has {left} {unit} left and bills {need.amount} {need.currency}, not compared.")
        elif left < need.amount:
            short.append(f"{name} has {left} {unit} left and needs {need.amount}: {_lasting(left, need)}.")
            count += need.messages
        else:
            enough.append(name)
    more = [*unlike]
    if silent:
        more.append(f"Not known: {', '.join(silent)}.")
    if unpriced:
        more.append(f"No price is entered for {', '.join(unpriced)}.")
    good = f"Good: there is enough at {', '.join(enough)}." if enough else "Nothing is known of balances."
    detail = " ".join([*(short or [good]), *more])
    level, fix = (Level.WARN, _FIX) if short else (Level.OK, "")
    return replace(found, checks=[*found.checks, Check("balance", level, count, detail, fix)])


def _lasting(left: Decimal, need: _Need) -> str:
    """For how many messages it lasts: about, because not all of them need as many parts."""
    lasting = int(left * need.messages / need.amount)
    return f"enough for about {lasting:,} of {need.messages:,} messages" if lasting > 0 else "not enough for a message"


async def _ask(ask: AskBalance, workspace_id: str, account: str) -> tuple[Decimal | None, str]:
    try:
        async with asyncio.timeout(_PATIENCE):
            told = await ask(workspace_id, account)
    except (AppError, TimeoutError):
        return None, ""
    return Decimal(told["amount"]), told["currency"]
