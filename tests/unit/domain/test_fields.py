"""
Typed fields: numbers, money, days and choices as people write them.
"""

from datetime import date
from decimal import Decimal

import pytest

from sendyard.domain.fields import (
    LONGEST_VALUE,
    FieldDefinition,
    FieldType,
    Value,
    load_value,
    parse_field,
    plain_amount,
    show_value,
    store_value,
)
from sendyard.domain.formulas import is_formula, neutral, restore
from sendyard.domain.money import Money

NUMBER = FieldDefinition("n", FieldType.NUMBER)
DAY = FieldDefinition("d", FieldType.DATE)
CHOICE = FieldDefinition("c", FieldType.CHOICE, choices=("Gold", "은", "VIP 1"))


def money(currency: str = "") -> FieldDefinition:
    return FieldDefinition("m", FieldType.MONEY, currency)


@pytest.mark.parametrize(
    ("text", "value", "fixed"),
    [
        ("1200", "1200", ""),
        (" -12.50 ", "-12.50", ""),
        (".5", "0.5", ""),
        ("1,234", "1234", ""),
        ("1,234,567.89", "1234567.89", ""),
        ("1,23,456.7", "123456.7", ""),
        ("1 234 567", "1234567", ""),
        ("1\u202f234.5", "1234.5", ""),
        ("1'234.50", "1234.50", ""),
        ("1.234,56", "1234.56", "read the comma as the decimal sign"),
        ("1.234.567", "1234567", "read the dots as thousands"),
        ("(1,200)", "-1200", "read the parentheses as a minus"),
        ("1.5E+3", "1.5E+3", "wrote out the exponent"),
        ("１，２００", "1200", "wrote the digits plainly"),
        ("१२००", "1200", "wrote the digits plainly"),
        ("−5", "-5", ""),
        ("'0042", "42", "removed the apostrophe of a spreadsheet"),
    ],
)
def test_numbers_are_read_however_they_are_grouped(text: str, value: str, fixed: str) -> None:
    found = parse_field(text, NUMBER)
    assert (found.value, found.fixed, found.reason, found.detail) == (Decimal(value), fixed, "", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "blank"),
        ("  ", "blank"),
        ("=1+1", "formula"),
        ("@SUM(A1)", "formula"),
        ("+A1", "formula"),
        ("-1+2", "formula"),
        ("twelve", "bad_number"),
        ("1,2,3", "bad_number"),
        ("12%", "bad_number"),
        ("1,5", "unclear_comma"),
        ("12,50", "unclear_comma"),
        ("1" * 31, "too_long"),
        ("#N/A", "spreadsheet_error"),
        ("1" * (LONGEST_VALUE + 1), "too_long"),
    ],
)
def test_what_is_no_number_says_why(text: str, reason: str) -> None:
    found = parse_field(text, NUMBER)
    assert (found.value, found.reason) == (None, reason)
    assert found.detail.startswith("Expected")


@pytest.mark.parametrize(
    ("text", "currency", "amount", "found"),
    [
        ("NT$1,200", "", "1200", "TWD"),
        ("ＮＴ＄１，２００", "TWD", "1200", "TWD"),
        ("1,200元", "TWD", "1200", "TWD"),
        ("15,000원", "", "15000", "KRW"),
        ("₩15,000", "KRW", "15000", "KRW"),
        ("₹1,23,456.50", "", "123456.50", "INR"),
        ("Rs. 500", "INR", "500", "INR"),
        ("US$ 20", "", "20", "USD"),
        ("$20", "USD", "20", "USD"),
        ("-$20.5", "USD", "-20.5", "USD"),
        ("20 usd", "", "20", "USD"),
        ("1200", "TWD", "1200", "TWD"),
        ("¥500", "JPY", "500", "JPY"),
    ],
)
def test_money_is_read_with_its_sign_or_the_fields_currency(text: str, currency: str, amount: str, found: str) -> None:
    assert parse_field(text, money(currency)).value == Money(Decimal(amount), found)


@pytest.mark.parametrize(
    ("text", "currency", "reason"),
    [
        ("1200", "", "no_currency"),
        ("NT$", "", "blank"),
        ("$20", "", "unclear_currency"),
        ("$20", "KRW", "other_currency"),
        ("20 USD", "TWD", "other_currency"),
        ("NT$ many", "", "bad_number"),
        ("NT$1,5", "", "unclear_comma"),
        ("=1+1", "TWD", "formula"),
        ("1.1234567", "TWD", "bad_number"),
    ],
)
def test_money_that_is_not_clear_is_refused(text: str, currency: str, reason: str) -> None:
    found = parse_field(text, money(currency))
    assert (found.value, found.reason) == (None, reason)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("2026-01-05", ""),
        ("2026/1/5", ""),
        ("2026. 1. 5.", ""),
        ("20260105", ""),
        ("2026年1月5日", ""),
        ("2026년 1월 5일", ""),
        ("民國115年1月5日", ""),
        ("民國115/1/5", ""),
        ("5 Jan 2026", ""),
        ("Jan. 5, 2026", ""),
        ("5th January 2026", ""),
        ("1/5/2026", "US"),
        ("05/01/2026", "IN"),
        ("5.1.2026", "DE"),
        ("2026-01-05 00:00:00", ""),
        ("2026-01-05T00:00:00Z", ""),
        ("２０２６／０１／０５", ""),
        ("'2026-01-05", ""),
    ],
)
def test_days_are_read_however_they_are_written(text: str, country: str) -> None:
    found = parse_field(text, DAY, country)
    assert (found.value, found.fixed, found.reason) == (date(2026, 1, 5), "", "")


