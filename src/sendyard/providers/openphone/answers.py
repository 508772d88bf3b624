"""
Quo's JSON answers as values: messages, their list, and errors in all three documented forms.

Sources: the OpenAPI files `openphone-public-api-v1-prod.json` and `openphone-public-api-2026-03-30-prod.json`. Live
answers also wrap an error as `{"error": {"message", "key", "trace"}}`.
"""

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import DeliveryEvent, MessageKey, ProtocolError
from sendyard.providers.openphone.codes import STATUSES
from sendyard.providers.openphone.spec import SPEC
from sendyard.providers.wire import HttpResponse

_LONGEST_WAIT = 86_400.0  # seconds; a longer Retry-After is a mistake of someone's
# Quo names no time for its daily cap. Asking again each hour costs next to nothing; each second would be rude.
_CAP_CODE, _CAP_WAIT = "0204403", 3600.0

# What the status alone says when there is no code, or one that is in no table.
_BY_STATUS = {
    400: ErrorKind.CONTENT_REJECTED,
    401: ErrorKind.AUTH_FAILED,
    402: ErrorKind.OUT_OF_CREDIT,
    404: ErrorKind.NOT_REGISTERED,
    409: ErrorKind.CONTENT_REJECTED,
    413: ErrorKind.CONTENT_REJECTED,
    422: ErrorKind.CONTENT_REJECTED,
    429: ErrorKind.THROTTLED,
}
REFUSING = frozenset({*_BY_STATUS, 403})
"""Statuses documented as "not taken"."""

_BY_PATH = {"to": "invalid_to", "from": "invalid_from", "content": "invalid_content"}

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
T = TypeVar("T")


class Message(msgspec.Struct, frozen=True):
    """A message as both API surfaces show it, as far as we read it."""

    id: str
    status: str = ""
    to: list[str] | str | None = None
    text: str | None = None
    direction: str | None = None
    created_at: Moment | None = msgspec.field(name="createdAt", default=None)
    updated_at: Moment | None = msgspec.field(name="updatedAt", default=None)


class _MessageAnswer(msgspec.Struct, frozen=True):
    data: Message


class MessagePage(msgspec.Struct, frozen=True):
    """A list of messages; v1 and the dated API name the next page differently."""

    data: list[Message]
    next_page_token: str | None = msgspec.field(name="nextPageToken", default=None)
    next_cursor: str | None = msgspec.field(name="nextCursor", default=None)


class _Fault(msgspec.Struct, frozen=True):
    path: str = ""
    message: str = ""


class _Error(msgspec.Struct, frozen=True):
    message: str | None = None
    code: str | int | None = None
    key: str | None = None
    title: str | None = None
    errors: list[_Fault] | None = None


class _Wrapped(msgspec.Struct, frozen=True):
    error: _Error | str | None = None


_message = msgspec.json.Decoder(_MessageAnswer)
_error = msgspec.json.Decoder(_Error)
_wrapped = msgspec.json.Decoder(_Wrapped)


def decode(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw, what: str) -> T:
    """Read JSON. Raises ProtocolError that names `what` was expected."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected {what} as JSON, found: {problem}") from None


def message_of(response: HttpResponse) -> Message:
    """Read `{"data": …}` with one message. Raises ProtocolError."""
    message = decode(_message, response.body, "a message").data
    if not message.id:
        raise ProtocolError("expected the message's id, found an empty text")
    return message


def error_of(response: HttpResponse) -> ProviderError:
    """
    Read an answer with a status of 400 or more, whatever its form; a body that is none leaves the status to speak.

    A code in our table decides; then the path of the first fault; then the HTTP status.
    """
    error = _error_in(response.body)
    faults = error.errors or []
    path = next((fault.path for fault in faults if fault.path), "")
    words = [error.title or "", error.message or "", *(f"{fault.path} {fault.message}".strip() for fault in faults)]
    detail = "; ".join(dict.fromkeys(filter(None, words))) or f"HTTP {response.status}"
    status, code = response.status, str(error.code or error.key or "")
    if code not in SPEC.codes:
        if named := status == 400 and _BY_PATH.get(path.strip("/").partition("/")[0]):
            code = named
        elif status == 403 and not code and "international" in detail.lower():
            code = "international_not_enabled"
    kind = SPEC.error_kind(code)
    if kind is ErrorKind.UNMAPPED or status == 429:
        kind = _BY_STATUS.get(status, ErrorKind.UNAVAILABLE if status >= 500 else kind)
    return ProviderError(kind, code or f"http:{status}", detail, _wait(response, kind, code))


def _error_in(body: bytes) -> _Error:
    try:
        wrapped = _wrapped.decode(body).error
        if isinstance(wrapped, _Error):
            return wrapped
        return _Error(message=wrapped) if wrapped else _error.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Error()


def _wait(response: HttpResponse, kind: ErrorKind, code: str) -> float | None:
    """Seconds of `Retry-After`, which Quo does not document; its date form says nothing without a clock."""
    if kind is not ErrorKind.THROTTLED:
        return None
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return min(float(value), _LONGEST_WAIT)
    return _CAP_WAIT if code == _CAP_CODE else None


def status_of(word: str) -> ReportStatus:
    """Our status of Quo's word; `UNMAPPED` for one that is in no table."""
    known = STATUSES.get(word)
    return known.meaning if known and isinstance(known.meaning, ReportStatus) else ReportStatus.UNMAPPED


def statement(key: MessageKey, word: str, error_code: str = "", occurred_at: datetime | None = None) -> DeliveryEvent:
    """
    One statement about one message.

    The same statement has the same key whether a webhook of either generation or a poll brought it; a poll knows no
    carrier code, so its failure is another statement.
    """
    status = status_of(word)
    error = None
    if status is ReportStatus.FAILED:
        known = SPEC.codes.get(error_code or word)
        kind = SPEC.error_kind(error_code) if error_code else ErrorKind.UNDELIVERABLE
        error = ProviderError(kind, error_code or word, known.wording if known else "")
    return DeliveryEvent(
        key=key,
        status=status,
        raw_status=word,
        dedupe_key=f"{key.provider_ref}:{word}:{error_code}",
        error=error,
        occurred_at=occurred_at,
    )
