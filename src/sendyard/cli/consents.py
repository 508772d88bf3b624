"""
Consents: what people said about being written to, asking them, and reminding them.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sendyard.cli.audience import country_option
from sendyard.cli.inspecting import CHANNEL
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, note, put, say, table, when
from sendyard.cli.shape import NOT_DONE, PARTLY_DONE, Group, NotDone
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.situation import ConsentKind
from sendyard.features.audience import STATES, read_words
from sendyard.features.audience.opting.renewals import DEFAULT_DAYS, MOST_DAYS
from sendyard.features.audience.opting.requests import DEFAULT_LIFE, LONGEST_LIFE, SHORTEST_LIFE, RequestWish
from sendyard.features.audience.opting.requests import STATES as REQUEST_STATES
from sendyard.features.audience.reading.lists import read_list

_PURPOSE = click.Choice([purpose.value for purpose in Purpose])
_KIND = click.Choice([kind.value for kind in ConsentKind])
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"])
_DAYS = click.IntRange(0, MOST_DAYS)
purpose_option = click.option("--purpose", type=_PURPOSE, default=Purpose.PROMOTIONAL.value, show_default=True)
kind_option = click.option("--kind", type=_KIND, default=ConsentKind.MARKETING.value, show_default=True)
days_option = click.option(
    "--within", "days", type=_DAYS, default=DEFAULT_DAYS, show_default=True, metavar="DAYS", help="Overdue ones too."
)


@click.group(cls=Group)
def consents() -> None:
    """What people said about being written to, each word with its evidence."""


@consents.command("add", example='sendyard consents add +821012345678 --source "order form" --evidence "terms of May"')
@click.argument("number", metavar="NUMBER")
@click.option("--state", type=click.Choice(STATES), default="granted", show_default=True)
@kind_option
@click.option("--channel", type=CHANNEL, help="Every channel when left out.")
@purpose_option
@click.option("--source", default="", help="Where it was said: a form, a shop, a message.")
@click.option("--evidence", default="", help="What shows it.")
@click.option("--at", type=_MOMENT, default=None, help="When it was said (UTC unless it says otherwise); now.")
@country_option
@workspace_option
def consents_add(  # noqa: PLR0917 - one argument for each option
    number: str,
    state: str,
    kind: str,
    channel: str | None,
    purpose: str,
    source: str,
    evidence: str,
    at: datetime | None,
    country: str,
    workspace: str,
) -> None:
    """Keep what NUMBER said; marketing that is withdrawn takes every other kind with it."""

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.consents.add(
            place.workspace_id,
            to=number,
            purpose=Purpose(purpose),
            channel=Channel(channel) if channel else None,
            kind=ConsentKind(kind),
            state=state,
            source=source,
            evidence=evidence,
            at=aware(at),
            country=country,
        )

    kept = in_yard(work, workspace)
    put(_timed(kept), lambda: say(f"{kept['address']}: {kept['kind']} {kept['state']} since {when(kept['at'])}."))


@consents.command("list", example="sendyard consents list --to +821012345678")
@click.option("--to", default="", metavar="NUMBER", help="Only what this number said.")
@click.option("--after", default="", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@country_option
@workspace_option
def consents_list(to: str, after: str, limit: int, country: str, workspace: str) -> None:
    """List what people said, in the order it was recorded; the newest word of a kind holds."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.consents.list(place.workspace_id, to=to, country=country, after=after, limit=limit + 1)

    found = in_yard(work, workspace)
    shown, following = _page(found, limit)

    def write() -> None:
        table(
            ("number", "kind", "state", "channel", "purpose", "said", "confirmed", "source", "id"),
            [
                (c["address"], c["kind"], c["state"], c["channel"] or "every", c["purpose"], when(c["at"]),
                 when(c["confirmed_at"]), c["source"], c["id"])
                for c in shown
            ],
            empty="Nobody has said anything yet.",
        )  # fmt: skip
        _more(following)

    put({"data": [_timed(one) for one in shown], "next": following}, write)


