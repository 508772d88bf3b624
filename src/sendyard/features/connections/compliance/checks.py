"""
The facts a workspace tells, checked one by one: each check gives the value as it is kept, or says what is wrong.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sendyard.delivery.preflight import is_storable
from sendyard.domain.countries.dlt_template import TAGS
from sendyard.domain.countries.hours import is_zone
from sendyard.domain.countries.korea_layout import FREE_NUMBER
from sendyard.domain.countries.situation import Registration
from sendyard.domain.errors import FieldError, Invalid

Check: TypeAlias = Callable[[Any], Any]
"""A value as given → as it is kept. Raises ValueError with the rest of a sentence that begins with the field."""

CATEGORIES = ("transactional", "service_implicit", "service_explicit", "promotional")
"""The categories of templates at India's DLT portals."""

LONGEST_NAME = 60
LONGEST_NOTE = 1000
LONGEST_TEXT = 2000
LONGEST_URL = 2000
MOST_ALLOWED = 10_000
MOST_WORDS = 20
MOST_MINUTES = 12 * 60
MOST_CHARACTERS = 200

_DLT_ID = re.compile(r"\d{19}", re.ASCII)
_NUMBER = re.compile(r"\+?[\d \-().#]{3,24}", re.ASCII)
_URL = re.compile(r"(?:https?://|www\.)\S+|(?:[\w\-]+\.)+[\w\-]{2,}(?:[/:?#]\S*)?\*?", re.IGNORECASE)


def checked(given: Mapping[str, Any], checks: Mapping[str, Check], *, code: str, place: str = "") -> dict[str, Any]:
    """
    Check every field that was given.

    Args:
        given: values by field.
        checks: a check for each field there is.
        code: of the error as a whole.
        place: the JSON pointer of the object the fields stand in.

    Raises:
        Invalid: one error for each field at fault.
    """
    found: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in given.items():
        if name not in checks:
            detail = f"There is no {name!r:.60} here; expected some of {', '.join(checks)}."
            errors.append(FieldError(f"{place}/{name}", "unknown_field", detail))
            continue
        try:
            found[name] = checks[name](value)
        except ValueError as error:
            errors.append(FieldError(f"{place}/{name}", "bad_value", f"{name}: {error}."))
    if errors:
        raise Invalid(code, errors[0].detail, errors=errors)
    return found


def plain(value: Any, longest: int = LONGEST_NAME) -> str:
    """Take one line of text; "" stands for "not known"."""
    if not isinstance(value, str) or not is_storable(value) or len(value.strip()) > longest:
        raise ValueError(f"expected a text of at most {longest} characters, found {value!r:.60}")
    if any(ord(char) < ord(" ") for char in value.strip()):
        raise ValueError(f"expected one line, found {value!r:.60}")
    return value.strip()


def sender(value: Any) -> str:
    """Take a sender exactly as the provider knows it: a Korean 16009064 must not become +8216009064."""
    if not isinstance(value, str) or not value.strip() or value != value.strip():
        raise ValueError(f"expected a sender as the provider knows it, without space around it, found {value!r:.60}")
    return plain(value)


def note(value: Any) -> str:
    """Take a remark of several lines."""
    if not isinstance(value, str) or not is_storable(value) or len(value) > LONGEST_NOTE:
        raise ValueError(f"expected at most {LONGEST_NOTE} characters, found {value!r:.60}")
    return value.strip()


def time_zone(value: Any) -> str:
    """Take an IANA time zone; "" stands for "not known"."""
    name = plain(value)
    if name and not is_zone(name):
        raise ValueError(f"expected a time zone such as Asia/Seoul, found {name!r:.60}")
    return name


def free_number(value: Any) -> str:
    """Take one of Korea's free 080 numbers; "" stands for none."""
    number = plain(value)
    if number and not FREE_NUMBER.fullmatch(number):
        raise ValueError(f"expected a Korean 080 number such as 080-123-4567, found {number!r:.60}")
    return number


def registration(value: Any) -> Registration:
    """Take what a registry says."""
    if value not in {*Registration}:
        raise ValueError(f"expected one of {', '.join(Registration)}, found {value!r:.60}")
    return Registration(value)


def yes_or_no(value: Any) -> bool:
    """Take a truth value."""
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, found {value!r:.60}")  # noqa: TRY004 - the word for any bad value
    return value


def words(value: Any) -> tuple[str, ...]:
    """Take spellings of a name, the preferred first."""
    return _several(value, plain, MOST_WORDS, "spellings")


