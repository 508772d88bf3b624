"""
What each step of a drip would do, from the first people it has or would find; nothing is stored or sent.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import Forecast, Outlook
from sendyard.delivery.preflight import admit_many
from sendyard.domain.errors import AppError
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.drafts import prepare_rows
from sendyard.features.campaigns.drips import queries
from sendyard.features.campaigns.drips.entering import found_people, needs_of_drip, step_campaigns
from sendyard.features.campaigns.drips.moments import step_moment
from sendyard.features.campaigns.drips.plan import read_drip
from sendyard.features.campaigns.drips.queries import DripRow
from sendyard.features.campaigns.files import file_checks
from sendyard.features.campaigns.linking import row_addresses
from sendyard.features.campaigns.oversight.budgets import uncounted_checks
from sendyard.features.campaigns.oversight.purposes import purpose_checks
from sendyard.features.links import Addresses
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

MOST = 500
"""People that a preflight looks at; each is checked again as the step comes."""


class Rehearsing:
    """Rehearses the steps of drips."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and the accounts and routes."""
        self._database = database
        self._directory = directory

    async def all_steps(self, drip: DripRow) -> list[tuple[int, Forecast]]:
        """
        Give (step, forecast) for every step, each at the earliest moment at which somebody could get it.

        Raises:
            AppError: a list, segment or link is gone.
        """
        rows = await self.sample(drip, limit=MOST)
        moment = now_ms()
        home = self._directory.facts(drip.workspace_id).home_zone
        campaigns = await self._database.read(lambda tx: step_campaigns(tx, drip))
        found = []
        for number, (step, campaign) in enumerate(zip(read_drip(drip.plan).steps, campaigns, strict=True), start=1):
            moment = step_moment(step, moment, home)
            links = await row_addresses(Addresses(self._database, self._directory), campaign)
            prepared = await asyncio.to_thread(prepare_rows, self._directory, campaign, rows, moment, links=links)
            outcomes = await self._database.read(
                lambda tx: admit_many(self._directory, tx, drip.workspace_id, prepared, moment)  # noqa: B023 - done before the next turn
            )
            outlook = Outlook(self._directory, moment)
            outlook.take(outcomes, [(row.row, row.address) for row in rows])
            told = outlook.forecast()
            purposes = purpose_checks(self._directory, campaign, {row.country for row in rows})
            files = file_checks(self._directory, campaign)
            # Whether it lasts cannot be told: these are not everybody, and more may come at any time.
            unpaid = uncounted_checks(read_drip(drip.plan).budget, told)
            found.append((number, replace(told, checks=[*told.checks, *files, *purposes, *unpaid])))
        return found

    async def sample(self, drip: DripRow, *, limit: int) -> Sequence[Recipient]:
        """
        Give up to `limit` people whom it can reach: those in it, and before its start those it would find.

        Raises:
            AppError: a list or segment is gone.
        """

        def read(tx: Transaction) -> list[Recipient] | AppError:
            inside = [one.row for one in queries.reachable(tx, drip.id, limit=limit)]
            if len(inside) == limit or drip.status != "draft" or not read_drip(drip.plan).audience.asks:
                return inside
            found = found_people(tx, drip, needs_of_drip(tx, drip), asked=now_ms(), after=0, limit=MOST)
            if isinstance(found, AppError):
                return found
            there = {one.address for one in inside}
            return [*inside, *(row for row in found[0] if row.address and row.address not in there)][:limit]

        rows = await self._database.read(read)
        if isinstance(rows, AppError):
            raise rows
        return rows
