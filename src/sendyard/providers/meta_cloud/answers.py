"""
Meta's JSON answers as values: the answer to a send, and the error envelope of every call.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes. Errors are
judged by `code`; Meta no longer publishes the HTTP statuses and advises against matching texts.
"""

from dataclasses import replace
from typing import TypeVar

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.contract import Accepted, Outgoing, ProtocolError, Receipt, Refused, Unknown
from sendyard.providers.meta_cloud.codes import PAIR_BASE
from sendyard.providers.meta_cloud.spec import SPEC
from sendyard.providers.meta_codes import PAIR_LIMIT, meta_error
from sendyard.providers.wire import HttpResponse

T = TypeVar("T")

_LONGEST_WAIT = 86_400.0  # seconds; a longer hint is a mistake of someone's
_USAGE_HEADERS = ("x-business-use-case-usage", "x-app-usage")
_REGAIN = "estimated_time_to_regain_access"
_TEMPLATE_PAUSED = "132015"
_WITHOUT_ANSWER = frozenset({"1"})  # "possible server error": says nothing about the message when the HTTP status does


class _Data(msgspec.Struct, frozen=True):
    details: str | None = None


class GraphError(msgspec.Struct, frozen=True):
    """What failed: `code` says it, the rest explains."""

    code: int | str | None = None
    message: str | None = None
    error_subcode: int | str | None = None
    error_data: _Data | str | None = None
    error_user_title: str | None = None
    error_user_msg: str | None = None


class _Envelope(msgspec.Struct, frozen=True):
    error: GraphError


class _Taken(msgspec.Struct, frozen=True):
    id: str
    message_status: str | None = None


class _Sent(msgspec.Struct, frozen=True):
    messages: list[_Taken]


_envelope = msgspec.json.Decoder(_Envelope)
_sent = msgspec.json.Decoder(_Sent)
_usage = msgspec.json.Decoder(dict[str, msgspec.Raw])
_uses = msgspec.json.Decoder(list[dict[str, object]])


def decode(decoder: msgspec.json.Decoder[T], body: bytes, what: str) -> T:
    """Read a body. Raises ProtocolError that names `what` was expected."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected {what} as JSON, found: {problem}") from None


def coded(code: str, detail: str, wait: float | None = None) -> ProviderError:
    """An error by its code, with the wait that Meta asks for after it unless a longer one is given."""
    error = meta_error(SPEC.codes, code, detail, wait)
    return error if error.detail else replace(error, detail=f"error {code}")


def error_of(response: HttpResponse) -> ProviderError:
    """Read an answer with a status of 400 or more. Raises ProtocolError when it is not the error envelope."""
    error = decode(_envelope, response.body, f"an error with HTTP {response.status}").error
    if error.code is None:
        raise ProtocolError(f"expected error.code with HTTP {response.status}, found none")
    code = str(error.code)
    exact = f"{code}:{error.error_subcode}"
    details = error.error_data.details if isinstance(error.error_data, _Data) else error.error_data
    detail = details or error.error_user_msg or error.error_user_title or error.message or ""
    return coded(exact if exact in SPEC.codes else code, detail, _wait(response))


def result_of(decoder: msgspec.json.Decoder[T], response: HttpResponse, what: str) -> T | ProviderError:
    """What a call brought, or why it failed. Raises ProtocolError."""
    if response.status == 200:
        return decode(decoder, response.body, what)
    if response.status >= 400:
        return error_of(response)
    raise ProtocolError(f"expected HTTP 200 or an error, found HTTP {response.status}")


def receipt_of(outgoing: Outgoing, response: HttpResponse) -> Receipt:
    """
    Judge the answer to one send.

    A documented code says that the message was not taken, whatever the HTTP status; without one, 500 and
    more say nothing. Raises ProtocolError.
    """
    status, message_id = response.status, outgoing.message_id
    if status == 200:
        taken = decode(_sent, response.body, "an accepted message").messages
        if len(taken) != 1 or not taken[0].id:
            raise ProtocolError(f"expected one id in messages, found {len(taken)} or an empty one")
        if taken[0].message_status == "paused":
            return Refused(message_id, coded(_TEMPLATE_PAUSED, "message_status is paused: not sent"))
        return Accepted(message_id, taken[0].id)
    if status < 400:
        raise ProtocolError(f"expected HTTP 200 or an error, found HTTP {status}")
    try:
        error = error_of(response)
    except ProtocolError:
        if status >= 500:
            return Unknown(message_id, f"Meta answered HTTP {status} without a code")
        raise
    if status >= 500 and (error.kind is ErrorKind.UNMAPPED or error.code in _WITHOUT_ANSWER):
        return Unknown(message_id, f"Meta answered HTTP {status}, {error.code}: {error.detail}")
    if error.code == PAIR_LIMIT:
        error = replace(error, retry_after=max(error.retry_after or 0, PAIR_BASE**outgoing.retries))
    return Refused(message_id, error)


def _wait(response: HttpResponse) -> float | None:
    """Seconds: `Retry-After`, or the minutes in a usage header until calls are allowed again; None without either."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return min(float(value), _LONGEST_WAIT)
    for name in _USAGE_HEADERS:
        if minutes := _minutes(response.headers.get(name, "")):
            return min(60.0 * minutes, _LONGEST_WAIT)
    return None


def _minutes(header: str) -> float:
    """The longest wait of a usage header: flat (`X-App-Usage`), or lists by business (`X-Business-Use-Case-Usage`)."""
    try:
        given = _usage.decode(header or "{}")
        found = [msgspec.json.decode(given[_REGAIN])] if _REGAIN in given else []
        for value in given.values():
            if bytes(value).startswith(b"["):
                found += [use.get(_REGAIN) for use in _uses.decode(value)]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return 0.0
    return max((float(one) for one in found if isinstance(one, int | float) and one < _LONGEST_WAIT), default=0.0)
