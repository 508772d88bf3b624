"""
Accounts and routes.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from sendyard.cli.inspecting import CHANNEL
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, put, say, table, when
from sendyard.cli.shape import NOT_DONE, Group, NotDone
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.connections.capabilities import capabilities_of
from sendyard.providers.registry import adapter

PURPOSE = click.Choice([purpose.value for purpose in Purpose])


@click.group(cls=Group)
def accounts() -> None:
    """Credentials at providers; several accounts of one provider are normal."""


@accounts.command(
    "add",
    example="sendyard providers SLUG          # which settings it needs\n"
    "sendyard accounts add SLUG --name main --set username=me --secret password\n"
    "sendyard accounts add SLUG --settings settings.json",
)
@click.argument("provider", metavar="PROVIDER")
@click.option("--name", default="", help="What you call it; the provider's slug when left out.")
@click.option("--set", "given", metavar="FIELD=VALUE", multiple=True, help="A setting; for secrets prefer --secret.")
@click.option(
    "--secret", "asked", metavar="FIELD", multiple=True,
    help="A setting that is asked for without being shown, or read from standard input, a line each.",
)  # fmt: skip
@click.option("--settings", "file", metavar="FILE", help="A JSON object of settings; - is standard input.")
@click.option("--sender", default="", help="What recipients see when a message names none, as the provider knows it.")
@click.option("--rate", metavar="N", help="Most a second; the provider's default when left out.")
@click.option("--open-requests", type=int, metavar="N", help="Most requests at once.")
@click.option("--price", metavar="AMOUNT", help="What a part costs, as 0.008.")
@click.option("--currency", default="USD", show_default=True)
@workspace_option
def accounts_add(
    *,
    provider: str,
    name: str,
    given: tuple[str, ...],
    asked: tuple[str, ...],
    file: str | None,
    sender: str,
    rate: str | None,
    open_requests: int | None,
    price: str | None,
    currency: str,
    workspace: str,
) -> None:
    """Add an account of PROVIDER; its credentials are stored encrypted and never shown again."""
    capabilities_of(provider)
    settings = {**_from_file(file), **pairs_of("--set", given), **_secrets(asked)}

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.accounts.add(
            place.workspace_id,
            provider=provider,
            name=name,
            settings=settings,
            sender=sender,
            rate_per_second=rate,
            open_requests=open_requests,
            price_per_part=price,
            currency=currency,
        )

    added = in_yard(work, workspace)

    def write() -> None:
        _describe(added)
        say("")
        say(f"Added. Try it with `sendyard accounts test {quoted(added['name'])}`, then give it a route.")

    put(added, write)


@accounts.command("list", example="sendyard accounts list")
@workspace_option
def accounts_list(workspace: str) -> None:
    """List the accounts, without secrets."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return place.yard.accounts.list(place.workspace_id)

    found = in_yard(work, workspace)
    put(
        found,
        lambda: table(
            ("name", "provider", "status", "sender", "a second", "price", "remark", "id"),
            [
                (a["name"], a["provider"], a["status"], a["sender"], f"{a['rate_per_second']:g} {a['rate_unit']}s",
                 f"{a['price_per_part']} {a['currency']}" if a["price_per_part"] else "", a["pause_reason"], a["id"])
                for a in found
            ],
            empty="There are no accounts yet; `sendyard accounts add` makes one.",
        ),
    )  # fmt: skip


@accounts.command("show", example="sendyard accounts show main")
@click.argument("account", metavar="ACCOUNT")
@workspace_option
def accounts_show(account: str, workspace: str) -> None:
    """Show ACCOUNT without its secrets, and the address to paste at the provider for its callbacks."""

    async def work(place: Place) -> dict[str, Any]:
        return place.yard.accounts.get(place.workspace_id, account)

    found = in_yard(work, workspace)

    def write() -> None:
        _describe(found)
        say("")
        if found["callback_url"]:
            name = adapter(found["provider"]).spec.name
            say(f"Paste this address at {name} for its callbacks: {found['callback_url']}")
        else:
            say("Providers cannot call back yet: set SENDYARD_PUBLIC_URL, and the address to paste is shown here.")

    put(found, write)


@accounts.command("test", example="sendyard accounts test main")
@click.argument("account", metavar="ACCOUNT")
@workspace_option
def accounts_test(account: str, workspace: str) -> None:
    """Try the credentials of ACCOUNT with a call that costs nothing."""

    async def work(place: Place) -> tuple[dict[str, Any], str]:
        tested = await place.yard.accounts.test(place.workspace_id, account)
        return tested, place.yard.accounts.get(place.workspace_id, account)["callback_url"]

    found, callback_url = in_yard(work, workspace)

    def write() -> None:
        say(f"{'Works' if found['ok'] else 'Does not work'}: {found['detail']}")
        facts({**found["facts"], "address for its callbacks": callback_url})

    put(found, write)
    if not found["ok"]:
        raise NotDone(NOT_DONE)


