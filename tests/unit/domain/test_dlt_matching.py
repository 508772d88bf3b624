"""
Comparing a finished text with its DLT template, as operators do.
"""

import pytest

from sendyard.domain.countries.dlt_matching import closest, match_template
from sendyard.domain.countries.dlt_template import UNLIMITED, read_template

PACKED = read_template("Hi {#var#}, your ACME order {#var#} is packed.")


def kinds(template: str, text: str, tags: tuple[str, ...] = ()) -> list[str]:
    return [problem.kind for problem in match_template(read_template(template, tags), text).problems]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hi {#var#}, your ACME order {#var#} is packed.", "Hi Asha, your ACME order A-17 is packed."),
        # A fixed part may stand inside a value as well
        ("{#var#}, ACME, {#var#}", "a, ACME, b, ACME, c"),
        ("Your OTP is {#var#}", "Your OTP is 4821"),
        ("ACME closed today", "ACME closed today"),
        ("{#var#}{#var#} ACME", "x" * 60 + " ACME"),
        ("{#var#} {#var#} ACME", "x" * 30 + " " + "y" * 30 + " ACME"),
        ("Pay {#numeric#} to ACME", "Pay 1200 to ACME"),
        ("Pay {#number#} to ACME", "Pay 1200 to ACME"),
        ("ACME {#alphanumeric#}.", "ACME Flat 4 आशा."),
        ("ACME {#url#}", "ACME https://acme.example/a"),
        ("ACME {#urlott#}", "ACME www.acme.example/app.apk"),
        ("ACME {#cbn#}", "ACME 1800 200 1234"),
        ("ACME {#email#}", "ACME a@b.example"),
        ("ACME\r\n{#var#}", "ACME\nx"),
        ("ACME\n{#var#}", "ACME\r\nx"),
        ("ACME {#alphanumeric#} {#var#}", "ACME " + "a" * 40 + " b"),
    ],
)
def test_text_matches(template: str, text: str) -> None:
    assert kinds(template, text) == []


@pytest.mark.parametrize(
    ("template", "text", "expected"),
    [
        ("{#var#}{#var#} ACME", "x" * 61 + " ACME", ["variable_too_long"]),
        ("ACME {#alphanumeric#}", "ACME " + "a" * 41, ["variable_too_long"]),
        ("ACME {#alphanumeric#}", "ACME a-1", ["variable_type"]),
        ("Pay {#numeric#} to ACME", "Pay ₹1200 to ACME", ["variable_type"]),
        ("Pay {#numeric#} to ACME", "Pay १२ to ACME", ["variable_type"]),
        ("ACME {#url#}", "ACME acme", ["variable_type"]),
        ("ACME {#cbn#}", "ACME call", ["variable_type"]),
        ("ACME {#email#}", "ACME a@b", ["variable_type"]),
        ("ACME {#var#}!", "ACME {#var#}!", ["variable_content"]),
        ("ACME {#var#}!", "ACME  !", ["variable_empty"]),
        # At the edge stray characters are no part of the value
        ("Your OTP is {#var#}", "Your OTP is 4821.", ["extra_text"]),
        ("Your OTP is {#var#}", "Your OTP is 4821 ", ["extra_text"]),
        ("{#var#} is the code of ACME", "<#> 4821 is the code of ACME", ["extra_text"]),
        ("Your OTP is {#numeric#}", "Your OTP is 4821.", ["variable_type"]),
        # Fixed words
        ("ACME closed today", "ACME closed today!", ["punctuation"]),
        ("ACME closed today", "ACME closed", ["missing_static"]),
        ("ACME closed today", "We ACME closed today", ["extra_text"]),
        ("ACME closed today", "acme closed today", ["case"]),
        ("It’s {#var#} ACME", "It's Asha ACME", ["lookalike"]),
        ("Wait… {#var#} ACME", "Wait... Asha ACME", ["lookalike"]),
        ("Hi {#var#}\nACME", "Hi Asha ACME", ["spacing"]),
        ("Hi {#var#} from ACME", "Hi Ashafrom ACME", ["spacing"]),
        ("Hi {#var#}, see ACME now", "Hi Asha, see us there", ["wrong_words"]),
        ("ACME {#var#}", "", ["missing_static"]),
        ("{#var#} ACME {#var#} now", "Asha now", ["missing_static"]),
        ("{#var#}", "", ["variable_empty"]),
    ],
)
def test_text_differs(template: str, text: str, expected: list[str]) -> None:
    assert kinds(template, text) == expected


def test_values_are_found_where_fewest_are_at_fault() -> None:
    template = read_template("{#numeric#} of {#var#} ACME")
    found = match_template(template, "3 of 4 of 5 ACME")
    assert found.ok
    assert [("3 of 4 of 5 ACME")[start:end] for start, end in found.values] == ["3", "4 of 5"]


def test_tags_kept_beside_the_text_fill_in_for_untagged_variables_only() -> None:
    template = read_template("{#var#} and {#url#} and {#var#} ACME", ("numeric", "numeric", "colour"))
    assert [slot.tag for slot in template.slots] == ["numeric", "url", ""]


def test_adjacent_variables_of_different_kinds_are_checked_for_length_only() -> None:
    template = read_template("ACME {#var#}{#alphanumeric#}{#var#}!")
    assert [(slot.name, slot.tag, slot.limit) for slot in template.slots] == [("variables 1 to 3", "", 100)]
    assert read_template("{#url#}{#var#} ACME").slots[0].limit == UNLIMITED
    assert kinds("ACME {#numeric#}{#numeric#}", "ACME 12,3") == ["variable_type"]


def test_whole_word_is_named_where_letters_differ() -> None:
    (problem,) = match_template(PACKED, "Hi Asha, your Acme order A-17 is packed.").problems
    assert (problem.expected, problem.found, problem.start) == ("ACME", "Acme", 14)
    assert "Capital" in problem.detail


def test_several_wrong_words_in_a_row_are_named_together() -> None:
    (problem,) = match_template(PACKED, "Hi Asha, your ACME order A-17 was sent.").problems
    assert (problem.expected, problem.found) == ("is packed.", "was sent.")


def test_words_of_a_value_are_not_taken_for_wrong_ones() -> None:
    (problem,) = match_template(PACKED, "Hi Asha Rani Devi, your ACME parcel A-17 is packed.").problems
    assert (problem.expected, problem.found) == ("order", "parcel")


def test_fixed_letters_within_a_word_of_variables_are_named_with_the_word() -> None:
    (problem,) = match_template(read_template("ACME{#var#}b{#var#}c"), "ACMExc").problems
    assert (problem.kind, problem.expected, problem.found) == ("wrong_words", "ACME{#var#}b{#var#}c", "ACMExc")


def test_word_does_not_serve_as_both_ends_of_a_variable() -> None:
    (problem,) = match_template(read_template("ACME{#var#}ACME now"), "ACME now").problems
    assert (problem.kind, problem.expected, problem.found) == ("wrong_words", "ACME{#var#}ACME", "ACME")


def test_other_template_that_fits_is_found() -> None:
    others = [("a", read_template("Bye {#var#}")), ("b", PACKED)]
    assert closest(others, "Hi Asha, your ACME order A-17 is packed.") == "b"
    assert closest(others, "Good morning") is None


def test_placeholders_in_wrong_spelling_are_reported() -> None:
    assert read_template("{#VAR#} {#var1#} #VAR# XXXX ACME {#var#}").malformed() == (
        "{#VAR#}",
        "{#var1#}",
        "#VAR#",
        "XXXX",
    )
