"""
What the emulated Quo remembers: workspaces, messages, contacts, webhooks and who wrote STOP to whom.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

BUCKET = 20.0
"""Requests that may come at once; 10 more follow each second. Quo publishes the rate, not how it is counted."""

SAMPLE_NUMBER = "+15555550100"
"""The number of a workspace that nobody registered."""

GENEROUS_CREDIT = Decimal(1_000_000)
RANKS = {"queued": 0, "sent": 1, "undelivered": 2, "failed": 2, "delivered": 3}


@dataclass(slots=True)
class Webhook:
    """One address that is told about messages, and the generation it speaks."""

    id: str
    url: str
    key: str  # base64, with `whsec_` before it in the current generation
    is_current: bool
    events: tuple[str, ...] = ()  # empty: all of this generation
    version: str = "v4"  # of a legacy event: v2 and v3 have `body`, v4 has `text`

    def wants(self, event: str) -> bool:
        """Whether this address is told about `event`; the legacy generation knows two."""
        if not self.is_current and event not in {"message.received", "message.delivered"}:
            return False
        return not self.events or event in self.events


@dataclass(slots=True)
class Workspace:
    """One customer, known by an API key; `org` names it without giving the key away."""

    key: str
    is_registered: bool = False
    senders: tuple[str, ...] = ()  # empty: any well-formed number or id belongs to the workspace
    users: frozenset[str] = frozenset()  # empty: any well-formed user is a member of every number
    is_expired: bool = False
    a2p_approved: bool = True
    international: bool = True
    daily_cap: int = 0  # texts to the US a day; 0: unlimited
    credit: Decimal = GENEROUS_CREDIT
    wraps_errors: bool = False
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    opted_out: set[tuple[str, str]] = field(default_factory=set)  # (our number, person)
    sent_on: dict[str, int] = field(default_factory=dict)  # day → texts to the US
    tokens: float = BUCKET
    drawn_at: datetime | None = None

    @property
    def org(self) -> str:
        """The workspace's id."""
        return org_of(self.key)

    def draw(self, now: datetime) -> bool:
        """Take one request from the bucket of 10 a second; tells whether there was one."""
        if self.drawn_at:
            self.tokens = min(BUCKET, self.tokens + 10 * max(0.0, (now - self.drawn_at).total_seconds()))
        self.drawn_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class Message:
    """One message, sent or received."""

    id: str
    org: str
    to: tuple[str, ...]
    sender: str
    text: str
    status: str
    created: datetime
    updated: datetime
    direction: str = "outgoing"
    user_id: str = "US000emulated"

    @property
    def conversation(self) -> str:
        """The conversation between our number and these people."""
        return "CN" + sha256("|".join(sorted((*self.to, self.sender))).encode()).hexdigest()[:12]


@dataclass(slots=True)
class OpenPhoneState:
    """The whole emulated provider."""

    workspaces: dict[str, Workspace] = field(default_factory=dict)  # by API key
    orgs: dict[str, Workspace] = field(default_factory=dict)
    is_closed: bool = False  # only registered keys work
    messages: dict[str, Message] = field(default_factory=dict)
    conversations: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # (org, person) → message ids
    counter: int = 0

    def next_id(self, prefix: str, now: datetime) -> str:
        """An identifier that no other run has: the second it was made, and a counter."""
        self.counter += 1
        return f"{prefix}{int(now.timestamp()):08x}{self.counter:08x}"

    def admit(self, workspace: Workspace) -> Workspace:
        """Make a workspace known."""
        self.workspaces[workspace.key] = self.orgs[workspace.org] = workspace
        return workspace

    def keep(self, message: Message) -> None:
        """Store a new message."""
        self.messages[message.id] = message
        people = message.to if message.direction == "outgoing" else (message.sender,)
        for person in people:
            self.conversations.setdefault((message.org, person), []).append(message.id)

    def newest_first(self, org: str, person: str) -> list[Message]:
        """Messages exchanged with one person."""
        return [self.messages[one] for one in reversed(self.conversations.get((org, person), ()))]


def org_of(key: str) -> str:
    """A workspace id that is the same in every run."""
    return "OR" + sha256(key.encode("utf-8", "replace")).hexdigest()[:10]


def number_id(number: str) -> str:
    """The id of a phone number; an id stays what it is."""
    return number if number.startswith("PN") else f"PN{number.lstrip('+')}"


def message_resource(message: Message) -> dict[str, Any]:
    """A message as `/v1/messages` shows it."""
    ours = message.sender if message.direction == "outgoing" else message.to[0]
    return {
        "id": message.id,
        "to": list(message.to),
        "from": message.sender,
        "text": message.text,
        "phoneNumberId": number_id(ours),
        "conversationId": message.conversation,
        "direction": message.direction,
        "userId": message.user_id,
        "status": message.status,
        "createdAt": stamp(message.created),
        "updatedAt": stamp(message.updated),
    }


def number_resource(number: str, workspace: Workspace) -> dict[str, Any]:
    """A phone number as `/v1/phone-numbers` shows it."""
    abroad = "unrestricted" if workspace.international else "restricted"
    regions: Mapping[str, str] = {"US": "unrestricted", "CA": "unrestricted", "Intl": abroad}
    return {
        "id": number_id(number),
        "groupId": "GR000emulated",
        "portRequestId": None,
        "formattedNumber": number,
        "forward": None,
        "name": "Emulated number",
        "number": number,
        "portingStatus": None,
        "symbol": None,
        "users": [
            {
                "id": "US000emulated",
                "email": "owner@example.test",
                "firstName": "Emulated",
                "lastName": "Owner",
                "role": "owner",
                "groupId": "GR000emulated",
            }
        ],
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
        "restrictions": {"calling": regions, "messaging": regions},
    }


def stamp(moment: datetime) -> str:
    """`2026-11-21T04:00:00.000Z`, the form of every date in Quo's JSON; moments are UTC."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
