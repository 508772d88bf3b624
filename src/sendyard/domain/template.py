"""
Message templates: `Hi {name|there}, NT${amount}` compiled once, rendered many times.

Values are data: whatever they hold, it is text in the result, and is never read as template again.
"""

import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from sendyard.domain.errors import FieldError, Invalid


class MissingVariable(Invalid):
    """A variable without a default has no value, or a blank one."""

    title = "A value is missing"

    def __init__(self, names: Sequence[str]) -> None:
        """Take every variable that has no value, in the order of the template."""
        listed = ", ".join("{" + name + "}" for name in names)
        super().__init__(
            "missing_variable",
            f"The template needs a value for {listed}, found none or a blank one. "
            f"Give a value, or write a default such as {{{names[0]}|text}}.",
            errors=[
                FieldError(f"/variables/{name}", "missing_variable", f"No value for {{{name}}}.") for name in names
            ],
        )
        self.names = tuple(names)


@dataclass(frozen=True, slots=True)
class Template:
    """
    A compiled template; made by `compile_template`, kept as long as its version.

    `variables` are its distinct names in order of appearance, `required` those that lack a default somewhere.
    """

    source: str
    variables: tuple[str, ...]
    required: tuple[str, ...]
    _form: str = field(repr=False)
    _slots: "tuple[tuple[str, str | None], ...]" = field(repr=False)
    _pick: Callable[[Mapping[str, str]], tuple[str, ...]] = field(repr=False, compare=False)

    def render(self, values: Mapping[str, str]) -> str:
        """
        Fill in the values; names the template does not have are ignored.

        A blank value (empty or only white space) counts as none, so that an empty cell never sends "Hi ,": the
        default stands in for it. A default may be empty on purpose: `{title|}`.

        Raises:
            MissingVariable: a variable without a default has no value; all such variables are named.
        """
        try:
            found = self._pick(values)
        except KeyError:
            found = self._filled(values)
        else:
            if not all(map(str.strip, found)):
                found = self._filled(values)
        return self._form % found

    def rewritten(self, write: Callable[[str], str]) -> str:
        """The text with each variable written as `write` says, given its name; for other notations than ours."""
        return self._form % tuple(write(name) for name, _ in self._slots)

    @property
    def slots(self) -> tuple[str, ...]:
        """Every place of a variable as it is written, defaults and all, in order of appearance."""
        return tuple(f"{{{name}}}" if default is None else f"{{{name}|{default}}}" for name, default in self._slots)

    def with_blank(self, names: Collection[str]) -> "Template":
        """The same text, where variables of these names may stay empty unless they have a default already."""
        if not any(name in names for name in self.required):
            return self
        slots = tuple((name, "" if default is None and name in names else default) for name, default in self._slots)
        required = tuple(name for name in self.required if name not in names)
        return Template(self.source, self.variables, required, self._form, slots, self._pick)

    def _filled(self, values: Mapping[str, str]) -> tuple[str, ...]:
        missing = [name for name in self.required if not values.get(name, "").strip()]
        if missing:
            raise MissingVariable(missing)
        return tuple(
            given if (given := values.get(name, "")).strip() else default or "" for name, default in self._slots
        )


def compile_template(source: str) -> Template:
    """
    Compile `{name}` and `{name|default text}`; `{{` and `}}` are literal braces, `NT${amount}` needs no escape.

    A name is made of letters of any script, digits and underscores, and does not start with a digit; dots may join
    several such names, as in `{flight.gate}`. It is brought to Unicode NFC. A default runs to the next `}` and holds no
    braces.

    Raises:
        Invalid: code "bad_template"; the sentence says at which character (counted from 1) and what to write.
    """
    form: list[str] = []
    slots: list[tuple[str, str | None]] = []
    for literal, slot in _tokens(source):
        form.append(literal.replace("%", "%%"))
        if slot is not None:
            form.append("%s")
            slots.append(slot)
    names = [name for name, _ in slots]
    return Template(
        source=source,
        variables=tuple(dict.fromkeys(names)),
        required=tuple(dict.fromkeys(name for name, default in slots if default is None)),
        _form="".join(form),
        _slots=tuple(slots),
        _pick=_picker(names),
    )


def is_name(text: str) -> bool:
    """Whether a variable may be called so."""
    return all(part.isidentifier() for part in text.split("."))


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, str]], tuple[str, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def _tokens(source: str) -> "Iterator[tuple[str, tuple[str, str | None] | None]]":
    """Give pieces of literal text, each with the variable after it, if any."""
    start = at = 0
    while at < len(source):
        char = source[at]
        if char not in "{}":
            at += 1
        elif source[at + 1 : at + 2] == char:
            yield source[start : at + 1], None
            start = at = at + 2
        elif char == "}":
            raise _bad(at, 'found "}" without "{" before it. Write "}}" for a brace in the text')
        else:
            end = source.find("}", at)
            if end < 0:
                raise _bad(at, 'found "{" without "}" after it. Close the variable, or write "{{" for a brace')
            yield source[start:at], _variable(source[at + 1 : end], at)
            start = at = end + 1
    yield source[start:], None


def _variable(inside: str, at: int) -> tuple[str, str | None]:
    written, bar, default = inside.partition("|")
    name = unicodedata.normalize("NFC", written.strip())
    if "{" in inside:
        raise _bad(at, 'found "{" inside a variable. Write names and defaults without braces')
    if not is_name(name):
        raise _bad(
            at,
            f'expected a variable such as "{{name}}", found "{{{inside}}}". Use letters, digits and underscores, '
            'not starting with a digit, or write "{{" for a brace',
        )
    return name, default if bar else None


def _bad(at: int, what: str) -> Invalid:
    return Invalid("bad_template", f"At character {at + 1} of the template: {what}.")
