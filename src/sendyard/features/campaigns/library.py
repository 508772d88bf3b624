"""
Campaigns by their id: made from a file, checked, started, stopped, followed.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import Forecast
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import Conflict, FieldError, Invalid, NotFound
from sendyard.domain.status import CampaignStatus, MessageStatus
from sendyard.domain.template import compile_template
from sendyard.features.campaigns import queries
from sendyard.features.campaigns.columns import map_columns
from sendyard.features.campaigns.expansion import CANCEL_CHUNK
from sendyard.features.campaigns.importing import copy_failed, keep_rows, whole_or_nothing
from sendyard.features.campaigns.progress import Progress, rows_document
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.rehearsal import rehearse, worst
from sendyard.features.campaigns.results import Results
from sendyard.features.campaigns.rows import Judge
from sendyard.features.campaigns.spreadsheet import open_spreadsheet
from sendyard.features.campaigns.wishes import LONGEST_NAME, Wish
from sendyard.features.templates.registered import forms_of
from sendyard.ledger.cancel import cancel_campaign
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

ROW_STATUSES = ("refused", "waiting", *(status.value for status in MessageStatus))
"""What `recipients` can be asked for: rows left out, rows without a message yet, and every status of a message."""


class Campaigns:
    """The campaigns of every workspace."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and the accounts and routes."""
        self._database = database
        self._directory = directory
        self._progress = Progress(database, directory)
        self._results = Results(database, directory)

    async def create(
        self,
        workspace_id: str,
        *,
        name: str,
        template_code: str | None = None,
        text: str | None = None,
        csv: bytes,
        channel: str = Channel.SMS,
        purpose: str = Purpose.PROMOTIONAL,
        country: str = "",
        sender: str = "",
        account: str = "",
        expires_in: int = 86_400,
        phone_column: str = "",
    ) -> dict[str, Any]:
        """
        Make a draft from a file: every row is judged and kept, and nothing that is edited later changes it.

        Gives the document of `get` with `encoding`, `separator` and `columns` as they were found, and `suppressed`,
        the number of good rows whose people must not be contacted (they are looked at again at the start).

        Args:
            workspace_id: whose campaign it is.
            name: what people call it.
            template_code: the template whose newest version is sent.
            text: or a text for this campaign alone; `{name}` stands for a column.
            csv: the file, see `docs/campaigns.md`.
            channel: what recipients get.
            purpose: transactional or promotional.
            country: ISO 3166 code by which national numbers are read, and the first guess at the encoding.
            sender: what recipients see; "" for the account's own.
            account: id or name of the account that carries it; "" lets its routes decide.
            expires_in: seconds a message may wait after it was prepared.
            phone_column: the column of the numbers, when its name does not tell.

        Raises:
            Invalid: something given, or the file as a whole, cannot be used; bad rows are no error.
            NotFound: there is no such template.
        """
        country = country.strip().upper()
        Wish(name=name, template_code=template_code, text=text, channel=channel, purpose=purpose, country=country,
             sender=sender, account=account, expires_in=expires_in).check()  # fmt: skip
        version = None if template_code is None else await self._version(workspace_id, template_code)
        body = version[1] if version else text or ""
        template = compile_template(body)
        forms = forms_of(version[2]) if version else None
        account = self._account_id(workspace_id, account)
        sheet = await asyncio.to_thread(open_spreadsheet, csv, country)
        columns = map_columns(sheet.header, template, phone_column=phone_column, also=forms.variables if forms else ())
        campaign_id = new_id()
        now = now_ms()

        def begin(tx: Transaction) -> None:
            if version:
                version_id = version[0]
            else:
                version_id = queries.insert_unlisted_version(tx, workspace_id, campaign_id, body, now=now)
            queries.insert_campaign(tx, campaign_id, workspace_id, version_id=version_id, name=name.strip(),
                                    channel=Channel(channel), purpose=Purpose(purpose), sender=sender,
                                    account=account, country=country, expires_in=expires_in, now=now)  # fmt: skip

        await self._database.write(begin)
        async with whole_or_nothing(self._database, campaign_id):
            await keep_rows(
                self._database, workspace_id, campaign_id, sheet, Judge(columns, template, country, Channel(channel))
            )
        suppressed = await self._database.read(lambda tx: queries.suppressed_count(tx, campaign_id, Channel(channel)))
        return {
            **await self.get(workspace_id, campaign_id),
            "encoding": sheet.encoding,
            "separator": sheet.separator,
            "columns": {"phone": columns.phone_name, "variables": dict(columns.variable_names)},
            "suppressed": suppressed,
        }

    async def get(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """
        Give one campaign with its text and what became of the rows of its file; times are milliseconds.

        Raises:
            NotFound: there is no such campaign.
        """
        campaign = await self._find(workspace_id, campaign_id)
        rows = await self._database.read(lambda tx: queries.refusals(tx, campaign_id))
        return {**_document(campaign), **rows_document(rows)}

    async def preflight(self, workspace_id: str, campaign_id: str) -> Forecast:
        """
        Say what a start now would do, from every row: checks, parts, cost, the end, and samples as they would arrive.

        Raises:
            NotFound: there is no such campaign.
        """
        return await rehearse(self._database, self._directory, await self._find(workspace_id, campaign_id))

    async def start(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """
        Begin to prepare and send; starting again what is under way changes nothing.

        Raises:
            Invalid: nobody would get anything; the detail is the first check of `preflight` that says so.
            NotFound: there is no such campaign.
            Conflict: it is paused (resume it) or over.
        """
        campaign = await self._find(workspace_id, campaign_id)
        if campaign.status == CampaignStatus.DRAFT:
            forbids = worst(await rehearse(self._database, self._directory, campaign, until_somebody=True))
            if forbids is not None:
                detail = f"Nobody would get this message. {forbids.detail} {forbids.fix}"
                raise Invalid("nobody_reachable", detail, errors=[FieldError("", forbids.check, forbids.detail)])
            now = now_ms()
            await self._database.write(lambda tx: queries.start(tx, workspace_id, campaign_id, now=now))
            campaign = await self._find(workspace_id, campaign_id)
        return self._if(campaign, "started", CampaignStatus.PREPARING, CampaignStatus.SENDING)

    async def pause(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """
        Let nothing more be handed over; requests that are open end. Pausing again changes nothing.

        Raises:
            NotFound: there is no such campaign.
            Conflict: it is not under way.
        """
        await self._database.write(lambda tx: queries.pause(tx, workspace_id, campaign_id, "Paused by hand."))
        return self._if(await self._find(workspace_id, campaign_id), "paused", CampaignStatus.PAUSED)

    async def resume(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """
        Go on where it stopped; resuming again changes nothing.

        Raises:
            NotFound: there is no such campaign.
            Conflict: it was never started, or is over.
        """
        await self._database.write(lambda tx: queries.resume(tx, workspace_id, campaign_id))
        campaign = await self._find(workspace_id, campaign_id)
        return self._if(campaign, "resumed", CampaignStatus.PREPARING, CampaignStatus.SENDING)

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
        found = self._if(await self._find(workspace_id, campaign_id), "cancelled", CampaignStatus.CANCELLED)
        await self._database.write(
            lambda tx: cancel_campaign(tx, workspace_id, campaign_id, now=now, limit=CANCEL_CHUNK)
        )
        return found

    async def progress(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """Count what there is now, see `Progress.of`. Raises NotFound."""
        return await self._progress.of(await self._find(workspace_id, campaign_id))

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
        campaign = await self._find(workspace_id, campaign_id)
        return await self._results.page(campaign, after_row=after_row, limit=limit, status=status or "")

    async def refused(
        self, workspace_id: str, campaign_id: str, *, after_row: int = 0, limit: int = 100
    ) -> list[dict[str, Any]]:
        """Give the rows that are left out, after the row `after_row`: row, given, code, detail. Raises NotFound."""
        found = await self.recipients(workspace_id, campaign_id, after_row=after_row, limit=limit, status="refused")
        return [{name: row[name] for name in ("row", "given", "code", "detail")} for row in found]

    async def results_csv(self, workspace_id: str, campaign_id: str) -> AsyncIterator[bytes]:
        """
        Give every row with its outcome as a CSV file, piece by piece; nothing in it runs as a formula.

        Raises:
            NotFound: there is no such campaign; raised by the call itself, before the first piece.
        """
        return self._results.file(await self._find(workspace_id, campaign_id))

    async def retry_failed(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """
        Make a new draft, named "…, retry", of those who got nothing and may get it now.

        Left out are people whose number cannot receive messages or who opted out: another try ends alike.

        Raises:
            NotFound: there is no such campaign.
            Conflict: it is not over, or nobody is left to try again.
        """
        campaign = await self._find(workspace_id, campaign_id)
        if not CampaignStatus(campaign.status).is_final:
            detail = f"The campaign is {campaign.status}; wait until it is over, or cancel it first."
            raise Conflict("campaign_not_over", detail)
        retry_id = new_id()
        name = f"{campaign.name[: LONGEST_NAME - len(_RETRY)]}{_RETRY}"
        now = now_ms()

        def begin(tx: Transaction) -> None:
            queries.insert_campaign(tx, retry_id, workspace_id, version_id=campaign.version_id, name=name,
                                    channel=campaign.channel, purpose=campaign.purpose, sender=campaign.sender,
                                    account=campaign.account, country=campaign.country,
                                    expires_in=campaign.expires_in, now=now)  # fmt: skip

        await self._database.write(begin)
        async with whole_or_nothing(self._database, retry_id):
            if not await copy_failed(self._database, campaign_id, retry_id):
                raise Conflict("nobody_to_retry", "Nobody is left to try again: see the reasons of the failures.")
        return await self.get(workspace_id, retry_id)

    async def list(self, workspace_id: str, *, after: str = "", limit: int = 50) -> list[dict[str, Any]]:
        """Give campaigns, newest first, before the id `after`; like `get`, without the numbers of rows."""
        found = await self._database.read(lambda tx: queries.campaigns(tx, workspace_id, after=after, limit=limit))
        return [_document(campaign) for campaign in found]

    async def _version(self, workspace_id: str, code: str) -> tuple[str, str, str]:
        found = await self._database.read(lambda tx: queries.newest_template(tx, workspace_id, code))
        if found is None:
            detail = f"There is no template {code!r:.80}; `sendyard templates list` shows those there are."
            raise NotFound("unknown_template", detail, errors=[FieldError("/template", "unknown_template", detail)])
        return found

    def _account_id(self, workspace_id: str, account: str) -> str:
        if not account:
            return ""
        try:
            return self._directory.require(workspace_id, account).id
        except NotFound as error:
            field = FieldError("/account", error.code, error.detail)
            raise Invalid(error.code, error.detail, errors=[field]) from None

    async def _find(self, workspace_id: str, campaign_id: str) -> CampaignRow:
        found = await self._database.read(lambda tx: queries.campaign(tx, workspace_id, campaign_id))
        if found is None:
            detail = f"There is no campaign {campaign_id!r:.80}; `sendyard campaign list` shows those there are."
            raise NotFound("unknown_campaign", detail)
        return found

    def _if(self, campaign: CampaignRow, done: str, *reached: CampaignStatus) -> dict[str, Any]:
        """Give the campaign when it is where it should be now; a small one may be over before anybody looks."""
        status = CampaignStatus(campaign.status)
        if status not in reached:
            raise Conflict("wrong_state", f"A campaign that is {status} cannot be {done}. {_NEXT[status]}")
        return _document(campaign)


_RETRY = ", retry"
_NEXT = {
    CampaignStatus.DRAFT: "Start it first.",
    CampaignStatus.SCHEDULED: "Start it first.",
    CampaignStatus.PREPARING: "It is under way.",
    CampaignStatus.SENDING: "It is under way.",
    CampaignStatus.PAUSED: "Resume or cancel it.",
    CampaignStatus.COMPLETED: "It is over; create another.",
    CampaignStatus.COMPLETED_WITH_FAILURES: "It is over; retry those who failed, or create another.",
    CampaignStatus.CANCELLED: "It is over; create another.",
    CampaignStatus.FAILED: "It is over; create another.",
}


def _document(campaign: CampaignRow) -> dict[str, Any]:
    listed = campaign.newest_version > 0
    return {
        "id": campaign.id,
        "name": campaign.name,
        "status": campaign.status,
        "template": campaign.code if listed else None,
        "template_version": campaign.version if listed else None,
        "text": campaign.body,
        "channel": campaign.channel,
        "purpose": campaign.purpose,
        "sender": campaign.sender,
        "country": campaign.country,
        "expires_in": campaign.expires_in,
        "pause_reason": campaign.pause_reason,
        "created_at": campaign.created_at,
        "started_at": campaign.started_at,
        "finished_at": campaign.finished_at,
    }
