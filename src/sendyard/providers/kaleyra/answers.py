"""
Kaleyra's answers as values. Little of their form is published, so they are read with tolerance and judged with care.

Sources: developers.kaleyra.io and nyaruka/courier. An accepted SMS is 202 with `data[0].message_id`, a WhatsApp of
version 1 has `id` alone, one of version 2 `code` WA200 and `data.message_id`; `error` that is not empty is a no,
even with 2xx, and maps fields to texts.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.contract import Accepted, ProtocolError, Receipt, Refused, Unknown
from sendyard.providers.kaleyra.codes import CODES, FIELD
from sendyard.providers.kaleyra.spec import SPEC
from sendyard.providers.wire import HttpResponse

T = TypeVar("T")

_LONGEST_WAIT = 86_400.0  # seconds; a longer Retry-After is a mistake of someone's
_GOOD = frozenset({"", "WA200", "200", "202"})
# A refused text can name the field in several ways.
_FIELD_NAMES = {
    "mobile": "to",
    "recipient": "to",
    "phone": "to",
    "sender_id": "sender",
    "templateid": "template_id",
    "template": "template_name",
    "media_url": "media",
}


class _Item(msgspec.Struct, frozen=True):
    message_id: str | None = None
    id: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """What any call answers; nearly everything may be missing."""

    id: str | None = None
    code: str | int | None = None
    message: str | None = None
    data: list[_Item] | _Item | None = None
    error: dict[str, Any] | list[Any] | str | None = None


class _Bare(msgspec.Struct, frozen=True):
    """The same without `data`, which a refusal fills in ways of its own."""

    code: str | int | None = None
    message: str | None = None
    error: dict[str, Any] | list[Any] | str | None = None


_answer = msgspec.json.Decoder(Answer)
_bare = msgspec.json.Decoder(_Bare)


def decode(decoder: msgspec.json.Decoder[T], body: bytes, what: str) -> T:
    """Read a body. Raises ProtocolError that names `what` was expected."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected {what} as JSON, found: {problem}") from None


def receipt(message_id: str, response: HttpResponse) -> Receipt:
    """Judge a submit. Raises ProtocolError."""
    if response.status >= 500 or response.status == 408:
        reason = f"Kaleyra answered HTTP {response.status}, which leaves open whether it took the message"
        return Unknown(message_id, reason)
    if error := refusal_of(response):
        return Refused(message_id, error)
    answer = decode(_answer, response.body, "an accepted message")
    if ref := _ref_of(answer):
        return Accepted(message_id, ref)
    raise ProtocolError(f"expected the id of an accepted message, found {response.body[:60]!r}")


def whole_ref(ref: str) -> str:
    """Give an id with the number of its recipient, which is the first where none is written."""
    return ref if ":" in ref or not ref else f"{ref}:0"


def refusal_of(response: HttpResponse) -> ProviderError | None:
    """
    Read a no; None where the answer is a yes.

    Raises:
        ProtocolError: a status of refusal without a word, or no JSON.
    """
    status = response.status
    speaks = status in {401, 402, 403, 429} or status >= 500
    try:
        answer = decode(_bare, response.body, f"Kaleyra's answer with HTTP {status}")
    except ProtocolError:
        if not speaks:
            raise
        answer = _Bare()
    code = "" if answer.code is None else str(answer.code)
    fields = _named(answer.error)
    if 200 <= status < 300 and code in _GOOD and not fields:
        return None
    if not speaks and not fields and code in _GOOD:
        raise ProtocolError(f"expected a code or an error with HTTP {status}, found neither")
    return _error(status, code, fields, answer.message or "", response)


def _error(status: int, code: str, fields: Mapping[str, str], message: str, response: HttpResponse) -> ProviderError:
    # Verify puts a code of its own into the error, everything else a text per field.
    candidates = [
        "" if code in _GOOD else code,
        fields.get("code", ""),
        f"http:{status}" if status in {401, 403, 429} else "",
    ]
    candidates += [f"{FIELD}{_FIELD_NAMES.get(name.lower(), name.lower())}" for name in fields]
    candidates.append(f"http:{status}")
    known = next((name for name in candidates if name in CODES), "")
    name = known or next(filter(None, candidates))
    kind = SPEC.error_kind(name)
    if not known and status >= 500:
        kind = ErrorKind.UNAVAILABLE
    said = fields.get("message") or ", ".join(f"{field}: {text}" for field, text in fields.items()) or message
    wait = _retry_after(response) if kind is ErrorKind.THROTTLED else None
    return ProviderError(kind, name, said or (CODES[name].wording if known else f"HTTP {status}"), wait)


def _named(error: dict[str, Any] | list[Any] | str | None) -> dict[str, str]:
    """Complaints by field; an empty object, list or text means that there is none."""
    if isinstance(error, dict):
        return {name: value if isinstance(value, str) else str(value) for name, value in error.items()}
    if isinstance(error, list):
        return {"error": str(error)} if error else {}
    return {"error": error} if error else {}


def _ref_of(answer: Answer) -> str:
    """`message_id` of the first recipient, its `id`, or that of the whole request."""
    items = answer.data if isinstance(answer.data, list) else [answer.data] if answer.data else []
    first = items[0] if items else _Item()
    return whole_ref(first.message_id or first.id or answer.id or "")


def _retry_after(response: HttpResponse) -> float | None:
    """Seconds of `Retry-After`; None for its date form, which says nothing without a clock."""
    value = response.headers.get("retry-after", "").strip()
    return min(float(value), _LONGEST_WAIT) if value.isascii() and value.isdecimal() else None
