"""
Phone numbers as people type, paste and export them.
"""

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from sendyard.domain.phone import LONGEST_INPUT, can_text, country_of, national_digits, parse_phone

TAIWAN, KOREA, AMERICA = "+886912345678", "+821012345678", "+14155550123"


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        # Taiwan
        ("0912345678", "TW", TAIWAN),
        ("0912-345-678", "TW", TAIWAN),
        ("0912 345 678", "tw", TAIWAN),
        ("(0912) 345.678", "TW", TAIWAN),
        ("+886 912 345 678", None, TAIWAN),
        ("+886912345678", "KR", TAIWAN),
        ("(+886) 912-345-678", None, TAIWAN),
        ("0912-345-678 ", " TW ", TAIWAN),
        # Korea
        ("010-1234-5678", "KR", KOREA),
        ("01012345678", "KR", KOREA),
        ("+82-10-1234-5678", None, KOREA),
        ("(+82)10-1234-5678", "US", KOREA),
        ("011-234-5678", "KR", "+82112345678"),
        ("016-1234-5678", "KR", "+821612345678"),
        # North America
        ("(415) 555-0123", "US", AMERICA),
        ("415.555.0123", "US", AMERICA),
        ("1-415-555-0123", "US", AMERICA),
        ("+1 415 555 0123", None, AMERICA),
        ("787-555-0123", "US", "+17875550123"),
        ("0171/1234567", "DE", "+491711234567"),
    ],
)
def test_ordinary_spelling_is_read_without_remark(text: str, country: str | None, e164: str) -> None:
    found = parse_phone(text, country)
    assert (found.ok, found.e164, found.fixed, found.reason, found.detail) == (True, e164, "", "", "")
    assert found.input == text
    assert can_text(found)


@pytest.mark.parametrize(
    ("text", "country", "e164", "remark"),
    [
        ("０９１２３４５６７８", "TW", TAIWAN, "wrote the digits plainly"),
        ("＋８８６　９１２－３４５－６７８", None, TAIWAN, "wrote the digits plainly"),
        ("٠٩١٢٣٤٥٦٧٨", "TW", TAIWAN, "wrote the digits plainly"),
        ("\u202a0912345678\u202c", "TW", TAIWAN, "removed invisible characters"),
        ("\ufeff010\u200b12345678", "KR", KOREA, "removed invisible characters"),
        ("'0912345678", "TW", TAIWAN, "removed the apostrophe of a spreadsheet"),
        ("912345678", "TW", TAIWAN, "added the 0 in front"),
        ("1012345678", "KR", KOREA, "added the 0 in front"),
        ("912345678.0", "TW", TAIWAN, "removed the decimals of a spreadsheet"),
        ("-0912345678", "TW", TAIWAN, "removed the hyphen in front"),
        ("+886(0)912-345-678", None, TAIWAN, "dropped the (0) after the country code"),
        ("+82 (0)10-1234-5678", None, KOREA, "dropped the (0) after the country code"),
        ("+8860912345678", None, TAIWAN, "dropped the 0 after the country code"),
        ("+82 010 1234 5678", None, KOREA, "dropped the 0 after the country code"),
        ("886912345678", None, TAIWAN, "added the + before the country code"),
        ("886912345678", "US", TAIWAN, "added the + before the country code"),
        ("886912345678", "TW", TAIWAN, "read 886 as the country code"),
        ("886 0 912 345 678", None, TAIWAN, "dropped the 0 after the country code"),
        ("821012345678", None, KOREA, "added the + before the country code"),
        ("8210-1234-5678", "TW", KOREA, "added the + before the country code"),
        ("82 10 1234 5678", "KR", KOREA, "read 82 as the country code"),
        ("00886912345678", "TW", TAIWAN, "read 00 as the way out of the country"),
        ("00886912345678", None, TAIWAN, "read 00 as the way out of the country"),
        ("002886912345678", None, TAIWAN, "read 002 as the way out of the country"),
        ("002886912345678", "TW", TAIWAN, "read 002886 as the way out and the country code"),
        ("0082-10-1234-5678", "KR", KOREA, "read 00 as the way out of the country"),
        ("001821012345678", None, KOREA, "read 001 as the way out of the country"),
        ("011886912345678", "US", TAIWAN, "read 011886 as the way out and the country code"),
        ("011886912345678", None, TAIWAN, "read 011 as the way out of the country"),
        ("011 886 912 345 678", "KR", TAIWAN, "read 011 as the way out of the country"),
        ("415-555-0123 x12", "US", AMERICA, "left out extension 12"),
        ("415-555-0123 ext. 5", "US", AMERICA, "left out extension 5"),
        ("+1 415 555 0123;ext=77", None, AMERICA, "left out extension 77"),
        ("415 555 0123 Extension: 9", "US", AMERICA, "left out extension 9"),
        ("0912345678#3", "TW", TAIWAN, "left out extension 3"),
        ("011 15-2345-6789", "AR", "+5491123456789", "rewrote the number as it is dialled from abroad"),
    ],
)
def test_what_is_changed_is_said(text: str, country: str | None, e164: str, remark: str) -> None:
    found = parse_phone(text, country)
    assert (found.ok, found.e164, found.reason) == (True, e164, "")
    assert remark in found.fixed


