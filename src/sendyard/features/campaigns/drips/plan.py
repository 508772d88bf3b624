"""
What a drip is to do: its steps with their waits, for whom, and what ends it for a person.

Kept as JSON in the drip's row, so it holds no lists of people.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import MediaItem
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.campaigns.plan import (
    Audience,
    Budget,
    Throttle,
    faults_of_budget,
    faults_of_throttle,
    minutes_of,
)

Enrol = Literal["start", "segment"]
Event = Literal["replied", "opted_out", "clicked", "read", "delivered"]

MOST_STEPS = 20
MOST_EXITS = 20
LONGEST_WAIT = 366 * 24 * 60  # minutes
MINUTE_MS = 60_000
_DAY = 24 * 60


class Wait(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At least so long after the step before, for the first step after the person came; all are added."""

    minutes: int = 0
    hours: int = 0
    days: int = 0

    @property
    def total(self) -> int:
        """Minutes in all."""
        return self.minutes + 60 * self.hours + _DAY * self.days


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One message: a template or a text, after a wait, and if `at` is given then at that time of day where the person is.

    With `at`, days are days of the calendar: one day at 09:00 is the next morning at nine. `channel`, `sender` and
    `account` take the place of the drip's; `media` are files that everybody gets with it.
    """

    template: str | None = None
    text: str | None = None
    wait: Wait = Wait()
    at: str = ""
    channel: Channel | None = None
    sender: str | None = None
    account: str | None = None
    media: tuple[MediaItem, ...] = ()


class InGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Ends a drip for whoever has this tag, or is in this segment."""

    tag: str = ""
    segment: str = ""


Exit = Event | InGroup


class DripPlan(msgspec.Struct, frozen=True, kw_only=True):
    """
    Everything above of one drip.

    Steps and exits are those of a version; the rest is the drip's. `enrol`: whether lists and segments are asked once,
    at the start, or again and again for people who are new in them. `again`: whether somebody who left may be added
    once more. `throttle` and `budget` hold for the messages of all steps together.
    """

    steps: tuple[Step, ...]
    audience: Audience = Audience()
    exit: tuple[Exit, ...] = ("opted_out",)
    enrol: Enrol = "start"
    again: bool = False
    throttle: Throttle | None = None
    budget: Budget | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(DripPlan).decode


def store_drip(plan: DripPlan) -> str:
    """Write a plan as it is kept."""
    return _encode(plan).decode()


@lru_cache(maxsize=256)
def read_drip(stored: str) -> DripPlan:
    """Read what `store_drip` wrote."""
    return _decode(stored)


def check_drip(plan: DripPlan, channel: str) -> None:
    """
    Look at every part of a plan for a drip on this channel, but not at texts and templates.

    Raises:
        Invalid: one error per field at fault.
    """
    errors = [
        *_faults_of_steps(plan, channel),
        *_faults_of_exits(plan),
        *faults_of_throttle(plan.throttle),
        *faults_of_budget(plan.budget),
    ]
    if plan.enrol == "segment" and not plan.audience.asks:
        detail = "Expected lists or segments to look for new people in, found none."
        errors.append(FieldError("/audience", "nobody", detail))
    if errors:
        raise Invalid(errors[0].code, errors[0].detail, errors=errors)


def _faults_of_steps(plan: DripPlan, channel: str) -> Iterator[FieldError]:
    if not 1 <= len(plan.steps) <= MOST_STEPS:
        detail = f"Expected 1 to {MOST_STEPS} steps, found {len(plan.steps)}."
        yield FieldError("/steps", "bad_steps", detail)
    for place, step in enumerate(plan.steps):
        parts = (step.wait.minutes, step.wait.hours, step.wait.days)
        if min(parts) < 0 or step.wait.total > LONGEST_WAIT:
            detail = f"Expected a wait of 0 to {LONGEST_WAIT // _DAY} days, found {step.wait.total:,} minutes."
            yield FieldError(f"/steps/{place}/wait", "bad_wait", detail)
        if step.at and minutes_of(step.at) is None:
            detail = f"Expected a time of day such as 09:30, found {step.at!r:.40}."
            yield FieldError(f"/steps/{place}/at", "bad_time", detail)
        if step.channel is not None and (step.channel == Channel.LINE) != (channel == Channel.LINE):
            detail = f"Expected a channel that reaches the addresses of {channel}, found {step.channel}."
            yield FieldError(f"/steps/{place}/channel", "other_addresses", detail)


def _faults_of_exits(plan: DripPlan) -> Iterator[FieldError]:
    if len(plan.exit) > MOST_EXITS:
        detail = f"Expected at most {MOST_EXITS} conditions, found {len(plan.exit)}."
        yield FieldError("/exit", "too_many", detail)
    for place, one in enumerate(plan.exit):
        if isinstance(one, InGroup) and bool(one.tag) == bool(one.segment):
            detail = "Expected either a tag or a segment, found both or neither."
            yield FieldError(f"/exit/{place}", "tag_or_segment", detail)
