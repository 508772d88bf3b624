"""
Plays the part of dispatchers and providers for campaigns: ledger functions, without sockets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import AttemptStatus, MessageStatus
from sendyard.features.campaigns import Campaigns, Expander
from sendyard.ledger.claim import claim
from sendyard.ledger.entries import Claimed, Closing, EventKind, Exchange, Outcome, Posting
from sendyard.ledger.posting import post
from sendyard.ledger.receipts import close
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction
from tests.yard import Yard

Verdict = Callable[[Claimed], MessageStatus]

_ENDS = {
    MessageStatus.SENT: (AttemptStatus.SENT, EventKind.ACCEPTED),
    MessageStatus.DELIVERED: (AttemptStatus.DELIVERED, EventKind.REPORT),
    MessageStatus.FAILED: (AttemptStatus.REFUSED, EventKind.REFUSED),
    MessageStatus.UNKNOWN: (AttemptStatus.UNKNOWN, EventKind.UNKNOWN),
    MessageStatus.QUEUED: (AttemptStatus.REFUSED, EventKind.RETRY),
}
REFUSAL = ProviderError(ErrorKind.UNDELIVERABLE, "E9", "the handset is off")


def number(position: int) -> str:
    """An invented Taiwanese mobile number, as dialled there."""
    return f"09{position:08d}"


def sheet(count: int, *, text: str = "phone,name\n") -> bytes:
    return (text + "".join(f"{number(position)},Name {position}\n" for position in range(count))).encode()


@dataclass
class Play:
    """A yard with one account, one route and its campaigns."""

    yard: Yard
    account_id: str

    @property
    def campaigns(self) -> Campaigns:
        return Campaigns(self.yard.database, self.yard.directory)

    def expander(self, **options: Any) -> Expander:
        return Expander(self.yard.database, self.yard.directory, **options)

    async def draft(self, csv: bytes, **options: Any) -> str:
        options = {"name": "Spring", "text": "Hi {name}", "country": "TW", "purpose": "transactional", **options}
        made = await self.campaigns.create(self.yard.workspace_id, csv=csv, **options)
        return str(made["id"])

    async def started(self, csv: bytes, **options: Any) -> str:
        campaign_id = await self.draft(csv, **options)
        await self.campaigns.start(self.yard.workspace_id, campaign_id)
        return campaign_id

    async def prepared(self, csv: bytes, **options: Any) -> str:
        campaign_id = await self.started(csv, **options)
        expander = self.expander()
        while await expander.round():
            pass
        return campaign_id

    async def get(self, campaign_id: str) -> dict[str, Any]:
        return await self.campaigns.get(self.yard.workspace_id, campaign_id)

    async def status(self, campaign_id: str) -> str:
        return str((await self.get(campaign_id))["status"])

    async def progress(self, campaign_id: str) -> dict[str, Any]:
        return await self.campaigns.progress(self.yard.workspace_id, campaign_id)

    def hand_over(
        self,
        verdict: Verdict = lambda _message: MessageStatus.DELIVERED,
        *,
        limit: int = 10_000,
        closing: str = "closed",
        error: ProviderError = REFUSAL,
    ) -> list[str]:
        """Claim, post and close up to `limit` messages as `verdict` says; gives the addresses that were reached."""

        def work(tx: Transaction) -> list[str]:
            now = now_ms()
            claimed = claim(tx, self.account_id, limit, owner="play", now=now, lease_until=now + 60_000)
            if not claimed:
                return []
            exchange = self._exchange(claimed)
            going = post(tx, [exchange], owner="play", now=now, lease_until=now + 60_000)
            postings = [posting for posting in exchange.postings if posting.message.id in going]
            outcomes = [self._outcome(posting, verdict(posting.message), error, now) for posting in postings]
            next_try_at = now + 60_000 if closing == "doubtful" else None
            close(tx, [Closing(exchange.id, self.account_id, outcomes, closing, next_try_at)], now=now)
            return [posting.message.to.value for posting in postings]

        return self.yard.database.write_now(work)

    def _exchange(self, claimed: Sequence[Claimed]) -> Exchange:
        postings = [Posting(message, message.attempts + 1, "") for message in claimed]
        return Exchange(new_id(), self.yard.workspace_id, self.account_id, postings)

    def _outcome(self, posting: Posting, status: MessageStatus, error: ProviderError, now: int) -> Outcome:
        attempt_status, event = _ENDS[status]
        good = status in {MessageStatus.SENT, MessageStatus.DELIVERED}
        return Outcome(
            posting,
            attempt_status,
            status,
            event,
            provider_ref=f"ref-{posting.message.to.value}" if good else None,
            parts=1 if good else None,
            cost_amount="0.05" if good else None,
            cost_currency="USD" if good else None,
            error=None if good else error,
            due_at=now if status is MessageStatus.QUEUED else None,
            route=tuple(posting.message.route),
        )

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.yard.rows(sql, *parameters)

    def addresses(self, campaign_id: str) -> list[str]:
        """Addresses of a campaign's messages in the order of the file."""
        found = self.rows("SELECT address FROM messages m WHERE group_id = ? ORDER BY m.row", campaign_id)
        return [address for (address,) in found]


async def play_on(yard: Yard) -> Play:
    """Give a yard an account with a price, and a route for everything."""
    account_id = await yard.account("twilio", "world", price_per_part="0.05")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[account_id])
    return Play(yard, account_id)
