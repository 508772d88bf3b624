"""
Who comes into a drip: judged once, with the values that every step needs, and given a number.
"""

from collections.abc import Mapping, Sequence

import msgspec

from sendyard.delivery.preflight import is_storable
from sendyard.domain.channels import Channel
from sendyard.domain.errors import AppError, FieldError, Invalid, NotFound
from sendyard.domain.template import compile_template
from sendyard.features.campaigns import queries as campaign_queries
from sendyard.features.campaigns.audience.gathering import audience_test
from sendyard.features.campaigns.audience.importing import completed, only_team, recipient_of
from sendyard.features.campaigns.audience.queries import PersonRow, people, people_at, people_by_id
from sendyard.features.campaigns.audience.rows import Judge, Recipient
from sendyard.features.campaigns.drips import queries
from sendyard.features.campaigns.drips.moments import step_moment
from sendyard.features.campaigns.drips.plan import Step, read_drip
from sendyard.features.campaigns.drips.queries import DripRow, PersonInDrip
from sendyard.features.campaigns.drips.texts import Needs, needs_of
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.scheduling.timing import zone_of
from sendyard.features.templates.rendering import letters_of
from sendyard.storage.transaction import Transaction

MOST_GIVEN = 10_000
"""Numbers, and contacts, that one request may name; more belong into a file or a list."""

_NOTHING = compile_template("-")
_encode = msgspec.json.Encoder().encode


def step_campaigns(tx: Transaction, drip: DripRow, round_: int | None = None) -> list[CampaignRow]:
    """The campaigns of a round's steps, in their order; of those who come in now when None."""
    place = drip.round if round_ is None else round_
    found = [
        campaign_queries.campaign(tx, drip.workspace_id, step.campaign_id)
        for step in queries.steps(tx, drip.id)
        if step.round == place
    ]
    return [campaign for campaign in found if campaign is not None]


def needs_of_drip(tx: Transaction, drip: DripRow, round_: int | None = None) -> Needs:
    """Say what people must bring for the steps of a round; of those who come in now when None."""
    letters = [letters_of(one.body, one.document, one.registered) for one in step_campaigns(tx, drip, round_)]
    return needs_of(tx, drip.workspace_id, letters)


def named_person(
    tx: Transaction, drip: DripRow, needs: Needs, *, to: str, contact: str, values: Mapping[str, str] | None = None
) -> Recipient | NotFound:
    """Judge a number as somebody wrote it, or a contact by its id; `values` come before what is known of either."""
    channel, workspace_id, columns = Channel(drip.channel), drip.workspace_id, needs.variables.columns
    judge = Judge(None, _NOTHING, drip.country, channel)
    if contact:
        person = people_by_id(tx, workspace_id, [contact], channel, columns).get(contact)
        if person is None:
            detail = f"There is no contact {contact!r:.60}."
            return NotFound("unknown_contact", detail, errors=[FieldError("/contact", "unknown_contact", detail)])
        row = recipient_of(1, person, channel, judge)
    else:
        row = judge.judge_given(1, to)
        person = people_at(tx, workspace_id, [row.address], channel, columns).get(row.address) if row.address else None
    given = _encode(values).decode() if values else "{}"
    return _finished(tx, drip, needs, [(row._replace(variables=given), person)])[0]


def found_people(
    tx: Transaction, drip: DripRow, needs: Needs, *, asked: int, after: int, limit: int
) -> tuple[list[Recipient], int | None] | AppError:
    """
    Judge the next page of people that its lists and segments find, and give the number of the last contact looked at.

    That is None when there is none left. People who are or were in the drip are left out. `asked` is the moment for
    which segments are asked. Gives the error instead when a list or segment is gone.
    """
    channel = Channel(drip.channel)
    try:
        test = audience_test(tx, drip.workspace_id, read_drip(drip.plan).audience, now=asked)
    except AppError as error:
        return error
    page = people(tx, drip.workspace_id, test, channel, needs.variables.columns, after=after, limit=limit)
    if not page:
        return [], None
    known = queries.known_contacts(tx, drip.id, (one.no for one in page))
    judge = Judge(None, _NOTHING, drip.country, channel)
    pairs = [
        (recipient_of(place, one, channel, judge), one)
        for place, one in enumerate((one for one in page if one.no not in known), start=1)
    ]
    return _finished(tx, drip, needs, pairs), page[-1].no


def enter(
    tx: Transaction, drip: DripRow, rows: Sequence[Recipient], *, home: str, now: int, round_: int | None = None
) -> list[PersonInDrip]:
    """
    Store people in one transaction with their numbers; gives those that were stored.

    Without a `round_` they are new to the drip, and whoever is not is left out.
    """
    first, status, present = queries.numbers_for(tx, drip.id, len(rows))
    if status == "cancelled":
        return []
    if round_ is None:
        addresses = queries.known_addresses(tx, drip.id, (row.address for row in rows if row.address))
        contacts = queries.known_contacts(tx, drip.id, (row.contact_no for row in rows if row.contact_no is not None))
        rows = [row for row in rows if row.address not in addresses and row.contact_no not in contacts]
    place = present if round_ is None else round_
    step = read_drip(queries.rounds(tx, drip.id)[place].plan).steps[0] if status in {"active", "paused"} else None
    found = []
    for no, row in enumerate(rows, start=first):
        good = bool(row.address)
        moment = first_moment(step, row.zone, row.address, home=home, since=now) if good and step else None
        found.append(
            PersonInDrip(
                no=no,
                given=row.given if good or row.contact_no is None else "",
                address=row.address,
                country=row.country,
                variables=row.variables,
                language=row.language,
                zone=row.zone,
                contact_no=row.contact_no,
                round=place,
                step=1,
                next_at=moment,
                state="active" if good else "refused",
                why=row.code,
                entered_at=now,
                ended_at=None if good else now,
            )
        )
    queries.insert_people(tx, drip.workspace_id, drip.id, found)
    return found


def first_moment(step: Step, zone: str, address: str, *, home: str, since: int) -> int:
    """When the first step of somebody who came at `since` is due."""
    return step_moment(step, since, zone_of(zone, address, home))


def expect_values(values: Mapping[str, str]) -> None:
    """See whether values can be stored. Raises Invalid."""
    for name, value in values.items():
        if not is_storable(name) or not is_storable(value):
            detail = "A value holds a character that cannot be sent (U+0000, or half of a pair)."
            raise Invalid("bad_character", detail, errors=[FieldError("/variables", "bad_character", detail)])


def expect_few(numbers: Sequence[str], contacts: Sequence[str]) -> None:
    """See whether one request names no more people than it may. Raises Invalid."""
    for name, found in (("numbers", numbers), ("contacts", contacts)):
        if len(found) > MOST_GIVEN:
            detail = f"Expected at most {MOST_GIVEN:,} {name}, found {len(found):,}; put them into a file or a list."
            raise Invalid("too_many", detail, errors=[FieldError(f"/audience/{name}", "too_many", detail)])


def _finished(
    tx: Transaction, drip: DripRow, needs: Needs, pairs: Sequence[tuple[Recipient, PersonRow | None]]
) -> list[Recipient]:
    whole = [completed(row, person, needs.variables, needs.required) for row, person in pairs]
    return only_team(tx, drip.workspace_id, whole) if drip.reach == "team" else whole
