"""
Lists and segments: people put together by hand, and people found by a filter.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.api.people import ContactAnswer, contact_answer
from sendyard.features.audience import Lists, Question, Segments
from sendyard.features.audience.labels import TAG

Tree = dict[str, Any]


class ListBody(msgspec.Struct, forbid_unknown_fields=True):
    """A list."""

    name: str
    description: str = ""


class ListChange(msgspec.Struct, forbid_unknown_fields=True):
    """What may change in a list."""

    name: str | None = None
    description: str | None = None


class ListAnswer(msgspec.Struct):
    """A list and how many are on it now."""

    id: str
    name: str
    description: str
    contacts: int
    created_at: Moment


class ListOfLists(msgspec.Struct):
    """Every list, oldest first."""

    data: list[ListAnswer]
    next: str | None


class MembersBody(msgspec.Struct, forbid_unknown_fields=True):
    """People by their ids."""

    contacts: Annotated[list[str], Meta(max_length=10_000)]


class ChangedAnswer(msgspec.Struct):
    """How many people it changed something for."""

    changed: int


class FilterBody(msgspec.Struct, forbid_unknown_fields=True):
    """A filter: `filter` in the language, or `tree` as the builder has it."""

    filter: str | None = None
    tree: Tree | None = None
    limit: Annotated[int, Meta(ge=0, le=100, description="People to show with it.")] = 10


class SegmentBody(msgspec.Struct, forbid_unknown_fields=True):
    """A filter with a name: `filter` in the language, or `tree` as the builder has it."""

    name: str
    filter: str | None = None
    tree: Tree | None = None


class SegmentChange(msgspec.Struct, forbid_unknown_fields=True):
    """What may change in a segment."""

    name: str | None = None
    filter: str | None = None
    tree: Tree | None = None


class SegmentAnswer(msgspec.Struct):
    """A segment; `tree` is the same filter for the builder."""

    id: str
    name: str
    filter: str
    tree: Tree
    created_at: Moment
    updated_at: Moment


class SegmentList(msgspec.Struct):
    """Every segment, oldest first."""

    data: list[SegmentAnswer]
    next: str | None


class CountAnswer(msgspec.Struct):
    """How many people a filter finds now."""

    count: int
    filter: str
    tree: Tree


class SegmentPreview(msgspec.Struct):
    """How many people a filter finds now, and some of them."""

    count: int
    filter: str
    tree: Tree
    sample: list[ContactAnswer]


class Groups:
    """The operations under `/lists`, `/tags` and `/segments`."""

    def __init__(self, lists: Lists, segments: Segments) -> None:
        """Take the features they speak for."""
        self._lists = lists
        self._segments = segments

    def operations(self) -> list[Operation]:
        """Everything callers can do with groups of people."""
        tag, scope, one, members = "Lists", "audience", "/lists/{id}", "/lists/{id}/contacts"
        segment = "/segments/{id}"
        return [
            Operation(method="POST", path="/lists", handler=self.add_list, tag=tag, scope=scope, status=201,
                      summary="Make a list", body=ListBody, answers=ListAnswer, creates=True),
            Operation(method="GET", path="/lists", handler=self.lists, tag=tag, scope=scope,
                      summary="List lists with how many are on each", answers=ListOfLists),
            Operation(method="GET", path="/tags", handler=self.tags, tag=tag, scope=scope,
                      summary="List tags with how many have each", answers=ListOfLists),
            Operation(method="GET", path=one, handler=self.get_list, tag=tag, scope=scope, summary="One list",
                      answers=ListAnswer, refuses=(404,)),
            Operation(method="PATCH", path=one, handler=self.edit_list, tag=tag, scope=scope,
                      summary="Change a list", body=ListChange, answers=ListAnswer, refuses=(404, 409)),
            Operation(method="DELETE", path=one, handler=self.remove_list, tag=tag, scope=scope,
                      summary="Remove a list, not its people", status=204, refuses=(404,)),
            Operation(method="POST", path=members, handler=self.put, tag=tag, scope=scope,
                      summary="Put people on a list", body=MembersBody, answers=ChangedAnswer, refuses=(404,)),
            Operation(method="DELETE", path=members, handler=self.take, tag=tag, scope=scope,
                      summary="Take people from a list", body=MembersBody, answers=ChangedAnswer, refuses=(404,)),
            Operation(method="POST", path="/segments", handler=self.add_segment, tag="Segments", scope=scope,
                      summary="Save a filter", status=201, body=SegmentBody, answers=SegmentAnswer, creates=True),
            Operation(method="GET", path="/segments", handler=self.segments, tag="Segments", scope=scope,
                      summary="List segments", answers=SegmentList),
            Operation(method="POST", path="/segments/count", handler=self.count, tag="Segments", scope=scope,
                      summary="Count whom a filter finds", body=FilterBody, answers=CountAnswer),
            Operation(method="POST", path="/segments/preview", handler=self.preview, tag="Segments", scope=scope,
                      summary="Count whom a filter finds, and show some", body=FilterBody, answers=SegmentPreview),
            Operation(method="GET", path=segment, handler=self.get_segment, tag="Segments", scope=scope,
                      summary="One segment", answers=SegmentAnswer, refuses=(404,)),
            Operation(method="PATCH", path=segment, handler=self.edit_segment, tag="Segments", scope=scope,
                      summary="Change a segment", body=SegmentChange, answers=SegmentAnswer, refuses=(404, 409)),
            Operation(method="DELETE", path=segment, handler=self.remove_segment, tag="Segments", scope=scope,
                      summary="Remove a segment, not its people", status=204, refuses=(404,)),
            Operation(method="GET", path=f"{segment}/count", handler=self.count_saved, tag="Segments", scope=scope,
                      summary="Count whom a segment finds", answers=CountAnswer, refuses=(404,)),
            Operation(method="GET", path=f"{segment}/preview", handler=self.preview_saved, tag="Segments", scope=scope,
                      summary="Count whom a segment finds, and show some", answers=SegmentPreview, refuses=(404,)),
        ]  # fmt: skip

    async def add_list(self, ask: Ask[ListBody, NoQuery]) -> ListAnswer:
        """Make a list."""
        body = ask.body
        return _list(await self._lists.add(ask.workspace_id, name=body.name, description=body.description), 0)

    async def lists(self, ask: Ask[NoBody, NoQuery]) -> ListOfLists:
        """List lists."""
        return await self._counted(ask.workspace_id, await self._lists.all(ask.workspace_id))

    async def tags(self, ask: Ask[NoBody, NoQuery]) -> ListOfLists:
        """List tags."""
        return await self._counted(ask.workspace_id, await self._lists.all(ask.workspace_id, TAG))

    async def get_list(self, ask: Ask[NoBody, NoQuery]) -> ListAnswer:
        """Give one list."""
        found = await self._lists.get(ask.workspace_id, ask.path["id"])
        return (await self._counted(ask.workspace_id, [found])).data[0]

    async def edit_list(self, ask: Ask[ListChange, NoQuery]) -> ListAnswer:
        """Change a list."""
        body = ask.body
        changed = await self._lists.edit(ask.workspace_id, ask.path["id"], name=body.name, description=body.description)
        return (await self._counted(ask.workspace_id, [changed])).data[0]

    async def remove_list(self, ask: Ask[NoBody, NoQuery]) -> None:
        """Remove a list."""
        await self._lists.remove(ask.workspace_id, ask.path["id"])

    async def put(self, ask: Ask[MembersBody, NoQuery]) -> ChangedAnswer:
        """Put people on a list."""
        return ChangedAnswer(await self._lists.put(ask.workspace_id, ask.path["id"], ask.body.contacts))

    async def take(self, ask: Ask[MembersBody, NoQuery]) -> ChangedAnswer:
        """Take people from a list."""
        return ChangedAnswer(await self._lists.take(ask.workspace_id, ask.path["id"], ask.body.contacts))

    async def add_segment(self, ask: Ask[SegmentBody, NoQuery]) -> SegmentAnswer:
        """Save a filter."""
        body = ask.body
        question = Question(body.filter, body.tree)
        return _segment(await self._segments.add(ask.workspace_id, name=body.name, question=question))

    async def segments(self, ask: Ask[NoBody, NoQuery]) -> SegmentList:
        """List segments."""
        return SegmentList([_segment(one) for one in await self._segments.list(ask.workspace_id)], None)

    async def get_segment(self, ask: Ask[NoBody, NoQuery]) -> SegmentAnswer:
        """Give one segment."""
        return _segment(await self._segments.get(ask.workspace_id, ask.path["id"]))

    async def edit_segment(self, ask: Ask[SegmentChange, NoQuery]) -> SegmentAnswer:
        """Change a segment."""
        body = ask.body
        question = None if body.filter is None and body.tree is None else Question(body.filter, body.tree)
        changed = await self._segments.edit(ask.workspace_id, ask.path["id"], name=body.name, question=question)
        return _segment(changed)

    async def remove_segment(self, ask: Ask[NoBody, NoQuery]) -> None:
        """Remove a segment."""
        await self._segments.remove(ask.workspace_id, ask.path["id"])

    async def count(self, ask: Ask[FilterBody, NoQuery]) -> CountAnswer:
        """Count whom a filter finds."""
        return CountAnswer(**await self._segments.count(ask.workspace_id, Question(ask.body.filter, ask.body.tree)))

    async def preview(self, ask: Ask[FilterBody, NoQuery]) -> SegmentPreview:
        """Count whom a filter finds, and show some."""
        question = Question(ask.body.filter, ask.body.tree)
        return _preview(await self._segments.preview(ask.workspace_id, question, limit=ask.body.limit))

    async def count_saved(self, ask: Ask[NoBody, NoQuery]) -> CountAnswer:
        """Count whom a segment finds."""
        return CountAnswer(**await self._segments.count_saved(ask.workspace_id, ask.path["id"]))

    async def preview_saved(self, ask: Ask[NoBody, NoQuery]) -> SegmentPreview:
        """Count whom a segment finds, and show some."""
        return _preview(await self._segments.preview_saved(ask.workspace_id, ask.path["id"]))

    async def _counted(self, workspace_id: str, found: list[dict[str, Any]]) -> ListOfLists:
        counts = await self._segments.label_counts(workspace_id, [one["number"] for one in found])
        return ListOfLists([_list(one, counts[one["number"]]) for one in found], None)


def _list(found: dict[str, Any], contacts: int) -> ListAnswer:
    return ListAnswer(found["id"], found["name"], found["description"], contacts, moment(found["created_at"]))


def _segment(found: dict[str, Any]) -> SegmentAnswer:
    return SegmentAnswer(**(found | {name: moment(found[name]) for name in ("created_at", "updated_at")}))


def _preview(found: dict[str, Any]) -> SegmentPreview:
    return SegmentPreview(**(found | {"sample": [contact_answer(one) for one in found["sample"]]}))
