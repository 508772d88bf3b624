"""
`bench plans`: campaigns through emulated providers that enforce the limits of their plans, each answer 200 ms late.

Each line is one plan. A whole Sendyard and the emulators run in processes of their own; the campaign goes through the
API as anybody's does. What the preflight says beforehand stands beside what came of it, and what the ledger says is
held against what handsets received.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count, islice
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import msgspec
import uvloop

from sendyard import bootstrap, settings
from sendyard.cli.bench.server import free_port, served
from sendyard.cli.bench.yard import number
from sendyard.cli.demo_all_manners import account_fields
from sendyard.cli.demo_all_parts import registered_as
from sendyard.cli.demo_books import all_events, all_messages
from sendyard.cli.demo_stage import World, emulated_world
from sendyard.cli.demo_tally import tally
from sendyard.cli.printing import say, table
from sendyard.domain.errors import Conflict
from sendyard.domain.status import CampaignStatus, MessageStatus
from sendyard.emulator.magic import is_magic
from sendyard.emulator.scenarios import Latency, Rule
from sendyard.ledger.entries import EventKind
from sendyard.providers.emulation import EmulatedPlan
from sendyard.providers.registry import adapter, emulator, emulators
from sendyard.providers.spec import RateUnit

LATENCY = 0.2  # seconds of every answer
_TEXT = "Hello {name}, your parcel arrives today."
_WITHIN = 1.02  # of the limit's own time, where nothing else was promised
_LOOK = 0.1
_PAGE = 5000
_STILL = 2.0  # seconds for which a plan that is used up must let nothing more pass
_WAITING = frozenset({MessageStatus.SCHEDULED, MessageStatus.QUEUED, MessageStatus.SENDING})


@dataclass(frozen=True, slots=True)
class Line:
    """One plan of one provider, and how many people its campaign has."""

    provider: str
    plan: EmulatedPlan
    recipients: int

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return f"{self.provider}-{self.plan.name}"

    @property
    def fields(self) -> dict[str, Any]:
        """The account's settings, without its address."""
        return {**account_fields(adapter(self.provider), emulator(self.provider)), **self.plan.account}

    @property
    def limit_seconds(self) -> float:
        """What the plan's speed alone makes necessary."""
        known = adapter(self.provider)
        account = known.Account.model_validate(
            {**self.fields, "base_url": f"http://127.0.0.1:9{emulator(self.provider).base_path}"}
        )
        fitting = known.for_account(account)
        rate = fitting.rate(account)
        units = self.recipients
        if rate.unit is RateUnit.REQUEST:
            units = math.ceil(self.recipients / fitting.batch_limit(account))
        return units / rate.per_second

    @property
    def wanted_seconds(self) -> float:
        """What the campaign may take, in proportion where it is smaller than usual."""
        if self.plan.within is None:
            return self.limit_seconds * _WITHIN
        return self.plan.within


def lines(recipients: int | None = None) -> list[Line]:
    """Every plan there is; with `recipients` campaigns of that size."""
    return [
        Line(slug, plan, recipients or plan.recipients) for slug, known in emulators().items() for plan in known.plans
    ]


