"""
`bench segments`: how long counting takes for typical filters over a workspace of a million people.

People are imported first, as people would be; activity, suppressions and a second kind of identity are put in by SQL.
Before each question some contacts change, as in a workspace that is being used. Held against it is what the database
needs when it looks at each contact.
"""

import asyncio
import random
import time
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from sendyard.bootstrap import tune_interpreter
from sendyard.cli.bench.importing import write_people
from sendyard.features.audience import Census, CustomFields, Files, Imports, Manner, Question, Segments
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.migrations import upgrade
from sendyard.storage.transaction import Transaction
from sendyard.storage.vault import Vault, generate_key

PEOPLE = 1_000_000
LIMIT_MS = 300
_CHANGED = 200
FILTERS = (
    "",
    "tag = vip",
    "tag in (vip, new) and country = TW",
    "list = bench and not tag = vip",
    "language = en",
    "country = TW and language = zh-Hant and tag = new",
    "field.amount > 5000",
    "field.amount >= 1000 and field.amount < 2000",
    "field.amount = 120 or field.amount is not set",
    "field.city = 臺北",
    "field.city in (臺北, 新北, 高雄) and tag = vip",
    "field.city contains 臺",
    "delivered within 30 days",
    "delivered within 30 days and not replied ever",
    "replied ever or clicked within 7 days",
    "sent > 2026-01-31 and read never",
    "created within 7 days",
    "lead is set",
    "time_zone = Asia/Taipei",
    "has email",
    "has phone and not has email",
    "suppressed",
    "not suppressed on sms and delivered within 90 days",
    "name contains ann",
    "name contains 王 and field.amount > 100",
    'name = "Ann Lee4"',
)
"""What people ask; filters of every kind of condition."""


def segments(people: int, rounds: int, database_url: str | None) -> dict[str, Any]:
    """Measure every filter `rounds` times by the census, and once by looking at each contact."""
    with TemporaryDirectory(prefix="sendyard-bench-") as folder:
        database = Database(database_url or f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            upgrade(database)
            tune_interpreter()
            return uvloop.run(_measured(database, Path(folder), people, rounds))
        finally:
            database.close()


async def _measured(database: Database, folder: Path, people: int, rounds: int) -> dict[str, Any]:
    workspace_id = await _filled(database, folder, people)
    census = Census(database, least=1)
    began = time.perf_counter()
    await census.round()
    built = time.perf_counter() - began
    by_census, by_looking = Segments(database, census), Segments(database)
    chance = random.Random(7)  # noqa: S311 - nothing secret
    slowest: dict[str, float] = {}
    every: list[float] = []
    worked: list[float] = []
    for text in FILTERS:
        taken: list[float] = []
        for _ in range(rounds):
            numbers = chance.sample(range(1, people + 1), min(_CHANGED, people))
            await database.write(lambda tx, n=numbers: _change(tx, workspace_id, n))  # type: ignore[misc]
            cpu = time.process_time()
            taken.append(await _timed(by_census, workspace_id, text))
            worked.append((time.process_time() - cpu) * 1000)
        every += taken
        slowest[text or "everybody"] = round(_p95(taken), 1)
    looking = [await _timed(by_looking, workspace_id, text) for text in FILTERS]
    return {
        "database": database.dialect,
        "people": people,
        "filters": len(FILTERS),
        "p95_ms": round(_p95(every), 1),
        "limit_ms": LIMIT_MS,
        "p95_cpu_ms": round(_p95(worked), 1),
        "slowest_filter_p95_ms": max(slowest.values()),
        "looking_p95_ms": round(_p95(looking), 1),
        "ratio": round(_p95(looking) / _p95(every), 2),
        "census_seconds": round(built, 1),
        "p95_ms_by_filter": slowest,
    }


async def _timed(by: Segments, workspace_id: str, text: str) -> float:
    began = time.perf_counter()
    await by.count(workspace_id, Question(text))
    return (time.perf_counter() - began) * 1000


def _p95(taken: list[float]) -> float:
    return quantiles(taken, n=20)[-1] if len(taken) > 1 else taken[0]


async def _filled(database: Database, folder: Path, people: int) -> str:
    workspace_id, now = new_id(), now_ms()
    await database.write(
        lambda tx: tx.run("INSERT INTO workspaces (id, name, created_at) VALUES (?, 'bench', ?)", (workspace_id, now))
    )
    fields = CustomFields(database)
    await fields.add(workspace_id, code="city")
    await fields.add(workspace_id, code="amount", type="money", currency="TWD")
    file = folder / "people.csv"
    await asyncio.to_thread(write_people, file, people)
    imports = Imports(database, AddressKeys(Vault([generate_key()])))
    await Files(imports, fields).take(workspace_id, file, Manner(country="TW", list="bench"))
    for statement in _LIVED:
        await database.write(lambda tx, s=statement: tx.run(s, (now, workspace_id)))  # type: ignore[misc]
    return workspace_id


_LIVED = (
    """
    UPDATE contacts SET sent_at = ? - (no % 200) * 86400000
    WHERE no % 3 > 0 AND workspace_id = ?
    """,
    "UPDATE contacts SET delivered_at = sent_at, read_at = ? WHERE no % 5 > 0 AND workspace_id = ?",
    "UPDATE contacts SET replied_at = ? - (no % 100) * 86400000 WHERE no % 11 = 0 AND workspace_id = ?",
    "UPDATE contacts SET clicked_at = ? - (no % 50) * 86400000, lead = 'new' WHERE no % 13 = 0 AND workspace_id = ?",
    """
    INSERT INTO identities (workspace_id, kind, value, contact_no, created_at)
    SELECT workspace_id, 'email', 'p' || no || '@example.com', no, ? FROM contacts
    WHERE no % 2 = 0 AND workspace_id = ?
    """,
    """
    INSERT INTO suppressions (id, workspace_id, address, channel, purpose, reason, source, evidence, created_at)
    SELECT 's' || contact_no, workspace_id, value, '', '', 'opted_out', '', '', ? FROM identities
    WHERE kind = 'phone' AND contact_no % 100 = 0 AND workspace_id = ?
    """,
)
"""What a million people do in some months; the parameters are the moment and the workspace."""


def _change(tx: Transaction, workspace_id: str, numbers: list[int]) -> None:
    ((stamp,),) = tx.rows(
        "UPDATE audience_clocks SET changed = changed + 1 WHERE workspace_id = ? RETURNING changed", (workspace_id,)
    )
    tx.run_many(
        "UPDATE contacts SET delivered_at = ?, changed = ? WHERE workspace_id = ? AND no = ?",
        [(now_ms(), stamp, workspace_id, number) for number in numbers],
    )
