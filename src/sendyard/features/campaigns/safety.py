"""
Stopping a campaign that goes wrong before it has gone wrong for everybody.
"""

from collections.abc import Collection

from sendyard.features.campaigns import queries
from sendyard.ledger.tallies import newest_event
from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction

BLOCK = 100
"""Consecutive rows of the file that are judged together."""


class FailureWatch:
    """
    Counts failures by blocks of a hundred rows and says which campaigns have too many in one.

    Blocks of the file, and not the newest outcomes: refusals come at once and deliveries minutes later, so among the
    newest outcomes a healthy campaign can look like a failing one. Whatever the kind, a failure counts. Counting
    begins anew with the process and with each resumption, so a resumed campaign is not stopped for what is known.
    """

    def __init__(self, database: Database, share: float | None) -> None:
        """Take where events are and the share of a block that may not fail; None watches nothing."""
        self._database = database
        self._most = None if share is None else max(1, round(share * BLOCK))
        self._seen: int | None = None
        self._failed: dict[str, dict[int, set[int]]] = {}

    async def look(self, active: Collection[str]) -> list[tuple[str, str]]:
        """Read what failed since the last look; gives (campaign, reason) of those to be paused."""
        if self._most is None:
            return []
        seen = self._seen

        def news(tx: Transaction) -> tuple[int, list[tuple[str, int]]]:
            newest = newest_event(tx)
            return newest, [] if seen is None else queries.failures_between(tx, after=seen, up_to=newest)

        self._seen, failures = await self._database.read(news)
        for campaign_id in self._failed.keys() - set(active):
            del self._failed[campaign_id]
        for campaign_id, row in failures:
            if campaign_id in active:
                self._failed.setdefault(campaign_id, {}).setdefault(row // BLOCK, set()).add(row)
        found = []
        for campaign_id, blocks in list(self._failed.items()):
            worst, rows = max(blocks.items(), key=lambda item: len(item[1]))
            if len(rows) >= self._most:
                first = max(worst * BLOCK, 2)
                reason = (
                    f"{len(rows)} of the rows {first} to {worst * BLOCK + BLOCK - 1} failed. Look at the reasons, then "
                    "resume or cancel."
                )
                found.append((campaign_id, reason))
                del self._failed[campaign_id]
        return found
