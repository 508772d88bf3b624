"""
What becomes of each row of a file: good, repaired with a note, or refused with a reason.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from sendyard.delivery.preflight import is_storable
from sendyard.domain.channels import Channel
from sendyard.domain.phone import LONGEST_INPUT
from sendyard.domain.recipients import Recipient as Read
from sendyard.domain.recipients import read_recipient
from sendyard.domain.template import Template
from sendyard.features.campaigns.audience.columns import NO_COLUMNS, Columns

_encode = msgspec.json.Encoder().encode


class Recipient(NamedTuple):
    """
    One row as it is kept, in the order of the table's columns.

    `row` is numbered as a spreadsheet program does. A refused row has a `code` and no `address`. `language`, `zone`
    and `contact_no` are of the contact who has the address, if one has.
    """

    row: int
    given: str
    address: str
    country: str
    variables: str  # JSON
    code: str
    detail: str
    fixed: str
    language: str = ""
    zone: str = ""
    contact_no: int | None = None


class Judge:
    """
    Judges the rows of one file, in their order, and what else came with it: numbers, contacts.

    Remembers every number it has seen, about 100 bytes each, because a person gets one message however often the
    file names them.
    """

    def __init__(
        self, columns: Columns | None, template: Template, country: str, channel: Channel = Channel.SMS
    ) -> None:
        """Take where things are, what needs values, the country by which national numbers are read, the channel."""
        self._channel = channel
        self._columns = columns or NO_COLUMNS
        self._variables = tuple(self._columns.variables.items())
        # A column that is missing here is one that contacts fill in.
        self._required = [
            (name, self._columns.variables[name]) for name in template.required if name in self._columns.variables
        ]
        self._country = country
        self._seen: dict[int | str, int] = {}
        self.good = 0
        self.fixed = 0
        self.refused: Counter[str] = Counter()

    def judge(self, number: int, cells: Sequence[str]) -> Recipient:
        """Decide about one row."""
        columns = self._columns
        # Spreadsheet programs leave out empty cells at the end.
        full = cells if len(cells) >= columns.count else [*cells, *[""] * (columns.count - len(cells))]
        given = full[columns.phone]
        if any(map(str.strip, full[columns.count :])):
            detail = (
                f"Expected {columns.count} cells, found {len(cells)}. A cell that holds the separator must stand in "
                "quotation marks."
            )
            return self._refuse(number, given, "too_many_cells", detail)
        parsed = read_recipient(self._channel, given, self._country)
        if parsed.address is None:
            return self._refuse(number, given, parsed.code, parsed.detail)
        missing = [name for name, position in self._required if not full[position].strip()]
        if missing:
            named = ", ".join(f"{columns.variable_names[name]} for {{{name}}}" for name in missing)
            detail = f"Expected a value in {named}, found an empty cell. Fill it, or give the variable a default."
            return self._refuse(number, given, "missing_value", detail)
        values = {name: full[position].strip() for name, position in self._variables}
        return self._person(number, given, parsed, values)

    def judge_given(self, number: int, given: str) -> Recipient:
        """Decide about a number that came by itself."""
        parsed = read_recipient(self._channel, given, self._country)
        if parsed.address is None:
            return self._refuse(number, given, parsed.code, parsed.detail)
        return self._person(number, given, parsed, {})

    def _person(self, number: int, given: str, parsed: Read, values: Mapping[str, str]) -> Recipient:
        if not all(map(is_storable, values.values())):
            detail = "A cell holds a character that cannot be sent (U+0000, or half of a pair); type the cell again."
            return self._refuse(number, given, "bad_character", detail)
        value = parsed.address.value if parsed.address else ""
        # A number takes a third of the memory of its text.
        address = int(value[1:]) if value[0] == "+" else value
        first = self._seen.setdefault(address, number)
        if first != number:
            return self._refuse(number, given, "duplicate", f"The same recipient as in row {first}, which is kept.")
        self.good += 1
        if parsed.fixed:
            self.fixed += 1
        return Recipient(number, given, value, parsed.country, _json(values), "", "", parsed.fixed)

    def _refuse(self, number: int, given: str, code: str, detail: str) -> Recipient:
        self.refused[code] += 1
        shown = given[:LONGEST_INPUT]
        if not is_storable(shown):
            shown = shown.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
        return Recipient(number, shown, "", "", "{}", code, detail, "")


def _json(values: Mapping[str, str]) -> str:
    return _encode(values).decode()
