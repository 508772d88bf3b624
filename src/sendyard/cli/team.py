"""
The team: who gets test messages, and whom keys of the kind team reach.
"""

from typing import Any

import click

from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import put, say, table, when
from sendyard.cli.shape import Group


@click.group(cls=Group)
def team() -> None:
    """People who get test messages; keys of the kind team reach nobody else."""


@team.command("add", example="sendyard team add Mina --address 0912345678 --country TW")
@click.argument("name")
@click.option("--address", "addresses", multiple=True, required=True, metavar="ADDRESS",
              help="A number, or an id of WhatsApp or LINE; may be repeated.")  # fmt: skip
@click.option("--country", default="", metavar="CC", help="By which numbers without a country code are read.")
@workspace_option
def add(name: str, addresses: tuple[str, ...], country: str, workspace: str) -> None:
    """Add NAME to the team."""

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.team.add(place.workspace_id, name=name, addresses=addresses, country=country.upper())

    made = in_yard(work, workspace)
    put(made, lambda: say(f"{made['name']} is in the team: {', '.join(made['addresses'])} ({made['id']})."))


@team.command("list", example="sendyard team list")
@workspace_option
def list_(workspace: str) -> None:
    """List everybody, oldest first."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.team.list(place.workspace_id)

    found = in_yard(work, workspace)
    put(
        {"data": found, "next": None},
        lambda: table(
            ("name", "addresses", "since", "id"),
            [(one["name"], ", ".join(one["addresses"]), when(one["created_at"]), one["id"]) for one in found],
            empty="Nobody is in the team yet; `sendyard team add` adds somebody.",
        ),
    )


@team.command("remove", example="sendyard team remove ID")
@click.argument("member_id", metavar="ID")
@workspace_option
def remove(member_id: str, workspace: str) -> None:
    """Remove somebody."""

    async def work(place: Place) -> None:
        await place.yard.team.remove(place.workspace_id, member_id)

    in_yard(work, workspace)
    put({"id": member_id, "removed": True}, lambda: say("Removed from the team."))
