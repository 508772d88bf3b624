"""
The directory: accounts and routes in memory, in step with their rows.
"""

import asyncio
import json
import logging
from decimal import Decimal
from typing import Any

import pytest

from sendyard.delivery.directory import Directory
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import NotFound
from sendyard.providers.registry import emulator
from sendyard.providers.spec import RateUnit
from sendyard.storage.vault import Vault, generate_key
from tests.yard import PUBLIC_URL, Yard

PLACES = [("TW", Purpose.OTP), ("TW", None), ("", Purpose.OTP), ("", None)]


async def test_an_account_arrives_opened_with_the_providers_defaults(yard: Yard) -> None:
    account_id = await yard.account("mitake", "Taipei", sender="0912345678")
    entry = yard.directory.account(account_id)
    assert entry is not None
    assert entry.settings.base_url.startswith("http://127.0.0.1:9/")
    assert entry.is_active
    assert entry.is_emulated
    assert (entry.rate_per_second, entry.rate_unit, entry.open_requests) == (20.0, RateUnit.REQUEST, 15)
    assert entry.price_per_part is None
    assert "invented-password" in entry.secrets
    assert entry.callback_token in entry.secrets
    assert entry.callback_url == f"{PUBLIC_URL}/callbacks/mitake/{entry.callback_token}"
    assert yard.directory.by_callback_token(entry.callback_token) is entry


async def test_an_accounts_own_limits_and_price_win(yard: Yard) -> None:
    account_id = await yard.account(
        "twilio", rate_per_second="2.5", open_requests=3, price_per_part="0.0079", currency="usd"
    )
    entry = yard.directory.require(yard.workspace_id, account_id)
    assert (entry.rate_per_second, entry.open_requests) == (2.5, 3)
    assert (entry.price_per_part, entry.currency) == (Decimal("0.0079"), "USD")
    assert not entry.is_emulated


@pytest.mark.parametrize(("rate", "limit"), [(None, 50), ("100", 25), ("1", 1), ("100000", 200)])
async def test_where_messages_are_counted_a_request_has_a_quarter_of_a_second_of_them(
    yard: Yard, rate: str | None, limit: int
) -> None:
    account_id = await yard.account("bizgo", settings=dict(emulator("bizgo").sample_account), rate_per_second=rate)
    assert yard.directory.require(yard.workspace_id, account_id).batch_limit == limit


async def test_where_requests_are_counted_they_are_as_large_as_the_provider_takes(yard: Yard) -> None:
    account_id = await yard.account("msg91", settings=dict(emulator("msg91").sample_account), rate_per_second="1")
    assert yard.directory.require(yard.workspace_id, account_id).batch_limit == 500


async def test_a_limit_of_people_that_was_entered_is_known(yard: Yard) -> None:
    settings = dict(emulator("meta_cloud").sample_account)
    limited = await yard.account("meta_cloud", "limited", settings={**settings, "messaging_limit": "TIER_2K"})
    free = await yard.account("meta_cloud", "free", settings=settings)
    assert yard.directory.require(yard.workspace_id, limited).daily_people == 2000
    assert yard.directory.require(yard.workspace_id, free).daily_people is None


@pytest.mark.parametrize(
    ("address", "emulated"),
    [
        ("http://localhost:9025/twilio", True),
        ("http://twilio.localhost/x", True),
        ("http://[::1]:9/twilio", True),
        ("http://10.0.0.1/twilio", False),
        ("https://localhost.example", False),
    ],
)
async def test_only_this_machine_counts_as_emulated(yard: Yard, address: str, emulated: bool) -> None:
    account_id = await yard.account("twilio", settings={"base_url": address})
    assert yard.directory.require(yard.workspace_id, account_id).is_emulated is emulated


async def test_without_a_public_address_there_is_no_callback_url(yard: Yard) -> None:
    account_id = await yard.account("twilio")
    alone = Directory(yard.database, yard.vault)
    assert alone.load_now() is True
    assert alone.require(yard.workspace_id, account_id).callback_url == ""


async def test_nothing_is_opened_again_while_nothing_changes(yard: Yard) -> None:
    account_id = await yard.account("twilio")
    before = yard.directory.account(account_id)
    assert await yard.directory.refresh() is False
    assert yard.directory.account(account_id) is before
    assert await yard.directory.refresh(force=True) is True
    after = yard.directory.account(account_id)
    assert after == before
    assert after is not before


async def test_a_change_of_one_account_leaves_the_others_as_they_are(yard: Yard) -> None:
    first, second = await yard.account("twilio", "first"), await yard.account("twilio", "second")
    untouched = yard.directory.account(first)
    await yard.accounts.pause(yard.workspace_id, second)
    assert yard.directory.account(first) is untouched
    changed = yard.directory.account(second)
    assert changed is not None
    assert not changed.is_active


async def test_what_another_process_writes_is_seen_at_the_next_refresh(yard: Yard) -> None:
    other = Directory(yard.database, yard.vault, PUBLIC_URL)
    assert await other.refresh() is True  # the workspace
    account_id = await yard.account("twilio")
    assert other.account(account_id) is None
    assert await other.refresh() is True
    assert other.account(account_id) == yard.directory.account(account_id)


