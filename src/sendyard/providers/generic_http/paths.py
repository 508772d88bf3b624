"""
Where a value stands in what the carrier says: `data.messages[0].id`, the name of a parameter, or `/expression/`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

_STEP = re.compile(r"""(?:^|\.)([^.\[\]"'\s{}$]+)|\[([0-9]{1,4})\]|\["([^"]{1,100})"\]""")
_LONGEST_PATH = 200
_SEARCHED = 65_536  # characters of a body an expression looks at
_DIGITS = re.compile("[0-9]{10}(?:[0-9]{3})?")


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


# Numbers stay as they are written: an id may have more digits than a float keeps, and a price its zeros.
_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_number)

UNREAD: Any = object()
"""Stands for the tree of a body that is no JSON."""


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path: steps into JSON, or the first group of an expression over the whole text."""

    source: str
    steps: tuple[str | int, ...] = ()
    pattern: "re.Pattern[str] | None" = None


@lru_cache(maxsize=4096)
def compile_path(source: str) -> Path:
    """
    Compile a path.

    Raises:
        ValueError: the sentence says what is wrong and how a path is written.
    """
    if len(source) > _LONGEST_PATH:
        raise ValueError(f"a path may have {_LONGEST_PATH} characters, this one has {len(source)}")
    if source.startswith("/"):
        return Path(source, pattern=_expression(source))
    rest = source.removeprefix("$").removeprefix(".")
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        found = _STEP.match(rest, at)
        if found is None or found.end() == at:
            raise ValueError(
                f"{source!r} is no path: stopped at {rest[at:][:20]!r}; write names with dots and numbers in brackets, "
                "such as data.messages[0].id, or an expression between slashes, such as /ID: ([0-9]+)/"
            )
        name, index, quoted = found.groups()
        steps.append(int(index) if index else quoted or name)
        at = found.end()
    return Path(source, tuple(steps))


def _expression(source: str) -> "re.Pattern[str]":
    if len(source) < 3 or not source.endswith("/"):
        raise ValueError(f"{source!r} begins an expression that does not end; write it between two slashes")
    pattern = compile_pattern(source[1:-1])
    if pattern.groups != 1:
        raise ValueError(
            f"{source!r} has {pattern.groups} groups; put parentheses around the one part that is the value"
        )
    return pattern


def compile_pattern(source: str) -> "re.Pattern[str]":
    """Compile a regular expression. Raises ValueError with the place that is wrong."""
    if len(source) > _LONGEST_PATH:
        raise ValueError(f"an expression may have {_LONGEST_PATH} characters, this one has {len(source)}")
    try:
        return re.compile(source)
    except re.error as wrong:
        raise ValueError(f"{source!r} is no regular expression: {wrong}") from wrong


@dataclass(slots=True)
class Document:
    """Something the carrier said, read as far as paths ask for it."""

    text: str
    fields: Mapping[str, str] | None = None  # of a form or a query
    _tree: Any = field(default=None)
    _read: bool = field(default=False)

    @classmethod
    def of_body(cls, body: bytes) -> "Document":
        """Wrap an answer; bytes that are no UTF-8 are replaced, a byte order mark is left out."""
        return cls(body.decode("utf-8-sig", "replace"))

    @classmethod
    def of_form(cls, text: str) -> "Document":
        """Wrap `name=value&…`."""
        return cls(text, dict(parse_qsl(text, keep_blank_values=True, errors="replace")))

    @classmethod
    def of_tree(cls, tree: Any) -> "Document":
        """Wrap a part of JSON; it has no text of its own."""
        return cls("", None, tree, _read=True)

    @property
    def tree(self) -> Any:
        """The JSON, or `UNREAD`."""
        if not self._read:
            self._read = True
            try:
                self._tree = _JSON.decode(self.text)
            except (ValueError, RecursionError):
                self._tree = UNREAD
        return self._tree

    def node(self, path: Path) -> Any:
        """Walk into the JSON; None where there is nothing."""
        found = self.tree
        for step in path.steps:
            if isinstance(step, int):
                found = found[step] if isinstance(found, list) and step < len(found) else None
            else:
                found = found.get(step) if isinstance(found, dict) else None
        return found

    def find(self, path: Path | None) -> str:
        """Give the value as text; "" where there is none, or no single one."""
        if path is None:
            return ""
        if path.pattern is not None:
            found = path.pattern.search(self.text[:_SEARCHED])
            return (found[1] or "") if found else ""
        if self.fields is not None:
            return self.fields.get(path.source, "")
        return _as_text(self.node(path))


def search(pattern: "re.Pattern[str]", document: Document) -> bool:
    """Whether the expression is found in the text."""
    return pattern.search(document.text[:_SEARCHED]) is not None


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else ""


def moment(text: str) -> datetime | None:
    """Read a time: Unix seconds or milliseconds, or ISO 8601 with an offset; None for anything else."""
    if _DIGITS.fullmatch(text):
        return datetime.fromtimestamp(int(text[:10]), UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return found.astimezone(UTC) if found.tzinfo else None
    except OverflowError:
        return None
