"""
Gupshup's webhooks of version 2: reports, inbound messages, opt-ins, templates and the account.

Sources: docs.gupshup.io/docs/message-events, /inbound-messages, /webhook-key-points, /types-of-payload. Nothing is
signed; order is not promised; `gsId` is our message's id and is left out after about a week, when only WhatsApp's
own `id` remains.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.domain.errors import ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import (
    AccountNotice,
    CallbackEvent,
    DeliveryEvent,
    Inbound,
    MessageKey,
    ProtocolError,
    TemplateChange,
)
from sendyard.providers.gupshup_whatsapp.answers import decode
from sendyard.providers.gupshup_whatsapp.codes import STATUSES
from sendyard.providers.gupshup_whatsapp.spec import SPEC
from sendyard.providers.meta_codes import meta_error
from sendyard.providers.whatsapp_templates import state_of

_MILLISECONDS = 100_000_000_000
"""A larger number of seconds would be after the year 5000, so it counts milliseconds."""

Number = int | str


class Envelope(msgspec.Struct, frozen=True):
    """What every webhook of version 2 is wrapped in."""

    type: str
    app: str | None = None
    timestamp: Number | None = None
    payload: msgspec.Raw = msgspec.Raw(b"{}")


class _Detail(msgspec.Struct, frozen=True):
    ts: Number | None = None
    whatsappMessageId: str | None = None  # noqa: N815 - the name on the wire
    code: Number | None = None
    reason: str | None = None


class _Report(msgspec.Struct, frozen=True):
    type: str
    id: str | None = None
    gsId: str | None = None  # noqa: N815 - the name on the wire
    destination: str | None = None
    payload: _Detail | None = None


class _Context(msgspec.Struct, frozen=True):
    id: str | None = None
    gsId: str | None = None  # noqa: N815 - the name on the wire


class _Sender(msgspec.Struct, frozen=True):
    phone: str | None = None
    name: str | None = None


class _Inbound(msgspec.Struct, frozen=True):
    id: str
    type: str
    source: str | None = None
    payload: dict[str, Any] | None = None
    sender: _Sender | None = None
    context: _Context | None = None


class _User(msgspec.Struct, frozen=True):
    phone: str | None = None
    type: str | None = None


class _Template(msgspec.Struct, frozen=True):
    id: str | None = None
    elementName: str | None = None  # noqa: N815 - the name on the wire
    languageCode: str | None = None  # noqa: N815 - the name on the wire
    status: str | None = None
    category: str | None = None
    rejectedReason: str | None = None  # noqa: N815 - the name on the wire


_report = msgspec.json.Decoder(_Report)
_inbound = msgspec.json.Decoder(_Inbound)
_user = msgspec.json.Decoder(_User)
_template = msgspec.json.Decoder(_Template)
_facts: msgspec.json.Decoder[Mapping[str, Any]] = msgspec.json.Decoder(dict[str, Any])


def events_of(envelope: Envelope, source: str) -> list[CallbackEvent]:
    """
    Translate one webhook; `source` is our business number, which version 2 does not repeat.

    Raises:
        ProtocolError: the payload is not that of its type.
    """
    at = moment(envelope.timestamp)
    body = bytes(envelope.payload)
    match envelope.type:
        case "message-event":
            return [_reported(decode(_report, body, "a message event"), at)]
        case "message":
            return [_received(decode(_inbound, body, "an inbound message"), source, at)]
        case "user-event":
            return _preference(decode(_user, body, "a user event"), source, envelope.timestamp, at)
        case "template-event":
            return [_changed(decode(_template, body, "a template event"), envelope.timestamp, at)]
        case "billing-event":
            # One comes for each message and says what it was charged as, without an amount.
            return []
        case _:
            return [notice(envelope.type, decode(_facts, body, "an object"), str(envelope.timestamp or ""), at)]


def moment(given: Number | None) -> datetime | None:
    """Read a time, in seconds or milliseconds; None for what is none."""
    text = "" if given is None else str(given)
    if not (text.isascii() and text.isdecimal() and len(text) <= 13):
        return None
    number = int(text)
    return datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS else number, UTC)


def e164(phone: str | None) -> str:
    """Write a number with its plus; "" for what is no number."""
    digits = (phone or "").removeprefix("+")
    return f"+{digits}" if digits.isascii() and digits.isdecimal() else ""


def failure(code: Number | None, reason: str | None) -> ProviderError:
    """Say why a message failed; without a code the word itself stands for it."""
    text = "failed" if code is None or code == "" else str(code)
    return meta_error(SPEC.codes, text, reason or "")


def word_event(key: MessageKey, word: str, error: ProviderError | None, at: datetime | None) -> DeliveryEvent:
    """State what one word says about one message; `error` counts only where the word is a failure."""
    status = STATUSES.get(word, ReportStatus.UNMAPPED)
    failed = error if status is ReportStatus.FAILED else None
    return DeliveryEvent(
        key=key,
        status=status,
        raw_status=word,
        dedupe_key=f"{key.provider_ref}:{word}:{failed.code if failed else ''}",
        error=failed,
        occurred_at=at,
    )


def _reported(report: _Report, at: datetime | None) -> DeliveryEvent:
    known = report.gsId or report.id
    if not known:
        raise ProtocolError("expected gsId or id in a message event, found neither")
    detail = report.payload or _Detail()
    # The first event has Gupshup's id alone and says which is WhatsApp's; the later ones turn it round.
    other = detail.whatsappMessageId if report.id == known else report.id
    key = MessageKey(provider_ref=known, recipient=e164(report.destination), other_ref=other or "")
    return word_event(key, report.type, failure(detail.code, detail.reason), moment(detail.ts) or at)


def _received(message: _Inbound, source: str, at: datetime | None) -> Inbound:
    person = message.sender or _Sender()
    sender = e164(person.phone or message.source)
    if not message.id or not sender:
        raise ProtocolError("expected id and source in an inbound message, found one of them missing")
    given = message.payload or {}
    replied = (message.context.gsId or message.context.id) if message.context else None
    if message.type == "reaction":
        replied = _text(given, "gsId") or _text(given, "id")
    return Inbound(
        sender=sender,
        recipient=source,
        channel=Channel.WHATSAPP,
        content=_content(message.type, given),
        provider_ref=message.id,
        dedupe_key=message.id,
        in_reply_to=MessageKey(provider_ref=replied) if replied else None,
        occurred_at=at,
        profile_name=person.name or "",
        choice=_choice(message.type, given),
    )


def _content(kind: str, given: Mapping[str, Any]) -> Content:
    if url := _text(given, "url"):
        content_type = _text(given, "contentType") or "application/octet-stream"
        return Media((MediaItem(content_type, url, filename=_text(given, "name")),), _text(given, "caption"))
    if kind == "location":
        return Text(", ".join(filter(None, (_text(given, name) for name in ("name", "latitude", "longitude")))))
    if kind == "contact":
        return Text(", ".join(contact_names(given.get("contacts"))))
    return Text(_text(given, "text") or _text(given, "title") or _text(given, "emoji"))


def _choice(kind: str, given: Mapping[str, Any]) -> str:
    """What we put into `postbackText` comes back there; older webhooks have it in `id` only."""
    if kind not in {"button_reply", "list_reply", "quick_reply"}:
        return ""
    return _text(given, "postbackText") or _text(given, "id") or _text(given, "text")


def contact_names(contacts: Any) -> list[str]:
    """Give the names on shared contact cards."""
    cards = contacts if isinstance(contacts, list) else []
    names = [card.get("name") for card in cards if isinstance(card, dict)]
    return [_text(name, "formatted_name") for name in names if isinstance(name, dict)]


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return str(value) if isinstance(value, str | int | float) else ""


def preference(sender: str, source: str, word: str, key: str, at: datetime | None) -> Inbound:
    """Say that somebody opted in or out at Gupshup or in WhatsApp itself; `word` begins with `opted-`."""
    return Inbound(
        sender=sender,
        recipient=source,
        channel=Channel.WHATSAPP,
        content=Text(word),
        provider_ref="",
        dedupe_key=f"{sender}:{word}:{key}",
        occurred_at=at,
        opt_out=word == "opted-out",
    )


def _preference(user: _User, source: str, key: Number | None, at: datetime | None) -> list[CallbackEvent]:
    """`sandbox-start` and the like only test the address, or concern nobody."""
    if user.type not in {"opted-in", "opted-out"}:
        return []
    if not (sender := e164(user.phone)):
        raise ProtocolError("expected a phone in a user event, found none")
    return [preference(sender, source, user.type, str(key or ""), at)]


def _changed(template: _Template, key: Number | None, at: datetime | None) -> TemplateChange:
    known = template.id or template.elementName
    if not known:
        raise ProtocolError("expected id or elementName in a template event, found neither")
    word = template.status or ""
    return TemplateChange(
        name=known,
        dedupe_key=f"{known}:{template.languageCode}:{word}:{key}",
        language=template.languageCode or "",
        provider_ref=template.elementName or "",
        state=state_of(word) if word else None,
        raw_state=word,
        category=template.category or "",
        reason=template.rejectedReason or "",
        occurred_at=at,
    )


def notice(subject: str, payload: Mapping[str, Any], key: str, at: datetime | None) -> AccountNotice:
    """Pass on what Gupshup says about the account, with all its plain values as facts."""
    facts = dict(plain(payload))
    told = ", ".join(f"{name} {value}" for name, value in facts.items())
    return AccountNotice(
        subject=subject,
        detail=f"Gupshup reports {subject}: {told}." if told else f"Gupshup reports {subject}.",
        dedupe_key=f"{subject}:{key}:{told}",
        facts=facts,
        occurred_at=at,
    )


def plain(payload: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Flatten the payload and objects in it into dotted names; lists, nulls and what lies deeper are left out."""
    found: list[tuple[str, str]] = []
    for name, value in payload.items():
        if isinstance(value, dict) and not prefix:
            found += plain(value, f"{name}.")
        elif isinstance(value, str | int | float):
            found.append((f"{prefix}{name}", str(value)))
    return found
