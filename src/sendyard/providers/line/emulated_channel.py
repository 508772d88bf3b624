"""
What the emulated LINE remembers: channels, their quota and friends, retry keys, reply tokens and daily counts.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

KEY_LIFE = timedelta(hours=24)
TOKEN_LIFE = timedelta(seconds=900)
_KEPT_KEYS = 100_000
_KEPT_REPLIES = 1_000
_KEPT_NARROWCASTS = 1_000
LEAST_AUDIENCE = 50

RATES = {"push": (2000.0, 1.0), "multicast": (200.0, 1.0), "narrowcast": (60.0, 3600.0)}
"""Calls within so many seconds, for each channel and kind of call."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that was accepted: what its repetition is answered with."""

    request_id: str
    sent: tuple[str, ...]  # message ids, of a push
    at: datetime


@dataclass(slots=True)
class Bucket:
    """Calls that may still be made at this moment."""

    calls: float
    at: datetime


@dataclass(slots=True)
class Narrowcast:
    """One message to an audience, and how far it came."""

    meant: int
    accepted_at: datetime
    waiting: set[str]  # people whose phones have not answered yet
    reached: int = 0
    missed: int = 0
    has_begun: bool = False
    error_code: int = 0  # why it failed as a whole
    completed_at: datetime | None = None


@dataclass(slots=True)
class LineChannel:
    """One Messaging API channel and its Official Account."""

    name: str  # what the mailbox shows and the control API takes: the Official Account's user id
    secret: str = ""  # empty: not known, so nothing can be signed
    webhook_url: str = ""
    monthly_limit: int = 0  # 0: unlimited
    is_verified: bool = False  # may list its friends
    used: int = 0
    blocked: set[str] = field(default_factory=set)
    friends: dict[str, None] = field(default_factory=dict)  # in the order they were heard of
    retry_keys: OrderedDict[str, Taken] = field(default_factory=OrderedDict)
    reply_tokens: OrderedDict[str, str] = field(default_factory=OrderedDict)  # token → person
    sent_on: dict[tuple[str, str], int] = field(default_factory=dict)  # (push or multicast, yyyyMMdd) → people
    audiences: dict[str, tuple[str, ...]] | None = None  # number → people; None: any number stands for some people
    narrowcasts: OrderedDict[str, Narrowcast] = field(default_factory=OrderedDict)  # by request id
    buckets: dict[str, Bucket] = field(default_factory=dict)

    def draw(self, kind: str, now: datetime) -> bool:
        """Take one call of this kind; tells whether there was one."""
        most, seconds = RATES[kind]
        bucket = self.buckets.setdefault(kind, Bucket(most, now))
        passed = max(0.0, (now - bucket.at).total_seconds())
        bucket.calls, bucket.at = min(most, bucket.calls + most * passed / seconds), now
        if bucket.calls < 1:
            return False
        bucket.calls -= 1
        return True

    def accepted(self, key: str, now: datetime) -> Taken | None:
        """What was taken under this retry key within its 24 hours."""
        while self.retry_keys:
            oldest, taken = next(iter(self.retry_keys.items()))
            if now - taken.at <= KEY_LIFE and len(self.retry_keys) <= _KEPT_KEYS:
                break
            del self.retry_keys[oldest]
        return self.retry_keys.get(key)

    def people_of(self, audience: str) -> tuple[str, ...] | None:
        """The people of an audience; None when there is no such one."""
        if self.audiences is not None:
            return self.audiences.get(audience)
        return tuple(f"U{audience}{place:0{32 - len(audience)}}" for place in range(LEAST_AUDIENCE))

    def watch(self, request_id: str, narrowcast: Narrowcast) -> None:
        """Remember a narrowcast; the oldest go."""
        self.narrowcasts[request_id] = narrowcast
        if len(self.narrowcasts) > _KEPT_NARROWCASTS:
            self.narrowcasts.popitem(last=False)

    def offer_reply(self, token: str, person: str) -> None:
        """Let `token` be used once to answer `person`."""
        self.reply_tokens[token] = person
        if len(self.reply_tokens) > _KEPT_REPLIES:
            self.reply_tokens.popitem(last=False)

    def count(self, kind: str, people: Sequence[str], now: datetime) -> None:
        """Count people for the month and the day, which in LINE's statistics is one of UTC+9."""
        self.used += len(people)
        day = (kind, day_of(now))
        self.sent_on[day] = self.sent_on.get(day, 0) + len(people)
        self.friends.update(dict.fromkeys(people))


@dataclass(slots=True)
class LineState:
    """The whole emulated provider."""

    channels: dict[str, LineChannel] = field(default_factory=dict)  # by name
    tokens: dict[str, LineChannel] = field(default_factory=dict)  # long-lived access tokens
    logins: dict[str, tuple[str, LineChannel]] = field(default_factory=dict)  # channel id → (secret, channel)
    issued: OrderedDict[str, tuple[datetime, LineChannel]] = field(default_factory=OrderedDict)  # stateless tokens
    is_closed: bool = False  # only registered channels work
    counter: int = 0

    def next_number(self) -> int:
        """Another number for each thing that needs an id."""
        self.counter += 1
        return self.counter

    def admit(self, credential: str) -> LineChannel:
        """Make the channel of a credential known, under a name that does not give the credential away."""
        name = "U" + sha256(credential.encode("utf-8", "replace")).hexdigest()[:32]
        return self.channels.setdefault(name, LineChannel(name))


def day_of(now: datetime) -> str:
    """The day of LINE's statistics."""
    return f"{now + timedelta(hours=9):%Y%m%d}"
