"""
What the emulated WATI remembers: workspaces, their templates, contacts and conversations.

Ids come from a counter, nothing from chance; of the oldest messages only the last `KEPT` are remembered.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

KEPT = 200_000
IN_CONVERSATION = 500
WINDOW = timedelta(hours=24)
SAMPLE_TEMPLATE = "sendyard_text"
_START = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Bucket:
    """So many calls in ten seconds."""

    size: float
    tokens: float = -1.0
    at: datetime = _START

    def take(self, now: datetime) -> float:
        """Take one; returns 0.0, or the seconds until there is one."""
        passed = max(0.0, (now - self.at).total_seconds())
        self.tokens = self.size if self.tokens < 0 else min(self.size, self.tokens + passed * self.size / 10)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) * 10 / self.size
        self.tokens -= 1
        return 0.0


@dataclass(slots=True)
class Template:
    """A template as WATI keeps it; `body` has its parameters as `{{name}}`."""

    id: str
    name: str
    body: str
    parameters: tuple[str, ...]
    language: str = "en"
    category: str = "UTILITY"
    status: str = "APPROVED"
    header: dict[str, str] | None = None
    footer: str = ""
    buttons: tuple[dict[str, object], ...] = ()


@dataclass(slots=True)
class Message:
    """One message of ours or of a person, in a conversation."""

    id: str
    local_id: str
    wamid: str
    token: str
    contact: str  # digits, or the id of a person without a number
    text: str
    created: datetime
    channel: str = ""
    type: str = "text"
    template: str = ""
    template_id: str = ""
    owner: bool = True
    status: str = "PENDING"
    failed_code: str = ""
    failed_detail: str = ""


@dataclass(slots=True)
class Workspace:
    """One token, and what a customer sets in the dashboard."""

    name: str
    token: str
    sends: Bucket
    others: Bucket
    callback_url: str = ""
    event_form: str = "_v2"
    channels: tuple[str, ...] = ()
    generations: frozenset[str] = frozenset({"v1", "v2", "v3"})
    read_only: bool = False
    calls_left: int = -1  # of this month; negative: no limit
    credit: int = -1  # template messages; negative: no limit
    sends_retry_after: bool = True
    templates: dict[str, Template] = field(default_factory=dict)
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    no_broadcasts: frozenset[str] = frozenset()  # contacts whose switch "allow broadcast" is off
    conversations: dict[str, deque[Message]] = field(default_factory=dict)
    open_until: dict[str, datetime] = field(default_factory=dict)

    def is_open(self, contact: str, now: datetime) -> bool:
        """Whether the person wrote within the last 24 hours."""
        return self.open_until.get(contact, _START) > now


@dataclass(slots=True)
class WatiState:
    """All of one emulated WATI."""

    workspaces: dict[str, Workspace] = field(default_factory=dict)  # by token
    is_closed: bool = False  # only registered tokens work
    messages: dict[str, Message] = field(default_factory=dict)  # by local id
    counter: int = 0

    def next_id(self) -> str:
        """24 hexadecimal digits, as WATI's ids have."""
        self.counter += 1
        return f"66b2531d{self.counter:016x}"

    def next_local_id(self) -> str:
        """A label where the customer gave none (v1, v2 and conversations)."""
        self.counter += 1
        return f"d38f0c3a-0000-4000-8000-{self.counter:012x}"

    def keep(self, workspace: Workspace, message: Message) -> None:
        """Remember a message in its conversation; the oldest of all makes room."""
        self.messages[message.local_id] = message
        if len(self.messages) > KEPT:
            del self.messages[next(iter(self.messages))]
        workspace.conversations.setdefault(message.contact, deque(maxlen=IN_CONVERSATION)).append(message)
        workspace.contacts.setdefault(message.contact, {"id": self.next_id(), "name": message.contact})

    def named(self, name: str) -> Workspace | None:
        """The workspace with this tenant number."""
        return next((one for one in self.workspaces.values() if one.name == name), None)

    def sample_templates(self) -> Iterator[Template]:
        """What every workspace has from the start."""
        yield Template(self.next_id(), SAMPLE_TEMPLATE, "{{text}}", ("text",))
        yield Template(self.next_id(), "order_update", "Hi {{name}}, order {{order}} is on its way.", ("name", "order"))
        yield Template(self.next_id(), "waiting_for_meta", "Hello {{1}}", ("1",), status="PENDING")
