"""
What the emulated Every8d knows: customers and their points, tokens, batches with their rows and replies.

Belongs to the emulator alone; everything here takes constant time per message, and the oldest is forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeVar

import msgspec

from sendyard.domain.errors import Invalid

FILTER_WINDOW = timedelta(hours=24)
TOKEN_LIFE = timedelta(hours=8, minutes=15)  # advice is to renew after 8 hours; the rest is invented
AT_CARRIER, SCHEDULED, CANCELLED, MMS_SENT = "0", "300", "303", "700"
OPEN = frozenset({AT_CARRIER, SCHEDULED, MMS_SENT})
"""Codes after which something else will follow."""

_KEPT = 100_000  # batches, and as many of everything else
_TOKENS = 1_000

_K = TypeVar("_K")
_V = TypeVar("_V")


class Customer(msgspec.Struct, kw_only=True):
    """One account as Every8d holds it; the later fields are what its staff sets."""

    username: str
    password: str
    credit: Decimal = Decimal(1_000_000_000)  # points
    callback_url: str = ""  # Every8d enters it on request
    senders: tuple[str, ...] = ()  # approved sender identities; carriers block texts that hold none of them
    carrier_keywords: tuple[str, ...] = ()  # blocked by the carrier
    system_keywords: tuple[str, ...] = ()  # blocked by Every8d
    international: bool = False
    mms: bool = True
    reply_charset: Literal["utf-8", "big5"] = "utf-8"  # of `SM` in callbacks
    newer_callbacks: bool = True  # also TYPE, NAME, SOURCE …


@dataclass(slots=True)
class Row:
    """One message of a batch."""

    mr: str
    name: str
    mobile: str  # E.164 where it is a number
    sent_at: datetime
    due_at: datetime
    cost: Decimal
    code: str
    received_at: datetime | None = None
    blocked: str = ""  # the code that its content will be blocked with


@dataclass(slots=True)
class Reply:
    """What a person answered."""

    mobile: str
    content: str
    received_at: datetime


@dataclass(slots=True)
class Batch:
    """What one send brought, under one id."""

    username: str
    kind: Literal["SMS", "MMS"]
    subject: str
    rows: list[Row] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)


@dataclass(slots=True)
class Every8dState:
    """The emulated provider."""

    customers: dict[str, Customer] = field(default_factory=dict)
    registered_only: bool = False
    batches: dict[str, Batch] = field(default_factory=dict)
    last_batch: dict[tuple[str, str], str] = field(default_factory=dict)  # (user, number) → batch id
    texts: dict[tuple[str, str, str], tuple[datetime, str]] = field(default_factory=dict)  # with the text → (at, batch)
    tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # → user, until
    serial: int = 0

    def register(self, account: Mapping[str, Any]) -> None:
        """Add or replace a customer. Raises Invalid."""
        try:
            customer = msgspec.convert(dict(account), Customer)
        except msgspec.ValidationError as error:
            raise Invalid("bad_account", f"This is no Every8d account: {error}") from error
        self.registered_only = True
        self.customers[customer.username] = customer

    def customer(self, username: str, password: str) -> Customer | None:
        """Find an account by its name; unless some were registered, every name has one, with any password."""
        known = self.customers.get(username)
        if known is None and not self.registered_only:
            known = self.customers[username] = Customer(username=username, password=password)
        return known

    def password_fits(self, customer: Customer, password: str) -> bool:
        """Whether a customer may enter with this password."""
        return not self.registered_only or customer.password == password

    def open_token(self, customer: Customer, now: datetime) -> str:
        """Give out a token."""
        self.serial += 1
        token = f"e8d{self.serial:029d}"
        _keep(self.tokens, token, (customer.username, now + TOKEN_LIFE), _TOKENS)
        return token

    def bearer(self, token: str, now: datetime) -> Customer | None:
        """The customer who holds a token that is still good."""
        username, until = self.tokens.get(token, ("", now))
        return self.customers.get(username) if now < until else None

    def store(self, batch: Batch, now: datetime, texts: Mapping[str, str]) -> str:
        """Keep a batch and, for the filter, what was said to which number; returns its id."""
        self.serial += 1
        batch_id = f"{self.serial:08x}-8506-49b2-93b7-{self.serial:012x}"
        _keep(self.batches, batch_id, batch, _KEPT)
        for mobile, text in texts.items():
            _keep(self.last_batch, (batch.username, mobile), batch_id, _KEPT)
            _keep(self.texts, (batch.username, mobile, text), (now, batch_id), _KEPT)
        return batch_id

    def said_before(self, username: str, mobile: str, text: str, now: datetime) -> str:
        """The batch in which the number had this text in the last 24 hours, or nothing."""
        at, batch_id = self.texts.get((username, mobile, text), (None, ""))
        return batch_id if at is not None and now - at < FILTER_WINDOW else ""

    def batch_of(self, username: str, batch_id: str, kind: str) -> Batch | None:
        """A batch of this customer; others' do not exist for it."""
        found = self.batches.get(batch_id)
        return found if found is not None and (found.username, found.kind) == (username, kind) else None


def _keep(kept: dict[_K, _V], key: _K, value: _V, most: int) -> None:
    if len(kept) >= most and key not in kept:
        del kept[next(iter(kept))]
    kept[key] = value
