"""
Finding addresses and numbers in a text, and lists of registered ones.
"""

import pytest

from sendyard.domain.countries.links import (
    find_numbers,
    find_urls,
    host_of,
    is_allowed_number,
    is_allowed_url,
    outside,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://a.example/x?y=1.", ["https://a.example/x?y=1"]),
        ("(www.a.example)", ["www.a.example"]),
        ("請看https://a.example/x，謝謝", ["https://a.example/x"]),
        ("a.example/x and b.com", ["a.example/x", "b.com"]),
        ("HTTPS://A.EXAMPLE", ["HTTPS://A.EXAMPLE"]),
        ("write to me@a.example", []),
        ("3.5kg, v2.10, Mr.Smith, ok...", []),
        ("no address", []),
    ],
)
def test_addresses_in_a_text(text: str, found: list[str]) -> None:
    urls = find_urls(text)
    assert [one.value for one in urls] == found
    assert [text[one.start : one.end] for one in urls] == found


@pytest.mark.parametrize(
    ("text", "country", "found"),
    [
        ("call 9876543210 now", "IN", ["9876543210"]),
        ("call +91 98765 43210", "IN", ["+91 98765 43210"]),
        ("call 1800 200 1234", "IN", ["1800 200 1234"]),
        ("order 12345678901234, ₹9876543210", "IN", []),
        ("請洽02-2345-6789", "TW", ["02-2345-6789"]),
        ("कॉल9876543210", "IN", ["9876543210"]),
        ("請洽 02-2345-6789 或 0912345678", "TW", ["02-2345-6789", "0912345678"]),
        ("0800-123-456", "TW", ["0800-123-456"]),
        ("撥165", "TW", []),
    ],
)
def test_numbers_in_a_text(text: str, country: str, found: list[str]) -> None:
    assert [one.value for one in find_numbers(text, country)] == found


@pytest.mark.parametrize(
    ("url", "entry", "allowed"),
    [
        ("https://a.example/x", "https://a.example/x", True),
        ("http://A.example/x", "https://a.EXAMPLE/x", True),
        ("a.example/x", "https://a.example/x", True),
        ("https://a.example/X", "https://a.example/x", False),
        ("https://a.example", "https://a.example/", True),
        ("https://a.example/x", "https://a.example", False),
        ("https://a.example/xy", "https://a.example/x/?", False),
        ("https://a.example/x/y", "https://a.example/x?", True),
        ("https://a.example/xyz", "a.example/x*", True),
        ("https://www.a.example/deep/path?q", "a.example", True),
        ("https://b.a.example/", "a.example", False),
        ("https://a.example.evil.example/", "a.example", False),
        ("https://a.example:8443/x", "a.example", True),
        ("https://a.example/x", "", False),
        ("https://a.example/x", "   ", False),
        ("https://a.example/x/y", "https://a.example/x/y/", False),
    ],
)
def test_registered_address_covers(url: str, entry: str, *, allowed: bool) -> None:
    assert is_allowed_url(url, [entry]) is allowed


@pytest.mark.parametrize(
    ("number", "entry", "country", "allowed"),
    [
        ("02-2345-6789", "(02) 2345 6789", "TW", True),
        ("+886 2 2345 6789", "0223456789", "TW", True),
        ("886912345678", "0912-345-678", "TW", True),
        ("02-2345-6789#12", "0223456789", "TW", True),
        ("02-2345-6780", "0223456789", "TW", False),
        ("9123456780", "+919123456780", "IN", True),
        ("09123456780", "919123456780", "IN", True),
    ],
)
def test_registered_number_covers(number: str, entry: str, country: str, *, allowed: bool) -> None:
    assert is_allowed_number(number, ["000", entry], country) is allowed


def test_host_of_an_address() -> None:
    assert [host_of(one) for one in ("https://www.A.example:80/x", "a.example?b", "a.example")] == ["a.example"] * 3


def test_number_within_an_address_is_part_of_it() -> None:
    text = "https://a.example/t?n= 0912345678"
    numbers = find_numbers(text, "TW")
    assert outside(numbers, [(0, 20)]) == numbers
    assert outside(numbers, [(0, len(text))]) == ()
