"""
India: the finished text against its registered template, and the addresses and numbers inside it.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.dlt_matching import Match, match_template
from sendyard.domain.countries.dlt_template import DltTemplate, read_template
from sendyard.domain.countries.links import (
    PUBLIC_SHORTENERS,
    Found,
    find_numbers,
    find_urls,
    host_of,
    is_allowed_number,
    is_allowed_url,
    outside,
)
from sendyard.domain.countries.rules import Aspect, Finding, Level, Look, Rule, Source, Waiver
from sendyard.domain.countries.situation import Situation

_SMS = frozenset({Channel.SMS})
_TEMPLATES = Source("DLT template rules", "", "https://docs.aws.amazon.com/sms-voice")
_SCRUBBING = Source("DLT scrubbing code 633", "", "https://authkey.io/dlt-registration/dlt-error-codes")
_LENGTH = Source("DLT scrubbing code 635", "", "https://docs.aws.amazon.com/sns")
_TAGS = Source("TRAI direction on variable tagging", "", "", "2025-11-18")
_ADDRESSES = Source("TRAI direction on whitelisting of URLs", "", "https://kb.smsalert.co.in", "2024-10-01")

_VALUE_KINDS = frozenset({"variable_too_long", "variable_content", "variable_type", "variable_empty"})
_MANY_VARIABLES = 5


def _template(situation: Situation) -> DltTemplate | None:
    if situation.template is None or not situation.template.text:
        return None
    return read_template(
        situation.template.text,
        situation.template.tags,
        variable_limit=situation.options.india_variable_limit,
        alphanumeric_limit=situation.options.india_alphanumeric_limit,
    )


# Several rules look at the same comparison, one after the other.
_match = lru_cache(maxsize=256)(match_template)


def _compared(situation: Situation) -> Match | None:
    template = _template(situation)
    return _match(template, situation.text, explain=situation.explain) if template else None


def _look_match(situation: Situation) -> Iterator[Finding]:
    found = _compared(situation)
    for problem in found.problems if found else ():
        if problem.kind not in _VALUE_KINDS:
            yield Finding(
                f"The text differs from the approved template, and operators will refuse it. {problem.detail}",
                span=(problem.start, problem.end),
                kind=problem.kind,
            )


def _look_values(*kinds: str) -> Look:
    def look(situation: Situation) -> Iterator[Finding]:
        found = _compared(situation)
        for problem in found.problems if found else ():
            if problem.kind in kinds:
                level = Level.WARN if problem.kind == "variable_empty" else None
                yield Finding(problem.detail, level=level, span=(problem.start, problem.end), kind=problem.kind)

    return look


def _look_template_text(situation: Situation) -> Iterator[Finding]:
    template = _template(situation)
    if template is None:
        return
    for written in template.malformed():
        yield Finding(
            f"{written!r} is no placeholder; expected exactly {{#var#}} or a tag such as {{#numeric#}}. Copy the "
            "template as approved, or register it anew.",
            kind="placeholder",
        )
    fixed = "\0".join(template.statics)
    name = situation.sender.business.strip()
    if name and name.casefold() not in fixed.casefold():
        yield Finding(f"The brand {name!r} does not stand in the template; portals ask for it.", kind="brand")
    if any(char in fixed for char in "<>"):
        yield Finding("The template has an angle bracket; portals refuse it.", kind="bracket")
    if re.search(r" {2}", fixed):
        yield Finding("The template has two spaces in a row; portals refuse it in new templates.", kind="spaces")
    if template.variables > _MANY_VARIABLES:
        yield Finding(
            f"The template has {template.variables} variables; portals refuse too many. Use {_MANY_VARIABLES} or "
            "fewer.",
            kind="many",
        )
    if not template.slots and situation.purpose is not Purpose.PROMOTIONAL:
        yield Finding("A service or transactional template must contain a variable, found none.", kind="no_variable")


def _in_values(situation: Situation, found: tuple[Found, ...]) -> tuple[Found, ...]:
    """Keep what touches a variable: the fixed words were checked when the template was approved."""
    compared = _compared(situation)
    if compared is None or not (compared.values or compared.ok):
        return found
    return tuple(one for one in found if any(one.start < end and start < one.end for start, end in compared.values))


def _look_urls(situation: Situation) -> Iterator[Finding]:
    allowed = situation.allowed.urls
    for found in _in_values(situation, find_urls(situation.text)):
        span = (found.start, found.end)
        if allowed is not None and is_allowed_url(found.value, allowed):
            continue
        if _is_foreign_short(found.value, situation.sender.value):
            yield Finding(
                f"{found.value} is a public short address, which operators refuse. Use your own domain with the "
                f"header in the path, such as https://short.example/{situation.sender.value or 'HEADER'}/abc12.",
                span=span,
                kind="shortener",
            )
        elif allowed is None:
            yield Finding(
                f"Operators refuse addresses that are not whitelisted on the DLT portal; nobody has entered the list "
                f"here, so {found.value} is not checked. Enter the whitelist.",
                level=Level.WARN,
                span=span,
            )
        else:
            yield Finding(
                f"{found.value} is not on the whitelist. Whitelist it on the DLT portal and here, or remove it.",
                span=span,
            )


def _is_foreign_short(url: str, header: str) -> bool:
    if host_of(url) not in PUBLIC_SHORTENERS:
        return False
    return not header or header not in url.split("/")


def _look_numbers(situation: Situation) -> Iterator[Finding]:
    urls = [(one.start, one.end) for one in find_urls(situation.text)]
    numbers = outside(find_numbers(situation.text, "IN"), urls)
    allowed = situation.allowed.numbers
    if allowed is None:
        return
    for found in _in_values(situation, numbers):
        if not is_allowed_number(found.value, allowed, "IN"):
            yield Finding(
                f"{found.value} is not on the whitelist of callback numbers. Whitelist it on the DLT portal and "
                "here, or remove it.",
                level=Level.BLOCK if situation.options.india_block_numbers else Level.WARN,
                span=(found.start, found.end),
            )


def _rule(
    name: str,
    what: str,
    satisfy: str,
    look: Look,
    source: Source,
    *,
    level: Level = Level.BLOCK,
    uncertain: bool = False,
) -> Rule:
    return Rule(
        id=f"in.{name}",
        what=what,
        source=source,
        level=level,
        aspect=Aspect.CONTENT,
        satisfy=satisfy,
        waiver=Waiver.NOBODY if level is Level.BLOCK else Waiver.MANAGER,
        look=look,
        channels=_SMS,
        uncertain=uncertain,
    )


TEXT_RULES = (
    _rule(
        "template_match",
        "The text is the approved template, character for character; only variables vary.",
        "Write the words named exactly as approved.",
        _look_match,
        _SCRUBBING,
    ),
    _rule(
        "variable_length",
        "A value has at most 30 characters, 40 in a variable tagged alphanumeric.",
        "Shorten the value, or register two variables next to each other.",
        _look_values("variable_too_long"),
        _LENGTH,
    ),
    _rule(
        "variable_type",
        "A value suits the tag its variable is registered with.",
        "Give a value of that kind.",
        _look_values("variable_type"),
        _TAGS,
        uncertain=True,
    ),
    _rule(
        "variable_content",
        "A value is there and has no line end, angle bracket or placeholder in it.",
        "Give plain words.",
        _look_values("variable_content", "variable_empty"),
        _TEMPLATES,
    ),
    _rule(
        "template_text",
        "The registered text has placeholders portals take, the brand, and no angle brackets.",
        "Register the template anew.",
        _look_template_text,
        _TEMPLATES,
        level=Level.WARN,
        uncertain=True,
    ),
    _rule(
        "url_allow_list",
        "An address inside a variable is whitelisted on the DLT portal.",
        "Whitelist the address on the portal and enter it here.",
        _look_urls,
        _ADDRESSES,
    ),
    _rule(
        "number_allow_list",
        "A callback number inside a variable is whitelisted on the DLT portal.",
        "Whitelist the number on the portal and enter it here.",
        _look_numbers,
        _ADDRESSES,
        level=Level.WARN,
        uncertain=True,
    ),
)
