"""
Moving people on: the loop of one process that takes the steps that are due, and lets new people in.

A step is one transaction: it asks whether the person leaves, stores the message and says which step comes next. It
begins by counting up the drip's `turn`, which whoever read the same people before finds changed; so a crash or a
second process at any moment neither skips a step nor takes one twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import admit_many
from sendyard.domain.errors import AppError, Conflict, RateLimited
from sendyard.features.campaigns import queries as campaign_queries
from sendyard.features.campaigns.audience.queries import insert_recipients
from sendyard.features.campaigns.drafts import prepare_rows
from sendyard.features.campaigns.drips import queries
from sendyard.features.campaigns.drips.entering import (
    enter,
    first_moment,
    found_people,
    needs_of_drip,
    step_campaigns,
)
from sendyard.features.campaigns.drips.exits import leaving
from sendyard.features.campaigns.drips.moments import step_moment
from sendyard.features.campaigns.drips.plan import DripPlan, read_drip
from sendyard.features.campaigns.drips.queries import DripRow, PersonInDrip
from sendyard.features.campaigns.linking import row_addresses
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.scheduling.timing import zone_of
from sendyard.features.links import Addresses
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import NewMessage
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

CHUNK = 500
"""People in one transaction: a one-time code that comes meanwhile waits for about 15 ms."""
PAGE = 1000
SWEEP_MS = 60_000
"""Milliseconds between looks for people who are new in lists and segments."""

_ROUND = 0.5
_PAUSE_AFTER_ERROR = 5.0
_CANCELLED = Conflict("step_cancelled", "The campaign of this step was cancelled, so the step is passed over.")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Due:
    """People before the same step of the same round, with what they would get."""

    campaign: CampaignRow
    people: list[PersonInDrip] = field(default_factory=list)
    prepared: Sequence[NewMessage | AppError] = ()


class DripTimer:
    """Moves the people of every active drip. Any number of processes may run one."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and the accounts and routes."""
        self._database = database
        self._directory = directory
        self._addresses = Addresses(database, directory)
        self._looked: dict[str, tuple[int, int]] = {}  # by drip: the moment that is asked about, the last contact seen

    async def run(self) -> None:
        """Work until cancelled; what goes wrong is logged and tried again."""
        while True:
            try:
                busy = await self.round()
            except Exception:  # noqa: BLE001 - a database that is away must not end the loop
                _log.exception("drips could not be moved on, trying again")
                await asyncio.sleep(_PAUSE_AFTER_ERROR)
                continue
            if not busy:
                await asyncio.sleep(_ROUND)

    async def round(self) -> bool:
        """Take one step with each active drip; True while somebody is left to be moved now."""
        busy = False
        for drip in await self._database.read(queries.active_drips):
            for work in (self._schedule, self._sweep, self._step):
                busy = await work(drip) or busy
        return busy

    async def _schedule(self, drip: DripRow) -> bool:
        """Give their first moment to people who were in the drip before it started."""
        found = await self._database.read(lambda tx: queries.unscheduled(tx, drip.id, limit=PAGE))
        if not found:
            return False
        since, home = drip.started_at or now_ms(), self._home(drip)
        moments = [(one.no, first_moment(drip, one.zone, one.address, home=home, since=since)) for one in found]
        await self._database.write(lambda tx: queries.schedule(tx, drip.id, moments, now=since))
        return True

    async def _sweep(self, drip: DripRow) -> bool:
        """Let in the next page of people that lists and segments find, when it is time to ask them."""
        asked, now = drip.sweep_at, now_ms()
        if asked is None or asked > now:
            return False
        looked = self._looked.get(drip.id, (asked, 0))
        after = looked[1] if looked[0] == asked else 0
        found = await self._database.read(
            lambda tx: found_people(tx, drip, needs_of_drip(tx, drip), asked=asked, after=after, limit=PAGE)
        )
        if isinstance(found, AppError):
            await self._give_up(drip, found)
            return False
        rows, last = found
        if last is None:
            following = now + SWEEP_MS if read_drip(drip.plan).enrol == "segment" else None
            self._looked.pop(drip.id, None)
            await self._database.write(lambda tx: queries.sweep_again(tx, drip.id, known=asked, at=following))
            return False
        if rows:
            await self._database.write(lambda tx: enter(tx, drip, rows, home=self._home(drip), now=now))
        self._looked[drip.id] = asked, last
        return True

    async def _step(self, drip: DripRow) -> bool:
        """Take the steps that are due; False when none is, or the drip was stopped or is another's."""
        moment = now_ms()
        due, campaigns = await self._database.read(lambda tx: _due(tx, drip, moment))
        if not due:
            return False
        groups: dict[tuple[int, int], _Due] = {}
        for person in due:
            place = person.round, person.step
            groups.setdefault(place, _Due(campaigns[place])).people.append(person)
        ready = [group for group in groups.values() if await self._prepare(group, moment)]
        if not ready:
            return True
        outcome = await self._database.write(lambda tx: self._store(tx, drip, ready, moment))
        if isinstance(outcome, AppError):
            await self._give_up(drip, outcome)
            return False
        return outcome

    async def _prepare(self, group: _Due, moment: int) -> bool:
        """Render what these people would get; False when the step cannot be taken and was paused."""
        campaign = group.campaign
        if campaign.status == "cancelled":
            group.prepared = [_CANCELLED] * len(group.people)
            return True
        try:
            links = await row_addresses(self._addresses, campaign)
        except AppError as error:
            reason = error.detail
            _log.warning("paused campaign %s of a drip: %s", campaign.id, reason)
            await self._database.write(
                lambda tx: campaign_queries.pause(tx, campaign.workspace_id, campaign.id, reason)
            )
            return False
        rows = [person.row for person in group.people]
        group.prepared = await asyncio.to_thread(prepare_rows, self._directory, campaign, rows, moment, links=links)
        return True

    def _store(self, tx: Transaction, drip: DripRow, groups: Sequence[_Due], moment: int) -> bool | AppError:
        plan = read_drip(drip.plan)
        people = [(person, group.campaign.channel) for group in groups for person in group.people]
        gone = leaving(tx, drip, plan.exit, people, now=moment)
        if isinstance(gone, AppError):
            return gone
        if not queries.take_turn(tx, drip):
            return False
        moved = [
            person._replace(state="left", why=gone[person.no], next_at=None, ended_at=moment)
            for person, _ in people
            if person.no in gone
        ]
        for group in groups:
            staying = [
                (person, one) for person, one in zip(group.people, group.prepared, strict=True) if person.no not in gone
            ]
            outcomes = admit_many(self._directory, tx, drip.workspace_id, [one for _, one in staying], moment)
            taken = []
            for (person, _), outcome in zip(staying, outcomes, strict=True):
                if isinstance(outcome, RateLimited):
                    # Somebody who has had enough for this hour gets the same step later.
                    moved.append(person._replace(next_at=moment + int(1000 * outcome.retry_after)))
                    continue
                taken.append((person, outcome))
                moved.append(self._moved_on(drip, plan, person, outcome, moment))
            _keep(tx, group.campaign, taken)
        queries.move_people(tx, drip.id, moved)
        return True

    def _moved_on(
        self, drip: DripRow, plan: DripPlan, person: PersonInDrip, outcome: NewMessage | AppError, moment: int
    ) -> PersonInDrip:
        following = person.step + 1
        if following > len(plan.steps):
            return person._replace(step=following, state="done", next_at=None, ended_at=moment)
        # A message that waits for permitted hours puts the next one off as well.
        since = max(moment, (outcome.send_at or 0) if isinstance(outcome, NewMessage) else 0)
        zone = zone_of(person.zone, person.address, self._home(drip))
        return person._replace(step=following, next_at=step_moment(plan.steps[following - 1], since, zone))

    async def _give_up(self, drip: DripRow, error: AppError) -> None:
        _log.warning("paused drip %s: %s", drip.id, error.detail)
        await self._database.write(lambda tx: queries.pause(tx, drip.id, error.detail))

    def _home(self, drip: DripRow) -> str:
        return self._directory.facts(drip.workspace_id).home_zone


def _due(tx: Transaction, drip: DripRow, moment: int) -> tuple[list[PersonInDrip], dict[tuple[int, int], CampaignRow]]:
    found = queries.due(tx, drip.id, now=moment, limit=CHUNK)
    rounds = {person.round for person in found}
    return found, {
        (round_, number): campaign
        for round_ in rounds
        for number, campaign in enumerate(step_campaigns(tx, drip, round_), start=1)
    }


def _keep(tx: Transaction, campaign: CampaignRow, taken: Sequence[tuple[PersonInDrip, NewMessage | AppError]]) -> None:
    """Store who reached a step, with the messages; the campaign of the step is under way again."""
    rows = [
        person.row._replace(code=outcome.code, detail=outcome.detail) if isinstance(outcome, AppError) else person.row
        for person, outcome in taken
    ]
    insert_recipients(tx, campaign.workspace_id, campaign.id, rows)
    messages = [outcome for _, outcome in taken if isinstance(outcome, NewMessage)]
    if messages:
        enqueue(tx, messages)
        campaign_queries.reopen(tx, campaign.id)
