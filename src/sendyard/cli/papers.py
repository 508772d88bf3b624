"""
Pages in one file each, for whoever has no terminal open.
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from sendyard.cli.opening import Place
from sendyard.console import experiment_paper, preflight_paper
from sendyard.domain.errors import Invalid
from sendyard.storage.identifiers import now_ms

_MOST_WAIVERS = 1000

page_option = click.option(
    "--page", metavar="FILE", help="Also write it as a page for a browser or a printer; - is standard output."
)


async def write_preflight(place: Place, campaign_id: str, found: Mapping[str, Any], page: str) -> None:
    """Write what a preflight found. Raises NotFound, Invalid."""
    campaign = await place.yard.campaigns.get(place.workspace_id, campaign_id)
    waivers = [
        *await place.yard.waivers.list(place.workspace_id, campaign="", in_force=True, limit=_MOST_WAIVERS),
        *await place.yard.waivers.list(place.workspace_id, campaign=campaign_id, in_force=True, limit=_MOST_WAIVERS),
    ]
    await _write(page, preflight_paper(found, name=campaign["name"], waivers=waivers, now_ms=now_ms()))


async def write_experiment(place: Place, campaign_id: str, page: str) -> None:
    """Write the record of an experiment. Raises NotFound, Conflict, Invalid."""
    found = await place.yard.experiments.report(place.workspace_id, campaign_id)
    campaign = await place.yard.campaigns.get(place.workspace_id, campaign_id)
    await _write(page, experiment_paper(found, name=campaign["name"], now_ms=now_ms()))


async def _write(page: str, content: str) -> None:
    if page == "-":
        sys.stdout.write(content)
        return
    try:
        await asyncio.to_thread(Path(page).write_text, content, encoding="utf-8")
    except OSError as error:
        raise Invalid("not_writable", f"Cannot write {page}: {error.strerror}.") from None
