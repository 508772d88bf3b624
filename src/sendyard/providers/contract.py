"""
The contract between the engine and a provider folder.

An adapter is pure: it builds a request from values and reads a response into values. Time, chance,
tokens and identifiers arrive in `Call`. The engine alone decides what a time-out means.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content
from sendyard.domain.errors import ProviderError
from sendyard.domain.ids import uuid7_ms
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.domain.values import dataclass
from sendyard.providers.spec import ProviderSpec, Rate, TextRules
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse


class ProtocolError(Exception):
    """The provider broke its own format; the message says what was expected and what was found."""


class CallbackRejected(Exception):
    """The callback does not prove that it comes from the provider; the message says which proof failed."""


class AccountSettings(BaseModel):
    """
    Credentials and options of one account; secrets are `SecretStr`.

    Field titles and descriptions are what people see in forms and errors, so each names the place in
    the provider's own dashboard where the value is found.
    """

    # Without `hide_input_in_errors` the message of a failed validation repeats the secret that was given.
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False, hide_input_in_errors=True)

    base_url: str


@dataclass(frozen=True, slots=True)
class Call:
    """What an adapter may know about the moment of an exchange."""

    account: AccountSettings
    now: datetime  # aware, UTC
    nonce: str  # fresh for each exchange, so that signing stays pure
    exchange_id: str  # the same when the same batch is repeated: the retry key; the engine's are UUIDv7
    token: str = ""
    callback_url: str = ""  # absolute, with the account's token; empty when no public URL is configured

    @property
    def first_at(self) -> datetime:
        """
        When this exchange was made: equal at each repetition, so that its bytes can be.

        Read from `exchange_id`; for one that does not tell, `now`.
        """
        made = uuid7_ms(self.exchange_id)
        return self.now if made is None else datetime.fromtimestamp(made / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way out, complete and rendered."""

    message_id: str
    reference: str  # our id at the provider; new for each deliberate attempt, kept for each repeat
    channel: Channel
    to: Address
    sender: str  # exactly as the provider knows it
    content: Content
    purpose: Purpose = Purpose.TRANSACTIONAL
    country: str = ""  # ISO 3166 alpha-2 of the recipient's number
    registration: Mapping[str, str] = field(default_factory=dict)
    """Ids at regulator or platform: `entity_id` and `template_id` (India's DLT), `sender_key` (Kakao)."""
    fallback: tuple[tuple[Channel, Content], ...] = ()  # what the provider itself may fall back to
    in_reply_to: str = ""
    valid_until: datetime | None = None
    retries: int = 0  # how often this account has refused it for the moment


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message."""

    message_id: str
    provider_ref: str = ""
    parts: int | None = None
    cost: Money | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider did not take it and says why."""

    message_id: str
    error: ProviderError


@dataclass(frozen=True, slots=True)
class Unknown:
    """The message may or may not have been taken."""

    message_id: str
    reason: str


Receipt = Accepted | Refused | Unknown


@dataclass(frozen=True, slots=True)
class MessageKey:
    """
    How an event finds its attempt; whatever the provider gives. `recipient` is E.164 or an id.

    Where a provider has two ids for one message, an event with both names the second as `other_ref`: from then on
    events and replies that bring only that one, as their `provider_ref`, are about the same message.
    """

    reference: str = ""
    provider_ref: str = ""
    recipient: str = ""
    other_ref: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """One statement of the provider about one message."""

    key: MessageKey
    status: ReportStatus
    raw_status: str  # the provider's own word or code
    dedupe_key: str  # equal for repetitions of the same statement
    channel: Channel | None = None  # the one that carried it, when the provider falls back itself
    error: ProviderError | None = None
    occurred_at: datetime | None = None
    parts: int | None = None
    cost: Money | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """Something a person sent to us."""

    sender: str  # E.164, else the provider's id of the person
    recipient: str  # our sender, as the provider wrote it
    channel: Channel
    content: Content
    provider_ref: str
    dedupe_key: str
    in_reply_to: MessageKey | None = None
    occurred_at: datetime | None = None
    opt_out: bool | None = None  # True/False when the provider itself handled a stop or start word
    sender_kind: AddressKind = AddressKind.PHONE
    identities: tuple[Address, ...] = ()  # other addresses of the same person, when the provider tells them
    profile_name: str = ""
    choice: str = ""  # the id or data of the button or row that was pressed