def test_several_changes_are_all_said() -> None:
    found = parse_phone("\u200b'912345678.0", "TW")
    assert found.fixed == (
        "removed invisible characters; removed the apostrophe of a spreadsheet; "
        "removed the decimals of a spreadsheet; added the 0 in front, as spreadsheets drop it"
    )


@pytest.mark.parametrize(
    ("text", "country", "reason"),
    [
        ("", "TW", "blank"),
        ("   ", None, "blank"),
        ("\u200b", None, "blank"),
        ("--", "TW", "blank"),
        ("+", None, "blank"),
        ("()", None, "blank"),
        ("N/A", "TW", "letters"),
        ("Anna", "TW", "letters"),
        ("0912ABC678", "TW", "letters"),
        ("1-800-FLOWERS", "US", "letters"),
        ("電話0912345678", "TW", "letters"),
        ("ext 5", "US", "letters"),
        ("8.2E+11", "KR", "exponent"),
        ("8.21012E+11", None, "exponent"),
        ("8,86912E+11", "TW", "exponent"),
        ("9e8", "TW", "exponent"),
        ("=1+2", "TW", "formula"),
        ("=0912345678", "TW", "formula"),
        ('="0912345678"', "TW", "formula"),
        ("＝0912345678", "TW", "formula"),
        ("=", "TW", "formula"),
        ("@SUM(A1)", "TW", "formula"),
        ("@", "TW", "formula"),
        ("+SUM(A1:A2)", "TW", "formula"),
        ("+1+2", "TW", "formula"),
        ("+1*2", "TW", "formula"),
        ("-2+3", "TW", "formula"),
        ("-cmd|' /C calc'!A0", "TW", "formula"),
        ("0912345678/0987654321", "TW", "several"),
        ("0912345678/79", "TW", "several"),
        ("0912345678, 0987654321", "TW", "several"),
        ("0912345678;0987654321", "TW", "several"),
        ("0912345678、0987654321", "TW", "several"),
        ("0912345678\n0987654321", "TW", "several"),
        ("0912345678 or 0987654321", "TW", "several"),
        ("0912345678 0987654321", "TW", "several"),
        ("+886912345678+886987654321", None, "several"),
        ("912,345,678", "TW", "several"),
        ("0912", "TW", "too_short"),
        ("091234567", "TW", "too_short"),
        ("010-123-4567", "KR", "too_short"),
        ("+82 10 123 4567", None, "too_short"),
        ("555-0123", "US", "too_short"),
        ("12345", None, "too_short"),
        ("5", "US", "too_short"),
        ("0", "TW", "too_short"),
        ("1922", "TW", "too_short"),
        ("+8862", None, "too_short"),
        ("09123456789", "TW", "too_long"),
        ("010-1234-56789", "KR", "too_long"),
        ("415-555-01234", "US", "too_long"),
        ("12345678901234567890", "TW", "too_long"),
        ("1234567890123456", None, "too_long"),
        ("9" * 150, "US", "too_long"),
        ("1" * (LONGEST_INPUT + 1), "TW", "too_long"),
        ("+999123456789", None, "invalid"),
        ("*100#", "TW", "invalid"),
        ("0912_345_678", "TW", "invalid"),
        ("0912+345678", "TW", "invalid"),
        ("411-555-0123", "US", "invalid"),
        ("415-155-0123", "US", "invalid"),
        ("0912345678", "KR", "invalid"),
        ("0512345678", None, "no_country"),
        ("912345678", None, "no_country"),
        ("8862123456", None, "no_country"),
        ("0912345678", "XX", "no_country"),
        ("16009064", None, "no_country"),
    ],
)
def test_what_is_no_number_is_refused_with_a_reason(text: str, country: str | None, reason: str) -> None:
    found = parse_phone(text, country)
    assert (found.ok, found.e164, found.national, found.type) == (False, "", "", "unknown")
    assert found.reason == reason
    assert found.detail.startswith("Expected ")
    assert not can_text(found)


def test_number_without_plus_is_believed_only_before_a_mobile() -> None:
    # 886 2 2345 6789 is a landline in Taipei, but the digits could be anyone's.
    assert parse_phone("886223456789").reason == "no_country"


