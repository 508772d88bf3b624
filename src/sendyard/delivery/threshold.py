"""
The last look before a message leaves: consent, hours and sender by the rules of its country, as they are now.

It happens in the transaction that marks messages as being sent, so what was recorded before it counts, by whichever
process. Messages no rule speaks about cost one look into a dictionary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sendyard.delivery.brief import Brief
from sendyard.delivery.directory import Directory
from sendyard.delivery.hearing import brief_for
from sendyard.delivery.judging import Ruling, explained, judge
from sendyard.delivery.persons import read_persons
from sendyard.domain.channels import Channel
from sendyard.domain.countries.registry import concerning
from sendyard.domain.countries.rules import Aspect, Level, Need, Verdict
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import Claimed, Exchange
from sendyard.ledger.holding import Deferral, Stopping, defer, stop
from sendyard.ledger.moving import move
from sendyard.storage.transaction import Transaction

_Asked = dict[tuple[str, Channel, frozenset[Need]], list[tuple[Claimed, Brief]]]


class Threshold:
    """Lets through what the rules let go, and writes down what becomes of the rest."""

    def __init__(self, directory: Directory, following: Callable[[Claimed], list[str] | None]) -> None:
        """Take the facts, and what says where a message goes when its account may not carry it; None for nowhere."""
        self._directory = directory
        self._following = following

    def pass_through(
        self, tx: Transaction, exchanges: Sequence[Exchange], *, owner: str, now: int
    ) -> Sequence[Exchange]:
        """
        Give the exchanges with the messages that may be posted now.

        The others are settled here: those whose hours are closed wait for the first open moment, those who do not
        consent are suppressed, those whose sender is known not to be registered go to the next account or fail.
        """
        sorting = _Sorting()
        asked: _Asked = {}
        for exchange in exchanges:
            for posting in exchange.postings:
                message = posting.message
                if not concerning(message.country, message.channel, message.purpose):
                    continue
                brief = brief_for(self._directory, message, message.group_id)
                if brief is None:
                    continue
                if brief.sender_blocks:
                    sorting.turn_away(message, brief.sender_blocks[0], self._following(message))
                elif brief.judges_person:
                    asked.setdefault((message.workspace_id, message.channel, brief.needs), []).append((message, brief))
        for (workspace_id, channel, needs), messages in asked.items():
            addresses = [message.to.value for message, _ in messages]
            persons = read_persons(tx, workspace_id, addresses, channel.value, needs)
            for message, brief in messages:
                sorting.heed(message, judge(brief, persons, message.to.value, now))
        if not sorting.held:
            return exchanges
        move(tx, sorting.moves, owner=owner, now=now, reason=_NO_SENDER)
        defer(tx, sorting.deferrals, owner=owner, now=now)
        stop(tx, sorting.stoppings, owner=owner, now=now)
        return [
            replace(exchange, postings=[one for one in exchange.postings if one.message.id not in sorting.held])
            for exchange in exchanges
        ]


_NO_SENDER = "the rules of the country do not let this account's sender through"


@dataclass(slots=True)
class _Sorting:
    """What must not leave, by what becomes of it."""

    held: set[str] = field(default_factory=set)
    moves: list[tuple[Claimed, list[str]]] = field(default_factory=list)
    deferrals: list[Deferral] = field(default_factory=list)
    stoppings: list[Stopping] = field(default_factory=list)

    def turn_away(self, message: Claimed, verdict: Verdict, following: list[str] | None) -> None:
        """Its account may not carry it."""
        self.held.add(message.id)
        if following is not None:
            self.moves.append((message, following))
        else:
            self._stop(message, MessageStatus.FAILED, ErrorKind.NOT_REGISTERED, verdict)

    def heed(self, message: Claimed, ruling: Ruling) -> None:
        """Do as the rules say of its recipient."""
        if ruling.block is not None:
            self.held.add(message.id)
            if ruling.block.rule.aspect is Aspect.CONSENT:
                self._stop(message, MessageStatus.SUPPRESSED, ErrorKind.OPTED_OUT, ruling.block)
            else:
                self._stop(message, MessageStatus.FAILED, ErrorKind.CONTENT_REJECTED, ruling.block)
        elif ruling.until is not None:
            self.held.add(message.id)
            said = next(note for note in ruling.notes if note.level == Level.DEFER)
            self.deferrals.append(Deferral(message.id, ruling.until, said.rule, said.detail))

    def _stop(self, message: Claimed, status: MessageStatus, kind: ErrorKind, verdict: Verdict) -> None:
        self.stoppings.append(Stopping(message.id, status, kind, verdict.rule_id, explained(verdict)))
