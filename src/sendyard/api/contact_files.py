"""
Files of people, in and out: imports in steps or in one call, and everybody as one file.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment, moment_or_none
from sendyard.api.operations import Answer, Ask, NoBody, NoQuery, Operation
from sendyard.features.audience import Book, Choice, Imports, ImportSteps, Manner
from sendyard.features.audience.reading import Repeated, Several, Unreadable

FILE_LIMIT = 200 * 1024 * 1024
"""Bytes of one file."""
_UNDO_PATIENCE = 15.0  # seconds; a longer undo goes on by itself


class ImportQuery(msgspec.Struct, forbid_unknown_fields=True):
    """How a file is read and stored, where that shall not be found out; `start` begins at once."""

    name: Annotated[str, Meta(max_length=200, description="What the import is called; a form brings it along.")] = ""
    start: Annotated[bool, Meta(description="Store at once, with the proposed mapping.")] = False
    country: Annotated[str, Meta(max_length=2, description="By which national numbers are read.")] = ""
    list: Annotated[str, Meta(max_length=100, description="Put everybody on it; made if it is not there.")] = ""
    tags: Annotated[str, Meta(max_length=2000, description="Separated by commas.")] = ""
    source: Annotated[str, Meta(max_length=100)] = "import"
    encoding: Annotated[str, Meta(max_length=40)] = ""
    delimiter: Annotated[str, Meta(max_length=1)] = ""
    sheet: Annotated[str, Meta(max_length=100)] = ""
    has_header: bool | None = None
    several: Annotated[Several, Meta(description="Cells with several numbers.")] = Several.REFUSE
    repeated: Annotated[Repeated, Meta(description="Rows for somebody an earlier row named.")] = Repeated.REFUSE
    unreadable: Annotated[Unreadable, Meta(description="Rows with another value that cannot be read.")] = (
        Unreadable.REFUSE
    )
    landlines: bool = False
    consent_at: Annotated[
        str, Meta(max_length=10, description="Day (YYYY-MM-DD) of consents that have none in the file.")
    ] = ""


class MappingBody(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be different; what is left out stays. `columns` says what columns hold: a field, custom:KEY, or ""."""

    columns: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    country: str | msgspec.UnsetType = msgspec.UNSET
    tags: list[str] | msgspec.UnsetType = msgspec.UNSET
    source: str | msgspec.UnsetType = msgspec.UNSET
    encoding: str | msgspec.UnsetType = msgspec.UNSET
    delimiter: str | msgspec.UnsetType = msgspec.UNSET
    sheet: str | msgspec.UnsetType = msgspec.UNSET
    has_header: bool | msgspec.UnsetType | None = msgspec.UNSET
    several: Several | msgspec.UnsetType = msgspec.UNSET
    repeated: Repeated | msgspec.UnsetType = msgspec.UNSET
    unreadable: Unreadable | msgspec.UnsetType = msgspec.UNSET
    landlines: bool | msgspec.UnsetType = msgspec.UNSET
    consent_at: Annotated[str, Meta(max_length=10)] | msgspec.UnsetType = msgspec.UNSET
    list: str | msgspec.UnsetType = msgspec.UNSET


class ColumnAnswer(msgspec.Struct):
    """A column of the file and what it holds; `because` is name, contents, chosen or rest."""

    column: str
    target: str
    because: str


class CheckedAnswer(msgspec.Struct):
    """What a dry run found: counts, and how many rows were refused for which reason."""

    counts: dict[str, int]
    reasons: dict[str, int]


class PreviewAnswer(msgspec.Struct):
    """The first rows and the worst, and the tally as far as was looked; `complete` when that was the whole file."""

    first: list[dict[str, Any]]
    worst: list[dict[str, Any]]
    tally: dict[str, Any] | None
    complete: bool


class ImportAnswer(msgspec.Struct):
    """
    An import. `counts` tells rows, added, updated, unchanged, fixed, refused, suppressed, and what undoing did;
    `reasons` why rows were refused; `share` how much of the file is read. `failure` says what to do.
    """

    id: str
    number: int
    name: str
    status: str
    counts: dict[str, int]
    reasons: dict[str, int]
    share: float
    checked: CheckedAnswer | None
    failure: str
    manner: dict[str, Any]
    file: dict[str, Any] | None
    columns: list[ColumnAnswer]
    created_at: Moment
    finished_at: Moment | None
    undone_at: Moment | None
    preview: PreviewAnswer | None = None


class ImportList(msgspec.Struct):
    """Imports, newest first."""

    data: list[ImportAnswer]
    next: str | None


