"""
Korean message classes: counted in CP949 bytes, never split.

Sizes: the carriers' SMS, LMS and MMS limits (90 and 2,000 bytes), as every Korean provider repeats them.
"""

from dataclasses import dataclass
from enum import StrEnum

SMS_BYTES = 90
LMS_BYTES = 2000
TITLE_BYTES = 40


class KoreanClass(StrEnum):
    """What a Korean message is billed as."""

    SMS = "SMS"  # up to 90 bytes, no title
    LMS = "LMS"  # up to 2,000 bytes, or any text with a title
    MMS = "MMS"  # with pictures


@dataclass(frozen=True, slots=True)
class KoreanCount:
    """
    Size and class of one Korean text.

    `unencodable` holds the distinct characters CP949 has no bytes for, in order of appearance; each is counted as
    one byte, and the text must not be sent before they are replaced. `klass` is None over 2,000 bytes.
    """

    bytes: int
    klass: KoreanClass | None
    parts: int = 1
    unencodable: tuple[str, ...] = ()

    @property
    def is_sendable(self) -> bool:
        """True when the text has a class and every character has bytes."""
        return self.klass is not None and not self.unencodable


# Building a frozen object costs more than counting a short text: all of these exist already.
_SHORT = tuple(KoreanCount(size, KoreanClass.SMS, min(size, 1)) for size in range(SMS_BYTES + 1))


def count_korean(text: str, *, media: bool = False, title: str = "") -> KoreanCount:
    """
    Count the CP949 bytes of a text and name its class; `parts` is 0 for nothing at all, else 1.

    CP949, not EUC-KR: Python writes the rarer syllables (뷁) as eight bytes in EUC-KR. A line end is one byte as LF.
    The title's own limit (`TITLE_BYTES`) is not judged here; a title only makes a text LMS.
    """
    unencodable: tuple[str, ...] = ()
    if text.isascii():
        size = len(text)
    else:
        try:
            size = len(text.encode("cp949"))
        except UnicodeEncodeError:
            unencodable = tuple(dict.fromkeys(char for char in text if not is_cp949(char)))
            size = len(text.encode("cp949", "replace"))
    if size <= SMS_BYTES and not (media or title or unencodable):
        return _SHORT[size]
    klass = KoreanClass.MMS if media else KoreanClass.SMS if size <= SMS_BYTES and not title else KoreanClass.LMS
    return KoreanCount(size, klass if size <= LMS_BYTES else None, 1, unencodable)


def is_cp949(text: str) -> bool:
    """True when CP949 has bytes for every character of the text."""
    try:
        text.encode("cp949")
    except UnicodeEncodeError:
        return False
    return True
