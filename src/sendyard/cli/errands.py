"""
Errands: what providers are told and asked beside messages.
"""

from typing import Any

import click

from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import note, put, say, table, when
from sendyard.cli.shape import Group, NotDone
from sendyard.features.audience.errands.running import KINDS, STATES


@click.group(cls=Group)
def errands() -> None:
    """What providers are told and asked beside messages, until they have answered."""


@errands.command("list", example="sendyard errands list --state waiting")
@click.option("--kind", type=click.Choice(KINDS), default=None)
@click.option("--state", type=click.Choice(STATES), default=None)
@click.option("--after", default="", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@workspace_option
def errands_list(kind: str | None, state: str | None, after: str, limit: int, workspace: str) -> None:
    """List errands in the order they were first asked for."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.errands.list(
            place.workspace_id, kind=kind or "", state=state or "", after=after, limit=limit + 1
        )

    found = in_yard(work, workspace)
    shown = found[:limit]
    following = shown[-1]["id"] if len(found) > limit else None

    def write() -> None:
        table(
            ("account", "kind", "about", "state", "tries", "next try", "answer"),
            [
                (e["account"], e["kind"], e["subject"], e["state"], e["tries"], when(e["next_try_at"]),
                 e["error"] or e["result"])
                for e in shown
            ],
            empty="There are none.",
        )  # fmt: skip
        if following:
            note(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


@errands.command("opt-out-number", example="sendyard errands opt-out-number kr-main 080-123-4567")
@click.argument("account", metavar="ACCOUNT")
@click.argument("number", default="")
@click.option("--code", default="", help="What people type there, where its operator asks for something.")
@workspace_option
def opt_out_number(account: str, number: str, code: str, workspace: str) -> None:
    """Tell a provider the free NUMBER people refuse by; the workspace's own when left out."""
    tell(
        in_yard(
            lambda p: p.yard.errands.register_opt_out_number(p.workspace_id, account=account, number=number, code=code),
            workspace,
        )
    )


def tell(errand: dict[str, Any]) -> None:
    """Say how an errand stands, and end with 1 when it was refused."""

    def write() -> None:
        match errand["state"]:
            case "done":
                say(f"Done at {errand['account']}{': ' * bool(errand['result'])}{errand['result']}.")
            case "waiting":
                say(f"{errand['error']} A running server tries again at {when(errand['next_try_at'])}.")
            case _:
                say(errand["error"])

    put(errand, write)
    if errand["state"] == "refused":
        raise NotDone