class TemplateState(StrEnum):
    """Where a template stands at the provider."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    PAUSED = "paused"
    DISABLED = "disabled"  # also deleted or archived there
    UNMAPPED = "unmapped"  # a word missing from our table


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """The provider says that a template changed; blank fields are as they were."""

    name: str
    dedupe_key: str
    language: str = ""
    provider_ref: str = ""
    state: TemplateState | None = None
    raw_state: str = ""
    category: str = ""
    quality: str = ""
    reason: str = ""
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountNotice:
    """The provider says something about the account itself: a limit, a quality rating, a restriction."""

    subject: str  # the provider's word for what changed
    detail: str  # one sentence for a person
    dedupe_key: str
    facts: Mapping[str, str] = field(default_factory=dict)
    occurred_at: datetime | None = None


CallbackEvent = DeliveryEvent | Inbound | TemplateChange | AccountNotice


@dataclass(frozen=True, slots=True)
class CallbackResult:
    """What a callback said, and how the provider wants to be answered."""

    events: Sequence[CallbackEvent]
    reply: HttpResponse


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an account cannot carry a message: a stable code, and a sentence with what to do."""

    code: str
    detail: str


class Adapter(ABC):
    """Our side of one provider's wire."""

    spec: ClassVar[ProviderSpec]
    Account: ClassVar[type[AccountSettings]]

    @abstractmethod
    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """Build one exchange for one batch; all of it shares `batch_key`, at most `spec.batch.limit` messages."""

    @abstractmethod
    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """
        Read the answer: one receipt per message; one left out becomes `Unknown`.

        Raises:
            ProtocolError: the answer is in no documented form.
        """

    @abstractmethod
    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """
        Authenticate, then translate.

        Raises:
            CallbackRejected: the proof is missing or wrong; nothing of the body was used.
            ProtocolError: authentic as far as can be told, but in no documented form.
        """

    def for_account(self, settings: AccountSettings) -> "Adapter":
        """
        Give the adapter that speaks for one account; asked once, where the account is opened.

        It is this one, unless only the account's settings say how the wire is written and read.
        """
        del settings
        return self

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Limits of this provider that `spec` cannot express; preflight calls it."""
        del account, outgoing
        return []

    def rate(self, account: AccountSettings) -> Rate:
        """Limit of this account where nobody set another: by its plan or its API generation."""
        del account
        return self.spec.rate

    def batch_limit(self, account: AccountSettings) -> int:
        """Messages one request of this account may carry."""
        del account
        return self.spec.batch.limit

    def daily_people(self, account: AccountSettings) -> int | None:
        """
        How many people this account may write to first within 24 hours; None where no such limit is known.

        All accounts that have it in common (`learns_with`) share it.
        """
        del account
        return None

    def learned(self, account: AccountSettings, facts: Mapping[str, str]) -> Mapping[str, str]:
        """
        Settings of this account that are not, or no longer, as its provider says in a notice or a test.

        A value the account cannot hold, because the provider has a new one, is logged and not taken over.
        """
        del account, facts
        return {}

    def learns_with(self, account: AccountSettings) -> str:
        """Names what this account has in common with all for whom `learned` is equally true; blank: it is alone."""
        del account
        return ""

    def text_rules(self, country: str) -> TextRules:
        """Limits of a text to recipients in one country (ISO 3166 alpha-2); preflight counts by them."""
        del country
        return self.spec.text

    def dedup_seconds(self, outgoing: Outgoing) -> int:
        """How long repeating the exchange of this message sends nothing twice; 0: it must be looked up instead."""
        del outgoing
        return self.spec.reference.dedup_seconds

    def batch_key(self, outgoing: Outgoing) -> Hashable:
        """Messages with equal keys may travel in one request."""
        shared = self.spec.batch.shared
        return attrgetter(*shared)(outgoing) if shared else None
