"""
The words rules are made of: what a rule is, what it finds, and how strongly it is meant.

Engineering knowledge of the law, not legal advice: each rule names its source and says when that source is weak.
Two principles run through all packs. A *known* wrong stops or is put right; a fact nobody has told us only warns,
except where the law asks for the record itself (consent). A fix never guesses: it uses names, numbers and wordings
the workspace has configured.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.situation import Situation


class Level(StrEnum):
    """What follows from a finding, the strongest first."""

    BLOCK = "block"  # must not be handed over; goes no further unless waived
    DEFER = "defer"  # not now: `until` says when
    FIX = "fix"  # put right automatically: `fixed` is the text to send instead
    WARN = "warn"  # goes out as it is; a person should know


class Aspect(StrEnum):
    """What a rule looks at, hence when it can be asked."""

    SENDER = "sender"  # registrations: once per sender
    CONTENT = "content"  # the words: once per text, or per recipient where values differ
    CONSENT = "consent"  # the person's permission: per recipient, again at hand-over
    TIME = "time"  # the clock: per recipient, again at hand-over


class Need(StrEnum):
    """What a rule asks of the recipient; whoever calls reads no more than the rules at hand need."""

    ZONE = "zone"  # `Person.zone` and `number_zones`
    STATE = "state"
    CONSENTS = "consents"
    INBOUND = "inbound"  # `last_inbound_at`
    FIRST_CONTACT = "first_contact"
    DO_NOT_DISTURB = "do_not_disturb"  # with `wanted_categories`


class Waiver(StrEnum):
    """The least role that may set a rule aside, giving a name and a reason that are recorded."""

    NOBODY = "nobody"
    OWNER = "owner"
    MANAGER = "manager"  # or an owner


@dataclass(frozen=True, slots=True)
class Source:
    """
    Where a rule is written; `docs/rules.md` has the full list with addresses.

    Attributes:
        title: the law, guide or notice.
        section: the article or paragraph in it; "" for all of it.
        url: an address to read it or about it; "" when the page belongs to one provider (then see the list).
        date: ISO date it took effect or was published; "" when our copy does not say.
    """

    title: str
    section: str = ""
    url: str = ""
    date: str = ""

    def __str__(self) -> str:
        """For screens: `Network Act, Art. 50(4) (2014-11-29)`."""
        named = f"{self.title}, {self.section}" if self.section else self.title
        return f"{named} ({self.date})" if self.date else named


class Finding(NamedTuple):  # a dataclass takes four times as long to make
    """
    What a check found; the rule adds the rest.

    Attributes:
        detail: one or two plain sentences: what was expected, what was found, what to do.
        level: when this finding is milder or stronger than the rule's own level.
        fixed: the whole text put right; None when there is nothing to change automatically.
        until: the first moment, UTC, at which this rule would let the message go.
        span: start and end of the offending characters, in the text the rule saw (see `Pack.check`).
        kind: a finer name where one rule finds several kinds of fault, such as "case" or "variable_too_long".
    """

    detail: str
    level: Level | None = None
    fixed: str | None = None
    until: datetime | None = None
    span: tuple[int, int] | None = None
    kind: str = ""


Look = Callable[[Situation], Iterable[Finding]]
"""A pure check; gives nothing when all is well. It may rely on channel and purpose being those of its rule."""

ALL_CHANNELS = frozenset(Channel)
TEXTS = frozenset({Channel.SMS, Channel.MMS})
"""What carriers call SMS and MMS; LMS is an SMS here."""

ALL_PURPOSES = frozenset(Purpose)
PROMOTIONAL = frozenset({Purpose.PROMOTIONAL})

ADVERTISING = frozenset({"promotional", "service_explicit", "marketing"})
"""Categories of registered templates that advertise."""


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One rule of a pack: what it asks, why, and how it is met; `look` is the pure check.

    Attributes:
        id: stable for ever, `<pack>.<name>`.
        what: one sentence of what must hold.
        source: why.
        level: what usually follows; a finding may differ.
        aspect: what it looks at.
        satisfy: how to meet it.
        waiver: who may set it aside.
        look: the check.
        channels: where it applies.
        purposes: to which messages it applies.
        needs: what it asks of the recipient.
        categories: of a registered template, to which it applies; empty for all. Without a template the purpose
            promotional stands for them.
        uncertain: our sources are weak, old or in conflict; screens say so.
    """

    id: str
    what: str
    source: Source
    level: Level
    aspect: Aspect
    satisfy: str
    waiver: Waiver
    look: Look
    channels: frozenset[Channel] = ALL_CHANNELS
    purposes: frozenset[Purpose] = ALL_PURPOSES
    needs: frozenset[Need] = frozenset()
    categories: frozenset[str] = frozenset()
    uncertain: bool = False

    def concerns(self, channel: Channel, purpose: Purpose, category: str = "") -> bool:
        """Say whether it has anything to ask of such messages; `category` is that of their registered template."""
        if channel not in self.channels or purpose not in self.purposes:
            return False
        if not self.categories:
            return True
        return category in self.categories if category else purpose is Purpose.PROMOTIONAL


class Verdict(NamedTuple):
    """One finding of one rule about one situation; see `Finding` for the fields."""

    rule: Rule
    level: Level
    detail: str
    fixed: str | None = None
    until: datetime | None = None
    span: tuple[int, int] | None = None
    kind: str = ""

    @property
    def rule_id(self) -> str:
        """The stable id, as waivers and evidence record it."""
        return self.rule.id

    @property
    def uncertain(self) -> bool:
        """True when our sources for the rule are weak; say so wherever the verdict is shown."""
        return self.rule.uncertain

    def to_dict(self) -> dict[str, Any]:
        """Give what preflight prints and keeps as evidence."""
        return {
            "rule": self.rule_id,
            "level": self.level.value,
            "kind": self.kind,
            "detail": self.detail,
            "satisfy": self.rule.satisfy,
            "waiver": self.rule.waiver.value,
            "source": str(self.rule.source),
            "source_url": self.rule.source.url,
            "uncertain": self.uncertain,
            "fixed": self.fixed,
            "until": self.until.isoformat() if self.until else None,
            "span": list(self.span) if self.span else None,
        }


@dataclass(frozen=True, slots=True)
class Pack:
    """
    The rules of one country or channel, in the order they are asked.

    Attributes:
        id: "kr", "in", "tw", "us", "whatsapp" or "default".
        name: for screens.
        countries: ISO 3166 codes it speaks for; empty for the pack of a channel and the default.
        rules: those about the text as written come before those that change it.
    """

    id: str
    name: str
    countries: frozenset[str]
    rules: Sequence[Rule]

    def check(
        self, situation: Situation, rules: Iterable[Rule], *, in_place: bool = False
    ) -> tuple[list[Verdict], Situation]:
        """
        Ask some of the pack's rules in order; also give the situation with every fix applied.

        Each rule sees the text as the fixes before it left it, so the last `fixed` contains them all, and a span
        counts in that text. Rules that report spans stand before rules that fix. `in_place` lets fixes be written
        into the situation that was given.
        """
        verdicts = []
        copied = in_place
        for rule in rules:
            for found in rule.look(situation):
                verdicts.append(
                    Verdict(
                        rule, found.level or rule.level, found.detail, found.fixed, found.until, found.span, found.kind
                    )
                )
                if found.fixed is None:
                    continue
                if copied:
                    situation.rewrite(found.fixed)
                else:
                    situation, copied = situation.with_text(found.fixed), True
        return verdicts, situation
