"""
Rate limits per account, shared by all workers, exact at the boundary.

Each unit has its own moment: with 10 a second the moments are a tenth of a second apart, whoever takes
them. (This is the generic cell rate algorithm with no burst beyond one take.)
"""

import asyncio
import time

from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction

_MICRO = 1_000_000


class RateLimits:
    """
    Hands out moments. In memory on SQLite, where there is one process; in the database otherwise.

    A take of n units returns when they may leave, all at once; the next take waits for n moments.
    """

    def __init__(self, database: Database) -> None:
        """Take where workers meet."""
        self._database = database
        self._shared = database.dialect == "postgresql"
        self._next_free: dict[str, int] = {}

    async def acquire(self, workspace_id: str, account_id: str, units: int, per_second: float) -> None:
        """Wait until `units` may leave through this account."""
        await asyncio.sleep(await self.reserve(workspace_id, account_id, units, per_second))

    async def reserve(self, workspace_id: str, account_id: str, units: int, per_second: float) -> float:
        """Take `units` moments and return the seconds until they come."""
        step = int(units * _MICRO / per_second)
        now = time.time_ns() // 1000
        if not self._shared:
            start = max(self._next_free.get(account_id, 0), now)
            self._next_free[account_id] = start + step
        else:
            start = await self._database.write(lambda tx: _take(tx, workspace_id, account_id, now, step))
        return (start - now) / _MICRO

    async def hold(self, workspace_id: str, account_id: str, seconds: float) -> None:
        """Let nothing leave through this account for a while: the provider said "too fast"."""
        until = time.time_ns() // 1000 + int(seconds * _MICRO)
        if not self._shared:
            self._next_free[account_id] = max(self._next_free.get(account_id, 0), until)
        else:
            await self._database.write(lambda tx: _take(tx, workspace_id, account_id, until, 0))


def _take(tx: Transaction, workspace_id: str, account_id: str, not_before: int, step: int) -> int:
    rows = tx.rows(
        "INSERT INTO rate_buckets (account_id, workspace_id, next_free_us) VALUES (?, ?, ?)"
        " ON CONFLICT (account_id) DO UPDATE SET next_free_us = GREATEST(rate_buckets.next_free_us, ?) + ?"
        " RETURNING next_free_us",
        (account_id, workspace_id, not_before + step, not_before, step),
    )
    return int(rows[0][0]) - step
