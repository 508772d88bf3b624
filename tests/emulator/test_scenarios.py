"""
Scenarios over real sockets, at a provider that does nothing else.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.emulator.reports import Pace, steps_of
from sendyard.emulator.scenarios import Fate, Latency, Outcome, Refuse, Rule, ScenarioBook, Throttle, Traffic
from sendyard.emulator.server import EmulatorServer
from sendyard.providers.emulation import Received
from tests.emulator.conftest import Caller, Listener

TO = "+886912345678"
OTHER = "+886912345679"


async def test_without_a_scenario_a_message_is_reported_sent_then_delivered(caller: Caller, listener: Listener) -> None:
    status, results = await caller.send_and_wait(TO)
    assert (status, results) == (201, [{"to": TO, "id": "P1"}])
    assert listener.told("P1") == ["sent", "delivered"]


async def test_throttling_accepts_nothing_and_names_the_wait_only_if_told_to(caller: Caller) -> None:
    await caller.scenario(effect={"type": "throttle"}, count=1)
    await caller.scenario(effect={"type": "throttle", "retry_after": 7}, count=1)
    assert [(await caller.send(TO))[0] for _ in range(3)] == [429, 429, 201]
    assert len(await caller.mailbox()) == 1


@pytest.mark.parametrize("retry_after", [None, 3.0])
async def test_the_throttle_answer_is_the_providers_own(
    caller: Caller, server: EmulatorServer, client: aiohttp.ClientSession, retry_after: float | None
) -> None:
    await caller.scenario(effect={"type": "throttle", "retry_after": retry_after}, scope="all")
    async with client.get(f"{server.base_url('parrot')}/ping") as answer:
        assert (answer.status, await answer.text()) == (429, "squawk")
        assert answer.headers.get("retry-after") == (None if retry_after is None else "3")


@pytest.mark.parametrize(
    ("effect", "status", "body", "accepted"),
    [
        ({"type": "error"}, 503, b"asleep", 0),
        ({"type": "error", "status": 502}, 502, b"Internal Server Error", 0),
        ({"type": "error", "accepted": True}, 500, b"Internal Server Error", 1),
        ({"type": "error", "accepted": True, "status": 504}, 504, b"Internal Server Error", 1),
    ],
)
async def test_a_server_error_comes_before_or_after_acceptance(
    caller: Caller, effect: dict[str, Any], status: int, body: bytes, accepted: int
) -> None:
    await caller.scenario(effect=effect)
    assert await caller.send(TO) == (status, body)
    assert len(await caller.mailbox()) == accepted


@pytest.mark.parametrize("accepted", [False, True])
async def test_garbage_is_no_json_and_comes_before_or_after_acceptance(caller: Caller, accepted: bool) -> None:
    await caller.scenario(effect={"type": "garbage", "accepted": accepted})
    status, body = await caller.send(TO)
    assert status == 200
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    assert len(await caller.mailbox()) == accepted


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_reset_connection_is_seen_as_reset(caller: Caller, accepted: bool) -> None:
    await caller.scenario(effect={"type": "reset", "accepted": accepted})
    with pytest.raises(aiohttp.ClientOSError, match=r"reset by peer"):
        await caller.send(TO)
    assert len(await caller.mailbox()) == accepted


async def test_a_hanging_request_is_accepted_and_the_connection_closes_without_an_answer(caller: Caller) -> None:
    await caller.scenario(effect={"type": "hang", "seconds": 0.2})
    started = time.monotonic()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await caller.send(TO)
    assert time.monotonic() - started >= 0.2
    assert len(await caller.mailbox()) == 1


async def test_a_client_that_gives_up_on_a_hanging_request_leaves_no_trouble_behind(
    caller: Caller, server: EmulatorServer
) -> None:
    hanging = await caller.scenario(effect={"type": "hang"})

    async def accepted() -> bool:
        return len(await caller.mailbox()) == 1

    await caller.give_up(TO, once=accepted)
    await caller.control("DELETE", f"/scenarios/{hanging['id']}")
    assert (await caller.send(TO))[0] == 201


async def test_latency_holds_back_the_answer_and_counts_as_an_open_request(
    caller: Caller, server: EmulatorServer
) -> None:
    # Long enough that all four come before the first is answered.
    await caller.scenario(effect={"type": "latency", "seconds": 4})
    started = time.monotonic()
    await asyncio.gather(*[caller.send(TO) for _ in range(4)])
    assert time.monotonic() - started >= 3.99
    assert max(server.world.hosted["parrot"].state.open_requests_seen) == 4
    assert server.world.hosted["parrot"].open_requests == 0


@pytest.mark.parametrize(
    ("effect", "shown"),
    [
        ({"type": "refuse", "kind": "opted_out"}, "opted_out"),
        ({"type": "refuse", "code": "21610"}, "21610"),
        ({"type": "refuse"}, "unmapped"),
    ],
)
async def test_a_refusal_hits_one_recipient_of_a_batch(caller: Caller, effect: dict[str, Any], shown: str) -> None:
    await caller.scenario(effect=effect, recipients=[TO])
    _, results = await caller.send(OTHER, TO)
    assert results == [{"to": OTHER, "id": "P1"}, {"to": TO, "refused": shown}]
    assert [letter["to"] for letter in await caller.mailbox()] == [OTHER]


async def test_a_failed_outcome_is_reported_with_its_reason_and_reaches_no_handset(
    caller: Caller, listener: Listener
) -> None:
    await caller.scenario(effect={"type": "outcome", "status": "failed", "kind": "undeliverable"}, recipients=[TO])
    await caller.scenario(effect={"type": "outcome", "status": "failed", "code": "30003"}, recipients=[OTHER])
    await caller.send_and_wait(TO, OTHER, "+15551230001")
    failed = {said["id"]: said["code"] for said in listener.heard if said["status"] == "failed"}
    assert failed == {"P1": "undeliverable", "P2": "30003"}
    assert [letter["to"] for letter in await caller.mailbox()] == ["+15551230001"]
    assert [letter["to"] for letter in await caller.mailbox("?failed=true")] == [TO, OTHER]


@pytest.mark.parametrize(
    ("outcome", "channel", "told"),
    [
        ({"status": "sent"}, "sms", ["sent"]),
        ({"status": "none"}, "sms", []),
        ({"status": "read"}, "sms", ["sent", "delivered"]),
        ({"status": "read"}, "whatsapp", ["sent", "delivered", "read"]),
        ({"status": "delivered", "delay": 0}, "sms", ["sent", "delivered"]),
        ({"status": "delivered", "delay": 0.05, "up_to": 0.1}, "sms", ["sent", "delivered"]),
    ],
)
async def test_an_outcome_decides_which_reports_come(
    caller: Caller, listener: Listener, outcome: dict[str, Any], channel: str, told: list[str]
) -> None:
    await caller.scenario(effect={"type": "outcome", **outcome})
    await caller.send_and_wait(TO, channel=channel)
    assert listener.told("P1") == told


async def test_callbacks_can_be_doubled(caller: Caller, listener: Listener) -> None:
    await caller.scenario(effect={"type": "callback", "copies": 2})
    await caller.send_and_wait(TO)
    assert listener.told("P1") == ["sent", "sent", "delivered", "delivered"]


async def test_callbacks_can_come_last_first(caller: Caller, listener: Listener) -> None:
    await caller.scenario(effect={"type": "callback", "reordered": True, "copies": 2})
    await caller.send_and_wait(TO)
    assert listener.told("P1") == ["delivered", "delivered", "sent", "sent"]


async def test_withheld_callbacks_leave_the_report_to_a_query(
    caller: Caller, listener: Listener, server: EmulatorServer, client: aiohttp.ClientSession
) -> None:
    await caller.scenario(effect={"type": "callback", "withheld": True})
    await caller.send_and_wait(TO)
    assert listener.heard == []
    async with client.get(f"{server.base_url('parrot')}/report/P1") as answer:
        assert await answer.json(content_type=None) == {"status": "delivered"}


async def test_callbacks_can_be_delayed(caller: Caller, listener: Listener) -> None:
    await caller.scenario(effect={"type": "callback", "delay": 0.2})
    started = time.monotonic()
    await caller.send_and_wait(TO)
    assert time.monotonic() - started >= 0.2
    assert listener.told("P1") == ["sent", "delivered"]


async def test_early_callbacks_come_before_the_answer_to_the_submit(caller: Caller, listener: Listener) -> None:
    await caller.scenario(effect={"type": "callback", "early": True, "copies": 2})
    await caller.send(TO)
    assert listener.told("P1") == ["sent", "sent", "delivered", "delivered"]


async def test_early_callbacks_to_nowhere_do_not_hold_the_answer(caller: Caller, listener: Listener) -> None:
    await caller.scenario(effect={"type": "callback", "early": True})
    status, _ = await caller.send(TO, callback="")
    assert (status, listener.heard) == (201, [])


async def test_a_client_that_gives_up_during_early_callbacks_has_its_messages_accepted(
    caller: Caller, listener: Listener
) -> None:
    listener.silent = True
    await caller.scenario(effect={"type": "callback", "early": True})

    async def told_first() -> bool:
        return bool(listener.heard)

    await caller.give_up(TO, OTHER, once=told_first)
    assert [letter["to"] for letter in await caller.mailbox()] == [TO, OTHER]


async def test_a_recipient_named_twice_in_a_batch_is_refused_twice_but_hit_once(caller: Caller) -> None:
    added = await caller.scenario(effect={"type": "refuse", "code": "1"}, recipients=[TO])
    _, results = await caller.send(TO, TO)
    assert results == [{"to": TO, "refused": "1"}] * 2
    _, (listed,) = await caller.control("GET", "/scenarios")
    assert (listed["id"], listed["hits"]) == (added["id"], 1)


@pytest.mark.parametrize(
    ("selector", "hit"),
    [
        ({"account": "polly"}, {"polly"}),
        ({"provider": "parrot"}, {"polly", "jack"}),
        ({"recipients": [TO], "account": "jack"}, {"jack"}),
        ({"suffix": "678"}, {"polly", "jack"}),
        ({"suffix": "670"}, set()),
        ({"account": "nobody"}, set()),
        ({"recipients": ["+15551230001"]}, set()),
    ],
)
async def test_selectors_choose_whom_a_rule_hits(caller: Caller, selector: dict[str, Any], hit: set[str]) -> None:
    await caller.scenario(effect={"type": "error"}, **selector)
    failing = {account for account in ("polly", "jack") if (await caller.send(TO, OTHER, account=account))[0] == 503}
    assert failing == hit


async def test_a_rule_for_everything_hits_also_what_carries_no_message(
    caller: Caller, server: EmulatorServer, client: aiohttp.ClientSession
) -> None:
    async def ping(**how: Any) -> int:
        async with client.get(f"{server.base_url('parrot')}/ping", **how) as answer:
            return answer.status

    await caller.scenario(effect={"type": "error"}, account="polly", scope="all")
    await caller.scenario(effect={"type": "error"}, recipients=[TO], scope="all")
    basic = aiohttp.encode_basic_auth("polly", "pw")
    assert await ping(params={"account": "polly"}) == 503
    assert await ping(headers={"authorization": basic}) == 503
    assert await ping(headers={"authorization": "Bearer polly"}) == 503
    assert await ping(headers={"authorization": "Basic polly!"}) == 200
    assert await ping(params={"account": "jack"}) == 200


async def test_submit_rules_leave_polls_alone(
    caller: Caller, server: EmulatorServer, client: aiohttp.ClientSession
) -> None:
    await caller.scenario(effect={"type": "error"})
    async with client.get(f"{server.base_url('parrot')}/ping") as answer:
        assert answer.status == 200


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def received(to: str, account: str = "polly") -> Received:
    return Received(account=account, to=to, sender="Polly", channel=Channel.SMS, text="hello", provider_ref="P1")


def traffic(*to: str) -> Traffic:
    return Traffic("parrot", "/v1/send", [received(number) for number in to], lambda _account: False)


def book(clock: Callable[[], float] | None = None, seed: str = "1") -> ScenarioBook:
    return ScenarioBook(seed, clock or Clock(), {})


def test_a_rule_works_only_within_its_window() -> None:
    clock = Clock()
    scenarios = book(clock)
    scenarios.add(Rule(effect=Throttle(), after=2, until=5))
    struck = []
    for second in range(7):
        clock.now = 1000.0 + second
        struck.append(scenarios.plan(traffic(TO)).failure is not None)
    assert struck == [False, False, True, True, True, False, False]


def test_limits_count_hits_in_all_and_for_each_recipient() -> None:
    scenarios = book()
    scenarios.add(Rule(effect=Throttle(), count=3, per_recipient=2))
    struck = [scenarios.plan(traffic(to)).failure is not None for to in (TO, TO, TO, OTHER, OTHER)]
    assert struck == [True, True, False, True, False]


def numbers(count: int) -> list[str]:
    return [f"+8869{number:08d}" for number in range(count)]


def hits(scenarios: ScenarioBook, to: list[str]) -> set[str]:
    return {number for number in to if scenarios.refusal(traffic(number), received(number))}


def test_chance_hits_about_its_share_and_the_same_recipients_in_any_order() -> None:
    rule = Rule(effect=Refuse(kind=ErrorKind.BLOCKED), probability=0.1)
    recipients = numbers(2000)
    first, second, other_seed = book(), book(), book(seed="2")
    for scenarios in (first, second, other_seed):
        scenarios.add(rule)
    hit = hits(first, recipients)
    assert 150 < len(hit) < 250
    assert hits(second, recipients[::-1]) == hit
    assert hits(other_seed, recipients) != hit


def test_a_recipient_met_again_gets_a_new_chance() -> None:
    scenarios = book()
    scenarios.add(Rule(effect=Refuse(), probability=0.5))
    assert len({frozenset(hits(scenarios, numbers(50))) for _ in range(4)}) == 4


def test_a_probability_of_a_batch_speaks_of_the_request_not_of_its_messages() -> None:
    scenarios = book()
    scenarios.add(Rule(effect=Throttle(), probability=0.2))
    recipients = numbers(40_000)
    batches = [recipients[start : start + 200] for start in range(0, len(recipients), 200)]
    failed = sum(scenarios.plan(traffic(*batch)).failure is not None for batch in batches)
    assert 20 < failed < 60


def test_latencies_add_up_and_the_first_failure_wins() -> None:
    scenarios = book()
    scenarios.add(Rule(effect=Latency(seconds=1)))
    scenarios.add(Rule(effect=Latency(seconds=2, up_to=3)))
    scenarios.add(Rule(effect=Throttle(retry_after=5)))
    scenarios.add(Rule(effect=Throttle(retry_after=9)))
    plan = scenarios.plan(traffic(TO))
    assert 3 <= plan.latency < 4
    assert plan.failure == Throttle(retry_after=5)
    assert [active.hits for active in scenarios.added] == [1, 1, 1, 0]


def test_the_first_fitting_outcome_decides_a_fate() -> None:
    scenarios = book()
    scenarios.add(Rule(effect=Outcome(status="failed", delay=1, up_to=2), recipients=(TO,)))
    scenarios.add(Rule(effect=Outcome(status="sent")))
    fate = scenarios.fate(traffic(TO), received(TO))
    assert fate.status is ReportStatus.FAILED
    assert fate.delay is not None
    assert 1 <= fate.delay < 2
    assert scenarios.fate(traffic(OTHER), received(OTHER)).status is ReportStatus.SENT


def test_reset_forgets_rules_and_what_was_met() -> None:
    scenarios = book()
    scenarios.add(Rule(effect=Refuse(), probability=0.5))
    before = hits(scenarios, numbers(50))
    scenarios.reset("1")
    assert not hits(scenarios, numbers(50))
    scenarios.add(Rule(effect=Refuse(), probability=0.5))
    assert hits(scenarios, numbers(50)) == before


def test_a_report_faster_than_the_usual_pace_pulls_the_sent_report_forward() -> None:
    fast = Fate(delay=0.01)
    assert steps_of(fate=fast, channel=Channel.SMS, pace=Pace()) == [
        (0.01, ReportStatus.SENT),
        (0.01, ReportStatus.DELIVERED),
    ]
