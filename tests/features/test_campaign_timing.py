"""
Wall clocks and moments, in zones whose clocks change.
"""

from datetime import UTC, datetime

import pytest

from sendyard.domain.errors import Invalid
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.plan import (
    AutoPause,
    Budget,
    Plan,
    Repeat,
    Throttle,
    Wave,
    When,
    check_plan,
    read_plan,
    store_plan,
)
from sendyard.features.campaigns.scheduling.moments import affordable, paced, personal
from sendyard.features.campaigns.scheduling.timing import (
    ago,
    begins_at,
    best_hour,
    local_moment,
    next_run,
    shown,
    zone_of,
)


def ms(written: str) -> int:
    return int(datetime.fromisoformat(written).timestamp() * 1000)


def utc(moment: int | None) -> str:
    assert moment is not None
    return f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%dT%H:%M}"


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-12-24T18:00", "Asia/Taipei", "2026-12-24T10:00"),
        ("2026-07-01T09:00", "America/New_York", "2026-07-01T13:00"),
        ("2026-12-01T09:00", "America/New_York", "2026-12-01T14:00"),
        # Clocks go from 2:00 to 3:00: half past two does not exist, and means half past three.
        ("2026-03-08T02:30", "America/New_York", "2026-03-08T07:30"),
        # Clocks go from 2:00 back to 1:00: half past one comes twice, and means the first.
        ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30"),
    ],
)
def test_a_wall_clock_time_means_one_moment_in_every_zone(at: str, zone: str, expected: str) -> None:
    assert utc(begins_at(When(mode="at", at=at, zone=zone))) == expected


def test_only_the_mode_at_has_a_moment_for_everybody() -> None:
    assert begins_at(When(mode="local", time="09:00")) is None


@pytest.mark.parametrize(
    ("given", "address", "home", "zone"),
    [
        ("Europe/Paris", "+886912345678", "UTC", "Europe/Paris"),
        ("", "+886912345678", "UTC", "Asia/Taipei"),
        ("nonsense", "+821012345678", "UTC", "Asia/Seoul"),
        ("", "+12125550123", "Asia/Taipei", "America/New_York"),
        ("", "U" + "0" * 32, "Asia/Tokyo", "Asia/Tokyo"),
    ],
)
def test_people_are_where_they_say_else_where_their_number_is_else_at_home(
    given: str, address: str, home: str, zone: str
) -> None:
    assert zone_of(given, address, home) == zone


@pytest.mark.parametrize(
    ("now", "on", "passed", "expected"),
    [
        ("2026-06-01T00:30+00:00", "", "next_day", "2026-06-01T01:00"),  # 8:30 in Taipei: nine is to come
        ("2026-06-01T02:00+00:00", "", "next_day", "2026-06-02T01:00"),
        ("2026-06-01T02:00+00:00", "", "now", "2026-06-01T02:00"),
        ("2026-06-01T02:00+00:00", "2026-06-05", "next_day", "2026-06-05T01:00"),
        ("2026-06-01T02:00+00:00", "2026-05-01", "next_day", "2026-06-02T01:00"),
        ("2026-06-01T00:30+00:00", "2026-05-01", "next_day", "2026-06-01T01:00"),
    ],
)
def test_nine_in_taipei_comes_today_or_as_was_said_when_it_has_passed(
    now: str, on: str, passed: str, expected: str
) -> None:
    assert utc(local_moment("Asia/Taipei", 540, on, passed, ms(now))) == expected


def test_each_person_has_their_own_time_and_those_whose_time_is_now_leave_at_once() -> None:
    rows = [
        Recipient(2, "", "+886912345678", "TW", "{}", "", "", ""),
        Recipient(3, "", "+821012345678", "KR", "{}", "", "", ""),
        Recipient(4, "", "+12125550123", "US", "{}", "", "", "", zone="America/Chicago"),
    ]
    when = When(mode="local", time="09:00", passed="now")
    now = ms("2026-06-01T00:30:20+00:00")
    moments = personal(when, rows, {}, "UTC", now)
    assert utc(moments[0]) == "2026-06-01T01:00"
    assert moments[1] is None  # nine was half an hour ago in Seoul
    assert moments[2] is None  # Chicago has the 31st of May, half past seven in the evening


