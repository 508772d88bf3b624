"""
The policy table: every kind of error, every purpose, with and without another way, first and last try.
"""

from collections.abc import Sequence
from itertools import product

import pytest

from sendyard.delivery.policy import RULES, Policy, RetryDelays
from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import AttemptStatus, MessageStatus
from sendyard.ledger.entries import Claimed, EventKind, Posting

NOW = 1_790_000_000_000
DAY = 86_400_000
DELAYS = RetryDelays()


def message(**rest: object) -> Claimed:
    fields: dict[str, object] = {
        "id": "01a0c8a4-0000-7000-8000-000000000001",
        "workspace_id": "w",
        "account_id": "first",
        "group_id": "",
        "purpose": Purpose.TRANSACTIONAL,
        "channel": Channel.SMS,
        "to": Address(AddressKind.PHONE, "+886912345678"),
        "country": "TW",
        "sender": "",
        "content": Text("hi"),
        "fallback": (),
        "parts": 1,
        "route": ["first", "second"],
        "failover": True,
        "attempts": 0,
        "retries": 0,
        "expires_at": NOW + DAY,
        "created_at": NOW,
    }
    return Claimed(**{**fields, **rest})  # type: ignore[arg-type]


def posting(**rest: object) -> Posting:
    return Posting(message(**rest), 1, "")


def policy(usable: Sequence[str] = ("first", "second", "third"), jitter: float = 0.5) -> Policy:
    return Policy(usable=lambda account: account in usable, jitter=lambda: jitter)


def error(kind: ErrorKind, retry_after: float | None = None) -> ProviderError:
    return ProviderError(kind, "code", "words", retry_after)


WAITS_HERE = {ErrorKind.THROTTLED, ErrorKind.UNAVAILABLE}
GOES_ON = WAITS_HERE | {
    ErrorKind.AUTH_FAILED,
    ErrorKind.OUT_OF_CREDIT,
    ErrorKind.NOT_REGISTERED,
    ErrorKind.UNSUPPORTED,
}
REPAIRS = {ErrorKind.AUTH_FAILED, ErrorKind.OUT_OF_CREDIT}


def test_every_kind_of_error_has_a_rule() -> None:
    assert set(RULES) == set(ErrorKind)
    assert {kind for kind, rule in RULES.items() if rule.suppresses} == {ErrorKind.OPTED_OUT}
    assert {kind for kind, rule in RULES.items() if rule.pauses_account} == REPAIRS
    assert {kind for kind, rule in RULES.items() if rule.next_route} == GOES_ON


@pytest.mark.parametrize(
    ("kind", "purpose", "failover", "last"), list(product(ErrorKind, Purpose, (True, False), (True, False)))
)
def test_what_follows_a_refusal(kind: ErrorKind, purpose: Purpose, failover: bool, last: bool) -> None:
    waits = DELAYS.of(purpose, kind)
    retries = len(waits) if last else 0
    outcome = policy().refused(posting(purpose=purpose, failover=failover, retries=retries), error(kind), now=NOW)
    found = (outcome.message_status, outcome.event, list(outcome.route), outcome.retries, outcome.due_at)
    if kind in WAITS_HERE and not last:
        expected: tuple[object, ...] = (
            MessageStatus.QUEUED,
            EventKind.RETRY,
            ["first", "second"],
            1,
            NOW + int(1000 * waits[0]),
        )
    elif kind in GOES_ON and failover:
        expected = (MessageStatus.QUEUED, EventKind.FAILOVER, ["second"], 0, NOW)
    elif kind in REPAIRS:
        # Nobody else can: it waits for the account to be repaired.
        expected = (MessageStatus.QUEUED, EventKind.RETRY, ["first", "second"], retries, NOW)
    else:
        expected = (MessageStatus.FAILED, EventKind.REFUSED, [], 0, None)
    assert found == expected
    assert outcome.attempt_status is AttemptStatus.REFUSED
    assert outcome.error == error(kind)


