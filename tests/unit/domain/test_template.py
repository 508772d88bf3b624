"""
Templates: `{name}`, defaults, literal braces, values as data.
"""

import pytest

from sendyard.domain.errors import Invalid
from sendyard.domain.template import MissingVariable, compile_template


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("", {}, ""),
        ("No variables, 100 %", {}, "No variables, 100 %"),
        ("Hi {name}!", {"name": "Anna"}, "Hi Anna!"),
        ("Hi { name }!", {"name": "Anna"}, "Hi Anna!"),
        ("{a}{b}{a}", {"a": "1", "b": "2"}, "121"),
        ("NT${amount} due", {"amount": "1,200"}, "NT$1,200 due"),
        ("100% of {x}: 5%s %(x)s %%", {"x": "it"}, "100% of it: 5%s %(x)s %%"),
        ("{{name}}", {"name": "Anna"}, "{name}"),
        ("{{{name}}}", {"name": "Anna"}, "{Anna}"),
        ("{name}}}", {"name": "Anna"}, "Anna}"),
        ("{{}}", {}, "{}"),
        ("Hi {name|there}", {}, "Hi there"),
        ("Hi {name|there}", {"name": "Anna"}, "Hi Anna"),
        ("Hi {name|there}", {"name": ""}, "Hi there"),
        ("Hi {name|there}", {"name": " \u3000"}, "Hi there"),
        ("Hi{title|}.", {}, "Hi."),
        ("{x|a|b}", {}, "a|b"),
        ("{x|100 % of $}", {}, "100 % of $"),
        ("{x|one} {x|two}", {}, "one two"),
        ("{x} {y|why}", {"x": " spaced ", "y": ""}, " spaced  why"),
        ("{이름}님 {金額} {नाम} {_x1}", {"이름": "김", "金額": "5", "नाम": "अ", "_x1": "z"}, "김님 5 अ z"),
        ("{name}", {"name": "Anna", "other": "ignored"}, "Anna"),
        ("{a}\n{b}", {"a": "x\ny", "b": "z"}, "x\ny\nz"),
    ],
)
def test_template_is_rendered(source: str, values: dict[str, str], text: str) -> None:
    assert compile_template(source).render(values) == text


@pytest.mark.parametrize("value", ["{amount}", "{{", "}}", "%s", "%(name)s", "{0.__class__}", "{name|x}", "$amount"])
def test_value_is_never_read_as_template(value: str) -> None:
    assert compile_template("{name}, {amount}").render({"name": value, "amount": "5"}) == f"{value}, 5"


def test_variables_are_distinct_and_in_order() -> None:
    template = compile_template("{b} {a|x} {b} {c|}")
    assert template.variables == ("b", "a", "c")
    assert template.required == ("b",)
    assert template.source == "{b} {a|x} {b} {c|}"


def test_variable_with_a_default_in_one_place_only_is_required() -> None:
    assert compile_template("{a|x} {a}").required == ("a",)


def test_name_is_brought_to_composed_form() -> None:
    # Some keyboards and file systems write 이름 as loose letters.
    assert compile_template("{이름}").variables == ("이름",)


@pytest.mark.parametrize("values", [{}, {"name": ""}, {"name": "  "}, {"other": "x"}])
def test_missing_or_blank_value_is_named(values: dict[str, str]) -> None:
    with pytest.raises(MissingVariable) as refused:
        compile_template("Hi {name}, {greeting|hello}").render(values)
    assert refused.value.code == "missing_variable"
    assert refused.value.names == ("name",)
    assert "{name}" in refused.value.detail
    assert "{name|text}" in refused.value.detail
    assert [error.pointer for error in refused.value.errors] == ["/variables/name"]


def test_all_missing_values_are_named_at_once() -> None:
    with pytest.raises(MissingVariable) as refused:
        compile_template("{a} {b} {c} {a}").render({"b": "x"})
    assert refused.value.names == ("a", "c")


def test_missing_value_is_the_kind_of_error_interfaces_show() -> None:
    with pytest.raises(Invalid):
        compile_template("{a}").render({})


@pytest.mark.parametrize(
    ("source", "position", "advice"),
    [
        ("Hi {name", 4, '"{{"'),
        ("Hi name}", 8, '"}}"'),
        ("{}", 1, "{name}"),
        ("Hi {1st}", 4, "not starting with a digit"),
        ("Hi {first name}", 4, "letters, digits and underscores"),
        ("Hi {a..b}", 4, "letters, digits and underscores"),
        ("Hi {|x}", 4, "{name}"),
        ("ok {{ {a{b}", 7, "without braces"),
        ("{a|{b}}", 1, "without braces"),
        ("{", 1, '"{{"'),
        ("}", 1, '"}}"'),
    ],
)
def test_malformed_template_says_where_and_what_to_write(source: str, position: int, advice: str) -> None:
    with pytest.raises(Invalid) as refused:
        compile_template(source)
    assert refused.value.code == "bad_template"
    assert f"At character {position} " in refused.value.detail
    assert advice in refused.value.detail


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("Hi {name}, {date|soon}: 5 % off", "Hi <name>, <date>: 5 % off"),
        ("{{name}} is {name}{name}", "{name} is <name><name>"),
        ("nothing", "nothing"),
    ],
)
def test_variables_are_written_in_another_notation(source: str, written: str) -> None:
    assert compile_template(source).rewritten(lambda name: f"<{name}>") == written


def test_names_may_be_joined_by_dots() -> None:
    template = compile_template("{flight.gate} {flight.seats|0}")
    assert template.variables == ("flight.gate", "flight.seats")
    assert template.render({"flight.gate": "B4"}) == "B4 0"


def test_optional_variables_may_stay_empty_and_defaults_stay() -> None:
    template = compile_template("a{x}b{y|c}{z}")
    optional = template.with_blank({"x", "y"})
    assert optional.required == ("z",)
    assert optional.render({"z": "!"}) == "abc!"
    assert template.with_blank({"nothing"}) is template
    with pytest.raises(MissingVariable, match=r"\{z\}"):
        optional.render({})
    assert template.slots == ("{x}", "{y|c}", "{z}")
