"""
Templates as files, sets to begin with, previews, and how registered texts stand at providers.
"""

import json
from collections.abc import Sequence
from typing import Any, TextIO

import click

from sendyard.cli.connections import PURPOSE, pairs_of
from sendyard.cli.inspecting import CHANNEL, instead_of
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, plain, put, say, table
from sendyard.cli.shape import NOT_DONE, PARTLY_DONE, Group, NotDone
from sendyard.cli.templates import in_brackets, templates
from sendyard.domain.channels import Channel, Purpose
from sendyard.features.templates import PreviewWish
from sendyard.features.templates.portable import read_file, to_toml
from sendyard.features.templates.preview import Reader

__all__ = ["templates"]


@templates.command(
    "preview",
    example="sendyard templates preview arrival --var name=Ann --var date=2026-05-03 --country US\n"
    "sendyard templates preview flight-offer --record flights:BW120 --language ko --country KR",
)
@click.argument("code", required=False, default="")
@click.option("--text", "body", default="", help="Preview this text instead of a stored template.")
@click.option("--var", "values", metavar="NAME=VALUE", multiple=True)
@click.option("--sample", type=click.IntRange(min=0), help="Take this row of the template's samples, from 0.")
@click.option("--contact", default="", metavar="ID", help="Take the values and language of this contact.")
@click.option("--record", default="", metavar="TABLE:KEY", help="Take the values of this row.")
@click.option("--country", default="", metavar="CC", help="Where it goes: decides counting, rules and price.")
@click.option("--language", default="", metavar="TAG", help="What the recipient reads, such as ko.")
@click.option("--channel", type=CHANNEL, default="sms", show_default=True)
@click.option("--purpose", type=PURPOSE, help="The template's own when left out.")
@click.option("--account", default="", help="Through this account; the route decides when left out.")
@click.option("--sender", default="")
@workspace_option
def templates_preview(
    *,
    code: str,
    body: str,
    values: tuple[str, ...],
    sample: int | None,
    contact: str,
    record: str,
    country: str,
    language: str,
    channel: str,
    purpose: str | None,
    account: str,
    sender: str,
    workspace: str,
) -> None:
    """Show CODE as it would be sent: words, size, price, and what rules and registered texts say."""
    if bool(code) == bool(body):
        raise click.UsageError("Expected either CODE or --text, found both or neither.")
    name, _, key = record.partition(":")
    if record and not key:
        raise click.UsageError(f"Expected --record TABLE:KEY, found {record!r}.")
    variables = pairs_of("--var", values)

    async def work(place: Place) -> dict[str, Any]:
        yard, workspace_id = place.yard, place.workspace_id
        reader = await yard.reader(workspace_id, contact) if contact else Reader({})
        held = await yard.records.values(workspace_id, name, key) if record else {}
        wish = PreviewWish(
            values={**await yard.link_addresses.samples(workspace_id), **reader.values, **held, **variables},
            channel=Channel(channel),
            purpose=Purpose(purpose) if purpose else None,
            country=country.upper() or reader.country,
            language=language or reader.language,
            sample=sample,
            account=account,
            sender=sender,
        )
        return await yard.templates.preview(workspace_id, wish, code=code, body=body)

    found = in_yard(work, workspace)
    put(found, lambda: _show(found, country))


def _show(found: dict[str, Any], country: str) -> None:
    content = found["content"]
    for line in (found["title"], content.get("header"), found["text"], content.get("footer")):
        if line and isinstance(line, str):
            say(line)
    if choices := content.get("choices"):
        say(" ".join(f"[{one['title']}]" for one in choices))
    say("")
    price = found["price"]
    facts(
        {
            "encoding": found["encoding"],
            "parts": found["parts"],
            "bytes": found["bytes"],
            "class": found["class"],
            "price": f"{price['amount']} {price['currency']} through {price['account']}" if price else "not known",
            "problem": "" if found["problems"] else found["problem"],
        }
    )
    for problem in found["problems"]:
        say(f"refused: {problem['detail']} ({problem['code']})")
    for forcing in found["forcing"]:
        say(f"{forcing['char']!r} ({forcing['name']}) makes it dearer; {instead_of(forcing['char'], country)}.")
    for rule in found["rules"]:
        say(f"{rule['level']}: {rule['detail']} ({rule['rule']})")
    for one in found["registered"]:
        where = " at ".join(filter(None, (one["name"], one["account"] or one["at"])))
        state = one["state"] or "not known there"
        say(f"{where}: {state}{'' if one['matches'] is None else ', the same text' if one['matches'] else ''}")
        for problem in one["problems"]:
            say(f"  {problem['detail']}")
        if one["words"]:
            say(f"  {in_brackets(one['words'])}")


