"""
Amounts as people and spreadsheets write them: `1,23,456.70`, `1.234,50`, `(1 200)`, `ＮＴ＄１，２００`, `15,000원`.

A comma that could be a decimal sign or a thousands sign is refused, because one of both would be a thousandfold error.
"""

import re
import unicodedata
from decimal import Decimal
from typing import NamedTuple

from sendyard.domain.money import Money

MOST_DIGITS = 30
_MOST_MONEY_DECIMALS = 6


class WrittenNumber(NamedTuple):
    """
    What a text holds: `value`, or None and why (`reason`).

    `fixed` says what was read otherwise than it stands there. `reason`: "", blank, formula, bad_number, unclear_comma,
    too_long.
    """

    value: Decimal | None
    fixed: str = ""
    reason: str = ""


class WrittenMoney(NamedTuple):
    """As `WrittenNumber`; further reasons are no_currency, unclear_currency and other_currency."""

    value: Money | None
    fixed: str = ""
    reason: str = ""


_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_EXPONENT = re.compile(r"[+-]?\d+(?:\.\d+)?[eE][+-]?\d{1,2}", re.ASCII)
_BY_COMMAS = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})*,\d{3})(?:\.\d*)?", re.ASCII)
_BY_SPACES = re.compile(r"[+-]?\d{1,3}(?:[ '’]\d{3})+(?:\.\d*)?", re.ASCII)
_EUROPEAN = re.compile(r"[+-]?(?:\d{1,3}(?:[. '’]\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,})", re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_PARENTHESES = re.compile(r"\(([^()+-]+)\)")
_DIGIT = re.compile(r"\d", re.ASCII)
_MINUS = str.maketrans({"−": "-", "–": "-", "\u00a0": " ", "\u202f": " "})

_SYMBOLS = {
    "NT$": "TWD", "TWD": "TWD", "NTD": "TWD", "新台幣": "TWD", "新臺幣": "TWD", "台幣": "TWD", "臺幣": "TWD",
    "₩": "KRW", "KRW": "KRW", "원": "KRW", "₹": "INR", "INR": "INR", "RS.": "INR", "RS": "INR", "रुपये": "INR",
    "रु": "INR", "US$": "USD", "USD": "USD", "HK$": "HKD", "HKD": "HKD", "€": "EUR", "EUR": "EUR", "£": "GBP",
    "GBP": "GBP", "CNY": "CNY", "RMB": "CNY", "人民币": "CNY", "JPY": "JPY", "円": "JPY", "S$": "SGD", "SGD": "SGD",
}  # fmt: skip
_SHARED = {
    "$": frozenset({"USD", "TWD", "HKD", "SGD", "AUD", "CAD", "NZD", "MXN"}),
    "元": frozenset({"TWD", "CNY", "HKD"}),
    "圓": frozenset({"TWD", "HKD"}),
    "¥": frozenset({"JPY", "CNY"}),
}
_LONGEST_FIRST = sorted([*_SYMBOLS, *_SHARED], key=len, reverse=True)


def read_number(text: str) -> WrittenNumber:
    """Read one number. Never raises."""
    fixed = []
    plain = text.strip()
    if not plain:
        return WrittenNumber(None, reason="blank")
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain).translate(_MINUS)
        written = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in plain).strip()
        if len(_DIGIT.findall(written)) != len(_DIGIT.findall(text)):
            fixed.append("wrote the digits plainly")
        plain = written
    if plain.startswith("'"):
        plain = plain[1:].strip()
        fixed.append("removed the apostrophe of a spreadsheet")
    if len(_DIGIT.findall(plain)) > MOST_DIGITS:
        return WrittenNumber(None, reason="too_long")
    if found := _PARENTHESES.fullmatch(plain):
        plain = "-" + found[1].strip()
        fixed.append("read the parentheses as a minus")
    return _number(plain, fixed)


def _number(plain: str, fixed: list[str]) -> WrittenNumber:
    if _PLAIN.fullmatch(plain):
        pass_on = plain
    elif _BY_COMMAS.fullmatch(plain):
        pass_on = plain.replace(",", "")
    elif _BY_SPACES.fullmatch(plain):
        pass_on = re.sub("[ '’]", "", plain)
    elif _EUROPEAN.fullmatch(plain):
        pass_on = re.sub("[. '’]", "", plain).replace(",", ".")
        fixed.append("read the dots as thousands" if "," not in plain else "read the comma as the decimal sign")
    elif _EXPONENT.fullmatch(plain):
        pass_on = plain
        fixed.append("wrote out the exponent")
    else:
        formula = plain.startswith(("=", "@", "+", "-"))
        return WrittenNumber(
            None, reason="unclear_comma" if _COMMA.fullmatch(plain) else "formula" if formula else "bad_number"
        )
    return WrittenNumber(Decimal(pass_on), "; ".join(fixed))


def read_money(text: str, currency: str = "") -> WrittenMoney:
    """
    Read one amount of money. Never raises.

    Args:
        text: a number with or without a sign or code of its currency before or behind it.
        currency: the ISO 4217 code the amount must have, which is also taken when none is written; "" for any.
    """
    plain = unicodedata.normalize("NFKC", text.strip()).translate(_MINUS)
    sign = "-" if plain.startswith("-") and not plain[1:2].isdecimal() else ""
    rest, symbol = _without_symbol(plain.removeprefix(sign).strip())
    number = read_number(sign + rest)
    if number.value is None:
        return WrittenMoney(None, reason=number.reason)
    found, reason = _currency(symbol, currency)
    if reason:
        return WrittenMoney(None, reason=reason)
    exponent = number.value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > _MOST_MONEY_DECIMALS:
        return WrittenMoney(None, reason="bad_number")
    return WrittenMoney(Money(number.value, found), number.fixed)


def _currency(symbol: str, wanted: str) -> tuple[str, str]:
    """Give the currency of an amount, or why it is not known or not the one wanted."""
    if symbol in _SHARED:
        if not wanted:
            return "", "unclear_currency"
        return (wanted, "") if wanted in _SHARED[symbol] else ("", "other_currency")
    found = _SYMBOLS.get(symbol, wanted)
    if not found:
        return "", "no_currency"
    return ("", "other_currency") if wanted and found != wanted else (found, "")


def _without_symbol(plain: str) -> tuple[str, str]:
    folded = plain.upper()
    for symbol in _LONGEST_FIRST:
        written = unicodedata.normalize("NFKC", symbol)
        if folded.startswith(written):
            return plain[len(written) :].strip(), symbol
        if folded.endswith(written):
            return plain[: -len(written)].strip(), symbol
    return plain, ""