def test_the_best_hour_is_where_most_reactions_are_once_there_are_enough() -> None:
    at = [ms(f"2026-05-{day:02}T{hour}+00:00") for day, hour in enumerate(["10:10", "11:50", "12:05", "01:00"], 1)]
    assert best_hour(at, "Asia/Taipei", at_least=5) is None
    assert best_hour(at, "Asia/Taipei", at_least=4) == 19  # 18, 19 and 20 o'clock: the middle has both neighbours


def test_learned_people_leave_at_their_hour_and_others_at_the_usual_time() -> None:
    rows = [Recipient(7, "", "+886912345678", "TW", "{}", "", "", ""), Recipient(8, "", "+886912345679", "TW", "{}", "",
                                                                             "", "")]  # fmt: skip
    known = {"+886912345678": [ms(f"2026-05-{day:02}T12:00+00:00") for day in range(1, 6)]}
    found = personal(When(mode="best", time="09:00"), rows, known, "UTC", ms("2026-06-01T00:30+00:00"))
    assert [utc(at) for at in found] == ["2026-06-01T12:07", "2026-06-01T01:00"]


@pytest.mark.parametrize(
    ("repeat", "after", "expected"),
    [
        (Repeat(every="day", time="09:00", zone="Asia/Taipei"), "2026-06-01T00:59+00:00", "2026-06-01T01:00"),
        (Repeat(every="day", time="09:00", zone="Asia/Taipei"), "2026-06-01T01:00+00:00", "2026-06-02T01:00"),
        (
            Repeat(every="week", on=(1, 4), time="09:00", zone="Asia/Taipei"),
            "2026-06-01T01:00+00:00",
            "2026-06-04T01:00",
        ),
        (Repeat(every="month", on=(31,), time="09:00", zone="UTC"), "2026-06-15T00:00+00:00", "2026-06-30T09:00"),
        (Repeat(every="month", on=(1, 15), time="09:00", zone="UTC"), "2026-12-20T00:00+00:00", "2027-01-01T09:00"),
        # The day on which New York's clocks go forward has its nine o'clock an hour earlier for the world.
        (Repeat(every="day", time="09:00", zone="America/New_York"), "2026-03-07T15:00+00:00", "2026-03-08T13:00"),
        (Repeat(every="day", time="02:30", zone="America/New_York"), "2026-03-08T00:00+00:00", "2026-03-08T07:30"),
        (Repeat(every="day", time="01:30", zone="America/New_York"), "2026-11-01T05:30+00:00", "2026-11-02T06:30"),
    ],
)
def test_the_next_run_is_found_across_months_and_changes_of_clocks(repeat: Repeat, after: str, expected: str) -> None:
    assert utc(next_run(repeat, after=ms(after))) == expected


def test_after_its_last_day_there_is_no_run() -> None:
    repeat = Repeat(every="week", on=(1,), time="09:00", zone="UTC", until="2026-06-07")
    assert next_run(repeat, after=ms("2026-06-01T10:00+00:00")) is None


def test_moments_of_a_throttle_are_one_step_apart_and_no_further_ahead_than_the_horizon() -> None:
    now = ms("2026-06-01T00:00+00:00")
    assert affordable(500_000, 1000 * now, now) == 21
    assert affordable(500_000, 1000 * now + 10_000_001, now) == 0
    moments, following = paced(3, 500_000, 1000 * now - 99, now)
    assert moments == [None, now + 500, now + 1000]
    assert following == 1000 * now + 1_500_000


def test_times_are_told_with_their_zone_and_lengths_in_words() -> None:
    assert shown(ms("2026-12-24T10:00+00:00"), "Asia/Taipei") == "2026-12-24 18:00 Asia/Taipei"
    assert [ago(one) for one in (5, 60_000, 7_300_000, 90_000_000)] == [
        "less than a minute", "1 minute", "2 hours", "1 day",
    ]  # fmt: skip


