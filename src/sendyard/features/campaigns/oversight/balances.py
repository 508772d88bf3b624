"""
Whether what is left at the providers pays for a campaign.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from sendyard.delivery.forecast import Check, Forecast, Level
from sendyard.domain.errors import AppError

AskBalance = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""Asks the provider of an account, by workspace and name, for `{amount, currency}`; raises AppError."""

_PATIENCE = 5.0  # seconds: a preflight is looked at by somebody who waits
_FIX = "Add credit in the provider's own console, or spread the messages over more accounts."


async def with_balance(ask: AskBalance, workspace_id: str, found: Forecast) -> Forecast:
    """
    Add the check `balance`: each route's first account is asked for its credit, all at the same time.

    Where prices are not set here, in another currency, or the provider tells no balance, the line says so; a balance
    that is too small warns, since credit may still be added while the campaign runs.
    """
    wanted: dict[str, tuple[Decimal, str, int]] = {}
    silent = {one.accounts[0] for one in found.routes if one.cost is None}
    for one in found.routes:
        if one.cost is not None:
            amount, currency, messages = wanted.get(one.accounts[0], (Decimal(0), one.cost.currency, 0))
            wanted[one.accounts[0]] = amount + one.cost.high, currency, messages + one.messages
    answers = await asyncio.gather(*(_ask(ask, workspace_id, name) for name in wanted))
    short: list[str] = []
    known: list[str] = []
    count = 0
    for (name, (amount, currency, messages)), (left, unit) in zip(wanted.items(), answers, strict=True):
        if left is None or unit != currency:
            silent.add(name)
        elif left < amount:
            short.append(f"{name} has {left} {unit} left and up to {amount} {unit} are needed")
            count += messages
        else:
            known.append(name)
    unknown = f" Not known: {', '.join(sorted(silent))}." if silent else ""
    if short:
        check = Check("balance", Level.WARN, count, f"{'; '.join(short)}.{unknown}", _FIX)
    elif known:
        check = Check("balance", Level.OK, 0, f"Good: there is enough at {', '.join(known)}.{unknown}", "")
    else:
        check = Check("balance", Level.OK, 0, f"Nothing is known of balances.{unknown}", "")
    return replace(found, checks=[*found.checks, check])


async def _ask(ask: AskBalance, workspace_id: str, account: str) -> tuple[Decimal | None, str]:
    try:
        async with asyncio.timeout(_PATIENCE):
            told = await ask(workspace_id, account)
    except (AppError, TimeoutError):
        return None, ""
    return Decimal(told["amount"]), told["currency"]
