"""
What people and programs see of the ledger.
"""

import time
from typing import Any

import pytest

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.ids import attempt_id
from sendyard.domain.status import AttemptStatus, MessageStatus, ReportStatus
from sendyard.ledger import queries
from sendyard.ledger.entries import EventKind, Outcome
from sendyard.ledger.tallies import Tally, newest_event, tally_events
from sendyard.storage.engine import Database
from sendyard.storage.migrations import upgrade
from tests.stores import FIRST, NOW, SECOND, Books, fail_over, report_of

UNREGISTERED = ProviderError(ErrorKind.NOT_REGISTERED, "30034", "sender unknown")


def read(books: Books, message_id: str) -> dict[str, Any]:
    found = books.database.read_now(lambda tx: queries.message(tx, books.workspace_id, message_id))
    assert found is not None
    return found


def listed(books: Books, **filters: Any) -> list[str]:
    found = books.database.read_now(lambda tx: queries.messages(tx, books.workspace_id, **filters))
    return [message["id"] for message in found]


def test_a_waiting_message_shows_what_was_asked_for(books: Books) -> None:
    (message_id,) = books.queue(reference="order 7", metadata='{"a":1}', send_at=NOW + 5, sender="16009064")
    found = read(books, message_id)
    assert (found["status"], found["reference"], found["metadata"], found["send_at"], found["sender"]) == (
        "queued",
        "order 7",
        '{"a":1}',
        NOW + 5,
        "16009064",
    )
    assert (found["provider_ref"], found["costs"], found["attempts"]) == (None, [], 0)


def test_a_sent_message_shows_the_providers_reference_parts_and_cost(books: Books) -> None:
    (message_id,) = books.queue(parts=1)
    books.accept(books.hand_over(), parts=3, cost_amount="0.03", cost_currency="USD")
    found = read(books, message_id)
    assert (found["provider_ref"], found["parts"]) == (f"ref of {message_id}", 3)
    assert found["costs"] == [{"amount": "0.03", "currency": "USD"}]


def test_costs_of_a_fail_over_add_up_by_currency(books: Books) -> None:
    (message_id,) = books.queue(route=(FIRST, FIRST, SECOND))
    for number, (account_id, amount, currency) in enumerate(
        ((FIRST, "0.01", "USD"), (FIRST, "0.025", "USD"), (SECOND, "9", "KRW")), start=1
    ):
        books.now += 5000
        books.accept(
            books.hand_over(account_id=account_id),
            provider_ref=f"ref {number}",
            cost_amount=amount,
            cost_currency=currency,
        )
        if number < 3:
            report = report_of(message_id, ReportStatus.FAILED, number=number, error=UNREGISTERED)
            books.report(report, account_id=account_id, after_failure=fail_over)
    books.report(report_of(message_id, ReportStatus.DELIVERED, number=3), account_id=SECOND)
    found = read(books, message_id)
    assert found["costs"] == [{"amount": "0.035", "currency": "USD"}, {"amount": "9", "currency": "KRW"}]
    assert (found["provider_ref"], found["status"], found["attempts"]) == ("ref 3", "delivered", 3)


def test_another_workspace_sees_nothing(books: Books) -> None:
    message_id = books.sent(campaign_id=books.add_campaign("c1"), row=2)
    stranger = "another workspace"

    def look(tx: Any) -> list[object]:
        return [
            queries.message(tx, stranger, message_id),
            queries.messages(tx, stranger),
            queries.timeline(tx, stranger, message_id),
            queries.campaign_messages(tx, stranger, "c1"),
            queries.campaign_counts(tx, stranger, "c1"),
            queries.campaign_reasons(tx, stranger, "c1"),
            queries.events_after(tx, stranger),
            queries.lanes(tx, stranger),
        ]

    assert books.database.read_now(look) == [None, [], [], [], {}, [], [], []]


def test_messages_are_listed_newest_first_in_pages(books: Books) -> None:
    queued = books.queue(5)[::-1]
    assert listed(books) == queued
    assert listed(books, limit=2) == queued[:2]
    assert listed(books, limit=2, after=queued[1]) == queued[2:4]


