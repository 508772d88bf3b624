"""
Typed values as readers of a language write them, and the language that comes closest.
"""

import pytest

from sendyard.domain.errors import Invalid
from sendyard.domain.gsm import is_gsm
from sendyard.features.templates.document import Variable
from sendyard.features.templates.formatting import Style, UnwritableValue, VariableType, writer
from sendyard.features.templates.languages import closest, read_language

NUMBER, MONEY, DATE = VariableType.NUMBER, VariableType.MONEY, VariableType.DATE
TIME, LINK, LIST = VariableType.TIME, VariableType.LINK, VariableType.LIST


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        (NUMBER, "1234567.5", {"en": "1,234,567.5", "hi": "12,34,567.5", "fr": "1 234 567,5"}),
        (MONEY, "1200 TWD", {"en": "NT$1,200", "zh-Hant": "NT$1,200", "ko": "NT$1,200"}),
        (MONEY, "39000 KRW", {"en": "KRW 39,000", "ko": "39,000원", "hi": "KRW 39,000"}),
        (MONEY, "1200.5 KRW", {"ko": "1,200.50원"}),
        (MONEY, "123456.50 INR", {"en": "Rs.123,456.50", "hi": "₹1,23,456.50", "en-IN": "Rs.1,23,456.50"}),
        (MONEY, "-5 USD", {"en": "-$5", "ko": "-US$5"}),
        (MONEY, "-5 KRW", {"ko": "-5원"}),
        (DATE, "2026-05-03", {"en": "May 3, 2026", "ko": "2026. 5. 3.", "zh-Hant": "2026年5月3日", "hi": "3 मई 2026"}),
        (DATE, "2026-05-03T15:05:00+09:00", {"en": "May 3, 2026"}),
        (TIME, "15:05", {"en": "3:05 PM", "ko": "오후 3:05", "zh-Hant": "下午3:05", "fr": "15:05"}),
        (TIME, "9:30", {"en": "9:30 AM"}),
        (TIME, "2026-05-03T15:05:00", {"en": "3:05 PM"}),
        (LINK, " https://example.com/a?b=c ", {"en": "https://example.com/a?b=c"}),
        (LIST, '["tea", "rice", 3]', {"en": "tea, rice, and 3", "ko": "tea, rice 및 3", "zh-Hant": "tea、rice和3"}),
        (LIST, "tea; rice", {"en": "tea and rice", "hi": "tea और rice"}),
    ],
)
def test_a_value_is_written_as_the_language_does(kind: VariableType, value: str, written: dict[str, str]) -> None:
    assert {language: writer(kind, language)(value) for language in written} == written


def test_no_written_value_makes_an_english_message_dearer() -> None:
    values = {NUMBER: "1234.5", DATE: "2026-05-03", TIME: "15:05", LIST: "a; b; c"}
    written = [writer(kind, "en")(value) for kind, value in values.items()]
    written += [writer(MONEY, "en")(f"1200.50 {code}") for code in ("TWD", "KRW", "INR", "USD", "JPY", "PHP", "VND")]
    assert [text for text in written if not is_gsm(text)] == []


@pytest.mark.parametrize(("style", "written"), [(Style.SHORT, "5/3/26"), (Style.FULL, "Sunday, May 3, 2026")])
def test_a_day_has_four_lengths(style: Style, written: str) -> None:
    assert writer(DATE, "en", style=style)("2026-05-03") == written


def test_an_amount_without_a_currency_takes_that_of_its_variable() -> None:
    assert Variable(MONEY, currency="TWD").write("fee", "80", "zh-Hant") == "NT$80"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (NUMBER, "twelve", "a number such as 1234.5"),
        (MONEY, "1200 XQZ", "an amount such as 1200 TWD"),
        (MONEY, "1200", "an amount such as 1200 TWD"),
        (DATE, "May 3", "a day such as 2026-05-03"),
        (DATE, "2026-02-30", "a day such as 2026-05-03"),
        (TIME, "25:00", "a time such as 15:05"),
        (TIME, "noon", "a time such as 15:05"),
        (LINK, "example.com", "an address such as https://example.com/a"),
        (LINK, "https://exa mple.com", "an address such as https://example.com/a"),
        (LIST, " ; ", 'a list such as ["tea", "rice"] or tea; rice'),
        (LIST, "[1", 'a list such as ["tea", "rice"] or tea; rice'),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(kind: VariableType, value: str, expected: str) -> None:
    with pytest.raises(UnwritableValue) as refused:
        Variable(kind).write("it", value, "en")
    assert refused.value.detail == f"Expected {expected} for {{it}}, found {value!r}. Correct the value."
    assert refused.value.errors[0].pointer == "/variables/it"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("ko", "ko"),
        ("ko-KR", "ko"),
        ("zh-TW", "zh-Hant"),
        ("zh_hant_hk", "zh-Hant"),
        ("zh-CN", "en"),
        ("pt-PT", "en"),
        ("pt-BR", "pt-BR"),
        ("en-IN", "en"),
        ("", "en"),
        ("nonsense!", "en"),
    ],
)
def test_the_closest_language_is_chosen(wanted: str, found: str) -> None:
    assert closest(wanted, ("en", "ko", "zh-Hant", "pt-BR"), "en") == found


def test_a_text_for_taiwan_serves_readers_of_traditional_chinese() -> None:
    assert closest("zh-Hant", ("en", "zh-TW"), "en") == "zh-TW"


def test_a_tag_gets_its_usual_spelling_or_is_refused() -> None:
    assert read_language("ZH_hant_tw", "/x") == "zh-Hant-TW"
    with pytest.raises(Invalid, match="found 'klingon!'") as refused:
        read_language("klingon!", "/x")
    assert refused.value.errors[0].pointer == "/x"
