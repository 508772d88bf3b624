"""
Data records: tables whose rows fill templates.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sendyard.bootstrap.sheets import open_sheet
from sendyard.cli.connections import pairs_of
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, put, say, table, when
from sendyard.cli.shape import NOT_DONE, PARTLY_DONE, Group, NotDone


@click.group(cls=Group)
def records() -> None:
    """Flights, orders, appointments: rows that fill the variables of a template."""


@records.command("list", example="sendyard records list")
@workspace_option
def records_list(workspace: str) -> None:
    """List the tables with their columns."""
    found = in_yard(lambda place: place.yard.records.list(place.workspace_id), workspace)

    def write() -> None:
        rows = [(one["name"], one["prefix"], one["key"], f"{one['rows']:,}", _columns(one)) for one in found]
        table(("table", "prefix", "key", "rows", "columns"), rows,
              empty="There are no tables yet; `sendyard records import FILE --table NAME` makes one.")  # fmt: skip

    put({"data": found}, write)


@records.command("add", example="sendyard records add flights --key number --column number=text --column date=date")
@click.argument("name")
@click.option("--key", required=True, metavar="COLUMN", help="What tells rows apart.")
@click.option("--column", "columns", metavar="NAME=TYPE", multiple=True, required=True, help="TYPE may be money:TWD.")
@click.option("--prefix", default="", help="Before the dot of a variable, as in {flight.gate}; NAME when left out.")
@workspace_option
def records_add(name: str, key: str, columns: tuple[str, ...], prefix: str, workspace: str) -> None:
    """Make a table."""
    typed = _types("--column", columns)
    made = in_yard(
        lambda place: place.yard.records.add(place.workspace_id, name=name, key=key, columns=typed, prefix=prefix),
        workspace,
    )
    put(made, lambda: say(f"Made the table {name} with the columns {_columns(made)}."))


@records.command(
    "import", example="sendyard records import flights.csv --table flights --type date=date --prefix flight"
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--table", "name", required=True, metavar="NAME", help="Made of the file's header if it is not there.")
@click.option("--key", default="", metavar="COLUMN", help="Of a new table: what tells rows apart; the first column.")
@click.option("--type", "types", metavar="COLUMN=TYPE", multiple=True, help="What a column holds that is not text.")
@click.option("--prefix", default="", help="Of a new table: before the dot of a variable, as in {flight.gate}.")
@click.option("--country", default="", metavar="CC", help="By which days such as 5/3/2026 are read.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@workspace_option
def records_import(
    *,
    file: Path,
    name: str,
    key: str,
    types: tuple[str, ...],
    prefix: str,
    country: str,
    dry_run: bool,
    workspace: str,
) -> None:
    """Import FILE (CSV, TSV or XLSX); giving it again changes nothing but what differs."""
    columns = _types("--type", types)
    land = country.upper()

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.records.take(
            place.workspace_id,
            name,
            open_sheet(file, country=land),
            key=key,
            columns=columns,
            prefix=prefix,
            country=land,
            dry_run=dry_run,
        )

    found = in_yard(work, workspace)

    def write() -> None:
        facts({what: f"{found[what]:,}" for what in ("rows", "added", "updated", "unchanged", "refused")})
        for one in found["refusals"]:
            say(f"row {one['row']}: {one['detail']}")

    put(found, write)
    if found["refused"]:
        raise NotDone(PARTLY_DONE if found["refused"] < found["rows"] else NOT_DONE)


@records.command("rows", example="sendyard records rows flights")
@click.argument("name", metavar="TABLE")
@click.option("--after", default="", metavar="KEY", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@workspace_option
def records_rows(name: str, after: str, limit: int, workspace: str) -> None:
    """List rows by key."""

    async def work(place: Place) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
        shape = await place.yard.records.get(place.workspace_id, name)
        return shape, await place.yard.records.rows(place.workspace_id, name, after=after, limit=limit + 1)

    shape, found = in_yard(work, workspace)
    shown = found[:limit]
    following = shown[-1]["key"] if len(found) > limit else None

    def write() -> None:
        columns = list(shape["columns"])
        rows = [(*(row["values"].get(column, "") for column in columns), when(row["updated_at"])) for row in shown]
        table((*columns, "changed"), rows, empty=f"{name} has no rows.")
        if following:
            say(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


@records.command("remove", example="sendyard records remove flights\nsendyard records remove flights BW120")
@click.argument("name", metavar="TABLE")
@click.argument("key", required=False, default="")
@workspace_option
def records_remove(name: str, key: str, workspace: str) -> None:
    """Remove a table, or only its row KEY; messages made of it stay."""

    async def work(place: Place) -> None:
        if key:
            await place.yard.records.remove_row(place.workspace_id, name, key)
        else:
            await place.yard.records.remove(place.workspace_id, name)

    in_yard(work, workspace)
    put({"removed": key or name}, lambda: say(f"Removed {key or name}."))


def _types(option: str, given: Sequence[str]) -> dict[str, Any]:
    """`date=date`, and `price=money:TWD` for amounts that bring no currency."""
    found: dict[str, Any] = {}
    for name, written in pairs_of(option, given).items():
        kind, _, currency = written.partition(":")
        found[name] = {"type": kind, "currency": currency} if currency else kind
    return found


def _columns(shown: dict[str, Any]) -> str:
    return ", ".join(f"{name} ({one['type']})" for name, one in shown["columns"].items())
