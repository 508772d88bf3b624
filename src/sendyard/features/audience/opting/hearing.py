"""
What people write decides what they get: stop, start, help, and the answers to questions for consent.

Runs in the transaction that stores an inbound message for the first time. So a message counts once, however often
the provider repeats it, and its answer exists exactly when its consequence does.

A word counts for the person: for every address that the provider or our contact has of them. What the provider says
by itself (unfollowed, blocked, opted out there) counts for the address it names.
"""

import json
from collections.abc import Sequence

from sendyard.delivery.directory import Directory
from sendyard.delivery.ingest import Heard
from sendyard.delivery.queries import suppress
from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.keywords import (
    LONGEST_KEYWORD,
    STANDARD,
    Intent,
    Meaning,
    is_probable_refusal,
    normalise,
)
from sendyard.domain.phone import country_of
from sendyard.features.audience import consents, queries
from sendyard.features.audience.contacts import queries as contact_queries
from sendyard.features.audience.contacts.rows import Identity
from sendyard.features.audience.erased import revive
from sendyard.features.audience.errands import asking
from sendyard.features.audience.opting import queries as opting_queries
from sendyard.features.audience.opting.answering import Answers
from sendyard.features.audience.opting.queries import RequestRow
from sendyard.features.audience.opting.wording import REPLY_TO, Reply, language_for
from sendyard.features.audience.queries import ConsentRow
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

WROTE, TOLD = "inbound", "provider"
"""How the source of a suppression begins: somebody wrote it, or the provider told it; the account's name follows."""

_REACHED = frozenset(kind.value for kind in AddressKind)
_BY_NAME = frozenset({Channel.LINE, Channel.WHATSAPP})