@accounts.command("balance", example="sendyard accounts balance main")
@click.argument("account", metavar="ACCOUNT")
@workspace_option
def accounts_balance(account: str, workspace: str) -> None:
    """Ask the provider how much credit ACCOUNT has left."""

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.accounts.balance(place.workspace_id, account)

    found = in_yard(work, workspace)
    put(found, lambda: say(f"{found['amount']} {found['currency']}"))


@accounts.command("usage", example="sendyard accounts usage main")
@click.argument("account", metavar="ACCOUNT")
@workspace_option
def accounts_usage(account: str, workspace: str) -> None:
    """Ask the provider how much of a quota or period ACCOUNT has used."""

    async def work(place: Place) -> dict[str, str]:
        return await place.yard.accounts.usage(place.workspace_id, account)

    found = in_yard(work, workspace)
    put(found, lambda: facts(found))


@accounts.command("notices", example="sendyard accounts notices main")
@click.argument("account", metavar="ACCOUNT")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@workspace_option
def accounts_notices(account: str, limit: int, workspace: str) -> None:
    """List what the provider said about ACCOUNT, newest first: limits, quality, restrictions."""

    async def work(place: Place) -> Sequence[dict[str, Any]]:
        return await place.yard.accounts.notices(place.workspace_id, account, limit=limit)

    found = in_yard(work, workspace)
    put(
        found,
        lambda: table(
            ("received", "subject", "detail"),
            [(when(n["received_at"]), n["subject"], n["detail"]) for n in found],
            empty="The provider said nothing about this account yet.",
        ),
    )


@accounts.command("pause", example='sendyard accounts pause main --reason "contract ends"')
@click.argument("account", metavar="ACCOUNT")
@click.option("--reason", default="", help="Shown wherever the account is.")
@workspace_option
def accounts_pause(account: str, reason: str, workspace: str) -> None:
    """Hand no more messages to ACCOUNT; those waiting stay."""

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.accounts.pause(place.workspace_id, account, reason)

    found = in_yard(work, workspace)
    put(found, lambda: say(f"{found['name']} is paused: {found['pause_reason']}"))


@accounts.command("resume", example="sendyard accounts resume main")
@click.argument("account", metavar="ACCOUNT")
@workspace_option
def accounts_resume(account: str, workspace: str) -> None:
    """Hand messages to ACCOUNT again."""

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.accounts.resume(place.workspace_id, account)

    found = in_yard(work, workspace)
    put(found, lambda: say(f"{found['name']} is active."))


@click.group(cls=Group)
def senders() -> None:
    """What recipients see: the senders a provider lets an account use."""


@senders.command("list", example="sendyard senders list main")
@click.argument("account", metavar="ACCOUNT")
@workspace_option
def senders_list(account: str, workspace: str) -> None:
    """Ask the provider which senders ACCOUNT may use."""

    async def work(place: Place) -> Sequence[dict[str, Any]]:
        return await place.yard.accounts.senders(place.workspace_id, account)

    found = in_yard(work, workspace)
    put(
        found,
        lambda: table(
            ("sender", "name", "channels", "can be used", "what the provider says"),
            [
                (s["sender"], s["name"], ", ".join(s["channels"]), s["usable"],
                 ", ".join(f"{name} {value}" for name, value in s["facts"].items()))
                for s in found
            ],
            empty="The provider lists no senders for this account.",
        ),
    )  # fmt: skip


@click.group(cls=Group)
def routes() -> None:
    """Which accounts carry what, in which order."""


@routes.command("list", example="sendyard routes list")
@workspace_option
def routes_list(workspace: str) -> None:
    """List the routes."""

    async def work(place: Place) -> list[dict[str, Any]]:
        return place.yard.routes.list(place.workspace_id)

    found = in_yard(work, workspace)
    put(
        found,
        lambda: table(
            ("channel", "country", "purpose", "accounts, first choice first", "failover", "id"),
            [
                (r["channel"], r["country"] or "any", r["purpose"] or "any", _names(r["accounts"]),
                 "by purpose" if r["failover"] is None else r["failover"], r["id"])
                for r in found
            ],
            empty="There are no routes yet; `sendyard routes set ACCOUNT` makes one.",
        ),
    )  # fmt: skip


