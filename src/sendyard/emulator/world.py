"""
The emulated world: all providers with their state, the handsets, the scenarios; no sockets here but callbacks.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from sendyard.domain.status import ReportStatus
from sendyard.emulator.callbacks import CallbackSender
from sendyard.emulator.connection import Answer, Disconnect, Silence, WireRequest
from sendyard.emulator.magic import MAGIC_RULES, MARK
from sendyard.emulator.mailbox import Letter, Mailbox
from sendyard.emulator.reports import Pace, Reporter
from sendyard.emulator.scenarios import (
    USUAL_FATE,
    Failure,
    Garbage,
    Hang,
    Plan,
    Reset,
    ScenarioBook,
    Throttle,
    Traffic,
)
from sendyard.providers.emulation import EmulatedRequest, Emulator, Received, Refusal
from sendyard.providers.wire import HttpResponse

_MARK_BYTES = MARK.encode()
GARBAGE = HttpResponse(200, {"content-type": "text/html"}, b"<html><body>\xff\xfe\x00 Maintenance 0x1F </body")
"""Invalid as UTF-8, JSON, XML and key=value alike."""


def utc_now() -> datetime:
    """The usual clock."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Hosted:
    """One provider of this world."""

    emulator: Emulator
    state: Any
    open_requests: int = 0


class World:
    """Takes requests apart from their sockets and answers them as the providers would."""

    def __init__(
        self,
        emulators: Mapping[str, Emulator],
        sender: CallbackSender,
        *,
        seed: str = "0",
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        pace: Pace | None = None,
        reports: bool = True,
    ) -> None:
        """Take the emulators by slug; without `reports` an accepted message is never heard of again."""
        self._clock = clock
        self._reports = reports
        self.sender = sender
        self.mailbox = Mailbox()
        self.scenarios = ScenarioBook(seed, monotonic, MAGIC_RULES)
        self.reporter = Reporter(sender, clock, pace or Pace())
        self.hosted = {slug: Hosted(emulator, emulator.new_state()) for slug, emulator in emulators.items()}

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time every provider of this world has."""
        return self._clock

    async def reset(self, seed: str) -> None:
        """Begin again: no messages, accounts, scenarios or callbacks, and chance starts from `seed`."""
        self.reporter.forget()
        await self.sender.forget()
        self.mailbox.empty()
        self.scenarios.reset(seed)
        for hosted in self.hosted.values():
            hosted.state = hosted.emulator.new_state()

    def answer(self, hosted: Hosted, wire: WireRequest, path: str) -> HttpResponse | Awaitable[Answer]:
        """Answer one request to one provider, at once where no scenario can be concerned."""
        request = EmulatedRequest(
            wire.method, path, wire.query, wire.headers, wire.body, self._clock(), hosted.open_requests + 1
        )
        if self.scenarios.added or _MARK_BYTES in wire.body or MARK in wire.query or MARK in wire.path:
            return self._answer_by_scenario(hosted, request)
        handled = hosted.emulator.handle(request, hosted.state)
        for received in handled.received:
            self.mailbox.put(Letter(hosted.emulator.spec.slug, received, request.now, fails=False))
            if self._reports:
                self.reporter.follow(hosted.emulator, hosted.state, received, USUAL_FATE)
        return handled.response

    async def _answer_by_scenario(self, hosted: Hosted, request: EmulatedRequest) -> Answer:
        hosted.open_requests += 1
        try:
            traffic = _preview(hosted.emulator, request)
            plan = self.scenarios.plan(traffic)
            if plan.latency:
                await asyncio.sleep(plan.latency)
            request = replace(request, now=self._clock(), open_requests=hosted.open_requests)
            return await self._carry_out(hosted, request, traffic, plan)
        finally:
            hosted.open_requests -= 1

    async def _carry_out(self, hosted: Hosted, request: EmulatedRequest, traffic: Traffic, plan: Plan) -> Answer:
        failure = plan.failure
        if failure and (isinstance(failure, Throttle) or not failure.accepted):
            return _failed(hosted.emulator, request, failure)
        request = replace(request, refusal=self._refusals(traffic))
        handled = hosted.emulator.handle(request, hosted.state)
        await self._take_in(hosted, traffic, handled.received, request.now)
        return _failed(hosted.emulator, request, failure) if failure else handled.response

    def _refusals(self, traffic: Traffic) -> Callable[[str], Refusal | None]:
        """The request's refusals; asked twice about one recipient, the answer is the same and counts once."""
        decided: dict[str, Refusal | None] = {}
        messages = {message.to: message for message in traffic.messages}

        def refusal(to: str) -> Refusal | None:
            if to not in decided:
                message = messages.get(to)
                decided[to] = None if message is None else self.scenarios.refusal(traffic, message)
            return decided[to]

        return refusal

    async def _take_in(self, hosted: Hosted, traffic: Traffic, accepted: Sequence[Received], now: datetime) -> None:
        early = []
        for received in accepted:
            fate = self.scenarios.fate(traffic, received)
            self.mailbox.put(Letter(traffic.provider, received, now, fails=fate.status is ReportStatus.FAILED))
            if not self._reports:
                continue
            if fate.callbacks.early:
                early.append((received, fate))
            else:
                self.reporter.follow(hosted.emulator, hosted.state, received, fate)
        # Last, because a client that gives up in between ends this request, but not what was accepted.
        for received, fate in early:
            await self.reporter.report_now(hosted.emulator, hosted.state, received, fate)


def _preview(emulator: Emulator, request: EmulatedRequest) -> Traffic:
    """
    What a request carries, found out before anything is accepted.

    An emulator is pure, so the request is tried on an empty provider that is thrown away.
    """
    trial = replace(request, open_requests=1)
    messages = emulator.handle(trial, emulator.new_state()).received

    named: frozenset[str] | None = None

    def names(account: str) -> bool:
        nonlocal named
        if named is None:
            named = _named_values(request)
        return account in named

    return Traffic(emulator.spec.slug, request.path, messages, names)


def _named_values(request: EmulatedRequest) -> frozenset[str]:
    """Everything in a request that can be a credential: Authorization, path segments, query and form values."""
    whole = request.headers.get("authorization", "")
    scheme, _, credential = whole.partition(" ")
    named = {whole, credential, *unquote(request.path).split("/")}
    if scheme.lower() == "basic":
        named.add(_user_of(credential))
    for pairs in (request.query, request.body.decode("latin-1")):
        named.update(value for _, value in parse_qsl(pairs))
    return frozenset(named)


def _user_of(credential: str) -> str:
    try:
        return base64.b64decode(credential, validate=True).decode("utf-8", "replace").partition(":")[0]
    except binascii.Error:
        return ""


def _failed(emulator: Emulator, request: EmulatedRequest, failure: Failure) -> Answer:
    if isinstance(failure, Throttle):
        return emulator.throttled(request, failure.retry_after)
    if isinstance(failure, Hang):
        return Silence(failure.seconds)
    if isinstance(failure, Reset):
        return Disconnect()
    if isinstance(failure, Garbage):
        return GARBAGE
    if failure.status is None and not failure.accepted:
        return emulator.unavailable(request)
    return HttpResponse(failure.status or 500, {"content-type": "text/plain"}, b"Internal Server Error")
