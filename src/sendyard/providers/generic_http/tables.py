"""
Small tables that people write as text: `WORD=meaning` pairs, and lists of HTTP statuses.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus

UNDECIDED = "unknown"
"""In place of a class: this code does not tell whether the message was taken."""

HTTP_KINDS: Mapping[str, ErrorKind] = MappingProxyType(
    {
        "http:401": ErrorKind.AUTH_FAILED,
        "http:402": ErrorKind.OUT_OF_CREDIT,
        "http:403": ErrorKind.AUTH_FAILED,
    }
)
"""What a status means where the account's table says nothing else (RFC 9110, section 15.5)."""

_RANGE = re.compile("([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")


def pairs(text: str) -> dict[str, str]:
    """
    Read `a=b` pairs, separated by commas or line ends.

    Raises:
        ValueError: a pair has no equals sign or nothing before it, or a word stands there twice.
    """
    found: dict[str, str] = {}
    for part in re.split("[,\n]", text):
        if not part.strip():
            continue
        word, sign, meaning = (piece.strip() for piece in part.rpartition("="))
        if not sign or not word:
            raise ValueError(f"expected pairs such as DELIVRD=delivered, found {part.strip()[:40]!r}")
        if word in found:
            raise ValueError(f"{word[:40]!r} stands there twice")
        found[word] = meaning
    return found


@lru_cache(maxsize=256)
def read_kinds(text: str) -> Mapping[str, ErrorKind | None]:
    """Read `code=class`; None for a code that settles nothing. Raises ValueError naming the classes."""
    found: dict[str, ErrorKind | None] = {}
    for code, meaning in pairs(text).items():
        if meaning == UNDECIDED:
            found[code] = None
        elif meaning in _KINDS:
            found[code] = ErrorKind(meaning)
        else:
            raise ValueError(f"{code}={meaning[:40]}: the class must be one of {', '.join(_KINDS)}, {UNDECIDED}")
    return MappingProxyType({**HTTP_KINDS, **found})


_KINDS = tuple(kind.value for kind in ErrorKind if kind is not ErrorKind.UNMAPPED)


@lru_cache(maxsize=256)
def read_statuses(text: str) -> Mapping[str, ReportStatus]:
    """Read `word=status`, small and capital letters alike. Raises ValueError naming the statuses."""
    found: dict[str, ReportStatus] = {}
    for word, meaning in pairs(text).items():
        if meaning not in _STATUSES:
            raise ValueError(f"{word}={meaning[:40]}: the status must be one of {', '.join(_STATUSES)}")
        found[word.casefold()] = ReportStatus(meaning)
    return MappingProxyType(found)


_STATUSES = tuple(status.value for status in ReportStatus if status is not ReportStatus.UNMAPPED)


@lru_cache(maxsize=256)
def read_words(text: str, known: tuple[str, ...]) -> Mapping[str, str]:
    """Read how the carrier calls our words; one that is left out stands for itself. Raises ValueError."""
    given = pairs(text)
    if strange := [word for word in given if word not in known]:
        raise ValueError(f"{strange[0][:40]!r} is not one of our words, which are {', '.join(known)}")
    return MappingProxyType({word: given.get(word, word) for word in known})


@lru_cache(maxsize=256)
def read_http(text: str) -> frozenset[int]:
    """Read `200, 202, 400-407`. Raises ValueError."""
    found: set[int] = set()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        shape = _RANGE.fullmatch(part)
        first, last = (int(shape[1]), int(shape[2] or shape[1])) if shape else (1, 0)
        if first > last:
            raise ValueError(f"expected HTTP statuses such as 200, 202 or 400-407, found {part[:20]!r}")
        found.update(range(first, last + 1))
    return frozenset(found)


def listed(text: str) -> frozenset[str]:
    """Read values separated by commas, in any letters."""
    return frozenset(part.strip().casefold() for part in text.split(",") if part.strip())
