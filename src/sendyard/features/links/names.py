"""
How texts name links: `{link.CODE}` is the address, `{link.CODE.token}` only what stands behind its last slash.

These are variables like any other to a template; whoever fills it in takes their values from here.
"""

import re
from collections.abc import Iterable

PREFIX = "link."
TOKEN = ".token"  # noqa: S105 - the end of a name
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")


def is_code(text: str) -> bool:
    """Whether a link may be called so."""
    return _CODE.fullmatch(text) is not None


def is_link_variable(name: str) -> bool:
    """Whether a variable is filled with a short address."""
    return name.startswith(PREFIX)


def code_of(name: str) -> tuple[str, bool]:
    """Give the code in a variable's name, and whether it asks for the token alone."""
    rest = name.removeprefix(PREFIX)
    return rest.removesuffix(TOKEN), rest.endswith(TOKEN)


def codes_among(names: Iterable[str]) -> tuple[str, ...]:
    """Give the codes of the links that these variables name, each once."""
    return tuple(dict.fromkeys(code_of(name)[0] for name in names if is_link_variable(name)))
