"""
Suggested replacements: what is offered, and that it really helps.
"""

import pytest

from sendyard.domain.gsm import is_gsm
from sendyard.domain.korean import is_cp949
from sendyard.domain.replacements import (
    _TABLE,
    _TABLE_OF_KOREA,
    forcing_characters,
    replace_forcing,
    suggest_replacement,
)


@pytest.mark.parametrize(
    ("char", "plain"),
    [
        ("‘", "'"),
        ("’", "'"),
        ("“", '"'),
        ("”", '"'),
        ("–", "-"),
        ("—", "-"),
        ("…", "..."),
        ("•", "*"),
        ("\u00a0", " "),
        ("\u3000", " "),
        ("\t", " "),
        ("\u200b", ""),
        ("\ufeff", ""),
        ("\u0301", ""),
        ("Ａ", "A"),
        ("９", "9"),
        ("！", "!"),
        ("｀", "'"),
        ("`", "'"),
        ("₩", "KRW "),
        ("Α", "A"),
        ("á", "a"),
        ("ç", "c"),
        ("ệ", "e"),
        ("ł", "l"),
        ("œ", "oe"),
        ("文", None),
        ("한", None),
        ("😀", None),
        ("й", None),
        ("का"[1], None),
    ],
)
def test_plain_spelling_is_suggested(char: str, plain: str | None) -> None:
    assert suggest_replacement(char) == plain


@pytest.mark.parametrize(
    ("char", "plain"), [("₩", "￦"), ("•", "·"), ("—", "-"), ("\u00a0", " "), ("’", "'"), ("é", "e"), ("😀", None)]
)
def test_korea_has_its_own_suggestions(char: str, plain: str | None) -> None:
    assert suggest_replacement(char, "KR") == plain


def test_every_suggestion_is_carried_by_gsm() -> None:
    assert [char for char, plain in _TABLE.items() if not is_gsm(plain)] == []


def test_no_suggestion_replaces_what_gsm_carries_already() -> None:
    assert [char for char in _TABLE if is_gsm(char)] == []


def test_every_korean_suggestion_is_carried_by_cp949() -> None:
    assert [char for char, plain in _TABLE_OF_KOREA.items() if not is_cp949(plain)] == []


def test_text_becomes_gsm_when_everything_has_a_replacement() -> None:
    assert replace_forcing("It’s “now”… – go") == 'It\'s "now"... - go'


def test_text_that_stays_unicode_keeps_its_punctuation() -> None:
    assert replace_forcing("您好，“王先生”…") == "您好，“王先生”…"


def test_text_in_the_alphabet_is_left_alone() -> None:
    assert replace_forcing("Preço? Não: é 5€ [ok]".replace("ç", "c").replace("ã", "a")) == "Preco? Nao: é 5€ [ok]"


def test_korean_text_is_replaced_as_far_as_possible() -> None:
    assert replace_forcing("₩1,000 — 할인 😀", "KR") == "￦1,000 - 할인 😀"


def test_wide_characters_that_cost_the_class_are_named_and_narrowed() -> None:
    text = "가" * 43 + "（！）"
    assert forcing_characters(text, "KR") == ("（", "！", "）")
    assert replace_forcing(text, "KR") == "가" * 43 + "(!)"


def test_wide_characters_are_left_alone_when_narrowing_does_not_save_the_class() -> None:
    text = "가" * 45 + "！"
    assert forcing_characters(text, "KR") == ()
    assert replace_forcing(text, "KR") == text


def test_wide_characters_are_left_alone_in_a_short_text() -> None:
    assert forcing_characters("안녕！", "KR") == ()


def test_forcing_characters_are_distinct_and_in_order() -> None:
    assert forcing_characters("“a” “b” 文") == ("“", "”", "文")
    assert forcing_characters("plain") == ()
