"""
Files of a workspace: taken in once, listed, linked to, removed; on both databases.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from obstore.store import MemoryStore

from sendyard.delivery.attachments import MediaForm
from sendyard.domain.channels import Channel
from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.features.media import library as library_module
from sendyard.features.media.library import KEPT_MS
from sendyard.features.media.stores import BucketStore, FileStore, Store, open_store
from sendyard.features.people import Workspaces
from sendyard.providers.spec import MediaLimits, MediaRule, MediaWay
from sendyard.storage.identifiers import now_ms
from sendyard.storage.vault import Vault, generate_key
from tests.features.media_shelf import PDF, Shelf, noise, picture, shelf_at
from tests.stores import Books
from tests.yard import BIZGO, PUBLIC_URL, TWILIO, Yard, only_sqlite

JPEG = frozenset({"image/jpeg"})
SMALL = MediaLimits(MediaWay.LINK, (MediaRule(JPEG, 20_000, 200, 200),))


@pytest.fixture
def shelf(yard: Yard, tmp_path: Path) -> Shelf:
    return shelf_at(tmp_path / "media", yard)


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_a_file_is_taken_in_once_however_often_it_comes(shelf: Shelf) -> None:
    data = picture(size=(64, 48))
    first = await shelf.add(data, "summer.exe")
    second = await shelf.add(data, "again.jpg")
    assert second["kept_until"] >= first["kept_until"]
    assert second | {"kept_until": 0} == first | {"kept_until": 0}
    assert {name: first[name] for name in ("name", "content_type", "bytes", "width", "height")} == {
        "name": "summer.exe.jpg",
        "content_type": "image/jpeg",
        "bytes": len(data),
        "width": 64,
        "height": 48,
    }
    (stored,) = shelf.stored()
    assert (stored.read_bytes(), stored.stat().st_mode & 0o777) == (data, 0o600)
    assert [file.name for file in shelf.root.glob(".incoming/*")] == []
    content = await shelf.library.content(shelf.yard.workspace_id, first["id"])
    assert await whole(content.pieces) == data


async def test_what_is_refused_leaves_nothing_behind(shelf: Shelf) -> None:
    for data in (b"<svg/>", b"", picture()[:100]):
        with pytest.raises(Invalid):
            await shelf.add(data)
    assert [file for file in shelf.root.rglob("*") if file.is_file()] == []


async def test_a_file_larger_than_any_provider_takes_is_refused(yard: Yard, tmp_path: Path) -> None:
    shelf = shelf_at(tmp_path / "media", yard, largest=100)
    with pytest.raises(Invalid, match="at most 100 bytes, found 101"):
        await shelf.add(b"x" * 101)


async def test_files_are_listed_newest_first_and_for_their_workspace_only(shelf: Shelf) -> None:
    ids = [(await shelf.add(f"text {number}".encode(), f"{number}.txt"))["id"] for number in range(3)]
    workspace_id = shelf.yard.workspace_id
    assert [one["id"] for one in await shelf.library.all(workspace_id)] == ids[::-1]
    assert [one["id"] for one in await shelf.library.all(workspace_id, after=ids[1], limit=5)] == ids[:1]
    other = await Workspaces(shelf.yard.database).add("another")
    assert await shelf.library.all(other["id"]) == []
    for reach in (shelf.library.get, shelf.library.delete, shelf.library.content):
        with pytest.raises(NotFound):
            await reach(other["id"], ids[0])
    with pytest.raises(Invalid, match="There is no file"):
        await shelf.library.items(other["id"], [ids[0]], until=0)


async def test_a_picture_is_made_to_fit_once_and_kept(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    added = await shelf.add(noise(size=(400, 300)), "view.jpg")
    workspace_id = shelf.yard.workspace_id
    forms = await asyncio.gather(*(shelf.library.form(workspace_id, added["id"], SMALL) for _ in range(3)))
    assert len(set(forms)) == 1
    form = forms[0]
    assert (form.id != added["id"], form.size <= 20_000, form.name) == (True, True, "view.jpg")
    assert len(await shelf.library.read(form)) == form.size
    assert len(shelf.stored()) == 2
    monkeypatch.setattr(library_module, "fit", None)  # what was made is not made again
    assert await shelf.library.form(workspace_id, added["id"], SMALL) == form


async def test_what_cannot_be_made_to_fit_is_refused(shelf: Shelf) -> None:
    document = await shelf.add(PDF, "menu.pdf")
    workspace_id = shelf.yard.workspace_id
    with pytest.raises(Invalid, match="Expected image/jpeg, found application/pdf"):
        await shelf.library.form(workspace_id, document["id"], SMALL)
    few = MediaLimits(MediaWay.LINK, (MediaRule(frozenset({"application/pdf"}), 10),))
    with pytest.raises(Invalid, match="at most 10 bytes"):
        await shelf.library.form(workspace_id, document["id"], few)
    shown = await shelf.add(picture())
    with pytest.raises(Invalid, match="Expected application/pdf, found image/jpeg"):
        await shelf.library.form(workspace_id, shown["id"], few)


async def test_a_link_gives_the_file_until_it_is_over_and_only_as_it_was_made(shelf: Shelf) -> None:
    data = noise(size=(400, 300))
    added = await shelf.add(data, "바다 1.jpg")
    workspace_id = shelf.yard.workspace_id
    original = MediaForm(added["id"], workspace_id, "", "image/jpeg", added["name"], 0, b"")
    link = shelf.library.link(original, datetime.now(UTC) + timedelta(minutes=1))
    assert link.startswith(f"{PUBLIC_URL}/media/public/{added['id']}/")
    _, _, rest = link.partition("/media/public/")
    file_id, expires, signature, name = rest.split("/")
    assert unquote(name) == "바다 1.jpg"
    assert await whole((await shelf.library.linked(file_id, expires, signature)).pieces) == data
    fitted = await shelf.library.form(workspace_id, added["id"], SMALL)
    for wrong in (
        (file_id, str(int(expires) + 1), signature),
        (fitted.id, expires, signature),
        (file_id, expires, ("B" if signature[0] != "B" else "C") + signature[1:]),
        (file_id, expires, ""),
        (file_id, expires, "no base64!"),
        (file_id, "soon", signature),
    ):
        with pytest.raises(NotFound, match="no such file, or its link is over"):
            await shelf.library.linked(*wrong)
    over = shelf.library.link(fitted, datetime.now(UTC) - timedelta(seconds=1)).split("/")[-4:-1]
    with pytest.raises(NotFound):
        await shelf.library.linked(*over)
    good = shelf.library.link(fitted, datetime.now(UTC) + timedelta(minutes=1)).split("/")[-4:-1]
    assert (await shelf.library.linked(*good)).size == fitted.size


async def test_links_survive_a_new_key_and_end_with_the_old_one(yard: Yard, tmp_path: Path) -> None:
    old, new = generate_key(), generate_key()
    shelf = shelf_at(tmp_path / "media", yard, vault=Vault([old]))
    added = await shelf.add(PDF)
    form = MediaForm(added["id"], yard.workspace_id, "", "application/pdf", "a.pdf", 0, b"")
    place = shelf.library.link(form, datetime.now(UTC) + timedelta(minutes=1)).split("/")[-4:-1]
    kept = await shelf_at(shelf.root, yard, vault=Vault([new, old])).library.linked(*place)
    assert kept.size == len(PDF)
    with pytest.raises(NotFound):
        await shelf_at(shelf.root, yard, vault=Vault([new])).library.linked(*place)


async def test_a_file_that_is_needed_stays_and_one_that_is_not_goes_with_its_forms(shelf: Shelf) -> None:
    yard = shelf.yard
    waiting, named, free = [await shelf.item(noise(size=(300 + at, 200))) for at in range(3)]
    workspace_id = yard.workspace_id
    await shelf.library.form(workspace_id, free.medium_id, SMALL)
    books = Books(yard.database, workspace_id)
    account_id = await yard.account("twilio", "one")
    message = books.message(route=(account_id,), content=replace_media(waiting), channel=Channel.MMS)
    await asyncio.to_thread(books.enqueue, message)
    await asyncio.to_thread(name_in_template, yard, named.medium_id)
    with pytest.raises(Conflict, match="1 messages with this file have not left"):
        await shelf.library.delete(workspace_id, waiting.medium_id)
    with pytest.raises(Conflict, match="The template 'arrival' names this file"):
        await shelf.library.delete(workspace_id, named.medium_id)
    assert len(shelf.stored()) == 4
    await shelf.library.delete(workspace_id, free.medium_id)
    assert len(shelf.stored()) == 2
    with pytest.raises(NotFound):
        await shelf.library.get(workspace_id, free.medium_id)


def replace_media(item: Any) -> Any:
    from sendyard.domain.content import Media  # noqa: PLC0415 - one place

    return Media((item,), "look")


def name_in_template(yard: Yard, medium_id: str) -> None:
    def work(tx: Any) -> None:
        tx.run(
            "INSERT INTO templates (id, workspace_id, code, name, version, created_at) VALUES (?, ?, ?, ?, 1, 1)",
            ("t1", yard.workspace_id, "arrival", "arrival"),
        )
        tx.run(
            "INSERT INTO template_versions (id, workspace_id, template_id, version, body, registered, created_at)"
            " VALUES (?, ?, ?, 1, 'x', ?, 1)",
            ("v1", yard.workspace_id, "t1", f'{{"url":"media:{medium_id}"}}'),
        )

    yard.database.write_now(work)


async def test_what_nobody_needs_is_removed_after_its_time(shelf: Shelf) -> None:
    yard = shelf.yard
    old, used, named = [await shelf.add(f"text {at}".encode()) for at in range(3)]
    await asyncio.to_thread(name_in_template, yard, named["id"])
    yard.database.write_now(lambda tx: tx.run("UPDATE media SET kept_until = 1"))
    until = now_ms() + 1000
    await shelf.library.items(yard.workspace_id, [used["id"]], until=until)
    assert (await shelf.library.get(yard.workspace_id, used["id"]))["kept_until"] == until + KEPT_MS
    assert await shelf.library.tidy() == 1
    assert {one["id"] for one in await shelf.library.all(yard.workspace_id)} == {used["id"], named["id"]}
    assert await shelf.library.tidy() == 0
    assert old["id"] not in str(shelf.stored())


@only_sqlite
async def test_bytes_that_no_row_names_are_swept_after_a_day(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    added = await shelf.add(PDF)
    stray = shelf.root / "w" / "ab" / "stray"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half an upload")
    await shelf.library.tidy()
    assert stray.exists()
    monkeypatch.setattr(library_module, "_LEFT_BEHIND", -60.0)
    await shelf.library.tidy()
    assert not stray.exists()
    assert (await shelf.library.content(shelf.yard.workspace_id, added["id"])).size == len(PDF)
    assert len(shelf.stored()) == 1


@only_sqlite
async def test_a_preview_says_what_each_account_would_send(shelf: Shelf) -> None:
    yard = shelf.yard
    await yard.account("bizgo", "kr", settings=BIZGO, sender="15880000")
    await yard.account("twilio", "us", settings=TWILIO)
    await yard.account("mitake", "tw")
    added = await shelf.add(noise(size=(1200, 900)), "big.jpg")
    shown = await shelf.library.preview(yard.workspace_id, added["id"], Channel.MMS)
    korea, america = sorted(shown, key=lambda one: one["account_name"])
    assert (korea["way"], korea["problems"], america["way"]) == ("upload", [], "link")
    assert korea["sent"]["bytes"] <= 307_200
    assert "bytes became" in korea["sent"]["changes"][-1]
    assert america["sent"] == {
        "content_type": "image/jpeg", "bytes": added["bytes"], "width": 1200, "height": 900, "changes": []
    }  # fmt: skip
    (none,) = await shelf.library.preview(yard.workspace_id, added["id"], Channel.MMS, account="tw")
    assert (none["way"], none["sent"], none["problems"][0]["code"]) == (None, None, "media_not_carried")
    document = await shelf.add(PDF)
    (refused,) = await shelf.library.preview(yard.workspace_id, document["id"], Channel.MMS, account="kr")
    assert refused["problems"][0]["detail"] == "BizGO (Infobank) takes image/jpeg on mms, found application/pdf."
    made = await shelf.library.content(yard.workspace_id, added["id"], account="kr", channel="mms")
    assert len(await whole(made.pieces)) == korea["sent"]["bytes"]
    with pytest.raises(Invalid, match="carries no files on mms"):
        await shelf.library.content(yard.workspace_id, added["id"], account="tw", channel="mms")
    small = noise(size=(400, 300))
    hopeless = replace(SMALL, rules=(MediaRule(JPEG, 10),))
    with pytest.raises(Invalid, match="cannot be made small enough"):
        await shelf.library.form(yard.workspace_id, (await shelf.add(small))["id"], hopeless)


@pytest.mark.parametrize("kind", ["files", "bucket"])
async def test_every_store_keeps_reads_streams_and_deletes(kind: str, tmp_path: Path) -> None:
    store: Store = FileStore(tmp_path / "store") if kind == "files" else BucketStore(MemoryStore())
    file = tmp_path / "arrived"
    data = bytes(range(256)) * 4000
    file.write_bytes(data)
    await store.put("w/ab/abcd", file)
    assert not file.exists()
    assert await store.read("w/ab/abcd") == data
    pieces = [piece async for piece in store.stream("w/ab/abcd")]
    assert b"".join(pieces) == data
    assert await store.left_behind(-5) == (["w/ab/abcd"] if kind == "files" else [])
    await store.delete("w/ab/abcd")
    await store.delete("w/ab/abcd")
    for reading in (store.read("w/ab/abcd"), whole(store.stream("w/ab/abcd"))):
        with pytest.raises(NotFound, match="not in the store any more"):
            await reading


def test_the_settings_choose_the_store(tmp_path: Path) -> None:
    assert isinstance(open_store("", tmp_path), FileStore)
    url = "s3://files/yard?region=eu-west-1&endpoint=http://127.0.0.1:9"
    assert isinstance(open_store(url, tmp_path, key_id="invented", secret="invented"), BucketStore)
    for wrong in ("ftp://files", "s3://", "s3://files?colour=blue"):
        with pytest.raises(Invalid, match="expected s3://bucket/prefix"):
            open_store(wrong, tmp_path)


async def test_a_link_s_time_is_read_from_the_clock(shelf: Shelf) -> None:
    links = shelf.library._links
    link = links.make("id", datetime.fromtimestamp(1000, UTC), "a.pdf")
    file_id, expires, signature = link.split("/")[-4:-1]
    assert links.is_good(file_id, expires, signature, now=999)
    assert not links.is_good(file_id, expires, signature, now=1000)
    assert not links.is_good(file_id, expires, signature, now=time.time())
