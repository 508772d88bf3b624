"""
The recipient's side of a message about to be accepted: consent, windows and hours, by the rules of the country.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from sendyard.delivery.brief import Brief, brief_of
from sendyard.delivery.directory import Directory
from sendyard.delivery.judging import Ruling, explained, field_errors, judge
from sendyard.delivery.persons import Persons, moment, read_persons
from sendyard.domain.channels import Purpose
from sendyard.domain.countries.registry import RULES, concerning
from sendyard.domain.countries.rules import Level, Need
from sendyard.domain.errors import AppError, FieldError, Invalid
from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import Claimed, NewMessage, Note
from sendyard.storage.transaction import Transaction

_OF_NEWCOMERS = frozenset(rule.id for rule in RULES.values() if Need.FIRST_CONTACT in rule.needs)
"""Rules about words that hold for the first message to a person only."""


def hear(directory: Directory, tx: Transaction, message: NewMessage) -> NewMessage | AppError:
    """
    Ask the rules about the recipient of one message.

    Gives it back: as it is; scheduled for the first open hour, from which its time to live counts anew; or
    `Invalid` with the rule's id as code where the rule forbids it.
    """
    brief = brief_for(directory, message, message.campaign_id)
    needs = _needs(brief, message)
    if brief is None or needs is None:
        return message
    address = message.to.value
    persons = read_persons(tx, message.workspace_id, (address,), message.channel.value, needs)
    ruling = judge(brief, persons, address, message.send_at or message.created_at)
    return _heeded(ruling, message, newcomer=address not in persons.written_to)


@dataclass(slots=True)
class _Asked:
    """Recipients of whom the same is read."""

    channel: str
    needs: frozenset[Need]
    addresses: list[str] = field(default_factory=list)
    persons: Persons = field(default_factory=Persons)


_Listening = tuple[NewMessage, Brief, _Asked]


def hear_many(
    directory: Directory,
    tx: Transaction,
    workspace_id: str,
    rows: Sequence[NewMessage | AppError],
    addresses: Sequence[str],
    silent: Container[int],
) -> Sequence[NewMessage | AppError]:
    """
    `hear` for a list, with a query for each kind of fact that is asked; of positions in `silent` nothing is asked.

    `addresses` has the recipient of each row: rows that are alike may share one message, and share what comes of it.
    """
    listening: list[_Listening | None] = []
    known: dict[int, _Listening | None] = {}
    asked: dict[tuple[str, frozenset[Need]], _Asked] = {}
    for position, (row, address) in enumerate(zip(rows, addresses, strict=True)):
        if id(row) in known:
            listens = known[id(row)]
        else:
            listens = known[id(row)] = _listening(directory, row, asked)
        if listens is not None:
            if position in silent:
                listens = None
            else:
                listens[2].addresses.append(address)
        listening.append(listens)
    if not asked:
        return rows
    for group in asked.values():
        group.persons = read_persons(tx, workspace_id, group.addresses, group.channel, group.needs)
    outcomes: list[NewMessage | AppError] = []
    heeded: dict[tuple[int, int, bool], tuple[Ruling, NewMessage | AppError]] = {}
    for row, address, listens in zip(rows, addresses, listening, strict=True):
        if listens is None:
            outcomes.append(row)
            continue
        message, brief, group = listens
        ruling = judge(brief, group.persons, address, message.send_at or message.created_at)
        newcomer = address not in group.persons.written_to
        key = (id(message), id(ruling), newcomer)
        found = heeded.get(key)
        if found is None:
            # The ruling is kept as well: while it is there, nothing else has its identity.
            found = heeded[key] = ruling, _heeded(ruling, message, newcomer=newcomer)
        outcomes.append(found[1])
    return outcomes


def _listening(
    directory: Directory, row: NewMessage | AppError, asked: dict[tuple[str, frozenset[Need]], _Asked]
) -> _Listening | None:
    """Find what is asked of the recipients of a message; None when the rules do not look at them."""
    if isinstance(row, AppError) or not concerning(row.country, row.channel, row.purpose):
        return None
    brief = brief_for(directory, row, row.campaign_id)
    needs = _needs(brief, row)
    if brief is None or needs is None:
        return None
    place = (row.channel.value, needs)
    if place not in asked:
        asked[place] = _Asked(*place)
    return row, brief, asked[place]


def brief_for(directory: Directory, message: NewMessage | Claimed, campaign_id: str) -> Brief | None:
    """What the rules know of a message as the first account of its route carries it; None when none speaks of it."""
    return brief_of(
        directory,
        message.workspace_id,
        account_id=message.route[0] if message.route else "",
        sender=message.sender,
        channel=message.channel,
        purpose=message.purpose,
        country=message.country,
        content=message.content,
        variants=message.variants,
        registration=message.registration,
        campaign_id=campaign_id,
    )


def _needs(brief: Brief | None, message: NewMessage) -> frozenset[Need] | None:
    """What is to be read of the recipient; None when the rules do not look at the person at all."""
    if brief is None:
        return None
    if message.notes and any(note.rule in _OF_NEWCOMERS for note in message.notes):
        return brief.needs | {Need.FIRST_CONTACT}
    return brief.needs if brief.judges_person else None


def _heeded(ruling: Ruling, message: NewMessage, *, newcomer: bool) -> NewMessage | AppError:
    notes = message.notes
    if not newcomer:
        notes = tuple(note for note in notes if note.rule not in _OF_NEWCOMERS)
    if ruling.block is not None:
        return Invalid(ruling.block.rule_id, explained(ruling.block), errors=field_errors([ruling.block]))
    if ruling.until is not None:
        return _moved(message, ruling.until, (*notes, *ruling.notes))
    if ruling.notes or notes is not message.notes:
        return message.but(notes=(*notes, *ruling.notes))
    return message


def _moved(message: NewMessage, until: int, notes: Sequence[Note]) -> NewMessage | AppError:
    """The message at its first open hour; what is no advertising keeps its end, and is refused if that comes first."""
    expires_at = message.expires_at
    if message.purpose is Purpose.PROMOTIONAL:
        expires_at += until - (message.send_at or message.created_at)
    elif until >= expires_at:
        rule, _, said, _ = next(note for note in notes if note.level == Level.DEFER)
        detail = f"{said} Its time to live ends before that, {moment(expires_at):%Y-%m-%d %H:%M} UTC."
        return Invalid(rule, detail, errors=[FieldError("/expires_in", rule, detail)])
    return message.but(status=MessageStatus.SCHEDULED, send_at=until, expires_at=expires_at, notes=notes)
