"""
Files in a bucket that is away, refuses the key, is not there, or is read slowly.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from sendyard.domain.errors import Invalid, NotFound, Unavailable
from sendyard.features.media import sweep
from sendyard.features.media.stores import BucketStore, Store, open_store
from sendyard.storage.identifiers import now_ms
from tests.bucket import NO_BUCKET, NO_KEY, REFUSED, answering
from tests.features.media_shelf import PDF, Shelf, shelf_at
from tests.yard import Yard


def bucket_at(endpoint: str, folder: Path) -> Store:
    return open_store(f"s3://files/yard?endpoint={endpoint}", folder, key_id="invented", secret="invented")


async def every_way(store: Store, folder: Path) -> list[Unavailable]:
    """Ask a store for everything; gives what each said."""
    file = folder / "arrived"
    file.write_bytes(PDF)

    async def first() -> bytes:
        return await anext(aiter(store.stream("w/ab/abcd")))

    said = []
    ways = (store.put("w/ab/abcd", file), store.read("w/ab/abcd"), first(), store.check())
    for asking in ways:
        with pytest.raises(Unavailable) as caught:
            await asking
        said.append(caught.value)
    assert file.exists()
    return said


async def removing(store: Store) -> str:
    """Remove something; gives what the store said against it."""
    with pytest.raises(Unavailable) as caught:
        await store.delete("w/ab/abcd")
    return caught.value.detail


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, REFUSED, "refuses the key: correct SENDYARD_MEDIA_KEY_ID"),
        (404, NO_BUCKET, "is not there: make the bucket, or correct SENDYARD_MEDIA_URL"),
        (501, "", "did not answer; try again shortly"),
    ],
)
async def test_a_bucket_that_does_not_do_its_work_is_told_with_what_to_do(
    status: int, body: str, words: str, tmp_path: Path
) -> None:
    with answering(status, body) as endpoint:
        store = bucket_at(endpoint, tmp_path)
        said = await every_way(store, tmp_path)
        if body == NO_BUCKET:
            await store.delete("w/ab/abcd")
        else:
            assert words in await removing(store)
    assert all(words in one.detail for one in said), said
    assert {one.code for one in said} == {"media_store_away"}


async def test_a_bucket_that_nobody_serves_is_told_soon(tmp_path: Path) -> None:
    with answering(200, "") as endpoint:
        nobody = endpoint
    store = bucket_at(nobody, tmp_path)
    said = await every_way(store, tmp_path)
    assert "did not answer" in await removing(store)
    assert {one.detail for one in said} == {"The bucket in which files are kept did not answer; try again shortly."}


async def test_an_object_that_is_gone_is_another_matter_than_a_bucket_that_is_gone(tmp_path: Path) -> None:
    with answering(404, NO_KEY) as endpoint, pytest.raises(NotFound, match="not in the store any more"):
        await bucket_at(endpoint, tmp_path).read("w/ab/abcd")


async def test_a_large_object_is_read_range_by_range(tmp_path: Path) -> None:
    store = BucketStore(MemoryStore())
    data = os.urandom(9_000_001)
    file = tmp_path / "arrived"
    file.write_bytes(data)
    await store.put("w/ab/abcd", file)
    pieces = [piece async for piece in store.stream("w/ab/abcd")]
    assert [len(piece) for piece in pieces] == [4_194_304, 4_194_304, 611_393]
    assert b"".join(pieces) == data
    await store.check()


class Fickle:
    """A bucket that can be switched off, or off only for removing."""

    def __init__(self) -> None:
        self.inner = BucketStore(MemoryStore())
        self.is_away = self.keeps_all = False

    def _ask(self) -> None:
        if self.is_away:
            raise Unavailable("media_store_away", "The bucket in which files are kept did not answer.")

    async def put(self, key: str, file: Path) -> None:
        self._ask()
        await self.inner.put(key, file)

    async def read(self, key: str) -> bytes:
        self._ask()
        return await self.inner.read(key)

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        self._ask()
        async for piece in self.inner.stream(key):
            yield piece

    async def delete(self, key: str) -> None:
        if self.keeps_all:
            raise Unavailable("media_store_away", "The bucket in which files are kept refuses the key.")
        self._ask()
        await self.inner.delete(key)

    async def check(self) -> None:
        self._ask()

    async def left_behind(self, seconds: float) -> list[str]:
        self._ask()
        return await self.inner.left_behind(seconds)


@pytest.fixture
def bucket() -> Fickle:
    return Fickle()


@pytest.fixture
def shelf(yard: Yard, tmp_path: Path, bucket: Fickle) -> Shelf:
    return shelf_at(tmp_path / "media", yard, store=bucket)


async def test_while_the_bucket_is_away_nothing_is_taken_in_shown_or_removed(shelf: Shelf, bucket: Fickle) -> None:
    workspace_id = shelf.yard.workspace_id
    added = await shelf.add(PDF, "menu.pdf")
    bucket.is_away = True
    for asking in (
        shelf.add(PDF + b"%", "other.pdf"),
        shelf.library.content(workspace_id, added["id"]),
        shelf.library.delete(workspace_id, added["id"]),
    ):
        with pytest.raises(Unavailable, match="did not answer"):
            await asking
    assert [one["name"] for one in await shelf.library.all(workspace_id)] == ["menu.pdf"]
    assert list((shelf.root / ".incoming").glob("*")) == []
    bucket.is_away = False
    content = await shelf.library.content(workspace_id, added["id"])
    assert b"".join([piece async for piece in content.pieces]) == PDF
    await shelf.library.delete(workspace_id, added["id"])
    assert await shelf.library.all(workspace_id) == []


async def test_tidying_waits_for_a_bucket_that_is_away(shelf: Shelf, bucket: Fickle) -> None:
    added = await shelf.add(PDF)
    await shelf.yard.database.write(lambda tx: tx.run("UPDATE media SET kept_until = ?", (now_ms() - 1,)))
    bucket.is_away = True
    assert await shelf.library.tidy() == 0
    assert (await shelf.library.get(shelf.yard.workspace_id, added["id"]))["id"] == added["id"]
    bucket.is_away = False
    assert await shelf.library.tidy() == 1


async def test_an_object_that_cannot_be_removed_is_named_to_the_operator(
    shelf: Shelf, bucket: Fickle, caplog: pytest.LogCaptureFixture
) -> None:
    added = await shelf.add(PDF)
    bucket.keeps_all = True
    await shelf.library.delete(shelf.yard.workspace_id, added["id"])
    assert await shelf.library.all(shelf.yard.workspace_id) == []
    assert added["digest"] in caplog.text
    assert "stays in the bucket" in caplog.text


async def test_bytes_that_are_gone_are_told_before_an_answer_begins(shelf: Shelf, bucket: Fickle) -> None:
    added = await shelf.add(PDF)
    bucket.inner = BucketStore(MemoryStore())
    with pytest.raises(NotFound, match="not in the store any more"):
        await shelf.library.content(shelf.yard.workspace_id, added["id"])


async def test_uploads_that_a_crash_broke_off_go_after_a_day(shelf: Shelf, tmp_path: Path) -> None:
    spool = shelf.root / ".incoming"
    spool.mkdir(parents=True)
    for name, age in (("old", 90_000), ("new", 60)):
        (spool / name).write_bytes(b"half")
        os.utime(spool / name, (time.time() - age,) * 2)
    await shelf.library.tidy()
    assert [file.name for file in spool.iterdir()] == ["new"]
    await asyncio.to_thread(sweep, tmp_path / "nowhere", 0)
    assert not (tmp_path / "nowhere").exists()


def test_an_address_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="expected s3://bucket/prefix"):
        open_store("https://files.example.com/yard", tmp_path)
