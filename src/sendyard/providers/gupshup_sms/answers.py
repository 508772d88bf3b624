"""
What the gateway answers: HTTP 200 to everything, and in the body a yes or a no.

Source: docs.gupshup.io/docs/send-message-to-single-number. We ask for JSON; where the gateway falls back to its
text form, `success | 919876543210 | id` or `error | 102 | words`, that is read as well.
"""

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.contract import ProtocolError
from sendyard.providers.gupshup_sms.codes import CODES, NO_CREDIT, TOO_FAST
from sendyard.providers.gupshup_sms.spec import SPEC
from sendyard.providers.wire import HttpResponse

_LONGEST_WAIT = 86_400.0  # seconds; a longer Retry-After is a mistake of someone's


class Answer(msgspec.Struct, frozen=True):
    """A yes carries the message's id, a no its code in the same place."""

    status: str
    id: str | int
    details: str | None = None


class _Envelope(msgspec.Struct, frozen=True):
    response: Answer


_envelope = msgspec.json.Decoder(_Envelope)


def read_answer(body: bytes) -> Answer:
    """Read either form; of several lines the first. Raises ProtocolError."""
    if body.lstrip()[:1] == b"{":
        try:
            answer = _envelope.decode(body).response
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            raise ProtocolError(f"expected response with status and id as JSON, found: {problem}") from None
    else:
        line = body.decode("utf-8", "replace").strip().partition("\n")[0]
        status, second, third, *_ = [*(part.strip() for part in line.split("|")), "", ""]
        is_good = status.lower() == "success"
        answer = Answer(status, third if is_good else second, "" if is_good else third)
    if answer.status.lower() not in {"success", "error"} or answer.id == "":
        raise ProtocolError(f"expected success or error and an id, found {body[:60]!r}")
    return answer


def error_of(answer: Answer) -> ProviderError:
    """Class of a no; a code nobody published is unmapped, unless its text speaks of money."""
    code, details = str(answer.id), answer.details or ""
    if code not in CODES and any(word in details.lower() for word in ("credit", "balance")):
        code = NO_CREDIT
    known = CODES.get(code)
    kind = SPEC.error_kind(code)
    return ProviderError(kind, code, details or (known.wording if known else ""))


def http_error(response: HttpResponse) -> ProviderError | None:
    """A no told by the HTTP status alone; None where that status says nothing."""
    if response.status != 429:
        return None
    value = response.headers.get("retry-after", "").strip()
    wait = min(float(value), _LONGEST_WAIT) if value.isascii() and value.isdecimal() else None
    return ProviderError(ErrorKind.THROTTLED, TOO_FAST, CODES[TOO_FAST].wording, wait)