class Hearing:
    """Follows what people write, for every workspace; to be given to `delivery.ingest.Ingest`."""

    def __init__(self, directory: Directory) -> None:
        """Take the accounts, what workspaces have told of themselves, and the keys of hashed addresses."""
        self._keys = directory.address_keys
        self._answers = Answers(directory)

    def __call__(self, tx: Transaction, heard: Heard, now: int) -> None:
        """Do what follows from one message, in the transaction of the caller."""
        event = heard.event
        if not event.profile_name and event.channel in _BY_NAME and event.opt_out is not True:
            asking.ask_profile(tx, heard.entry, event, now)
        named = list(dict.fromkeys([event.sender, *(identity.value for identity in event.identities)]))
        if event.opt_out is not None:
            if event.opt_out:
                self._stop(tx, heard, named, TOLD, now)
            else:
                self._start(tx, heard, named, TOLD, now)
            return
        person = self._person(tx, heard, named)
        if len(heard.text) <= LONGEST_KEYWORD and self._obey(tx, heard, person, now):
            return
        if is_probable_refusal(heard.text):
            self._stop_probably(tx, heard, person, now)

    def _obey(self, tx: Transaction, heard: Heard, person: Sequence[str], now: int) -> bool:
        """Do what a short message asks for; False when it is an ordinary reply."""
        waiting = opting_queries.waiting_requests(tx, heard.entry.workspace_id, person, now=now)
        stopped = bool(queries.stopped_by_themselves(tx, heard.entry.workspace_id, person))
        meaning = self._meaning(tx, heard, is_stopped=stopped or bool(waiting))
        answered = next((one for one in waiting if normalise(heard.text) in json.loads(one.words)), None)
        if meaning and meaning.intent is Intent.OPT_OUT:
            self._stop(tx, heard, person, WROTE, now, language=meaning.language)
        elif answered:
            self._agree(tx, heard, person, answered, now)
        elif meaning and meaning.intent is Intent.OPT_IN:
            self._start(tx, heard, person, WROTE, now, language=meaning.language)
        elif meaning:
            self._answer(tx, heard, REPLY_TO[meaning.intent], meaning.language, now)
        return bool(meaning or answered)

    def _meaning(self, tx: Transaction, heard: Heard, *, is_stopped: bool) -> Meaning | None:
        own = opting_queries.own_word(tx, heard.entry.workspace_id, normalise(heard.text))
        if own:
            return Meaning(Intent(own[0]), own[1])
        sender = heard.event.sender
        country = country_of(sender) if sender.startswith("+") else ""
        return STANDARD.meaning(heard.text, country=country, is_stopped=is_stopped)

    def _person(self, tx: Transaction, heard: Heard, named: Sequence[str]) -> list[str]:
        """Every address at which the sender is reached, the one they wrote from first."""
        event, workspace_id = heard.event, heard.entry.workspace_id
        told = [Identity(event.sender_kind.value, event.sender)]
        told += [Identity(identity.kind.value, identity.value) for identity in event.identities]
        holders = set(contact_queries.holders(tx, workspace_id, told).values())
        # Where what the provider told belongs to two contacts, nobody knows yet whose wish it is but the sender's.
        known = contact_queries.identities_of(tx, workspace_id, holders) if len(holders) == 1 else {}
        reached = [one.value for having in known.values() for one in having if one.kind in _REACHED]
        return list(dict.fromkeys([*named, *reached]))

    def _stop(
        self, tx: Transaction, heard: Heard, addresses: Sequence[str], origin: str, now: int, *, language: str = ""
    ) -> bool:
        """Suppress these addresses; with a `language`, confirm it unless it was so before. Gives whether it is new."""
        workspace_id, sender = heard.entry.workspace_id, heard.event.sender
        source, evidence = f"{origin}:{heard.entry.name}", _evidence(heard)
        confirms = language and not self._answers.is_given_by_provider(heard)
        answer = self._answers.prepare(tx, heard, Reply.OPT_OUT, language, now) if confirms else None
        fresh = [
            address
            for address in addresses
            if suppress(tx, workspace_id, address, channel="", reason="opted_out", source=source, evidence=evidence,
                        now=now)
        ]  # fmt: skip
        consents.withdraw(tx, workspace_id, addresses, channel="", source=source, evidence=evidence, now=now)
        waiting = opting_queries.waiting_requests(tx, workspace_id, addresses, now=now)
        opting_queries.settle_requests(
            tx, workspace_id, [one.id for one in waiting], state="refused", evidence=evidence, now=now
        )
        if answer and sender in fresh:
            self._answers.send(tx, answer, whatever=True)
        return bool(fresh)

    def _stop_probably(self, tx: Transaction, heard: Heard, addresses: Sequence[str], now: int) -> None:
        """A refusal in words of their own holds at once; a person looks at it afterwards."""
        if self._stop(tx, heard, addresses, WROTE, now, language=language_for(heard.event.sender)):
            queries.mark_for_review(tx, heard.entry.workspace_id, addresses)

    def _start(
        self, tx: Transaction, heard: Heard, addresses: Sequence[str], origin: str, now: int, *, language: str = ""
    ) -> None:
        """Lift what these people had asked for themselves; what others decided about them stays."""
        workspace_id = heard.entry.workspace_id
        revive(tx, self._keys, workspace_id, addresses, now=now)
        lifted = queries.lift_own(tx, workspace_id, addresses)
        source, evidence = f"{origin}:{heard.entry.name}", _evidence(heard)
        for taken_by in (WROTE, TOLD):
            consents.restore(
                tx, workspace_id, addresses, withdrawn_by=f"{taken_by}:", source=source, evidence=evidence, now=now
            )
        if lifted and language and not self._answers.is_given_by_provider(heard):
            self._answer(tx, heard, Reply.OPT_IN, language, now)

    def _agree(self, tx: Transaction, heard: Heard, addresses: Sequence[str], request: RequestRow, now: int) -> None:
        """The second half of a double opt-in: the answer is the evidence."""
        workspace_id, evidence = heard.entry.workspace_id, _evidence(heard)
        settled = opting_queries.settle_requests(
            tx, workspace_id, [request.id], state="granted", evidence=evidence, now=now
        )
        if not settled:
            return
        source = f"{WROTE}:{heard.entry.name}"
        place = (request.address, request.channel, request.purpose)
        queries.add_consents(
            tx, workspace_id,
            [ConsentRow(new_id(), *place, "granted", source, evidence, now, now, request.kind)],
        )  # fmt: skip
        queries.lift_own(tx, workspace_id, addresses)
        if not self._answers.is_given_by_provider(heard):
            self._answer(tx, heard, Reply.OPT_IN, request.language, now)

    def _answer(self, tx: Transaction, heard: Heard, reply: Reply, language: str, now: int) -> None:
        if reply is Reply.HELP and self._answers.is_given_by_provider(heard):
            return
        if answer := self._answers.prepare(tx, heard, reply, language, now):
            self._answers.send(tx, answer, whatever=False)


def _evidence(heard: Heard) -> str:
    said = f" “{heard.text[:200]}”" if heard.text else ""
    return f"message {heard.inbound_id}{said}"
