"""
How Fast2SMS answers: JSON whose `return` decides, whatever the HTTP status; lists, strings and numbers mixed.

Source: sheet sections 3 to 5. A 5xx, or anything else than this JSON, settles nothing.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.contract import ProtocolError
from sendyard.providers.fast2sms.spec import SPEC
from sendyard.providers.wire import HttpResponse

SPAM_WAIT = 300.0
"""Seconds to leave a number alone after 995; Fast2SMS speaks of minutes."""

_Word = str | int | float | bool | None


class Answer(msgspec.Struct, rename={"returned": "return"}, kw_only=True):
    """What every answer may have; `success` is the `return` of the younger calls."""

    returned: _Word = None
    success: _Word = None
    status_code: str | int | None = None
    message: list[_Word] | str | None = None
    request_id: str | int | None = None
    wallet: str | int | float | None = None
    sms_count: str | int | float | None = None

    @property
    def says_yes(self) -> bool:
        """`true`, or the same as text; a missing word is a no."""
        return any(word is True or (isinstance(word, str) and word.lower() == "true") for word in self._words)

    @property
    def _words(self) -> tuple[_Word, _Word]:
        return self.returned, self.success

    @property
    def text(self) -> str:
        """`message`, whether one sentence or a list of them."""
        if isinstance(self.message, list):
            return " ".join(str(one) for one in self.message)
        return self.message or ""


class Row(msgspec.Struct, kw_only=True):
    """What became of one number."""

    mobile: str | int | None = None
    status: str | int | None = None
    status_description: str | None = None
    delivery_time: str | None = None


class Group(Row, kw_only=True):
    """The rows of one request, or itself a row."""

    delivery_status: list[Row] | str | None = None

    @property
    def rows(self) -> Sequence[Row]:
        """Its rows, wherever they stand."""
        if isinstance(self.delivery_status, list):
            return self.delivery_status
        return [self] if self.mobile is not None else []


class DeliveryLog(Answer, kw_only=True):
    """The answer of `/dlr`."""

    data: list[Group] | None = None


class Stored(msgspec.Struct, kw_only=True):
    """One template of the DLT Manager; its text has one of three names."""

    message_id: str | int | None = None
    template_name: str | None = None
    message: str | None = None
    template_body: str | None = None
    content: str | None = None

    @property
    def text(self) -> str:
        """The text as it stands there."""
        return self.message or self.template_body or self.content or ""


class Header(msgspec.Struct, kw_only=True):
    """One sender of the DLT Manager with its templates."""

    sender_id: str | None = None
    entity_id: str | int | None = None
    entity_name: str | None = None
    templates: list[Stored] | None = None


class Manager(Answer, kw_only=True):
    """The answer of `/dlt_manager`."""

    data: list[Header] | None = None


ANSWER = msgspec.json.Decoder(Answer)
DELIVERY_LOG = msgspec.json.Decoder(DeliveryLog)
MANAGER = msgspec.json.Decoder(Manager)

_Read = TypeVar("_Read", bound=Answer)


def read(decoder: "msgspec.json.Decoder[_Read]", response: HttpResponse) -> _Read:
    """
    Decode an answer that may be judged.

    Raises:
        ProtocolError: the server failed (5xx), or the body is not the documented JSON.
    """
    if response.status >= 500:
        raise ProtocolError(f"expected an answer of Fast2SMS, found HTTP {response.status}")
    try:
        return decoder.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"expected Fast2SMS's JSON, found HTTP {response.status}: {error}") from error


def refusal(answer: Answer, response: HttpResponse) -> ProviderError | None:
    """
    Fast2SMS's no, or None for its yes.

    Raises:
        ProtocolError: neither: a yes with a failing HTTP status, or a no that names nothing.
    """
    if answer.says_yes:
        if response.status != 200:
            raise ProtocolError(f"expected HTTP 200 with return true from Fast2SMS, found {response.status}")
        return None
    code = "" if answer.status_code is None else str(answer.status_code)[:20]
    if answer.request_id or not (code or answer.text or answer.returned is False or answer.success is False):
        raise ProtocolError("expected 'return' and 'status_code' or 'message' from Fast2SMS, found neither yes nor no")
    kind = SPEC.error_kind(code)
    wait = SPAM_WAIT if code == "995" else None
    return ProviderError(kind, code or "no_code", answer.text[:300], wait)


def throttled(response: HttpResponse) -> ProviderError | None:
    """HTTP 429, whatever its body; its waiting time counts when it is given in seconds."""
    if response.status != 429:
        return None
    given = response.headers.get("retry-after", "").strip()
    wait = float(given) if given.isascii() and given.isdigit() and len(given) < 6 else None
    return ProviderError(ErrorKind.THROTTLED, "http:429", "Too many requests", wait)


def amount(given: str | float | None) -> Decimal:
    """An amount of rupees. Raises ProtocolError when it is none."""
    text = str(given).strip()
    digits = text.removeprefix("-").replace(".", "", 1)
    if not (1 <= len(digits) <= 18 and digits.isascii() and digits.isdigit()):
        raise ProtocolError(f"expected rupees in 'wallet' from Fast2SMS, found {text[:30]!r}")
    return Decimal(text)