def test_a_plan_comes_back_as_it_was_stored() -> None:
    plan = Plan(
        when=When(mode="local", time="10:00"),
        throttle=Throttle(30, "minute"),
        waves=(Wave(percent=5), Wave(count=100, wait_minutes=5, stop_above=0)),
        budget=Budget("10.50", "USD"),
    )
    assert read_plan(store_plan(plan)) == plan
    assert read_plan("{}") == Plan()


@pytest.mark.parametrize(
    ("plan", "pointer"),
    [
        (Plan(when=When(mode="at", at="tomorrow", zone="UTC")), "/when/at"),
        (Plan(when=When(mode="at", at="2026-12-24", zone="UTC")), "/when/at"),
        (Plan(when=When(mode="at", at="2026-12-24T18:00+08:00", zone="UTC")), "/when/at"),
        (Plan(when=When(mode="at", at="2026-12-24T18:00", zone="Taipei")), "/when/zone"),
        (Plan(when=When(mode="local", time="9am")), "/when/time"),
        (Plan(when=When(mode="local", time="24:00")), "/when/time"),
        (Plan(when=When(mode="local", time="09:00", date="24.12.2026")), "/when/date"),
        (Plan(when=When(mode="local", time="09:00", date="2026-13-24")), "/when/date"),
        (Plan(when=When(mode="best", time="09:00", date="2026-12-24")), "/when/date"),
        (Plan(when=When(mode="best", time="09:00", at_least=0)), "/when/at_least"),
        (Plan(throttle=Throttle(0)), "/throttle/messages"),
        (Plan(throttle=Throttle(10_001)), "/throttle/messages"),
        (Plan(waves=(Wave(),)), "/waves/0"),
        (Plan(waves=(Wave(percent=5, count=5),)), "/waves/0"),
        (Plan(waves=(Wave(percent=100),)), "/waves/0/percent"),
        (Plan(waves=(Wave(count=0),)), "/waves/0/count"),
        (Plan(waves=(Wave(count=1, wait_minutes=-1),)), "/waves/0/wait_minutes"),
        (Plan(waves=(Wave(count=1, stop_above=101),)), "/waves/0/stop_above"),
        (Plan(waves=(Wave(percent=60), Wave(percent=60))), "/waves"),
        (Plan(waves=(Wave(count=1),) * 21), "/waves"),
        (Plan(auto_pause=AutoPause(failures=11, of=10)), "/auto_pause/failures"),
        (Plan(auto_pause=AutoPause(of=9, failures=1)), "/auto_pause/failures"),
        (Plan(auto_pause=AutoPause(balance_below="ten")), "/auto_pause/balance_below"),
        (Plan(budget=Budget("-1", "USD")), "/budget/amount"),
        (Plan(budget=Budget("NaN", "USD")), "/budget/amount"),
        (Plan(budget=Budget("1", "dollars")), "/budget/currency"),
        (Plan(when=When(mode="at", at="2099-01-01T10:00", zone="UTC"),
              repeat=Repeat(every="day", time="09:00", zone="UTC")), "/when"),
        (Plan(repeat=Repeat(every="day", on=(1,), time="09:00", zone="UTC")), "/repeat/on"),
        (Plan(repeat=Repeat(every="week", time="09:00", zone="UTC")), "/repeat/on"),
        (Plan(repeat=Repeat(every="month", on=(32,), time="09:00", zone="UTC")), "/repeat/on"),
        (Plan(repeat=Repeat(every="day", time="noon", zone="UTC")), "/repeat/time"),
        (Plan(repeat=Repeat(every="day", time="09:00", zone="Mars")), "/repeat/zone"),
        (Plan(repeat=Repeat(every="day", time="09:00", zone="UTC", until="soon")), "/repeat/until"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_named(plan: Plan, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_plan(plan)
    assert pointer in [error.pointer for error in refused.value.errors]
