"""
Files of ours on their way to a provider: what is remembered, and what is said when it does not work.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sendyard.delivery import attachments as module
from sendyard.delivery.attachments import Attachments, MediaForm
from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.tokens import Tokens
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Media, MediaItem, Text, files_of
from sendyard.domain.errors import ErrorKind, Invalid, NotFound, ProviderError
from sendyard.providers.abilities import MediaUpload, UploadedMedia
from sendyard.providers.contract import Outgoing
from sendyard.providers.registry import SLUGS, adapter
from sendyard.providers.spec import MediaLimits, MediaWay, Timeout
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.yard import Yard, only_sqlite

NOW = 1_795_000_000.0
JPEG = b"\xff\xd8\xff\xe0 a picture"


@dataclass
class Shelf:
    """Keeps one file under every id."""

    fault: Exception | None = None
    public: str = "https://yard.example"
    asked: int = 0
    gate: asyncio.Event | None = None

    async def form(self, workspace_id: str, medium_id: str, limits: MediaLimits) -> MediaForm:
        del limits
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return MediaForm(
            medium_id, workspace_id, "key", "image/jpeg", "made.jpg", len(JPEG), b"digest" + medium_id.encode()
        )

    async def read(self, form: MediaForm) -> bytes:
        del form
        return JPEG

    def link(self, form: MediaForm, until: datetime) -> str:
        return f"{self.public}/{form.id}/{int(until.timestamp())}" if self.public else ""


@dataclass
class Wire:
    """Stands where the transport is."""

    answer: HttpResponse | Callable[[], HttpResponse] = field(default_factory=lambda: HttpResponse(200))
    sent: list[tuple[HttpRequest, Timeout]] = field(default_factory=list)

    async def exchange(self, request: HttpRequest, timeout: Timeout) -> HttpResponse:  # noqa: ASYNC109 - as the original
        self.sent.append((request, timeout))
        return self.answer if isinstance(self.answer, HttpResponse) else self.answer()


@dataclass
class Stage:
    yard: Yard
    shelf: Shelf
    wire: Wire
    now: float = NOW

    def __post_init__(self) -> None:
        self.attachments = self.fresh()

    def fresh(self) -> Attachments:
        wire: Any = self.wire
        return Attachments(self.yard.database, wire, Tokens(wire), self.shelf, clock=lambda: self.now)

    async def entry(self, provider: str, **options: Any) -> AccountEntry:
        found = self.yard.directory.account(await self.yard.account(provider, **options))
        assert found is not None
        return found

    async def put(self, entry: AccountEntry, message: Outgoing) -> MediaItem:
        found = await self.attachments.resolved(entry, message)
        assert isinstance(found, Outgoing), found
        return files_of(found.content)[0]

    async def error(self, entry: AccountEntry, message: Outgoing) -> ProviderError:
        found = await self.attachments.resolved(entry, message)
        assert isinstance(found, ProviderError), found
        return found


@pytest.fixture
def stage(yard: Yard) -> Stage:
    return Stage(yard, Shelf(), Wire(HttpResponse(200, body=UPLOADED)))


UPLOADED = (
    b'{"common":{"authCode":"A000","authResult":"Success","infobankTrId":"x"},'
    b'"data":{"code":"A000","result":"Success","data":{"fileKey":"FK-1","expired":"2027-11-21T10:30:00+09:00"}}}'
)


def mms(*ids: str, valid_until: datetime | None = None, content_type: str = "image/jpeg") -> Outgoing:
    items = tuple(MediaItem(content_type, f"media:{one}", filename="given.jpg") for one in ids or ("one",))
    to = Address.known("+821000000001")
    return Outgoing("m", "m", Channel.MMS, to, "15880000", Media(items, "x", "y"), valid_until=valid_until)


@pytest.mark.parametrize("slug", SLUGS)
def test_who_wants_uploads_takes_them_and_every_limit_has_types(slug: str) -> None:
    found = adapter(slug)
    for limits in found.spec.media.values():
        assert limits.way is not MediaWay.UPLOAD or isinstance(found, MediaUpload)
        assert all(rule.types and rule.max_bytes for rule in limits.rules)
    assert found.spec.media.keys() <= found.spec.channels


async def test_an_upload_is_made_once_for_many_and_remembered_by_the_next_process(stage: Stage) -> None:
    korea = await stage.entry("bizgo", sender="15880000")
    found = await asyncio.gather(*(stage.put(korea, mms("one")) for _ in range(5)))
    assert {item.handle for item in found} == {"FK-1"}
    assert (len(stage.wire.sent), stage.shelf.asked) == (1, 1)
    assert stage.wire.sent[0][1].total >= korea.adapter.spec.timeout.total
    stage.attachments = stage.fresh()
    assert (await stage.put(korea, mms("one"))).handle == "FK-1"
    assert len(stage.wire.sent) == 1
    stage.now = datetime(2027, 11, 21, 1, 29, 30, tzinfo=UTC).timestamp()  # a moment before its end
    await stage.put(korea, mms("one"))
    assert len(stage.wire.sent) == 2


@only_sqlite
async def test_a_handle_that_ends_at_once_is_used_and_not_fetched_for_ever(stage: Stage) -> None:
    korea = await stage.entry("bizgo", sender="15880000")
    stage.now = datetime(2027, 11, 21, 1, 29, 30, tzinfo=UTC).timestamp()
    for _ in range(2):
        assert (await stage.put(korea, mms("one"))).handle == "FK-1"
    assert len(stage.wire.sent) == 1


@only_sqlite
async def test_a_handle_of_another_place_at_the_provider_is_not_used(stage: Stage) -> None:
    korea = await stage.entry("bizgo", sender="15880000")
    await stage.put(korea, mms("one"))
    moved = replace(korea, settings=korea.settings.model_copy(update={"base_url": "http://127.0.0.1:9"}))
    await stage.put(moved, mms("one"))
    assert len(stage.wire.sent) == 2


@only_sqlite
async def test_where_nobody_says_how_long_a_handle_holds_it_is_trusted_for_a_day(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    korea = await stage.entry("bizgo", sender="15880000")
    monkeypatch.setattr(type(korea.adapter), "parse_upload", lambda *_: UploadedMedia("H"))
    await stage.put(korea, mms("one"))
    ((expires_at,),) = stage.yard.rows("SELECT expires_at FROM media_handles")
    assert expires_at == int(NOW * 1000) + 86_400_000


@only_sqlite
async def test_a_message_waits_for_all_of_its_files_and_its_lane_is_woken(stage: Stage) -> None:
    america = await stage.entry("twilio")
    stage.shelf.gate = asyncio.Event()
    stirred: list[int] = []
    message = mms("one", "two")
    assert stage.attachments.ready(america, message, lambda: stirred.append(1)) is None
    assert stage.attachments.ready(america, message, lambda: stirred.append(2)) is None
    text = replace(message, content=Text("hello"))
    assert stage.attachments.ready(america, text) is text
    stage.shelf.gate.set()
    found = await stage.attachments.resolved(america, message)
    assert isinstance(found, Outgoing)
    assert [item.url.split("/")[3] for item in files_of(found.content)] == ["one", "two"]
    assert stirred == [1, 1]
    elsewhere = replace(message, content=Media((MediaItem("image/jpeg", "https://files.example/a"),)))
    assert stage.attachments.ready(america, elsewhere) is elsewhere


@only_sqlite
async def test_links_end_a_day_after_the_message_at_a_midnight(stage: Stage) -> None:
    america = await stage.entry("twilio")
    moment = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
    link = (await stage.put(america, mms(valid_until=moment))).url
    assert datetime.fromtimestamp(int(link.rpartition("/")[2]), UTC) == datetime(2026, 11, 23, tzinfo=UTC)
    later = (await stage.put(america, mms(valid_until=moment + timedelta(hours=3)))).url
    assert later == link


@only_sqlite
async def test_a_file_made_into_another_type_has_the_name_of_that_type(stage: Stage) -> None:
    america = await stage.entry("twilio")
    assert (await stage.put(america, mms("one"))).filename == "given.jpg"
    made = await stage.put(america, mms("one", content_type="image/webp"))
    assert (made.filename, made.content_type) == ("made.jpg", "image/jpeg")


@only_sqlite
async def test_every_failure_has_a_class_and_words(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    korea, america, taiwan = (
        await stage.entry("bizgo", sender="1"),
        await stage.entry("twilio"),
        await stage.entry("mitake"),
    )
    assert (await stage.error(taiwan, mms())).code == "media_not_carried"
    stage.shelf.public = ""
    assert (await stage.error(america, mms())).code == "media_needs_public_url"
    stage.shelf.fault = NotFound("unknown_media", "There is no file.")
    gone = await stage.error(korea, mms())
    assert (gone.kind, gone.code) == (ErrorKind.CONTENT_REJECTED, "unknown_media")
    assert (await stage.error(korea, mms())) is gone  # for all that wait, without asking again
    stage.now += 60
    stage.shelf.fault = OSError("disk full")
    broken = await stage.error(korea, mms())
    assert (broken.kind, "log has more" in broken.detail) == (ErrorKind.UNAVAILABLE, True)
    stage.shelf.fault = None
    for answer, kind in (
        (HttpResponse(502), ErrorKind.UNAVAILABLE),
        (HttpResponse(200, body=b"garbage"), ErrorKind.UNAVAILABLE),
        (HttpResponse(401, body=UPLOADED.replace(b"A000", b"A004")), None),
    ):
        stage.now += 60
        stage.wire.answer = answer
        found = await stage.error(korea, mms())
        assert kind in {None, found.kind}
    stage.now += 60

    def refuse(*_: Any) -> None:
        raise Invalid("picture_wrong", "No.")

    monkeypatch.setattr(type(korea.adapter), "build_upload", refuse)
    assert (await stage.error(korea, mms())).kind is ErrorKind.CONTENT_REJECTED


@only_sqlite
async def test_memory_has_an_end(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_HELD", 2)
    america, taiwan = await stage.entry("twilio"), await stage.entry("mitake")
    for one in ("a", "b", "c"):
        await stage.put(america, mms(one))
        await stage.error(taiwan, mms(one))
    assert (len(stage.attachments._held), len(stage.attachments._refused)) == (2, 2)


@only_sqlite
async def test_what_is_on_its_way_stops_with_the_process(stage: Stage) -> None:
    america = await stage.entry("twilio")
    stage.shelf.gate = asyncio.Event()
    assert stage.attachments.ready(america, mms()) is None
    await asyncio.sleep(0)
    await stage.attachments.close()
    assert stage.attachments._working == {}
