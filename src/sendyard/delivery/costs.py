"""
What messages cost, by route and in all: per currency, since nothing is ever converted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sendyard.delivery.directory import AccountEntry


@dataclass(frozen=True, slots=True)
class CostRange:
    """From the least to the most that is paid in one currency."""

    low: Decimal
    high: Decimal
    currency: str

    def document(self) -> dict[str, str]:
        """The range as API and command line print it."""
        return {"low": str(self.low), "high": str(self.high), "currency": self.currency}


@dataclass(frozen=True, slots=True)
class AccountCost:
    """What a whole route would cost if this account carried all of it; `amount` is None where no price is entered."""

    account: str  # its name
    amount: Decimal | None
    currency: str

    def document(self) -> dict[str, str | None]:
        """The amount as API and command line print it."""
        amount = None if self.amount is None else str(self.amount)
        return {"account": self.account, "amount": amount, "currency": self.currency}

    @property
    def told(self) -> str:
        """The amount as people read it."""
        return f"{'not known' if self.amount is None else f'{self.amount} {self.currency}'} through {self.account}"


@dataclass(frozen=True, slots=True)
class Bill:
    """
    What several routes cost.

    Attributes:
        cost: from the cheapest account of the routes to the dearest; None where there is no single sum.
        costs: by currency, in the order of their codes. What other accounts may carry counts from nothing.
        note: why there is no single sum; empty where there is one.
    """

    cost: CostRange | None
    costs: Sequence[CostRange]
    note: str


@dataclass(frozen=True, slots=True)
class RouteCost:
    """
    What goes through one chain of accounts.

    `cost` is None when a price is missing or currencies differ; then `cost_note` says which.
    """

    accounts: Sequence[str]  # names, first choice first
    messages: int
    parts: int
    cost: CostRange | None
    by_account: Sequence[AccountCost] = ()  # of the same accounts, in the same order
    cost_note: str = ""

    def document(self) -> dict[str, Any]:
        """The route as API and command line print it."""
        return {
            "accounts": [*self.accounts],
            "messages": self.messages,
            "parts": self.parts,
            "cost": None if self.cost is None else self.cost.document(),
            "by_account": [one.document() for one in self.by_account],
            "cost_note": self.cost_note,
        }


def route_cost(entries: Sequence[AccountEntry], messages: int, parts: int) -> RouteCost:
    """Say what messages of so many parts cost through a chain of accounts, first choice first."""
    each = [
        AccountCost(one.name, None if one.price_per_part is None else one.price_per_part * parts, one.currency)
        for one in entries
    ]
    found = _bill([each])
    return RouteCost([one.name for one in entries], messages, parts, found.cost, each, found.note)


def bill(routes: Sequence[RouteCost]) -> Bill:
    """Add up routes."""
    if not routes:
        return Bill(None, (), "Nobody would be reached.")
    return _bill([route.by_account for route in routes])


def dearest_of(bills: Sequence[Bill]) -> Bill:
    """Of several bills, one of which will be paid: from the least of any to the most of any."""
    by_currency: dict[str, list[CostRange]] = {}
    for one in (cost for found in bills for cost in found.costs):
        by_currency.setdefault(one.currency, []).append(one)
    costs = [
        CostRange(min(one.low for one in known), max(one.high for one in known), currency)
        for currency, known in sorted(by_currency.items())
    ]
    note = " ".join(dict.fromkeys(found.note for found in bills if found.note)) or _differing(by_currency)
    return Bill(None if note else costs[0], costs, note)


def _bill(chains: Sequence[Sequence[AccountCost]]) -> Bill:
    lows: dict[str, Decimal] = {}
    highs: dict[str, Decimal] = {}
    for chain in chains:
        amounts: dict[str, list[Decimal]] = {}
        for one in chain:
            if one.amount is not None:
                amounts.setdefault(one.currency, []).append(one.amount)
        for currency, known in amounts.items():
            # Whatever another account may carry costs nothing in this currency.
            least = min(known) if len(known) == len(chain) else Decimal(0)
            lows[currency] = lows.get(currency, Decimal(0)) + least
            highs[currency] = highs.get(currency, Decimal(0)) + max(known)
    costs = [CostRange(lows[currency], highs[currency], currency) for currency in sorted(lows)]
    unpriced = dict.fromkeys(one.account for chain in chains for one in chain if one.amount is None)
    notes = [_differing(lows)]
    if unpriced:
        notes.append(f"No price is entered for {', '.join(unpriced)}: what goes through there is not counted.")
    if not all(chains):
        notes.append("The accounts of a route are not there any more.")
    note = " ".join(filter(None, notes))
    return Bill(None if note else costs[0], costs, note)


def _differing(currencies: Iterable[str]) -> str:
    """Why amounts in these currencies are no single sum; empty for one."""
    named = sorted(currencies)
    if len(named) < 2:
        return ""
    return (
        f"The accounts bill in {', '.join(named[:-1])} and {named[-1]}, and nothing is converted, so there is no "
        "single sum: a message is paid for in the currency of the account that carries it."
    )
