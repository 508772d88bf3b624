"""
Asking a second person, and what they say.
"""

from typing import Any

from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import is_storable
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.campaigns.documents import whole_document
from sendyard.features.campaigns.finding import allow, find
from sendyard.features.campaigns.oversight.approvals import (
    LONGEST_NOTE,
    Policy,
    answer,
    policy_of,
    read_policy,
    store_policy,
)
from sendyard.features.campaigns.scheduling.launching import Launcher
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms


class Approvals:
    """The two-person rule of every workspace."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and the accounts and routes."""
        self._database = database
        self._launcher = Launcher(database, directory)

    async def approve(
        self, workspace_id: str, campaign_id: str, *, by: str, yes: bool = True, note: str = "", reach: str = "all"
    ) -> dict[str, Any]:
        """
        Say yes to a campaign that waits for approval, which starts it, or no.

        Raises:
            Invalid: the note is not usable; or the campaign can no longer be started, as `start` says.
            NotFound: there is no such campaign.
            Forbidden: `by` made it, or asked for the approval; or the key may not reach whom it reaches.
            Conflict: nobody has asked.
        """
        if len(note) > LONGEST_NOTE or not is_storable(note):
            detail = f"Expected at most {LONGEST_NOTE} ordinary characters, found {len(note):,}."
            raise Invalid("bad_note", detail, errors=[FieldError("/note", "bad_note", detail)])
        campaign = await find(self._database, workspace_id, campaign_id)
        allow(campaign, reach)
        now = now_ms()
        refused = await self._database.write(
            lambda tx: answer(tx, campaign, by=by, yes=yes, note=note.strip(), now=now)
        )
        if refused is not None:
            raise refused
        if yes:
            await self._launcher.start(campaign, by=by)
        return await whole_document(self._database, workspace_id, campaign_id)

    async def policy(self, workspace_id: str) -> Policy:
        """Give above what a second person has to approve."""
        return await self._database.read(lambda tx: policy_of(tx, workspace_id))

    async def set_policy(
        self, workspace_id: str, *, recipients: int | None, cost: str | None = None, currency: str = ""
    ) -> Policy:
        """
        Say above how many recipients, or which price, a second person has to approve; None asks nothing.

        Raises:
            Invalid: a number, price or currency is not usable.
        """
        found = read_policy(recipients, cost, currency)
        await self._database.write(lambda tx: store_policy(tx, workspace_id, found))
        return found
