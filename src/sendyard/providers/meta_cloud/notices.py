"""
What Meta says of templates and of the account itself: the other webhook fields.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference.
"""

from collections.abc import Iterator
from hashlib import blake2b

import msgspec

from sendyard.providers.contract import AccountNotice, ProtocolError, TemplateChange
from sendyard.providers.meta_cloud.answers import decode
from sendyard.providers.meta_cloud.catalog import language_of
from sendyard.providers.meta_cloud.numbers import limit_of
from sendyard.providers.meta_cloud.wording import Fault, moment_of
from sendyard.providers.whatsapp_templates import state_of

_MOST_FACTS = 40
_LONGEST_FACT = 500
_LIMITS = frozenset({"current_limit", "old_limit", "max_daily_conversations_per_business"})
# Warnings that leave a template as it was.
_WARNINGS = frozenset({"FLAGGED", "LOCKED"})
_SENTENCES = {
    "phone_number_quality_update": "The quality, messaging limit or speed of a phone number changed",
    "business_capability_update": "The messaging limit of the business portfolio, or what it may own, changed",
    "account_update": "Meta changed the WhatsApp Business Account",
    "account_alerts": "Meta raised an alarm about the account",
    "phone_number_name_update": "The display name of a phone number was reviewed",
    "security": "A security setting of a phone number changed",
}


class _About(msgspec.Struct, frozen=True):
    title: str | None = None
    description: str | None = None


class _Rejection(msgspec.Struct, frozen=True):
    reason: str | None = None
    recommendation: str | None = None


class _Template(msgspec.Struct, frozen=True):
    message_template_name: str
    message_template_id: int | str = ""
    message_template_language: str = ""
    message_template_category: str | None = None
    event: str | None = None
    reason: str | None = None
    other_info: _About | None = None
    rejection_info: _Rejection | None = None
    new_quality_score: str | None = None
    new_category: str | None = None
    correct_category: str | None = None


_template = msgspec.json.Decoder(_Template)
_object = msgspec.json.Decoder(dict[str, object])


def template_change(field: str, raw: bytes, time: int | str | None) -> TemplateChange:
    """A template was judged, paused, moved to another category or rated. Raises ProtocolError."""
    given = decode(_template, raw, f"the value of {field}")
    if not given.message_template_name:
        raise ProtocolError(f"expected message_template_name in {field}, found an empty text")
    event = given.event or ""
    state = None if not event or event in _WARNINGS else state_of(event)
    said = event or given.new_quality_score or given.new_category or given.correct_category
    return TemplateChange(
        name=given.message_template_name,
        dedupe_key=f"{field}:{given.message_template_id}:{given.message_template_language}:{said}:{time}",
        language=language_of(given.message_template_language),
        provider_ref=str(given.message_template_id),
        state=state,
        raw_state=event,
        # `correct_category` is what Meta will move it to: until then it stays in its category.
        category=given.new_category or given.message_template_category or "",
        quality=given.new_quality_score or "",
        reason=_reason(given),
        occurred_at=moment_of(time),
    )


def _reason(given: _Template) -> str:
    words: list[str | None] = [given.reason if given.reason and given.reason != "NONE" else ""]
    if about := given.other_info:
        words += [about.title, about.description]
    if rejection := given.rejection_info:
        words += [rejection.reason, rejection.recommendation]
    if given.correct_category:
        words.append(f"will be moved to {given.correct_category}")
    return "; ".join(dict.fromkeys(filter(None, words)))


def error_notice(fault: Fault, time: int | str | None) -> AccountNotice:
    """A fault that belongs to no message."""
    return AccountNotice(
        subject="error",
        detail=f"Meta reports the error {fault.code}: {fault.words or 'without words'}",
        dedupe_key=f"error:{fault.code}:{time}",
        facts={"code": str(fault.code)},
        occurred_at=moment_of(time),
    )


def account_notice(field: str, raw: bytes, time: int | str | None) -> AccountNotice:
    """Anything else, with its values as facts; a field that is new to us as well. Raises ProtocolError."""
    value = decode(_object, raw, f"the value of {field}")
    facts = dict(pair for _, pair in zip(range(_MOST_FACTS), _flat("", value), strict=False))
    facts |= {name: limit_of(facts[name]) for name in _LIMITS & facts.keys()}
    event = facts.get("event", "")
    return AccountNotice(
        subject=field,
        detail=f"{_SENTENCES.get(field, f'Meta says {field}')}{f': {event}' if event else ''}.",
        dedupe_key=f"{field}:{_identity(event, facts, raw, time)}",
        facts=facts,
        occurred_at=moment_of(time),
    )


def _identity(event: str, facts: dict[str, str], raw: bytes, time: int | str | None) -> str:
    if event == "VOLUME_BASED_PRICING_TIER_UPDATE":
        # Meta sends these more than once, with different times; only what they say counts.
        named = sorted((name, value) for name, value in facts.items() if not name.endswith("tier_update_time"))
        raw, time = repr(named).encode(), ""
    return f"{event}:{blake2b(raw, digest_size=12).hexdigest()}:{time or ''}"


def _flat(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    """Names joined with dots; lists are numbered from 0."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _flat(f"{prefix}.{index}", inner)
    elif value is not None:
        words = str(value).lower() if isinstance(value, bool) else str(value)
        yield prefix, words[:_LONGEST_FACT]
