"""
`bench import`: a file of people becomes contacts, beside what reading it bare and inserting its cells costs.

The import runs in a process of its own, so that its memory is its own; the floor is the standard library's CSV reader
and `executemany` into one table with a key and nothing else, with as many rows in a transaction.
"""

import csv
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from sendyard.bootstrap import tune_interpreter
from sendyard.cli.bench.memory import peak_mb
from sendyard.features.audience import CustomFields, Files, Imports, Manner
from sendyard.features.audience.importing.imports import CHUNK
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.migrations import upgrade
from sendyard.storage.vault import Vault, generate_key

ROWS = 1_000_000
WANTED_PER_SECOND = 15_000
MOST_MB = 300
_BARE = " TEXT, ".join("abcdef")
_CITIES = ("臺北", "新北", "桃園", "臺中", "臺南", "高雄", "新竹", "嘉義")
_NAMES = ("王小明", "陳怡君", "林志豪", "張雅婷", "Ann Lee", "黃俊傑", "Priya Rao", "김민수")


def importing(rows: int, database_url: str | None) -> dict[str, Any]:
    """Measure an import of `rows` people into an empty database, and the floor."""
    with TemporaryDirectory(prefix="sendyard-bench-") as folder:
        file = Path(folder) / "people.csv"
        write_people(file, rows)
        command = [sys.executable, "-m", "sendyard.cli.bench.importing", str(file), database_url or ""]
        found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603 - ours
        floor = bare(file, database_url or f"sqlite:///{Path(folder) / 'bare.db'}")
    return {
        "rows": rows,
        **found,
        "floor_per_second": round(rows / floor),
        "ratio": round(found["rows_per_second"] * floor / rows, 3),
        "wanted_per_second": WANTED_PER_SECOND,
        "limit_memory_mb": MOST_MB,
    }


def write_people(file: Path, rows: int) -> None:
    """Write a file of invented people: number, name, language, tags, a text and an amount."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("手機", "姓名", "language", "tags", "city", "amount"))
        writer.writerows(
            (
                f"09{10_000_000 + index:08d}",
                f"{_NAMES[index % 8]}{index}",
                "zh-Hant" if index % 3 else "en",
                "vip" if index % 10 == 0 else "new",
                _CITIES[index % 8],
                index % 977 * 10,
            )
            for index in range(rows)
        )


def bare(file: Path, database_url: str) -> float:
    """Read the cells and insert them into a table of their own; gives the seconds."""
    database = Database(database_url)
    try:
        database.write_now(lambda tx: tx.run(f"CREATE TABLE bare_people ({_BARE} TEXT, PRIMARY KEY (a))"))
        began = time.perf_counter()
        with file.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            next(reader)
            while chunk := [*itertools.islice(reader, CHUNK)]:
                database.write_now(
                    lambda tx, rows=chunk: tx.run_many("INSERT INTO bare_people VALUES (?, ?, ?, ?, ?, ?)", rows)  # type: ignore[misc]
                )
        seconds = time.perf_counter() - began
        database.write_now(lambda tx: tx.run("DROP TABLE bare_people"))
        return seconds
    finally:
        database.close()


def one_import(file: Path, database_url: str | None) -> dict[str, Any]:
    """Import a file into an empty database in this process."""
    with TemporaryDirectory(prefix="sendyard-bench-") as folder:
        database = Database(database_url or f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            upgrade(database)
            tune_interpreter()
            return uvloop.run(_measured(database, file))
        finally:
            database.close()


async def _measured(database: Database, file: Path) -> dict[str, Any]:
    workspace_id = new_id()
    await database.write(
        lambda tx: tx.run(
            "INSERT INTO workspaces (id, name, created_at) VALUES (?, 'bench', ?)", (workspace_id, now_ms())
        )
    )
    fields = CustomFields(database)
    await fields.add(workspace_id, code="city")
    await fields.add(workspace_id, code="amount", type="money", currency="TWD")
    files = Files(Imports(database, AddressKeys(Vault([generate_key()]))), fields)
    began, cpu = time.perf_counter(), time.process_time()
    done = await files.take(workspace_id, file, Manner(country="TW", list="bench"))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    rows = done["counts"]["rows"]
    return {
        "database": database.dialect,
        "added": done["counts"]["added"],
        "rows_per_second": round(rows / seconds),
        "cpu_us_per_row": round(cpu / rows * 1e6, 1),
        "peak_memory_mb": peak_mb(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(one_import(Path(sys.argv[1]), sys.argv[2] or None)))
