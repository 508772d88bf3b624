"""
Delivery reports: any order, any repetition, too early, for nobody: the same end.
"""

from itertools import permutations

import pytest

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.ids import attempt_id
from sendyard.domain.status import ReportStatus
from sendyard.ledger.entries import Report
from sendyard.ledger.recovery import recover
from sendyard.ledger.reports import AfterFailure, forget_unmatched, match_again
from tests.stores import FIRST, NOW, SECOND, Books, accepted, fail, fail_over, report_of, unknown

SENT, DELIVERED, READ, FAILED, UNMAPPED = ReportStatus
GONE = ProviderError(ErrorKind.UNDELIVERABLE, "30003", "handset unreachable")
UNREGISTERED = ProviderError(ErrorKind.NOT_REGISTERED, "30034", "sender unknown")


def four(message_id: str) -> list[Report]:
    """What a muddled provider may say of one message: it left, it failed, it arrived, it was read."""
    return [
        report_of(message_id, SENT, occurred_at=NOW + 1),
        report_of(message_id, FAILED, error=GONE, occurred_at=NOW + 2),
        report_of(message_id, DELIVERED, occurred_at=NOW + 3),
        report_of(message_id, READ, occurred_at=NOW + 4),
    ]


ORDERS = list(permutations(range(4)))
END = {"status": "read", "delivered_at": NOW + 3, "due_at": None, "error_kind": None, "error_code": None}


def end_of(books: Books, message_id: str) -> dict[str, object]:
    row = books.row(message_id)
    assert row["settled_at"] is not None
    assert row["sent_at"] is not None
    return {name: row[name] for name in END}


@pytest.mark.parametrize("after_failure", [fail, fail_over])
def test_24_orders_of_four_reports_doubled_end_alike(books: Books, after_failure: AfterFailure) -> None:
    queued = books.queue(24)
    books.accept(books.hand_over())
    for message_id, order in zip(queued, ORDERS, strict=True):
        said = [four(message_id)[index] for index in order]
        for report in (*said, *said):
            books.report(report, after_failure=after_failure)
    for message_id in queued:
        assert end_of(books, message_id) == END
        attempt = books.attempt(message_id)
        assert (attempt["status"], attempt["error_kind"], attempt["poll_at"]) == ("read", None, None)
    assert books.claim(account_id=SECOND) == []
    # Each statement is one event, however often it came.
    events = books.rows("SELECT message_id, count(*) FROM events WHERE kind = 'report' GROUP BY message_id")
    assert sorted(events) == sorted((message_id, 4) for message_id in queued)


def test_24_orders_that_come_before_the_receipt_end_alike(books: Books) -> None:
    queued = books.queue(24)
    exchange = books.hand_over()
    for message_id, order in zip(queued, ORDERS, strict=True):
        said = [four(message_id)[index] for index in order]
        recorded = books.report(*said, *said)
        assert (recorded.unmatched, recorded.matched) == (4, 0)
    books.accept(exchange)
    books.database.write_now(lambda tx: match_again(tx, FIRST, now=NOW, after_failure=fail))
    assert {message_id: end_of(books, message_id) for message_id in queued} == dict.fromkeys(queued, END)
    assert books.rows("SELECT count(*) FROM unmatched_reports") == [(0,)]


def test_24_orders_split_by_the_receipt_end_alike(books: Books) -> None:
    queued = books.queue(24)
    exchange = books.hand_over()
    said = {
        message_id: [four(message_id)[index] for index in order]
        for message_id, order in zip(queued, ORDERS, strict=True)
    }
    for reports in said.values():
        books.report(*reports[:2])
    books.accept(exchange)
    for reports in said.values():
        books.report(*reports[1:])
    books.database.write_now(lambda tx: match_again(tx, FIRST, now=NOW, after_failure=fail))
    assert {message_id: end_of(books, message_id) for message_id in queued} == dict.fromkeys(queued, END)


def test_a_report_finds_its_attempt_by_the_providers_reference(books: Books) -> None:
    message_id = books.sent()
    done = books.report(report_of(message_id, DELIVERED, reference="", provider_ref=f"ref of {message_id}"))
    assert (done.matched, books.status(message_id)) == (1, "delivered")


