"""
Contacts: people, and everything that is kept of each.
"""

from typing import Any, BinaryIO

import click

from sendyard.cli.contact_changes import CHANGES, find_contact, pairs_of, timed
from sendyard.cli.contact_files import export_book, imports, take
from sendyard.cli.errands import tell
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, note, put, say, table, when
from sendyard.cli.shape import Group
from sendyard.features.audience import Choice, Details, Question


@click.group(cls=Group)
def contacts() -> None:
    """People and the addresses at which they are reached."""


contacts.add_command(take)
contacts.add_command(imports)
for change in CHANGES:
    contacts.add_command(change)


@contacts.command("list", example='sendyard contacts list --filter "tag = vip and country = TW"')
@click.option("--filter", "text", default="", help="In the language of segments; everybody when left out.")
@click.option("--after", type=click.IntRange(0), default=0, metavar="NUMBER", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@workspace_option
def contacts_list(text: str, after: int, limit: int, workspace: str) -> None:
    """List people in the order they were made."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return await place.yard.segments.members(place.workspace_id, Question(text), after=after, limit=limit + 1)

    found = in_yard(work, workspace)
    shown = found[:limit]
    following = str(shown[-1]["number"]) if len(found) > limit else None

    def write() -> None:
        table(
            ("name", "phone", "country", "tags", "lists", "id"),
            [(c["name"], c["phone"], c["country"], c["tags"], c["lists"], c["id"]) for c in shown],
            empty="There is nobody yet." if not text else "The filter finds nobody.",
        )
        if following:
            say(f"There are more: --after {following}")

    put({"data": shown, "next": following}, write)


@contacts.command("show", example="sendyard contacts show +886912345678")
@click.argument("who", metavar="ID|NUMBER")
@click.option("--country", default="", metavar="CC", help="By which a number without a country code is read.")
@workspace_option
def contacts_show(who: str, country: str, workspace: str) -> None:
    """Show what is known of one person."""
    found = in_yard(lambda place: find_contact(place, who, country), workspace)

    def write() -> None:
        facts(
            {
                "name": found["name"],
                "identities": [f"{one['kind']} {one['value']}" for one in found["identities"]],
                "country": found["country"],
                "language": found["language"],
                "time zone": f"{found['time_zone']} ({found['time_zone_origin']})" if found["time_zone"] else "",
                "tags": found["tags"],
                "lists": found["lists"],
                "lead": found["lead"],
                "source": found["source"],
                **{f"field {code}": _plain(value) for code, value in found["fields"].items()},
                **{f"last {activity}": when(at) for activity, at in found["activity"].items()},
                "since": when(found["created_at"]),
                "id": found["id"],
            }
        )

    put(timed(found), write)


@contacts.command("add", example="sendyard contacts add +886912345678 --name 王小明 --tag vip --field city=臺北")
@click.argument("number", metavar="NUMBER")
@click.option("--name", default="")
@click.option("--country", default=None, metavar="CC", help="Also reads the number.")
@click.option("--language", default=None)
@click.option("--time-zone", default=None, metavar="ZONE", help="Guessed from the number when left out.")
@click.option("--email", default="")
@click.option("--tag", "tags", multiple=True)
@click.option("--list", "lists", multiple=True, metavar="NAME")
@click.option("--field", "fields", multiple=True, metavar="CODE=VALUE", help="Of a custom field.")
@workspace_option
def contacts_add(  # noqa: PLR0917 - one argument for each option
    number: str,
    name: str,
    country: str | None,
    language: str | None,
    time_zone: str | None,
    email: str,
    tags: tuple[str, ...],
    lists: tuple[str, ...],
    fields: tuple[str, ...],
    workspace: str,
) -> None:
    """Add a person."""
    details = Details(
        identities=[("phone", number), *([("email", email)] if email else [])],
        name=name,
        country=country,
        language=language,
        time_zone=time_zone,
        tags=tags or None,
        lists=lists or None,
        fields=dict(pairs_of(fields, "--field")),
    )
    made = in_yard(lambda place: place.yard.contacts.add(place.workspace_id, details), workspace)
    put(timed(made), lambda: say(f"Added {made['name'] or made['phone']} as {made['id']}."))


@contacts.command(
    "export",
    example="sendyard contacts export +886912345678 --json > person.json\n"
    "sendyard contacts export --list customers --output customers.csv",
)
@click.argument("who", metavar="[ID|NUMBER]", default="")
@click.option("--country", default="", metavar="CC", help="By which a number without a country code is read.")
@click.option("--list", "on_list", default="", metavar="NAME", help="Only people on this list.")
@click.option("--segment", default="", metavar="NAME", help="Only people of this segment.")
@click.option("--filter", "text", default="", help="Only people whom this finds, in the language of segments.")
@click.option("--output", type=click.File("wb"), metavar="CSV", help="Standard output when left out.")
@workspace_option
def contacts_export(
    who: str, country: str, on_list: str, segment: str, text: str, output: BinaryIO | None, workspace: str
) -> None:
    """
    Write everything that is kept of one person; or, without a name, everybody as CSV that can be imported again.
    """
    choice = Choice(on_list, segment, text)
    if not who:
        export_book(choice, output, workspace)
        return
    if any(choice):
        raise click.BadParameter("expected one person, or --list, --segment or --filter, found both")

    async def work(place: Place) -> dict[str, Any]:
        found = await find_contact(place, who, country)
        return await place.yard.erasing.export(place.workspace_id, found["id"])

    document = in_yard(work, workspace)
    counts = {name: len(document[name]) for name in ("messages", "inbound", "suppressions", "consents")}
    shown = document | {"contact": timed(document["contact"])}
    put(shown, lambda: facts({"contact": document["contact"]["id"], **counts, "whole": "with --json"}))


@contacts.command("push", example="sendyard contacts push +886912345678 --account main")
@click.argument("who", metavar="ID|NUMBER")
@click.option("--account", required=True, metavar="ID|NAME", help="Whose provider keeps contacts of its own.")
@click.option("--country", default="", metavar="CC", help="By which a number without a country code is read.")
@workspace_option
def contacts_push(who: str, account: str, country: str, workspace: str) -> None:
    """Bring a person to a provider, or bring what it has up to date."""

    async def work(place: Place) -> dict[str, Any]:
        found = await find_contact(place, who, country)
        return await place.yard.errands.push_contact(place.workspace_id, found["id"], account=account)

    tell(in_yard(work, workspace))


@contacts.command("erase", example="sendyard contacts erase +886912345678 --yes")
@click.argument("who", metavar="ID|NUMBER")
@click.option("--country", default="", metavar="CC")
@click.option("--yes", is_flag=True, help="Do not ask.")
@workspace_option
def contacts_erase(who: str, country: str, yes: bool, workspace: str) -> None:
    """
    Forget one person for good.

    Messages are counted on without them, those that have not left are cancelled, and what they had forbidden stays
    forbidden.
    """

    async def work(place: Place) -> dict[str, Any]:
        found = await find_contact(place, who, country)
        if not yes:
            click.confirm(f"Erase {found['name'] or found['phone'] or found['id']} for good?", abort=True, err=True)
        return await place.yard.erasing.erase(place.workspace_id, found["id"])

    erased = in_yard(work, workspace)

    def write() -> None:
        say(f"Erased. {erased['messages']} messages stay under a pseudonym, {erased['suppressions']} suppressions"
            " under a hash.")  # fmt: skip

    put(erased, write)
    note("Backups made before still hold this person.")


def _plain(value: object) -> str:
    return f"{value['amount']} {value['currency']}" if isinstance(value, dict) else str(value)
