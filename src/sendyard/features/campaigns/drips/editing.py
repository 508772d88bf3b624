"""
Changing a drip: what holds for all of it at once, and new versions of its steps.

Whoever comes in from now on gets the new version. Whoever is inside finishes the one they began, or is moved: the timer
takes them to the same place of the new version before it takes any other step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.domain.errors import Conflict, FieldError, Invalid
from sendyard.features.campaigns.drips import queries
from sendyard.features.campaigns.drips.entering import needs_of_drip, step_campaigns
from sendyard.features.campaigns.drips.making import Making
from sendyard.features.campaigns.drips.plan import DripPlan, check_drip, read_drip, store_drip
from sendyard.features.campaigns.drips.queries import DripRow, RoundRow
from sendyard.features.campaigns.drips.texts import (
    Needs,
    StepText,
    expect_fields,
    insert_steps,
    needs_of,
    set_drip_pace,
    visit_round,
)
from sendyard.features.campaigns.oversight.prices import expect_prices
from sendyard.features.campaigns.wishes import Wish
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

ApplyTo = Literal["new", "all"]

MOST_VERSIONS = 100
_OF_VERSION = frozenset({"steps", "exit", "sender", "account", "expires_in"})
_OF_PLAN = frozenset({"steps", "exit", "audience", "enrol", "again", "throttle", "budget"})
_WHO = frozenset({"audience", "enrol"})


class Editing:
    """Changes drips; see `Drips.edit`."""

    def __init__(self, database: Database, directory: Directory, making: Making) -> None:
        """Take where rows are, the accounts, and who freezes texts."""
        self._database = database
        self._directory = directory
        self._making = making

    async def edit(self, drip: DripRow, changes: Mapping[str, Any], *, apply_to: ApplyTo, by: str) -> None:
        """
        Make the changes.

        Raises:
            Invalid: a value is not usable, or people lack what the texts need.
            NotFound: there is no such template, list or segment.
            Conflict: the drip is over, has too many versions, or was changed meanwhile.
        """
        if drip.status == "cancelled":
            raise Conflict("drip_over", "The drip is over; make another.")
        plan = changed_plan(drip, changes)
        check_drip(plan, drip.channel)
        expect_prices(self._directory, drip.workspace_id, plan.budget)
        wish = await self._wish(drip, changes)
        wish.check()
        now = now_ms()
        if changes.keys() & (_OF_VERSION | _WHO):
            plan = await self._making.resolved(drip.workspace_id, plan)
        if changes.keys() & _OF_VERSION:
            wishes, texts = await self._making.texts(drip.workspace_id, plan, wish)
        else:
            wishes, texts = [], []
            if plan.audience.asks:
                expect_fields(await self._database.read(lambda tx: needs_of_drip(tx, drip)))

        changed = _Changed(
            wish.name.strip(),
            plan,
            wishes,
            texts,
            moves=apply_to == "all" or drip.status == "draft",
            seeks=plan.audience.asks and bool(changes.keys() & _WHO),
        )
        outcome = await self._database.write(lambda tx: _store(tx, drip, changed, by=by, now=now))
        if isinstance(outcome, Conflict | Invalid):
            raise outcome
        if not outcome:
            detail = "Somebody else changed the drip just now; look at it and try again."
            raise Conflict("changed_meanwhile", detail)

    async def _wish(self, drip: DripRow, changes: Mapping[str, Any]) -> Wish:
        """What all steps have in common after the changes: a step that names no sender shows what the drip's is."""
        campaigns = await self._database.read(lambda tx: step_campaigns(tx, drip))
        pairs = list(zip(read_drip(drip.plan).steps, campaigns, strict=True))
        senders = [
            campaign.sender for step, campaign in pairs if step.sender is None and campaign.channel == drip.channel
        ]
        accounts = [
            campaign.account for step, campaign in pairs if step.account is None and campaign.channel == drip.channel
        ]
        return Wish(
            name=changes.get("name", drip.name),
            template_code=None,
            text="-",  # each step has its own
            channel=drip.channel,
            purpose=drip.purpose,
            country=drip.country,
            sender=changes.get("sender", next(iter(senders), "")),
            account=changes.get("account", next(iter(accounts), "")),
            expires_in=changes.get("expires_in", campaigns[0].expires_in),
        )


@dataclass(frozen=True, slots=True)
class _Changed:
    """
    A drip as it is to be; without texts it has no new version. Whoever is inside gets that if `moves`.

    `seeks`: lists and segments are asked at once, because others are meant now.
    """

    name: str
    plan: DripPlan
    wishes: Sequence[Wish]
    texts: Sequence[StepText]
    moves: bool
    seeks: bool


def changed_plan(drip: DripRow, changes: Mapping[str, Any]) -> DripPlan:
    """The plan of a drip as it would be."""
    return msgspec.structs.replace(
        read_drip(drip.plan), **{name: value for name, value in changes.items() if name in _OF_PLAN}
    )


def _store(tx: Transaction, drip: DripRow, changed: _Changed, *, by: str, now: int) -> bool | Conflict | Invalid:
    """Store it all; False when somebody else changed the drip meanwhile."""
    values: dict[str, Any] = {"name": changed.name, "plan": store_drip(changed.plan)}
    edited = drip._replace(**values)
    known = queries.rounds(tx, drip.id)
    version = max(one.version for one in known.values()) + 1
    if changed.texts:
        refused = _refusal(tx, drip, version, changed)
        if refused is not None:
            return refused
        values |= {"round": max(known) + 1} | ({"bring_to": version} if changed.moves else {})
    if drip.status != "draft" and not changed.plan.audience.asks:
        values["sweep_at"] = None
    elif drip.status != "draft" and changed.seeks:
        values["sweep_at"] = now
    if not queries.edit(tx, drip, values):
        return False
    if changed.texts:
        row = RoundRow(values["round"], version, 1, edited.plan, now, by)
        insert_steps(tx, edited, row, changed.wishes, changed.texts)
        for visit in sorted({one.visit for one in known.values()} if changed.moves else ()):
            visit_round(tx, edited, version, visit, now=now)
    if changed.plan.throttle != read_drip(drip.plan).throttle:
        set_drip_pace(tx, drip, changed.plan.throttle, now=now)
    return True


def _refusal(tx: Transaction, drip: DripRow, version: int, changed: _Changed) -> Conflict | Invalid | None:
    if version > MOST_VERSIONS:
        detail = f"A drip has at most {MOST_VERSIONS} versions; make another drip."
        return Conflict("too_many_versions", detail)
    if not changed.moves:
        return None
    rounds = {round_ for round_, state, _, _, _ in queries.tally(tx, drip.id) if state == "active"}
    new = needs_of(tx, drip.workspace_id, [text.letters for text in changed.texts])
    lacking = sorted({name for one in rounds for name in _lacking(new, needs_of_drip(tx, drip, one))})
    if not lacking:
        return None
    named = ", ".join("{" + name + "}" for name in lacking)
    detail = (
        f"People inside came without {named}, which the new texts need. Give it a default"
        f"{'' if drip.status == 'draft' else ', or change the drip for new people only'}."
    )
    return Invalid("values_missing", detail, errors=[FieldError("/steps", "values_missing", detail)])


def _lacking(new: Needs, old: Needs) -> list[str]:
    return [name for name in new.required if name not in old.required]
