"""
What a caller may ask for, and what is answered about a code somebody typed.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from sendyard.delivery.preflight import LONGEST_REFERENCE, LONGEST_SENDER, is_storable
from sendyard.domain.channels import Channel
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.phone import ParsedNumber, parse_phone

SHORTEST, LONGEST = 4, 10
"""Digits of a code."""
SHORTEST_LIFE, LONGEST_LIFE = 60, 3600
"""Seconds a code may be good for; texts speak of minutes."""
DEFAULT_LENGTH, DEFAULT_LIFE, ATTEMPTS = 6, 300, 5

_MOST_TYPED = 12  # digits: more is no code of anybody's


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeWish:
    """
    A code for one person.

    `provider` true asks for a code that a provider makes, sends and checks; None leaves it to `account`, which is
    asked for one when it can. `template` is then the provider's own name of one, else the code of a stored template
    that has the variable `{code}`, and may have `{minutes}`.
    """

    to: str  # as typed
    country: str = ""  # by which a national number is read
    channel: Channel = Channel.SMS
    account: str = ""  # id or name; "" lets the route decide
    provider: bool | None = None
    template: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    language: str = ""  # of the text when there is no template; "" goes by the number's country
    sender: str = ""
    length: int = DEFAULT_LENGTH
    expires_in: int = DEFAULT_LIFE
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    Whether a typed code is the one.

    `reason` is "" or one of: wrong_code, expired, locked (no attempts are left), used (it was verified before),
    cancelled (a newer code took its place), no_session (the provider knows of no code), unavailable (it could not be
    asked; nothing was learnt).
    """

    verified: bool
    reason: str
    attempts_left: int


def check_wish(wish: CodeWish) -> ParsedNumber:
    """
    Read the number and check what needs no database.

    Raises:
        Invalid: with one error per field.
    """
    errors: list[FieldError] = []
    number = parse_phone(wish.to, wish.country.upper())
    if not number.ok:
        errors.append(FieldError("/to", number.reason, number.detail))
    if not SHORTEST <= wish.length <= LONGEST:
        detail = f"Expected {SHORTEST} to {LONGEST} digits, found {wish.length}."
        errors.append(FieldError("/length", "bad_length", detail))
    if not SHORTEST_LIFE <= wish.expires_in <= LONGEST_LIFE:
        detail = f"Expected {SHORTEST_LIFE} to {LONGEST_LIFE:,} seconds, found {wish.expires_in:,}."
        errors.append(FieldError("/expires_in", "bad_expiry", detail))
    for name, value, limit in (
        ("reference", wish.reference, LONGEST_REFERENCE),
        ("sender", wish.sender, LONGEST_SENDER),
    ):
        if len(value) > limit or not is_storable(value):
            detail = f"Expected at most {limit} ordinary characters, found {len(value)}, or one that cannot be stored."
            errors.append(FieldError(f"/{name}", "bad_text", detail))
    if errors:
        raise Invalid(errors[0].code, errors[0].detail, errors=errors)
    return number


def read_code(typed: str) -> str:
    """
    Give the digits of what a person typed: blanks and hyphens go, digits of any script count.

    Raises:
        Invalid: it holds something else, or far too much; no attempt is used up by it.
    """
    plain = unicodedata.normalize("NFKC", typed)
    digits = [unicodedata.decimal(char, None) for char in plain if not char.isspace() and char not in "-‐‑–"]
    if not 1 <= len(digits) <= _MOST_TYPED or None in digits:
        detail = f"Expected the 1 to {_MOST_TYPED} digits of a code, found something else; ask the person again."
        raise Invalid("bad_code", detail, errors=[FieldError("/code", "bad_code", detail)])
    return "".join(map(str, digits))
