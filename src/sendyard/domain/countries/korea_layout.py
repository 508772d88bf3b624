"""
The layout of a Korean advertisement: `(광고)` and the name first, the free way to refuse last.

```
(광고)<name> <body>
문의 <contact>
무료수신거부 080-123-4567
```
"""

import re

LABEL = "(광고)"

_OPENING, _CLOSING = r"[(\[{<（［｛【〔〈《「『\"'“‘]", r"[)\]}>）］｝】〕〉》」』\"'”’]"
_LABEL_LIKE = re.compile(rf"\s*{_OPENING}{{1,3}}\s*[가-힣]{{0,4}}\s*광[\s./·,_\-]{{0,3}}고\s*{_CLOSING}{{1,3}}")
_EXACT = re.compile(r"\s*\(광고\)")

_FREE_NUMBER = r"080-?\d{3,4}-?\d{4}"
_FOOTER = re.compile(rf"무료\s*(?:수신)?\s*거부\s*:?\s*{_FREE_NUMBER}\s*\Z")
# What people write at the end when they mean the footer: without 무료, with a colon, in brackets, or no number.
# A bare 거부 without number may end any sentence and is left alone.
_FOOTER_LIKE = re.compile(
    rf"\s*[\[(【]?[ \t]*(?:"
    rf"(?:무료\s*(?:수신)?|수신)\s*거부[ \t]*:?[ \t]*(?:{_FREE_NUMBER})?|거부[ \t]*:?[ \t]*{_FREE_NUMBER}"
    r")[ \t]*[\])】]?\s*\Z"
)
FREE_NUMBER = re.compile(_FREE_NUMBER)


def wrong_label(text: str) -> tuple[int, int] | None:
    """Give where the text begins with something like the label that is not it: `[광고]`, `(광 고)`, `(대출광고)`."""
    found = _LABEL_LIKE.match(text)
    if found is None or _EXACT.match(text):
        return None
    return found.start() + len(found[0]) - len(found[0].lstrip()), found.end()


def has_label(text: str) -> bool:
    """True when the very first characters are the label."""
    return text.startswith(LABEL)


def with_label(text: str) -> str:
    """Put the label first; space before it is taken away."""
    return LABEL + (text[found.end() :] if (found := _EXACT.match(text)) else text).lstrip()


def name_position(text: str, name: str) -> int:
    """Give where the name follows the label, or -1; only spaces may stand between."""
    after = text[len(LABEL) :]
    stripped = after.lstrip(" ")
    return len(text) - len(stripped) if stripped.startswith(name) else -1


def with_name(text: str, name: str) -> str:
    """Write the name directly after the label; a name that merely opens the body later stays there."""
    return f"{LABEL}{name} {text[len(LABEL) :].lstrip(' ')}"


def has_footer(text: str) -> bool:
    """True when the text ends in the free way to refuse, with its words and an 080 number."""
    return _FOOTER.search(text) is not None


def footer(number: str) -> str:
    """The last line as the guide words it."""
    return f"무료수신거부 {number}"


def with_footer(text: str, number: str) -> str:
    """End the text in the footer; an ending that was meant as one is replaced."""
    body = text
    while (found := _FOOTER_LIKE.search(body)) is not None:
        body = body[: found.start()]
    return f"{body.rstrip()}\n{footer(number)}"


def with_contact(text: str, contact: str) -> str:
    """Write the line of the contact before the footer, or last when there is none."""
    found = _FOOTER.search(text)
    if found is None:
        return f"{text.rstrip()}\n문의 {contact}"
    return f"{text[: found.start()].rstrip()}\n문의 {contact}\n{found[0].strip()}"


def same_number(one: str, other: str) -> bool:
    """Compare two Korean numbers by their digits."""
    digits = re.sub(r"\D", "", one)
    return bool(digits) and digits == re.sub(r"\D", "", other)


def holds_number(text: str, number: str) -> bool:
    """Say whether a contact stands in a text; a number with or without hyphens."""
    digits = re.sub(r"\D", "", number)
    return number in text or (bool(digits) and digits in re.sub(r"[\s\-.()]", "", text))
