"""
What the demo ends with: the ledger's outcomes, held against what handsets received.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import MessageStatus

ARRIVED = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ})
REASONS: Mapping[str, str] = {
    ErrorKind.INVALID_RECIPIENT: "The carrier knows no such number.",
    ErrorKind.UNDELIVERABLE: "The handset could not be reached.",
    ErrorKind.CONTENT_REJECTED: "The carrier did not allow the text.",
    ErrorKind.OPTED_OUT: "The person asked not to be contacted.",
    ErrorKind.BLOCKED: "The carrier blocks messages to this number.",
    ErrorKind.NOT_REGISTERED: "The sender is not registered there.",
    ErrorKind.REGISTRY_REFUSED: "The regulator's registry refused sender or template.",
    ErrorKind.UNSUPPORTED: "The account cannot reach this number.",
    ErrorKind.THROTTLED: "The carrier was asked too fast, too often.",
    ErrorKind.UNAVAILABLE: "The carrier was not there.",
    ErrorKind.AUTH_FAILED: "The carrier refused the account.",
    ErrorKind.OUT_OF_CREDIT: "The account has no credit.",
    ErrorKind.EXPIRED: "It was too late to send it.",
    ErrorKind.UNMAPPED: "The carrier gave a reason nobody has documented.",
}
"""Error kinds as a person would say them."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The outcome of one campaign."""

    recipients: int
    statuses: Mapping[str, int]
    lost: int
    duplicated: int
    costs: Mapping[str, Decimal]
    by_account: Mapping[str, Counter[str]]
    by_reason: Mapping[tuple[str, str], int]  # (status, error kind)
    lost_recipients: tuple[str, ...] = field(default=())
    duplicated_recipients: tuple[str, ...] = field(default=())

    @property
    def delivered(self) -> int:
        """How many a handset has."""
        return self.statuses.get(MessageStatus.DELIVERED, 0) + self.statuses.get(MessageStatus.READ, 0)


def tally(
    good_rows: int, messages: Sequence[Mapping[str, Any]], accepted: Iterable[str], letters: Iterable[Mapping[str, Any]]
) -> Tally:
    """
    Count one campaign.

    A message is lost when the ledger says that a carrier took it and no handset, reached or not, was meant to get it;
    so is a good row without a message. A recipient is duplicated when more than one letter was meant for it.

    Args:
        good_rows: rows of the file that should have become messages.
        messages: the campaign's, as `ledger.queries.campaign_messages` gives them.
        accepted: ids of messages that a carrier took at some moment, by the ledger.
        letters: everything in the emulators' mailbox, that which failed on the way included.
    """
    received = Counter(str(letter["to"]) for letter in letters)
    taken = set(accepted)
    lost = [
        str(message["address"])
        for message in messages
        if (message["id"] in taken or message["status"] in ARRIVED) and not received[message["address"]]
    ]
    addresses = {str(message["address"]) for message in messages}
    duplicated = sorted(to for to, count in received.items() if count > 1 and to in addresses)
    costs: dict[str, Decimal] = {}
    by_account: dict[str, Counter[str]] = {}
    by_reason: Counter[tuple[str, str]] = Counter()
    for message in messages:
        by_account.setdefault(message["account_id"], Counter())[message["status"]] += 1
        if message["error_kind"] and message["status"] not in ARRIVED:
            by_reason[message["status"], message["error_kind"]] += 1
        for cost in message["costs"]:
            costs[cost["currency"]] = costs.get(cost["currency"], Decimal(0)) + Decimal(cost["amount"])
    return Tally(
        recipients=good_rows,
        statuses=Counter(str(message["status"]) for message in messages),
        lost=len(lost) + good_rows - len(messages),
        duplicated=len(duplicated),
        costs=costs,
        by_account=by_account,
        by_reason=dict(by_reason.most_common()),
        lost_recipients=tuple(lost),
        duplicated_recipients=tuple(duplicated),
    )
