"""
After a crash, and at the other ends of a message's life: cancelled, expired, moved, asked for.
"""

from dataclasses import replace

import pytest

from sendyard.domain.channels import Purpose
from sendyard.domain.ids import attempt_id
from sendyard.domain.status import AttemptStatus, MessageStatus, ReportStatus
from sendyard.ledger.cancel import cancel_campaign, cancel_lane, cancel_message, expire, find_expired
from sendyard.ledger.entries import EventKind, Exchange, Outcome
from sendyard.ledger.inbound import keep_inbound
from sendyard.ledger.moving import move
from sendyard.ledger.polls import cursor, due_polls, keep_cursor, polled
from sendyard.ledger.recovery import postpone, recover, take_doubtful
from sendyard.storage.engine import Database
from tests.stores import FIRST, HOUR, NOW, OTHER_OWNER, OWNER, SECOND, Books, accepted, report_of, unknown


def crash(books: Books, *, later: int = 0, everything: bool = True) -> tuple[int, int]:
    books.now += later
    return books.database.write_now(lambda tx: recover(tx, now=books.now, everything=everything))


def doubtful(books: Books, **rest: int) -> list[Exchange]:
    return books.database.write_now(
        lambda tx: take_doubtful(tx, owner=OWNER, now=books.now, busy_until=books.now + 1000, **rest)
    )


def test_what_was_posted_is_unknown_and_what_was_only_claimed_waits(books: Books) -> None:
    posted = books.queue(3)
    exchange = books.post(books.claim())
    claimed = books.queue(2)
    books.claim()
    if books.database.dialect == "postgresql":
        assert crash(books, later=60_001, everything=False) == (2, 3)
        assert books.events(claimed[0]) == [("returned", "queued")]
    else:
        assert crash(books) == (0, 3)
    assert {books.status(message_id) for message_id in posted} == {"unknown"}
    assert {books.status(message_id) for message_id in claimed} == {"queued"}
    assert len(books.claim()) == 2
    assert books.attempt(posted[0])["status"] == "unknown"
    assert books.events(posted[0]) == [("unknown", "unknown")]
    assert books.rows("SELECT status, next_try_at FROM exchanges WHERE id = ?", exchange.id) == [
        ("doubtful", books.now)
    ]


def test_with_everything_a_lease_need_not_have_ended(books: Books) -> None:
    books.queue()
    books.hand_over()
    assert crash(books, everything=False) == (0, 0)
    assert crash(books, everything=True) == (0, 1)
    assert crash(books, everything=True) == (0, 0)


@pytest.mark.postgres
def test_only_leases_that_ended_are_taken_back(postgres_database: Database) -> None:
    books = Books(postgres_database)
    books.open()
    alive, dead = books.queue(2)
    books.claim(1)
    books.claim(1, owner=OTHER_OWNER)
    books.run("UPDATE messages SET lease_until = ? WHERE id = ?", NOW - 1, dead)
    assert crash(books, everything=False) == (1, 0)
    assert (books.row(alive)["lease_owner"], books.row(dead)["lease_owner"]) == (OWNER, None)


def test_nothing_to_take_back_wakes_nobody(books: Books) -> None:
    woken = []
    books.database._wake_local = lambda: woken.append(1)  # type: ignore[method-assign]
    assert crash(books) == (0, 0)
    assert woken == []


def test_a_doubtful_exchange_comes_back_as_the_same_batch(books: Books) -> None:
    queued = books.queue(3)
    before = books.hand_over()
    crash(books)
    (found,) = doubtful(books)
    assert (found.id, found.account_id, found.tries) == (before.id, FIRST, 2)
    assert [posting.attempt_id for posting in found.postings] == [attempt_id(one, 1) for one in queued]
    assert [posting.in_doubt for posting in found.postings] == [True] * 3
    assert {posting.submitted_at for posting in found.postings} == {NOW}
    # As the account would name itself, since the messages name no sender.
    assert {posting.sender for posting in found.postings} == {f"sender of {FIRST}"}


def test_only_those_still_unknown_are_in_doubt(books: Books) -> None:
    _, reported = books.queue(2)
    books.hand_over()
    crash(books)
    books.report(report_of(reported, ReportStatus.DELIVERED))
    (found,) = doubtful(books)
    assert [posting.in_doubt for posting in found.postings] == [True, False]


def test_a_doubtful_exchange_is_worked_on_by_one_at_a_time(books: Books) -> None:
    books.queue(2)
    books.post(books.claim(1))
    books.post(books.claim(1))
    crash(books)
    assert len(doubtful(books, limit=1)) == 1
    assert len(doubtful(books)) == 1
    assert doubtful(books) == []
    books.now += 1000
    assert [exchange.tries for exchange in doubtful(books)] == [3, 3]


