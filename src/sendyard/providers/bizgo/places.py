"""
Places: `#{name}` in a text, which BizGO fills with each recipient's words.

Source: sheet section 4.1; that only places may differ from an approved text is Kakao's report code 63016.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

_PLACE = re.compile(r"#\{([^{}]*)\}")


def names_in(text: str) -> list[str]:
    """Names of the places, in the order they occur."""
    return _PLACE.findall(text)


def fill(text: str, words: Mapping[str, str]) -> str:
    """Put words into the places; one without a word stays as it is."""
    return _PLACE.sub(lambda place: words.get(place[1], place[0]), text)


def matches(approved: str, text: str) -> bool:
    """Whether `text` is `approved` with something, or nothing, in each of its places."""
    first, *others = _between_places(approved)
    if not others:
        return text == first
    last = others.pop()
    if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
        return False
    end = len(text) - len(last)
    start = len(first)
    for piece in others:
        # The earliest occurrence leaves the most room for the rest, so no other needs to be tried.
        found = text.find(piece, start, end)
        if found < 0:
            return False
        start = found + len(piece)
    return True


@lru_cache(maxsize=512)
def _between_places(approved: str) -> Sequence[str]:
    return tuple(_pieces(approved))


def _pieces(approved: str) -> Iterator[str]:
    start = 0
    for place in _PLACE.finditer(approved):
        yield approved[start : place.start()]
        start = place.end()
    yield approved[start:]
