"""
Where a link leads: an http address, whose path and query may have variables that each recipient's values fill in.

Scheme and host are fixed, and values are percent-encoded whole, so nobody who can choose a value can choose the host.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.template import Template, compile_template
from sendyard.features.links.names import is_link_variable

LONGEST = 2000
_KEPT = "%/:=&?~#+!$,;'@()*[]"
_HIDING = "\\\x7f"  # what browsers read differently from programs, or not at all
_MARK = "\0"  # stands for a variable, and cannot stand in an address


@dataclass(frozen=True, slots=True)
class Target:
    """An address as it is kept; `variables` are those it needs."""

    template: Template

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of its variables."""
        return self.template.variables

    def fill(self, values: Mapping[str, str]) -> str:
        """Give the address for somebody's values, in ASCII. Raises MissingVariable."""
        encoded = {name: quote(values.get(name, "").strip(), safe="") for name in self.variables}
        return quote(self.template.render(encoded), safe=_KEPT)


@lru_cache(maxsize=4096)
def target_of(stored: str) -> Target:
    """Compile an address that `checked_target` let pass."""
    return Target(compile_template(stored))


def checked_target(given: str) -> str:
    """
    Give an address as it is kept: without white space around it, its host in ASCII and lower case.

    Raises:
        Invalid: it is no http address, hides where it leads, is too long, or has variables where none may be.
    """
    source = given.strip()
    if not source or len(source) > LONGEST:
        raise _bad(f"Expected an address of 1 to {LONGEST:,} characters, found {len(source):,}.")
    if any(ord(character) <= 0x20 or character in _HIDING for character in source):
        raise _bad("Expected an address without spaces, line ends and backslashes; write a space as %20.")
    try:
        template = compile_template(source)
    except Invalid as error:
        raise _bad(error.detail) from None
    if any("|" in slot for slot in template.slots):
        raise _bad("Expected variables without defaults: every recipient needs an address that leads somewhere.")
    if any(is_link_variable(name) for name in template.variables):
        raise _bad("Expected variables of recipients, found one that names a link; a link leads to a page.")
    marked = template.rewritten(lambda _: _MARK)
    scheme, separator, rest = marked.partition("://")
    if scheme.lower() not in {"http", "https"} or not separator:
        raise _bad(f"Expected an address that begins with https:// or http://, found {source!r:.60}.")
    end = next((at for at, character in enumerate(rest) if character in "/?#"), len(rest))
    authority = rest[:end]
    if _MARK in authority:
        raise _bad("Expected variables only behind the host: who fills them in must not choose where it leads.")
    if "@" in authority:
        raise _bad("Expected an address without a name and password before its host.")
    behind = source[source.index("://") + 3 + len(authority) :]
    return f"{scheme.lower()}://{_host(authority)}{behind}"


def _host(authority: str) -> str:
    try:
        parts = urlsplit(f"//{authority}")
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError:  # UnicodeError is one
        host, port = "", None
    if not host or host.startswith(".") or not all(character.isalnum() or character in "-._:" for character in host):
        raise _bad(f"Expected a host such as shop.example.com, found {authority!r:.60}.")
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _bad(detail: str) -> Invalid:
    return Invalid("bad_url", detail, errors=[FieldError("/url", "bad_url", detail)])
