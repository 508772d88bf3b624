"""
What a provider tells of an account reaches preflight: by its webhook, and by a test of the connection.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sendyard.delivery.learning import SUBJECT, Learning
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.ids import compose_uuid7
from sendyard.domain.status import MessageStatus
from sendyard.features.connections.accounts import Accounts
from sendyard.features.templates import Templates
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import NewMessage
from sendyard.providers.contract import AccountNotice
from sendyard.providers.registry import emulator
from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction
from tests.features.campaign_play import Play, sheet
from tests.running import Running

WAIT = Timeout(connect=10.0, total=30.0)
NUMBER = emulator("meta_cloud").sample_account["phone_number_id"]


async def limited(running: Running, tier: str, known: str = "") -> str:
    """An account here and at the emulator, whose limit is `tier` there and `known` here."""
    account_id = await running.account("meta_cloud", "wa", settings={"messaging_limit": known} if known else {})
    hosted = running.server.world.hosted["meta_cloud"]
    callback_url = running.yard.directory.require(running.yard.workspace_id, account_id).callback_url
    hosted.emulator.register(
        hosted.state, {**hosted.emulator.sample_account, "messaging_limit": tier, "callback_url": callback_url}
    )
    await running.yard.routes.set(running.yard.workspace_id, channel=Channel.WHATSAPP, accounts=[account_id])
    return account_id


def moved(running: Running, tier: str, at: datetime) -> HttpRequest:
    """Meta moves the number to another limit: the webhook that tells."""
    hosted = running.server.world.hosted["meta_cloud"]
    request: HttpRequest | None = hosted.emulator.change_limit(  # type: ignore[attr-defined]
        hosted.state, account=NUMBER, tier=tier, event="UPGRADE", now=at
    )
    assert request is not None
    return request


async def told(running: Running, tier: str, at: datetime) -> None:
    """The webhook arrives."""
    request = moved(running, tier, at)
    answer = await running.transport.exchange(request, WAIT)
    assert answer.status == 200
    await running.yard.directory.refresh()


def limit(running: Running, name: str = "wa") -> Any:
    entry = running.yard.directory.require(running.yard.workspace_id, name)
    return entry.settings.model_dump()["messaging_limit"], entry.daily_people


async def learned(running: Running, name: str = "wa") -> list[dict[str, Any]]:
    found = await running.yard.accounts.notices(running.yard.workspace_id, name)
    return [one for one in found if one["subject"] == SUBJECT]


async def preflight(running: Running, account_id: str, people: int) -> list[tuple[str, int]]:
    """What preflight says of the limit of people."""
    form = {"name": "arrival", "language": "en_US", "variables": {"1": "{name}"}}
    await Templates(running.yard.database, running.yard.directory).add(
        running.yard.workspace_id, code="arrival", body="Hi {name}", registered={"forms": {"meta_cloud": form}}
    )
    play = Play(running.yard, account_id)
    campaign_id = await play.draft(sheet(people), text=None, template_code="arrival", channel="whatsapp")
    found = await play.campaigns.preflight(running.yard.workspace_id, campaign_id)
    return [(one.level.value, one.count) for one in found.checks if one.check == "people_limit"]


async def test_a_webhook_moves_the_limit_that_preflight_counts_with(running: Running) -> None:
    account_id = await limited(running, "TIER_10K", "TIER_10K")
    await told(running, "TIER_250", datetime.now(UTC))
    assert limit(running) == ("TIER_250", 250)
    assert await preflight(running, account_id, 300) == [("warn", 50)]
    (note,) = await learned(running)
    assert note["detail"] == (
        "Meta WhatsApp Cloud API says: Messaging limit is TIER_250 now, it was TIER_10K here. Preflight counts with it."
    )
    assert note["facts"]["messaging_limit.before"] == "TIER_10K"


async def test_a_word_that_comes_late_or_again_changes_nothing(running: Running) -> None:
    await limited(running, "TIER_250")
    now = datetime.now(UTC)
    early = moved(running, "TIER_2K", now - timedelta(minutes=5))
    await told(running, "TIER_10K", now)
    for _ in range(2):
        assert (await running.transport.exchange(early, WAIT)).status == 200
    await running.yard.directory.refresh()
    assert limit(running) == ("TIER_10K", 10_000)
    await told(running, "TIER_UNLIMITED", now + timedelta(minutes=1))
    assert limit(running) == ("TIER_UNLIMITED", None)
    assert [one["facts"]["messaging_limit"] for one in await learned(running)] == ["TIER_UNLIMITED", "TIER_10K"]


async def test_two_words_before_the_directory_has_looked_are_both_taken_over(running: Running) -> None:
    await limited(running, "TIER_250", "TIER_250")
    now = datetime.now(UTC)
    for place, tier in enumerate(("TIER_2K", "TIER_250")):
        request = moved(running, tier, now + timedelta(minutes=place))
        assert (await running.transport.exchange(request, WAIT)).status == 200
    await running.yard.directory.refresh()
    assert limit(running) == ("TIER_250", 250)
    assert len(await learned(running)) == 2


async def test_a_test_of_the_connection_moves_it_too_and_what_was_entered_stays(running: Running) -> None:
    await limited(running, "TIER_2K")
    yard = running.yard
    accounts = Accounts(
        yard.database, yard.vault, yard.directory, lambda _, request: running.transport.exchange(request, WAIT)
    )
    before = yard.directory.require(yard.workspace_id, "wa").settings.model_dump()
    assert (await accounts.test(yard.workspace_id, "wa"))["facts"]["limit"] == "2000"
    after = yard.directory.require(yard.workspace_id, "wa").settings.model_dump()
    assert after == {**before, "messaging_limit": "TIER_2K"}
    (note,) = await learned(running)
    assert "nothing was entered here" in note["detail"]
    await accounts.test(yard.workspace_id, "wa")
    moved(running, "TIER_100K", datetime.now(UTC))
    await accounts.usage(yard.workspace_id, "wa")
    assert (limit(running), len(await learned(running))) == (("TIER_100K", 100_000), 2)


async def test_settings_that_cannot_be_opened_stay_and_the_notice_is_kept(running: Running) -> None:
    account_id = await limited(running, "TIER_250")
    request = moved(running, "TIER_2K", datetime.now(UTC))
    await running.yard.database.write(
        lambda tx: tx.run("UPDATE accounts SET sealed = ? WHERE id = ?", (b"not what it was", account_id))
    )
    assert (await running.transport.exchange(request, WAIT)).status == 200
    found = await running.yard.accounts.notices(running.yard.workspace_id, "wa")
    assert [one["subject"] for one in found] == ["phone_number_quality_update"]


async def test_all_numbers_of_a_business_take_over_what_one_of_them_hears(running: Running) -> None:
    await running.account("meta_cloud", "second", settings={"messaging_limit": "TIER_1K"})
    await limited(running, "TIER_250", "TIER_250")
    await running.account("meta_cloud", "elsewhere", settings={"waba_id": "299999999999999"})
    now = datetime.now(UTC)
    early = moved(running, "TIER_2K", now - timedelta(minutes=5))
    await told(running, "TIER_1K", now)
    assert (limit(running), limit(running, "second")) == (("TIER_1K", 1000), ("TIER_1K", 1000))
    await told(running, "TIER_10K", now + timedelta(minutes=1))
    assert (limit(running), limit(running, "second")) == (("TIER_10K", 10_000), ("TIER_10K", 10_000))
    assert limit(running, "elsewhere") == ("", None)
    assert await learned(running, "elsewhere") == []
    (note,) = await learned(running, "second")
    assert note["detail"] == (
        "Meta WhatsApp Cloud API says to wa: Messaging limit is TIER_10K now, it was TIER_1K here. Preflight counts "
        "with it."
    )
    await running.account("meta_cloud", "third")
    assert (await running.transport.exchange(early, WAIT)).status == 200
    await running.yard.directory.refresh()
    assert limit(running, "third") == ("", None)


async def test_a_test_of_one_number_moves_the_others_even_if_it_knew_already(running: Running) -> None:
    await limited(running, "TIER_2K", "TIER_2K")
    await running.account("meta_cloud", "second")
    yard = running.yard
    accounts = Accounts(
        yard.database, yard.vault, yard.directory, lambda _, request: running.transport.exchange(request, WAIT)
    )
    await accounts.test(yard.workspace_id, "wa")
    assert (limit(running, "second"), await learned(running)) == (("TIER_2K", 2000), [])


async def test_an_account_that_is_gone_or_unreadable_holds_the_others_up_with_nothing(running: Running) -> None:
    lost = [await running.account("meta_cloud", name) for name in ("first", "broken")]
    await limited(running, "TIER_250", "TIER_250")
    database = running.yard.database
    await database.write(lambda tx: tx.run("UPDATE accounts SET sealed = ? WHERE id = ?", (b"not it", lost[1])))
    await running.yard.directory.refresh()
    await database.write(lambda tx: tx.run("DELETE FROM accounts WHERE id = ?", (lost[0],)))
    await told(running, "TIER_2K", datetime.now(UTC))
    assert limit(running) == ("TIER_2K", 2000)


async def test_a_limit_that_is_new_to_us_is_logged_and_left(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    await limited(running, "TIER_250", "TIER_250")
    entry = running.yard.directory.require(running.yard.workspace_id, "wa")
    notice = AccountNotice("phone_number_quality_update", "UPGRADE", "one", {"current_limit": "TIER_5M"})
    learning = Learning(running.yard.directory)
    await running.yard.database.write(lambda tx: learning.hear(tx, entry, notice, now=now_ms()))
    await running.yard.directory.refresh()
    assert (limit(running), await learned(running)) == (("TIER_250", 250), [])
    assert "Meta WhatsApp Cloud API says {'messaging_limit': 'TIER_5M'} of the account wa" in caplog.text


async def sent(running: Running, account_id: str, people: Iterable[int], at: int, *, handed_over: bool = True) -> None:
    """Messages that were made at a moment for this account, and handed over then unless it is said otherwise."""
    messages = [
        NewMessage(
            id=compose_uuid7(at, int.from_bytes(os.urandom(9))),
            workspace_id=running.yard.workspace_id,
            status=MessageStatus.QUEUED,
            purpose=Purpose.TRANSACTIONAL,
            channel=Channel.WHATSAPP,
            to=Address.phone(f"+8869{each:08d}"),
            country="TW",
            sender="",
            content=Text("Hi"),
            parts=1,
            encoding="",
            route=(account_id,),
            failover=False,
            created_at=at,
            expires_at=at + 1,
        )
        for each in people
    ]

    def store(tx: Transaction) -> None:
        enqueue(tx, messages)
        if handed_over:
            tx.run("UPDATE messages SET sent_at = ? WHERE account_id = ? AND created_at = ?", (at, account_id, at))

    await running.yard.database.write(store)


async def test_people_written_to_by_any_account_of_the_portfolio_count_once(running: Running) -> None:
    first = await limited(running, "TIER_250", "TIER_250")
    second = await running.account("meta_cloud", "second", settings={"phone_number_id": "100000000000002"})
    strange = await running.account(
        "meta_cloud", "strange", settings={"phone_number_id": "100000000000003", "waba_id": "100000000000004"}
    )
    now = now_ms()
    await sent(running, first, range(20), now)
    await sent(running, second, range(10, 40), now)
    await sent(running, strange, range(100, 300), now)
    await sent(running, second, [900], now - 25 * 3_600_000)
    await sent(running, second, [901], now + 1, handed_over=False)
    assert await running.yard.intake.written(running.yard.workspace_id) == {first: 40, second: 40}
    assert await preflight(running, second, 220) == [("warn", 10)]
