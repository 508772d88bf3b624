"""
Columns of a table of records: what they are called, what they hold, and values brought to their plain form.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sendyard.delivery.preflight import is_storable
from sendyard.domain.choices import strangers
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.template import is_name
from sendyard.domain.written_dates import read_date
from sendyard.domain.written_numbers import read_number
from sendyard.features.templates.formatting import EXPECTED, VariableType, read_amount, writer

MOST_COLUMNS = 200
LONGEST_VALUE = 10_000
LONGEST_KEY = 200
_JOINTS = re.compile(r"[^\w]+")


class Column(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """What a column holds; `currency` is that of amounts which bring none."""

    type: VariableType = VariableType.TEXT
    currency: Annotated[str, Meta(pattern="^([A-Z]{3})?$")] = ""


Columns = Mapping[str, Column]
_decode = msgspec.json.Decoder(dict[str, Column]).decode
_encode = msgspec.json.Encoder().encode


class BadValue(ValueError):
    """A value is none of its column; the text is a sentence."""


def stored_columns(columns: Columns) -> str:
    """As a row keeps them."""
    return _encode(dict(columns)).decode()


def columns_of(stored: str) -> Columns:
    """Undo `stored_columns`."""
    return _decode(stored)


def variable_name(header: str) -> str:
    """
    What a column of a file is called as a variable: `Gate No.` becomes `gate_no`.

    Raises:
        Invalid: nothing usable is left.
    """
    name = _JOINTS.sub("_", unicodedata.normalize("NFC", header.strip()).casefold()).strip("_")
    name = f"c_{name}" if name[:1].isdigit() else name
    if not name.isidentifier():
        detail = f"Expected a name of letters and digits for a column, found {header!r:.60}. Rename it."
        raise Invalid("bad_column", detail, errors=[FieldError("/columns", "bad_column", detail)])
    return name


def read_columns(given: Mapping[str, Any], key: str) -> dict[str, Column]:
    """
    Check the columns of a new table: a type's name, or `{type, currency}` each.

    Raises:
        Invalid: a name or type is not usable, there are too many, or the key is none of them.
    """
    wished = {name: {"type": one} if isinstance(one, str) else one for name, one in given.items()}
    try:
        found = msgspec.convert(wished, dict[str, Column])
    except msgspec.ValidationError as error:
        unknown = next(strangers(dict[str, Column], wished), None)
        if unknown is not None:
            raise _refused(f"/columns/{unknown.path[0]}", f"{unknown.path[0]}: {unknown.detail}") from None
        raise _refused("/columns", f"Expected a type such as text or date for each column, found: {error}.") from None
    for name in found:
        if not is_name(name) or "." in name:
            raise _refused("/columns", f"Expected a name of letters, digits and underscores, found {name!r:.60}.")
    if not 1 <= len(found) <= MOST_COLUMNS:
        raise _refused("/columns", f"Expected 1 to {MOST_COLUMNS} columns, found {len(found)}.")
    if key not in found:
        raise _refused("/key", f"Expected one of the columns {_listed(list(found))} as the key, found {key!r:.60}.")
    return found


def plain_value(column: Column, name: str, given: str, country: str) -> str:
    """
    Bring a value to the form that templates take: `1,200元` to `1200 TWD`, `2026/5/3` to `2026-05-03`.

    Raises:
        BadValue: it is none of the column's type, or too long.
    """
    text = given.strip()
    if not text:
        return ""
    if len(text) > LONGEST_VALUE or not is_storable(text):
        raise BadValue(f"Expected at most {LONGEST_VALUE:,} ordinary characters in {name}, found {len(text):,}.")
    plain = _read(column, text, country)
    try:
        writer(column.type, "en", currency=column.currency)(plain or "")
    except (ValueError, ArithmeticError, LookupError):
        plain = None
    if plain is None:
        raise BadValue(f"Expected {EXPECTED[column.type]} in {name}, found {text!r:.60}.")
    return plain


def _read(column: Column, text: str, country: str) -> str | None:
    match column.type:
        case VariableType.NUMBER:
            number = read_number(text).value
            return None if number is None else f"{number:f}"
        case VariableType.MONEY:
            money = read_amount(text, column.currency)
            return None if money is None else f"{money.amount:f} {money.currency}"
        case VariableType.DATE:
            day = read_date(text, country).value
            return None if day is None else day.isoformat()
        case _:
            return text


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:30])


def _refused(pointer: str, detail: str) -> Invalid:
    return Invalid("bad_column", detail, errors=[FieldError(pointer, "bad_column", detail)])
