"""
Agreement with `phonenumbers` on its own example numbers: every region, every kind of number, eight spellings each.
"""

from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from sendyard.domain.phone import parse_phone

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
TEXTABLE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
KINDS = (
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.VOIP,
    PhoneNumberType.PERSONAL_NUMBER,
    PhoneNumberType.PAGER,
    PhoneNumberType.UAN,
    PhoneNumberType.VOICEMAIL,
)
FULL_WIDTH = str.maketrans("0123456789+-() ", "０１２３４５６７８９＋－（）\u3000")


def spellings(number: PhoneNumber) -> Iterator[tuple[str, str]]:
    """Give eight ways people and spreadsheets write a number, each with the name of the habit."""
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    yield "e164", e164
    yield "international", international
    yield "dots", international.replace(" ", ".").replace("-", ".")
    yield "00", "00" + e164[1:]
    yield "national", national
    yield "national digits", "".join(filter(str.isdigit, national))
    yield "full width", national.translate(FULL_WIDTH)
    yield "invisible", "\u202a" + national.replace("-", "\u2011").replace(" ", "\u00a0") + "\u202c"


def of_library(text: str, region: str) -> tuple[str, bool]:
    """Give E.164 and whether it can be texted, as the library alone reads a spelling; ("", False) for no number."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return "", False
    if not phonenumbers.is_valid_number(number):
        return "", False
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return e164, phonenumbers.number_type(number) in TEXTABLE


AS_DIALLED_THERE = {"national", "national digits", "full width", "invisible"}


def meant_otherwise(region: str, kind: int, habit: str, library: tuple[str, bool]) -> bool:
    """
    Say whether we mean to read a spelling otherwise than the library.

    A company number of Korea is a sender, and senders are never rewritten. And 00 is a way out of every country, also
    of those that dial 011 or 0, because lists are often written in another country than they are read in.
    """
    company = region == "KR" and kind == PhoneNumberType.UAN and habit in AS_DIALLED_THERE
    return company or (habit == "00" and library == ("", False))


def examples(region: str) -> Iterator[tuple[int, PhoneNumber]]:
    for kind in KINDS:
        if number := phonenumbers.example_number_for_type(region, kind):
            yield kind, number


@pytest.mark.parametrize("region", REGIONS)
def test_example_numbers_are_read_as_the_library_reads_them(region: str) -> None:
    wrong = []
    for kind, number in examples(region):
        for habit, text in spellings(number):
            found = parse_phone(text, region)
            library = of_library(text, region)
            if (found.e164, found.ok) != library and not meant_otherwise(region, kind, habit, library):
                wrong.append((habit, text, found))
    assert wrong == []


@pytest.mark.parametrize("region", REGIONS)
def test_example_numbers_are_found_in_every_spelling(region: str) -> None:
    wrong = []
    for kind, number in examples(region):
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        for habit, text in spellings(number):
            found = parse_phone(text, region)
            sender = region == "KR" and kind == PhoneNumberType.UAN and habit in AS_DIALLED_THERE
            if found.e164 != ("" if sender else e164):
                wrong.append((habit, text, found))
    assert wrong == []


def test_a_company_number_of_korea_stays_as_it_is() -> None:
    found = parse_phone("1544-1234", "KR")
    assert (found.e164, found.national, found.type, found.reason) == ("", "15441234", "uan", "not_mobile")


def test_the_comparison_covers_the_world() -> None:
    texts = [text for region in REGIONS for _, number in examples(region) for _, text in spellings(number)]
    assert len(REGIONS) >= 245
    assert len(texts) > 8000


@pytest.mark.parametrize(("kind", "region"), [(kind, region) for region in ("IN", "US", "CA") for kind in KINDS])
def test_the_short_ways_agree_with_the_library_beside_its_examples(kind: int, region: str) -> None:
    example = phonenumbers.example_number_for_type(region, kind)
    if example is None:
        assert kind not in TEXTABLE - {PhoneNumberType.MOBILE}
        return
    digits = phonenumbers.national_significant_number(example)
    for last in range(10):
        for place in range(1, len(digits)):
            text = digits[:place] + str(last) + digits[place + 1 :]
            found = parse_phone(text, region)
            assert (found.e164, found.ok) == of_library(text, region), text