def test_filters_are_joined_by_and(books: Books) -> None:
    campaign = books.add_campaign("c1")
    sent = books.sent(to="+886910000002", reference="other", batch_id="b")
    (one,) = books.queue(to="+886910000001", campaign_id=campaign, reference="r", batch_id="b")
    (two,) = books.queue(to="+886910000001", route=(SECOND,))
    assert listed(books, to="+886910000001") == [two, one]
    assert listed(books, to="+886910000001", campaign_id=campaign) == [one]
    assert listed(books, status="sent") == [sent]
    assert listed(books, account_id=SECOND) == [two]
    assert listed(books, reference="r") == [one]
    assert listed(books, batch_id="b") == [one, sent]
    assert listed(books, batch_id="b", status="queued", reference="other") == []


def test_a_campaign_is_read_in_the_order_of_its_file(books: Books) -> None:
    campaign = books.add_campaign("c1")
    for row in (5, 3, 9, 2):
        books.queue(campaign_id=campaign, row=row)

    def rows(**rest: int) -> list[int]:
        found = books.database.read_now(lambda tx: queries.campaign_messages(tx, books.workspace_id, campaign, **rest))
        return [message["row"] for message in found]

    assert rows() == [2, 3, 5, 9]
    assert rows(after_row=3, limit=1) == [5]


def test_a_campaign_is_counted_by_status_and_by_reason(books: Books) -> None:
    campaign = books.add_campaign("c1")
    books.queue(3, campaign_id=campaign)
    exchange = books.hand_over()
    error = ProviderError(ErrorKind.INVALID_RECIPIENT, "21211")
    books.close(
        exchange,
        [
            Outcome(posting, AttemptStatus.REFUSED, MessageStatus.FAILED, EventKind.REFUSED, error=error)
            for posting in exchange.postings[:2]
        ],
    )
    books.queue(campaign_id=campaign, status=MessageStatus.SUPPRESSED)

    def count(tx: Any) -> tuple[Any, Any]:
        return (
            queries.campaign_counts(tx, books.workspace_id, campaign),
            queries.campaign_reasons(tx, books.workspace_id, campaign),
        )

    counts, reasons = books.database.read_now(count)
    assert counts == {"failed": 2, "sending": 1, "suppressed": 1}
    assert reasons == [("failed", FIRST, "invalid_recipient", 2), ("suppressed", FIRST, "", 1)]


def test_a_timeline_tells_the_whole_life_in_order(books: Books) -> None:
    (message_id,) = books.queue()
    books.now += 10
    exchange = books.hand_over()
    books.now += 10
    outcome = Outcome(
        exchange.postings[0],
        AttemptStatus.REFUSED,
        MessageStatus.QUEUED,
        EventKind.RETRY,
        error=ProviderError(ErrorKind.THROTTLED, "429", "slow down"),
        due_at=books.now + 10,
        route=(FIRST, SECOND),
        retries=1,
    )
    books.close(exchange, [outcome], http_status=429, request="POST /send", response="slow down")
    books.now += 10
    second = books.hand_over()
    books.now += 10
    books.accept(second)
    books.now += 10
    books.report(report_of(message_id, ReportStatus.DELIVERED, number=2))
    life = books.timeline(message_id)
    assert [(entry["at"] - NOW, entry["kind"]) for entry in life] == [
        (0, "created"),
        (10, "attempt"),
        (20, "retry"),
        (30, "attempt"),
        (40, "accepted"),
        (50, "report"),
    ]
    assert life[0]["route"] == [FIRST, SECOND]
    first, last = life[1], life[3]
    assert (first["status"], first["http_status"], first["request"], first["error_code"]) == (
        "refused",
        429,
        "POST /send",
        "429",
    )
    assert (last["attempt_id"], last["status"]) == (attempt_id(message_id, 2), "delivered")
    assert (life[5]["status"], life[5]["account_id"]) == ("delivered", FIRST)


