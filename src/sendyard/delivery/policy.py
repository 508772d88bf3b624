"""
What follows from a receipt: retry here, next route, stop, or hold as unknown. One table, one function.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sendyard.domain.channels import Purpose
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import AttemptStatus, MessageStatus
from sendyard.ledger.entries import Claimed, EventKind, NextStep, Outcome, Posting


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of error is answered."""

    same_route: bool = False  # again on this account, after a wait
    next_route: bool = False
    pauses_account: bool = False
    suppresses: bool = False  # the address goes on the suppression list


RULES: dict[ErrorKind, Rule] = {
    ErrorKind.THROTTLED: Rule(same_route=True, next_route=True),
    ErrorKind.UNAVAILABLE: Rule(same_route=True, next_route=True),
    ErrorKind.AUTH_FAILED: Rule(next_route=True, pauses_account=True),
    ErrorKind.OUT_OF_CREDIT: Rule(next_route=True, pauses_account=True),
    ErrorKind.NOT_REGISTERED: Rule(next_route=True),
    ErrorKind.REGISTRY_REFUSED: Rule(),
    ErrorKind.UNSUPPORTED: Rule(next_route=True),
    ErrorKind.INVALID_RECIPIENT: Rule(),
    ErrorKind.OPTED_OUT: Rule(suppresses=True),
    ErrorKind.BLOCKED: Rule(),
    ErrorKind.CONTENT_REJECTED: Rule(),
    ErrorKind.EXPIRED: Rule(),
    ErrorKind.UNDELIVERABLE: Rule(),
    ErrorKind.UNMAPPED: Rule(),
}


@dataclass(frozen=True, slots=True)
class RetryDelays:
    """Seconds between tries on one account, before the jitter of a fifth either way."""

    ordinary: Sequence[float] = (30.0, 300.0, 1800.0)
    otp: Sequence[float] = (2.0, 5.0, 10.0)
    # A refusal for being too fast was never processed, so it does not use up the tries above.
    throttled: Sequence[float] = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0, 60.0)

    def of(self, purpose: Purpose, kind: ErrorKind) -> Sequence[float]:
        """The waits that apply."""
        if purpose is Purpose.OTP:
            return self.otp
        return self.throttled if kind is ErrorKind.THROTTLED else self.ordinary


@dataclass(frozen=True, slots=True)
class Policy:
    """
    Decides; knows no clock, no chance and no database.

    Args:
        usable: whether an account may take a message now (active, its breaker not open).
        jitter: a number from 0 to 1, fresh for each call.
    """

    usable: Callable[[str], bool]
    jitter: Callable[[], float]
    delays: RetryDelays = field(default_factory=RetryDelays)

    def refused(self, posting: Posting, error: ProviderError, *, now: int) -> Outcome:
        """Answer a synchronous no."""
        message, rule = posting.message, RULES[error.kind]
        here = message.route[0]
        # A message whose only way is an account that must be repaired keeps waiting: it is not lost.
        stranded = rule.pauses_account and self.following(message) is None
        if stranded:
            return self._again(posting, error, EventKind.RETRY, now, message.route, message.retries)
        waits = self.delays.of(message.purpose, error.kind)
        if rule.same_route and message.retries < len(waits):
            wait = error.retry_after if error.retry_after is not None else waits[message.retries]
            due_at = now + int(1000 * (wait if error.retry_after is not None else wait * (0.8 + 0.4 * self.jitter())))
            can_wait = due_at < message.expires_at and self.usable(here)
            if can_wait or self.following(message) is None:
                return self._again(posting, error, EventKind.RETRY, due_at, message.route, message.retries + 1)
        following = self.following(message) if rule.next_route else None
        if following is not None:
            return self._again(posting, error, EventKind.FAILOVER, now, following, 0)
        return Outcome(posting, AttemptStatus.REFUSED, MessageStatus.FAILED, EventKind.REFUSED, error=error)

    def unknown(self, posting: Posting, reason: str, *, now: int) -> Outcome:
        """Answer silence: wait for the report or ask; only a one-time code goes on to the next route."""
        error = ProviderError(ErrorKind.UNAVAILABLE, "no_answer", reason)
        following = self.following(posting.message) if posting.message.purpose is Purpose.OTP else None
        if following is not None and now < posting.message.expires_at:
            return Outcome(
                posting,
                AttemptStatus.UNKNOWN,
                MessageStatus.QUEUED,
                EventKind.FAILOVER,
                error=error,
                due_at=now,
                route=following,
            )
        return Outcome(posting, AttemptStatus.UNKNOWN, MessageStatus.UNKNOWN, EventKind.UNKNOWN, error=error)

    def failed_later(self, message: Claimed, error: ProviderError, *, now: int) -> NextStep:
        """Answer a failure reported after acceptance: the next route while there is time, or the end."""
        following = self.following(message) if RULES[error.kind].next_route and now < message.expires_at else None
        if following is None:
            return NextStep(MessageStatus.FAILED, EventKind.REPORT)
        return NextStep(MessageStatus.QUEUED, EventKind.FAILOVER, due_at=now, route=following)

    def following(self, message: Claimed) -> list[str] | None:
        """The rest of a message's route from the next usable account on; None when it must stay where it is."""
        if not message.failover:
            return None
        rest = message.route[1:]
        for start, account_id in enumerate(rest):
            if self.usable(account_id):
                return rest[start:]
        return None

    def _again(
        self, posting: Posting, error: ProviderError, event: EventKind, due_at: int, route: Sequence[str], retries: int
    ) -> Outcome:
        return Outcome(
            posting,
            AttemptStatus.REFUSED,
            MessageStatus.QUEUED,
            event,
            error=error,
            due_at=due_at,
            route=tuple(route),
            retries=retries,
        )
