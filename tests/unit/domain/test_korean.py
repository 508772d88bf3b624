"""
Korean classes: CP949 bytes, 90 for an SMS, 2,000 for an LMS.
"""

import pytest

from sendyard.domain.parts import KoreanClass, KoreanCount, count_korean


@pytest.mark.parametrize(
    ("text", "size", "klass"),
    [
        ("a" * 90, 90, KoreanClass.SMS),
        ("a" * 91, 91, KoreanClass.LMS),
        ("가" * 45, 90, KoreanClass.SMS),
        ("가" * 45 + "!", 91, KoreanClass.LMS),
        ("가" * 1000, 2000, KoreanClass.LMS),
        ("a" * 2000, 2000, KoreanClass.LMS),
        ("가" * 1000 + "a", 2001, None),
        ("가\n나", 5, KoreanClass.SMS),
        ("￦1,000", 7, KoreanClass.SMS),
        ("(광고)", 6, KoreanClass.SMS),
        ("\n무료수신거부 080-123-4567", 26, KoreanClass.SMS),
    ],
)
def test_text_is_counted_in_bytes(text: str, size: int, klass: KoreanClass | None) -> None:
    assert count_korean(text) == KoreanCount(bytes=size, klass=klass, parts=1)


@pytest.mark.parametrize("syllable", ["뷁", "똠", "펲"])
def test_syllable_missing_from_ks_x_1001_is_two_bytes(syllable: str) -> None:
    assert len(syllable.encode("euc_kr")) == 8
    assert count_korean(syllable).bytes == 2


def test_media_makes_any_text_an_mms() -> None:
    assert count_korean("안녕", media=True).klass is KoreanClass.MMS
    assert count_korean("", media=True) == KoreanCount(bytes=0, klass=KoreanClass.MMS, parts=1)


def test_media_does_not_lift_the_limit() -> None:
    assert count_korean("가" * 1001, media=True).klass is None


def test_title_makes_a_short_text_an_lms() -> None:
    assert count_korean("안녕", title="공지").klass is KoreanClass.LMS
    assert count_korean("", title="공지").parts == 1


def test_nothing_has_no_parts() -> None:
    assert count_korean("") == KoreanCount(bytes=0, klass=KoreanClass.SMS, parts=0)


def test_characters_without_bytes_are_listed_once_in_order() -> None:
    found = count_korean("가😀—😀₩")
    assert found.unencodable == ("😀", "—", "₩")
    assert found.bytes == 6
    assert not found.is_sendable


def test_only_a_text_with_class_and_bytes_is_sendable() -> None:
    assert count_korean("안녕하세요").is_sendable
    assert not count_korean("가" * 1001).is_sendable
