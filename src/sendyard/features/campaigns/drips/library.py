"""
Drips by their id: made, started, stopped, followed, and who is in them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import Check, Forecast, Level
from sendyard.domain.channels import Channel
from sendyard.domain.errors import AppError, Conflict, FieldError, Forbidden, Invalid, NotFound
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.drips import queries
from sendyard.features.campaigns.drips.editing import ApplyTo, Editing, changed_plan
from sendyard.features.campaigns.drips.entering import (
    enter,
    expect_values,
    named_person,
    needs_of_drip,
    step_campaigns,
)
from sendyard.features.campaigns.drips.making import Along, Making
from sendyard.features.campaigns.drips.plan import DripPlan, read_drip, store_drip
from sendyard.features.campaigns.drips.queries import DripRow
from sendyard.features.campaigns.drips.rehearsing import Rehearsing
from sendyard.features.campaigns.drips.showing import counted, drip_document, person_document, results_file
from sendyard.features.campaigns.drips.texts import visit_round
from sendyard.features.campaigns.oversight.approvals import policy_of
from sendyard.features.campaigns.oversight.prices import expect_prices
from sendyard.features.campaigns.oversight.purposes import CHECK
from sendyard.features.campaigns.testing import Tests
from sendyard.features.campaigns.wishes import Wish
from sendyard.ledger.cancel import cancel_campaign
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

STATES = ("active", "done", "left", "refused")
"""Where people of a drip are: on their way, through all steps, gone before that, or never in."""

_AT_ONCE = 1000


class Drips:
    """The drips of every workspace."""

    def __init__(self, database: Database, directory: Directory, tests: Tests) -> None:
        """Take where rows are, the accounts and routes, and who sends tests."""
        self._database = database
        self._directory = directory
        self._tests = tests
        self._making = Making(database, directory)
        self._editing = Editing(database, directory, self._making)
        self._rehearsing = Rehearsing(database, directory)

    async def create(
        self,
        workspace_id: str,
        *,
        name: str,
        plan: DripPlan,
        channel: str = Channel.SMS,
        purpose: str = "promotional",
        country: str = "",
        sender: str = "",
        account: str = "",
        expires_in: int = 86_400,
        numbers: Sequence[str] = (),
        contacts: Sequence[str] = (),
        csv: bytes | None = None,
        phone_column: str = "",
        contact_fields: bool = False,
        start: bool = False,
        by: str = "",
        reach: str = "all",
    ) -> dict[str, Any]:
        """
        Make a draft whose texts and named people are frozen; lists and segments are asked at the start.

        Gives the document of `get` with `checks`, the findings of `preflight` that are not good, each with its `step`,
        and for a file `encoding`, `separator` and `columns` as they were found.

        Args:
            workspace_id: whose drip it is.
            name: what people call it.
            plan: steps, lists and segments by ids or names, what ends it for a person, its pace and its budget.
            channel: what recipients get, where a step names no other.
            purpose: transactional or promotional.
            country: ISO 3166 code by which national numbers are read.
            sender: what recipients see; "" for the account's own.
            account: id or name of the account that carries it; "" lets its routes decide.
            expires_in: seconds a message may wait after its moment has come.
            numbers: recipients as somebody wrote them.
            contacts: ids of contacts.
            csv: a file of people, as for campaigns; CSV or XLSX.
            phone_column: the column of the numbers, when its name does not tell.
            contact_fields: let contacts fill in the variables a file has no column for.
            start: start it too, unless a second person has to.
            by: who makes it: the id of a key, or a person's name.
            reach: all, or team or test: whom the key may reach that makes it.

        Raises:
            Invalid: something given, or the file as a whole, is not usable, or with `start` what `start` raises.
            NotFound: there is no such template, list, segment or contact.
        """
        wish = Wish(name=name, template_code=None, text="-", channel=channel, purpose=purpose,
                    country=country.strip().upper(), sender=sender, account=account, expires_in=expires_in)  # fmt: skip
        along = Along(csv=csv, numbers=numbers, contacts=contacts, phone_column=phone_column,
                      contact_fields=contact_fields)  # fmt: skip
        drip, told = await self._making.make(wish, workspace_id, plan, along, by=by, reach=reach)
        forecasts = await self._rehearsing.all_steps(drip)
        if start and not await self._needs_another(drip, by):
            await self._start(drip, forecasts)
        checks = [
            {"step": step, **msgspec.to_builtins(check)}
            for step, forecast in forecasts
            for check in forecast.checks
            if check.level is not Level.OK
        ]
        return {**await self.get(workspace_id, drip.id), **told, "checks": checks}

    async def get(self, workspace_id: str, drip_id: str) -> dict[str, Any]:
        """
        Give one drip with its steps, what became of their messages, and how many people are where.

        Times are milliseconds. Raises NotFound.
        """
        drip = await self._find(workspace_id, drip_id)
        return await self._database.read(lambda tx: {**drip_document(drip), **counted(tx, drip)})

    async def preflight(self, workspace_id: str, drip_id: str) -> list[tuple[int, Forecast]]:
        """
        Say of each step what it would do, from the first five hundred people; nothing is sent.

        Raises:
            NotFound: there is no such drip, or a list is gone.
            Invalid: a segment can no longer be read, or a link has ended.
        """
        return await self._rehearsing.all_steps(await self._find(workspace_id, drip_id))

    async def test(
        self, workspace_id: str, drip_id: str, *, step: int, to: Sequence[str] = (), test: bool = False
    ) -> list[dict[str, Any]]:
        """
        Send what the first person gets in one step to members of the team; see `Tests.send`.

        Raises:
            NotFound: there is no such drip or step.
            Conflict: there is nobody whose values could be shown, or nobody to send to.
            Forbidden: an address is nobody's of the team.
        """
        drip = await self._find(workspace_id, drip_id)
        campaigns = await self._database.read(lambda tx: step_campaigns(tx, drip))
        if not 1 <= step <= len(campaigns):
            detail = f"There is no step {step}; the drip has {len(campaigns)}."
            raise NotFound("unknown_step", detail, errors=[FieldError("/step", "unknown_step", detail)])
        sample = await self._rehearsing.sample(drip, limit=1)
        if not sample:
            raise Conflict("no_row", "There is nobody in the drip whose values could be shown yet.")
        return await self._tests.send(workspace_id, campaigns[step - 1].id, to=to, shown=sample[0], test=test)

    async def edit(
        self,
        workspace_id: str,
        drip_id: str,
        changes: Mapping[str, Any],
        *,
        apply_to: ApplyTo = "new",
        by: str = "",
        reach: str = "all",
    ) -> dict[str, Any]:
        """
        Change a drip that is not over; gives the document of `get`.

        `name`, `again`, `throttle` and `budget` hold at once, for everybody. `audience` and `enrol` say who comes in
        from now on: lists and segments are asked at once, and whoever is inside stays, meant or not. `steps`, `exit`,
        `sender`, `account` and `expires_in` make a new version, whose templates are taken as they are now: for people
        who come in from now on, and with `apply_to` all also for those inside, who go on at the step they have reached.
        A draft's people always get the newest version.

        Raises:
            Invalid: a value is not usable, or people inside lack a value that new texts need.
            NotFound: there is no such drip, template, list or segment.
            Forbidden: the key may not reach whom it reaches, or a second person has agreed to it as it is, or would
                have to agree to it as it is to be.
            Conflict: it is over, or was changed meanwhile.
        """
        drip = await self._find(workspace_id, drip_id)
        _allow(drip, reach)
        if drip.status != "draft" and changes.keys() - {"name", "throttle"}:
            if await self._needs_another(drip, drip.created_by):
                detail = "A second person has agreed to this drip as it is; make another one to send something else."
                raise Forbidden("approved_drip", detail)
            becoming = drip._replace(plan=store_drip(changed_plan(drip, changes)))
            if await self._needs_another(becoming, drip.created_by):
                detail = "Nobody else has agreed to this drip, and as it would be somebody has to; make another one."
                raise Forbidden("needs_approval", detail)
        await self._editing.edit(drip, changes, apply_to=apply_to, by=by)
        return await self.get(workspace_id, drip_id)

    async def start(self, workspace_id: str, drip_id: str, *, by: str = "", reach: str = "all") -> dict[str, Any]:
        """
        Let people in, and go; starting again what is active changes nothing.

        Raises:
            Invalid: a step would reach nobody of those who were looked at, or a rule forbids it.
            NotFound: there is no such drip.
            Forbidden: the key may not reach whom it reaches, or somebody else has to start it.
            Conflict: it is paused (resume it) or over.
        """
        drip = await self._find(workspace_id, drip_id)
        _allow(drip, reach)
        if drip.status == "draft":
            if await self._needs_another(drip, by):
                detail = "Drips that may reach so many are started by somebody else than who made them."
                raise Forbidden("own_drip", detail)
            await self._start(drip, await self._rehearsing.all_steps(drip))
        return await self._if(workspace_id, drip_id, "active", "started")

    async def pause(self, workspace_id: str, drip_id: str) -> dict[str, Any]:
        """
        Take no further step and hand nothing more over. Pausing again changes nothing.

        Raises:
            NotFound: there is no such drip.
            Conflict: it is a draft, or over.
        """
        await self._find(workspace_id, drip_id)
        await self._database.write(lambda tx: queries.pause(tx, drip_id, "Paused by hand."))
        return await self._if(workspace_id, drip_id, "paused", "paused")

    async def resume(self, workspace_id: str, drip_id: str, *, reach: str = "all") -> dict[str, Any]:
        """
        Go on, also with steps that were paused for a reason of their own; whose moment passed gets the step now.

        Raises:
            NotFound: there is no such drip.
            Forbidden: the key may not reach whom it reaches.
            Conflict: it is a draft, or over.
        """
        drip = await self._find(workspace_id, drip_id)
        _allow(drip, reach)
        await self._database.write(lambda tx: queries.resume(tx, drip_id))
        return await self._if(workspace_id, drip_id, "active", "resumed")

    async def cancel(self, workspace_id: str, drip_id: str) -> dict[str, Any]:
        """
        End it for good: everybody leaves, and what was not handed over is cancelled. Again changes nothing.

        Raises:
            NotFound: there is no such drip.
        """
        drip = await self._find(workspace_id, drip_id)
        now = now_ms()
        await self._database.write(lambda tx: queries.cancel(tx, drip_id, now=now))
        while await self._database.write(lambda tx: queries.let_go(tx, drip_id, now=now, limit=_AT_ONCE)):
            pass
        for step in await self._database.read(lambda tx: queries.steps(tx, drip.id)):
            while await self._database.write(
                lambda tx: cancel_campaign(tx, workspace_id, step.campaign_id, now=now, limit=_AT_ONCE)  # noqa: B023 - done before the next turn
            ):
                pass
        return await self.get(workspace_id, drip_id)

    async def add(
        self,
        workspace_id: str,
        drip_id: str,
        *,
        to: str = "",
        contact: str = "",
        variables: Mapping[str, str] | None = None,
        reach: str = "all",
    ) -> dict[str, Any]:
        """
        Let one person in, by an address or as a contact; gives the person.

        Raises:
            Invalid: not exactly one of `to` and `contact` is given, or the person cannot be reached or lacks a value.
            NotFound: there is no such drip or contact.
            Forbidden: the key may not reach whom the drip reaches.
            Conflict: the person is in it, was in it and may not come again, or the drip is over.
        """
        drip = await self._find(workspace_id, drip_id)
        _allow(drip, reach)
        if bool(to) == bool(contact):
            detail = "Expected either an address or a contact, found both or neither."
            raise Invalid("to_or_contact", detail, errors=[FieldError("/to", "to_or_contact", detail)])
        expect_values(variables or {})
        home, now = self._directory.facts(workspace_id).home_zone, now_ms()

        def insert(tx: Transaction) -> dict[str, Any] | AppError:
            needs = needs_of_drip(tx, drip)
            row = named_person(tx, drip, needs, to=to, contact=contact, values=variables)
            if isinstance(row, NotFound):
                return row
            if not row.address:
                return Invalid(row.code, row.detail, errors=[FieldError("/to", row.code, row.detail)])
            return _let_in(tx, drip, row, home=home, now=now)

        outcome = await self._database.write(insert)
        if isinstance(outcome, AppError):
            raise outcome
        return outcome

    async def people(
        self, workspace_id: str, drip_id: str, *, after: int = 0, limit: int = 100, state: str = ""
    ) -> list[dict[str, Any]]:
        """
        Give people behind the number `after`, of one state unless that is "".

        Raises:
            Invalid: `state` is none of `STATES`.
            NotFound: there is no such drip.
        """
        if state and state not in STATES:
            detail = f"Expected one of {', '.join(STATES)}, found {state!r:.40}."
            raise Invalid("bad_state", detail, errors=[FieldError("/state", "bad_state", detail)])
        await self._find(workspace_id, drip_id)

        def read(tx: Transaction) -> list[dict[str, Any]]:
            rounds = queries.rounds(tx, drip_id)
            found = queries.people(tx, drip_id, after=after, limit=limit, state=state)
            return [person_document(one, rounds[one.round]) for one in found]

        return await self._database.read(read)

    async def results_csv(self, workspace_id: str, drip_id: str) -> AsyncIterator[bytes]:
        """
        Give everybody with what became of each step as a CSV file, piece by piece; nothing runs in it.

        Raises:
            NotFound: there is no such drip; raised by the call itself, before the first piece.
        """
        return results_file(self._database, await self._find(workspace_id, drip_id))

    async def _find(self, workspace_id: str, drip_id: str) -> DripRow:
        found = await self._database.read(lambda tx: queries.drip(tx, workspace_id, drip_id))
        if found is None:
            detail = f"There is no drip {drip_id!r:.80}; `sendyard drips list` shows those there are."
            raise NotFound("unknown_drip", detail)
        return found

    async def _if(self, workspace_id: str, drip_id: str, status: str, done: str) -> dict[str, Any]:
        found = await self.get(workspace_id, drip_id)
        if found["status"] != status:
            detail = f"A drip that is {found['status']} cannot be {done}. {_NEXT[found['status']]}"
            raise Conflict("wrong_state", detail)
        return found

    async def _start(self, drip: DripRow, forecasts: Sequence[tuple[int, Forecast]]) -> None:
        for step, forecast in forecasts:
            blocks = [check for check in forecast.checks if check.level is Level.BLOCK]
            wrong = next((check for check in blocks if check.check == CHECK), None)
            if wrong is not None:
                raise _not_started(step, "wrong_purpose", f"Step {step}: {wrong.detail} {wrong.fix}", wrong)
            if blocks and forecast.examined:
                detail = f"Nobody would get step {step}. {blocks[0].detail} {blocks[0].fix}"
                raise _not_started(step, "nobody_reachable", detail, blocks[0])
        plan, now = read_drip(drip.plan), now_ms()
        expect_prices(self._directory, drip.workspace_id, plan.budget)
        await self._database.write(lambda tx: queries.start(tx, drip, sweep=plan.audience.asks, now=now))

    async def _needs_another(self, drip: DripRow, by: str) -> bool:
        """Whether somebody else than who made it has to start it; how many come from lists nobody knows before."""
        policy = await self._database.read(lambda tx: policy_of(tx, drip.workspace_id))
        makers = {one.made_by for one in (await self._database.read(lambda tx: queries.rounds(tx, drip.id))).values()}
        if not policy.asks or by not in makers:
            return False
        plan = read_drip(drip.plan)
        if plan.audience.asks or policy.cost is not None:
            return True
        tally = await self._database.read(lambda tx: queries.tally(tx, drip.id))
        messages = len(plan.steps) * sum(count for _, state, _, _, count in tally if state == "active")
        return policy.recipients is not None and messages > policy.recipients

    async def list(self, workspace_id: str, *, after: str = "", limit: int = 50) -> list[dict[str, Any]]:
        """Give drips, newest first, before the id `after`; like `get`, without what has to be counted."""
        found = await self._database.read(lambda tx: queries.drips(tx, workspace_id, after=after, limit=limit))
        return [drip_document(one) for one in found]


def _let_in(tx: Transaction, drip: DripRow, row: Recipient, *, home: str, now: int) -> dict[str, Any] | Conflict:
    _, status, present = queries.numbers_for(tx, drip.id, 0)  # others wait until this is done
    if status == "cancelled":
        return Conflict("drip_over", "The drip is over; make another.")
    known = queries.newest_of(tx, drip.id, row.address)
    rounds, round_ = queries.rounds(tx, drip.id), None
    if known is not None:
        if known.state == "active":
            return Conflict("already_in", f"This person is in the drip, before step {known.step}.")
        if not read_drip(drip.plan).again:
            detail = "This person was in the drip, and nobody comes twice; make one with `again` for that."
            return Conflict("was_in", detail)
        visit = rounds[known.round].visit + 1
        round_ = visit_round(tx, drip._replace(status=status), rounds[present].version, visit, now=now)
    found = enter(tx, drip, [row], home=home, now=now, round_=round_)
    if not found:
        return Conflict("already_in", "This contact is or was in the drip with another address.")
    return person_document(found[0], queries.rounds(tx, drip.id)[found[0].round])


def _not_started(step: int, code: str, detail: str, check: Check) -> Invalid:
    return Invalid(code, detail, errors=[FieldError(f"/steps/{step - 1}", check.check, check.detail)])


def _allow(drip: DripRow, reach: str) -> None:
    if reach not in {"all", drip.reach}:
        detail = f"This drip reaches others than a {reach} key may; use a live key, or make it with this one."
        raise Forbidden("other_reach", detail)


_NEXT = {
    "draft": "Start it first.",
    "active": "It is under way.",
    "paused": "Resume or cancel it.",
    "cancelled": "It is over; make another.",
}
