"""
Asking for reports: those that are late, or all there are.
"""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from sendyard.delivery import poller as poller_module
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.poller import Poller
from sendyard.delivery.transport import Lost
from sendyard.domain.channels import Channel
from sendyard.emulator.scenarios import Callbacks, Error, Outcome, Reset
from sendyard.providers.contract import ProtocolError
from sendyard.providers.registry import adapter
from sendyard.storage.identifiers import now_ms
from tests.running import AMERICA, KOREA, TAIWAN, Running, eager

PATTERN = {"mitake": TAIWAN, "twilio": AMERICA, "bizgo": KOREA}


async def sent(running: Running, provider: str, count: int = 1) -> list[str]:
    """Messages whose callbacks get lost."""
    account = await running.account(provider)
    running.scenario(Callbacks(withheld=True))
    ids = await running.queue(account, count=count, pattern=PATTERN[provider])
    running.start()
    await running.reach(ids, "sent")
    await running.stop()
    return ids


def entry_of(running: Running, message_id: str) -> AccountEntry:
    entry = running.yard.directory.account(running.books.row(message_id)["account_id"])
    assert entry is not None
    return entry


@pytest.mark.parametrize("provider", ["mitake", "twilio", "bizgo"])
async def test_reports_whose_callbacks_got_lost_are_asked_for(
    running: Running, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    eager(monkeypatch, provider, confirm_within=0.05, poll_delays=(0.1, 0.1, 0.1, 0.1, 0.1, 0.1))
    ids = await sent(running, provider, count=8)
    running.start(running.poller.run())
    await running.reach(ids, "delivered")
    assert running.yard.rows("SELECT count(*) FROM attempts WHERE poll_at IS NOT NULL") == [(0,)]


async def test_how_far_a_message_to_an_audience_came_is_asked_for_and_no_message_to_a_person(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    eager(monkeypatch, "line", confirm_within=0.05, poll_delays=(0.1,) * 20)
    account = await running.account("line", settings={"audiences": True})
    (one,) = await running.queue(account, channel=Channel.LINE, to="U" + "0" * 31 + "1")
    (many,) = await running.queue(account, channel=Channel.LINE, to="audience:5614991017776")
    running.start(running.poller.run())
    await running.reach([many], "delivered")
    await running.reach([one], "sent")
    assert (running.books.attempt(one)["polls"], running.books.attempt(one)["poll_at"]) == (0, None)
    assert len(running.letters()) == 51
    ((subject, detail),) = running.yard.rows("SELECT subject, detail FROM account_notices")
    assert (subject, detail) == ("narrowcast", "A message to audience:5614991017776 reached 50 of 50 people.")


async def test_asking_stops_after_the_last_delay(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    eager(monkeypatch, "twilio", confirm_within=0.01, poll_delays=(0.02, 0.02))
    running.scenario(Outcome(status="none"))
    ids = await sent(running, "twilio")
    running.start(running.poller.run())

    async def given_up() -> bool:
        return running.books.attempt(ids[0])["poll_at"] is None

    await running.until(given_up)
    assert running.books.attempt(ids[0])["polls"] == 3
    assert running.statuses(ids) == ["sent"]


async def test_without_an_address_of_ours_asking_begins_with_the_first_delay(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    eager(monkeypatch, "mitake", confirm_within=999.0, poll_delays=(0.05, 0.05, 0.05))
    account = await running.account("mitake")
    running.yard.directory._public_url = ""
    await running.yard.directory.refresh(force=True)
    ids = await running.queue(account, count=2)
    running.start(running.poller.run())
    await running.reach(ids, "delivered")
    assert running.door.answers == []


async def test_a_provider_that_cannot_be_asked_now_is_asked_later(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    eager(monkeypatch, "mitake", confirm_within=0.01, poll_delays=(0.05,) * 30)
    ids = await sent(running, "mitake")
    outage = running.scenario(Reset(), scope="all")
    running.start(running.poller.run())

    async def complained() -> bool:
        return "could not ask" in caplog.text

    await running.until(complained)
    assert running.statuses(ids) == ["sent"]
    running.server.world.scenarios.remove(outage)
    await running.reach(ids, "delivered")


@pytest.mark.parametrize("effect", [Reset(), Error(status=500)])
async def test_whoever_asks_by_hand_hears_that_it_failed(
    running: Running, monkeypatch: pytest.MonkeyPatch, effect: Reset | Error
) -> None:
    eager(monkeypatch, "mitake", confirm_within=0.0)
    ids = await sent(running, "mitake")
    running.scenario(effect, scope="all")
    entry = entry_of(running, ids[0])
    with pytest.raises((Lost, ProtocolError)):
        await running.poller.poll(entry)
    assert running.books.attempt(ids[0])["polls"] == 1


async def test_a_long_list_is_asked_for_in_pieces(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    eager(monkeypatch, "mitake", confirm_within=0.0, poll_limit=4, poll_delays=(60.0,))
    ids = await sent(running, "mitake", count=10)
    await asyncio.sleep(0.1)
    entry = entry_of(running, ids[0])
    assert await running.poller.poll(entry) == 10
    assert set(running.statuses(ids)) == {"delivered"}
    assert await running.poller.poll(entry) == 0


async def test_reports_are_acknowledged_only_after_they_are_stored(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await sent(running, "bizgo", count=3)
    await asyncio.sleep(0.1)
    entry = entry_of(running, ids[0])

    def broken(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(running.ingest, "store_in", broken)
        with pytest.raises(OSError, match="disk full"):
            await running.poller.poll(entry)
    assert set(running.statuses(ids)) == {"sent"}
    # Nothing was acknowledged, so the provider still has them.
    await running.poller.poll(entry)
    assert set(running.statuses(ids)) == {"delivered"}


async def test_how_far_it_read_is_remembered(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await sent(running, "bizgo")
    entry = entry_of(running, ids[0])
    kind: Any = type(adapter("bizgo"))
    real_build, real_parse = kind.build_poll, kind.parse_poll
    asked: list[str] = []

    def build(self: Any, call: Any, cursor: str, pending: Any) -> Any:
        asked.append(cursor)
        return real_build(self, call, cursor, pending)

    def parse(self: Any, *given: Any) -> Any:
        return replace(real_parse(self, *given), cursor="page 2")

    monkeypatch.setattr(kind, "build_poll", build)
    monkeypatch.setattr(kind, "parse_poll", parse)
    await running.poller.poll(entry)
    await running.poller.poll(entry)
    assert asked == ["", "page 2"]


async def test_only_one_worker_asks_an_account_at_a_time(running: Running) -> None:
    ids = await sent(running, "bizgo")
    entry = entry_of(running, ids[0])
    await running.run_sql("UPDATE accounts SET poll_lease_until = ?", now_ms() + 60_000)
    await running.poller._guarded(entry)
    assert running.statuses(ids) == ["sent"]
    await running.run_sql("UPDATE accounts SET poll_lease_until = ?", now_ms() - 1)
    await asyncio.sleep(0.05)
    await running.poller._guarded(entry)
    assert running.statuses(ids) == ["delivered"]
    assert running.yard.rows("SELECT poll_lease_until FROM accounts") == [(0,)]


async def test_paused_accounts_and_providers_that_cannot_be_asked_are_left_alone(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await running.account("mitake")
    entry = running.yard.directory.account(account)
    assert entry is not None
    assert running.poller._is_due(entry)
    await running.yard.accounts.pause(running.yard.workspace_id, account)
    paused = running.yard.directory.account(account)
    assert paused is not None
    assert not running.poller._is_due(paused)
    monkeypatch.setattr(poller_module, "ReportPolling", Directory)  # an ability no adapter has
    assert not running.poller._is_due(entry)
    assert await running.poller.poll(entry) == 0


async def test_a_provider_is_not_asked_more_often_than_it_wishes(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(adapter("bizgo"))
    monkeypatch.setattr(kind, "spec", replace(kind.spec, poll_interval=600.0))
    entry = running.yard.directory.account(await running.account("bizgo"))
    assert entry is not None
    await running.poller._guarded(entry)
    assert not running.poller._is_due(entry)
    fresh = Poller(running.yard.database, running.yard.directory, running.transport, running.ingest)
    assert fresh._is_due(entry)
