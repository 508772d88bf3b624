"""
Texts registered at India's DLT portals.
"""

from pathlib import Path
from typing import Any

import click

from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import put, say, table
from sendyard.cli.shape import NOT_DONE, PARTLY_DONE, Group, NotDone
from sendyard.domain.countries.situation import Registration

BY = "command line"
CATEGORY = click.Choice(["transactional", "service_implicit", "service_explicit", "promotional"])
STATE = click.Choice([one.value for one in Registration])


@click.group("templates", cls=Group)
def templates() -> None:
    """Texts registered at India's DLT portals, by their 19 digits."""


@templates.command("list", example="sendyard compliance templates list --state approved")
@click.option("--state", type=STATE, help="Only those of this state.")
@click.option("--category", type=CATEGORY, help="Only those of this category.")
@click.option("--after", default="", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@workspace_option
def templates_list(state: str | None, category: str | None, after: str, limit: int, workspace: str) -> None:
    """List registered texts in the order of their ids."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.registered_texts.list(
            place.workspace_id, state=state or "", category=category or "", after=after, limit=limit + 1
        )

    found = in_yard(work, workspace)
    shown = found[:limit]
    following = shown[-1]["id"] if len(found) > limit else None

    def write() -> None:
        rows = [(t["id"], t["name"], t["category"], t["state"], t["senders"] or "", t["text"]) for t in shown]
        columns = ("id", "name", "category", "state", "headers", "text")
        table(columns, rows, empty="No registered text is known.")
        if following:
            say(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


@templates.command("import", example="sendyard compliance templates import templates.csv --state approved")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--state", type=STATE, help="Of rows that tell none.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@workspace_option
def templates_import(file: Path, state: str | None, dry_run: bool, workspace: str) -> None:
    """Take over a list as a DLT portal exports it, CSV in UTF-8 or UTF-16; repeating it changes nothing."""
    text = _read(file)

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.registered_texts.load(
            place.workspace_id, text, state=state or "", dry_run=dry_run, by=BY
        )

    done = in_yard(work, workspace)

    def write() -> None:
        words = "Would be" if dry_run else "Were"
        say(f"{words}: {done['added']:,} added, {done['changed']:,} changed, {done['unchanged']:,} left as they are.")
        for one in done["verdicts"]:
            for sentence in filter(None, (one["detail"], *one["remarks"])):
                say(f"row {one['row']}: {'refused: ' if one['code'] else ''}{sentence}")

    put(done, write)
    if done["refused"]:
        raise NotDone(PARTLY_DONE if done["refused"] < done["rows"] else NOT_DONE)


@templates.command(
    "set",
    example="sendyard compliance templates set 1107234567890123456 --state approved --category service_implicit \\\n"
    "  --text 'Hi {#var#}, your ACME order {#var#} is packed.' --header ACMEIN",
)
@click.argument("template", metavar="ID")
@click.option("--text", help="Exactly as approved.")
@click.option("--name", help="As the portal shows it.")
@click.option("--category", type=CATEGORY)
@click.option("--state", type=STATE, help="What the portal says of it.")
@click.option("--header", "senders", metavar="HEADER", multiple=True, help="A linked header; replaces those known.")
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="The kind of each variable in order, as numeric.")
@workspace_option
def templates_set(
    *, template: str, senders: tuple[str, ...], tags: tuple[str, ...], workspace: str, **given: str | None
) -> None:
    """Enter a registered text by hand, or change it; what is left out stays as it was."""
    changes: dict[str, Any] = {name: told for name, told in given.items() if told is not None}
    changes |= {name: list(told) for name, told in (("senders", senders), ("tags", tags)) if told}

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.registered_texts.put(place.workspace_id, template, changes, by=BY)

    found = in_yard(work, workspace)
    put(found, lambda: say(f"{found['id']} is {found['state']}, {found['category'] or 'of no known category'}."))


@templates.command("remove", example="sendyard compliance templates remove 1107234567890123456")
@click.argument("template", metavar="ID")
@workspace_option
def templates_remove(template: str, workspace: str) -> None:
    """Forget a registered text."""
    in_yard(lambda place: place.yard.registered_texts.delete(place.workspace_id, template, by=BY), workspace)
    put({"removed": template}, lambda: say(f"Removed {template}."))


def _read(file: Path) -> str:
    raw = file.read_bytes()
    encoding = "utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        raise click.BadParameter(
            "expected a file in UTF-8 or UTF-16, found another encoding", param_hint="FILE"
        ) from None
