"""
What the emulated Fast2SMS knows: keys with wallet and DLT Manager, and what became of each number of each call.

Belongs to the emulator alone; everything takes constant time per message, and only the latest are kept.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import msgspec

from sendyard.domain.errors import Invalid
from sendyard.providers.fast2sms.codes import CODES
from sendyard.providers.fast2sms.spec import WEBHOOK_BODY

KEPT = 200_000
"""Calls, and numbers watched for repetitions; of more, the oldest are forgotten."""

SPAM_WINDOW = timedelta(seconds=60)
RATES = {"dlt": Decimal("0.20"), "dlt_manual": Decimal("0.20"), "otp": Decimal("0.15"), "q": Decimal("5.00")}
"""Rupees a part; in circulation, not published."""

SAMPLE_TEMPLATES = {
    "111111": "{#var#}",
    "111112": "Hi {#var#}, your ACME order {#var#} is packed.",
}
"""What every key has that was not registered with templates of its own, by Message ID."""

SLOT = "{#var#}"


class Customer(msgspec.Struct, kw_only=True):
    """One authorization key as Fast2SMS holds it; the later fields are what is set in its panel."""

    api_key: str
    callback_url: str = ""
    webhook_body: str = WEBHOOK_BODY
    webhook_form: Literal["json", "form", "form-json", "get"] = "json"
    credit: str = "1000000000"  # rupees
    entity_id: str = "1401687770000073525"
    senders: list[str] = []  # approved headers; empty: all
    templates: dict[str, str] = msgspec.field(default_factory=lambda: dict(SAMPLE_TEMPLATES))  # Message ID → text
    refuse_with: str = ""  # answer this code to every send, such as 996 or 999
    errors_as_200: bool = False  # errors with HTTP 200, as some accounts see them
    forbidden_words: list[str] = []
    links_allowed: bool = False  # in variables
    repeats: int = 20  # messages to one number within a minute before 995

    @property
    def name(self) -> str:
        """A name that is no secret."""
        return f"key-{hashlib.sha256(self.api_key.encode()).hexdigest()[:8]}"


@dataclass(slots=True)
class Row:
    """What became of one number of a call."""

    sender: str
    parts: int
    status: str = "Pending"
    description: str = ""
    at: datetime | None = None


@dataclass(slots=True)
class Sent:
    """One call that was accepted; it remembers by itself how its webhook looks."""

    route: str
    udf: tuple[str, str, str]
    rows: dict[str, Row]  # by E.164
    webhook: tuple[str, str]  # form, body


@dataclass(slots=True)
class WalletState:
    """The emulated provider."""

    customers: dict[str, Customer] = field(default_factory=dict)
    registered_only: bool = False
    serial: int = 0
    calls: "OrderedDict[tuple[str, str], Sent]" = field(default_factory=OrderedDict)  # name, request id
    seen: "OrderedDict[tuple[str, str], tuple[datetime, int]]" = field(default_factory=OrderedDict)  # name, number
    patterns: dict[str, "re.Pattern[str]"] = field(default_factory=dict)

    def register(self, account: Mapping[str, Any]) -> None:
        """Add or replace a customer. Raises Invalid."""
        try:
            customer = msgspec.convert(account, Customer)
        except msgspec.ValidationError as error:
            raise Invalid("bad_account", f"This is no account of Fast2SMS: {error}") from error
        if customer.refuse_with and not (customer.refuse_with.isdigit() and customer.refuse_with in CODES):
            raise Invalid("bad_account", f"refuse_with: expected a status_code, found {customer.refuse_with!r}")
        self.registered_only = True
        self.customers[customer.api_key] = customer

    def customer(self, key: str) -> Customer | None:
        """Find a key; unless some were registered, every one without `invalid` in it works."""
        known = self.customers.get(key)
        if known is None and not self.registered_only and key and "invalid" not in key:
            known = self.customers[key] = Customer(api_key=key)
        return known

    def store(self, name: str, call: Sent) -> str:
        """Take a call; returns its request id."""
        self.serial += 1
        request_id = f"lw{self.serial:013x}"
        self.calls[name, request_id] = call
        if len(self.calls) > KEPT:
            self.calls.popitem(last=False)
        return request_id

    def is_spam(self, customer: Customer, number: str, now: datetime) -> bool:
        """Count one more message to a number; true when there are too many within a minute."""
        since, count = self.seen.pop((customer.name, number), (now, 0))
        if now - since >= SPAM_WINDOW:
            since, count = now, 0
        self.seen[customer.name, number] = (since, count + 1)
        if len(self.seen) > KEPT:
            self.seen.popitem(last=False)
        return count >= customer.repeats

    def fits(self, text: str, customer: Customer) -> bool:
        """Whether a text is what one of the templates says, whatever stands in the variables."""
        return any(self._pattern(template).fullmatch(text) for template in customer.templates.values())

    def _pattern(self, template: str) -> "re.Pattern[str]":
        pattern = self.patterns.get(template)
        if pattern is None:
            parts = (re.escape(part) for part in template.split(SLOT))
            pattern = self.patterns[template] = re.compile("(?s:.*?)".join(parts))
        return pattern
