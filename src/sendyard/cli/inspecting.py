"""
Looking at texts, numbers and providers: commands that need neither database nor server.
"""

import click

from sendyard.cli.printing import facts, put, say, table
from sendyard.cli.shape import PARTLY_DONE, Command, Group, NotDone
from sendyard.domain.channels import Channel
from sendyard.domain.parts import Inspection, inspect_text
from sendyard.domain.phone import parse_phone
from sendyard.domain.replacements import suggest_replacement
from sendyard.features.connections.capabilities import capabilities, capabilities_of

CHANNEL = click.Choice([channel.value for channel in Channel])


@click.group(cls=Group)
def text() -> None:
    """Count a text as carriers do."""


@text.command("inspect", example='sendyard text inspect --country KR "안녕하세요, 주문이 접수되었습니다"')
@click.argument("content", metavar="TEXT")
@click.option("--country", default="", metavar="CC", help="Where it goes; Korea counts bytes, others parts.")
@click.option("--channel", type=CHANNEL, default="sms", show_default=True)
def text_inspect(content: str, country: str, channel: str) -> None:
    """Say how many parts TEXT takes, and which characters make it dearer."""
    found = inspect_text(content, country, channel)
    put(found.to_dict(), lambda: _tell(found, country))


def _tell(found: Inspection, country: str) -> None:
    facts(
        {
            "encoding": found.encoding,
            "units": found.units,
            "bytes": found.bytes,
            "parts": found.parts,
            "part sizes": found.part_sizes,
            "class": found.text_class,
        }
    )
    for one in found.forcing:
        instead = instead_of(one.char, country)
        say(f"{one.char!r} ({one.name}) at character {one.position + 1} makes it dearer; {instead}.")
    if found.problem:
        say(found.problem)


def instead_of(char: str, country: str) -> str:
    """Say what to write for a costly character in a text to `country`; letters of a script have nothing cheaper."""
    suggestion = suggest_replacement(char, country.upper())
    if suggestion is None:
        return "nothing cheaper stands for it"
    return f"write {suggestion!r} instead" if suggestion else "leave it out"


@click.group(cls=Group)
def numbers() -> None:
    """Read phone numbers as an import would."""


@numbers.command("inspect", example="sendyard numbers inspect --country TW 0912-345-678 8.8691E+11")
@click.argument("given", metavar="NUMBER…", nargs=-1, required=True)
@click.option("--country", default="", metavar="CC", help="By which numbers without a country code are read.")
def numbers_inspect(given: tuple[str, ...], country: str) -> None:
    """Say of each NUMBER whether it can be texted, what was repaired, or what is wrong."""
    found = [parse_phone(number, country or None) for number in given]
    put(
        [number.to_dict() for number in found],
        lambda: table(
            ("number", "can be texted", "E.164", "type", "country", "remark"),
            [(n.input, n.ok, n.e164, n.type, n.country, n.detail or n.fixed) for n in found],
            empty="",
        ),
    )
    if not all(number.ok for number in found):
        raise NotDone(PARTLY_DONE if any(number.ok for number in found) else 1)


@click.command(cls=Command, example="sendyard providers\nsendyard providers SLUG --json")
@click.argument("slug", required=False)
def providers(slug: str | None) -> None:
    """Show what each provider can do; with SLUG, also the settings an account of it needs."""
    if slug is None:
        found = capabilities()
        put(
            found,
            lambda: table(
                ("slug", "name", "channels", "countries", "abilities", "batch", "callbacks proven by"),
                [
                    (one["slug"], one["name"], one["channels"], one["countries"] or "any", one["abilities"],
                     one["batch_limit"], one["callback_auth"])
                    for one in found
                ],
                empty="",
            ),
        )  # fmt: skip
        return
    one = capabilities_of(slug)

    def write() -> None:
        facts({name: value for name, value in one.items() if name != "settings"})
        say("")
        table(
            ("setting", "needed", "secret", "where to find it"),
            [(s["name"], s["required"], s["secret"], s["description"]) for s in one["settings"]],
            empty="It needs no settings.",
        )

    put(one, write)
