"""
Scenarios: what the emulated world does on purpose, to whom, how often and when.

Chance is a hash of seed, rule, recipient and how often that recipient was met, never a shared stream of
random numbers: the order in which concurrent requests arrive does not change which messages are hit.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import Received, Refusal

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
ErrorStatus = Annotated[int, Meta(ge=400, le=599)]


class _Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    """What happens; `accepted` says whether the provider takes the messages before it happens."""


class Latency(_Effect, frozen=True, tag="latency"):
    """The answer takes `seconds`, or something between `seconds` and `up_to`."""

    seconds: Seconds
    up_to: Seconds | None = None


class Throttle(_Effect, frozen=True, tag="throttle"):
    """The provider's "too fast" answer, with Retry-After or without; nothing is accepted."""

    retry_after: Seconds | None = None


class Error(_Effect, frozen=True, tag="error"):
    """A server error; without `status` and before acceptance it is the provider's documented "not now"."""

    status: ErrorStatus | None = None
    accepted: bool = False


class Hang(_Effect, frozen=True, tag="hang"):
    """No answer for `seconds`, then the connection closes without one."""

    seconds: Seconds = 120
    accepted: bool = True


class Reset(_Effect, frozen=True, tag="reset"):
    """The connection is reset instead of an answer."""

    accepted: bool = False


class Garbage(_Effect, frozen=True, tag="garbage"):
    """HTTP 200 with a body that is in no documented format."""

    accepted: bool = False


class Refuse(_Effect, frozen=True, tag="refuse"):
    """The message is refused at submit, by class or by the provider's own code."""

    kind: ErrorKind = ErrorKind.UNMAPPED
    code: str = ""


class Outcome(_Effect, frozen=True, tag="outcome"):
    """What happens to an accepted message: its final report, `none` for never a report, `delay` seconds later."""

    status: Literal["sent", "delivered", "read", "failed", "none"] = "delivered"
    kind: ErrorKind | None = None
    code: str = ""
    delay: Seconds | None = None
    up_to: Seconds | None = None


class Callbacks(_Effect, frozen=True, tag="callback"):
    """
    How reports travel to us.

    `delay`: seconds after the report happened; `copies`: how often each is sent; `reordered`: last report
    first; `withheld`: never sent, only a poll or query shows the report; `early`: before the answer to the submit.
    """

    delay: Seconds = 0
    copies: Annotated[int, Meta(ge=1, le=10)] = 1
    reordered: bool = False
    withheld: bool = False
    early: bool = False


Failure = Throttle | Error | Hang | Reset | Garbage
ENDING = 6
"""How many last digits select a built-in rule."""

_E = TypeVar("_E", Refuse, Outcome, Callbacks)
Effect = Latency | Throttle | Error | Hang | Reset | Garbage | Refuse | Outcome | Callbacks


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One effect, and whom it hits; every selector left out means "all"."""

    effect: Effect
    name: str = ""
    provider: str = ""  # slug
    account: str = ""  # as the mailbox names it, or the credential that stands in requests
    recipients: tuple[str, ...] = ()  # E.164
    suffix: str = ""  # last digits of the recipient
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    count: Annotated[int, Meta(ge=0)] = 0  # only the first so many hits; 0: no limit
    per_recipient: Annotated[int, Meta(ge=0)] = 0  # only so many hits for each recipient; 0: no limit
    after: Seconds = 0  # seconds after the rule was added
    until: Seconds | None = None
    scope: Literal["submit", "all"] = "submit"  # `all`: polls, queries and everything else too


@dataclass(frozen=True, slots=True)
class Plan:
    """What is in store for one request as a whole."""

    latency: float = 0.0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """What is in store for one accepted message; `status` None: no report ever."""

    status: ReportStatus | None = ReportStatus.DELIVERED
    kind: ErrorKind | None = None
    code: str = ""
    delay: float | None = None  # None: the world's usual pace
    callbacks: Callbacks = field(default_factory=Callbacks)


USUAL_FATE = Fate()


@dataclass(frozen=True, slots=True)
class Traffic:
    """One request as rules see it."""

    provider: str
    path: str
    messages: Sequence[Received]
    names: Callable[[str], bool]  # whether a text stands in it where credentials stand


class ActiveRule:
    """A rule at work: since when, and whom it has hit so far."""

    __slots__ = ("_hits_of", "_met", "activated_at", "hits", "id", "rule")

    def __init__(self, number: int, rule: Rule, activated_at: float) -> None:
        """Take the rule's number and the monotonic time of its activation."""
        self.id = number
        self.rule = rule
        self.activated_at = activated_at
        self.hits = 0
        self._met: Counter[str] = Counter()
        self._hits_of: Counter[str] = Counter()

    def draw(self, seed: str, key: str, salt: str = "") -> float:
        """A number in [0, 1) that depends on nothing but its arguments, the rule and how often `key` was met."""
        name = self.rule.name or str(self.id)
        material = f"{seed}\x1f{name}\x1f{key}\x1f{self._met[key]}\x1f{salt}"
        return int.from_bytes(blake2b(material.encode(), digest_size=8).digest()) / 2**64

    def between(self, seed: str, key: str, low: float, high: float | None) -> float:
        """`low`, or something between `low` and `high`."""
        return low if high is None else low + (high - low) * self.draw(seed, key, "between")

    def addresses(self, traffic: Traffic, message: Received) -> bool:
        """Whether the selectors fit this message."""
        rule = self.rule
        return (
            (not rule.provider or rule.provider == traffic.provider)
            and (not rule.account or rule.account == message.account or traffic.names(rule.account))
            and (not rule.recipients or message.to in rule.recipients)
            and message.to.endswith(rule.suffix)
        )

    def addresses_other(self, traffic: Traffic) -> bool:
        """Whether the selectors fit a request that carries no messages."""
        rule = self.rule
        return (
            rule.scope == "all"
            and not rule.recipients
            and not rule.suffix
            and (not rule.provider or rule.provider == traffic.provider)
            and (not rule.account or traffic.names(rule.account))
        )

    def strikes(self, seed: str, key: str, now: float) -> bool:
        """Decide for one selected message or request by window, chance and limits; counts a hit."""
        rule = self.rule
        age = now - self.activated_at
        if age < rule.after or (rule.until is not None and age >= rule.until):
            return False
        self._met[key] += 1
        if rule.probability < 1 and self.draw(seed, key) >= rule.probability:
            return False
        if (rule.per_recipient and self._hits_of[key] >= rule.per_recipient) or (
            rule.count and self.hits >= rule.count
        ):
            return False
        self.hits += 1
        self._hits_of[key] += 1
        return True


