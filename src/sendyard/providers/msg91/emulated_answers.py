"""
The forms in which the emulated MSG91 says yes and no.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from sendyard.domain.errors import ErrorKind
from sendyard.providers.emulation import EmulatedRequest, Refusal
from sendyard.providers.msg91.codes import BAD_MOBILE, CODES, TEMPLATE_UNKNOWN, THROTTLED
from sendyard.providers.wire import HttpResponse

INDIA = timezone(timedelta(hours=5, minutes=30))
_JSON = {"content-type": "application/json"}
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()

_ACCOUNT_CODES = frozenset({"105", "106", "201", "207", "208", "401", "418"})
"""What the gateway refuses with HTTP 401, before the call itself is looked at."""

_NOT_DOCUMENTED = "999"
_REFUSED_AS = {
    ErrorKind.AUTH_FAILED: "201",
    ErrorKind.INVALID_RECIPIENT: BAD_MOBILE,
    ErrorKind.NOT_REGISTERED: TEMPLATE_UNKNOWN,
    ErrorKind.OUT_OF_CREDIT: "301",
    ErrorKind.CONTENT_REJECTED: "310",
    ErrorKind.UNSUPPORTED: "107",
    ErrorKind.THROTTLED: THROTTLED,
    ErrorKind.BLOCKED: "17",
    ErrorKind.OPTED_OUT: "opt_out",
    ErrorKind.UNDELIVERABLE: "2",
    ErrorKind.EXPIRED: "EXPIRED",
}


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Any JSON."""
    return HttpResponse(status, {**_JSON, **(headers or {})}, _ENCODER.encode(value))


def text_answer(text: str) -> HttpResponse:
    """The plain text of the `.php` calls; always HTTP 200."""
    return HttpResponse(200, {"content-type": "text/plain; charset=UTF-8"}, text.encode())


def not_found() -> HttpResponse:
    """What MSG91 does not document."""
    return json_answer({"status": "fail", "hasError": True, "errors": "Not Found", "code": "404"}, 404)


def unauthorized(code: str) -> HttpResponse:
    """The gateway's no: `apiError` tells which."""
    shape = {"status": "fail", "hasError": True, "errors": "Unauthorized", "code": "401", "apiError": code}
    return json_answer(shape, 401)


def failure(words: str) -> HttpResponse:
    """A no in one sentence, with HTTP 200."""
    return json_answer({"type": "error", "message": words})


def refusal(code: str) -> HttpResponse:
    """The form in which a documented code is answered to a request."""
    known = CODES.get(code)
    words = known.wording if known else "Something went wrong"
    if code in _ACCOUNT_CODES:
        return unauthorized(code)
    if code == TEMPLATE_UNKNOWN:
        return json_answer({"type": "error", "message": words}, 400)
    return json_answer({"type": "error", "message": words, "code": code}, 429 if code == THROTTLED else 200)


def refusal_code(wanted: Refusal) -> str:
    """The code for a refusal that a scenario wants."""
    return wanted.code or _REFUSED_AS.get(wanted.kind, _NOT_DOCUMENTED)


def parameters(request: EmulatedRequest) -> dict[str, str]:
    """Query and JSON body together, as most calls take them either way; the body wins."""
    given = dict(parse_qsl(request.query, keep_blank_values=True, errors="replace"))
    body = body_of(request)
    return given | {name: value for name, value in body.items() if isinstance(value, str)}


def body_of(request: EmulatedRequest) -> dict[str, Any]:
    """The JSON object of a request; empty when it has none."""
    try:
        value = _DECODER.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def stamp(when: datetime) -> str:
    """India's time, without saying so."""
    return f"{when.astimezone(INDIA):%Y-%m-%d %H:%M:%S}"
