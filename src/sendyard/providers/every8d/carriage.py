"""
What Every8d's wire can carry: numbers, texts, and the one picture of an MMS.

Source: specification 2.2, chapters SendSMS, SendParam and SendMMS; sizes of pictures from public code.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from sendyard.domain.content import Content, Media
from sendyard.domain.errors import ErrorKind
from sendyard.providers.contract import Problem

MOBILE = re.compile(r"\+8869[0-9]{8}")
"""A Taiwanese mobile number in E.164."""

_DIGITS = re.compile("[0-9]{7,15}")
_UNCARRIED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # a line feed is carried
_PICTURE = re.compile(r"data:image/(jpeg|jpg|png|gif);base64,([A-Za-z0-9+/]+={0,2})")
_MOST_BYTES = 50_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as MMS wants it: the base64 text, and `TYPE`."""

    kind: str
    data: str

    @property
    def size(self) -> int:
        """Bytes of the picture itself."""
        return len(self.data) * 3 // 4 - self.data.count("=")


def wire_number(e164: str) -> str:
    """The number as people dial it in Taiwan: `+886912345678` → `0912345678`."""
    return f"0{e164[4:]}"


def e164_of(number: str) -> str:
    """The E.164 form of a number Every8d names, "" for none; a `+` may have come as a space, or not at all."""
    digits = number.strip().removeprefix("+")
    if not _DIGITS.fullmatch(digits):
        return ""
    if digits.startswith("09") and len(digits) == 10:
        return f"+886{digits[1:]}"
    return "" if digits.startswith("0") else f"+{digits}"


def travels_alone(content: Content) -> bool:
    """Whether SendParam cannot be trusted with it: a picture, or what SendParam's templates are made of."""
    return isinstance(content, Media) or "|" in content.body or "%field" in content.body


def text_problems(body: str, identity: str) -> list[Problem]:
    """Why a text would not arrive exactly as written; `identity` is the label it must hold, "" for any."""
    if not body.strip():
        detail = "The text is empty; Every8d refuses empty messages, so write something."
    elif "\r" in body:
        detail = "The text contains a carriage return; write each line break as a line feed."
    elif found := _UNCARRIED.search(body):
        position, char = found.start() + 1, ord(found.group())
        detail = f"The text contains the control character U+{char:04X} at position {position}; remove it."
    elif identity not in body:
        detail = f"The text does not hold the sender identity {identity}, so carriers would block it; add it."
    else:
        return []
    return [Problem(ErrorKind.CONTENT_REJECTED, detail)]


def picture_of(content: Media) -> Picture | None:
    """The picture of an MMS, given as a `data:` address; None when it is anything else."""
    item = content.items[0] if len(content.items) == 1 else None
    found = _PICTURE.fullmatch(unquote(item.url or item.handle)) if item else None
    return Picture("jpg" if found[1] == "jpeg" else found[1], found[2]) if found else None


def picture_problems(content: Media) -> list[Problem]:
    """Why an MMS could not be sent."""
    picture = picture_of(content)
    if picture is None:
        detail = (
            "Every8d takes exactly one JPEG, PNG or GIF, inside the message itself; give it as an address that "
            "begins with data:image/jpeg;base64, instead of a link."
        )
    elif picture.size > _MOST_BYTES:
        detail = f"The picture has {picture.size:,} bytes and Every8d takes about {_MOST_BYTES:,}; make it smaller."
    elif not content.title.strip():
        detail = "Every8d refuses an MMS without a subject; give the message a title."
    else:
        return []
    return [Problem(ErrorKind.CONTENT_REJECTED, detail)]
