"""
Moving people on: the loop of one process that takes the steps that are due, and lets new people in.

A step is one transaction: it asks whether the person leaves, stores the message and says which step comes next. It
begins by counting up the drip's `turn`, which whoever read the same people before finds changed; so a crash or a
second process at any moment neither skips a step nor takes one twice.
"""

import asyncio
import logging
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import admit_many
from sendyard.domain.errors import AppError, Conflict, RateLimited
from sendyard.features.campaigns import queries as campaign_queries
from sendyard.features.campaigns.audience.queries import insert_recipients
from sendyard.features.campaigns.audience.rows import Recipient
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
from sendyard.features.campaigns.drips.making import forget
from sendyard.features.campaigns.drips.moments import step_moment
from sendyard.features.campaigns.drips.plan import DripPlan, read_drip
from sendyard.features.campaigns.drips.queries import DripRow, PersonInDrip
from sendyard.features.campaigns.linking import row_addresses
from sendyard.features.campaigns.oversight.prices import affordable as affordable_within
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.scheduling.moments import affordable, paced
from sendyard.features.campaigns.scheduling.timing import zone_of
from sendyard.features.links import Addresses
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import NewMessage
from sendyard.ledger.kept_counts import outdate_rows
from sendyard.ledger.pacing import promise, promised
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

CHUNK = 500
"""People in one transaction: a one-time code that comes meanwhile waits for about 15 ms."""
PAGE = 1000
SWEEP_MS = 60_000
"""Milliseconds between looks for people who are new in lists and segments."""
ABANDONED_MS = 6 * 3_600_000
"""After so many milliseconds a drip whose file was never read to its end is removed; no file takes that long."""

_ROUND = 0.5
_PAUSE_AFTER_ERROR = 5.0
_TIDY = 600.0
_CANCELLED = Conflict("step_cancelled", "The campaign of this step was cancelled, so the step is passed over.")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Due:
    """People before the same step of the same round, with what they would get."""

    campaign: CampaignRow
    people: list[PersonInDrip] = field(default_factory=list)
    moments: list[int | None] = field(default_factory=list)
    prepared: Sequence[NewMessage | AppError] = ()


@dataclass(frozen=True, slots=True)
class _Round:
    """Who is due in one drip, the campaigns of their steps, and the plan that each of their rounds follows."""

    people: Sequence[PersonInDrip]
    campaigns: Mapping[tuple[int, int], CampaignRow]
    plans: Mapping[int, DripPlan]
    moments: Sequence[int | None]  # of each of the people; None for at once
    leader: str  # the campaign whose pace all share, "" without a throttle
    promised_us: int  # the first moment of that pace which is nobody's


