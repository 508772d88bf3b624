"""
Rules a person sets aside, and the preflight results that show which were used.
"""

import json
from datetime import datetime
from typing import Any

import click

from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import put, say, table, when
from sendyard.cli.shape import Command, Group
from sendyard.features.connections.compliance.waivers import ROLES

BY = "command line"


@click.group("waivers", cls=Group)
def waivers() -> None:
    """Rules set aside, with who decided and why."""


@waivers.command(
    "add",
    example='sendyard compliance waivers add tw.hours --campaign ID --who "Lin Yi" --reason "people asked for 21:15"\n'
    'sendyard compliance waivers add us.opt_out --until 2027-01-31T00:00:00Z --role owner --who "Ann Lee" \\\n'
    '  --reason "our short code adds the line"',
)
@click.argument("rule", metavar="RULE")
@click.option("--who", required=True, metavar="NAME", help="The person who decides.")
@click.option("--reason", required=True, help="Why, in three words or more.")
@click.option("--role", type=click.Choice(ROLES), default="manager", show_default=True, help="As what they decide.")
@click.option("--campaign", default="", metavar="ID", help="For one campaign.")
@click.option("--until", metavar="TIME", help="For the whole workspace: when it ends, as 2027-01-31T00:00:00Z.")
@workspace_option
def waivers_add(
    *, rule: str, who: str, reason: str, role: str, campaign: str, until: str | None, workspace: str
) -> None:
    """Set RULE aside for a campaign, or for the whole workspace until a moment."""
    ends = _moment(until) if until else None

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.waivers.add(
            place.workspace_id,
            rule=rule,
            who=who,
            reason=reason,
            role=role,
            campaign=campaign,
            until=ends,
            by=BY,
            as_owner=True,
        )

    found = in_yard(work, workspace)
    end = f"until {when(found['until'])}" if found["until"] else "for the campaign"
    put(_shown(found), lambda: say(f"{rule} is set aside {end}, decided by {who}. Id: {found['id']}"))


@waivers.command("list", example="sendyard compliance waivers list --in-force")
@click.option("--campaign", default="", metavar="ID", help="Only those of this campaign.")
@click.option("--in-force", is_flag=True, help="Only those that hold now.")
@click.option("--after", default="", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@workspace_option
def waivers_list(campaign: str, in_force: bool, after: str, limit: int, workspace: str) -> None:
    """List rules set aside, newest first; those withdrawn or run out too."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.waivers.list(
            place.workspace_id, campaign=campaign or None, in_force=in_force, after=after, limit=limit + 1
        )

    found = in_yard(work, workspace)
    shown = [_shown(one) for one in found[:limit]]
    following = shown[-1]["id"] if len(found) > limit else None

    def write() -> None:
        columns = ("rule", "for", "in force", "who", "as", "why", "since", "id")
        rows = [
            (
                one["rule"],
                one["campaign"] or f"everything until {one['until']}",
                one["in_force"],
                one["who"],
                one["role"],
                one["reason"],
                when(one["created_at"]),
                one["id"],
            )
            for one in shown
        ]
        table(columns, rows, empty="No rule is set aside.")
        if following:
            say(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


@waivers.command("withdraw", example="sendyard compliance waivers withdraw ID")
@click.argument("waiver", metavar="ID")
@workspace_option
def waivers_withdraw(waiver: str, workspace: str) -> None:
    """End a waiver at once; it stays on record."""
    found = in_yard(lambda place: place.yard.waivers.withdraw(place.workspace_id, waiver, by=BY), workspace)
    put(_shown(found), lambda: say(f"{found['rule']} is asked again."))


@click.command("evidence", cls=Command, example="sendyard compliance evidence CAMPAIGN-ID")
@click.argument("campaign", metavar="CAMPAIGN")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True)
@workspace_option
def evidence(campaign: str, limit: int, workspace: str) -> None:
    """Show what the preflight of CAMPAIGN said when it started, and which waivers were used."""
    found = in_yard(lambda place: place.yard.waivers.evidence(place.workspace_id, campaign, limit=limit), workspace)
    shown = [
        {
            "id": one["id"],
            "campaign": one["campaign_id"],
            "at": when(one["at"]),
            "rules_revision": one["rules_revision"],
            "waivers": [_shown(used) for used in one["waivers"]],
            "report": one["report"],
        }
        for one in found
    ]

    def write() -> None:
        for one in shown:
            say(f"{one['at']}, rules {one['rules_revision']}")
            for used in one["waivers"]:
                say(f"  {used['rule']} set aside by {used['who']} ({used['role']}): {used['reason']}")
            say(json.dumps(one["report"], ensure_ascii=False, indent=2))
        if not shown:
            say("No preflight was kept; one is when a campaign starts.")

    put({"data": shown, "next": None}, write)


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    """A waiver as the API names it."""
    told = {name: value for name, value in found.items() if name != "campaign_id"}
    return told | {"campaign": found["campaign_id"], "until": when(found["until"]) or None}


def _moment(given: str) -> datetime:
    try:
        return datetime.fromisoformat(given).astimezone()
    except ValueError:
        detail = f"expected a time such as 2027-01-31T00:00:00Z, found {given!r:.50}"
        raise click.BadParameter(detail, param_hint="--until") from None
