"""
`bench history`: whether what people look at, and the start of a campaign, stay quick beside a long past.

The past is written once (`past`), into a directory that can be kept. Each question is then asked of campaigns, people
and messages drawn from all of it, so that little of what is read was read before.
"""

import asyncio
import contextlib
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import uvloop

from sendyard.bootstrap import tune_interpreter
from sendyard.cli.bench.campaign import audience, create, start
from sendyard.cli.bench.kept import kept_yard
from sendyard.cli.bench.memory import peak_mb
from sendyard.cli.bench.past import write_past
from sendyard.cli.bench.yard import Yard, fill, target
from sendyard.delivery.dispatcher import Dispatcher
from sendyard.delivery.transport import Transport
from sendyard.features.campaigns import Campaigns, CountKeeper, Expander
from sendyard.ledger import queries
from sendyard.ledger.cancel import cancel_message
from sendyard.ledger.claim import claim, release
from sendyard.ledger.kept_counts import outdate_rows
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

OLD = 10_000_000
NEW = 10_000  # recipients of the campaign that is started
MOST_MS = 200
FIRST_WITHIN = 2.0
_AFTER_REPORTS = "progress, after late reports"
_WRITTEN = "past.json"
_WAITING = 500  # messages that wait while a claim is measured
_SAMPLE = 200  # messages drawn from the past
_LATE = 20  # reports of one old campaign that come when its counts are kept

Ask: TypeAlias = Callable[[], Awaitable[object]]


def history(slug: str, old: int, rounds: int, database_url: str | None, keep: Path | None) -> dict[str, Any]:
    """
    Ask everything `rounds` times beside `old` messages, and start a campaign.

    With `keep` the past is written there unless it is there already; a kept directory belongs to one database.
    """
    with _directory(keep) as directory, target(slug) as base:
        seconds = _past(directory, slug, base, old, database_url)
        tune_interpreter()
        with kept_yard(directory, slug, base, database_url) as place:
            found = uvloop.run(_measured(place, slug, old, rounds))
    slowest = max(found["p95_ms_by_question"], key=lambda name: found["p95_ms_by_question"][name])
    return {
        "old_messages": old,
        "written_seconds": seconds,
        **found,
        "slowest_question": slowest,
        "p95_ms": found["p95_ms_by_question"][slowest],
        "limit_ms": MOST_MS,
        "limit_seconds": FIRST_WITHIN,
        "peak_memory_mb": peak_mb(),
    }


@contextlib.contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with TemporaryDirectory(prefix="sendyard-bench-") as directory:
        yield Path(directory)


def _past(directory: Path, slug: str, base: str, old: int, database_url: str | None) -> int | None:
    """Write the past unless it stands; gives the seconds it took."""
    note = directory / _WRITTEN
    if note.exists() and json.loads(note.read_text(encoding="utf-8"))["messages"] == old:
        return None
    with kept_yard(directory, slug, base, database_url) as place:
        workspace_id, account_id, url = place.workspace_id, place.account_id, place.database.url
    began = time.monotonic()
    write_past(url, workspace_id, account_id, messages=old, until=now_ms())
    note.write_text(json.dumps({"messages": old}), encoding="utf-8")
    return round(time.monotonic() - began)


async def _measured(place: Yard, slug: str, old: int, rounds: int) -> dict[str, Any]:
    chance = random.Random(1)  # noqa: S311 - nothing secret
    campaign_ids, messages = await place.database.read(lambda tx: _drawn(tx, place.workspace_id, old, chance))
    cpu = time.process_time()
    # As a server does in the background when it finds campaigns that were sent before counts were kept.
    await CountKeeper(place.database).round()
    counting = round(time.process_time() - cpu, 1)
    took = {}
    for name, ask in _questions(place, chance, campaign_ids, messages).items():
        if name == _AFTER_REPORTS:
            await place.database.write(lambda tx: _report_late(tx, campaign_ids, old, chance))
        took[name] = await _p95(ask, rounds)
        sys.stderr.write(f"{name}: {took[name][0]} ms, {took[name][1]} ms of them on a processor\n")
    took["claim"] = await _claims(place, rounds)
    started = await _started(place, slug)
    return {
        "database": place.database.dialect,
        "keeping_counts_cpu_seconds": counting,
        "p95_ms_by_question": {name: wall for name, (wall, _) in took.items()},
        "p95_cpu_ms_by_question": {name: cpu for name, (_, cpu) in took.items()},
        **started,
    }


