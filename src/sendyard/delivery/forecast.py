"""
What would happen if these messages were sent now: faults by kind, parts, cost, and when the last would leave.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import islice

from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.domain.errors import AppError, RateLimited
from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import NewMessage
from sendyard.providers.spec import RateUnit

_SAMPLES = 3


class Level(StrEnum):
    """How serious a check is."""

    OK = "ok"
    WARN = "warn"  # some are left out or wait
    BLOCK = "block"  # nobody would get anything


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `count` says how many messages it concerns, `fix` what to do about it."""

    check: str
    level: Level
    count: int
    detail: str
    fix: str


@dataclass(frozen=True, slots=True)
class CostRange:
    """From the cheapest account of the routes to the dearest."""

    low: Decimal
    high: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """Everything a person wants to know before sending. `cost` is None when a price is missing or currencies differ."""

    checks: list[Check] = field(default_factory=list)
    messages: int = 0
    parts: int = 0
    cost: CostRange | None = None
    finish_at: int | None = None  # milliseconds since 1970
    sample: list[NewMessage] = field(default_factory=list)


_TITLES = {
    "address": "every address can be reached",
    "content": "the text fits",
    "route": "a route leads to an account",
    "schedule": "the time is possible",
    "recipient_limit": "nobody has had too many within the hour",
    "suppression": "nobody asked not to be contacted",
    "accounts": "the accounts in charge are active",
}
_FIXES = {
    "address": "Correct the numbers, or name the country by which national ones are read.",
    "content": "Change the text as the detail says.",
    "route": "Set a route for this channel and country, or name an account.",
    "schedule": "Choose another time.",
    "recipient_limit": "Wait, or raise the workspace's hourly limit per recipient.",
    "suppression": "Nothing: they are left out. Lift a suppression only when the person asks for it.",
    "accounts": "Resume the account, or add another to the route.",
}


def forecast(directory: Directory, outcomes: Sequence[NewMessage | AppError], now: int) -> Forecast:
    """Sum up what `Intake.examine` found."""
    going = [
        outcome
        for outcome in outcomes
        if isinstance(outcome, NewMessage) and outcome.status is not MessageStatus.SUPPRESSED
    ]
    return Forecast(
        checks=_checks(directory, outcomes, going),
        messages=len(going),
        parts=sum(message.parts for message in going),
        cost=_cost(directory, going),
        finish_at=_finish(directory, going, now) if going else None,
        sample=going[:_SAMPLES],
    )


def _checks(
    directory: Directory, outcomes: Sequence[NewMessage | AppError], going: Sequence[NewMessage]
) -> list[Check]:
    counts: Counter[str] = Counter()
    details: dict[str, str] = {}
    for outcome in outcomes:
        if isinstance(outcome, AppError):
            name, detail = _concern(outcome), outcome.detail
        elif outcome.status is MessageStatus.SUPPRESSED:
            name, detail = "suppression", outcome.error.detail if outcome.error else ""
        else:
            continue
        counts[name] += 1
        details.setdefault(name, detail)
    for message in going:
        for entry in islice(_accounts(directory, message), 1):
            if not entry.is_active:
                counts["accounts"] += 1
                details.setdefault("accounts", f"{entry.name} is paused: {entry.pause_reason}")
    return [_check(name, counts[name], details.get(name, ""), nobody=not going) for name in _TITLES]


def _check(name: str, count: int, detail: str, *, nobody: bool) -> Check:
    if not count:
        return Check(name, Level.OK, 0, f"Good: {_TITLES[name]}.", "")
    return Check(name, Level.BLOCK if nobody else Level.WARN, count, detail, _FIXES[name])


def _concern(error: AppError) -> str:
    if isinstance(error, RateLimited):
        return "recipient_limit"
    if error.code in {"no_route", "no_usable_account", "unknown_account"}:
        return "route"
    pointer = error.errors[0].pointer if error.errors else ""
    if pointer == "/to":
        return "address"
    return "schedule" if pointer in {"/send_at", "/expires_in"} else "content"


def _cost(directory: Directory, going: Iterable[NewMessage]) -> CostRange | None:
    low = high = Decimal(0)
    currencies: set[str] = set()
    for message in going:
        entries = list(_accounts(directory, message))
        prices = [entry.price_per_part for entry in entries if entry.price_per_part is not None]
        if len(prices) < len(entries) or not prices:
            return None
        currencies.update(entry.currency for entry in entries)
        low += min(prices) * message.parts
        high += max(prices) * message.parts
    return CostRange(low, high, currencies.pop()) if len(currencies) == 1 else None


def _accounts(directory: Directory, message: NewMessage) -> Iterable[AccountEntry]:
    # Without failover only the first choice can ever cost anything.
    route = message.route if message.failover else message.route[:1]
    return (entry for account_id in route if (entry := directory.account(account_id)) is not None)


def _finish(directory: Directory, going: Sequence[NewMessage], now: int) -> int:
    """When the last would leave at the present limits of the first choices, nothing else being sent."""
    starts_at = max([now, *(message.send_at for message in going if message.send_at)])
    seconds: dict[str, float] = {}
    for message in going:
        for entry in islice(_accounts(directory, message), 1):
            took = _units(entry, message) / entry.rate_per_second
            seconds[entry.id] = seconds.get(entry.id, 0.0) + took
    return starts_at + int(max(seconds.values(), default=0) * 1000)


def _units(entry: AccountEntry, message: NewMessage) -> float:
    if entry.rate_unit is RateUnit.PART:
        return message.parts
    return 1 / entry.batch_limit if entry.rate_unit is RateUnit.REQUEST else 1
