"""
What a workspace tells about itself for the rules of countries, and rules a person sets aside.
"""

from typing import Any

import click

from sendyard.cli.fact_history import history
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, put, say, table, when
from sendyard.cli.registered import templates
from sendyard.cli.shape import Group
from sendyard.cli.waiving import evidence, waivers
from sendyard.domain.countries.situation import Registration
from sendyard.domain.errors import FieldError, Invalid

BY = "command line"
"""Who changed a fact, as it is recorded."""

REGISTRATION = click.Choice([one.value for one in Registration])


@click.group(cls=Group)
def compliance() -> None:
    """Names, senders, registrations and waivers: what the rules of countries ask for."""


compliance.add_command(templates)
compliance.add_command(waivers)
compliance.add_command(evidence)
compliance.add_command(history)


@compliance.command("show", example="sendyard compliance show")
@workspace_option
def compliance_show(workspace: str) -> None:
    """Show what the workspace told about itself."""
    found = in_yard(lambda place: place.yard.workspace_facts.get(place.workspace_id), workspace)
    put(found, lambda: _describe(found))


@compliance.command(
    "set",
    example="sendyard compliance set --business ACME --home-zone Asia/Kolkata\n"
    "sendyard compliance set --entity-id 1401234567890123456 --telemarketer 1402234567890123456 --chain approved\n"
    "sendyard compliance set --allow-url 'https://shop.example/*' --option korea_margin_minutes=15",
)
@click.option("--home-zone", metavar="ZONE", help="Your own time zone, as Asia/Seoul.")
@click.option("--business", metavar="NAME", help="The name people know you by.")
@click.option("--contact", metavar="TEXT", help="Where questions go.")
@click.option("--opt-out-number", metavar="NUMBER", help="Korea's free 080 number.")
@click.option("--allow-url", "urls", metavar="URL", multiple=True, help="A registered address, added to the list.")
@click.option("--remove-url", "lost_urls", metavar="URL", multiple=True, help="Take an address from the list.")
@click.option("--allow-number", "numbers", metavar="NUMBER", multiple=True, help="A registered number, added.")
@click.option("--remove-number", "lost_numbers", metavar="NUMBER", multiple=True, help="Take a number from the list.")
@click.option("--option", "options", metavar="NAME=VALUE", multiple=True, help="A figure; no value: the usual one.")
@click.option("--entity-id", metavar="ID", help="India: the principal entity's 19 digits.")
@click.option("--telemarketer", "telemarketers", metavar="ID", multiple=True, help="India: in the order of the chain.")
@click.option("--chain", type=REGISTRATION, help="India: whether the DLT portal binds entity and telemarketers.")
@click.option(
    "--account", default="", metavar="ACCOUNT", help="Whom the ids of India are for; every account if left out."
)
@workspace_option
def compliance_set(
    *,
    urls: tuple[str, ...],
    lost_urls: tuple[str, ...],
    numbers: tuple[str, ...],
    lost_numbers: tuple[str, ...],
    options: tuple[str, ...],
    entity_id: str | None,
    telemarketers: tuple[str, ...],
    chain: str | None,
    account: str,
    workspace: str,
    **plain: str | None,
) -> None:
    """Tell something about the workspace; what is left out stays as it is."""
    changes: dict[str, Any] = {name: value for name, value in plain.items() if value is not None}
    if options:
        changes["options"] = dict(map(_option, options))
    dlt = {"entity_id": entity_id, "telemarketer_ids": list(telemarketers) or None, "chain": chain}
    if given := {name: value for name, value in dlt.items() if value is not None}:
        changes["dlt"] = [given | {"account": account}]
    elif account:
        raise click.UsageError("--account belongs to --entity-id, --telemarketer or --chain; give one of them.")

    async def work(place: Place) -> dict[str, Any]:
        told = place.yard.workspace_facts
        if urls or lost_urls or numbers or lost_numbers:
            present = await told.get(place.workspace_id)
            if urls or lost_urls:
                changes["allowed_urls"] = _listed(present["allowed_urls"], urls, lost_urls)
            if numbers or lost_numbers:
                changes["allowed_numbers"] = _listed(present["allowed_numbers"], numbers, lost_numbers)
        return await told.change(place.workspace_id, changes, by=BY)

    found = in_yard(work, workspace)
    put(found, lambda: _describe(found))


@compliance.command("gaps", example="sendyard compliance gaps\nsendyard compliance gaps --country KR --country IN")
@click.option("--country", "countries", metavar="CC", multiple=True, help="Those in use when left out.")
@workspace_option
def compliance_gaps(countries: tuple[str, ...], workspace: str) -> None:
    """Say what rules would like to know and nobody told, and how to tell it."""
    found = in_yard(lambda place: place.yard.gaps.find(place.workspace_id, countries), workspace)

    def write() -> None:
        for one in found["data"]:
            say(f"{one['country']}  {one['level']}  {one['detail']} ({one['rule']})")
            for lacking in one["senders"]:
                name = lacking["account"]["name"] if lacking["account"] else "every account"
                say(f"      {lacking['sender'] or 'the sender the provider chooses'} of {name}")
            say(f"      {one['command']}")
        if not found["data"]:
            where = ", ".join(found["countries"])
            say(f"Nothing is missing for {where}." if where else "No country is in use yet; name one with --country.")

    put(found | {"next": None}, write)


