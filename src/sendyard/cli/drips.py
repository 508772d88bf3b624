"""
Drips: series of messages with waits between them.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from sendyard.cli.campaign_plans import pace_parts, who
from sendyard.cli.drip_plans import (
    audience_of,
    changed_audience,
    enrol_of,
    exit_of,
    media_of_steps,
    step_of,
    with_media,
)
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, note, put, say, table, when
from sendyard.cli.shape import NOT_DONE, PARTLY_DONE, Group, NotDone
from sendyard.domain.channels import Channel
from sendyard.features.campaigns.drips.editing import ApplyTo
from sendyard.features.campaigns.drips.library import STATES
from sendyard.features.campaigns.drips.plan import DripPlan, Step

Action = Callable[[Place], Awaitable[dict[str, Any]]]


@click.group(cls=Group)
def drips() -> None:
    """Series of messages with waits between them, which end for a person when something happens."""


@drips.command(
    "create",
    example="sendyard drips create --name Welcome --country TW --list Guests \\\n"
    "    --step '0 Welcome {name|friend}' --step '1d@09:00 template:tips' --step '3d How was it?' --exit replied",
)
@click.option("--name", required=True)
@click.option("--step", "steps", multiple=True, required=True, metavar="WAIT[@HH:MM] TEXT",
              help="A wait such as 0, 2h, 1d or 1d12h, a time of day where the person is, and a text or "
              "template:CODE; may be repeated.")  # fmt: skip
@click.option(
    "--step-media", multiple=True, metavar="STEP=FILE|ID|URL", help="A file that everybody gets with that step."
)
@click.option("--list", "lists", multiple=True, metavar="NAME", help="Everybody on this list.")
@click.option("--segment", "segments", multiple=True, metavar="NAME", help="Everybody in this segment.")
@click.option("--exclude-list", "exclude_lists", multiple=True, metavar="NAME")
@click.option("--exclude-segment", "exclude_segments", multiple=True, metavar="NAME")
@click.option("--to", "numbers", multiple=True, metavar="NUMBER")
@click.option("--contact", "contacts", multiple=True, metavar="ID")
@click.option("--csv", "--file", "file", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True),
              help="CSV or XLSX, a row for each person; - is standard input.")  # fmt: skip
@click.option("--phone-column", default="", metavar="NAME", help="Of --csv, if its name does not tell.")
@click.option("--contact-fields", is_flag=True, help="Contacts fill in what the file has no column for.")
@click.option("--throttle", metavar="N/s|N/m|N/h", help="At most so many a second, minute or hour, of all steps.")
@click.option("--budget", metavar="AMOUNT CURRENCY", help="Pause before all its messages cost more.")
@click.option("--enrol", type=click.Choice(["start", "segment"]), default="start", show_default=True,
              help="Ask lists and segments once, or again and again for new people.")  # fmt: skip
@click.option("--exit", "exits", multiple=True, metavar="EVENT|tag:NAME|segment:NAME",
              help="replied, opted_out, clicked, read, delivered; opted_out when none is given.")  # fmt: skip
@click.option("--again", is_flag=True, help="Somebody who left may be added once more.")
@click.option(
    "--channel", type=click.Choice([one.value for one in Channel]), default=Channel.SMS.value, show_default=True
)
@click.option("--purpose", type=click.Choice(["promotional", "transactional"]), default="promotional",
              show_default=True)  # fmt: skip
@click.option("--country", default="", metavar="CC", help="By which numbers without a country code are read.")
@click.option("--sender", default="")
@click.option("--account", default="", metavar="ID|NAME")
@click.option("--start", is_flag=True, help="Start it, unless somebody else has to.")
@workspace_option
def create(*, workspace: str, **given: Any) -> None:
    """Make a drip, and say what is not good about its steps."""
    content = None
    if given["file"] is not None:
        content = sys.stdin.buffer.read() if given["file"] == "-" else Path(given["file"]).read_bytes()
    media = media_of_steps(given["step_media"])
    plan = DripPlan(
        steps=tuple(step_of(one) for one in given["steps"]),
        audience=audience_of(given),
        exit=tuple(exit_of(one) for one in given["exits"]) or ("opted_out",),
        enrol=enrol_of(given["enrol"]),
        again=given["again"],
        **pace_parts(given),
    )

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.drips.create(
            place.workspace_id,
            plan=msgspec.structs.replace(plan, steps=await with_media(place, plan.steps, media)),
            csv=content,
            by=who(),
            **{name: given[name] for name in ("name", "channel", "purpose", "country", "sender", "account", "numbers",
                                              "contacts", "phone_column", "contact_fields", "start")},
        )  # fmt: skip

    made = in_yard(work, workspace)

    def write() -> None:
        for one in made["checks"]:
            note(f"Step {one['step']}: {one['detail']} {one['fix']}".rstrip())
        if "encoding" in made:
            say(f"Read as {made['encoding']}; numbers from {made['columns']['phone']!r}: {_counts(made['people'])}.")
        following = "" if made["status"] == "active" else f" Start it with `sendyard drips start {made['id']}`."
        say(f"{made['name']} is {made['status']} ({made['id']}).{following}")

    put(made, write)


@drips.command(
    "edit",
    example="sendyard drips edit ID --throttle 300/h --budget '50.00 USD'\n"
    "sendyard drips edit ID --step '0 Welcome {name|friend}' --step '2d How was it?' --apply-to all\n"
    "sendyard drips edit ID --list Guests --list Regulars --exclude-segment Staff",
)
@click.argument("drip_id", metavar="ID")
@click.option("--name")
@click.option("--step", "steps", multiple=True, metavar="WAIT[@HH:MM] TEXT", help="All steps of a new version.")
@click.option("--exit", "exits", multiple=True, metavar="EVENT|tag:NAME|segment:NAME",
              help="All conditions of a new version; none for no condition.")  # fmt: skip
@click.option("--step-media", multiple=True, metavar="STEP=FILE|ID|URL",
              help="All files of that step in a new version; STEP=none for no file.")  # fmt: skip
@click.option("--list", "lists", multiple=True, metavar="NAME",
              help="These and no other lists and segments from now on; none for nobody.")  # fmt: skip
@click.option("--segment", "segments", multiple=True, metavar="NAME")
@click.option("--exclude-list", "exclude_lists", multiple=True, metavar="NAME")
@click.option("--exclude-segment", "exclude_segments", multiple=True, metavar="NAME")
@click.option("--enrol", type=click.Choice(["start", "segment"]), help="Ask them once more, or again and again.")
@click.option("--again/--no-again", default=None, help="Whether somebody who left may be added once more.")
@click.option("--throttle", metavar="N/s|N/m|N/h", help="Of all steps; or none.")
@click.option("--budget", metavar="AMOUNT CURRENCY", help="Of all its messages; or none.")
@click.option("--sender")
@click.option("--account", metavar="ID|NAME")
@click.option("--expires-in", type=int, metavar="SECONDS")
@click.option("--apply-to", type=click.Choice(["new", "all"]), default="new", show_default=True,
              help="Who gets a new version: people who come in from now on, or also those inside.")  # fmt: skip
@workspace_option
def edit(*, drip_id: str, apply_to: ApplyTo, workspace: str, **given: Any) -> None:
    """
    Change a drip; other steps, files, exits, senders or times to live make a new version of it.

    Other lists and segments are asked at once. Whoever is inside stays, meant or not, until an --exit applies.
    """
    names = ("name", "again", "sender", "account", "expires_in")
    changes = {name: given[name] for name in names if given[name] is not None} | pace_parts(given)
    if given["steps"]:
        changes["steps"] = tuple(step_of(one) for one in given["steps"])
    if given["exits"]:
        changes["exit"] = () if given["exits"] == ("none",) else tuple(exit_of(one) for one in given["exits"])
    if (audience := changed_audience(given)) is not None:
        changes["audience"] = audience
    if given["enrol"]:
        changes["enrol"] = enrol_of(given["enrol"])
    media = media_of_steps(given["step_media"])
    if not changes and not media:
        raise click.UsageError("Say what is to be changed, such as --throttle or --step.")

    async def work(place: Place) -> dict[str, Any]:
        if media:
            steps = changes.get("steps") or await _steps(place, drip_id)
            changes["steps"] = await with_media(place, steps, media)
        return await place.yard.drips.edit(place.workspace_id, drip_id, changes, apply_to=apply_to, by=who())

    found = in_yard(work, workspace)
    put(found, lambda: say(f"{found['name']} is {found['status']}, version {found['version']}."))


@drips.command("list", example="sendyard drips list")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@workspace_option
def list_(limit: int, workspace: str) -> None:
    """List drips, newest first."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.drips.list(place.workspace_id, limit=limit)

    found = in_yard(work, workspace)
    rows = [(one["name"], one["status"], len(one["plan"]), when(one["created_at"]), one["id"]) for one in found]
    put({"data": found}, lambda: table(("name", "status", "steps", "made", "id"), rows, empty="There are no drips."))


