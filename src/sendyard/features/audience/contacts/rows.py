"""
A contact as it is stored, and what its columns are called.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sendyard.storage.audience_schema import NUMBER_SLOTS, TEXT_SLOTS

NUMBERS = tuple(f"n{slot}" for slot in range(1, NUMBER_SLOTS + 1))
TEXTS = tuple(f"x{slot}" for slot in range(1, TEXT_SLOTS + 1))
SLOTS = (*NUMBERS, *TEXTS)
ACTIVITIES = ("sent", "delivered", "read", "failed", "replied", "clicked")
"""What can be known of a person's newest time of: each is a column with `_at` behind it."""
ACTIVITY_COLUMNS = tuple(f"{activity}_at" for activity in ACTIVITIES)
EDITABLE = ("country", "marks", "lead", "language", "time_zone", "zone_origin", "source", "name", *SLOTS)
"""What people and imports change; everything else is kept by the program."""
COLUMNS = ("no", "id", *EDITABLE, *ACTIVITY_COLUMNS, "created_at", "updated_at", "import_no")
SQL_COLUMNS = ", ".join(COLUMNS)
BLANK: Mapping[str, Any] = {
    **dict.fromkeys(EDITABLE, ""),
    "marks": ",",
    **dict.fromkeys(SLOTS),
    **dict.fromkeys(ACTIVITY_COLUMNS),
}
"""The columns of a person of whom nothing is known."""

PHONE, WHATSAPP, LINE, EMAIL, EXTERNAL = "phone", "whatsapp_id", "line_id", "email", "external_id"
KINDS = (PHONE, WHATSAPP, LINE, EMAIL, EXTERNAL)
"""What can identify a person; an e-mail address and the number in the customer's own system are data only."""
LEADS = ("", "new", "contacted", "qualified", "won", "lost")
"""How far a lead came; "" is somebody who is none."""
GUESSED, SET = "guessed", "set"
"""Where a time zone is from."""

ContactRow = dict[str, Any]


class Identity(NamedTuple):
    """One address of a person, in the one spelling in which it is kept."""

    kind: str
    value: str


class HistoryRow(NamedTuple):
    """What happened to a contact as a whole."""

    id: str
    contact_id: str
    kind: str
    document: str
    at: int


class Change(NamedTuple):
    """What a transaction that changes contacts was given: its stamp, and the first of the numbers it asked for."""

    stamp: int
    contact: int
    label: int
    import_: int


def row_of(values: Sequence[Any]) -> ContactRow:
    """Name the values of `SQL_COLUMNS`."""
    return dict(zip(COLUMNS, values, strict=True))


def marks_of(numbers: Sequence[int]) -> str:
    """Write numbers of labels as they stand in a contact: smallest first, each once."""
    return _marks(tuple(numbers))


@lru_cache(maxsize=4096)
def _marks(numbers: tuple[int, ...]) -> str:
    # Most people of a file have the same few labels.
    return f",{','.join(map(str, sorted(set(numbers))))}," if numbers else ","


def numbers_of(marks: str) -> list[int]:
    """Read what `marks_of` wrote."""
    return [int(number) for number in marks.split(",") if number]
