"""
SleekFlow's JSON answers as values: the message object, contacts, and refusals (sheet, sections 5 and 6).

The exact set of fields is documented nowhere that can be read, so everything is optional and ids may be numbers.
"""

from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending
from sendyard.providers.contract import (
    Accepted,
    DeliveryEvent,
    MessageKey,
    ProtocolError,
    Receipt,
    Refused,
    Unknown,
)
from sendyard.providers.sleekflow.codes import SENTENCES, STATUSES, failure, refusal, spelt
from sendyard.providers.sleekflow.messages import TAG
from sendyard.providers.wire import HttpResponse

_LONGEST_WAIT = 86_400.0  # seconds; a longer Retry-After is a mistake of someone's
_LONGEST_TEXT = 300
_BY_STATUS = {401: "auth", 403: "auth", 404: "wrong_address", 429: "rate_limit"}

T = TypeVar("T")


class Message(msgspec.Struct, frozen=True):
    """A message of a conversation, or a contact: lists of both are read with this."""

    id: str | int | None = None
    message_id: str | int | None = msgspec.field(default=None, name="messageId")
    unique_id: str | None = msgspec.field(default=None, name="messageUniqueID")
    conversation_id: str | None = msgspec.field(default=None, name="conversationId")
    status: str | None = None
    reason: str | None = msgspec.field(default=None, name="channelStatusMessage")
    tags: tuple[str, ...] | None = msgspec.field(default=None, name="analyticTags")
    updated_at: str | None = msgspec.field(default=None, name="updatedAt")
    phone_number: str | None = msgspec.field(default=None, name="phoneNumber")

    @property
    def identifier(self) -> str:
        """SleekFlow's id of it; "" without one."""
        found = self.message_id if self.id is None else self.id
        return "" if found is None else str(found)


class _Envelope(msgspec.Struct, frozen=True):
    message: str | None = None
    error: str | None = None


_message = msgspec.json.Decoder(Message)
_messages = msgspec.json.Decoder(list[Message])
_envelope = msgspec.json.Decoder(_Envelope)


def decode(decoder: msgspec.json.Decoder[T], response: HttpResponse, what: str) -> T:
    """Read a body. Raises ProtocolError that names `what` was expected."""
    try:
        return decoder.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected {what} as JSON with HTTP {response.status}, found: {problem}") from None


def error_of(response: HttpResponse) -> ProviderError:
    """Read an answer with a status of 400 or more: `message` or `error`, or the beginning of any text."""
    try:
        envelope = _envelope.decode(response.body)
        text = envelope.message or envelope.error or ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = response.body[:_LONGEST_TEXT].decode("utf-8", "replace")
    if response.status >= 500:
        detail = text[:_LONGEST_TEXT] or f"HTTP {response.status}"
        return ProviderError(ErrorKind.UNAVAILABLE, f"http:{response.status}", detail)
    if name := _BY_STATUS.get(response.status):
        kind = SENTENCES[name].meaning
        wait = _retry_after(response) if name == "rate_limit" else None
        detail = text[:_LONGEST_TEXT] or f"HTTP {response.status}"
        return ProviderError(kind if isinstance(kind, ErrorKind) else ErrorKind.UNMAPPED, name, detail, wait)
    return refusal(text, response.status)


def refusal_of(response: HttpResponse) -> ProviderError | None:
    """Why a question was not answered; None for an answer. Raises ProtocolError for a status below 200 or of 3xx."""
    if response.status >= 400:
        return error_of(response)
    if not 200 <= response.status < 300:
        raise ProtocolError(f"expected HTTP 200 or a refusal from SleekFlow, found HTTP {response.status}")
    return None


def receipt_of(message_id: str, response: HttpResponse) -> Receipt:
    """
    Judge the answer to a message; an accepted one is known by its conversation and its id there.

    Raises:
        ProtocolError: a 2xx that is no message object, or a status that SleekFlow does not have.
    """
    status = response.status
    if status >= 500 or status == 408:
        return Unknown(message_id, f"SleekFlow answered HTTP {status}, which leaves open whether it took the message")
    if (error := refusal_of(response)) is not None:
        return Refused(message_id, error)
    message = decode(_message, response, "a message")
    word = spelt(message.status or "")
    if word and isinstance(STATUSES[word].meaning, ErrorKind):
        return Refused(message_id, failure(word, message.reason or ""))
    if not message.identifier:
        return Unknown(message_id, "SleekFlow's answer has no message id, so it proves nothing")
    conversation = message.conversation_id
    return Accepted(message_id, f"{conversation}/{message.identifier}" if conversation else message.identifier)


def rows_of(response: HttpResponse) -> list[Message]:
    """Messages of a conversation, or contacts. Raises ProtocolError, also for a refusal."""
    error = refusal_of(response)
    if error is not None:
        raise ProtocolError(f"expected an array of SleekFlow's, found HTTP {response.status}: {error.detail}")
    return decode(_messages, response, "an array of messages or contacts")


def event_of(pending: Pending, rows: list[Message]) -> DeliveryEvent | None:
    """The present status of one attempt: found by id, else by our label. None where the conversation lacks it."""
    wanted, tag = pending.provider_ref.rpartition("/")[2], TAG + pending.reference
    message = next((row for row in rows if wanted and wanted in {row.identifier, row.unique_id}), None)
    message = message or next((row for row in rows if row.tags and tag in row.tags), None)
    if message is None or not message.status or message.status.lower() == "deleted":
        return None
    word = spelt(message.status)
    meaning = STATUSES[word].meaning if word else ReportStatus.UNMAPPED
    failed = isinstance(meaning, ErrorKind)
    return DeliveryEvent(
        key=MessageKey(pending.reference, pending.provider_ref, pending.to.value),
        status=ReportStatus.FAILED if isinstance(meaning, ErrorKind) else meaning,
        raw_status=message.status,
        dedupe_key=f"{message.identifier or pending.reference}:{word or message.status}",
        channel=Channel.WHATSAPP,
        error=failure(word, message.reason or "") if failed else None,
        occurred_at=moment(message.updated_at or ""),
    )


def moment(text: str) -> datetime | None:
    """An aware time of an ISO text, which is UTC where it names no zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _retry_after(response: HttpResponse) -> float | None:
    """Seconds of `Retry-After`; None for its date form, which says nothing without a clock."""
    value = response.headers.get("retry-after", "").strip()
    return min(float(value), _LONGEST_WAIT) if value.isascii() and value.isdecimal() else None
