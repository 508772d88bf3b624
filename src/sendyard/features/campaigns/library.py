"""
Campaigns by their id: made, changed, checked, started, stopped, followed.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import Forecast
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import Conflict, FieldError, Invalid
from sendyard.domain.status import CampaignStatus, MessageStatus
from sendyard.features.campaigns import queries
from sendyard.features.campaigns.audience.importing import copy_failed, whole_or_nothing
from sendyard.features.campaigns.creating import Brought, Creating
from sendyard.features.campaigns.documents import campaign_document, whole_document
from sendyard.features.campaigns.expansion import CANCEL_CHUNK
from sendyard.features.campaigns.experiments.foretelling import foretell_each
from sendyard.features.campaigns.experiments.queries import copy_variants
from sendyard.features.campaigns.experiments.terms import Variant
from sendyard.features.campaigns.finding import allow, find
from sendyard.features.campaigns.outcomes.progress import Progress
from sendyard.features.campaigns.outcomes.results import Results
from sendyard.features.campaigns.oversight.balances import AskBalance, with_balance
from sendyard.features.campaigns.plan import Plan, read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.scheduling.launching import (
    LONGEST_NAME,
    Launcher,
    begin_pace,
    copied,
    first_moment,
)
from sendyard.features.campaigns.wishes import Wish
from sendyard.ledger.cancel import cancel_campaign
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

ROW_STATUSES = ("refused", "waiting", *(status.value for status in MessageStatus))
"""What `recipients` can be asked for: rows left out, rows without a message yet, and every status of a message."""


class Campaigns:
    """The campaigns of every workspace."""

    def __init__(self, database: Database, directory: Directory, *, balance: AskBalance | None = None) -> None:
        """Take where rows are, the accounts and routes, and what asks providers for the credit left."""
        self._balance = balance
        self._database = database
        self._directory = directory
        self._progress = Progress(database, directory)
        self._results = Results(database, directory)
        self._creating = Creating(database, directory)
        self._launcher = Launcher(database, directory)

    async def create(
        self,
        workspace_id: str,
        *,
        name: str,
        template_code: str | None = None,
        text: str | None = None,
        csv: bytes | None = None,
        channel: str = Channel.SMS,
        purpose: str = Purpose.PROMOTIONAL,
        country: str = "",
        sender: str = "",
        account: str = "",
        expires_in: int = 86_400,
        phone_column: str = "",
        plan: Plan | None = None,
        numbers: Sequence[str] = (),
        contacts: Sequence[str] = (),
        contact_fields: bool = False,
        variants: Sequence[Variant] = (),
        start: bool = False,
        by: str = "",
        reach: str = "all",
    ) -> dict[str, Any]:
        """
        Make a draft: everybody who comes with the request is judged and kept, and nothing edited later changes it.

        With lists or segments it is `preparing` until the loop has found their people, then a draft. Gives the
        document of `get` with `suppressed`, the number of good rows whose people must not be contacted (they are
        looked at again at the start), and for a file `encoding`, `separator` and `columns` as they were found.

        Args:
            workspace_id: whose campaign it is.
            name: what people call it.
            template_code: the template whose newest version is sent.
            text: or a text for this campaign alone; `{name}` stands for a column, or a field of contacts.
            csv: the file, see `docs/campaigns.md`; CSV or XLSX.
            channel: what recipients get.
            purpose: transactional or promotional.
            country: ISO 3166 code by which national numbers are read, and the first guess at the encoding.
            sender: what recipients see; "" for the account's own.
            account: id or name of the account that carries it; "" lets its routes decide.
            expires_in: seconds a message may wait after its moment has come.
            phone_column: the column of the numbers, when its name does not tell.
            plan: lists, segments, times, pace and the rest; `audience` by ids or names.
            numbers: recipients as somebody wrote them.
            contacts: ids of contacts.
            contact_fields: let contacts fill in the variables a file has no column for.
            variants: of an experiment, whose terms are in the plan: its texts, instead of `template_code` or `text`.
            start: start it as soon as it can be.
            by: who makes it: the id of a key, or a person's name.
            reach: all, or team or test: whom the key may reach that makes it.

        Raises:
            Invalid: something given, or the file as a whole, cannot be used; bad rows are no error.
            NotFound: there is no such template, list, segment or contact.
        """
        wish = Wish(name=name, template_code=template_code, text=text, channel=channel, purpose=purpose,
                    country=country.strip().upper(), sender=sender, account=account,
                    expires_in=expires_in)  # fmt: skip
        brought = Brought(csv=csv, numbers=numbers, contacts=contacts, phone_column=phone_column,
                          contact_fields=contact_fields, variants=variants)  # fmt: skip
        campaign_id, told = await self._creating.create(
            workspace_id, wish, plan or Plan(), brought, start=start, by=by, reach=reach
        )
        if start:
            await self.start(workspace_id, campaign_id, by=by, reach=reach)
        return {**await self.get(workspace_id, campaign_id), **told}

    async def get(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """
        Give one campaign with its text and what became of the rows of its file; times are milliseconds.

        Raises:
            NotFound: there is no such campaign.
        """
        return await whole_document(self._database, workspace_id, campaign_id)

    async def preflight(self, workspace_id: str, campaign_id: str) -> Forecast:
        """
        Say what a start now would do, from every row: checks, parts, cost, the end, and samples as they would arrive.

        Raises:
            NotFound: there is no such campaign.
            Conflict: its people are still being looked for.
        """
        campaign = await find(self._database, workspace_id, campaign_id)
        if campaign.gathering:
            raise Conflict("still_preparing", "Its people are still being looked for; ask again in a moment.")
        found = await foretell_each(self._database, self._directory, campaign)
        return found if self._balance is None else await with_balance(self._balance, workspace_id, found)

    async def start(self, workspace_id: str, campaign_id: str, *, by: str = "", reach: str = "all") -> dict[str, Any]:
        """
        Let it go, now or at its time; starting again what is under way changes nothing.

        While its people are still being looked for, it starts as soon as they are found. Where a second person has to
        approve, it stays a draft whose `approval` says so.

        Raises:
            Invalid: nobody would get anything (the detail is the first check of `preflight` that says so), its time
                has passed, or its budget cannot be kept.
            NotFound: there is no such campaign.
            Forbidden: the key may not reach whom it reaches.
            Conflict: it is paused (resume it) or over.
        """
        campaign = await find(self._database, workspace_id, campaign_id)
        allow(campaign, reach)
        if campaign.gathering and campaign.status == CampaignStatus.PREPARING:
            wanted = by or "request"
            await self._database.write(lambda tx: queries.want_start(tx, workspace_id, campaign_id, wanted))
            return await self.get(workspace_id, campaign_id)
        if campaign.status == CampaignStatus.DRAFT:
            await self._launcher.start(campaign, by=by)
            campaign = await find(self._database, workspace_id, campaign_id)
            if campaign.status == CampaignStatus.DRAFT:
                return await self.get(workspace_id, campaign_id)
        return self._if(campaign, "started", CampaignStatus.PREPARING, CampaignStatus.SENDING, CampaignStatus.SCHEDULED)

    async def pause(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """
        Let nothing more be handed over; requests that are open end. Pausing again changes nothing.

        Raises:
            NotFound: there is no such campaign.
            Conflict: it is not under way.
        """
        await self._database.write(lambda tx: queries.pause(tx, workspace_id, campaign_id, "Paused by hand."))
        return self._if(await find(self._database, workspace_id, campaign_id), "paused", CampaignStatus.PAUSED)

    async def resume(self, workspace_id: str, campaign_id: str, *, reach: str = "all") -> dict[str, Any]:
        """
        Go on where it stopped; resuming again changes nothing. One that waited for its time waits again.

        Raises:
            NotFound: there is no such campaign.
            Forbidden: the key may not reach whom it reaches.
            Conflict: it was never started, or is over.
        """
        campaign = await find(self._database, workspace_id, campaign_id)
        allow(campaign, reach)
        plan, now = read_plan(campaign.plan), now_ms()
        at = None
        if campaign.started_at is None and not campaign.gathering:
            try:
                at = first_moment(plan, now=now)
            except Invalid:
                at = None  # its time has passed, and somebody says so: now

        def go_on(tx: Transaction) -> None:
            if at is not None:
                queries.schedule_again(tx, workspace_id, campaign_id, at)
            elif queries.resume(tx, workspace_id, campaign_id, now=now) and not campaign.gathering:
                begin_pace(tx, campaign, plan, now=now)

        await self._database.write(go_on)
        return self._if(
            await find(self._database, workspace_id, campaign_id),
            "resumed",
            CampaignStatus.PREPARING,
            CampaignStatus.SENDING,
            CampaignStatus.SCHEDULED,
        )

    async def cancel(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """
        End it for good; what was handed over stays so. Cancelling again changes nothing.

        The first messages are cancelled at once, the others within seconds by the loop.

        Raises:
            NotFound: there is no such campaign.
            Conflict: it is over already.
        """
        now = now_ms()
        await self._database.write(lambda tx: queries.cancel(tx, workspace_id, campaign_id, now=now))
        found = self._if(await find(self._database, workspace_id, campaign_id), "cancelled", CampaignStatus.CANCELLED)
        await self._database.write(
            lambda tx: cancel_campaign(tx, workspace_id, campaign_id, now=now, limit=CANCEL_CHUNK)
        )
        return found

    async def progress(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """Count what there is now, see `Progress.of`. Raises NotFound."""
        return await self._progress.of(await find(self._database, workspace_id, campaign_id))

    async def recipients(
        self, workspace_id: str, campaign_id: str, *, after_row: int = 0, limit: int = 100, status: str | None = None
    ) -> list[dict[str, Any]]:
        """
        Give rows of the file after the row `after_row`, each with what became of it.

        Raises:
            Invalid: `status` is none of `ROW_STATUSES`.
            NotFound: there is no such campaign.
        """
        if status is not None and status not in ROW_STATUSES:
            detail = f"Expected one of {', '.join(ROW_STATUSES)}, found {status!r:.40}."
            raise Invalid("bad_status", detail, errors=[FieldError("/status", "bad_status", detail)])
        campaign = await find(self._database, workspace_id, campaign_id)
        return await self._results.page(campaign, after_row=after_row, limit=limit, status=status or "")

    async def refused(
        self, workspace_id: str, campaign_id: str, *, after_row: int = 0, limit: int = 100
    ) -> list[dict[str, Any]]:
        """Give the rows that are left out, after the row `after_row`: row, given, code, detail. Raises NotFound."""
        found = await self.recipients(workspace_id, campaign_id, after_row=after_row, limit=limit, status="refused")
        return [{name: row[name] for name in ("row", "given", "code", "detail")} for row in found]

    async def results_csv(
        self, workspace_id: str, campaign_id: str, *, status: str | None = None
    ) -> AsyncIterator[bytes]:
        """
        Give every row, or those of one status, with its outcome as a CSV file, piece by piece; nothing runs in it.

        Raises:
            Invalid: `status` is none of `ROW_STATUSES`.
            NotFound: there is no such campaign; raised by the call itself, before the first piece.
        """
        _expect_status(status)
        return self._results.file(await find(self._database, workspace_id, campaign_id), status=status or "")

    async def retry_failed(self, workspace_id: str, campaign_id: str, *, by: str = "") -> dict[str, Any]:
        """
        Make a new draft, named "…, retry", of those who got nothing and may get it now.

        After an experiment each gets the text of the variant that was theirs. Left out are people whose number cannot
        receive messages or who opted out: another try ends alike.

        Raises:
            NotFound: there is no such campaign.
            Conflict: it is not over, or nobody is left to try again.
        """
        campaign = await find(self._database, workspace_id, campaign_id)
        if not CampaignStatus(campaign.status).is_final:
            detail = f"The campaign is {campaign.status}; wait until it is over, or cancel it first."
            raise Conflict("campaign_not_over", detail)
        name = f"{campaign.name[: LONGEST_NAME - len(_RETRY)]}{_RETRY}"
        plan = _once(read_plan(campaign.plan))
        values = copied(campaign, name=name, plan=plan, by=by, now=now_ms())
        retry_id = values["id"]
        values |= {"status": CampaignStatus.DRAFT.value, "gathering": "", "expanded_to": queries.IMPORTING}

        def insert(tx: Transaction) -> None:
            queries.insert_campaign(tx, values)
            if plan.kept_variants:
                copy_variants(tx, campaign_id, retry_id)

        await self._database.write(insert)
        async with whole_or_nothing(self._database, retry_id):
            if not await copy_failed(self._database, campaign_id, retry_id):
                raise Conflict("nobody_to_retry", "Nobody is left to try again: see the reasons of the failures.")
        return await self.get(workspace_id, retry_id)

    async def list(
        self, workspace_id: str, *, after: str = "", limit: int = 50, archived: bool = False, parent: str = ""
    ) -> list[dict[str, Any]]:
        """
        Give campaigns, newest first, before the id `after`; like `get`, without the numbers of rows.

        `archived` gives those that were put away instead; `parent` the runs of one repeating campaign.
        """
        found = await self._database.read(
            lambda tx: queries.campaigns(tx, workspace_id, after=after, limit=limit, archived=archived, parent=parent)
        )
        now = now_ms()
        return [campaign_document(campaign, now) for campaign in found]

    def _if(self, campaign: CampaignRow, done: str, *reached: CampaignStatus) -> dict[str, Any]:
        """Give the campaign when it is where it should be now; a small one may be over before anybody looks."""
        status = CampaignStatus(campaign.status)
        if status not in reached:
            raise Conflict("wrong_state", f"A campaign that is {status} cannot be {done}. {_NEXT[status]}")
        return campaign_document(campaign, now_ms())


def _expect_status(status: str | None) -> None:
    if status is not None and status not in ROW_STATUSES:
        detail = f"Expected one of {', '.join(ROW_STATUSES)}, found {status!r:.40}."
        raise Invalid("bad_status", detail, errors=[FieldError("/status", "bad_status", detail)])


def _once(plan: Plan) -> Plan:
    """The same without a time, a repetition, a comparison or people to look for: for those who are left."""
    kept = plan.kept_variants or plan.experiment is not None
    return msgspec.structs.replace(
        plan, when=Plan().when, repeat=None, audience=Plan().audience, waves=(), experiment=None, kept_variants=kept
    )


_RETRY = ", retry"
_NEXT = {
    CampaignStatus.DRAFT: "Start it first.",
    CampaignStatus.SCHEDULED: "It waits for its time; pause or cancel it.",
    CampaignStatus.PREPARING: "It is under way.",
    CampaignStatus.SENDING: "It is under way.",
    CampaignStatus.PAUSED: "Resume or cancel it.",
    CampaignStatus.COMPLETED: "It is over; create another.",
    CampaignStatus.COMPLETED_WITH_FAILURES: "It is over; retry those who failed, or create another.",
    CampaignStatus.CANCELLED: "It is over; create another.",
    CampaignStatus.FAILED: "It is over; create another.",
}
