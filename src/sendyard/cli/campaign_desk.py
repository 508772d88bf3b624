"""
Campaigns: changing, copying and clearing away, tests to the team, and the second person's word.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import click

from sendyard.cli.campaign_plans import plan_options, plan_parts, who
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import put, say, table
from sendyard.cli.sending import files_named
from sendyard.cli.shape import NOT_DONE, PARTLY_DONE, Group, NotDone
from sendyard.features.campaigns.oversight.approvals import Policy


def add_to(campaign: Group) -> None:
    """Add these commands to `sendyard campaign`."""
    for command in (edit, duplicate, delete, archive, unarchive, test, approve, reject, policy):
        campaign.add_command(command)


@click.group(cls=Group)
def desk() -> None:
    """Stands in for `sendyard campaign`, which takes these commands over."""


@desk.command(
    "edit",
    example="sendyard campaign edit ID --name 'May offer' --throttle 20/s\nsendyard campaign edit ID --throttle none",
)
@click.argument("campaign_id", metavar="ID")
@click.option("--name")
@click.option("--sender")
@click.option("--expires-in", type=int, metavar="SECONDS")
@click.option("--media", "media", multiple=True, metavar="FILE|ID|URL", help="All files of a draft; or none.")
@plan_options
@workspace_option
def edit(*, campaign_id: str, name: str | None, sender: str | None, expires_in: int | None, media: tuple[str, ...],
         workspace: str, **plan: Any) -> None:  # fmt: skip
    """Change a draft; name, throttle, budget and the rules of pausing also while it is under way."""
    given = {"name": name, "sender": sender, "expires_in": expires_in}
    changes = {key: value for key, value in given.items() if value is not None} | plan_parts(plan)
    if not changes and not media:
        raise click.UsageError("Say what is to be changed, such as --name or --throttle.")

    async def work(place: Place) -> dict[str, Any]:
        files = {"media": await files_named(place, media)} if media else {}
        return await place.yard.campaign_changes.edit(place.workspace_id, campaign_id, changes | files, by=who())

    _one(work, workspace)


@desk.command("duplicate", example="sendyard campaign duplicate ID --name 'May offer, again'")
@click.argument("campaign_id", metavar="ID")
@click.option("--name", default="", help='When left out, the name with ", copy" behind it.')
@workspace_option
def duplicate(campaign_id: str, name: str, workspace: str) -> None:
    """Make a copy: files and numbers as they were, lists and segments asked anew."""
    _one(
        lambda place: place.yard.campaign_changes.duplicate(place.workspace_id, campaign_id, name=name, by=who()),
        workspace,
    )


@desk.command("delete", example="sendyard campaign delete ID")
@click.argument("campaign_id", metavar="ID")
@workspace_option
def delete(campaign_id: str, workspace: str) -> None:
    """Delete a draft with its rows; what was started stays and can be archived."""

    async def work(place: Place) -> None:
        await place.yard.campaign_changes.delete(place.workspace_id, campaign_id)

    in_yard(work, workspace)
    put({"id": campaign_id, "deleted": True}, lambda: say("The draft is deleted."))


@desk.command("archive", example="sendyard campaign archive ID")
@click.argument("campaign_id", metavar="ID")
@workspace_option
def archive(campaign_id: str, workspace: str) -> None:
    """Put away what is over, so that lists do not show it."""
    _one(lambda place: place.yard.campaign_changes.archive(place.workspace_id, campaign_id), workspace)


@desk.command("unarchive", example="sendyard campaign unarchive ID")
@click.argument("campaign_id", metavar="ID")
@workspace_option
def unarchive(campaign_id: str, workspace: str) -> None:
    """Take back what was put away."""
    _one(lambda place: place.yard.campaign_changes.archive(place.workspace_id, campaign_id, archived=False), workspace)


@desk.command(
    "test",
    example="sendyard campaign test ID\nsendyard campaign test ID --to +886912345678 --row 7\n"
    "sendyard campaign test ID --variant warm",
)
@click.argument("campaign_id", metavar="ID")
@click.option("--to", "to", multiple=True, metavar="ADDRESS", help="Of the team; everybody when left out.")
@click.option("--row", type=click.IntRange(1), help="Whose values are filled in; the first good row when left out.")
@click.option("--variant", default="", metavar="NAME", help="Of an experiment; every one when left out.")
@workspace_option
def test(*, campaign_id: str, to: tuple[str, ...], row: int | None, variant: str, workspace: str) -> None:
    """Send what one row gets to the team (`sendyard team`), as messages of their own."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.campaign_tests.send(place.workspace_id, campaign_id, to=to, row=row, variant=variant)

    sent = in_yard(work, workspace)
    put(
        {"data": sent},
        lambda: table(
            ("to", "variant", "message", "why not"),
            [(one["to"], one["variant"], one["message_id"] or "", one["error"] or "") for one in sent],
            empty="",
        ),
    )
    failed = sum(1 for one in sent if one["error"])
    if failed:
        raise NotDone(NOT_DONE if failed == len(sent) else PARTLY_DONE)


