"""
The GSM 03.38 alphabet, and how a text is cut into the parts of a long SMS.

Alphabet and part sizes: 3GPP TS 23.038 §6.2.1 and TS 23.040 §9.2.3.24.1 (six octets of header in each part).
"""

import re
from typing import Literal

from sendyard.domain.values import dataclass

GSM_SINGLE, GSM_JOINED = 160, 153
"""Septets in a lone part, and in each part of a joined text."""
UCS2_SINGLE, UCS2_JOINED = 70, 67
"""UTF-16 units in a lone part, and in each part of a joined text."""

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""Characters of one septet."""
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
"""Characters of two septets: an escape and a code."""

_ESCAPE = "\x1b"
_ASCII_BASIC = "".join(sorted(c for c in GSM_BASIC if c.isascii())).encode()
_ASCII_EXTENSION = "".join(sorted(c for c in GSM_EXTENSION if c.isascii())).encode()
_ONLY_GSM = re.compile("[" + re.escape("".join(sorted(GSM_BASIC | GSM_EXTENSION))) + "]*")
_EXTENSION = re.compile("[" + re.escape("".join(sorted(GSM_EXTENSION))) + "]")


@dataclass(frozen=True, slots=True)
class PartCount:
    """What a text costs on the air: `units` are septets (GSM-7), UTF-16 units (UCS-2) or bytes (CP949, UTF-8)."""

    encoding: Literal["GSM-7", "UCS-2", "CP949", "UTF-8"]
    units: int
    parts: int


# Most texts fit one part, and building a frozen object costs more than counting: all of these exist already.
_GSM_LONE = tuple(PartCount("GSM-7", n, min(n, 1)) for n in range(GSM_SINGLE + 1))
_UCS2_LONE = tuple(PartCount("UCS-2", n, min(n, 1)) for n in range(UCS2_SINGLE + 1))


def count_gsm(text: str) -> PartCount:
    """
    Count the parts of an SMS that carries GSM-7 if every character allows it, UCS-2 otherwise.

    Exact: an escape pair or surrogate pair never straddles two parts, so a part may close one unit early.
    Empty text has no parts. CR LF counts two.
    """
    if text.isascii():
        rest = text.encode().translate(None, _ASCII_BASIC)
        if not rest:
            units = len(text)
            return _GSM_LONE[units] if units <= GSM_SINGLE else PartCount("GSM-7", units, -(-units // GSM_JOINED))
        if rest.translate(None, _ASCII_EXTENSION):
            return _ucs2_without_pairs(len(text))
        units = len(text) + len(rest)
    elif _ONLY_GSM.fullmatch(text):
        units = len(text) + len(_EXTENSION.findall(text))
    else:
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        if units == len(text):
            return _ucs2_without_pairs(units)
        return _UCS2_LONE[units] if units <= UCS2_SINGLE else PartCount("UCS-2", units, len(_split_ucs2(text)))
    return _GSM_LONE[units] if units <= GSM_SINGLE else PartCount("GSM-7", units, len(_split_septets(text)))


def split_gsm(text: str) -> list[str]:
    """Cut a text where a long SMS is cut; the pieces joined are the text, and `count_gsm` counts them."""
    found = count_gsm(text)
    if found.parts <= 1:
        return [text] if text else []
    return _split_septets(text) if found.encoding == "GSM-7" else _split_ucs2(text)


def is_gsm(text: str) -> bool:
    """True when GSM-7 carries every character of the text."""
    return _ONLY_GSM.fullmatch(text) is not None


def gsm_units(text: str) -> int:
    """Septets of a text that `is_gsm`."""
    return len(text) + len(_EXTENSION.findall(text))


def utf16_units(text: str) -> int:
    """UTF-16 code units; a character beyond U+FFFF has two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _ucs2_without_pairs(units: int) -> PartCount:
    return _UCS2_LONE[units] if units <= UCS2_SINGLE else PartCount("UCS-2", units, -(-units // UCS2_JOINED))


def _split_septets(text: str) -> list[str]:
    # One character per septet: the escape itself is not in the alphabet, so removing it restores the text.
    septets = _EXTENSION.sub(_ESCAPE + r"\g<0>", text)
    pieces, start = [], 0
    while start < len(septets):
        end = start + GSM_JOINED
        if septets[end - 1 : end] == _ESCAPE:
            end -= 1
        pieces.append(septets[start:end].replace(_ESCAPE, ""))
        start = end
    return pieces


def _split_ucs2(text: str) -> list[str]:
    pieces, start, units = [], 0, 0
    for at, char in enumerate(text):
        width = 2 if char > "\uffff" else 1
        if units + width > UCS2_JOINED:
            pieces.append(text[start:at])
            start, units = at, 0
        units += width
    pieces.append(text[start:])
    return pieces
