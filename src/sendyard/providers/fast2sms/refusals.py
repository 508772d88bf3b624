"""
What the emulated Fast2SMS refuses, by route, and how it says so (sheet sections 2 to 4).
"""

import re
from collections.abc import Mapping

import msgspec

from sendyard.domain.errors import ErrorKind
from sendyard.providers.emulation import Refusal
from sendyard.providers.fast2sms.codes import CODES
from sendyard.providers.fast2sms.wallet import SLOT, Customer, WalletState
from sendyard.providers.wire import HttpResponse

HEADERS = {"content-type": "application/json"}
OLD_ROUTES = frozenset({"p", "t", "v3", "qt"})
ROUTES = frozenset({"dlt", "dlt_manual", "otp", "q"})

OTHER_NUMBERS = frozenset(
    {
        ErrorKind.INVALID_RECIPIENT,
        ErrorKind.OPTED_OUT,
        ErrorKind.BLOCKED,
        ErrorKind.UNDELIVERABLE,
        ErrorKind.EXPIRED,
    }
)
"""Classes that are about a number and leave the others of its call alone."""

_QUICK_NUMBERS = 100
_ENCODE = msgspec.json.Encoder().encode
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
_NUMBER = re.compile(r"(?:\+?91)?([6-9][0-9]{9})")
_UNDESCRIBED = "777"
_REFUSALS = {
    ErrorKind.AUTH_FAILED: "412",
    ErrorKind.CONTENT_REJECTED: "407",
    ErrorKind.INVALID_RECIPIENT: "411",
    ErrorKind.NOT_REGISTERED: "406",
    ErrorKind.REGISTRY_REFUSED: "500",
    ErrorKind.OUT_OF_CREDIT: "416",
    ErrorKind.THROTTLED: "995",
    ErrorKind.UNSUPPORTED: "409",
    ErrorKind.UNMAPPED: _UNDESCRIBED,
}


class RefusedError(Exception):
    """The call gets this status_code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def refused(code: str, *, as_200: bool = False) -> HttpResponse:
    """`return` false with a code: HTTP 401 for what is wrong with the key, else 400."""
    known = CODES.get(code)
    status = 200 if as_200 else 401 if code in {"412", "413"} else 400
    said = {"return": False, "status_code": int(code), "message": known.wording if known else "Something went wrong"}
    return HttpResponse(status, HEADERS, _ENCODE(said))


def code_of(refusal: Refusal) -> str:
    """The status_code of a scenario's refusal; words of reports have none."""
    code = refusal.code or _REFUSALS.get(refusal.kind, "411")
    return code if code.isdigit() else _UNDESCRIBED


def numbers_of(given: str) -> list[str]:
    """Numbers in E.164. Raises RefusedError."""
    if not given:
        raise RefusedError("405")
    found = [_NUMBER.fullmatch(number.strip()) for number in given.split(",")]
    if not all(found):
        raise RefusedError("411")
    return [f"+91{number[1]}" for number in found if number]


def route_of(customer: Customer, given: Mapping[str, str]) -> str:
    """The route of a call. Raises RefusedError."""
    route = given.get("route", "")
    if not route:
        raise RefusedError("403")
    if route in OLD_ROUTES:
        raise RefusedError("990")
    if route not in ROUTES:
        raise RefusedError("408")
    if customer.refuse_with:
        raise RefusedError(customer.refuse_with)
    return route


def text_of(state: WalletState, customer: Customer, route: str, given: Mapping[str, str], numbers: int) -> str:
    """The text that handsets get. Raises RefusedError."""
    if route == "otp":
        return _otp(given)
    text = given.get("message", "")
    if not text:
        raise RefusedError("402")
    if any(word.lower() in text.lower() for word in customer.forbidden_words):
        raise RefusedError("407")
    if route == "q":
        return _quick(given, text, numbers)
    sender = given.get("sender_id", "")
    if not sender:
        raise RefusedError("401")
    if not 3 <= len(sender) <= 6 or not sender.isalnum() or (customer.senders and sender not in customer.senders):
        raise RefusedError("406")
    if route == "dlt":
        return _filled(customer, text, given.get("variables_values", ""))
    if not state.fits(text, customer):
        raise RefusedError("425")
    return text


def _otp(given: Mapping[str, str]) -> str:
    digits = given.get("variables_values", "")
    if not digits:
        raise RefusedError("402")
    if not (digits.isascii() and digits.isdigit()):
        raise RefusedError("997")
    return f"Your OTP: {digits}"


def _quick(given: Mapping[str, str], text: str, numbers: int) -> str:
    language = given.get("language", "")
    if not language:
        raise RefusedError("404")
    if language not in {"english", "unicode"}:
        raise RefusedError("410")
    if language == "english" and not text.isascii():
        raise RefusedError("417")
    if numbers > _QUICK_NUMBERS:
        raise RefusedError("998")
    return text


def _filled(customer: Customer, message_id: str, values: str) -> str:
    template = customer.templates.get(message_id)
    if template is None:
        raise RefusedError("424")
    pieces = template.split(SLOT)
    filled = values.split("|") if values else []
    if len(filled) != len(pieces) - 1:
        raise RefusedError("425")
    if not customer.links_allowed and any(map(_LINK.search, filled)):
        raise RefusedError("426")
    return "".join(piece + value for piece, value in zip(pieces, [*filled, ""], strict=True))
