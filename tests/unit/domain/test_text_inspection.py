"""
`text inspect`: encoding, parts, class and the characters to blame.
"""

import pytest

from sendyard.domain.parts import Forcing, inspect_text


def test_gsm_text_is_described() -> None:
    assert inspect_text("Price: 5€").to_dict() == {
        "encoding": "GSM-7",
        "units": 10,
        "bytes": 9,
        "parts": 1,
        "part_sizes": [10],
        "class": "",
        "forcing": [],
        "replaceable": False,
        "problem": "",
    }


def test_forcing_characters_are_named_with_first_position_and_suggestion() -> None:
    found = inspect_text("It’s “now”, it’s\u200b \t", "us")
    assert found.encoding == "UCS-2"
    assert found.bytes == found.units * 2
    assert found.replaceable
    assert found.forcing == (
        Forcing("’", "RIGHT SINGLE QUOTATION MARK", 2, "'"),
        Forcing("“", "LEFT DOUBLE QUOTATION MARK", 5, '"'),
        Forcing("”", "RIGHT DOUBLE QUOTATION MARK", 9, '"'),
        Forcing("\u200b", "ZERO WIDTH SPACE", 16, ""),
        Forcing("\t", "U+0009", 18, " "),
    )
    assert found.to_dict()["forcing"][0] == {
        "char": "’",
        "name": "RIGHT SINGLE QUOTATION MARK",
        "position": 2,
        "suggestion": "'",
    }


def test_chinese_text_is_not_replaceable() -> None:
    found = inspect_text("【測試】您好", "TW")
    assert [one.char for one in found.forcing] == list("【測試】您好")
    assert found.forcing[1].suggestion == ""
    assert not found.replaceable


def test_part_sizes_show_where_a_part_closes_early() -> None:
    assert inspect_text("a" * 152 + "€" + "a" * 152).part_sizes == (152, 153, 1)
    assert inspect_text("文" * 66 + "😀" + "文" * 66).part_sizes == (66, 67, 1)


@pytest.mark.parametrize("channel", ["sms", "mms", "whatsapp"])
def test_empty_text_has_no_parts(channel: str) -> None:
    found = inspect_text("", channel=channel)
    assert (found.parts, found.part_sizes, found.bytes) == (0, (), 0)


@pytest.mark.parametrize(
    ("text", "channel", "size", "klass"),
    [
        ("안녕하세요", "sms", 10, "SMS"),
        ("가" * 46, "sms", 92, "LMS"),
        ("안녕하세요", "mms", 10, "MMS"),
    ],
)
def test_korean_text_has_bytes_and_class(text: str, channel: str, size: int, klass: str) -> None:
    found = inspect_text(text, "kr", channel)
    assert (found.encoding, found.units, found.bytes, found.parts, found.part_sizes) == (
        "CP949",
        size,
        size,
        1,
        (size,),
    )
    assert (found.text_class, found.forcing, found.problem) == (klass, (), "")
    assert found.to_dict()["class"] == klass


def test_korean_text_over_the_limit_has_no_class_and_says_by_how_much() -> None:
    found = inspect_text("가" * 1052, "KR")
    assert found.text_class == ""
    assert "2,104 bytes" in found.problem
    assert "Shorten it by 104 bytes" in found.problem


def test_characters_korea_cannot_carry_are_named_in_forcing_and_problem() -> None:
    found = inspect_text("할인 — 😀", "KR")
    assert found.forcing == (Forcing("—", "EM DASH", 3, "-"), Forcing("😀", "GRINNING FACE", 5, ""))
    assert not found.replaceable
    assert "EM DASH" in found.problem
    assert "GRINNING FACE" in found.problem


def test_korean_text_whose_characters_all_have_a_replacement_is_replaceable() -> None:
    assert inspect_text("₩1,000 • 할인", "KR").replaceable


def test_wide_punctuation_that_turns_an_sms_into_an_lms_is_named() -> None:
    found = inspect_text("가" * 44 + "！！", "KR")
    assert found.text_class == "LMS"
    assert found.forcing == (Forcing("！", "FULLWIDTH EXCLAMATION MARK", 44, "!"),)
    assert found.replaceable


def test_wide_punctuation_of_an_mms_is_not_blamed() -> None:
    assert inspect_text("가" * 44 + "！！", "KR", "mms").forcing == ()


def test_a_title_makes_a_short_korean_text_an_lms_that_no_character_is_blamed_for() -> None:
    found = inspect_text("가" * 44 + "！！", "KR", title="배송")
    assert (found.text_class, found.forcing, found.replaceable) == ("LMS", (), False)
    assert inspect_text("안녕", "KR", title="배송").text_class == "LMS"
    assert inspect_text("안녕", "KR", "mms", title="배송").text_class == "MMS"


@pytest.mark.parametrize(("country", "channel"), [("KR", "alimtalk"), ("US", "mms"), ("", "whatsapp"), ("TW", "line")])
def test_other_channels_carry_utf8_in_one_piece(country: str, channel: str) -> None:
    found = inspect_text("한글😀", country, channel)
    assert (found.encoding, found.units, found.bytes, found.parts, found.part_sizes) == ("UTF-8", 10, 10, 1, (10,))
    assert (found.text_class, found.forcing) == ("", ())