@consents.command("import", example='sendyard consents import agreed.csv --source "shop, March" --country KR')
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", default="", help="For lines without one; the file's name when left out.")
@click.option("--evidence", default="", help="For lines without one.")
@click.option("--encoding", default="", metavar="NAME", help="Such as Big5 or CP949, if it is not found out rightly.")
@country_option
@workspace_option
def consents_import(file: Path, source: str, evidence: str, encoding: str, country: str, workspace: str) -> None:
    """
    Take over a list: an address a line, or CSV with a header that has address.

    Repeating it changes nothing, and nobody who refused is made to agree.
    """
    found = read_list(file.read_bytes(), country=country, encoding=encoding)
    words = read_words(found.text)

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.consent_lists.load(
            place.workspace_id, words, country=country, source=source or file.name, evidence=evidence
        )

    done = in_yard(work, workspace) | {"encoding": found.encoding.label}

    def write() -> None:
        say(found.remark())
        say(f"{done['added']:,} words were new; {done['known']:,} were known already.")
        for one in done["refused"]:
            say(f"row {one['row']}: {one['address']!r:.60}: {one['detail']}")

    put(done, write)
    if done["refused"]:
        raise NotDone(PARTLY_DONE if done["added"] or done["known"] else NOT_DONE)


@consents.command("export", example="sendyard consents export consents.csv")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@workspace_option
def consents_export(file: Path, workspace: str) -> None:
    """Write everything that was said to a CSV file."""

    async def work(place: Place) -> int:
        lines = 0
        with file.open("wb") as output:
            async for piece in place.yard.consent_lists.file(place.workspace_id):
                output.write(piece)
                lines += piece.count(b"\r\n")
        return lines - 1

    written = in_yard(work, workspace)
    put({"file": str(file), "rows": written}, lambda: say(f"Wrote {written:,} words to {file}."))


@consents.command("ask", example="sendyard consents ask +821012345678 --account kr-main")
@click.argument("number", metavar="NUMBER")
@click.option("--channel", type=CHANNEL, default=Channel.SMS.value, show_default=True)
@purpose_option
@kind_option
@click.option("--text", default="", help="With {word} where the answer stands; the usual text when left out.")
@click.option("--word", "words", multiple=True, help="An answer that counts; yes in any language when left out.")
@click.option("--by-code", is_flag=True, help="A code made for this person instead of a word.")
@click.option("--language", default="", help="en, ko, zh-Hant or hi; by the number when left out.")
@click.option("--account", default="", metavar="ID|NAME", help="By the route when left out.")
@click.option("--sender", default="")
@click.option("--source", default="", help="Where the person began: a form, a shop.")
@click.option(
    "--expires-in", type=click.IntRange(SHORTEST_LIFE, LONGEST_LIFE), default=DEFAULT_LIFE, show_default=True,
    metavar="SECONDS",
)  # fmt: skip
@country_option
@workspace_option
def consents_ask(number: str, words: tuple[str, ...], workspace: str, **wish: Any) -> None:
    """Ask NUMBER by a message; only their answer makes it a consent (double opt-in)."""
    wanted = RequestWish(
        to=number,
        words=words,
        channel=Channel(wish.pop("channel")),
        purpose=Purpose(wish.pop("purpose")),
        kind=ConsentKind(wish.pop("kind")),
        **wish,
    )
    asked = in_yard(lambda place: place.yard.opting.requests.ask(place.workspace_id, wanted), workspace)
    put(asked, lambda: say(f"Asked {asked['address']}; the answer counts until {when(asked['expires_at'])}."))