class DripTimer:
    """Moves the people of every active drip. Any number of processes may run one."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and the accounts and routes."""
        self._database = database
        self._directory = directory
        self._addresses = Addresses(database, directory)
        self._looked: dict[str, tuple[int, int]] = {}  # by drip: the moment that is asked about, the last contact seen
        self._brought: dict[str, tuple[int, int]] = {}  # by drip: the version people are moved to, the last one seen
        self._tidy_at = 0.0

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
        if time.monotonic() >= self._tidy_at:
            await self._tidy()
            self._tidy_at = time.monotonic() + _TIDY
        active, half = await self._database.read(lambda tx: (queries.active_drips(tx), queries.half_cancelled(tx)))
        for drip_id in half:
            await self._let_go(drip_id)
        for drip in active:
            if drip.bring_to:
                busy = await self._bring(drip) or busy
                continue
            for work in (self._schedule, self._sweep, self._step):
                busy = await work(drip) or busy
        return busy

    async def _bring(self, drip: DripRow) -> bool:
        """
        Move the next people inside to the newest version; nobody takes a step before all are there.

        The wait that somebody is in goes on; who has had as many steps as the newest version has is done.
        """
        version, after = self._brought.get(drip.id, (drip.bring_to, 0))
        after = after if version == drip.bring_to else 0
        now = now_ms()

        def move(tx: Transaction) -> int | None:
            if not queries.take_turn(tx, drip):
                return after
            found = queries.inside(tx, drip.id, after=after, limit=PAGE)
            if not found:
                queries.end_bringing(tx, drip.id, drip.bring_to)
                return None
            rounds = queries.rounds(tx, drip.id)
            there = {one.visit: one for one in rounds.values() if one.version == drip.bring_to}
            moved = []
            for no, round_, step in found:
                if rounds[round_].version < drip.bring_to:
                    place = there[rounds[round_].visit]
                    moved.append((no, place.round, step > len(read_drip(place.plan).steps)))
            queries.bring(tx, drip.id, moved, now=now)
            return found[-1][0]

        last = await self._database.write(move)
        if last is None:
            self._brought.pop(drip.id, None)
        else:
            self._brought[drip.id] = drip.bring_to, last
        return True

    async def _schedule(self, drip: DripRow) -> bool:
        """Give their first moment to people who were in the drip before it started."""
        found, rounds = await self._database.read(
            lambda tx: (queries.unscheduled(tx, drip.id, limit=PAGE), queries.rounds(tx, drip.id))
        )
        if not found:
            return False
        since, home = drip.started_at or now_ms(), self._home(drip)
        first = {round_: read_drip(one.plan).steps[0] for round_, one in rounds.items()}
        moments = [
            (one.no, first_moment(first[one.round], one.zone, one.address, home=home, since=since)) for one in found
        ]
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
            await self._database.write(lambda tx: queries.sweep_again(tx, drip, at=following))
            return False
        if rows and not await self._database.write(lambda tx: self._let_in(tx, drip, rows, now)):
            self._looked.pop(drip.id, None)
        else:
            self._looked[drip.id] = asked, last
        return True

    def _let_in(self, tx: Transaction, drip: DripRow, rows: Sequence[Recipient], now: int) -> bool:
        """Let those in who were found; False when the drip was changed meanwhile and perhaps means others."""
        if not queries.looks_for(tx, drip):
            return False
        enter(tx, drip, rows, home=self._home(drip), now=now)
        return True

    async def _step(self, drip: DripRow) -> bool:
        """Take the steps that are due; False when none is, or the drip was stopped or is another's."""
        moment = now_ms()
        found = await self._database.read(lambda tx: _due(tx, drip, moment))
        if not found.people:
            return False
        groups: dict[tuple[int, int], _Due] = {}
        for person, at in zip(found.people, found.moments, strict=True):
            place = person.round, person.step
            group = groups.setdefault(place, _Due(found.campaigns[place]))
            group.people.append(person)
            group.moments.append(at)
        ready = [group for group in groups.values() if await self._prepare(group, moment)]
        if not ready:
            return True
        outcome = await self._database.write(lambda tx: self._store(tx, drip, found, ready, moment))
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
        group.prepared = await asyncio.to_thread(
            prepare_rows, self._directory, campaign, rows, moment, send_at=group.moments, links=links
        )
        return True

    def _store(
        self, tx: Transaction, drip: DripRow, found: _Round, groups: Sequence[_Due], moment: int
    ) -> bool | AppError:
        gone = _leaving(tx, drip, found, groups, moment)
        if isinstance(gone, AppError):
            return gone
        if not queries.take_turn(tx, drip):
            return False
        moved = [
            person._replace(state="left", why=gone[person.no], next_at=None, ended_at=moment)
            for group in groups
            for person in group.people
            if person.no in gone
        ]
        spent, stop = 0, ""
        for group in groups:
            if not stop:
                price, stop, steps = self._take(tx, drip._replace(reserved=drip.reserved + spent), found, group, gone,
                                                moment)  # fmt: skip
                spent += price
                moved += steps
        queries.move_people(tx, drip.id, moved)
        if found.leader:
            promise(tx, found.leader, found.promised_us)
        if spent:
            queries.reserve(tx, drip.id, spent)
        if stop:
            _log.warning("paused drip %s: %s", drip.id, stop)
            queries.pause(tx, drip.id, stop)
        return not stop

    def _take(
        self, tx: Transaction, drip: DripRow, found: _Round, group: _Due, gone: Container[int], moment: int
    ) -> tuple[int, str, list[PersonInDrip]]:
        """Store one step of those who stay; gives its price, why no more may be made, and where people are now."""
        staying = [
            (person, one) for person, one in zip(group.people, group.prepared, strict=True) if person.no not in gone
        ]
        outcomes = admit_many(self._directory, tx, drip.workspace_id, [one for _, one in staying], moment)
        price, stop = 0, ""
        if (budget := read_drip(drip.plan).budget) is not None:
            count, price, stop = affordable_within(self._directory, outcomes, budget, drip.reserved)
            staying, outcomes = staying[:count], outcomes[:count]
        taken, moved = [], []
        for (person, _), outcome in zip(staying, outcomes, strict=True):
            if isinstance(outcome, RateLimited):
                # Somebody who has had enough for this hour gets the same step later.
                moved.append(person._replace(next_at=moment + int(1000 * outcome.retry_after)))
                continue
            taken.append((person, outcome))
            moved.append(self._moved_on(drip, found.plans[person.round], person, outcome, moment))
        _keep(tx, group.campaign, taken)
        return price, stop, moved

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

    async def _tidy(self) -> None:
        before = now_ms() - ABANDONED_MS
        for drip_id in await self._database.read(lambda tx: queries.forgotten_imports(tx, before=before)):
            await forget(self._database, drip_id)

    async def _let_go(self, drip_id: str) -> None:
        now = now_ms()
        while await self._database.write(lambda tx: queries.let_go(tx, drip_id, now=now, limit=PAGE)):
            pass

    async def _give_up(self, drip: DripRow, error: AppError) -> None:
        _log.warning("paused drip %s: %s", drip.id, error.detail)
        await self._database.write(lambda tx: queries.pause(tx, drip.id, error.detail))

    def _home(self, drip: DripRow) -> str:
        return self._directory.facts(drip.workspace_id).home_zone


