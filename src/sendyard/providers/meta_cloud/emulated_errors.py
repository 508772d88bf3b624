"""
The error envelope as Meta writes it, with the HTTP statuses of the older error pages.
"""

import json
from collections.abc import Mapping
from typing import Any

from sendyard.domain.errors import ErrorKind
from sendyard.providers.meta_cloud.codes import CODES
from sendyard.providers.wire import HttpResponse

JSON_HEADERS: Mapping[str, str] = {"content-type": "application/json; charset=UTF-8"}

UNHEARD_OF = "139999"  # a code that is in no table
_STATUSES = {
    **dict.fromkeys(("0", "190", "104"), 401),
    **dict.fromkeys(("10", "200", "131005", "368", "131031", "130497"), 403),
    **dict.fromkeys(("3", "131045", "131000", "131057"), 500),
    **dict.fromkeys(("2", "131016", "133004"), 503),
    "132001": 404,
}

# Meta has no code of its own for some classes; the nearest one stands in.
CODE_OF: Mapping[ErrorKind, str] = {
    ErrorKind.THROTTLED: "130429",
    ErrorKind.UNAVAILABLE: "131016",
    ErrorKind.AUTH_FAILED: "190",
    ErrorKind.OUT_OF_CREDIT: "131042",
    ErrorKind.NOT_REGISTERED: "132001",
    ErrorKind.REGISTRY_REFUSED: "132001",
    ErrorKind.UNSUPPORTED: "130497",
    ErrorKind.INVALID_RECIPIENT: "131030",
    ErrorKind.OPTED_OUT: "131050",
    ErrorKind.BLOCKED: "131049",
    ErrorKind.CONTENT_REJECTED: "132007",
    ErrorKind.EXPIRED: "131026",
    ErrorKind.UNDELIVERABLE: "131026",
    ErrorKind.UNMAPPED: UNHEARD_OF,
}


class RefusedError(Exception):
    """Meta's no: a code (`code:subcode` for some) and what it says beyond the code's own wording."""

    def __init__(self, code: str, details: str = "") -> None:
        """Take the code as it stands in the table."""
        super().__init__(details)
        self.code = code
        self.details = details


def as_json(value: Any, status: int = 200) -> HttpResponse:
    """An answer."""
    return HttpResponse(status, JSON_HEADERS, json.dumps(value).encode())


def error_answer(code: str, details: str = "") -> HttpResponse:
    """The error envelope."""
    number, _, subcode = code.partition(":")
    known = CODES.get(code)
    wording = known.wording if known else "Unknown error"
    error: dict[str, Any] = {
        "message": f"(#{number}) {wording}",
        "type": "OAuthException",
        "code": int(number),
        "error_data": {"messaging_product": "whatsapp", "details": details or wording},
        "fbtrace_id": "AbCdEfGh123",
    }
    if subcode:
        error["error_subcode"] = int(subcode)
    return as_json({"error": error}, _STATUSES.get(number, 400))


def unknown_path(path: str) -> HttpResponse:
    """What is not documented does not exist."""
    message = f"Unknown path components: {path[:100]}"
    return as_json({"error": {"message": message, "type": "OAuthException", "code": 2500}}, 404)
