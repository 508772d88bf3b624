"""
Web addresses and telephone numbers inside a text, and whether a list of registered ones allows them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

PUBLIC_SHORTENERS = frozenset(
    {
        "bit.ly", "buff.ly", "cutt.ly", "goo.gl", "han.gl", "is.gd", "me2.do", "ow.ly", "ppt.cc", "rb.gy",
        "rebrand.ly", "reurl.cc", "t.co", "t.ly", "tinyurl.com", "url.kr", "v.gd", "vo.la",
    }
)  # fmt: skip
"""Hosts that shorten addresses for anybody: a reader cannot tell whose page it is."""

CHAT_HOSTS = frozenset({"line.me", "lin.ee", "page.line.me", "wa.me", "chat.whatsapp.com", "api.whatsapp.com"})
"""Hosts whose addresses open a private chat."""

_URL_CHARACTER = r"[\w\-.~:/?#\[\]@!$&'()*+,;=%]"
# Without a scheme only well-known endings count: "file.txt" and "3.5kg" are no addresses.
_ENDINGS = r"(?:com|net|org|info|biz|app|dev|shop|store|link|page|gov|edu|example|test|[a-z]{2})"
_URL = re.compile(
    rf"(?:https?://|www\.){_URL_CHARACTER}+|(?<![@\w.\-])(?:[a-z0-9][a-z0-9\-]*\.)+{_ENDINGS}(?![\w\-])(?:/{_URL_CHARACTER}*)?",
    re.IGNORECASE | re.ASCII,
)
_TRAILING = ".,;:!?)]'"

_NUMBERS = {
    "IN": re.compile(
        r"(?<![\w.,₹/\-])(?:(?:\+?91|0)[ \-]?)?"
        r"(?:[6-9]\d{4}[ \-]?\d{5}|1[48]\d{8}|16\d{8}|18[06]0[ \-]?\d{2,4}[ \-]?\d{2,4})(?![\w\-])",
        re.ASCII,
    ),
    "TW": re.compile(
        r"(?<![\w.,$/\-])(?:\(?0\d{1,3}\)?|\+?886[ \-]?\d{1,3})[ \-]?\d{3,4}[ \-]?\d{3,4}(?:#\d{1,5})?(?![\d\-])",
        re.ASCII,
    ),
}
_COUNTRY_CODES = {"IN": "91", "TW": "886"}
_FEWEST_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Found:
    """An address or number in a text, as written, with where it starts and ends."""

    value: str
    start: int
    end: int


@lru_cache(maxsize=256)
def find_urls(text: str) -> tuple[Found, ...]:
    """Give every web address in a text; closing punctuation is not part of it."""
    if "." not in text:
        return ()
    found = ((match.start(), match[0].rstrip(_TRAILING)) for match in _URL.finditer(text))
    return tuple(Found(value, start, start + len(value)) for start, value in found)


@lru_cache(maxsize=256)
def find_numbers(text: str, country: str) -> tuple[Found, ...]:
    """Give every telephone number of India (IN) or Taiwan (TW) in a text."""
    return tuple(
        Found(match[0], match.start(), match.end())
        for match in _NUMBERS[country].finditer(text)
        if sum(map(str.isdigit, match[0])) >= _FEWEST_DIGITS
    )


_HOST_END = re.compile(r"[/?#:]")


def host_of(url: str) -> str:
    """Give the host of an address in lower case, without `www.` and port."""
    return _HOST_END.split(_without_scheme(url), maxsplit=1)[0].removeprefix("www.")


def is_allowed_url(url: str, allowed: Iterable[str]) -> bool:
    """
    Say whether a registered address covers this one.

    Scheme and host are compared without case, the path exactly. An entry that ends in `?` or `*` covers what begins
    like it; an entry that is a bare host, written without a scheme, covers the host.
    """
    asked = _without_scheme(url)
    return any(_covers(_without_scheme(entry), asked, bare="/" not in entry) for entry in allowed)


def _covers(entry: str, asked: str, *, bare: bool) -> bool:
    if entry[-1:] in {"?", "*"}:
        return asked.startswith(entry[:-1])
    if bare:
        return bool(entry) and host_of(asked) == host_of(entry)
    return asked.rstrip("/") == entry.rstrip("/") if entry.count("/") <= 1 else asked == entry


_PARTS = re.compile(r"(?:https?://)?([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=1024)
def _without_scheme(url: str) -> str:
    parts = _PARTS.match(url.strip())
    return parts[1].lower() + parts[2] if parts else ""


def is_allowed_number(number: str, allowed: Iterable[str], country: str) -> bool:
    """Say whether a number is on a list, however either is spelt; an extension after # does not matter."""
    asked = _national(number, country)
    return any(_national(entry, country) == asked for entry in allowed)


def _national(number: str, country: str) -> str:
    digits = re.sub(r"\D", "", number.partition("#")[0])
    code = _COUNTRY_CODES[country]
    if number.strip().startswith("+") or (digits.startswith(code) and len(digits) > 10):
        digits = digits.removeprefix(code)
    return digits.lstrip("0")


def outside(found: Sequence[Found], spans: Sequence[tuple[int, int]]) -> tuple[Found, ...]:
    """Keep what does not overlap any of the spans; a number inside an address is part of the address."""
    return tuple(one for one in found if not any(one.start < end and start < one.end for start, end in spans))
