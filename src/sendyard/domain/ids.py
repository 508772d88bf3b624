"""
Identifiers: UUID version 7 (RFC 9562), so that they sort by the time they were made.
"""

import re
from collections.abc import Iterable

_UUID7 = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def compose_uuid7(unix_ms: int, random_74_bits: int) -> str:
    """
    Build the canonical 36-character text of a UUIDv7.

    Args:
        unix_ms: milliseconds since 1970, at most 48 bits.
        random_74_bits: fills `rand_a` (12 bits, the highest) and `rand_b` (62 bits).
    """
    rand_a = random_74_bits >> 62 & 0xFFF
    rand_b = random_74_bits & 0x3FFF_FFFF_FFFF_FFFF
    digits = f"{(unix_ms & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def compose_uuid7s(unix_ms: int, randoms: Iterable[int]) -> list[str]:
    """As `compose_uuid7` for each; of numbers that differ only in their last 48 bits the beginning is written once."""
    composed: list[str] = []
    known, stem = -1, ""
    for random in randoms:
        high = random >> 48
        if high != known:
            known, stem = high, compose_uuid7(unix_ms, high << 48)[:-12]
        composed.append(f"{stem}{random & 0xFFFF_FFFF_FFFF:012x}")
    return composed


def uuid7_ms(text: str) -> int | None:
    """Read when a UUIDv7 was made, in milliseconds since 1970; None for any other text."""
    found = _UUID7.fullmatch(text)
    return int(found[1] + found[2], 16) if found else None


def attempt_id(message_id: str, number: int) -> str:
    """
    Name the `number`-th attempt (from 1) of a message; at most 36 characters, the narrowest reference.

    It contains the message, so whoever hears the reference knows which message is meant.
    """
    return f"{message_id.replace('-', '')}-{number}"


def split_attempt_id(attempt: str) -> tuple[str, int] | None:
    """Undo `attempt_id`; None for text that is no attempt's name."""
    digits, _, number = attempt.partition("-")
    if len(digits) != 32 or not number.isascii() or not number.isdigit():
        return None
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}", int(number)
