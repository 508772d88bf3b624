"""
Claimed messages become requests: grouped as the provider can take them, rendered, built.
"""

import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice

from sendyard.delivery.directory import AccountEntry
from sendyard.domain.errors import ProviderError
from sendyard.ledger.entries import Claimed, Exchange, Posting
from sendyard.providers.contract import Call, Outgoing
from sendyard.providers.spec import RateUnit
from sendyard.providers.wire import HttpRequest
from sendyard.storage.identifiers import entropy, new_id

_log = logging.getLogger(__name__)

Attach = Callable[[Outgoing], Outgoing | ProviderError | None]
"""Puts what the provider takes in place of our files; None while it is not known yet."""


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
    withheld: ProviderError | None = None  # why none of it can be built

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
    if load.withheld is not None:
        token = load.withheld
    try:
        return [build(entry, exchange, load.outgoing, token)]
    except Exception:  # noqa: BLE001 - any fault of an adapter
        if len(load.postings) > 1:
            alone = [Load([posting], [out]) for posting, out in zip(load.postings, load.outgoing, strict=True)]
            return [batch for one in alone for batch in build_each(entry, one, token)]
        _log.exception("cannot build a request", extra={"message_id": load.postings[0].message.id, "account": entry.id})
        return [Batch(exchange, load.outgoing, call_for(entry, exchange.id), None)]


def group(
    entry: AccountEntry, messages: Sequence[Claimed], *, requests: int, attach: Attach | None = None
) -> list[Load]:
    """
    Divide messages, most urgent first, into at most `requests` loads the provider can take.

    One recipient stands in a load once: providers that answer by number could not tell two apart. A message whose
    files are not ready is left out; one whose files cannot be sent has a load of its own.
    """
    limit = entry.batch_limit
    if limit == 1:
        return list(islice(_each_alone(entry, messages, attach), requests))
    key_of = entry.adapter.batch_key
    open_loads: dict[Hashable, tuple[Load, set[str]]] = {}
    loads: list[Load] = []
    for alone in _each_alone(entry, messages, attach):
        posting, outgoing = alone.postings[0], alone.outgoing[0]
        recipient = outgoing.to.value
        # What cannot be sent has nothing to share.
        key = key_of(outgoing) if alone.withheld is None else outgoing.message_id
        load, recipients = open_loads.get(key, (None, set()))
        if load is not None and len(load.postings) < limit and recipient not in recipients:
            load.add(posting, outgoing)
            recipients.add(recipient)
        elif len(loads) < requests:  # else a fuller load of another kind may still have room
            loads.append(alone)
            open_loads[key] = (alone, {recipient})
    return loads


def _each_alone(entry: AccountEntry, messages: Sequence[Claimed], attach: Attach | None) -> Iterator[Load]:
    """Every message that may leave now, in a load of its own."""
    for message in messages:
        posting = Posting(message, message.attempts + 1, message.sender or entry.sender)
        outgoing = outgoing_of(posting, entry.provider)
        attached = outgoing if attach is None else attach(outgoing)
        if isinstance(attached, ProviderError):
            yield Load([posting], [outgoing], attached)
        elif attached is not None:
            yield Load([posting], [attached])


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
