"""
Accounts that sign in first: one token for many exchanges, a second chance when it ended early.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sendyard.delivery.batches import call_for
from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.emulator.scenarios import Error
from sendyard.providers.contract import Accepted, Receipt, Refused
from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.running import Running


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


class Counting(Transport):
    """Counts what goes through it; `fails` makes the next exchange fail."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.fails: Exception | None = None

    async def exchange(self, request: HttpRequest, timeout: Timeout) -> HttpResponse:  # noqa: ASYNC109 - as its base
        self.count += 1
        if self.fails is not None:
            raise self.fails
        return await super().exchange(request, timeout)


async def signing_in(running: Running, **settings: str) -> AccountEntry:
    account = await running.account("every8d", settings={"sign_in": "token", **settings})
    entry = running.yard.directory.account(account)
    assert entry is not None
    assert entry.signs_in
    return entry


async def test_a_token_is_fetched_once_and_kept(running: Running) -> None:
    entry = await signing_in(running)
    async with Counting() as transport:
        tokens = Tokens(transport)
        first, second = await asyncio.gather(tokens.of(entry), tokens.of(entry))
        assert isinstance(first, str)
        assert first
        assert (second, transport.count) == (first, 1)
        assert (await tokens.call(entry)).token == first


async def test_an_account_that_does_not_sign_in_has_none(running: Running) -> None:
    entry = running.yard.directory.account(await running.account("mitake"))
    assert entry is not None
    async with Counting() as transport:
        assert await Tokens(transport).of(entry) == ""
        assert transport.count == 0


async def test_a_token_near_its_end_and_one_of_other_settings_are_fetched_anew(running: Running) -> None:
    entry = await signing_in(running)
    clock = Clock()
    async with Counting() as transport:
        tokens = Tokens(transport, clock=clock)
        await tokens.of(entry)
        await tokens.of(replace(entry, settings=entry.settings.model_copy()))
        assert transport.count == 1  # equal settings are the same settings
        other = replace(entry, settings=entry.settings.model_copy(update={"username": "another"}))
        await tokens.of(other)
        assert transport.count == 2
        clock.now += timedelta(days=2)
        await tokens.of(other)
        assert transport.count == 3


@pytest.mark.parametrize("failure", [NotSent("no connection"), Lost("silence")])
async def test_a_sign_in_without_an_answer_is_trouble_not_a_wrong_password(
    running: Running, failure: Exception
) -> None:
    entry = await signing_in(running)
    async with Counting() as transport:
        transport.fails = failure
        tokens = Tokens(transport)
        found = await tokens.of(entry)
        assert isinstance(found, ProviderError)
        assert (found.kind, found.code) == (ErrorKind.UNAVAILABLE, "no_token")
        with pytest.raises(NotSent) as not_sent:
            await tokens.call(entry)
        assert str(not_sent.value) == found.detail == f"not signed in: {failure}"


async def test_a_token_that_ended_early_gets_a_second_chance_and_a_young_one_none(running: Running) -> None:
    entry = await signing_in(running)
    clock = Clock()
    refused: list[Receipt] = [Refused("m1", ProviderError(ErrorKind.AUTH_FAILED, "x")), Accepted("m2", "ref")]
    async with Counting() as transport:
        tokens = Tokens(transport, clock=clock)
        call = await tokens.call(entry)
        assert tokens.second_chance(entry, call, refused) == refused
        clock.now += timedelta(minutes=10)
        again = tokens.second_chance(entry, call, refused)
        assert [receipt.error.kind for receipt in again if isinstance(receipt, Refused)] == [ErrorKind.UNAVAILABLE]
        assert again[1] == refused[1]
        await tokens.of(entry)
        assert transport.count == 2
        # The others of the same window were refused for the same token: theirs is a second chance too.
        assert tokens.second_chance(entry, call, refused)[0] != refused[0]
        assert tokens.second_chance(entry, call_for(entry, "x"), refused) == refused


async def test_messages_leave_through_an_account_that_signs_in(running: Running) -> None:
    entry = await signing_in(running)
    running.start(running.poller.run())
    ids = await running.queue(entry.id, count=3)
    await running.reach(ids, "sent", "delivered")
    assert len(running.letters()) == 3


async def test_wrong_credentials_pause_the_account_before_anything_leaves(running: Running) -> None:
    account = await running.account("every8d", settings={"sign_in": "token", "password": "invalid-password"})
    running.start()
    ids = await running.queue(account)
    await running.reach(ids, "failed", "queued")
    await running.until(_paused(running, account))
    assert running.letters() == []


async def test_a_provider_that_is_away_at_the_sign_in_is_waited_for(running: Running) -> None:
    entry = await signing_in(running)
    number = running.scenario(Error(), provider="every8d", scope="all")
    running.start()
    ids = await running.queue(entry.id)
    await running.until(lambda: _tried(running, ids[0]))
    running.server.world.scenarios.remove(number)
    assert running.statuses(ids) == ["queued"]


def _paused(running: Running, account: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        rows = await running.yard.database.read(
            lambda tx: tx.rows("SELECT status FROM accounts WHERE id = ?", (account,))
        )
        return rows == [("paused",)]

    return look


async def _tried(running: Running, message_id: str) -> bool:
    rows = await running.yard.database.read(
        lambda tx: tx.rows("SELECT retries FROM messages WHERE id = ?", (message_id,))
    )
    return bool(rows[0][0])
