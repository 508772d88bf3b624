"""
Messages that arrive together are stored together, and nobody notices the others.
"""

import asyncio
import sqlite3
from typing import Any, cast

import pytest

from sendyard.api.gathering import GatheringTransport
from sendyard.delivery.intake import BatchOutcome
from sendyard.delivery.preflight import Draft
from sendyard.delivery.turnstile import Turnstile
from sendyard.domain.content import Text
from sendyard.domain.errors import Invalid, RateLimited
from sendyard.ledger.entries import NewMessage
from tests.api.conftest import KOREAN, Caller


def draft(number: int) -> Draft:
    return Draft(to=f"+8210{20_000_000 + number}", content=Text("hi"))


@pytest.fixture
def turnstile(sender: Caller) -> Turnstile:
    return Turnstile(sender.yard.intake)


async def stored(sender: Caller) -> int:
    rows = await sender.yard.database.read(lambda tx: tx.rows("SELECT count(*) FROM messages"))
    return int(rows[0][0])


async def test_crowd_enters_in_a_few_groups_and_everybody_gets_their_own_answer(
    sender: Caller, turnstile: Turnstile, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []
    original = sender.yard.intake.accept_batch

    async def accept_batch(workspace_id: str, drafts: Any) -> BatchOutcome:
        groups.append(len(drafts))
        return await original(workspace_id, drafts)

    monkeypatch.setattr(sender.yard.intake, "accept_batch", accept_batch)
    found = await asyncio.gather(*(turnstile.accept(sender.workspace_id, draft(number)) for number in range(50)))
    assert [message.to.value for message in found] == [draft(number).to for number in range(50)]
    assert groups == [20, 20, 10]
    assert await stored(sender) == 50


async def test_refused_message_does_not_disturb_the_others(sender: Caller, turnstile: Turnstile) -> None:
    drafts = [draft(1), Draft(to="12", content=Text("hi")), draft(2)]
    first, bad, last = await asyncio.gather(
        *(turnstile.accept(sender.workspace_id, one) for one in drafts), return_exceptions=True
    )
    assert isinstance(bad, Invalid)
    assert isinstance(first, NewMessage)
    assert isinstance(last, NewMessage)
    assert await stored(sender) == 2


async def test_hourly_limit_of_a_recipient_is_exact_in_a_crowd(sender: Caller, turnstile: Turnstile) -> None:
    wish = Draft(to=KOREAN, content=Text("hi"))
    found = await asyncio.gather(
        *(turnstile.accept(sender.workspace_id, wish) for _ in range(45)), return_exceptions=True
    )
    assert sum(isinstance(outcome, NewMessage) for outcome in found) == 10
    assert sum(isinstance(outcome, RateLimited) for outcome in found) == 35


async def test_caller_who_gave_up_disturbs_nobody(sender: Caller, turnstile: Turnstile) -> None:
    callers = [asyncio.create_task(turnstile.accept(sender.workspace_id, draft(number))) for number in range(3)]
    bad = asyncio.create_task(turnstile.accept(sender.workspace_id, Draft(to="12", content=Text("hi"))))
    await asyncio.sleep(0)
    callers[1].cancel()
    bad.cancel()
    found = await asyncio.gather(*callers, bad, return_exceptions=True)
    assert [type(outcome) for outcome in found] == [
        NewMessage,
        asyncio.CancelledError,
        NewMessage,
        asyncio.CancelledError,
    ]
    # It was on its way already, so it is a message all the same.
    assert await stored(sender) == 3


async def test_mistake_over_one_message_is_told_to_one_caller(
    sender: Caller, turnstile: Turnstile, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = draft(2)
    original = sender.yard.intake.accept

    async def accept_batch(*_: object) -> BatchOutcome:
        raise ZeroDivisionError

    async def accept(workspace_id: str, wish: Draft) -> NewMessage:
        if wish is poison:
            raise ZeroDivisionError
        await asyncio.sleep(0)
        return await original(workspace_id, wish)

    monkeypatch.setattr(sender.yard.intake, "accept_batch", accept_batch)
    monkeypatch.setattr(sender.yard.intake, "accept", accept)
    wishes = [draft(1), poison, draft(3), draft(4)]
    callers = [asyncio.create_task(turnstile.accept(sender.workspace_id, wish)) for wish in wishes]
    await asyncio.sleep(0)
    callers[3].cancel()
    found = await asyncio.gather(*callers, return_exceptions=True)
    await asyncio.gather(*turnstile._tasks)
    assert [type(outcome) for outcome in found] == [NewMessage, ZeroDivisionError, NewMessage, asyncio.CancelledError]


async def test_database_that_is_away_is_told_to_all_and_forgotten(
    sender: Caller, turnstile: Turnstile, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(sender.yard.intake, "accept_batch", away)
        found = await asyncio.gather(
            *(turnstile.accept(sender.workspace_id, draft(number)) for number in range(3)), return_exceptions=True
        )
    assert [type(outcome) for outcome in found] == [sqlite3.OperationalError] * 3
    assert isinstance(await turnstile.accept(sender.workspace_id, draft(9)), NewMessage)


class Wire:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_pieces_of_one_turn_are_written_at_once_and_in_order() -> None:
    wire = Wire()
    transport = GatheringTransport(cast("asyncio.Transport", wire), asyncio.get_running_loop())
    transport.write(b"head ")
    transport.write(b"body")
    assert wire.written == []
    await asyncio.sleep(0)
    transport.write(b"alone")
    await asyncio.sleep(0)
    assert wire.written == [b"head body", b"alone"]
    transport.write(b"last")
    transport.close()
    await asyncio.sleep(0)
    assert wire.written == [b"head body", b"alone", b"last"]
    assert transport.is_closing()
