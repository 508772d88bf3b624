"""
Opening the yard for one command: its objects without the engine, and the workspace that is meant.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click
import uvloop

from sendyard.bootstrap import Yard, configure_logging
from sendyard.domain.errors import NotFound
from sendyard.settings import Settings, load

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command works."""

    yard: Yard
    workspace_id: str


def settings_for(**given: Any) -> Settings:
    """Read the configuration and direct the log to standard error. Raises Invalid."""
    settings = load(given)
    configure_logging(settings)
    return settings


def quiet_settings(**given: Any) -> Settings:
    """Like `settings_for`, for short commands: only warnings are logged unless the environment asks for more."""
    settings = settings_for(**given)
    if "SENDYARD_LOG_LEVEL" not in os.environ:
        logging.getLogger().setLevel(logging.ERROR)
    return settings


def in_yard(work: Callable[[Place], Awaitable[T]], workspace: str = "") -> T:
    """
    Open the database, do one command's work, close everything.

    A running server keeps working beside it: transactions are short, and it notices what was written.

    Raises:
        NotFound: there is no such workspace.
        AppError: whatever the work raises.
    """
    settings = quiet_settings()

    async def whole() -> T:
        with await asyncio.to_thread(Yard, settings) as yard:
            try:
                return await work(Place(yard, await _workspace(yard, workspace)))
            finally:
                await yard.transport.close()

    return uvloop.run(whole())


async def _workspace(yard: Yard, wanted: str) -> str:
    first, made = await yard.workspaces.first()
    if made:
        await yard.directory.refresh()
    if not wanted or wanted in {first["id"], first["name"]}:
        return str(first["id"])
    for known in await yard.workspaces.all():
        if wanted in {known["id"], known["name"]}:
            return str(known["id"])
    raise NotFound("unknown_workspace", f"There is no workspace {wanted!r}; leave --workspace out for the first one.")


workspace_option = click.option(
    "--workspace", default="", metavar="ID|NAME", help="Whose; the first workspace when left out."
)
