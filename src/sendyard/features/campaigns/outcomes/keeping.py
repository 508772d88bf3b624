"""
Keeps the counts of campaigns that are over, in the background: those of now, and those from before counts were kept.
"""

import asyncio
import time
from functools import partial

from sendyard.features.campaigns.outcomes.counting import block_of, missing_blocks
from sendyard.ledger import kept_counts
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

LEAST_ROWS = 5000
"""Smaller campaigns are counted faster than anybody notices."""
QUIET_MS = 60_000
"""How long a campaign is over, and a block outdated, before it is counted: reports that come in a stream cost once."""
PATIENCE_MS = 600_000
"""A block that somebody began to count so long ago is counted by whoever finds it."""

_AT_ONCE = 8  # blocks counted by one reading transaction, which takes some ten milliseconds
_CAMPAIGNS = 20  # in one round
_STEP = 0.05  # seconds between looks at transactions that began before
_WAIT = 5.0  # seconds until they are left to run, and the campaign to the next round


class CountKeeper:
    """
    Counts what should be kept. Any number of processes may run one.

    Args:
        database: where rows are.
        least_rows: smaller campaigns are not looked at.
        quiet_ms: how long nothing may have happened, see `QUIET_MS`.
        wait: seconds to wait for transactions that began before.
    """

    def __init__(
        self, database: Database, *, least_rows: int = LEAST_ROWS, quiet_ms: int = QUIET_MS, wait: float = _WAIT
    ) -> None:
        """Take what it works with."""
        self._database = database
        self._least_rows = least_rows
        self._quiet_ms = quiet_ms
        self._wait = wait

    async def round(self) -> int:
        """Keep the counts of campaigns until none is left that wants it; gives how many campaigns it looked at."""
        looked: set[str] = set()
        while True:
            now = now_ms()
            found = await self._database.read(
                lambda tx, now=now: kept_counts.wanting(  # type: ignore[misc]
                    tx,
                    rows=self._least_rows,
                    ended_by=now - self._quiet_ms,
                    outdated_by=now - self._quiet_ms,
                    armed_by=now - PATIENCE_MS,
                    limit=_CAMPAIGNS,
                )
            )
            news = [place for place in found if place[1] not in looked]
            if not news:
                return len(looked)
            for workspace_id, campaign_id in news:
                looked.add(campaign_id)
                await self.keep(workspace_id, campaign_id)

    async def keep(self, workspace_id: str, campaign_id: str) -> int:
        """
        Count the blocks of a campaign of which no count holds; gives how many are kept now.

        Counting takes half of the time at most, so that it is in nobody's way.
        """
        blocks = await self._database.read(lambda tx: missing_blocks(tx, campaign_id))
        if not blocks:
            return 0
        token = new_id()
        now = now_ms()
        await self._database.write(
            lambda tx: kept_counts.arm(tx, workspace_id, campaign_id, blocks, token=token, now=now)
        )
        line = await self._database.write(kept_counts.horizon)
        until = time.monotonic() + self._wait
        while not await self._database.read(lambda tx: kept_counts.is_past(tx, line)):
            if time.monotonic() >= until:
                return 0
            await asyncio.sleep(_STEP)
        filled = 0
        for first in range(0, len(blocks), _AT_ONCE):
            began = time.monotonic()
            counts = await self._database.read(partial(_count, campaign_id, blocks[first : first + _AT_ONCE]))
            filled += await self._database.write(partial(_fill, campaign_id, token, counts))
            await asyncio.sleep(time.monotonic() - began)
        return filled


def _count(campaign_id: str, blocks: list[int], tx: Transaction) -> list[tuple[int, str]]:
    return [(block, block_of(tx, campaign_id, block)) for block in blocks]


def _fill(campaign_id: str, token: str, counts: list[tuple[int, str]], tx: Transaction) -> int:
    return kept_counts.fill(tx, campaign_id, counts, token=token)
