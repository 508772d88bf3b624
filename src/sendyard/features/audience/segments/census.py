"""
Counting a million people at once: what is asked of them, held as sets of bits.

Of each block of 65,536 contacts there is one set (a Python integer) for every value somebody has, and for numbers and
times one for every binary digit; names, and texts that nearly everybody has another of, are kept to be searched. A
filter is then a few hundred operations on whole blocks, where a database must look at every row. What changed since the
last question is read first, so that counts are always of this moment.
"""

import asyncio
import logging
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from sendyard.features.audience.contacts.rows import ACTIVITY_COLUMNS, numbers_of
from sendyard.features.audience.fields import FieldSet, field_set
from sendyard.features.audience.segments import queries
from sendyard.features.audience.segments.meaning import (
    Between,
    Containing,
    Either,
    Every,
    Filled,
    Marked,
    OneOf,
    Reached,
    Stopped,
    Test,
    Unless,
)
from sendyard.features.audience.segments.queries import BLOCK, Part
from sendyard.features.audience.segments.stops import Stops, bits_of, read_stops
from sendyard.features.audience.segments.texts import Texts
from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction

LEAST = 20_000
"""Contacts below which looking at each is fast enough."""

_ROUND = 2.0  # seconds between looks at what changed
_MOST_AT_ONCE = 50_000  # changed contacts that a question waits for
_MOST_VALUES = 250  # different values of a text column; beyond, texts are searched
_FEW = 4000  # contacts of a block below which bits are set one by one
_CATEGORIES = ("country", "language", "lead", "source", "time_zone")
_EVERYBODYS = frozenset({*_CATEGORIES, "name"})
_TIMES = (*ACTIVITY_COLUMNS, "created_at", "updated_at")
_BIAS = 1 << 62  # custom numbers may be negative
_ALL = (1 << BLOCK) - 1
_DIGITS = [bytes(48 + (byte >> bit & 1) for byte in range(256)) for bit in range(8)]
_log = logging.getLogger(__name__)

_Key = tuple[str, Any]
_ALIVE: _Key = ("alive", None)
_BLANK = Texts()


class _Unanswerable(Exception):
    """The question is about something that is not held here."""


class _TooVarious(Exception):
    """A column turned out to have too many different values to keep a set of each."""


class _Block(NamedTuple):
    """What is known of one block. It is replaced as a whole: whoever counts sees it before a change or after."""

    sets: dict[_Key, int] = {}  # noqa: RUF012 - never changed
    texts: dict[str, Texts] = {}  # noqa: RUF012 - likewise


@dataclass(slots=True)
class _State:
    """The census of one workspace."""

    fields: tuple[tuple[str, bool], ...]  # columns of custom fields, and whether they hold text
    cursor: int = 0
    blocks: dict[int, _Block] = field(default_factory=dict)
    values: dict[str, set[str]] = field(default_factory=dict)
    various: set[str] = field(default_factory=set)  # columns with too many different values for sets
    stops: Stops | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def categories(self) -> list[str]:
        return [*_CATEGORIES, *(slot for slot, textual in self.fields if textual)]

    def forget(self) -> None:
        """Begin anew, but for what was learnt of columns."""
        self.cursor = 0
        self.blocks, self.values, self.stops = {}, {}, None

    @property
    def numbers(self) -> list[str]:
        return [*_TIMES, *(slot for slot, textual in self.fields if not textual)]


