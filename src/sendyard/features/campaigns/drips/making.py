"""
From a request to a drip: its texts are frozen, and who came along is judged and kept.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.domain.channels import Channel
from sendyard.domain.errors import NotFound
from sendyard.features.audience.segments.store import require_segment
from sendyard.features.campaigns.audience.columns import Columns, map_columns
from sendyard.features.campaigns.audience.importing import Given
from sendyard.features.campaigns.audience.rows import Judge, Recipient
from sendyard.features.campaigns.audience.spreadsheet import Spreadsheet, WorkbookSheet, open_spreadsheet
from sendyard.features.campaigns.creating import Creating
from sendyard.features.campaigns.drips import queries
from sendyard.features.campaigns.drips.entering import enter, expect_few
from sendyard.features.campaigns.drips.plan import DripPlan, InGroup, check_drip, store_drip
from sendyard.features.campaigns.drips.queries import DripRow, RoundRow
from sendyard.features.campaigns.drips.texts import Needs, StepText, expect_fields, insert_steps, needs_of, texts_of
from sendyard.features.campaigns.experiments.composing import together
from sendyard.features.campaigns.oversight.prices import expect_prices
from sendyard.features.campaigns.wishes import Wish
from sendyard.features.links import is_link_variable
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

_AT_ONCE = 1000
Sheet = Spreadsheet | WorkbookSheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Along:
    """Who comes with the request itself: a file, numbers, contacts; see `Campaigns.create`."""

    csv: bytes | None = None
    numbers: Sequence[str] = ()
    contacts: Sequence[str] = ()
    phone_column: str = ""
    contact_fields: bool = False


class Making:
    """Makes drips; see `Drips.create`."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and the accounts."""
        self._database = database
        self._directory = directory
        self._creating = Creating(database, directory)

    async def make(
        self, wish: Wish, workspace_id: str, plan: DripPlan, along: Along, *, by: str, reach: str
    ) -> tuple[DripRow, dict[str, Any]]:
        """
        Make a draft; gives it, and how a file was read. `wish` is what all steps have in common.

        Raises:
            Invalid: something given is not usable.
            NotFound: there is no such template, list, segment or contact.
        """
        check_drip(plan, wish.channel)
        expect_few(along.numbers, along.contacts)
        expect_prices(self._directory, workspace_id, plan.budget)
        wishes, texts = await self.texts(workspace_id, plan, wish)
        plan = await self.resolved(workspace_id, plan)
        needs = await self._database.read(lambda tx: needs_of(tx, workspace_id, [text.letters for text in texts]))
        if along.csv is None and (along.numbers or along.contacts):
            expect_fields(needs)
        sheet, columns = await _opened(along, wish.country, texts, needs)
        now = now_ms()
        values: dict[str, Any] = {
            "id": new_id(),
            "workspace_id": workspace_id,
            "name": wish.name.strip(),
            "status": "importing",
            "plan": store_drip(plan),
            "channel": Channel(wish.channel).value,
            "purpose": wish.purpose,
            "country": wish.country,
            "reach": reach,
            "created_by": by,
            "created_at": now,
        }
        drip = queries.new_drip(values)
        await self._database.write(lambda tx: queries.insert_drip(tx, values))
        async with self._whole_or_nothing(drip.id):
            given = _GivenToDrip(self._database, drip, Judge(columns, together([one.letters.template for one in texts]),
                                                             wish.country, Channel(wish.channel)), needs)  # fmt: skip
            in_file = columns.variables if columns else {}
            given.required = tuple(name for name in needs.required if name not in in_file)
            if sheet is not None:
                await given.file(sheet)
            given.required = needs.required
            await given.numbers(along.numbers)
            await given.contacts(along.contacts)
            first = RoundRow(1, 1, 1, drip.plan, now, by)

            def finish(tx: Transaction) -> None:
                insert_steps(tx, drip, first, wishes, texts)
                queries.finish_import(tx, drip.id)

            await self._database.write(finish)
        return drip._replace(status="draft"), _told(sheet, columns)

    async def texts(self, workspace_id: str, plan: DripPlan, wish: Wish) -> tuple[list[Wish], list[StepText]]:
        """
        Find what each step sends, and how.

        Raises:
            Invalid: a text, sender or account is not usable; the step is named.
            NotFound: there is no such template.
        """
        wishes = [
            Wish(
                name=wish.name,
                template_code=step.template,
                text=step.text,
                channel=step.channel or wish.channel,
                purpose=wish.purpose,
                country=wish.country,
                sender=step.sender if step.sender is not None else _own(wish.sender, step.channel, wish.channel),
                account=step.account if step.account is not None else _own(wish.account, step.channel, wish.channel),
                expires_in=wish.expires_in,
            )
            for step in plan.steps
        ]
        return wishes, await texts_of(self._database, self._directory, workspace_id, plan, wishes)

    async def resolved(self, workspace_id: str, plan: DripPlan) -> DripPlan:
        """
        The same by ids, so that other names change nothing.

        Raises:
            NotFound: a list or segment is not there.
        """
        audience = await self._creating.resolved(workspace_id, plan.audience)

        def ids(tx: Transaction) -> DripPlan | NotFound:
            try:
                exits = tuple(
                    InGroup(segment=require_segment(tx, workspace_id, one.segment).id)
                    if isinstance(one, InGroup) and one.segment
                    else one
                    for one in plan.exit
                )
            except NotFound as error:
                return error
            return msgspec.structs.replace(plan, audience=audience, exit=exits)

        found = await self._database.read(ids)
        if isinstance(found, NotFound):
            raise found
        return found

    @contextlib.asynccontextmanager
    async def _whole_or_nothing(self, drip_id: str) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:
            await asyncio.shield(forget(self._database, drip_id))
            raise