@drips.command("show", example="sendyard drips show ID")
@click.argument("drip_id", metavar="ID")
@workspace_option
def show(drip_id: str, workspace: str) -> None:
    """Show one drip: how each step stands, how many wait for it and until when, and what became of its messages."""
    found = in_yard(lambda place: place.yard.drips.get(place.workspace_id, drip_id), workspace)

    def write() -> None:
        facts({
            "name": found["name"], "status": found["status"], "reason": found["pause_reason"],
            "version": found["version"], "people": _counts(found["people"]),
            "why": ", ".join(f"{one['count']} {one['why']}" for one in found["reasons"]),
        })  # fmt: skip
        _show_steps(found["steps"])
        for older in found["older"]:
            say(f"Version {older['version']}, with {older['active']:,} people on their way:")
            _show_steps(older["steps"])

    put(found, write)


@drips.command(
    "add",
    example="sendyard drips add ID --to +886912345678 --var name=Lin\nsendyard drips add ID --contact CONTACT-ID",
)
@click.argument("drip_id", metavar="ID")
@click.option("--to", default="", metavar="NUMBER")
@click.option("--contact", default="", metavar="ID")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE")
@workspace_option
def add(drip_id: str, to: str, contact: str, variables: tuple[str, ...], workspace: str) -> None:
    """Let one person in, who begins with the first step."""
    values = dict(_pair(one) for one in variables)

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.drips.add(place.workspace_id, drip_id, to=to, contact=contact, variables=values)

    found = in_yard(work, workspace)
    moment = f"; the first step is due {when(found['next_at'])}" if found["next_at"] else ""
    put(found, lambda: say(f"{found['to']} is number {found['no']}{moment}."))


