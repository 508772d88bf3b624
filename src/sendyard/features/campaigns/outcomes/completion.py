"""
When a campaign is over: nothing waits, nothing is open, nobody is asking any more.
"""

import time
from functools import partial

from sendyard.domain.status import CampaignStatus
from sendyard.features.campaigns import queries as campaign_queries
from sendyard.features.campaigns.outcomes import queries
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_SHARE = 20  # a look at everything that took a while is repeated only after this many times as long
_STRETCH = 4096  # messages read at once, at most


class Completion:
    """
    Ends campaigns, from the rows of their messages alone.

    A campaign goes on as long as one message is under way, so it is remembered how far in the order of rows all were
    settled, and looked from there: until the end each message is read about once, however often that is. Only when
    none is left, all of them are asked once more.
    """

    def __init__(self, database: Database, report_wait: float) -> None:
        """Take where rows are and the seconds a report is waited for."""
        self._database = database
        self._report_wait_ms = int(1000 * report_wait)
        self._not_before: dict[str, float] = {}
        self._settled_before: dict[str, int] = {}  # by campaign: the row up to which a look found nothing under way

    async def look(self, campaign: CampaignRow) -> CampaignStatus | None:
        """
        End a campaign whose messages are all settled; gives its final status, None when it goes on.

        Settled means: a final status; accepted so long ago that no report is expected; or unknown with nobody asking
        any more. Rows that the file is to blame for are no failures of the campaign, nor are people it left out
        because they asked not to be contacted.
        """
        if time.monotonic() < self._not_before.get(campaign.id, 0.0):
            return None
        now = now_ms()
        since = now - self._report_wait_ms
        if await self._goes_on(campaign.id, since):
            return None
        began = time.monotonic()
        if await self._database.read(lambda tx: queries.is_in_doubt(tx, campaign.id)):
            self._wait(campaign, began)
            return None

        def judge(tx: Transaction) -> tuple[CampaignStatus | None, int]:
            turn = campaign_queries.turn_of(tx, campaign.id)
            if queries.is_under_way(tx, campaign.id, reports_since=since) or queries.is_in_doubt(tx, campaign.id):
                return None, turn
            # On PostgreSQL each statement sees a newer state: a message in doubt when the first one was asked may have
            # had its answer before the second, and is under way then.
            if queries.is_under_way(tx, campaign.id, reports_since=since):
                return None, turn
            failed = queries.has_failures(tx, campaign.id)
            return CampaignStatus.COMPLETED_WITH_FAILURES if failed else CampaignStatus.COMPLETED, turn

        # On a reading connection, because it may look at every message. What changes between this and the next
        # statement is a late report that sends a message on its way again, for which the loop reopens the campaign, or
        # that a step of a drip has new people, which the turn tells.
        status, turn = await self._database.read(judge)
        self._settled_before.pop(campaign.id, None)
        if status is None:
            self._wait(campaign, began)
            return None
        self._not_before.pop(campaign.id, None)
        done = await self._database.write(
            lambda tx: campaign_queries.complete(tx, campaign.id, status.value, turn=turn, now=now)
        )
        return status if done else None

    async def _goes_on(self, campaign_id: str, since: int) -> bool:
        """Whether a message is under way where no look has been yet, or was one when the last look ended."""
        stretch = 1
        while True:
            place = self._settled_before.get(campaign_id, 0)
            first, last = await self._database.read(
                partial(
                    queries.next_under_way, campaign_id=campaign_id, from_row=place, limit=stretch, reports_since=since
                )
            )
            if first is not None:
                self._settled_before[campaign_id] = first
                return True
            if last is None:
                return False
            self._settled_before[campaign_id] = last + 1
            stretch = min(8 * stretch, _STRETCH)  # so that what is read stays in proportion to what was settled since

    def _wait(self, campaign: CampaignRow, began: float) -> None:
        """Let a look that began at that moment be repeated only after a multiple of what it took."""
        ended = time.monotonic()
        self._not_before[campaign.id] = ended + _SHARE * (ended - began)
