"""
Changing campaigns that are there: another name, another time, a copy, away with it.
"""

from typing import Any

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import is_storable
from sendyard.domain.errors import Conflict, FieldError, Invalid
from sendyard.domain.status import CampaignStatus
from sendyard.features.campaigns import queries
from sendyard.features.campaigns.audience.importing import forget_import
from sendyard.features.campaigns.documents import whole_document
from sendyard.features.campaigns.experiments.queries import copy_variants
from sendyard.features.campaigns.experiments.texts import texts_of
from sendyard.features.campaigns.files import expect_files_fit
from sendyard.features.campaigns.finding import find
from sendyard.features.campaigns.oversight.approvals import withdraw
from sendyard.features.campaigns.oversight.prices import expect_prices
from sendyard.features.campaigns.plan import Plan, check_plan, read_plan, store_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.scheduling.launching import LONGEST_NAME, begin_pace, copied, first_moment
from sendyard.features.campaigns.wishes import Wish
from sendyard.features.templates.rendering import letters_of
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_ALWAYS = frozenset({"name", "throttle", "budget", "auto_pause"})  # may be changed while it is under way
_COPY = ", copy"


class Changes:
    """Changes the campaigns of every workspace."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and the accounts."""
        self._database = database
        self._directory = directory

    async def edit(
        self,
        workspace_id: str,
        campaign_id: str,
        changes: dict[str, Any],
        *,
        by: str = "",
    ) -> dict[str, Any]:
        """
        Change a draft: `name`, `sender`, `expires_in`, and the parts of its plan, files too, but its audience.

        `name`, `throttle`, `budget` and `auto_pause` can also be changed while it is under way. An approval that was
        given, or asked for, holds no more after a change of anything but the name.

        Raises:
            Invalid: a value is not usable.
            NotFound: there is no such campaign.
            Conflict: it is too late for that.
        """
        campaign = await find(self._database, workspace_id, campaign_id)
        status = CampaignStatus(campaign.status)
        late = sorted(changes.keys() - _ALWAYS)
        if status.is_final or (late and status is not CampaignStatus.DRAFT):
            named = ", ".join(late or changes)
            detail = f"A campaign that is {status} cannot have its {named} changed. Duplicate it and change the copy."
            raise Conflict("wrong_state", detail)
        columns, plan = _edited(campaign, changes)
        check_plan(plan)
        if "media" in changes:
            texts = (await texts_of(self._database, campaign)).values()
            letters = [letters_of(text.body, text.document, text.registered) for text in texts]
            expect_files_fit(campaign.channel, plan.media, letters)
        now = now_ms()
        if status is CampaignStatus.DRAFT:
            first_moment(plan, now=now)
        expect_prices(self._directory, workspace_id, plan.budget)

        def change(tx: Transaction) -> bool:
            values = {**columns, "plan": store_plan(plan)}
            if not queries.change(tx, workspace_id, campaign_id, values, known=campaign):
                return False
            if changes.keys() - {"name"}:
                withdraw(tx, campaign, by=by, now=now)
            if campaign.started_at is not None:
                begin_pace(tx, campaign, plan, now=now)
            return True

        if not await self._database.write(change):
            raise Conflict(
                "changed_meanwhile", "Somebody else changed the campaign just now; look at it and try again."
            )
        return await self._shown(workspace_id, campaign_id)

    async def duplicate(self, workspace_id: str, campaign_id: str, *, name: str = "", by: str = "") -> dict[str, Any]:
        """
        Make a new campaign that sends the same; lists and segments are asked anew, files and numbers copied.

        It is `preparing` until that is done, then a draft. A moment in the past is left out of the copy.

        Raises:
            Invalid: the name is not usable.
            NotFound: there is no such campaign.
        """
        campaign = await find(self._database, workspace_id, campaign_id)
        plan, now = read_plan(campaign.plan), now_ms()
        try:
            first_moment(plan, now=now)
        except Invalid:
            plan = msgspec.structs.replace(plan, when=Plan().when, repeat=None)
        called = _name(name) if name else f"{campaign.name[: LONGEST_NAME - len(_COPY)]}{_COPY}"
        values = copied(campaign, name=called, plan=plan, by=by, now=now)

        def insert(tx: Transaction) -> None:
            queries.insert_campaign(tx, values)
            copy_variants(tx, campaign.id, values["id"])

        await self._database.write(insert)
        return await self._shown(workspace_id, values["id"])

    async def delete(self, workspace_id: str, campaign_id: str) -> None:
        """
        Delete a draft with everything that belongs to it.

        Raises:
            NotFound: there is no such campaign.
            Conflict: it is no draft; what was started stays, and can be archived.
        """
        campaign = await find(self._database, workspace_id, campaign_id)
        if not await self._database.write(lambda tx: queries.begin_removal(tx, workspace_id, campaign_id)):
            detail = f"Only drafts can be deleted, and this campaign is {campaign.status}. Archive it when it is over."
            raise Conflict("not_a_draft", detail)
        await forget_import(self._database, campaign_id)

    async def archive(self, workspace_id: str, campaign_id: str, *, archived: bool = True) -> dict[str, Any]:
        """
        Put a campaign away so that lists do not show it, or take it back.

        Raises:
            NotFound: there is no such campaign.
            Conflict: it is under way.
        """
        campaign = await find(self._database, workspace_id, campaign_id)
        at = now_ms() if archived else None
        if not await self._database.write(lambda tx: queries.archive(tx, workspace_id, campaign_id, at)):
            detail = f"A campaign that is {campaign.status} cannot be archived; wait until it is over, or cancel it."
            raise Conflict("campaign_not_over", detail)
        return await self._shown(workspace_id, campaign_id)

    async def _shown(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        return await whole_document(self._database, workspace_id, campaign_id)


def _name(given: str) -> str:
    if not given.strip() or len(given) > LONGEST_NAME or not is_storable(given):
        detail = f"Expected a name of 1 to {LONGEST_NAME} ordinary characters, found {len(given)}."
        raise Invalid("bad_name", detail, errors=[FieldError("/name", "bad_name", detail)])
    return given.strip()


def _edited(campaign: CampaignRow, changes: dict[str, Any]) -> tuple[dict[str, Any], Plan]:
    """The columns and the plan of a campaign after a change. Raises Invalid."""
    columns: dict[str, Any] = {}
    if "name" in changes:
        columns["name"] = _name(changes["name"])
    if "sender" in changes or "expires_in" in changes:
        sender = changes.get("sender", campaign.sender)
        expires_in = changes.get("expires_in", campaign.expires_in)
        Wish(name=campaign.name, template_code=None, text="-", channel=campaign.channel, purpose=campaign.purpose,
             country=campaign.country, sender=sender, account="", expires_in=expires_in).check()  # fmt: skip
        columns |= {"sender": sender, "expires_in_seconds": expires_in}
    parts = {name: value for name, value in changes.items() if name in Plan.__struct_fields__}
    return columns, msgspec.structs.replace(read_plan(campaign.plan), **parts)
