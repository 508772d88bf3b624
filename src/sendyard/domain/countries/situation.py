"""
Everything a rule may know about one message to one person, as plain facts.

Whoever calls gathers the facts; a rule reads no clock, table or setting of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter

from sendyard.domain.channels import Channel, Purpose


class Registration(StrEnum):
    """What a registry (carrier, DLT portal, 10DLC, Meta) says of something of ours."""

    UNKNOWN = "unknown"  # nobody has told us
    MISSING = "missing"  # known not to be registered
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"  # or suspended, paused, blacklisted, disabled


class ConsentKind(StrEnum):
    """What a person has agreed to."""

    MARKETING = "marketing"  # explicit opt-in to advertising
    WRITTEN = "written"  # the same, signed or clicked with wording kept: what the United States ask for
    NIGHT = "night"  # separately, advertising at night (Korea)
    REGISTERED = "registered"  # recorded on India's DLT platform
    RELATIONSHIP = "relationship"  # no consent: a customer's deal, which ended at `given_at`


@dataclass(frozen=True, slots=True)
class Consent:
    """
    One permission in force; a withdrawn one is not passed on.

    `evidence` says how we know (form, wording version, address of the request). `confirmed_at` is when the person
    was last reminded of it.
    """

    kind: ConsentKind
    given_at: datetime
    evidence: str = ""
    confirmed_at: datetime | None = None


class DoNotDisturb(StrEnum):
    """How India's preference register (NDNC) lists a number, as far as imports and reports have told us."""

    UNKNOWN = "unknown"
    NONE = "none"
    FULL = "full"  # everything commercial
    PROMOTIONAL = "promotional"  # all promotion
    PARTIAL = "partial"  # some categories; `Person.wanted_categories` are let through


@dataclass(frozen=True, slots=True)
class Person:
    """
    The recipient, as far as rules care.

    Attributes:
        zone: the time zone they gave or a person corrected, an IANA name; "" when only the number speaks.
        number_zones: the zones their number may be in (`hours.number_zones`).
        state: two letters of a state of the United States, "" when unknown.
        consents: permissions in force for this channel.
        last_inbound_at: when they last wrote to this sender.
        first_contact: this is the first message they get from this sender.
        do_not_disturb: how India's register lists them.
        wanted_categories: first digits of promotional headers that a partial listing lets through.
    """

    zone: str = ""
    number_zones: tuple[str, ...] = ()
    state: str = ""
    consents: tuple[Consent, ...] = ()
    last_inbound_at: datetime | None = None
    first_contact: bool = False
    do_not_disturb: DoNotDisturb = DoNotDisturb.UNKNOWN
    wanted_categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sender:
    """
    Who speaks.

    Attributes:
        value: number or header exactly as the provider knows it; "" when the provider chooses.
        business: the name people know; goes into the text where a country wants it.
        identity_words: spellings of it that Taiwan's carriers have approved, the preferred first.
        contact: where questions go, when that is not `value`.
        opt_out_number: Korea's free 080 number.
        registration: what the country's registry says of `value`.
        receives_replies: False for one-way senders.
    """

    value: str = ""
    business: str = ""
    identity_words: tuple[str, ...] = ()
    contact: str = ""
    opt_out_number: str = ""
    registration: Registration = Registration.UNKNOWN
    receives_replies: bool = True


@dataclass(frozen=True, slots=True)
class RegisteredTemplate:
    """
    A text registered elsewhere before it may be sent: at a DLT portal or at Meta.

    Attributes:
        id: the registry's id, never the provider's own.
        text: exactly as approved, with its placeholders; "" when we do not hold it.
        category: the registry's word in lower case: transactional, service_implicit, service_explicit, promotional
            in India; marketing, utility, authentication at Meta.
        state: what the registry says.
        senders: senders it is linked to; None when we do not know.
        tags: the kind of each variable in order ("numeric", "url", …), where the registry keeps them beside the text.
    """

    id: str = ""
    text: str = ""
    category: str = ""
    state: Registration = Registration.UNKNOWN
    senders: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DltIds:
    """
    Who we are on India's DLT platform.

    `chain` says whether the binding of entity and telemarketers was confirmed for this provider account.
    """

    entity_id: str = ""
    telemarketer_ids: tuple[str, ...] = ()
    chain: Registration = Registration.UNKNOWN


