"""
Custom fields of a contact: what types there are, how a value is read, kept and shown.

Values are kept as text, so that every store compares and indexes them alike: numbers without exponent, money as
`1200.50 TWD`, days as ISO 8601.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias, assert_never

from sendyard.domain.formulas import restore
from sendyard.domain.money import Money
from sendyard.domain.written_dates import read_date
from sendyard.domain.written_numbers import read_money, read_number

LONGEST_VALUE = 10_000
"""Characters of one value."""


class FieldType(StrEnum):
    """What a field holds."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    CHOICE = "choice"  # one of a list


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """
    One custom field. `currency` is the ISO 4217 code of a money field, or "" when amounts bring their own.

    `choices` are the values of a choice field as they are shown; case and width do not matter in reading.
    """

    key: str
    type: FieldType = FieldType.TEXT
    currency: str = ""
    choices: tuple[str, ...] = ()


_PLAIN_AMOUNT = re.compile(r"\d{1,12}(?:\.\d{1,2})?", re.ASCII)

Value: TypeAlias = str | Decimal | Money | date


class FieldReading(NamedTuple):
    """
    What became of a text: its value, or None and why.

    `fixed` says what was read otherwise than it stands there. `reason` is "" or one of: blank, formula, bad_number,
    unclear_comma, no_currency, unclear_currency, other_currency, bad_date, unclear_date, not_a_choice, too_long,
    spreadsheet_error; `detail` is its sentence.
    """

    value: Value | None
    fixed: str = ""
    reason: str = ""
    detail: str = ""


_DETAILS = {
    "": "",
    "blank": "Expected a value, found nothing.",
    "formula": "Expected a value, found a spreadsheet formula. Store the column as values only.",
    "bad_number": "Expected a number such as 1200 or 1,200.50, found something else. Write digits only.",
    "unclear_comma": (
        "Expected a number, found a comma that may mean thousands or decimals. Write 1234 or 12.5 without the comma."
    ),
    "no_currency": "Expected a currency, found none. Write its code, such as TWD, or give the field a currency.",
    "unclear_currency": "Expected one currency, found a sign that several share. Write its code, such as USD or TWD.",
    "other_currency": "Expected an amount in the field's currency, found another one. Convert it or use another field.",
    "bad_date": "Expected a day such as 2026-01-05, found something else. Write year, month and day.",
    "unclear_date": (
        "Expected a day, found one whose month and day cannot be told apart. Write 2026-01-05, or choose the country."
    ),
    "not_a_choice": "Expected one of the field's choices, found another value. Correct it or add the choice.",
    "too_long": "Expected a shorter value, found one that is too long. Shorten it.",
    "spreadsheet_error": "Expected a value, found a spreadsheet's error such as #N/A. Correct the formula behind it.",
}
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"})


def parse_field(text: str, definition: FieldDefinition, country: str = "") -> FieldReading:
    """
    Read the text of a cell, form or request as a value of the field. Never raises.

    Args:
        text: as given.
        definition: the field.
        country: ISO 3166 code by which `1/5/2026` is read.
    """
    plain = text.strip()
    if not plain:
        return _refused("blank")
    if len(plain) > LONGEST_VALUE:
        return _refused("too_long")
    if plain in _ERRORS:
        return _refused("spreadsheet_error")
    return _read(plain, definition, country)


def _read(plain: str, definition: FieldDefinition, country: str) -> FieldReading:
    match definition.type:
        case FieldType.TEXT:
            return FieldReading(restore(plain))
        case FieldType.NUMBER:
            number = read_number(plain)
            return FieldReading(number.value, number.fixed, number.reason, _DETAILS[number.reason])
        case FieldType.MONEY:
            money = read_money(plain, definition.currency)
            return FieldReading(money.value, money.fixed, money.reason, _DETAILS[money.reason])
        case FieldType.DATE:
            day = read_date(plain, country)
            return FieldReading(day.value, day.fixed, day.reason, _DETAILS[day.reason])
        case FieldType.CHOICE:
            return _choice(restore(plain), definition)
        case unknown:
            assert_never(unknown)


def plain_amount(text: str, definition: FieldDefinition) -> str:
    """
    Give what `parse_field` and `store_value` make of a number or an amount that is nothing but digits; "" for others.

    Files have millions of them, and reading what people write around numbers takes fifty times as long.
    """
    if not _PLAIN_AMOUNT.fullmatch(text):
        return ""
    if definition.type is FieldType.NUMBER:
        return f"{Decimal(text):f}"
    if definition.type is FieldType.MONEY and definition.currency:
        return f"{Decimal(text):f} {definition.currency}"
    return ""


def store_value(value: Value) -> str:
    """Give the text under which a value is kept."""
    if isinstance(value, Money):
        return f"{_digits(value.amount)} {value.currency}"
    if isinstance(value, Decimal):
        return _digits(value)
    return value.isoformat() if isinstance(value, date) else value


def load_value(stored: str, definition: FieldDefinition) -> Value:
    """
    Give back what `store_value` kept.

    Raises:
        ValueError: the text was not kept by a field of this type.
    """
    match definition.type:
        case FieldType.NUMBER:
            return _decimal(stored)
        case FieldType.MONEY:
            amount, _, currency = stored.partition(" ")
            return Money(_decimal(amount), currency)
        case FieldType.DATE:
            return date.fromisoformat(stored)
        case FieldType.TEXT | FieldType.CHOICE:
            return stored
        case unknown:
            assert_never(unknown)


def show_value(value: Value, country: str = "") -> str:
    """Write a value as people of the country do, for messages and screens."""
    if isinstance(value, Money):
        written = _grouped(value.amount, country)
        sign = _SIGNS.get(value.currency)
        return f"{written} {value.currency}" if sign is None else f"{sign}{written}".replace(f"{sign}-", f"-{sign}")
    if isinstance(value, Decimal):
        return _grouped(value, country)
    if isinstance(value, date):
        year, month, day = value.year, value.month, value.day
        return _DATES.get(country, "{0}-{1:02}-{2:02}").format(year, month, day)
    return value


_SIGNS = {"TWD": "NT$", "KRW": "₩", "INR": "₹", "USD": "US$"}
_DATES = {"KR": "{0}. {1}. {2}.", "TW": "{0}/{1}/{2}", "US": "{1}/{2}/{0}", "IN": "{2:02}/{1:02}/{0}"}


def _choice(plain: str, definition: FieldDefinition) -> FieldReading:
    wanted = _folded(plain)
    for choice in definition.choices:
        if _folded(choice) == wanted:
            return FieldReading(choice)
    return _refused("not_a_choice")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _digits(number: Decimal) -> str:
    return f"{number:f}"


def _decimal(stored: str) -> Decimal:
    try:
        return Decimal(stored)
    except ArithmeticError:
        raise ValueError(f"expected a number, found {stored!r:.50}") from None


def _grouped(number: Decimal, country: str) -> str:
    written = f"{number:,f}"
    if country != "IN":
        return written
    # India groups by two digits above the thousand.
    whole, dot, decimals = _digits(abs(number)).partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups = [head[max(end - 2, 0) : end] for end in range(len(head), 0, -2)][::-1]
    return ("-" if number < 0 else "") + ",".join([*groups, tail]) + dot + decimals


def _refused(reason: str) -> FieldReading:
    return FieldReading(None, reason=reason, detail=_DETAILS[reason])
