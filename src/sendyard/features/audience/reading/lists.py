"""
Short lists of addresses, read as a whole in the encoding they are found to have.
"""

import io
from typing import NamedTuple

from sendyard.features.audience.reading.encodings import Encoding, chosen_encoding, detect_encoding
from sendyard.features.audience.reading.sources import is_workbook, refused


class ListText(NamedTuple):
    """The text of a list without its mark, and the encoding it was read in."""

    text: str
    encoding: Encoding

    def remark(self) -> str:
        """Say how the list was read, and what else it could be."""
        others = f"; it could also be {' or '.join(self.encoding.others)}" if self.encoding.others else ""
        return f"Read as {self.encoding.label}{others}."


def read_list(data: bytes, *, country: str = "", encoding: str = "") -> ListText:
    """
    Read a list of lines or CSV.

    Args:
        data: the file.
        country: ISO 3166 code of most of its people; decides between equally likely encodings only.
        encoding: as a person chose it; found out when left out.

    Raises:
        Invalid: it is a workbook or no text, or holds bytes that its encoding does not know.
    """
    stream = io.BytesIO(data)
    if not data:
        return ListText("", Encoding("utf-8", "UTF-8"))
    if is_workbook(stream):
        raise refused("not_a_list", "Expected lines of text or CSV, found a workbook. Save it as CSV UTF-8.")
    found = chosen_encoding(encoding) if encoding else detect_encoding(stream, country.upper())
    try:
        return ListText(data.decode(found.codec).removeprefix("\ufeff"), found)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise refused(
            "bad_character", f"Expected text in {found.label}, found other bytes in line {line}. Save it as CSV UTF-8."
        ) from None
