"""
What the emulated MSG91 remembers: accounts as set up in its panel, templates, messages and one-time codes.

Belongs to the emulator alone. Nothing is drawn by chance: ids come from one counter.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from sendyard.domain.errors import Invalid

SAMPLE_TEMPLATE = "6a4503e82abed18d7607c632"
SAMPLE_OTP_TEMPLATE = "6a4503e82abed18d7607c0de"
SAMPLE_SENDER = "ACMEIN"
GENEROUS_CREDIT = 1_000_000_000
SAME_REQUEST = timedelta(seconds=10)

WELL_FORMED_KEY = re.compile(r"[\x21-\x7e]+")
_FIRST_ID = 0x386A6B6A5A4F4F0000000000


class Version(msgspec.Struct, kw_only=True):
    """One version of a template, as the panel has it."""

    template_id: str
    text: str
    name: str = "Sample"
    sender_id: str = SAMPLE_SENDER
    dlt_id: str = "1007165158208125858"
    number: int = 1
    approved: bool = True
    active: bool = True
    dlt_verified: bool = True


class Panel(msgspec.Struct, kw_only=True):
    """
    What a customer sets in the panel, and what this emulator can be asked to do.

    `hollow` is what MSG91 does: a send with a wrong key, an unknown template or no credit is answered with success
    and dropped (with `realTimeResponse=1` at least the template is checked). Without it each is refused.
    """

    authkey: str
    callback_url: str = ""
    webhook: Literal["new", "v2", "v3", "v4"] = "new"
    senders: list[str] = []  # registered headers; none: any
    credit: int = GENEROUS_CREDIT
    hollow: bool = True
    unlisted_ip: bool = False  # answer 418 to everything, as to a request from an address not allowed
    templates: list[Version] = []
    otp_templates: dict[str, str] = {}
    log_cache_seconds: float = 0  # how long the log repeats its answer to the same filter
    otp_attempts: int = 5
    otp_resends: int = 3


_PANEL_FIELDS = frozenset(Panel.__struct_fields__)


@dataclass(slots=True)
class Message:
    """One message that MSG91 knows of."""

    account: "Account"
    request_id: str
    number: str
    crqid: str
    sender: str
    credit: int
    requested_at: datetime
    is_otp: bool = False
    state: str = "submitted"  # a key of `codes.STATES`, or a number nobody documented
    reason: str = ""
    settled_at: datetime | None = None


@dataclass(slots=True)
class LiveCode:
    """The one code of one number."""

    code: str
    template: str
    expires_at: datetime
    attempts: int = 0
    resends: int = 0
    verified: bool = False


@dataclass(slots=True)
class Account:
    """One authkey and everything it did."""

    panel: Panel
    name: str
    credit: int
    templates: dict[str, list[Version]]
    otp_templates: dict[str, str]
    requests: dict[str, list[Message]] = field(default_factory=dict)
    days: dict[str, list[Message]] = field(default_factory=dict)  # by Indian date of the request
    codes: dict[str, LiveCode] = field(default_factory=dict)  # by number
    recent: dict[bytes, datetime] = field(default_factory=dict)  # digests of requests of the last seconds
    cached: dict[tuple[str, ...], tuple[datetime, list[Message]]] = field(default_factory=dict)

    def active(self, template_id: str) -> Version | None:
        """The version that is sent: active and approved."""
        return next((one for one in self.templates.get(template_id, ()) if one.active and one.approved), None)

    def is_repeated(self, body: bytes, now: datetime) -> bool:
        """Whether the same bytes were taken less than ten seconds ago."""
        while self.recent and now - next(iter(self.recent.values())) >= SAME_REQUEST:
            del self.recent[next(iter(self.recent))]
        return hashlib.blake2b(body).digest() in self.recent

    def remember(self, body: bytes, now: datetime) -> None:
        """Note that these bytes were taken."""
        self.recent[hashlib.blake2b(body).digest()] = now


@dataclass(slots=True)
class State:
    """All of one emulated MSG91."""

    accounts: dict[str, Account] = field(default_factory=dict)  # by authkey
    registered_only: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    counter: int = 0

    def next_id(self) -> str:
        """A fresh id of 24 hexadecimal digits."""
        self.counter += 1
        return f"{_FIRST_ID + self.counter:024x}"

    def account_of(self, key: str) -> Account | None:
        """The account of a key; None for one that MSG91 would not know."""
        if not WELL_FORMED_KEY.fullmatch(key) or "invalid" in key:
            return None
        account = self.accounts.get(key)
        if account is None and not self.registered_only:
            account = self.accounts[key] = _opened(Panel(authkey=key))
        return account

    def register(self, fields: Mapping[str, Any]) -> None:
        """Set an account up; fields of `Panel` count, those only our side needs are left out. Raises Invalid."""
        given = {name: value for name, value in fields.items() if name in _PANEL_FIELDS}
        try:
            panel = msgspec.convert(given, Panel)
        except msgspec.ValidationError as error:
            raise Invalid("bad_account", f"This is no MSG91 account: {error}") from error
        if not WELL_FORMED_KEY.fullmatch(panel.authkey):
            raise Invalid("bad_account", "Expected 'authkey' of printable ASCII characters without blanks.")
        self.registered_only = True
        self.accounts[panel.authkey] = _opened(panel)

    def keep(self, message: Message, day: str) -> str:
        """Write a message into the log; returns the key it has in this state."""
        key = str(len(self.messages))
        self.messages[key] = message
        message.account.requests.setdefault(message.request_id, []).append(message)
        message.account.days.setdefault(day, []).append(message)
        return key


def _opened(panel: Panel) -> Account:
    templates = {SAMPLE_TEMPLATE: [Version(template_id=SAMPLE_TEMPLATE, text="##text##")]}
    for version in panel.templates:
        templates.setdefault(version.template_id, []).append(version)
    digest = hashlib.sha256(panel.authkey.encode()).hexdigest()
    return Account(
        panel=panel,
        name=f"key-{digest[:8]}",
        credit=panel.credit,
        templates=templates,
        otp_templates={SAMPLE_OTP_TEMPLATE: "##OTP## is your ACME code. - ACMEIN", **panel.otp_templates},
    )
