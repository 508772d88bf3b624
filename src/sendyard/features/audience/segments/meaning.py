"""
What the words of a filter mean in one workspace: which columns, labels and bounds they stand for.

The result knows no names any more. Times are bounds in milliseconds on whole seconds, so that everyone who counts
agrees to the last person.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

from sendyard.domain.channels import Channel
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.fields import FieldType
from sendyard.features.audience.contacts.rows import ACTIVITIES, KINDS, LEADS
from sendyard.features.audience.fields import CustomField, FieldSet
from sendyard.features.audience.labels import LIST, TAG, LabelSet
from sendyard.features.audience.segments.language import FilterError
from sendyard.features.audience.segments.tree import (
    UNITS,
    All,
    AnyOf,
    Compare,
    Did,
    Has,
    Node,
    Not,
    Suppressed,
)

_TEXTS = {"country": "country", "language": "language", "lead": "lead", "source": "source", "name": "name",
          "time_zone": "time_zone"}  # fmt: skip
_TIMES = {"created": "created_at", "updated": "updated_at",
          **{activity: f"{activity}_at" for activity in ACTIVITIES}}  # fmt: skip
FIELDS = ("tag", "list", *_TEXTS, "created", "updated")
"""What can be compared besides `field.CODE`."""
_SECOND, _DAY = 1000, 86_400_000


@dataclass(frozen=True, slots=True)
class Every:
    """All of these; of none, everybody."""

    items: tuple["Test", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of these at least."""

    items: tuple["Test", ...]


@dataclass(frozen=True, slots=True)
class Unless:
    """Not this."""

    item: "Test"


