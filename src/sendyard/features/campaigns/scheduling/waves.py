"""
Waves: the first so many people, a wait, a look at what failed, then the next.
"""

import math
from collections.abc import Sequence

import msgspec

from sendyard.features.campaigns import queries as campaign_queries
from sendyard.features.campaigns.audience.queries import good_count, row_at
from sendyard.features.campaigns.outcomes.queries import figures, is_leaving
from sendyard.features.campaigns.plan import Wave, read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.scheduling import queries
from sendyard.features.campaigns.scheduling.queries import WaveRow
from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction

_encode = msgspec.json.Encoder().encode


class Waves:
    """Lets waves leave one by one; what is known stands in rows, so any process may go on."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def bound(self, campaign: CampaignRow) -> int | None:
        """The row up to which messages may be made now; None without a bound."""
        waves = read_plan(campaign.plan).waves
        if not waves:
            return None
        known = await self._database.read(lambda tx: queries.waves(tx, campaign.id))
        if not known:
            last_rows = await self._database.read(lambda tx: _last_rows(tx, campaign.id, waves))
            await self._database.write(lambda tx: queries.lay_out(tx, campaign.workspace_id, campaign.id, last_rows))
            return last_rows[0]
        return next((wave.last_row for wave in known if wave.ended_at is None), None)

    async def look(self, campaign: CampaignRow, *, now: int) -> None:
        """Judge the wave whose wait is over; one that failed too often pauses the campaign, with its figures."""
        waves = read_plan(campaign.plan).waves
        if not waves:
            return
        known = await self._database.read(lambda tx: queries.waves(tx, campaign.id))
        current = next((wave for wave in known if wave.ended_at is None), None)
        if current is None:
            return
        plan = waves[min(current.number, len(waves)) - 1]
        if current.due_at is None:
            if await self._database.read(lambda tx: _has_left(tx, campaign, current)):
                due_at = now + int(plan.wait_minutes * 60_000)
                await self._database.write(lambda tx: queries.set_due(tx, campaign.id, current.number, due_at))
        elif now >= current.due_at:
            found = await self._database.read(lambda tx: figures(tx, campaign.id))
            await self._database.write(lambda tx: _judge(tx, campaign, current, plan, found, now))


def _last_rows(tx: Transaction, campaign_id: str, waves: Sequence[Wave]) -> list[int]:
    total = good_count(tx, campaign_id)
    found: list[int] = []
    reached = 0
    for wave in waves:
        size = wave.count if wave.count is not None else math.ceil(total * (wave.percent or 0) / 100)
        reached = min(total, reached + size)
        found.append(row_at(tx, campaign_id, reached))
    return found


def _has_left(tx: Transaction, campaign: CampaignRow, wave: WaveRow) -> bool:
    """Whether every row of the wave is a message, or was refused, and none of the messages still waits."""
    return not campaign_queries.rows_left(tx, campaign.id, up_to=wave.last_row) and not is_leaving(tx, campaign.id)


def _judge(tx: Transaction, campaign: CampaignRow, wave: WaveRow, plan: Wave, found: dict[str, int], now: int) -> None:
    people = found["messages"] + found["refused"]
    failed = found["failed"] + found["refused"]
    share = 100 * failed / people if people else 0.0
    kept = {**found, "people": people, "failed_percent": round(share, 2)}
    if not queries.end_wave(tx, campaign.id, wave.number, _encode(kept).decode(), now=now):
        return
    if share > plan.stop_above:
        reason = (
            f"Wave {wave.number}: {failed:,} of {people:,} failed ({share:.1f} %, more than {plan.stop_above:g} %). "
            "Look at the reasons, then resume to go on, or cancel."
        )
        campaign_queries.pause(tx, campaign.workspace_id, campaign.id, reason)
