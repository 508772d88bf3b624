"""
What a provider can do, as data: the engine, the console, the docs and the tests read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus


class AddressFormat(StrEnum):
    """How a phone number stands on the wire."""

    E164 = "e164"  # +886912345678
    NO_PLUS = "no_plus"  # 886912345678
    NATIONAL = "national"  # 0912345678


class CallbackAuth(StrEnum):
    """What proves that a callback comes from the provider."""

    SIGNATURE = "signature"  # over the body (or the parameters)
    TIMESTAMP_SIGNATURE = "timestamp_signature"  # signed, but the body is not covered
    SHARED_SECRET = "shared_secret"
    URL_TOKEN = "url_token"  # only the unguessable path


class Counting(StrEnum):
    """How the provider counts a text."""

    GSM = "gsm"  # GSM-7 160/153, else UCS-2 70/67
    CP949 = "cp949"  # Korea: bytes; 90 is SMS, 2,000 is LMS


class RateUnit(StrEnum):
    """What the provider's limit counts."""

    REQUEST = "request"
    MESSAGE = "message"
    PART = "part"


@dataclass(frozen=True, slots=True)
class Batch:
    """How many messages one request takes, and which fields of `Outgoing` they must share."""

    limit: int = 1
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextRules:
    """Limits of a text; 0 means the provider states none."""

    counting: Counting = Counting.GSM
    max_characters: int = 0
    max_bytes: int = 0  # in the charset of `counting`
    forbidden: tuple[str, ...] = ()  # sequences the wire format cannot carry


@dataclass(frozen=True, slots=True)
class ReferenceRules:
    """What the provider does with our id."""

    accepted: bool = False
    max_length: int = 0
    dedup_seconds: int = 0
    """Repeating the same exchange (same `exchange_id`, same references) within this time sends nothing twice."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The provider's default limit; an account may carry another."""

    per_second: float
    unit: RateUnit = RateUnit.REQUEST
    open_requests: int = 50  # concurrent requests the provider tolerates


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds to wait for a connection, and for the whole exchange."""

    connect: float = 5.0
    total: float = 30.0


@dataclass(frozen=True, slots=True)
class Code:
    """What one provider code means: an error class or a delivery status, in the provider's words and in ours."""

    meaning: ErrorKind | ReportStatus
    wording: str  # the provider's own
    advice: str = ""  # what a person should do about it


OUR_REQUEST = "The request itself was not understood. Please report this code together with the exchange."
"""The advice for codes about how a request is made: nobody who sends can do anything about them."""


class MediaWay(StrEnum):
    """How a file reaches the provider."""

    LINK = "link"  # the provider fetches it from an address
    UPLOAD = "upload"  # handed over first, by `abilities.MediaUpload`
    INLINE = "inline"  # inside the message itself, as a `data:` address


@dataclass(frozen=True, slots=True)
class MediaRule:
    """What files of some types may measure; 0 pixels: no limit is stated."""

    types: frozenset[str]  # media types without parameters, as in `image/jpeg`
    max_bytes: int
    max_width: int = 0
    max_height: int = 0


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What a provider takes on one channel, beside a text or in the header of a template."""

    way: MediaWay
    rules: tuple[MediaRule, ...]
    items: int = 1  # files in one message
    handle_seconds: int = 0  # how long an upload may be used where the answer does not tell; 0: it tells
    handle_example: str = "0"  # what a handle looks like, for checks before there is one

    def rule_of(self, content_type: str) -> MediaRule | None:
        """Find the limits of one type; None for a type that is not taken."""
        return next((rule for rule in self.rules if content_type in rule.types), None)


PICTURES = frozenset({"image/jpeg", "image/png"})
OFFICE = frozenset(
    f"application/vnd.openxmlformats-officedocument.{kind}"
    for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
)
WHATSAPP_FILES = (
    MediaRule(PICTURES, 5 * 1024 * 1024),
    MediaRule(frozenset({"image/webp"}), 100 * 1024, 512, 512),  # a sticker
    MediaRule(frozenset({"video/mp4", "video/3gpp"}), 16 * 1024 * 1024),
    MediaRule(
        frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
        16 * 1024 * 1024,
    ),
    MediaRule(OFFICE | {"application/pdf", "text/plain"}, 100 * 1024 * 1024),
)
"""
What WhatsApp takes, whoever carries it.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types.
"""
WHATSAPP_BY_LINK: Mapping[Channel, MediaLimits] = {Channel.WHATSAPP: MediaLimits(MediaWay.LINK, WHATSAPP_FILES)}
"""Of the providers before WhatsApp that fetch files from an address."""


@dataclass(frozen=True, slots=True)
class OwnKeywords:
    """Words that the provider itself obeys and answers before we see them, so that a second answer would be one."""

    words: frozenset[str] = frozenset()  # whole messages, in lower case
    channels: frozenset[Channel] = frozenset()


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """Everything declarative about one provider."""

    slug: str
    name: str
    channels: frozenset[Channel]
    countries: frozenset[str] = frozenset()  # ISO 3166 alpha-2; empty: not bound to countries
    home: frozenset[str] = frozenset()  # countries it is made for though it reaches others as well
    batch: Batch = field(default_factory=Batch)
    address_format: AddressFormat = AddressFormat.E164
    text: TextRules = field(default_factory=TextRules)
    media: Mapping[Channel, MediaLimits] = field(default_factory=dict)  # channels that carry files
    reference: ReferenceRules = field(default_factory=ReferenceRules)
    rate: Rate = field(default_factory=lambda: Rate(per_second=10))
    timeout: Timeout = field(default_factory=Timeout)
    callback_auth: CallbackAuth = CallbackAuth.SIGNATURE
    inbound: bool = False
    own_keywords: OwnKeywords = field(default_factory=OwnKeywords)
    confirm_within: float = 600.0  # seconds after which a missing report is asked for
    poll_delays: tuple[float, ...] = (60.0, 300.0, 1800.0)  # then at these distances
    poll_limit: int = 0  # messages one poll may name; 0: the provider hands out what it has
    poll_interval: float = 5.0  # seconds between pulls of a provider that hands out what it has
    codes: Mapping[str, Code] = field(default_factory=dict)
    docs: tuple[str, ...] = ()
    exemptions: Mapping[str, str] = field(default_factory=dict)  # contract-suite rule → written reason

    def meaning(self, code: str) -> ErrorKind | ReportStatus:
        """Class of a code; `UNMAPPED` of `ErrorKind` for one that is in no table."""
        known = self.codes.get(code)
        return known.meaning if known else ErrorKind.UNMAPPED

    def error_kind(self, code: str) -> ErrorKind:
        """Like `meaning`, for places where only a failure makes sense."""
        meaning = self.meaning(code)
        return meaning if isinstance(meaning, ErrorKind) else ErrorKind.UNMAPPED
