"""
What became of a row: ok, fixed (what) or refused (why).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple


class Outcome(StrEnum):
    """The three things that can become of a row."""

    OK = "ok"  # taken as it stands
    FIXED = "fixed"  # taken; what was changed is said
    REFUSED = "refused"  # not taken; why is said


class Several(StrEnum):
    """What to do with a cell that holds several numbers."""

    REFUSE = "refuse"
    FIRST = "first"  # take the first that can be texted
    EACH = "each"  # make one person of each


class Repeated(StrEnum):
    """What to do with a row for a person that an earlier row named."""

    REFUSE = "refuse"
    PASS = "pass"  # leave it to whoever stores  # noqa: S105 - no password


class Unreadable(StrEnum):
    """What to do with a row of which another value than the number cannot be read."""

    REFUSE = "refuse"
    LEAVE_OUT = "leave_out"  # take the row without that value, and say so


class Fix(NamedTuple):
    """One change: the column, a stable code, and what was done."""

    column: str
    code: str
    detail: str


class RowVerdict(NamedTuple):
    """
    One person of one row.

    `row` is numbered as a spreadsheet program does; `part` counts from 0 when a row gives several people (see
    `Several.EACH`). `cells` are the row as it stands in the file.

    Taken rows have at least one of `phone` (E.164), `whatsapp_id` and `line_user_id`; `country` is that of the number.
    `fields` holds the other standard fields by `Field` value, as text: language as BCP 47, time_zone as IANA name,
    country as ISO 3166, days of consents as ISO 8601, answers to kinds of their own as yes or no. `custom` holds custom
    fields by key, in the form of `domain.fields.store_value`. Blank cells appear in neither. `consent` is None where
    the file does not say.

    Refused rows have a `code`, a `detail` (one sentence) and the `column` at fault, or "" when it is the whole row.
    """

    row: int
    part: int
    outcome: Outcome
    cells: Sequence[str]
    phone: str = ""
    country: str = ""
    whatsapp_id: str = ""
    line_user_id: str = ""
    fields: Mapping[str, str] = {}
    custom: Mapping[str, str] = {}
    tags: tuple[str, ...] = ()
    consent: bool | None = None
    fixes: tuple[Fix, ...] = ()
    code: str = ""
    detail: str = ""
    column: str = ""
    lists: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the document that interfaces show."""
        return {
            "row": self.row,
            "part": self.part,
            "outcome": self.outcome.value,
            "phone": self.phone or None,
            "country": self.country or None,
            "whatsapp_id": self.whatsapp_id or None,
            "line_user_id": self.line_user_id or None,
            "fields": dict(self.fields),
            "custom": dict(self.custom),
            "tags": list(self.tags),
            "lists": list(self.lists),
            "consent": self.consent,
            "fixes": [fix._asdict() for fix in self.fixes],
            "code": self.code or None,
            "detail": self.detail or None,
            "column": self.column or None,
            "cells": [cell[:200] for cell in self.cells],
        }


@dataclass(slots=True)
class Tally:
    """How many rows came to what; `people` are those taken, `blank` the rows without any cell."""

    rows: int = 0
    people: int = 0
    ok: int = 0
    fixed: int = 0
    refused: int = 0
    blank: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    fixes: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: RowVerdict) -> None:
        """Count one; of a row with several people each is counted, the row once."""
        if not verdict.part:
            self.rows += 1
        if verdict.outcome is Outcome.OK:
            self.people += 1
            self.ok += 1
        elif verdict.outcome is Outcome.FIXED:
            self.people += 1
            self.fixed += 1
            self.fixes.update({fix.code for fix in verdict.fixes})
        else:
            self.refused += 1
            self.reasons[verdict.code] += 1

    def to_dict(self) -> dict[str, Any]:
        """Give the document that interfaces show."""
        return {
            "rows": self.rows,
            "people": self.people,
            "ok": self.ok,
            "fixed": self.fixed,
            "refused": self.refused,
            "blank": self.blank,
            "reasons": dict(self.reasons.most_common()),
            "fixes": dict(self.fixes.most_common()),
        }