async def forget(database: Database, drip_id: str) -> None:
    """Remove everything of a drip whose people were not read to the end."""
    while await database.write(lambda tx: queries.forget_import(tx, drip_id, limit=_AT_ONCE)):
        pass


class _GivenToDrip(Given):
    """Keeps who comes with the request in the drip, numbered in their order."""

    def __init__(self, database: Database, drip: DripRow, judge: Judge, needs: Needs) -> None:
        super().__init__(database, drip.workspace_id, drip.id, Channel(drip.channel), judge, needs.variables, ())
        self.team_only = drip.reach == "team"
        self._drip = drip

    def keep(self, tx: Transaction, rows: Sequence[Recipient]) -> None:
        # Before its start nobody has a moment, so where the workspace is at home does not matter.
        enter(tx, self._drip, rows, home="", now=self._drip.created_at)


async def _opened(
    along: Along, country: str, texts: Sequence[StepText], needs: Needs
) -> tuple[Sheet | None, Columns | None]:
    if along.csv is None:
        return None, None
    sheet = await asyncio.to_thread(open_spreadsheet, along.csv, country)
    template = together([text.letters.template for text in texts])
    names = [*needs.variables.known, *needs.variables.unknown]
    columns = map_columns(
        sheet.header,
        template,
        phone_column=along.phone_column,
        also=[name for name in names if name not in template.variables],
        filled={
            *(needs.variables.known if along.contact_fields else ()),
            *filter(is_link_variable, template.variables),
        },
    )
    return sheet, columns


def _told(sheet: Sheet | None, columns: Columns | None) -> dict[str, Any]:
    if sheet is None or columns is None:
        return {}
    return {
        "encoding": sheet.encoding,
        "separator": sheet.separator,
        "columns": {"phone": columns.phone_name, "variables": dict(columns.variable_names)},
    }


def _own(value: str, channel: str | None, usual: str) -> str:
    """A sender or account of the drip, which a step of another channel does not take over."""
    return value if channel is None or channel == usual else ""
