"""
What a provider may offer beyond sending: each ability is a pair of pure functions, found by `isinstance`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ProviderError
from sendyard.domain.money import Money
from sendyard.providers.contract import Call, CallbackEvent, DeliveryEvent, Outgoing, Problem, TemplateState
from sendyard.providers.wire import HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class Pending:
    """An attempt whose report is missing."""

    reference: str
    provider_ref: str
    to: Address
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class Poll:
    """What a poll brought; `acknowledge` is sent only once the events are stored."""

    events: Sequence[CallbackEvent]
    cursor: str = ""
    more: bool = False  # ask again at once
    acknowledge: HttpRequest | None = None


class ReportPolling(ABC):
    """The provider can be asked for reports: all it has (`poll_limit` 0), or those of named messages."""

    def reports_on(self, to: Address) -> bool:
        """Whether there is anything to ask about messages to this address; alike for all that travel together."""
        del to
        return True

    @abstractmethod
    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """Ask; `pending` holds at most `spec.poll_limit` attempts, none when the provider hands out what it has."""

    @abstractmethod
    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """Read the answer. Raises ProtocolError."""


@dataclass(frozen=True, slots=True)
class Found:
    """The provider has the message; `event` says in which state, if it says so."""

    provider_ref: str
    event: DeliveryEvent | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider says with certainty that it never got the message."""


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """The answer settles nothing."""

    reason: str


class SubmitLookup(ABC):
    """The provider can be asked "did you get this one?"."""

    @abstractmethod
    def build_lookup(self, call: Call, outgoing: Outgoing, submitted_at: datetime) -> HttpRequest:
        """Ask for one message whose submit had no usable answer."""

    @abstractmethod
    def parse_lookup(
        self, outgoing: Outgoing, submitted_at: datetime, response: HttpResponse
    ) -> Found | NotFound | Inconclusive:
        """Read the answer. Raises ProtocolError."""


class BalanceQuery(ABC):
    """The provider tells the credit left."""

    @abstractmethod
    def build_balance(self, call: Call) -> HttpRequest:
        """Ask."""

    @abstractmethod
    def parse_balance(self, response: HttpResponse) -> Money | ProviderError:
        """Read the answer; points have the currency `XPT`. Raises ProtocolError."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Whether an account works; `detail` says which credential is wrong and where to find the right one."""

    ok: bool
    detail: str
    facts: Mapping[str, str] = field(default_factory=dict)
    error: ProviderError | None = None


class AccountProbe(ABC):
    """The button "Test connection": a call that costs nothing and shows whether the credentials work."""

    @abstractmethod
    def build_probe(self, call: Call) -> HttpRequest:
        """Ask."""

    @abstractmethod
    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Read the answer. Raises ProtocolError."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file to upload."""

    channel: Channel
    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class UploadedMedia:
    """The provider's handle for a file, and until when it may be used."""

    handle: str
    expires_at: datetime | None = None


class MediaUpload(ABC):
    """Files are handed over before they are sent."""

    @abstractmethod
    def build_upload(self, call: Call, file: MediaFile) -> HttpRequest:
        """Build the upload. Raises AppError `Invalid` when the file breaks the provider's limits."""

    @abstractmethod
    def parse_upload(self, response: HttpResponse) -> UploadedMedia | ProviderError:
        """Read the answer. Raises ProtocolError."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a sign-in brought, and until when it may be used (None: until it is refused)."""

    value: str = field(repr=False)
    expires_at: datetime | None = None


class TokenAuth(ABC):
    """Requests carry a token that is fetched first; the engine keeps it and gives it as `Call.token`."""

    def wants_token(self, call: Call) -> bool:
        """Whether this account signs in at all; where it is a choice, its settings say so."""
        del call
        return True

    @abstractmethod
    def build_token(self, call: Call) -> HttpRequest:
        """Sign in."""

    @abstractmethod
    def parse_token(self, call: Call, response: HttpResponse) -> Token | ProviderError:
        """Read the answer. Raises ProtocolError."""


@dataclass(frozen=True, slots=True)
class TemplateButton:
    """A button of a template; `url` may hold a variable."""

    kind: str  # quick_reply, url, phone, copy_code, otp, flow
    text: str
    url: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class ProviderTemplate:
    """
    A template as the provider has it.

    `variables` are the names `TemplateRef.variables` must carry, in the order they occur; in `body`, `header`
    and buttons they stand as the provider writes them.
    """

    name: str
    state: TemplateState
    language: str = ""
    category: str = ""  # the provider's word
    provider_ref: str = ""
    raw_state: str = ""
    body: str = ""
    header: str = ""
    header_format: str = ""  # text, image, video, document, location; blank without a header
    footer: str = ""
    buttons: tuple[TemplateButton, ...] = ()
    variables: tuple[str, ...] = ()
    reason: str = ""  # why it was refused or paused
    quality: str = ""
    registration: Mapping[str, str] = field(default_factory=dict)  # ids at the regulator, as in `Outgoing`


