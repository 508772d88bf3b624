"""
Properties of text maths: parts rejoin, keep their limits, and never split a character.
"""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from sendyard.domain.gsm import GSM_BASIC, GSM_EXTENSION, is_gsm
from sendyard.domain.parts import count_gsm, count_korean, inspect_text, split_gsm
from sendyard.domain.replacements import forcing_characters, replace_forcing

gsm_texts = st.text(st.sampled_from(sorted(GSM_BASIC | GSM_EXTENSION)), max_size=500)
# Long runs between awkward characters reach the boundaries that random text of this length misses.
runs = st.lists(st.tuples(st.sampled_from("aé€文😀\n"), st.integers(1, 160)), max_size=6).map(
    lambda pieces: "".join(char * length for char, length in pieces)
)
texts = st.one_of(st.text(max_size=300), gsm_texts, runs)


def septets(text: str) -> int:
    return sum(2 if char in GSM_EXTENSION else 1 for char in text)


def utf16(text: str) -> int:
    return sum(2 if ord(char) > 0xFFFF else 1 for char in text)


@given(texts)
@example("a" * 152 + "€" + "a" * 152)
@example("文" * 66 + "😀" + "文" * 66)
def test_parts_rejoin_to_the_text_and_are_as_many_as_counted(text: str) -> None:
    pieces = split_gsm(text)
    assert "".join(pieces) == text
    assert len(pieces) == count_gsm(text).parts
    assert all(pieces)


@given(texts)
def test_units_agree_with_a_count_by_character(text: str) -> None:
    found = count_gsm(text)
    gsm = all(char in GSM_BASIC or char in GSM_EXTENSION for char in text)
    assert found.encoding == ("GSM-7" if gsm else "UCS-2")
    assert found.units == (septets(text) if gsm else utf16(text))
    assert is_gsm(text) == gsm


@given(texts)
def test_every_part_is_full_but_for_a_character_that_did_not_fit(text: str) -> None:
    pieces = split_gsm(text)
    gsm = count_gsm(text).encoding == "GSM-7"
    single, joined, measure = (160, 153, septets) if gsm else (70, 67, utf16)
    limit = single if len(pieces) == 1 else joined
    assert all(measure(piece) <= limit for piece in pieces)
    for piece, after in pairwise(pieces):
        assert measure(piece) + measure(after[0]) > limit
    if len(pieces) > 1:
        assert measure(text) > single


@given(texts, st.sampled_from(["", "TW", "KR", "US"]), st.sampled_from(["sms", "mms", "whatsapp"]))
def test_inspection_is_consistent_for_any_text(text: str, country: str, channel: str) -> None:
    found = inspect_text(text, country, channel)
    assert sum(found.part_sizes) == found.units
    assert len(found.part_sizes) == found.parts
    for one in found.forcing:
        assert text[one.position] == one.char
        assert one.char not in text[: one.position]
        assert one.name


@given(texts, st.sampled_from(["", "KR"]))
def test_replacing_leaves_nothing_that_a_second_pass_would_change(text: str, country: str) -> None:
    plain = replace_forcing(text, country)
    assert replace_forcing(plain, country) == plain
    if inspect_text(text, country).replaceable:
        assert forcing_characters(plain, country) == ()


@given(texts)
def test_korean_bytes_are_those_of_the_encoding(text: str) -> None:
    found = count_korean(text)
    if not found.unencodable:
        assert found.bytes == len(text.encode("cp949"))
    assert (found.klass is None) == (found.bytes > 2000)
