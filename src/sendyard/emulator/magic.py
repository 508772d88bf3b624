"""
Magic recipients: numbers that misbehave on purpose, by their last six digits, alike in every country.

They all end in 9900NN, so that invented numbers avoid them by never having 9900 before the last two digits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sendyard.domain.errors import ErrorKind
from sendyard.emulator.scenarios import (
    Callbacks,
    Effect,
    Error,
    Garbage,
    Hang,
    Latency,
    Outcome,
    Refuse,
    Reset,
    Rule,
    Throttle,
)

MARK = "9900"


@dataclass(frozen=True, slots=True)
class Magic:
    """One ending, what it does in plain words, and how many times for each recipient (0: always)."""

    ending: str
    does: str
    effect: Effect
    times: int = 0

    @property
    def rule(self) -> Rule:
        """The same as a scenario rule."""
        return Rule(name=f"magic {self.ending}", suffix=self.ending, effect=self.effect, per_recipient=self.times)


MAGIC: tuple[Magic, ...] = (
    Magic("990001", "refused: invalid recipient", Refuse(kind=ErrorKind.INVALID_RECIPIENT)),
    Magic("990002", "the first request is throttled, with Retry-After of one second", Throttle(retry_after=1), 1),
    Magic("990003", "refused: opted out", Refuse(kind=ErrorKind.OPTED_OUT)),
    Magic("990004", "refused: content rejected", Refuse(kind=ErrorKind.CONTENT_REJECTED)),
    Magic(
        "990005",
        "accepted, then fails: undeliverable",
        Outcome(status="failed", kind=ErrorKind.UNDELIVERABLE),
    ),
    Magic("990006", "accepted and received, but no report ever, not even when asked", Outcome(status="none")),
    Magic("990007", "every callback comes twice", Callbacks(copies=2)),
    Magic("990008", "callbacks come last report first", Callbacks(reordered=True)),
    Magic("990009", "the first request is accepted, then no answer for two minutes", Hang(), 1),
    Magic("990010", "the first request is accepted, then answered HTTP 500", Error(status=500, accepted=True), 1),
    Magic("990011", "callbacks come before the answer to the submit", Callbacks(early=True)),
    Magic("990012", "delivered, then read where the channel knows reading", Outcome(status="read")),
    Magic("990013", "the first request gets the provider's documented 'not now'; nothing is accepted", Error(), 1),
    Magic("990014", "the first request is reset before anything is accepted", Reset(), 1),
    Magic("990015", "the first request is accepted, then the connection is reset", Reset(accepted=True), 1),
    Magic("990016", "the first request is accepted, then answered with garbage", Garbage(accepted=True), 1),
    Magic("990017", "callbacks get lost; a poll or query shows the report", Callbacks(withheld=True)),
    Magic("990018", "refused: sender or template not registered", Refuse(kind=ErrorKind.NOT_REGISTERED)),
    Magic("990019", "every answer takes two seconds", Latency(seconds=2)),
)

MAGIC_RULES: Mapping[str, Rule] = {magic.ending: magic.rule for magic in MAGIC}


def is_magic(to: str) -> bool:
    """Whether a recipient lies in the magic range, used or not."""
    return to[-6:-2] == MARK