@templates.command("export", example="sendyard templates export > templates.json\nsendyard templates export --toml")
@click.argument("codes", nargs=-1)
@click.option("--toml", "as_toml", is_flag=True, help="As TOML instead of JSON.")
@workspace_option
def templates_export(codes: tuple[str, ...], as_toml: bool, workspace: str) -> None:
    """Write templates as one document, every one or those of CODES."""
    found = in_yard(lambda place: place.yard.portable.export(place.workspace_id, codes), workspace)
    document = plain(found)
    text = to_toml(document) if as_toml else json.dumps(document, ensure_ascii=False, indent=2)
    put(document, lambda: say(text.rstrip("\n")))


@templates.command("import", example="sendyard templates import templates.json --dry-run")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@workspace_option
def templates_import(file: TextIO, dry_run: bool, workspace: str) -> None:
    """Bring in FILE, JSON or TOML, as an export wrote it."""
    given = read_file(file.read())
    found = in_yard(lambda place: place.yard.portable.bring(place.workspace_id, given, dry_run=dry_run), workspace)

    def write() -> None:
        facts({name: found[name] for name in ("added", "changed", "unchanged")})
        for one in found["refused"]:
            say(f"refused: {one['code']}: {one['detail']}")

    put(found, write)
    if found["refused"]:
        taken = found["added"] or found["changed"] or found["unchanged"]
        raise NotDone(PARTLY_DONE if taken else NOT_DONE)


@templates.group("starters", cls=Group, invoke_without_command=True)
@click.pass_context
def templates_starters(context: click.Context) -> None:
    """Sets of templates to begin with, in several languages."""
    if context.invoked_subcommand is None:
        context.invoke(templates_starters_list, workspace="")


@templates_starters.command("list", example="sendyard templates starters list")
@workspace_option
def templates_starters_list(workspace: str) -> None:
    """List the sets."""
    found = in_yard(lambda place: place.yard.starters.list(place.workspace_id), workspace)

    def write() -> None:
        rows = [(one["set"], one["name"], one["languages"], _progress(one["templates"]), one["about"]) for one in found]
        table(("set", "for", "languages", "installed", "about"), rows, empty="There are no sets.")

    put({"data": found}, write)


@templates_starters.command("install", example="sendyard templates starters install delivery")
@click.argument("slug", metavar="SET")
@workspace_option
def templates_starters_install(slug: str, workspace: str) -> None:
    """Add the templates of SET; those whose code is taken stay as they are."""
    found = in_yard(lambda place: place.yard.starters.install(place.workspace_id, slug), workspace)
    put(found, lambda: facts({"added": found["added"], "there already": found["kept"]}))


def _progress(found: Sequence[dict[str, Any]]) -> str:
    return f"{sum(one['installed'] for one in found)} of {len(found)}"


@templates.command("standing", example="sendyard templates standing arrival")
@click.argument("code")
@workspace_option
def templates_standing(code: str, workspace: str) -> None:
    """Say where the registered forms of CODE stand at providers, and which copies are stale."""
    found = in_yard(lambda place: place.yard.standings.of(place.workspace_id, code), workspace)

    def write() -> None:
        for one in found:
            state = one["state"] or "not known there"
            say(f"{one['name']} ({one['our_language'] or 'any language'}) at {one['account']}: {state}")
            facts({f"  {name}": one[name] for name in ("category", "quality", "reason")})
            for stale in one["stale"]:
                say(f"  {stale['detail']}")
            if one["words"]:
                say(f"  {in_brackets(one['words'])}")
        if not found:
            say(f"{code} is registered nowhere, or there is no account of such a provider.")

    put({"data": found}, write)


@templates.command("propose", example="sendyard templates propose arrival --account wa --as arrival_v2 --apply")
@click.argument("code")
@click.option("--account", required=True, metavar="ACCOUNT", help="Whose provider has it.")
@click.option("--as", "name", required=True, metavar="NAME", help="What it is called at the provider.")
@click.option("--language", default="", metavar="TAG", help="The form of this language of ours.")
@click.option("--apply", is_flag=True, help="Keep it as a new version.")
@workspace_option
def templates_propose(code: str, account: str, name: str, language: str, apply: bool, workspace: str) -> None:
    """Say how a provider's variables are filled from ours, by lining both texts up."""

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.standings.propose(
            place.workspace_id, code, account=account, name=name, language=language, apply=apply
        )

    found = in_yard(work, workspace)

    def write() -> None:
        facts(found["variables"])
        facts({"without a value": found["unplaced"], "ours, unused": found["unused"]})
        if not found["exact"]:
            say(in_brackets(found["words"]))
        say(f"Kept as version {found['version']}." if apply else "Nothing is kept; --apply keeps it.")

    put(found, write)
