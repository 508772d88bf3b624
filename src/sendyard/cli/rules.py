"""
The rules of countries and channels.
"""

from typing import Any

import click

from sendyard.cli.inspecting import CHANNEL
from sendyard.cli.printing import facts, put, say, table
from sendyard.cli.shape import Group
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.rules import Level
from sendyard.features.connections.compliance import rule_book, rule_of


@click.group(cls=Group)
def rules() -> None:
    """What the law of countries and the terms of channels ask, with sources."""


@rules.command(
    "list", example="sendyard rules list --country KR --purpose promotional\nsendyard rules list --level block"
)
@click.option("--country", default="", metavar="CC", help="Only what a message to this country is asked.")
@click.option("--channel", type=CHANNEL, help="Only what a message on this channel is asked.")
@click.option("--purpose", type=click.Choice([one.value for one in Purpose]), help="Only what such a message is asked.")
@click.option("--level", type=click.Choice([one.value for one in Level]), help="Only rules of this level.")
@click.option("--waivable/--not-waivable", default=None, help="Only rules that a person may, or may not, set aside.")
def rules_list(
    country: str, channel: str | None, purpose: str | None, level: str | None, waivable: bool | None
) -> None:
    """List rules in the order in which they are asked."""
    found = rule_book(
        country=country,
        channel=Channel(channel) if channel else None,
        purpose=Purpose(purpose) if purpose else None,
        level=Level(level) if level else None,
        waivable=waivable,
    )
    rows = [(one["id"], _level(one), one["what"], one["waiver"]) for one in found]
    put(
        {"data": found, "next": None},
        lambda: table(("rule", "level", "what", "set aside by"), rows, empty="No rule is like that."),
    )


@rules.command("show", example="sendyard rules show kr.night")
@click.argument("rule", metavar="RULE")
def rules_show(rule: str) -> None:
    """Show one rule: what it asks, why, how to meet it and who may set it aside."""
    found = rule_of(rule)
    (source,) = found["sources"]

    def write() -> None:
        facts(
            {
                "rule": found["id"],
                "of": f"{found['pack_name']} {', '.join(found['countries'])}".strip(),
                "for": f"{', '.join(found['purposes'])} on {', '.join(found['channels'])}",
                "level": _level(found),
                "why": found["why"],
                "source": source["url"],
            }
        )
        for sentence in (found["what"], found["satisfy"], found["how_to_waive"]):
            say(f"\n{sentence}")

    put(found, write)


def _level(rule: dict[str, Any]) -> str:
    return f"{rule['level']}, uncertain" if rule["certainty"] == "uncertain" else str(rule["level"])
