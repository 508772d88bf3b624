"""
What nobody knows is settled: by repeating, by asking, or by the report that comes in the end.
"""

import asyncio
import sqlite3
from dataclasses import replace
from typing import Any

import pytest

from sendyard.delivery import recovery as recovery_module
from sendyard.domain.channels import Purpose
from sendyard.domain.content import Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.emulator.scenarios import Callbacks, Error, Garbage, Hang, Outcome, Refuse, Reset, Throttle
from sendyard.ledger.recovery import recover
from sendyard.providers.contract import Refused
from sendyard.providers.registry import adapter
from sendyard.storage.identifiers import now_ms
from tests.running import AMERICA, KOREA, PATIENCE, TAIWAN, Running, eager, impatient
from tests.stores import report_of

PATTERN = {"mitake": TAIWAN, "twilio": AMERICA, "bizgo": KOREA}


async def in_doubt(running: Running, provider: str, count: int = 1, **rest: object) -> list[str]:
    """Messages whose request left without an answer."""
    account = await running.account(provider)
    ids = await running.queue(account, count=count, pattern=PATTERN[provider], **rest)
    running.start()
    await running.reach(ids, "unknown")
    return ids


@pytest.mark.parametrize("provider", ["mitake", "bizgo"])
@pytest.mark.parametrize(
    "effect",
    [
        Hang(seconds=600),
        Reset(accepted=True),
        Garbage(accepted=True),
        Reset(),
        Garbage(),
        Hang(seconds=600, accepted=False),
    ],
    ids=["hang", "reset", "garbage", "reset before", "garbage before", "hang before"],
)
async def test_where_repeating_is_harmless_it_settles_every_silence_and_sends_once(
    running: Running, monkeypatch: pytest.MonkeyPatch, provider: str, effect: Hang | Reset | Garbage
) -> None:
    running.scenario(Callbacks(withheld=True))  # so that no report settles it before
    running.scenario(effect, count=1)
    with monkeypatch.context() as patch:
        if isinstance(effect, Hang):
            impatient(patch, provider)
        ids = await in_doubt(running, provider, count=3)
    eager(monkeypatch, provider)
    await running.settle_doubt()
    await running.reach(ids, "sent", "delivered")
    assert len(running.letters()) == 3
    ((status, tries),) = running.yard.rows("SELECT status, tries FROM exchanges")
    assert (status, tries) == ("closed", 2)


@pytest.mark.parametrize(
    "effect", [Hang(seconds=600), Reset(accepted=True), Garbage(accepted=True), Error(status=500, accepted=True)],
    ids=["hang", "reset", "garbage", "server error"],
)  # fmt: skip
async def test_where_it_is_not_the_provider_is_asked_and_knows_the_message(
    running: Running, monkeypatch: pytest.MonkeyPatch, effect: Hang | Reset | Garbage | Error
) -> None:
    running.scenario(Callbacks(withheld=True))
    running.scenario(effect, count=1)
    with monkeypatch.context() as patch:
        if isinstance(effect, Hang):
            impatient(patch, "twilio")
        ids = await in_doubt(running, "twilio")
    await running.settle_doubt()
    await running.reach(ids, "sent")
    assert running.books.attempt(ids[0])["provider_ref"] == running.letters()[0].received.provider_ref
    assert len(running.letters()) == 1


async def test_what_the_provider_never_got_is_sent_again(running: Running) -> None:
    running.scenario(Reset(), count=1)
    ids = await in_doubt(running, "twilio")
    await running.settle_doubt()
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 1
    assert running.books.row(ids[0])["attempts"] == 2
    assert running.books.attempt(ids[0])["error_code"] == "not_found"


async def test_an_answer_that_settles_nothing_is_asked_for_again_later(running: Running) -> None:
    # Two alike messages to one person: the list cannot tell which of them is meant.
    running.scenario(Callbacks(withheld=True))
    running.scenario(Reset(accepted=True), count=2)
    ids = await in_doubt(running, "twilio", count=2, to="+12025550001")
    before = now_ms()
    await running.settle_doubt()
    assert set(running.statuses(ids)) == {"unknown"}
    for status, next_try_at in running.yard.rows("SELECT status, next_try_at FROM exchanges"):
        assert status == "doubtful"
        assert before + 14_000 <= next_try_at <= now_ms() + 15_000


