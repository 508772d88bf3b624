"""
Files of people, in and out: `contacts import`, `contacts imports …` and `contacts export`.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import click

from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, note, put, say, table, when
from sendyard.cli.shape import NOT_DONE, PARTLY_DONE, Command, Group, NotDone, wants_json
from sendyard.features.audience import Choice, Manner
from sendyard.features.audience.reading import Repeated, Several, Unreadable

_TOLD_EVERY = 50_000  # rows


def _words(kind: type[Several | Repeated | Unreadable]) -> click.Choice[str]:
    return click.Choice([str(one.value) for one in kind])


@click.command(
    "import", cls=Command, example="sendyard contacts import people.csv --list customers --country TW --dry-run"
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--list", "into", default="", metavar="NAME", help="Put everybody on this list; made if it is not there.")
@click.option("--tag", "tags", multiple=True)
@click.option("--source", default="import", metavar="WORD", help="Where people are from, if the file does not say.")
@click.option("--country", default="", metavar="CC", help="By which numbers without a country code are read.")
@click.option("--column", "columns", multiple=True, metavar="COLUMN=FIELD", help="What a column holds; blank: nothing.")
@click.option(
    "--encoding", default="", metavar="NAME", help="Such as Big5 or CP949, where it is not found out rightly."
)
@click.option("--delimiter", default="", metavar="CHARACTER")
@click.option("--sheet", default="", metavar="NAME", help="Of a workbook; the first when left out.")
@click.option("--several", type=_words(Several), default="refuse", help="Cells with several numbers.")
@click.option("--repeated", type=_words(Repeated), default="refuse", help="Rows for somebody an earlier row named.")
@click.option("--unreadable", type=_words(Unreadable), default="refuse", help="Rows with another unreadable value.")
@click.option("--landlines", is_flag=True, help="Also take numbers that cannot be texted.")
@click.option("--consent-at", default="", metavar="DAY", help="Of consents without a day in the file: YYYY-MM-DD.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--refused", type=click.File("wb"), metavar="CSV", help="Write the refused rows with their reasons here.")
@workspace_option
def take(
    file: Path, into: str, tags: tuple[str, ...], country: str, columns: tuple[str, ...], *,
    dry_run: bool, refused: BinaryIO | None, workspace: str, **manner: Any,
) -> None:  # fmt: skip
    """
    Take over a CSV, TSV or XLSX file of people.

    Every row is good, repaired with a note, or refused with a reason. Giving the file again changes only what differs,
    and nobody who unsubscribed is subscribed by it. Ends with 3 when rows were refused.
    """
    pairs = [column.partition("=") for column in columns]
    if wrong := next((name for name, sign, _ in pairs if not sign), None):
        raise click.BadParameter(f"expected COLUMN=FIELD, found {wrong!r}", param_hint="--column")
    manner |= {
        "several": Several(manner["several"]),
        "repeated": Repeated(manner["repeated"]),
        "unreadable": Unreadable(manner["unreadable"]),
    }
    how = Manner(
        country=country.upper(), columns={name: target for name, _, target in pairs}, list=into, tags=tags, **manner
    )

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.files.take(
            place.workspace_id, file, how, dry_run=dry_run, refused=refused, progress=_telling()
        )

    found = in_yard(work, workspace)

    def write() -> None:
        _say_reading(found)
        _say_counts(found)
        table(("row", "code", "why"), [(one["row"], one["code"], one["detail"]) for one in found["refusals"]], empty="")
        say("Nothing was stored: this was a dry run." if dry_run else f"Import {found['id']}; it can be taken back.")

    put({**found, "refused": found["refusals"]}, write)
    if found["counts"].get("refused"):
        raise NotDone(PARTLY_DONE if found["counts"].get("rows", 0) > found["counts"]["refused"] else NOT_DONE)


def _telling() -> Callable[[Mapping[str, int]], None]:
    """Tell how many rows are done: on a terminal in one line, else a line now and then."""
    told = 0
    silent = wants_json()
    terminal = sys.stderr.isatty()

    def tell(counts: Mapping[str, int]) -> None:
        nonlocal told
        rows = counts["rows"]
        if terminal and not silent:
            click.echo(f"\r{rows:,} rows", nl=False, err=True)
        elif rows - told >= _TOLD_EVERY and not silent:
            note(f"{rows:,} rows")
            told = rows

    return tell


def _say_reading(found: Mapping[str, Any]) -> None:
    """Say how a file was read, and what was taken from which column."""
    file = found["file"]
    how = [file["encoding"] or "workbook", file["delimiter_name"] or "", file["sheet"] or ""]
    taken = [f"{one['column']} as {one['target']}" for one in found["columns"] if one["target"]]
    facts({"read as": ", ".join(part for part in how if part), "taken": ", ".join(taken)})
    for remark in file["remarks"]:
        say(remark)


def _say_counts(found: Mapping[str, Any]) -> None:
    facts({name: found["counts"][name] for name in sorted(found["counts"])})
    if found["reasons"]:
        say(", ".join(f"{count} {reason}" for reason, count in found["reasons"].items()))


@click.group("imports", cls=Group)
def imports() -> None:
    """Imports that were made, by whoever and from wherever."""


@imports.command("list", example="sendyard contacts imports list --limit 5")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@workspace_option
def imports_list(limit: int, workspace: str) -> None:
    """List imports, newest first."""
    found = in_yard(lambda place: place.yard.imports.list(place.workspace_id, limit=limit), workspace)

    def write() -> None:
        table(
            ("name", "status", "rows", "added", "updated", "refused", "at", "id"),
            [
                (one["name"], one["status"], *(one["counts"].get(name, 0) for name in _SHOWN), when(one["created_at"]),
                 one["id"])
                for one in found
            ],
            empty="There is no import yet.",
        )  # fmt: skip

    put({"data": found, "next": None}, write)


_SHOWN = ("rows", "added", "updated", "refused")


@imports.command("show", example="sendyard contacts imports show 0197d1c4-…")
@click.argument("import_id", metavar="ID")
@workspace_option
def imports_show(import_id: str, workspace: str) -> None:
    """Show one import: how far it is, what became of its rows, and why it failed."""
    found = in_yard(lambda place: place.yard.imports.get(place.workspace_id, import_id), workspace)
    put(found, lambda: _say_import(found))


@imports.command("undo", example="sendyard contacts imports undo 0197d1c4-…")
@click.argument("import_id", metavar="ID")
@workspace_option
def imports_undo(import_id: str, workspace: str) -> None:
    """Take an import back: delete whom it made, restore whom it changed, keep what was changed since."""
    found = in_yard(lambda place: place.yard.imports.undo(place.workspace_id, import_id), workspace)
    put(found, lambda: _say_import(found))


@imports.command("cancel", example="sendyard contacts imports cancel 0197d1c4-…")
@click.argument("import_id", metavar="ID")
@workspace_option
def imports_cancel(import_id: str, workspace: str) -> None:
    """Stop an import that runs; what it stored stays until it is undone."""
    found = in_yard(lambda place: place.yard.import_steps.cancel(place.workspace_id, import_id), workspace)
    put(found, lambda: _say_import(found))


@imports.command("refused", example="sendyard contacts imports refused 0197d1c4-… --output refused.csv")
@click.argument("import_id", metavar="ID")
@click.option("--output", type=click.File("wb"), metavar="CSV", help="Standard output when left out.")
@workspace_option
def imports_refused(import_id: str, output: BinaryIO | None, workspace: str) -> None:
    """Write the refused rows with their reasons, to be mended and imported again; kept for a week."""
    stream = _stream(output)

    async def work(place: Place) -> int:
        size = 0
        async for piece in await place.yard.import_steps.refused(place.workspace_id, import_id):
            size += stream.write(piece)
        return size

    size = in_yard(work, workspace)
    put({"bytes": size}, lambda: None)


def _say_import(found: Mapping[str, Any]) -> None:
    facts(
        {
            "name": found["name"],
            "status": found["status"],
            "read": f"{found['share']:.0%}",
            "at": when(found["created_at"]),
            "why": found["failure"],
            "id": found["id"],
        }
    )
    _say_counts(found)


async def write_book(place: Place, choice: Choice, output: BinaryIO) -> int:
    """Write people as CSV; gives how many."""
    people = 0
    async for piece, count in await place.yard.book.pieces(place.workspace_id, choice):
        output.write(piece)
        people += count
    return people


def export_book(choice: Choice, output: BinaryIO | None, workspace: str) -> None:
    """Write people as CSV and say how many."""
    stream = _stream(output)
    people = in_yard(lambda place: write_book(place, choice, stream), workspace)
    put({"people": people, "file": stream.name}, lambda: note(f"Wrote {people:,} people."))


def _stream(output: BinaryIO | None) -> BinaryIO:
    if output is not None:
        return output
    if wants_json():
        raise click.BadParameter("with --json, name a file: standard output has the document", param_hint="--output")
    return sys.stdout.buffer
