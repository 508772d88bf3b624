"""
Suppressions: numbers that must not be contacted.
"""

from pathlib import Path
from typing import Any

import click

from sendyard.cli.inspecting import CHANNEL
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import put, say, table, when
from sendyard.cli.shape import NOT_DONE, PARTLY_DONE, Group, NotDone
from sendyard.domain.channels import Channel
from sendyard.domain.errors import AppError
from sendyard.features.audience.reading.lists import read_list
from sendyard.features.audience.suppressions import REASONS, read_stops

BY = "command line"

country_option = click.option(
    "--country", default="", metavar="CC", help="By which numbers without a country code are read."
)


@click.group(cls=Group)
def suppressions() -> None:
    """Numbers that must not be contacted, whoever sends and whatever the route."""


@suppressions.command("add", example='sendyard suppressions add +886912345678 --reason opted_out --source "by phone"')
@click.argument("numbers", metavar="NUMBER…", nargs=-1, required=True)
@click.option("--channel", type=CHANNEL, help="Every channel when left out.")
@click.option("--reason", type=click.Choice(REASONS), default="manual", show_default=True)
@click.option("--source", default="", help="Where you know it from, in your words.")
@country_option
@workspace_option
def suppressions_add(
    numbers: tuple[str, ...], channel: str | None, reason: str, source: str, country: str, workspace: str
) -> None:
    """Never contact NUMBER; one that is listed already keeps its older reason."""

    async def work(place: Place) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        added: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        for number in numbers:
            try:
                added.append(
                    await place.yard.suppressions.add(
                        place.workspace_id,
                        to=number,
                        channel=Channel(channel) if channel else None,
                        reason=reason,
                        source=source,
                        country=country,
                    )
                )
            except AppError as error:
                refused.append({"given": number, "code": error.code, "detail": error.detail})
        return added, refused

    added, refused = in_yard(work, workspace)

    def write() -> None:
        for one in added:
            say(f"{one['address']} is suppressed on {one['channel'] or 'every channel'} ({one['reason']}).")
        for one in refused:
            say(f"{one['given']!r:.60}: {one['detail']}")

    put({"added": added, "refused": refused}, write)
    if refused:
        raise NotDone(PARTLY_DONE if added else NOT_DONE)


