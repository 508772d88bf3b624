"""
API keys.
"""

from typing import Any

import click

from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import put, say, table, when
from sendyard.cli.shape import Group
from sendyard.features.people import SCOPES


@click.group(cls=Group)
def keys() -> None:
    """API keys; each belongs to one workspace and is shown once."""


@keys.command("create", example='sendyard keys create "shop" --scope messages:send --scope messages:read')
@click.argument("name")
@click.option(
    "--kind",
    default="live",
    show_default=True,
    help="live; team: reaches the workspace's team only; test: reaches emulated accounts only.",
)
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help=f"What it may do; everything when left out. "
              f"One of: {', '.join(SCOPES)}.")  # fmt: skip
@workspace_option
def keys_create(name: str, kind: str, scopes: tuple[str, ...], workspace: str) -> None:
    """Make a key called NAME and print it, this once."""

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.keys.create(place.workspace_id, name=name, kind=kind, scopes=scopes or ("*",))

    made = in_yard(work, workspace)

    def write() -> None:
        say(made["key"])
        say(f"Keep it now: it is not shown again. It may: {', '.join(made['scopes'])}. Its id is {made['id']}.")

    put(made, write)


@keys.command("list", example="sendyard keys list")
@workspace_option
def keys_list(workspace: str) -> None:
    """List the keys by their first characters."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.keys.list(place.workspace_id)

    found = in_yard(work, workspace)
    put(
        found,
        lambda: table(
            ("name", "kind", "begins with", "may", "created", "revoked", "id"),
            [
                (k["name"], k["kind"], k["hint"], k["scopes"], when(k["created_at"]), when(k["revoked_at"]), k["id"])
                for k in found
            ],
            empty="There are no keys yet; `sendyard keys create` makes one.",
        ),
    )


@keys.command("revoke", example="sendyard keys revoke 0192f0c1-0000-7000-8000-000000000000")
@click.argument("key_id", metavar="ID")
@workspace_option
def keys_revoke(key_id: str, workspace: str) -> None:
    """End the key with ID, within two seconds everywhere."""

    async def work(place: Place) -> None:
        await place.yard.keys.revoke(place.workspace_id, key_id)

    in_yard(work, workspace)
    put({"id": key_id, "revoked": True}, lambda: say("The key is revoked."))
