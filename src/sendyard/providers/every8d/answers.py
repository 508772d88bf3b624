"""
How Every8d writes its answers: one CSV line, the same line inside JSON, or a negative code with a text.

HTTP is 200 for everything. Source: specification 2.2; the bare code without a text is from production.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.providers.contract import ProtocolError
from sendyard.providers.every8d.codes import CODES
from sendyard.providers.every8d.spec import SPEC
from sendyard.providers.wire import HttpResponse

TAIPEI = timezone(timedelta(hours=8), "Asia/Taipei")
"""Every time of Every8d's stands in this zone; Taiwan has no summer time."""

_ERROR = re.compile(r"(-[0-9]{1,6})(?:\s*[,，]\s*(.*))?", re.DOTALL)
_POINTS = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?")
_COUNT = re.compile(r"[0-9]{1,9}(?:\.0{1,6})?")
_WAIT = re.compile("[0-9]{1,9}")
_STAMP = re.compile("[0-9]{14}")
_AROUND = " \t\r\n\ufeff"
_NOT_DIGITS = re.compile(r"[-/: ]")

Scalar = str | int | float | None
"""A value that stands as text in the samples, and as a number in what some platforms answer."""


class _Result(msgspec.Struct):
    """An answer to a call that takes JSON."""

    Result: bool | str
    Msg: str = ""
    Status: Scalar = ""


_decode_result = msgspec.json.Decoder(_Result).decode


@dataclass(frozen=True, slots=True)
class Sent:
    """What one send brought: counts and one batch id for all of it; `filtered` numbers had the text before."""

    sent: int
    cost: Money | None
    unsent: int  # for lack of credit
    batch_id: str
    filtered: str = ""
    filtered_batch: str = ""


def read_sent(response: HttpResponse) -> Sent | ProviderError:
    """Read the HTTP 200 answer of any send. Raises ProtocolError."""
    line = _line(response)
    if isinstance(line, ProviderError):
        return line
    fields = [field.strip() for field in line.split(",")]
    if len(fields) < 5 or not _COUNT.fullmatch(fields[1]) or not _COUNT.fullmatch(fields[3]):
        raise ProtocolError(f"expected CREDIT,SENDED,COST,UNSEND,BATCHID from Every8d, found {line[:60]!r}")
    filtered, filtered_batch = (fields[5], fields[6]) if len(fields) > 6 else ("", "")
    if not fields[4] and not filtered:
        raise ProtocolError(f"expected a batch id from Every8d, found {line[:60]!r}")
    sent, unsent = int(fields[1].partition(".")[0]), int(fields[3].partition(".")[0])
    return Sent(sent, points(fields[2]), unsent, fields[4], filtered, filtered_batch)


def read_credit(response: HttpResponse) -> Money | ProviderError:
    """Read the HTTP 200 answer of GetCredit. Raises ProtocolError."""
    line = _line(response)
    if isinstance(line, ProviderError):
        return line
    found = points(line)
    if found is None:
        raise ProtocolError(f"expected the credit as a number from GetCredit, found {line[:60]!r}")
    return found


def read_login(response: HttpResponse) -> str | ProviderError:
    """Read the HTTP 200 answer of ConnectionHandler: the token. Raises ProtocolError."""
    line = _line(response)
    if line:
        return line
    raise ProtocolError("expected a token from ConnectionHandler, found none")


def http_error(response: HttpResponse) -> ProviderError:
    """The no of something before Every8d's application, which itself answers 200 to everything."""
    kind = ErrorKind.THROTTLED if response.status == 429 else ErrorKind.UNAVAILABLE
    given = response.headers.get("retry-after", "").strip()
    wait = float(given) if _WAIT.fullmatch(given) else None
    return ProviderError(kind, f"http:{response.status}", f"HTTP {response.status}", wait)


def decoded(raw: bytes) -> str:
    """UTF-8, else Big5: which of them is not stated; codes and counts are ASCII and survive a wrong guess."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp950", "replace")


def provider_error(code: str, words: str = "") -> ProviderError:
    """Every8d's no: class and code, with its words or else those of the specification."""
    known = CODES.get(code)
    return ProviderError(SPEC.error_kind(code), code, words or (known.wording if known else ""))


def error_in(line: str) -> ProviderError | None:
    """The refusal that a line is, if it is one: `<code>,<text>` or the code alone."""
    found = _ERROR.fullmatch(line)
    return provider_error(found[1], (found[2] or "").strip()) if found else None


@lru_cache(maxsize=256)
def points(text: str) -> Money | None:
    """Points as money, or None for what is no number."""
    return Money(Decimal(text), "XPT") if _POINTS.fullmatch(text) else None


def moment(text: str) -> datetime | None:
    """An aware time (UTC) from any of the spellings in use, or None: a report without time is still one."""
    digits = _NOT_DIGITS.sub("", text)
    if not _STAMP.fullmatch(digits):
        return None
    try:
        return datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}").replace(tzinfo=TAIPEI).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _line(response: HttpResponse) -> str | ProviderError:
    """What was answered, out of its JSON where it stands in one; a refusal as an error. Raises ProtocolError."""
    line = decoded(response.body).strip(_AROUND)
    if line.startswith("{"):
        try:
            result = _decode_result(line)
        except msgspec.MsgspecError as error:
            raise ProtocolError(f"expected Result and Msg from Every8d: {error}") from error
        line = result.Msg.strip()
        if str(result.Result).lower() != "true":
            code = str(result.Status or "").strip()
            if not code:
                raise ProtocolError(f"expected a Status beside Result {result.Result!r} from Every8d, found none")
            return provider_error(code, line)
    return error_in(line) or line