def test_asking_can_be_put_off_and_given_up(books: Books) -> None:
    books.queue()
    exchange = books.hand_over()
    crash(books)
    books.database.write_now(lambda tx: postpone(tx, exchange.id, next_try_at=NOW + 5000))
    assert doubtful(books) == []
    books.now += 5000
    assert len(doubtful(books)) == 1
    books.database.write_now(lambda tx: postpone(tx, exchange.id, next_try_at=None))
    books.now += HOUR
    assert doubtful(books) == []
    assert books.rows("SELECT status FROM exchanges") == [("abandoned",)]


def test_a_crash_after_the_message_moved_on_leaves_it_alone(books: Books) -> None:
    (message_id,) = books.queue()
    exchange = books.hand_over()
    books.close(exchange, [unknown(exchange.postings[0])], status="doubtful", next_try_at=NOW)
    books.run("UPDATE messages SET status = 'queued', due_at = ?, account_id = ?", NOW, SECOND)
    books.hand_over(account_id=SECOND)
    crash(books)
    first, second = sorted(doubtful(books), key=lambda found: found.postings[0].number)
    assert [found.postings[0].in_doubt for found in (first, second)] == [False, True]
    assert books.status(message_id) == "unknown"


def test_estimate_of_what_was_in_doubt_stays_after_a_report_and_gives_way_to_an_answer(books: Books) -> None:
    exchange = books.post(books.claim(limit=len(books.queue(3))))
    reported, answered, refused = (posting.message.id for posting in exchange.postings)
    estimate = [replace(unknown(posting), cost_amount="1.5", cost_currency="USD") for posting in exchange.postings]
    books.close(exchange, estimate, status="doubtful", next_try_at=NOW)
    books.report(report_of(reported, ReportStatus.DELIVERED))
    _, second, third = exchange.postings
    no = Outcome(third, AttemptStatus.REFUSED, MessageStatus.FAILED, EventKind.REFUSED)
    books.close(exchange, [accepted(second, cost_amount="2", cost_currency="XPT"), no])
    attempts = [books.attempt(message_id) for message_id in (reported, answered, refused)]
    assert [(attempt["cost_amount"], attempt["cost_currency"]) for attempt in attempts] == [
        ("1.5", "USD"),
        ("2", "XPT"),
        (None, None),
    ]


@pytest.mark.parametrize("status", [MessageStatus.QUEUED, MessageStatus.SCHEDULED])
def test_what_waits_can_be_cancelled_also_while_it_is_claimed(books: Books, status: MessageStatus) -> None:
    (message_id,) = books.queue(status=status)
    books.claim()
    assert books.database.write_now(lambda tx: cancel_message(tx, books.workspace_id, message_id, now=NOW))
    row = books.row(message_id)
    assert (row["status"], row["due_at"], row["lease_owner"], row["settled_at"]) == ("cancelled", None, None, NOW)
    assert books.events(message_id) == [("cancelled", "cancelled")]


def test_what_was_handed_over_or_belongs_to_others_cannot_be_cancelled(books: Books) -> None:
    sent = books.sent()
    (waiting,) = books.queue()
    assert not books.database.write_now(lambda tx: cancel_message(tx, books.workspace_id, sent, now=NOW))
    assert not books.database.write_now(lambda tx: cancel_message(tx, "another workspace", waiting, now=NOW))
    assert (books.status(sent), books.status(waiting)) == ("sent", "queued")


def test_a_campaign_is_cancelled_in_slices_until_nothing_waits(books: Books) -> None:
    campaign, other = books.add_campaign("c1"), books.add_campaign("c2")
    queued = books.queue(7, campaign_id=campaign)
    (elsewhere,) = books.queue(campaign_id=other)
    books.post(books.claim(limit=1, held=[*queued[1:], elsewhere]))
    counts = [
        books.database.write_now(lambda tx: cancel_campaign(tx, books.workspace_id, campaign, now=NOW, limit=4))
        for _ in range(3)
    ]
    assert counts == [4, 2, 0]
    assert [books.status(message_id) for message_id in queued] == ["sending"] + ["cancelled"] * 6
    assert books.status(elsewhere) == "queued"


def test_a_campaign_can_be_cancelled_lane_by_lane(books: Books) -> None:
    campaign, other = books.add_campaign("c1"), books.add_campaign("c2")
    queued = books.queue(5, campaign_id=campaign, purpose=Purpose.PROMOTIONAL)
    others = books.queue(campaign_id=other, purpose=Purpose.PROMOTIONAL)
    others += books.queue(campaign_id=campaign, purpose=Purpose.TRANSACTIONAL)
    others += books.queue(campaign_id=campaign, purpose=Purpose.PROMOTIONAL, route=(SECOND,))
    priority = Purpose.PROMOTIONAL.priority
    counts = [
        books.database.write_now(lambda tx: cancel_lane(tx, campaign, FIRST, priority, now=NOW, limit=3))
        for _ in range(3)
    ]
    assert counts == [3, 2, 0]
    assert {books.status(message_id) for message_id in queued} == {"cancelled"}
    assert {books.status(message_id) for message_id in others} == {"queued"}
    assert books.events(queued[0]) == [("cancelled", "cancelled")]