def _due(tx: Transaction, drip: DripRow, moment: int) -> _Round:
    """Who is due, no more than the throttle has moments for."""
    limit, leader, pace = CHUNK, "", None
    if read_drip(drip.plan).throttle is not None:
        leader = queries.pace_leader(tx, drip.id)
        pace = promised(tx, leader)
    if pace is not None:
        limit = min(limit, affordable(*pace, moment))
    found = queries.due(tx, drip.id, now=moment, limit=limit) if limit else []
    moments: list[int | None] = [None] * len(found)
    following = 0
    if pace is not None:
        moments, following = paced(len(found), *pace, moment)
    rounds = queries.rounds(tx, drip.id) if found else {}
    plans = {round_: read_drip(rounds[round_].plan) for round_ in {person.round for person in found}}
    campaigns = {
        (round_, number): campaign
        for round_ in plans
        for number, campaign in enumerate(step_campaigns(tx, drip, round_), start=1)
    }
    return _Round(found, campaigns, plans, moments, leader if pace else "", following)


def _leaving(
    tx: Transaction, drip: DripRow, found: _Round, groups: Sequence[_Due], moment: int
) -> dict[int, str] | AppError:
    """Who leaves, and why, each by the exits of the version that they follow."""
    people = [(person, group.campaign.channel) for group in groups for person in group.people]
    gone: dict[int, str] = {}
    for round_, plan in found.plans.items():
        those = [(person, channel) for person, channel in people if person.round == round_]
        left = leaving(tx, drip, plan.exit, those, now=moment)
        if isinstance(left, AppError):
            return left
        gone |= left
    return gone


def _keep(tx: Transaction, campaign: CampaignRow, taken: Sequence[tuple[PersonInDrip, NewMessage | AppError]]) -> None:
    """Store who reached a step, with the messages; the campaign of the step is under way again."""
    rows = [
        person.row._replace(code=outcome.code, detail=outcome.detail) if isinstance(outcome, AppError) else person.row
        for person, outcome in taken
    ]
    insert_recipients(tx, campaign.workspace_id, campaign.id, rows)
    outdate_rows(tx, [(campaign.id, row.row) for row in rows], now=now_ms())
    messages = [outcome for _, outcome in taken if isinstance(outcome, NewMessage)]
    if messages:
        enqueue(tx, messages)
        campaign_queries.reopen(tx, campaign.id)
