"""
The demo of all providers: one campaign for each through its emulator, two faults each, all at once.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from sendyard.bootstrap import Yard
from sendyard.cli.demo_all_parts import TEXT, Part, parts
from sendyard.cli.demo_books import all_events, all_messages
from sendyard.cli.demo_stage import LOOK, Stage, Wish, World
from sendyard.cli.demo_tally import ARRIVED, Tally, tally
from sendyard.cli.printing import table
from sendyard.cli.showing import Show
from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import EventKind

FEWEST_EACH, USUAL_EACH, MOST_EACH = 2, 40, 500
"""People per provider. Two at least: a provider that takes one message a request meets one fault in each."""
_PATIENCE = 300.0  # seconds in which every message must become final
_DOUBT_LASTS = 60.0  # seconds after which a message whose fate is unknown is taken to stay so
_WAITING = frozenset({MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.UNKNOWN, MessageStatus.SENT})


@dataclass(slots=True)
class _Running:
    """One provider's campaign."""

    part: Part
    campaign_id: str
    progress: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None  # until everything was settled; None: it is not

    def is_settled(self, *, doubt_lasts: bool) -> bool:
        """Whether nothing more will happen to any message."""
        counts = self.progress["counts"]
        done = set() if self.part.reports else {MessageStatus.SENT}
        if doubt_lasts:
            done.add(MessageStatus.UNKNOWN)
        return bool(counts) and not self.progress["waiting_rows"] and not counts.keys() & (_WAITING - done)


class DemoOfAll(Stage):
    """A campaign through every provider there is."""

    def __init__(self, wish: Wish, folder: Path) -> None:
        """Take what is asked for; `recipients` is the number of people for each provider."""
        super().__init__(wish, folder)
        self._parts = parts(wish.recipients, wish.seed)

    async def play(self, yard: Yard, world: World, workspace_id: str, show: Show) -> bool:
        """Connect, send, watch and count."""
        addresses = {one["provider"]: one["base_url"] for one in await world.get("/providers")}
        running = [await _prepare(yard, world, workspace_id, part, addresses[part.slug]) for part in self._parts]
        await world.post("/scenarios", [rule for part in self._parts for rule in part.faults])
        people = sum(len(part.recipients) for part in self._parts)
        show.step(f"{len(running)} providers, {people:,} people, two faults for each provider.")
        began = time.monotonic()
        await asyncio.gather(*(yard.campaigns.start(workspace_id, one.campaign_id) for one in running))
        await self._watch(yard, workspace_id, running, show, began)
        seconds = round(time.monotonic() - began, 1)
        await world.calm()
        document = await self._count(yard, workspace_id, world, running)
        document |= {"seconds": seconds, "seed": self.wish.seed}
        if self.wish.as_json:
            click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        else:
            _close(document)
        return is_good(document)

    @staticmethod
    async def _watch(yard: Yard, workspace_id: str, running: Sequence[_Running], show: Show, began: float) -> None:
        while (elapsed := time.monotonic() - began) < _PATIENCE:
            for one in running:
                if one.seconds is not None:
                    continue
                one.progress = await yard.campaigns.progress(workspace_id, one.campaign_id)
                if one.is_settled(doubt_lasts=elapsed > _DOUBT_LASTS):
                    one.seconds = round(time.monotonic() - began, 1)
            show.progress(_together(running), {one.part.slug: "done" for one in running if one.seconds is not None})
            if all(one.seconds is not None for one in running):
                break
            await asyncio.sleep(LOOK)
        show.still()

    @staticmethod
    async def _count(yard: Yard, workspace_id: str, world: World, running: Sequence[_Running]) -> dict[str, Any]:
        accepted = {
            event["message_id"]
            async for event in all_events(yard.database, workspace_id)
            if event["kind"] == EventKind.ACCEPTED
        }
        rules = await world.get("/scenarios")
        lines = []
        for one in running:
            slug = one.part.slug
            messages = await all_messages(yard.database, workspace_id, one.campaign_id)
            letters = await world.get(f"/mailbox?provider={slug}")
            letters += await world.get(f"/mailbox?provider={slug}&failed=true")
            found = tally(len(one.part.recipients), messages, accepted, letters)
            faults = [{"name": rule["name"], "hits": rule["hits"]} for rule in rules if rule["provider"] == slug]
            lines.append(_line(one, found, messages, accepted, faults))
        summed = ("recipients", "accepted", "sent", "delivered", "failed", "unknown", "open", "lost", "duplicated")
        return {"providers": lines, **{name: sum(line[name] for line in lines) for name in summed}}