@pytest.mark.parametrize(
    ("purpose", "kind", "expected"),
    [
        (Purpose.TRANSACTIONAL, ErrorKind.UNAVAILABLE, [30, 300, 1800]),
        (Purpose.PROMOTIONAL, ErrorKind.UNAVAILABLE, [30, 300, 1800]),
        (Purpose.OTP, ErrorKind.UNAVAILABLE, [2, 5, 10]),
        (Purpose.OTP, ErrorKind.THROTTLED, [2, 5, 10]),
        (Purpose.PROMOTIONAL, ErrorKind.THROTTLED, [1, 2, 4, 8, 15, 30, 60, 60, 60, 60]),
    ],
)
def test_waits_grow_from_try_to_try(purpose: Purpose, kind: ErrorKind, expected: list[float]) -> None:
    waits = []
    for retries in range(len(expected)):
        outcome = policy().refused(posting(purpose=purpose, retries=retries), error(kind), now=NOW)
        assert outcome.due_at is not None
        assert outcome.retries == retries + 1
        waits.append((outcome.due_at - NOW) / 1000)
    assert waits == expected


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 24.0), (0.5, 30.0), (1.0, 36.0)])
def test_waits_are_spread_by_a_fifth_either_way(jitter: float, seconds: float) -> None:
    outcome = policy(jitter=jitter).refused(posting(), error(ErrorKind.UNAVAILABLE), now=NOW)
    assert outcome.due_at == NOW + int(1000 * seconds)


@pytest.mark.parametrize("retry_after", [0.0, 7.0, 90.0])
def test_what_the_provider_asks_for_is_obeyed_to_the_second(retry_after: float) -> None:
    outcome = policy(jitter=1.0).refused(posting(), error(ErrorKind.THROTTLED, retry_after), now=NOW)
    assert outcome.due_at == NOW + int(1000 * retry_after)


@pytest.mark.parametrize(
    ("failover", "expected"), [(True, EventKind.FAILOVER), (False, EventKind.RETRY)], ids=["another way", "no other"]
)
def test_a_wait_beyond_expiry_is_not_waited_if_there_is_another_way(failover: bool, expected: EventKind) -> None:
    short = posting(expires_at=NOW + 20_000, failover=failover)
    assert policy().refused(short, error(ErrorKind.UNAVAILABLE), now=NOW).event is expected


@pytest.mark.parametrize(
    ("usable", "expected"),
    [
        (("first", "second"), ["first", "second", "third"]),  # waits here
        (("second", "third"), ["second", "third"]),
        (("third",), ["third"]),  # the second is down as well
        ((), ["first", "second", "third"]),  # all are: it waits where it is
    ],
)
def test_an_account_that_is_down_is_not_waited_for_while_another_is_not(
    usable: Sequence[str], expected: list[str]
) -> None:
    waiting = posting(route=["first", "second", "third"])
    outcome = policy(usable).refused(waiting, error(ErrorKind.UNAVAILABLE), now=NOW)
    assert outcome.message_status is MessageStatus.QUEUED
    assert list(outcome.route) == expected


def test_following_skips_what_is_down_and_respects_the_sender_s_wish() -> None:
    assert policy().following(message(failover=False)) is None
    assert policy().following(message(route=["first"])) is None
    assert policy(("third",)).following(message(route=["first", "second", "third"])) == ["third"]
    assert policy(()).following(message()) is None


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("failover", [True, False])
def test_silence_is_waited_out_except_by_a_code_with_another_way(purpose: Purpose, failover: bool) -> None:
    outcome = policy().unknown(posting(purpose=purpose, failover=failover), "no answer", now=NOW)
    assert outcome.attempt_status is AttemptStatus.UNKNOWN
    assert outcome.error == ProviderError(ErrorKind.UNAVAILABLE, "no_answer", "no answer")
    if purpose is Purpose.OTP and failover:
        assert (outcome.message_status, list(outcome.route), outcome.due_at) == (MessageStatus.QUEUED, ["second"], NOW)
    else:
        assert (outcome.message_status, outcome.event, outcome.due_at) == (
            MessageStatus.UNKNOWN,
            EventKind.UNKNOWN,
            None,
        )


def test_an_expired_code_is_not_sent_another_way() -> None:
    outcome = policy().unknown(posting(purpose=Purpose.OTP, expires_at=NOW), "no answer", now=NOW)
    assert outcome.message_status is MessageStatus.UNKNOWN


@pytest.mark.parametrize(("kind", "failover", "late"), list(product(ErrorKind, (True, False), (True, False))))
def test_what_follows_a_failure_reported_later(kind: ErrorKind, failover: bool, late: bool) -> None:
    now = NOW + DAY if late else NOW
    step = policy().failed_later(message(failover=failover), error(kind), now=now)
    if kind in GOES_ON and failover and not late:
        assert (step.message_status, step.event, step.due_at, list(step.route)) == (
            MessageStatus.QUEUED,
            EventKind.FAILOVER,
            now,
            ["second"],
        )
    else:
        assert (step.message_status, step.event, step.due_at) == (MessageStatus.FAILED, EventKind.REPORT, None)
