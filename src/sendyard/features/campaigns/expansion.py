"""
From rows to messages, and everything else campaigns need while nobody looks: the loop of one process.

Rows become messages in chunks. Each is one transaction that also moves `expanded_to` on, so a crash, a pause or a
second process at any moment neither skips a row nor takes one twice.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import lru_cache, partial

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import Draft, admit_many, prepare_many
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.errors import AppError
from sendyard.domain.status import CampaignStatus
from sendyard.domain.template import Template, compile_template
from sendyard.features.campaigns import queries
from sendyard.features.campaigns.completion import Completion
from sendyard.features.campaigns.importing import forget_import
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.rows import Recipient
from sendyard.features.campaigns.safety import FailureWatch
from sendyard.features.templates.registered import forms_of
from sendyard.ledger.cancel import cancel_lane
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import NOTHING, NewMessage
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
_decode_variables = msgspec.json.Decoder(dict[str, str]).decode


class Expander:
    """
    Prepares, watches and ends the campaigns of every workspace. Any number of processes may run one.

    Args:
        database: where rows are.
        directory: the accounts and routes, kept fresh by someone else.
        report_wait: seconds to wait for the report of an accepted message.
        pause_share: pause a campaign when of a hundred consecutive rows this share failed; None never pauses.
    """

    def __init__(
        self,
        database: Database,
        directory: Directory,
        *,
        report_wait: float = REPORT_WAIT,
        pause_share: float | None = 0.2,
    ) -> None:
        """Take what it works with."""
        self._database = database
        self._directory = directory
        self._completion = Completion(database, report_wait)
        self._failures = FailureWatch(database, pause_share)
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
        """Expand one chunk of each campaign in preparation and, about once a second, watch; True while rows remain."""
        active = await self._database.read(queries.active_campaigns)
        preparing = [campaign for campaign in active if campaign.status == CampaignStatus.PREPARING]
        progressed = [await self.expand(campaign) for campaign in preparing]
        if time.monotonic() >= self._watch_at:
            await self.watch(active)
            self._watch_at = time.monotonic() + _WATCH
        if time.monotonic() >= self._tidy_at:
            await self._tidy()
            self._tidy_at = time.monotonic() + _TIDY
        return any(progressed)

    async def expand(self, campaign: CampaignRow, *, chunk: int = CHUNK) -> bool:
        """Turn the next rows into messages; False when none were left or the campaign was stopped or is another's."""
        known = campaign.expanded_to
        rows = await self._database.read(lambda tx: queries.good_rows(tx, campaign.id, after=known, limit=chunk))
        if not rows:
            await self._database.write(lambda tx: queries.finish_expansion(tx, campaign.id, known=known))
            return False
        moment = now_ms()
        prepared = await asyncio.to_thread(prepare_rows, self._directory, campaign, rows, moment)
        return await self._database.write(lambda tx: self._store(tx, campaign, rows, prepared, moment))

    async def watch(self, active: Sequence[CampaignRow]) -> None:
        """Complete what is settled, pause what fails, and cancel the rest of what was cancelled."""
        for campaign_id, reason in await self._failures.look({campaign.id for campaign in active}):
            workspace_id = next(campaign.workspace_id for campaign in active if campaign.id == campaign_id)
            _log.warning("paused campaign %s: %s", campaign_id, reason)
            await self._database.write(partial(_pause, workspace_id, campaign_id, reason))
        for campaign in active:
            if campaign.status == CampaignStatus.SENDING:
                await self._completion.look(campaign)
        await self._clear_lanes()

    def _store(
        self,
        tx: Transaction,
        campaign: CampaignRow,
        rows: Sequence[Recipient],
        prepared: Sequence[NewMessage | AppError],
        moment: int,
    ) -> bool:
        if not queries.advance(tx, campaign.id, known=campaign.expanded_to, to=rows[-1].row):
            return False
        outcomes = admit_many(self._directory, tx, campaign.workspace_id, prepared, moment)
        enqueue(tx, [outcome for outcome in outcomes if isinstance(outcome, NewMessage)])
        queries.refuse_rows(
            tx,
            campaign.id,
            [
                (row.row, outcome.code, outcome.detail)
                for row, outcome in zip(rows, outcomes, strict=True)
                if isinstance(outcome, AppError)
            ],
        )
        return True

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


def prepare_rows(
    directory: Directory, campaign: CampaignRow, rows: Sequence[Recipient], moment: int
) -> list[NewMessage | AppError]:
    """Render each row and check it as far as that needs no database; one outcome per row, in order."""
    template = compiled(campaign.body)
    forms = forms_of(campaign.registered)
    channel, purpose = Channel(campaign.channel), Purpose(campaign.purpose)
    drafts = []
    for row in rows:
        values = _decode_variables(row.variables)
        text = template.render(values)
        drafts.append(
            Draft(
                to=row.address,
                checked=True,
                checked_country=row.country,
                content=Text(text),
                variants=forms.render(values, text) if forms else NOTHING,
                registration=forms.registration if forms else NOTHING,
                channel=channel,
                purpose=purpose,
                sender=campaign.sender,
                account=campaign.account,
                expires_in=campaign.expires_in,
                campaign_id=campaign.id,
                row=row.row,
            )
        )
    return prepare_many(directory, campaign.workspace_id, drafts, moment)


@lru_cache(maxsize=64)
def compiled(body: str) -> Template:
    """The template of a stored text, which compiled when it was stored."""
    return compile_template(body)


def _cancel_waiting(campaign_id: str, lane: tuple[str, int], tx: Transaction) -> int:
    return cancel_lane(tx, campaign_id, *lane, now=now_ms(), limit=CANCEL_CHUNK)


def _pause(workspace_id: str, campaign_id: str, reason: str, tx: Transaction) -> None:
    queries.pause(tx, workspace_id, campaign_id, reason)
