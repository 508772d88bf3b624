"""
Tags and lists: the two kinds of label that people carry. A tag is made by using it, a list by a person.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sendyard.delivery.preflight import is_storable
from sendyard.domain.errors import Conflict, FieldError, Invalid, NotFound
from sendyard.features.audience import queries
from sendyard.features.audience.contacts import queries as contact_queries
from sendyard.features.audience.contacts.queries import begin_change
from sendyard.features.audience.contacts.rows import marks_of, numbers_of
from sendyard.features.audience.queries import LabelRow
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

TAG, LIST = "tag", "list"
LONGEST_NAME = 80
LONGEST_DESCRIPTION = 500
MOST_AT_ONCE = 10_000


class LabelSet:
    """The labels of one workspace at one moment; new ones may be added within a transaction."""

    def __init__(self, found: Iterable[LabelRow]) -> None:
        """Take their rows."""
        self._by_no: dict[int, LabelRow] = {}
        self._by_key: dict[tuple[str, str], LabelRow] = {}
        for row in found:
            self.take(row)

    def take(self, row: LabelRow) -> None:
        """Know one more."""
        self._by_no[row.no] = row
        self._by_key[row.kind, folded(row.name)] = row

    def find(self, kind: str, name: str) -> LabelRow | None:
        """Find a label by its name, whatever its case."""
        return self._by_key.get((kind, folded(name)))

    def names(self, kind: str, marks: str) -> list[str]:
        """The names of one kind among the marks of a contact, in the order of the alphabet."""
        found = (self._by_no.get(number) for number in numbers_of(marks))
        return sorted(row.name for row in found if row is not None and row.kind == kind)

    def of_kind(self, kind: str) -> list[LabelRow]:
        """Every label of a kind, oldest first."""
        return [row for row in self._by_no.values() if row.kind == kind]


def label_set(tx: Transaction, workspace_id: str) -> LabelSet:
    """Read the labels of a workspace."""
    return LabelSet(queries.labels(tx, workspace_id))


def folded(name: str) -> str:
    """A name without its case and needless spaces: what must differ between two labels."""
    return " ".join(name.split()).casefold()


def require_tags(tx: Transaction, workspace_id: str, known: LabelSet, names: Iterable[str], *, now: int) -> list[int]:
    """
    Give the numbers of tags; those that are not there yet are made.

    Raises:
        Invalid: a name is not usable.
    """
    numbers: list[int] = []
    for name in names:
        row = known.find(TAG, name)
        if row is None:
            row = make(tx, workspace_id, TAG, name, now=now)
            known.take(row)
        numbers.append(row.no)
    return numbers


def make(tx: Transaction, workspace_id: str, kind: str, name: str, *, now: int, description: str = "") -> LabelRow:
    """Make a label whose name is free. Raises Invalid."""
    _check(name, description, "/tags" if kind == TAG else "/name")
    number = begin_change(tx, workspace_id, labels=1).label
    row = LabelRow(number, new_id(), kind, " ".join(name.split()), description, now)
    queries.insert_label(tx, workspace_id, row, key=folded(name))
    return row


class Lists:
    """The lists of every workspace, and its tags."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def add(self, workspace_id: str, *, name: str, description: str = "") -> dict[str, Any]:
        """
        Make a list.

        Raises:
            Invalid: the name is not usable.
            Conflict: there is a list of this name.
        """
        _check(name, description, "/name")
        moment = now_ms()

        def insert(tx: Transaction) -> LabelRow | None:
            if queries.label_exists(tx, workspace_id, LIST, folded(name)):
                return None
            return make(tx, workspace_id, LIST, name, now=moment, description=description)

        made = await self._database.write(insert)
        if made is None:
            raise _taken(name)
        return document(made)

    async def all(self, workspace_id: str, kind: str = LIST) -> list[dict[str, Any]]:
        """Give every list, or every tag, oldest first."""
        return [document(row) for row in await self._database.read(lambda tx: queries.labels(tx, workspace_id, kind))]

    async def get(self, workspace_id: str, id_or_name: str) -> dict[str, Any]:
        """Give one list. Raises NotFound."""
        return document(await self._database.read(lambda tx: require_list(tx, workspace_id, id_or_name)))

    async def edit(
        self, workspace_id: str, id_or_name: str, *, name: str | None = None, description: str | None = None
    ) -> dict[str, Any]:
        """
        Change what a list is called.

        Raises:
            Invalid: the name is not usable.
            NotFound: there is no such list.
            Conflict: another list has the name.
        """

        def change(tx: Transaction) -> LabelRow | None:
            row = require_list(tx, workspace_id, id_or_name)
            called, about = row.name if name is None else name, row.description if description is None else description
            _check(called, about, "/name")
            key = folded(called)
            if key != folded(row.name) and queries.label_exists(tx, workspace_id, LIST, key):
                return None
            called = " ".join(called.split())
            queries.change_label(tx, workspace_id, row.no, name=called, key=key, description=about)
            return row._replace(name=called, description=about)

        changed = await self._database.write(change)
        if changed is None:
            raise _taken(name or "")
        return document(changed)

    async def remove(self, workspace_id: str, id_or_name: str, kind: str = LIST) -> int:
        """Remove a list or tag, not the people on it; gives how many there were. Raises NotFound."""

        def delete(tx: Transaction) -> int:
            row = _require(tx, workspace_id, kind, id_or_name)
            left = contact_queries.unmark_all(tx, workspace_id, begin_change(tx, workspace_id), row.no)
            queries.delete_label(tx, workspace_id, row.no)
            return left

        return await self._database.write(delete)

    async def put(self, workspace_id: str, id_or_name: str, contact_ids: Sequence[str]) -> int:
        """Put people on a list; gives how many were not on it before. Raises NotFound, Invalid."""
        return await self._mark(workspace_id, id_or_name, contact_ids, put=True)

    async def take(self, workspace_id: str, id_or_name: str, contact_ids: Sequence[str]) -> int:
        """Take people from a list; gives how many were on it. Raises NotFound, Invalid."""
        return await self._mark(workspace_id, id_or_name, contact_ids, put=False)

    async def _mark(self, workspace_id: str, id_or_name: str, contact_ids: Sequence[str], *, put: bool) -> int:
        if len(contact_ids) > MOST_AT_ONCE:
            detail = f"Expected at most {MOST_AT_ONCE:,} people at once, found {len(contact_ids):,}."
            raise Invalid("too_many", detail, errors=[FieldError("/contacts", "too_many", detail)])
        moment = now_ms()

        def mark(tx: Transaction) -> int:
            row = require_list(tx, workspace_id, id_or_name)
            change = begin_change(tx, workspace_id)
            marks: dict[int, str] = {}
            for contact_id in dict.fromkeys(contact_ids):
                found = contact_queries.contact(tx, workspace_id, contact_id)
                if found is None:
                    raise NotFound("unknown_contact", f"There is no contact {contact_id!r:.60}.")
                numbers = set(numbers_of(found["marks"]))
                if (row.no in numbers) != put:
                    marks[found["no"]] = marks_of([*(numbers ^ {row.no})])
            contact_queries.set_marks(tx, workspace_id, change, marks, now=moment)
            return len(marks)

        return await self._database.write(mark)


