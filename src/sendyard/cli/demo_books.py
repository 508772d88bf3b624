"""
What the ledger says at the end of a demo, page by page.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from sendyard.ledger import queries
from sendyard.storage.engine import Database

_PAGE = 2000


async def all_messages(database: Database, workspace_id: str, campaign_id: str) -> list[dict[str, Any]]:
    """Every message of a campaign, as `ledger.queries.campaign_messages` gives them."""
    messages: list[dict[str, Any]] = []
    while True:
        after = messages[-1]["row"] if messages else 0
        page = await database.read(
            partial(
                queries.campaign_messages,
                workspace_id=workspace_id,
                campaign_id=campaign_id,
                after_row=after,
                limit=_PAGE,
            )
        )
        messages += page
        if len(page) < _PAGE:
            return messages


async def all_events(database: Database, workspace_id: str) -> AsyncIterator[dict[str, Any]]:
    """Everything that happened to the messages of a workspace, in its order."""
    place = queries.BEGINNING
    while events := await database.read(
        partial(queries.events_after, workspace_id=workspace_id, after=place, limit=_PAGE)
    ):
        place = queries.Place.read(events[-1]["place"])
        for event in events:
            yield event
