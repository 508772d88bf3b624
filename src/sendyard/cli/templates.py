"""
Templates.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import click

from sendyard.cli.connections import pairs_of
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, put, say, table, when
from sendyard.cli.shape import NOT_DONE, PARTLY_DONE, Group, NotDone
from sendyard.features.templates import SubmissionWish
from sendyard.providers.contract import TemplateState

_REGISTERED = click.option(
    "--registered",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="JSON: what the text is called at providers that send approved templates only; see docs/campaigns.md.",
)


_DOCUMENT = click.option(
    "--document",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="JSON: bodies by channel and language, with typed variables; see docs/templates.md.",
)


@click.group(cls=Group)
def templates() -> None:
    """Texts with variables; each edit makes a version, and a version never changes."""


@templates.command("list", example="sendyard templates list")
@click.option("--after", default="", metavar="CODE", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--archived", is_flag=True, help="Those that are not offered any more.")
@workspace_option
def templates_list(after: str, limit: int, archived: bool, workspace: str) -> None:
    """List the templates with their newest text."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.templates.list(place.workspace_id, after=after, limit=limit + 1, archived=archived)

    found = in_yard(work, workspace)
    shown = found[:limit]
    following = shown[-1]["code"] if len(found) > limit else None

    def write() -> None:
        table(
            ("code", "name", "version", "channels", "languages", "text", "changed"),
            [
                (t["code"], t["name"], t["version"], t["channels"], t["languages"], t["body"], when(t["updated_at"]))
                for t in shown
            ],
            empty="There are none; `sendyard templates add` makes one, `sendyard templates starters` has some.",
        )
        if following:
            say(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


@templates.command(
    "add",
    example='sendyard templates add arrival "Hi {name}, your order arrives on {date}."\n'
    "sendyard templates add arrival --document arrival.json",
)
@click.argument("code")
@click.argument("body", metavar="[TEXT]", required=False)
@_DOCUMENT
@click.option("--name", default="", help="What people call it; CODE when left out.")
@_REGISTERED
@workspace_option
def templates_add(
    code: str, body: str | None, document: TextIO | None, name: str, registered: TextIO | None, workspace: str
) -> None:
    """Store TEXT under CODE; `{name}` is a variable, `{name|there}` has a default. TEXT - is standard input."""
    if (body is None) is (document is None):
        raise click.UsageError("Expected either TEXT or --document, found both or neither.")
    text = None if body is None else _given(body)
    whole, forms = object_in(document), object_in(registered)

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.templates.add(
            place.workspace_id, code=code, body=text, document=whole, name=name, registered=forms
        )

    _put(in_yard(work, workspace))


@templates.command("edit", example='sendyard templates edit arrival --text "{name}, it arrives on {date}."')
@click.argument("code")
@click.option("--text", "body", help="The new main text; - is standard input.")
@_DOCUMENT
@click.option("--name", help="What people call it.")
@_REGISTERED
@workspace_option
def templates_edit(
    code: str,
    body: str | None,
    document: TextIO | None,
    name: str | None,
    registered: TextIO | None,
    workspace: str,
) -> None:
    """Change what CODE says or its registered forms, which makes a new version, or its name."""
    if body is None and document is None and name is None and registered is None:
        raise click.UsageError("Expected --text, --document, --registered or --name, found none of them.")
    text = None if body is None else _given(body)
    whole, forms = object_in(document), object_in(registered)

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.templates.edit(
            place.workspace_id, code, body=text, document=whole, name=name, registered=forms
        )

    _put(in_yard(work, workspace))


@templates.command("show", example="sendyard templates show arrival")
@click.argument("code")
@workspace_option
def templates_show(code: str, workspace: str) -> None:
    """Show every text of CODE and its variables."""
    found = in_yard(lambda place: place.yard.templates.get(place.workspace_id, code), workspace)

    def write() -> None:
        facts({name: found[name] for name in ("code", "name", "version", "purpose", "category", "required")})
        for kind, bodies in found["document"]["bodies"].items():
            for language, body in bodies.items():
                say("")
                say(f"{kind} {language}".strip())
                say(body["text"])

    put(found, write)


@templates.command("archive", example="sendyard templates archive arrival")
@click.argument("code")
@workspace_option
def templates_archive(code: str, workspace: str) -> None:
    """Take CODE from what is offered; nothing can be sent with it, what was sent stays."""
    found = in_yard(lambda place: place.yard.templates.archive(place.workspace_id, code), workspace)
    put(found, lambda: say(f"{code} is archived; `sendyard templates unarchive {code}` offers it again."))


@templates.command("unarchive", example="sendyard templates unarchive arrival")
@click.argument("code")
@workspace_option
def templates_unarchive(code: str, workspace: str) -> None:
    """Offer CODE again."""
    found = in_yard(lambda place: place.yard.templates.archive(place.workspace_id, code, archived=False), workspace)
    put(found, lambda: say(f"{code} is offered again."))


@templates.command("copy", example="sendyard templates copy arrival arrival-vip")
@click.argument("code")
@click.argument("new_code")
@click.option("--name", default="", help="What people call the copy.")
@workspace_option
def templates_copy(code: str, new_code: str, name: str, workspace: str) -> None:
    """Make NEW_CODE say what CODE says."""
    _put(in_yard(lambda place: place.yard.templates.copy(place.workspace_id, code, to=new_code, name=name), workspace))


@templates.command("diff", example="sendyard templates diff arrival 1 3")
@click.argument("code")
@click.argument("old", type=click.IntRange(min=1))
@click.argument("new", type=click.IntRange(min=1))
@workspace_option
def templates_diff(code: str, old: int, new: int, workspace: str) -> None:
    """Show what differs between two versions of CODE, word by word."""
    found = in_yard(lambda place: place.yard.templates.differences(place.workspace_id, code, old, new), workspace)

    def write() -> None:
        for text in found["texts"]:
            say(f"{text['place']}: {text['change']}")
            say(in_brackets(text["words"]))
        for change in found["variables"] + found["settings"]:
            say(f"{change['name']}: {change['old']} → {change['new']}")
        if not (found["texts"] or found["variables"] or found["settings"]):
            say("They say the same.")

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
@click.option("--language", default="", metavar="TAG", help="The body of this language.")
@click.option("--without-text", is_flag=True, help="The provider writes the text itself, as of code templates.")
@workspace_option
def templates_submit(
    *,
    code: str,
    account: str,
    category: str,
    values: tuple[str, ...],
    footer: str,
    language: str,
    without_text: bool,
    workspace: str,
) -> None:
    """Hand CODE in for approval at the provider of ACCOUNT, as its registered form there says."""
    wish = SubmissionWish(
        account=account,
        category=category,
        samples=pairs_of("--sample", values),
        footer=footer,
        with_text=not without_text,
        language=language,
    )

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.submissions.submit(place.workspace_id, code, wish)

    found = in_yard(work, workspace)

    def write() -> None:
        facts({name: found[name] for name in ("account", "name", "language", "state", "category", "reason", "version")})

    put(found, write)


def object_in(file: TextIO | None) -> dict[str, Any] | None:
    """Read a JSON object, if there is a file."""
    if file is None:
        return None
    try:
        found = json.load(file)
    except ValueError as error:
        raise click.UsageError(f"Expected a JSON document in {file.name}, found {error}.") from None
    if not isinstance(found, dict):
        raise click.UsageError(f"Expected a JSON object in {file.name}, found {type(found).__name__}.")
    return found


def in_brackets(words: Sequence[dict[str, str]]) -> str:
    """The way from one text to another in a line: `[-removed-]` and `{+added+}` among what stays."""
    forms = {"equal": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(forms[piece["op"]].format(piece["text"]) for piece in words)


def _given(text: str) -> str:
    return sys.stdin.read().rstrip("\n") if text == "-" else text


def _put(found: dict[str, Any]) -> None:
    put(found, lambda: say(f"{found['code']}, version {found['version']}: {found['body']}"))
