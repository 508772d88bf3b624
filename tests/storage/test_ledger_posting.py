"""
The point of no return and what comes after it: what may leave, and what every receipt leads to.
"""

import pytest

from sendyard.domain.channels import Purpose
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.ids import attempt_id
from sendyard.domain.status import AttemptStatus, MessageStatus, ReportStatus
from sendyard.ledger.cancel import cancel_campaign, cancel_message
from sendyard.ledger.entries import Closing, EventKind, Outcome, Posting
from sendyard.ledger.receipts import close
from sendyard.ledger.reports import ASKED_AFTER_MS
from tests.stores import FIRST, NOW, OTHER_OWNER, SECOND, Books, accepted, report_of, unknown

THROTTLED = ProviderError(ErrorKind.THROTTLED, "429", "slow down")


def again(posting: Posting, *, account_id: str = FIRST, retries: int = 1) -> Outcome:
    route = (FIRST, SECOND) if account_id == FIRST else (SECOND,)
    event = EventKind.RETRY if account_id == FIRST else EventKind.FAILOVER
    return Outcome(
        posting,
        AttemptStatus.REFUSED,
        MessageStatus.QUEUED,
        event,
        error=THROTTLED,
        due_at=NOW + 30_000,
        route=route,
        retries=retries,
    )


def refused(posting: Posting) -> Outcome:
    error = ProviderError(ErrorKind.INVALID_RECIPIENT, "21211", "not a number")
    return Outcome(posting, AttemptStatus.REFUSED, MessageStatus.FAILED, EventKind.REFUSED, error=error)


def test_posted_messages_are_sending_and_members_of_an_open_exchange(books: Books) -> None:
    queued = books.queue(3)
    exchange = books.hand_over()
    assert [posting.message.id for posting in exchange.postings] == queued
    row = books.row(queued[0])
    assert (row["status"], row["due_at"], row["attempts"], row["lease_owner"]) == ("sending", None, 1, None)
    ((status, size, members, owner, lease),) = books.rows(
        "SELECT status, size, members, owner, lease_until FROM exchanges WHERE id = ?", exchange.id
    )
    assert (status, size, owner, lease) == ("open", 3, "worker-1", NOW + 60_000)
    assert all(attempt_id(one, 1) in members for one in queued)
    assert books.claim() == []


def test_what_was_cancelled_meanwhile_does_not_leave(books: Books) -> None:
    gone, stays = books.queue(2)
    claimed = books.claim()
    assert books.database.write_now(lambda tx: cancel_message(tx, books.workspace_id, gone, now=NOW))
    exchange = books.post(claimed)
    assert [posting.message.id for posting in exchange.postings] == [stays]
    assert books.status(gone) == "cancelled"
    assert books.rows("SELECT size FROM exchanges") == [(1,)]


def test_when_nothing_may_leave_there_is_no_exchange(books: Books) -> None:
    books.queue(2, campaign_id=books.add_campaign("c1"))
    claimed = books.claim()
    books.database.write_now(lambda tx: cancel_campaign(tx, books.workspace_id, "c1", now=NOW))
    assert books.post(claimed).postings == []
    assert books.rows("SELECT count(*) FROM exchanges") == [(0,)]


def test_a_campaign_paused_after_the_claim_hands_nothing_over_and_loses_nothing(books: Books) -> None:
    (message_id,) = books.queue(campaign_id=books.add_campaign("c1"))
    claimed = books.claim()
    books.set_campaign("c1", "paused")
    assert books.post(claimed).postings == []
    row = books.row(message_id)
    assert (row["status"], row["due_at"], row["attempts"], row["lease_owner"]) == ("queued", NOW, 0, None)
    books.set_campaign("c1", "sending")
    assert len(books.hand_over().postings) == 1


@pytest.mark.parametrize("channel", ["", "sms"])
def test_who_opted_out_after_preflight_is_not_written_to(books: Books, channel: str) -> None:
    (message_id,) = books.queue(to="+886910000001")
    claimed = books.claim()
    books.suppress("+886910000001", channel)
    assert books.post(claimed).postings == []
    row = books.row(message_id)
    assert (row["status"], row["error_kind"], row["settled_at"], row["due_at"]) == (
        "suppressed",
        "opted_out",
        NOW,
        None,
    )
    assert books.events(message_id) == [("suppressed", "suppressed")]


