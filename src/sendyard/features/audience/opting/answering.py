"""
The answer to what a person wrote: one transactional message from the same account and sender, stored in the
transaction that stores the consequence.
"""

import logging

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.delivery.ingest import Heard
from sendyard.delivery.preflight import Draft, admit, prepare
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.errors import AppError, RateLimited
from sendyard.domain.keywords import normalise
from sendyard.domain.phone import country_of
from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.opting import queries
from sendyard.features.audience.opting.wording import Reply, Told, say
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import NewMessage
from sendyard.storage.transaction import Transaction

_LIFE = 3600  # seconds; an answer that comes a day later answers nothing
_log = logging.getLogger(__name__)


class Answers:
    """Writes answers into the ledger."""

    def __init__(self, directory: Directory) -> None:
        """Take the accounts, and what workspaces have told of themselves."""
        self._directory = directory

    def is_given_by_provider(self, heard: Heard) -> bool:
        """Whether the provider answers this message by itself."""
        own = heard.entry.adapter.spec.own_keywords
        return heard.event.channel in own.channels and normalise(heard.text) in own.words

    def told(self, heard: Heard) -> Told:
        """What is known of who speaks."""
        facts = self._directory.facts(heard.entry.workspace_id)
        sender = facts.sender(heard.entry.id, heard.event.recipient or heard.entry.sender)
        return Told(
            business=sender.business,
            contact=sender.contact,
            opt_out_number=sender.opt_out_number,
            home_zone=facts.home_zone,
        )

    def prepare(self, tx: Transaction, heard: Heard, reply: Reply, language: str, now: int) -> NewMessage | None:
        """
        Make the answer without storing it; None where this account cannot carry it.

        A carrier that cannot show the language of the word gets English. A text that needs approval first, a sender
        that only receives: then there is no answer, and what follows from the message holds all the same.
        """
        workspace_id, event = heard.entry.workspace_id, heard.event
        problem = ""
        # A LINE channel is not its own sender, and some providers name the place written to by an id.
        senders = dict.fromkeys(("" if event.channel is Channel.LINE else event.recipient, ""))
        for spoken in dict.fromkeys((language, "en")):
            own = queries.own_text(tx, workspace_id, reply.value, spoken)
            draft = Draft(
                to=event.sender,
                content=Text(say(reply, spoken, self.told(heard), now, own)),
                channel=Channel.SMS if event.channel is Channel.MMS else event.channel,
                purpose=Purpose.TRANSACTIONAL,
                account=heard.entry.id,
                expires_in=_LIFE,
                metadata={"answers": heard.inbound_id, "reply": reply.value},
                checked=True,
                checked_country=country_of(event.sender) if event.sender.startswith("+") else "",
            )
            for sender in senders:
                try:
                    return prepare(self._directory, workspace_id, msgspec.structs.replace(draft, sender=sender), now)
                except AppError as error:
                    problem = problem or error.detail
        _log.info("no answer to a keyword through %s: %s", heard.entry.name, problem)
        return None

    def send(self, tx: Transaction, message: NewMessage, *, whatever: bool) -> bool:
        """
        Store an answer; False when the person had too many messages this hour, or a rule of their country forbids it.

        `whatever` lets it pass the first. Suppressions of the person let exactly this message pass: it says what
        they asked to hear.
        """
        outcome = admit(self._directory, tx, message)
        if isinstance(outcome, AppError) and not (whatever and isinstance(outcome, RateLimited)):
            return False
        enqueue(tx, (message,))
        place = (message.to.value, message.channel.value, message.purpose.value)
        audience_queries.spare(tx, message.workspace_id, *place, message.id)
        return True