@drips.command("start", example="sendyard drips start ID")
@click.argument("drip_id", metavar="ID")
@workspace_option
def start(drip_id: str, workspace: str) -> None:
    """Let people in, and go."""
    _one(lambda place: place.yard.drips.start(place.workspace_id, drip_id, by=who()), workspace)


@drips.command("pause", example="sendyard drips pause ID")
@click.argument("drip_id", metavar="ID")
@workspace_option
def pause(drip_id: str, workspace: str) -> None:
    """Take no further step, and hand nothing more over."""
    _one(lambda place: place.yard.drips.pause(place.workspace_id, drip_id), workspace)


@drips.command("resume", example="sendyard drips resume ID")
@click.argument("drip_id", metavar="ID")
@workspace_option
def resume(drip_id: str, workspace: str) -> None:
    """Go on where it stopped, also with single steps that were paused."""
    _one(lambda place: place.yard.drips.resume(place.workspace_id, drip_id), workspace)


@drips.command("cancel", example="sendyard drips cancel ID")
@click.argument("drip_id", metavar="ID")
@workspace_option
def cancel(drip_id: str, workspace: str) -> None:
    """End it for everybody; what was handed over stays so."""
    _one(lambda place: place.yard.drips.cancel(place.workspace_id, drip_id), workspace)