class ScenarioBook:
    """The rules in force: those added by the control API, then the built-in ones of magic recipients."""

    def __init__(self, seed: str, monotonic: Callable[[], float], built_in: Mapping[str, Rule]) -> None:
        """Take the seed, a clock in seconds, and rules always in force by the recipient's last `ENDING` digits."""
        self._monotonic = monotonic
        self._built_in_rules = built_in
        self.reset(seed)

    def reset(self, seed: str) -> None:
        """Forget added rules and all that was met."""
        now = self._monotonic()
        self.seed = seed
        self._next_number = 1
        self._added: list[ActiveRule] = []
        self._built_in = {ending: ActiveRule(0, rule, now) for ending, rule in self._built_in_rules.items()}

    @property
    def added(self) -> Sequence[ActiveRule]:
        """Rules added and not removed, oldest first."""
        return self._added

    def add(self, rule: Rule) -> ActiveRule:
        """Activate a rule now; older rules win over newer ones."""
        active = ActiveRule(self._next_number, rule, self._monotonic())
        self._next_number += 1
        self._added.append(active)
        return active

    def remove(self, number: int | None) -> int:
        """End one rule, or all with None; returns how many were ended."""
        before = len(self._added)
        self._added = [] if number is None else [active for active in self._added if active.id != number]
        return before - len(self._added)

    def plan(self, traffic: Traffic) -> Plan:
        """
        What happens to a request as a whole: latencies add up, of the failures the first wins.

        In a batch the first addressed recipient stands for the request, so that a probability means
        requests, not messages.
        """
        latency = 0.0
        failure: Failure | None = None
        for active, key in self._concerning(traffic):
            effect = active.rule.effect
            if isinstance(effect, Latency):
                if active.strikes(self.seed, key, self._monotonic()):
                    latency += active.between(self.seed, key, effect.seconds, effect.up_to)
            elif isinstance(effect, Failure) and failure is None:
                failure = effect if active.strikes(self.seed, key, self._monotonic()) else None
        return Plan(latency, failure)

    def refusal(self, traffic: Traffic, message: Received) -> Refusal | None:
        """How a message is to be refused, if it is."""
        struck = self._first(Refuse, traffic, message)
        if struck is None:
            return None
        effect, _ = struck
        return Refusal(effect.kind, effect.code)

    def fate(self, traffic: Traffic, message: Received) -> Fate:
        """What happens to an accepted message."""
        ends = self._first(Outcome, traffic, message)
        travels = self._first(Callbacks, traffic, message)
        callbacks = travels[0] if travels else USUAL_FATE.callbacks
        if ends is None:
            return Fate(callbacks=callbacks) if travels else USUAL_FATE
        effect, active = ends
        return Fate(
            status=None if effect.status == "none" else ReportStatus(effect.status),
            kind=effect.kind,
            code=effect.code,
            delay=None if effect.delay is None else active.between(self.seed, message.to, effect.delay, effect.up_to),
            callbacks=callbacks,
        )

    def _first(self, wanted: type[_E], traffic: Traffic, message: Received) -> tuple[_E, ActiveRule] | None:
        magic = self._built_in.get(message.to[-ENDING:])
        for active in (*self._added, magic) if magic else self._added:
            effect = active.rule.effect
            if (
                isinstance(effect, wanted)
                and active.addresses(traffic, message)
                and active.strikes(self.seed, message.to, self._monotonic())
            ):
                return effect, active
        return None

    def _concerning(self, traffic: Traffic) -> Iterator[tuple[ActiveRule, str]]:
        for active in self._added:
            if not traffic.messages:
                if active.addresses_other(traffic):
                    yield active, traffic.path
                continue
            for message in traffic.messages:
                if active.addresses(traffic, message):
                    yield active, message.to
                    break
        for message in traffic.messages:
            if magic := self._built_in.get(message.to[-ENDING:]):
                yield magic, message.to
