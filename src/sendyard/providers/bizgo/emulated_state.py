"""
What the emulated BizGO remembers: accounts as set up in its console, messages, and reports not fetched yet.

Everything costs the same for the millionth message as for the first, and nothing is drawn by chance: keys come
from counters and from the time of the request.
"""

import hashlib
import heapq
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from sendyard.domain.errors import Invalid
from sendyard.providers.emulation import Received

KST = timezone(timedelta(hours=9))
WELL_FORMED_KEY = re.compile(r"[\x21-\x7e]+")
REPORTS_AT_ONCE = 1000
REPORT_RETENTION = timedelta(days=3)
_START = datetime(2000, 1, 1, tzinfo=UTC)

Hop = tuple[str, str]
"""Service type and message type of one flow item: `("SMS", "SM")`, `("MMS", "LM")`, `("ALIMTALK", "AT")`."""


@dataclass(slots=True)
class Bucket:
    """A token bucket holding one second's worth; a larger request leaves it in debt."""

    rate: float
    tokens: float = 0.0
    at: datetime = _START

    def take(self, cost: int, now: datetime) -> bool:
        """Take `cost` tokens if the bucket has them, or is full and could never have them."""
        passed = max(0.0, (now - self.at).total_seconds())
        self.tokens = min(self.rate, self.tokens + passed * self.rate)
        self.at = now
        if self.tokens < min(cost, self.rate):
            return False
        self.tokens -= cost
        return True


@dataclass(slots=True)
class Message:
    """One accepted message and what became of it on each channel tried."""

    key: str
    number: int  # counts the account's messages; the history's cursor
    account: "Account"
    to: str
    reference: str
    hops: tuple[Hop, ...]
    requested_at: datetime
    sent_at: datetime | None = None
    results: tuple[tuple[str, datetime], ...] = ()  # report code and time, one per hop tried
    flaws: tuple[str, ...] = ()  # report code per hop that cannot arrive as it stands, "" for one that can
    parts: int = 1


@dataclass(slots=True)
class Template:
    """An AlimTalk template as it is listed; one whose inspection was asked for is decided a minute later."""

    row: dict[str, Any]
    inspect_at: datetime | None = None

    def look(self, now: datetime) -> dict[str, Any]:
        """The template as of now; a text with the word "reject" is refused."""
        if self.inspect_at is not None and now >= self.inspect_at:
            self.inspect_at = None
            refused = "reject" in str(self.row.get("text", ""))
            self.row["inspectionStatus"] = "REJ" if refused else "APR"
            if refused:
                self.row["comments"] = [{"id": 1, "status": "REJ", "content": "홍보성 문구는 사용할 수 없습니다."}]
        return self.row