@dataclass(frozen=True, slots=True)
class TemplatePage:
    """Some of the templates; `cursor` asks for the next page, blank when there is none."""

    templates: Sequence[ProviderTemplate]
    cursor: str = ""


class TemplateCatalog(ABC):
    """
    The provider lists the templates it knows, with their state.

    `template_channels` are the channels whose templates are listed (empty: every one). `minds_language` says that
    a name may stand for one template per language. With `asks_by_name` it lists only templates it is told, and a
    cursor may be the name of one.
    """

    template_channels: ClassVar[frozenset[Channel]] = frozenset()
    minds_language: ClassVar[bool] = True
    asks_by_name: ClassVar[bool] = False

    @abstractmethod
    def build_templates(self, call: Call, cursor: str) -> HttpRequest:
        """Ask for the page at `cursor` ("" for the first)."""

    @abstractmethod
    def parse_templates(self, call: Call, cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
        """Read the answer. Raises ProtocolError."""

    def fits(self, template: ProviderTemplate | None, wanted: TemplateRef) -> list[Problem]:
        """Compare what is to be sent with the provider's copy (None: it has no such template)."""
        if template is None:
            return [Problem("template_unknown", f"The provider has no template {wanted.name!r}; sync, or register it.")]
        if template.state is not TemplateState.APPROVED:
            why = f" ({template.reason})" if template.reason else ""
            detail = f"The template {wanted.name!r} is {template.state} at the provider{why}; only approved ones leave."
            return [Problem("template_not_approved", detail)]
        missing = [name for name in template.variables if name not in wanted.variables]
        if missing:
            detail = f"The template {wanted.name!r} needs values for {', '.join(missing)}; found none."
            return [Problem("template_variables_missing", detail)]
        return []


class TemplateSubmission(ABC):
    """Templates can be handed in for approval."""

    @abstractmethod
    def build_template(self, call: Call, template: ProviderTemplate, samples: Mapping[str, str]) -> HttpRequest:
        """Hand one in; `samples` has an example value per variable. Raises AppError `Invalid` for broken limits."""

    def variable(self, name: str) -> str:
        """Write a variable as it stands in a body."""
        return "{{" + name + "}}"

    @abstractmethod
    def parse_template(self, template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
        """Read the answer: the template with its id and state. Raises ProtocolError."""


@dataclass(frozen=True, slots=True)
class OtpWanted:
    """A one-time code to be sent to one person."""

    reference: str
    to: Address
    code: str = field(default="", repr=False)  # blank: the provider makes one up
    template: str = ""  # the provider's name of it; blank: the account's default
    sender: str = ""
    channel: Channel = Channel.SMS
    length: int = 6  # digits, when the provider makes the code
    expires_in: int = 300  # seconds


@dataclass(frozen=True, slots=True)
class OtpStarted:
    """The provider sent a code; `session` names it in a check ("" where the number is enough)."""

    session: str = ""
    provider_ref: str = ""


class OtpCheck(StrEnum):
    """What the provider says about a code somebody typed."""

    VERIFIED = "verified"
    WRONG_CODE = "wrong_code"
    EXPIRED = "expired"
    NO_SESSION = "no_session"  # nothing was sent, or it was used up
    UNAVAILABLE = "unavailable"  # the provider cannot tell now


class ProviderOtp(ABC):
    """The provider makes a one-time code, sends it and checks what the person typed."""

    @abstractmethod
    def build_otp(self, call: Call, wanted: OtpWanted) -> HttpRequest:
        """Send a code."""

    @abstractmethod
    def parse_otp(self, response: HttpResponse) -> OtpStarted | ProviderError:
        """Read the answer. Raises ProtocolError."""

    @abstractmethod
    def build_otp_check(self, call: Call, wanted: OtpWanted, session: str, code: str) -> HttpRequest:
        """Ask whether `code` is the one."""

    @abstractmethod
    def parse_otp_check(self, response: HttpResponse) -> OtpCheck:
        """Read the answer: only what is documented as a match is `VERIFIED`. Raises ProtocolError."""


class OtpResend(ABC):
    """The provider can send the same code once more, also by a call."""

    @abstractmethod
    def build_otp_resend(self, call: Call, wanted: OtpWanted, session: str, *, by_voice: bool) -> HttpRequest:
        """Send it again."""

    @abstractmethod
    def parse_otp_resend(self, response: HttpResponse) -> OtpStarted | ProviderError:
        """Read the answer. Raises ProtocolError."""


@dataclass(frozen=True, slots=True)
class ProviderSender:
    """A sender the provider lets this account use."""

    sender: str  # as `Outgoing.sender` wants it
    name: str = ""
    channels: tuple[Channel, ...] = ()
    usable: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)  # quality, messaging limit, …


class SenderList(ABC):
    """The provider tells which senders there are."""

    @abstractmethod
    def build_senders(self, call: Call) -> HttpRequest:
        """Ask."""

    @abstractmethod
    def parse_senders(self, call: Call, response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
        """Read the answer. Raises ProtocolError."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What the provider knows of one person."""

    name: str
    language: str = ""
    picture_url: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


class ProfileLookup(ABC):
    """The provider tells who a person is."""

    @abstractmethod
    def build_profile(self, call: Call, person: Address) -> HttpRequest:
        """Ask."""

    @abstractmethod
    def parse_profile(self, response: HttpResponse) -> Profile | ProviderError:
        """Read the answer; `INVALID_RECIPIENT` for a person it does not know. Raises ProtocolError."""


class ContactPush(ABC):
    """
    The provider keeps contacts of its own, which we can fill.

    `updates_by_id`: a contact that is there already is named by the provider's id, as the field `id`.
    """

    updates_by_id: ClassVar[bool] = False

    @abstractmethod
    def build_contact(self, call: Call, person: Address, name: str, fields: Mapping[str, str]) -> HttpRequest:
        """Add one, or bring it up to date."""

    @abstractmethod
    def parse_contact(self, response: HttpResponse) -> str | ProviderError:
        """Read the answer: the provider's id of the contact ("" where it gives none). Raises ProtocolError."""


class UsageQuery(ABC):
    """The provider tells how much of a quota or period is used."""

    @abstractmethod
    def build_usage(self, call: Call) -> HttpRequest:
        """Ask for the present period."""

    @abstractmethod
    def parse_usage(self, call: Call, response: HttpResponse) -> Mapping[str, str] | ProviderError:
        """Read the answer as named facts: `used`, `limit`, `quality`, … Raises ProtocolError."""


@dataclass(frozen=True, slots=True)
class OptOutNumber:
    """A free number people call to refuse advertising, as in Korea (080)."""

    number: str  # as people dial it
    code: str = ""  # what they type there, where its operator asks for something


class OptOutRegistration(ABC):
    """The provider shows an opt-out number under advertising of a sender, and must be told it first."""

    @abstractmethod
    def build_opt_out(self, call: Call, wanted: OptOutNumber) -> HttpRequest:
        """Register it for the account's sender. Raises AppError `Invalid` for broken limits."""

    @abstractmethod
    def parse_opt_out(self, response: HttpResponse) -> ProviderError | None:
        """Read the answer: None when it is registered. Raises ProtocolError."""


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """Somebody who refused or agreed, as a list of the provider's has it; `word` is the provider's own."""

    person: Address
    refuses: bool
    word: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class OptOutPage:
    """Some of a list; people of whom it says nothing are left out. `cursor` asks for the next page, blank: none."""

    people: Sequence[ListedPerson]
    cursor: str = ""


class OptOutList(ABC):
    """
    The provider keeps a list of its own of who refused or agreed to hear from the account.

    `listed_channel` is what the list is about; with `lists_advertising` a refusal there is one of advertising only.
    """

    listed_channel: ClassVar[Channel]
    lists_advertising: ClassVar[bool] = False

    @abstractmethod
    def build_listed(self, call: Call, cursor: str) -> HttpRequest:
        """Ask for the page at `cursor` ("" for the first)."""

    @abstractmethod
    def parse_listed(self, call: Call, cursor: str, response: HttpResponse) -> OptOutPage | ProviderError:
        """Read the answer. Raises ProtocolError."""


class OptOutTelling(ABC):
    """The provider takes word of one person's refusal or agreement, on `told_channel`."""

    told_channel: ClassVar[Channel]

    @abstractmethod
    def build_telling(self, call: Call, person: Address, *, refuses: bool) -> HttpRequest:
        """Tell it. Raises AppError `Invalid` for somebody the provider cannot know."""

    @abstractmethod
    def parse_telling(self, response: HttpResponse) -> ProviderError | None:
        """Read the answer: None when it is noted. Raises ProtocolError."""
