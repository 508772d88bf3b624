"""
Stopping a campaign that goes wrong before it has gone wrong for everybody.
"""

from collections.abc import Mapping

from sendyard.features.campaigns.outcomes import queries
from sendyard.features.campaigns.plan import AutoPause
from sendyard.ledger.tallies import newest_event
from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction


class FailureWatch:
    """
    Counts failures by blocks of consecutive rows and says which campaigns have too many in one.

    Blocks of rows, and not the newest outcomes: refusals come at once and deliveries minutes later, so among the
    newest outcomes a healthy campaign can look like a failing one. Whatever the kind, a failure counts. Counting
    begins anew with the process and with each resumption, so a resumed campaign is not stopped for what is known.
    """

    def __init__(self, database: Database) -> None:
        """Take where events are."""
        self._database = database
        self._seen: int | None = None
        self._failed: dict[str, dict[int, set[int]]] = {}

    async def look(self, rules: Mapping[str, AutoPause]) -> list[tuple[str, str]]:
        """
        Read what failed since the last look; gives (campaign, reason) of those to be paused.

        `rules` are those of the campaigns under way.
        """
        seen = self._seen

        def news(tx: Transaction) -> tuple[int, list[tuple[str, int]]]:
            newest = newest_event(tx)
            return newest, [] if seen is None else queries.failures_between(tx, after=seen, up_to=newest)

        self._seen, failures = await self._database.read(news)
        for campaign_id in self._failed.keys() - rules.keys():
            del self._failed[campaign_id]
        for campaign_id, row in failures:
            if (rule := rules.get(campaign_id)) and rule.failures:
                self._failed.setdefault(campaign_id, {}).setdefault(row // rule.of, set()).add(row)
        found = []
        for campaign_id, blocks in list(self._failed.items()):
            worst, rows = max(blocks.items(), key=lambda item: len(item[1]))
            rule = rules[campaign_id]
            if 0 < rule.failures <= len(rows):
                first = max(worst * rule.of, 2)
                reason = (
                    f"{len(rows)} of the rows {first} to {worst * rule.of + rule.of - 1} failed. Look at the reasons, "
                    "then resume or cancel."
                )
                found.append((campaign_id, reason))
                del self._failed[campaign_id]
        return found
