"""
An answer that was lost, and of the reports only the first came: nobody may forget such a message.
"""

import pytest

from sendyard.domain.status import ReportStatus
from sendyard.ledger.polls import due_polls
from sendyard.ledger.reports import ASKED_AFTER_MS
from tests.stores import FIRST, Books, report_of, unknown


def asked_for(books: Books, later: int) -> list[str]:
    """References at the provider of what it is asked for, so many milliseconds later."""
    found = books.database.read_now(lambda tx: due_polls(tx, FIRST, now=books.now + later, limit=10))
    return [one.provider_ref for one in found]


def left_without_an_answer(books: Books) -> str:
    (message_id,) = books.queue()
    exchange = books.hand_over()
    books.close(exchange, [unknown(posting) for posting in exchange.postings], status="doubtful")
    return message_id


def test_the_provider_is_asked_for_what_only_a_report_says_has_left(books: Books) -> None:
    message_id = left_without_an_answer(books)
    assert asked_for(books, 10 * ASKED_AFTER_MS) == []
    books.report(report_of(message_id, ReportStatus.SENT, provider_ref="ref-1"))
    assert books.status(message_id) == "sent"
    assert asked_for(books, ASKED_AFTER_MS - 1) == []
    assert asked_for(books, ASKED_AFTER_MS) == ["ref-1"]


@pytest.mark.parametrize("end", [ReportStatus.DELIVERED, ReportStatus.FAILED])
def test_it_is_not_asked_once_the_last_report_came(books: Books, end: ReportStatus) -> None:
    message_id = left_without_an_answer(books)
    books.report(report_of(message_id, ReportStatus.SENT, provider_ref="ref-1"))
    books.report(report_of(message_id, end, provider_ref="ref-1"))
    assert asked_for(books, 10 * ASKED_AFTER_MS) == []
