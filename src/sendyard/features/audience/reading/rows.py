"""
Reading a file row by row: verdicts as they come, progress, a place to go on from.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.audience.reading.agreements import check_stated
from sendyard.features.audience.reading.judging import Judge
from sendyard.features.audience.reading.mapping import ColumnMapping
from sendyard.features.audience.reading.shape import Shape, records_of
from sendyard.features.audience.reading.sources import Gauge, Source
from sendyard.features.audience.reading.verdicts import Outcome, Repeated, RowVerdict, Several, Tally, Unreadable

FIRST = 20
WORST = 20
SCANNED = 5000
_PER_KIND = 5


class Reading:
    """
    Iterates over the verdicts of a file, in its order; can be gone through once.

    `tally` counts the verdicts given so far, `row` is the last of their rows, `progress` how far the file is read.
    """

    def __init__(self, source: Source, shape: Shape, judge: Judge, *, after_row: int, every_row: bool) -> None:
        """Take what to read and who decides; `every_row` has rows up to `after_row` judged, but not given."""
        self.tally = Tally()
        self.row = after_row
        self._gauge = Gauge()
        self._verdicts = self._run(source, shape, judge, after_row, every_row=every_row)

    def __iter__(self) -> Iterator[RowVerdict]:
        return self._verdicts

    def __next__(self) -> RowVerdict:
        return next(self._verdicts)

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes read and bytes in all; of a workbook those of the unpacked sheet. Total is 0 before the first row."""
        return self._gauge.done, self._gauge.total

    def close(self) -> None:
        """Let go of the file before its end."""
        self._verdicts.close()

    def _run(
        self, source: Source, shape: Shape, judge: Judge, after_row: int, *, every_row: bool
    ) -> Generator[RowVerdict, None, None]:
        tally = self.tally
        with records_of(source, shape, self._gauge) as records:
            for record in records:
                passed = record.number <= after_row
                if passed and not every_row:
                    continue
                cells = record.cells
                # The first cell decides about nearly every row.
                if not (cells and cells[0].strip()) and not any(map(str.strip, cells)):
                    tally.blank += not passed
                    continue
                verdicts = judge.judge(record)
                if passed:
                    continue
                for verdict in verdicts:
                    self.row = verdict.row
                    tally.add(verdict)
                    yield verdict


def read(
    source: Source,
    mapping: ColumnMapping,
    *,
    shape: Shape,
    country: str = "",
    several: Several = Several.REFUSE,
    repeated: Repeated = Repeated.REFUSE,
    unreadable: Unreadable = Unreadable.REFUSE,
    landlines: bool = False,
    consent_at: str = "",
    after_row: int = 0,
) -> Reading:
    """
    Read a file with a mapping. Memory does not grow with the file, but for 24 bytes a person while `repeated` refuses.

    Args:
        source: the file that `shape` was found from; a path, or an open file that nobody else reads meanwhile.
        mapping: what each column holds.
        shape: how the file is read.
        country: ISO 3166 code by which numbers without a country code are read; a country column goes before it.
        several: what to do with a cell of several numbers.
        repeated: what to do with a person named by an earlier row.
        unreadable: what to do when a value other than the number cannot be read.
        landlines: also take numbers that cannot be texted, as lists of numbers not to call have them.
        consent_at: the day (ISO 8601) of consents that have none of their own; not still to come.
        after_row: go on behind this row. Verdicts are those of a reading from the beginning.

    Raises:
        Invalid: the mapping has no column that tells how people are reached (`no_phone_column`), or `consent_at` is no
            day that was (`bad_consent_at`); while iterating, a workbook turns out to be damaged.
    """
    if consent_at:
        check_stated(consent_at)
    if not mapping.has_identity:
        listed = ", ".join(column.name for column in mapping.columns[:30])
        detail = (
            f"Expected a column of phone numbers such as phone, 전화번호 or 手機, found the columns {listed:.400}. "
            "Choose which column holds the numbers."
        )
        raise Invalid("no_phone_column", detail, errors=[FieldError("/mapping", "no_phone_column", detail)])
    judge = Judge(
        mapping, country=country, several=several, repeated=repeated, unreadable=unreadable, landlines=landlines,
        consent_at=consent_at,
    )  # fmt: skip
    return Reading(source, shape, judge, after_row=after_row, every_row=repeated is Repeated.REFUSE)


@dataclass(frozen=True, slots=True)
class Preview:
    """
    The first verdicts of a file, and the worst among the rows scanned: refused before fixed, every kind represented.

    `complete` says that the whole file was scanned, so that `tally` is that of the import.
    """

    first: Sequence[RowVerdict]
    worst: Sequence[RowVerdict]
    tally: Tally
    complete: bool

    def to_dict(self) -> dict[str, Any]:
        """Give the document that interfaces show."""
        return {
            "first": [verdict.to_dict() for verdict in self.first],
            "worst": [verdict.to_dict() for verdict in self.worst],
            "tally": self.tally.to_dict(),
            "complete": self.complete,
        }


def preview(reading: Reading, *, first: int = FIRST, worst: int = WORST, scanned: int | None = SCANNED) -> Preview:
    """
    Look at the beginning of a file, or with `scanned=None` at all of it: a dry run.

    Args:
        reading: a new one; it is closed.
        first: how many of the first verdicts to give.
        worst: how many of the worst.
        scanned: how many rows to look at.
    """
    beginning: list[RowVerdict] = []
    kinds: dict[tuple[Outcome, str], list[RowVerdict]] = {}
    complete = True
    for verdict in reading:
        if scanned is not None and reading.tally.rows > scanned:
            complete = False
            break
        if len(beginning) < first:
            beginning.append(verdict)
        if verdict.outcome is not Outcome.OK:
            kind = (verdict.outcome, verdict.code or verdict.fixes[0].code)
            examples = kinds.setdefault(kind, [])
            if len(examples) < worst:
                examples.append(verdict)
    reading.close()
    return Preview(beginning, _worst(kinds, worst), reading.tally, complete)


def _worst(kinds: Mapping[tuple[Outcome, str], list[RowVerdict]], count: int) -> list[RowVerdict]:
    """Take a few of each kind in turn, refused kinds first, and fill up with what remains."""
    ordered = sorted(kinds.items(), key=lambda item: (item[0][0] is not Outcome.REFUSED, len(item[1])))
    few = [verdict for _, examples in ordered for verdict in examples[:_PER_KIND]]
    rest = [verdict for _, examples in ordered for verdict in examples[_PER_KIND:]]
    return (few + rest)[:count]