def test_a_suppression_of_another_channel_or_address_stops_nothing(books: Books) -> None:
    books.queue(to="+886910000001")
    books.suppress("+886910000001", "whatsapp")
    books.suppress("+886910000002")
    assert len(books.hand_over().postings) == 1


def test_a_code_somebody_asked_for_passes_the_suppression_list(books: Books) -> None:
    books.queue(to="+886910000001", purpose=Purpose.OTP)
    books.suppress("+886910000001")
    assert len(books.hand_over().postings) == 1


def test_nothing_is_posted_twice(books: Books) -> None:
    books.queue()
    claimed = books.claim()
    assert len(books.post(claimed).postings) == 1
    assert books.post(claimed).postings == []


def test_a_lane_that_overslept_does_not_repeat_what_another_tried_meanwhile(books: Books) -> None:
    (message_id,) = books.queue()
    slept_over = books.claim()
    books.run("UPDATE messages SET due_at = ?, lease_owner = NULL, lease_until = NULL", NOW)
    exchange = books.hand_over(owner=OTHER_OWNER)
    books.close(exchange, [again(exchange.postings[0])])
    assert books.post(slept_over).postings == []
    row = books.row(message_id)
    assert (row["status"], row["attempts"], row["due_at"]) == ("queued", 1, NOW + 30_000)


@pytest.mark.postgres
def test_a_lost_lease_does_not_leave(books: Books) -> None:
    books.queue()
    claimed = books.claim()
    books.run("UPDATE messages SET lease_owner = ?, due_at = NULL", OTHER_OWNER)
    assert books.post(claimed).postings == []
    assert books.rows("SELECT status, lease_owner FROM messages") == [("queued", OTHER_OWNER)]


def test_an_accepted_message_is_sent_with_the_providers_reference_and_cost(books: Books) -> None:
    (message_id,) = books.queue(parts=2)
    exchange = books.hand_over()
    books.now += 40
    books.accept(exchange, cost_amount="0.0150", cost_currency="USD", poll_at=NOW + 600_000)
    row = books.row(message_id)
    assert (row["status"], row["sent_at"], row["settled_at"]) == ("sent", NOW + 40, None)
    attempt = books.attempt(message_id)
    assert attempt == {
        "status": "sent",
        "rank": 3,
        "provider_ref": f"ref of {message_id}",
        "parts": 2,
        "cost_amount": "0.0150",
        "cost_currency": "USD",
        "error_kind": None,
        "error_code": None,
        "error_detail": None,
        "settled_at": NOW + 40,
        "poll_at": NOW + 600_000,
        "polls": 0,
    }
    assert books.events(message_id) == [("accepted", "sent")]


def test_a_refusal_is_final_and_keeps_the_providers_words(books: Books) -> None:
    (message_id,) = books.queue()
    exchange = books.hand_over()
    books.close(exchange, [refused(exchange.postings[0])])
    row = books.row(message_id)
    assert (row["status"], row["settled_at"], row["error_code"], row["error_detail"]) == (
        "failed",
        NOW,
        "21211",
        "not a number",
    )
    assert books.attempt(message_id)["status"] == "refused"
    assert books.events(message_id) == [("refused", "failed")]


def test_a_retry_waits_in_the_same_lane_and_leaves_under_a_new_name(books: Books) -> None:
    (message_id,) = books.queue()
    exchange = books.hand_over()
    books.close(exchange, [again(exchange.postings[0], retries=1)])
    row = books.row(message_id)
    assert (row["status"], row["due_at"], row["account_id"], row["retries"]) == ("queued", NOW + 30_000, FIRST, 1)
    assert row["error_kind"] == "throttled"
    assert books.claim() == []
    books.now += 30_000
    second = books.hand_over()
    assert second.postings[0].attempt_id == attempt_id(message_id, 2)
    books.accept(second)
    row = books.row(message_id)
    assert (row["status"], row["attempts"], row["error_kind"]) == ("sent", 2, None)
    assert [books.attempt(message_id, number)["status"] for number in (1, 2)] == ["refused", "sent"]


