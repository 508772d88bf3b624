"""
The recipient's side of a message about to be accepted: consent, windows and hours, by the rules of the country.
"""

from collections.abc import Mapping, Sequence

from sendyard.delivery.brief import Brief, brief_of
from sendyard.delivery.directory import Directory
from sendyard.delivery.judging import explained, field_errors, judge
from sendyard.delivery.persons import Persons, moment, read_persons
from sendyard.delivery.queries import Stop
from sendyard.delivery.stopping import stop_of
from sendyard.domain.channels import Channel, Purpose
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
    persons = read_persons(tx, message.workspace_id, (message.to.value,), message.channel.value, needs)
    return _judged(brief, persons, message)


def hear_many(
    directory: Directory,
    tx: Transaction,
    workspace_id: str,
    rows: Sequence[NewMessage | AppError],
    stopped: Mapping[tuple[str, str, str], Stop],
) -> Sequence[NewMessage | AppError]:
    """`hear` for a list, with a query for each kind of fact that is asked; who is suppressed is not asked about."""
    listening: list[tuple[Brief, frozenset[Need]] | None] = []
    asked: dict[tuple[Channel, frozenset[Need]], list[str]] = {}
    for row in rows:
        listens = None
        if isinstance(row, NewMessage) and concerning(row.country, row.channel, row.purpose):
            brief = brief_for(directory, row, row.campaign_id)
            needs = _needs(brief, row)
            if brief is not None and needs is not None and not (stopped and stop_of(row, stopped)):
                listens = brief, needs
                asked.setdefault((row.channel, needs), []).append(row.to.value)
        listening.append(listens)
    if not asked:
        return rows
    read = {
        (channel, needs): read_persons(tx, workspace_id, addresses, channel.value, needs)
        for (channel, needs), addresses in asked.items()
    }
    outcomes: list[NewMessage | AppError] = []
    for row, listens in zip(rows, listening, strict=True):
        if listens is None or isinstance(row, AppError):
            outcomes.append(row)
        else:
            brief, needs = listens
            outcomes.append(_judged(brief, read[row.channel, needs], row))
    return outcomes


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


def _judged(brief: Brief, persons: Persons, message: NewMessage) -> NewMessage | AppError:
    address = message.to.value
    notes = message.notes
    if Need.FIRST_CONTACT in persons.needs and address in persons.written_to:
        notes = tuple(note for note in notes if note.rule not in _OF_NEWCOMERS)
    ruling = judge(brief, persons, address, message.send_at or message.created_at)
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
