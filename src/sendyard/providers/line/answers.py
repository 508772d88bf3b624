"""
LINE's answers as values: what was sent, and why something was not.

Source: https://developers.line.biz/en/reference/messaging-api/#error-responses. There are no codes; of the 429s only
the sentence tells the used-up month from the used-up second.
"""

import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.contract import Accepted, Outgoing, ProtocolError, Receipt, Refused, Unknown
from sendyard.providers.line.spec import SPEC
from sendyard.providers.wire import HttpResponse

_LONGEST_WAIT = 86_400.0  # seconds; a longer Retry-After is a mistake of someone's
_REFUSING = frozenset({400, 401, 403, 404, 409, 410, 413, 415, 422, 429})
_RECIPIENT = re.compile(r"to\[([0-9]{1,3})\]")

T = TypeVar("T")


class _Sent(msgspec.Struct, frozen=True):
    id: str


class _Answer(msgspec.Struct, frozen=True):
    sent: list[_Sent] = msgspec.field(name="sentMessages", default_factory=list)
    message: str = ""


class _Detail(msgspec.Struct, frozen=True):
    message: str | None = None
    property: str | None = None


class _Error(msgspec.Struct, frozen=True):
    message: str | None = None
    details: list[_Detail] | None = None
    error: str | None = None  # of the sign-in, which answers as OAuth does
    description: str | None = msgspec.field(name="error_description", default=None)


_answer = msgspec.json.Decoder(_Answer)
_error = msgspec.json.Decoder(_Error)


def decode(decoder: msgspec.json.Decoder[T], response: HttpResponse, what: str) -> T:
    """Read a body. Raises ProtocolError that names `what` was expected."""
    try:
        return decoder.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected {what} as JSON with HTTP {response.status}, found: {problem}") from None


def receipts_of(batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
    """One receipt for each message of a call, which LINE answers as a whole. Raises ProtocolError."""
    status, headers = response.status, response.headers
    if status in {200, 202}:
        return _accepted(batch, response, headers.get("x-line-request-id", ""))
    if status == 409 and _is_repetition(response):
        return _accepted(batch, response, headers.get("x-line-accepted-request-id", ""))
    if status in _REFUSING:
        return _refused(batch, response)
    if status >= 400:
        reason = f"LINE answered HTTP {status}: {error_of(response).detail}"
        return [Unknown(outgoing.message_id, reason) for outgoing in batch]
    raise ProtocolError(f"expected HTTP 200, 202 or an error, found HTTP {status}")


def _accepted(batch: Sequence[Outgoing], response: HttpResponse, request_id: str) -> list[Receipt]:
    """The message's own id where there is one; people of a multicast share the id of the call."""
    sent = decode(_answer, response, "what was sent").sent
    reference = sent[0].id if sent and len(batch) == 1 else request_id
    # Whatever a call holds counts once for each person.
    return [Accepted(outgoing.message_id, reference, 1) for outgoing in batch]


def _is_repetition(response: HttpResponse) -> bool:
    if "x-line-accepted-request-id" in response.headers:
        return True
    return "already accepted" in error_of(response).detail.lower()


def _refused(batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
    error = error_of(response)
    if len(batch) == 1 or error.code != "invalid_to":
        return [Refused(outgoing.message_id, error) for outgoing in batch]
    # One bad id stops the whole call; the good ones must not be taken for bad.
    named = {int(place) for place in _RECIPIENT.findall(error.detail)}
    others = ProviderError(SPEC.error_kind("batch_refused"), "batch_refused", error.detail)
    return [Refused(outgoing.message_id, error if place in named else others) for place, outgoing in enumerate(batch)]


def error_of(response: HttpResponse, *, missing: str = "") -> ProviderError:
    """Read an answer with a status of 400 or more; `missing` is the code of a 404 that means "nobody"."""
    try:
        error = _error.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        error = _Error()
    status = response.status
    details = [f"{one.property or ''} {one.message or ''}".strip() for one in error.details or ()]
    words = [error.message or error.description or error.error or f"HTTP {status}", *filter(None, details)]
    detail = "; ".join(words)
    code = missing if missing and status == 404 else _code_of(status, error, detail.lower())
    kind = SPEC.error_kind(code)
    if kind is ErrorKind.UNMAPPED and status >= 500:
        kind = ErrorKind.UNAVAILABLE
    wait = _retry_after(response) if kind is ErrorKind.THROTTLED else None
    return ProviderError(kind, code, detail, wait)


def _code_of(status: int, error: _Error, detail: str) -> str:
    if error.error and status in {400, 401, 403}:
        return "invalid_client"
    if status == 429:
        return "monthly_limit" if "monthly limit" in detail else "rate_limit"
    if status != 400:
        return f"http:{status}"
    properties = [one.property or "" for one in error.details or ()]
    if "'to'" in detail or any(name == "to" or name.startswith("to[") for name in properties):
        return "invalid_to"
    if "failed to send" in detail:
        return "failed_to_send"
    return "invalid_reply_token" if "invalid reply token" in detail else "invalid_body"


def _retry_after(response: HttpResponse) -> float | None:
    """Seconds of `Retry-After`, which LINE does not document; its date form says nothing without a clock."""
    value = response.headers.get("retry-after", "").strip()
    return min(float(value), _LONGEST_WAIT) if value.isascii() and value.isdecimal() else None