@drips.command("people", example="sendyard drips people ID --state left\nsendyard drips people ID --csv welcome.csv")
@click.argument("drip_id", metavar="ID")
@click.option("--state", type=click.Choice(list(STATES)), help="Only those.")
@click.option("--after", type=click.IntRange(0), default=0, metavar="NO", help="Only those behind this number.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option(
    "--csv",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write everybody with every step into this file instead.",
)
@workspace_option
def people(*, drip_id: str, state: str | None, after: int, limit: int, file: Path | None, workspace: str) -> None:
    """Say who is in it, how far, and why people left."""
    if file is not None:
        _write(drip_id, file, workspace)
        return

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.drips.people(place.workspace_id, drip_id, after=after, limit=limit, state=state or "")

    found = in_yard(work, workspace)
    rows = [
        (one["no"], one["to"] or one["given"], one["state"], one["why"], one["step"], when(one["next_at"]))
        for one in found
    ]
    put(
        {"data": found, "next": str(found[-1]["no"]) if len(found) == limit else None},
        lambda: table(("no", "who", "state", "why", "next step", "due"), rows, empty="Nobody."),
    )


@drips.command("test", example="sendyard drips test ID --step 2\nsendyard drips test ID --to +886912345678")
@click.argument("drip_id", metavar="ID")
@click.option("--step", type=click.IntRange(1), default=1, show_default=True)
@click.option("--to", "to", multiple=True, metavar="ADDRESS", help="Of the team; everybody when left out.")
@workspace_option
def test(drip_id: str, step: int, to: tuple[str, ...], workspace: str) -> None:
    """Send what the first person gets in one step to the team (`sendyard team`)."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.drips.test(place.workspace_id, drip_id, step=step, to=to)

    sent = in_yard(work, workspace)
    rows = [(one["to"], one["message_id"], one["error"]) for one in sent]
    put({"data": sent}, lambda: table(("to", "message", "why not"), rows, empty=""))
    failed = sum(1 for one in sent if one["error"])
    if failed:
        raise NotDone(NOT_DONE if failed == len(sent) else PARTLY_DONE)


def _one(action: Action, workspace: str) -> None:
    async def work(place: Place) -> dict[str, Any]:
        return await action(place)

    found = in_yard(work, workspace)
    put(found, lambda: say(f"{found['name']} is {found['status']}: {_counts(found['people'])}."))


def _write(drip_id: str, file: Path, workspace: str) -> None:
    async def work(place: Place) -> None:
        pieces = await place.yard.drips.results_csv(place.workspace_id, drip_id)
        with await asyncio.to_thread(file.open, "wb") as output:
            async for piece in pieces:
                output.write(piece)

    in_yard(work, workspace)
    put({"file": str(file)}, lambda: say(f"Wrote {file}."))


def _show_steps(steps: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (one["number"], one["template"] or one["text"], one["status"].replace("_", " "), one["waiting"],
         when(one["next_at"]), _counts(one["messages"]), one["pause_reason"], one["campaign_id"])
        for one in steps
    ]  # fmt: skip
    table(("step", "text", "status", "waiting", "next due", "messages", "reason", "campaign"), rows, empty="")


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in found.items() if count) or "nobody"


async def _steps(place: Place, drip_id: str) -> tuple[Step, ...]:
    """The steps of a drip as they were asked for."""
    found = await place.yard.drips.get(place.workspace_id, drip_id)
    return msgspec.convert(found["plan"], tuple[Step, ...])


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"Expected --var such as name=Lin, found {text!r}.")
    return name, value
