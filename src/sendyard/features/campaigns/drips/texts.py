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
from sendyard.features.campaigns.drips.plan import DripPlan
from sendyard.features.campaigns.linking import of_people
from sendyard.features.campaigns.plan import Plan, store_plan
from sendyard.features.campaigns.wishes import Wish
from sendyard.features.links import Addresses, target_variables
from sendyard.features.templates.rendering import Letters, letters_of
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
        Invalid: a text, sender or account is not usable; the step is named.
        NotFound: there is no such template.
    """
    found = []
    for place, wish in enumerate(wishes):
        try:
            wish.check()
            found.append(await _text(database, directory, workspace_id, wish))
        except Invalid as error:
            errors = [FieldError(_pointer(place, one), one.code, one.detail) for one in error.errors]
            raise Invalid(error.code, error.detail, errors=errors) from None
    names = [name for text in found for name in _named(text.letters)]
    await Addresses(database, directory).named(workspace_id, names)
    if plan.audience.asks:
        needs = await database.read(lambda tx: needs_of(tx, workspace_id, [text.letters for text in found]))
        lacking = [name for name in needs.required if name in needs.variables.unknown]
        if lacking:
            named = ", ".join("{" + name + "}" for name in lacking)
            detail = (
                f"Contacts have no field for {named}; they have {', '.join(STANDARD)} and custom fields. Add a custom "
                "field of that code, or give the variable a default."
            )
            raise Invalid("missing_field", detail, errors=[FieldError("/audience", "missing_field", detail)])
    return found


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


def insert_steps(tx: Transaction, drip: dict[str, Any], wishes: Sequence[Wish], texts: Sequence[StepText]) -> None:
    """Make the campaigns of the first round; they are put away, so that lists of campaigns do not show them."""
    for number, (wish, text) in enumerate(zip(wishes, texts, strict=True), start=1):
        campaign_id = new_id()
        version_id = text.version_id or campaign_queries.insert_unlisted_version(
            tx, drip["workspace_id"], campaign_id, text.body, now=drip["created_at"]
        )
        values = {
            "id": campaign_id,
            "workspace_id": drip["workspace_id"],
            "name": f"{drip['name'][: 200 - _NUMBERED]}, step {number}",
            "status": CampaignStatus.DRAFT.value,
            "template_version_id": version_id,
            "channel": wish.channel,
            "purpose": wish.purpose,
            "sender": wish.sender,
            "account": text.account,
            "country": wish.country,
            "expires_in_seconds": wish.expires_in,
            "expanded_to": queries.STANDING,
            "created_at": drip["created_at"],
            "plan": store_plan(Plan()),
            "created_by": drip["created_by"],
            "reach": drip["reach"],
            "archived_at": drip["created_at"],
        }
        campaign_queries.insert_campaign(tx, values)
        queries.insert_step(tx, drip["workspace_id"], drip["id"], number=number, round_=1, campaign_id=campaign_id)


def add_round(tx: Transaction, drip: queries.DripRow, round_: int, *, now: int) -> None:
    """Make campaigns that send the same to those who come again, unless they are there."""
    known = queries.steps(tx, drip.id)
    if any(step.round == round_ for step in known):
        return
    status = {"active": CampaignStatus.SENDING, "paused": CampaignStatus.PAUSED}.get(drip.status, CampaignStatus.DRAFT)
    for step in (step for step in known if step.round == 1):
        first = campaign_queries.campaign(tx, drip.workspace_id, step.campaign_id)
        if first is None:
            raise RuntimeError("a step has lost its campaign")
        campaign_id = new_id()
        values = {
            "id": campaign_id,
            "workspace_id": drip.workspace_id,
            "name": f"{first.name[: 200 - _NUMBERED]}, round {round_}",
            "status": status.value,
            "template_version_id": first.version_id,
            "channel": first.channel,
            "purpose": first.purpose,
            "sender": first.sender,
            "account": first.account,
            "country": first.country,
            "expires_in_seconds": first.expires_in,
            "expanded_to": queries.STANDING,
            "created_at": now,
            "started_at": drip.started_at,
            "plan": first.plan,
            "created_by": first.created_by,
            "reach": first.reach,
            "archived_at": now,
        }
        campaign_queries.insert_campaign(tx, values)
        queries.insert_step(tx, drip.workspace_id, drip.id, number=step.number, round_=round_, campaign_id=campaign_id)


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
