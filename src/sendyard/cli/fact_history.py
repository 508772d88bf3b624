"""
The history of facts: `sendyard compliance history`.
"""

import json

import click

from sendyard.cli.opening import in_yard, workspace_option
from sendyard.cli.printing import put, say, table, when
from sendyard.cli.shape import Command
from sendyard.features.connections.compliance.history import SUBJECTS


@click.command("history", cls=Command, example="sendyard compliance history --subject sender --name 16009064")
@click.option("--subject", type=click.Choice(SUBJECTS), help="Only changes of this kind.")
@click.option("--name", default="", metavar="NAME", help="Only those of this sender or registered text.")
@click.option("--after", default="", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@workspace_option
def history(subject: str | None, name: str, after: str, limit: int, workspace: str) -> None:
    """List every change of facts, newest first: who, when, from what to what."""
    found = in_yard(
        lambda place: place.yard.fact_history.list(
            place.workspace_id, subject=subject or "", name=name, after=after, limit=limit + 1
        ),
        workspace,
    )
    shown = found[:limit]
    following = shown[-1]["id"] if len(found) > limit else None

    def write() -> None:
        rows = [
            (when(one["at"]), one["by"], f"{one['subject']} {one['name']}".strip(),
             one["account"]["name"] if one["account"] else "every", field, _text(change["from"]), _text(change["to"]))
            for one in shown
            for field, change in one["changes"].items()
        ]  # fmt: skip
        table(("when", "by", "what", "account", "field", "from", "to"), rows, empty="Nothing was ever told.")
        if following:
            say(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
