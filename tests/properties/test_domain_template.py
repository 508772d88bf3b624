"""
Properties of templates: values arrive as they are, and any source compiles or is refused with a position.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendyard.domain.errors import Invalid
from sendyard.domain.template import MissingVariable, Template, compile_template

names = st.sampled_from(["name", "amount", "이름", "金額", "_x", "a1"])
values = st.text(min_size=1, max_size=30).filter(str.strip)
literals = st.text(max_size=20).map(lambda text: text.replace("{", "{{").replace("}", "}}"))


@given(st.lists(st.tuples(literals, names), max_size=8), literals, st.data())
def test_rendering_is_plain_concatenation(pieces: list[tuple[str, str]], last: str, data: st.DataObject) -> None:
    given_values = {name: data.draw(values) for _, name in pieces}
    source = "".join(literal + "{" + name + "}" for literal, name in pieces) + last
    expected = "".join(literal.replace("{{", "{").replace("}}", "}") + given_values[name] for literal, name in pieces)
    template = compile_template(source)
    assert template.render(given_values) == expected + last.replace("{{", "{").replace("}}", "}")
    assert set(template.variables) == set(given_values)


def compiled(source: str) -> Template | Invalid:
    try:
        return compile_template(source)
    except Invalid as refused:
        return refused


@given(st.text(st.sampled_from("{}|%sa1 $é"), max_size=30))
def test_any_source_compiles_or_is_refused_with_a_position(source: str) -> None:
    found = compiled(source)
    if isinstance(found, Invalid):
        assert found.code == "bad_template"
        assert found.detail.startswith("At character ")
    else:
        rendered = found.render(dict.fromkeys(found.variables, "{a}%s"))
        assert rendered.count("{a}%s") >= len(found.variables)


@given(st.sets(names, min_size=1), st.sampled_from(["", " ", "\n"]))
def test_every_variable_left_blank_is_named(wanted: set[str], blank: str) -> None:
    template = compile_template("".join("{" + name + "}" for name in sorted(wanted)))
    with pytest.raises(MissingVariable) as refused:
        template.render(dict.fromkeys(wanted, blank))
    assert set(refused.value.names) == wanted