def test_a_reference_of_nobody_does_not_hide_the_providers_own(books: Books) -> None:
    message_id = books.sent()
    books.report(report_of(message_id, DELIVERED, reference="somebody else's", provider_ref=f"ref of {message_id}"))
    assert books.status(message_id) == "delivered"


def test_a_second_id_is_learned_and_later_reports_may_bring_that_one_alone(books: Books) -> None:
    message_id = books.sent()
    books.report(
        report_of(message_id, SENT, reference="", provider_ref=f"ref of {message_id}", other_ref="carrier 7"),
        report_of(message_id, DELIVERED, reference="", provider_ref="nobody's", other_ref="carrier 8"),
    )
    assert (books.status(message_id), books.attempt(message_id)["provider_ref"]) == ("sent", f"ref of {message_id}")
    done = books.report(
        report_of(message_id, DELIVERED, reference="", provider_ref="carrier 7", other_ref="carrier 9"),
        report_of(message_id, READ, reference="", provider_ref=f"ref of {message_id}"),
    )
    assert (done.matched, books.status(message_id)) == (2, "read")
    # What was learned first stays.
    assert books.rows("SELECT other_ref FROM attempts") == [("carrier 7",)]


def test_a_report_with_the_second_id_alone_waits_until_that_is_known(books: Books) -> None:
    message_id = books.sent()
    early = report_of(message_id, DELIVERED, reference="", provider_ref="carrier 7")
    assert books.report(early).unmatched == 1
    books.report(report_of(message_id, SENT, reference="", provider_ref=f"ref of {message_id}", other_ref="carrier 7"))
    placed = books.database.write_now(lambda tx: match_again(tx, FIRST, now=NOW, after_failure=fail))
    assert (placed, books.status(message_id)) == (1, "delivered")


def test_a_second_id_is_of_use_to_its_own_account_and_recipient_only(books: Books) -> None:
    message_id = books.sent()
    books.report(report_of(message_id, SENT, other_ref="carrier 7"))
    told = report_of(message_id, DELIVERED, reference="", provider_ref="carrier 7")
    assert books.report(told, account_id=SECOND).unmatched == 1
    elsewhere = report_of(message_id, READ, reference="", provider_ref="carrier 7", recipient="+886999999999")
    assert books.report(elsewhere).unmatched == 1
    assert books.status(message_id) == "sent"


def test_recipients_tell_apart_what_shares_one_reference(books: Books) -> None:
    one, two = books.queue(to="+886910000001")[0], books.queue(to="+886910000002")[0]
    exchange = books.hand_over()
    books.accept(exchange, provider_ref="batch 7")
    books.report(report_of(two, DELIVERED, reference="", provider_ref="batch 7", recipient="+886910000002"))
    assert (books.status(one), books.status(two)) == ("sent", "delivered")
    # Without a recipient it could be either, and a guess would be worse than waiting.
    kept = books.report(report_of(one, READ, reference="", provider_ref="batch 7"))
    assert (kept.matched, kept.unmatched) == (0, 1)


def test_a_recipient_that_is_not_the_attempts_own_proves_nothing(books: Books) -> None:
    message_id = books.sent(to="+886910000001")
    forged = report_of(
        message_id, DELIVERED, reference="", provider_ref=f"ref of {message_id}", recipient="+886919999999"
    )
    assert books.report(forged).unmatched == 1
    assert books.status(message_id) == "sent"


def test_another_account_cannot_speak_for_a_message(books: Books) -> None:
    message_id = books.sent()
    for report in (
        report_of(message_id, DELIVERED),
        report_of(message_id, READ, reference="", provider_ref=f"ref of {message_id}"),
    ):
        assert books.report(report, account_id=SECOND).unmatched == 1
    assert books.status(message_id) == "sent"


def test_reports_for_nobody_are_kept_once(books: Books) -> None:
    stray = report_of("0" * 32, DELIVERED, reference="unheard of", provider_ref="X1")
    assert books.report(stray).unmatched == 1
    assert books.report(stray).unmatched == 0
    assert books.rows("SELECT provider_ref FROM unmatched_reports") == [("X1",)]
    assert books.database.write_now(lambda tx: match_again(tx, FIRST, now=NOW, after_failure=fail)) == 0


