"""
How Interakt answers: 201 with an id is acceptance, 202 for contacts, and 429 has no `result`.

Source: https://documenter.getpostman.com/view/14760594/2sA2r7zibM; the words of a 400 are documented nowhere.
"""

import math
from typing import TypeVar

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.contract import Accepted, ProtocolError, Receipt, Refused, Unknown
from sendyard.providers.interakt.codes import name_of
from sendyard.providers.interakt.spec import SPEC
from sendyard.providers.wire import HttpResponse

_LONGEST_WAIT = 3600.0  # seconds

T = TypeVar("T")


class Said(msgspec.Struct):
    """The envelope of every answer."""

    result: bool | None = None
    message: str | None = None
    id: str | None = None


_said = msgspec.json.Decoder(Said)

# Statuses that say that nothing was done; with any other the fate of the request is open.
_REFUSING = frozenset({400, 401, 403, 404, 429})


def decode(decoder: "msgspec.json.Decoder[T]", response: HttpResponse, what: str) -> T:
    """Read a body. Raises ProtocolError that names `what` was expected."""
    try:
        return decoder.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(
            f"expected {what} from Interakt as JSON, found HTTP {response.status} with {problem}"
        ) from None


def receipt_of(message_id: str, response: HttpResponse) -> Receipt:
    """Read the answer to one send. Raises ProtocolError."""
    if response.status not in {200, 201}:
        if error := error_of(response):
            return Refused(message_id, error)
        reason = f"Interakt answered HTTP {response.status}, which leaves open whether it took the message"
        return Unknown(message_id, reason)
    said = decode(_said, response, "an answer to a send")
    if said.result is None:
        raise ProtocolError(f"expected result from Interakt, found {response.body[:80]!r}")
    if not said.result:
        return Refused(message_id, refusal(said.message or ""))
    if not said.id:
        return Refused(message_id, _error("no_id", said.message or ""))
    return Accepted(message_id, said.id)


def error_of(response: HttpResponse) -> ProviderError | None:
    """Judge by HTTP status: None for one that leaves open whether Interakt acted."""
    status = response.status
    if status not in _REFUSING:
        return None
    words = _words_of(response)
    code = f"http:{status}"
    if status == 429:
        return ProviderError(ErrorKind.THROTTLED, code, words or SPEC.codes[code].wording, _retry_after(response))
    return refusal(words) if status == 400 and words else _error(code, words)


def refusal(words: str) -> ProviderError:
    """Class one sentence."""
    return _error(name_of(words), words)


def envelope(response: HttpResponse) -> Said:
    """The envelope of a call that sends nothing. Raises ProtocolError."""
    return decode(_said, response, "result and message")


def _error(code: str, words: str) -> ProviderError:
    return ProviderError(SPEC.error_kind(code), code, words or SPEC.codes[code].wording)


def _words_of(response: HttpResponse) -> str:
    try:
        return _said.decode(response.body).message or ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return response.body[:200].decode("utf-8", "replace").strip()


def _retry_after(response: HttpResponse) -> float | None:
    """Seconds of a `Retry-After` header, at most an hour; None when absent or unusable."""
    try:
        seconds = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return min(seconds, _LONGEST_WAIT) if math.isfinite(seconds) and seconds >= 0 else None
