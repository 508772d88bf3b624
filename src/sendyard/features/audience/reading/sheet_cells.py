"""
Cells of a worksheet's XML as text: what a person sees in the cell, with days as ISO 8601 and numbers written out.
"""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from xml.parsers import expat

from sendyard.features.audience.reading.delimited import Record
from sendyard.features.audience.reading.shared_strings import SharedStrings, local_name
from sendyard.features.audience.reading.sources import refused

MOST_COLUMNS = 16_384
_BUILT_IN_DATES = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTERS = re.compile(r"[ymdhse年月日]|AM/PM|上午", re.IGNORECASE)
_PADDED = re.compile(r"0[0-]*0")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_COLUMN = re.compile(r"[A-Z]{1,3}")
_EXACT = 1e15
"""A spreadsheet keeps fifteen digits; from here on some were lost before the file was written."""

_EPOCHS = {False: datetime(1899, 12, 30, tzinfo=UTC), True: datetime(1904, 1, 1, tzinfo=UTC)}
_DAYS = range(1, 2_950_000)  # to the year 9976, counted from either epoch


class CellStyles(NamedTuple):
    """Of each style, whether its numbers are days, and to how many digits its numbers are padded (0: not)."""

    dates: tuple[bool, ...]
    paddings: tuple[int, ...]


def read_styles(parts: Iterable[tuple[str, dict[str, str]]]) -> CellStyles:
    """Read the elements of the part `styles.xml`."""
    formats: dict[str, str] = {}
    used: list[str] = []
    within = False
    for name, given in parts:
        if name == "numFmt":
            formats[given.get("numFmtId", "")] = given.get("formatCode", "")
        elif name in {"cellXfs", "cellStyles", "dxfs"}:
            within = name == "cellXfs"
        elif name == "xf" and within:
            used.append(given.get("numFmtId", "0"))
    return CellStyles(
        tuple(_is_date(number, formats.get(number)) for number in used),
        tuple(_padding(formats.get(number, "")) for number in used),
    )


def _is_date(number: str, code: str | None) -> bool:
    if code is None:
        return number.isdecimal() and int(number) in _BUILT_IN_DATES
    return code.lower() != "general" and bool(_DATE_LETTERS.search(_NOT_FORMAT.sub("", code.split(";")[0])))


def _padding(code: str) -> int:
    plain = code.replace("\\", "").replace('"', "").split(";")[0]
    return plain.count("0") if _PADDED.fullmatch(plain) and plain.count("0") > 1 else 0


class SheetParser:
    """Turns the XML of one sheet into records, which gather in `rows` until they are taken."""

    def __init__(self, strings: SharedStrings, styles: CellStyles, *, since_1904: bool) -> None:
        """Take the workbook's texts, its styles, and from when its days are counted."""
        self.rows: list[Record] = []
        self._strings = strings
        self._styles = styles
        self._epoch = _EPOCHS[since_1904]
        self._number = 0
        self._cells: list[str] = []
        self._place = 0
        self._kind = ""
        self._style = 0
        self._formula = False
        self._reading = False
        self._text: list[str] = []
        self._places: dict[str, int] = {}
        self.expat = expat.ParserCreate()
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end

    def _start(self, name: str, given: dict[str, str]) -> None:
        kind = local_name(name) if ":" in name else name
        if kind == "c":
            where = given.get("r", "")
            self._place = self._column(where) if where else self._place + 1
            self._kind = given.get("t", "n")
            style = given.get("s", "0")
            self._style = int(style) if style.isdecimal() else 0
            self._formula = False
            self._text.clear()
        elif kind in {"v", "t"} and not self._reading:
            self.expat.CharacterDataHandler = self._text.append
        elif kind == "row":
            where = given.get("r", "")
            self._number = int(where) if where.isdecimal() else self._number + 1
            self._cells = []
            self._place = -1
        elif kind == "f":
            self._formula = True
        elif kind == "rPh":
            self._reading = True

    def _end(self, name: str) -> None:
        kind = local_name(name) if ":" in name else name
        if kind in {"v", "t"}:
            self.expat.CharacterDataHandler = None
        elif kind == "c":
            self._close_cell()
        elif kind == "row":
            strange = any("\0" in cell or "\ufffd" in cell for cell in self._cells)
            self.rows.append(Record(self._number, self._cells, "bad_character" if strange else ""))
        elif kind == "rPh":
            self._reading = False

    def _close_cell(self) -> None:
        text = "".join(self._text)
        if not text and not self._formula:
            return
        cells = self._cells
        while len(cells) < self._place:
            cells.append("")
        value = self._value(text) if text else "=formula"  # a formula that was never calculated
        if self._place < len(cells):
            cells[self._place] = value
        else:
            cells.append(value)

    def _column(self, where: str) -> int:
        found = _COLUMN.match(where)
        letters = found[0] if found else ""
        place = self._places.get(letters)
        if place is None:
            place = 0
            for letter in letters:
                place = place * 26 + ord(letter) - 64
            if not 0 < place <= MOST_COLUMNS:
                raise refused("damaged_workbook", f"Expected a cell such as B2, found {where!r:.20}. Save it again.")
            self._places[letters] = place
        return place - 1

    def _value(self, text: str) -> str:
        match self._kind:
            case "s":
                try:
                    return _unescaped(self._strings[int(text)])
                except (ValueError, IndexError):
                    raise refused(
                        "damaged_workbook", "Expected a text of the workbook, found a reference to none. Save it again."
                    ) from None
            case "b":
                return "TRUE" if text == "1" else "FALSE"
            case "n":
                return self._number_text(text)
            case _:  # str, inlineStr, e (an error such as #N/A), d (ISO 8601)
                return _unescaped(text)

    def _number_text(self, text: str) -> str:
        try:
            number = float(text)
        except ValueError:
            return text
        if not math.isfinite(number):
            return text
        dates, paddings = self._styles
        if self._style < len(dates):
            if dates[self._style] and int(number) in _DAYS:
                return self._moment(number)
            if paddings[self._style] and number.is_integer() and 0 <= number < _EXACT:
                return str(int(number)).zfill(paddings[self._style])
        if abs(number) >= _EXACT:
            return f"{number:.14E}"
        return str(int(number)) if number.is_integer() else repr(number)

    def _moment(self, days: float) -> str:
        # Day 60 of 1900 is a 29 February that never was; nobody on a contact list is older than that.
        moment = self._epoch + timedelta(seconds=round(days * 86_400))
        return moment.strftime("%Y-%m-%d") if days == int(days) else moment.strftime("%Y-%m-%d %H:%M:%S")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(found: "re.Match[str]") -> str:
    code = int(found[1], 16)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)
