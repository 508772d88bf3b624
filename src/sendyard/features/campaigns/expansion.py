"""
From rows to messages, and everything else campaigns need while nobody looks: the loop of one process.

Rows become messages in chunks. Each is one transaction that also moves `expanded_to` on, so a crash, a pause or a
second process at any moment neither skips a row nor takes one twice.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial

from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import admit_many
from sendyard.domain.channels import Purpose
from sendyard.domain.errors import AppError
from sendyard.domain.status import CampaignStatus
from sendyard.features.campaigns import queries
from sendyard.features.campaigns.audience.gathering import Gathering
from sendyard.features.campaigns.audience.importing import forget_import
from sendyard.features.campaigns.audience.queries import refuse_rows
from sendyard.features.campaigns.experiments import queries as experiment_queries
from sendyard.features.campaigns.experiments.looking import PAUSE_MS, Looking
from sendyard.features.campaigns.experiments.texts import texts_of
from sendyard.features.campaigns.experiments.trial import Prepared, Trials, Turn
from sendyard.features.campaigns.outcomes.completion import Completion
from sendyard.features.campaigns.outcomes.safety import FailureWatch
from sendyard.features.campaigns.oversight.prices import affordable
from sendyard.features.campaigns.oversight.registered import TemplateTrouble
from sendyard.features.campaigns.oversight.trouble import AccountTrouble, Balance
from sendyard.features.campaigns.plan import AutoPause, read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.scheduling.chunks import Chunk, next_chunk
from sendyard.features.campaigns.scheduling.launching import Launcher
from sendyard.features.campaigns.scheduling.waves import Waves
from sendyard.ledger.cancel import cancel_lane
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import NewMessage
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

CHUNK = 500
"""Rows in one transaction: a one-time code that comes meanwhile waits for about 10 ms."""
CANCEL_CHUNK = 1000
"""Messages cancelled in one transaction, for the same reason."""
REPORT_WAIT = 72 * 3600.0
"""Seconds after which a message without a report counts as settled."""

_ROUND = 0.5  # seconds between looks when there is nothing to prepare
_WATCH = 1.0  # seconds between looks at campaigns that are being sent
_TIDY = 600.0
_ABANDONED_MS = 6 * 3600 * 1000  # no file takes that long to read
_PAUSE_AFTER_ERROR = 5.0

_log = logging.getLogger(__name__)


class Expander:
    """
    Prepares, watches and ends the campaigns of every workspace. Any number of processes may run one.

    Args:
        database: where rows are.
        directory: the accounts and routes, kept fresh by someone else.
        report_wait: seconds to wait for the report of an accepted message.
        watch_failures: whether campaigns are paused when too many consecutive rows fail, as their plans say.
        balance: asks for an account's credit, for plans that want to stop before it is used up.
        look_pause_ms: milliseconds between two looks at one experiment.
    """

    def __init__(
        self,
        database: Database,
        directory: Directory,
        *,
        report_wait: float = REPORT_WAIT,
        watch_failures: bool = True,
        balance: Balance | None = None,
        look_pause_ms: int = PAUSE_MS,
    ) -> None:
        """Take what it works with."""
        self._database = database
        self._directory = directory
        self._completion = Completion(database, report_wait)
        self._failures = FailureWatch(database)
        self._watch_failures = watch_failures
        self._trouble = AccountTrouble(database, directory, balance)
        self._stopped = TemplateTrouble(directory)
        self._waves = Waves(database)
        self._gathering = Gathering(database)
        self._launcher = Launcher(database, directory)
        self._trials = Trials(database, directory)
        self._looking = Looking(database, pause_ms=look_pause_ms)
        self._watch_at = 0.0
        self._tidy_at = 0.0

    async def run(self) -> None:
        """Work until cancelled; what goes wrong is logged and tried again."""
        while True:
            try:
                busy = await self.round()
            except Exception:  # noqa: BLE001 - a database that is away must not end the loop
                _log.exception("campaigns could not be moved on, trying again")
                await asyncio.sleep(_PAUSE_AFTER_ERROR)
                continue
            if not busy:
                await asyncio.sleep(_ROUND)

    async def round(self) -> bool:
        """Take one step with each campaign in preparation and, about once a second, watch; True while rows remain."""
        now = now_ms()
        await self._launcher.look(now)
        active = await self._database.read(queries.active_campaigns)
        preparing = [campaign for campaign in active if campaign.status == CampaignStatus.PREPARING]
        progressed = [
            await (self.gather(campaign) if campaign.gathering else self.expand(campaign)) for campaign in preparing
        ]
        if time.monotonic() >= self._watch_at:
            await self.watch(active)
            self._watch_at = time.monotonic() + _WATCH
        if time.monotonic() >= self._tidy_at:
            await self._tidy()
            self._tidy_at = time.monotonic() + _TIDY
        return any(progressed)

    async def gather(self, campaign: CampaignRow) -> bool:
        """Look for the next people of a campaign, or let it go on when all are found; False when it cannot."""
        try:
            if await self._gathering.step(campaign):
                return True
        except AppError as error:
            await self._launcher.give_up(campaign, error, ended=True)
            return False
        try:
            await self._launcher.finish_gathering(campaign)
        except AppError as error:
            await self._launcher.give_up(campaign, error, ended=campaign.parent_id is not None)
            return False
        return True

    async def expand(self, campaign: CampaignRow, *, chunk: int = CHUNK) -> bool:
        """Turn the next rows into messages; False when none may be now, or the campaign was stopped or is another's."""
        bound = await self._waves.bound(campaign)
        turn = await self._trials.turn(campaign, bound)
        if turn.holds:
            return turn.dealing
        moment = now_ms()
        home = self._directory.facts(campaign.workspace_id).home_zone
        found = await self._database.read(
            lambda tx: next_chunk(tx, campaign, limit=chunk, up_to=turn.up_to, home=home, now=moment, part=turn.part)
        )
        if not found.rows:
            if bound is None and not found.waits and not turn.dealing:
                await self._trials.finish(campaign, turn)
            return turn.dealing
        if await self._pause_stopped([campaign]):
            # Rows prepared with it now would be refused for good.
            return False
        try:
            prepared = await self._trials.prepare(campaign, turn, found.rows, moment, found.moments)
        except AppError as error:
            await self._database.write(partial(_pause, campaign.workspace_id, campaign.id, error.detail))
            return False
        return await self._database.write(lambda tx: self._store(tx, campaign, found, turn, prepared, moment))

    async def watch(self, active: Sequence[CampaignRow]) -> None:
        """Complete what is settled, judge waves, pause what fails, and cancel the rest of what was cancelled."""
        now = now_ms()
        await self._pause_stopped(active)
        await self._pause_all([*await self._failing(active), *await self._trouble.look(active)])
        for campaign in active:
            if campaign.status == CampaignStatus.SENDING:
                await self._completion.look(campaign)
            elif not campaign.gathering:
                await self._waves.look(campaign, now=now)
                await self._looking.look(campaign, now=now)
        await self._clear_lanes()

    async def _pause_stopped(self, campaigns: Sequence[CampaignRow]) -> bool:
        """Pause those of which a provider stopped a template; whether there was one."""
        texts = [text for campaign in campaigns for text in (await texts_of(self._database, campaign)).values()]
        found = self._stopped.look(texts)
        await self._pause_all(found)
        return bool(found)

    async def _pause_all(self, found: Sequence[tuple[CampaignRow, str]]) -> None:
        for campaign, reason in found:
            _log.warning("paused campaign %s: %s", campaign.id, reason)
            await self._database.write(partial(_pause, campaign.workspace_id, campaign.id, reason))

    async def _failing(self, active: Sequence[CampaignRow]) -> list[tuple[CampaignRow, str]]:
        rules: dict[str, AutoPause] = {}
        if self._watch_failures:
            rules = {campaign.id: read_plan(campaign.plan).auto_pause for campaign in active}
        by_id = {campaign.id: campaign for campaign in active}
        return [(by_id[campaign_id], reason) for campaign_id, reason in await self._failures.look(rules)]

    def _store(
        self,
        tx: Transaction,
        campaign: CampaignRow,
        found: Chunk,
        turn: Turn,
        prepared: Prepared,
        moment: int,
    ) -> bool:
        if turn.part and not experiment_queries.is_in_round(tx, campaign.id, turn.round):
            return False
        outcomes = admit_many(self._directory, tx, campaign.workspace_id, prepared.outcomes, moment)
        rows, price, stop = found.rows, 0, ""
        if budget := read_plan(campaign.plan).budget:
            count, price, stop = affordable(self._directory, outcomes, budget, campaign.reserved)
            rows, outcomes = rows[:count], outcomes[:count]
        if rows:
            known = campaign.expanded_to
            if not queries.advance(tx, campaign.id, known=known, to=rows[-1].row, price=price):
                return False
            enqueue(tx, [outcome for outcome in outcomes if isinstance(outcome, NewMessage)])
            found.keep_promises(tx, campaign.id)
            experiment_queries.give_variants(tx, campaign.id, prepared.given)
            refuse_rows(
                tx,
                campaign.id,
                [
                    (row.row, outcome.code, outcome.detail)
                    for row, outcome in zip(rows, outcomes, strict=True)
                    if isinstance(outcome, AppError)
                ],
                now=moment,
            )
        if stop:
            queries.pause(tx, campaign.workspace_id, campaign.id, stop)
        return not stop

    async def _clear_lanes(self) -> None:
        """What waits of campaigns that have ended: cancelled ones let go of it, completed ones open again."""
        lanes = [(entry.id, purpose.priority) for entry in self._directory.accounts() for purpose in Purpose]
        ended = await self._database.read(
            lambda tx: [(lane, *found) for lane in lanes for found in queries.ended_with_waiting(tx, *lane)]
        )
        for lane, campaign_id, status in ended:
            if status == CampaignStatus.CANCELLED:
                while await self._database.write(partial(_cancel_waiting, campaign_id, lane)):
                    pass
            else:
                await self._database.write(partial(queries.reopen, campaign_id=campaign_id))

    async def _tidy(self) -> None:
        before = now_ms() - _ABANDONED_MS
        for campaign_id in await self._database.read(lambda tx: queries.forgotten_imports(tx, before=before)):
            await forget_import(self._database, campaign_id)


def _cancel_waiting(campaign_id: str, lane: tuple[str, int], tx: Transaction) -> int:
    return cancel_lane(tx, campaign_id, *lane, now=now_ms(), limit=CANCEL_CHUNK)


def _pause(workspace_id: str, campaign_id: str, reason: str, tx: Transaction) -> None:
    queries.pause(tx, workspace_id, campaign_id, reason)