def test_what_waits_too_long_expires(books: Books) -> None:
    (short,) = books.queue(expires_at=NOW + 1000)
    (long,) = books.queue()
    books.now += 1000
    late = books.database.read_now(lambda tx: find_expired(tx, now=books.now))
    assert late == [short]
    assert books.database.write_now(lambda tx: expire(tx, [short, long], now=books.now)) == 1
    row = books.row(short)
    assert (row["status"], row["error_kind"], row["due_at"], row["settled_at"]) == (
        "expired",
        "expired",
        None,
        books.now,
    )
    assert books.events(short) == [("expired", "expired")]
    assert books.status(long) == "queued"


def test_what_was_handed_over_does_not_expire_here(books: Books) -> None:
    message_id = books.sent(expires_at=NOW + 1000)
    books.now += 1000
    assert books.database.write_now(lambda tx: expire(tx, [message_id], now=books.now)) == 0
    assert books.status(message_id) == "sent"


def test_waiting_messages_move_to_another_lane_without_an_attempt(books: Books) -> None:
    moved, cancelled = books.queue(2)
    claimed = books.claim()
    books.database.write_now(lambda tx: cancel_message(tx, books.workspace_id, cancelled, now=NOW))
    moves = [(message, [SECOND]) for message in claimed]
    count = books.database.write_now(lambda tx: move(tx, moves, owner=OWNER, now=NOW + 7, reason="first is down"))
    assert count == 1
    row = books.row(moved)
    assert (row["account_id"], row["route"], row["due_at"], row["attempts"]) == (SECOND, '["account-2"]', NOW + 7, 0)
    assert books.events(moved) == [("failover", "queued")]
    assert books.status(cancelled) == "cancelled"
    books.now += 7
    assert [message.id for message in books.claim(account_id=SECOND)] == [moved]


@pytest.mark.postgres
def test_only_its_owner_can_move_a_leased_message(postgres_database: Database) -> None:
    books = Books(postgres_database)
    books.open()
    books.queue()
    (claimed,) = books.claim()
    moves = [(claimed, [SECOND])]
    assert books.database.write_now(lambda tx: move(tx, moves, owner=OTHER_OWNER, now=NOW, reason="")) == 0
    assert books.row(claimed.id)["lease_owner"] == OWNER


def test_missing_reports_are_asked_for_the_longest_waiting_first(books: Books) -> None:
    for number, poll_at in enumerate((NOW + 20, NOW + 10, NOW + 99, None)):
        books.queue(to=f"+88691000000{number}")
        books.accept(books.hand_over(), poll_at=poll_at, provider_ref=f"ref {number}")
    due = books.database.read_now(lambda tx: due_polls(tx, FIRST, now=NOW + 50, limit=10))
    assert [(poll.provider_ref, poll.recipient, poll.polls) for poll in due] == [
        ("ref 1", "+886910000001", 0),
        ("ref 0", "+886910000000", 0),
    ]
    assert len(books.database.read_now(lambda tx: due_polls(tx, FIRST, now=NOW + 50, limit=1))) == 1
    asked = [(due[0].attempt_id, NOW + 500), (due[1].attempt_id, None)]
    books.database.write_now(lambda tx: polled(tx, asked))
    due = books.database.read_now(lambda tx: due_polls(tx, FIRST, now=NOW + 500, limit=10))
    assert [(poll.provider_ref, poll.polls) for poll in due] == [("ref 2", 0), ("ref 1", 1)]


def test_a_report_between_question_and_note_keeps_the_asking_ended(books: Books) -> None:
    message_id = books.queue()[0]
    books.accept(books.hand_over(), poll_at=NOW)
    books.report(report_of(message_id, ReportStatus.DELIVERED))
    books.database.write_now(lambda tx: polled(tx, [(attempt_id(message_id, 1), NOW + 500)]))
    assert books.attempt(message_id)["poll_at"] is None


def test_how_far_reports_were_read_is_remembered(books: Books) -> None:
    assert books.database.read_now(lambda tx: cursor(tx, FIRST)) == ""
    books.database.write_now(lambda tx: keep_cursor(tx, FIRST, "page 7"))
    assert books.database.read_now(lambda tx: cursor(tx, FIRST)) == "page 7"
    assert books.database.read_now(lambda tx: cursor(tx, "nobody")) == ""


def test_what_people_write_is_kept_once(books: Books) -> None:
    def keep(key: str) -> str:
        return books.database.write_now(
            lambda tx: keep_inbound(
                tx,
                books.workspace_id,
                FIRST,
                sender="+886910000001",
                recipient="16009064",
                channel="sms",
                text="안녕",
                provider_ref="MO1",
                dedupe_key=key,
                received_at=NOW,
            )
        )

    first, again, other = keep("a"), keep("a"), keep("b")
    assert (bool(first), again, bool(other)) == (True, "", True)
    assert books.database.read_now(lambda tx: tx.rows("SELECT id FROM inbound_messages ORDER BY id")) == [
        (first,),
        (other,),
    ]
    assert books.rows("SELECT sender, text FROM inbound_messages") == [("+886910000001", "안녕")] * 2
