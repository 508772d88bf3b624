"""
From a file to a draft: rows are judged and stored a thousand at a time, and the campaign is seen when all are.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence

from sendyard.features.campaigns import queries
from sendyard.features.campaigns.rows import Judge, Recipient
from sendyard.features.campaigns.spreadsheet import Spreadsheet, refused
from sendyard.storage.engine import Database

ROWS_AT_ONCE = 1000


@contextlib.asynccontextmanager
async def whole_or_nothing(database: Database, campaign_id: str) -> AsyncIterator[None]:
    """Let a campaign be seen at the end of the block; when the block fails, remove what there is of it."""
    try:
        yield
    except BaseException:
        await asyncio.shield(forget_import(database, campaign_id))
        raise
    await database.write(lambda tx: queries.finish_import(tx, campaign_id))


async def keep_rows(database: Database, workspace_id: str, campaign_id: str, sheet: Spreadsheet, judge: Judge) -> None:
    """
    Judge and store every row of a file.

    Raises:
        Invalid: there is no row, or the quotes of one are not in order.
    """
    recipients = itertools.starmap(judge.judge, sheet.rows())
    while chunk := await asyncio.to_thread(_next, recipients):
        await _store(database, workspace_id, campaign_id, chunk)
    if not judge.good + judge.refused.total():
        raise refused("empty_file", "Expected rows below the header, found none.")


async def copy_failed(database: Database, source_id: str, target_id: str) -> int:
    """Copy the rows of those who got nothing and may get it now; returns how many."""
    last = await database.read(lambda tx: queries.last_row(tx, source_id))
    return sum([await _copy(database, source_id, target_id, after) for after in range(0, last, ROWS_AT_ONCE)])


async def forget_import(database: Database, campaign_id: str) -> None:
    """Remove everything of an import that did not reach its end."""
    while await database.write(lambda tx: queries.forget_import(tx, campaign_id, limit=ROWS_AT_ONCE)):
        pass


def _next(recipients: Iterator[Recipient]) -> list[Recipient]:
    return list(itertools.islice(recipients, ROWS_AT_ONCE))


async def _store(database: Database, workspace_id: str, campaign_id: str, chunk: Sequence[Recipient]) -> None:
    await database.write(lambda tx: queries.insert_recipients(tx, workspace_id, campaign_id, chunk))


async def _copy(database: Database, source_id: str, target_id: str, after: int) -> int:
    up_to = after + ROWS_AT_ONCE
    return await database.write(lambda tx: queries.copy_failed(tx, source_id, target_id, after=after, up_to=up_to))
