"""
Providers' notations of variables, and lining our texts up with theirs.
"""

import pytest

from sendyard.features.templates.differences import compare_words
from sendyard.features.templates.notation import propose, read_text


@pytest.mark.parametrize(
    ("text", "variables", "names"),
    [
        ("Hi {{1}}, {{2}}", ("1", "2"), ("1", "2")),
        ("Hi {{ name }}", (), ("name",)),
        ("#{이름}님", (), ("이름",)),
        ("Hi ##name##", (), ("name",)),
        ("{#var#} and {#numeric#}", (), ("1", "2")),
        ("{#var#} and {#var#}", ("VAR1", "VAR2"), ("VAR1", "VAR2")),
        ("nothing", (), ()),
    ],
)
def test_every_notation_is_read(text: str, variables: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert read_text(text, variables).names == names


def test_a_providers_text_is_filled_in() -> None:
    text = read_text("Hi {{1}}, gate {{2}}.")
    assert text.filled({"1": "Ann"}) == "Hi Ann, gate [2]."


@pytest.mark.parametrize(
    ("ours", "theirs", "variables", "exact"),
    [
        ("Hi {name}, it is at {place|home}.", "Hi {{1}}, it is at {{2}}.", {"1": "{name}", "2": "{place|home}"}, True),
        ("Hi {name},\nat {place}.", "Hi {#var#}, at {#var#}.", {"1": "{name}", "2": "{place}"}, True),
        ("Dear {name}, at {place}.", "Hello {{1}}, at {{2}}.", {"1": "{name}", "2": "{place}"}, False),
        ("Hi {name}, from ACME.", "Hi {{1}}, from {{2}}.", {"1": "{name}", "2": "ACME"}, False),
        ("Dear Ms. {name}, hi", "Dear {{1}}, hi", {"1": "Ms. {name}"}, False),
        ("It costs {a}{b}.", "It costs {{1}}.", {"1": "{a}{b}"}, False),
        ("{name}님, {date} 도착", "#{고객}님, #{일자} 도착", {"고객": "{name}", "일자": "{date}"}, True),
        ("{a} and {a}", "{{1}} and {{1}}", {"1": "{a}"}, True),
    ],
)
def test_variables_are_proposed_by_the_words_around_them(
    ours: str, theirs: str, variables: dict[str, str], exact: bool
) -> None:
    found = propose(ours, read_text(theirs))
    assert (dict(found.variables), found.exact) == (variables, exact)


def test_what_finds_no_counterpart_is_named() -> None:
    found = propose("Hi {name}. Bye {friend}.", read_text("Hi {{1}}. Call {{2}} or {{3}} now."))
    assert found.variables == {"1": "{name}"}
    assert found.unplaced == ("2", "3")
    assert found.unused == ("friend",)


def test_words_between_that_hold_braces_stay_words() -> None:
    found = propose("Hi {name}, from {{us}}.", read_text("Hi {{1}}, from {{2}}."))
    assert found.variables["2"] == "{{us}}"


def test_the_way_from_text_to_text_is_by_words_and_by_signs_of_chinese() -> None:
    assert compare_words("Hi {name}, welcome back", "Hi {name}, welcome home") == [
        {"op": "equal", "text": "Hi {name}, welcome "},
        {"op": "removed", "text": "back"},
        {"op": "added", "text": "home"},
    ]
    assert compare_words("明日送達", "今日送達")[:2] == [
        {"op": "removed", "text": "明"},
        {"op": "added", "text": "今"},
    ]
