"""
The history of what a workspace told about itself.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment
from sendyard.api.operations import Ask, NoBody, Operation
from sendyard.features.connections.compliance import FactHistory

Subject = Literal["workspace", "dlt", "sender", "template"]


class NamedAccount(msgspec.Struct):
    """An account by id and name."""

    id: str
    name: str


class FactValues(msgspec.Struct, rename={"before": "from", "after": "to"}):
    """What a field was and became; null where there was or is nothing."""

    before: Any
    after: Any


class FactChangeAnswer(msgspec.Struct):
    """One change; nothing of it is ever changed or removed."""

    id: str
    subject: Subject
    name: Annotated[str, Meta(description="The sender or the id of the registered text; blank for the others.")]
    account: Annotated[NamedAccount | None, Meta(description="Null for every account.")]
    changes: Annotated[dict[str, FactValues], Meta(description="By field.")]
    by: Annotated[str, Meta(description="Id of the API key, or the command line.")]
    at: Moment


class FactChangeList(msgspec.Struct):
    """Changes, newest first."""

    data: list[FactChangeAnswer]
    next: str | None


class FactChangeFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which changes to list: those older than the one with the id `after`."""

    subject: Subject | None = None
    name: Annotated[str, Meta(description="Only those of this sender or registered text.")] = ""
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class FactHistoryDoor:
    """The operation under `/compliance/history`."""

    def __init__(self, history: FactHistory) -> None:
        """Take the feature it speaks for."""
        self._history = history

    def operations(self) -> list[Operation]:
        """Everything callers can do with the history: read it."""
        return [
            Operation(method="GET", path="/compliance/history", handler=self.list, tag="Compliance",
                      scope="compliance", query=FactChangeFilter, answers=FactChangeList,
                      summary="Every change of facts, newest first"),
        ]  # fmt: skip

    async def list(self, ask: Ask[NoBody, FactChangeFilter]) -> FactChangeList:
        """List changes."""
        asked = ask.query
        # In a query a plus sign means a blank, and few callers escape it.
        name = f"+{asked.name[1:]}" if asked.name.startswith(" ") else asked.name
        found = await self._history.list(
            ask.workspace_id, subject=asked.subject or "", name=name, after=asked.after, limit=asked.limit + 1
        )
        shown = [msgspec.convert(one | {"at": moment(one["at"])}, FactChangeAnswer) for one in found[: asked.limit]]
        return FactChangeList(shown, shown[-1].id if len(found) > asked.limit else None)
