"""
The shape every command has: `--json`, an example in its help, and groups that import a command when it is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

JSON = "sendyard.json"
"""Where a context remembers that one JSON document is wanted."""

DONE, NOT_DONE, WRONG_USAGE, PARTLY_DONE = 0, 1, 2, 3
"""The exit codes."""


class NotDone(Exception):
    """The command ends here with exit code 1 or 3; what there is to say has been said."""

    def __init__(self, code: int = NOT_DONE) -> None:
        """Take the exit code."""
        super().__init__(code)
        self.code = code


def wants_json() -> bool:
    """Whether the running command was given `--json`."""
    return bool(click.get_current_context().meta.get(JSON))


def _remember(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.meta[JSON] = True


class Command(click.Command):
    """A command with an example in its help and `--json`."""

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        """Take click's arguments and the example, one command a line."""
        option = click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=_remember,
            help="One JSON document on standard output; everything else on standard error.",
        )
        kwargs["params"] = [*(kwargs.get("params") or ()), option]
        super().__init__(*args, **kwargs)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example where people look after the options."""
        del ctx
        with formatter.section("Example"):
            for line in self.example.splitlines():
                formatter.write(f"  {line}\n")


class Group(click.Group):
    """A group whose commands have the common shape."""

    command_class = Command


@dataclass(frozen=True, slots=True)
class Entry:
    """A command that is imported when it is used: `module:attribute`, and its line in the overview."""

    module: str
    attribute: str
    summary: str


class LazyGroup(click.Group):
    """The top of the command line: knows what each command is for without importing it."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **kwargs: Any) -> None:
        """Take click's arguments and the commands; one whose module is not part of this build is left out."""
        super().__init__(*args, **kwargs)
        self._entries = {name: entry for name, entry in entries.items() if find_spec(entry.module) is not None}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the order in which people meet them."""
        del ctx
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        found: click.Command = getattr(import_module(entry.module), entry.attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List every command with its line."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self._entries.items()])
