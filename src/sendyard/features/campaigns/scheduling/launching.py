"""
From draft to sending: by hand, by the clock, again and again.
"""

import logging
from typing import Any

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.domain.errors import AppError, FieldError, Invalid
from sendyard.domain.status import CampaignStatus
from sendyard.features.campaigns import queries
from sendyard.features.campaigns.audience.gathering import begin_search
from sendyard.features.campaigns.experiments.texts import texts_of
from sendyard.features.campaigns.oversight.approvals import is_approved, policy_of, request, too_much
from sendyard.features.campaigns.oversight.prices import expect_prices
from sendyard.features.campaigns.plan import Plan, Repeat, read_plan, store_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.rehearsal import expect_clearance
from sendyard.features.campaigns.scheduling.timing import ago, begins_at, is_over_everywhere, next_run, shown
from sendyard.ledger.pacing import set_pace
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

MISSED_MS = 3_600_000
"""A campaign whose time went by longer ago than this does not start by itself."""
LONGEST_NAME = 200
_THE_CLOCK = "schedule"  # who starts the runs of a repeating campaign

_log = logging.getLogger(__name__)


class Launcher:
    """Starts campaigns. Any number of processes may watch the clock."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and the accounts and routes."""
        self._database = database
        self._directory = directory

    async def start(self, campaign: CampaignRow, *, by: str) -> None:
        """
        Let a draft go: now, or at its time. Where a second person has to approve, that is asked for instead.

        Raises:
            Invalid: nobody would get anything, a rule forbids its sender, its time has passed, or its budget cannot
                be kept.
        """
        now = now_ms()
        plan, at = await self._checked(campaign, now)
        if not await self._waits_for_approval(campaign, by):
            await self._database.write(lambda tx: _begin(tx, campaign, plan, at, now))

    async def _checked(self, campaign: CampaignRow, now: int) -> tuple[Plan, int | None]:
        plan = read_plan(campaign.plan)
        at = first_moment(plan, now=now)
        expect_prices(self._directory, campaign.workspace_id, plan.budget)
        if not plan.audience.asks or plan.repeat is None:
            for text in (await texts_of(self._database, campaign)).values():
                await expect_clearance(self._database, self._directory, text, begins=at)
        return plan, at

    async def look(self, now: int) -> None:
        """Start what is due; what was missed is paused and asks."""
        for campaign in await self._database.read(lambda tx: queries.due_campaigns(tx, now=now)):
            plan, due = read_plan(campaign.plan), campaign.send_at or now
            if plan.repeat is not None:
                repeat = plan.repeat
                await self._database.write(lambda tx: _run(tx, campaign, plan, repeat, due, now))  # noqa: B023 - done before the next turn
            elif now - due > MISSED_MS:
                reason = (
                    f"Missed its time, {shown(due, plan.when.zone)}: nothing worked then, {ago(now - due)} ago. "
                    "Resume to send it now, or cancel."
                )
                _log.warning("campaign %s missed its time", campaign.id)
                await self._database.write(lambda tx: queries.miss(tx, campaign.id, reason, known=due))  # noqa: B023 - likewise
            else:
                await self._database.write(lambda tx: _fire(tx, campaign, plan, due, now))  # noqa: B023 - likewise

    async def finish_gathering(self, campaign: CampaignRow) -> None:
        """
        The audience is complete: make it a draft, and start that if somebody wants it.

        Raises:
            AppError: it cannot be started.
        """
        found = await self._database.read(lambda tx: queries.campaign(tx, campaign.workspace_id, campaign.id))
        if found is None or found.gathering != campaign.gathering:
            return
        known, wanted = found.gathering, found.start_wanted
        if not wanted:
            await self._database.write(lambda tx: queries.finish_gathering(tx, found.id, known=known, wanted=""))
            return
        now = now_ms()
        plan, at = await self._checked(found, now)
        waits = await self._waits_for_approval(found, wanted)

        def finish(tx: Transaction) -> None:
            if queries.finish_gathering(tx, found.id, known=known, wanted=wanted) and not waits:
                _begin(tx, found, plan, at, now)

        await self._database.write(finish)

    async def give_up(self, campaign: CampaignRow, error: AppError, *, ended: bool) -> None:
        """Note why a campaign does not go on by itself: as failed for good, or as a draft for somebody to look at."""
        _log.warning("campaign %s could not be prepared: %s", campaign.id, error.detail)
        now = now_ms()
        await self._database.write(
            lambda tx: queries.give_up(tx, campaign.id, error.detail, known=campaign.gathering, now=now, ended=ended)
        )

    async def _waits_for_approval(self, campaign: CampaignRow, by: str) -> bool:
        policy = await self._database.read(lambda tx: policy_of(tx, campaign.workspace_id))
        if not policy.asks:
            return False
        approved = campaign.parent_id or campaign.id
        if await self._database.read(lambda tx: is_approved(tx, approved)):
            return False
        size = await too_much(self._database, self._directory, campaign, policy)
        if size is None:
            return False
        now = now_ms()
        await self._database.write(lambda tx: request(tx, campaign, by=by, size=size, now=now))
        return True


