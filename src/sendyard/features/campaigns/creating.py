"""
From a request to a campaign: the text is frozen, what came along is judged and kept, the rest is looked for.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.domain.channels import Channel
from sendyard.domain.errors import AppError, FieldError, Invalid, NotFound
from sendyard.domain.status import CampaignStatus
from sendyard.domain.template import Template, compile_template
from sendyard.features.audience.fields import field_set
from sendyard.features.audience.labels import require_list
from sendyard.features.audience.segments.store import require_segment
from sendyard.features.campaigns import queries
from sendyard.features.campaigns.audience.columns import Columns, map_columns
from sendyard.features.campaigns.audience.gathering import begin_search
from sendyard.features.campaigns.audience.importing import Given, whole_or_nothing
from sendyard.features.campaigns.audience.queries import suppressed_count
from sendyard.features.campaigns.audience.rows import Judge
from sendyard.features.campaigns.audience.spreadsheet import Spreadsheet, WorkbookSheet, open_spreadsheet
from sendyard.features.campaigns.audience.variables import STANDARD, ContactVariables
from sendyard.features.campaigns.experiments.composing import expect_links, together, wishes_of
from sendyard.features.campaigns.experiments.queries import insert_variants
from sendyard.features.campaigns.experiments.terms import Variant, even_shares
from sendyard.features.campaigns.files import expect_files_fit
from sendyard.features.campaigns.linking import of_people
from sendyard.features.campaigns.plan import Audience, Plan, Record, check_plan, store_plan
from sendyard.features.campaigns.scheduling.launching import first_moment
from sendyard.features.campaigns.wishes import Wish
from sendyard.features.links import Addresses, is_link_variable, target_variables
from sendyard.features.templates.records import Records
from sendyard.features.templates.registered import Forms
from sendyard.features.templates.rendering import Letters, letters_of
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

MOST_GIVEN = 10_000
"""Numbers, and contacts, that one request may name; more belong into a file or a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """
    What comes with the request itself: people, and the texts of an experiment.

    `contact_fields` lets contacts fill in what a file has no column for.
    """

    csv: bytes | None = None
    numbers: Sequence[str] = ()
    contacts: Sequence[str] = ()
    phone_column: str = ""
    contact_fields: bool = False
    variants: Sequence[Variant] = ()


@dataclass(frozen=True, slots=True)
class _Letter:
    """The text that is frozen: a version that is there, or a text for this campaign alone."""

    version_id: str
    body: str
    template: Template
    forms: Forms | None
    letters: Letters
    of_targets: tuple[str, ...] = ()  # variables of the pages that its short links lead to

    @property
    def named(self) -> tuple[str, ...]:
        return (*self.template.variables, *(self.forms.variables if self.forms else ()))

    @property
    def variables(self) -> tuple[str, ...]:
        return (*of_people(self.named), *self.of_targets)

    @property
    def required(self) -> tuple[str, ...]:
        from_forms = self.forms.variables if self.forms else ()
        return (*of_people((*self.template.required, *from_forms)), *self.of_targets)


