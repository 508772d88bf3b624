"""
A benchmark's data directory that outlives a process: made once, opened again by others.

The key of its vault lies beside the database in the clear, which is right for invented numbers only.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from sendyard.cli.bench.yard import Yard
from sendyard.delivery.credentials import parse_settings, seal_settings
from sendyard.delivery.directory import Directory
from sendyard.providers.registry import adapter, emulators
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.migrations import upgrade
from sendyard.storage.transaction import Transaction
from sendyard.storage.vault import Vault, generate_key

_WHAT = "bench.json"
_ROUTE = "INSERT INTO routes (id, workspace_id, channel, accounts) VALUES (?, ?, 'sms', ?)"


@contextlib.contextmanager
def kept_yard(directory: Path, slug: str, base: str, database_url: str | None) -> Iterator[Yard]:
    """
    Open the data directory, or make it with one account of `slug` that everything goes through.

    `base` is where the account's provider listens this time.
    """
    database = Database(database_url or f"sqlite:///{directory / 'bench.db'}")
    try:
        upgrade(database)
        what = directory / _WHAT
        if not what.exists():
            told = {"key": generate_key(), "workspace": new_id(), "account": new_id()}
            database.write_now(lambda tx: _create(tx, slug, told["workspace"], told["account"]))
            what.write_text(json.dumps(told), encoding="utf-8")
        told = json.loads(what.read_text(encoding="utf-8"))
        vault = Vault([told["key"]])
        emulator = emulators()[slug]
        settings = parse_settings(adapter(slug), {**emulator.sample_account, "base_url": base + emulator.base_path})
        sealed = seal_settings(vault, told["account"], settings)
        database.write_now(lambda tx: tx.run("UPDATE accounts SET sealed = ? WHERE id = ?", (sealed, told["account"])))
        known = Directory(database, vault, "")
        known.load_now()
        yield Yard(database, known, told["workspace"], told["account"])
    finally:
        database.close()


def _create(tx: Transaction, slug: str, workspace_id: str, account_id: str) -> None:
    tx.run("INSERT INTO workspaces (id, name, created_at) VALUES (?, 'bench', ?)", (workspace_id, now_ms()))
    tx.run(
        "INSERT INTO accounts (id, workspace_id, provider, name, sealed, callback_token, sender, rate_per_second,"
        " created_at) VALUES (?, ?, ?, 'bench', ?, ?, ?, '10000000', ?)",
        (account_id, workspace_id, slug, b"", f"bench-{account_id}", emulators()[slug].sample_sender, now_ms()),
    )
    tx.run(_ROUTE, (new_id(), workspace_id, json.dumps([account_id])))