async def test_asking_ends_after_the_last_wait_and_a_report_still_settles_it(running: Running) -> None:
    running.scenario(Callbacks(withheld=True))
    running.scenario(Reset(accepted=True), count=2)
    ids = await in_doubt(running, "twilio", count=2, to="+12025550001")
    await running.run_sql("UPDATE exchanges SET tries = 7")
    await running.settle_doubt()
    assert running.yard.rows("SELECT DISTINCT status, next_try_at FROM exchanges") == [("abandoned", None)]
    account = running.books.row(ids[0])["account_id"]
    await asyncio.to_thread(running.books.report, report_of(ids[0], ReportStatus.DELIVERED), account_id=account)
    assert sorted(running.statuses(ids)) == ["delivered", "unknown"]


async def test_a_question_that_cannot_be_asked_leaves_it_in_doubt(running: Running) -> None:
    running.scenario(Callbacks(withheld=True))
    running.scenario(Reset(), scope="all")
    ids = await in_doubt(running, "twilio")
    await running.settle_doubt()
    assert running.statuses(ids) == ["unknown"]
    assert running.yard.rows("SELECT status, tries FROM exchanges") == [("doubtful", 2)]


@pytest.mark.parametrize(
    "effect", [Throttle(), Throttle(retry_after=5), Refuse(kind=ErrorKind.AUTH_FAILED)], ids=["fast", "wait", "auth"]
)
async def test_being_refused_the_repetition_says_nothing_about_the_first_try(
    running: Running, monkeypatch: pytest.MonkeyPatch, effect: Throttle | Refuse
) -> None:
    running.scenario(Callbacks(withheld=True))
    running.scenario(Reset(accepted=True), count=1)
    ids = await in_doubt(running, "mitake")
    kind = ErrorKind.AUTH_FAILED if isinstance(effect, Refuse) else ErrorKind.THROTTLED
    mitake = type(adapter("mitake"))
    with monkeypatch.context() as patch:
        patch.setattr(
            mitake,
            "parse_submit",
            lambda _self, batch, _response: [Refused(one.message_id, ProviderError(kind, "no")) for one in batch],
        )
        await running.settle_doubt()
    assert running.statuses(ids) == ["unknown"]
    await running.run_sql("UPDATE accounts SET status = 'active'")
    await running.yard.directory.refresh()
    await running.settle_doubt()
    await running.reach(ids, "sent", "delivered")
    assert len(running.letters()) == 1


async def test_repeating_a_batch_costs_what_sending_it_did(running: Running) -> None:
    account = await running.account("mitake", rate_per_second=1)  # requests
    running.scenario(Callbacks(withheld=True))
    running.scenario(Reset(accepted=True), count=1)
    ids = await running.queue(account, count=10)
    running.start()
    await running.reach(ids, "unknown")
    await asyncio.wait_for(running.settle_doubt(), PATIENCE)
    await running.reach(ids, "sent")
    entry = running.yard.directory.account(account)
    assert entry is not None
    wait = await running.dispatcher.limits.reserve(entry.workspace_id, entry.id, 1, entry.rate_per_second)
    assert wait <= 2


async def test_after_the_provider_forgot_it_is_not_repeated(running: Running) -> None:
    running.scenario(Callbacks(withheld=True))
    running.scenario(Reset(accepted=True), count=1)
    ids = await in_doubt(running, "mitake")
    await running.run_sql("UPDATE exchanges SET opened_at = opened_at - ?", 12 * 3_600_000)
    await running.settle_doubt()
    assert running.statuses(ids) == ["unknown"]
    assert running.yard.rows("SELECT status FROM exchanges") == [("abandoned",)]
    assert len(running.letters()) == 1


async def test_a_report_that_came_meanwhile_closes_the_question(running: Running) -> None:
    running.scenario(Reset(accepted=True), count=1)
    account = await running.account("twilio")
    ids = await running.queue(account, pattern=AMERICA)
    running.start()
    await running.reach(ids, "delivered", "unknown", "sent")
    await running.recovery.round()
    await running.reach(ids, "delivered")
    await running.settle_doubt()
    assert running.yard.rows("SELECT status FROM exchanges") == [("closed",)]
    assert len(running.letters()) == 1


async def test_a_paused_account_is_asked_later(running: Running) -> None:
    running.scenario(Callbacks(withheld=True))
    running.scenario(Reset(accepted=True), count=1)
    ids = await in_doubt(running, "mitake")
    await running.yard.accounts.pause(running.yard.workspace_id, running.books.row(ids[0])["account_id"])
    before = now_ms()
    await running.settle_doubt()
    ((status, next_try_at),) = running.yard.rows("SELECT status, next_try_at FROM exchanges")
    assert status == "doubtful"
    assert next_try_at > before + 25_000


