"""
Messages leave through real adapters to emulated providers: what happens when those behave, and when they do not.
"""

import asyncio
import time
from itertools import pairwise

import pytest

from sendyard.delivery import breaker as breaker_module
from sendyard.delivery import dispatcher as dispatcher_module
from sendyard.delivery import lane as lane_module
from sendyard.delivery.lane import Lane
from sendyard.domain.channels import Purpose
from sendyard.domain.errors import ErrorKind
from sendyard.emulator.scenarios import Callbacks, Error, Latency, Outcome, Refuse, Reset
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction
from tests.any_hour import at_any_hour
from tests.running import AMERICA, HOUR, KOREA, PATIENCE, Running, eager

OTP, TRANSACTIONAL, PROMOTIONAL = Purpose.OTP, Purpose.TRANSACTIONAL, Purpose.PROMOTIONAL


def kinds(running: Running, message_id: str) -> list[str]:
    """The events of one message, reports left out."""
    return [kind for kind, _ in running.books.events(message_id) if kind != "report"]


async def test_messages_reach_handsets_through_every_provider_and_reports_come_back(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    mitake = await running.account("mitake", price_per_part="1")
    twilio = await running.account("twilio")
    bizgo = await running.account("bizgo")
    eager(monkeypatch, "bizgo")
    running.start(running.poller.run())
    ids = await running.queue(mitake, count=30)
    ids += await running.queue(twilio, count=5, pattern=AMERICA)
    ids += await running.queue(bizgo, count=20, pattern=KOREA, encoding="CP949")
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 55
    assert {letter.received.text for letter in running.letters()} == {"hello"}
    assert set(running.door.answers) == {200}
    assert running.yard.rows("SELECT count(*) FROM attempts WHERE provider_ref IS NOT NULL") == [(55,)]


async def test_messages_travel_together_as_far_as_the_provider_takes_them(running: Running) -> None:
    account = await running.account("mitake", open_requests=4)
    ids = await running.queue(account, count=120)
    running.start()
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 120
    ((exchanges, size),) = running.yard.rows("SELECT count(*), sum(size) FROM exchanges")
    assert (size, exchanges < 12) == (120, True)


async def test_one_recipient_stands_in_one_request_once(running: Running) -> None:
    account = await running.account("mitake")
    ids = await running.queue(account, count=3, to="+886910000001")
    running.start()
    await running.reach(ids, "delivered")
    assert running.letter_count("+886910000001") == 3
    assert running.yard.rows("SELECT max(size) FROM exchanges") == [(1,)]


async def test_a_message_stored_while_it_runs_leaves_at_once(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "_IDLE", 600.0)  # so that it is woken, or found too late by the slow round
    account = await running.account("mitake")
    running.start()
    await running.reach(await running.queue(account), "delivered")
    await running.reach(await running.queue(account), "sent", "delivered")


async def test_an_account_that_is_down_is_left_alone_and_others_take_over(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause in ("_FIRST_PAUSE", "_LONGEST_PAUSE"):  # so that no message of the second lot is the one that tries
        monkeypatch.setattr(breaker_module, pause, 600.0)
    down = await running.account("mitake", "down", settings={"username": "down"}, open_requests=2)
    up = await running.account("mitake", "up")
    running.scenario(Error(), account="down")
    running.start()
    # To one person, so that each goes in a request of its own.
    failing = await running.queue(down, up, count=6, to="+886910000007")
    await running.reach(failing, "delivered")
    assert running.dispatcher.breaker(down).is_open
    assert not running.dispatcher.usable(down)
    following = await running.queue(down, up, count=20)
    await running.reach(following, "delivered")
    moved = running.yard.rows("SELECT DISTINCT account_id FROM attempts WHERE message_id = ?", following[0])
    assert moved == [(up,)]
    assert kinds(running, following[0]) == ["failover", "accepted"]
    (led_away,) = [entry for entry in running.books.timeline(following[0]) if entry["kind"] == "failover"]
    assert led_away["detail"] == "down does not answer"


async def test_without_another_way_messages_wait_until_the_account_is_back(running: Running) -> None:
    await at_any_hour(running.yard)
    account = await running.account("mitake", open_requests=1)
    breaker = running.dispatcher.breaker(account)
    outage = running.scenario(Error())
    ids = await running.queue(account, count=30, purpose=PROMOTIONAL, failover=False)
    running.start()

    while not breaker.is_open:  # each request fails a batch; five in a row open it
        ids += await running.queue(account, purpose=PROMOTIONAL, failover=False)
        await asyncio.sleep(0.03)
    assert running.letters() == []
    running.server.world.scenarios.remove(outage)
    last = await running.queue(account, purpose=PROMOTIONAL, failover=False)
    await running.reach(last, "delivered")
    await running.reach(ids, "delivered", "failed")
    # Those that had used up their tries when it opened may have failed; nobody is lost or doubled.
    assert len(running.letters()) == running.statuses(ids + last).count("delivered")

    async def closed() -> bool:
        return not breaker.is_open

    await running.until(closed)


async def test_a_probe_goes_alone(running: Running) -> None:
    account = await running.account("twilio", open_requests=10)
    breaker = running.dispatcher.breaker(account)
    for _ in range(5):
        breaker.failed()
    breaker.retry_at = time.monotonic() + 600
    running.scenario(Latency(seconds=0.2), count=1)
    ids = await running.queue(account, count=30, pattern=AMERICA)
    running.start()
    await asyncio.sleep(0.2)
    assert running.yard.rows("SELECT count(*) FROM exchanges") == [(0,)]
    breaker.retry_at = time.monotonic()
    await running.reach(ids, "delivered")
    first, second = running.yard.rows("SELECT opened_at, closed_at FROM exchanges ORDER BY opened_at LIMIT 2")
    assert second[0] >= first[0] + 190
    assert not breaker.is_open


async def test_refused_credentials_pause_the_account_and_messages_wait_for_its_repair(running: Running) -> None:
    account = await running.account("mitake")
    fault = running.scenario(Refuse(kind=ErrorKind.AUTH_FAILED))
    ids = await running.queue(account, count=3)
    running.start()

    async def paused() -> bool:
        entry = running.yard.directory.account(account)
        return entry is not None and not entry.is_active

    await running.until(paused)
    entry = running.yard.directory.account(account)
    assert entry is not None
    assert entry.pause_reason.startswith("auth_failed")
    assert not running.dispatcher.usable(account)
    running.server.world.scenarios.remove(fault)
    await asyncio.sleep(0.1)
    assert set(running.statuses(ids)) == {"queued"}
    await running.yard.accounts.resume(running.yard.workspace_id, account)
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 3


async def test_refused_credentials_of_one_account_send_messages_to_the_next(running: Running) -> None:
    broken, good = await running.account("mitake", "broken"), await running.account("mitake", "good")
    running.scenario(Refuse(kind=ErrorKind.AUTH_FAILED), per_recipient=1)
    ids = await running.queue(broken, good, count=3)
    running.start()

    async def one_paused() -> bool:
        return not running.dispatcher.usable(broken)

    await running.until(one_paused)
    (first,) = running.yard.rows("SELECT count(*) FROM events WHERE kind = 'failover'")
    assert first == (3,)
    await running.reach(ids, "delivered", "queued")


async def test_who_opted_out_at_the_provider_is_not_written_to_again(running: Running) -> None:
    account = await running.account("twilio")
    to = "+12025550007"
    running.scenario(Refuse(kind=ErrorKind.OPTED_OUT), recipients=(to,))
    (first,) = await running.queue(account, to=to)
    running.start()
    await running.reach([first], "failed")
    assert running.yard.rows("SELECT address, reason FROM suppressions") == [(to, "opted_out")]
    again = await running.queue(account, to=to)
    await running.reach(again, "suppressed")
    code = await running.queue(account, to=to, purpose=OTP)
    await running.reach(code, "failed")
    assert running.letters() == []


async def test_a_refusal_that_no_account_can_mend_is_final(running: Running) -> None:
    first, second = await running.account("twilio", "a"), await running.account("twilio", "b")
    running.scenario(Refuse(kind=ErrorKind.INVALID_RECIPIENT))
    ids = await running.queue(first, second, pattern=AMERICA)
    running.start()
    await running.reach(ids, "failed")
    assert running.books.row(ids[0])["error_kind"] == "invalid_recipient"
    assert running.books.row(ids[0])["attempts"] == 1


async def test_a_failure_reported_later_goes_another_way_where_that_helps(running: Running) -> None:
    first, second = await running.account("twilio", "a"), await running.account("twilio", "b")
    running.scenario(Outcome(status="failed", kind=ErrorKind.NOT_REGISTERED), count=1)
    ids = await running.queue(first, second, pattern=AMERICA)
    running.start()
    await running.reach(ids, "delivered")
    assert running.books.row(ids[0])["attempts"] == 2
    assert kinds(running, ids[0]) == ["accepted", "failover", "accepted"]


@pytest.mark.parametrize("travel", [Callbacks(copies=3), Callbacks(reordered=True), Callbacks(early=True)])
async def test_reports_may_come_doubled_reordered_and_before_the_answer(running: Running, travel: Callbacks) -> None:
    account = await running.account("twilio")
    running.scenario(travel)
    ids = await running.queue(account, count=10, pattern=AMERICA)
    running.start(running.recovery.run())
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 10
    await asyncio.sleep(0.1)
    assert set(running.statuses(ids)) == {"delivered"}


async def test_what_is_too_late_is_not_handed_over(running: Running) -> None:
    account = await running.account("mitake")
    late = await running.queue(account, expires_at=now_ms() - 1)
    fine = await running.queue(account, expires_at=now_ms() + HOUR)
    running.start()
    await running.reach(fine, "delivered")
    await running.reach(late, "expired")
    assert len(running.letters()) == 1


async def test_what_expires_in_the_hands_of_a_lane_does_not_leave_either(running: Running) -> None:
    account = await running.account("mitake", rate_per_second=1, open_requests=1)
    for _ in range(5):
        running.dispatcher.breaker(account).failed()
    running.dispatcher.breaker(account).retry_at = time.monotonic() + 600
    ids = await running.queue(account, count=3, expires_at=now_ms() + 700, failover=False)
    running.start()
    await running.reach(ids, "expired")
    assert running.letters() == []


async def test_the_rate_of_an_account_is_kept(running: Running) -> None:
    account = await running.account("twilio", rate_per_second=25, open_requests=20)
    ids = await running.queue(account, count=51, pattern=AMERICA)
    began = now_ms()
    running.start()
    await running.reach(ids, "sent", "delivered")
    opened = [at for (at,) in running.yard.rows("SELECT opened_at FROM exchanges ORDER BY opened_at")]
    # A slice of a quarter of a second may leave at once; then the moments add up. They are counted from the start,
    # because the first slice may have been held up on its way.
    assert opened[-1] - began >= (51 - 7) / 25 * 1000 - 20
    # A slice that was held up may leave together with the next; the third has its own moment again.
    windows = [sum(start <= at < start + 460 for at in opened) for start in opened]
    assert max(windows) <= 3 * 7


async def test_a_code_overtakes_an_offer_to_thousands(running: Running) -> None:
    await at_any_hour(running.yard)
    account = await running.account("twilio", rate_per_second=40, open_requests=10)
    bulk = await running.queue(account, count=1000, pattern=AMERICA, purpose=PROMOTIONAL)
    running.start()

    async def under_way() -> bool:
        return len(running.letters()) >= 10

    await running.until(under_way)
    code = await running.queue(account, to="+12025559999", purpose=OTP)
    before = len(running.letters())
    await running.reach(code, "sent", "delivered")
    position = [letter.received.to for letter in running.letters()].index("+12025559999")
    # The slices that were under way, and not the two hundred that were in the lane's hands.
    assert position <= before + 50
    assert running.statuses(bulk).count("queued") > 200


async def test_a_code_finds_a_free_slot_though_bulk_hangs(running: Running) -> None:
    await at_any_hour(running.yard)
    account = await running.account("twilio", open_requests=10)
    hanging = await running.queue(account, count=12, pattern="+1202555{:04d}", purpose=PROMOTIONAL)
    running.scenario(Latency(seconds=600), suffix="", recipients=tuple(
        letter for (letter,) in running.yard.rows("SELECT address FROM messages")
    ))  # fmt: skip
    running.start()

    async def full() -> bool:
        return bool(running.yard.rows("SELECT 1 FROM exchanges WHERE status = 'open' LIMIT 1"))

    await running.until(full)
    await asyncio.sleep(0.1)
    code = await running.queue(account, to="+12025559999", purpose=OTP)
    await running.reach(code, "sent", "delivered")
    # It came through while the others had no answer.
    assert running.statuses(hanging).count("sending") >= 8
    running.hang_up()


async def test_a_paused_campaign_hands_nothing_more_over(running: Running) -> None:
    await at_any_hour(running.yard)
    account = await running.account("twilio", rate_per_second=20)
    campaign = await asyncio.to_thread(running.books.add_campaign, "c1")
    ids = await running.queue(account, count=200, pattern=AMERICA, campaign_id=campaign, purpose=PROMOTIONAL)
    running.start()

    async def some_left() -> bool:
        return len(running.letters()) >= 5

    await running.until(some_left)
    await asyncio.to_thread(running.books.set_campaign, campaign, "paused")

    async def nothing_is_under_way() -> bool:
        return "sending" not in running.statuses(ids)

    await running.until(nothing_is_under_way)
    handed_over = len(running.letters())
    await asyncio.sleep(0.4)
    assert len(running.letters()) == handed_over < 200
    await running.run_sql("UPDATE accounts SET rate_per_second = '500'")
    await running.yard.directory.refresh(force=True)
    await asyncio.to_thread(running.books.set_campaign, campaign, "sending")
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 200


async def test_no_more_requests_are_open_than_the_account_may_have(running: Running) -> None:
    account = await running.account("twilio", open_requests=4)
    running.scenario(Latency(seconds=0.2))
    ids = await running.queue(account, count=24, pattern=AMERICA)
    running.start()
    most = 0

    async def done() -> bool:
        nonlocal most
        most = max(most, running.server.world.hosted["twilio"].open_requests)
        return set(running.statuses(ids)) <= {"sent", "delivered"}

    await running.until(done)
    assert most == 4


async def test_an_orderly_end_waits_for_open_answers_and_records_them(running: Running) -> None:
    account = await running.account("twilio", open_requests=5)
    running.scenario(Latency(seconds=0.4))
    ids = await running.queue(account, count=20, pattern=AMERICA)
    running.start()

    async def under_way() -> bool:
        return running.server.world.hosted["twilio"].open_requests == 5

    await running.until(under_way)
    already = len(running.letters())
    await running.stop()
    assert set(running.statuses(ids)) <= {"sent", "delivered", "queued"}
    # Those in the air, and those posted ahead.
    assert 5 <= len(running.letters()) - already <= 10
    assert running.yard.rows("SELECT count(*) FROM attempts") == [(len(running.letters()),)]
    assert running.yard.rows("SELECT count(*) FROM messages WHERE lease_owner IS NOT NULL") == [(0,)]


async def test_an_end_at_any_moment_leaves_nothing_half_done(running: Running) -> None:
    account = await running.account("twilio", open_requests=8)
    ids = await running.queue(account, count=60, pattern=AMERICA)
    for pause in (0.0, 0.01, 0.02, 0.03, 0.05, 0.08):
        dispatcher = dispatcher_module.Dispatcher(
            running.yard.database, running.yard.directory, running.transport, owner=f"worker {pause}"
        )
        task = asyncio.create_task(dispatcher.run())
        await asyncio.sleep(pause)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert running.yard.rows("SELECT count(*) FROM exchanges WHERE status = 'open'") == [(0,)]
        assert "sending" not in running.statuses(ids)
        assert running.yard.rows("SELECT count(*) FROM messages WHERE lease_owner IS NOT NULL") == [(0,)]
    running.start()
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 60


async def test_accounts_added_while_it_runs_are_used_and_removed_ones_left(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "_REFRESH", 0.05)
    running.start()
    account = await running.account("mitake")
    await running.reach(await running.queue(account), "delivered")
    await running.run_sql("DELETE FROM rate_buckets")
    await running.run_sql("DELETE FROM accounts")

    async def gone() -> bool:
        return not running.dispatcher._lanes

    await running.until(gone)
    assert not running.dispatcher.usable(account)
    stranded = await running.queue(account)
    await asyncio.sleep(0.2)
    assert running.statuses(stranded) == ["queued"]


async def test_answers_are_kept_while_the_database_is_away(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    account = await running.account("mitake")
    real = dispatcher_module.record  # type: ignore[attr-defined]

    def unreliable(tx: Transaction, finished: object, *, now: int) -> None:
        if "could not record" not in caplog.text:
            raise OSError("disk full")
        real(tx, finished, now=now)  # type: ignore[arg-type]

    monkeypatch.setattr(dispatcher_module, "record", unreliable)
    ids = await running.queue(account, count=3)
    running.start()
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 3


async def test_a_fault_in_a_lane_ends_the_dispatcher_loudly(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher_module, "_REFRESH", 0.05)
    await running.account("mitake")

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Lane, "run", broken)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(running.dispatcher.run(), PATIENCE)


async def test_leases_are_prolonged_while_it_runs(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher_module, "LEASE_MS", 300)
    account = await running.account("twilio", open_requests=1)
    running.scenario(Latency(seconds=600))
    await running.queue(account, pattern=AMERICA)
    running.start()
    deadlines = set()

    async def prolonged() -> bool:
        deadlines.update(running.yard.rows("SELECT lease_until FROM exchanges WHERE status = 'open'"))
        return len(deadlines) >= 4

    await running.until(prolonged)
    running.hang_up()
    assert all(second - first > 50 for (first,), (second,) in pairwise(sorted(deadlines)[1:]))


async def test_connections_that_break_before_anything_was_taken_are_settled_and_sent_once(running: Running) -> None:
    account = await running.account("mitake")
    running.scenario(Reset(), count=1)
    ids = await running.queue(account, count=5)
    running.start()
    await running.reach(ids, "unknown")
    await running.settle_doubt()
    await running.reach(ids, "delivered")
    assert len(running.letters()) == 5
