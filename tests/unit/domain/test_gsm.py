"""
Parts of a long SMS: alphabet, exact packing, UCS-2.
"""

import pytest

from sendyard.domain.gsm import GSM_BASIC, GSM_EXTENSION
from sendyard.domain.parts import PartCount, count_gsm, split_gsm

# 3GPP TS 23.038 §6.2.1, code 0x00 upwards without 0x1B (the escape).
TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)


def test_alphabet_is_the_table_of_the_standard() -> None:
    assert len(TABLE) == 127
    assert frozenset(TABLE) == GSM_BASIC
    assert frozenset("\f^{}\\[~]|€") == GSM_EXTENSION


@pytest.mark.parametrize("char", sorted(GSM_BASIC))
def test_basic_character_is_one_septet(char: str) -> None:
    assert count_gsm(char) == PartCount("GSM-7", 1, 1)


@pytest.mark.parametrize("char", sorted(GSM_EXTENSION))
def test_extension_character_is_two_septets(char: str) -> None:
    assert count_gsm(char) == PartCount("GSM-7", 2, 1)


@pytest.mark.parametrize("char", [*"`\tçáíóúêëâãõ‘’“”–—…•\u00a0Ακ文한", "e\u0301", "\x1b", "\x00", "\x7f"])
def test_character_outside_the_alphabet_forces_ucs2(char: str) -> None:
    assert count_gsm("Hi " + char).encoding == "UCS-2"


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", "GSM-7", 0, 0),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("é" * 160, "GSM-7", 160, 1),
        ("é" * 306, "GSM-7", 306, 2),
        ("é" * 307, "GSM-7", 307, 3),
        ("a" * 158 + "€", "GSM-7", 160, 1),
        ("a" * 159 + "€", "GSM-7", 161, 2),
        ("[" * 80, "GSM-7", 160, 1),
        ("[" * 81, "GSM-7", 162, 2),
        # 76 pairs and one septet left empty in each part, so three parts although 306 septets would fill two.
        ("{" * 153, "GSM-7", 306, 3),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),
        ("a" * 151 + "€" + "a" * 153, "GSM-7", 306, 2),
        ("line\r\nline", "GSM-7", 10, 1),
        ("文" * 70, "UCS-2", 70, 1),
        ("文" * 71, "UCS-2", 71, 2),
        ("文" * 134, "UCS-2", 134, 2),
        ("文" * 135, "UCS-2", 135, 3),
        ("a" * 69 + "`", "UCS-2", 70, 1),
        ("a" * 133 + "`", "UCS-2", 134, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("文" * 66 + "😀" + "文" * 66, "UCS-2", 134, 3),
        ("文" * 65 + "😀" + "文" * 67, "UCS-2", 134, 2),
        ("👨‍👩‍👧", "UCS-2", 8, 1),
        ("€" + "文" * 69, "UCS-2", 70, 1),
    ],
)
def test_text_is_counted_exactly(text: str, encoding: str, units: int, parts: int) -> None:
    found = count_gsm(text)
    assert (found.encoding, found.units, found.parts) == (encoding, units, parts)


def test_escape_pair_is_moved_whole_into_the_next_part() -> None:
    assert split_gsm("a" * 152 + "€" + "b" * 152) == ["a" * 152, "€" + "b" * 151, "b"]


def test_surrogate_pair_is_moved_whole_into_the_next_part() -> None:
    assert split_gsm("文" * 66 + "😀" + "字" * 66) == ["文" * 66, "😀" + "字" * 65, "字"]


def test_text_of_one_part_is_not_split() -> None:
    assert split_gsm("Hello") == ["Hello"]
    assert split_gsm("") == []


def test_lone_surrogate_is_counted_not_refused() -> None:
    # A command line hands over bytes that are no UTF-8 as such characters.
    assert count_gsm("a\udcff") == PartCount("UCS-2", 2, 1)
