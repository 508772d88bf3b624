"""
What the emulated Gupshup remembers: customers with their apps, templates, credit and opt-ins.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

SAMPLE_TEMPLATE = "5a3e0c11-7b6d-4f1e-9c2a-1d2e3f405162"
"""A template that every account has approved: nothing but its one variable."""

GENEROUS_CREDIT = Decimal(1_000_000)
_MOST_CUSTOMERS = 10_000
_MOST_OPT_INS = 100_000


@dataclass(slots=True)
class Template:
    """One template as the console shows it."""

    id: str
    element_name: str
    body: str
    language: str = "en_US"
    status: str = "APPROVED"
    category: str = "UTILITY"
    kind: str = "TEXT"
    header: str = ""
    footer: str = ""
    buttons: list[dict[str, object]] = field(default_factory=list)
    created_on: int = 1767225600000
    reason: str = ""


def sample_templates() -> dict[str, Template]:
    """Give what a new app begins with here."""
    return {SAMPLE_TEMPLATE: Template(SAMPLE_TEMPLATE, "sendyard_sample", "{{1}}")}


@dataclass(slots=True)
class Customer:
    """One account with one app."""

    api_key: str
    app_name: str = ""
    app_id: str = ""  # empty: any well-formed one
    senders: tuple[str, ...] = ()  # empty: any number
    partner_token: str = ""
    callback_url: str = ""
    webhook_header: str = ""
    webhook_secret: str = ""
    event_version: int = 2
    first_event: str = "sent"  # what the first report says: `enqueued` or `sent`
    drops_gs_id: bool = False  # reports come so late that only WhatsApp's id is left
    codes_as_text: bool = False  # `code` of failures as a text, as it sometimes is
    credit: Decimal = GENEROUS_CREDIT
    per_second: int = 0  # 0: unlimited
    second: int = 0
    in_second: int = 0
    templates: dict[str, Template] = field(default_factory=sample_templates)
    opted_in: dict[str, None] = field(default_factory=dict)
    opted_out: dict[str, None] = field(default_factory=dict)
    is_young: bool = False  # made after August 2025: opting in and out is no business of Gupshup's any more
    incoming: int = 0
    outgoing: int = 0
    fees: Decimal = Decimal(0)

    def is_too_fast(self, now: datetime) -> bool:
        """Count a request, and tell whether it is one too many in its second."""
        second = int(now.timestamp())
        if second != self.second:
            self.second, self.in_second = second, 0
        self.in_second += 1
        return bool(self.per_second) and self.in_second > self.per_second

    def charge(self, price: Decimal) -> None:
        """Take the price of one message off the wallet."""
        self.credit -= price
        self.fees += price
        self.outgoing += 1

    def opt_in(self, phone: str) -> None:
        """Remember a person's consent; the oldest is forgotten when there are too many."""
        _move(phone, self.opted_out, self.opted_in)

    def opt_out(self, phone: str) -> None:
        """Remember a person's refusal, likewise."""
        _move(phone, self.opted_in, self.opted_out)


def _move(phone: str, source: dict[str, None], target: dict[str, None]) -> None:
    source.pop(phone, None)
    target[phone] = None
    if len(target) > _MOST_OPT_INS:
        del target[next(iter(target))]


@dataclass(slots=True)
class GupshupState:
    """The whole emulated provider."""

    customers: dict[str, Customer] = field(default_factory=dict)  # by API key
    apps: dict[str, Customer] = field(default_factory=dict)  # by app name
    partners: dict[str, Customer] = field(default_factory=dict)  # by partner token
    is_closed: bool = False  # only registered accounts work
    counter: int = 0

    def next_id(self, now: datetime) -> str:
        """Give an id in the form of a UUID that no other run has: the second it was made, and a counter."""
        self.counter += 1
        text = f"{int(now.timestamp()):016x}{self.counter:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def add(self, customer: Customer) -> None:
        """Make a customer known under all that names it."""
        self.customers[customer.api_key] = customer
        if customer.app_name:
            self.apps[customer.app_name] = customer
        if customer.partner_token:
            self.partners[customer.partner_token] = customer
        if len(self.customers) > _MOST_CUSTOMERS:
            oldest = self.customers.pop(next(iter(self.customers)))
            self.apps.pop(oldest.app_name, None)
            self.partners.pop(oldest.partner_token, None)

    def by_key(self, api_key: str) -> Customer | None:
        """Give the customer of a key; one nobody registered begins to exist, unless only registered ones work."""
        known = self.customers.get(api_key)
        if known is None and not self.is_closed:
            known = Customer(api_key)
            self.add(known)
        return known

    def by_token(self, token: str) -> Customer | None:
        """Give the customer of a partner token, likewise."""
        known = self.partners.get(token)
        if known is None and not self.is_closed:
            known = Customer(f"partner:{token}", partner_token=token)
            self.add(known)
        return known
