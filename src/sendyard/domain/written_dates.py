"""
Days as people write them: `2026-01-05`, `2026. 1. 5.`, `2026年1月5日`, `民國115年1月5日`, `5 Jan 2026`, `1/5/2026`.

Which of 1/5 and 5/1 is the month is known only from the country; without it such a day is refused, not guessed.
"""

import re
import unicodedata
from datetime import date
from typing import NamedTuple


class WrittenDate(NamedTuple):
    """
    The day a text names, or None and why: `reason` is "", blank, formula, bad_date or unclear_date.

    `fixed` says what was left out.
    """

    value: date | None
    fixed: str = ""
    reason: str = ""


_YEARS = range(1900, 2101)
_FIRST_YEAR_OF_THE_REPUBLIC = 1911  # year 1 of the Taiwanese calendar is 1912
_MONTH_FIRST = frozenset({"US", "PH", "PR", "GU"})
_DAY_FIRST = frozenset(
    "IN GB IE AU NZ SG HK MY ID TH VN PK BD LK NP AE SA ZA NG KE FR DE IT ES PT NL BE AT CH PL BR AR MX CL CO".split()  # noqa: SIM905 - one line
)

_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\.?", re.ASCII)
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})", re.ASCII)
_EAST_ASIAN = re.compile(r"(\d{4})[年년](\d{1,2})[月월](\d{1,2})[日號号일]?", re.ASCII)
_REPUBLIC = re.compile(r"(?:民國|民国)(\d{2,3})(?:年(\d{1,2})月(\d{1,2})日?|[-/.](\d{1,2})[-/.](\d{1,2}))", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", re.ASCII)
_DAY_NAME = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ -]([a-z]{3,9})\.?,?[ -](\d{4})", re.ASCII | re.IGNORECASE)
_NAME_DAY = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", re.ASCII | re.IGNORECASE)
_TIME = re.compile(r"(.+?)(?:T|\s+)(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)", re.ASCII)
_MIDNIGHT = re.compile(r"[0:.Z]+")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip


def read_date(text: str, country: str = "") -> WrittenDate:
    """Read one day; `country` (ISO 3166) decides between month first and day first. Never raises."""
    plain = unicodedata.normalize("NFKC", text).strip()
    plain = plain.removeprefix("'")
    if not plain:
        return WrittenDate(None, reason="blank")
    if plain.startswith(("=", "@", "+", "-")):
        return WrittenDate(None, reason="formula")
    fixed = ""
    if found := _TIME.fullmatch(plain):
        plain = found[1]
        if not _MIDNIGHT.fullmatch(found[2]):
            fixed = f"left out the time {found[2]}"
    value, reason = _day(plain, country)
    return WrittenDate(value, fixed if value else "", reason)


def _day(plain: str, country: str) -> tuple[date | None, str]:
    # Koreans put spaces behind the dots, Chinese around the characters.
    close = "".join(plain.split())
    for pattern in (_YEAR_FIRST, _COMPACT, _EAST_ASIAN):
        if found := pattern.fullmatch(close):
            return _made(found[1], found[2], found[3])
    if found := _REPUBLIC.fullmatch(close):
        year = int(found[1]) + _FIRST_YEAR_OF_THE_REPUBLIC
        return _made(year, found[2] or found[4], found[3] or found[5])
    if found := _YEAR_LAST.fullmatch(close):
        return _by_country(int(found[1]), int(found[2]), int(found[3]), country)
    if found := _DAY_NAME.fullmatch(plain):
        return _made(found[3], _month(found[2]), found[1])
    if found := _NAME_DAY.fullmatch(plain):
        return _made(found[3], _month(found[1]), found[2])
    return None, "bad_date"


def _by_country(first: int, second: int, year: int, country: str) -> tuple[date | None, str]:
    if country in _MONTH_FIRST:
        return _made(year, first, second)
    if country in _DAY_FIRST or first > 12 or first == second:
        return _made(year, second, first)
    if second > 12:
        return _made(year, first, second)
    return None, "unclear_date"


def _month(name: str) -> int:
    """Give 1 to 12 for a month's name or a beginning of at least three letters, 0 for anything else."""
    return next((place for place, full in enumerate(_MONTHS, 1) if full.startswith(name.lower())), 0)


def _made(year: int | str, month: int | str, day: int | str) -> tuple[date | None, str]:
    if int(year) not in _YEARS:
        return None, "bad_date"
    try:
        return date(int(year), int(month), int(day)), ""
    except ValueError:
        return None, "bad_date"
