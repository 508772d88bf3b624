"""
Drips by their id: made, started, stopped, followed, and who is in them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import Forecast, Level
from sendyard.domain.channels import Channel
from sendyard.domain.errors import AppError, Conflict, FieldError, Forbidden, Invalid, NotFound
from sendyard.features.audience.segments.store import require_segment
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.creating import Creating
from sendyard.features.campaigns.drips import queries
from sendyard.features.campaigns.drips.entering import (
    enter,
    expect_few,
    expect_values,
    named_people,
    needs_of_drip,
    step_campaigns,
)
from sendyard.features.campaigns.drips.plan import DripPlan, InGroup, check_drip, read_drip, store_drip
from sendyard.features.campaigns.drips.queries import DripRow, PersonInDrip
from sendyard.features.campaigns.drips.rehearsing import Rehearsing
from sendyard.features.campaigns.drips.showing import counted, drip_document, person_document, results_file
from sendyard.features.campaigns.drips.texts import add_round, insert_steps, needs_of, texts_of
from sendyard.features.campaigns.oversight.approvals import policy_of
from sendyard.features.campaigns.testing import Tests
from sendyard.features.campaigns.wishes import Wish
from sendyard.ledger.cancel import cancel_campaign
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
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
        self._creating = Creating(database, directory)
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
        start: bool = False,
        by: str = "",
        reach: str = "all",
    ) -> dict[str, Any]:
        """
        Make a draft whose texts and named people are frozen; lists and segments are asked at the start.

        Gives the document of `get` with `checks`, the findings of `preflight` that are not good, each with its `step`.

        Args:
            workspace_id: whose drip it is.
            name: what people call it.
            plan: steps, lists and segments by ids or names, and what ends it for a person.
            channel: what recipients get, where a step names no other.
            purpose: transactional or promotional.
            country: ISO 3166 code by which national numbers are read.
            sender: what recipients see; "" for the account's own.
            account: id or name of the account that carries it; "" lets its routes decide.
            expires_in: seconds a message may wait after its moment has come.
            numbers: recipients as somebody wrote them.
            contacts: ids of contacts.
            start: start it too, unless a second person has to.
            by: who makes it: the id of a key, or a person's name.
            reach: all, or team or test: whom the key may reach that makes it.

        Raises:
            Invalid: something given is not usable, or with `start` what `start` raises.
            NotFound: there is no such template, list, segment or contact.
        """
        check_drip(plan, channel)
        expect_few(numbers, contacts)
        wishes = [
            Wish(
                name=name,
                template_code=step.template,
                text=step.text,
                channel=step.channel or channel,
                purpose=purpose,
                country=country.strip().upper(),
                sender=step.sender if step.sender is not None else _own(sender, step.channel, channel),
                account=step.account if step.account is not None else _own(account, step.channel, channel),
                expires_in=expires_in,
            )
            for step in plan.steps
        ]
        texts = await texts_of(self._database, self._directory, workspace_id, plan, wishes)
        plan = await self._resolved(workspace_id, plan)
        now = now_ms()
        values: dict[str, Any] = {
            "id": new_id(),
            "workspace_id": workspace_id,
            "name": name.strip(),
            "status": "draft",
            "plan": store_drip(plan),
            "channel": Channel(channel).value,
            "purpose": purpose,
            "country": wishes[0].country,
            "reach": reach,
            "created_by": by,
            "created_at": now,
        }
        home = self._directory.facts(workspace_id).home_zone

        drip = queries.new_drip(values)

        def insert(tx: Transaction) -> AppError | None:
            needs = needs_of(tx, workspace_id, [text.letters for text in texts])
            rows = named_people(tx, drip, needs, numbers, contacts, pointer="/audience/contacts")
            if not isinstance(rows, list):
                return rows
            queries.insert_drip(tx, values)
            insert_steps(tx, values, wishes, texts)
            enter(tx, drip, rows, home=home, now=now)
            return None

        refused = await self._database.write(insert)
        if refused is not None:
            raise refused
        forecasts = await self._rehearsing.all_steps(drip)
        if start and not await self._needs_another(drip, by):
            await self._start(drip, forecasts)
        checks = [
            {"step": step, **msgspec.to_builtins(check)}
            for step, forecast in forecasts
            for check in forecast.checks
            if check.level is not Level.OK
        ]
        return {**await self.get(workspace_id, drip.id), "checks": checks}

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

        def insert(tx: Transaction) -> PersonInDrip | AppError:
            needs = needs_of_drip(tx, drip)
            rows = named_people(tx, drip, needs, [to] if to else [], [contact] if contact else [],
                                variables, pointer="/contact")  # fmt: skip
            if not isinstance(rows, list):
                return rows
            if not rows[0].address:
                return Invalid(rows[0].code, rows[0].detail, errors=[FieldError("/to", rows[0].code, rows[0].detail)])
            return _let_in(tx, drip, rows[0], home=home, now=now)

        outcome = await self._database.write(insert)
        if isinstance(outcome, AppError):
            raise outcome
        return person_document(outcome)

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
        found = await self._database.read(lambda tx: queries.people(tx, drip_id, after=after, limit=limit, state=state))
        return [person_document(one) for one in found]

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
            bad = next((check for check in forecast.checks if check.level is Level.BLOCK), None)
            if bad is not None and forecast.examined:
                detail = f"Nobody would get step {step}. {bad.detail} {bad.fix}"
                pointer = f"/steps/{step - 1}"
                raise Invalid("nobody_reachable", detail, errors=[FieldError(pointer, bad.check, bad.detail)])
        now, asks = now_ms(), read_drip(drip.plan).audience.asks
        await self._database.write(lambda tx: queries.start(tx, drip, sweep=asks, now=now))

    async def _needs_another(self, drip: DripRow, by: str) -> bool:
        """Whether somebody else than who made it has to start it; how many come from lists nobody knows before."""
        policy = await self._database.read(lambda tx: policy_of(tx, drip.workspace_id))
        if not policy.asks or by != drip.created_by:
            return False
        plan = read_drip(drip.plan)
        if plan.audience.asks or policy.cost is not None:
            return True
        tally = await self._database.read(lambda tx: queries.tally(tx, drip.id))
        messages = len(plan.steps) * sum(count for state, _, _, count in tally if state == "active")
        return policy.recipients is not None and messages > policy.recipients

    async def _resolved(self, workspace_id: str, plan: DripPlan) -> DripPlan:
        """The same by ids, so that other names change nothing. Raises NotFound."""
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

    async def list(self, workspace_id: str, *, after: str = "", limit: int = 50) -> list[dict[str, Any]]:
        """Give drips, newest first, before the id `after`; like `get`, without what has to be counted."""
        found = await self._database.read(lambda tx: queries.drips(tx, workspace_id, after=after, limit=limit))
        return [drip_document(one) for one in found]


def _let_in(tx: Transaction, drip: DripRow, row: Recipient, *, home: str, now: int) -> PersonInDrip | Conflict:
    _, status = queries.numbers_for(tx, drip.id, 0)  # others wait until this is done
    if status == "cancelled":
        return Conflict("drip_over", "The drip is over; make another.")
    known = queries.newest_of(tx, drip.id, row.address)
    round_ = 1
    if known is not None:
        if known.state == "active":
            return Conflict("already_in", f"This person is in the drip, before step {known.step}.")
        if not read_drip(drip.plan).again:
            detail = "This person was in the drip, and nobody comes twice; make one with `again` for that."
            return Conflict("was_in", detail)
        round_ = known.round + 1
        add_round(tx, drip._replace(status=status), round_, now=now)
    found = enter(tx, drip, [row], home=home, now=now, round_=round_)
    if not found:
        return Conflict("already_in", "This contact is or was in the drip with another address.")
    return found[0]


def _own(value: str, channel: str | None, usual: str) -> str:
    """A sender or account of the drip, which a step of another channel does not take over."""
    return value if channel is None or channel == usual else ""


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
