"""
Kaleyra's callbacks: reports under the names that the account's profile gives them, and messages from people.

Sources: developers.kaleyra.io, sms-callback, whatsapp-callback-url, create-callback-profile-for-incoming-whatsapp-
messages, create-sms-callback-profile-to-receive-incoming-sms-messages, template-status-update. All come as GET query,
form or JSON. Nothing is signed: the address and a static header are the proof.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.providers.contract import (
    CallbackEvent,
    CallbackResult,
    DeliveryEvent,
    Inbound,
    MessageKey,
    ProtocolError,
    TemplateChange,
    TemplateState,
)
from sendyard.providers.kaleyra.answers import whole_ref
from sendyard.providers.kaleyra.proof import REFERENCE_PARAMETER, check_proof
from sendyard.providers.kaleyra.reports import event, moment, price
from sendyard.providers.kaleyra.spec import KaleyraAccount, mapping_of
from sendyard.providers.wire import CallbackRequest, HttpResponse

_NOTED = HttpResponse(200)
_PLACEHOLDER = re.compile(r"^<[^<>]*>$")
"""A variable without a value comes back as it was written."""

_TEMPLATE_STATES: Mapping[str, TemplateState] = MappingProxyType(
    {
        "approved": TemplateState.APPROVED,
        "rejected": TemplateState.REJECTED,
        "disabled": TemplateState.DISABLED,
        "paused": TemplateState.PAUSED,
    }
)
# Kaleyra's word where it names no MIME type.
_TYPES = {"image": "image/jpeg", "video": "video/mp4", "voice": "audio/ogg", "audio": "audio/ogg"}

_object = msgspec.json.Decoder(dict[str, Any])


def read_callback(account: KaleyraAccount, request: CallbackRequest) -> CallbackResult:
    """Ask for the proof, if one is agreed on, then translate. Raises CallbackRejected or ProtocolError."""
    check_proof(account, request)
    return CallbackResult(_events(account, _parameters(request)), _NOTED)


def _parameters(request: CallbackRequest) -> dict[str, Any]:
    given: dict[str, Any] = dict(parse_qsl(request.query, keep_blank_values=True, errors="replace"))
    body = request.body.strip()
    if body[:1] == b"{":
        try:
            given |= _object.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            raise ProtocolError(f"expected a callback as JSON, found: {problem}") from None
    elif body:
        given |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return given


def _events(account: KaleyraAccount, given: Mapping[str, Any]) -> list[CallbackEvent]:
    if isinstance(given.get("messages"), list):
        return _raw(given)
    if _text(given, "message_template_name"):
        return [_template(given)]
    if _text(given, "source") and _text(given, "message"):
        return [_sms(given)]
    if _text(given, "from") and ("type" in given or "body" in given):
        return [_whatsapp(given, account.wa_number)]
    return [_report(account, given)]


def _report(account: KaleyraAccount, given: Mapping[str, Any]) -> DeliveryEvent:
    names = mapping_of(account.callback_mapping)
    told = {meaning: _PLACEHOLDER.sub("", _text(given, name)) for meaning, name in names.items()}
    reference = told.get("reference") or _text(given, REFERENCE_PARAMETER)
    ref = whole_ref(told["id"])
    if not told["status"] or not (ref or reference):
        raise ProtocolError(
            f"expected the parameters {names['id']} and {names['status']} of the account's callback profile, "
            f"found {', '.join(sorted(given))[:100] or 'none'}"
        )
    parts = told.get("parts", "")
    digits = told.get("recipient", "").lstrip("+ ")
    return event(
        MessageKey(reference, ref, f"+{digits}" if _is_number(digits) else ""),
        told["status"],
        told.get("details", ""),
        told.get("error", ""),
        at=moment(told.get("delivered_at", "")) or moment(told.get("sent_at", "")),
        parts=int(parts) if _is_number(parts) and len(parts) <= 3 and parts != "0" else None,
        cost=price(told.get("price", ""), account.currency),
    )


def _template(given: Mapping[str, Any]) -> TemplateChange:
    name, language, word = (
        _text(given, key) for key in ("message_template_name", "message_template_language", "event")
    )
    reason = _text(given, "reason")
    return TemplateChange(
        name=name,
        dedupe_key=f"{_text(given, 'id') or name}:{language}:{word}:{_text(given, 'time')}",
        language=language.replace("-", "_"),
        provider_ref=_text(given, "message_template_id"),
        state=_TEMPLATE_STATES.get(word.casefold(), TemplateState.UNMAPPED) if word else None,
        raw_state=word,
        reason="" if reason == "NONE" else reason,
        occurred_at=moment(_text(given, "time")),
    )


def _sms(given: Mapping[str, Any]) -> Inbound:
    """A text to our own number; its variables are those of the profile for incoming SMS."""
    sender = _text(given, "source")
    ref = _text(given, "kid") or _text(given, "id")
    text, at = _text(given, "message"), _text(given, "timestamp")
    return Inbound(
        sender=_e164(sender),
        recipient=_text(given, "recipient"),
        channel=Channel.SMS,
        content=Text(text),
        provider_ref=ref,
        dedupe_key=ref or _fingerprint(sender, at, text),
        occurred_at=moment(at),
    )


def _whatsapp(given: Mapping[str, Any], number: str) -> Inbound:
    sender, at = _text(given, "from"), _text(given, "created_at")
    body, url = _text(given, "body"), _text(given, "media_url")
    replied = _text(given, "reply_to")
    kind = _text(given, "type")
    content: Content = Text(body or _text(given, "location") or _text(given, "contacts"))
    if url:
        content_type = _text(given, "mime_type") or _TYPES.get(kind, "application/octet-stream")
        content = Media((MediaItem(content_type, url),), body)
    return Inbound(
        sender=_e164(sender),
        recipient=_text(given, "wanumber") or number,
        channel=Channel.WHATSAPP,
        content=content,
        provider_ref="",
        # Kaleyra gives no id of what comes in.
        dedupe_key=_fingerprint(sender, at, body or url or kind),
        in_reply_to=MessageKey(provider_ref=whole_ref(replied)) if replied else None,
        occurred_at=moment(at),
        profile_name=_text(given, "name"),
        choice=_text(given, "custom_response"),
    )


def _raw(given: Mapping[str, Any]) -> list[CallbackEvent]:
    """The older form, as WhatsApp's on-premise software told it: several messages, with ids."""
    people = given.get("contacts")
    names = {}
    for person in people if isinstance(people, list) else []:
        if isinstance(person, dict) and isinstance(profile := person.get("profile"), dict):
            names[_text(person, "wa_id")] = _text(profile, "name")
    found: list[CallbackEvent] = []
    for message in given["messages"]:
        if not isinstance(message, dict) or not _text(message, "from") or not _text(message, "id"):
            raise ProtocolError("expected messages with from and id, found one without")
        sender, kind = _text(message, "from"), _text(message, "type")
        part = message.get(kind)
        found.append(
            Inbound(
                sender=_e164(sender),
                recipient=_text(given, "wanumber"),
                channel=Channel.WHATSAPP,
                content=_raw_content(part if isinstance(part, dict) else {}),
                provider_ref=_text(message, "id"),
                dedupe_key=_text(message, "id"),
                occurred_at=moment(_text(message, "timestamp")),
                profile_name=names.get(sender, ""),
                choice=_text(part, "payload") if isinstance(part, dict) else "",
            )
        )
    return found


def _raw_content(part: Mapping[str, Any]) -> Content:
    if content_type := _text(part, "mime_type"):
        file = MediaItem(content_type, _text(part, "url"), _text(part, "id"), _text(part, "filename"))
        return Media((file,), _text(part, "caption"))
    return Text(_text(part, "body") or _text(part, "text"))


def _text(given: Mapping[str, Any], name: str) -> str:
    """A value as text; a variable that had none comes back as it was written, in angle brackets."""
    value = given.get(name)
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return "" if text == f"<{name}>" else text


def _e164(phone: str) -> str:
    digits = phone.lstrip("+ ")
    if not _is_number(digits):
        raise ProtocolError(f"expected the number of a person, found {phone[:20]!r}")
    return f"+{digits}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _fingerprint(*parts: str) -> str:
    return sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
