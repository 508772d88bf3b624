"""
Looking for the people of a campaign: lists and segments become frozen rows, a page at a time.

Each page is one transaction that also notes how far it came, so a crash, a pause or a second process at any moment
neither skips anybody nor takes somebody twice. Contacts come in the order of their numbers and each once, whatever
lists and segments they are in; who came with the request, in a file or by hand, stays as given there.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import AppError
from sendyard.domain.template import Template
from sendyard.features.audience.fields import field_set
from sendyard.features.audience.labels import require_list
from sendyard.features.audience.segments.meaning import Either, Every, Marked, Test, Unless
from sendyard.features.audience.segments.store import Question, require_segment, understand
from sendyard.features.campaigns import queries as campaign_queries
from sendyard.features.campaigns.audience import queries
from sendyard.features.campaigns.audience.importing import completed, only_team, recipient_of
from sendyard.features.campaigns.audience.queries import PersonRow
from sendyard.features.campaigns.audience.rows import Judge, Recipient
from sendyard.features.campaigns.audience.variables import ContactVariables
from sendyard.features.campaigns.linking import of_people
from sendyard.features.campaigns.plan import Audience, read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.links import target_variables
from sendyard.features.templates.rendering import letters_of
from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction

PAGE = 1000
"""Contacts in one transaction: a one-time code that comes meanwhile waits for about 20 ms."""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """
    How far the search for people came.

    `now` is the moment at which segments are asked. Rows of `source` behind `copied` are still to be copied, up to
    `last`, unless it is ""; then contacts behind the number `after` are looked at; `row` is the last that was given.
    """

    now: int
    row: int
    source: str = ""
    copied: int = 0
    last: int = 0
    after: int = 0


_decode = msgspec.json.Decoder(Search).decode
_encode = msgspec.json.Encoder().encode


def begin_search(*, now: int, row: int, source: str = "", last: int = 0) -> str:
    """The first state of a search, as a campaign keeps it; `source` is a campaign whose given rows are copied first."""
    return _encode(Search(now=now, row=row, source=source, last=last)).decode()


def audience_test(tx: Transaction, workspace_id: str, audience: Audience, *, now: int) -> Test:
    """
    Say whom an audience finds, as a condition on one contact.

    Raises:
        NotFound: a list or segment is not there any more.
        Invalid: the filter of a segment names something that is not there any more.
    """

    def joined(lists: Sequence[str], segments: Sequence[str]) -> Test:
        found: list[Test] = [Marked(require_list(tx, workspace_id, name).no) for name in lists]
        for name in segments:
            question = Question(require_segment(tx, workspace_id, name).filter)
            found.append(understand(tx, workspace_id, question, now=now)[1])
        return Either(tuple(found))

    wanted = joined(audience.lists, audience.segments)
    if not audience.exclude_lists and not audience.exclude_segments:
        return wanted
    return Every((wanted, Unless(joined(audience.exclude_lists, audience.exclude_segments))))


class Gathering:
    """Looks for the people of campaigns. Any number of processes may do so."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def step(self, campaign: CampaignRow, *, page: int = PAGE) -> bool:
        """
        Take the next page; False when there is none: the audience is complete.

        Raises:
            AppError: a list, segment or field that it needs is gone.
        """
        search = _decode(campaign.gathering)
        if search.source:
            return await self._copy(campaign, search, page)
        if not read_plan(campaign.plan).audience.asks:
            return False
        return await self._look(campaign, search, page)

    async def _copy(self, campaign: CampaignRow, search: Search, page: int) -> bool:
        up_to = await self._database.read(
            lambda tx: queries.last_of_page(tx, search.source, after=search.copied, limit=page, last=search.last)
        )
        if up_to is None:
            after = msgspec.structs.replace(search, source="")
            await self._database.write(lambda tx: _note(tx, campaign, after))
            return True
        copied = msgspec.structs.replace(search, copied=up_to)

        def copy(tx: Transaction) -> bool:
            if _note(tx, campaign, copied):
                queries.copy_given(tx, search.source, campaign.id, after=search.copied, up_to=up_to)
            return True

        return await self._database.write(copy)

    async def _look(self, campaign: CampaignRow, search: Search, page: int) -> bool:
        channel = Channel(campaign.channel)
        letters = letters_of(campaign.body, campaign.document, campaign.registered)
        template, forms = letters.template, letters.forms
        named = (*template.variables, *(forms.variables if forms else ()))

        def read(tx: Transaction) -> tuple[ContactVariables, list[PersonRow], set[str], tuple[str, ...]] | AppError:
            try:
                test = audience_test(tx, campaign.workspace_id, read_plan(campaign.plan).audience, now=search.now)
            except AppError as error:
                return error
            linked = target_variables(tx, campaign.workspace_id, named)
            variables = ContactVariables((*of_people(named), *linked), field_set(tx, campaign.workspace_id))
            people = queries.people(
                tx, campaign.workspace_id, test, channel, variables.columns, after=search.after, limit=page
            )
            known = queries.taken(tx, campaign.id, (person.address for person in people if person.address))
            return variables, people, known, linked

        found = await self._database.read(read)
        if isinstance(found, AppError):
            raise found
        variables, people, known, linked = found
        if not people:
            return False
        new = [person for person in people if person.address not in known]
        shared = read_plan(campaign.plan).values
        needed = of_people((*template.required, *(forms.variables if forms else ()), *linked))
        required = tuple(name for name in needed if name not in shared)
        rows = await asyncio.to_thread(_rows, new, search.row + 1, channel, template, variables, required)
        after = msgspec.structs.replace(search, after=people[-1].no, row=search.row + len(rows))

        def store(tx: Transaction) -> bool:
            if _note(tx, campaign, after):
                kept = only_team(tx, campaign.workspace_id, rows) if campaign.reach == "team" else rows
                queries.insert_recipients(tx, campaign.workspace_id, campaign.id, kept)
            # Else it was stopped, or another process was quicker: the next look sees where it stands.
            return True

        return await self._database.write(store)


def _note(tx: Transaction, campaign: CampaignRow, search: Search) -> bool:
    return campaign_queries.gathered(tx, campaign.id, known=campaign.gathering, progress=_encode(search).decode())


def _rows(
    people: Sequence[PersonRow],
    first: int,
    channel: Channel,
    template: Template,
    variables: ContactVariables,
    required: Sequence[str],
) -> list[Recipient]:
    judge = Judge(None, template, "", channel)
    return [
        completed(recipient_of(first + place, person, channel, judge), person, variables, required)
        for place, person in enumerate(people)
    ]