@consents.command("requests", example="sendyard consents requests --state waiting")
@click.option("--to", default="", metavar="NUMBER", help="Only questions to this number.")
@click.option("--state", type=click.Choice(REQUEST_STATES), default=None)
@click.option("--after", default="", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@country_option
@workspace_option
def consents_requests(to: str, state: str | None, after: str, limit: int, country: str, workspace: str) -> None:
    """List who was asked, and what came of it."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.opting.requests.list(
            place.workspace_id, to=to, country=country, state=state or "", after=after, limit=limit + 1
        )

    found = in_yard(work, workspace)
    shown, following = _page(found, limit)

    def write() -> None:
        table(
            ("number", "kind", "channel", "state", "asked", "until", "id"),
            [(r["address"], r["kind"], r["channel"], r["state"], when(r["created_at"]), when(r["expires_at"]), r["id"])
             for r in shown],
            empty="Nobody was asked.",
        )  # fmt: skip
        _more(following)

    put({"data": shown, "next": following}, write)


@consents.command("due", example="sendyard consents due --within 60")
@days_option
@click.option("--after", default="", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@workspace_option
def consents_due(days: int, after: str, limit: int, workspace: str) -> None:
    """List consents that have to be confirmed: in Korea every two years."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.opting.renewals.due(place.workspace_id, days=days, after=after, limit=limit + 1)

    found = in_yard(work, workspace)
    shown, following = _page(found, limit)

    def write() -> None:
        table(
            ("number", "kind", "said", "due", "reminder", "id"),
            [
                (d["address"], d["kind"], when(d["at"])[:10], f"{when(d['due_at'])[:10]}{' (overdue)' * d['overdue']}",
                 d["notice"]["state"] if d["notice"] else "", d["id"])
                for d in shown
            ],
            empty=f"Nothing has to be confirmed within {days} days.",
        )  # fmt: skip
        _more(following)

    put({"data": [_timed(one) for one in shown], "next": following}, write)


@consents.command("remind", example="sendyard consents remind --within 30")
@click.argument("ids", metavar="[ID…]", nargs=-1)
@days_option
@workspace_option
def consents_remind(ids: tuple[str, ...], days: int, workspace: str) -> None:
    """Send the reminders of consents ID, or of all that fall due; a running server hands them over."""
    done = in_yard(lambda place: place.yard.opting.renewals.remind(place.workspace_id, consents=ids, days=days),
                   workspace)  # fmt: skip

    def write() -> None:
        say(f"{done['sent']:,} reminders are on their way.")
        for one in done["left"]:
            say(f"{one['address']}: {one['detail']}")

    put(done, write)
    if done["left"]:
        raise NotDone(PARTLY_DONE if done["sent"] else NOT_DONE)


@consents.command("confirm", example="sendyard consents confirm 019aa --at 2026-11-20")
@click.argument("consent_id", metavar="ID")
@click.option("--at", type=_MOMENT, default=None, help="When the person was reminded; now when left out.")
@workspace_option
def consents_confirm(consent_id: str, at: datetime | None, workspace: str) -> None:
    """Note that a person was reminded of a consent, by a letter for example."""
    kept = in_yard(lambda place: place.yard.consents.confirm(place.workspace_id, consent_id, at=aware(at)), workspace)
    put(_timed(kept), lambda: say(f"Confirmed with {kept['address']} on {when(kept['confirmed_at'])}."))


@consents.command("settings", example="sendyard consents settings --automatic --days-before 20 --account kr-main")
@click.option("--automatic/--by-hand", default=None, help="Whether reminders go out by themselves.")
@click.option("--days-before", type=click.IntRange(1, MOST_DAYS), default=None)
@click.option("--account", default=None, metavar="ID|NAME", help="Blank lets the route decide.")
@click.option("--sender", default=None)
@workspace_option
def consents_settings(workspace: str, **given: Any) -> None:
    """Show or change how people are reminded."""
    found = in_yard(lambda place: place.yard.opting.renewals.change_settings(place.workspace_id, **given), workspace)
    put(found, lambda: facts({name.replace("_", " "): value for name, value in found.items()}))


def aware(given: datetime | None) -> datetime | None:
    """A moment that says no zone is meant in UTC."""
    return given if given is None or given.tzinfo else given.replace(tzinfo=UTC)


def _page(found: list[dict[str, Any]], limit: int) -> tuple[list[dict[str, Any]], str | None]:
    shown = found[:limit]
    return shown, shown[-1]["id"] if len(found) > limit else None


def _more(following: str | None) -> None:
    if following:
        note(f"There are more: --after {following}")


def _timed(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"at": when(found["at"])}
