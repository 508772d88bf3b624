"""
Delivery reports: a GET with one of them, or a POST with up to twenty.

Source: docs.gupshup.io/docs/real-time-delivery-reports. Nothing is signed; the address is the proof.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import DeliveryEvent, MessageKey, ProtocolError
from sendyard.providers.gupshup_sms.codes import BY_CAUSE, CODES, FAILURE, STATUSES
from sendyard.providers.gupshup_sms.spec import SPEC
from sendyard.providers.wire import CallbackRequest

Number = int | str


class _Event(msgspec.Struct, frozen=True):
    externalId: str  # noqa: N815 - the names on the wire
    eventType: str = ""  # noqa: N815
    eventTs: Number | None = None  # noqa: N815
    destAddr: Number | None = None  # noqa: N815
    cause: str | None = None
    errCode: Number | None = None  # noqa: N815
    noOfFrags: Number | None = None  # noqa: N815


class _Wrapped(msgspec.Struct, frozen=True):
    response: list[_Event]


_events = msgspec.json.Decoder(list[_Event])
_wrapped = msgspec.json.Decoder(_Wrapped)


def read_reports(request: CallbackRequest) -> list[DeliveryEvent]:
    """Read all reports of one callback. Raises ProtocolError."""
    # A GET whose parameters are posted instead has the same names, so what is there decides, not the method.
    query = dict(parse_qsl(request.query, keep_blank_values=True, errors="replace"))
    if "externalId" in query:
        return [_of_parameters(query)]
    body = request.body.strip()
    if body[:1] not in {b"[", b"{"}:
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if "externalId" in form:
            return [_of_parameters(form)]
        body = form.get("response", "").encode("utf-8", "replace")
    try:
        events = _wrapped.decode(body).response if body[:1] == b"{" else _events.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected externalId, or a list of events in response, found: {problem}") from None
    return [_of_event(event) for event in events]


def _of_parameters(given: Mapping[str, str]) -> DeliveryEvent:
    return _event(
        given["externalId"],
        given.get("status", ""),
        given.get("errCode", ""),
        given.get("cause", ""),
        given.get("phoneNo", ""),
        given.get("deliveredTS", ""),
        given.get("noOfFrags", ""),
    )


def _of_event(event: _Event) -> DeliveryEvent:
    numbers = (event.errCode, event.destAddr, event.eventTs, event.noOfFrags)
    code, phone, at, parts = ("" if number is None else str(number) for number in numbers)
    return _event(event.externalId, event.eventType, code, event.cause or "", phone, at, parts)


def _event(ref: str, word: str, code: str, cause: str, phone: str, at: str, parts: str) -> DeliveryEvent:
    if not ref:
        raise ProtocolError("expected an externalId in the report, found an empty one")
    # JSON numbers lose the zeros in front.
    name = (code.zfill(3) if _is_number(code) else code) or BY_CAUSE.get(cause, "")
    status = STATUSES.get(word.upper(), ReportStatus.UNMAPPED)
    error = _failure(name, cause) if status is ReportStatus.FAILED else None
    return DeliveryEvent(
        key=MessageKey(provider_ref=ref, recipient=f"+{phone.lstrip('+')}" if _is_number(phone.lstrip("+")) else ""),
        status=status,
        raw_status=word,
        dedupe_key=f"{ref}:{status}:{error.code if error else ''}",
        error=error,
        occurred_at=_moment(at),
        parts=int(parts) if _is_number(parts) and len(parts) <= 3 else None,
    )


def _failure(code: str, cause: str) -> ProviderError:
    """Why it failed; a failure cannot carry the code of a success."""
    if CODES.get(code) is CODES["000"] or not code:
        code = FAILURE
    known = CODES.get(code)
    kind = SPEC.error_kind(code) if known else ErrorKind.UNMAPPED
    return ProviderError(kind, code, cause or (known.wording if known else ""))


def _moment(text: str) -> datetime | None:
    """Milliseconds since 1970."""
    return datetime.fromtimestamp(int(text) / 1000, UTC) if _is_number(text) and len(text) <= 14 else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()
