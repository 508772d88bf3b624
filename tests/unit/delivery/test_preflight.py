"""
What only the database knows before a message may enter the ledger: suppressions and the hourly limit.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from sendyard.delivery.preflight import Draft, check, check_many
from sendyard.delivery.queries import suppress
from sendyard.domain.channels import Channel
from sendyard.domain.content import Text
from sendyard.domain.errors import AppError, ErrorKind, RateLimited
from sendyard.domain.status import MessageStatus
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import NewMessage
from sendyard.storage.transaction import Transaction
from tests.yard import AMERICAN, KOREAN, TAIWANESE, Yard

NOW = 1_790_000_000_000
HOUR = 3_600_000


def draft(to: str = TAIWANESE, body: str = "Your parcel is here", **rest: Any) -> Draft:
    return Draft(to=to, content=Text(body), **rest)


def checked(yard: Yard, given: Draft, now: int = NOW) -> NewMessage:
    return yard.database.read_now(lambda tx: check(yard.directory, tx, yard.workspace_id, given, now))


def store(yard: Yard, given: Draft, now: int = NOW) -> NewMessage:
    message = checked(yard, given, now)
    yard.database.write_now(lambda tx: enqueue(tx, [message]))
    return message


def all_checked(yard: Yard, *drafts: Draft, now: int = NOW) -> list[NewMessage | AppError]:
    return yard.database.read_now(lambda tx: check_many(yard.directory, tx, yard.workspace_id, drafts, now))


def forbid(yard: Yard, address: str, channel: str = "", reason: str = "opted_out", source: str = "") -> None:
    yard.database.write_now(
        lambda tx: suppress(
            tx, yard.workspace_id, address, channel=channel, reason=reason, source=source, now=1_780_000_000_000
        )
    )


@pytest.fixture
async def open_yard(yard: Yard) -> Yard:
    """A yard whose one route carries texts and pictures anywhere."""
    account_id = await yard.account("twilio", "world")
    for channel in (Channel.SMS, Channel.MMS):
        await yard.routes.set(yard.workspace_id, channel=channel, accounts=[account_id])
    return yard


async def test_a_suppressed_recipient_gives_a_suppressed_message(open_yard: Yard) -> None:
    forbid(open_yard, TAIWANESE, source="inbox")
    message = checked(open_yard, draft())
    assert message.status is MessageStatus.SUPPRESSED
    assert message.error is not None
    assert (message.error.kind, message.error.code) == (ErrorKind.OPTED_OUT, "opted_out")
    assert "since 2026-05-28 (opted_out, from inbox)" in message.error.detail
    assert checked(open_yard, draft(KOREAN)).status is MessageStatus.QUEUED


async def test_a_suppression_of_one_channel_leaves_the_others_open(open_yard: Yard) -> None:
    forbid(open_yard, TAIWANESE, channel="mms")
    assert checked(open_yard, draft()).status is MessageStatus.QUEUED
    forbid(open_yard, TAIWANESE, channel="sms", reason="complaint")
    message = checked(open_yard, draft())
    assert message.error is not None
    assert message.error.code == "complaint"
    single, listed = message, all_checked(open_yard, draft())[0]
    assert isinstance(listed, NewMessage)
    assert listed.error == single.error


async def test_the_hourly_limit_of_a_recipient_lets_exactly_that_many_through(open_yard: Yard) -> None:
    await open_yard.hourly_limit(2)
    store(open_yard, draft(), NOW - 50 * 60_000)
    store(open_yard, draft(), NOW - 10 * 60_000)
    with pytest.raises(RateLimited) as error:
        checked(open_yard, draft())
    assert error.value.retry_after == pytest.approx(600.0)
    assert "at most 2 messages to +886***678" in error.value.detail
    assert TAIWANESE not in error.value.detail
    assert checked(open_yard, draft(KOREAN)).status is MessageStatus.QUEUED
    assert checked(open_yard, draft(), NOW + 11 * 60_000).status is MessageStatus.QUEUED


async def test_messages_that_never_left_do_not_count_towards_the_limit(open_yard: Yard) -> None:
    await open_yard.hourly_limit(1)
    for status in ("suppressed", "cancelled"):
        stored = store(open_yard, draft(), NOW - 60_000)
        open_yard.database.write_now(
            lambda tx, stored=stored, status=status: tx.run(  # type: ignore[misc]
                "UPDATE messages SET status = ? WHERE id = ?", (status, stored.id)
            )
        )
    assert checked(open_yard, draft()).status is MessageStatus.QUEUED
    assert isinstance(all_checked(open_yard, draft())[0], NewMessage)


async def test_without_a_limit_nobody_is_counted(open_yard: Yard) -> None:
    await open_yard.hourly_limit(0)
    for _ in range(12):
        store(open_yard, draft())
    assert checked(open_yard, draft()).status is MessageStatus.QUEUED
    assert all(isinstance(found, NewMessage) for found in all_checked(open_yard, *[draft()] * 12))


async def test_a_list_has_one_outcome_per_draft_in_order(open_yard: Yard) -> None:
    forbid(open_yard, KOREAN)
    found = all_checked(open_yard, draft(), draft("letters"), draft(KOREAN), draft(AMERICAN, ""), draft(AMERICAN))
    assert [
        getattr(outcome, "status", None) if isinstance(outcome, NewMessage) else outcome.code for outcome in found
    ] == [
        MessageStatus.QUEUED,
        "letters",
        MessageStatus.SUPPRESSED,
        "empty_text",
        MessageStatus.QUEUED,
    ]


async def test_within_a_list_earlier_drafts_count_towards_the_limit_of_later_ones(open_yard: Yard) -> None:
    await open_yard.hourly_limit(3)
    store(open_yard, draft(), NOW - 60_000)
    found = all_checked(open_yard, *[draft()] * 4, draft(KOREAN))
    assert [type(outcome) for outcome in found] == [NewMessage, NewMessage, RateLimited, RateLimited, NewMessage]


async def test_a_long_list_asks_the_database_twice_per_thousand_rows(open_yard: Yard) -> None:
    drafts = [
        draft(f"+8210{number:08d}", checked=True, checked_country="KR") for number in range(10_000_000, 10_002_500)
    ]
    forbid(open_yard, drafts[2400].to)
    asked: list[str] = []

    def count(tx: Transaction) -> list[NewMessage | AppError]:
        rows = tx.rows

        def counted(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
            asked.append(sql)
            return rows(sql, parameters)

        tx.rows = counted  # type: ignore[method-assign]
        return check_many(open_yard.directory, tx, open_yard.workspace_id, drafts, NOW)

    found = open_yard.database.read_now(count)
    assert len(asked) == 1 + 2 * 3  # once for the whole: whether people were erased who must not be contacted
    suppressed = [message for message in found if isinstance(message, NewMessage) and message.error is not None]
    assert suppressed == [found[2400]]
    assert len({outcome.id for outcome in found if isinstance(outcome, NewMessage)}) == 2500


async def test_the_limit_holds_across_the_thousands_of_a_list(open_yard: Yard) -> None:
    await open_yard.hourly_limit(1)
    others = [
        draft(f"+8210{number:08d}", checked=True, checked_country="KR") for number in range(10_000_000, 10_001_000)
    ]
    found = all_checked(open_yard, draft(), *others, draft())
    assert isinstance(found[0], NewMessage)
    assert isinstance(found[-1], RateLimited)
    assert sum(isinstance(outcome, NewMessage) for outcome in found) == 1001
