"""
What commands print: one JSON document for programs, tables and sentences for people.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sendyard.cli.shape import wants_json

_WIDE = 1000  # columns, where nobody has a terminal to measure: nothing is folded


def put(document: object, write: Callable[[], None]) -> None:
    """Print the document with `--json`; let `write` speak to a person otherwise."""
    if wants_json():
        click.echo(json.dumps(plain(document), ensure_ascii=False, indent=2))
    else:
        write()


def plain(document: object) -> Any:
    """A document of plain JSON values; times in milliseconds under `…_at` become RFC 3339."""
    return _dated(msgspec.to_builtins(document, str_keys=True))


def when(milliseconds: int | None) -> str:
    """A stored time as RFC 3339 UTC; "" for none."""
    if milliseconds is None:
        return ""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def say(text: str) -> None:
    """Tell a person something on standard output."""
    click.echo(text)


def note(text: str) -> None:
    """Tell a person something beside the result, on standard error."""
    click.echo(text, err=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows under their headings, or the sentence for none."""
    grid = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*(Text(_shown(cell)) for cell in row))
    if grid.row_count:
        console().print(grid)
    else:
        say(empty)


def facts(pairs: Mapping[str, object]) -> None:
    """Print one thing's facts, a line each; those without a value are left out."""
    shown = {name: text for name, value in pairs.items() if (text := _shown(value))}
    width = max(map(len, shown), default=0)
    for name, text in shown.items():
        say(f"{name.ljust(width)}  {text}")


def console() -> Console:
    """Rich on standard output; as wide as needed where it is no terminal."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False, soft_wrap=False)


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(_shown(item) for item in value)
        case _:
            return str(value)


def _dated(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _dated(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_dated(item) for item in value]
    if name.endswith("_at") and isinstance(value, int) and not isinstance(value, bool):
        return when(value)
    return value