class Creating:
    """Makes campaigns; see `Campaigns.create`."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and the accounts."""
        self._database = database
        self._directory = directory

    async def create(
        self, workspace_id: str, wish: Wish, plan: Plan, brought: Brought, *, start: bool, by: str, reach: str
    ) -> tuple[str, dict[str, Any]]:
        """Make a campaign; gives its id and what is told once: how the file was read, who must not be contacted."""
        wishes = wishes_of(wish, brought.variants, plan.experiment)
        check_plan(plan)
        now = now_ms()
        first_moment(plan, now=now)
        _expect_people(plan, brought)
        letters = [await self._linked(workspace_id, await self._letter(workspace_id, one)) for one in wishes]
        if plan.experiment is not None:
            expect_links(plan.experiment, [one.named for one in letters])
        expect_files_fit(wish.channel, plan.media, [one.letters for one in letters])
        letter = _joined(letters)
        plan = await self._with_record(workspace_id, plan, letter)
        plan, variables = await self._resolved(workspace_id, plan, letter, brought)
        account = self._account_id(workspace_id, wish.account)
        sheet, columns = await _opened(wish, brought, letter, frozenset(plan.values), variables)
        campaign_id = new_id()
        channel = Channel(wish.channel)

        def begin(tx: Transaction) -> None:
            version_ids = [
                one.version_id
                # Each text of its own needs a name that no other has; the first is called as it always was.
                or queries.insert_unlisted_version(
                    tx, workspace_id, f"{campaign_id}:{number}" if number else campaign_id, one.body, now=now
                )
                for number, one in enumerate(letters)
            ]
            values = {
                "id": campaign_id,
                "workspace_id": workspace_id,
                "name": wish.name.strip(),
                "status": CampaignStatus.DRAFT.value,
                "template_version_id": version_ids[0],
                "channel": channel.value,
                "purpose": wish.purpose,
                "sender": wish.sender,
                "account": account,
                "country": wish.country,
                "expires_in_seconds": wish.expires_in,
                "expanded_to": queries.IMPORTING,
                "created_at": now,
                "plan": store_plan(plan),
                "created_by": by,
                "reach": reach,
            }
            queries.insert_campaign(tx, values)
            shares = even_shares(brought.variants) if brought.variants else []
            rows = [
                (number, one.name, version_id, share)
                for number, (one, version_id, share) in enumerate(
                    zip(brought.variants, version_ids, shares, strict=False), start=1
                )
            ]
            insert_variants(tx, workspace_id, campaign_id, rows)

        await self._database.write(begin)
        async with whole_or_nothing(self._database, campaign_id):
            judge = Judge(columns, letter.template, wish.country, channel)
            # Of a file every column was looked for, so that only what contacts fill in can be missing.
            in_file = columns.variables if columns else {}
            personal = tuple(name for name in letter.required if name not in plan.values)
            required = tuple(name for name in personal if name not in in_file)
            given = Given(self._database, workspace_id, campaign_id, channel, judge, variables, required)
            given.team_only = reach == "team"
            if sheet is not None:
                await given.file(sheet)
            given.required = personal
            await given.numbers(brought.numbers)
            await given.contacts(brought.contacts)
            await self._database.write(
                lambda tx: _complete(tx, campaign_id, plan, given.last_row, start=start, by=by, now=now)
            )
        suppressed = await self._database.read(lambda tx: suppressed_count(tx, campaign_id, channel))
        told: dict[str, Any] = {"suppressed": suppressed}
        if sheet is not None and columns is not None:
            told |= {
                "encoding": sheet.encoding,
                "separator": sheet.separator,
                "columns": {"phone": columns.phone_name, "variables": dict(columns.variable_names)},
            }
        return campaign_id, told

    async def resolved(self, workspace_id: str, audience: Audience) -> Audience:
        """
        The same audience by ids, so that other names change nothing.

        Raises:
            NotFound: a list or segment is not there.
        """

        def ids(tx: Transaction) -> Audience | AppError:
            try:
                return Audience(
                    lists=tuple(require_list(tx, workspace_id, name).id for name in audience.lists),
                    segments=tuple(require_segment(tx, workspace_id, name).id for name in audience.segments),
                    exclude_lists=tuple(require_list(tx, workspace_id, name).id for name in audience.exclude_lists),
                    exclude_segments=tuple(
                        require_segment(tx, workspace_id, name).id for name in audience.exclude_segments
                    ),
                )
            except AppError as error:
                return error

        found = await self._database.read(ids)
        if isinstance(found, AppError):
            raise found
        return found

    async def _resolved(
        self, workspace_id: str, plan: Plan, letter: _Letter, brought: Brought
    ) -> tuple[Plan, ContactVariables]:
        audience = await self.resolved(workspace_id, plan.audience)
        fields = await self._database.read(lambda tx: field_set(tx, workspace_id))
        variables = ContactVariables(letter.variables, fields)
        only_contacts = audience.asks or brought.numbers or brought.contacts
        lacking = [name for name in letter.required if name in variables.unknown and name not in plan.values]
        if only_contacts and lacking:
            named = ", ".join("{" + name + "}" for name in lacking)
            there = ", ".join((*STANDARD, *fields.by_code))
            detail = (
                f"Contacts have no field for {named}; they have {there}. Add a custom field of that code, or give the "
                "variable a default."
            )
            raise Invalid("missing_field", detail, errors=[FieldError("/audience", "missing_field", detail)])
        return msgspec.structs.replace(plan, audience=audience), variables

    async def _with_record(self, workspace_id: str, plan: Plan, letter: _Letter) -> Plan:
        record = plan.record
        if record is None:
            return plan
        found = await Records(self._database).values(workspace_id, record.table, record.key)
        values = {name: found[name] for name in letter.variables if name in found}
        return msgspec.structs.replace(plan, record=Record(table=record.table, key=record.key, values=values))

    async def _letter(self, workspace_id: str, wish: Wish) -> _Letter:
        code = wish.template_code
        if code is None:
            body = wish.text or ""
            return _Letter("", body, compile_template(body), None, letters_of(body, "", "{}"))
        found = await self._database.read(lambda tx: queries.newest_template(tx, workspace_id, code))
        if found is None:
            detail = f"There is no template {code!r:.80}; `sendyard templates list` shows those there are."
            raise NotFound("unknown_template", detail, errors=[FieldError("/template", "unknown_template", detail)])
        version_id, body, document, registered = found
        letters = letters_of(body, document, registered)
        return _Letter(version_id, body, letters.template, letters.forms, letters)

    async def _linked(self, workspace_id: str, letter: _Letter) -> _Letter:
        """The same letter with what its links need. Raises Invalid."""
        named = await Addresses(self._database, self._directory).named(workspace_id, letter.named)
        if not named:
            return letter
        found = await self._database.read(lambda tx: target_variables(tx, workspace_id, letter.named))
        return replace(letter, of_targets=found)

    def _account_id(self, workspace_id: str, account: str) -> str:
        if not account:
            return ""
        try:
            return self._directory.require(workspace_id, account).id
        except NotFound as error:
            field = FieldError("/account", error.code, error.detail)
            raise Invalid(error.code, error.detail, errors=[field]) from None


