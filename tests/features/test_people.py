"""
Workspaces and API keys.
"""

import asyncio
import hashlib
from typing import Any

import pytest

from sendyard.domain.errors import Invalid, NotFound, Unauthorized
from sendyard.features.people import SCOPES, ApiKeys, Workspaces
from sendyard.features.people import keys as keys_module
from sendyard.storage.engine import Database
from tests.yard import Yard


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api_keys(yard: Yard, clock: Clock) -> ApiKeys:
    return ApiKeys(yard.database, clock=clock)


async def test_a_key_is_shown_once_and_stored_as_a_digest(yard: Yard, api_keys: ApiKeys) -> None:
    made = await api_keys.create(yard.workspace_id, name=" shop ", scopes=["messages:send", "messages:read"])
    key = made.pop("key")
    assert key.startswith("sy_live_")
    assert key.isascii()
    assert len(key.removeprefix("sy_live_")) == 43
    assert key.removeprefix("sy_live_").isalnum()
    assert await api_keys.list(yard.workspace_id) == [made]
    assert (made["name"], made["kind"], made["hint"]) == ("shop", "live", key[:12])
    assert made["scopes"] == ["messages:read", "messages:send"]
    ((digest,),) = yard.rows("SELECT digest FROM api_keys")
    assert bytes(digest) == hashlib.sha256(key.encode()).digest()


async def test_no_two_keys_are_alike(yard: Yard, api_keys: ApiKeys) -> None:
    made = [await api_keys.create(yard.workspace_id, name="shop") for _ in range(5)]
    assert len({key["key"] for key in made}) == 5


async def test_a_key_stands_for_its_workspace_kind_and_scopes(yard: Yard, api_keys: ApiKeys) -> None:
    made = await api_keys.create(yard.workspace_id, name="shop", kind="test", scopes=["messages:send"])
    principal = await api_keys.authenticate(made["key"])
    assert (principal.id, principal.workspace_id) == (made["id"], yard.workspace_id)
    assert principal.is_test
    assert principal.may("messages:send")
    assert not principal.may("accounts")


async def test_the_star_allows_everything(yard: Yard, api_keys: ApiKeys) -> None:
    principal = await api_keys.authenticate((await api_keys.create(yard.workspace_id, name="all"))["key"])
    assert not principal.is_test
    assert all(principal.may(scope) for scope in SCOPES)


@pytest.mark.parametrize("junk", ["", "sy_live_", "sy_live_" + "x" * 43, "Bearer x", "\udc80", "🔑"])
async def test_anything_else_is_no_key(api_keys: ApiKeys, junk: str) -> None:
    assert api_keys.remembered(junk) is None
    with pytest.raises(Unauthorized):
        await api_keys.authenticate(junk)


async def test_a_key_is_asked_for_once_while_it_is_remembered(
    yard: Yard, api_keys: ApiKeys, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (await api_keys.create(yard.workspace_id, name="shop"))["key"]
    assert api_keys.remembered(key) is None
    first = await api_keys.authenticate(key)
    assert api_keys.remembered(key) is first
    monkeypatch.setattr(yard.database, "read", None)
    assert await api_keys.authenticate(key) is first
    clock.now += 2
    assert api_keys.remembered(key) is None


async def test_revoking_works_at_once_here_and_within_two_seconds_elsewhere(
    yard: Yard, api_keys: ApiKeys, clock: Clock
) -> None:
    made = await api_keys.create(yard.workspace_id, name="shop")
    elsewhere = ApiKeys(yard.database, clock=clock)
    await asyncio.gather(api_keys.authenticate(made["key"]), elsewhere.authenticate(made["key"]))
    await api_keys.revoke(yard.workspace_id, made["id"])
    with pytest.raises(Unauthorized):
        await api_keys.authenticate(made["key"])
    clock.now += 2
    with pytest.raises(Unauthorized):
        await elsewhere.authenticate(made["key"])


async def test_revoking_twice_keeps_the_first_time(yard: Yard, api_keys: ApiKeys) -> None:
    made = await api_keys.create(yard.workspace_id, name="shop")
    await api_keys.revoke(yard.workspace_id, made["id"])
    first = (await api_keys.list(yard.workspace_id))[0]["revoked_at"]
    await asyncio.sleep(0.01)
    await api_keys.revoke(yard.workspace_id, made["id"])
    assert (await api_keys.list(yard.workspace_id))[0]["revoked_at"] == first > 0


async def test_another_workspace_neither_sees_nor_revokes_a_key(yard: Yard, api_keys: ApiKeys) -> None:
    made = await api_keys.create(yard.workspace_id, name="shop")
    assert await api_keys.list("another") == []
    with pytest.raises(NotFound):
        await api_keys.revoke("another", made["id"])
    assert (await api_keys.authenticate(made["key"])).id == made["id"]


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "n" * 101}, "/name"),
        ({"name": "\0"}, "/name"),
        ({"kind": "lively"}, "/kind"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["messages:send", "world"]}, "/scopes"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(
    yard: Yard, api_keys: ApiKeys, given: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await api_keys.create(yard.workspace_id, **{"name": "shop", **given})
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert await api_keys.list(yard.workspace_id) == []


async def test_the_memory_of_keys_is_bounded(yard: Yard, api_keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "_MOST_REMEMBERED", 2)
    made = [(await api_keys.create(yard.workspace_id, name="shop"))["key"] for _ in range(5)]
    for key in made:
        await api_keys.authenticate(key)
        assert api_keys.remembered(key) is not None
    assert sum(api_keys.remembered(key) is not None for key in made) <= 2


async def test_the_first_workspace_is_made_once_however_many_ask(database: Database) -> None:
    workspaces = Workspaces(database)
    found = await asyncio.gather(*(workspaces.first("Shop") for _ in range(8)))
    assert len({workspace["id"] for workspace, _ in found}) == 1
    assert sum(made for _, made in found) == 1
    assert found[0][0]["name"] == "Shop"
    assert found[0][0]["recipient_hourly_limit"] == 10


async def test_another_workspace_can_be_added_and_found(yard: Yard) -> None:
    workspaces = Workspaces(yard.database)
    added = await workspaces.add("Second")
    assert await workspaces.get(added["id"]) == added
    assert (await workspaces.first())[0]["id"] == yard.workspace_id
    with pytest.raises(NotFound):
        await workspaces.get("nobody")


async def test_the_hourly_limit_is_kept_and_checked(yard: Yard) -> None:
    workspaces = Workspaces(yard.database)
    assert (await workspaces.set_hourly_limit(yard.workspace_id, 0))["recipient_hourly_limit"] == 0
    for limit in (-1, 100_001):
        with pytest.raises(Invalid):
            await workspaces.set_hourly_limit(yard.workspace_id, limit)
    with pytest.raises(NotFound):
        await workspaces.set_hourly_limit("nobody", 5)


async def test_workspaces_are_listed_oldest_first(yard: Yard) -> None:
    workspaces = Workspaces(yard.database)
    added = await workspaces.add("Second")
    assert [found["id"] for found in await workspaces.all()] == [yard.workspace_id, added["id"]]
