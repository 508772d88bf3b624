"""
Request templates: text with `{name}` in it, compiled once, filled many times.

Unlike templates of messages, every brace that is no placeholder is literal (JSON is full of them), and each value is
escaped for the place it stands in. A value is data: it is never read as template again, and has no attributes.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, ParamSpec
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape as _escape_xml_text

P = ParamSpec("P")

Escape = Callable[[str], str]

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
# What was meant as a placeholder: an object of JSON is empty, or has a quotation mark next.
_MEANT = re.compile(r'\{\s*[^\s{}"][^{}":]*\}')
_HEADER_SAFE = "".join(chr(code) for code in range(0x20, 0x7F))


def in_address(value: str) -> str:
    """Percent-encode everything that could end a path segment or a parameter."""
    return quote(value, safe="", errors="replace")


def in_form(value: str) -> str:
    """Encode for `application/x-www-form-urlencoded`."""
    return quote_plus(value, errors="replace")


def in_json(value: str) -> str:
    """Escape for the inside of a JSON string."""
    return json.dumps(value)[1:-1]


def in_xml(value: str) -> str:
    """Escape for a text or an attribute of XML."""
    return _escape_xml_text(value, {'"': "&quot;", "'": "&apos;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})


def in_header(value: str) -> str:
    """Percent-encode all but visible ASCII and spaces, so that no value can end the line."""
    return quote(value, safe=_HEADER_SAFE, errors="replace")


def as_it_is(value: str) -> str:
    """Leave it: the place has no format that a value could break."""
    return value


@dataclass(frozen=True, slots=True)
class RequestTemplate(Generic[P]):
    """A compiled template; `fill` takes what its getters take."""

    form: str
    getters: tuple[Callable[P, str], ...]
    escape: Escape

    def fill(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Put the values in, each escaped."""
        escape = self.escape
        return self.form % tuple([escape(get(*args, **kwargs)) for get in self.getters])


def compile_request(
    source: str, getters: Mapping[str, Callable[P, str]], constants: Mapping[str, str], escape: Escape
) -> RequestTemplate[P]:
    """
    Compile; constants (credentials) are escaped and put in at once. Every name in `source` is known by `check_names`.
    """
    form: list[str] = []
    wanted: list[Callable[P, str]] = []
    at = 0
    for found in _PLACEHOLDER.finditer(source):
        form.append(source[at : found.start()].replace("%", "%%"))
        name = found[1]
        if name in constants:
            form.append(escape(constants[name]).replace("%", "%%"))
        else:
            form.append("%s")
            wanted.append(getters[name])
        at = found.end()
    form.append(source[at:].replace("%", "%%"))
    return RequestTemplate("".join(form), tuple(wanted), escape)


def names_in(source: str) -> set[str]:
    """Give the names of the placeholders."""
    return set(_PLACEHOLDER.findall(source))


def check_names(source: str, known: frozenset[str], *, braces: bool = False) -> None:
    """
    Refuse what would not be filled in; `braces`: single ones are part of the format.

    Raises:
        ValueError: the sentence names the placeholder, and those that may stand here.
    """
    listed = ", ".join(f"{{{name}}}" for name in sorted(known))
    for name in _PLACEHOLDER.findall(source):
        if name not in known:
            raise ValueError(f"unknown placeholder {{{name}}}; here may stand: {listed}")
    rest = _PLACEHOLDER.sub("", source)
    if meant := _MEANT.search(rest):
        raise ValueError(
            f"{meant[0]!r} is no placeholder: write a name in small letters without blanks; here may stand: {listed}"
        )
    if not braces and ("{" in rest or "}" in rest):
        raise ValueError(f"found a brace that belongs to no placeholder; here may stand: {listed}")


def filled_with(source: str, value: Callable[[str], str]) -> str:
    """Give the text with `value(name)` in each place, to see whether the format holds."""
    return _PLACEHOLDER.sub(lambda found: value(found[1]), source)
