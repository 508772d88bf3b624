"""
Properties of phone numbers: nothing raises, and what was read once is read the same again.
"""

import phonenumbers
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from sendyard.domain.phone import country_of, national_digits, parse_phone

countries = st.sampled_from([None, "", "TW", "KR", "US", "IN", "GB", "AR", "IT", "tw", "XX", "001"])
phone_like = st.text(st.sampled_from("0123456789+-() ./,;x#Ee=@'０９٣\u200b\u3000轉"), max_size=24)
digits = st.text(st.sampled_from("0123456789"), min_size=1, max_size=17)
prefixed = st.builds(
    "".join, st.tuples(st.sampled_from(["+886", "+82", "+1", "0", "00", "82", "886", "011", "002"]), digits)
)


@given(st.one_of(st.text(max_size=40), phone_like, digits, prefixed), countries)
@example("+", "TW")
@example("٠", None)
@example("\ud800", "TW")
def test_any_text_is_read_or_refused_with_a_reason(text: str, country: str | None) -> None:
    found = parse_phone(text, country)
    assert found.ok == (found.reason == "")
    assert (found.detail == "") == found.ok
    assert found.input == text
    if found.ok:
        assert found.e164


@given(st.one_of(phone_like, prefixed), countries)
def test_own_e164_is_read_as_itself(text: str, country: str | None) -> None:
    found = parse_phone(text, country)
    if found.e164:
        again = parse_phone(found.e164)
        assert (again.e164, again.fixed, again.type, again.country) == (found.e164, "", found.type, found.country)
        assert country_of(found.e164) == found.country
        assert national_digits(found.e164, found.country) == found.national


@given(prefixed, countries)
def test_accepted_numbers_are_valid_for_the_library(text: str, country: str | None) -> None:
    found = parse_phone(text, country)
    if found.e164:
        number = phonenumbers.parse(found.e164)
        assert phonenumbers.is_valid_number(number)
        assert phonenumbers.region_code_for_number(number) == found.country


@given(st.sampled_from([("TW", "+886", "9", 8), ("KR", "+82", "10", 8)]), st.data())
def test_common_mobiles_agree_with_the_library(plan: tuple[str, str, str, int], data: st.DataObject) -> None:
    country, code, start, length = plan
    rest = start + data.draw(st.text(st.sampled_from("0123456789"), min_size=length, max_size=length))
    number = phonenumbers.parse(code + rest)
    valid, kind = phonenumbers.is_valid_number(number), phonenumbers.number_type(number)
    for text in (code + rest, "0" + rest, f"0{rest[:3]}-{rest[3:6]} {rest[6:]}"):
        found = parse_phone(text, country)
        assert found.ok == (kind == PhoneNumberType.MOBILE)
        assert found.e164 == (code + rest if valid else "")


@given(st.integers(200, 999), st.integers(2_000_000, 9_999_999))
def test_the_short_way_in_north_america_agrees_with_the_library(area: int, rest: int) -> None:
    text = f"+1{area}{rest}"
    parsed = parse_phone(text)
    number = phonenumbers.parse(text)
    assert parsed.ok == (phonenumbers.number_type(number) in {0, 1, 2})
    if parsed.ok:
        assert parsed.country == phonenumbers.region_code_for_number(number)
    assert parsed.e164 in {text, ""}