def test_a_fail_over_waits_in_the_next_lane_without_what_was_tried(books: Books) -> None:
    (message_id,) = books.queue()
    exchange = books.hand_over()
    books.close(exchange, [again(exchange.postings[0], account_id=SECOND, retries=0)])
    books.now += 30_000
    assert books.claim() == []
    (claimed,) = books.claim(account_id=SECOND)
    assert (claimed.id, claimed.route, claimed.retries) == (message_id, [SECOND], 0)


def test_silence_leaves_a_message_unknown_and_its_exchange_doubtful(books: Books) -> None:
    (message_id,) = books.queue()
    exchange = books.hand_over()
    books.close(exchange, [unknown(exchange.postings[0])], status="doubtful", next_try_at=NOW + 3000)
    row = books.row(message_id)
    assert (row["status"], row["settled_at"], row["due_at"]) == ("unknown", None, None)
    assert books.rows("SELECT status, next_try_at FROM exchanges") == [("doubtful", NOW + 3000)]


def test_members_of_one_batch_may_fare_differently(books: Books) -> None:
    taken, turned_down, later, lost = books.queue(4)
    exchange = books.hand_over()
    one, two, three, four = exchange.postings
    books.close(
        exchange,
        [accepted(one), refused(two), again(three), unknown(four)],
        http_status=207,
        request="POST …",
        response="…",
    )
    assert [books.status(one) for one in (taken, turned_down, later, lost)] == ["sent", "failed", "queued", "unknown"]
    assert books.rows("SELECT status, closed_at, http_status, request, response FROM exchanges") == [
        ("closed", NOW, 207, "POST …", "…")
    ]


def test_many_round_trips_are_closed_at_once(books: Books) -> None:
    books.queue(6)
    exchanges = [books.post(books.claim(2, held=[])) for _ in range(3)]
    closings = [
        Closing(exchange.id, FIRST, [accepted(posting) for posting in exchange.postings]) for exchange in exchanges
    ]
    books.database.write_now(lambda tx: close(tx, closings, now=NOW))
    assert books.rows("SELECT status, count(*) FROM messages GROUP BY status") == [("sent", 6)]
    assert books.rows("SELECT status, count(*) FROM exchanges GROUP BY status") == [("closed", 3)]


def test_a_late_answer_does_not_undo_a_delivery_heard_of_meanwhile(books: Books) -> None:
    (message_id,) = books.queue()
    exchange = books.hand_over()
    books.close(exchange, [unknown(exchange.postings[0])], status="doubtful", next_try_at=NOW)
    books.report(report_of(message_id, ReportStatus.DELIVERED))
    for outcome in (refused(exchange.postings[0]), again(exchange.postings[0]), unknown(exchange.postings[0])):
        books.close(exchange, [outcome])
        assert (books.status(message_id), books.attempt(message_id)["status"]) == ("delivered", "delivered")
    assert books.attempt(message_id)["error_kind"] is None
    assert books.claim() == []


def test_the_answer_to_an_abandoned_attempt_does_not_speak_for_the_message(books: Books) -> None:
    (message_id,) = books.queue()
    first = books.hand_over()
    books.close(first, [again(first.postings[0], account_id=SECOND)])
    books.now += 30_000
    second = books.hand_over(account_id=SECOND)
    books.close(first, [refused(first.postings[0])])
    assert books.status(message_id) == "sending"
    books.accept(second)
    assert books.status(message_id) == "sent"


def test_a_repeated_question_that_finds_the_message_brings_reference_and_poll(books: Books) -> None:
    (message_id,) = books.queue()
    exchange = books.hand_over()
    books.close(exchange, [unknown(exchange.postings[0])], status="doubtful", next_try_at=NOW)
    books.report(report_of(message_id, ReportStatus.SENT))
    assert books.attempt(message_id)["poll_at"] == NOW + ASKED_AFTER_MS
    books.accept(exchange, poll_at=NOW + 9000)
    attempt = books.attempt(message_id)
    assert (attempt["status"], attempt["provider_ref"], attempt["poll_at"]) == (
        "sent",
        f"ref of {message_id}",
        NOW + 9000,
    )


@pytest.mark.parametrize(("purpose", "leaves"), [("", 0), ("promotional", 1), ("transactional", 0)])
def test_a_suppression_for_one_purpose_stops_only_that(books: Books, purpose: str, leaves: int) -> None:
    books.queue(to="+886910000001")
    books.suppress("+886910000001", purpose=purpose)
    assert len(books.hand_over().postings) == leaves
