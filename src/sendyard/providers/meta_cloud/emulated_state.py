"""
What the emulated Meta remembers: numbers, people they may write to, templates and files.

Everything is bounded: of people and files the oldest are forgotten.
"""

import re
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

WINDOW = timedelta(hours=24)
REVIEW = timedelta(seconds=30)
"""After this time a new template is approved, or refused when its name says so."""

PAIR_SECONDS = 6.0
PAIR_BURST = 45.0
PEOPLE_BY_TIER: Mapping[str, int] = {
    "TIER_50": 50,
    "TIER_250": 250,
    "TIER_1K": 1000,
    "TIER_2K": 2000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": 0,
}
_REMEMBERED = 100_000
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")


@dataclass(slots=True)
class Bucket:
    """A token bucket; full at first."""

    level: float
    at: datetime

    def take(self, now: datetime, rate: float, burst: float) -> bool:
        """Take one token if there is one."""
        self.level = min(burst, self.level + max(0.0, (now - self.at).total_seconds()) * rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


@dataclass(slots=True)
class Template:
    """A template in one language, with its components as they were handed in."""

    id: str
    name: str
    language: str
    category: str
    components: list[dict[str, Any]]
    status: str = "PENDING"
    is_named: bool = False
    reason: str = "NONE"
    created: datetime | None = None
    header: dict[str, Any] = field(init=False)
    body: str = field(init=False)
    body_variables: tuple[str, ...] = field(init=False)
    buttons: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Take the components apart."""
        self.put(self.components)

    def put(self, components: list[dict[str, Any]]) -> None:
        """Give it other components."""
        parts = {str(part.get("type", "")).upper(): part for part in components}
        body = str(parts.get("BODY", {}).get("text", ""))
        if self.category == "AUTHENTICATION":
            body = "{{1}} is your verification code."
            parts["BODY"] = {"type": "BODY", "text": body}
        self.components = [parts[name] for name in ("HEADER", "BODY", "FOOTER", "BUTTONS") if name in parts]
        self.header = parts.get("HEADER", {})
        self.body = body
        self.body_variables = tuple(dict.fromkeys(_VARIABLE.findall(body)))
        self.buttons = list(parts.get("BUTTONS", {}).get("buttons", ()))

    @property
    def header_variables(self) -> tuple[str, ...]:
        """Names in a header of text."""
        return tuple(_VARIABLE.findall(str(self.header.get("text", ""))))

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with its variables replaced."""
        return _VARIABLE.sub(lambda found: values[found[1]], self.body)

    def review(self, now: datetime) -> None:
        """Let time pass: a new template is judged."""
        if self.status == "PENDING" and self.created and now - self.created >= REVIEW:
            refused = "rejected" in self.name
            self.status, self.reason = ("REJECTED", "INVALID_FORMAT") if refused else ("APPROVED", "NONE")


@dataclass(slots=True)
class Number:
    """One of our phone numbers, with what its owner entered at Meta."""

    id: str
    waba_id: str = ""
    access_token: str = ""
    app_secret: str = ""
    callback_url: str = ""
    display: str = "15550783881"
    tier: str = "TIER_UNLIMITED"
    quality: str = "GREEN"
    health: str = "AVAILABLE"
    per_second: int = 80
    bucket: Bucket | None = None
    pairs: OrderedDict[str, Bucket] = field(default_factory=OrderedDict)
    written: OrderedDict[str, datetime] = field(default_factory=OrderedDict)  # person → last message to us

    def is_open(self, person: str, now: datetime) -> bool:
        """Whether the person wrote within the last 24 hours."""
        last = self.written.get(person)
        return last is not None and now - last < WINDOW

    def hears(self, person: str, now: datetime) -> None:
        """A person wrote: the window opens anew."""
        self.written.pop(person, None)
        self.written[person] = now
        trim(self.written)

    def may_send(self, now: datetime) -> bool:
        """Whether the number's throughput allows one more."""
        if self.bucket is None:
            self.bucket = Bucket(self.per_second, now)
        return self.bucket.take(now, self.per_second, self.per_second)

    def may_send_to(self, person: str, now: datetime) -> bool:
        """Whether this person may get one more from this number."""
        bucket = self.pairs.pop(person, None) or Bucket(PAIR_BURST, now)
        self.pairs[person] = bucket
        trim(self.pairs)
        return bucket.take(now, 1 / PAIR_SECONDS, PAIR_BURST)


@dataclass(slots=True)
class Portfolio:
    """People to whom a business wrote first, oldest first."""

    people: OrderedDict[str, datetime] = field(default_factory=OrderedDict)

    def may_reach(self, person: str, limit: int, now: datetime) -> bool:
        """Count one person; False when the limit of different people in 24 hours is reached."""
        while self.people and now - next(iter(self.people.values())) >= WINDOW:
            self.people.popitem(last=False)
        if person not in self.people:
            if len(self.people) >= limit:
                return False
            self.people[person] = now
        return True


@dataclass(slots=True)
class State:
    """The whole emulated provider."""

    is_closed: bool = False  # only registered numbers work
    numbers: OrderedDict[str, Number] = field(default_factory=OrderedDict)
    templates: dict[str, Template] = field(default_factory=dict)  # by id
    by_name: dict[tuple[str, str, str], Template] = field(default_factory=dict)  # (waba, name, language)
    owners: dict[str, str] = field(default_factory=dict)  # template id → waba
    media: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)
    portfolios: dict[str, Portfolio] = field(default_factory=dict)  # by waba
    profiles: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)  # by number
    subscribed: OrderedDict[str, bool] = field(default_factory=OrderedDict)  # by waba
    counter: int = 0

    def next_id(self) -> str:
        """Digits that no other object has."""
        self.counter += 1
        return f"7{self.counter:015d}"

    def next_wamid(self, person: str) -> str:
        """A message id that names the person in the way Meta's do."""
        self.counter += 1
        return "wamid." + b64encode(f"\x1d\x0c{person}\x15\x02\x11\x18{self.counter:012X}".encode()).decode()

    def shelf(self, waba_id: str) -> str:
        """Where the templates of a WhatsApp Business Account are kept; together while nobody registered."""
        return waba_id if self.is_closed else ""

    def keep_template(self, waba_id: str, template: Template) -> None:
        """Store a template, in the place of one with the same name and language."""
        shelf = self.shelf(waba_id)
        if previous := self.by_name.get((shelf, template.name, template.language)):
            self.drop_template(previous)
        self.templates[template.id] = template
        self.owners[template.id] = shelf
        self.by_name[shelf, template.name, template.language] = template

    def drop_template(self, template: Template) -> None:
        """Forget a template."""
        shelf = self.owners.pop(template.id)
        del self.templates[template.id]
        del self.by_name[shelf, template.name, template.language]

    def keep_medium(self, medium: dict[str, Any]) -> None:
        """Store what is known of a file."""
        self.media[medium["id"]] = medium
        trim(self.media)


def trim(memory: "OrderedDict[str, Any]", most: int = _REMEMBERED) -> None:
    """Forget the oldest."""
    if len(memory) > most:
        memory.popitem(last=False)
