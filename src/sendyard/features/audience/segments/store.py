"""
Segments: filters with a name, how many people they find, and who those are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sendyard.delivery.preflight import is_storable
from sendyard.domain.errors import AppError, Conflict, FieldError, Invalid, NotFound
from sendyard.features.audience.contacts.rows import ContactRow
from sendyard.features.audience.contacts.showing import documents
from sendyard.features.audience.fields import field_set
from sendyard.features.audience.labels import folded, label_set
from sendyard.features.audience.segments import queries
from sendyard.features.audience.segments.census import Census
from sendyard.features.audience.segments.language import FilterError, parse
from sendyard.features.audience.segments.meaning import Every, Marked, Meaning, Test
from sendyard.features.audience.segments.queries import SegmentRow
from sendyard.features.audience.segments.tree import from_json, to_json, to_text
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

LONGEST_NAME = 100
Documents: TypeAlias = list[dict[str, Any]]
PREVIEW = 10
"""People shown of a filter unless more are asked for."""


@dataclass(frozen=True, slots=True)
class Question:
    """A filter as a caller gives it: in the language, or as a tree of plain JSON values."""

    text: str | None = None
    tree: Mapping[str, Any] | None = None


def understand(tx: Transaction, workspace_id: str, question: Question, *, now: int) -> tuple[str, Test]:
    """
    Read a filter in the terms of a workspace: as text, and as what it means at this moment.

    Raises:
        Invalid: it cannot be read, or names something that is not there; the place is named.
    """
    if (question.text is None) == (question.tree is None):
        detail = "Expected the filter either as text or as a tree, found both or neither."
        raise Invalid("one_filter", detail, errors=[FieldError("/filter", "one_filter", detail)])
    node = from_json(question.tree) if question.text is None else parse(question.text)
    text = to_text(node) if question.text is None else question.text.strip()
    meaning = Meaning(field_set(tx, workspace_id), label_set(tx, workspace_id), now=now, text=question.text or "")
    return text, meaning.of(node)


def audience_page(tx: Transaction, workspace_id: str, test: Test, *, after: int, limit: int) -> list[ContactRow]:
    """Whom a filter finds, page by page: for whoever turns a segment into recipients."""
    return queries.members(tx, workspace_id, test, after=after, limit=limit)


class Segments:
    """The segments of every workspace."""

    def __init__(self, database: Database, census: Census | None = None) -> None:
        """Take where rows are, and what counts fast; without one every count looks at each contact."""
        self._database = database
        self._census = census

    async def add(self, workspace_id: str, *, name: str, question: Question) -> dict[str, Any]:
        """
        Save a filter.

        Raises:
            Invalid: the name or the filter is not usable.
            Conflict: there is a segment of this name.
        """
        _check(name)
        moment = now_ms()

        def insert(tx: Transaction) -> SegmentRow | AppError:
            try:
                text, _ = understand(tx, workspace_id, question, now=moment)
            except Invalid as error:
                return error
            row = SegmentRow(new_id(), name.strip(), text, moment, moment)
            if other := _namesake(tx, workspace_id, row):
                return _taken(other)
            return row if queries.insert_segment(tx, workspace_id, row) else _taken(row.name)

        return _document(_or_raise(await self._database.write(insert)))

    async def list(self, workspace_id: str) -> list[dict[str, Any]]:
        """Give every segment, oldest first, without counting."""
        return [_document(row) for row in await self._database.read(lambda tx: queries.segments(tx, workspace_id))]

    async def get(self, workspace_id: str, id_or_name: str) -> dict[str, Any]:
        """Give one segment. Raises NotFound."""
        return _document(await self._database.read(lambda tx: require_segment(tx, workspace_id, id_or_name)))

    async def edit(
        self, workspace_id: str, id_or_name: str, *, name: str | None = None, question: Question | None = None
    ) -> dict[str, Any]:
        """
        Change a segment's name or filter.

        Raises:
            Invalid: the name or the filter is not usable.
            NotFound: there is no such segment.
            Conflict: another segment has the name.
        """
        if name is not None:
            _check(name)
        moment = now_ms()

        def change(tx: Transaction) -> SegmentRow | AppError:
            try:
                row = require_segment(tx, workspace_id, id_or_name)
                text = row.filter if question is None else understand(tx, workspace_id, question, now=moment)[0]
            except (Invalid, NotFound) as error:
                return error
            called = row.name if name is None else name.strip()
            changed = row._replace(name=called, filter=text, updated_at=moment)
            # Two that differed in case only before that was refused can still be changed in other ways.
            if called != row.name and (other := _namesake(tx, workspace_id, changed)):
                return _taken(other)
            queries.change_segment(tx, workspace_id, changed)
            return changed

        return _document(_or_raise(await self._database.write(change)))

    async def remove(self, workspace_id: str, id_or_name: str) -> None:
        """Remove a segment, not its people. Raises NotFound."""

        def delete(tx: Transaction) -> None:
            queries.delete_segment(tx, workspace_id, require_segment(tx, workspace_id, id_or_name).id)

        await self._database.write(delete)

    async def count(self, workspace_id: str, question: Question) -> dict[str, Any]:
        """
        Count whom a filter finds at this moment: `{count, filter, tree}`.

        Raises:
            Invalid: the filter is not usable.
        """
        moment = now_ms()
        text, test = await self._database.read(lambda tx: understand(tx, workspace_id, question, now=moment))
        return {"count": await self._count(workspace_id, test), "filter": text, "tree": _tree(text)}

    async def count_saved(self, workspace_id: str, id_or_name: str) -> dict[str, Any]:
        """Count whom a segment finds at this moment. Raises NotFound, Invalid."""
        return await self.count(workspace_id, await self._question(workspace_id, id_or_name))

    async def preview(
        self, workspace_id: str, question: Question, *, limit: int = PREVIEW, after: int = 0
    ) -> dict[str, Any]:
        """
        Count, and show some of those people, those made first: `{count, filter, tree, sample}`.

        Raises:
            Invalid: the filter is not usable.
        """
        counted = await self.count(workspace_id, question)
        return counted | {"sample": await self.members(workspace_id, question, after=after, limit=limit)}

    async def preview_saved(self, workspace_id: str, id_or_name: str, *, limit: int = PREVIEW) -> dict[str, Any]:
        """Like `preview` of a segment. Raises NotFound, Invalid."""
        return await self.preview(workspace_id, await self._question(workspace_id, id_or_name), limit=limit)

    async def members(self, workspace_id: str, question: Question, *, after: int = 0, limit: int = 100) -> Documents:
        """Give people a filter finds, in the order they were made, after the number `after`. Raises Invalid."""
        moment = now_ms()

        def read(tx: Transaction) -> Documents:
            _, test = understand(tx, workspace_id, question, now=moment)
            return documents(tx, workspace_id, audience_page(tx, workspace_id, test, after=after, limit=limit))

        return await self._database.read(read)

    async def label_counts(self, workspace_id: str, numbers: Sequence[int]) -> dict[int, int]:
        """How many people have each of these labels at this moment."""
        if self._census is not None and (counted := await self._census.labels(workspace_id)) is not None:
            return {number: counted.get(number, 0) for number in numbers}
        return {number: await self._count(workspace_id, Marked(number)) for number in numbers}

    async def size(self, workspace_id: str) -> int:
        """How many people there are."""
        return await self._count(workspace_id, Every(()))

    async def _count(self, workspace_id: str, test: Test) -> int:
        if self._census is not None and (counted := await self._census.count(workspace_id, test)) is not None:
            return counted
        return await self._database.read(lambda tx: queries.count(tx, workspace_id, test))

    async def _question(self, workspace_id: str, id_or_name: str) -> Question:
        row = await self._database.read(lambda tx: require_segment(tx, workspace_id, id_or_name))
        return Question(row.filter)


def require_segment(tx: Transaction, workspace_id: str, id_or_name: str) -> SegmentRow:
    """Find a segment by what a person calls it. Raises NotFound."""
    for row in queries.segments(tx, workspace_id):
        if id_or_name in {row.id, row.name}:
            return row
    raise NotFound("unknown_segment", f"There is no segment {id_or_name!r:.100}; list them to see those there are.")


def _namesake(tx: Transaction, workspace_id: str, row: SegmentRow) -> str:
    """The name of another segment that differs from this one's in case and spaces at most, or ""."""
    names = (one.name for one in queries.segments(tx, workspace_id) if one.id != row.id)
    return next((name for name in names if folded(name) == folded(row.name)), "")


def _document(row: SegmentRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "filter": row.filter,
        "tree": _tree(row.filter),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _tree(text: str) -> dict[str, Any]:
    return to_json(parse(text))


def _or_raise(outcome: SegmentRow | AppError) -> SegmentRow:
    if isinstance(outcome, AppError):
        raise outcome
    return outcome


def _taken(name: str) -> Conflict:
    detail = f"There is a segment {name!r:.100} already, case makes no difference; change that one, or choose another."
    return Conflict("name_taken", detail, errors=[FieldError("/name", "name_taken", detail)])


def _check(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not is_storable(name):
        detail = f"Expected a name of 1 to {LONGEST_NAME} characters, found {name!r:.50}."
        raise Invalid("bad_name", detail, errors=[FieldError("/name", "bad_name", detail)])


__all__ = ["FilterError", "Question", "Segments", "audience_page", "require_segment", "understand"]