def _drawn(
    tx: Transaction, workspace_id: str, old: int, chance: random.Random
) -> tuple[list[str], list[tuple[str, str]]]:
    """The old campaigns, and some of their messages as (id, address)."""
    campaign_ids = [
        id_
        for (id_,) in tx.rows(
            "SELECT id FROM campaigns WHERE workspace_id = ? AND name LIKE 'Old %' ORDER BY id", (workspace_id,)
        )
    ]
    size = -(-old // len(campaign_ids))
    messages: list[tuple[str, str]] = []
    for _ in range(_SAMPLE):
        place = (chance.choice(campaign_ids), chance.randrange(2, size))
        messages += tx.rows("SELECT id, address FROM messages WHERE group_id = ? AND group_id <> '' AND row = ?", place)
    return campaign_ids, messages


def _report_late(tx: Transaction, campaign_ids: list[str], old: int, chance: random.Random) -> None:
    """Say of some rows of each old campaign, drawn from all of it, that a report changed them."""
    size = -(-old // len(campaign_ids))
    rows = [(one, chance.randrange(2, size)) for one in campaign_ids for _ in range(_LATE)]
    outdate_rows(tx, rows, now=now_ms())


def _questions(
    place: Yard, chance: random.Random, campaign_ids: list[str], messages: list[tuple[str, str]]
) -> dict[str, Ask]:
    """What is asked, by name; each call asks about something else."""
    database, workspace_id = place.database, place.workspace_id

    def campaigns() -> Campaigns:
        # Anew each time: it remembers what took long to count.
        return Campaigns(database, place.directory)

    def one() -> str:
        return chance.choice(campaign_ids)

    def results(status: str | None = None, *, deep: bool = False) -> Ask:
        after = 90_000 if deep else 0
        return lambda: campaigns().recipients(workspace_id, one(), after_row=after, limit=100, status=status)

    def listed(**wanted: Callable[[], str]) -> Ask:
        def ask() -> Awaitable[object]:
            given: dict[str, Any] = {name: draw() for name, draw in wanted.items()}
            return database.read(lambda tx: queries.messages_page(tx, workspace_id, **given))

        return ask

    def message(read: Callable[[Transaction, str, str], object]) -> Ask:
        def ask() -> Awaitable[object]:
            message_id, _ = chance.choice(messages)
            return database.read(lambda tx: read(tx, workspace_id, message_id))

        return ask

    return {
        "campaign list": lambda: campaigns().list(workspace_id),
        "campaign": lambda: campaigns().get(workspace_id, one()),
        "progress": lambda: campaigns().progress(workspace_id, one()),
        "results": results(),
        "results, deep": results(deep=True),
        "results, failed": results("failed"),
        "results, delivered": results("delivered"),
        "results, no report": results("sent"),
        "results, cancelled (none)": results("cancelled"),
        "results, waiting (none)": results("waiting"),
        "results, refused (none)": results("refused"),
        "messages": listed(),
        "messages, deep": listed(after=lambda: chance.choice(messages)[0]),
        "messages, failed": listed(status=lambda: "failed"),
        "messages, no report": listed(status=lambda: "sent"),
        "messages, read (none)": listed(status=lambda: "read"),
        "messages, of a person": listed(to=lambda: chance.choice(messages)[1]),
        "messages, of a campaign": listed(campaign_id=one),
        "messages, failed of a campaign": listed(campaign_id=one, status=lambda: "failed"),
        "messages, of an account": listed(account_id=lambda: place.account_id),
        "messages, of no account": listed(account_id=lambda: "none"),
        "messages, by reference": listed(reference=lambda: "order-17"),
        "messages, of a batch": listed(batch_id=lambda: messages[0][0]),
        "message": message(queries.message),
        "timeline": message(queries.timeline),
        "lanes": lambda: database.read(lambda tx: queries.lanes(tx, workspace_id)),
        _AFTER_REPORTS: lambda: campaigns().progress(workspace_id, one()),
    }


async def _p95(ask: Ask, rounds: int) -> tuple[float, float]:
    """Milliseconds that 95 of 100 answers stay under, and those of this process on a processor."""
    took = []
    for _ in range(rounds):
        began, cpu = time.perf_counter(), time.process_time()
        await ask()
        took.append((time.perf_counter() - began, time.process_time() - cpu))
    place = min(rounds - 1, int(0.95 * rounds))
    wall, cpu = (round(1000 * sorted(one)[place], 1) for one in zip(*took, strict=True))
    return wall, cpu


async def _claims(place: Yard, rounds: int) -> tuple[float, float]:
    """A claim while some messages wait, given back and at last cancelled."""
    await asyncio.to_thread(fill, place, _WAITING)

    def once(tx: Transaction) -> list[str]:
        now = now_ms()
        taken = claim(tx, place.account_id, _WAITING, owner="bench", now=now, lease_until=now + 60_000)
        ids = [one.id for one in taken]
        release(tx, ids, owner="bench", now=now)
        return ids

    found = await _p95(lambda: place.database.write(once), rounds)
    ids = await place.database.write(once)
    await place.database.write(lambda tx: [cancel_message(tx, place.workspace_id, id_, now=now_ms()) for id_ in ids])
    return found


async def _started(place: Yard, slug: str) -> dict[str, Any]:
    """Start a campaign as a server would, and ask about it when it is handed over."""
    campaign_id = await create(place, audience(slug, NEW))
    async with Transport() as transport:
        dispatcher = Dispatcher(place.database, place.directory, transport, owner="bench")
        work = [asyncio.create_task(part.run()) for part in (dispatcher, Expander(place.database, place.directory))]
        await asyncio.sleep(0.1)
        cpu = time.process_time()
        answered, first = await start(place, campaign_id)
        cpu = time.process_time() - cpu
        for part in work:
            part.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    return {
        "started_recipients": NEW,
        "answer_seconds": answered,
        "first_hand_over_seconds": first,
        "cpu_us_per_recipient": round(cpu / NEW * 1e6, 1),
    }