def test_the_feed_goes_on_where_it_ended(books: Books) -> None:
    for _ in range(3):
        message_id = books.sent()
        books.report(report_of(message_id, ReportStatus.DELIVERED))

    def after(place: str, limit: int = 100) -> list[dict[str, Any]]:
        found = queries.Place.read(place)
        return books.database.read_now(
            lambda tx: queries.events_after(tx, books.workspace_id, after=found, limit=limit)
        )

    # Transactions of other databases of the same PostgreSQL server hold the feed up, for as long as they last.
    deadline = time.monotonic() + 60
    while len(everything := after("")) < 6 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [event["kind"] for event in everything] == ["accepted", "report"] * 3
    assert after(everything[1]["place"], 2) == everything[2:4]
    assert after(everything[-1]["place"]) == []


@pytest.mark.postgres
def test_the_feed_waits_for_a_transaction_that_began_earlier(fresh_postgres_url: str) -> None:
    database = Database(fresh_postgres_url)
    try:
        upgrade(database)
        books = Books(database)
        books.open()
        late, early = books.sent(), books.sent()

        def feed() -> list[tuple[str, str]]:
            found = database.read_now(lambda tx: queries.events_after(tx, books.workspace_id))
            return [(event["message_id"], event["kind"]) for event in found if event["kind"] == "report"]

        with database.engine.connect() as connection, connection.begin() as transaction:
            # Has its number, and a lower one than the event that is committed first.
            connection.exec_driver_sql(
                "INSERT INTO events (workspace_id, message_id, kind, at) VALUES (%s, %s, 'report', 1)",
                (books.workspace_id, late),
            )
            books.report(report_of(early, ReportStatus.DELIVERED))
            assert feed() == []
            transaction.commit()
        deadline = time.monotonic() + 60
        while len(feed()) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert feed() == [(late, "report"), (early, "report")]
    finally:
        database.close()


def test_lanes_show_how_much_waits_and_since_when(books: Books) -> None:
    books.queue(2)
    books.now -= 500
    books.queue()
    books.queue(route=(SECOND,))
    assert books.database.read_now(queries.lanes) == [
        {"account_id": FIRST, "waiting": 3, "oldest_due_at": NOW - 500},
        {"account_id": SECOND, "waiting": 1, "oldest_due_at": NOW - 500},
    ]


def test_events_are_tallied_between_two_numbers(books: Books) -> None:
    assert books.database.read_now(newest_event) == 0
    books.queue(status=MessageStatus.SUPPRESSED)
    middle = books.database.read_now(newest_event)
    books.queue(2)
    books.accept(books.hand_over())
    newest = books.database.read_now(newest_event)
    assert newest > middle > 0
    assert books.database.read_now(lambda tx: tally_events(tx, after=middle, up_to=newest)) == [
        Tally(FIRST, "accepted", "sent", 2)
    ]
    assert books.database.read_now(lambda tx: tally_events(tx, after=0, up_to=middle)) == [
        Tally("", "suppressed", "suppressed", 1)
    ]


def test_a_page_looks_through_so_many_messages_and_says_where_to_go_on(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    (oldest,) = books.queue()
    books.accept(books.hand_over())
    books.queue(count=7)
    monkeypatch.setattr(queries, "_LOOKED_AT", 3)

    def page(after: str | None) -> tuple[list[str], str | None]:
        found, following = books.database.read_now(
            lambda tx: queries.messages_page(tx, books.workspace_id, status="sent", after=after)
        )
        return [message["id"] for message in found], following

    pages: list[list[str]] = []
    after: str | None = None
    while True:
        found, after = page(after)
        pages.append(found)
        if after is None:
            break
    assert [one for found in pages for one in found] == [oldest]
    assert len(pages) > 1
    assert listed(books, status="sent") == [oldest]


def test_a_full_page_goes_on_behind_its_last_message(books: Books) -> None:
    made = books.queue(count=5)
    found, after = books.database.read_now(lambda tx: queries.messages_page(tx, books.workspace_id, limit=2))
    assert [message["id"] for message in found] == made[:2:-1]
    assert after == made[3]
    assert listed(books, after=after, limit=3) == made[2::-1]