def _joined(letters: Sequence[_Letter]) -> _Letter:
    """What people need so that any of these can be sent to them."""
    if len(letters) == 1:
        return letters[0]
    more = (name for one in letters for name in (*of_people(one.forms.variables if one.forms else ()), *one.of_targets))
    template = together([one.template for one in letters])
    return replace(letters[0], template=template, forms=None, of_targets=tuple(dict.fromkeys(more)))


async def _opened(
    wish: Wish, brought: Brought, letter: _Letter, shared: frozenset[str], variables: ContactVariables
) -> tuple[Spreadsheet | WorkbookSheet | None, Columns | None]:
    if brought.csv is None:
        return None, None
    sheet = await asyncio.to_thread(open_spreadsheet, brought.csv, wish.country)
    columns = map_columns(
        sheet.header,
        letter.template,
        phone_column=brought.phone_column,
        also=(*of_people(letter.forms.variables if letter.forms else ()), *letter.of_targets),
        filled=(shared | variables.known if brought.contact_fields else shared).union(
            name for name in letter.named if is_link_variable(name)
        ),
    )
    return sheet, columns


def _expect_people(plan: Plan, brought: Brought) -> None:
    if brought.csv is None and not (brought.numbers or brought.contacts or plan.audience.asks):
        detail = "Expected people: a file, numbers, contacts, lists or segments; found none of them."
        raise Invalid("nobody", detail, errors=[FieldError("/audience", "nobody", detail)])
    for name, found in (("numbers", brought.numbers), ("contacts", brought.contacts)):
        if len(found) > MOST_GIVEN:
            detail = f"Expected at most {MOST_GIVEN:,} {name}, found {len(found):,}; put them into a file or a list."
            raise Invalid("too_many", detail, errors=[FieldError(f"/audience/{name}", "too_many", detail)])


def _complete(tx: Transaction, campaign_id: str, plan: Plan, last_row: int, *, start: bool, by: str, now: int) -> None:
    # A repeating campaign looks for nobody itself: its runs do.
    if plan.audience.asks and plan.repeat is None:
        wanted = (by or "request") if start else ""
        queries.search(tx, campaign_id, begin_search(now=now, row=last_row), given_rows=last_row, wanted=wanted)
    else:
        queries.search(tx, campaign_id, "", given_rows=last_row, wanted="")