@dataclass(frozen=True, slots=True)
class Allowed:
    """
    Addresses and numbers registered beforehand; None when nobody has told us the list, () when it is empty.

    A URL ending in `*` or `?` allows everything that begins like it, a bare host the whole host.
    """

    urls: tuple[str, ...] | None = None
    numbers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """
    Figures our sources leave open; a workspace may set them.

    Attributes:
        korea_margin_minutes: hand-over of advertising stops so long before 21:00, so that the last one arrives in
            time.
        korea_relationship: let a deal of the last six months stand in for consent.
        india_variable_limit: longest value of an untagged variable.
        india_alphanumeric_limit: longest value of a tagged alphanumeric one.
        india_block_numbers: treat a number that is not allow-listed as a block, not as a warning.
        india_explicit_any_hour: let service_explicit go at night, as one circular allows.
    """

    korea_margin_minutes: int = 10
    korea_relationship: bool = False
    india_variable_limit: int = 30
    india_alphanumeric_limit: int = 40
    india_block_numbers: bool = False
    india_explicit_any_hour: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """
    One message to one person at one moment.

    Attributes:
        at: aware UTC time of hand-over.
        channel: how.
        purpose: why.
        country: ISO 3166 code of the recipient's number, "" for none (LINE, business-scoped ids).
        text: the body, rendered completely.
        title: of an LMS or MMS.
        has_media: pictures go with it.
        urls: addresses outside the text, such as those of buttons.
        sender: who speaks.
        person: the recipient.
        template: the registered template it claims to be; None for free text.
        dlt: our ids in India.
        allowed: lists of registered addresses and numbers.
        home_zone: the workspace's own zone, the last resort when nothing is known of the person's.
        options: figures a workspace may set.
        explain: look for the very words that differ from a registered template, which takes milliseconds; False says
            only that they differ, for a hundred thousand rows of which a few are shown.
    """

    at: datetime
    channel: Channel
    purpose: Purpose
    country: str
    text: str = ""
    title: str = ""
    has_media: bool = False
    urls: tuple[str, ...] = ()
    sender: Sender = field(default_factory=Sender)
    person: Person = field(default_factory=Person)
    template: RegisteredTemplate | None = None
    dlt: DltIds = field(default_factory=DltIds)
    allowed: Allowed = field(default_factory=Allowed)
    home_zone: str = "UTC"
    options: Options = field(default_factory=Options)
    explain: bool = True

    def with_text(self, text: str) -> "Situation":
        """Give the same situation with another text."""
        changed = _copy(self)
        _SET["text"](changed, text)
        return changed

    def to(self, person: Person, at: datetime) -> "Situation":
        """Give the same situation for another recipient at another moment."""
        changed = _copy(self)
        _SET["person"](changed, person)
        _SET["at"](changed, at)
        return changed

    def rewrite(self, text: str) -> None:
        """Put another text in place, for whoever made this copy and shares it with nobody."""
        _SET["text"](self, text)

    def later(self, at: datetime) -> "Situation":
        """Give the same situation at another moment."""
        return replace(self, at=at)

    def consent(self, *kinds: ConsentKind) -> Consent | None:
        """Give the newest permission of one of these kinds that was given by now."""
        found = [one for one in self.person.consents if one.kind in kinds and one.given_at <= self.at]
        return max(found, key=lambda one: one.given_at, default=None)


_NAMES = [one.name for one in fields(Situation)]
_get_all = attrgetter(*_NAMES)
_SET: dict[str, Callable[[Situation, object], None]] = {name: getattr(Situation, name).__set__ for name in _NAMES}
_SETTERS = tuple(_SET.values())


def _copy(situation: Situation) -> Situation:
    # Every recipient's text passes here, most of them more than once, and `replace` takes six times as long.
    made = object.__new__(Situation)
    for put, value in zip(_SETTERS, _get_all(situation), strict=True):
        put(made, value)
    return made
