"""
A workspace that has told what rules ask for, and messages of it that are judged at a given moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sendyard.delivery.preflight import Draft, check
from sendyard.delivery.threshold import Threshold
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.countries.situation import ConsentKind
from sendyard.features.audience import Consents
from sendyard.features.connections.compliance import RegisteredTexts, SenderFacts, Waivers, WorkspaceFacts
from sendyard.ledger.claim import claim
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import Claimed, Exchange, NewMessage, Posting
from sendyard.ledger.posting import post
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction
from tests.situations import at
from tests.yard import Yard

KOREAN_SENDER, FREE_NUMBER, SHOP = "0212345678", "080-123-4567", "행복가게"
BY = "key-1"


@dataclass
class Lawful:
    """A yard with one account for every country, and the facts of a shop."""

    yard: Yard
    account_id: str = ""
    following: dict[str, list[str]] = field(default_factory=dict)  # by message: where it goes from an account

    @classmethod
    async def of(cls, yard: Yard, **settings: Any) -> "Lawful":
        account_id = await yard.account("twilio", "world", **{"sender": "+14155550123", **settings})
        for channel in (Channel.SMS, Channel.WHATSAPP):
            await yard.routes.set(yard.workspace_id, channel=channel, accounts=[account_id])
        lawful = cls(yard, account_id)
        await lawful.tell(business=SHOP, opt_out_number=FREE_NUMBER)
        return lawful

    async def tell(self, **facts: Any) -> None:
        await WorkspaceFacts(self.yard.database, self.yard.directory).change(self.yard.workspace_id, facts, by=BY)

    async def sender(self, value: str, **facts: Any) -> None:
        await SenderFacts(self.yard.database, self.yard.directory).put(self.yard.workspace_id, value, facts, by=BY)

    async def template(self, registry_id: str, **facts: Any) -> None:
        texts = RegisteredTexts(self.yard.database, self.yard.directory)
        await texts.put(self.yard.workspace_id, registry_id, facts, by=BY)

    async def waive(self, rule: str, **rest: Any) -> None:
        told: dict[str, Any] = {"who": "Lin Yi", "reason": "agreed with counsel", "by": BY, "as_owner": True, **rest}
        await Waivers(self.yard.database, self.yard.directory).add(self.yard.workspace_id, rule=rule, **told)

    async def consent(
        self, to: str, *kinds: ConsentKind, state: str = "granted", when: str = "2026-01-10 12:00", **rest: Any
    ) -> None:
        """Record words said before the present of the tests."""
        for kind in kinds or (ConsentKind.MARKETING,):
            told: dict[str, Any] = {"source": "shop form", "evidence": "wording 3", "at": at(when), **rest}
            await Consents(self.yard.database).add(self.yard.workspace_id, to=to, kind=kind, state=state, **told)

    def accept(self, to: str, text: str, when: datetime, **rest: Any) -> NewMessage:
        """Check one promotional message and store it. Raises Invalid where a rule forbids it."""
        now = milliseconds(when)
        told: dict[str, Any] = {"purpose": Purpose.PROMOTIONAL, **rest}
        draft = Draft(to=to, content=told.pop("content", Text(text)), **told)

        def work(tx: Transaction) -> NewMessage:
            message = check(self.yard.directory, tx, self.yard.workspace_id, draft, now)
            enqueue(tx, [message])
            return message

        return self.yard.database.write_now(work)

    def hand_over(self, when: datetime, *, owner: str = "worker-1") -> list[str]:
        """Claim and post what is due at a moment; the addresses that may be sent to."""
        claimed = self.claim(when, owner=owner)
        return self.post(claimed, when, owner=owner)

    def claim(self, when: datetime, *, owner: str = "worker-1") -> list[Claimed]:
        now = milliseconds(when)
        return self.yard.database.write_now(
            lambda tx: claim(tx, self.account_id, 1000, owner=owner, now=now, lease_until=now + 60_000)
        )

    def post(self, claimed: Sequence[Claimed], when: datetime, *, owner: str = "worker-1") -> list[str]:
        now = milliseconds(when)
        threshold = Threshold(self.yard.directory, lambda message: self.following.get(message.id))
        postings = [Posting(message, message.attempts + 1, "") for message in claimed]
        exchange = Exchange(new_id(), self.yard.workspace_id, self.account_id, postings)

        def work(tx: Transaction) -> set[str]:
            passed = threshold.pass_through(tx, [exchange], owner=owner, now=now)
            return post(tx, passed, owner=owner, now=now, lease_until=now + 60_000)

        going = self.yard.database.write_now(work) if postings else set()
        return [posting.message.to.value for posting in postings if posting.message.id in going]

    def row(self, message_id: str) -> tuple[Any, ...]:
        """Status, moment it is due, end, and code of the error."""
        sql = "SELECT status, due_at, expires_at, error_code FROM messages WHERE id = ?"
        return self.yard.rows(sql, message_id)[0]

    def events(self, message_id: str) -> list[tuple[str, str | None]]:
        """Kind and code of what happened to a message, in order."""
        found = self.yard.rows("SELECT kind, code FROM events WHERE message_id = ? ORDER BY seq", message_id)
        return [(kind, code) for kind, code in found]


def milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)
