"""
MSG91's callbacks in all five shapes, which one address takes alike (sheet, section 8).

The oldest is a form whose field `data` holds a JSON array (v2), then a flat JSON object (v3), then an array of
`event` and `data` (v4), and the two of "Webhook (New)", whose body a person writes in MSG91's panel: "On Report
Received" and "On Request Received". None is signed.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec

from sendyard.providers.contract import DeliveryEvent, ProtocolError
from sendyard.providers.msg91.answers import word
from sendyard.providers.msg91.codes import REQUEST_RECEIVED
from sendyard.providers.msg91.reports import Said, event, first_of, given, moment
from sendyard.providers.wire import CallbackRequest

_JSON = msgspec.json.Decoder()
_FORM = "application/x-www-form-urlencoded"
_REQUEST_ONLY = frozenset({"msgData", "scheduleDateTime", "requestedAt"})
"""Fields that a request event may carry and that say nothing about delivery."""

_EXPANDED = 1000  # more recipients than one callback ever names


def read_callback(request: CallbackRequest) -> list[DeliveryEvent]:
    """Every statement of one callback. Raises ProtocolError."""
    return [event(said) for said in _statements(_decoded(request))]


def _decoded(request: CallbackRequest) -> list[Any]:
    body = request.body
    if request.headers.get("content-type", "").startswith(_FORM) or body.startswith(b"data="):
        fields = parse_qs(body.decode("utf-8", "replace"), errors="replace")
        if "data" not in fields:
            raise ProtocolError("expected the field 'data' in MSG91's form, found none")
        body = fields["data"][0].encode()
    try:
        value = _JSON.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ProtocolError(f"expected JSON from MSG91, found {wrong}") from wrong
    return value if isinstance(value, list) else [value]


def _statements(elements: list[Any]) -> Iterator[Said]:
    for element in elements:
        if not isinstance(element, dict):
            raise ProtocolError("expected JSON objects in MSG91's callback, found something else")
        if isinstance(reports := element.get("report"), list):
            for report in reports:
                yield _named(_flat({**element, **report} if isinstance(report, dict) else element))
        elif isinstance(entries := element.get("data"), list) and "event" in element:
            for entry in entries:
                yield _named(_numberless(word(element["event"]), entry))
        else:
            yield from (_named(_flat(row)) for row in _rows(element))


def _named(said: Said) -> Said:
    if not given(said.reference) and not (given(said.request_id) and said.number):
        raise ProtocolError("expected CRQID, or requestId and the number, in MSG91's callback, found neither")
    return said


def _rows(element: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row per recipient: values may be JSON arrays written as text, of one place each."""
    lists = {name: _array(value) for name, value in element.items()}
    longest = max((len(values) for values in lists.values()), default=1)
    for place in range(min(longest, _EXPANDED)):
        yield {name: values[place] if len(values) == longest else values[0] for name, values in lists.items() if values}


def _array(value: Any) -> list[Any]:
    if isinstance(value, str) and value.startswith("["):
        try:
            read = _JSON.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return [value]
        return read if isinstance(read, list) else [value]
    return value if isinstance(value, list) else [value]


def _flat(row: Mapping[str, Any]) -> Said:
    """v2, v3, and the recommended bodies of the new ones."""
    texts = {name: word(value) for name, value in row.items()}
    state = given(texts.get("status", ""))
    description = texts.get("desc", "")
    if not state and not description and any(name in row for name in _REQUEST_ONLY):
        state = REQUEST_RECEIVED
    reason = first_of(texts, "failureReason", "failedReason")
    return Said(
        reference=texts.get("CRQID", ""),
        request_id=texts.get("requestId", ""),
        number=first_of(texts, "telNum", "number", "mobile"),
        state=state,
        description=description,
        reason=given(reason),
        at=moment(
            first_of(texts, "date", "deliveryDate", "deliveryTime", "requestedAt"), texts.get("deliveryTime", "")
        ),
        credit=texts.get("credit", ""),
    )


def _numberless(happened: str, entry: Any) -> Said:
    """v4, which names a message by `meta` (our CRQID) alone and gives its time as seconds since 1970."""
    if not isinstance(entry, dict):
        raise ProtocolError("expected JSON objects in 'data' of MSG91's callback, found something else")
    description = word(entry.get("description"))
    seconds = entry.get("ts")
    at = None
    if isinstance(seconds, int | float) and not isinstance(seconds, bool):
        try:
            at = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            at = None
    reference = word(entry.get("meta")) or word(entry.get("CRQID"))
    return Said(reference=reference, state=happened, description=description, reason=description, at=at)
