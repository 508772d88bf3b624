"""
`bench campaign`: whole campaigns, from the start somebody asks for to the last hand-over, as they grow.

The audience comes from a file and is judged and looked through beforehand, in a process of its own, whose time is told
apart. Then another process starts the campaign with everything a server has working: expansion beside hand-over. The
numbers of the file are in no order, as those of real people are.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from sendyard.bootstrap import tune_interpreter
from sendyard.cli.bench.kept import kept_yard
from sendyard.cli.bench.memory import peak_mb
from sendyard.cli.bench.yard import Yard, home_of, is_busy, number, target
from sendyard.delivery.dispatcher import Dispatcher
from sendyard.delivery.transport import Transport
from sendyard.features.campaigns import Campaigns, Expander
from sendyard.providers.registry import adapter
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LEAST = 10_000  # recipients of one figure: a small campaign is repeated
FIRST_WITHIN = 2.0  # seconds from the start to the first hand-over
WITHIN = 1.15  # what a recipient may cost at the largest size, by what it costs at the smallest
MOST_MB = 400
TEXT = "{name}, your order {order} arrives on 24 Nov"
_LOOK = 0.05  # seconds between looks whether all is handed over


def campaign(slug: str, sizes: tuple[int, ...], database_url: str | None) -> dict[str, Any]:
    """Measure every size; `ratio` is the cost of a recipient in the largest campaign by that in the smallest."""
    series = []
    for size in sizes:
        series.append(one_size(slug, size, database_url))
        sys.stderr.write(f"{json.dumps(series[-1])}\n")
    costs = [one["cpu_us_per_recipient"] for one in series]
    return {
        "provider": slug,
        "series": series,
        "first_hand_over_seconds": max(one["first_hand_over_seconds"] for one in series),
        "limit_seconds": FIRST_WITHIN,
        "cpu_us_per_recipient": costs[-1],
        "ratio": round(costs[-1] / costs[0], 3),
        "limit_ratio": WITHIN,
        "peak_memory_mb": max(one["peak_memory_mb"] for one in series),
        "limit_memory_mb": MOST_MB,
    }


def one_size(slug: str, size: int, database_url: str | None) -> dict[str, Any]:
    """Make the campaigns of one size in one process, and start them in another."""
    with TemporaryDirectory(prefix="sendyard-bench-") as directory, target(slug) as base:
        arguments = [directory, slug, base, database_url or "", str(size), str(max(1, LEAST // size))]
        made = _apart("make", arguments)
        return {"recipients": size, **made, **_apart("run", arguments)}


def _apart(step: str, arguments: list[str]) -> dict[str, Any]:
    """Do one step in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "sendyard.cli.bench.campaign", step, *arguments]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)  # noqa: S603 - ours
    return found


def audience(slug: str, size: int, *, first: int = 0) -> bytes:
    """A file of so many invented people from the number `first` on, in no order."""
    country = home_of(adapter(slug).spec)
    places = list(range(first, first + size))
    random.Random(1).shuffle(places)  # noqa: S311 - nothing secret
    rows = "".join(f"{number(country, place)},Kim {place},{place % 977}\n" for place in places)
    return f"phone,name,order\n{rows}".encode()


async def create(place: Yard, csv: bytes) -> str:
    """Make a draft of a file; gives its id."""
    made = await Campaigns(place.database, place.directory).create(
        place.workspace_id, name="bench", text=TEXT, purpose="transactional", csv=csv
    )
    return str(made["id"])


async def make(place: Yard, slug: str, size: int, count: int) -> dict[str, Any]:
    """Make so many campaigns, each to other people, and look through the first."""
    before = time.perf_counter()
    created = [await create(place, audience(slug, size, first=size * number)) for number in range(count)]
    between = time.perf_counter()
    found = await Campaigns(place.database, place.directory).preflight(place.workspace_id, created[0])
    return {
        "campaigns": len(created),
        "reached": found.messages,
        "create_seconds": round((between - before) / len(created), 2),
        "preflight_seconds": round(time.perf_counter() - between, 2),
        "create_memory_mb": peak_mb(),
    }


async def run(place: Yard, size: int) -> dict[str, Any]:
    """Start every draft, one after the other, with a dispatcher and an expander at work."""
    drafts = await place.database.read(lambda tx: _drafts(tx, place.workspace_id))
    async with Transport() as transport:
        dispatcher = Dispatcher(place.database, place.directory, transport, owner="bench")
        work = [asyncio.create_task(part.run()) for part in (dispatcher, Expander(place.database, place.directory))]
        await asyncio.sleep(0.1)
        cpu, seconds = time.process_time(), time.perf_counter()
        started = [await start(place, campaign_id) for campaign_id in drafts]
        cpu, seconds = time.process_time() - cpu, time.perf_counter() - seconds
        for part in work:
            part.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    recipients = size * len(drafts)
    return {
        "answer_seconds": max(answered for answered, _ in started),
        "first_hand_over_seconds": max(first for _, first in started),
        "recipients_per_second": round(recipients / seconds),
        "cpu_us_per_recipient": round(cpu / recipients * 1e6, 1),
        "peak_memory_mb": peak_mb(),
    }


async def start(place: Yard, campaign_id: str) -> tuple[float, float]:
    """
    Start a campaign and return when all of it is handed over.

    Gives the seconds until the start was answered and until the first request was let go.
    """
    before, began = new_id(), now_ms()
    await Campaigns(place.database, place.directory).start(place.workspace_id, campaign_id)
    answered = now_ms() - began
    while not await place.database.read(lambda tx: _is_over(tx, campaign_id)):  # noqa: ASYNC110 - as a person would
        await asyncio.sleep(_LOOK)
    opened = await place.database.read(lambda tx: _first_opened(tx, before))
    return answered / 1000, (opened - began) / 1000


def _drafts(tx: Transaction, workspace_id: str) -> list[str]:
    return [id_ for (id_,) in tx.rows("SELECT id FROM campaigns WHERE workspace_id = ? ORDER BY id", (workspace_id,))]


def _is_over(tx: Transaction, campaign_id: str) -> bool:
    ((status,),) = tx.rows("SELECT status FROM campaigns WHERE id = ?", (campaign_id,))
    return status != "preparing" and not is_busy(tx)


def _first_opened(tx: Transaction, after: str) -> int:
    ((opened,),) = tx.rows("SELECT opened_at FROM exchanges WHERE id > ? ORDER BY id LIMIT 1", (after,))
    return int(opened)


def _step(step: str, directory: str, slug: str, base: str, database_url: str, size: str, count: str) -> dict[str, Any]:
    tune_interpreter()
    with kept_yard(Path(directory), slug, base, database_url or None) as place:
        return uvloop.run(make(place, slug, int(size), int(count)) if step == "make" else run(place, int(size)))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_step(*sys.argv[1:])))
