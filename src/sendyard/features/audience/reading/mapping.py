"""
Which column holds what: proposed from names and contents, changed by a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.fields import FieldDefinition
from sendyard.features.audience.reading.headers import Field, custom_key, meaning_of
from sendyard.features.audience.reading.shape import Shape, looks_like_phone

CUSTOM = "custom:"
REASON_COLUMN = "Not imported because"
"""The column that `RefusedRows` adds; it is left out when such a file is imported again."""

OWN_KEY = "sendyard_id"
"""The column by which a file is known to be an export of ours."""
TELLING = frozenset({OWN_KEY, "other_identities", "guessed_time_zone", "suppressed", "created_at", "updated_at"})
"""Columns of such a file that tell something and are not read again."""

IDENTITIES = frozenset({Field.PHONE, Field.WHATSAPP_ID, Field.LINE_USER_ID})
_SURE_SHARE = 0.6
_MOST_NAMED = 30


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column: its name, what it holds (a `Field` value, `custom:` and a key, or "" for nothing), and why.

    `because` is "name", "contents", "chosen" or "rest".
    """

    name: str
    target: str
    because: str

    @property
    def custom(self) -> str:
        """The key of the custom field it holds, or ""."""
        return self.target.removeprefix(CUSTOM) if self.target.startswith(CUSTOM) else ""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What every column of a file holds, in the order of the file, and the definitions of typed custom fields."""

    columns: tuple[Column, ...]
    fields: Mapping[str, FieldDefinition]

    def place(self, field: Field) -> int | None:
        """Give the position of the column that holds a field."""
        return next((at for at, column in enumerate(self.columns) if column.target == field.value), None)

    @property
    def is_own(self) -> bool:
        """Whether the file is an export of ours."""
        return any(column.name == OWN_KEY for column in self.columns)

    @property
    def has_identity(self) -> bool:
        """Whether any column tells how a person is reached; without one nothing can be imported."""
        return any(column.target in IDENTITIES for column in self.columns)

    def to_dict(self) -> list[dict[str, Any]]:
        """Give the document that interfaces show and send back as overrides."""
        return [{"column": c.name, "target": c.target, "because": c.because} for c in self.columns]


def map_columns(
    shape: Shape,
    *,
    overrides: Mapping[str, str] | None = None,
    fields: Sequence[FieldDefinition] = (),
    country: str = "",
) -> ColumnMapping:
    """
    Propose what each column holds.

    Names decide first, then contents for the number; the rest become custom fields named after their column.

    Args:
        shape: the file.
        overrides: name of a column → `Field` value, `custom:key`, or "" to leave it out.
        fields: definitions of the workspace's custom fields; others are text.
        country: by which contents are tried as numbers.

    Raises:
        Invalid: an override names a column or target there is not, or one target for two columns.
    """
    chosen = _checked(shape, overrides or {})
    taken = {target for target in chosen.values() if target}
    targets: dict[int, tuple[str, str]] = {at: (target, "chosen") for at, target in chosen.items()}
    for at, field in sorted(_by_name(shape, set(chosen)).items()):
        if field.value not in taken:
            taken.add(field.value)
            targets[at] = (field.value, "name")
    if Field.PHONE.value not in taken and not taken & {one.value for one in IDENTITIES}:
        found = _by_contents(shape, set(targets), country)
        if found is not None:
            targets[found] = (Field.PHONE.value, "contents")
    left_out = _left_out(shape)
    for at, name in enumerate(shape.header):
        if at not in targets:
            targets[at] = ("", "rest") if name in left_out else (_free_key(name, at, taken), "rest")
            taken.add(targets[at][0])
    return ColumnMapping(
        tuple(Column(name, *targets[at]) for at, name in enumerate(shape.header)), {one.key: one for one in fields}
    )


def _checked(shape: Shape, overrides: Mapping[str, str]) -> dict[int, str]:
    chosen: dict[int, str] = {}
    known = {field.value for field in Field}
    for name, target in overrides.items():
        if name not in shape.header:
            listed = ", ".join(shape.header[:_MOST_NAMED])
            raise _refused("unknown_column", f"Expected one of the columns {listed}, found {name!r:.80}.", name)
        key = target.removeprefix(CUSTOM)
        if target and target not in known and not (target.startswith(CUSTOM) and key.isidentifier()):
            listed = ", ".join(sorted(known))
            raise _refused(
                "unknown_field", f"Expected {listed}, custom:key or nothing for {name:.80}, found {target!r:.80}.", name
            )
        if target and target in chosen.values():
            raise _refused("field_twice", f"Expected one column for {target}, found two. Choose one.", name)
        chosen[shape.header.index(name)] = target
    return chosen


def _by_name(shape: Shape, chosen: set[int]) -> dict[int, Field]:
    best: dict[Field, tuple[int, int]] = {}
    left_out = _left_out(shape)
    for at, name in enumerate(shape.header):
        meaning = meaning_of(name)
        if meaning and at not in chosen and name not in left_out:
            field, rank = meaning
            best[field] = min(best.get(field, (rank, at)), (rank, at))
    return {at: field for field, (_, at) in best.items()}


def _left_out(shape: Shape) -> frozenset[str]:
    return frozenset({REASON_COLUMN}) | (TELLING if OWN_KEY in shape.header else frozenset())


def _by_contents(shape: Shape, taken: set[int], country: str) -> int | None:
    """Give the column most of whose cells look like numbers, if there is one."""
    shares: list[tuple[float, int]] = []
    for at in range(len(shape.header)):
        cells = [row[at] for row in shape.sample if at < len(row) and row[at].strip()]
        if at not in taken and cells:
            shares.append((sum(looks_like_phone(cell, country) for cell in cells) / len(cells), -at))
    share, place = max(shares, default=(0.0, 0))
    return -place if share >= _SURE_SHARE else None


def _free_key(name: str, at: int, taken: set[str]) -> str:
    # An export writes custom fields so, because one may be called like a field that everybody has.
    key = wanted = custom_key(name.removeprefix(CUSTOM)) or f"column_{at + 1}"
    count = 1
    while CUSTOM + key in taken:
        count += 1
        key = f"{wanted}_{count}"
    return CUSTOM + key


def _refused(code: str, detail: str, column: str) -> Invalid:
    return Invalid(code, detail, errors=[FieldError(f"/mapping/{column:.80}", code, detail)])