def urls(value: Any) -> tuple[str, ...] | None:
    """Take registered addresses; None stands for "nobody told us", an empty list for "none is registered"."""
    return None if value is None else _several(value, _url, MOST_ALLOWED, "addresses")


def numbers(value: Any) -> tuple[str, ...] | None:
    """Take registered telephone numbers; None stands for "nobody told us"."""
    return None if value is None else _several(value, _number, MOST_ALLOWED, "numbers")


def senders(value: Any) -> tuple[str, ...] | None:
    """Take the senders a template is linked to; None stands for "nobody told us"."""
    return None if value is None else _several(value, sender, MOST_ALLOWED, "senders")


def tags(value: Any) -> tuple[str, ...]:
    """Take the kind of each variable, "" or var for an untagged one."""
    return _several(value, _tag, MOST_WORDS * 5, "tags", repeated=True)


def dlt_id(value: Any) -> str:
    """Take an id of India's DLT platform; "" stands for "not known"."""
    number = plain(value)
    if number and not _DLT_ID.fullmatch(number):
        raise ValueError(f"expected the 19 digits of the DLT portal, found {number!r:.60}")
    return number


def telemarketers(value: Any) -> tuple[str, ...]:
    """Take telemarketer ids in the order of the chain."""
    return _several(value, dlt_id, MOST_WORDS, "ids")


def template_text(value: Any) -> str:
    """Take a registered text exactly; only line ends are made alike."""
    if not isinstance(value, str) or not value.strip() or not is_storable(value) or len(value) > LONGEST_TEXT:
        raise ValueError(f"expected the text as approved, 1 to {LONGEST_TEXT} characters, found {value!r:.60}")
    return value.replace("\r\n", "\n")


def category(value: Any) -> str:
    """Take a category of India's DLT portals; "" stands for "not known"."""
    if value not in {"", *CATEGORIES}:
        raise ValueError(f"expected one of {', '.join(CATEGORIES)}, found {value!r:.60}")
    return str(value)


def options(value: Any) -> dict[str, Any]:
    """Take some of the figures our sources leave open; null puts one back to what it is by itself."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected an object, found {value!r:.60}")  # noqa: TRY004 - likewise
    for name, wanted in value.items():
        if name not in OPTIONS:
            raise ValueError(f"expected some of {', '.join(OPTIONS)}, found {name!r:.60}")
        kind, most = OPTIONS[name]
        if wanted is None or (kind is bool and isinstance(wanted, bool)):
            continue
        least = 0 if most == MOST_MINUTES else 1
        if kind is bool or isinstance(wanted, bool) or not isinstance(wanted, int) or not least <= wanted <= most:
            expected = "true or false" if kind is bool else f"a whole number from {least} to {most}"
            raise ValueError(f"{name}: expected {expected}, found {wanted!r:.60}")
    return dict(value)


def _several(value: Any, check: Check, most: int, what: str, *, repeated: bool = False) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, (list, tuple)) or len(value) > most:
        raise ValueError(f"expected a list of at most {most:,} {what}, found {value!r:.60}")
    found = [check(one) for one in value]
    if repeated:
        return tuple(found)
    if not all(found):
        raise ValueError(f"expected {what} that are not empty, found an empty one")
    return tuple(dict.fromkeys(found))


def _url(value: Any) -> str:
    address = plain(value, LONGEST_URL)
    if not _URL.fullmatch(address):
        raise ValueError(f"expected a web address such as https://shop.example/*, or a host, found {address!r:.60}")
    return address


def _number(value: Any) -> str:
    number = plain(value)
    if not _NUMBER.fullmatch(number) or sum(map(str.isdigit, number)) < 3:
        raise ValueError(f"expected a telephone number, found {number!r:.60}")
    return number


def _tag(value: Any) -> str:
    if value not in {"", "var", *TAGS}:
        raise ValueError(f"expected var, {', '.join(TAGS)}, found {value!r:.60}")
    return "" if value == "var" else str(value)


OPTIONS: Mapping[str, tuple[type, int]] = {
    "korea_margin_minutes": (int, MOST_MINUTES),
    "korea_relationship": (bool, 1),
    "india_variable_limit": (int, MOST_CHARACTERS),
    "india_alphanumeric_limit": (int, MOST_CHARACTERS),
    "india_block_numbers": (bool, 1),
    "india_explicit_any_hour": (bool, 1),
}
"""Every option of `domain.countries.situation.Options`: what it is made of, and the highest number it may be."""
