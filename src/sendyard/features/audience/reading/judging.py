"""
Decides about rows: reads the cells of one row as the mapping says.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sendyard.domain.fields import FieldType
from sendyard.domain.phone import ParsedNumber, parse_phone, plain_mobile
from sendyard.domain.phone_field import split_field
from sendyard.features.audience.reading.agreements import Agreements
from sendyard.features.audience.reading.cells import (
    OWN_READERS,
    READERS,
    CellReader,
    Wrong,
    read_consent_source,
    read_country_cell,
    read_day,
    read_line_user_id,
    read_tags,
    read_text,
    read_whatsapp_id,
    read_yes_no,
    typed_reader,
)
from sendyard.features.audience.reading.delimited import Record
from sendyard.features.audience.reading.headers import Field
from sendyard.features.audience.reading.mapping import ColumnMapping
from sendyard.features.audience.reading.seen import Seen
from sendyard.features.audience.reading.verdicts import Fix, Outcome, Repeated, RowVerdict, Several, Unreadable
from sendyard.features.audience.reading.vocabulary import read_answer


class _Person(NamedTuple):
    """What is gathered of one row before its number is known."""

    whatsapp_id: str = ""
    line_user_id: str = ""
    tags: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    consent: bool | None = None


class _Column(NamedTuple):
    """A column of which the value is kept under a key; `known` remembers what cells came to, as many as `most`."""

    at: int
    key: str
    name: str
    reader: CellReader
    known: dict[str, str]
    most: int


_NO_MORE = _Person()
_REMEMBERED = 4096
"""Different cells of a column of which it is remembered what they came to."""
_LONGEST_REMEMBERED = 64
_DAYS = frozenset(field for field, reader in READERS.items() if reader is read_day)
_ANSWERS = frozenset(field for field, reader in READERS.items() if reader in {read_yes_no, read_consent_source})
_OF_A_COUNTRY = _DAYS | {Field.TIME_ZONE}
"""What the country has a say in how it is read."""
_new = tuple.__new__  # a named tuple in half the time


class _Number(NamedTuple):
    """A number to be taken, or None for a row that has none but another identity."""

    parsed: ParsedNumber | None
    fixes: tuple[Fix, ...] = ()


class Judge:
    """Decides about the rows of one file, in their order."""

    def __init__(
        self,
        mapping: ColumnMapping,
        *,
        country: str = "",
        several: Several = Several.REFUSE,
        repeated: Repeated = Repeated.REFUSE,
        unreadable: Unreadable = Unreadable.REFUSE,
        landlines: bool = False,
        consent_at: str = "",
    ) -> None:
        """Take what columns hold and how to decide; see `reading.read`."""
        self._country = country.strip().upper()
        self._several = several
        self._unreadable = unreadable
        self._landlines = landlines
        self._seen = Seen() if repeated is Repeated.REFUSE else None
        self._width = len(mapping.columns)
        self._names = [column.name for column in mapping.columns]
        self._phone = _place(mapping, Field.PHONE)
        self._country_at = _place(mapping, Field.COUNTRY)
        self._whatsapp = _place(mapping, Field.WHATSAPP_ID)
        self._line = _place(mapping, Field.LINE_USER_ID)
        self._tags = _place(mapping, Field.TAGS)
        self._lists = _place(mapping, Field.LISTS)
        self._agreements = Agreements.of(mapping, consent_at)
        self._consent = _place(mapping, Field.CONSENT)
        more = {
            Field.WHATSAPP_ID: self._whatsapp, Field.LINE_USER_ID: self._line, Field.TAGS: self._tags,
            Field.LISTS: self._lists, Field.CONSENT: self._consent,
        }  # fmt: skip
        self._knows_more = max(more.values()) >= 0
        own = {Field.PHONE, Field.COUNTRY, *more}
        readers = OWN_READERS if mapping.is_own else READERS
        # Of names and the like hardly any two are the same; of dates the country has a say.
        one_country = self._country_at < 0
        self._standard = [
            _Column(
                at,
                field.value,
                mapping.columns[at].name,
                readers.get(field, read_text),
                {"": ""},
                _REMEMBERED
                if field is Field.LANGUAGE or field in _ANSWERS or (field in _OF_A_COUNTRY and one_country)
                else 0,
            )
            for field in Field
            if field not in own and (at := _place(mapping, field)) >= 0
        ]
        customs = [(at, column.custom) for at, column in enumerate(mapping.columns) if column.custom]
        texts = [(at, key) for at, key in customs if _type_of(mapping, key) is FieldType.TEXT]
        typed = [(at, mapping.fields[key]) for at, key in customs if _type_of(mapping, key) is not FieldType.TEXT]
        self._customs = [
            *(_Column(at, key, self._names[at], read_text, {"": ""}, _REMEMBERED) for at, key in texts),
            *(
                _Column(
                    at,
                    definition.key,
                    self._names[at],
                    typed_reader(definition),
                    {"": ""},
                    _REMEMBERED if definition.type is not FieldType.DATE or one_country else 0,
                )
                for at, definition in typed
            ),
        ]
        self._tag_sets: dict[str, tuple[str, ...]] = {"": ()}
        self._used = [at for at, column in enumerate(mapping.columns) if column.target]

    def judge(self, record: Record) -> list[RowVerdict]:
        """Decide about one row, which has cells; one verdict, or one for each number in it."""
        cells = record.cells
        if len(cells) < self._width:
            # Spreadsheet programs leave out empty cells at the end.
            cells = [*cells, *[""] * (self._width - len(cells))]
        try:
            if record.fault or len(cells) > self._width:
                self._whole(record, cells)
            return self._people(record, cells)
        except Wrong as wrong:
            return [_refusal(record, 0, wrong)]

    def _whole(self, record: Record, cells: Sequence[str]) -> None:
        if record.fault and record.fault != "bad_character":
            raise Wrong(record.fault, "")
        if len(cells) > self._width and any(cell.strip() for cell in cells[self._width :]):
            raise Wrong(
                "too_many_cells",
                "",
                f"Expected {self._width} cells, found {len(cells)}. "
                "A cell that holds the separator must stand in quotation marks.",
            )
        if record.fault:
            for at in self._used:
                if "\0" in cells[at] or "\ufffd" in cells[at]:
                    raise Wrong("bad_character", self._names[at])

    def _people(self, record: Record, cells: Sequence[str]) -> list[RowVerdict]:
        fixes: list[Fix] = []
        fields: dict[str, str] = {}
        country = self._country
        if self._country_at >= 0:
            code = self._read(self._country_at, cells, read_country_cell, country, fixes)
            if code:
                fields[Field.COUNTRY.value] = country = code
        self._take(self._standard, cells, country, fixes, fields)
        custom: dict[str, str] = {}
        self._take(self._customs, cells, country, fixes, custom)
        person = self._person(cells, country, fixes) if self._knows_more else _NO_MORE
        if self._agreements is not None:
            self._agreements.settle(fields, lambda wrong: self._unread(wrong, fixes), consent=person.consent)
        if not fixes and self._phone >= 0 and (plain := plain_mobile(cells[self._phone], country)):
            # What nearly every row is: a number as the country writes it, and nothing to be said about the rest.
            phone, of = plain
            number = record.number
            if self._seen is None or self._seen.first(phone, number) == number:
                whatsapp_id, line_user_id, tags, lists, consent = person
                return [
                    _new(
                        RowVerdict,
                        (number, 0, Outcome.OK, record.cells, phone, of, whatsapp_id, line_user_id, fields, custom,
                         tags, consent, (), "", "", "", lists),
                    )
                ]  # fmt: skip
        return [
            self._verdict(record, part, number, person, fields, custom, fixes)
            for part, number in enumerate(self._numbers(cells, country, person))
        ]

    def _verdict(
        self,
        record: Record,
        part: int,
        number: _Number,
        person: _Person,
        fields: Mapping[str, str],
        custom: Mapping[str, str],
        fixes: Sequence[Fix],
    ) -> RowVerdict:
        parsed = number.parsed
        if parsed is not None and not (parsed.ok or (self._landlines and parsed.e164)):
            return _refusal(record, part, Wrong(parsed.reason, self._names[self._phone], parsed.detail))
        phone = parsed.e164 if parsed else ""
        if self._seen is not None:
            first = self._seen.first(phone or person.whatsapp_id or person.line_user_id, record.number)
            if first != record.number:
                detail = f"The same person as in row {first}, which is kept."
                return _refusal(record, part, Wrong("duplicate", "", detail))
        done = (*number.fixes, *fixes) if fixes or number.fixes else ()
        if parsed and parsed.fixed:
            done = (Fix(self._names[self._phone], "number_rewritten", parsed.fixed), *done)
        return RowVerdict(
            record.number,
            part,
            Outcome.FIXED if done else Outcome.OK,
            record.cells,
            phone,
            parsed.country if parsed else "",
            person.whatsapp_id,
            person.line_user_id,
            fields,
            custom,
            person.tags,
            person.consent,
            done,
            "",
            "",
            "",
            person.lists,
        )

    def _numbers(self, cells: Sequence[str], country: str, person: _Person) -> Iterable[_Number]:
        if self._phone < 0:
            return self._without_number(person, "")
        parsed = parse_phone(cells[self._phone], country)
        if parsed.ok:
            return (_Number(parsed),)
        if parsed.reason == "blank":
            return self._without_number(person, parsed.detail)
        if parsed.reason == "several" and self._several is not Several.REFUSE:
            return self._of_several(cells[self._phone], country)
        return (_Number(parsed),)

    def _without_number(self, person: _Person, detail: str) -> Iterable[_Number]:
        if person.whatsapp_id or person.line_user_id:
            return (_Number(None),)
        if self._whatsapp < 0 and self._line < 0:
            # Where only the number can tell, its own sentence helps more.
            raise Wrong("blank", self._names[self._phone], detail)
        raise Wrong("no_identity", "")

    def _of_several(self, given: str, country: str) -> Iterator[_Number]:
        column = self._names[self._phone]
        numbers = [parse_phone(piece, country) for piece in split_field(given)]
        if self._several is Several.EACH:
            fixes = (Fix(column, "numbers_split", f"made one person of each of {len(numbers)} numbers"),)
            for number in {number.e164 or number.input: number for number in numbers}.values():
                yield _Number(number, fixes)
            return
        at, taken = next(((at, one) for at, one in enumerate(numbers, 1) if one.ok), (1, numbers[0]))
        yield _Number(
            taken, (Fix(column, "first_number", f"took number {at} of {len(numbers)}: {taken.input.strip()}"),)
        )

    def _take(
        self, columns: Sequence[_Column], cells: Sequence[str], country: str, fixes: list[Fix], values: dict[str, str]
    ) -> None:
        """Add what columns hold to the values; blank cells are left out."""
        for column in columns:
            text = cells[column[0]]
            value = column[4].get(text)
            if value is None:
                value = self._value(column, text, country, fixes)
            if value:
                values[column[1]] = value

    def _value(self, column: _Column, text: str, country: str, fixes: list[Fix]) -> str:
        """Read a cell, and remember what it came to where nothing is to be said about it."""
        plain = text.strip()
        if not plain:
            return ""
        before = len(fixes)
        try:
            value = column.reader(plain, column.name, country, fixes)
        except Wrong as wrong:
            self._unread(wrong, fixes)
            return ""
        known = column.known
        if len(known) < column.most and len(fixes) == before and len(text) <= _LONGEST_REMEMBERED:
            known[text] = value
        return value

    def _person(self, cells: Sequence[str], country: str, fixes: list[Fix]) -> _Person:
        whatsapp_id = line_user_id = ""
        if self._whatsapp >= 0:
            whatsapp_id = self._read(self._whatsapp, cells, read_whatsapp_id, country, fixes)
        if self._line >= 0:
            line_user_id = self._read(self._line, cells, read_line_user_id, country, fixes)
        tags = self._labels(self._tags, cells, country, fixes) if self._tags >= 0 else ()
        lists = self._labels(self._lists, cells, country, fixes) if self._lists >= 0 else ()
        consent = None
        if self._consent >= 0 and (text := cells[self._consent].strip()):
            consent = read_answer(text)
            if consent is None:
                self._unread(Wrong("unclear_consent", self._names[self._consent]), fixes)
        return _new(_Person, (whatsapp_id, line_user_id, tags, lists, consent))

    def _labels(self, at: int, cells: Sequence[str], country: str, fixes: list[Fix]) -> tuple[str, ...]:
        text = cells[at]
        found = self._tag_sets.get(text)
        if found is None:
            before = len(fixes)
            found = tuple(self._read(at, cells, read_tags, country, fixes).splitlines())
            if len(fixes) == before and len(self._tag_sets) < _REMEMBERED:
                self._tag_sets[text] = found
        return found

    def _read(self, at: int, cells: Sequence[str], reader: CellReader, country: str, fixes: list[Fix]) -> str:
        text = cells[at].strip()
        return self._read_text(at, text, reader, country, fixes) if text else ""

    def _read_text(self, at: int, text: str, reader: CellReader, country: str, fixes: list[Fix]) -> str:
        try:
            return reader(text, self._names[at], country, fixes)
        except Wrong as wrong:
            self._unread(wrong, fixes)
            return ""

    def _unread(self, wrong: Wrong, fixes: list[Fix]) -> None:
        """Refuse the row for a value, or go on without the value."""
        if self._unreadable is Unreadable.REFUSE:
            raise wrong
        fixes.append(Fix(wrong.column, "left_out", f"left out the value ({wrong.code})"))


def _place(mapping: ColumnMapping, field: Field) -> int:
    place = mapping.place(field)
    return -1 if place is None else place


def _type_of(mapping: ColumnMapping, key: str) -> FieldType:
    return mapping.fields[key].type if key in mapping.fields else FieldType.TEXT


def _refusal(record: Record, part: int, wrong: Wrong) -> RowVerdict:
    return RowVerdict(
        record.number,
        part,
        Outcome.REFUSED,
        record.cells,
        code=wrong.code,
        detail=wrong.detail,
        column=wrong.column,
    )
