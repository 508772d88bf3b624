"""
The texts of a drip's steps: frozen when it is made, each kept by a campaign that stands for its step.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sendyard.delivery.directory import Directory
from sendyard.domain.errors import FieldError, Invalid, NotFound
from sendyard.domain.status import CampaignStatus
from sendyard.domain.template import compile_template
from sendyard.features.audience.fields import field_set
from sendyard.features.campaigns import queries as campaign_queries
from sendyard.features.campaigns.audience.variables import STANDARD, ContactVariables
from sendyard.features.campaigns.drips import queries
from sendyard.features.campaigns.drips.plan import DripPlan, read_drip
from sendyard.features.campaigns.files import expect_files_fit
from sendyard.features.campaigns.linking import of_people
from sendyard.features.campaigns.plan import Plan, Throttle, store_plan
from sendyard.features.campaigns.wishes import Wish
from sendyard.features.links import Addresses, target_variables
from sendyard.features.templates.rendering import Letters, letters_of
from sendyard.ledger.pacing import set_pace
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

_NUMBERED = 20  # characters that ", step 12, round 3" may need


@dataclass(frozen=True, slots=True)
class StepText:
    """What one step sends: a version that is there, or "" and a body that becomes one."""

    version_id: str
    body: str
    letters: Letters
    account: str  # an id, or ""


@dataclass(frozen=True, slots=True)
class Needs:
    """The variables that people of a drip bring, and which of them must have a value."""

    variables: ContactVariables
    required: tuple[str, ...]


async def texts_of(
    database: Database, directory: Directory, workspace_id: str, plan: DripPlan, wishes: Sequence[Wish]
) -> list[StepText]:
    """
    Find the text of every step.

    Raises:
        Invalid: a text, file, sender or account is not usable; the step is named.
        NotFound: there is no such template.
    """
    found = []
    for place, wish in enumerate(wishes):
        try:
            wish.check()
            text = await _text(database, directory, workspace_id, wish)
            expect_files_fit(wish.channel, plan.steps[place].media, [text.letters])
            found.append(text)
        except Invalid as error:
            errors = [FieldError(_pointer(place, one), one.code, one.detail) for one in error.errors]
            raise Invalid(error.code, error.detail, errors=errors) from None
    names = [name for text in found for name in _named(text.letters)]
    await Addresses(database, directory).named(workspace_id, names)
    if plan.audience.asks:
        expect_fields(await database.read(lambda tx: needs_of(tx, workspace_id, [text.letters for text in found])))
    return found


def expect_fields(needs: Needs) -> None:
    """
    See that people who come without a file can have everything the texts need.

    Raises:
        Invalid: a variable without a default is in no field of contacts.
    """
    lacking = [name for name in needs.required if name in needs.variables.unknown]
    if not lacking:
        return
    named = ", ".join("{" + name + "}" for name in lacking)
    detail = (
        f"Contacts have no field for {named}; they have {', '.join(STANDARD)} and custom fields. Add a custom "
        "field of that code, or give the variable a default."
    )
    raise Invalid("missing_field", detail, errors=[FieldError("/audience", "missing_field", detail)])


def needs_of(tx: Transaction, workspace_id: str, letters: Iterable[Letters]) -> Needs:
    """Say what people must bring for all of these texts."""
    names: dict[str, None] = {}
    required: dict[str, None] = {}
    for one in letters:
        named = _named(one)
        linked = target_variables(tx, workspace_id, named)
        names |= dict.fromkeys((*of_people(named), *linked))
        from_forms = one.forms.variables if one.forms else ()
        required |= dict.fromkeys((*of_people((*one.template.required, *from_forms)), *linked))
    return Needs(ContactVariables(names, field_set(tx, workspace_id)), tuple(required))


def insert_steps(
    tx: Transaction,
    drip: queries.DripRow,
    row: queries.RoundRow,
    wishes: Sequence[Wish],
    texts: Sequence[StepText],
) -> None:
    """Make a round with its campaigns; they are put away, so that lists of campaigns do not show them."""
    queries.insert_round(tx, drip, row)
    steps = read_drip(row.plan).steps
    for number, (step, wish, text) in enumerate(zip(steps, wishes, texts, strict=True), start=1):
        campaign_id = new_id()
        version_id = text.version_id or campaign_queries.insert_unlisted_version(
            tx, drip.workspace_id, campaign_id, text.body, now=row.made_at
        )
        values = {
            "id": campaign_id,
            "name": f"{drip.name[: 200 - _NUMBERED]}, step {number}",
            "template_version_id": version_id,
            "channel": wish.channel,
            "purpose": wish.purpose,
            "sender": wish.sender,
            "account": text.account,
            "country": wish.country,
            "expires_in_seconds": wish.expires_in,
            "plan": store_plan(Plan(media=step.media)),
        }
        _insert_step(tx, drip, row, number, values)


def visit_round(tx: Transaction, drip: queries.DripRow, version: int, visit: int, *, now: int) -> int:
    """The round of those who go through a version for this time; made, with campaigns that send the same, if new."""
    known = queries.rounds(tx, drip.id)
    of_version = {one.visit: one for one in known.values() if one.version == version}
    if visit in of_version:
        return of_version[visit].round
    first = of_version[1]
    row = first._replace(round=max(known) + 1, visit=visit)
    queries.insert_round(tx, drip, row)
    for step in (step for step in queries.steps(tx, drip.id) if step.round == first.round):
        like = campaign_queries.campaign(tx, drip.workspace_id, step.campaign_id)
        if like is None:
            raise RuntimeError("a step has lost its campaign")
        values = {
            "id": new_id(),
            "name": f"{like.name[: 200 - _NUMBERED]}, round {visit}",
            "template_version_id": like.version_id,
            "channel": like.channel,
            "purpose": like.purpose,
            "sender": like.sender,
            "account": like.account,
            "country": like.country,
            "expires_in_seconds": like.expires_in,
            "plan": like.plan,
        }
        _insert_step(tx, drip, row._replace(made_at=now), step.number, values)
    return row.round


def set_drip_pace(tx: Transaction, drip: queries.DripRow, throttle: Throttle | None, *, now: int) -> None:
    """Let the messages of all steps leave at one pace, or at none: that of the first step of the first round."""
    leader = queries.pace_leader(tx, drip.id)
    step = throttle.step_us if throttle else None
    for one in queries.steps(tx, drip.id):
        own = one.campaign_id == leader
        set_pace(tx, drip.workspace_id, one.campaign_id, step, now=now, leader="" if own else leader)


def _insert_step(
    tx: Transaction, drip: queries.DripRow, row: queries.RoundRow, number: int, values: dict[str, Any]
) -> None:
    status = {"active": CampaignStatus.SENDING, "paused": CampaignStatus.PAUSED}.get(drip.status, CampaignStatus.DRAFT)
    common = {
        "workspace_id": drip.workspace_id,
        "status": status.value,
        "pause_reason": drip.pause_reason,
        "expanded_to": queries.STANDING,
        "created_at": row.made_at,
        "started_at": drip.started_at,
        "created_by": row.made_by,
        "reach": drip.reach,
        "archived_at": row.made_at,
    }
    campaign_queries.insert_campaign(tx, {**common, **values})
    campaign_id = values["id"]
    queries.insert_step(tx, drip.workspace_id, drip.id, number=number, round_=row.round, campaign_id=campaign_id)
    if throttle := read_drip(drip.plan).throttle:
        leader = queries.pace_leader(tx, drip.id)
        leader = "" if leader == campaign_id else leader
        set_pace(tx, drip.workspace_id, campaign_id, throttle.step_us, now=row.made_at, leader=leader)


async def _text(database: Database, directory: Directory, workspace_id: str, wish: Wish) -> StepText:
    account = ""
    if wish.account:
        try:
            account = directory.require(workspace_id, wish.account).id
        except NotFound as error:
            raise Invalid(error.code, error.detail, errors=[FieldError("/account", error.code, error.detail)]) from None
    code = wish.template_code
    if code is None:
        body = wish.text or ""
        compile_template(body)
        return StepText("", body, letters_of(body, "", "{}"), account)
    found = await database.read(lambda tx: campaign_queries.newest_template(tx, workspace_id, code))
    if found is None:
        detail = f"There is no template {code!r:.80}; `sendyard templates list` shows those there are."
        raise NotFound("unknown_template", detail, errors=[FieldError("/steps", "unknown_template", detail)])
    version_id, body, document, registered = found
    return StepText(version_id, body, letters_of(body, document, registered), account)


def _named(letters: Letters) -> tuple[str, ...]:
    return (*letters.template.variables, *(letters.forms.variables if letters.forms else ()))


def _pointer(place: int, error: FieldError) -> str:
    """Where a fault of a step's wish stands in the request."""
    of_all = error.pointer in {"/name", "/purpose", "/country", "/expires_in"}
    return error.pointer if of_all else f"/steps/{place}{error.pointer}"