@compliance.group("sender", cls=Group)
def sender() -> None:
    """Single senders: whose name they carry, and what registries say of them."""


@sender.command("list", example="sendyard compliance sender list")
@workspace_option
def sender_list(workspace: str) -> None:
    """List the senders somebody told something of."""
    found = in_yard(lambda place: place.yard.sender_facts.list(place.workspace_id), workspace)
    rows = [
        (
            one["value"],
            one["account"]["name"] if one["account"] else "every",
            one["registration"],
            one["business"],
            one["identity_words"],
            one["opt_out_number"],
            one["receives_replies"],
            one["note"],
        )
        for one in found
    ]
    columns = ("sender", "account", "registration", "business", "approved names", "080 number", "replies", "note")
    put({"data": found, "next": None}, lambda: table(columns, rows, empty="Nobody told anything of a sender yet."))


@sender.command(
    "set",
    example="sendyard compliance sender set 02-123-4567 --registration approved --business 행복가게\n"
    "sendyard compliance sender set ACMEIN --registration approved --account india\n"
    "sendyard compliance sender set 0911510123 --identity-word 樂活商店",
)
@click.argument("value", metavar="SENDER")
@click.option("--account", default="", metavar="ACCOUNT", help="Of which account; every one when left out.")
@click.option("--registration", type=REGISTRATION, help="What the country's registry says of it.")
@click.option("--business", metavar="NAME", help="The name it speaks for.")
@click.option(
    "--identity-word", "words", metavar="NAME", multiple=True, help="Taiwan: an approved name, preferred first."
)
@click.option("--contact", metavar="TEXT", help="Where questions go.")
@click.option("--opt-out-number", metavar="NUMBER", help="Korea's free 080 number.")
@click.option("--receives-replies/--no-replies", default=None, help="Whether people can answer it.")
@click.option("--note", metavar="TEXT", help="For yourselves.")
@workspace_option
def sender_set(*, value: str, account: str, words: tuple[str, ...], workspace: str, **given: Any) -> None:
    """Say what is known of SENDER, written as the provider knows it; what is left out stays as it was."""
    changes = {name: told for name, told in given.items() if told is not None}
    if words:
        changes["identity_words"] = list(words)

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.sender_facts.put(place.workspace_id, value, changes, account=account, by=BY)

    found = in_yard(work, workspace)

    def write() -> None:
        shown = {name: told for name, told in found.items() if name not in {"account", "updated_at"}}
        facts({"sender": shown.pop("value"), "account": (found["account"] or {"name": "every"})["name"], **shown})

    put(found, write)


@sender.command("remove", example="sendyard compliance sender remove 02-123-4567")
@click.argument("value", metavar="SENDER")
@click.option("--account", default="", metavar="ACCOUNT", help="That of one account; the one of all when left out.")
@workspace_option
def sender_remove(value: str, account: str, workspace: str) -> None:
    """Forget what was told of SENDER."""
    in_yard(lambda place: place.yard.sender_facts.delete(place.workspace_id, value, account=account, by=BY), workspace)
    put({"removed": value}, lambda: say(f"Nothing is known of {value} any more."))


def _describe(found: dict[str, Any]) -> None:
    facts(
        {
            "home zone": found["home_zone"] or "not told (UTC)",
            "business": found["business"] or "not told",
            "contact": found["contact"] or "not told",
            "080 number": found["opt_out_number"] or "not told",
            "registered addresses": _counted(found["allowed_urls"]),
            "registered numbers": _counted(found["allowed_numbers"]),
            **{f"option {name}": value for name, value in found["options"].items()},
            "changed": f"{when(found['updated_at'])} by {found['updated_by']}" if found["updated_at"] else "",
        }
    )
    for entry in found["dlt"]:
        name = entry["account"]["name"] if entry["account"] else "every account"
        chain = ", ".join((entry["entity_id"] or "no entity", *entry["telemarketer_ids"]))
        say(f"India, {name}: {chain}; chain {entry['chain']}")


def _counted(told: list[str] | None) -> str:
    if told is None:
        return "not told"
    return ", ".join(told[:10]) + (f" and {len(told) - 10:,} more" if len(told) > 10 else "") if told else "none"


def _listed(present: list[str] | None, added: tuple[str, ...], lost: tuple[str, ...]) -> list[str]:
    unknown = set(lost) - set(present or ())
    if unknown:
        detail = f"Expected something on the list to remove, found {', '.join(sorted(unknown))}; show the list first."
        raise Invalid("not_listed", detail, errors=[FieldError("/remove", "not_listed", detail)])
    return [one for one in (*(present or ()), *added) if one not in lost]


def _option(given: str) -> tuple[str, Any]:
    name, _, value = given.partition("=")
    words = {"": None, "true": True, "yes": True, "false": False, "no": False}
    plain = value.strip().casefold()
    if plain in words:
        return name, words[plain]
    return name, int(plain) if plain.isascii() and plain.isdigit() else value
