"""
The next rows of a campaign that may become messages now, each with its moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sendyard.features.campaigns.audience.queries import good_rows
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.plan import read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.scheduling.moments import REMEMBERED_MS, affordable, paced, personal
from sendyard.features.campaigns.scheduling.queries import reactions
from sendyard.ledger.pacing import promise, promised
from sendyard.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Chunk:
    """
    Rows with their moments in milliseconds, None for at once; `moments` is empty when all leave at once.

    `waits` says that there may be more rows, but not now. `promised_us` is the first moment that the throttle has for
    others, None without one.
    """

    rows: Sequence[Recipient] = ()
    moments: Sequence[int | None] = ()
    waits: bool = False
    promised_us: int | None = None

    def keep_promises(self, tx: Transaction, campaign_id: str) -> None:
        """Note which moments are somebody's, in the transaction that stores the messages."""
        if self.promised_us is not None:
            promise(tx, campaign_id, self.promised_us)


def next_chunk(
    tx: Transaction, campaign: CampaignRow, *, limit: int, up_to: int | None, home: str, now: int, part: str = ""
) -> Chunk:
    """Read up to `limit` rows of a part, none behind `up_to`; people of whom no zone is known are at `home`."""
    when = read_plan(campaign.plan).when
    if when.is_personal:
        rows = good_rows(tx, campaign.id, after=campaign.expanded_to, limit=limit, up_to=up_to, part=part)
        known: Mapping[str, Sequence[int]] = {}
        if when.mode == "best":
            addresses = [row.address for row in rows]
            known = reactions(tx, campaign.workspace_id, addresses, since=now - REMEMBERED_MS)
        return Chunk(rows, personal(when, rows, known, home, now))
    pace = promised(tx, campaign.id)
    if pace is None:
        return Chunk(good_rows(tx, campaign.id, after=campaign.expanded_to, limit=limit, up_to=up_to, part=part))
    step_us, promised_us = pace
    count = min(limit, affordable(step_us, promised_us, now))
    if not count:
        return Chunk(waits=True)
    rows = good_rows(tx, campaign.id, after=campaign.expanded_to, limit=count, up_to=up_to, part=part)
    moments, following = paced(len(rows), step_us, promised_us, now)
    return Chunk(rows, moments, promised_us=following)