def is_good(document: Mapping[str, Any]) -> bool:
    """Whether nothing was lost, received twice or left open."""
    return not (document["lost"] or document["duplicated"] or document["open"])


async def _prepare(yard: Yard, world: World, workspace_id: str, part: Part, base_url: str) -> _Running:
    """Add the account at both ends, the text and the campaign."""
    added = await yard.accounts.add(
        workspace_id,
        provider=part.slug,
        name=part.slug,
        settings={**part.settings, "base_url": base_url},
        sender=part.sender,
    )
    callback_url = added["callback_url"]
    await world.post("/accounts", {"provider": part.slug, **part.settings, "callback_url": callback_url})
    await yard.templates.add(workspace_id, code=part.slug, body=TEXT, registered=part.registered)
    created = await yard.campaigns.create(
        workspace_id,
        name=f"Parcels by {part.provider}",
        template_code=part.slug,
        csv=part.spreadsheet,
        channel=part.channel,
        purpose="transactional",
        account=part.slug,
    )
    return _Running(part, created["id"])


def _line(
    one: _Running,
    found: Tally,
    messages: Sequence[Mapping[str, Any]],
    accepted: Iterable[str],
    faults: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    taken = set(accepted)
    waiting = (MessageStatus.QUEUED, MessageStatus.SENDING)
    sent = found.statuses.get(MessageStatus.SENT, 0)
    unknown = found.statuses.get(MessageStatus.UNKNOWN, 0)
    return {
        "provider": one.part.slug,
        "channel": one.part.channel.value,
        "country": one.part.country,
        "recipients": found.recipients,
        "accepted": sum(message["id"] in taken or message["status"] in ARRIVED for message in messages),
        "sent": sent,
        "delivered": found.delivered,
        "failed": found.statuses.get(MessageStatus.FAILED, 0),
        "unknown": unknown,
        "open": unknown + sum(found.statuses.get(status, 0) for status in waiting) + sent * one.part.reports,
        "lost": found.lost,
        "duplicated": found.duplicated,
        "reports": one.part.reports,
        "faults": list(faults),
        "seconds": one.seconds,
        "reasons": [
            {"status": status, "kind": kind, "messages": count} for (status, kind), count in found.by_reason.items()
        ],
    }


def _together(running: Sequence[_Running]) -> dict[str, Any]:
    """The progress of all campaigns as if they were one, an account each."""
    counts: Counter[str] = Counter()
    for one in running:
        counts.update(one.progress["counts"])
    settled = sum(one.progress["settled"] for one in running)
    done = sum(one.seconds is not None for one in running)
    return {
        "status": f"{done} of {len(running)} providers done",
        "recipients": sum(len(one.part.recipients) for one in running),
        "settled": settled,
        "counts": counts,
        "accounts": [{"account": one.part.slug, "counts": one.progress["counts"]} for one in running],
    }


def _close(document: Mapping[str, Any]) -> None:
    columns = ("accepted", "delivered", "failed", "unknown", "lost", "duplicated")
    table(
        ("provider", *columns, "faults injected", "seconds"),
        [
            (
                line["provider"],
                *(line[name] for name in columns),
                ", ".join(f"{fault['name']}{'' if fault['hits'] else ' (never met)'}" for fault in line["faults"]),
                "not over" if line["seconds"] is None else line["seconds"],
            )
            for line in document["providers"]
        ],
        empty="There is no provider.",
    )
    click.echo("")
    silent = [line["provider"] for line in document["providers"] if not line["reports"]]
    if silent:
        click.echo(f"Accepted is all one hears of: {', '.join(silent)}.")
    people = f"{len(document['providers'])} providers, {document['recipients']:,} people"
    click.echo(
        f"{people}: {document['accepted']:,} accepted, {document['delivered']:,} delivered, "
        f"{document['failed']} failed, {document['unknown']} unknown. "
        f"Lost: {document['lost']}. Received twice: {document['duplicated']}. {document['seconds']} s."
    )
