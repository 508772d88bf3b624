"""
What the emulated Mitake knows: accounts and their points, messages, and the `clientid`s of 12 hours.

Belongs to the emulator alone; everything here takes constant time and memory per message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from sendyard.domain.errors import Invalid
from sendyard.providers.mitake.codes import CODES

REMEMBERED = timedelta(hours=12)
GENEROUS_CREDIT = 1_000_000_000


class Customer(msgspec.Struct, kw_only=True):
    """One account as Mitake holds it; the later fields are what its staff sets."""

    username: str
    password: str
    credit: int = GENEROUS_CREDIT  # points
    edition: Literal["", "enterprise", "b2c"] = ""  # "": both prefixes, for convenience
    long_sms: bool = True  # False: long texts are cut to their first part
    hash_msgid: bool = False  # answer `msgid=#000000013`, as the samples of the specification do
    unregistered_ip: bool = False  # answer `k` whatever the password
    refuse_with: str = ""  # answer this code to everything, such as `m`: the password must be changed


@dataclass(slots=True)
class Stored:
    """One accepted message."""

    username: str
    dstaddr: str
    accepted_at: datetime
    due_at: datetime
    points: int
    code: str
    status_at: datetime


@dataclass(slots=True)
class MitakeState:
    """The emulated provider."""

    customers: dict[str, Customer] = field(default_factory=dict)
    registered_only: bool = False
    messages: dict[str, Stored] = field(default_factory=dict)  # by msgid, without a leading '#'
    remembered: dict[tuple[str, str], tuple[datetime, str]] = field(default_factory=dict)

    def register(self, account: Mapping[str, Any]) -> None:
        """Add or replace a customer. Raises Invalid."""
        try:
            customer = msgspec.convert(account, Customer)
        except msgspec.ValidationError as error:
            raise Invalid("bad_account", f"This is no Mitake account: {error}") from error
        if customer.refuse_with and (customer.refuse_with not in CODES or len(customer.refuse_with) > 1):
            raise Invalid(
                "bad_account", f"refuse_with: expected one of Mitake's statuscodes, found {customer.refuse_with!r}"
            )
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

    def store(self, customer: Customer, clientid: str, message: Stored, now: datetime) -> str:
        """Take a message, its points and its clientid; returns the new msgid."""
        msgid = f"{len(self.messages) + 1:0{9 if customer.hash_msgid else 10}d}"
        self.messages[msgid] = message
        customer.credit -= message.points
        if clientid:
            self.remembered[customer.username, clientid] = (now, msgid)
        return msgid

    def earlier(self, customer: Customer, clientid: str, now: datetime) -> str:
        """The msgid that this clientid got in the last 12 hours, or nothing."""
        at, msgid = self.remembered.get((customer.username, clientid), (None, ""))
        return msgid if at is not None and now - at < REMEMBERED else ""

    def message_of(self, username: str, msgid: str) -> Stored | None:
        """A message of this customer; others' do not exist for it."""
        stored = self.messages.get(msgid)
        return stored if stored is not None and stored.username == username else None
