"""
Gupshup's answers as values: JSON under any content type.

Sources: docs.gupshup.io/reference/msg (`submitted`, `success`, `error`) and the Partner Portal's pages.
"""

from typing import TypeVar

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.contract import Accepted, ProtocolError, Receipt, Refused, Unknown
from sendyard.providers.gupshup_whatsapp.codes import code_of
from sendyard.providers.gupshup_whatsapp.spec import SPEC
from sendyard.providers.wire import HttpResponse

T = TypeVar("T")

_LONGEST_WAIT = 86_400.0  # seconds; a longer Retry-After is a mistake of someone's
_SPEAKING = {401: "authentication_failed", 429: "too_many_requests", 413: "file_too_large"}
_ACCEPTED = frozenset({"submitted", "success"})


class Answer(msgspec.Struct, frozen=True):
    """What every call answers; `message` is a text, in a few cases an object."""

    status: str | None = None
    messageId: str | None = None  # noqa: N815 - the name on the wire
    message: str | dict[str, object] | None = None


_answer = msgspec.json.Decoder(Answer)


def decode(decoder: msgspec.json.Decoder[T], body: bytes, what: str) -> T:
    """Read a body. Raises ProtocolError that names `what` was expected."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected {what} as JSON, found: {problem}") from None


def receipt(message_id: str, response: HttpResponse) -> Receipt:
    """
    Judge a submit: the body decides, because an error can come with HTTP 200 as well.

    Raises:
        ProtocolError: neither an acceptance with its id nor a refusal.
    """
    status = response.status
    if status >= 500 or status == 408:
        return Unknown(message_id, f"Gupshup answered HTTP {status}, which leaves open whether it took the message")
    if not 200 <= status < 300:
        return Refused(message_id, error_of(response))
    answer = decode(_answer, response.body, "status and messageId")
    if answer.status in _ACCEPTED and answer.messageId:
        return Accepted(message_id, answer.messageId)
    if answer.status == "error":
        return Refused(message_id, _error(answer, response))
    raise ProtocolError(f"expected a submitted message with its id, found status {answer.status!r}")


def error_of(response: HttpResponse) -> ProviderError:
    """
    Read a refusal; 401, 413 and 429 speak for themselves, other statuses only with Gupshup's envelope.

    Raises:
        ProtocolError: neither the envelope nor a status that speaks for itself.
    """
    try:
        answer = decode(_answer, response.body, f"an error with HTTP {response.status}")
    except ProtocolError:
        if response.status not in _SPEAKING and response.status < 500:
            raise
        answer = Answer()
    if answer.status != "error" and response.status not in _SPEAKING and response.status < 500:
        raise ProtocolError(f"expected status error with HTTP {response.status}, found {answer.status!r}")
    return _error(answer, response)


def _error(answer: Answer, response: HttpResponse) -> ProviderError:
    said = answer.message
    text = said if isinstance(said, str) else msgspec.json.encode(said).decode() if said else ""
    code = code_of(text)
    kind = SPEC.error_kind(code)
    speaking = _SPEAKING.get(response.status)
    if speaking and SPEC.error_kind(speaking) is not kind:
        code, kind = speaking, SPEC.error_kind(speaking)
    if not code:
        code = f"http:{response.status}"
        kind = ErrorKind.UNAVAILABLE if response.status >= 500 else ErrorKind.UNMAPPED
    wait = _retry_after(response) if kind is ErrorKind.THROTTLED else None
    return ProviderError(kind, code, text or f"HTTP {response.status}", wait)


def _retry_after(response: HttpResponse) -> float | None:
    """Seconds of `Retry-After`; None for its date form, which says nothing without a clock."""
    value = response.headers.get("retry-after", "").strip()
    return min(float(value), _LONGEST_WAIT) if value.isascii() and value.isdecimal() else None
