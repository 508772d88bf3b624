"""
The columns that say what people agreed to: which kinds there are, and what an answer needs to be taken.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Self

from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.audience.reading.cells import Wrong
from sendyard.features.audience.reading.headers import Field
from sendyard.features.audience.reading.mapping import ColumnMapping

YES, NO = "yes", "no"
_FARTHEST_EAST = timedelta(hours=14)  # somewhere it is tomorrow already


class KindFields(NamedTuple):
    """The columns of a kind that people say yes or no to, besides marketing: answer, day, and where it was said."""

    kind: ConsentKind
    answer: Field
    at: Field
    source: Field


ANSWERED = (
    KindFields(
        ConsentKind.WRITTEN, Field.WRITTEN_CONSENT, Field.WRITTEN_CONSENT_AT, Field.WRITTEN_CONSENT_SOURCE
    ),
    KindFields(ConsentKind.NIGHT, Field.NIGHT_CONSENT, Field.NIGHT_CONSENT_AT, Field.NIGHT_CONSENT_SOURCE),
    KindFields(
        ConsentKind.REGISTERED,
        Field.REGISTERED_CONSENT,
        Field.REGISTERED_CONSENT_AT,
        Field.REGISTERED_CONSENT_SOURCE,
    ),
)  # fmt: skip
_DAYS = (Field.CONSENT_AT, Field.RELATIONSHIP_AT, *(one.at for one in ANSWERED))


class Agreements:
    """
    Checks what the rows of one file say of consent, and fills in the day where another place says it.

    A yes to a kind of its own needs a day: its column's; where the file has none for it, that of `consent_at`; else the
    day stated for the file. A no needs none. Plain marketing is taken without a day, and counts from the import then.
    """

    def __init__(self, mapping: ColumnMapping, stated: str) -> None:
        """Take what columns hold, and the day (ISO 8601) of everything that has none of its own, or ""."""
        names = {column.target: column.name for column in mapping.columns}
        self._names = names
        self._stated = stated
        self._kinds = [one for one in ANSWERED if one.answer.value in names]
        self._days = [one.value for one in _DAYS if one.value in names]
        self._latest = _latest_day()

    @classmethod
    def of(cls, mapping: ColumnMapping, stated: str) -> Self | None:
        """Give what checks the rows of a file, or None for one whose columns say nothing of consent."""
        targets = {column.target for column in mapping.columns}
        known = {Field.CONSENT, *_DAYS, *(one.answer for one in ANSWERED)}
        return cls(mapping, stated) if targets & {one.value for one in known} else None

    def settle(self, fields: dict[str, str], unread: Callable[[Wrong], None], *, consent: bool | None) -> None:
        """
        Check one row, and complete its fields.

        Args:
            fields: those of the row by `Field` value; values that cannot be taken are removed.
            unread: told what is wrong; raises when the row is to be refused for it.
            consent: what the row says of plain marketing.
        """
        for name in self._days:
            if fields.get(name, "") > self._latest:
                unread(Wrong("consent_in_future", self._names[name]))
                del fields[name]
        shared = fields.get(Field.CONSENT_AT, "")
        if consent and not shared and self._stated:
            fields[Field.CONSENT_AT.value] = self._stated
        for kind in self._kinds:
            if fields.get(kind.answer) != YES:
                continue
            if kind.at not in fields:
                day = ("" if kind.at in self._names else shared) or self._stated
                if day:
                    fields[kind.at.value] = day
            wrong = "consent_contradicts" if consent is False else "" if kind.at in fields else "consent_without_date"
            if wrong:
                unread(Wrong(wrong, self._names[kind.answer]))
                del fields[kind.answer]


def check_stated(day: str) -> None:
    """
    Check the day that is stated for a whole file.

    Raises:
        Invalid: it is no day in ISO 8601, or one still to come.
    """
    try:
        good = date.fromisoformat(day).isoformat() == day <= _latest_day()
    except ValueError:
        good = False
    if not good:
        detail = f"Expected a day such as 2026-03-01 that is not still to come, found {day!r:.40}."
        raise Invalid("bad_consent_at", detail, errors=[FieldError("/consent_at", "bad_consent_at", detail)])


def _latest_day() -> str:
    return (datetime.now(UTC) + _FARTHEST_EAST).date().isoformat()
