"""
What the emulated Pigeon knows: lofts (accounts) with their grain (credit), and the messages under way.

Pigeon exists in this folder's README only. Everything takes constant time per message, and only the latest are kept.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from sendyard.domain.errors import Invalid

KEPT = 200_000
"""Messages; of more, the oldest are forgotten."""

HOOK_SECRET = "invented-hook-4711"  # noqa: S105 - invented, and published on purpose
"""Signs the callbacks of lofts that were not registered."""

_PRICE = Decimal("0.0400")
_REQUESTS_A_SECOND = 50


class Loft(msgspec.Struct, kw_only=True):
    """One account of Pigeon's; the later fields are what its console sets."""

    username: str
    secret: str
    webhook_secret: str = HOOK_SECRET
    callback_url: str = ""
    credit: Decimal = Decimal(1_000_000)
    senders: list[str] = []  # registered senders; empty: all
    blocked_countries: list[str] = []  # number prefixes with the plus that have no route


@dataclass(slots=True)
class Message:
    """One accepted message."""

    loft: str
    to: str
    ref: str
    status: str = "queued"
    error: str = ""


@dataclass(slots=True)
class PigeonState:
    """The emulated carrier."""

    lofts: dict[str, Loft] = field(default_factory=dict)
    registered_only: bool = False
    serial: int = 0
    messages: "OrderedDict[str, Message]" = field(default_factory=OrderedDict)
    rates: dict[str, tuple[int, int]] = field(default_factory=dict)  # loft → second, requests in it

    def register(self, account: Mapping[str, Any]) -> None:
        """Add or replace a loft. Raises Invalid."""
        try:
            loft = msgspec.convert(account, Loft)
        except msgspec.ValidationError as wrong:
            raise Invalid("bad_account", f"This is no loft of Pigeon: {wrong}") from wrong
        self.registered_only = True
        self.lofts[loft.username] = loft

    def loft(self, name: str, key: str) -> Loft | None:
        """Find a loft by name and key; unless some were registered, every pair without `invalid` works."""
        known = self.lofts.get(name)
        if known is None and not self.registered_only and name and key and "invalid" not in name + key:
            known = self.lofts[name] = Loft(username=name, secret=key)
        return known if known is not None and known.secret == key else None

    def too_fast(self, loft: Loft, now: datetime) -> bool:
        """Count a request; whether it is one too many within this second."""
        second = int(now.timestamp())
        since, count = self.rates.get(loft.username, (second, 0))
        count = count + 1 if since == second else 1
        self.rates[loft.username] = (second, count)
        return count > _REQUESTS_A_SECOND

    def charge(self, loft: Loft, parts: int) -> Decimal | None:
        """Take the price of so many parts; None when there is not enough grain."""
        price = _PRICE * parts
        if price > loft.credit:
            return None
        loft.credit -= price
        return price

    def store(self, message: Message) -> str:
        """Take a message; returns its id."""
        self.serial += 1
        name = f"pg-{self.serial:08d}"
        self.messages[name] = message
        if len(self.messages) > KEPT:
            self.messages.popitem(last=False)
        return name