def test_a_receipt_places_what_its_reference_was_reported_with(books: Books) -> None:
    arrived, failed = books.queue(2)
    exchange = books.hand_over()
    books.report(
        report_of(arrived, DELIVERED, reference="", provider_ref=f"ref of {arrived}"),
        report_of(failed, FAILED, reference="", provider_ref=f"ref of {failed}", error=GONE),
        report_of(failed, SENT, reference="", provider_ref="of nobody"),
    )
    books.accept(exchange)
    assert (books.status(arrived), books.status(failed)) == ("delivered", "sent")
    books.database.write_now(lambda tx: match_again(tx, FIRST, now=NOW, after_failure=fail))
    assert books.status(failed) == "failed"
    assert books.rows("SELECT provider_ref FROM unmatched_reports") == [("of nobody",)]


def test_receipts_without_a_reference_leave_reports_of_others_alone(books: Books) -> None:
    books.queue()
    exchange = books.hand_over()
    books.report(report_of("0" * 32, DELIVERED, reference="", provider_ref="of nobody"))
    books.accept(exchange, provider_ref=None)
    assert books.rows("SELECT provider_ref FROM unmatched_reports") == [("of nobody",)]


def test_an_early_failure_waits_for_the_sweep_which_can_decide(books: Books) -> None:
    (message_id,) = books.queue()
    exchange = books.hand_over()
    books.report(report_of(message_id, FAILED, error=UNREGISTERED))
    books.accept(exchange)
    assert books.status(message_id) == "sent"
    assert books.database.write_now(lambda tx: match_again(tx, FIRST, now=NOW, after_failure=fail_over)) == 1
    assert books.status(message_id) == "queued"
    assert books.row(message_id)["account_id"] == SECOND


def test_a_report_for_a_message_in_doubt_settles_it(books: Books) -> None:
    one, two, three = books.queue(3)
    books.hand_over()
    books.report(report_of(three, DELIVERED))  # before anybody knows of its attempt
    books.now += 120_000
    books.database.write_now(lambda tx: recover(tx, now=books.now, everything=True))
    books.database.write_now(lambda tx: match_again(tx, FIRST, now=books.now, after_failure=fail))
    books.report(report_of(one, SENT), report_of(two, FAILED, error=GONE))
    assert [books.status(message_id) for message_id in (one, two, three)] == ["sent", "failed", "delivered"]


def test_a_failure_after_acceptance_is_final_without_another_way(books: Books) -> None:
    message_id = books.sent()
    books.report(report_of(message_id, FAILED, error=GONE))
    row = books.row(message_id)
    assert (row["status"], row["error_kind"], row["error_code"], row["error_detail"]) == (
        "failed",
        "undeliverable",
        "30003",
        "handset unreachable",
    )
    assert row["settled_at"] == NOW
    assert books.events(message_id) == [("accepted", "sent"), ("report", "failed")]


def test_a_failure_without_a_reason_is_a_code_to_map(books: Books) -> None:
    message_id = books.sent()
    books.report(report_of(message_id, FAILED))
    assert (books.row(message_id)["error_kind"], books.row(message_id)["error_code"]) == ("unmapped", "failed")


def test_a_failure_after_acceptance_can_go_another_way(books: Books) -> None:
    message_id = books.sent()
    books.report(report_of(message_id, FAILED, error=UNREGISTERED), after_failure=fail_over)
    row = books.row(message_id)
    assert (row["status"], row["account_id"], row["due_at"], row["settled_at"]) == ("queued", SECOND, NOW + 5000, None)
    assert books.events(message_id)[-1] == ("failover", "queued")
    books.now += 5000
    books.accept(books.hand_over(account_id=SECOND), provider_ref="other")
    # The first account's late words neither undo nor repeat anything.
    books.report(report_of(message_id, FAILED, error=GONE, dedupe_key="again"), after_failure=fail_over)
    assert books.status(message_id) == "sent"
    books.report(report_of(message_id, DELIVERED, number=2), account_id=SECOND)
    books.report(report_of(message_id, SENT, dedupe_key="late"))
    row = books.row(message_id)
    assert (row["status"], row["attempts"]) == ("delivered", 2)


