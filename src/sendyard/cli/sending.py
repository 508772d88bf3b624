"""
Single messages: send, follow, cancel.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from sendyard.api.contents import campaign_files
from sendyard.api.drafting import Drafting
from sendyard.api.message_bodies import (
    ChoiceUse,
    InteractiveUse,
    MediaUse,
    MessageAnswer,
    SendMessage,
    TemplateUse,
    TimelineEntry,
)
from sendyard.api.message_views import new_message, stored_message, timeline_entry
from sendyard.cli.connections import PURPOSE, pairs_of
from sendyard.cli.inspecting import CHANNEL
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.printing import facts, note, plain, put, say, table
from sendyard.cli.shape import NOT_DONE, Command, Group, NotDone
from sendyard.delivery.recall import Recall, unknown_message
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import MediaItem
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.status import MessageStatus
from sendyard.ledger import queries

_ASK_AGAIN = 0.3  # seconds
_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GOOD = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ})


@click.command(
    cls=Command,
    example='sendyard send --to +886912345678 --text "Your table is ready."\n'
    "sendyard send --to 010-1234-5678 --country KR --template arrival --var name=Ann --wait\n"
    'sendyard send --to +886912345678 --channel whatsapp --media menu.pdf --text "Our menu"\n'
    'sendyard send --to +886912345678 --channel whatsapp --text "At home?" --button yes=Yes --button no=No',
)
@click.option("--to", required=True, metavar="NUMBER")
@click.option("--text")
@click.option("--template", "code", metavar="CODE")
@click.option("--var", "values", metavar="NAME=VALUE", multiple=True, help="A variable of the template.")
@click.option("--title", default="", help="Of a Korean LMS or MMS.")
@click.option(
    "--media",
    "media",
    metavar="FILE|ID|URL",
    multiple=True,
    help="A file to upload and send, the id of an uploaded one, or an address that the provider fetches.",
)
@click.option(
    "--button",
    "buttons",
    metavar="[ID=]TITLE",
    multiple=True,
    help="Something to press under --text; the id comes back when it is pressed.",
)
@click.option("--list-label", default="", metavar="LABEL", help="Show the buttons as a list that opens under it.")
@click.option("--footer", default="", help="Small text under the buttons.")
@click.option("--channel", type=CHANNEL, default="sms", show_default=True)
@click.option("--purpose", type=PURPOSE, default="transactional", show_default=True)
@click.option("--sender", default="", help="As the provider knows it; the account's own when left out.")
@click.option("--account", default="", help="Use this one; the route decides when left out.")
@click.option("--country", default="", metavar="CC", help="By which a number without a country code is read.")
@click.option("--at", metavar="TIME", help="When, as 2027-05-03T09:00+08:00; without an offset, this machine's time.")
@click.option("--expires-in", type=int, metavar="SECONDS", help="After which it must not be sent any more.")
@click.option("--reference", default="", help="Your own id of it.")
@click.option("--wait", is_flag=True, help="Until it is final, or --timeout is over.")
@click.option("--timeout", type=click.FloatRange(0.1, 86_400), default=60.0, show_default=True, metavar="SECONDS")
@workspace_option
def send(
    *,
    to: str,
    text: str | None,
    code: str | None,
    values: tuple[str, ...],
    title: str,
    media: tuple[str, ...],
    buttons: tuple[str, ...],
    list_label: str,
    footer: str,
    channel: str,
    purpose: str,
    sender: str,
    account: str,
    country: str,
    at: str | None,
    expires_in: int | None,
    reference: str,
    wait: bool,
    timeout: float,
    workspace: str,
) -> None:
    """
    Store one message; a running `sendyard serve` or `worker` sends it.

    With --wait the exit code says whether it arrived at the carrier.
    """
    variables = pairs_of("--var", values)
    pressed = _interactive(text, buttons, list_label, footer)
    wish = SendMessage(
        to=to,
        text=None if pressed else text,
        interactive=pressed,
        template=TemplateUse(code, dict(variables)) if code is not None else None,
        title=title,
        channel=Channel(channel),
        purpose=Purpose(purpose),
        sender=sender,
        account=account,
        country=country,
        send_at=None if at is None else _moment(at),
        expires_in=expires_in,
        reference=reference,
    )

    async def work(place: Place) -> tuple[MessageAnswer, Mapping[str, str]]:
        yard = place.yard
        wish.media = [await media_named(place, given) for given in media] or None
        drafting = Drafting(yard.templates, yard.media, yard.records, yard.link_addresses.of_message)
        draft = await drafting.draft(place.workspace_id, wish, test=False)
        accepted = new_message(await yard.intake.accept(place.workspace_id, draft), yard.directory)
        return await _final(place, accepted, timeout) if wait else accepted, _names(place)

    _put(*in_yard(work, workspace), waited=wait)


@click.group(cls=Group)
def messages() -> None:
    """Follow messages."""


@messages.command("show", example="sendyard messages show 0192f0c1-0000-7000-8000-000000000000")
@click.argument("message_id", metavar="ID")
@workspace_option
def messages_show(message_id: str, workspace: str) -> None:
    """Explain one message: what it is, and everything that happened to it, oldest first."""

    async def work(place: Place) -> tuple[MessageAnswer, list[TimelineEntry], Mapping[str, str]]:
        database, directory = place.yard.database, place.yard.directory
        found = await database.read(lambda tx: queries.message(tx, place.workspace_id, message_id))
        if found is None:
            raise unknown_message(message_id)
        life = await database.read(lambda tx: queries.timeline(tx, place.workspace_id, message_id))
        entries = [timeline_entry(entry, directory) for entry in life]
        return stored_message(found, directory, with_text=True), entries, _names(place)

    found, life, names = in_yard(work, workspace)

    def write() -> None:
        _describe(found, names)
        say("")
        for entry in life:
            say(f"{_clock(entry.at)}  {_sentence(entry, names)}")

    put({"message": plain(found), "timeline": plain(life)}, write)


@messages.command("list", example="sendyard messages list --status failed --limit 20")
@click.option("--status", type=click.Choice([status.value for status in MessageStatus]))
@click.option("--to", metavar="NUMBER", help="As E.164.")
@click.option("--campaign", metavar="ID")
@click.option("--account", metavar="ACCOUNT")
@click.option("--reference")
@click.option("--after", metavar="ID", help="Continue behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@workspace_option
def messages_list(
    status: str | None,
    to: str | None,
    campaign: str | None,
    account: str | None,
    reference: str | None,
    after: str | None,
    limit: int,
    workspace: str,
) -> None:
    """List messages, newest first; conditions are joined by and."""

    async def work(place: Place) -> list[MessageAnswer]:
        directory = place.yard.directory
        account_id = directory.require(place.workspace_id, account).id if account else None
        found = await place.yard.database.read(
            lambda tx: queries.messages(
                tx,
                place.workspace_id,
                status=status,
                to=to,
                campaign_id=campaign,
                account_id=account_id,
                reference=reference,
                after=after,
                limit=limit + 1,
            )
        )
        return [stored_message(entry, directory, with_text=False) for entry in found]

    found = in_yard(work, workspace)
    shown = found[:limit]
    following = shown[-1].id if len(found) > limit else None

    def write() -> None:
        table(
            ("created", "to", "status", "provider", "parts", "reason", "id"),
            [
                (
                    _clock(m.created_at),
                    m.to,
                    m.status.value,
                    m.provider,
                    m.parts,
                    m.error.detail if m.error else "",
                    m.id,
                )
                for m in shown
            ],
            empty="There are no such messages.",
        )
        if following:
            say(f"There are more: --after {following}")

    put({"data": plain(shown), "next": following}, write)


@messages.command("cancel", example="sendyard messages cancel 0192f0c1-0000-7000-8000-000000000000")
@click.argument("message_id", metavar="ID")
@workspace_option
def messages_cancel(message_id: str, workspace: str) -> None:
    """Stop a message that was not handed over yet."""

    async def work(place: Place) -> tuple[MessageAnswer, Mapping[str, str]]:
        found = await Recall(place.yard.database).cancel(place.workspace_id, message_id)
        return stored_message(found, place.yard.directory, with_text=True), _names(place)

    _put(*in_yard(work, workspace), waited=False)


def _names(place: Place) -> Mapping[str, str]:
    return {entry.id: entry.name for entry in place.yard.directory.accounts(place.workspace_id)}


async def _final(place: Place, message: MessageAnswer, timeout: float) -> MessageAnswer:  # noqa: ASYNC109 - told to people
    deadline = time.monotonic() + timeout
    work = partial(queries.message, workspace_id=place.workspace_id, message_id=message.id)
    while not message.status.is_final and time.monotonic() < deadline:
        await asyncio.sleep(_ASK_AGAIN)
        if (found := await place.yard.database.read(work)) is not None:
            message = stored_message(found, place.yard.directory, with_text=True)
    return message


def _put(message: MessageAnswer, names: Mapping[str, str], *, waited: bool) -> None:
    put(plain(message), lambda: _describe(message, names))
    if not waited:
        return
    if message.status in {MessageStatus.QUEUED, MessageStatus.SCHEDULED}:
        note("Nothing sent it while this command waited: is `sendyard serve` running, and the account not paused?")
    if message.status not in _GOOD:
        raise NotDone(NOT_DONE)


def _describe(message: MessageAnswer, names: Mapping[str, str]) -> None:
    error = message.error
    facts(
        {
            "id": message.id,
            "status": message.status.value,
            "to": message.to,
            "from": message.sender,
            "channel": message.channel.value,
            "purpose": message.purpose.value,
            "through": f"{names.get(message.account, message.account)} ({message.provider})",
            "parts": f"{message.parts} ({message.encoding})",
            "cost": [f"{cost.amount} {cost.currency}" for cost in message.costs],
            "text": message.text,
            "files": [file.filename or file.url or file.id for file in message.media],
            "buttons": [choice.title for choice in message.choices],
            "waits until": _clock(message.send_at) if message.send_at and not message.status.is_final else "",
            "rules": [f"{said.rule} ({said.level}): {said.detail}" for said in message.rules],
            "reason": error.detail or error.kind if error else "",
            "advice": error.advice if error else "",
            "reference": message.reference,
            "campaign": message.campaign,
        }
    )


def _sentence(entry: TimelineEntry, names: Mapping[str, str]) -> str:
    account = names.get(entry.account or "", entry.account or "")
    through = f" through {account}" if account else ""
    parts = [f"{entry.kind}{through}"]
    if entry.status:
        parts.append(f"now {entry.status}")
    if entry.exchange is not None and entry.exchange.http_status is not None:
        parts.append(f"HTTP {entry.exchange.http_status}")
    if entry.route:
        parts.append("route: " + ", ".join(names.get(one, one) for one in entry.route))
    if entry.error is not None:
        parts.append(entry.error.detail or entry.error.kind)
    if entry.detail:
        parts.append(entry.detail)
    return "; ".join(parts)


def _clock(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")


def _moment(given: str) -> datetime:
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        detail = f"Expected a time such as 2027-05-03T09:00+08:00, found {given!r:.60}."
        raise Invalid("bad_time", detail, errors=[FieldError("--at", "bad_time", detail)]) from None
    return moment.astimezone()


async def media_named(place: Place, given: str) -> MediaUse:
    """What `--media` names; a file is uploaded."""
    if given.startswith(("http://", "https://")):
        return MediaUse(given)
    if await asyncio.to_thread(Path(given).is_file):
        added = await place.yard.media.add_copy(place.workspace_id, Path(given))
        return MediaUse(id=added["id"])
    if _ID.fullmatch(given):
        return MediaUse(id=given)
    detail = f"Expected a file, the id of an uploaded one, or an address (https://…), found {given!r:.80}."
    raise Invalid("unknown_media", detail, errors=[FieldError("--media", "unknown_media", detail)])


async def files_named(place: Place, given: Sequence[str]) -> tuple[MediaItem, ...]:
    """The files that `--media` names for everybody; `none` alone is no file."""
    uses = [] if list(given) == ["none"] else [await media_named(place, one) for one in given]
    return await campaign_files(place.yard.media, place.workspace_id, uses)


def _interactive(text: str | None, buttons: Sequence[str], list_label: str, footer: str) -> InteractiveUse | None:
    if not buttons:
        if list_label or footer:
            detail = "--list-label and --footer belong to buttons; give at least one --button."
            raise Invalid("no_buttons", detail, errors=[FieldError("--button", "no_buttons", detail)])
        return None
    if not text:
        detail = "Buttons stand under a text; give it with --text."
        raise Invalid("no_text", detail, errors=[FieldError("--text", "required", detail)])
    choices = []
    for given in buttons:
        name, equals, title = given.partition("=")
        choices.append(ChoiceUse(title, name) if equals else ChoiceUse(given))
    return InteractiveUse(text, choices, footer=footer, list_label=list_label)
