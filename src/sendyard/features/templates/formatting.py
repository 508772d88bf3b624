"""
Values of typed variables, written as readers of a language write them.

Values arrive plain: a number as `1234.5`, money as `1200 TWD`, a day as `2026-05-03`, a time as `15:05`, a list as
a JSON list or with semicolons between its items. What is written stays within the cheap characters of SMS where a
language does: no narrow spaces, and `KRW 39,000` instead of a sign that would double the price of an English text.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache, partial
from urllib.parse import urlsplit

import msgspec
from babel import Locale
from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, get_currency_symbol, is_currency

from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.gsm import is_gsm
from sendyard.domain.money import Money
from sendyard.domain.written_numbers import read_money, read_number
from sendyard.features.templates.languages import locale_of

Write = Callable[[str], str]
"""Turns a plain value into a text; raises ValueError for one that is not of the type."""


class VariableType(StrEnum):
    """What a variable's value is."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    TIME = "time"
    LINK = "link"
    LIST = "list"


class Style(StrEnum):
    """How much of a day is written: 5/3/26, May 3, 2026, … , Sunday, May 3, 2026."""

    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"
    FULL = "full"


EXPECTED = {
    VariableType.TEXT: "a text",
    VariableType.NUMBER: "a number such as 1234.5",
    VariableType.MONEY: "an amount such as 1200 TWD",
    VariableType.DATE: "a day such as 2026-05-03",
    VariableType.TIME: "a time such as 15:05",
    VariableType.LINK: "an address such as https://example.com/a",
    VariableType.LIST: 'a list such as ["tea", "rice"] or tea; rice',
}
_AMOUNTS = {
    ("ko", "KRW"): "{}원",
    ("zh", "TWD"): "NT${}",
    ("zh", "CNY"): "{}元",
    ("ja", "JPY"): "{}円",
    ("hi", "INR"): "₹{}",
    ("en", "INR"): "Rs.{}",
}
"""How amounts stand in messages where the reference data has a sign that is costly or means several currencies."""
_TIMES = {"ko": "aaaa h:mm"}  # 오후 3:05; the reference data has PM
_NARROW = str.maketrans({"\u202f": " ", "\u00a0": " ", "\u2009": " "})
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?", re.ASCII)
_decode_list = msgspec.json.Decoder(list[str | int | float]).decode


class UnwritableValue(Invalid):
    """A value is not of the type its variable has."""

    def __init__(self, name: str, kind: VariableType, value: str) -> None:
        """Take the variable and what was given for it."""
        detail = f"Expected {EXPECTED[kind]} for {{{name}}}, found {value!r:.80}. Correct the value."
        super().__init__("bad_value", detail, errors=[FieldError(f"/variables/{name}", "bad_value", detail)])


@lru_cache(maxsize=1024)
def writer(kind: VariableType, language: str, *, currency: str = "", style: Style = Style.MEDIUM) -> Write:
    """Give what writes plain values of a type in a language; `currency` is that of amounts which bring none."""
    locale = locale_of(language)
    writers: dict[VariableType, Write] = {
        VariableType.TEXT: str,
        VariableType.NUMBER: partial(_number, locale),
        VariableType.MONEY: partial(_money, locale, currency),
        VariableType.DATE: partial(_date, locale, style),
        VariableType.TIME: partial(_time, locale),
        VariableType.LINK: _link,
        VariableType.LIST: partial(_list, locale),
    }
    return writers[kind]


def _number(locale: Locale, text: str) -> str:
    found = read_number(text).value
    if found is None:
        raise ValueError(text)
    return _plain(format_decimal(found, locale=locale, decimal_quantization=False))


def _money(locale: Locale, currency: str, text: str) -> str:
    found = read_amount(text, currency)
    if found is None:
        raise ValueError(text)
    return written_money(found, locale)


def read_amount(text: str, currency: str = "") -> Money | None:
    """Read an amount with its sign or code, any currency's; `currency` is that of an amount which brings none."""
    found = read_money(text, currency).value
    if found is not None:
        return found
    amount, _, code = text.strip().rpartition(" ")
    number = read_number(amount).value
    return Money(number, code) if number is not None and is_currency(code) else None


def written_money(money: Money, locale: Locale) -> str:
    """Write an amount; nothing is rounded away, and whole amounts have no decimals."""
    pattern = locale.currency_formats["standard"].pattern
    if money.amount == money.amount.to_integral_value():
        pattern = pattern.replace(".00", "")
    form = _AMOUNTS.get((locale.language, money.currency))
    if form is None:
        sign = get_currency_symbol(money.currency, locale=locale)
        form = "" if is_gsm(sign) else f"{money.currency} {{}}"
    if form:
        pattern = pattern.split(";")[0].replace("¤", "").strip().strip("\u200e\u200f\u00a0")
        amount = format_decimal(abs(money.amount), pattern, locale=locale, decimal_quantization=False)
        return _plain(("-" if money.amount < Decimal(0) else "") + form.format(amount))
    return _plain(
        format_currency(
            money.amount, money.currency, pattern, locale=locale, currency_digits=False, decimal_quantization=False
        )
    )


def _date(locale: Locale, style: Style, text: str) -> str:
    stripped = text.strip()
    day = date.fromisoformat(stripped) if len(stripped) == len("2026-05-03") else datetime.fromisoformat(stripped)
    return _plain(format_date(day, style.value, locale=locale))


def _time(locale: Locale, text: str) -> str:
    stripped = text.strip()
    if _CLOCK.fullmatch(stripped):
        moment = time.fromisoformat(stripped.zfill(5) if stripped.count(":") == 1 else stripped.zfill(8))
    elif "T" in stripped or " " in stripped:
        moment = datetime.fromisoformat(stripped).time()
    else:
        raise ValueError(text)
    return _plain(format_time(moment, _TIMES.get(locale.language, "short"), locale=locale))


def _link(text: str) -> str:
    stripped = text.strip()
    parts = urlsplit(stripped)
    if parts.scheme not in {"http", "https"} or not parts.hostname or any(map(str.isspace, stripped)):
        raise ValueError(text)
    return stripped


def _list(locale: Locale, text: str) -> str:
    stripped = text.strip()
    if stripped.startswith("["):
        try:
            items = [str(item).strip() for item in _decode_list(stripped)]
        except msgspec.DecodeError:
            raise ValueError(text) from None
    else:
        items = [item.strip() for item in re.split(r"[;\n]", stripped)]
    items = [item for item in items if item]
    if not items:
        raise ValueError(text)
    return _plain(format_list(items, locale=locale))


def _plain(text: str) -> str:
    return text.translate(_NARROW)
