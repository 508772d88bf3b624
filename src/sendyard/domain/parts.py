"""
Text maths: what a text costs to carry, and which of its characters make it so.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sendyard.domain.gsm import PartCount, count_gsm, gsm_units, split_gsm, utf16_units
from sendyard.domain.korean import LMS_BYTES, KoreanClass, KoreanCount, count_korean
from sendyard.domain.replacements import forcing_characters, replace_forcing, suggest_replacement

__all__ = [
    "Forcing",
    "Inspection",
    "KoreanClass",
    "KoreanCount",
    "PartCount",
    "count_gsm",
    "count_korean",
    "inspect_text",
    "split_gsm",
]


@dataclass(frozen=True, slots=True)
class Forcing:
    """
    One character that makes a text dearer or impossible to carry.

    `position` counts characters from 0, of its first appearance. `suggestion` is what to write instead; "" is
    "leave it out" for an invisible character, and "nothing comes close" for any other.
    """

    char: str
    name: str
    position: int
    suggestion: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """
    Everything a person wants to know of a text before sending it.

    `units` are counted as in `PartCount`, and `part_sizes` in those units. `bytes` is the size in the encoding:
    octets of packed septets for GSM-7. `text_class` is SMS, LMS or MMS in Korea, "" elsewhere and over the limit.
    `replaceable` says that taking every suggestion leaves nothing in `forcing`. `problem` is "" or a sentence
    saying why the text cannot be sent as it is.
    """

    encoding: str
    units: int
    bytes: int
    parts: int
    part_sizes: tuple[int, ...]
    text_class: str
    forcing: tuple[Forcing, ...]
    replaceable: bool
    problem: str

    def to_dict(self) -> dict[str, Any]:
        """Give the document `text inspect --json` prints."""
        return {
            "encoding": self.encoding,
            "units": self.units,
            "bytes": self.bytes,
            "parts": self.parts,
            "part_sizes": list(self.part_sizes),
            "class": self.text_class,
            "forcing": [
                {"char": one.char, "name": one.name, "position": one.position, "suggestion": one.suggestion}
                for one in self.forcing
            ],
            "replaceable": self.replaceable,
            "problem": self.problem,
        }


def inspect_text(text: str, country: str = "", channel: str = "sms", *, title: str = "") -> Inspection:
    """
    Say how a text is carried to a country (ISO 3166 code, or "") on a channel.

    SMS and MMS to Korea are counted in CP949 bytes, SMS elsewhere in GSM parts. Every other channel, and MMS
    elsewhere, carries UTF-8 in one piece. With a title a text to Korea is LMS, however short.
    """
    country = country.upper()
    if country == "KR" and channel in {"sms", "mms"}:
        return _inspect_korean(text, media=channel == "mms", title=title)
    if channel == "sms":
        return _inspect_gsm(text)
    size = len(text.encode("utf-8", "surrogatepass"))
    return Inspection(
        encoding="UTF-8",
        units=size,
        bytes=size,
        parts=1 if text else 0,
        part_sizes=(size,) if text else (),
        text_class="",
        forcing=(),
        replaceable=False,
        problem="",
    )


def _inspect_gsm(text: str) -> Inspection:
    found = count_gsm(text)
    gsm = found.encoding == "GSM-7"
    measure = gsm_units if gsm else utf16_units
    forcing = _name_each(text, forcing_characters(text), "")
    return Inspection(
        encoding=found.encoding,
        units=found.units,
        bytes=-(-found.units * 7 // 8) if gsm else found.units * 2,
        parts=found.parts,
        part_sizes=tuple(measure(piece) for piece in split_gsm(text)),
        text_class="",
        forcing=forcing,
        replaceable=bool(forcing) and not forcing_characters(replace_forcing(text)),
        problem="",
    )


def _inspect_korean(text: str, *, media: bool, title: str) -> Inspection:
    found = count_korean(text, media=media, title=title)
    # Pictures make it MMS and a title LMS however short the text is, so only what cannot be carried matters.
    forcing = _name_each(text, found.unencodable if media or title else forcing_characters(text, "KR"), "KR")
    plain = replace_forcing(text, "KR")
    return Inspection(
        encoding="CP949",
        units=found.bytes,
        bytes=found.bytes,
        parts=found.parts,
        part_sizes=(found.bytes,) if found.parts else (),
        text_class=found.klass or "",
        forcing=forcing,
        replaceable=bool(forcing) and not count_korean(plain).unencodable,
        problem=_korean_problem(found),
    )


def _korean_problem(found: KoreanCount) -> str:
    if found.unencodable:
        named = ", ".join(f"{char!r} ({_name(char)})" for char in found.unencodable)
        return f"Korean carriers take only the characters of CP949; replace or remove {named}."
    if found.klass is None:
        return (
            f"The text is {found.bytes:,} bytes; Korea carries at most {LMS_BYTES:,} and never splits. "
            f"Shorten it by {found.bytes - LMS_BYTES:,} bytes."
        )
    return ""


def _name_each(text: str, chars: Iterable[str], country: str) -> tuple[Forcing, ...]:
    return tuple(
        Forcing(char, _name(char), text.index(char), suggest_replacement(char, country) or "") for char in chars
    )


def _name(char: str) -> str:
    """Give the Unicode name; control characters and newcomers have none and get their code."""
    return unicodedata.name(char, f"U+{ord(char):04X}")
