"""
Claimed messages become requests: grouped as the provider can take them, rendered, built.
"""

import logging
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from sendyard.delivery.directory import AccountEntry
from sendyard.domain.errors import ProviderError
from sendyard.ledger.entries import Claimed, Exchange, Posting
from sendyard.providers.contract import Call, Outgoing
from sendyard.providers.spec import RateUnit
from sendyard.providers.wire import HttpRequest
from sendyard.storage.identifiers import entropy, new_id

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """One exchange to be: what the ledger keeps of it, and what the adapter sees."""

    exchange: Exchange
    outgoing: list[Outgoing]
    call: Call
    request: HttpRequest | None  # None: it cannot be built, and nothing may leave
    withheld: ProviderError | None = None  # why it was not even tried to build


def call_for(entry: AccountEntry, exchange_id: str, token: str = "") -> Call:
    """What the adapter may know of this moment; `token` is of an account that signs in."""
    return Call(
        account=entry.settings,
        now=datetime.now(UTC),
        nonce=entropy(8).hex(),
        exchange_id=exchange_id,
        token=token,
        callback_url=entry.callback_url,
    )


def outgoing_of(posting: Posting, provider: str) -> Outgoing:
    """The message as the adapter of this provider will see it."""
    message = posting.message
    return Outgoing(
        message.id,
        posting.attempt_id,
        message.channel,
        message.to,
        posting.sender,
        message.variants.get(provider, message.content) if message.variants else message.content,
        message.purpose,
        message.country,
        message.registration,
        message.fallback,
        "",
        _moment(message.expires_at),
        message.retries,
    )


@lru_cache(maxsize=4096)
def _moment(milliseconds: int) -> datetime:
    # The messages of one campaign expire at a few moments only.
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@dataclass(slots=True)
class Load:
    """What will share one request: postings and, in the same order, what the adapter sees of them."""

    postings: list[Posting] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)

    def add(self, posting: Posting, outgoing: Outgoing) -> None:
        """Take one more message."""
        self.postings.append(posting)
        self.outgoing.append(outgoing)


def build(
    entry: AccountEntry, exchange: Exchange, outgoing: list[Outgoing] | None = None, token: str | ProviderError = ""
) -> Batch:
    """
    Build the request of one exchange; the same exchange gives the same request.

    With an error in place of a token nothing is built: it is the answer to every message.
    """
    if outgoing is None:
        outgoing = [outgoing_of(posting, entry.provider) for posting in exchange.postings]
    if isinstance(token, ProviderError):
        return Batch(exchange, outgoing, call_for(entry, exchange.id), None, token)
    call = call_for(entry, exchange.id, token)
    return Batch(exchange, outgoing, call, entry.adapter.build_submit(call, outgoing))


def build_each(entry: AccountEntry, load: Load, token: str | ProviderError = "") -> list[Batch]:
    """
    Build the request of one load as a new exchange.

    When that fails, the messages go one by one, and those that are to blame have no request: a fault of
    ours with one message must hold up neither its neighbours nor the account.
    """
    exchange = new_exchange(entry, load.postings)
    try:
        return [build(entry, exchange, load.outgoing, token)]
    except Exception:  # noqa: BLE001 - any fault of an adapter
        if len(load.postings) > 1:
            alone = [Load([posting], [out]) for posting, out in zip(load.postings, load.outgoing, strict=True)]
            return [batch for one in alone for batch in build_each(entry, one, token)]
        _log.exception("cannot build a request", extra={"message_id": load.postings[0].message.id, "account": entry.id})
        return [Batch(exchange, load.outgoing, call_for(entry, exchange.id), None)]


def group(entry: AccountEntry, messages: Sequence[Claimed], *, requests: int) -> list[Load]:
    """
    Divide messages, most urgent first, into at most `requests` loads the provider can take.

    One recipient stands in a load once: providers that answer by number could not tell two apart.
    """
    limit = entry.batch_limit
    if limit == 1:
        return [_alone(entry, message) for message in messages[:requests]]
    key_of = entry.adapter.batch_key
    open_loads: dict[Hashable, tuple[Load, set[str]]] = {}
    loads: list[Load] = []
    for message in messages:
        posting = Posting(message, message.attempts + 1, message.sender or entry.sender)
        outgoing = outgoing_of(posting, entry.provider)
        key = key_of(outgoing)
        load, recipients = open_loads.get(key, (None, set()))
        if load is None or len(load.postings) >= limit or message.to.value in recipients:
            if len(loads) >= requests:
                # A fuller load of another kind may still have room.
                continue
            load, recipients = Load(), set()
            loads.append(load)
            open_loads[key] = (load, recipients)
        load.add(posting, outgoing)
        recipients.add(message.to.value)
    return loads


def _alone(entry: AccountEntry, message: Claimed) -> Load:
    posting = Posting(message, message.attempts + 1, message.sender or entry.sender)
    return Load([posting], [outgoing_of(posting, entry.provider)])


def units(entry: AccountEntry, loads: Sequence[Load]) -> int:
    """What the loads cost in the unit the provider's limit counts."""
    if entry.rate_unit is RateUnit.REQUEST:
        return len(loads)
    if entry.rate_unit is RateUnit.MESSAGE:
        return sum(len(load.postings) for load in loads)
    return sum(posting.message.parts for load in loads for posting in load.postings)


def new_exchange(entry: AccountEntry, postings: list[Posting]) -> Exchange:
    """A round trip that has not begun."""
    return Exchange(new_id(), entry.workspace_id, entry.id, postings)
