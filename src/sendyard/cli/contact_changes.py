"""
Changes of people that are there: `contacts edit`, `merge`, `split`, `history` and `forget-identity`.
"""

from collections.abc import Sequence
from typing import Any

import click

from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import put, say, table, when
from sendyard.cli.shape import Command
from sendyard.domain.errors import NotFound
from sendyard.features.audience import Details

_country = click.option("--country", default="", metavar="CC", help="By which numbers without a country code are read.")


async def find_contact(place: Place, who: str, country: str) -> dict[str, Any]:
    """Find a person by id or telephone number. Raises NotFound."""
    if who.startswith("+") or who.replace("-", "").isdigit():
        found = await place.yard.contacts.find(place.workspace_id, "phone", who, country)
        if found is None:
            raise NotFound("unknown_contact", f"Nobody here has the number {who}.")
        return found
    return await place.yard.contacts.get(place.workspace_id, who)


def pairs_of(given: Sequence[str], option: str, shape: str = "CODE=VALUE") -> list[tuple[str, str]]:
    """Read NAME=VALUE pairs. Raises BadParameter, which names the option."""
    pairs = [one.partition("=") for one in given]
    if wrong := next((name for name, sign, _ in pairs if not sign), None):
        raise click.BadParameter(f"expected {shape}, found {wrong!r}", param_hint=option)
    return [(name, value) for name, _, value in pairs]


def timed(found: dict[str, Any]) -> dict[str, Any]:
    """A contact whose times of activity are named as times are."""
    return found | {"activity": {f"{name}_at": at for name, at in found["activity"].items()}}


@click.command(
    "edit",
    cls=Command,
    example="sendyard contacts edit +886912345678 --language zh-TW --time-zone Asia/Taipei --field city=臺北\n"
    "sendyard contacts edit +886912345678 --lead won --tag vip --tag regular",
)
@click.argument("who", metavar="ID|NUMBER")
@click.option("--name", default=None)
@click.option("--language", default=None)
@click.option("--time-zone", default=None, metavar="ZONE", help="Blank: guessed from the number again.")
@click.option("--lead", default=None, metavar="STATE", help="new, contacted, qualified, won, lost; blank: none.")
@click.option("--tag", "tags", multiple=True, help="All tags from now on; one blank tag: none.")
@click.option("--list", "lists", multiple=True, metavar="NAME", help="All lists from now on; one blank name: none.")
@click.option("--field", "fields", multiple=True, metavar="CODE=VALUE", help="A custom field; CODE= empties it.")
@click.option("--identity", "identities", multiple=True, metavar="KIND=VALUE", help="One more, such as line_id=U0….")
@_country
@workspace_option
def edit(who: str, country: str, workspace: str, **said: Any) -> None:
    """Change what is known of a person; what is left out stays, and a blank value removes."""
    details = Details(
        identities=pairs_of(said["identities"], "--identity", "KIND=VALUE"),
        name=said["name"],
        country=country.upper() or None,
        language=said["language"],
        time_zone=said["time_zone"],
        lead=said["lead"],
        tags=_all_of(said["tags"]),
        lists=_all_of(said["lists"]),
        fields=dict(pairs_of(said["fields"], "--field")),
    )

    async def work(place: Place) -> dict[str, Any]:
        found = await find_contact(place, who, country)
        return await place.yard.contacts.edit(place.workspace_id, found["id"], details)

    changed = in_yard(work, workspace)
    put(timed(changed), lambda: say(f"Changed {changed['name'] or changed['phone'] or changed['id']}."))


def _all_of(words: Sequence[str]) -> Sequence[str] | None:
    return None if not words else [] if list(words) == [""] else words


@click.command("merge", cls=Command, example="sendyard contacts merge +886912345678 +886912345679")
@click.argument("who", metavar="ID|NUMBER")
@click.argument("other", metavar="OTHER")
@_country
@workspace_option
def merge(who: str, other: str, country: str, workspace: str) -> None:
    """
    Make two contacts one: the first stays and keeps its values, and gets what only OTHER has.

    `contacts split` takes it back.
    """

    async def work(place: Place) -> dict[str, Any]:
        kept, gone = await find_contact(place, who, country), await find_contact(place, other, country)
        return await place.yard.merging.merge(place.workspace_id, kept["id"], gone["id"])

    merged = in_yard(work, workspace)
    reached = ", ".join(f"{one['kind']} {one['value']}" for one in merged["identities"])
    put(timed(merged), lambda: say(f"One person now, {merged['id']}, reached by {reached}."))


@click.command(
    "split",
    cls=Command,
    example="sendyard contacts split +886912345678 --identity phone=+886912345679\n"
    "sendyard contacts split +886912345678 --merge 019aa",
)
@click.argument("who", metavar="ID|NUMBER")
@click.option("--identity", "identities", multiple=True, metavar="KIND=VALUE", help="What goes to a new person.")
@click.option("--merge", "merge_id", default="", metavar="ID", help="Takes this merge back; see `contacts history`.")
@_country
@workspace_option
def split(who: str, identities: tuple[str, ...], merge_id: str, country: str, workspace: str) -> None:
    """Make one contact two: some identities go to a new person, or a merge is taken back."""
    leaving = pairs_of(identities, "--identity", "KIND=VALUE")

    async def work(place: Place) -> dict[str, Any]:
        found = await find_contact(place, who, country)
        return await place.yard.merging.split(place.workspace_id, found["id"], identities=leaving, merge=merge_id)

    both = in_yard(work, workspace)
    shown = {name: timed(contact) for name, contact in both.items()}
    put(shown, lambda: say(f"Two people now: {both['contact']['id']} and {both['other']['id']}."))


@click.command("history", cls=Command, example="sendyard contacts history +886912345678")
@click.argument("who", metavar="ID|NUMBER")
@_country
@workspace_option
def history(who: str, country: str, workspace: str) -> None:
    """Show merges and splits of a person, with the ids by which merges are taken back."""

    async def work(place: Place) -> list[dict[str, Any]]:
        found = await find_contact(place, who, country)
        return await place.yard.merging.history(place.workspace_id, found["id"])

    found = in_yard(work, workspace)
    rows = [(when(one["at"]), one["kind"], one["other"], "yes" if one["taken_back"] else "", one["id"])
            for one in found]  # fmt: skip
    put(
        {"data": found, "next": None},
        lambda: table(("at", "what", "other", "taken back", "id"), rows, empty="Never merged or split."),
    )


@click.command(
    "forget-identity", cls=Command, example="sendyard contacts forget-identity +886912345678 email=w@x.example"
)
@click.argument("who", metavar="ID|NUMBER")
@click.argument("identity", metavar="KIND=VALUE")
@_country
@workspace_option
def forget_identity(who: str, identity: str, country: str, workspace: str) -> None:
    """Take one identity from a person, who keeps at least one."""
    ((kind, value),) = pairs_of([identity], "KIND=VALUE", "KIND=VALUE")

    async def work(place: Place) -> dict[str, Any]:
        found = await find_contact(place, who, country)
        return await place.yard.contacts.drop_identity(place.workspace_id, found["id"], kind, value)

    left = in_yard(work, workspace)
    put(timed(left), lambda: say(f"Forgot the {kind}."))


CHANGES = (edit, merge, split, history, forget_identity)
