"""
What the emulated Twilio remembers: accounts, messages and who wrote STOP to whom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sendyard.domain.channels import Channel

POOL_NUMBER = "+15550100001"
"""The sender a Messaging Service picks where the account's senders were not registered."""

GENEROUS_CREDIT = Decimal("1000000.00")

_RANKS = {
    word: rank
    for rank, words in enumerate(
        (("accepted", "scheduled"), ("queued",), ("sent",), ("failed", "undelivered"), ("delivered",), ("read",))
    )
    for word in words
}
FINAL = frozenset({"failed", "undelivered", "delivered", "read", "canceled"})


@dataclass(slots=True)
class Customer:
    """One account as Twilio's console knows it."""

    sid: str
    tokens: tuple[str, ...] = ()  # what signs callbacks stands first
    keys: dict[str, str] = field(default_factory=dict)  # API key SID → secret
    is_registered: bool = False
    is_test: bool = False  # these are test credentials
    status: str = "active"
    type: str = "Full"
    senders: tuple[str, ...] = ()  # empty: any well-formed sender belongs to the account
    service_sid: str = ""  # empty: any well-formed Messaging Service belongs to the account
    templates: Mapping[str, str] = field(default_factory=dict)  # ContentSid → text with {{1}}; empty: any
    shared_key: str = ""  # callbacks are signed with it instead of the Auth Token
    inbound_url: str = ""  # "A message comes in"
    status_url: str = ""  # the Messaging Service's own status callback
    credit: Decimal = GENEROUS_CREDIT
    concurrency: int = 0  # open requests allowed; 0: unlimited


@dataclass(slots=True)
class Message:
    """One message, sent or received."""

    sid: str
    account: str
    to: str  # as on the wire, with a channel prefix
    sender: str  # as on the wire; chosen by Twilio when the request named a service only
    body: str
    status: str
    created: datetime
    updated: datetime
    channel: Channel = Channel.SMS
    direction: str = "outbound-api"
    service_sid: str = ""
    media: tuple[str, ...] = ()
    deleted_media: frozenset[str] = frozenset()
    parts: int = 1
    sent: datetime | None = None
    error_code: str = ""
    error_message: str = ""
    price: Decimal | None = None
    callback_url: str = ""

    @property
    def is_unassigned(self) -> bool:
        """Whether the Messaging Service has not picked a sender and counted yet."""
        return self.status in {"accepted", "scheduled"}

    def move_to(self, status: str) -> bool:
        """Go forward only, as a message does whatever the order of its reports; tells whether it moved."""
        if self.status == "canceled" or _RANKS.get(status, -1) < _RANKS.get(self.status, -1):
            return False
        self.status = status
        return True

    def media_sids(self) -> list[tuple[str, str]]:
        """`(ME…, URL)` of what has not been deleted."""
        numbered = [(f"ME{self.sid[4:]}{number:02x}", url) for number, url in enumerate(self.media)]
        return [(sid, url) for sid, url in numbered if sid not in self.deleted_media]


@dataclass(slots=True)
class TwilioState:
    """The whole emulated provider."""

    customers: dict[str, Customer] = field(default_factory=dict)
    is_closed: bool = False  # only registered accounts work
    messages: dict[str, Message] = field(default_factory=dict)
    sids: dict[str, list[str]] = field(default_factory=dict)  # account → oldest first; deleted ones are skipped
    sids_to: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # (account, to) → the same
    opted_out: set[tuple[str, str, str]] = field(default_factory=set)  # (account, our number, person)
    counter: int = 0

    def next_sid(self, prefix: str, now: datetime) -> str:
        """An identifier that no other run has: the second it was made, and a counter."""
        self.counter += 1
        return f"{prefix}{int(now.timestamp()):016x}{self.counter:016x}"

    def keep(self, message: Message) -> None:
        """Store a new message."""
        self.messages[message.sid] = message
        self.sids.setdefault(message.account, []).append(message.sid)
        self.sids_to.setdefault((message.account, message.to), []).append(message.sid)

    def newest_first(self, account: str, to: str) -> list[Message]:
        """Messages of an account, to one address if one is given."""
        sids: Sequence[str] = self.sids_to.get((account, to), ()) if to else self.sids.get(account, ())
        return [message for sid in reversed(sids) if (message := self.messages.get(sid))]
