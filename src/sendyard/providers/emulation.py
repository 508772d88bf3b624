"""
The contract between the emulator server and a provider's emulator: the provider's side of the wire.

An emulator is pure as well: the server gives it the time, decides which scenario applies and when a
report happens, and moves the bytes. State is an object of the emulator's own, made by `new_state`.
Anything the provider does not document answers 404.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Text
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a scenario wants a message refused: by class, or by the provider's own code."""

    kind: ErrorKind
    code: str = ""


@dataclass(frozen=True, slots=True)
class EmulatedRequest:
    """One request as the server received it; `path` is what follows `/<slug>`, still percent-encoded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # lower-case names
    body: bytes
    now: datetime  # aware, UTC
    open_requests: int = 1  # on this provider at this moment, this one included
    refusal: Callable[[str], Refusal | None] = lambda _to: None  # by recipient, E.164


@dataclass(frozen=True, slots=True)
class Received:
    """One message the provider accepted: it will reach a handset, or fail on the way."""

    account: str  # the credential that names the account (never a secret)
    to: str  # E.164, or the provider's id
    sender: str
    channel: Channel
    text: str
    provider_ref: str
    reference: str = ""
    media: tuple[str, ...] = ()
    template: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    callback_url: str = ""
    parts: int = 1
    at: datetime | None = None
    fallback: tuple[tuple[Channel, str], ...] = ()  # (channel, text) tried by the provider, in order
    extra: Mapping[str, str] = field(default_factory=dict)  # what the emulator needs for its callbacks


@dataclass(frozen=True, slots=True)
class Handled:
    """The answer, and the messages that this request made the provider accept (repeats make none)."""

    response: HttpResponse
    received: Sequence[Received] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What happened to an accepted message: a status, for a failure its class or the provider's code."""

    status: ReportStatus
    at: datetime
    kind: ErrorKind | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class EmulatedPlan:
    """A plan the provider sells, which its emulator enforces, and the campaign that a benchmark sends through it."""

    name: str
    limit: str  # as the provider says it
    country: str  # of the recipients
    recipients: int
    within: float | None  # seconds the campaign may take; None: 2 % more than the limit makes necessary
    account: Mapping[str, str | int] = field(default_factory=dict)  # beside the sample account's fields
    console: Mapping[str, Any] = field(default_factory=dict)  # what `register` is told beside them


class Emulator(ABC):
    """The provider's side of one wire, written from the samples and the sheet, never from the adapter."""

    spec: ClassVar[ProviderSpec]
    base_path: ClassVar[str] = ""
    """What stands between `/<slug>` and the paths of the sheet; an account's `base_url` ends with it."""
    sample_account: ClassVar[Mapping[str, str]]
    """Account fields (without `base_url`) that this emulator accepts without being registered."""
    sample_sender: ClassVar[str]
    sample_channel: ClassVar[Channel] = Channel.SMS
    """The channel of the sample sender."""
    plans: ClassVar[Sequence[EmulatedPlan]] = ()
    """What `sendyard bench plans` sends through it."""
    callback_retries: ClassVar[tuple[float, ...]] = ()
    """Seconds after which an unanswered or badly answered callback is repeated."""

    @abstractmethod
    def new_state(self) -> Any:
        """An empty provider: no messages, generous credit."""

    def sample_content(self, text: str) -> Content:
        """
        Say `text` in the way this provider is mostly used: plainly, or as the only variable of a template.

        A new state knows that template as approved, so that the handset gets exactly `text`.
        """
        return Text(text)

    def sample_address(self, number: str) -> Address:
        """Give the recipient that stands for an invented E.164 number; a different one for each."""
        return Address.phone(number)

    @abstractmethod
    def register(self, state: Any, account: Mapping[str, Any]) -> None:
        """
        Make an account known, so that only registered ones work from now on.

        Takes the account's fields plus what a customer sets in the provider's dashboard
        (`callback_url`, `webhook_secret`, `senders`, `credit`, …). Raises AppError `Invalid`.
        """

    @abstractmethod
    def handle(self, request: EmulatedRequest, state: Any) -> Handled:
        """Answer as the provider does."""

    @abstractmethod
    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """The provider's "too fast" answer."""

    @abstractmethod
    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """The provider's documented "not now" answer; a bare 503 where it documents none."""

    @abstractmethod
    def settle(self, state: Any, received: Received, report: Report) -> HttpRequest | None:
        """Let a report happen: polls and queries show it from now on; returns the callback, if one is due."""

    def sent_later(self, state: Any, request: HttpRequest, at: datetime) -> HttpRequest:
        """
        Give a callback as it leaves at `at`, late or for another time; as it was, unless its signature holds the time.

        A provider that signs the time signs each try anew; what it says stays the same.
        """
        del state, at
        return request

    def callback_accepted(self, received: Received, response: HttpResponse) -> bool:
        """Whether our answer satisfies the provider; if not, the callback is repeated."""
        del received
        return 200 <= response.status < 300

    @abstractmethod
    def inbound(
        self, state: Any, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """A person writes to us: the callback that tells, or None where the provider has no inbound."""


class LoadTarget(ABC):
    """An emulator that can also answer at almost no cost: what a benchmark sends to."""

    @abstractmethod
    def accept_all(self, request: EmulatedRequest, serial: int) -> HttpResponse:
        """
        Accept every message of a well-formed submit; check nothing and keep nothing.

        `serial` differs between requests, so that ids in the answers do.
        """
