"""
Which characters force a dearer encoding, and what to write instead of them.

The table is a suggestion shown to people; nothing is replaced unless they ask.
"""

import unicodedata
from collections.abc import Iterable

from sendyard.domain.gsm import is_gsm
from sendyard.domain.korean import SMS_BYTES, is_cp949

_GROUPS: tuple[tuple[str, str], ...] = (
    ("'", "`´‘’‚‛′ʹʻʼˈ"),
    ('"', "“”„‟″〝〞ʺ«»《》「」『』"),
    ("<", "‹〈"),
    (">", "›〉"),
    ("[", "【〔"),
    ("]", "】〕"),
    ("-", "‐‑‒–—―−﹘﹣⁃─"),
    ("...", "…⋯"),
    (":", "︰∶ː"),
    ("/", "⁄∕"),
    ("*", "•‣∙●◦▪★☆※∗"),
    (".", "·・‧。"),
    (",", "、"),
    ("~", "〜∼"),
    ("x", "×"),
    ("!=", "≠"),
    ("<=", "≤"),
    (">=", "≥"),
    ("->", "→"),
    ("<-", "←"),
    ("TM", "™"),
    ("(c)", "©"),
    ("(R)", "®"),
    ("KRW ", "₩￦"),
    (" ", "\t\v\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"),
    ("\n", "\u0085\u2028\u2029"),
    ("", "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"),
    ("", "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff"),
)
_LETTERS = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧıłŁđĐªºœŒ", [*"ABEZHIKMNOPTYXilLdDao", "oe", "OE"], strict=True))
"""Letters without an accent to strip: Greek capitals that look Latin, and a few of Latin script."""
_FULL_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_TABLE: dict[str, str] = {
    **{char: plain for plain, chars in _GROUPS for char in chars},
    **_LETTERS,
    **_FULL_WIDTH,
    "｀": "'",
}

# Where Korea has its own character, which keeps the look.
_TABLE_OF_KOREA = {**_TABLE, "₩": "￦", "•": "·", "‧": "·", "・": "·"}
_NARROWER_IN_KOREA = frozenset(
    char for char, plain in _TABLE_OF_KOREA.items() if is_cp949(char) and len(plain) < len(char.encode("cp949"))
)
"""Two-byte characters with a replacement of one byte, or of none."""

_ACCENTS = range(0x300, 0x370)
"""The block of combining accents for Latin, Greek and Cyrillic letters."""


def suggest_replacement(char: str, country: str = "") -> str | None:
    """
    Give what to write instead of one character: "" means leave it out, None means nothing comes close.

    Every replacement is carried by GSM-7, or for KR by CP949.
    """
    table = _TABLE_OF_KOREA if country == "KR" else _TABLE
    plain = table.get(char)
    return _without_accent(char) if plain is None else plain


def forcing_characters(text: str, country: str = "") -> tuple[str, ...]:
    """
    Give the distinct characters that force a dearer way to carry an SMS, in order of appearance.

    Elsewhere than KR these keep a text out of GSM-7. In KR they are those that CP949 cannot carry, and two-byte
    characters whose replacement would bring an LMS down to an SMS.
    """
    if country != "KR":
        return () if is_gsm(text) else tuple(char for char in dict.fromkeys(text) if not is_gsm(char))
    distinct = dict.fromkeys(text)
    foreign = {char for char in distinct if not is_cp949(char)}
    narrower = _NARROWER_IN_KOREA & distinct.keys()
    size = _korean_bytes(_replace(text, foreign, "KR"))
    if not narrower or size <= SMS_BYTES or _korean_bytes(_replace(text, foreign | narrower, "KR")) > SMS_BYTES:
        narrower = frozenset()
    return tuple(char for char in distinct if char in foreign or char in narrower)


def replace_forcing(text: str, country: str = "") -> str:
    """
    Replace the forcing characters, when that helps.

    KR: every one that has a replacement, since what CP949 lacks could not be sent at all. Elsewhere all or nothing:
    a text that would stay UCS-2 anyway (Chinese, emoji) keeps its punctuation.
    """
    plain = _replace(text, forcing_characters(text, country), country)
    return plain if country == "KR" or is_gsm(plain) else text


def _replace(text: str, chars: Iterable[str], country: str) -> str:
    table = {ord(char): plain for char in chars if (plain := suggest_replacement(char, country)) is not None}
    return text.translate(table)


def _korean_bytes(text: str) -> int:
    return len(text.encode("cp949", "replace"))


def _without_accent(char: str) -> str | None:
    """Strip a Latin letter of its accents; an accent of its own is left out; other scripts have no plainer form."""
    if ord(char) in _ACCENTS:
        return ""
    letter = unicodedata.normalize("NFD", char)[0]
    return letter if letter != char and letter.isascii() else None
