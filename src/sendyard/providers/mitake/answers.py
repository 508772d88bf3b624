"""
How Mitake writes its answers: INI-like blocks, `key=value` lines, TAB-separated lines, bare codes.

Bodies are Big5 (it shows only where a text stands), lines end in CR LF or LF, keys come in any order.
Source: specification 2.14, chapters SmSend, SmBulkSend and SmQuery; the form without a block is from production.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.providers.contract import ProtocolError
from sendyard.providers.mitake.codes import CODES
from sendyard.providers.mitake.spec import SPEC
from sendyard.providers.wire import HttpResponse

TAIPEI = timezone(timedelta(hours=8), "Asia/Taipei")
"""Every time of Mitake's stands in this zone, without saying so; Taiwan has no summer time."""

_STAMP = re.compile(r"[0-9]{14}")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Sections:
    """An answer to a submit: what stands before the first block, and the blocks by the text in their brackets."""

    head: Mapping[str, str]
    blocks: Mapping[str, Mapping[str, str]]


def read_sections(body: bytes) -> Sections:
    """Sort the lines of an answer into blocks; lines that are neither bracket nor `key=value` are left out."""
    head: dict[str, str] = {}
    blocks: dict[str, dict[str, str]] = {}
    fields = head
    for line in _lines(body):
        if line.startswith("[") and line.endswith("]"):
            fields = blocks.setdefault(line[1:-1], {})
        else:
            key, separator, value = line.partition("=")
            if separator:
                fields[key] = value
    return Sections(head, blocks)


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """An answer of SmQuery: `rows` (each: msgid, statuscode, further columns), or `fields`."""

    rows: list[list[str]]
    fields: Mapping[str, str]

    def error(self) -> ProviderError | None:
        """The refusal of the whole query, if that is what the answer is."""
        code = self.fields.get("statuscode")
        return None if code is None else provider_error(code, self.fields)


def read_query(response: HttpResponse) -> QueryAnswer:
    """
    Read what SmQuery answers; a bare code counts as `statuscode=<code>`.

    Raises:
        ProtocolError: the HTTP status is not 200, or a line is in no documented form.
    """
    if response.status != 200:
        raise ProtocolError(f"expected HTTP 200 from SmQuery, found {response.status}")
    rows: list[list[str]] = []
    fields: dict[str, str] = {}
    for line in _lines(response.body):
        key, separator, value = line.partition("=")
        if "\t" in line:
            rows.append(line.split("\t"))
        elif separator:
            fields[key] = value
        elif len(line) == 1:
            fields["statuscode"] = line
        elif line:
            raise ProtocolError(f"expected msgid TAB statuscode, key=value or one code, found {line[:60]!r}")
    return QueryAnswer(rows, fields)


def provider_error(code: str, fields: Mapping[str, str], retry_after: float | None = None) -> ProviderError:
    """Mitake's no: class and code, with its `Error` text, or the wording of the specification where that says more."""
    known = CODES.get(code)
    said = fields.get("Error", "")
    # The specification's wording is the same words with English behind them.
    words = known.wording if known and known.wording.startswith(said) else said
    return ProviderError(SPEC.error_kind(code), code, words, retry_after)


def http_error(response: HttpResponse) -> ProviderError:
    """The no of something before Mitake's application, which itself answers 200 to everything."""
    throttled = response.status == 429
    kind = ErrorKind.THROTTLED if throttled else ErrorKind.UNAVAILABLE
    return ProviderError(kind, f"http:{response.status}", f"HTTP {response.status}", retry_after(response))


def retry_after(response: HttpResponse) -> float | None:
    """Seconds of a `Retry-After` header that gives seconds; Mitake documents none, a proxy before it may send one."""
    given = response.headers.get("retry-after", "").strip()
    return float(given) if _WHOLE_NUMBER.fullmatch(given) else None


@lru_cache(maxsize=256)
def points(text: str) -> Money | None:
    """Points as money, or None for what is not a whole number."""
    return Money(Decimal(text), "XPT") if _WHOLE_NUMBER.fullmatch(text) else None


def moment(text: str) -> datetime | None:
    """An aware time (UTC) from `YYYYMMDDHHMMSS`, or None for what is not one: a report without time is still one."""
    if not _STAMP.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(f"{text[:8]}T{text[8:]}").replace(tzinfo=TAIPEI).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _lines(body: bytes) -> list[str]:
    return [line.strip(" \r") for line in _decoded(body).split("\n")]


def _decoded(body: bytes) -> str:
    """Big5 first, as answered in production, then UTF-8; keys and codes are ASCII and survive a wrong guess."""
    if body.isascii():
        return body.decode("ascii")
    for charset in ("cp950", "utf-8"):
        try:
            return body.decode(charset)
        except UnicodeDecodeError:
            continue
    return body.decode("cp950", "replace")