@suppressions.command("list", example="sendyard suppressions list --to +886912345678")
@click.option("--to", default="", metavar="NUMBER", help="Only those of this number.")
@click.option("--after", default="", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--to-review", is_flag=True, help="Only those read from a sentence that nobody looked at yet.")
@country_option
@workspace_option
def suppressions_list(to: str, after: str, limit: int, to_review: bool, country: str, workspace: str) -> None:
    """List suppressions in the order they were made."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.suppressions.list(
            place.workspace_id, to=to, country=country, after=after, limit=limit + 1, to_review=to_review
        )

    found = in_yard(work, workspace)
    shown = found[:limit]
    following = shown[-1]["id"] if len(found) > limit else None

    def write() -> None:
        table(
            ("number", "channel", "reason", "source", "since", "id"),
            [
                (s["address"], s["channel"] or "every", s["reason"], s["source"], when(s["created_at"]), s["id"])
                for s in shown
            ],
            empty="Nobody is suppressed." if not to else "That number is not suppressed.",
        )
        if following:
            say(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


@suppressions.command("reviewed", example="sendyard suppressions reviewed 019aa")
@click.argument("suppression_id", metavar="ID")
@workspace_option
def suppressions_reviewed(suppression_id: str, workspace: str) -> None:
    """Find right what was read from a sentence; remove the suppression to overrule it."""
    in_yard(lambda place: place.yard.suppressions.reviewed(place.workspace_id, suppression_id), workspace)
    put({"id": suppression_id, "needs_review": False}, lambda: say("It stays, and needs no review any more."))


@suppressions.command("remove", example="sendyard suppressions remove +886912345678")
@click.argument("number", metavar="NUMBER")
@click.option("--channel", type=CHANNEL, help="That of one channel; the one of all channels when left out.")
@country_option
@workspace_option
def suppressions_remove(number: str, channel: str | None, country: str, workspace: str) -> None:
    """Allow contacting NUMBER again."""

    async def work(place: Place) -> None:
        where = Channel(channel) if channel else None
        await place.yard.suppressions.remove(place.workspace_id, to=number, channel=where, country=country)

    in_yard(work, workspace)
    put({"to": number, "channel": channel or "", "removed": True}, lambda: say(f"{number} may be contacted again."))


@suppressions.command(
    "import", example="sendyard suppressions import do-not-call.csv --reason do_not_call --country IN"
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reason", type=click.Choice(REASONS), default="manual", show_default=True, help="For lines without.")
@click.option("--source", default="", help="Where the list is from; the file's name when left out.")
@click.option("--encoding", default="", metavar="NAME", help="Such as Big5 or CP949, if it is not found out rightly.")
@country_option
@workspace_option
def suppressions_import(file: Path, reason: str, source: str, encoding: str, country: str, workspace: str) -> None:
    """Take over a list: an address a line, or CSV with a header that has address. Repeating it changes nothing."""
    found = read_list(file.read_bytes(), country=country, encoding=encoding)
    stops = read_stops(found.text)

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.suppressions.load(
            place.workspace_id, stops, country=country, reason=reason, source=source or file.name
        )

    done = in_yard(work, workspace) | {"encoding": found.encoding.label}

    def write() -> None:
        say(found.remark())
        say(f"{done['added']:,} more are suppressed; {done['known']:,} were already.")
        for one in done["refused"]:
            say(f"row {one['row']}: {one['address']!r:.60}: {one['detail']}")

    put(done, write)
    if done["refused"]:
        raise NotDone(PARTLY_DONE if done["added"] or done["known"] else NOT_DONE)


@suppressions.command("export", example="sendyard suppressions export suppressions.csv")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@workspace_option
def suppressions_export(file: Path, workspace: str) -> None:
    """Write every suppression to a CSV file."""

    async def work(place: Place) -> int:
        lines = 0
        with file.open("wb") as output:
            async for piece in place.yard.suppressions.file(place.workspace_id):
                output.write(piece)
                lines += piece.count(b"\r\n")
        return lines - 1

    written = in_yard(work, workspace)
    put({"file": str(file), "rows": written}, lambda: say(f"Wrote {written:,} suppressions to {file}."))


@suppressions.command("lists", example="sendyard suppressions lists")
@workspace_option
def suppressions_lists(workspace: str) -> None:
    """List for each account what its provider keeps of who refused, and how far it was read."""
    found = in_yard(lambda place: place.yard.provider_lists.list(place.workspace_id), workspace)

    def write() -> None:
        table(
            ("account", "state", "refusing", "agreed", "added", "last read", "every", "told", "detail"),
            [
                (one["account"], one["state"], one["refusing"], one["agreed"], one["added"], when(one["done_at"]),
                 f"{one['every_hours']} h" if one["every_hours"] else "", "yes" if one["tells"] else "",
                 one["error"] or one["detail"])
                for one in found
            ],
            empty="There are no accounts yet.",
        )  # fmt: skip

    put({"data": found, "next": None}, write)


@suppressions.command("sync", example="sendyard suppressions sync --account in-main")
@click.option("--account", required=True, metavar="NAME", help="Whose list.")
@workspace_option
def suppressions_sync(account: str, workspace: str) -> None:
    """Read who refused at a provider, and suppress them here. It never lifts a suppression."""
    done = in_yard(lambda place: place.yard.provider_lists.sync(place.workspace_id, account), workspace)

    def write() -> None:
        say(f"{done['refusing']:,} refuse and {done['agreed']:,} agreed; {done['added']:,} more are suppressed.")
        if done["state"] == "reading":
            say("The list is longer; a running server reads on.")
        if done["error"]:
            say(done["error"])

    put(done, write)
    if done["state"] == "failed":
        raise NotDone(PARTLY_DONE if done["refusing"] or done["agreed"] else NOT_DONE)


@suppressions.command("keep", example="sendyard suppressions keep --account in-main --every-hours 24 --tell")
@click.option("--account", required=True, metavar="NAME", help="Whose list.")
@click.option("--every-hours", type=click.IntRange(0, 720), help="How often it is read by itself; 0 for never.")
@click.option("--tell/--no-tell", default=None, help="Tell the provider what people refuse here, old refusals too.")
@workspace_option
def suppressions_keep(account: str, every_hours: int | None, tell: bool | None, workspace: str) -> None:
    """Let a running server keep a provider's list in step."""
    kept = in_yard(
        lambda place: place.yard.provider_lists.change(
            place.workspace_id, account, every_hours=every_hours, tell=tell, by=BY
        ),
        workspace,
    )

    def write() -> None:
        often = f"is read every {kept['every_hours']} hours" if kept["every_hours"] else "is read when somebody asks"
        say(f"The list of {kept['account']} {often}; it is {'' if kept['tells'] else 'not '}told what people refuse.")

    put(kept, write)