def test_a_late_failure_of_an_abandoned_attempt_does_not_undo_a_delivery(books: Books) -> None:
    (message_id,) = books.queue()
    first = books.hand_over()
    books.close(first, [unknown(first.postings[0])], status="doubtful", next_try_at=NOW)
    books.run(
        "UPDATE messages SET status = 'queued', due_at = ?, account_id = ?, route = ?", NOW, SECOND, '["account-2"]'
    )
    second = books.hand_over(account_id=SECOND)
    books.close(second, [accepted(second.postings[0])])
    books.report(report_of(message_id, DELIVERED, number=2), account_id=SECOND)
    books.report(report_of(message_id, FAILED, error=GONE))
    assert books.status(message_id) == "delivered"
    assert [books.attempt(message_id, number)["status"] for number in (1, 2)] == ["failed", "delivered"]


def test_a_delivery_by_an_abandoned_attempt_calls_the_next_one_off(books: Books) -> None:
    message_id = books.sent()
    books.report(report_of(message_id, FAILED, error=UNREGISTERED), after_failure=fail_over)
    books.report(report_of(message_id, DELIVERED))
    row = books.row(message_id)
    assert (row["status"], row["due_at"], row["error_kind"]) == ("delivered", None, None)
    books.now += 5000
    assert books.claim(account_id=SECOND) == []


def test_delivered_wins_over_failed_also_when_it_comes_late(books: Books) -> None:
    message_id = books.sent()
    books.report(report_of(message_id, FAILED, error=GONE))
    books.report(report_of(message_id, DELIVERED))
    assert (books.status(message_id), books.row(message_id)["error_kind"]) == ("delivered", None)


def test_a_word_we_do_not_know_is_kept_and_changes_nothing(books: Books) -> None:
    message_id = books.sent()
    done = books.report(Report(UNMAPPED, "on_its_way", "k", reference=attempt_id(message_id, 1)))
    assert done.matched == 1
    assert books.status(message_id) == "sent"
    assert books.attempt(message_id)["status"] == "sent"
    assert books.rows("SELECT code FROM events WHERE kind = 'report'") == [("on_its_way",)]


def test_what_a_report_adds_to_the_attempt_is_kept(books: Books) -> None:
    (message_id,) = books.queue(parts=1)
    books.accept(books.hand_over(), provider_ref=None)
    books.report(report_of(message_id, DELIVERED, provider_ref="SM9", parts=2, cost_amount="0.02", cost_currency="USD"))
    books.report(report_of(message_id, READ, provider_ref="other"))
    attempt = books.attempt(message_id)
    assert (attempt["provider_ref"], attempt["parts"], attempt["cost_amount"], attempt["cost_currency"]) == (
        "SM9",
        2,
        "0.02",
        "USD",
    )


def test_reports_stop_the_asking_only_when_they_are_final(books: Books) -> None:
    sent, delivered = books.queue(2)
    books.accept(books.hand_over(), poll_at=NOW + 1)
    books.report(report_of(sent, SENT), report_of(delivered, DELIVERED))
    assert books.attempt(sent)["poll_at"] == NOW + 1
    assert books.attempt(delivered)["poll_at"] is None


def test_one_call_may_carry_reports_of_many_messages_and_several_of_one(books: Books) -> None:
    queued = books.queue(40)
    books.accept(books.hand_over())
    reports = [report_of(message_id, status) for message_id in queued for status in (READ, SENT, DELIVERED)]
    done = books.report(*reports, *reports)
    assert (done.matched, done.repeated, done.unmatched) == (120, 120, 0)
    assert books.rows("SELECT status, count(*) FROM messages GROUP BY status") == [("read", 40)]


def test_a_report_that_finds_nobody_is_forgotten_after_a_time(books: Books) -> None:
    books.report(report_of("nobody", DELIVERED))
    assert books.database.write_now(lambda tx: forget_unmatched(tx, before=NOW)) == 0
    assert books.database.write_now(lambda tx: forget_unmatched(tx, before=NOW + 1)) == 1
    assert books.rows("SELECT count(*) FROM unmatched_reports") == [(0,)]


def test_looking_again_may_leave_out_what_has_waited_for_long(books: Books) -> None:
    (message_id,) = books.queue()
    exchange = books.hand_over()
    books.report(report_of(message_id, DELIVERED))
    books.accept(exchange, provider_ref=None)

    def placed(since: int) -> int:
        return books.database.write_now(lambda tx: match_again(tx, FIRST, now=NOW, after_failure=fail, since=since))

    assert (placed(NOW + 1), placed(NOW)) == (0, 1)
    assert books.status(message_id) == "delivered"
