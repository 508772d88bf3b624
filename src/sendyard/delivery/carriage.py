"""
Which accounts can carry one content as it stands, and what it counts there.
"""

from collections.abc import Callable, Sequence
from dataclasses import field

from sendyard.delivery.copies import misfits
from sendyard.delivery.directory import Directory
from sendyard.delivery.fitting import foreseen
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Interactive, Media, TemplateRef, title_of
from sendyard.domain.korean import count_korean
from sendyard.domain.parts import count_gsm
from sendyard.domain.replacements import suggest_replacement
from sendyard.domain.values import dataclass
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.spec import Counting, TextRules

_TEXTED = frozenset({Channel.SMS, Channel.MMS})
_PRESSED = frozenset({Channel.WHATSAPP, Channel.LINE, Channel.RCS})


@dataclass(frozen=True, slots=True)
class Measure:
    """What a content counts at one provider; `units` as its encoding counts them."""

    encoding: str
    units: int
    parts: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Carriage:
    """
    The accounts that can carry a message, first choice first, and what it counts at the first.

    Without any, `problems` are those of the account that would have been first.
    """

    accounts: tuple[str, ...] = ()
    parts: int = 0
    encoding: str = ""
    problems: Sequence[Problem] = field(default_factory=tuple)


def carriage(
    directory: Directory,
    accounts: Sequence[str],
    outgoing: Callable[[str, str], Outgoing],
) -> Carriage:
    """
    Ask each account whether it can carry the message.

    Args:
        directory: what there is.
        accounts: ids in order of preference; at least one.
        outgoing: makes the message as one account would get it, given its provider and its own sender.
    """
    able: list[str] = []
    first: Measure | None = None
    refused: Sequence[Problem] = ()
    measured: dict[str, Measure] = {}
    made: dict[tuple[str, str], Outgoing] = {}
    for account_id in accounts:
        entry = directory.account(account_id)
        if entry is None:
            continue  # removed since the route was decided
        key = entry.provider, entry.sender
        message = made.get(key)
        if message is None:
            message = made[key] = outgoing(*key)
        measure = measured.get(entry.provider)
        if measure is None:
            rules = entry.adapter.text_rules(message.country)
            measure = measure_content(rules, message.channel, message.content)
            measured[entry.provider] = measure
        problems: Sequence[Problem] = measure.problems
        # The settings of an unreadable account are not known, so only the engine's rules can be applied.
        if not problems and not entry.unreadable:
            message, problems = foreseen(directory.public_url, entry, message)
        if not problems and not entry.unreadable:
            problems = entry.adapter.check(entry.settings, message)
            content = message.content
            if not problems and isinstance(content, TemplateRef) and (copies := directory.copies(account_id)):
                problems = misfits(copies, entry.adapter, message.channel, content)
        if problems:
            refused = refused or problems
            continue
        able.append(account_id)
        first = first or measure
    if first is None:
        return Carriage(problems=refused or _GONE)
    return Carriage(tuple(able), first.parts, first.encoding)


def measure_content(rules: TextRules, channel: Channel, content: Content) -> Measure:
    """Count a content as the provider does, and find what its text rules forbid. Only sms and mms have parts."""
    body = content.body
    if isinstance(content, Interactive) and channel not in _PRESSED:
        return Measure("", 0, 0, (_nothing_to_press(channel),))
    if channel not in _TEXTED:
        return Measure("UTF-8", len(body.encode("utf-8", "surrogatepass")), 1, _broken(rules, body, 0))
    media = isinstance(content, Media)
    if rules.counting is Counting.CP949:
        korean = count_korean(body, media=media, title=title_of(content))
        problems = _broken(rules, body, korean.bytes)
        if korean.unencodable:
            problems = (_not_korean(korean.unencodable), *problems)
        return Measure("CP949", korean.bytes, 1, problems)
    count = count_gsm(body)
    return Measure(
        count.encoding, count.units, 1 if channel is Channel.MMS else count.parts, _broken(rules, body, count.units)
    )


_GONE = (Problem("no_usable_account", "The accounts of the route were removed a moment ago; send the message again."),)


def _broken(rules: TextRules, body: str, size: int) -> tuple[Problem, ...]:
    if rules.max_characters and len(body) > rules.max_characters:
        return (_too_long(len(body), rules.max_characters, "characters"),)
    if rules.max_bytes and size > rules.max_bytes:
        return (_too_long(size, rules.max_bytes, "bytes"),)
    for sequence in rules.forbidden:
        if sequence in body:
            detail = f"The text contains {sequence!r}, which this provider cannot carry; leave it out."
            return (Problem("forbidden_sequence", detail),)
    return ()


def _too_long(found: int, limit: int, unit: str) -> Problem:
    return Problem("text_too_long", f"Expected at most {limit:,} {unit}, found {found:,}; shorten the text.")


def _nothing_to_press(channel: Channel) -> Problem:
    able = ", ".join(sorted(_PRESSED))
    return Problem("buttons_not_carried", f"Buttons and lists travel on {able}, found {channel}; send plain text.")


def _not_korean(chars: Sequence[str]) -> Problem:
    advice = []
    for char in chars[:5]:
        plain = suggest_replacement(char, "KR")
        advice.append(
            repr(char) if plain is None else f"{char!r} (write {plain!r})" if plain else f"{char!r} (leave out)"
        )
    more = f" and {len(chars) - 5} more" if len(chars) > 5 else ""
    detail = f"Korean carriers cannot show these characters: {', '.join(advice)}{more}; replace them."
    return Problem("characters_not_carried", detail)
