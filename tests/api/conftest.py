"""
The web side as it is built in earnest, over a database of its own, asked through ASGI in the test's own loop.
"""

import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from sendyard.bootstrap import Yard
from sendyard.bootstrap.doors import application
from sendyard.settings import Settings
from sendyard.storage.engine import Database
from sendyard.storage.migrations import upgrade
from tests.unhurried import unhurried  # noqa: F401 - a fixture that every test here has

TWILIO: Mapping[str, str] = {
    "account_sid": "AC" + "1" * 32,
    "auth_token": "invented-token",
    "base_url": "http://127.0.0.1:9",
}
KOREAN, TAIWANESE = "+821012345678", "+886912345678"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("shape") / "sendyard.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database)
    database.close()
    return file


@pytest.fixture
def settings(tmp_path: Path, migrated: Path) -> Settings:
    shutil.copy(migrated, tmp_path / "sendyard.db")
    return Settings(data_dir=tmp_path, public_url="https://yard.example")


@pytest.fixture
def yard(settings: Settings) -> Iterator[Yard]:
    with Yard(settings) as built:
        yield built


@dataclass
class Caller:
    """Asks the interface with one key."""

    http: httpx.AsyncClient
    yard: Yard
    workspace_id: str
    key: str

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        if body is not None:
            options["json"] = body
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **options)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.ask("GET", path, params=params or None)

    async def post(self, path: str, body: Any = None, *, once: str = "", **options: Any) -> httpx.Response:
        headers = {"idempotency-key": once} if once else {}
        return await self.ask("POST", path, body, headers=headers | options.pop("headers", {}), **options)

    async def account(self, name: str = "tw", **options: Any) -> str:
        added = await self.yard.accounts.add(
            self.workspace_id, provider="twilio", name=name, settings=TWILIO, sender="+15005550006", **options
        )
        return str(added["id"])

    async def route(self, *accounts: str) -> None:
        answer = await self.ask("PUT", "/routes", {"channel": "sms", "accounts": list(accounts or ["tw"])})
        assert answer.status_code == 200, answer.text

    async def other(self, **options: Any) -> "Caller":
        created = await self.yard.keys.create(self.workspace_id, name="other", **options)
        return Caller(self.http, self.yard, self.workspace_id, created["key"])


@pytest.fixture
async def http(yard: Yard) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(yard, "web"), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://yard") as client:
        yield client
    await yard.transport.close()


@pytest.fixture
async def caller(http: httpx.AsyncClient, yard: Yard) -> Caller:
    """A caller with a live key that may do everything."""
    key = await yard.first_start()
    workspace, _ = await yard.workspaces.first()
    return Caller(http, yard, workspace["id"], key)


@pytest.fixture
async def sender(caller: Caller) -> Caller:
    """A caller whose messages have somewhere to go; nothing is handed over, because no dispatcher runs."""
    await caller.account(price_per_part="0.0079")
    await caller.route()
    return caller


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Expect a problem document and give it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["type"] == f"urn:sendyard:error:{code}"
    assert document["title"]
    assert document["detail"]
    return document
