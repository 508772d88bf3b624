"""
Lists, tags and segments: people put together by hand, marked, and found by a filter.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import click

from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import note, put, say, table
from sendyard.cli.shape import Group
from sendyard.features.audience import Question
from sendyard.features.audience.labels import TAG
from sendyard.features.audience.segments.language import FilterError


@click.group(cls=Group)
def lists() -> None:
    """People put together by hand."""


@lists.command("list", example="sendyard lists list")
@workspace_option
def lists_list(workspace: str) -> None:
    """Show every list with how many are on it."""

    async def work(place: Place) -> list[dict[str, Any]]:
        found = await place.yard.lists.all(place.workspace_id)
        counts = await place.yard.segments.label_counts(place.workspace_id, [one["number"] for one in found])
        return [one | {"contacts": counts[one["number"]]} for one in found]

    found = in_yard(work, workspace)
    rows = [(one["name"], f"{one['contacts']:,}", one["description"], one["id"]) for one in found]
    put({"data": found}, lambda: table(("name", "people", "about", "id"), rows, empty="There are no lists yet."))


@click.group(cls=Group)
def tags() -> None:
    """Words that people are marked with; using one makes it (`sendyard contacts edit --tag`)."""


@tags.command("list", example="sendyard tags list")
@workspace_option
def tags_list(workspace: str) -> None:
    """Show every tag with how many people have it."""

    async def work(place: Place) -> list[dict[str, Any]]:
        found = await place.yard.lists.all(place.workspace_id, TAG)
        counts = await place.yard.segments.label_counts(place.workspace_id, [one["number"] for one in found])
        return [one | {"contacts": counts[one["number"]]} for one in found]

    found = in_yard(work, workspace)
    rows = [(one["name"], f"{one['contacts']:,}", one["id"]) for one in found]
    put({"data": found}, lambda: table(("name", "people", "id"), rows, empty="There are no tags yet."))


@lists.command("add", example='sendyard lists add "Spring customers"')
@click.argument("name")
@click.option("--description", default="")
@workspace_option
def lists_add(name: str, description: str, workspace: str) -> None:
    """Make a list."""
    made = in_yard(
        lambda place: place.yard.lists.add(place.workspace_id, name=name, description=description), workspace
    )
    put(made, lambda: say(f"Made the list {made['name']}."))


@lists.command("edit", example='sendyard lists edit Spring --name "Spring customers"')
@click.argument("list_name", metavar="NAME|ID")
@click.option("--name", default=None, help="What it is called from now on.")
@click.option("--description", default=None)
@workspace_option
def lists_edit(list_name: str, name: str | None, description: str | None, workspace: str) -> None:
    """Change what a list is called."""
    changed = in_yard(
        lambda place: place.yard.lists.edit(place.workspace_id, list_name, name=name, description=description),
        workspace,
    )
    put(changed, lambda: say(f"Changed the list {changed['name']}."))


@lists.command("remove", example='sendyard lists remove "Spring customers"')
@click.argument("name", metavar="NAME|ID")
@workspace_option
def lists_remove(name: str, workspace: str) -> None:
    """Remove a list; the people on it stay."""
    left = in_yard(lambda place: place.yard.lists.remove(place.workspace_id, name), workspace)
    put({"removed": name, "contacts": left}, lambda: say(f"Removed {name}; {left:,} people were on it."))


@lists.command("put", example='sendyard lists put "Spring customers" CONTACT-ID')
@click.argument("name", metavar="NAME|ID")
@click.argument("people", metavar="CONTACT…", nargs=-1, required=True)
@workspace_option
def lists_put(name: str, people: tuple[str, ...], workspace: str) -> None:
    """Put people on a list."""
    changed = in_yard(lambda place: place.yard.lists.put(place.workspace_id, name, people), workspace)
    put({"changed": changed}, lambda: say(f"{changed} more are on {name} now."))


@lists.command("take", example='sendyard lists take "Spring customers" CONTACT-ID')
@click.argument("name", metavar="NAME|ID")
@click.argument("people", metavar="CONTACT…", nargs=-1, required=True)
@workspace_option
def lists_take(name: str, people: tuple[str, ...], workspace: str) -> None:
    """Take people from a list."""
    changed = in_yard(lambda place: place.yard.lists.take(place.workspace_id, name, people), workspace)
    put({"changed": changed}, lambda: say(f"{changed} fewer are on {name} now."))


@click.group(cls=Group)
def segments() -> None:
    """People found by a filter, such as: tag = vip and delivered within 30 days and not replied ever."""


@segments.command("list", example="sendyard segments list")
@workspace_option
def segments_list(workspace: str) -> None:
    """Show every saved filter."""
    found = in_yard(lambda place: place.yard.segments.list(place.workspace_id), workspace)
    rows = [(one["name"], one["filter"], one["id"]) for one in found]
    put({"data": found}, lambda: table(("name", "filter", "id"), rows, empty="There are no segments yet."))


@segments.command("add", example='sendyard segments add "Silent" "delivered within 90 days and replied never"')
@click.argument("name")
@click.argument("text", metavar="FILTER")
@workspace_option
def segments_add(name: str, text: str, workspace: str) -> None:
    """Save a filter."""
    with _pointed():
        made = in_yard(
            lambda place: place.yard.segments.add(place.workspace_id, name=name, question=Question(text)), workspace
        )
    put(made, lambda: say(f"Saved {made['name']}."))


@segments.command("edit", example='sendyard segments edit Silent --filter "delivered within 60 days and replied never"')
@click.argument("segment", metavar="NAME|ID")
@click.option("--name", default=None, help="What it is called from now on.")
@click.option("--filter", "text", default=None)
@workspace_option
def segments_edit(segment: str, name: str | None, text: str | None, workspace: str) -> None:
    """Change a saved filter; campaigns whose audience was found already keep theirs."""
    question = None if text is None else Question(text)
    with _pointed():
        changed = in_yard(
            lambda place: place.yard.segments.edit(place.workspace_id, segment, name=name, question=question), workspace
        )
    put(changed, lambda: say(f"Changed {changed['name']}: {changed['filter']}"))


@segments.command("remove", example="sendyard segments remove Silent")
@click.argument("name", metavar="NAME|ID")
@workspace_option
def segments_remove(name: str, workspace: str) -> None:
    """Remove a saved filter; its people stay."""
    in_yard(lambda place: place.yard.segments.remove(place.workspace_id, name), workspace)
    put({"removed": name}, lambda: say(f"Removed {name}."))


@segments.command(
    "count", example='sendyard segments count "tag = vip and country = TW"\nsendyard segments count @Silent'
)
@click.argument("text", metavar="FILTER|@NAME")
@workspace_option
def segments_count(text: str, workspace: str) -> None:
    """Count whom a filter, or with @ a saved one, finds now."""

    async def work(place: Place) -> dict[str, Any]:
        if text.startswith("@"):
            return await place.yard.segments.count_saved(place.workspace_id, text[1:])
        return await place.yard.segments.count(place.workspace_id, Question(text))

    with _pointed():
        found = in_yard(work, workspace)
    put(found, lambda: say(f"{found['count']:,} people."))


@contextlib.contextmanager
def _pointed() -> Iterator[None]:
    """Show where a filter cannot be read before the error itself is told."""
    try:
        yield
    except FilterError as error:
        note(error.pointed)
        raise
