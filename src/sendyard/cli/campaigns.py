"""
Campaigns: one template to everybody in a file.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from sendyard.cli import campaign_desk, experiments
from sendyard.cli.campaign_plans import plan_options, plan_parts, who
from sendyard.cli.foretelling import show_forecast
from sendyard.cli.inspecting import CHANNEL
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.papers import page_option, write_preflight
from sendyard.cli.printing import note, put, say, table, when
from sendyard.cli.sending import files_named
from sendyard.cli.shape import NOT_DONE, PARTLY_DONE, Group, NotDone
from sendyard.cli.showing import in_words
from sendyard.cli.watching import watch_campaign
from sendyard.delivery.forecast import Forecast, Level, document
from sendyard.domain.status import CampaignStatus
from sendyard.features.campaigns.plan import Audience, Plan, Record

_PAGE = 1000
_MOST_SHOWN = 50


@click.group(cls=Group)
def campaign() -> None:
    """One message to many people; a running `sendyard serve` or `worker` sends it."""


@campaign.command(
    "create",
    example="sendyard campaign create --csv people.csv --template arrival --country TW\n"
    'sendyard campaign create --list vip --exclude-segment recent --text "Hi {name}" --name "May offer"'
    " --at 2026-12-24T18:00 --zone Asia/Taipei --wave 5%,30,3 --start",
)
@click.option("--csv", "--file", "file", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True),
              help="CSV or XLSX, a row for each person; - is standard input.")  # fmt: skip
@click.option("--list", "lists", multiple=True, metavar="NAME", help="Everybody on this list; may be repeated.")
@click.option("--segment", "segments", multiple=True, metavar="NAME", help="Everybody in this segment.")
@click.option("--exclude-list", "exclude_lists", multiple=True, metavar="NAME")
@click.option("--exclude-segment", "exclude_segments", multiple=True, metavar="NAME")
@click.option("--contact", "contacts", multiple=True, metavar="ID")
@click.option("--to", "numbers", multiple=True, metavar="NUMBER")
@click.option("--contact-fields", is_flag=True, help="Contacts fill in what the file has no column for.")
@click.option("--record", metavar="TABLE:KEY", help="A row of a table of records that fills variables for everybody.")
@click.option("--media", "media", multiple=True, metavar="FILE|ID|URL",
              help="A file for everybody: of an MMS, or in the header of a WhatsApp template.")  # fmt: skip
@click.option("--template", "code", metavar="CODE", help="Its variables are columns of the file.")
@click.option("--text", help="Instead of a template: a text for this campaign alone.")
@click.option("--name", default="", help="What people call it; the file's name when left out.")
@click.option("--channel", type=CHANNEL, default="sms", show_default=True)
@click.option(
    "--purpose", type=click.Choice(["promotional", "transactional"]), default="promotional", show_default=True
)
@click.option("--country", default="", metavar="CC", help="By which numbers without a country code are read.")
@click.option(
    "--phone-column", default="", metavar="NAME", help="The column of the numbers, if its name does not tell."
)
@click.option("--sender", default="", help="As the provider knows it; the account's own when left out.")
@click.option("--expires-in", type=int, default=86_400, show_default=True, metavar="SECONDS")
@click.option("--account", default="", help="The one account to use; its routes decide when left out.")
@plan_options
@experiments.experiment_options
@click.option("--start", is_flag=True, help="Start it as soon as its people are known.")
@workspace_option
def create(
    *,
    file: str | None,
    lists: tuple[str, ...],
    segments: tuple[str, ...],
    exclude_lists: tuple[str, ...],
    exclude_segments: tuple[str, ...],
    contacts: tuple[str, ...],
    numbers: tuple[str, ...],
    contact_fields: bool,
    record: str | None,
    media: tuple[str, ...],
    account: str,
    code: str | None,
    text: str | None,
    name: str,
    channel: str,
    purpose: str,
    country: str,
    phone_column: str,
    sender: str,
    expires_in: int,
    start: bool,
    workspace: str,
    **planned: Any,
) -> None:
    """
    Keep who is meant as a draft; every row that cannot be used is told with its number and the reason.

    People of lists and segments are looked for by a running `sendyard serve` or `worker`.

    Exit code 3: the draft is made, and some rows are left out.
    """
    content = None
    if file is not None:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    audience = Audience(lists=lists, segments=segments, exclude_lists=exclude_lists, exclude_segments=exclude_segments)
    table_, _, key = (record or "").partition(":")
    compared, variants = experiments.experiment_parts(planned)
    used = Record(table=table_, key=key) if record else None
    plan = Plan(audience=audience, record=used, experiment=compared, **plan_parts(planned))

    async def work(place: Place) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        campaigns = place.yard.campaigns
        files = await files_named(place, media)
        made = await campaigns.create(
            place.workspace_id,
            name=name or (Path(file).stem if file and file != "-" else "Campaign"),
            template_code=code,
            text=text,
            csv=content,
            channel=channel,
            purpose=purpose,
            country=country,
            sender=sender,
            expires_in=expires_in,
            phone_column=phone_column,
            account=account,
            plan=msgspec.structs.replace(plan, media=files),
            numbers=numbers,
            contacts=contacts,
            contact_fields=contact_fields,
            variants=variants,
            start=start,
            by=who(),
        )
        return made, await _everything(partial(campaigns.refused, place.workspace_id, made["id"]))

    made, left_out = in_yard(work, workspace)

    def write() -> None:
        repaired = f", {made['fixed']} of them repaired" if made["fixed"] else ""
        say(
            f"{made['name']} is {made['status']} ({made['id']}): {made['recipients']:,} of {made['rows']:,} rows can "
            f"be used{repaired}; {made['suppressed']} people must not be contacted."
        )
        if "encoding" in made:
            say(f"Read as {made['encoding']}; numbers from {made['columns']['phone']!r}.")
        if made["gathering"]:
            say("The people of its lists and segments are being looked for.")
        _told_time(made)
        if left_out:
            _left_out(left_out)
        if not start:
            say(f"Next: `sendyard campaign preflight {made['id']}`, then `sendyard campaign start {made['id']}`.")

    put({**made, "refused_rows": left_out}, write)
    if left_out:
        raise NotDone(PARTLY_DONE if made["recipients"] else NOT_DONE)


@campaign.command("list", example="sendyard campaign list")
@click.option("--after", default="", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--archived", is_flag=True, help="Those that were put away.")
@click.option("--runs-of", default="", metavar="ID", help="The runs of one repeating campaign.")
@workspace_option
def list_(*, after: str, limit: int, archived: bool, runs_of: str, workspace: str) -> None:
    """List campaigns, newest first."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.campaigns.list(
            place.workspace_id, after=after, limit=limit + 1, archived=archived, parent=runs_of
        )

    found = in_yard(work, workspace)
    shown = found[:limit]
    following = shown[-1]["id"] if len(found) > limit else None

    def write() -> None:
        table(
            ("name", "status", "text", "created", "id"),
            [(c["name"], c["status"], c["text"], when(c["created_at"]), c["id"]) for c in shown],
            empty="There are no campaigns yet; `sendyard campaign create` makes one.",
        )
        if following:
            say(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


@campaign.command(
    "preflight", example="sendyard campaign preflight ID\nsendyard campaign preflight ID --page preflight.html"
)
@click.argument("campaign_id", metavar="ID")
@page_option
@workspace_option
def preflight(campaign_id: str, page: str | None, workspace: str) -> None:
    """Say what a start would do: who is reached, how many parts, what it costs, when it ends, and samples."""

    async def work(place: Place) -> Forecast:
        found = await place.yard.campaigns.preflight(place.workspace_id, campaign_id)
        if page is not None:
            await write_preflight(place, campaign_id, document(found), page)
        return found

    found = in_yard(work, workspace)
    if page != "-":
        put(document(found), lambda: show_forecast(found))
    if any(check.level is Level.BLOCK for check in found.checks):
        raise NotDone(NOT_DONE)


@campaign.command("start", example="sendyard campaign start ID --watch")
@click.argument("campaign_id", metavar="ID")
@click.option("--watch", "watches", is_flag=True, help="Stay and show its progress.")
@workspace_option
def start_(campaign_id: str, *, watches: bool, workspace: str) -> None:
    """Begin to send; starting again what is under way changes nothing."""

    async def work(place: Place) -> dict[str, Any]:
        started = await place.yard.campaigns.start(place.workspace_id, campaign_id, by=who())
        return await watch_campaign(place, campaign_id) if watches else started

    _outcome(in_yard(work, workspace), watched=watches)


@campaign.command("watch", example="sendyard campaign watch ID")
@click.argument("campaign_id", metavar="ID")
@workspace_option
def watch(campaign_id: str, workspace: str) -> None:
    """
    Show progress until the campaign is over; ending this command does not end the campaign.

    Exit code 0: everybody got it; 3: some did not; 1: it was cancelled or could not be sent.
    """

    async def work(place: Place) -> dict[str, Any]:
        return await watch_campaign(place, campaign_id)

    _outcome(in_yard(work, workspace), watched=True)


@campaign.command("pause", example="sendyard campaign pause ID")
@click.argument("campaign_id", metavar="ID")
@workspace_option
def pause(campaign_id: str, workspace: str) -> None:
    """Hand over nothing more, within a second; pausing twice changes nothing."""
    _change(campaign_id, workspace, lambda place: place.yard.campaigns.pause)


@campaign.command("resume", example="sendyard campaign resume ID")
@click.argument("campaign_id", metavar="ID")
@workspace_option
def resume(campaign_id: str, workspace: str) -> None:
    """Go on where it stopped."""
    _change(campaign_id, workspace, lambda place: place.yard.campaigns.resume)


@campaign.command("cancel", example="sendyard campaign cancel ID")
@click.argument("campaign_id", metavar="ID")
@workspace_option
def cancel(campaign_id: str, workspace: str) -> None:
    """End it for good; what was handed over stays so."""
    _change(campaign_id, workspace, lambda place: place.yard.campaigns.cancel)


@campaign.command("retry-failed", example="sendyard campaign retry-failed ID")
@click.argument("campaign_id", metavar="ID")
@workspace_option
def retry_failed(campaign_id: str, workspace: str) -> None:
    """Make a new draft of those who got nothing and may get it now."""

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.campaigns.retry_failed(place.workspace_id, campaign_id, by=who())

    made = in_yard(work, workspace)
    put(made, lambda: say(f"{made['name']} is a draft for {made['recipients']:,} people: {made['id']}."))


@campaign.command("results", example="sendyard campaign results ID --csv results.csv\nsendyard campaign results ID")
@click.argument("campaign_id", metavar="ID")
@click.option("--csv", "file", metavar="FILE", help="Write every row with its outcome; - is standard output.")
@click.option("--status", help="With --csv: only rows refused, waiting, or of a status of messages.")
@workspace_option
def results(campaign_id: str, file: str | None, status: str | None, workspace: str) -> None:
    """Say what became of everybody: counts, reasons, rows left out, or every row as a CSV file."""
    if file is not None:
        in_yard(partial(_export, campaign_id, file, status), workspace)
        if file != "-":
            put({"id": campaign_id, "file": file}, lambda: say(f"Every row with its outcome is in {file}."))
        return

    async def work(place: Place) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        campaigns = place.yard.campaigns
        progress = await campaigns.progress(place.workspace_id, campaign_id)
        return progress, await _everything(partial(campaigns.refused, place.workspace_id, campaign_id))

    found, left_out = in_yard(work, workspace)

    def write() -> None:
        _summary(found)
        if left_out:
            say("")
            _left_out(left_out)

    put({**found, "refused_rows": left_out}, write)


async def _export(campaign_id: str, file: str, status: str | None, place: Place) -> None:
    pieces = await place.yard.campaigns.results_csv(place.workspace_id, campaign_id, status=status)
    output = sys.stdout.buffer if file == "-" else await asyncio.to_thread(Path(file).open, "wb")
    try:
        async for piece in pieces:
            output.write(piece)
        output.flush()
    finally:
        if file != "-":
            output.close()


async def _everything(page: Callable[..., Awaitable[list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        rows = await page(after_row=found[-1]["row"] if found else 0, limit=_PAGE)
        found += rows
        if len(rows) < _PAGE:
            return found


def _change(
    campaign_id: str, workspace: str, method: Callable[[Place], Callable[[str, str], Awaitable[dict[str, Any]]]]
) -> None:
    async def work(place: Place) -> dict[str, Any]:
        return await method(place)(place.workspace_id, campaign_id)

    found = in_yard(work, workspace)
    put(found, lambda: say(f"{found['name']} is {found['status']}."))


def _outcome(found: Mapping[str, Any], *, watched: bool) -> None:
    if not watched:
        put(found, lambda: _started(found))
        return
    put(found, lambda: _summary(found))
    status = CampaignStatus(found["status"])
    if status is CampaignStatus.COMPLETED_WITH_FAILURES:
        raise NotDone(PARTLY_DONE)
    if status is not CampaignStatus.COMPLETED:
        note(f"The campaign is {status}. {found['pause_reason']}".strip())
        raise NotDone(NOT_DONE)


def _started(found: Mapping[str, Any]) -> None:
    if found["status"] == CampaignStatus.DRAFT and found["approval"]:
        say(f"{found['name']} waits for somebody else's word: `sendyard campaign approve {found['id']}`.")
        return
    say(f"{found['name']} is {found['status']}; follow it with `sendyard campaign watch`.")
    _told_time(found)


def _told_time(found: Mapping[str, Any]) -> None:
    if following := found["next"]:
        say(f"It begins {following['shown']}, {when(following['starts_at'])}.")


def _summary(found: Mapping[str, Any]) -> None:
    say(f"{found['name']} is {found['status']}. {found['pause_reason']}".strip())
    say(f"{found['settled']:,} of {found['recipients']:,} are final: {in_words(found['counts']) or 'no message yet'}.")
    if drip := found["drip"]:
        say(f"It is step {drip['step']} of the drip {drip['name']}{_coming(drip)}")
    if found["experiment"]:
        say(found["experiment"])
    if found["clicks"]["people"]:
        say(f"{found['clicks']['people']:,} followed a link, {found['clicks']['clicks']:,} times in all.")
    if found["reasons"]:
        say("")
        table(
            ("status", "reason", "account", "messages"),
            [(r["status"], r["kind"], r["account"], r["count"]) for r in found["reasons"]],
            empty="",
        )


def _coming(drip: Mapping[str, Any]) -> str:
    if not drip["people_may_come"]:
        return "; nobody comes to it any more."
    return f": people may still come to it, see `sendyard drips show {drip['id']}`."


def _left_out(rows: list[dict[str, Any]]) -> None:
    table(
        ("row", "as written", "why it is left out"),
        [(row["row"], row["given"] or "(nothing)", row["detail"]) for row in rows[:_MOST_SHOWN]],
        empty="",
    )
    if len(rows) > _MOST_SHOWN:
        say(f"… and {len(rows) - _MOST_SHOWN:,} more; --json lists all.")


campaign_desk.add_to(campaign)
experiments.add_to(campaign)