@dataclass(frozen=True, slots=True)
class Marked:
    """Has the label of this number."""

    number: int


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text column holds one of these values, exactly."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """A text column holds anything at all."""

    column: str


@dataclass(frozen=True, slots=True)
class Containing:
    """A text column contains this, whatever the case of Latin letters."""

    column: str
    part: str


@dataclass(frozen=True, slots=True)
class Between:
    """A number column holds a value from `low` to below `high`; None stands for no bound."""

    column: str
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """Has an identity of this kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Has an address that is suppressed on this channel, or with "" on all."""

    channel: str


Test: TypeAlias = Every | Either | Unless | Marked | OneOf | Filled | Containing | Between | Reached | Stopped


class Meaning:
    """Gives filters of one workspace their meaning at one moment."""

    def __init__(self, fields: FieldSet, labels: LabelSet, *, now: int, text: str = "") -> None:
        """Take what names stand for, the moment in milliseconds, and the text that errors point into."""
        self._fields = fields
        self._labels = labels
        self._now = now
        self._text = text

    def of(self, node: Node) -> Test:  # noqa: PLR0911 - one branch for each kind
        """
        Say what a tree asks.

        Raises:
            Invalid: a name is not known, or a value does not fit; the place is named.
        """
        match node:
            case All(items):
                return Every(tuple(self.of(item) for item in items))
            case AnyOf(items):
                return Either(tuple(self.of(item) for item in items))
            case Not(item):
                return Unless(self.of(item))
            case Did():
                return self._did(node)
            case Has(kind, at):
                if kind not in KINDS:
                    raise self._unknown(at, kind, KINDS, "kind of identity")
                return Reached(kind)
            case Suppressed(channel, at):
                channels = [known.value for known in Channel]
                if channel and channel not in channels:
                    raise self._unknown(at, channel, channels, "channel")
                return Stopped(channel)
            case Compare():
                return self._compare(node)

    def _did(self, node: Did) -> Test:
        if node.activity not in _TIMES:
            raise self._unknown(node.at, node.activity, ACTIVITIES, "activity")
        if node.count is None:
            return Between(_TIMES[node.activity])
        since = self._now - node.count * UNITS[node.unit] * _SECOND
        return Between(_TIMES[node.activity], since // _SECOND * _SECOND)

    def _compare(self, node: Compare) -> Test:
        if node.op == "!=":
            return Unless(self._compare(Compare(node.field, "=", node.values, node.at, node.value_at)))
        if node.field in {"tag", "list"}:
            return self._labelled(node)
        if node.field in _TEXTS:
            return self._textual(node, _TEXTS[node.field])
        if node.field in _TIMES:
            return self._timed(node, _TIMES[node.field])
        code = node.field.removeprefix("field.")
        if code == node.field:
            raise self._unknown(node.at, node.field, [*FIELDS, *ACTIVITIES, *self._codes()], "field")
        field = self._fields.by_code.get(code)
        if field is None:
            raise self._unknown(node.at, node.field, self._codes(), "custom field")
        return self._custom(node, field)

    def _codes(self) -> list[str]:
        return [f"field.{code}" for code in self._fields.by_code]

    def _labelled(self, node: Compare) -> Test:
        kind = TAG if node.field == "tag" else LIST
        if node.op == "is set":
            return Either(tuple(Marked(row.no) for row in self._labels.of_kind(kind)))
        self._expect(node, "=", "in")
        found: list[Test] = []
        for value in node.values:
            row = self._labels.find(kind, value)
            if row is None:
                raise self._unknown(node.value_at, value, [row.name for row in self._labels.of_kind(kind)], kind)
            found.append(Marked(row.no))
        return found[0] if len(found) == 1 else Either(tuple(found))

    def _textual(self, node: Compare, column: str) -> Test:
        if node.op == "is set":
            return Filled(column)
        if node.op == "contains":
            return Containing(column, node.values[0])
        self._expect(node, "=", "in", "contains")
        values = node.values
        if column == "country":
            values = tuple(value.upper() for value in values)
            wrong = next((value for value in values if len(value) != 2 or not value.isalpha()), None)
            if wrong is not None:
                raise self._wrong(node.value_at, "a country as two letters, such as TW", wrong)
        elif column == "lead":
            values = tuple(value.casefold() for value in values)
            if wrong := next((value for value in values if value not in LEADS), None):
                raise self._unknown(node.value_at, wrong, LEADS[1:], "lead state")
        return OneOf(column, values)

    def _timed(self, node: Compare, column: str) -> Test:
        if node.op == "is set":
            return Between(column)
        self._expect(node, "=", "<", "<=", ">", ">=")
        low, length = self._moment(node)
        return _bounds(column, node.op, low, low + length)

    def _moment(self, node: Compare) -> tuple[int, int]:
        """The first millisecond that is meant, and for how long: a day, or a second."""
        given = node.values[0]
        try:
            if len(given) == 10:
                day = date.fromisoformat(given)
                return (day - date(1970, 1, 1)) // timedelta(days=1) * _DAY, _DAY
            moment = datetime.fromisoformat(given)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            return int(moment.timestamp()) * _SECOND, _SECOND
        except (ValueError, OverflowError):
            raise self._wrong(node.value_at, "a day such as 2026-01-31, or a time such as 2026-01-31T09:00Z", given) \
                from None  # fmt: skip

    def _custom(self, node: Compare, field: CustomField) -> Test:
        if node.op == "is set":
            return Filled(field.slot) if field.is_textual else Between(field.slot)
        if field.is_textual:
            if node.op == "contains":
                return Containing(field.slot, node.values[0])
            self._expect(node, "=", "in", "contains")
            if field.definition.type is FieldType.TEXT:
                return OneOf(field.slot, node.values)
            return OneOf(field.slot, tuple(str(self._read(node, field, value)) for value in node.values))
        self._expect(node, "=", "in", "<", "<=", ">", ">=")
        if node.op == "in":
            return Either(tuple(_point(field.slot, self._read(node, field, value)) for value in node.values))
        bound = self._read(node, field, node.values[0])
        return _bounds(field.slot, node.op, int(bound), int(bound) + 1)

    def _read(self, node: Compare, field: CustomField, value: str) -> int | str:
        try:
            found = field.read(value)
        except Invalid as error:
            raise self._wrong(node.value_at, f"a value of {field.name}: {error.detail}", value) from None
        if found is None:
            raise self._wrong(node.value_at, f"a value of {field.name}", value)
        return found

    def _expect(self, node: Compare, *operators: str) -> None:
        if node.op not in operators:
            raise self._wrong(node.at, f"{node.field} with one of {', '.join((*operators, '!=', 'is set'))}", node.op)

    def _unknown(self, at: int | str, given: str, known: Sequence[str], what: str) -> Invalid:
        near = difflib.get_close_matches(given, known, n=1, cutoff=0.6)
        if near:
            expected = f"a {what} that is there; {given!r:.60} is none, did you mean {near[0]}?"
        elif known:
            expected = f"a {what} that is there: {', '.join(known[:12])}{', …' if len(known) > 12 else ''}"
        else:
            expected = f"a {what} that is there; there is none yet"
        return self._wrong(at, expected, given)

    def _wrong(self, at: int | str, expected: str, given: str) -> Invalid:
        if isinstance(at, int):
            return FilterError(at, expected, self._text)
        detail = f"Expected {expected.rstrip('.')}; found {given!r:.60}."
        return Invalid(
            "bad_filter", f"The filter is not usable: {detail}", errors=[FieldError(at, "bad_filter", detail)]
        )


def _point(column: str, value: int | str) -> Between:
    return Between(column, int(value), int(value) + 1)


def _bounds(column: str, op: str, low: int, high: int) -> Between:
    """What an operator asks of a value that fills everything from `low` to below `high`."""
    bounds: Mapping[str, tuple[int | None, int | None]] = {
        "=": (low, high), "<": (None, low), "<=": (None, high), ">": (high, None), ">=": (low, None),
    }  # fmt: skip
    return Between(column, *bounds[op])
