"""
What goes into the ledger and what comes out of it, as values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from enum import StrEnum
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content
from sendyard.domain.errors import ProviderError
from sendyard.domain.ids import attempt_id
from sendyard.domain.status import AttemptStatus, MessageStatus, ReportStatus
from sendyard.domain.values import dataclass


class EventKind(StrEnum):
    """Facts the ledger keeps about a message, one row each, in the order they happened."""

    ACCEPTED = "accepted"  # a provider took it
    REFUSED = "refused"  # a provider said no, and nothing else is tried
    RETRY = "retry"  # a provider said no or not now: the same account is tried again
    FAILOVER = "failover"  # the next account of the route is tried
    UNKNOWN = "unknown"  # handed over, no usable answer
    REPORT = "report"  # a delivery report
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPPRESSED = "suppressed"
    RETURNED = "returned"  # a crash or a pause gave it back before anything left
    DEFERRED = "deferred"  # a rule of hours lets it wait
    CHANGED = "changed"  # a rule had something added to its text, or put right in it


class Note(NamedTuple):
    """What a rule said of a message before it entered; one with a `kind` becomes an event, with the rule as code."""

    rule: str
    level: str  # domain.countries.rules.Level
    detail: str
    kind: EventKind | None = None


NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class NewMessage:
    """
    A message that passed preflight, or was stopped by it. Times are milliseconds since 1970.

    `route` is a snapshot of account ids, first choice first; the first is the lane it waits in.
    `status` is queued, scheduled (with `send_at`), or suppressed/failed with `error`. `variants` say the same at
    providers, by slug, that take it in another form (a registered template); `registration` is as in
    `providers.contract.Outgoing`; `notes` are what rules had to say of it.
    """

    id: str
    workspace_id: str
    status: MessageStatus
    purpose: Purpose
    channel: Channel
    to: Address
    country: str
    sender: str
    content: Content
    parts: int
    encoding: str
    route: Sequence[str]
    failover: bool
    created_at: int
    expires_at: int
    send_at: int | None = None
    fallback: tuple[tuple[Channel, Content], ...] = ()
    variants: Mapping[str, Content] = field(default_factory=lambda: NOTHING)
    registration: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    campaign_id: str = ""
    row: int | None = None
    batch_id: str | None = None
    reference: str = ""
    metadata: str = "{}"
    error: ProviderError | None = None
    notes: Sequence[Note] = ()

    def but(self, **changes: Any) -> "NewMessage":
        """Like `dataclasses.replace`, which takes three times as long for so many fields."""
        values = list(_all_of(self))
        for name, value in changes.items():
            values[_PLACES[name]] = value
        return NewMessage(*values)


_NAMES = [one.name for one in fields(NewMessage)]
_PLACES = {name: place for place, name in enumerate(_NAMES)}
_all_of = attrgetter(*_NAMES)


@dataclass(slots=True)
class Claimed:
    """A leased message, ready to be handed over. Owned by one dispatcher until `lease_until`."""

    id: str
    workspace_id: str
    account_id: str
    group_id: str
    purpose: Purpose
    channel: Channel
    to: Address
    country: str
    sender: str
    content: Content
    fallback: tuple[tuple[Channel, Content], ...]
    parts: int
    route: list[str]  # accounts still open, the present one first
    failover: bool
    attempts: int
    retries: int
    expires_at: int
    created_at: int
    variants: Mapping[str, Content] = field(default_factory=lambda: NOTHING)
    registration: Mapping[str, str] = field(default_factory=lambda: NOTHING)


@dataclass(slots=True)
class Exchange:
    """One round trip: a batch of postings to one account."""

    id: str
    workspace_id: str
    account_id: str
    postings: list["Posting"]
    tries: int = 1


@dataclass(slots=True)
class Posting:
    """One attempt whose request is open, or in doubt; `number` counts a message's attempts from 1."""

    message: Claimed
    number: int
    sender: str
    submitted_at: int = 0
    in_doubt: bool = False
    attempt_id: str = ""

    def __post_init__(self) -> None:
        self.attempt_id = attempt_id(self.message.id, self.number)


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What the policy decided about one attempt after its receipt; `receipts.close` writes it.

    `message_status` queued means: try again at `due_at` in lane `route[0]`.
    """

    posting: Posting
    attempt_status: AttemptStatus
    message_status: MessageStatus
    event: EventKind
    provider_ref: str | None = None
    parts: int | None = None
    cost_amount: str | None = None
    cost_currency: str | None = None
    error: ProviderError | None = None
    due_at: int | None = None
    route: Sequence[str] = ()
    retries: int = 0
    poll_at: int | None = None


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of one round trip: what every attempt came to, and the redacted words that were exchanged."""

    exchange_id: str
    account_id: str
    outcomes: Sequence[Outcome]
    status: str = "closed"  # or doubtful, with `next_try_at`; or abandoned
    next_try_at: int | None = None
    http_status: int | None = None
    request: str | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report as the ledger takes it: `providers.contract.DeliveryEvent` without its dialect."""

    status: ReportStatus
    raw_status: str
    dedupe_key: str
    reference: str = ""
    provider_ref: str = ""
    other_ref: str = ""  # another id of the same message at the provider; later reports may name it as `provider_ref`
    recipient: str = ""
    channel: str = ""
    error: ProviderError | None = None
    occurred_at: int | None = None
    parts: int | None = None
    cost_amount: str | None = None
    cost_currency: str | None = None


@dataclass(frozen=True, slots=True)
class NextStep:
    """What follows a failure that was reported later: final, or `due_at` in lane `route[0]`."""

    message_status: MessageStatus
    event: EventKind
    due_at: int | None = None
    route: Sequence[str] = ()
