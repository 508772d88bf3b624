"""
What the emulated 2Factor knows: keys with their credit, templates and senders, messages, and one-time codes.

Belongs to the emulator alone; everything takes constant time per message, and only the latest are kept.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from sendyard.domain.errors import Invalid

GENEROUS_CREDIT = 1_000_000_000
KEPT = 200_000
"""Messages and codes; of more, the oldest are forgotten."""

SAMPLE_TEMPLATES = {
    "Anything": "{#var#}",
    "OrderShipped": "Hi {#var#}, your ACME order {#var#} is packed.",
    "ACME Login": "{#var#} is your ACME login code.",
}
"""What every key has that was not registered with templates of its own."""

SLOT = "{#var#}"
_LONGEST_TEXT = 2000


class Customer(msgspec.Struct, kw_only=True):
    """One API key as 2Factor holds it; the later fields are what is set in its panel."""

    api_key: str
    callback_url: str = ""
    credit: int = GENEROUS_CREDIT  # parts, transactional
    promotional_credit: int = GENEROUS_CREDIT  # parts
    otp_credit: int = GENEROUS_CREDIT  # codes
    senders: list[str] = []  # approved headers; empty: all
    templates: dict[str, str] = msgspec.field(default_factory=lambda: dict(SAMPLE_TEMPLATES))
    bad_key_status: Literal[200, 400, 401] = 400  # the HTTP status of "Invalid API Key" from now on
    otp_seconds: int = 300  # how long a code is good
    sessions_lost: bool = False  # VERIFY finds nothing, VERIFY3 does, as seen on one account

    @property
    def name(self) -> str:
        """A name that is no secret."""
        return f"key-{hashlib.sha256(self.api_key.encode()).hexdigest()[:8]}"


@dataclass(slots=True)
class Stored:
    """One accepted text or call to one number."""

    to: str  # E.164
    sender: str
    product: str  # TSMS, PSMS, SMS_OTP, VOICE_OTP
    parts: int
    accepted_at: datetime
    registered: bool  # the operators' registry has this text for this template
    word: str = ""
    error: str = ""
    final_at: datetime | None = None


@dataclass(slots=True)
class Code:
    """One one-time code."""

    digits: str
    until: datetime


@dataclass(slots=True)
class PanelState:
    """The emulated provider."""

    customers: dict[str, Customer] = field(default_factory=dict)
    registered_only: bool = False
    bad_key_status: int = 400
    serial: int = 0
    messages: "OrderedDict[tuple[str, str, str], Stored]" = field(default_factory=OrderedDict)  # name, session, number
    numbers: "OrderedDict[tuple[str, str], list[str]]" = field(default_factory=OrderedDict)  # name, session → numbers
    codes: "OrderedDict[tuple[str, str], Code]" = field(default_factory=OrderedDict)  # name, session or number
    patterns: dict[str, "re.Pattern[str]"] = field(default_factory=dict)

    def register(self, account: Mapping[str, Any]) -> None:
        """Add or replace a customer. Raises Invalid."""
        try:
            customer = msgspec.convert(account, Customer)
        except msgspec.ValidationError as error:
            raise Invalid("bad_account", f"This is no account of 2Factor: {error}") from error
        self.registered_only = True
        self.bad_key_status = customer.bad_key_status
        self.customers[customer.api_key] = customer

    def customer(self, key: str) -> Customer | None:
        """Find a key; unless some were registered, every one without `invalid` in it works."""
        known = self.customers.get(key)
        if known is None and not self.registered_only and key and "invalid" not in key:
            known = self.customers[key] = Customer(api_key=key)
        return known

    def new_session(self) -> str:
        """A session id in 2Factor's form, never one twice."""
        self.serial += 1
        return f"{self.serial:08x}-fa46-11e8-a895-0200cd936042"

    def new_code(self, length: int) -> str:
        """Digits that look like chance and are none."""
        return f"{(self.serial * 7_919 + 104_729) % 10**length:0{length}d}"

    def store(self, name: str, session: str, message: Stored) -> None:
        """Take one message of a session."""
        _keep(self.messages, (name, session, message.to), message)
        self.numbers.setdefault((name, session), []).append(message.to)
        if len(self.numbers) > KEPT:
            self.numbers.popitem(last=False)

    def rows(self, name: str, session: str) -> list[Stored]:
        """The messages of one session; others' do not exist for a customer."""
        found = (self.messages.get((name, session, to)) for to in self.numbers.get((name, session), ()))
        return [stored for stored in found if stored is not None]

    def remember(self, name: str, session: str, to: str, code: Code) -> None:
        """Make a code known by its session, and as the last one of its number."""
        _keep(self.codes, (name, session), code)
        _keep(self.codes, (name, to), code)

    def fits(self, text: str, templates: Mapping[str, str]) -> bool:
        """Whether a text is what one of the templates says, whatever stands in the variables."""
        return len(text) <= _LONGEST_TEXT and any(self._pattern(one).fullmatch(text) for one in templates.values())

    def _pattern(self, template: str) -> "re.Pattern[str]":
        pattern = self.patterns.get(template)
        if pattern is None:
            parts = (re.escape(part) for part in template.split(SLOT))
            pattern = self.patterns[template] = re.compile("(?s:.*?)".join(parts))
        return pattern


def _keep(kept: "OrderedDict[Any, Any]", key: object, value: object) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > KEPT:
        kept.popitem(last=False)
