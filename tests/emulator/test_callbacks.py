"""
Callbacks on the way: repetition, time limits, and whom they may reach.
"""

import asyncio
import time
from dataclasses import replace
from datetime import datetime

import aiohttp
import pytest

from sendyard.emulator.callbacks import Callback, CallbackSender
from sendyard.emulator.reports import Pace
from sendyard.emulator.server import EmulatorServer
from sendyard.emulator.world import utc_now
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.emulator.conftest import Caller, Listener
from tests.emulator.parrot import Parrot

TO = "+886912345678"


async def test_an_unsatisfying_answer_is_repeated_until_the_provider_gives_up(
    caller: Caller, listener: Listener, server: EmulatorServer
) -> None:
    listener.statuses = [500] * 10
    await caller.scenario(effect={"type": "outcome", "status": "sent"})
    await caller.send_and_wait(TO)
    assert listener.told("P1") == ["sent"] * 3
    (record,) = server.world.sender.records
    assert (record.tries, record.status, record.accepted) == (3, 500, False)


def to(url: str) -> Callback:
    return Callback("parrot", "P1", HttpRequest("POST", url), lambda _response: True, (), lambda request, _at: request)


async def sent(url: str, allowed: frozenset[str] = frozenset()) -> Callback:
    # Name servers, if there are any, need not be waited for.
    sender = CallbackSender(utc_now, timeout=2 if allowed else 60, allowed_hosts=allowed)
    callback = to(url)
    await sender.deliver(callback)
    await sender.stop()
    return callback


async def at_rest(sender: CallbackSender) -> None:
    async with asyncio.timeout(60):
        while sender.pending:  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.01)


async def test_what_waited_leaves_as_the_provider_sends_it_then(listener: Listener) -> None:
    made = []

    def sent_later(request: HttpRequest, at: datetime) -> HttpRequest:
        made.append(at)
        return replace(request, body=f'{{"id": "P1", "status": "try {len(made)}"}}'.encode())

    listener.statuses = [500] * 2
    sender = CallbackSender(utc_now, timeout=60, retry_scale=0.01)
    request = HttpRequest("POST", listener.url, body=b'{"id": "P1", "status": "first"}')
    sender.post(Callback("parrot", "P1", request, lambda answer: answer.status == 200, (1.0, 1.0), sent_later))
    await at_rest(sender)
    sender.post(Callback("parrot", "P1", request, lambda _response: True, (), sent_later), after=0.01)
    await at_rest(sender)
    await sender.stop()
    assert listener.told("P1") == ["first", "try 1", "try 2", "try 3"]
    assert made == sorted(made)


async def test_no_answer_in_time_is_told_apart_from_a_bad_one(listener: Listener) -> None:
    listener.silent = True
    sender = CallbackSender(utc_now, timeout=0.1)
    callback = to(listener.url)
    await sender.deliver(callback)
    await sender.stop()
    assert (callback.status, callback.accepted, callback.error) == (None, False, "no answer within 0.1 s")


@pytest.mark.parametrize(
    "url", ["http://198.51.100.7/x", "http://gw.example.test/x", "http:///x", "http://[2001:db8::1]/x"]
)
async def test_only_this_machine_is_called(url: str) -> None:
    callback = await sent(url)
    assert not callback.accepted
    assert "callbacks go to this machine only" in callback.error


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9"])
async def test_loopback_is_called_and_a_refused_connection_is_recorded(host: str) -> None:
    callback = await sent(f"http://{host}:9/x")
    assert callback.status is None
    assert "onnect" in callback.error


async def test_an_allowed_host_is_called() -> None:
    callback = await sent("http://gw.example.invalid/x", frozenset({"gw.example.invalid"}))
    assert "this machine only" not in callback.error
    assert callback.error


async def test_at_most_so_many_callbacks_are_open_at_once() -> None:
    open_now, most = 0, 0

    class Slow(CallbackSender):
        async def _exchange(self, request: HttpRequest) -> HttpResponse:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            await asyncio.sleep(0.005)
            open_now -= 1
            return HttpResponse(200)

    sender = Slow(utc_now, open_limit=3)
    for _ in range(20):
        sender.post(to("http://127.0.0.1/x"))
    while sender.pending:  # noqa: ASYNC110 — the sender has no other sign of rest
        await asyncio.sleep(0.005)
    assert (most, len(sender.records)) == (3, 20)
    assert all(record.accepted for record in sender.records)


async def test_stopping_breaks_off_what_waits_and_what_is_under_way(listener: Listener) -> None:
    listener.silent = True
    sender = CallbackSender(utc_now, open_limit=1, timeout=600)
    sender.post(to(listener.url))
    sender.post(to(listener.url))
    sender.post(to(listener.url), after=600)
    await asyncio.sleep(0.05)
    assert sender.pending == 3
    started = time.monotonic()
    await sender.stop()
    assert time.monotonic() - started < 60  # a tenth of what it would take to wait for them
    assert sender.pending == 0


async def test_without_reports_messages_are_taken_and_never_heard_of_again(listener: Listener) -> None:
    silent = EmulatorServer(providers={"parrot": Parrot()}, reports=False, pace=Pace(0, 0, 0))
    async with silent as server, aiohttp.ClientSession() as client:
        caller = Caller(server, client, listener.url)
        await caller.send(TO)
        await caller.scenario(effect={"type": "callback", "early": True})
        await caller.send(TO)
        assert len(await caller.mailbox()) == 2
        assert (server.world.reporter.pending, server.world.sender.pending) == (0, 0)
    assert listener.heard == []


async def test_many_reports_due_at_once_all_happen(caller: Caller, listener: Listener) -> None:
    await caller.send_and_wait(*[f"+8869{count:08d}" for count in range(250)])
    assert len(listener.heard) == 500
    assert {said["status"] for said in listener.heard} == {"sent", "delivered"}


async def test_an_earlier_report_overtakes_a_later_one_already_scheduled(caller: Caller, listener: Listener) -> None:
    await caller.scenario(effect={"type": "outcome", "status": "sent", "delay": 4}, recipients=[TO])
    await caller.send(TO)
    await caller.send_and_wait("+886912345679")
    assert [said["id"] for said in listener.heard] == ["P2", "P2", "P1"]