@pytest.mark.parametrize(
    ("text", "country", "kind", "e164"),
    [
        ("02-2345-6789", "TW", "fixed_line", "+886223456789"),
        ("037-123-456", "TW", "fixed_line", "+88637123456"),
        ("0800-123-456", "TW", "toll_free", "+886800123456"),
        ("0990-123-456", "TW", "personal", "+886990123456"),
        ("02-123-4567", "KR", "fixed_line", "+8221234567"),
        ("031-123-4567", "KR", "fixed_line", "+82311234567"),
        ("070-1234-5678", "KR", "voip", "+827012345678"),
        ("080-123-4567", "KR", "toll_free", "+82801234567"),
        ("050-1234-5678", "KR", "personal", "+825012345678"),
        ("060-200-0000", "KR", "premium_rate", "+82602000000"),
        ("844-555-0123", "US", "toll_free", "+18445550123"),
        ("+8215441234", None, "uan", "+8215441234"),
    ],
)
def test_number_that_gets_no_texts_is_kept_but_refused(text: str, country: str | None, kind: str, e164: str) -> None:
    found = parse_phone(text, country)
    assert (found.ok, found.reason, found.type, found.e164) == (False, "not_mobile", kind, e164)
    assert not can_text(found)


@pytest.mark.parametrize("text", ["16009064", "1600-9064", "1588-1234", "1899-0000"])
def test_korean_company_number_keeps_its_national_form(text: str) -> None:
    found = parse_phone(text, "KR")
    assert (found.ok, found.e164, found.national, found.type) == (False, "", text.replace("-", ""), "uan")
    assert found.reason == "not_mobile"


def test_number_of_no_country_is_named_001() -> None:
    assert parse_phone("+80012345678").country == "001"


def test_inspection_document_has_the_promised_fields() -> None:
    assert parse_phone("912-345-678", "TW").to_dict() == {
        "input": "912-345-678",
        "ok": True,
        "e164": TAIWAN,
        "national": "0912345678",
        "type": "mobile",
        "country": "TW",
        "fixed": "added the 0 in front, as spreadsheets drop it",
        "reason": "",
        "detail": "",
    }


@pytest.mark.parametrize(
    ("e164", "country", "digits"),
    [
        (TAIWAN, "TW", "0912345678"),
        (KOREA, "KR", "01012345678"),
        ("+8215441234", "KR", "15441234"),
        ("+8221234567", "KR", "021234567"),
        (AMERICA, "US", "4155550123"),
        ("+12045550123", "CA", "2045550123"),
        ("+447400123456", "GB", "07400123456"),
        ("+390612345678", "IT", "0612345678"),
    ],
)
def test_national_digits_are_those_dialled_inside(e164: str, country: str, digits: str) -> None:
    assert national_digits(e164, country) == digits
    assert country_of(e164) == country


@pytest.mark.parametrize(("e164", "country"), [(TAIWAN, "KR"), (KOREA, "TW"), (TAIWAN, ""), ("+999", ""), ("12", "US")])
def test_national_digits_refuse_the_number_of_another_country(e164: str, country: str) -> None:
    with pytest.raises(ValueError, match=r"expected an E\.164 number"):
        national_digits(e164, country)


@pytest.mark.parametrize(
    ("e164", "country"), [("+999123", ""), ("", ""), ("nonsense", ""), ("+1", ""), ("+80012345678", "001")]
)
def test_country_of_unusual_numbers(e164: str, country: str) -> None:
    assert country_of(e164) == country


@pytest.mark.parametrize("area", range(201, 990, 4))
def test_area_code_decides_the_north_american_country(area: int) -> None:
    e164 = f"+1{area}5550123"
    number = phonenumbers.parse(e164)
    if phonenumbers.is_valid_number(number):
        assert country_of(e164) == phonenumbers.region_code_for_number(number)
    else:
        assert parse_phone(e164).reason == "invalid"


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_example_numbers_of_every_region_are_read_as_the_library_reads_them(region: str) -> None:
    read = 0
    for kind in PhoneNumberType.values():
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None or not phonenumbers.is_valid_number(number):
            continue
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        inside = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        spellings = [
            (e164, None),
            (e164, "US" if region != "US" else "KR"),
            (phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL), None),
        ]
        if not (region == "KR" and kind == PhoneNumberType.UAN):
            spellings.append((inside, region))
        for text, country in spellings:
            found = parse_phone(text, country)
            assert found.e164 == e164, text
            assert found.country == phonenumbers.region_code_for_number(number), text
            assert found.national == "".join(filter(str.isdigit, inside)), text
            assert found.ok == (
                phonenumbers.number_type(number) in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
            ), text
            read += 1
    assert read
