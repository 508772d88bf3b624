"""
Messages enter the ledger and are taken from it: in which order, by whom, and never twice.
"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import MessageStatus
from sendyard.ledger.claim import claim, extend, release, waiting
from sendyard.ledger.entries import Claimed
from sendyard.storage.engine import Database
from tests.stores import FIRST, HOUR, NOW, OTHER_OWNER, OWNER, SECOND, Books

OTP, TRANSACTIONAL, PROMOTIONAL = Purpose.OTP, Purpose.TRANSACTIONAL, Purpose.PROMOTIONAL


def ids(claimed: Sequence[Claimed]) -> list[str]:
    return [message.id for message in claimed]


def test_a_campaign_stores_an_address_once_however_often_it_is_expanded(books: Books) -> None:
    campaign = books.add_campaign("c1")
    first = [books.message(to=f"+88691000000{n}", campaign_id=campaign, row=n) for n in range(5)]
    again = [books.message(to=f"+88691000000{n}", campaign_id=campaign, row=n) for n in range(8)]
    assert books.enqueue(*first) == 5
    assert books.enqueue(*again) == 3
    assert books.enqueue(*again) == 0
    assert books.rows("SELECT count(*) FROM messages") == [(8,)]


def test_outside_campaigns_an_address_may_be_written_to_again(books: Books) -> None:
    assert books.enqueue(books.message(to="+886910000001"), books.message(to="+886910000001")) == 2


@pytest.mark.parametrize(
    ("status", "event"), [(MessageStatus.SUPPRESSED, "suppressed"), (MessageStatus.FAILED, "refused")]
)
def test_a_message_stopped_by_preflight_is_final_and_says_why(books: Books, status: MessageStatus, event: str) -> None:
    (message_id,) = books.queue(status=status, error=ProviderError(ErrorKind.OPTED_OUT, "suppressed", "since June"))
    row = books.row(message_id)
    assert (row["status"], row["due_at"], row["settled_at"]) == (status, None, NOW)
    assert (row["error_kind"], row["error_code"], row["error_detail"]) == ("opted_out", "suppressed", "since June")
    assert books.events(message_id) == [(event, status)]
    assert books.claim() == []


def test_a_stopped_message_needs_no_reason(books: Books) -> None:
    (message_id,) = books.queue(status=MessageStatus.SUPPRESSED)
    assert books.row(message_id)["error_kind"] is None


def test_a_repeat_that_is_passed_over_leaves_no_event(books: Books) -> None:
    campaign = books.add_campaign("c1")
    for _ in range(2):
        books.enqueue(books.message(campaign_id=campaign, row=7, status=MessageStatus.SUPPRESSED))
    assert books.rows("SELECT count(*) FROM events") == [(1,)]


def test_storing_wakes_dispatchers_only_when_something_waits(books: Books) -> None:
    woken = []
    books.database._wake_local = lambda: woken.append(1)  # type: ignore[method-assign]
    books.queue(status=MessageStatus.SUPPRESSED)
    assert woken == []
    books.queue()
    assert woken == [1]


@pytest.mark.parametrize(
    ("channel", "content", "fallback"),
    [
        (Channel.SMS, Text('with " and \\ and 한글 🙂'), ()),
        (Channel.SMS, Text("body", "a title"), ()),
        (
            Channel.MMS,
            Media(items=(MediaItem("image/jpeg", "https://a.example/1.jpg"),), body="look", title="title"),
            (),
        ),
        (Channel.ALIMTALK, TemplateRef("order", "ko", {"name": "Kim"}, "Dear Kim"), ((Channel.SMS, Text("Dear Kim")),)),
    ],
    ids=["text", "title", "media", "template"],
)
def test_content_comes_out_as_it_went_in(
    books: Books, channel: Channel, content: Content, fallback: tuple[tuple[Channel, Content], ...]
) -> None:
    books.queue(channel=channel, content=content, fallback=fallback, sender="16009064", parts=3)
    (claimed,) = books.claim()
    assert (claimed.channel, claimed.content, claimed.fallback) == (channel, content, fallback)
    assert (claimed.sender, claimed.parts, claimed.to.kind) == ("16009064", 3, AddressKind.PHONE)
    assert (claimed.route, claimed.failover, claimed.country) == ([FIRST, SECOND], True, "TW")
    assert (claimed.attempts, claimed.retries, claimed.expires_at, claimed.created_at) == (0, 0, NOW + HOUR, NOW)


def test_codes_overtake_orders_and_orders_overtake_offers(books: Books) -> None:
    queued = {purpose: books.queue(3, purpose=purpose) for purpose in (PROMOTIONAL, TRANSACTIONAL, OTP)}
    claimed = books.claim(5)
    assert [message.purpose for message in claimed] == [OTP] * 3 + [TRANSACTIONAL] * 2
    assert ids(claimed) == [*queued[OTP], *queued[TRANSACTIONAL][:2]]


@pytest.mark.parametrize(("most_urgent", "expected"), [(0, [OTP]), (1, [OTP, TRANSACTIONAL])])
def test_less_urgent_messages_can_be_left_waiting(books: Books, most_urgent: int, expected: list[Purpose]) -> None:
    for purpose in (PROMOTIONAL, TRANSACTIONAL, OTP):
        books.queue(purpose=purpose)
    assert [message.purpose for message in books.claim(most_urgent=most_urgent)] == expected


def test_campaigns_on_one_account_get_equal_shares(books: Books) -> None:
    for name, count in (("big", 200), ("small", 30), ("tiny", 5)):
        campaign = books.add_campaign(name)
        books.queue(count, campaign_id=campaign, purpose=PROMOTIONAL)
    books.queue(2, purpose=PROMOTIONAL)  # of no campaign
    shares = Counter(message.group_id for message in books.claim(60))
    # What the tiny one and the single messages cannot use goes to the others.
    assert shares == {"": 2, "tiny": 5, "big": 27, "small": 26}


def test_one_campaign_alone_gets_everything(books: Books) -> None:
    books.queue(20, campaign_id=books.add_campaign("alone"))
    assert len(books.claim(15)) == 15


@pytest.mark.parametrize("status", ["paused", "draft", "scheduled", "cancelled", "completed"])
def test_a_campaign_that_is_not_sending_is_not_claimed(books: Books, status: str) -> None:
    books.queue(campaign_id=books.add_campaign("c1", status))
    (other,) = books.queue()
    assert ids(books.claim()) == [other]
    books.set_campaign("c1", "sending")
    assert len(books.claim(held=[other])) == 1


def test_messages_wait_for_their_time(books: Books) -> None:
    (later,) = books.queue(send_at=NOW + 5000, status=MessageStatus.SCHEDULED)
    (now,) = books.queue()
    assert ids(books.claim()) == [now]
    books.now += 5000
    assert ids(books.claim(held=[now])) == [later]


def test_another_account_has_a_lane_of_its_own(books: Books) -> None:
    (there,) = books.queue(route=(SECOND,))
    (here,) = books.queue()
    assert ids(books.claim()) == [here]
    assert ids(books.claim(account_id=SECOND)) == [there]
    assert books.database.read_now(lambda tx: ids(waiting(tx, FIRST, limit=10))) in ([], [here])


def test_what_waits_can_be_looked_at_without_taking_it(books: Books) -> None:
    queued = books.queue(5)
    look = books.database.read_now(lambda tx: waiting(tx, FIRST, limit=3))
    assert ids(look) == queued[:3]
    assert len(books.claim()) == 5


def test_held_messages_are_not_taken_twice(books: Books) -> None:
    queued = books.queue(10)
    first = ids(books.claim(4))
    second = ids(books.claim(4, held=first))
    third = ids(books.claim(4, held=[*first, *second]))
    assert sorted([*first, *second, *third]) == queued
    assert books.claim(4, held=queued) == []


def test_on_sqlite_taking_writes_nothing(books: Books) -> None:
    if books.database.dialect == "sqlite":
        books.queue()
        (taken,) = books.claim()
        row = books.row(taken.id)
        assert (row["lease_owner"], row["due_at"]) == (None, NOW)
        books.database.write_now(lambda tx: release(tx, [taken.id], owner=OWNER, now=NOW + 1))
        assert books.row(taken.id) == row
    else:
        books.queue()
        (taken,) = books.claim()
        row = books.row(taken.id)
        assert (row["lease_owner"], row["lease_until"], row["due_at"]) == (OWNER, NOW + 60_000, None)


def run_together(*works: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


@pytest.mark.postgres
class TestLeases:
    """Several processes on one PostgreSQL."""

    @pytest.fixture
    def books(self, postgres_database: Database) -> Books:
        found = Books(postgres_database)
        found.open()
        return found

    def test_two_owners_never_get_the_same_message(self, books: Books) -> None:
        queued = books.queue(600)
        other = Database(books.database.url)
        taken: dict[str, list[str]] = {OWNER: [], OTHER_OWNER: []}

        def take(database: Database, owner: str) -> None:
            while found := database.write_now(
                lambda tx: claim(tx, FIRST, 7, owner=owner, now=NOW, lease_until=NOW + 60_000)
            ):
                taken[owner] += ids(found)

        run_together(lambda: take(books.database, OWNER), lambda: take(other, OTHER_OWNER))
        other.close()
        assert sorted(taken[OWNER] + taken[OTHER_OWNER]) == queued
        assert all(taken.values())

    def test_what_is_leased_is_invisible_to_others(self, books: Books) -> None:
        queued = books.queue(5)
        assert ids(books.claim(3)) == queued[:3]
        assert ids(books.claim(5, owner=OTHER_OWNER)) == queued[3:]

    def test_given_back_messages_wait_again_for_anybody(self, books: Books) -> None:
        (message_id,) = books.queue()
        books.claim()
        books.now += 10
        books.database.write_now(lambda tx: release(tx, [message_id], owner=OWNER, now=books.now))
        row = books.row(message_id)
        assert (row["due_at"], row["lease_owner"], row["lease_until"]) == (books.now, None, None)
        assert ids(books.claim(owner=OTHER_OWNER)) == [message_id]

    def test_only_its_owner_can_give_a_lease_back(self, books: Books) -> None:
        (message_id,) = books.queue()
        books.claim()
        books.database.write_now(lambda tx: release(tx, [message_id], owner=OTHER_OWNER, now=NOW))
        assert books.row(message_id)["lease_owner"] == OWNER

    def test_leases_and_open_exchanges_are_prolonged_for_their_owner_alone(self, books: Books) -> None:
        for _ in range(3):
            books.queue()
        # They are due at the same moment, so that any of them may come first.
        taken = books.claim(1)
        exchange = books.post(taken)
        (posted,), (held,), (others,) = ids(taken), ids(books.claim(1)), ids(books.claim(1, owner=OTHER_OWNER))
        books.database.write_now(lambda tx: extend(tx, owner=OWNER, lease_until=NOW + 99_000))
        assert books.row(posted)["lease_until"] is None
        assert books.row(held)["lease_until"] == NOW + 99_000
        assert books.row(others)["lease_until"] == NOW + 60_000
        assert books.rows("SELECT lease_until FROM exchanges WHERE id = ?", exchange.id) == [(NOW + 99_000,)]
