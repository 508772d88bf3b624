"""
From the answer of a provider to what the ledger writes: the part of a round trip after the wire.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache

from sendyard.delivery.batches import Batch
from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.policy import RULES, Policy
from sendyard.delivery.queries import pause_account, suppress
from sendyard.delivery.redaction import describe_request, describe_response, redact
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Purpose
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import AttemptStatus, MessageStatus
from sendyard.ledger.entries import Closing, EventKind, Outcome, Posting
from sendyard.ledger.receipts import close
from sendyard.providers.abilities import ReportPolling
from sendyard.providers.contract import Accepted, Receipt, Refused
from sendyard.providers.wire import HttpResponse
from sendyard.storage.transaction import Transaction

_FIRST_QUESTION = 3.0  # seconds after silence: time for a report to arrive by itself
_TROUBLE = frozenset({ErrorKind.UNAVAILABLE})


@dataclass(slots=True)
class Settled:
    """One finished round trip: what to write, and what it says about the account."""

    closing: Closing
    opted_out: list[str] = field(default_factory=list)  # addresses
    pause: ProviderError | None = None
    hold: float = 0.0  # seconds to let nothing leave
    healthy: bool = True


def settle(
    batch: Batch,
    entry: AccountEntry,
    receipts: Sequence[Receipt],
    policy: Policy,
    *,
    now: int,
    response: HttpResponse | None,
) -> Settled:
    """Decide about every attempt of one round trip."""
    exchange = batch.exchange
    outcomes: list[Outcome] = []
    settled = Settled(Closing(exchange.id, entry.id, ()))
    by_id = {posting.message.id: posting for posting in exchange.postings}
    # Counted from the hand-over, so that what left together is asked for together.
    first = exchange.postings[0]
    poll_at = _first_poll(entry, first.message.to, first.submitted_at or now)
    in_doubt = False
    answered = False
    for receipt in receipts:
        posting = by_id[receipt.message_id]
        if isinstance(receipt, Accepted):
            answered = True
            outcomes.append(_accepted(posting, receipt, entry, poll_at))
            continue
        if isinstance(receipt, Refused):
            error = receipt.error
            if posting.in_doubt and error.kind in _STILL_IN_DOUBT:
                # Refusing the repetition says nothing about the first try.
                outcome = policy.unknown(posting, error.detail or error.code, now=now)
            else:
                outcome = policy.refused(posting, error, now=now)
            answered = answered or error.kind not in _TROUBLE
            _note(settled, posting, error)
        else:
            outcome = policy.unknown(posting, redact(receipt.reason, entry.secrets), now=now)
        in_doubt = in_doubt or outcome.message_status is MessageStatus.UNKNOWN
        outcomes.append(_as_if_taken(outcome, entry) if outcome.attempt_status is AttemptStatus.UNKNOWN else outcome)
    settled.healthy = answered
    settled.closing = _closing(batch, entry, outcomes, response, in_doubt=in_doubt, now=now)
    return settled


_STILL_IN_DOUBT = frozenset(
    {ErrorKind.THROTTLED, ErrorKind.UNAVAILABLE, ErrorKind.AUTH_FAILED, ErrorKind.OUT_OF_CREDIT}
)


def record(tx: Transaction, finished: Sequence[tuple[AccountEntry, Settled]], *, now: int) -> None:
    """Write any number of finished round trips, with their consequences, in one transaction."""
    close(tx, [settled.closing for _, settled in finished], now=now)
    for entry, settled in finished:
        for address in settled.opted_out:
            suppress(
                tx,
                entry.workspace_id,
                address,
                channel="",
                reason="opted_out",
                source=f"provider:{entry.name}",
                now=now,
            )
        if settled.pause is not None:
            pause_account(tx, entry.id, _why_paused(entry, settled.pause))


def _why_paused(entry: AccountEntry, error: ProviderError) -> str:
    """Say the provider's reason and, where its code is known, what to do: a pause lasts until a person acts."""
    reason = f"{error.kind}: {redact(error.detail or error.code, entry.secrets)}"
    known = entry.adapter.spec.codes.get(error.code)
    return f"{reason.rstrip('. ')}. {known.advice}" if known and known.advice else reason


def _accepted(posting: Posting, receipt: Accepted, entry: AccountEntry, poll_at: int | None) -> Outcome:
    parts = receipt.parts or posting.message.parts
    amount: str | None = None
    currency: str | None = None
    if receipt.cost is not None:
        amount, currency = str(receipt.cost.amount), receipt.cost.currency
    elif entry.price_per_part is not None:
        amount, currency = _price(entry.price_per_part, parts), entry.currency
    return Outcome(
        posting,
        AttemptStatus.SENT,
        MessageStatus.SENT,
        EventKind.ACCEPTED,
        receipt.provider_ref or None,
        parts,
        amount,
        currency,
        None,
        None,
        (),
        0,
        poll_at,
    )


def _as_if_taken(outcome: Outcome, entry: AccountEntry) -> Outcome:
    """Count an estimate: a report may say later that it arrived, and reports seldom tell a price."""
    if entry.price_per_part is None:
        return outcome
    parts = outcome.posting.message.parts
    amount = _price(entry.price_per_part, parts)
    return replace(outcome, parts=parts, cost_amount=amount, cost_currency=entry.currency)


@lru_cache(maxsize=256)
def _price(per_part: Decimal, parts: int) -> str:
    return str(per_part * parts)


def _first_poll(entry: AccountEntry, to: Address, now: int) -> int | None:
    adapter, spec = entry.adapter, entry.adapter.spec
    if spec.poll_limit and isinstance(adapter, ReportPolling) and adapter.reports_on(to):
        # Without an address to call back to, asking is the only way to hear anything.
        return now + int(1000 * (spec.confirm_within if entry.callback_url else spec.poll_delays[0]))
    return None


def _note(settled: Settled, posting: Posting, error: ProviderError) -> None:
    rule = RULES[error.kind]
    if rule.suppresses:
        settled.opted_out.append(posting.message.to.value)
    if rule.pauses_account:
        settled.pause = error
    if error.kind is ErrorKind.THROTTLED and not error.recipient_only:
        settled.hold = max(settled.hold, error.retry_after if error.retry_after is not None else 1.0)


def _closing(
    batch: Batch,
    entry: AccountEntry,
    outcomes: Sequence[Outcome],
    response: HttpResponse | None,
    *,
    in_doubt: bool,
    now: int,
) -> Closing:
    # A one-time code never reaches the log.
    loggable = all(posting.message.purpose is not Purpose.OTP for posting in batch.exchange.postings)
    return Closing(
        batch.exchange.id,
        entry.id,
        outcomes,
        "doubtful" if in_doubt else "closed",
        now + int(1000 * _FIRST_QUESTION) if in_doubt else None,
        response.status if response else None,
        describe_request(batch.request, entry.secrets, with_body=loggable) if batch.request else None,
        describe_response(response, entry.secrets) if response and loggable else None,
    )
