"""
What SleekFlow's Flow Builder calls: incoming messages, and echoes of our own (sheet, section 8).

Nothing is signed; the unguessable address was checked before, and a header of the customer's own may prove more. The
body is whatever the flow's node is set to, so three spellings are read: nested and flat with underscores, and
camelCase. What became of a message is never told.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec

from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.providers.contract import CallbackRejected, CallbackResult, Inbound, ProtocolError
from sendyard.providers.sleekflow.answers import moment
from sendyard.providers.sleekflow.spec import PROOF_HEADER, SleekFlowAccount
from sendyard.providers.wire import CallbackRequest, HttpResponse

_NOTED = HttpResponse(200)
_object = msgspec.json.Decoder(dict[str, Any])


def read_callback(account: SleekFlowAccount, request: CallbackRequest) -> CallbackResult:
    """Check the customer's own header where there is one, then translate. Raises CallbackRejected or ProtocolError."""
    secret = account.webhook_secret.get_secret_value() if account.webhook_secret else ""
    given = request.headers.get(PROOF_HEADER, "")
    if secret and not hmac.compare_digest(secret.encode(), given.encode("utf-8", "replace")):
        raise CallbackRejected(
            "the header X-Webhook-Secret is missing or not the account's; set it in the webhook node of the flow"
        )
    try:
        body = _object.decode(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected a JSON object from SleekFlow's Flow Builder, found: {problem}") from None
    sent_by_us = body.get("is_sent_from_sleekflow", body.get("isSentFromSleekflow", False))
    if sent_by_us is True or (isinstance(sent_by_us, str) and sent_by_us.lower() == "true"):
        return CallbackResult((), _NOTED)
    return CallbackResult((_inbound(body),), _NOTED)


def _inbound(body: Mapping[str, Any]) -> Inbound:
    message, contact = _part(body, "message"), _part(body, "contact")
    text = _word(message, "message_content", "messageContent") or _word(body, "message_content", "messageContent")
    conversation = _word(body, "conversation_id", "conversationId")
    if not conversation and not text:
        raise ProtocolError("expected message_content or conversation_id from SleekFlow's Flow Builder, found neither")
    number = _word(contact, "PhoneNumber", "phone_number", "phoneNumber") or _word(body, "from")
    digits = number.removeprefix("+")
    is_number = digits.isascii() and digits.isdecimal() and 8 <= len(digits) <= 15
    person = _word(contact, "id", "contact_id", "ContactId") or _word(body, "contact_id", "ContactId")
    when = _word(body, "message_timestamp", "createdAt", "timestamp")
    reference = _word(body, "message_unique_id", "messageUniqueID", "message_id", "id")
    if not reference:
        # The flat form has no id; the same words at the same time are the same message.
        said = f"{conversation}\x00{when}\x00{text}".encode("utf-8", "replace")
        reference = blake2b(said, digest_size=12).hexdigest()
    return Inbound(
        sender=f"+{digits}" if is_number else number or person or conversation,
        recipient=_word(body, "channel_id", "channelIdentityId"),
        channel=Channel.WHATSAPP,
        content=_content(body, message, text),
        provider_ref=reference,
        dedupe_key=f"in:{reference}",
        occurred_at=_moment(when),
        sender_kind=AddressKind.PHONE if is_number else AddressKind.WHATSAPP_ID,
        profile_name=_name(contact) or _name(body),
    )


def _content(body: Mapping[str, Any], message: Mapping[str, Any], text: str) -> Content:
    given = message.get("uploadedFiles", body.get("uploadedFiles"))
    files = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    items = tuple(
        MediaItem(
            _word(one, "mimeType") or "application/octet-stream", url=_word(one, "url"), filename=_word(one, "filename")
        )
        for one in files
        if _word(one, "url")
    )
    return Media(items, text) if items else Text(text)


def _name(found: Mapping[str, Any]) -> str:
    whole = _word(found, "name", "Name")
    return whole or " ".join(
        filter(None, (_word(found, "first_name", "firstName"), _word(found, "last_name", "lastName")))
    )


def _part(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = found.get(name)
    return part if isinstance(part, dict) else {}


def _word(found: Mapping[str, Any], *names: str) -> str:
    """The first of these that is there, numbers as text; "" for none."""
    values = (found.get(name) for name in names)
    return next(
        (str(one) for one in values if isinstance(one, str | int) and not isinstance(one, bool) and one != ""), ""
    )


def _moment(text: str) -> datetime | None:
    """ISO 8601, or seconds since 1970."""
    if text.isascii() and text.isdecimal():
        try:
            return datetime.fromtimestamp(int(text), UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return moment(text)
