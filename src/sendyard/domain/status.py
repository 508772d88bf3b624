"""
States of messages, attempts and campaigns, and the one function that joins what is heard of an attempt.

All transitions of an attempt live in `advance`; nothing here knows who is asking.
"""

from enum import StrEnum


class MessageStatus(StrEnum):
    """What became of one message. Each comment says how the state is left."""

    SCHEDULED = "scheduled"  # until `send_at`, then queued; or cancelled
    QUEUED = "queued"  # a dispatcher claims it; or cancelled, expired, suppressed
    SENDING = "sending"  # a request is open; a receipt or crash recovery ends it
    SENT = "sent"  # a provider accepted it; a delivery report ends it
    DELIVERED = "delivered"  # final, unless the handset later says read
    READ = "read"  # final
    FAILED = "failed"  # final, unless a late report says it was delivered after all
    EXPIRED = "expired"  # final: its time to live passed before it was handed over
    CANCELLED = "cancelled"  # final: someone stopped it before it was handed over
    SUPPRESSED = "suppressed"  # final: the recipient must not be contacted
    UNKNOWN = "unknown"  # handed over, no answer; a callback, poll or lookup settles it

    @property
    def is_final(self) -> bool:
        """True when nothing more is expected to happen."""
        return self in _FINAL


_FINAL = frozenset(
    {
        MessageStatus.DELIVERED,
        MessageStatus.READ,
        MessageStatus.FAILED,
        MessageStatus.EXPIRED,
        MessageStatus.CANCELLED,
        MessageStatus.SUPPRESSED,
    }
)


class AttemptStatus(StrEnum):
    """What is known of one hand-over to one account."""

    POSTING = "posting"  # written before the request leaves; in doubt after a crash
    UNKNOWN = "unknown"  # the request left, no usable answer came
    REFUSED = "refused"  # a synchronous no: this attempt never reached a handset
    SENT = "sent"  # the provider accepted it, or says a carrier has it
    FAILED = "failed"  # the provider reported that it did not arrive
    DELIVERED = "delivered"
    READ = "read"


class ReportStatus(StrEnum):
    """What a delivery report can say."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNMAPPED = "unmapped"  # a word missing from our table: kept and shown, changes nothing


class CampaignStatus(StrEnum):
    """States of a campaign."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PREPARING = "preparing"
    SENDING = "sending"
    PAUSED = "paused"
    COMPLETED = "completed"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """True when the campaign will hand over nothing more."""
        return self in {self.COMPLETED, self.COMPLETED_WITH_FAILURES, self.CANCELLED, self.FAILED}


RANK: dict[AttemptStatus, int] = {
    AttemptStatus.POSTING: 0,
    AttemptStatus.UNKNOWN: 1,
    AttemptStatus.REFUSED: 2,
    AttemptStatus.SENT: 3,
    AttemptStatus.FAILED: 4,
    AttemptStatus.DELIVERED: 5,
    AttemptStatus.READ: 6,
}
"""Height in the lattice. SQL uses the same numbers, so a row moves forward in one statement."""


def advance(known: AttemptStatus, heard: AttemptStatus) -> AttemptStatus:
    """
    Join two statements about one attempt: the higher of the two.

    Commutative, associative and idempotent, so order and repetition of reports cannot matter.
    """
    return known if RANK[known] >= RANK[heard] else heard
