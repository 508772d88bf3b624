"""
Templates.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import click

from sendyard.cli.connections import PURPOSE, pairs_of
from sendyard.cli.inspecting import CHANNEL
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, put, say, table, when
from sendyard.cli.shape import NOT_DONE, PARTLY_DONE, Group, NotDone
from sendyard.domain.channels import Channel, Purpose
from sendyard.features.templates import SubmissionWish
from sendyard.providers.contract import TemplateState

_REGISTERED = click.option(
    "--registered",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="JSON: what the text is called at providers that send approved templates only; see docs/campaigns.md.",
)


@click.group(cls=Group)
def templates() -> None:
    """Texts with variables; each edit makes a version, and a version never changes."""


@templates.command("list", example="sendyard templates list")
@click.option("--after", default="", metavar="CODE", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@workspace_option
def templates_list(after: str, limit: int, workspace: str) -> None:
    """List the templates with their newest text."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.templates.list(place.workspace_id, after=after, limit=limit + 1)

    found = in_yard(work, workspace)
    shown = found[:limit]
    following = shown[-1]["code"] if len(found) > limit else None

    def write() -> None:
        table(
            ("code", "name", "version", "text", "changed"),
            [(t["code"], t["name"], t["version"], t["body"], when(t["updated_at"])) for t in shown],
            empty="There are no templates yet; `sendyard templates add` makes one.",
        )
        if following:
            say(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


@templates.command("add", example='sendyard templates add arrival "Hi {name}, your order arrives on {date}."')
@click.argument("code")
@click.argument("body", metavar="TEXT")
@click.option("--name", default="", help="What people call it; CODE when left out.")
@_REGISTERED
@workspace_option
def templates_add(code: str, body: str, name: str, registered: TextIO | None, workspace: str) -> None:
    """Store TEXT under CODE; `{name}` is a variable, `{name|there}` has a default. TEXT - is standard input."""
    text = _given(body)
    forms = _forms(registered)

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.templates.add(place.workspace_id, code=code, body=text, name=name, registered=forms)

    _put(in_yard(work, workspace))


@templates.command("edit", example='sendyard templates edit arrival --text "{name}, it arrives on {date}."')
@click.argument("code")
@click.option("--text", "body", help="The new text; - is standard input.")
@click.option("--name", help="What people call it.")
@_REGISTERED
@workspace_option
def templates_edit(code: str, body: str | None, name: str | None, registered: TextIO | None, workspace: str) -> None:
    """Change the text of CODE or its registered forms, which makes a new version, or its name."""
    if body is None and name is None and registered is None:
        raise click.UsageError("Expected --text, --registered or --name, found none of them.")
    text = None if body is None else _given(body)
    forms = _forms(registered)

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.templates.edit(place.workspace_id, code, body=text, name=name, registered=forms)

    _put(in_yard(work, workspace))


@templates.command(
    "preview", example='sendyard templates preview arrival --var name=Ann --var "date=May 3" --country US'
)
@click.argument("code", required=False, default="")
@click.option("--text", "body", default="", help="Preview this text instead of a stored template.")
@click.option("--var", "values", metavar="NAME=VALUE", multiple=True)
@click.option("--country", default="", metavar="CC", help="Where it goes: decides counting and price.")
@click.option("--channel", type=CHANNEL, default="sms", show_default=True)
@click.option("--purpose", type=PURPOSE, default="transactional", show_default=True)
@workspace_option
def templates_preview(
    code: str, body: str, values: tuple[str, ...], country: str, channel: str, purpose: str, workspace: str
) -> None:
    """Show the text of CODE filled in, its size and its price."""
    if bool(code) == bool(body):
        raise click.UsageError("Expected either CODE or --text, found both or neither.")
    variables = pairs_of("--var", values)

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.templates.preview(
            place.workspace_id,
            code=code,
            body=body,
            variables=variables,
            country=country.upper(),
            channel=Channel(channel),
            purpose=Purpose(purpose),
        )

    found = in_yard(work, workspace)

    def write() -> None:
        say(found["text"])
        say("")
        price = found["price"]
        facts(
            {
                "encoding": found["encoding"],
                "parts": found["parts"],
                "bytes": found["bytes"],
                "class": found["class"],
                "price": f"{price['amount']} {price['currency']} through {price['account']}" if price else "not known",
                "problem": found["problem"],
            }
        )

    put(found, write)


@templates.command("sync", example="sendyard templates sync\nsendyard templates sync main")
@click.argument("account", required=False, default="")
@workspace_option
def templates_sync(account: str, workspace: str) -> None:
    """Ask the provider of ACCOUNT, or every one that lists templates, which it has and in which state."""

    async def work(place: Place) -> Sequence[dict[str, Any]]:
        return await place.yard.catalogue.sync(place.workspace_id, account)

    found = in_yard(work, workspace)

    def write() -> None:
        table(
            ("account", "provider", "templates", "new", "changed", "gone", "error"),
            [(r["account"], r["provider"], r["total"], r["added"], r["changed"], r["gone"], r["error"]) for r in found],
            empty="No account's provider lists templates.",
        )

    put(found, write)
    failed = sum(bool(report["error"]) for report in found)
    if failed:
        raise NotDone(NOT_DONE if failed == len(found) else PARTLY_DONE)


@templates.command("provider", example="sendyard templates provider --account main --state approved")
@click.option("--account", default="", metavar="ACCOUNT", help="Only those of this account.")
@click.option("--name", default="", help="Only those of this name, in any language.")
@click.option("--state", type=click.Choice([state.value for state in TemplateState]), default=None)
@click.option("--after", default="", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@workspace_option
def templates_provider(account: str, name: str, state: str | None, after: str, limit: int, workspace: str) -> None:
    """List what providers have of templates; only approved ones can be sent."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.catalogue.list(
            place.workspace_id, account=account, name=name, state=state or "", after=after, limit=limit + 1
        )

    found = in_yard(work, workspace)
    shown = found[:limit]
    following = shown[-1]["id"] if len(found) > limit else None

    def write() -> None:
        table(
            ("account", "name", "language", "state", "category", "variables", "reason", "heard of"),
            [
                (t["account"], t["name"], t["language"], t["state"], t["category"], ", ".join(t["variables"]),
                 t["reason"], when(t["synced_at"]))
                for t in shown
            ],
            empty="No provider's templates are known yet; `sendyard templates sync` asks for them.",
        )  # fmt: skip
        if following:
            say(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


@templates.command(
    "submit", example="sendyard templates submit arrival --account main --category UTILITY --sample name=Ann"
)
@click.argument("code")
@click.option("--account", required=True, metavar="ACCOUNT", help="Whose provider gets it.")
@click.option("--category", default="", help="The provider's word, such as UTILITY.")
@click.option("--sample", "values", metavar="NAME=VALUE", multiple=True, help="An example value of a variable.")
@click.option("--footer", default="", help="A line below the text.")
@click.option("--without-text", is_flag=True, help="The provider writes the text itself, as of code templates.")
@workspace_option
def templates_submit(
    *, code: str, account: str, category: str, values: tuple[str, ...], footer: str, without_text: bool, workspace: str
) -> None:
    """Hand CODE in for approval at the provider of ACCOUNT, as its registered form there says."""
    wish = SubmissionWish(
        account=account,
        category=category,
        samples=pairs_of("--sample", values),
        footer=footer,
        with_text=not without_text,
    )

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.submissions.submit(place.workspace_id, code, wish)

    found = in_yard(work, workspace)

    def write() -> None:
        facts({name: found[name] for name in ("account", "name", "language", "state", "category", "reason", "version")})

    put(found, write)


def _forms(file: TextIO | None) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        found = json.load(file)
    except ValueError as error:
        raise click.UsageError(f"Expected a JSON document in {file.name}, found {error}.") from None
    if not isinstance(found, dict):
        raise click.UsageError(f"Expected a JSON object in {file.name}, found {type(found).__name__}.")
    return found


def _given(text: str) -> str:
    return sys.stdin.read().rstrip("\n") if text == "-" else text


def _put(found: dict[str, Any]) -> None:
    put(found, lambda: say(f"{found['code']}, version {found['version']}: {found['body']}"))