class Census:
    """The sets of every large workspace. Nothing is held before `run` or `round` was called."""

    def __init__(self, database: Database, *, least: int = LEAST) -> None:
        """Take where rows are, and from how many contacts on counting needs this."""
        self._database = database
        self._least = least
        self._states: dict[str, _State] = {}

    async def run(self) -> NoReturn:
        """Keep the sets of all large workspaces near the present, until cancelled."""
        while True:
            try:
                await self.round()
            except Exception:  # noqa: BLE001 - counts are slower without it, and the next round may work
                _log.exception("the census failed and is tried again")
            await asyncio.sleep(_ROUND)

    async def round(self) -> None:
        """Bring every large workspace up to date."""
        for workspace_id in await self._database.read(lambda tx: queries.large_workspaces(tx, self._least)):
            fields = await self._fields(workspace_id)
            state = self._states.get(workspace_id)
            if state is None or state.fields != fields:
                began = time.monotonic()
                state = _State(fields)
                await self._catch_up(workspace_id, state)
                self._states[workspace_id] = state
                _log.info("counted workspace %s in %.1f s", workspace_id, time.monotonic() - began)
            else:
                await self._catch_up(workspace_id, state)
            if state.stops is None:
                await self._stops(workspace_id, state)

    async def count(self, workspace_id: str, test: Test) -> int | None:
        """Count at this moment; None when it must be counted in another way."""
        state = self._states.get(workspace_id)
        if state is None or state.fields != await self._fields(workspace_id):
            return None
        if not await self._catch_up(workspace_id, state, most=_MOST_AT_ONCE):
            return None
        channels = _channels(test)
        stops = await self._stops(workspace_id, state) if channels else None
        try:
            return await asyncio.to_thread(_sum, state, [*state.blocks.items()], channels, stops, test)
        except _Unanswerable:
            return None

    async def labels(self, workspace_id: str) -> dict[int, int] | None:
        """How many people have each label, by its number; None when it must be counted in another way."""
        state = self._states.get(workspace_id)
        if state is None or not await self._catch_up(workspace_id, state, most=_MOST_AT_ONCE):
            return None
        sums: dict[int, int] = {}
        for block in [*state.blocks.values()]:
            for (column, number), bits in block.sets.items():
                if column == "marks":
                    sums[number] = sums.get(number, 0) + (bits & block.sets[_ALIVE]).bit_count()
        return sums

    async def _stops(self, workspace_id: str, state: _State) -> Stops:
        """Who is suppressed at this moment."""
        async with state.lock:
            known = state.stops
            stops = state.stops = await self._database.read(lambda tx: read_stops(tx, workspace_id, known))
            return stops

    async def _fields(self, workspace_id: str) -> tuple[tuple[str, bool], ...]:
        found: FieldSet = await self._database.read(lambda tx: field_set(tx, workspace_id))
        return tuple(sorted((slot, custom.is_textual) for slot, custom in found.by_slot.items()))

    async def _catch_up(self, workspace_id: str, state: _State, *, most: int = 0) -> bool:
        """Read what changed; False when that is more than `most`, unless it is 0, and nothing was read."""
        async with state.lock:
            newest = await self._database.read(lambda tx: queries.newest_change(tx, workspace_id))
            if newest == state.cursor:
                return True
            after = state.cursor
            blocks = await self._database.read(lambda tx: queries.changed_blocks(tx, workspace_id, after))
            if most and sum(blocks.values()) > most:
                return False
            few = sum(blocks.values()) <= _MOST_AT_ONCE
            parts = [Part(after)] if few else [Part(after, block) for block in blocks]
            try:
                for part in parts:
                    await self._database.read(lambda tx, part=part: _read(tx, workspace_id, state, part))  # type: ignore[misc]
            except _TooVarious:
                state.forget()
            else:
                # Only now, so that a failure in between makes the next question read everything again.
                state.cursor = newest
                return True
        return False if most else await self._catch_up(workspace_id, state)


