"""
Counts that are kept of campaigns which are over: what they answer, what outdates them, who keeps them.
"""

import asyncio
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import MessageStatus, ReportStatus
from sendyard.features.campaigns import CountKeeper
from sendyard.features.campaigns.audience.queries import refuse_rows
from sendyard.features.campaigns.outcomes import keeping, queries
from sendyard.features.campaigns.outcomes.counting import block_of, counted, missing_blocks
from sendyard.features.campaigns.queries import active_campaigns
from sendyard.ledger.cancel import cancel_campaign, cancel_message
from sendyard.ledger.holding import Deferral, Stopping, defer, stop
from sendyard.ledger.kept_counts import BLOCK, arm, fill, horizon, is_past
from sendyard.ledger.moving import move
from sendyard.ledger.recovery import recover
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction
from tests.features.audience_play import Crowd
from tests.features.campaign_play import Play, number, play_on, sheet
from tests.features.drip_play import DripPlay, phone, step
from tests.stores import FIRST, OWNER, SECOND, Books, accepted, fail_over, report_of, unknown
from tests.yard import Yard

SPRING = "campaign-1"


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


@pytest.fixture
def books(database: Database) -> Books:
    found = Books(database)
    found.open()
    found.add_campaign(SPRING)
    return found


def keeper(database: Database, **options: Any) -> CountKeeper:
    return CountKeeper(database, **{"least_rows": 0, "quiet_ms": -1000, **options})


def agrees(database: Database, campaign_id: str) -> bool:
    """Whether what is told of a campaign is what its rows and messages say, and some is there."""

    def look(tx: Transaction) -> bool:
        plain = sorted(one[:5] for one in queries.tally(tx, campaign_id, since=0))
        rows = sorted(queries.refusals(tx, campaign_id))
        found = counted(tx, campaign_id, since=0), counted(tx, campaign_id, since=2**52)
        same = [one[:4] for one in plain] == [one[:4] for one in found[1].messages]
        return bool(plain) and found[0].messages == plain and same and found[1].rows == rows

    return database.read_now(look)


def missing(database: Database, campaign_id: str) -> list[int]:
    return database.read_now(lambda tx: missing_blocks(tx, campaign_id))


