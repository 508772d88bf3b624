"""
Who gets the campaign of the demo: invented people in three countries, and twenty rows that cannot be used.

The same count always gives the same file; the one for 1,000 people is shipped as `demo_data/people.csv`.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import phonenumbers

SHIPPED_COUNT = 1000
FEWEST, MOST = 10, 27_000
COUNTRIES = ("KR", "TW", "US")
HEADER = ("name", "phone", "amount", "date")
TEMPLATE = "{name}, your order of {amount} will arrive on {date}."
SUPPRESSED = range(6, 9)
"""Positions of people who asked not to be contacted: one in each country."""

_FULL_WIDTH = (3, 4)  # positions of people whose number came in full-width digits, which is repaired
_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")

_NAMES = {
    "KR": ("김서연", "이도윤", "박하준", "최지우", "정시우", "강하은", "조민준", "윤서아", "장은우", "임지호"),
    "TW": ("陳怡君", "林志明", "黃淑芬", "張家豪", "李佳穎", "王建宏", "吳雅婷", "劉俊傑", "蔡美玲", "楊宗翰"),
    "US": ("Ava", "Liam", "Mia", "Noah", "Zoe", "Ethan", "Ruby", "Owen", "Ivy", "Caleb"),
}

# Name, phone, amount, date. The duplicates repeat the first person's number, the second one spelt differently.
_BAD_ROWS = (
    ("Blank", "", "$10.00", "May 3"),
    ("Letters", "ask at the office", "$10.00", "May 3"),
    ("Not given", "n/a", "$10.00", "May 3"),
    ("Too short", "+886 9000", "NT$300", "5月3日"),
    ("Too long", "+82 10-0000-0001 0002 0003", "10,000원", "5월 3일"),
    ("Landline", "+886 2 2345 6789", "NT$300", "5月3日"),
    ("Landline", "+82 2-312-3456", "10,000원", "5월 3일"),
    ("Toll free", "+1 800-555-0199", "$10.00", "May 3"),
    ("Premium", "+1 900-555-0123", "$10.00", "May 3"),
    ("Company line", "+82 1588-0000", "10,000원", "5월 3일"),
    ("Formula", "=SUM(B2:B9)", "$10.00", "May 3"),
    ("Exponent", "8.869E+11", "NT$300", "5月3日"),
    ("No country", "0900-000-999", "NT$300", "5月3日"),
    ("Two in one", "+886 900 000 997 / +886 900 000 998", "NT$300", "5月3日"),
    ("Not a number", "+1 555-555-0101", "$10.00", "May 3"),
    ("", "+1 202-555-0199", "$10.00", "May 3"),
    ("No amount", "+82 10-0000-9998", "", "5월 3일"),
    ("No date", "+886 900 009 998", "NT$300", ""),
    ("Duplicate", "+82 10-0000-0001", "10,000원", "5월 3일"),
    ("Duplicate", "0082 10 0000 0001", "10,000원", "5월 3일"),
)
BAD_ROWS = len(_BAD_ROWS)


@dataclass(frozen=True, slots=True)
class Person:
    """One person, with the number as the file writes it and as it is dialled."""

    country: str
    name: str
    written: str
    e164: str
    amount: str
    date: str


def people(count: int) -> Iterator[Person]:
    """Give the first `count` people, the countries in turn; numbers are invented and never one of the magic endings."""
    for position in range(count):
        country = COUNTRIES[position % len(COUNTRIES)]
        number, written = _NUMBERS[country](position // len(COUNTRIES) + 1)
        if position in _FULL_WIDTH:
            written = written.translate(_WIDE)
        names = _NAMES[country]
        month, day = 1 + position // 28 % 12, 1 + position % 28
        yield Person(
            country,
            names[position * 7 % len(names)],
            written,
            number,
            _AMOUNTS[country](position),
            _DATES[country](month, day),
        )


def spreadsheet(count: int) -> bytes:
    """The CSV file for `count` people, UTF-8, with the twenty unusable rows spread over it."""
    if count == SHIPPED_COUNT:
        return (files("sendyard.cli") / "demo_data" / "people.csv").read_bytes()
    return written(count)


def written(count: int) -> bytes:
    """The same, always made anew."""
    before: dict[int, list[tuple[str, ...]]] = {}
    for number, row in enumerate(_BAD_ROWS, 1):
        before.setdefault(number * count // (BAD_ROWS + 1), []).append(row)
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(HEADER)
    for position, person in enumerate(people(count)):
        writer.writerows(before.get(position, ()))
        writer.writerow((person.name, person.written, person.amount, person.date))
    return output.getvalue().encode()


def _korean(number: int) -> tuple[str, str]:
    # The exchange 0000 is given to nobody.
    digits = f"{number:04d}"
    return f"+82100000{digits}", f"+82 10-0000-{digits}"


def _taiwanese(number: int) -> tuple[str, str]:
    digits = f"{number:05d}"
    return f"+8869000{digits}", f"+886 900 0{digits[:2]} {digits[2:]}"


def _american(number: int) -> tuple[str, str]:
    # 555-01XX is reserved for fiction in every area code.
    area, line = _area_codes()[number // 100], number % 100
    return f"+1{area}55501{line:02d}", f"+1 {area}-555-01{line:02d}"


@cache
def _area_codes() -> tuple[str, ...]:
    return tuple(
        str(area)
        for area in range(203, 990)
        if phonenumbers.region_code_for_number(phonenumbers.parse(f"+1{area}5550123")) == "US"
    )


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NUMBERS: Mapping[str, Callable[[int], tuple[str, str]]] = {"KR": _korean, "TW": _taiwanese, "US": _american}
_AMOUNTS: Mapping[str, Callable[[int], str]] = {
    "KR": lambda position: f"{8 + position % 90},{position % 10}00원",
    "TW": lambda position: f"NT${1 + position % 4},{100 + position * 7 % 900}",
    "US": lambda position: f"${5 + position % 120}.{position * 5 % 100:02d}",
}
_DATES: Mapping[str, Callable[[int, int], str]] = {
    "KR": lambda month, day: f"{month}월 {day}일",
    "TW": lambda month, day: f"{month}月{day}日",
    "US": lambda month, day: f"{_MONTHS[month - 1]} {day}",
}
