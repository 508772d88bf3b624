"""
Custom fields: what a workspace keeps of people beside what everybody has.
"""

from typing import Any

import click

from sendyard.cli.opening import in_yard, workspace_option
from sendyard.cli.printing import put, say, table
from sendyard.cli.shape import Group
from sendyard.domain.fields import FieldType


@click.group(cls=Group)
def fields() -> None:
    """Custom fields of people: text, number, money, date, choice."""


@fields.command("list", example="sendyard fields list")
@workspace_option
def fields_list(workspace: str) -> None:
    """Show every custom field, oldest first."""
    found = in_yard(lambda place: place.yard.contact_fields.list(place.workspace_id), workspace)
    rows = [(one["code"], one["name"], one["type"], one["currency"] or one["choices"]) for one in found]
    put(
        {"data": found, "next": None},
        lambda: table(("code", "name", "type", "of"), rows, empty="There are no custom fields yet."),
    )


@fields.command(
    "add",
    example="sendyard fields add city\nsendyard fields add amount --type money --currency TWD\n"
    "sendyard fields add grade --type choice --choice gold --choice silver",
)
@click.argument("code")
@click.option("--type", "kind", type=click.Choice([str(one.value) for one in FieldType]), default="text",
              show_default=True)  # fmt: skip
@click.option("--name", default="", help="What people call it; the code when left out.")
@click.option("--currency", default="", metavar="CODE", help="Of money.")
@click.option("--choice", "choices", multiple=True, metavar="WORD", help="What may be chosen; give it several times.")
@workspace_option
def fields_add(code: str, kind: str, name: str, currency: str, choices: tuple[str, ...], workspace: str) -> None:
    """Make a custom field; texts use it as {CODE}, filters as field.CODE."""

    def work(place: Any) -> Any:
        return place.yard.contact_fields.add(
            place.workspace_id, code=code, type=kind, name=name, currency=currency.upper(), choices=choices
        )

    made = in_yard(work, workspace)
    put(made, lambda: say(f"Made the field {made['code']} ({made['type']})."))


@fields.command("edit", example='sendyard fields edit grade --name "Grade of the customer" --choice gold --choice none')
@click.argument("code")
@click.option("--name", default=None)
@click.option("--choice", "choices", multiple=True, metavar="WORD", help="All that may be chosen from now on.")
@workspace_option
def fields_edit(code: str, name: str | None, choices: tuple[str, ...], workspace: str) -> None:
    """Change what a field is called or what may be chosen; values that people have stay."""

    def work(place: Any) -> Any:
        return place.yard.contact_fields.edit(place.workspace_id, code, name=name, choices=choices or None)

    made = in_yard(work, workspace)
    put(made, lambda: say(f"Changed the field {made['code']}."))


@fields.command("remove", example="sendyard fields remove city --yes")
@click.argument("code")
@click.option("--yes", is_flag=True, help="Do not ask.")
@workspace_option
def fields_remove(code: str, yes: bool, workspace: str) -> None:
    """Remove a field with the values that people have."""
    if not yes:
        click.confirm(f"Remove {code} with everybody's values for good?", abort=True, err=True)
    emptied = in_yard(lambda place: place.yard.contact_fields.remove(place.workspace_id, code), workspace)
    put({"removed": code, "contacts": emptied}, lambda: say(f"Removed {code}; {emptied:,} people had a value."))
