"""
What comes with the request for a campaign: a file, numbers, contacts.

Judged and stored a thousand at a time; the campaign is seen when all are.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import FieldError, NotFound
from sendyard.features.campaigns import queries as campaign_queries
from sendyard.features.campaigns.audience import queries
from sendyard.features.campaigns.audience.queries import PersonRow
from sendyard.features.campaigns.audience.rows import Judge, Recipient
from sendyard.features.campaigns.audience.spreadsheet import Spreadsheet, WorkbookSheet, refused
from sendyard.features.campaigns.audience.variables import ContactVariables
from sendyard.features.people.queries import team_addresses
from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction

ROWS_AT_ONCE = 1000

_decode = msgspec.json.Decoder(dict[str, str]).decode
_encode = msgspec.json.Encoder().encode


@contextlib.asynccontextmanager
async def whole_or_nothing(database: Database, campaign_id: str) -> AsyncIterator[None]:
    """Let a campaign be seen at the end of the block; when the block fails, remove what there is of it."""
    try:
        yield
    except BaseException:
        await asyncio.shield(forget_import(database, campaign_id))
        raise
    await database.write(lambda tx: campaign_queries.finish_import(tx, campaign_id))


class Given:
    """
    Keeps what one request brings for one campaign, in rows that count on from the file's.

    `required` are variables that contacts must fill in, as long as they are not in the row; `team_only` refuses
    everybody else.
    """

    def __init__(
        self,
        database: Database,
        workspace_id: str,
        campaign_id: str,
        channel: Channel,
        judge: Judge,
        variables: ContactVariables,
        required: Iterable[str],
    ) -> None:
        """Take whose rows they are, who judges them, and which variables contacts fill in and must have."""
        self._database = database
        self._place = (workspace_id, campaign_id)
        self._channel = channel
        self._judge = judge
        self._variables = variables
        self.required = tuple(required)
        self.team_only = False
        self.last_row = 1

    async def file(self, sheet: Spreadsheet | WorkbookSheet) -> None:
        """
        Judge and store every row of a file.

        Raises:
            Invalid: there is no row, or the quotes of one are not in order.
        """
        recipients = itertools.starmap(self._judge.judge, sheet.rows())
        while chunk := await asyncio.to_thread(_next, recipients):
            await self._store(chunk)
        if not self._judge.good + self._judge.refused.total():
            raise refused("empty_file", "Expected rows below the header, found none.")

    async def numbers(self, given: Sequence[str]) -> None:
        """Judge and store numbers as somebody wrote them."""
        first = self.last_row + 1
        recipients = (self._judge.judge_given(first + place, number) for place, number in enumerate(given))
        while chunk := await asyncio.to_thread(_next, recipients):
            await self._store(chunk)

    async def contacts(self, contact_ids: Sequence[str]) -> None:
        """
        Store contacts.

        Raises:
            NotFound: one of them is not there.
        """
        wanted = list(dict.fromkeys(contact_ids))
        for start in range(0, len(wanted), ROWS_AT_ONCE):
            await self._store(await self._people(wanted[start : start + ROWS_AT_ONCE]))

    async def _people(self, wanted: Sequence[str]) -> list[Recipient]:
        workspace_id = self._place[0]
        found = await self._database.read(
            lambda tx: queries.people_by_id(tx, workspace_id, wanted, self._channel, self._variables.columns)
        )
        missing = next((id_ for id_ in wanted if id_ not in found), None)
        if missing is not None:
            detail = f"There is no contact {missing!r:.60}."
            raise NotFound("unknown_contact", detail, errors=[FieldError("/audience/contacts", "unknown_contact",
                                                                         detail)])  # fmt: skip
        first = self.last_row + 1
        return [
            recipient_of(first + place, person, self._channel, self._judge)
            for place, person in enumerate(found[id_] for id_ in wanted)
        ]

    async def _store(self, chunk: Sequence[Recipient]) -> None:
        workspace_id = self._place[0]

        def store(tx: Transaction) -> None:
            people = queries.people_at(
                tx,
                workspace_id,
                [row.address for row in chunk if row.address],
                self._channel,
                self._variables.columns,
            )
            whole = [completed(row, people.get(row.address), self._variables, self.required) for row in chunk]
            if self.team_only:
                whole = only_team(tx, workspace_id, whole)
            self.keep(tx, whole)

        await self._database.write(store)
        self.last_row = chunk[-1].row

    def keep(self, tx: Transaction, rows: Sequence[Recipient]) -> None:
        """Store rows that were judged, in the transaction that looked their people up."""
        queries.insert_recipients(tx, *self._place, rows)


def recipient_of(row: int, person: PersonRow, channel: Channel, judge: Judge) -> Recipient:
    """Judge a contact by the address that a channel reaches; its values are filled in by `completed`."""
    if person.address is None:
        detail = f"The contact has no address that {channel.value} reaches; add one, or choose another channel."
        return Recipient(row, person.name, "", "", "{}", "no_identity", detail, "", contact_no=person.no)
    return judge.judge_given(row, person.address)._replace(contact_no=person.no)


def completed(
    row: Recipient, person: PersonRow | None, variables: ContactVariables, required: Sequence[str]
) -> Recipient:
    """Fill in what the contact knows and the row does not; without a value that must be there it is refused."""
    if not row.address:
        return row
    if person is None and not required:
        return row
    values = _decode(row.variables)
    if person is not None:
        values = {**variables.of(person), **values}
    missing = [name for name in required if not values.get(name, "").strip()]
    if missing:
        named = ", ".join("{" + name + "}" for name in missing)
        detail = f"Expected a value for {named}, found none: the contact has none. Fill it in, or give a default."
        return row._replace(address="", variables="{}", code="missing_value", detail=detail)
    if person is None:
        return row
    return row._replace(
        variables=_encode(values).decode(), language=person.language, zone=person.zone, contact_no=person.no
    )


def only_team(tx: Transaction, workspace_id: str, rows: Sequence[Recipient]) -> list[Recipient]:
    """Refuse everybody who is not in the workspace's team."""
    team = team_addresses(tx, workspace_id)
    detail = "This campaign was made with a team key, which reaches only people of the team; add the person to it."
    return [
        row._replace(address="", variables="{}", code="not_in_team", detail=detail)
        if row.address and row.address not in team
        else row
        for row in rows
    ]


async def copy_failed(database: Database, source_id: str, target_id: str) -> int:
    """Copy the rows of those who got nothing and may get it now; returns how many."""
    last = await database.read(lambda tx: queries.last_row(tx, source_id))
    return sum([await _copy(database, source_id, target_id, after) for after in range(0, last, ROWS_AT_ONCE)])


async def forget_import(database: Database, campaign_id: str) -> None:
    """Remove everything of an import that did not reach its end."""
    while await database.write(lambda tx: campaign_queries.forget_import(tx, campaign_id, limit=ROWS_AT_ONCE)):
        pass


def _next(recipients: Iterator[Recipient]) -> list[Recipient]:
    return list(itertools.islice(recipients, ROWS_AT_ONCE))


async def _copy(database: Database, source_id: str, target_id: str, after: int) -> int:
    up_to = after + ROWS_AT_ONCE
    return await database.write(lambda tx: queries.copy_failed(tx, source_id, target_id, after=after, up_to=up_to))
