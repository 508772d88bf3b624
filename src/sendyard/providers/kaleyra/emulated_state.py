"""
What the emulated Kaleyra remembers: customers, messages that can be asked for, and verifications.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sendyard.providers.kaleyra.spec import CALLBACK_PRESET

GENEROUS_CREDIT = Decimal(1_000_000)
_MOST_MESSAGES = 200_000
_MOST_CUSTOMERS = 10_000

ALL_VARIABLES: Mapping[str, str] = {
    name: f"<{name}>" for name in (pair.partition("=")[2].strip() for pair in CALLBACK_PRESET.split(","))
}
"""A profile as we prescribe it: every parameter under the variable's own name."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Where callbacks go, and what they hold: parameter → text with variables in angle brackets."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: Mapping[str, str] = field(default_factory=lambda: ALL_VARIABLES)


@dataclass(slots=True)
class Stored:
    """One message, as the status query shows it."""

    sid: str
    status: str
    details: str


@dataclass(slots=True)
class Customer:
    """One account as Kaleyra has it."""

    sid: str
    api_key: str = ""  # empty: any
    senders: tuple[str, ...] = ()  # empty: any
    wa_numbers: tuple[str, ...] = ()  # empty: any
    templates: Mapping[str, str] = field(default_factory=dict)  # WhatsApp name → text with {{1}}; empty: any name
    flows: tuple[str, ...] = ()  # empty: any
    credit: Decimal = GENEROUS_CREDIT
    daily_limit: int = 0  # WhatsApp messages; 0: unlimited
    sent_today: int = 0
    per_second: int = 0
    second: int = 0
    in_second: int = 0
    profile: Profile | None = None  # of the console: WhatsApp, incoming messages, and every named profile
    wa_price: str = ""  # told in delivered reports of postpaid accounts

    def is_too_fast(self, now: datetime) -> bool:
        """Count a request, and tell whether it is one too many in its second."""
        second = int(now.timestamp())
        if second != self.second:
            self.second, self.in_second = second, 0
        self.in_second += 1
        return bool(self.per_second) and self.in_second > self.per_second


@dataclass(slots=True)
class Verification:
    """A code somebody waits for."""

    sid: str
    code: str
    until: datetime
    is_used: bool = False


@dataclass(slots=True)
class KaleyraState:
    """The whole emulated provider."""

    customers: dict[str, Customer] = field(default_factory=dict)
    is_closed: bool = False  # only registered accounts work
    messages: dict[str, Stored] = field(default_factory=dict)
    callbacks: dict[str, Profile] = field(default_factory=dict)  # message → what it brought along itself
    verifications: dict[str, Verification] = field(default_factory=dict)
    counter: int = 0

    def next_id(self, now: datetime) -> str:
        """Give an id in the form of a UUID that no other run has: the second it was made, and a counter."""
        self.counter += 1
        text = f"{int(now.timestamp()):016x}{self.counter:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def customer(self, sid: str) -> Customer | None:
        """Give a customer; one nobody registered begins to exist, unless only registered ones work."""
        known = self.customers.get(sid)
        if known is None and not self.is_closed:
            known = self.customers[sid] = Customer(sid)
            if len(self.customers) > _MOST_CUSTOMERS:
                del self.customers[next(iter(self.customers))]
        return known

    def keep(self, ref: str, stored: Stored, profile: Profile | None) -> None:
        """Remember a message; the oldest is forgotten when there are too many."""
        self.messages[ref] = stored
        if profile is not None:
            self.callbacks[ref] = profile
        if len(self.messages) > _MOST_MESSAGES:
            oldest = next(iter(self.messages))
            del self.messages[oldest]
            self.callbacks.pop(oldest, None)