@desk.command("approve", example="sendyard campaign approve ID --note 'checked the prices'")
@click.argument("campaign_id", metavar="ID")
@click.option("--note", default="")
@workspace_option
def approve(campaign_id: str, note: str, workspace: str) -> None:
    """Let a campaign that waits for a second person start; not your own."""
    _decide(campaign_id, note, workspace, yes=True)


@desk.command("reject", example="sendyard campaign reject ID --note 'not on a Sunday'")
@click.argument("campaign_id", metavar="ID")
@click.option("--note", default="")
@workspace_option
def reject(campaign_id: str, note: str, workspace: str) -> None:
    """Do not let it start; it stays a draft."""
    _decide(campaign_id, note, workspace, yes=False)


@desk.command(
    "policy",
    example="sendyard campaign policy\nsendyard campaign policy --recipients 10000 --cost 100.00 --currency USD\n"
    "sendyard campaign policy --off",
)
@click.option("--recipients", type=click.IntRange(0), help="A second person approves above so many.")
@click.option("--cost", metavar="AMOUNT", help="Or above this price.")
@click.option("--currency", default="", metavar="CUR")
@click.option("--off", is_flag=True, help="Nobody has to approve.")
@workspace_option
def policy(*, recipients: int | None, cost: str | None, currency: str, off: bool, workspace: str) -> None:
    """Show or say what needs a second person."""

    async def work(place: Place) -> Policy:
        approvals = place.yard.campaign_approvals
        if off or recipients is not None or cost is not None:
            return await approvals.set_policy(
                place.workspace_id, recipients=recipients, cost=cost, currency=currency.upper()
            )
        return await approvals.policy(place.workspace_id)

    found = in_yard(work, workspace)
    price = None if found.cost is None else f"{found.cost:f}"

    def write() -> None:
        above = [f"{found.recipients:,} recipients"] if found.recipients is not None else []
        above += [f"{price} {found.currency}"] if price is not None else []
        say(f"A second person approves above {' or '.join(above)}." if above else "Nobody has to approve.")

    put({"recipients": found.recipients, "cost": price, "currency": found.currency}, write)


def _decide(campaign_id: str, note: str, workspace: str, *, yes: bool) -> None:
    _one(
        lambda place: place.yard.campaign_approvals.approve(
            place.workspace_id, campaign_id, by=who(), yes=yes, note=note
        ),
        workspace,
    )


def _one(action: Callable[[Place], Awaitable[dict[str, Any]]], workspace: str) -> None:
    async def work(place: Place) -> dict[str, Any]:
        return await action(place)

    found = in_yard(work, workspace)
    put(found, lambda: say(f"{found['name']} is {found['status']} ({found['id']})."))
