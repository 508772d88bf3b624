"""
Claimed messages become requests: grouped as the provider can take them, rendered, built.
"""

import secrets
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sendyard.delivery.directory import AccountEntry
from sendyard.ledger.entries import Claimed, Exchange, Posting
from sendyard.providers.contract import Call, Outgoing
from sendyard.providers.spec import RateUnit
from sendyard.providers.wire import HttpRequest
from sendyard.storage.identifiers import new_id


@dataclass(slots=True)
class Batch:
    """One exchange to be: what the ledger keeps of it, and what the adapter sees."""

    exchange: Exchange
    outgoing: list[Outgoing]
    call: Call
    request: HttpRequest


def call_for(entry: AccountEntry, exchange_id: str) -> Call:
    """What the adapter may know of this moment."""
    return Call(
        account=entry.settings,
        now=datetime.now(UTC),
        nonce=secrets.token_hex(8),
        exchange_id=exchange_id,
        callback_url=entry.callback_url,
    )


def outgoing_of(posting: Posting) -> Outgoing:
    """The message as the adapter will see it."""
    message = posting.message
    return Outgoing(
        message_id=message.id,
        reference=posting.attempt_id,
        channel=message.channel,
        to=message.to,
        sender=posting.sender,
        content=message.content,
        purpose=message.purpose,
        country=message.country,
        fallback=message.fallback,
        valid_until=datetime.fromtimestamp(message.expires_at / 1000, UTC),
    )


def posting_of(entry: AccountEntry, message: Claimed) -> Posting:
    """The next attempt of a message through this account."""
    return Posting(message, message.attempts + 1, message.sender or entry.sender)


def build(entry: AccountEntry, exchange: Exchange) -> Batch:
    """Build the request of one exchange; the same exchange gives the same request."""
    outgoing = [outgoing_of(posting) for posting in exchange.postings]
    call = call_for(entry, exchange.id)
    return Batch(exchange, outgoing, call, entry.adapter.build_submit(call, outgoing))


def group(entry: AccountEntry, messages: Sequence[Claimed], *, requests: int) -> list[list[Posting]]:
    """
    Divide messages, most urgent first, into at most `requests` batches the provider can take.

    One recipient stands in a batch once: providers that answer by number could not tell two apart.
    """
    limit = entry.adapter.spec.batch.limit
    if limit == 1:
        return [[posting_of(entry, message)] for message in messages[:requests]]
    key_of = entry.adapter.batch_key
    open_batches: dict[Hashable, tuple[list[Posting], set[str]]] = {}
    batches: list[list[Posting]] = []
    for message in messages:
        posting = posting_of(entry, message)
        key = (message.workspace_id, key_of(outgoing_of(posting)))
        batch, recipients = open_batches.get(key, (None, set()))
        if batch is None or len(batch) >= limit or message.to.value in recipients:
            if len(batches) >= requests:
                continue
            batch, recipients = [], set()
            batches.append(batch)
            open_batches[key] = (batch, recipients)
        batch.append(posting)
        recipients.add(message.to.value)
    return batches


def units(entry: AccountEntry, batches: Sequence[Sequence[Posting]]) -> int:
    """What the batches cost in the unit the provider's limit counts."""
    if entry.rate_unit is RateUnit.REQUEST:
        return len(batches)
    if entry.rate_unit is RateUnit.MESSAGE:
        return sum(len(batch) for batch in batches)
    return sum(posting.message.parts for batch in batches for posting in batch)


def new_exchange(entry: AccountEntry, postings: list[Posting]) -> Exchange:
    """A round trip that has not begun."""
    return Exchange(new_id(), entry.workspace_id, entry.id, postings)