def measure(chosen: Sequence[Line], tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Run one line after the other, telling how each went; the lines are documents in the order given."""
    documents = []
    for line in chosen:
        document = _measured(line)
        tell(f"{line.name}: {document['hand_over_seconds']} s, {document['settled_seconds']} s until all is settled")
        documents.append(document)
    return documents


def is_good(document: Mapping[str, Any]) -> bool:
    """Whether nothing was lost or received twice, and everything left that the plan lets leave."""
    return not (document["lost"] or document["duplicated"]) and document["handed_over"] == document["expected"]


def show(documents: Sequence[Mapping[str, Any]]) -> None:
    """Print the lines as a table, and below it what the preflight said of limits."""
    table(
        ("name", "plan", "people", "said beforehand", "limit alone", "handed over", "settled", "ratio", "wanted",
         "lost", "twice"),
        [
            (
                one["name"],
                one["limit"],
                f"{one['handed_over']:,} of {one['recipients']:,}",
                "not within a month" if one["said_seconds"] is None else f"{one['said_seconds']} s",
                f"{one['limit_seconds']} s",
                f"{one['hand_over_seconds']} s",
                f"{one['settled_seconds']} s",
                one["ratio"],
                f"{one['wanted_seconds']} s, {'reached' if one['reached'] else 'not reached'}",
                one["lost"],
                one["duplicated"],
            )
            for one in documents
        ],
        empty="No emulator enforces a plan.",
    )  # fmt: skip
    for one in documents:
        for sentence in one["said"]:
            say(f"{one['name']}: {sentence}")


def _measured(line: Line) -> dict[str, Any]:
    port = free_port()
    with TemporaryDirectory(prefix="sendyard-bench-") as folder:
        with served(folder, port=port, public_url=f"http://127.0.0.1:{port}") as server:
            found, letters = uvloop.run(_campaign(line, server["address"], server["key"]))
        return found | uvloop.run(_booked(line, folder, found.pop("id"), letters))


async def _campaign(line: Line, address: str, key: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Send it; gives what was seen from outside, and what handsets received."""
    headers = {"Authorization": f"Bearer {key}"}
    patience = aiohttp.ClientTimeout(total=120)
    async with (
        emulated_world("1") as world,
        aiohttp.ClientSession(f"{address}/api/v1/", headers=headers, timeout=patience) as session,
    ):
        await world.post("/scenarios", [Rule(provider=line.provider, effect=Latency(seconds=LATENCY), scope="all")])
        campaign_id = await _prepared(line, world, session)
        began = time.time()
        beforehand = await _ask(session, "POST", f"campaigns/{campaign_id}/preflight")
        expected = line.recipients - _beyond(beforehand)
        start = time.time()
        await _ask(session, "POST", f"campaigns/{campaign_id}/start")
        settled = await _followed(session, campaign_id, expected, patience=4 * line.limit_seconds + 120) - start
        letters = await _letters(world, line.provider)
    times = sorted(datetime.fromisoformat(letter["at"]).timestamp() - start for letter in letters)
    last = times[-1] if times else 0.0
    finish_at = beforehand["finish_at"]
    return {
        "id": campaign_id,
        "name": line.name,
        "limit": line.plan.limit,
        "recipients": line.recipients,
        "expected": expected,
        "said_seconds": finish_at and round(datetime.fromisoformat(finish_at).timestamp() - began, 2),
        "said": [one["detail"] for one in beforehand["checks"] if one["check"] in _OF_LIMITS],
        "limit_seconds": round(line.limit_seconds, 2),
        "first_seconds": round(times[0], 2) if times else None,
        "hand_over_seconds": round(last, 2),
        "settled_seconds": round(settled, 2),
        "ratio": round(last / line.limit_seconds, 3),
        "wanted_seconds": round(line.wanted_seconds, 1),
        "reached": expected == line.recipients and last <= line.wanted_seconds,
        "handed_over": len(letters),
    }, letters


_OF_LIMITS = ("pace", "people_limit")
"""The checks of a preflight that speak of what an account can carry."""


def _beyond(beforehand: Mapping[str, Any]) -> int:
    """How many the preflight says the plan will not carry."""
    return sum(one["count"] for one in beforehand["checks"] if one["check"] == "people_limit")


async def _prepared(line: Line, world: World, session: aiohttp.ClientSession) -> str:
    """Add the account at both ends, the text and the campaign; gives the campaign's id."""
    known = emulator(line.provider)
    base = next(one["base_url"] for one in await world.get("/providers") if one["provider"] == line.provider)
    account = {
        "provider": line.provider,
        "name": line.name,
        "settings": {**line.fields, "base_url": base},
        "sender": known.sample_sender,
    }
    callback_url = (await _ask(session, "POST", "accounts", account))["callback_url"]
    registration = {"provider": line.provider, **line.fields, **line.plan.console, "callback_url": callback_url}
    await world.post("/accounts", registration)
    template = {"code": "parcel", "body": _TEXT, "registered": registered_as(known, _TEXT)}
    await _ask(session, "POST", "templates", template)
    rows = "".join(f"{to},Person {place}\n" for place, to in enumerate(islice(_people(line), line.recipients)))
    campaign = {
        "name": line.name,
        "template": "parcel",
        "csv": f"recipient,name\n{rows}",
        "channel": known.sample_channel.value,
        "purpose": "transactional",
        "account": line.name,
    }
    return str((await _ask(session, "POST", "campaigns", campaign))["id"])


def _people(line: Line) -> Iterator[str]:
    """Invented numbers, never one that misbehaves on purpose."""
    return (to for to in (number(line.plan.country, index) for index in count()) if not is_magic(to))


async def _followed(session: aiohttp.ClientSession, campaign_id: str, expected: int, *, patience: float) -> float:
    """
    Wait until the campaign is over and give that moment.

    One whose plan is used up is cancelled once nothing more has passed for a while. Raises Conflict when it lasts
    beyond all patience.
    """
    until = time.monotonic() + patience
    used_up: float | None = None
    while time.monotonic() < until:
        progress = await _ask(session, "GET", f"campaigns/{campaign_id}/progress")
        if CampaignStatus(progress["status"]).is_final:
            return time.time()
        waiting = progress["waiting_rows"] + sum(progress["counts"].get(status, 0) for status in _WAITING)
        if waiting and expected <= progress["recipients"] - waiting < progress["recipients"]:
            used_up = used_up or time.time()
            if time.time() - used_up >= _STILL:
                await _ask(session, "POST", f"campaigns/{campaign_id}/cancel")
                return used_up
        await asyncio.sleep(max(_LOOK, patience / 1000))
    raise Conflict(
        "not_over", f"After {patience:.0f} s the campaign is still {progress['status']}: {progress['counts']}."
    )


async def _letters(world: World, provider: str) -> list[dict[str, Any]]:
    """What handsets received, page by page; those that failed on the way are none of it."""
    letters: list[dict[str, Any]] = []
    while page := await world.get(f"/mailbox?provider={provider}&after={len(letters)}&limit={_PAGE}"):
        letters += page
    return letters


async def _booked(line: Line, folder: str, campaign_id: str, letters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Hold the ledger against the handsets, when the server is gone."""
    with bootstrap.Yard(settings.load({"data_dir": folder, "database_url": ""})) as yard:
        workspace, _ = await yard.workspaces.first()
        messages = await all_messages(yard.database, workspace["id"], campaign_id)
        accepted, repeated = set(), 0
        async for event in all_events(yard.database, workspace["id"]):
            if event["kind"] == EventKind.ACCEPTED:
                accepted.add(event["message_id"])
            repeated += event["kind"] == EventKind.RETRY
        await yard.transport.close()
    found = tally(line.recipients, messages, accepted, letters)
    return {
        "lost": found.lost,
        "duplicated": found.duplicated,
        "repeated": repeated,
        "statuses": dict(found.statuses),
    }


async def _ask(session: aiohttp.ClientSession, method: str, path: str, document: object = None) -> Any:
    body = None if document is None else msgspec.json.encode(document)
    async with session.request(method, path, data=body, headers={"Content-Type": "application/json"}) as answer:
        found = msgspec.json.decode(await answer.read())
        if answer.status >= 400:
            raise Conflict("refused", f"{method} {path} was refused: {found.get('detail')} {found.get('errors', '')}")
        return found
