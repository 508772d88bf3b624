"""
How the emulated 2Factor speaks: successes, sentences of refusal, and the numbers it understands.
"""

import re

import msgspec

from sendyard.providers.emulation import Handled
from sendyard.providers.twofactor.codes import SENTENCES
from sendyard.providers.wire import HttpResponse

UNDESCRIBED = "Something Went Wrong"
"""What it says where no sentence of the sheet fits."""

NOT_FOUND = Handled(HttpResponse(404, {"content-type": "text/html"}, b"<h1>Not Found</h1>"))

_HEADERS = {"content-type": "application/json"}
_NUMBER = re.compile(r"(?:\+?91)?([6-9][0-9]{9})")
_ENCODE = msgspec.json.Encoder().encode


class RefusedError(Exception):
    """The request gets this code's sentence."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def success(details: str, **more: str) -> HttpResponse:
    """`Status` Success with `Details`."""
    return HttpResponse(200, _HEADERS, _ENCODE({"Status": "Success", "Details": details, **more}))


def error(code: str, status: int = 400) -> HttpResponse:
    """`Status` Error with the sentence of a code, or with the code itself when it is none of ours."""
    known = SENTENCES.get(code)
    return HttpResponse(status, _HEADERS, _ENCODE({"Status": "Error", "Details": known.wording if known else code}))


def number_of(given: str) -> str:
    """An Indian mobile number in E.164: ten digits, with or without 91. Raises RefusedError."""
    found = _NUMBER.fullmatch(given.strip())
    if found is None:
        raise RefusedError("invalid_phone")
    return f"+91{found[1]}"
