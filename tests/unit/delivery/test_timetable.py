"""
When the last message would leave.
"""

from sendyard.delivery.timetable import IsOpen, Timetable

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EIGHT, TWENTY_ONE = 8 * HOUR, 21 * HOUR


def by_day(at: int) -> bool:
    return EIGHT <= at % DAY < TWENTY_ONE


def add(
    table: Timetable, account_id: str, at: int, seconds: float, kind: object = None, is_open: IsOpen | None = None
) -> float:
    return table.load(account_id, at, kind, is_open).take(at, seconds)


def test_nothing_to_do_has_no_end() -> None:
    assert Timetable().end() is None


def test_the_slowest_account_says_when_it_ends() -> None:
    table = Timetable()
    for _ in range(10):
        add(table, "slow", 1000, 6.0)
    add(table, "quick", 1000, 1.0)
    assert table.end() == 61_000


def test_what_is_scheduled_later_begins_later() -> None:
    table = Timetable()
    add(table, "one", 0, 60.0)
    add(table, "one", HOUR, 30.0)
    assert table.end() == HOUR + 30_000


def test_work_that_reaches_closing_time_goes_on_in_the_morning() -> None:
    table = Timetable()
    for _ in range(60):
        add(table, "one", 20 * HOUR, 120.0, "offer", by_day)
    assert table.end() == DAY + EIGHT + HOUR


def test_what_may_go_at_night_does_not_wait_for_what_may_not() -> None:
    table = Timetable()
    add(table, "one", 22 * HOUR, 600.0, "offer", by_day)
    add(table, "one", 22 * HOUR, 600.0, "order")
    assert table.end() == DAY + EIGHT + 10 * MINUTE


def test_hours_that_never_come_have_no_end() -> None:
    table = Timetable()
    add(table, "one", 0, 1.0, "offer", lambda _at: False)
    add(table, "other", 0, 1.0)
    assert table.end() is None


def test_adding_tells_when_that_message_would_be_gone() -> None:
    table = Timetable()
    assert [add(table, "one", 1000, 2.0) for _ in range(3)] == [3000, 5000, 7000]
    assert add(table, "other", 1000, 2.0) == 3000
    assert table.ends() == {"one": 7000, "other": 3000}