def spread(books: Books, count: int) -> list[str]:
    """Store messages of the campaign, a third of a block apart."""
    found = [books.message(campaign_id=SPRING, row=2 + books.numbers * (BLOCK // 3)) for _ in range(count)]
    books.enqueue(*found)
    return [message.id for message in found]


async def over(play: Play, people: int = 3) -> str:
    """A campaign that is over; one of its people got nothing, and one row of its file is no number."""
    campaign_id = await play.prepared(sheet(people, text="phone,name\n12,Nobody\n"))
    play.hand_over(lambda one: MessageStatus.FAILED if one.to.value.endswith("0") else MessageStatus.DELIVERED)
    await play.expander().watch(await play.yard.database.read(active_campaigns))
    assert await play.status(campaign_id) == "completed_with_failures"
    return campaign_id


async def test_a_campaign_that_is_over_is_not_counted_again(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = await over(play)
    database = play.yard.database
    before, page = await play.progress(campaign_id), await play.get(campaign_id)
    assert await keeper(database).round() == 1
    assert missing(database, campaign_id) == []
    read: list[tuple[str, Any]] = []
    rows = Transaction.rows

    def note(self: Transaction, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        found = rows(self, sql, parameters)
        read.extend((sql, one) for one in found if "FROM messages" in sql or "FROM campaign_recipients" in sql)
        return found

    monkeypatch.setattr(Transaction, "rows", note)
    after = await play.progress(campaign_id)
    assert after == before
    assert after["counts"] == {"delivered": 2, "failed": 1}
    assert after["refused"] == 1
    assert await play.get(campaign_id) == page
    # What lies behind the last block is looked for, and nothing is there.
    assert [one for _, one in read if any(one)] == []


async def test_a_report_that_comes_late_is_told_at_once_and_its_block_kept_anew(play: Play) -> None:
    campaign_id = await over(play)
    database = play.yard.database
    await keeper(database).round()
    ((message_id,),) = play.rows("SELECT id FROM messages WHERE address LIKE '%1'")
    books = Books(database, play.yard.workspace_id, now=now_ms())
    books.report(report_of(message_id, ReportStatus.READ), account_id=play.account_id)
    assert (await play.progress(campaign_id))["counts"] == {"delivered": 1, "failed": 1, "read": 1}
    assert missing(database, campaign_id) == [0]
    # It waits whether more is to come.
    assert await keeper(database, quiet_ms=60_000).round() == 0
    assert await keeper(database).round() == 1
    assert missing(database, campaign_id) == []
    assert agrees(database, campaign_id)
    assert await keeper(database).round() == 0


async def test_only_what_is_over_for_a_while_and_large_is_kept(play: Play) -> None:
    running = await play.prepared(sheet(2))
    database = play.yard.database
    assert await keeper(database).round() == 0
    await play.campaigns.cancel(play.yard.workspace_id, running)
    assert await keeper(database, least_rows=100).round() == 0
    assert await keeper(database, quiet_ms=60_000).round() == 0
    assert await keeper(database).round() == 1
    assert (await play.progress(running))["counts"] == {"cancelled": 2}


async def test_a_count_nobody_finished_is_begun_again_when_patience_ends(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await over(play)
    database = play.yard.database
    await database.write(
        lambda tx: arm(tx, play.yard.workspace_id, campaign_id, [0], token="of a dead process", now=now_ms())
    )
    assert await keeper(database).round() == 0
    monkeypatch.setattr(keeping, "PATIENCE_MS", -1000)
    assert await keeper(database).round() == 1
    assert missing(database, campaign_id) == []


async def test_rows_that_are_refused_or_erased_later_are_counted_so(play: Play) -> None:
    campaign_id = await over(play)
    yard = play.yard
    crowd = Crowd(yard)
    made = await crowd.add(f"+886{number(1)[1:]}")
    await keeper(yard.database).round()
    await yard.database.write(lambda tx: refuse_rows(tx, campaign_id, [(4, "late", "too late")], now=now_ms()))
    assert missing(yard.database, campaign_id) == [0]
    assert (await play.get(campaign_id))["refused"] == 2
    await keeper(yard.database).round()
    await crowd.erasing.erase(crowd.id, made["id"])
    assert missing(yard.database, campaign_id) == [0]
    assert agrees(yard.database, campaign_id)


async def test_a_step_of_a_drip_that_opens_again_counts_its_new_people(yard: Yard) -> None:
    play = await DripPlay.on(yard)
    drip_id = await play.started(step("One"), numbers=[phone(1)])
    play.play.hand_over()
    (campaign,) = await yard.database.read(active_campaigns)
    await play.play.expander().watch([campaign])
    assert await keeper(yard.database).round() == 1
    await play.drips.add(play.id, drip_id, to=phone(2))
    await play.settle()
    assert (await play.play.progress(campaign.id))["counts"] == {"delivered": 1, "queued": 1}
    assert (await play.play.get(campaign.id))["recipients"] == 2


@dataclass
class Storm:
    """Whatever the ledger may do to messages of a campaign, in any order."""

    books: Books
    chance: random.Random
    after: Callable[[], None] = lambda: None

    def blow(self, steps: int) -> None:
        acts = [self.answer, self.answer, self.report, self.report, self.crash, self.hold, self.hold, self.cancel]
        acts += [self.cancel_one, self.grow]
        for _ in range(steps):
            self.chance.choice(acts)()
            self.after()

    def account(self) -> str:
        return self.chance.choice([FIRST, SECOND])

    def answer(self) -> None:
        exchange = self.books.hand_over(account_id=self.account())
        self.after()
        verdict = self.chance.choice([accepted, accepted, unknown])
        if exchange.postings:
            self.books.close(exchange, [verdict(posting) for posting in exchange.postings])

    def report(self) -> None:
        tried = self.books.rows("SELECT message_id, account_id FROM attempts")
        for message_id, account_id in self.chance.sample(tried, min(3, len(tried))):
            heard = report_of(message_id, self.chance.choice(list(ReportStatus)[:4]))
            self.books.report(heard, account_id=account_id, after_failure=fail_over)

    def crash(self) -> None:
        self.grow()
        self.books.hand_over()
        self.after()
        self.books.database.write_now(lambda tx: recover(tx, now=self.books.now, everything=True))

    def hold(self) -> None:
        claimed, now = self.books.claim(2, account_id=self.account()), self.books.now
        later = [Deferral(one.id, now, "rule", "later") for one in claimed]
        ended = [Stopping(one.id, MessageStatus.SUPPRESSED, ErrorKind.OPTED_OUT, "rule", "no") for one in claimed]
        moved = [(one, (SECOND, FIRST)) for one in claimed]
        works: list[Callable[[Transaction], int]] = [
            lambda tx: defer(tx, later, owner=OWNER, now=now),
            lambda tx: stop(tx, ended, owner=OWNER, now=now),
            lambda tx: move(tx, moved, owner=OWNER, now=now, reason="down"),
        ]
        self.books.database.write_now(self.chance.choice(works))

    def cancel(self) -> None:
        self.books.database.write_now(
            lambda tx: cancel_campaign(tx, self.books.workspace_id, SPRING, now=self.books.now, limit=1)
        )

    def cancel_one(self) -> None:
        message_id = self.chance.choice(self.books.made)
        self.books.database.write_now(
            lambda tx: cancel_message(tx, self.books.workspace_id, message_id, now=self.books.now)
        )

    def grow(self) -> None:
        spread(self.books, 2)


async def test_through_a_storm_of_outcomes_the_answer_is_that_of_counting(books: Books) -> None:
    database, chance = books.database, random.Random(7)
    spread(books, 6)
    usable: list[int] = []
    outdated: list[int] = []

    def keep_and_compare() -> None:
        outdated.append(books.rows("SELECT count(*) FROM outdated_counts")[0][0])
        if chance.random() < 0.5:
            asyncio.run(keeper(database).keep(books.workspace_id, SPRING))
        last = books.rows("SELECT max(m.row) FROM messages m")[0][0]
        usable.append(last // BLOCK + 1 - len(missing(database, SPRING)))
        assert agrees(database, SPRING)

    await asyncio.to_thread(Storm(books, chance, keep_and_compare).blow, 100)
    # What was compared were kept counts, some of them outdated.
    assert max(usable) > 2
    assert max(outdated) > 0


async def test_processes_that_write_at_once_lose_no_count(books: Books) -> None:
    database = books.database
    spread(books, 12)

    async def counting(until: threading.Event) -> int:
        kept = 0
        while not until.is_set():
            kept += await keeper(database).keep(books.workspace_id, SPRING)
        return kept

    for turn in range(3):
        done = threading.Event()
        with ThreadPoolExecutor(4) as workers:
            kept = workers.submit(lambda done=done: asyncio.run(counting(done)))  # type: ignore[misc]
            storms = [workers.submit(Storm(books, random.Random(10 * turn + one)).blow, 15) for one in range(3)]
            try:
                for one in storms:
                    await asyncio.to_thread(one.result)
            finally:
                done.set()
            assert await asyncio.to_thread(kept.result) > 0
        assert agrees(database, SPRING)
        await keeper(database).keep(books.workspace_id, SPRING)
        assert missing(database, SPRING) == []
        assert agrees(database, SPRING)


class Slow:
    """A change to a message of the campaign whose transaction stays open until it is let go."""

    def __init__(self, books: Books, message_id: str) -> None:
        self.began, self.go = threading.Event(), threading.Event()
        self._books, self._message_id = books, message_id

    def work(self, tx: Transaction) -> bool:
        changed = cancel_message(tx, self._books.workspace_id, self._message_id, now=self._books.now)
        self.began.set()
        return self.go.wait(60) and changed

    async def start(self) -> "asyncio.Task[bool]":
        task = asyncio.create_task(self._books.database.write(self.work))
        await asyncio.to_thread(self.began.wait, 60)
        return task


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
async def test_nothing_is_counted_before_what_was_under_way_has_ended(books: Books) -> None:
    first, second = await asyncio.to_thread(spread, books, 2)
    database = books.database
    slow = Slow(books, first)
    changing = await slow.start()
    # The block is not armed yet when the change is told, and the change cannot be seen.
    assert await keeper(database, wait=0.1).keep(books.workspace_id, SPRING) == 0
    keeping_it = asyncio.create_task(keeper(database, wait=60).keep(books.workspace_id, SPRING))
    await asyncio.sleep(0.3)
    assert not keeping_it.done()
    slow.go.set()
    assert await changing
    assert await keeping_it == 1
    assert agrees(database, SPRING)
    assert books.status(first) == "cancelled"
    assert books.status(second) == "queued"


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
async def test_what_changes_while_it_is_counted_is_outdated_when_it_is_filled(books: Books) -> None:
    (message_id,) = await asyncio.to_thread(spread, books, 1)
    database = books.database
    await database.write(lambda tx: arm(tx, books.workspace_id, SPRING, [0], token="ours", now=books.now))
    line = await database.write(horizon)
    slow = Slow(books, message_id)
    changing = await slow.start()
    # What other tests do on the same server has to end as well.
    async with asyncio.timeout(60):
        while not await database.read(lambda tx: is_past(tx, line)):  # noqa: ASYNC110 - nobody tells when
            await asyncio.sleep(0.02)
    counts = await database.read(lambda tx: block_of(tx, SPRING, 0))
    assert await database.write(lambda tx: fill(tx, SPRING, [(0, counts)], token="ours")) == 1
    assert agrees(database, SPRING)
    slow.go.set()
    assert await changing
    assert missing(database, SPRING) == [0]
    assert agrees(database, SPRING)


async def test_only_whoever_armed_a_block_last_fills_it(books: Books) -> None:
    await asyncio.to_thread(spread, books, 1)
    database, workspace_id = books.database, books.workspace_id
    token = new_id()
    await database.write(lambda tx: arm(tx, workspace_id, SPRING, [0], token=token, now=books.now))
    counts = await database.read(lambda tx: block_of(tx, SPRING, 0))
    await database.write(lambda tx: arm(tx, workspace_id, SPRING, [0], token="another", now=books.now))
    assert await database.write(lambda tx: fill(tx, SPRING, [(0, counts)], token=token)) == 0
    assert missing(database, SPRING) == [0]
