"""
What benchmarks work on: a data directory of their own, one account, a target in another process.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sendyard.cli.bench.server import announced
from sendyard.delivery.credentials import parse_settings, seal_settings
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.errors import NotFound
from sendyard.domain.status import MessageStatus
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import NewMessage
from sendyard.providers.emulation import LoadTarget
from sendyard.providers.registry import adapter, adapters, emulators
from sendyard.providers.spec import ProviderSpec
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.migrations import upgrade
from sendyard.storage.transaction import Transaction
from sendyard.storage.vault import Vault, generate_key

_CHUNK = 2000
_DAY = 86_400_000
# Invented ranges: in the United States 555-01xx belongs to examples, so the area code carries the count.
_PREFIXES = {"IN": ("+9190", 8), "KR": ("+8210", 8), "TW": ("+8869", 8)}


@dataclass(slots=True)
class Yard:
    """Everything a benchmark of the engine needs."""

    database: Database
    directory: Directory
    workspace_id: str
    account_id: str

    @property
    def entry(self) -> AccountEntry:
        """The one account."""
        found = self.directory.account(self.account_id)
        if found is None:
            raise NotFound("unknown_account", "the benchmark's account is gone")
        return found


def measurable() -> list[str]:
    """Providers that have a target to send to."""
    return [slug for slug, emulator in emulators().items() if isinstance(emulator, LoadTarget)]


def single_recipient() -> str:
    """The first provider that takes one text message a request."""
    specs = ((slug, adapters()[slug].spec) for slug in measurable())
    return next(slug for slug, spec in specs if spec.batch.limit == 1 and Channel.SMS in spec.channels)


@contextlib.contextmanager
def target(slug: str) -> Iterator[str]:
    """Run the target of a provider; yields its address."""
    with announced("sendyard.emulator.target", slug) as port:
        yield f"http://127.0.0.1:{port}/{slug}"


@contextlib.contextmanager
def yard(slug: str, base: str, database_url: str | None, *, public_url: str = "") -> Iterator[Yard]:
    """Open a database (a new SQLite file unless a URL is given) with one account of `slug` at `base`."""
    with TemporaryDirectory(prefix="sendyard-bench-") as directory:
        database = Database(database_url or f"sqlite:///{Path(directory) / 'bench.db'}")
        try:
            upgrade(database)
            vault = Vault([generate_key()])
            workspace_id, account_id = new_id(), new_id()
            emulator = emulators()[slug]
            settings = parse_settings(adapter(slug), {**emulator.sample_account, "base_url": base + emulator.base_path})
            sealed = seal_settings(vault, account_id, settings)

            def create(tx: Transaction) -> None:
                tx.run("INSERT INTO workspaces (id, name, created_at) VALUES (?, 'bench', ?)", (workspace_id, now_ms()))
                tx.run(
                    "INSERT INTO accounts (id, workspace_id, provider, name, sealed, callback_token, sender,"
                    " rate_per_second, created_at) VALUES (?, ?, ?, 'bench', ?, ?, ?, '10000000', ?)",
                    (account_id, workspace_id, slug, sealed, f"bench-{account_id}", emulator.sample_sender, now_ms()),
                )

            database.write_now(create)
            known = Directory(database, vault, public_url)
            known.load_now()
            yield Yard(database, known, workspace_id, account_id)
        finally:
            database.close()


def fill(place: Yard, count: int, *, campaign_id: str = "") -> None:
    """Enqueue `count` messages with different texts, to different invented numbers."""
    country = home_of(place.entry.adapter.spec)
    for start in range(0, count, _CHUNK):
        now = now_ms()
        chunk = [
            NewMessage(
                id=new_id(),
                workspace_id=place.workspace_id,
                status=MessageStatus.QUEUED,
                purpose=Purpose.TRANSACTIONAL,
                channel=Channel.SMS,
                to=Address.phone(number(country, index)),
                country=country or "US",
                sender="",
                content=Text(f"Kim {index}, your order of {index % 977}.50 arrives on 24 Nov"),
                parts=1,
                encoding="GSM-7",
                route=(place.account_id,),
                failover=True,
                created_at=now,
                expires_at=now + _DAY,
                campaign_id=campaign_id,
                row=index + 2 if campaign_id else None,
            )
            for index in range(start, min(count, start + _CHUNK))
        ]
        place.database.write_now(lambda tx, chunk=chunk: enqueue(tx, chunk))  # type: ignore[misc]


def home_of(spec: ProviderSpec) -> str:
    """The country of a provider's invented numbers; "" for the United States."""
    countries = spec.home or spec.countries
    return next((code for code in sorted(countries) if code in _PREFIXES), "")


def number(country: str, index: int) -> str:
    """An invented mobile number of a country, another for each index."""
    if country in _PREFIXES:
        prefix, digits = _PREFIXES[country]
        return f"{prefix}{20_000_000 + index:0{digits}d}"
    area, rest = divmod(index, 10_000)
    return f"+1{201 + area}555{rest:04d}"


async def handed_over(place: Yard) -> None:
    """Return when no message of the account waits and no exchange is open."""
    # Looked at from outside, as a person would: the dispatcher has no "all done".
    while await place.database.read(is_busy):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def is_busy(tx: Transaction) -> bool:
    """Whether a message waits or an exchange is open."""
    return bool(
        tx.rows("SELECT 1 FROM messages WHERE due_at IS NOT NULL LIMIT 1")
        or tx.rows("SELECT 1 FROM exchanges WHERE status = 'open' LIMIT 1")
    )
