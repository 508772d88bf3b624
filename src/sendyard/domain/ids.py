"""
Identifiers: UUID version 7 (RFC 9562), so that they sort by the time they were made.
"""


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
