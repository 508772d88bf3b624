"""
Mobile numbers as their country writes them are read the quick way, and never other than the long one reads them.
"""

import phonenumbers
import pytest

from sendyard.domain.phone import parse_phone, plain_mobile


@pytest.mark.parametrize("region", ["KR", "TW", "IN", "US", "CA", "JP", "", "XX"])
def test_the_quick_way_agrees_with_the_long_one(region: str) -> None:
    examples = [
        phonenumbers.example_number_for_type(owner, kind)
        for owner in ("KR", "TW", "IN", "US", "CA", "JP", "GB")
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    ]
    # E.164, international and national.
    spellings = [phonenumbers.format_number(number, style) for number in examples if number for style in (0, 1, 2)]
    taken = 0
    for text in (*spellings, "", "010", "+", "0912 345 678x", "0912345678;0923456789", "=0912345678", "１２"):
        if found := plain_mobile(text, region):
            parsed = parse_phone(text, region)
            assert (parsed.ok, parsed.fixed, parsed.e164, parsed.country) == (True, "", *found)
            taken += 1
    assert taken


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("0912-345-678", "TW", ("+886912345678", "TW")),
        ("+82 10-1234-5678", "KR", ("+821012345678", "KR")),
        ("98765 43210", "IN", ("+919876543210", "IN")),
        ("(415) 555-0123", "US", ("+14155550123", "US")),
        ("02-2345-6789", "TW", None),
        ("+821012345678", "TW", None),
    ],
)
def test_it_takes_what_people_of_the_country_write(text: str, region: str, expected: tuple[str, str] | None) -> None:
    assert plain_mobile(text, region) == expected