def require_list(tx: Transaction, workspace_id: str, id_or_name: str) -> LabelRow:
    """Find a list by what a person calls it. Raises NotFound."""
    return _require(tx, workspace_id, LIST, id_or_name)


def _require(tx: Transaction, workspace_id: str, kind: str, id_or_name: str) -> LabelRow:
    for row in queries.labels(tx, workspace_id, kind):
        if id_or_name == row.id or folded(id_or_name) == folded(row.name):
            return row
    raise NotFound(f"unknown_{kind}", f"There is no {kind} {id_or_name!r:.100}; list them to see those there are.")


def document(row: LabelRow) -> dict[str, Any]:
    """A label as interfaces show it."""
    return {
        "id": row.id,
        "number": row.no,
        "name": row.name,
        "description": row.description,
        "created_at": row.created_at,
    }


def _taken(name: str) -> Conflict:
    detail = f"There is a list {name!r:.100} already; use that one, or choose another name."
    return Conflict("name_taken", detail, errors=[FieldError("/name", "name_taken", detail)])


def _check(name: str, description: str, pointer: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not is_storable(name):
        detail = f"Expected a name of 1 to {LONGEST_NAME} characters, found {name!r:.50}."
        raise Invalid("bad_name", detail, errors=[FieldError(pointer, "bad_name", detail)])
    if len(description) > LONGEST_DESCRIPTION or not is_storable(description):
        detail = f"Expected at most {LONGEST_DESCRIPTION} characters."
        raise Invalid("bad_description", detail, errors=[FieldError("/description", "bad_description", detail)])