def test_a_time_beside_a_day_is_left_out_and_said() -> None:
    found = parse_field("2026-01-05 10:30", DAY)
    assert (found.value, found.fixed) == (date(2026, 1, 5), "left out the time 10:30")


@pytest.mark.parametrize(("text", "day"), [("13/2/2026", 13), ("2/13/2026", 13), ("2/2/2026", 2)])
def test_a_day_that_can_be_read_one_way_only_needs_no_country(text: str, day: int) -> None:
    assert parse_field(text, DAY).value == date(2026, 2, day)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1/5/2026", "unclear_date"),
        ("2026-02-30", "bad_date"),
        ("2026-13-01", "bad_date"),
        ("1/5/26", "bad_date"),
        ("3026-01-05", "bad_date"),
        ("5 Foo 2026", "bad_date"),
        ("45678", "bad_date"),
        ("soon", "bad_date"),
        ("=TODAY()", "formula"),
        ("'", "blank"),
    ],
)
def test_what_is_no_day_says_why(text: str, reason: str) -> None:
    assert parse_field(text, DAY).reason == reason


@pytest.mark.parametrize(("text", "choice"), [("gold", "Gold"), ("ＧＯＬＤ", "Gold"), ("은", "은"), ("vip 1", "VIP 1")])
def test_a_choice_is_known_in_any_case_and_width(text: str, choice: str) -> None:
    assert parse_field(text, CHOICE).value == choice


def test_a_value_that_is_no_choice_is_refused() -> None:
    assert parse_field("silver", CHOICE).reason == "not_a_choice"


def test_a_text_is_kept_as_it_is() -> None:
    assert parse_field(" =SUM(A1) ", FieldDefinition("t")).value == "=SUM(A1)"


@pytest.mark.parametrize(
    ("value", "definition", "stored"),
    [
        (Decimal("1.5E+3"), NUMBER, "1500"),
        (Decimal("-0.10"), NUMBER, "-0.10"),
        (Money(Decimal("1200.50"), "TWD"), money(), "1200.50 TWD"),
        (date(2026, 1, 5), DAY, "2026-01-05"),
        ("Gold", CHOICE, "Gold"),
    ],
)
def test_a_value_is_stored_as_text_and_comes_back(value: Value, definition: FieldDefinition, stored: str) -> None:
    assert store_value(value) == stored
    assert load_value(stored, definition) == value


def test_a_stored_text_of_another_type_is_no_value() -> None:
    with pytest.raises(ValueError, match="expected a number, found 'Gold'"):
        load_value("Gold", NUMBER)


@pytest.mark.parametrize(
    ("value", "country", "shown"),
    [
        (Decimal("1234567.5"), "TW", "1,234,567.5"),
        (Decimal("1234567.5"), "IN", "12,34,567.5"),
        (Decimal(-123), "IN", "-123"),
        (Money(Decimal(1200), "TWD"), "TW", "NT$1,200"),
        (Money(Decimal(-1200), "KRW"), "KR", "-₩1,200"),
        (Money(Decimal(123456), "INR"), "IN", "₹1,23,456"),
        (Money(Decimal("9.50"), "EUR"), "", "9.50 EUR"),
        (date(2026, 1, 5), "KR", "2026. 1. 5."),
        (date(2026, 1, 5), "TW", "2026/1/5"),
        (date(2026, 1, 5), "US", "1/5/2026"),
        (date(2026, 1, 5), "IN", "05/01/2026"),
        (date(2026, 1, 5), "", "2026-01-05"),
        ("Gold", "US", "Gold"),
    ],
)
def test_a_value_is_shown_as_the_country_writes_it(value: Value, country: str, shown: str) -> None:
    assert show_value(value, country) == shown


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-2+3", "@SUM", "\tx", "\rx", "＝1+1", "--1", "+1-2", "-A1"])
def test_a_formula_is_disarmed_and_comes_back(cell: str) -> None:
    assert is_formula(cell)
    assert neutral(cell) == "'" + cell
    assert restore(neutral(cell)) == cell


@pytest.mark.parametrize("cell", ["", "Lin", "+886912345678", "-5", "-12.5%", "a=b", "'quoted'", "1-2"])
def test_what_is_no_formula_stays_as_it_is(cell: str) -> None:
    assert neutral(cell) == cell
    assert restore(cell) == cell


@pytest.mark.parametrize("text", ["0", "7", "007", "1200", "12.5", "0.50", "999999999999", "000.10"])
@pytest.mark.parametrize(
    "definition", [FieldDefinition("n", FieldType.NUMBER), FieldDefinition("m", FieldType.MONEY, "TWD")]
)
def test_plain_amounts_are_kept_as_if_they_had_been_read(text: str, definition: FieldDefinition) -> None:
    read = parse_field(text, definition)
    assert read.value is not None
    assert plain_amount(text, definition) == store_value(read.value)
    assert not read.fixed


@pytest.mark.parametrize("text", ["", "-1", "1,200", "1e5", "12.345", "１２", "NT$5", "1234567890123", "1."])
def test_other_amounts_are_left_to_the_reader(text: str) -> None:
    assert plain_amount(text, FieldDefinition("n", FieldType.NUMBER)) == ""


def test_an_amount_without_a_currency_and_other_types_are_left_to_the_reader() -> None:
    assert plain_amount("5", FieldDefinition("m", FieldType.MONEY)) == ""
    assert plain_amount("2026", FieldDefinition("t")) == ""
