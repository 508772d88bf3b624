"""
The door to the ledger, on real databases and with many callers at once.
"""

import asyncio
from typing import Any

import pytest

from sendyard.delivery.intake import Store
from sendyard.delivery.preflight import Draft
from sendyard.delivery.queries import suppress
from sendyard.domain.channels import Channel
from sendyard.domain.content import Text
from sendyard.domain.errors import AppError, Invalid, RateLimited
from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import NewMessage
from sendyard.storage.transaction import Transaction
from tests.yard import KOREAN, TAIWANESE, Yard


def draft(to: str = TAIWANESE, **rest: Any) -> Draft:
    return Draft(to=to, content=Text("Your parcel is here"), **rest)


@pytest.fixture
async def open_yard(yard: Yard) -> Yard:
    account_id = await yard.account("twilio", "world")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[account_id])
    return yard


def stored(yard: Yard) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in yard.rows("SELECT address, status FROM messages ORDER BY id")]


async def test_an_accepted_message_is_stored_when_the_call_returns(open_yard: Yard) -> None:
    message = await open_yard.intake.accept(open_yard.workspace_id, draft())
    assert open_yard.rows("SELECT id, status FROM messages") == [(message.id, "queued")]


async def test_dispatchers_are_woken(open_yard: Yard) -> None:
    flag = open_yard.database.wakeup()
    await asyncio.sleep(0.2)  # PostgreSQL: until the listener listens
    flag.clear()
    await open_yard.intake.accept(open_yard.workspace_id, draft())
    await asyncio.wait_for(flag.wait(), 60)


async def test_a_bad_draft_is_refused_and_nothing_is_stored(open_yard: Yard) -> None:
    with pytest.raises(Invalid):
        await open_yard.intake.accept(open_yard.workspace_id, draft("letters"))
    assert stored(open_yard) == []


async def test_a_suppressed_message_is_stored_as_such(open_yard: Yard) -> None:
    await open_yard.database.write(
        lambda tx: suppress(
            tx, open_yard.workspace_id, TAIWANESE, channel="", reason="manual", source="", now=1_780_000_000_000
        )
    )
    message = await open_yard.intake.accept(open_yard.workspace_id, draft())
    assert message.status is MessageStatus.SUPPRESSED
    assert stored(open_yard) == [(TAIWANESE, "suppressed")]


async def test_fifty_callers_at_once_get_exactly_as_many_through_as_the_limit_allows(open_yard: Yard) -> None:
    await open_yard.hourly_limit(7)
    intake = open_yard.intake
    outcomes = await asyncio.gather(
        *(intake.accept(open_yard.workspace_id, draft()) for _ in range(50)), return_exceptions=True
    )
    assert sum(isinstance(outcome, NewMessage) for outcome in outcomes) == 7
    assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == 43
    assert len(stored(open_yard)) == 7


async def test_a_caller_that_failed_does_not_hold_up_the_next_to_the_same_person(
    open_yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake, write = open_yard.intake, open_yard.database.write

    async def failing(_work: Any) -> Any:
        await asyncio.sleep(0.01)
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(open_yard.database, "write", failing)
        first = asyncio.create_task(intake.accept(open_yard.workspace_id, draft()))
        await asyncio.sleep(0)
        patch.setattr(open_yard.database, "write", write)
        second = await intake.accept(open_yard.workspace_id, draft())
    with pytest.raises(OSError, match="disk"):
        await first
    assert stored(open_yard) == [(TAIWANESE, "queued")]
    assert second.to.value == TAIWANESE


async def test_without_a_limit_callers_to_one_person_do_not_wait_for_each_other(open_yard: Yard) -> None:
    await open_yard.hourly_limit(0)
    intake = open_yard.intake
    await asyncio.gather(*(intake.accept(open_yard.workspace_id, draft()) for _ in range(30)))
    assert len(stored(open_yard)) == 30


async def test_the_caller_may_decide_inside_the_transaction(open_yard: Yard) -> None:
    intake = open_yard.intake

    def once(tx: Transaction, store: Store) -> NewMessage | AppError | str:
        if tx.rows("SELECT 1 FROM messages"):
            return "answered before"
        return store()

    first = await intake.accept_as(open_yard.workspace_id, draft(), once)
    assert isinstance(first, NewMessage)
    assert await intake.accept_as(open_yard.workspace_id, draft(), once) == "answered before"
    # A draft that has become unusable since is still answered from what is remembered.
    assert await intake.accept_as(open_yard.workspace_id, draft("letters"), once) == "answered before"
    assert len(stored(open_yard)) == 1


async def test_inside_a_transaction_refusals_are_returned_not_raised(open_yard: Yard) -> None:
    await open_yard.hourly_limit(1)
    intake = open_yard.intake
    bad = await intake.accept_as(open_yard.workspace_id, draft("letters"), lambda _tx, store: store())
    assert isinstance(bad, Invalid)
    await intake.accept(open_yard.workspace_id, draft())
    late = await intake.accept_as(open_yard.workspace_id, draft(), lambda _tx, store: store())
    assert isinstance(late, RateLimited)


@pytest.mark.parametrize("size", [3, 60])
async def test_one_bad_row_of_a_batch_never_refuses_the_rest(open_yard: Yard, size: int) -> None:
    drafts = [draft(f"+8210{number:08d}", batch_id="b1") for number in range(20_000_000, 20_000_000 + size)]
    drafts[1] = draft("letters", batch_id="b1")
    found = await open_yard.intake.accept_batch(open_yard.workspace_id, drafts)
    assert [position for position, _ in found.rejected] == [1]
    assert [position for position, _ in found.accepted] == [0, *range(2, size)]
    assert [message.id for _, message in found.accepted] == [
        row[0] for row in open_yard.rows("SELECT id FROM messages WHERE batch_id = 'b1' ORDER BY id")
    ]


async def test_an_empty_batch_is_no_trouble(open_yard: Yard) -> None:
    found = await open_yard.intake.accept_batch(open_yard.workspace_id, [])
    assert (found.accepted, found.rejected) == ([], [])


async def test_a_batch_may_be_answered_from_what_is_remembered(open_yard: Yard) -> None:
    answer = await open_yard.intake.accept_batch_as(
        open_yard.workspace_id, [draft()], lambda _tx, _store: "answered before"
    )
    assert answer == "answered before"
    assert stored(open_yard) == []


async def test_examining_stores_nothing(open_yard: Yard) -> None:
    found = await open_yard.intake.examine(open_yard.workspace_id, [draft(), draft("letters"), draft(KOREAN)])
    assert [type(outcome) for outcome in found] == [NewMessage, Invalid, NewMessage]
    assert stored(open_yard) == []
