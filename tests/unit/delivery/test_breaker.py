"""
The circuit breaker, with a clock that moves by hand.
"""

from dataclasses import dataclass

import pytest

from sendyard.delivery.breaker import Breaker

ANY, PROBE, NONE = -1, 1, 0


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed()


def test_it_opens_at_the_fifth_failure_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 4)
    assert (breaker.allows(), breaker.is_open) == (ANY, False)
    fail(breaker, 1)
    assert (breaker.allows(), breaker.is_open) == (NONE, True)


def test_a_success_between_begins_the_count_anew(breaker: Breaker) -> None:
    fail(breaker, 4)
    breaker.succeeded()
    fail(breaker, 4)
    assert not breaker.is_open


def test_it_opens_when_half_of_the_last_twenty_failed(breaker: Breaker) -> None:
    for _ in range(9):
        breaker.succeeded()
        breaker.failed()
    breaker.succeeded()
    assert not breaker.is_open
    breaker.failed()
    assert breaker.is_open


def test_fewer_than_twenty_do_not_make_a_share(breaker: Breaker) -> None:
    for _ in range(8):
        breaker.failed()
        breaker.succeeded()
    breaker.failed()
    assert not breaker.is_open


def test_failures_of_long_ago_are_forgotten(breaker: Breaker) -> None:
    for _ in range(9):
        breaker.succeeded()
        breaker.failed()
    for _ in range(20):
        breaker.succeeded()
    fail(breaker, 4)
    assert not breaker.is_open


def test_after_the_pause_one_request_tries_it(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 1.9
    assert breaker.allows() == NONE
    clock.now += 0.1
    assert breaker.allows() == PROBE
    breaker.probing()
    assert (breaker.allows(), breaker.is_open) == (NONE, True)


def test_a_good_answer_to_the_probe_closes_it_and_forgets(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 2
    breaker.probing()
    breaker.succeeded()
    assert (breaker.allows(), breaker.is_open) == (ANY, False)
    fail(breaker, 4)
    assert not breaker.is_open


def test_failed_probes_double_the_pause_up_to_a_minute(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    pauses = []
    for _ in range(8):
        pauses.append(breaker.retry_at - clock.now)
        clock.now = breaker.retry_at
        assert breaker.allows() == PROBE
        breaker.probing()
        breaker.failed()
        assert breaker.allows() == NONE
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]


def test_answers_to_requests_from_before_do_not_prolong_the_pause(breaker: Breaker) -> None:
    fail(breaker, 5)
    due = breaker.retry_at
    fail(breaker, 10)
    assert breaker.retry_at == due


def test_a_good_answer_from_before_closes_it_at_once(breaker: Breaker) -> None:
    fail(breaker, 5)
    breaker.succeeded()
    assert breaker.allows() == ANY