async def test_a_slow_refresh_never_brings_back_an_older_state(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    directory, has_read, gate = yard.directory, asyncio.Event(), asyncio.Event()
    read = yard.database.read

    async def slow_read(work: Any) -> Any:
        rows = await read(work)
        has_read.set()
        await gate.wait()
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(yard.database, "read", slow_read)
        slow = asyncio.create_task(directory.refresh())
        await has_read.wait()
    account_id = await yard.account("twilio")
    gate.set()
    assert await slow is False
    assert directory.account(account_id) is not None


async def test_an_account_that_cannot_be_opened_is_listed_as_paused(
    yard: Yard, caplog: pytest.LogCaptureFixture
) -> None:
    account_id = await yard.account("twilio", "Main line")
    stranger = Directory(yard.database, Vault([generate_key()]), PUBLIC_URL)
    with caplog.at_level(logging.ERROR):
        await stranger.refresh()
    entry = stranger.require(yard.workspace_id, "Main line")
    assert (entry.id, entry.status, entry.unreadable) == (account_id, "paused", True)
    assert "SENDYARD_SECRET_KEYS" in entry.pause_reason
    assert entry.secrets == (entry.callback_token,)
    assert "Main line" in caplog.text
    assert "invented-token" not in caplog.text


async def test_an_account_of_a_provider_that_is_gone_is_left_out_and_logged(
    yard: Yard, caplog: pytest.LogCaptureFixture
) -> None:
    account_id, kept = await yard.account("twilio", "Old"), await yard.account("mitake", "New")
    await yard.database.write(lambda tx: tx.run("UPDATE accounts SET provider = 'gone' WHERE id = ?", (account_id,)))
    with caplog.at_level(logging.ERROR):
        await yard.directory.refresh()
    assert [entry.id for entry in yard.directory.accounts()] == [kept]
    assert "'gone'" in caplog.text


async def test_an_account_is_found_by_id_or_name_in_its_own_workspace_only(yard: Yard) -> None:
    account_id = await yard.account("twilio", "Main line")
    directory = yard.directory
    assert directory.find(yard.workspace_id, "Main line") is directory.find(yard.workspace_id, account_id)
    assert directory.find("another workspace", account_id) is None
    assert directory.accounts("another workspace") == []
    with pytest.raises(NotFound, match="the accounts are: Main line"):
        directory.require(yard.workspace_id, "Side line")
    with pytest.raises(NotFound, match="no accounts yet"):
        directory.require("another workspace", account_id)


async def test_the_most_specific_route_wins(yard: Yard) -> None:
    account_id = await yard.account("twilio")
    made = {}
    for country, purpose in reversed(PLACES):
        made[country, purpose] = await yard.routes.set(
            yard.workspace_id, channel=Channel.SMS, accounts=[account_id], country=country, purpose=purpose
        )

    def resolved(country: str, purpose: Purpose) -> str:
        found = yard.directory.resolve(yard.workspace_id, Channel.SMS, country, purpose)
        assert found is not None
        return found.id

    assert resolved("TW", Purpose.OTP) == made["TW", Purpose.OTP]["id"]
    assert resolved("TW", Purpose.PROMOTIONAL) == made["TW", None]["id"]
    assert resolved("KR", Purpose.OTP) == made["", Purpose.OTP]["id"]
    assert resolved("KR", Purpose.PROMOTIONAL) == made["", None]["id"]
    for key in PLACES:
        expected = next(made[place] for place in PLACES if place in made)
        assert resolved("TW", Purpose.OTP) == expected["id"]
        await yard.routes.delete(yard.workspace_id, made.pop(key)["id"])
    assert yard.directory.resolve(yard.workspace_id, Channel.SMS, "TW", Purpose.OTP) is None


async def test_a_route_of_another_channel_or_workspace_does_not_apply(yard: Yard) -> None:
    account_id = await yard.account("twilio")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[account_id])
    assert yard.directory.resolve(yard.workspace_id, Channel.MMS, "TW", Purpose.OTP) is None
    assert yard.directory.resolve("another workspace", Channel.SMS, "TW", Purpose.OTP) is None


async def test_routes_keep_their_order_of_accounts_and_their_failover(yard: Yard) -> None:
    first, second = await yard.account("twilio", "a"), await yard.account("twilio", "b")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[second, first], failover=False)
    (route,) = yard.directory.routes(yard.workspace_id)
    assert route.accounts == (second, first)
    assert route.failover is False
    assert json.loads(yard.rows("SELECT accounts FROM routes")[0][0]) == [second, first]


async def test_the_hourly_limit_follows_the_workspace(yard: Yard) -> None:
    assert yard.directory.hourly_limit(yard.workspace_id) == 10
    await yard.hourly_limit(3)
    assert yard.directory.hourly_limit(yard.workspace_id) == 3
    assert yard.directory.hourly_limit("another workspace") == 0


async def test_what_was_derived_is_forgotten_with_any_change(yard: Yard) -> None:
    yard.directory.memo["derived"] = 1
    await yard.directory.refresh()
    assert yard.directory.memo == {"derived": 1}
    await yard.account("twilio")
    assert yard.directory.memo == {}
