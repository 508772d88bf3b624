"""
Opening hours, the zones of numbers, and the first moment everything is open.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import timezone

from sendyard.domain.countries import hours
from sendyard.domain.countries.hours import daily, first_open, is_zone, number_zones, person_zones, weekly
from tests.situations import at

DAY = daily("08:00-21:00")
ZONES = ("Asia/Seoul", "America/Los_Angeles", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu")
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- bounds are naive


@given(MOMENTS, st.sampled_from(ZONES))
def test_next_opening_is_open_and_nothing_before_it_is(moment: datetime, zone: str) -> None:
    opens = DAY.next_open(moment, zone)
    assert opens is not None
    assert opens >= moment
    assert DAY.is_open(opens, zone)
    assert opens == moment or not DAY.is_open(opens - timedelta(seconds=1), zone)
    assert opens - moment <= timedelta(hours=12)


@given(MOMENTS, st.lists(st.sampled_from(ZONES), min_size=1, max_size=3))
def test_first_common_opening_is_open_everywhere_and_the_earliest(moment: datetime, zones: list[str]) -> None:
    opens = first_open(DAY, zones, moment)
    ahead = (moment + step * timedelta(minutes=15) for step in range(3 * 96))
    sampled = next((one for one in ahead if all(DAY.is_open(one, zone) for zone in zones)), None)
    if opens is None:
        assert sampled is None
    else:
        assert all(DAY.is_open(opens, zone) for zone in zones)
        assert sampled is None or opens <= sampled


def test_closed_day_is_passed_over() -> None:
    office = weekly(workdays="09:00-17:00", saturday="", sunday="")
    assert office.next_open(at("2026-11-20 17:00"), "UTC") == at("2026-11-23 09:00")
    assert office.next_open(at("2026-11-20 12:00"), "UTC") == at("2026-11-20 12:00")


def test_table_without_any_hour_never_opens() -> None:
    never = weekly(workdays="", saturday="", sunday="")
    assert never.next_open(at("2026-11-20 17:00"), "UTC") is None
    assert first_open(never, ("UTC", "Asia/Seoul"), at("2026-11-20 17:00")) is None


def test_opening_in_the_hour_that_clocks_skip_is_when_they_go_on() -> None:
    early = daily("02:30-06:00")
    assert early.next_open(at("2026-03-28 22:00"), "Europe/Berlin") == at("2026-03-29 03:30", "Europe/Berlin")


def test_shortened_hours_close_earlier_and_never_before_they_open() -> None:
    assert daily("08:00-21:00").shortened(10) == daily("08:00-20:50")
    assert daily("08:00-08:05").shortened(10) == daily("08:00-08:00")


def test_unknown_zone_is_refused() -> None:
    assert not is_zone("Mars/Base")
    assert not is_zone("../etc/passwd")
    with pytest.raises(ValueError, match="expected the IANA name"):
        DAY.is_open(at("2026-11-20 17:00"), "Mars/Base")


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+821012345678", ("Asia/Seoul",)),
        ("+886912345678", ("Asia/Taipei",)),
        ("+919876543210", ("Asia/Kolkata",)),
        ("+14155550123", ("America/Los_Angeles",)),
        ("+12125550123", ("America/New_York",)),
        ("+12085550123", ("America/Boise", "America/Los_Angeles")),
        ("+16715550123", ("Pacific/Guam",)),
        ("+16845550123", ("Pacific/Pago_Pago",)),
        ("+4915112345678", ("Europe/Berlin",)),
        ("+34612345678", ("Atlantic/Canary", "Europe/Madrid")),
        ("nothing", ()),
        ("+9", ()),
        ("", ()),
    ],
)
def test_zones_of_a_number(number: str, zones: tuple[str, ...]) -> None:
    assert number_zones(number) == zones


def test_number_without_a_place_may_be_anywhere_in_the_states() -> None:
    zones = number_zones("+18005550123")
    assert {"America/New_York", "Pacific/Honolulu"} <= set(zones)
    assert first_open(DAY, zones, at("2026-11-20 00:00")) is not None


def test_mobile_may_be_anywhere_in_its_country() -> None:
    assert {"Australia/Perth", "Australia/Sydney"} <= set(number_zones("+61412345678"))


def test_longest_prefix_of_the_table_of_zones_is_the_librarys() -> None:
    assert vars(timezone)["TIMEZONE_LONGEST_PREFIX"] == hours._LONGEST_PREFIX


@pytest.mark.parametrize(
    ("given_zone", "by_number", "home", "expected"),
    [
        ("Asia/Seoul", ("Europe/Berlin",), "UTC", ("Asia/Seoul",)),
        ("Mars/Base", ("Europe/Berlin",), "UTC", ("Europe/Berlin",)),
        ("", ("Mars/Base", "Europe/Berlin"), "UTC", ("Europe/Berlin",)),
        ("", (), "Asia/Taipei", ("Asia/Taipei",)),
        ("", (), "Mars/Base", ("UTC",)),
    ],
)
def test_choice_of_zones(given_zone: str, by_number: tuple[str, ...], home: str, expected: tuple[str, ...]) -> None:
    assert person_zones(given_zone, by_number, home) == expected
