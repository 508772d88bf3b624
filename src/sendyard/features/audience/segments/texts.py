"""
The texts of one column of a block of contacts, one behind the other, so that looking for a word is one search.

Kept are the bytes of UTF-8, each text between a zero byte and one that UTF-8 does not know, in the order of the
contacts' numbers. What changed lately stands beside them and is put in when it has become much.

A search marks every hit by another such byte, drops all others, and is left with one sign for each contact: a few
passes at the speed of memory, where asking each text by itself would take fifty times as long.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

BLOCK = 1 << 16
_LATELY = 1000  # changed texts that are looked at one by one
_BEGIN, _END, _HIT = b"\x00", b"\xfe", b"\xff"
_OTHERS = bytes(range(1, 255))
_BETWEEN = _END + _BEGIN


class Texts:
    """The texts of one column of a block; blank for those who have none. Never changes."""

    def __init__(self, joined: bytes = (_BEGIN + _END) * BLOCK, lately: Mapping[int, bytes] | None = None) -> None:
        """Begin with nothing but blanks; the rest is for `put`."""
        self._joined = joined
        self._lately = lately or {}

    def put(self, places: Sequence[int], values: Iterable[str | None]) -> "Texts":
        """Give the same with the texts of some contacts in place of what was known of them."""
        lately = {**self._lately}
        lately |= {place: (value or "").encode() for place, value in zip(places, values, strict=True)}
        if len(lately) <= _LATELY:
            return Texts(self._joined, lately)
        parts = self._joined[1:-1].split(_BETWEEN)
        for place, value in lately.items():
            parts[place] = value
        return Texts(_BEGIN + _BETWEEN.join(parts) + _END)

    def containing(self, part: str) -> int:
        """Those whose text contains this, whatever the case of Latin letters, as a set of bits."""
        wanted = part.encode().lower()
        if not wanted or _BEGIN in wanted:
            return 0
        found = _marked(self._joined.lower().replace(wanted, _HIT))
        return self._with_lately(found, lambda text: wanted in text.lower())

    def equal(self, values: Iterable[str]) -> int:
        """Those whose text is one of these exactly; blank is nobody's."""
        wanted = {value.encode() for value in values} - {b""}
        found = 0
        for value in wanted:
            found |= _marked(self._joined.replace(_BEGIN + value + _END, _BEGIN + _HIT))
        return self._with_lately(found, wanted.__contains__)

    def filled(self) -> int:
        """Those who have a text."""
        blank = _marked(self._joined.replace(_BEGIN + _END, _BEGIN + _HIT))
        return self._with_lately(blank ^ (1 << BLOCK) - 1, bool)

    def _with_lately(self, found: int, fits: Callable[[bytes], bool]) -> int:
        if not self._lately:
            return found
        held = bytearray(found.to_bytes(BLOCK // 8, "little"))
        for place, text in self._lately.items():
            if fits(text):
                held[place >> 3] |= 1 << (place & 7)
            else:
                held[place >> 3] &= ~(1 << (place & 7))
        return int.from_bytes(held, "little")


def _marked(joined: bytes) -> int:
    """The set of those texts that have a mark."""
    signs = joined.translate(None, _OTHERS)
    while _HIT + _HIT in signs:
        signs = signs.replace(_HIT + _HIT, _HIT)
    return int(signs.replace(_BEGIN + _HIT, b"1").replace(_BEGIN, b"0")[::-1], 2)