def _read(tx: Transaction, workspace_id: str, state: _State, part: Part) -> None:
    """Bring a part of the contacts up to date."""
    columns = ["marks", "name", *state.categories, *state.numbers]
    rows: dict[int, list[Sequence[Any]]] = {}
    for row in queries.changed_contacts(tx, workspace_id, columns, part):
        rows.setdefault(row[0] // BLOCK, []).append(row)
    identities: dict[int, list[Sequence[Any]]] = {}
    for one in queries.changed_identities(tx, workspace_id, part):
        identities.setdefault(one[0] // BLOCK, []).append(one)
    for block, found in rows.items():
        changed = {row[0] for row in found}
        _take(state, block, found, [one for one in identities.get(block, ()) if one[0] in changed])
    if state.stops is not None:
        changed_bits = {block: bits_of(row[0] % BLOCK for row in found) for block, found in rows.items()}
        state.stops = state.stops.replaced(changed_bits, queries.changed_stopped(tx, workspace_id, part))


def _take(state: _State, block: int, rows: Sequence[Sequence[Any]], identities: Sequence[Sequence[Any]]) -> None:
    """Put what is known of some contacts of a block in place of what was known before."""
    numbers, gone, marks, names, *columns = zip(*rows, strict=True)
    places = [number - block * BLOCK for number in numbers]
    fresh: dict[_Key, int] = {}
    fresh[_ALIVE] = bits_of(place for place, dead in zip(places, gone, strict=True) if not dead)
    _take_marks(fresh, places, marks)
    kinds: dict[str, list[int]] = {}
    for number, kind in identities:
        kinds.setdefault(kind, []).append(number - block * BLOCK)
    fresh |= {("kind", kind): bits_of(having) for kind, having in kinds.items()}
    rest = iter(columns)
    various: dict[str, Sequence[str | None]] = {"name": names}
    for column in state.categories:
        words = next(rest)
        if column in state.various:
            various[column] = words
        else:
            _take_category(state, fresh, column, places, words)
    for column in state.numbers:
        values = next(rest)
        bias = 0 if column in _TIMES else _BIAS
        shift = 1000 if column in _TIMES else 1
        known = [
            (place, value // shift + bias) for place, value in zip(places, values, strict=True) if value is not None
        ]
        fresh[column, -1] = bits_of(place for place, _ in known)
        fresh.update(_digits(column, known))
    before = state.blocks.get(block, _Block())
    sets, others = before.sets, _ALL ^ bits_of(places)
    texts = {column: before.texts.get(column, _BLANK).put(places, words) for column, words in various.items()}
    state.blocks[block] = _Block(
        {key: sets.get(key, 0) & others | fresh.get(key, 0) for key in sets.keys() | fresh.keys()}, texts
    )


def _take_marks(fresh: dict[_Key, int], places: Sequence[int], marks: Iterable[str]) -> None:
    parsed: dict[str, list[int]] = {}
    by_number: dict[int, list[int]] = {}
    for place, written in zip(places, marks, strict=True):
        found = parsed.get(written)
        if found is None:
            found = parsed[written] = numbers_of(written)
        for number in found:
            by_number.setdefault(number, []).append(place)
    for number, having in by_number.items():
        fresh["marks", number] = bits_of(having)


def _take_category(
    state: _State, fresh: dict[_Key, int], column: str, places: Sequence[int], values: Sequence[str | None]
) -> None:
    known = state.values.setdefault(column, set())
    known.update(value for value in set(values) if value)
    if len(known) > _MOST_VALUES:
        state.various.add(column)
        raise _TooVarious
    by_value: dict[str, list[int]] = {}
    for place, value in zip(places, values, strict=True):
        if value:
            by_value.setdefault(value, []).append(place)
    for value, having in by_value.items():
        fresh[column, value] = bits_of(having)


def _digits(column: str, known: Sequence[tuple[int, int]]) -> dict[_Key, int]:
    """The sets of each binary digit of a column's values."""
    if len(known) < _FEW:
        found: dict[int, list[int]] = {}
        for place, value in known:
            rest = value
            while rest:
                lowest = rest & -rest
                found.setdefault(lowest.bit_length() - 1, []).append(place)
                rest ^= lowest
        return {(column, digit): bits_of(places) for digit, places in found.items()}
    # All values side by side: every eighth byte is one byte of each, and a table turns a digit of it into 0 or 1.
    values = array("Q", bytes(8 * BLOCK))
    for place, value in known:
        values[place] = value
    raw = values.tobytes()
    digits: dict[_Key, int] = {}
    for byte in range(8):
        plane = raw[byte::8][::-1]
        if any(plane):
            for bit, table in enumerate(_DIGITS):
                if bits := int(plane.translate(table), 2):
                    digits[column, byte * 8 + bit] = bits
    return digits


def _channels(test: Test) -> set[str]:
    """On which channels a filter asks for suppressions."""
    match test:
        case Every(items) | Either(items):
            return {channel for item in items for channel in _channels(item)}
        case Unless(item):
            return _channels(item)
        case Stopped(channel):
            return {channel}
        case _:
            return set()


def _sum(
    state: _State, blocks: Sequence[tuple[int, _Block]], channels: Iterable[str], stops: Stops | None, test: Test
) -> int:
    """How many contacts of all blocks a filter finds."""
    found = 0
    for number, block in blocks:
        stopped = {channel: stops.of(channel, number) for channel in channels} if stops else {}
        found += (_Question(state, block, stopped).of(test) & block.sets[_ALIVE]).bit_count()
    return found


class _Question:
    """Answers a filter for one block."""

    def __init__(self, state: _State, block: _Block, stopped: Mapping[str, int]) -> None:
        self._state = state
        self._sets = block.sets
        self._texts = block.texts
        self._stopped = stopped

    def of(self, test: Test) -> int:  # noqa: C901, PLR0911 - one branch for each kind
        match test:
            case Every(items):
                found = _ALL
                for item in items:
                    found &= self.of(item)
                return found
            case Either(items):
                found = 0
                for item in items:
                    found |= self.of(item)
                return found
            case Unless(item):
                return _ALL ^ self.of(item)
            case Marked(number):
                return self._sets.get(("marks", number), 0)
            case OneOf(column, values):
                return self._one_of(column, values)
            case Filled(column):
                return self._filled(column)
            case Between(column, low, high):
                return self._between(column, low, high)
            case Containing(column, part):
                return self._containing(column, part)
            case Reached(kind):
                return self._sets.get(("kind", kind), 0)
            case Stopped(channel):
                return self._stopped[channel]

    def _searched(self, column: str) -> Texts | None:
        """The texts of a column that is searched; None for one of which there are sets."""
        if found := self._texts.get(column):
            return found
        if column not in self._state.categories:
            raise _Unanswerable
        return None

    def _one_of(self, column: str, values: Sequence[str]) -> int:
        if texts := self._searched(column):
            # Of the columns that everybody has, blank is a value like others; custom texts are never kept blank.
            blank = _ALL ^ texts.filled() if "" in values and column in _EVERYBODYS else 0
            return texts.equal(values) | blank
        found = 0
        for value in values:
            found |= self._value(column, value)
        return found

    def _filled(self, column: str) -> int:
        if texts := self._searched(column):
            return texts.filled()
        found = 0
        for value in self._state.values.get(column, ()):
            found |= self._sets.get((column, value), 0)
        return found

    def _containing(self, column: str, part: str) -> int:
        if texts := self._searched(column):
            return texts.containing(part)
        wanted = part.encode().lower()
        found = 0
        for value in self._state.values.get(column, ()):
            if wanted in value.encode().lower():
                found |= self._sets.get((column, value), 0)
        return found

    def _value(self, column: str, value: str) -> int:
        if value:
            return self._sets.get((column, value), 0)
        return _ALL ^ self._filled(column) if column in _EVERYBODYS else 0

    def _between(self, column: str, low: int | None, high: int | None) -> int:
        found = self._sets.get((column, -1), 0)
        bias, shift = (0, 1000) if column in _TIMES else (_BIAS, 1)
        if low is not None:
            found &= self._at_least(column, low // shift + bias)
        if high is not None:
            found &= _ALL ^ self._at_least(column, high // shift + bias)
        return found

    def _at_least(self, column: str, bound: int) -> int:
        """Those whose value is `bound` or more, and others of whom none is known."""
        if bound <= 0:
            return _ALL
        if bound.bit_length() > 64:
            return 0
        above, equal = 0, _ALL
        for digit in range(63, -1, -1):
            digits = self._sets.get((column, digit), 0)
            if bound >> digit & 1:
                equal &= digits
            else:
                above |= equal & digits
                equal &= _ALL ^ digits
        return above | equal