def first_moment(plan: Plan, *, now: int) -> int | None:
    """
    When a campaign that is started now begins; None for at once.

    Raises:
        Invalid: its time has passed, or its repetition has no run any more.
    """
    if plan.repeat is not None:
        following = next_run(plan.repeat, after=now)
        if following is None:
            detail = f"The last day, {plan.repeat.until}, has passed: no run is left. Choose a later day."
            raise Invalid("no_run", detail, errors=[FieldError("/repeat/until", "no_run", detail)])
        return following
    at = begins_at(plan.when)
    if at is not None and at <= now:
        detail = f"That was {ago(now - at)} ago ({shown(at, plan.when.zone)}). Pick a later time."
        raise Invalid("past", detail, errors=[FieldError("/when/at", "past", detail)])
    if is_over_everywhere(plan.when.date, now=now):
        detail = f"{plan.when.date} is over in every time zone. Pick a later day."
        raise Invalid("past", detail, errors=[FieldError("/when/date", "past", detail)])
    return at


def copied(campaign: CampaignRow, *, name: str, plan: Plan, by: str, now: int) -> dict[str, Any]:
    """The columns of a new campaign that sends what this one does; its people are looked for anew."""
    given = campaign.given_rows
    return {
        "id": new_id(),
        "workspace_id": campaign.workspace_id,
        "name": name[:LONGEST_NAME],
        "status": CampaignStatus.PREPARING.value,
        "template_version_id": campaign.version_id,
        "channel": campaign.channel,
        "purpose": campaign.purpose,
        "sender": campaign.sender,
        "account": campaign.account,
        "country": campaign.country,
        "expires_in_seconds": campaign.expires_in,
        "expanded_to": 0,
        "created_at": now,
        "plan": store_plan(plan),
        "given_rows": given,
        "gathering": begin_search(now=now, row=max(1, given), source=campaign.id if given else "", last=given),
        "created_by": by,
        "reach": campaign.reach,
    }


def begin_pace(tx: Transaction, campaign: CampaignRow, plan: Plan, *, now: int) -> None:
    """Give a campaign the pace its plan says."""
    step = plan.throttle.step_us if plan.throttle else None
    set_pace(tx, campaign.workspace_id, campaign.id, step, now=now)


def _begin(tx: Transaction, campaign: CampaignRow, plan: Plan, at: int | None, now: int) -> None:
    if at is not None:
        queries.schedule(tx, campaign.workspace_id, campaign.id, at)
    elif queries.start(tx, campaign.workspace_id, campaign.id, now=now):
        begin_pace(tx, campaign, plan, now=now)


def _fire(tx: Transaction, campaign: CampaignRow, plan: Plan, due: int, now: int) -> None:
    if queries.fire(tx, campaign.id, known=due, now=now):
        begin_pace(tx, campaign, plan, now=now)


def _run(tx: Transaction, campaign: CampaignRow, plan: Plan, repeat: Repeat, due: int, now: int) -> None:
    """Make the run that is due, and set the next; runs that were missed before it are left out."""
    following = next_run(repeat, after=max(due, now))
    if not queries.move_on(tx, campaign.id, known=due, following=following, now=now):
        return
    name = f"{campaign.name[: LONGEST_NAME - 20]}, {shown(due, repeat.zone)[:16]}"
    once = msgspec.structs.replace(plan, repeat=None)
    values = copied(campaign, name=name, plan=once, by=campaign.created_by, now=now)
    values |= {"parent_id": campaign.id, "run_at": due, "start_wanted": _THE_CLOCK}
    if now - due > MISSED_MS:
        values["status"] = CampaignStatus.PAUSED.value
        values["pause_reason"] = (
            f"Missed its time, {shown(due, repeat.zone)}: nothing worked then. Resume to send it now, or cancel."
        )
    queries.insert_run(tx, values)
