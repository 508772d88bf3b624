"""
Messages become requests: what may share one, in which order, and what it costs.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from sendyard.delivery.batches import Load, build, build_each, group, new_exchange, units
from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.roundtrip import round_trip
from sendyard.delivery.transport import Transport
from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.ledger.entries import Claimed
from sendyard.providers.contract import Refused
from sendyard.providers.registry import adapter
from sendyard.providers.spec import Batch as BatchRules
from sendyard.providers.spec import RateUnit
from tests.yard import SETTINGS, Yard


async def entry(yard: Yard, provider: str, **options: Any) -> AccountEntry:
    found = yard.directory.account(await yard.account(provider, **options))
    assert found is not None
    return found


def claimed(*recipients: str, **rest: Any) -> list[Claimed]:
    fields = {"purpose": Purpose.TRANSACTIONAL, "parts": 1, "sender": "", "attempts": 0, **rest}
    return [
        Claimed(
            id=f"01a0c8a4-0000-7000-8000-{number:012d}",
            workspace_id="w",
            account_id="a",
            group_id="",
            channel=Channel.SMS,
            to=Address(AddressKind.PHONE, to),
            country="TW",
            content=Text(f"hello {number}"),
            fallback=(),
            route=["a"],
            failover=True,
            retries=0,
            expires_at=1_790_000_000_000,
            created_at=1_780_000_000_000,
            **fields,
        )
        for number, to in enumerate(recipients, start=1)
    ]


def numbers(count: int) -> list[str]:
    return [f"+88691{number:07d}" for number in range(count)]


def recipients(loads: Sequence[Load]) -> list[list[str]]:
    return [[posting.message.to.value for posting in load.postings] for load in loads]


async def test_one_recipient_a_request_where_the_provider_takes_no_more(yard: Yard) -> None:
    account = await entry(yard, "twilio", sender="+15005550006")
    loads = group(account, claimed(*numbers(5)), requests=3)
    assert recipients(loads) == [[number] for number in numbers(3)]
    assert loads[0].postings[0].sender == "+15005550006"


async def test_requests_are_filled_in_order_up_to_the_providers_limit(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(adapter("mitake"))
    monkeypatch.setattr(kind, "spec", replace(kind.spec, batch=BatchRules(limit=4)))
    account = await entry(yard, "mitake")
    loads = group(account, claimed(*numbers(10)), requests=9)
    assert recipients(loads) == [numbers(10)[0:4], numbers(10)[4:8], numbers(10)[8:10]]
    assert recipients(group(account, claimed(*numbers(10)), requests=2)) == [numbers(10)[0:4], numbers(10)[4:8]]


async def test_one_recipient_stands_in_one_request_once(yard: Yard) -> None:
    account = await entry(yard, "mitake")
    one, two = numbers(2)
    assert recipients(group(account, claimed(one, two, one, one), requests=9)) == [[one, two], [one], [one]]


async def test_what_must_be_equal_within_a_request_is_kept_apart(yard: Yard) -> None:
    account = await entry(yard, "bizgo", sender="15880000")
    first, second, third = claimed("+821011111111", "+821022222222", "+821033333333")
    second.sender = "16009064"
    loads = group(account, [first, second, third], requests=9)
    assert recipients(loads) == [["+821011111111", "+821033333333"], ["+821022222222"]]
    # When no more requests may leave, one that is begun is still filled.
    assert recipients(group(account, [first, second, third], requests=1)) == [["+821011111111", "+821033333333"]]


async def test_an_attempt_is_named_anew_for_each_try(yard: Yard) -> None:
    account = await entry(yard, "twilio")
    (load,) = group(account, claimed(*numbers(1), attempts=2, sender="16009064"), requests=1)
    posting = load.postings[0]
    assert (posting.number, posting.sender) == (3, "16009064")
    assert load.outgoing[0].reference == posting.attempt_id == "01a0c8a4000070008000000000000001-3"


@pytest.mark.parametrize(("unit", "cost"), [(RateUnit.REQUEST, 2), (RateUnit.MESSAGE, 3), (RateUnit.PART, 9)])
async def test_loads_cost_what_the_provider_counts(yard: Yard, unit: RateUnit, cost: int) -> None:
    account = replace(await entry(yard, "mitake"), rate_unit=unit)
    one, two = numbers(2)
    loads = group(account, claimed(one, two, one, parts=3), requests=9)
    assert units(account, loads) == cost
    assert units(account, []) == 0


async def test_the_same_exchange_gives_the_same_request(yard: Yard) -> None:
    for provider in SETTINGS:
        account = await entry(yard, provider, sender="15880000" if provider == "bizgo" else "")
        number = "+821011111111" if provider == "bizgo" else numbers(1)[0]
        (load,) = group(account, claimed(number), requests=1)
        exchange = new_exchange(account, load.postings)
        first, again = build(account, exchange, load.outgoing), build(account, exchange)
        assert first.request is not None
        assert again.request is not None
        assert (first.request.url, first.request.body) == (again.request.url, again.request.body)


async def test_a_message_that_cannot_be_built_does_not_hold_up_its_neighbours(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    account = await entry(yard, "mitake")
    kind = type(account.adapter)
    real = kind.build_submit

    def picky(self: Any, call: Any, batch: Any) -> Any:
        if any(outgoing.to.value == numbers(3)[1] for outgoing in batch):
            raise ValueError("not this one")
        return real(self, call, batch)

    monkeypatch.setattr(kind, "build_submit", picky)
    (load,) = group(account, claimed(*numbers(3)), requests=1)
    batches = build_each(account, load)
    assert [batch.request is None for batch in batches] == [False, True, False]
    assert [len(batch.exchange.postings) for batch in batches] == [1, 1, 1]
    assert len({batch.exchange.id for batch in batches}) == 3
    assert "cannot build a request" in caplog.text
    async with Transport() as transport:
        (refused,), response = await round_trip(transport, account, batches[1])
    assert response is None
    assert isinstance(refused, Refused)
    assert refused.error == ProviderError(ErrorKind.UNSUPPORTED, "cannot_build", refused.error.detail)
