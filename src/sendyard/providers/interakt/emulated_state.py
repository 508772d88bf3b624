"""
What the emulated Interakt remembers: workspaces, templates, contacts, open conversations.

Ids come from a counter, nothing from chance; of the oldest messages only the last `KEPT` are remembered.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

KEPT = 200_000
WINDOW = timedelta(hours=24)
SAMPLE_TEMPLATE = "sendyard_text"
FAILURES_ALLOWED = 5
"""After so many badly answered webhooks in a row Interakt calls no more."""

_START = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Bucket:
    """So many requests a minute."""

    size: float
    tokens: float = -1.0
    at: datetime = _START

    def take(self, now: datetime) -> bool:
        """Take one, if there is one."""
        passed = max(0.0, (now - self.at).total_seconds())
        self.tokens = self.size if self.tokens < 0 else min(self.size, self.tokens + passed * self.size / 60)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class Template:
    """A template; `values` is how many variables the body has."""

    id: str
    name: str
    body: str
    values: int
    language: str = "en"
    category: str = "UTILITY"
    approval_status: str = "APPROVED"
    header_format: str | None = None
    header: str | None = None
    footer: str | None = None
    buttons: tuple[dict[str, str], ...] = ()


@dataclass(slots=True)
class Message:
    """One message of ours."""

    id: str
    secret: str
    contact: str  # digits
    text: str
    callback_data: str
    is_template: bool
    created: datetime
    status: str = ""
    delivered: datetime | None = None
    seen: datetime | None = None
    error_code: str = ""
    reason: str = ""


@dataclass(slots=True)
class Workspace:
    """One key, and what a customer sets in Interakt."""

    name: str
    secret: str
    bucket: Bucket
    callback_url: str = ""
    webhook_secret: str = ""
    has_public_api: bool = True
    credit: int = -1  # messages; negative: no limit
    templates: dict[tuple[str, str], Template] = field(default_factory=dict)  # by name and language
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    campaigns: dict[str, str] = field(default_factory=dict)
    open_until: dict[str, datetime] = field(default_factory=dict)
    hook: dict[str, str] = field(default_factory=lambda: {"failures": "0"})
    """Counts badly answered webhooks; every accepted message carries it along."""

    def is_open(self, contact: str, now: datetime) -> bool:
        """Whether the person wrote within the last 24 hours."""
        return self.open_until.get(contact, _START) > now

    @property
    def hears(self) -> bool:
        """Whether webhooks are still sent."""
        return bool(self.callback_url) and int(self.hook["failures"]) < FAILURES_ALLOWED


@dataclass(slots=True)
class InteraktState:
    """All of one emulated Interakt."""

    workspaces: dict[str, Workspace] = field(default_factory=dict)  # by secret
    is_closed: bool = False  # only registered keys work
    messages: dict[str, Message] = field(default_factory=dict)
    counter: int = 0

    def next_id(self) -> str:
        """A UUID of the form that Interakt's ids have."""
        self.counter += 1
        return f"3f0e9c52-6a6e-4c1b-9a34-{self.counter:012x}"

    def keep(self, message: Message) -> None:
        """Remember a message; the oldest makes room."""
        self.messages[message.id] = message
        if len(self.messages) > KEPT:
            del self.messages[next(iter(self.messages))]

    def named(self, name: str) -> Workspace | None:
        """The workspace of this name."""
        return next((one for one in self.workspaces.values() if one.name == name), None)

    def sample_templates(self) -> Iterator[Template]:
        """What every workspace has from the start."""
        track = ({"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+911140000001"},)
        link = ({"type": "URL", "text": "Track", "url": "https://example.com/{{1}}"},)
        yield Template(self.next_id(), SAMPLE_TEMPLATE, "{{1}}", 1)
        yield Template(self.next_id(), "order_update", "Hi {{1}}, order {{2}} left.", 2, buttons=track + link)
        yield Template(self.next_id(), "greeting", "Welcome!", 0, header_format="TEXT", header="Hello {{1}}")
        yield Template(self.next_id(), "invoice", "Your invoice {{1}}", 1, header_format="DOCUMENT")
        yield Template(self.next_id(), "login_code", "{{1}} is your code.", 1, category="AUTHENTICATION", buttons=link)
        yield Template(self.next_id(), "became_marketing", "Hi {{1}}", 1, category="MARKETING")
        yield Template(self.next_id(), "waiting_for_meta", "Hi {{1}}", 1, approval_status="WAITING")