async def test_a_code_does_not_wait_for_an_answer_when_there_is_another_way(running: Running) -> None:
    first, second = await running.account("mitake", "a"), await running.account("mitake", "b")
    running.scenario(Callbacks(withheld=True), count=1)
    running.scenario(Reset(), count=1)
    ids = await running.queue(first, second, purpose=Purpose.OTP)
    running.start()
    await running.reach(ids, "delivered", "sent")
    assert running.books.row(ids[0])["account_id"] == second
    assert [kind for kind, _ in running.books.events(ids[0])][:2] == ["failover", "accepted"]


async def test_at_the_start_the_last_process_is_cleaned_up_after(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    account = await running.account("mitake")
    ids = await running.queue(account, count=3)
    await asyncio.to_thread(running.books.hand_over, account_id=account)
    if running.yard.database.dialect == "postgresql":
        await running.run_sql("UPDATE exchanges SET lease_until = 0")
    assert await running.recovery.start() == (0, 3)
    assert "not known" in caplog.text
    assert await running.recovery.start() == (0, 0)
    running.start(running.recovery.run())
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 3


async def test_reports_that_were_too_early_are_placed_by_the_sweep(running: Running) -> None:
    account = await running.account("twilio")
    (message_id,) = await running.queue(account, pattern=AMERICA)
    exchange = await asyncio.to_thread(running.books.hand_over, account_id=account)
    error = ProviderError(ErrorKind.INVALID_RECIPIENT, "21211")
    failed = report_of(message_id, ReportStatus.FAILED, error=error)
    await asyncio.to_thread(running.books.report, failed, account_id=account)
    await asyncio.to_thread(running.books.accept, exchange)
    await running.recovery.round()
    assert running.statuses([message_id]) == ["failed"]


async def test_the_sweep_ends_what_expired(running: Running) -> None:
    account = await running.account("mitake")
    late = await running.queue(account, expires_at=now_ms() - 1)
    await running.recovery.round(with_expiry=False)
    assert running.statuses(late) == ["queued"]
    await running.recovery.round()
    assert running.statuses(late) == ["expired"]


async def test_a_fault_with_one_exchange_does_not_hold_up_the_others(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    account = await running.account("mitake")
    bad = await running.queue(account, content=Text("poison"))
    await asyncio.to_thread(running.books.hand_over, account_id=account)
    good = await running.queue(account)
    await asyncio.to_thread(running.books.hand_over, account_id=account)
    await running.yard.database.write(lambda tx: recover(tx, now=now_ms(), everything=True))
    real = recovery_module.build  # type: ignore[attr-defined]

    def build(entry: Any, exchange: Any, **rest: Any) -> Any:
        batch = real(entry, exchange, **rest)
        if any(isinstance(one.content, Text) and one.content.body == "poison" for one in batch.outgoing):
            raise ValueError("cannot build")
        return batch

    monkeypatch.setattr(recovery_module, "build", build)
    await running.settle_doubt()
    await running.reach(good, "sent", "delivered")
    assert running.statuses(bad) == ["unknown"]
    assert "cannot settle an exchange" in caplog.text


async def test_asking_a_provider_that_cannot_be_asked_is_a_fault_of_ours(running: Running) -> None:
    account = await running.account("mitake")
    await running.queue(account)
    exchange = await asyncio.to_thread(running.books.hand_over, account_id=account)
    entry = running.yard.directory.account(account)
    assert entry is not None
    with pytest.raises(TypeError, match="cannot be asked"):
        await running.recovery._ask(entry, exchange.postings[0])


async def test_a_provider_that_neither_forgets_nor_answers_leaves_it_to_the_report(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    mitake = type(adapter("mitake"))
    rules = replace(mitake.spec.reference, dedup_seconds=0)
    monkeypatch.setattr(mitake, "spec", replace(mitake.spec, reference=rules))
    running.scenario(Outcome(status="none"))
    running.scenario(Reset(accepted=True), count=1)
    ids = await in_doubt(running, "mitake")
    await running.settle_doubt()
    assert running.yard.rows("SELECT status FROM exchanges") == [("abandoned",)]
    account = running.books.row(ids[0])["account_id"]
    await asyncio.to_thread(running.books.report, report_of(ids[0], ReportStatus.READ), account_id=account)
    assert running.statuses(ids) == ["read"]


async def test_a_database_that_is_away_ends_the_round_loudly(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    account = await running.account("mitake")
    await running.queue(account)
    await asyncio.to_thread(running.books.hand_over, account_id=account)
    await running.yard.database.write(lambda tx: recover(tx, now=now_ms(), everything=True))

    async def away(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(running.recovery, "_resolve", away)
    with pytest.raises(sqlite3.OperationalError):
        await running.recovery.round()
