"""
`bench preflight`: what a campaign's preflight takes, for advertising of whose every row rules have something to say.

Everybody has a name of their own and a consent on record; the text gets label, name and footer, and at night all of
it waits for the morning. It runs in a process of its own, so that its memory is its own.
"""

import json
import subprocess
import sys
import time
from typing import Any

import uvloop

from sendyard.bootstrap import tune_interpreter
from sendyard.cli.bench.memory import peak_mb
from sendyard.cli.bench.yard import Yard, number, yard
from sendyard.domain.channels import Channel
from sendyard.domain.countries.korea import PACK
from sendyard.features.campaigns import Campaigns
from sendyard.features.connections import Routes
from sendyard.features.connections.compliance import WorkspaceFacts
from sendyard.providers.registry import adapters_for
from sendyard.storage.identifiers import new_id, now_ms

PEOPLE = 100_000
MOST_SECONDS = 5.0
MOST_MB = 300
_COUNTRY = min(PACK.countries)
_AGO = 30 * 86_400_000


def rehearsing(people: int, database_url: str | None) -> dict[str, Any]:
    """Measure the preflight of one campaign."""
    command = [sys.executable, "-m", "sendyard.cli.bench.rehearsing", str(people), database_url or ""]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603 - ours
    limit = round(MOST_SECONDS * people / PEOPLE, 1)
    return {**found, "limit_seconds": limit, "limit_memory_mb": MOST_MB}


def one_preflight(people: int, database_url: str | None) -> dict[str, Any]:
    """Make the campaign and look at it, in this process."""
    tune_interpreter()
    slug = adapters_for(_COUNTRY, Channel.SMS)[0].spec.slug
    with yard(slug, "http://127.0.0.1:9", database_url) as place:
        return uvloop.run(_measured(place, people))


async def _measured(place: Yard, people: int) -> dict[str, Any]:
    told = {"business": "데모상점", "opt_out_number": "080-000-0000"}
    await WorkspaceFacts(place.database, place.directory).change(place.workspace_id, told, by="bench")
    await Routes(place.database, place.directory).set(
        place.workspace_id, channel=Channel.SMS, accounts=[place.account_id]
    )
    numbers = [number(_COUNTRY, index) for index in range(people)]
    now = now_ms()
    await place.database.write(
        lambda tx: tx.run_many(
            "INSERT INTO consents (id, workspace_id, address, channel, purpose, kind, state, source, evidence, at,"
            " created_at) VALUES (?, ?, ?, '', 'promotional', 'marketing', 'granted', 'form', 'wording 1', ?, ?)",
            [(new_id(), place.workspace_id, one, now - _AGO, now) for one in numbers],
        )
    )
    rows = "".join(f"{one},Kim {index}\n" for index, one in enumerate(numbers))
    campaigns = Campaigns(place.database, place.directory)
    made = await campaigns.create(
        place.workspace_id, name="bench", text="{name}, 이번 주 10% 할인", csv=f"phone,name\n{rows}".encode()
    )
    before = peak_mb()
    began, cpu = time.perf_counter(), time.process_time()
    found = await campaigns.preflight(place.workspace_id, made["id"])
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = peak_mb()
    return {
        "database": place.database.dialect,
        "people": found.messages,
        "rules": len(found.rules),
        "seconds": round(seconds, 2),
        "rows_per_second": round(people / seconds),
        "cpu_us_per_row": round(cpu / people * 1e6, 1),
        "grown_mb": peak - before,
        "peak_memory_mb": peak,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(one_preflight(int(sys.argv[1]), sys.argv[2] or None)))