@routes.command("set", example="sendyard routes set --country TW main spare\nsendyard routes set --purpose otp fast")
@click.argument("names", metavar="ACCOUNT…", nargs=-1, required=True)
@click.option("--channel", type=CHANNEL, default="sms", show_default=True)
@click.option("--country", default="", metavar="CC", help="Any when left out.")
@click.option("--purpose", type=PURPOSE, help="Any when left out.")
@click.option("--failover/--no-failover", default=None, help="By purpose when left out: promotional no, others yes.")
@workspace_option
def routes_set(
    names: tuple[str, ...], channel: str, country: str, purpose: str | None, failover: bool | None, workspace: str
) -> None:
    """Let the ACCOUNTs carry a channel, first choice first; replaces what was said for the same place."""

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.routes.set(
            place.workspace_id,
            channel=Channel(channel),
            accounts=names,
            country=country,
            purpose=Purpose(purpose) if purpose else None,
            failover=failover,
        )

    found = in_yard(work, workspace)
    put(found, lambda: say(f"{found['detail']}: {_names(found['accounts'])}."))


@routes.command("explain", example="sendyard routes explain --to +886912345678 --purpose otp")
@click.option("--to", required=True, metavar="NUMBER")
@click.option("--channel", type=CHANNEL, default="sms", show_default=True)
@click.option("--purpose", type=PURPOSE, default="transactional", show_default=True)
@click.option("--country", default="", metavar="CC", help="By which a number without a country code is read.")
@click.option("--account", default="", help="As a message that names this account.")
@click.option("--sender", default="", help="As a message that names this sender.")
@workspace_option
def routes_explain(
    to: str, channel: str, purpose: str, country: str, account: str, sender: str, workspace: str
) -> None:
    """Say where a message would go, and why, with a sentence for every account considered."""

    async def work(place: Place) -> dict[str, Any]:
        return place.yard.routes.explain(
            place.workspace_id,
            to=to,
            channel=Channel(channel),
            purpose=Purpose(purpose),
            country=country,
            account=account,
            sender=sender,
        )

    found = in_yard(work, workspace)

    def write() -> None:
        say(f"{found['to']} ({found['country']}), {found['channel']}, {found['purpose']}: {found['detail']}")
        table(
            ("account", "can be used", "why"),
            [(step["name"], step["usable"], step["detail"]) for step in found["accounts"]],
            empty="No account was considered.",
        )

    put(found, write)
    if found["code"]:
        raise NotDone(NOT_DONE)


def pairs_of(option: str, given: Sequence[str]) -> dict[str, str]:
    """Read `FIELD=VALUE`; the value may hold further signs of equality. Raises Invalid."""
    found: dict[str, str] = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            detail = f"Expected {option} FIELD=VALUE, found {pair if not sign else '=…'!r:.40}."
            raise Invalid("bad_pair", detail, errors=[FieldError(option, "bad_pair", detail)])
        found[name] = value
    return found


def _from_file(file: str | None) -> Mapping[str, Any]:
    if file is None:
        return {}
    try:
        content = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        found = json.loads(content)
    except ValueError as error:
        raise _bad_file(file, f"{type(error).__name__} while reading it") from None
    if not isinstance(found, dict):
        raise _bad_file(file, f"a {type(found).__name__}")
    return found


def _bad_file(file: str, found: str) -> Invalid:
    detail = f'Expected {file} to hold a JSON object such as {{"username": "me"}}, found {found}.'
    return Invalid("bad_settings_file", detail, errors=[FieldError("--settings", "bad_settings_file", detail)])


def _secrets(names: Sequence[str]) -> dict[str, str]:
    if not names:
        return {}
    if sys.stdin.isatty():
        return {name: click.prompt(name, hide_input=True) for name in names}
    return dict(zip(names, _lines(names), strict=True))


def _lines(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        line = sys.stdin.readline()
        if not line:
            detail = f"Expected the value of {name} as a line of standard input, found its end."
            raise Invalid("missing_secret", detail, errors=[FieldError("--secret", "missing_secret", detail)])
        yield line.rstrip("\r\n")


def _describe(account: Mapping[str, Any]) -> None:
    facts({name: value for name, value in account.items() if name not in {"settings", "created_at"}})
    facts({f"settings.{name}": value for name, value in account["settings"].items()})


def _names(found: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(account["name"] or f"{account['id']} (gone)" for account in found)


def quoted(name: str) -> str:
    """A name as a shell takes it."""
    return f'"{name}"' if " " in name else name
