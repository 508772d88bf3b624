"""
Twilio's JSON answers as values: the Message resource, its list, and the error envelope.

Source: https://www.twilio.com/docs/messaging/api/message-resource. Numbers of parts and prices are strings,
`error_code` is an integer or null, dates are RFC 2822.
"""

from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import DeliveryEvent, MessageKey, ProtocolError
from sendyard.providers.twilio.codes import STATUSES
from sendyard.providers.twilio.spec import SPEC, WHATSAPP_PREFIX
from sendyard.providers.wire import HttpResponse

_LONGEST_WAIT = 86_400.0  # seconds; a longer Retry-After is a mistake of someone's

_REPORTED = {word: code.meaning for word, code in STATUSES.items() if isinstance(code.meaning, ReportStatus)}
_BY_STATUS = {401: ErrorKind.AUTH_FAILED, 429: ErrorKind.THROTTLED}

T = TypeVar("T")


class Message(msgspec.Struct, frozen=True):
    """The Message resource, as far as we read it."""

    sid: str
    status: str
    to: str | None = None
    body: str | None = None
    direction: str | None = None
    num_segments: str | None = None
    price: str | None = None
    price_unit: str | None = None
    error_code: int | None = None
    error_message: str | None = None
    date_created: str | None = None
    date_updated: str | None = None


class MessagePage(msgspec.Struct, frozen=True):
    """One page of the list of messages."""

    messages: list[Message]
    next_page_uri: str | None = None


class Envelope(msgspec.Struct, frozen=True):
    """An error: Twilio's own form (`message`), or RFC 9457 of its newer services (`title`, `detail`)."""

    code: int | str | None = None
    message: str | None = None
    title: str | None = None
    detail: str | None = None


_message = msgspec.json.Decoder(Message)
_envelope = msgspec.json.Decoder(Envelope)


def decode(decoder: msgspec.json.Decoder[T], response: HttpResponse, what: str) -> T:
    """Read a body. Raises ProtocolError that names `what` was expected."""
    try:
        return decoder.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected {what} as JSON with HTTP {response.status}, found: {problem}") from None


def message_of(response: HttpResponse) -> Message:
    """Read one Message. Raises ProtocolError."""
    message = decode(_message, response, "a message")
    if not message.sid:
        raise ProtocolError("expected the message's sid, found an empty text")
    return message


def error_of(response: HttpResponse) -> ProviderError:
    """
    Read an answer with a status of 400 or more.

    Twilio asks to fall back on the HTTP status when a code is unknown; 401 and 429 are plain enough for that.

    Raises:
        ProtocolError: neither the envelope nor a status that speaks for itself.
    """
    try:
        envelope = decode(_envelope, response, "an error")
    except ProtocolError:
        if response.status not in {429, 401} and response.status < 500:
            raise
        envelope = Envelope()
    detail = envelope.message or envelope.detail or envelope.title or ""
    if envelope.code is None:
        if not detail and response.status not in {429, 401} and response.status < 500:
            raise ProtocolError(
                f"expected an error with a code or a message, found neither with HTTP {response.status}"
            )
        code = f"http:{response.status}"
    else:
        code = str(envelope.code)
    kind = SPEC.error_kind(code)
    if kind is ErrorKind.UNMAPPED or response.status == 429:
        kind = _BY_STATUS.get(response.status, ErrorKind.UNAVAILABLE if response.status >= 500 else kind)
    wait = _retry_after(response) if kind is ErrorKind.THROTTLED else None
    return ProviderError(kind, code, detail or f"HTTP {response.status}", wait)


def said(response: HttpResponse) -> str:
    """What an unwanted answer said, for a reason or an error message. Raises ProtocolError."""
    if response.status < 400:
        return f"HTTP {response.status}"
    error = error_of(response)
    return f"HTTP {response.status}, {error.code}: {error.detail}"


def _retry_after(response: HttpResponse) -> float | None:
    """Seconds of `Retry-After`; None for its date form, which says nothing without a clock."""
    value = response.headers.get("retry-after", "").strip()
    return min(float(value), _LONGEST_WAIT) if value.isascii() and value.isdecimal() else None


def plain_address(wire: str) -> str:
    """E.164 (or the person's id) of an address that may carry a channel prefix."""
    return wire.removeprefix(WHATSAPP_PREFIX)


def status_of(word: str) -> ReportStatus:
    """Our status of Twilio's word; `UNMAPPED` for one that is in no table."""
    return _REPORTED.get(word, ReportStatus.UNMAPPED)


def failure_of(word: str, code: str, detail: str) -> ProviderError:
    """Why a message with a failed status did not arrive; Twilio may leave the code out."""
    if code:
        known = SPEC.codes.get(code)
        return ProviderError(SPEC.error_kind(code), code, detail or (known.wording if known else ""))
    # Somebody stopped it at Twilio on purpose: nothing may be sent in its place.
    kind = ErrorKind.EXPIRED if word == "canceled" else ErrorKind.UNDELIVERABLE
    return ProviderError(kind, word, detail or STATUSES[word].wording)


def statement_key(sid: str, status: str, code: str) -> str:
    """Equal for repetitions of one statement, whether it came by callback or by poll."""
    return f"{sid}:{status}:{code}"


def event_of(message: Message, reference: str) -> DeliveryEvent:
    """What a fetched message says. Raises ProtocolError."""
    status = status_of(message.status)
    code = "" if message.error_code is None else str(message.error_code)
    return DeliveryEvent(
        key=MessageKey(reference, message.sid, plain_address(message.to or "")),
        status=status,
        raw_status=message.status,
        dedupe_key=statement_key(message.sid, message.status, code),
        error=failure_of(message.status, code, message.error_message or "") if status is ReportStatus.FAILED else None,
        occurred_at=date_of(message.date_updated) if message.date_updated else None,
        parts=parts_of(message),
        cost=cost_of(message),
    )


def parts_of(message: Message) -> int | None:
    """Billed parts; None while a Messaging Service has not counted (`"0"`), and for WhatsApp, which has none."""
    count = message.num_segments or ""
    if not (count.isascii() and count.isdecimal()) or (message.to or "").startswith(WHATSAPP_PREFIX):
        return None
    return int(count[:9]) or None


def cost_of(message: Message) -> Money | None:
    """What it cost; Twilio writes a charge as a negative decimal, and null until it is billed."""
    if message.price is None:
        return None
    return money_of(message.price, message.price_unit or "USD", absolute=True)


def money_of(text: str, currency: str, *, absolute: bool = False) -> Money:
    """Read a decimal string. Raises ProtocolError."""
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise ProtocolError(f'expected an amount such as "-0.00750", found {text[:40]!r}')
    return Money(abs(amount) if absolute else amount, currency)


def date_of(text: str) -> datetime:
    """Read an RFC 2822 date. Raises ProtocolError."""
    try:
        date = parsedate_to_datetime(text)
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        raise ProtocolError(f"expected a date such as Thu, 24 Aug 2023 05:01:45 +0000, found {text[:40]!r}") from None
