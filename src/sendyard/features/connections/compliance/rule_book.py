"""
The rules of every country and channel as data: for lists, pages and programs.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.registry import PACKS, RULES, packs_for
from sendyard.domain.countries.rules import Aspect, Level, Pack, Rule, Waiver
from sendyard.domain.errors import FieldError, Invalid, NotFound


def rule_book(
    *,
    country: str = "",
    channel: Channel | None = None,
    purpose: Purpose | None = None,
    level: Level | None = None,
    aspect: Aspect | None = None,
    waivable: bool | None = None,
    pack: str = "",
) -> list[dict[str, Any]]:
    """
    Give every rule, or those a message would be asked: by country (ISO 3166; one without a pack of its own has the
    default's), channel, purpose, level, what they look at, whether a person may set them aside, and pack.

    Raises:
        Invalid: there is no such pack, or the country is no code of two letters.
    """
    place = country.strip().upper()
    if place and not (len(place) == 2 and place.isascii() and place.isalpha()):
        detail = f"Expected a country code of two letters such as TW, found {country!r:.50}."
        raise Invalid("bad_country", detail, errors=[FieldError("country", "bad_country", detail)])
    known = [one.id for one in PACKS]
    if pack and pack not in known:
        detail = f"Expected one of {', '.join(known)}, found {pack!r:.50}."
        raise Invalid("unknown_pack", detail, errors=[FieldError("pack", "unknown_pack", detail)])
    return [
        document_of(one, rule)
        for one in _packs(place, channel)
        if pack in {"", one.id}
        for rule in one.rules
        if (channel is None or channel in rule.channels)
        and (purpose is None or purpose in rule.purposes)
        and level in {None, rule.level}
        and aspect in {None, rule.aspect}
        and waivable in {None, rule.waiver is not Waiver.NOBODY}
    ]


def rule_of(rule_id: str) -> dict[str, Any]:
    """Give one rule. Raises NotFound."""
    rule = require_rule(rule_id)
    return document_of(next(pack for pack in PACKS if rule in pack.rules), rule)


def require_rule(rule_id: str) -> Rule:
    """Find a rule. Raises NotFound."""
    rule = RULES.get(rule_id)
    if rule is None:
        raise NotFound(
            "unknown_rule", f"There is no rule {rule_id!r:.60}; `sendyard rules list` shows those there are."
        )
    return rule


def document_of(pack: Pack, rule: Rule) -> dict[str, Any]:
    """One rule as data; without countries it holds wherever no other pack speaks, or for its channel."""
    source = rule.source
    return {
        "id": rule.id,
        "pack": pack.id,
        "pack_name": pack.name,
        "countries": sorted(pack.countries),
        "channels": _ordered(rule.channels, Channel),
        "purposes": _ordered(rule.purposes, Purpose),
        "what": rule.what,
        "why": str(source),
        "sources": [{"title": source.title, "section": source.section, "url": source.url, "date": source.date}],
        "certainty": "uncertain" if rule.uncertain else "sourced",
        "level": rule.level.value,
        "aspect": rule.aspect.value,
        "satisfy": rule.satisfy,
        "waiver": rule.waiver.value,
        "how_to_waive": _how_to_waive(rule),
    }


def _how_to_waive(rule: Rule) -> str:
    if rule.waiver is Waiver.NOBODY:
        return "Nobody may set it aside."
    who = "An owner" if rule.waiver is Waiver.OWNER else "A manager or an owner"
    return (
        f"{who} may set it aside with a name and a reason that are recorded: "
        f"`sendyard compliance waivers add {rule.id}` or POST /compliance/waivers."
    )


def _packs(country: str, channel: Channel | None) -> Sequence[Pack]:
    if not country:
        return PACKS if channel is None else _spoken(channel)
    chosen = packs_for(country, channel or Channel.WHATSAPP)
    return [one for one in PACKS if one in chosen]


@cache
def _spoken(channel: Channel) -> tuple[Pack, ...]:
    """Packs of countries, and that of the channel where it has one."""
    own = packs_for("", channel)
    return tuple(one for one in PACKS if one.countries or one in own)


def _ordered(chosen: frozenset[Any], kind: type[Channel] | type[Purpose]) -> list[str]:
    return [one.value for one in kind if one in chosen]
