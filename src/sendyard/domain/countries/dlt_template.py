"""
India's DLT templates: the approved text with its variables, read once and kept.

A placeholder is `{#var#}`, or a tagged one such as `{#numeric#}` (TRAI direction of 18 November 2025). Variables
standing directly next to each other are one slot whose limits add up.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

TAGS = ("numeric", "number", "alphanumeric", "url", "urlott", "cbn", "email")
"""Tags whose values operators check; `var` is untagged."""

UNLIMITED = 1_000_000
"""More characters than any message has: the limit when limits are set aside."""

_PLACEHOLDER = re.compile(r"\{#(var|" + "|".join(TAGS) + r")#\}")
_LIKE_A_PLACEHOLDER = re.compile(r"\{#[^}]*#?\}|#[A-Za-z]+#|X{4,}")
_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+")
_WEB = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_CALLBACK = re.compile(r"\+?[\d \-]{8,15}")


@dataclass(frozen=True, slots=True)
class Slot:
    """
    One place for values: one variable, or several that touch.

    Attributes:
        first: number of its first variable, from 1.
        tags: one per variable in it, "" for an untagged one.
        limit: the longest value, the sum for several; only untagged and alphanumeric variables have one.
    """

    first: int
    tags: tuple[str, ...]
    limit: int

    @property
    def tag(self) -> str:
        """The tag a value must obey; "" when there is none or the variables of the slot differ."""
        return self.tags[0] if len(set(self.tags)) == 1 else ""

    @property
    def name(self) -> str:
        """For sentences: `variable 2`, `variables 2 to 3`."""
        last = self.first + len(self.tags) - 1
        return f"variable {self.first}" if last == self.first else f"variables {self.first} to {last}"


@dataclass(frozen=True, slots=True, eq=False)
class DltTemplate:
    """
    A template as operators compare: `statics[0] slots[0] statics[1] … slots[-1] statics[-1]`.

    Made by `read_template`, which gives the same object for the same text, so objects compare by identity.
    """

    text: str
    statics: tuple[str, ...]
    slots: tuple[Slot, ...]

    @property
    def variables(self) -> int:
        """How many placeholders it has."""
        return sum(len(slot.tags) for slot in self.slots)

    def malformed(self) -> tuple[str, ...]:
        """Give what looks like a placeholder in the fixed text but is none, such as `{#VAR#}` or `XXXX`."""
        return tuple(match[0] for static in self.statics for match in _LIKE_A_PLACEHOLDER.finditer(static))


@lru_cache(maxsize=2048)
def read_template(
    text: str, tags: Sequence[str] = (), *, variable_limit: int = 30, alphanumeric_limit: int = 40
) -> DltTemplate:
    """
    Read an approved text; `tags` are those kept beside it, in the order of its variables, and fill in for `{#var#}`.

    Only line ends are made alike; everything else is compared exactly, so nothing else may change here.
    """
    text = text.replace("\r\n", "\n")
    pieces = _PLACEHOLDER.split(text)
    statics, slots = [pieces[0]], list[Slot]()
    for number, (written, static) in enumerate(zip(pieces[1::2], pieces[2::2], strict=True), start=1):
        beside = tags[number - 1] if len(tags) >= number else ""
        tag = (beside if beside in TAGS else "") if written == "var" else written
        limit = variable_limit if not tag else alphanumeric_limit if tag == "alphanumeric" else UNLIMITED
        if number > 1 and not statics[-1]:
            before = slots.pop()
            slots.append(Slot(before.first, (*before.tags, tag), min(before.limit + limit, UNLIMITED)))
            statics[-1] = static
        else:
            slots.append(Slot(number, (tag,), limit))
            statics.append(static)
    return DltTemplate(text, tuple(statics), tuple(slots))


def value_fault(slot: Slot, value: str) -> tuple[str, str]:
    """
    Say what operators refuse in a value: (kind, sentence), ("", "") for nothing.

    Kinds: "variable_too_long", "variable_content" (line end, angle bracket, a placeholder left over),
    "variable_type" (its tag), "variable_empty".
    """
    if not value.strip():
        return "variable_empty", f"{slot.name} has no value."
    if any(char in value for char in "\n<>") or "{#" in value:
        return (
            "variable_content",
            f"{slot.name} holds a line end, an angle bracket or a placeholder ({value!r:.60}). Write plain words.",
        )
    if len(value) > slot.limit:
        found = f"found {len(value)} ({value!r:.60})"
        advice = "Shorten it, or register two variables next to each other."
        return "variable_too_long", f"{slot.name} may have {slot.limit} characters, {found}. {advice}"
    if not _fits_tag(slot.tag, value):
        return "variable_type", f"{slot.name} is registered as {slot.tag}, found {value!r:.60}. {_TAG_ADVICE[slot.tag]}"
    return "", ""


_TAG_ADVICE = {
    "numeric": "Use digits only: no letters, sign, comma, full stop or currency.",
    "number": "Use digits only: no letters, sign, comma, full stop or currency.",
    "alphanumeric": "Use letters, digits and spaces only.",
    "url": "Use a whole web address.",
    "urlott": "Use a whole web address.",
    "cbn": "Use a telephone number.",
    "email": "Use an e-mail address.",
}


def _fits_tag(tag: str, value: str) -> bool:
    match tag:
        case "numeric" | "number":
            return value.isascii() and value.isdigit()
        case "alphanumeric":
            # Vowel signs of Indian scripts are marks, not letters, and belong to words all the same.
            return all(char == " " or char.isalnum() or unicodedata.category(char)[0] == "M" for char in value)
        case "url" | "urlott":
            return _WEB.fullmatch(value) is not None
        case "cbn":
            return _CALLBACK.fullmatch(value) is not None
        case "email":
            return _EMAIL.fullmatch(value) is not None
        case _:
            return True
