"""
A yard for tests: a real database, brought to the newest shape once, empty for each test.

Import `sqlite_shape`, `postgres_shape`, `database` and `yard` into a conftest to have them as fixtures.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.intake import Intake
from sendyard.features.connections import Accounts, Routes
from sendyard.features.people import Workspaces
from sendyard.providers.wire import HttpRequest, HttpResponse
from sendyard.storage.engine import Database
from sendyard.storage.migrations import upgrade
from sendyard.storage.tables import metadata
from sendyard.storage.vault import Vault, generate_key
from tests.databases import PostgresDatabases

PUBLIC_URL = "https://yard.example"
KOREAN, TAIWANESE, AMERICAN = "+821012345678", "+886912345678", "+12025550123"
TWILIO = {"account_sid": "AC" + "1" * 32, "auth_token": "invented-token", "messaging_service_sid": "MG" + "2" * 32}
MITAKE = {"username": "invented", "password": "invented-password", "base_url": "http://127.0.0.1:9/mitake/api/mtk"}
BIZGO = {"api_key": "invented-key"}
SETTINGS: Mapping[str, Mapping[str, Any]] = {"twilio": TWILIO, "mitake": MITAKE, "bizgo": BIZGO}


only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For tests of code that has no SQL of its own: once is enough."""


@dataclass
class Provider:
    """Stands where the HTTP client is: remembers requests, answers what a test wants."""

    answer: HttpResponse | Exception = field(default_factory=lambda: HttpResponse(200))
    requests: list[HttpRequest] = field(default_factory=list)

    async def exchange(self, entry: AccountEntry, request: HttpRequest) -> HttpResponse:
        del entry
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class Yard:
    """Everything a feature test needs, over one database with one workspace."""

    database: Database
    vault: Vault
    directory: Directory
    provider: Provider
    workspace_id: str

    @property
    def accounts(self) -> Accounts:
        return Accounts(self.database, self.vault, self.directory, self.provider.exchange)

    @property
    def routes(self) -> Routes:
        return Routes(self.database, self.directory)

    @property
    def intake(self) -> Intake:
        return Intake(self.database, self.directory)

    async def account(self, provider: str, name: str = "", **options: Any) -> str:
        """Add an account and give its id."""
        settings = {**SETTINGS.get(provider, {}), **options.pop("settings", {})}
        added = await self.accounts.add(self.workspace_id, provider=provider, name=name, settings=settings, **options)
        return str(added["id"])

    async def hourly_limit(self, limit: int) -> None:
        await Workspaces(self.database).set_hourly_limit(self.workspace_id, limit)
        await self.directory.refresh()

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.database.read_now(lambda tx: tx.rows(sql, parameters))


@pytest.fixture(scope="session")
def sqlite_shape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shape") / "empty.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_shape(postgres_databases: PostgresDatabases) -> Iterator[str]:
    url = postgres_databases.create()
    database = Database(url)
    upgrade(database)
    database.close()
    yield url
    postgres_databases.drop(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of the newest shape; the test runs once on each engine."""
    if request.param == "sqlite":
        path = tmp_path / "yard.db"
        shutil.copy(request.getfixturevalue("sqlite_shape"), path)
        found = Database(f"sqlite:///{path}")
        yield found
        found.close()
        return
    found = Database(request.getfixturevalue("postgres_shape"))
    yield found
    empty(found)
    found.close()


def empty(database: Database) -> None:
    """Remove every row, which takes milliseconds where a database of its own takes half a second."""
    database.write_now(lambda tx: [tx.execute(table.delete()) for table in reversed(metadata.sorted_tables)])


@pytest.fixture
async def yard(database: Database) -> Yard:
    """A workspace without accounts."""
    vault = Vault([generate_key()])
    directory = Directory(database, vault, PUBLIC_URL)
    workspace, _ = await Workspaces(database).first()
    await directory.refresh()
    return Yard(database, vault, directory, Provider(), workspace["id"])