class ImportPage(msgspec.Struct, forbid_unknown_fields=True):
    """Which imports to list."""

    after: Annotated[int, Meta(ge=0, le=2**62)] = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class BookQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to write down: people on a list, of a segment, found by a filter; everybody when all are left out."""

    list: str = ""
    segment: str = ""
    filter: Annotated[str, Meta(description="In the language of segments.")] = ""


class ContactFiles:
    """The operations `/contacts/import`, `/contacts/imports` and `/contacts/export.csv`."""

    def __init__(self, imports: Imports, steps: ImportSteps, book: Book) -> None:
        """Take the features they speak for."""
        self._imports = imports
        self._steps = steps
        self._book = book

    def operations(self) -> list[Operation]:
        """Everything callers can do with files of people."""
        tag, scope, one = "Contacts", "audience", "/contacts/imports/{id}"
        return [
            Operation(method="POST", path="/contacts/import", handler=self.take_file, tag=tag, scope=scope, status=201,
                      summary="Send a file of people: CSV, TSV or XLSX", query=ImportQuery, answers=ImportAnswer,
                      creates=True, takes_file=True, body_limit=FILE_LIMIT),
            Operation(method="GET", path="/contacts/imports", handler=self.list_imports, tag=tag, scope=scope,
                      summary="List imports, newest first", query=ImportPage, answers=ImportList),
            Operation(method="GET", path=one, handler=self.get_import, tag=tag, scope=scope,
                      summary="One import and how far it is", answers=ImportAnswer, refuses=(404,)),
            Operation(method="POST", path=f"{one}/mapping", handler=self.map_import, tag=tag, scope=scope,
                      summary="Say what the columns hold and how the file is read", body=MappingBody,
                      answers=ImportAnswer, refuses=(404, 409)),
            Operation(method="GET", path=f"{one}/preview", handler=self.preview_import, tag=tag, scope=scope,
                      summary="The first rows and the worst", answers=PreviewAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/dry-run", handler=self.check_import, tag=tag, scope=scope,
                      summary="Find out what an import would do", answers=ImportAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/start", handler=self.start_import, tag=tag, scope=scope,
                      summary="Begin to store, or carry on one that failed", answers=ImportAnswer,
                      refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/cancel", handler=self.cancel_import, tag=tag, scope=scope,
                      summary="Stop an import; what it stored stays", answers=ImportAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/undo", handler=self.undo_import, tag=tag, scope=scope,
                      summary="Take an import back", answers=ImportAnswer, refuses=(404, 409)),
            Operation(method="GET", path=f"{one}/refused.csv", handler=self.refused_rows, tag=tag, scope=scope,
                      summary="The refused rows with their reasons, as a file", answers=str,
                      content_types=("text/csv",), refuses=(404,)),
            Operation(method="GET", path="/contacts/export.csv", handler=self.export_book, tag=tag, scope=scope,
                      summary="People as a file that can be imported again", query=BookQuery, answers=str,
                      content_types=("text/csv",), refuses=(404,)),
        ]  # fmt: skip

    async def take_file(self, ask: Ask[NoBody, ImportQuery]) -> ImportAnswer:
        """Take a file."""
        asked = msgspec.structs.asdict(ask.query)
        name, start = asked.pop("name") or ask.file.name, asked.pop("start")
        tags = tuple(tag.strip() for tag in asked.pop("tags").split(",") if tag.strip())
        manner = Manner(**(asked | {"tags": tags, "country": ask.query.country.upper()}))
        return _answer(await self._steps.take(ask.workspace_id, ask.file.path, manner, name=name, start=start))

    async def list_imports(self, ask: Ask[NoBody, ImportPage]) -> ImportList:
        """List imports."""
        limit = ask.query.limit
        found = await self._imports.list(ask.workspace_id, before=ask.query.after, limit=limit + 1)
        shown = found[:limit]
        following = str(shown[-1]["number"]) if len(found) > limit else None
        return ImportList([_answer(one) for one in shown], following)

    async def get_import(self, ask: Ask[NoBody, NoQuery]) -> ImportAnswer:
        """Give one import."""
        return _answer(await self._imports.get(ask.workspace_id, ask.path["id"]))

    async def map_import(self, ask: Ask[MappingBody, NoQuery]) -> ImportAnswer:
        """Say how the file is read."""
        given = msgspec.structs.asdict(ask.body)
        changes = {name: value for name, value in given.items() if value is not msgspec.UNSET}
        if "tags" in changes:
            changes["tags"] = tuple(changes["tags"])
        if "country" in changes:
            changes["country"] = changes["country"].upper()
        return _answer(await self._steps.map(ask.workspace_id, ask.path["id"], changes))

    async def preview_import(self, ask: Ask[NoBody, NoQuery]) -> PreviewAnswer:
        """Show the first rows and the worst."""
        return PreviewAnswer(**await self._steps.preview(ask.workspace_id, ask.path["id"]))

    async def check_import(self, ask: Ask[NoBody, NoQuery]) -> ImportAnswer:
        """Begin a dry run."""
        return _answer(await self._steps.check(ask.workspace_id, ask.path["id"]))

    async def start_import(self, ask: Ask[NoBody, NoQuery]) -> ImportAnswer:
        """Begin to store."""
        return _answer(await self._steps.start(ask.workspace_id, ask.path["id"]))

    async def cancel_import(self, ask: Ask[NoBody, NoQuery]) -> ImportAnswer:
        """Stop."""
        return _answer(await self._steps.cancel(ask.workspace_id, ask.path["id"]))

    async def undo_import(self, ask: Ask[NoBody, NoQuery]) -> ImportAnswer:
        """Take an import back."""
        found = await self._imports.undo(ask.workspace_id, ask.path["id"], patience=_UNDO_PATIENCE)
        return _answer(found)

    async def refused_rows(self, ask: Ask[NoBody, NoQuery]) -> Answer:
        """Give the refused rows."""
        pieces = await self._steps.refused(ask.workspace_id, ask.path["id"])
        return _file(f"refused-{ask.path['id']}.csv", pieces)

    async def export_book(self, ask: Ask[NoBody, BookQuery]) -> Answer:
        """Give people as a file."""
        asked = ask.query
        pieces = await self._book.pieces(ask.workspace_id, Choice(asked.list, asked.segment, asked.filter))
        return _file("contacts.csv", _lines(pieces))


async def _lines(pieces: AsyncIterator[tuple[bytes, int]]) -> AsyncIterator[bytes]:
    async for piece, _ in pieces:
        yield piece


def _file(name: str, pieces: AsyncIterator[bytes]) -> Answer:
    return Answer(200, b"", "text/csv", {"content-disposition": f'attachment; filename="{name}"'}, pieces)


def _answer(found: dict[str, Any]) -> ImportAnswer:
    times = {name: moment_or_none(found[name]) for name in ("finished_at", "undone_at")}
    return msgspec.convert(found | times | {"created_at": moment(found["created_at"])}, ImportAnswer)
