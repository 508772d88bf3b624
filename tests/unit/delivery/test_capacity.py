"""
What accounts can carry: whether everybody's turn comes in time, and whom an account may write to in a day.
"""

from dataclasses import replace
from typing import Any

import pytest

from sendyard.delivery.capacity import Capacity, span
from sendyard.delivery.directory import AccountEntry
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import NewMessage
from sendyard.providers.spec import RateUnit
from tests.yard import Yard

HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.fixture
async def entry(yard: Yard) -> AccountEntry:
    """An account of three requests a second, a message in each."""
    account_id = await yard.account("twilio", "Slow")
    known = yard.directory.require(yard.workspace_id, account_id)
    return replace(known, rate_per_second=3.0, rate_unit=RateUnit.REQUEST, batch_limit=1)


def message(**changes: Any) -> NewMessage:
    fields: dict[str, Any] = {
        "id": "01a1fbba-0000-7000-8000-000000000001",
        "workspace_id": "w",
        "status": MessageStatus.QUEUED,
        "purpose": Purpose.TRANSACTIONAL,
        "channel": Channel.SMS,
        "to": Address.phone("+886912345678"),
        "country": "TW",
        "sender": "",
        "content": Text("Hi"),
        "parts": 1,
        "encoding": "GSM-7",
        "route": (),
        "failover": False,
        "created_at": 0,
        "expires_at": DAY,
    }
    return NewMessage(**(fields | changes))


def filled(capacity: Capacity, entry: AccountEntry, count: int, **changes: Any) -> Capacity:
    one = message(**changes)
    for _ in range(count):
        capacity.take(entry, one, None, None)
    return capacity


def test_a_slow_plan_is_named_with_the_time_it_takes(entry: AccountEntry) -> None:
    found = filled(Capacity(begins=0), entry, 1000).pace()
    assert found.messages == 0
    assert found.detail == (
        "the last leaves 5 min 33 s after the start. Slow takes 3 requests a second of one message each."
    )


def test_what_leaves_soon_needs_no_reason(entry: AccountEntry) -> None:
    larger = replace(entry, batch_limit=500)
    assert filled(Capacity(begins=0), larger, 1000).pace().detail == "the last leaves within a second after the start."
    assert filled(Capacity(begins=0), entry, 60).pace().detail == "the last leaves 20 s after the start."


def test_those_whose_turn_comes_after_their_time_are_counted(entry: AccountEntry) -> None:
    found = filled(Capacity(begins=0), entry, 1000, expires_at=100_000).pace()
    assert found.messages == 700
    assert found.detail == (
        "Slow takes 3 requests a second of one message each: 700 of 1,000 would expire before their turn comes."
    )
    assert filled(Capacity(begins=0), replace(entry, batch_limit=20), 9000, expires_at=100_001).pace().detail == (
        "Slow takes 3 requests a second of up to 20 messages each: 3,000 of 9,000 would expire before their turn comes."
    )


def test_a_rate_of_messages_or_parts_is_told_in_them(entry: AccountEntry) -> None:
    by_part = replace(entry, rate_unit=RateUnit.PART, rate_per_second=1.0)
    found = filled(Capacity(begins=0), by_part, 60, parts=2).pace()
    assert found.detail == "the last leaves 2 min after the start. Slow takes 1 part a second."
    by_message = replace(entry, rate_unit=RateUnit.MESSAGE, rate_per_second=0.5)
    assert "Slow takes 0.5 messages a second." in filled(Capacity(begins=0), by_message, 60, parts=2).pace().detail


def test_a_throttle_of_the_campaign_says_when_the_last_leaves_and_lets_nobody_expire(entry: AccountEntry) -> None:
    capacity = filled(Capacity(begins=HOUR, step=60.0), entry, 3000, expires_at=HOUR + 1000)
    assert capacity.end() == HOUR + 3000 * 60_000
    assert capacity.pace() == (
        0, "the last leaves 2 d 2 h after the start. The campaign's own throttle lets 60 an hour leave."
    )  # fmt: skip


def test_nothing_to_send_has_no_pace() -> None:
    assert Capacity(begins=0).pace() == (0, "")
    assert Capacity(begins=0).people() == (0, "")


def test_people_beyond_a_days_limit_are_counted_with_those_written_to_before(entry: AccountEntry) -> None:
    limited = replace(entry, daily_people=250)
    assert filled(Capacity(begins=0), limited, 250).people() == (0, "")
    found = filled(Capacity(begins=0), limited, 1000).people()
    assert found == (
        750,
        "Slow may write to 250 people first within 24 hours; this is for 1,000, so 750 would be refused at first.",
    )
    again = filled(Capacity(begins=0, written={entry.id: 100}), limited, 200).people()
    assert again.messages == 50
    assert "and has written to 100 of them" not in again.detail
    assert "24 hours, and has written to 100; this is for 200, so 50" in again.detail
    assert filled(Capacity(begins=0, written={entry.id: 9000}), limited, 5).people().messages == 5


def test_accounts_that_share_a_limit_are_counted_together_against_the_least_that_is_known(entry: AccountEntry) -> None:
    first = replace(entry, daily_people=250)
    second, unknown, other = (
        replace(entry, id=f"account-{name}", name=name, daily_people=limit)
        for name, limit in (("Second", 2000), ("Third", None), ("Other", 250))
    )
    sharing = [first, second, unknown]
    capacity = Capacity(begins=0, written=dict.fromkeys((one.id for one in sharing), 40))
    for one, count in ((first, 100), (second, 100), (unknown, 20), (other, 260)):
        filled(capacity, one, count)
    beyond, told = capacity.people(lambda one: sharing if one in sharing else [one])
    assert beyond == 20
    assert told == (
        "Slow, Second and Third may together write to 250 people first within 24 hours, and have written to 40; this "
        "is for 220, so 10 would be refused at first. Other may write to 250 people first within 24 hours; this is for "
        "260, so 10 would be refused at first."
    )


def test_an_account_without_a_limit_may_write_to_everybody(entry: AccountEntry) -> None:
    assert filled(Capacity(begins=0, written={entry.id: 9000}), entry, 1000).people() == (0, "")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "within a second"), (59.6, "1 min"), (3661, "1 h 1 min"), (90_000, "1 d 1 h"), (86_405, "1 d 5 s")],
)
def test_a_length_of_time_is_told_in_two_units(seconds: float, said: str) -> None:
    assert span(seconds) == said
