"""
What a chunk of a file means for the people who are there: whom it adds, whom it changes and how.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sendyard.domain.errors import Invalid
from sendyard.features.audience.contacts.details import guess_zone
from sendyard.features.audience.contacts.rows import (
    EMAIL,
    EXTERNAL,
    GUESSED,
    LEADS,
    LINE,
    PHONE,
    SET,
    WHATSAPP,
    ContactRow,
    Identity,
    marks_of,
    numbers_of,
)
from sendyard.features.audience.fields import FieldSet
from sendyard.features.audience.importing.agreeing import SAYING, Said, words_of
from sendyard.features.audience.reading.verdicts import RowVerdict

_DATA_ONLY = frozenset({EMAIL})  # does not tell who somebody is: families share it
_AS_GIVEN = frozenset({"name", "country", "language", "source"})  # stand in their columns as the file says them
_new = tuple.__new__  # a named tuple in half the time


class Refusal(NamedTuple):
    """A row that was read and still cannot be stored."""

    row: int
    code: str
    detail: str


@dataclass(slots=True)
class Entry:
    """One person of the file, in the terms of the database."""

    row: int
    identities: list[Identity]
    columns: dict[str, Any]
    marks: tuple[int, ...]
    words: tuple[Said, ...] = ()
    number: int = 0  # of the contact it is, once that is known


@dataclass(slots=True)
class Update:
    """What changes in one person who was there before."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    identities: list[Identity] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """Everything a chunk does. `unchanged` counts people of whom the file says nothing new."""

    added: list[Entry] = field(default_factory=list)
    updates: dict[int, Update] = field(default_factory=dict)
    rows: dict[int, ContactRow] = field(default_factory=dict)
    unchanged: int = 0
    shared: int = 0  # identities left out because they are somebody else's


class Labels:
    """The numbers of labels: those everybody gets, and of the tags and lists that rows name."""

    def __init__(self, everybody: Sequence[int], tags: Mapping[str, int], lists: Mapping[str, int]) -> None:
        """Take numbers by the names as given; those missing, as in a dry run, are left out."""
        self._everybody = tuple(everybody)
        self._tags = tags
        self._lists = lists
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[int, ...]] = {((), ()): self._everybody}

    def of(self, tags: tuple[str, ...], lists: tuple[str, ...]) -> tuple[int, ...]:
        """The labels of somebody with these tags and lists; most people of a file share a few sets of them."""
        found = self._known.get((tags, lists))
        if found is None:
            named = [*(self._tags.get(name) for name in tags), *(self._lists.get(name) for name in lists)]
            found = (*self._everybody, *(number for number in named if number is not None))
            self._known[tags, lists] = found
        return found


def entry_of(verdict: RowVerdict, fields: FieldSet, labels: Labels, source: str) -> Entry | Refusal:
    """Bring one row into the terms of the database."""
    said = verdict.fields
    columns: dict[str, Any] = {}
    speaks = verdict.consent is not None
    if said:
        if said.keys() <= _AS_GIVEN:
            columns.update(said)
        else:
            _standard(said, columns)
            speaks = speaks or not SAYING.isdisjoint(said)
    if "country" not in columns and len(verdict.country) == 2:
        columns["country"] = verdict.country
    if source and "source" not in columns:
        columns["source"] = source
    for code, text in verdict.custom.items():
        if slot := fields.text_slots.get(code):
            columns[slot] = text
        elif custom := fields.by_code.get(code):
            try:
                columns[custom.slot] = custom.stored(text)
            except Invalid as error:
                return Refusal(verdict.row, error.code, error.detail)
    words = words_of(verdict) if speaks else ()
    return Entry(verdict.row, _identities(verdict), columns, labels.of(verdict.tags, verdict.lists), words)


def _identities(verdict: RowVerdict) -> list[Identity]:
    found = [_new(Identity, (PHONE, verdict.phone))] if verdict.phone else []
    if verdict.whatsapp_id:
        found.append(Identity(WHATSAPP, verdict.whatsapp_id))
    if verdict.line_user_id:
        found.append(Identity(LINE, verdict.line_user_id))
    if verdict.fields:
        if external := verdict.fields.get("external_id"):
            found.append(Identity(EXTERNAL, external))
        if email := verdict.fields.get("email"):
            found.append(Identity(EMAIL, email.casefold()))
    return found


def _standard(said: Mapping[str, str], columns: dict[str, Any]) -> None:
    name = said.get("name") or joined_name(said.get("first_name", ""), said.get("last_name", ""))
    if name:
        columns["name"] = name
    for given in ("country", "language", "source"):
        if value := said.get(given):
            columns[given] = value
    if zone := said.get("time_zone"):
        columns["time_zone"], columns["zone_origin"] = zone, SET
    if (lead := said.get("lead_state", "").casefold()) and lead in LEADS:
        columns["lead"] = lead


def joined_name(first: str, last: str) -> str:
    """A whole name: family names of East Asia stand first and without a space."""
    if first and last and not (first + last).isascii() and _is_east_asian(first) and _is_east_asian(last):
        return last + first
    return " ".join(part for part in (first, last) if part)


def _is_east_asian(text: str) -> bool:
    return all("\u3400" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7a3" for sign in text)


def plan_chunk(entries: Sequence[Entry], held: dict[Identity, int], rows: dict[int, ContactRow]) -> Plan:
    """
    Decide what a chunk does.

    Args:
        entries: people in the order of the file; several may be the same person.
        held: whose the identities of the chunk are; becomes what it is afterwards, new people by negative numbers.
        rows: those people; become what they are afterwards.
    """
    plan = Plan(rows=rows)
    fresh: dict[int, Entry] = {}
    for entry in entries:
        number = 0
        for one in entry.identities:
            if one[0] not in _DATA_ONLY and (number := held.get(one, 0)):
                break
        if number == 0:
            number = -len(fresh) - 1
            fresh[number] = entry
            # Of a new person only what is data may be somebody else's, and that stands last.
            if entry.identities[-1][0] in _DATA_ONLY:
                entry.identities = [one for one in entry.identities if _is_free(one, held, number, plan)]
        elif number < 0:
            _join(fresh[number], entry, held, number, plan)
        else:
            _change(number, entry, held, plan)
        entry.number = number
        for one in entry.identities:
            held.setdefault(one, number)
    plan.added = [*fresh.values()]
    return plan


def new_columns(entries: Sequence[Entry], slots: Sequence[str]) -> dict[str, Sequence[Any]]:
    """What is stored of new people, column by column: everything but their numbers and ids."""
    said = [entry.columns for entry in entries]
    zones = [columns.get("time_zone", "") for columns in said]
    origins = [columns.get("zone_origin", "") for columns in said]
    for at, zone in enumerate(zones):
        if not zone:
            kind, value = entries[at].identities[0]
            if kind == PHONE and (guessed := guess_zone(value)):
                zones[at], origins[at] = guessed, GUESSED
    return {
        "country": [columns.get("country", "") for columns in said],
        "marks": [marks_of(entry.marks) for entry in entries],
        "lead": [columns.get("lead", "") for columns in said],
        "language": [columns.get("language", "") for columns in said],
        "time_zone": zones,
        "zone_origin": origins,
        "source": [columns.get("source", "import") for columns in said],
        "name": [columns.get("name", "") for columns in said],
        **{slot: [columns.get(slot) for columns in said] for slot in slots},
    }


def _is_free(identity: Identity, held: Mapping[Identity, int], number: int, plan: Plan) -> bool:
    holder = held.get(identity, number)
    if holder != number:
        plan.shared += 1
    return holder == number


def _join(first: Entry, later: Entry, held: Mapping[Identity, int], number: int, plan: Plan) -> None:
    """Add to a new person what a later row of the same chunk says of them."""
    for identity in later.identities:
        if identity not in first.identities and _is_free(identity, held, number, plan):
            first.identities.append(identity)
    later.identities = first.identities
    first.columns |= later.columns
    first.marks = (*first.marks, *later.marks)
    plan.unchanged += 1


def _change(number: int, entry: Entry, held: Mapping[Identity, int], plan: Plan) -> None:
    row = plan.rows[number]
    columns = entry.columns
    # Where somebody is from first is kept; a column of the file may still say otherwise.
    changed = {
        name: value
        for name, value in columns.items()
        if row[name] != value and not (name == "source" and row["source"]) and not _only_guessed(name, row)
    }
    if entry.marks:
        marks = marks_of([*numbers_of(row["marks"]), *entry.marks])
        if marks != row["marks"]:
            changed["marks"] = marks
    added = [one for one in entry.identities if one not in held]
    plan.shared += sum(1 for one in entry.identities if held.get(one, number) != number)
    entry.identities = [one for one in entry.identities if held.get(one, number) == number]
    if not changed and not added:
        plan.unchanged += number not in plan.updates
        return
    update = plan.updates.setdefault(number, Update())
    for name in changed:
        update.before.setdefault(name, row[name])
    update.after |= changed
    update.identities += added
    row |= changed


def _only_guessed(name: str, row: ContactRow) -> bool:
    # The number's country is no news of somebody who has one.
    return name == "country" and bool(row["country"])


def tags_among(verdicts: Iterable[RowVerdict]) -> dict[str, None]:
    """Every tag a chunk names, once."""
    return {tag: None for verdict in verdicts for tag in verdict.tags}


def lists_among(verdicts: Iterable[RowVerdict]) -> dict[str, None]:
    """Every list a chunk names, once."""
    return {name: None for verdict in verdicts for name in verdict.lists}
