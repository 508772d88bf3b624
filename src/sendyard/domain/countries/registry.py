"""
All packs, and the one call that asks them.

```python
decision = decide(situation)                           # preflight, templates, console
decision.verdicts, decision.text, decision.outcome
decide(situation, AT_HAND_OVER, waived=campaign_waivers)   # inside the claim: consent and clock again
```
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries import default, india, korea, taiwan, united_states, whatsapp
from sendyard.domain.countries.rules import Aspect, Level, Pack, Rule, Verdict, Waiver
from sendyard.domain.countries.situation import Situation

PACKS: tuple[Pack, ...] = (korea.PACK, india.PACK, taiwan.PACK, united_states.PACK, whatsapp.PACK, default.PACK)
"""Every pack, in the order of the documentation."""

RULES: dict[str, Rule] = {rule.id: rule for pack in PACKS for rule in pack.rules}
"""Every rule by its id."""

EVERYTHING = frozenset(Aspect)
AT_HAND_OVER = frozenset({Aspect.CONSENT, Aspect.TIME})
"""What may have changed since preflight without anybody touching text or sender."""

_BY_COUNTRY = {country: pack for pack in PACKS for country in pack.countries}
_BY_CHANNEL = {Channel.WHATSAPP: whatsapp.PACK}
_STRENGTH = {Level.BLOCK: 0, Level.DEFER: 1, Level.FIX: 2, Level.WARN: 3}
_MOST_OPENINGS = 32
"""Rules of hours that exclude each other for ever are given up after so many steps."""


@dataclass(frozen=True, slots=True)
class Decision:
    """
    What the packs say of a situation.

    Attributes:
        verdicts: in the order asked; those waived are left out.
        text: what to send: the text with every fix applied.
        until: when deferred, the first moment at which every rule of hours is content; None when not deferred, or
            when rules of hours exclude each other for ever (then the message cannot go: treat it as blocked).
        waived: ids of rules that found something and were set aside.
    """

    verdicts: tuple[Verdict, ...]
    text: str
    until: datetime | None = None
    waived: tuple[str, ...] = ()

    @property
    def outcome(self) -> Level | None:
        """The strongest level found; None when there is nothing to say."""
        return min((one.level for one in self.verdicts), key=_STRENGTH.__getitem__, default=None)

    @property
    def blocks(self) -> tuple[Verdict, ...]:
        """What stops it."""
        return tuple(one for one in self.verdicts if one.level is Level.BLOCK)


def packs_for(country: str, channel: Channel) -> tuple[Pack, ...]:
    """Give the packs that speak for a country (ISO 3166, "" for none) and channel: the country's, or the default."""
    pack = _BY_COUNTRY.get(country, default.PACK)
    return (pack, _BY_CHANNEL[channel]) if channel in _BY_CHANNEL else (pack,)


def decide(
    situation: Situation,
    aspects: frozenset[Aspect] = EVERYTHING,
    *,
    waived: frozenset[str] | Iterable[str] = frozenset(),
    in_place: bool = False,
) -> Decision:
    """
    Ask every rule that concerns a situation.

    Args:
        situation: the facts; `at` must be aware.
        aspects: what to look at; `AT_HAND_OVER` is cheap and meant for the claim.
        waived: ids of rules set aside for this message or campaign. A rule nobody may waive is asked all the same.
        in_place: the situation is a copy nobody else reads, and fixes may be written into it.

    A fix that is waived is not applied. With `Aspect.TIME` among the aspects, `Decision.until` satisfies all rules
    of hours at once, which may be later than any single verdict's `until`.
    """
    chosen = waived if isinstance(waived, frozenset) else frozenset(waived)
    verdicts: list[Verdict] = []
    set_aside: list[str] = []
    text = situation
    for pack, rules in _rules_for(situation.country, situation.channel, situation.purpose, aspects):
        asked = [rule for rule in rules if not _is_waived(rule, chosen)] if chosen else rules
        found, text = pack.check(text, asked, in_place=in_place)
        verdicts += found
        if chosen:
            skipped = (rule for rule in rules if _is_waived(rule, chosen))
            set_aside += [rule.id for rule in skipped if any(True for _ in rule.look(text))]
    until = _until(text, verdicts, chosen) if any(one.until for one in verdicts) else None
    return Decision(tuple(verdicts), text.text, until, tuple(set_aside))


@lru_cache(maxsize=1024)
def concerning(country: str, channel: Channel, purpose: Purpose, category: str = "") -> tuple[Rule, ...]:
    """Give every rule that may have something to say of such messages; see `Rule.concerns`."""
    return tuple(
        rule for pack in packs_for(country, channel) for rule in pack.rules if rule.concerns(channel, purpose, category)
    )


def _is_waived(rule: Rule, waived: frozenset[str]) -> bool:
    return rule.id in waived and rule.waiver is not Waiver.NOBODY


@lru_cache(maxsize=1024)
def _rules_for(
    country: str, channel: Channel, purpose: Purpose, aspects: frozenset[Aspect]
) -> tuple[tuple[Pack, Sequence[Rule]], ...]:
    return tuple(
        (
            pack,
            tuple(
                rule
                for rule in pack.rules
                if channel in rule.channels and purpose in rule.purposes and rule.aspect in aspects
            ),
        )
        for pack in packs_for(country, channel)
    )


def _until(situation: Situation, verdicts: Sequence[Verdict], waived: frozenset[str]) -> datetime | None:
    """Step from opening to opening until no rule of hours defers any more."""
    clock_only = frozenset({Aspect.TIME})
    openings = [one.until for one in verdicts if one.until]
    moment = max(openings)
    for _ in range(_MOST_OPENINGS):
        later = situation.later(moment)
        openings = [
            found.until
            for _, rules in _rules_for(situation.country, situation.channel, situation.purpose, clock_only)
            for rule in rules
            if not _is_waived(rule, waived)
            for found in rule.look(later)
            if found.until
        ]
        if not openings:
            return moment
        moment = max(openings)
    return None
