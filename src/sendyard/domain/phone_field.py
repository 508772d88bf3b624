"""
The field a phone number was typed into: what is punctuation, what is a spreadsheet's damage, what is no number.

Knows writing habits only; whether the digits are a number anyone has is for `phone`.
"""

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PhoneField:
    """
    A field reduced to digits, and whether a plus stood before them.

    `reason` is "" or why there is no number: blank, letters, formula, exponent, several, invalid.
    `notes` say what was changed beyond punctuation.
    """

    digits: str = ""
    plus: bool = False
    notes: tuple[str, ...] = ()
    reason: str = ""


_AREA_CODE_DIGITS = 6
"""At most; seven digits and more are a number of their own."""

_UNSEEN = str.maketrans(
    "",
    "",
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff",
)
# NFKC leaves dashes apart; the last is the vowel mark that Japanese keyboards type for one.
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u30fc", "-"))

_EXPONENT = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE]\+?\d+")
_FORMULA = re.compile(r"[=@]|[+-][\s(]*[^\d\s(]|-[^+*^]*[+*^]")
_DECIMALS = re.compile(r"(\+?\d{7,15})\.0+")
_EXTENSION = re.compile(r"[\s,;]*(?:extension|extn?|x|#|分機|轉|내선)[\s.:=]*(\d{1,7})$", re.IGNORECASE)
_JOINTS = re.compile(r"[/;,|&\n\r、或및]|\b(?:and|or)\b|또는", re.IGNORECASE)
_NUMBER = re.compile(r"[\s(]*\+?[\d\s().-]*")
_DIGIT = re.compile(r"[0-9]")
_OPTIONAL_ZERO = re.compile(r"\(\s*0\s*\)")


def read_field(text: str) -> PhoneField:
    """Reduce one field to the digits of one number, or say why it holds none."""
    notes: list[str] = []
    plain = _plain(text, notes)
    reason = _damage(plain)
    if not reason:
        plain = _without_additions(plain, notes)
        reason = _strangers(plain)
    if reason:
        return PhoneField(reason=reason, notes=tuple(notes))
    number = next(piece for piece in _JOINTS.split(plain) if _digit_count(piece))
    plus = "+" in number
    if plus and _OPTIONAL_ZERO.search(number):
        number = _OPTIONAL_ZERO.sub("", number)
        notes.append("dropped the (0) after the country code")
    return PhoneField("".join(filter(str.isdigit, number)), plus=plus, notes=tuple(notes))


def split_field(text: str) -> list[str]:
    """Give the pieces of a field that `read_field` finds to hold several numbers, each as it was typed."""
    pieces = [piece.strip() for piece in _JOINTS.split(_plain(text, [])) if _digit_count(piece)]
    return [part for piece in pieces for part in _apart(piece)]


def _apart(piece: str) -> list[str]:
    """Split at spaces or pluses where whole numbers stand on both sides."""
    if _long_runs(piece.split()):
        return [part for part in piece.split() if _digit_count(part)]
    if _long_runs(piece.split("+")):
        first, *others = piece.split("+")
        return [part.strip() for part in (first, *("+" + other for other in others)) if _digit_count(part)]
    return [piece]


def _plain(text: str, notes: list[str]) -> str:
    """Bring every digit, space and dash to its ASCII form; notes only what a reader would not expect."""
    if not text.isascii():
        seen = text.translate(_UNSEEN)
        if seen != text:
            notes.append("removed invisible characters")
        text = unicodedata.normalize("NFKC", seen).translate(_DASHES)
        text = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)
        if _digit_count(text) != _digit_count(seen):
            notes.append("wrote the digits plainly")
    text = text.strip()
    if text.startswith("'"):
        text = text[1:].strip()
        notes.append("removed the apostrophe of a spreadsheet")
    return text


def _damage(plain: str) -> str:
    """Name what makes a field no number at all, before its punctuation is looked at."""
    if _EXPONENT.fullmatch(plain):
        return "exponent"
    if not _digit_count(plain) and not any(map(str.isalpha, plain)) and not plain.startswith(("=", "@")):
        return "blank"
    return "formula" if _FORMULA.match(plain) else ""


def _without_additions(plain: str, notes: list[str]) -> str:
    if found := _DECIMALS.fullmatch(plain):
        plain = found[1]
        notes.append("removed the decimals of a spreadsheet")
    found = _EXTENSION.search(plain)
    if found and _digit_count(plain[: found.start()]) > _AREA_CODE_DIGITS:
        plain = plain[: found.start()]
        notes.append(f"left out extension {found[1]}")
    if plain.startswith("-"):
        plain = plain[1:].lstrip()
        notes.append("removed the hyphen in front")
    area, slash, _ = plain.partition("/")
    if slash and 0 < _digit_count(area) <= _AREA_CODE_DIGITS:
        plain = plain.replace("/", " ", 1)
    return plain


def _strangers(plain: str) -> str:
    """Name what stands in a field beside one number."""
    pieces = [piece for piece in _JOINTS.split(plain) if _digit_count(piece)]
    if len(pieces) > 1 or _long_runs(plain.split()) or _long_runs(plain.split("+")):
        return "several"
    if any(map(str.isalpha, plain)):
        return "letters"
    if _NUMBER.fullmatch(pieces[0].strip()):
        return ""
    return "formula" if plain.startswith("+") else "invalid"


def _long_runs(pieces: list[str]) -> bool:
    return sum(_digit_count(piece) > _AREA_CODE_DIGITS for piece in pieces) > 1


def _digit_count(text: str) -> int:
    return len(_DIGIT.findall(text))
