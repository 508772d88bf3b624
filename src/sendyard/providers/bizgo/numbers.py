"""
How BizGO writes recipients: Korean numbers as dialled in Korea, all others with their country code, without a plus.

Source: sheet section 4.1.
"""

from sendyard.domain.phone import national_digits

_KOREA = "+82"


def is_korean(e164: str) -> bool:
    """Whether a number is one of South Korea."""
    return e164.startswith(_KOREA)


def wire_number(e164: str) -> str:
    """Write a recipient as BizGO wants it."""
    return national_digits(e164, "KR") if e164.startswith(_KOREA) else e164[1:]


def comparable(number: str) -> str:
    """A recipient as BizGO answers it, in the form `wire_number` gives; Korean ones sometimes come as `8210…`."""
    digits = number.replace("-", "")
    return "0" + digits[2:] if digits.startswith("82") else digits
