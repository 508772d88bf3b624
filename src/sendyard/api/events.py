"""
The event feed: what happened, in order, for whoever keeps a cursor.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment
from sendyard.api.operations import Ask, NoBody, Operation
from sendyard.ledger.queries import PLACE, Place, events_after
from sendyard.storage.engine import Database


class EventPage(msgspec.Struct, forbid_unknown_fields=True):
    """From where on to read: the `next` of the page before; 0 or nothing for the beginning."""

    after: Annotated[str, Meta(pattern=PLACE)] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class EventAnswer(msgspec.Struct):
    """One fact about one message; `status` is the message's afterwards."""

    seq: int
    kind: str
    message: str
    attempt: str | None
    account: str | None
    status: str | None
    code: str | None
    detail: str | None
    at: Moment


class EventList(msgspec.Struct):
    """Events, oldest first; `next` is where to go on, also when nothing is new yet."""

    data: list[EventAnswer]
    next: str


class Events:
    """The operation `/events`."""

    def __init__(self, database: Database) -> None:
        """Take the ledger's reader."""
        self._database = database

    def operations(self) -> list[Operation]:
        """The feed."""
        return [
            Operation(method="GET", path="/events", handler=self.feed, tag="Events", scope="events",
                      summary="What happened to messages, in order", query=EventPage, answers=EventList),
        ]  # fmt: skip

    async def feed(self, ask: Ask[NoBody, EventPage]) -> EventList:
        """Give the next events."""
        asked = ask.query
        found = await self._database.read(
            lambda tx: events_after(tx, ask.workspace_id, after=Place.read(asked.after), limit=asked.limit)
        )
        events = [
            EventAnswer(
                seq=entry["seq"],
                kind=entry["kind"],
                message=entry["message_id"],
                attempt=entry["attempt_id"],
                account=entry["account_id"],
                status=entry["status"],
                code=entry["code"],
                detail=entry["detail"],
                at=moment(entry["at"]),
            )
            for entry in found
        ]
        return EventList(events, found[-1]["place"] if found else asked.after or "0")