@dataclass(slots=True)
class Reservation:
    """Messages kept for a time; `release` takes them into the history when it has come."""

    key: str
    number: int
    name: str
    at: datetime
    made_at: datetime
    advertising: bool
    release: Callable[[datetime], Sequence[Received]]
    expected: int
    status: str = "PENDING"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an idempotency key did: which positions of its destinations were refused, and until when it holds."""

    until: datetime
    refused: Mapping[int, str]


@dataclass(slots=True)
class Account:
    """One API key with its console settings and everything it did."""

    name: str
    senders: frozenset[str] | None = None
    callback_url: str = ""
    webhook_secret: str = ""
    base64_signature: bool = False
    polling: bool = True
    credit: int | None = None
    send_bucket: Bucket = field(default_factory=lambda: Bucket(200.0))
    other_bucket: Bucket = field(default_factory=lambda: Bucket(5.0))
    remembered: dict[str, Remembered] = field(default_factory=dict)
    waiting: deque[tuple[datetime, dict[str, str]]] = field(default_factory=deque)
    held: tuple[str, list[dict[str, str]]] | None = None  # handed out, not acknowledged
    history: list[Message] = field(default_factory=list)
    requests: dict[str, tuple[int, int]] = field(default_factory=dict)  # request id → slice of the history
    inbound: list[dict[str, str]] = field(default_factory=list)
    files: dict[str, datetime] = field(default_factory=dict)
    days: dict[str, list[int]] = field(default_factory=dict)  # accepted, refused, delivered, failed
    templates: dict[str, Template] = field(default_factory=dict)
    brand_templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    opt_out_numbers: dict[str, str] = field(default_factory=dict)  # by sender key
    reservations: dict[str, Reservation] = field(default_factory=dict)
    due: list[tuple[datetime, int, str]] = field(default_factory=list)  # heap of times, numbers and keys

    def day(self, now: datetime) -> list[int]:
        """Counters of the Korean day."""
        return self.days.setdefault(now.astimezone(KST).strftime("%Y%m%d"), [0, 0, 0, 0])

    def released(self, now: datetime) -> list[Received]:
        """Send what was reserved until now."""
        sent: list[Received] = []
        while self.due and self.due[0][0] <= now:
            at, _, key = heapq.heappop(self.due)
            reservation = self.reservations[key]
            # One that was moved stands in the heap a second time, under its new time.
            if reservation.status == "PENDING" and reservation.at == at:
                reservation.status = "PROCESSING"
                sent += reservation.release(now)
        return sent


@dataclass(slots=True)
class State:
    """All of one emulated BizGO."""

    accounts: dict[str, Account] = field(default_factory=dict)  # by API key
    registered_only: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    counter: int = 0

    def next(self) -> int:
        """Count requests, messages and reports alike."""
        self.counter += 1
        return self.counter

    def account_of(self, key: str) -> Account | None:
        """The account behind an Authorization header; None when BizGO would not let it in."""
        if not WELL_FORMED_KEY.fullmatch(key) or "invalid" in key:
            return None
        account = self.accounts.get(key)
        if account is None and not self.registered_only:
            account = self.accounts[key] = Account(_public_name(key))
        return account

    def named(self, name: str) -> Account | None:
        """The account of a public name or of an API key."""
        return next((account for key, account in self.accounts.items() if name in {account.name, key}), None)

    def register(self, fields: Mapping[str, Any]) -> None:
        """
        Set an account up as its owner would in BizGO's console.

        Beside the account's own fields: `callback_url`, `report_mode` (POLLING, WEBHOOK; WEBHOOK is the default
        with an address and a secret), `senders`, `credit` (messages left), `send_rate` (recipients a second,
        200), `other_rate` (requests a second, 5), `signature_encoding` (hex, base64), `templates` (AlimTalk, as
        BizGO lists them; approved unless `inspectionStatus` says otherwise), `brand_templates`. Raises AppError
        `Invalid`.
        """
        key = str(fields.get("api_key", ""))
        if not WELL_FORMED_KEY.fullmatch(key):
            raise Invalid(
                "api_key", "Expected 'api_key' of printable ASCII characters without blanks, as BizGO gives it."
            )
        url, secret = str(fields.get("callback_url") or ""), str(fields.get("webhook_secret") or "")
        mode = str(fields.get("report_mode") or ("WEBHOOK" if url and secret else "POLLING")).upper()
        if mode not in {"POLLING", "WEBHOOK"} or (mode == "WEBHOOK" and not (url and secret)):
            raise Invalid(
                "report_mode",
                f"Expected 'report_mode' POLLING, or WEBHOOK with 'callback_url' and 'webhook_secret'; found {mode}.",
            )
        self.registered_only = True
        account = self.accounts.setdefault(key, Account(_public_name(key)))
        senders = fields.get("senders")
        account.senders = frozenset(str(sender).replace("-", "") for sender in senders) if senders else None
        account.callback_url, account.webhook_secret = url, secret
        account.base64_signature = fields.get("signature_encoding") == "base64"
        account.polling = mode == "POLLING"
        credit = fields.get("credit")
        account.credit = None if credit is None else int(credit)
        account.send_bucket = Bucket(_rate(fields, "send_rate", 200.0))
        account.other_bucket = Bucket(_rate(fields, "other_rate", 5.0))
        for row in _rows(fields, "templates"):
            account.templates[row["templateCode"]] = Template({"inspectionStatus": "APR", "text": "", **row})
        for row in _rows(fields, "brand_templates"):
            account.brand_templates[row["templateCode"]] = {"status": "A", **row}


def _rate(fields: Mapping[str, Any], name: str, default: float) -> float:
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise Invalid(name, f"Expected {name!r} to be a number above 0, found {value!r}.")
    return float(value)


def _rows(fields: Mapping[str, Any], name: str) -> Sequence[dict[str, Any]]:
    rows = fields.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("templateCode") for row in rows):
        raise Invalid(name, f"Expected {name!r} to be a list of templates with 'templateCode'.")
    return rows


def _public_name(key: str) -> str:
    return f"key-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
