"""
The life of an accepted message after the submit: when which report happens and how we are told.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from heapq import heappop, heappush
from typing import Any

from sendyard.domain.channels import Channel
from sendyard.domain.status import ReportStatus
from sendyard.emulator.callbacks import Callback, CallbackSender
from sendyard.emulator.scenarios import Fate
from sendyard.providers.emulation import Emulator, Received, Report
from sendyard.providers.wire import HttpRequest

READABLE = frozenset({Channel.WHATSAPP, Channel.RCS, Channel.LINE})
"""Channels on which a person's reading is reported."""

_DUE_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds after acceptance until a carrier has a message, until it is delivered or fails, and until it is read."""

    sent: float = 0.05
    final: float = 0.2
    read: float = 0.4


@dataclass(slots=True)
class Journey:
    """One accepted message and the reports still to come."""

    emulator: Emulator
    state: Any
    received: Received
    fate: Fate
    steps: list[tuple[float, ReportStatus]]  # (monotonic due time, status), next one last
    held: list[HttpRequest]  # callbacks kept back until the last report, when they travel in reverse
    last: Callback | None = None


def steps_of(fate: Fate, channel: Channel, pace: Pace) -> list[tuple[float, ReportStatus]]:
    """Reports of a fate as (seconds after acceptance, status), in the order in which they happen."""
    if fate.status is None:
        return []
    final = pace.final if fate.delay is None else fate.delay
    sent = min(pace.sent, final)
    if fate.status is ReportStatus.SENT:
        return [(final, ReportStatus.SENT)]
    if fate.status is ReportStatus.READ:
        steps = [(sent, ReportStatus.SENT), (final, ReportStatus.DELIVERED)]
        return [*steps, (final + pace.read, ReportStatus.READ)] if channel in READABLE else steps
    return [(sent, ReportStatus.SENT), (final, fate.status)]


class Reporter:
    """Lets reports happen at their time and hands the callbacks to the sender; one timer for all messages."""

    def __init__(self, sender: CallbackSender, clock: Callable[[], datetime], pace: Pace) -> None:
        """Take the sender of callbacks, the clock reports are stamped with, and the usual pace."""
        self._sender = sender
        self._clock = clock
        self._pace = pace
        self._due: list[tuple[float, int, Journey]] = []
        self._sequence = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    @property
    def pending(self) -> int:
        """Messages with reports still to come."""
        return len(self._due)

    def forget(self) -> None:
        """No report of the messages so far will happen."""
        self._due.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def follow(self, emulator: Emulator, state: Any, received: Received, fate: Fate) -> None:
        """Schedule the reports of a message accepted now."""
        now = asyncio.get_running_loop().time()
        steps = [(now + after, status) for after, status in steps_of(fate, received.channel, self._pace)]
        if steps:
            self._push(Journey(emulator, state, received, fate, steps[::-1], []))

    async def report_now(self, emulator: Emulator, state: Any, received: Received, fate: Fate) -> None:
        """Let all reports of a message happen and be called back before returning."""
        steps = [(0.0, status) for _, status in steps_of(fate, received.channel, self._pace)]
        journey = Journey(emulator, state, received, fate, steps[::-1], [])
        while journey.steps:
            if (request := self._settle(journey)) is None:
                continue
            for _ in range(fate.callbacks.copies):
                await self._sender.deliver(self._callback(journey, request))

    def _push(self, journey: Journey) -> None:
        self._sequence += 1
        heappush(self._due, (journey.steps[-1][0], self._sequence, journey))
        self._arm()

    def _arm(self) -> None:
        if not self._due or (self._timer and self._timer_at <= self._due[0][0]):
            return
        if self._timer:
            self._timer.cancel()
        # Kept beside the timer: uvloop turns one that is due already into a handle without a time.
        self._timer_at = self._due[0][0]
        self._timer = asyncio.get_running_loop().call_at(self._timer_at, self._work_off)

    def _work_off(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        # A limited number at a time, so that requests are answered in between.
        for _ in range(_DUE_AT_ONCE):
            if not self._due or self._due[0][0] > now:
                break
            self._take_step(heappop(self._due)[2])
        self._arm()

    def _take_step(self, journey: Journey) -> None:
        request = self._settle(journey)
        manner = journey.fate.callbacks
        if request and not manner.withheld:
            journey.held.extend([request] * manner.copies)
        if journey.steps:
            self._push(journey)
        if journey.held and not (manner.reordered and journey.steps):
            self._send(journey)

    def _send(self, journey: Journey) -> None:
        """One message's callbacks leave one after the other, so that only scenarios change their order."""
        manner = journey.fate.callbacks
        for request in reversed(journey.held) if manner.reordered else journey.held:
            callback = self._callback(journey, request)
            if journey.last and not journey.last.first_try_is_over:
                journey.last.followed_by = callback
            else:
                self._sender.post(callback, after=manner.delay)
            journey.last = callback
        journey.held.clear()

    def _settle(self, journey: Journey) -> HttpRequest | None:
        _, status = journey.steps.pop()
        failed = status is ReportStatus.FAILED
        report = Report(
            status=status,
            at=self._clock(),
            kind=journey.fate.kind if failed else None,
            code=journey.fate.code if failed else "",
        )
        return journey.emulator.settle(journey.state, journey.received, report)

    @staticmethod
    def _callback(journey: Journey, request: HttpRequest) -> Callback:
        emulator, received = journey.emulator, journey.received
        return Callback(
            provider=emulator.spec.slug,
            provider_ref=received.provider_ref,
            request=request,
            accepts=lambda response: emulator.callback_accepted(received, response),
            retries=emulator.callback_retries,
            sent_later=partial(emulator.sent_later, journey.state),
        )
