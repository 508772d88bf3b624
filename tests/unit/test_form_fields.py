"""
Forms are read as the standard library reads them, only faster.
"""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendyard.providers.wire import form_fields

# What separates, what escapes, escapes of separators, escapes that are none, and bytes that are no UTF-8.
_PIECES = st.sampled_from(
    [
        "a",
        "To",
        "&",
        "&&",
        "=",
        "+",
        "%2B",
        "%26",
        "%3D",
        "%3d",
        "%E4%B8%AD",
        "%E4%B8",
        "%FF",
        "%",
        "%zz",
        "%2",
        "中",
        "é",
        ";",
    ]
)


def expected(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True)


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_any_text_gives_the_fields_the_standard_library_finds(text: str) -> None:
    assert form_fields(text) == expected(text)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", []),
        ("To=%2B12025550001&Body=two+words", [("To", "+12025550001"), ("Body", "two words")]),
        ("Body=&flag&&x=1=2", [("Body", ""), ("flag", ""), ("x", "1=2")]),
        ("Body=a%26To%3D1", [("Body", "a&To=1")]),
        ("Body=%E4%B8%AD%FF&n=%C3%A9", [("Body", "中�"), ("n", "é")]),
        ("x=1&x=1", [("x", "1"), ("x", "1")]),
    ],
)
def test_values_come_unquoted_and_separators_in_them_separate_nothing(text: str, fields: list[tuple[str, str]]) -> None:
    assert form_fields(text) == fields == expected(text)
