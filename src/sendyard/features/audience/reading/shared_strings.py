"""
The table of texts of a workbook, a million of them in little more memory than their bytes.
"""

from array import array
from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from sendyard.features.audience.reading.sources import refused

_BLOCK = 1 << 16
MOST_BYTES = 256 << 20
"""Of texts; a workbook of contacts that has more is no such workbook."""


class SharedStrings:
    """Texts by their place. One Python string each would take about five times their bytes."""

    def __init__(self) -> None:
        """Begin empty."""
        self._text = bytearray()
        self._ends = array("Q")

    def append(self, text: str) -> None:
        """
        Add the next one.

        Raises:
            Invalid: that is more than memory is kept for.
        """
        self._text += text.encode("utf-8", "replace")
        if len(self._text) > MOST_BYTES:
            raise refused("too_large", f"Expected at most {MOST_BYTES >> 20} MB of texts, found more. Split the file.")
        self._ends.append(len(self._text))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, place: int) -> str:
        """Give one; raises IndexError."""
        end = self._ends[place]
        return self._text[self._ends[place - 1] if place else 0 : end].decode()


def local_name(name: str) -> str:
    """Give the name of an element without the prefix some programs write."""
    return name.rpartition(":")[2]


def parse_part(stream: BinaryIO, parser: expat.XMLParserType) -> Iterator[int]:
    """
    Parse a part of a workbook piece by piece; gives the bytes of each.

    Raises:
        Invalid: it is no XML, or XML that defines its own entities, which no spreadsheet program writes.
    """
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_doctype
    try:
        while block := stream.read(_BLOCK):
            parser.Parse(block, False)  # noqa: FBT003 - takes no keyword
            yield len(block)
        parser.Parse(b"", True)  # noqa: FBT003
    except expat.ExpatError as error:
        raise refused(
            "damaged_workbook",
            f"Expected a workbook, found a damaged one ({error}). Open it in a spreadsheet program and save it again.",
        ) from None


def _no_doctype(*_: object) -> None:
    raise refused("damaged_workbook", "Expected a workbook, found one with XML definitions of its own. Save it again.")


def read_shared_strings(stream: BinaryIO) -> SharedStrings:
    """Read the part `sharedStrings.xml`; runs of formatted text are joined, readings of characters left out."""
    strings = SharedStrings()
    pieces: list[str] = []
    parser = expat.ParserCreate()
    within_reading = False

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal within_reading
        kind = local_name(name)
        if kind == "rPh":
            within_reading = True
        elif kind == "t" and not within_reading:
            parser.CharacterDataHandler = pieces.append

    def end(name: str) -> None:
        nonlocal within_reading
        kind = local_name(name)
        if kind == "t":
            parser.CharacterDataHandler = None
        elif kind == "rPh":
            within_reading = False
        elif kind == "si":
            strings.append("".join(pieces))
            pieces.clear()

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    _drain(parse_part(stream, parser))
    return strings


def elements(stream: BinaryIO) -> Iterator[tuple[str, dict[str, str]]]:
    """Give name and attributes of every element of a small part, in its order."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: found.append((local_name(name), attributes))
    _drain(parse_part(stream, parser))
    yield from found


def _drain(pieces: Iterator[int]) -> None:
    for _ in pieces:
        continue
