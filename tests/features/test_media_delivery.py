"""
Files on their way: uploaded to a provider, fetched from a link or put into the message, through emulators over sockets.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sendyard.delivery import attachments
from sendyard.delivery.dispatcher import Dispatcher
from sendyard.delivery.preflight import Draft
from sendyard.delivery.recovery import Recovery
from sendyard.delivery.transport import Lost, NotSent
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import Invalid, Unavailable
from sendyard.emulator.scenarios import Error
from sendyard.features.media import Links
from sendyard.providers.abilities import UploadedMedia
from sendyard.providers.registry import adapter as adapter_of
from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest, HttpResponse
from sendyard.storage.identifiers import new_id
from tests.features.media_shelf import PDF, Shelf, noise, picture, shelf_at
from tests.running import KOREA, QUICK, Running
from tests.yard import only_sqlite

PERSON = "+886912345678"
LINE_USER = "U" + "4" * 32


@dataclass
class Post:
    """A yard at work with a shelf of files; every request that leaves is remembered."""

    running: Running
    shelf: Shelf
    requests: list[HttpRequest]

    async def account(self, provider: str, **options: Any) -> str:
        given = {"name": provider, **options}
        server = self.running.server
        emulator = server.world.hosted[provider].emulator
        return await self.running.account(provider, sender=given.pop("sender", emulator.sample_sender), **given)

    async def send(self, content: Content, channel: Channel, *, to: str = PERSON, **options: Any) -> str:
        """Through the front door, as the API does it."""
        intake = self.running.yard.intake
        draft = Draft(to=to, content=content, channel=channel, **options)
        return (await intake.accept(self.running.yard.workspace_id, draft)).id

    def uploads(self) -> list[HttpRequest]:
        return [one for one in self.requests if b"filename=" in one.body]

    def media(self) -> list[str]:
        """What handsets show, letter by letter."""
        return [name for letter in self.running.letters() for name in letter.received.media]

    def fresh(self) -> None:
        """Begin with an empty memory, as a process does that has just started."""
        running, yard = self.running, self.running.yard
        owner = f"worker-{new_id()}"
        running.dispatcher = Dispatcher(
            yard.database, yard.directory, running.transport, owner=owner, delays=QUICK, supply=self.shelf.library
        )
        running.recovery = Recovery(yard.database, yard.directory, running.transport, running.dispatcher, owner=owner)

    def wrote_to_us(self, provider: str, account: str) -> None:
        """The person has written a moment ago, so that everything may be sent for a day."""
        hosted = self.running.server.world.hosted[provider]
        if not account and hasattr(hosted.state, "workspaces"):
            hosted.emulator.register(hosted.state, hosted.emulator.sample_account)
            account = next(iter(hosted.state.workspaces.values())).name
        hosted.emulator.inbound(
            hosted.state,
            account=account,
            sender=PERSON,
            recipient=hosted.emulator.sample_sender,
            text="hello",
            now=datetime.now(UTC),
        )


@pytest.fixture
def post(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    shelf = shelf_at(tmp_path / "media", running.yard, running.door.url, vault=running.yard.vault)
    found = Post(running, shelf, [])
    exchange = running.transport.exchange

    async def remembering(request: HttpRequest, timeout: Timeout) -> HttpResponse:  # noqa: ASYNC109 - as the original
        found.requests.append(request)
        return await exchange(request, timeout)

    monkeypatch.setattr(running.transport, "exchange", remembering)
    found.fresh()
    return found


async def test_a_korean_mms_is_made_small_uploaded_once_and_sent_to_all(post: Post) -> None:
    account = await post.account("bizgo")
    item = await post.shelf.item(noise(size=(1700, 1300), quality=95), "여름.jpg")
    ids = [
        await post.send(Media((item,), "여름 할인", "안내"), Channel.MMS, to=KOREA.format(at), account=account)
        for at in range(5)
    ]
    post.running.start(post.running.poller.run())
    await post.running.reach(ids, "sent", "delivered")
    (upload,) = post.uploads()
    assert len(upload.body) < 307_200 + 1000
    assert len(set(post.media())) == 1
    assert post.media()[0].startswith("FK-")
    ((handle,),) = post.running.yard.rows("SELECT handle FROM media_handles")
    assert post.media() == [handle] * 5


async def test_a_message_waits_for_a_bucket_that_is_away(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    account = await post.account("bizgo")
    item = await post.shelf.item(noise(size=(1700, 1300), quality=95), "여름.jpg")
    read, asked = post.shelf.library._store.read, []

    async def away_at_first(key: str) -> bytes:
        asked.append(key)
        if len(asked) == 1:
            raise Unavailable("media_store_away", "The bucket in which files are kept did not answer.")
        return await read(key)

    monkeypatch.setattr(post.shelf.library._store, "read", away_at_first)
    monkeypatch.setattr(attachments, "_AGAIN", 0.01)
    one = await post.send(Media((item,), "여름 할인", "안내"), Channel.MMS, to=KOREA.format(1), account=account)
    post.running.start(post.running.poller.run())
    await post.running.reach([one], "sent", "delivered")
    told = post.running.yard.rows("SELECT detail FROM events WHERE kind = 'retry'")
    assert told == [("The bucket in which files are kept did not answer.",)]
    assert len(post.media()) == 1


async def test_a_handle_is_used_again_by_the_next_process_and_not_after_its_end(post: Post) -> None:
    account = await post.account("bizgo")
    item = await post.shelf.item(picture(), "a.jpg")
    content = Media((item,), "안녕", "안내")

    async def arrives(number: int) -> None:
        one = await post.send(content, Channel.MMS, to=KOREA.format(number), account=account)
        await post.running.reach([one], "sent", "delivered")

    post.running.start(post.running.poller.run())
    await arrives(1)
    await post.running.stop()
    post.fresh()
    post.running.start(post.running.poller.run())
    await arrives(2)
    assert len(post.uploads()) == 1
    await post.running.stop()
    await post.running.run_sql("UPDATE media_handles SET expires_at = 1")
    post.fresh()
    post.running.start(post.running.poller.run())
    await arrives(3)
    assert len(post.uploads()) == 2
    assert len(set(post.media())) == 2
    ((count,),) = post.running.yard.rows("SELECT count(*) FROM media_handles")
    assert count == 1


async def test_twilio_fetches_an_mms_from_a_signed_link(post: Post) -> None:
    account = await post.account("twilio")
    first, second = await post.shelf.item(picture(), "a b.jpg"), await post.shelf.item(PDF, "menu.pdf")
    one = await post.send(Media((first, second), "look"), Channel.MMS, to="+12025550123", account=account)
    post.running.start()
    await post.running.reach([one], "delivered")
    links = post.media()
    assert [link.rpartition("/")[2] for link in links] == ["a%20b.jpg", "menu.pdf"]
    for link, item in zip(links, (first, second), strict=True):
        assert link.startswith(f"{post.running.door.url}/media/public/{item.medium_id}/")
        found = await post.shelf.library.linked(*link.split("/")[-4:-1])
        assert found.content_type == item.content_type


@only_sqlite
async def test_meta_gets_the_file_first_and_then_its_id(post: Post) -> None:
    account = await post.account("meta_cloud")
    post.wrote_to_us("meta_cloud", "100000000000001")
    item = await post.shelf.item(PDF, "menu.pdf")
    ids = [await post.send(Media((item,), "Our menu"), Channel.WHATSAPP, account=account) for _ in range(2)]
    post.running.start()
    await post.running.reach(ids, "sent", "delivered", "read")
    assert len(post.uploads()) == 1
    first, second = post.running.letters()
    assert first.received.text == "Our menu"
    assert first.received.media == second.received.media
    ((kept,),) = post.running.yard.rows("SELECT expires_at FROM media_handles")
    assert kept > 0


@only_sqlite
@pytest.mark.parametrize("provider", ["wati", "gupshup_whatsapp", "interakt", "kaleyra"])
async def test_a_whatsapp_provider_that_fetches_gets_a_link(post: Post, provider: str) -> None:
    account = await post.account(provider, **({"sender": "911140000001"} if provider == "kaleyra" else {}))
    post.wrote_to_us(provider, "")
    item = await post.shelf.item(picture(), "view.jpg")
    one = await post.send(Media((item,), "the view"), Channel.WHATSAPP, account=account)
    post.running.start(post.running.poller.run())
    await post.running.reach([one], "sent", "delivered", "read")
    (link,) = post.media()
    assert link.startswith(f"{post.running.door.url}/media/public/{item.medium_id}/")
    assert post.running.letters()[0].received.text == "the view"


@only_sqlite
async def test_line_shows_a_picture_from_a_link_to_all_in_one_request(post: Post) -> None:
    secure = Links(post.running.yard.vault, "https://yard.example")
    post.shelf.library._links = secure
    post.running.yard.directory._public_url = "https://yard.example"
    account = await post.account("line")
    item = await post.shelf.item(noise(size=(1500, 1500), quality=95), "view.jpg")
    users = [f"U{at:032x}" for at in range(3)]
    ids = [await post.send(Media((item,), "look"), Channel.LINE, to=user, account=account) for user in users]
    post.running.start()
    await post.running.reach(ids, "sent", "delivered")
    links = post.media()
    assert len(set(links)) == 1
    assert links[0].startswith("https://yard.example/media/public/")
    sends = [one for one in post.requests if one.url.endswith(("multicast", "push"))]
    assert len(sends) == 1


@only_sqlite
async def test_a_picture_inside_the_message_reaches_taiwan(post: Post) -> None:
    account = await post.account("every8d")
    item = await post.shelf.item(noise(size=(800, 600)), "view.png")
    one = await post.send(Media((item,), "夏天", "優惠"), Channel.MMS, account=account)
    post.running.start(post.running.poller.run())
    await post.running.reach([one], "sent", "delivered")
    (letter,) = post.running.letters()
    assert letter.received.text == "夏天"
    assert len(letter.received.media) == 1
    assert post.uploads() == []


@only_sqlite
async def test_buttons_reach_people_and_come_back_by_their_id(post: Post) -> None:
    pressed = Interactive("At home?", (Choice("yes", "Yes"), Choice("no", "No")))
    meta, line = await post.account("meta_cloud"), await post.account("line")
    post.wrote_to_us("meta_cloud", "100000000000001")
    ids = [
        await post.send(pressed, Channel.WHATSAPP, account=meta),
        await post.send(pressed, Channel.LINE, to=LINE_USER, account=line),
    ]
    post.running.start()
    await post.running.reach(ids, "sent", "delivered", "read")
    bodies = [json.loads(one.body) for one in post.requests if b"At home?" in one.body]
    said = json.dumps(bodies)
    assert len(bodies) == 2
    assert all(word in said for word in ('"yes"', '"No"'))


@only_sqlite
async def test_a_failed_upload_is_tried_again_and_nothing_is_sent_twice(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await post.account("bizgo")
    item = await post.shelf.item(picture(), "a.jpg")
    exchange = post.running.transport.exchange
    failures: Iterator[HttpResponse | Exception] = iter([HttpResponse(503), NotSent("no way"), Lost("silence")])

    async def stumbling(request: HttpRequest, timeout: Timeout) -> HttpResponse:  # noqa: ASYNC109 - as the original
        answer = next(failures, None) if request.url.endswith("/file/mms") else None
        if isinstance(answer, Exception):
            raise answer
        return answer or await exchange(request, timeout)

    monkeypatch.setattr(post.running.transport, "exchange", stumbling)
    monkeypatch.setattr(attachments, "_AGAIN", 0.01)
    one = await post.send(Media((item,), "안녕", "안내"), Channel.MMS, to=KOREA.format(1), account=account)
    post.running.start(post.running.poller.run())
    await post.running.reach([one], "sent", "delivered")
    assert len(post.running.letters()) == 1
    assert [kind for kind, _ in post.running.books.events(one)].count("retry") == 3


@only_sqlite
@pytest.mark.parametrize("has_connection", [True, False])
async def test_a_file_that_cannot_be_handed_over_ends_the_message_with_the_reason(
    post: Post, monkeypatch: pytest.MonkeyPatch, has_connection: bool
) -> None:
    account = await post.account("bizgo")
    item = await post.shelf.item(picture(), "a.jpg")
    kind = type(adapter_of("bizgo"))

    def parse(_self: Any, _response: HttpResponse) -> UploadedMedia:
        raise Invalid("picture_wrong", "This picture is not liked.")

    if has_connection:
        monkeypatch.setattr(kind, "parse_upload", parse)
    else:
        await post.shelf.library.delete(post.running.yard.workspace_id, item.medium_id)
    one = await post.send(Media((item,), "안녕", "안내"), Channel.MMS, to=KOREA.format(1), account=account)
    post.running.start()
    await post.running.reach([one], "failed")
    ((code, detail),) = post.running.yard.rows("SELECT error_code, error_detail FROM messages")
    if has_connection:
        assert (code, detail) == ("picture_wrong", "This picture is not liked.")
    else:
        assert code == "unknown_media"
    assert post.running.letters() == []


@only_sqlite
async def test_a_text_overtakes_a_file_that_is_still_on_its_way(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    account = await post.account("bizgo")
    item = await post.shelf.item(picture(), "a.jpg")
    may_go = asyncio.Event()
    form = post.shelf.library.form

    async def waiting(*given: Any) -> Any:
        await may_go.wait()
        return await form(*given)

    monkeypatch.setattr(post.shelf.library, "form", waiting)
    slow = await post.send(Media((item,), "안녕", "안내"), Channel.MMS, to=KOREA.format(1), account=account)
    post.running.start(post.running.poller.run())
    await asyncio.sleep(0.2)
    quick = await post.send(Text("1234"), Channel.SMS, to=KOREA.format(2), account=account, purpose=Purpose.OTP)
    await post.running.reach([quick], "sent", "delivered")
    assert post.running.statuses([slow]) == ["queued"]
    may_go.set()
    await post.running.reach([slow], "sent", "delivered")


@only_sqlite
async def test_an_interrupted_exchange_is_repeated_with_the_same_link(post: Post) -> None:
    post.shelf.library._links = Links(post.running.yard.vault, "https://yard.example")
    post.running.yard.directory._public_url = "https://yard.example"
    account = await post.account("line")
    item = await post.shelf.item(picture(), "view.jpg")
    one = await post.send(Media((item,), "look"), Channel.LINE, to=LINE_USER, account=account)
    post.running.scenario(Error(status=500, accepted=True), count=1)
    post.running.start()
    await post.running.reach([one], "unknown")
    post.fresh()
    await post.running.settle_doubt()
    await post.running.reach([one], "sent", "delivered")
    first, second = [one.body for one in post.requests if b"/media/public/" in one.body]
    assert first == second
    assert len(post.running.letters()) == 1


@only_sqlite
async def test_the_file_of_a_template_s_header_travels_too(post: Post) -> None:
    account = await post.account("meta_cloud")
    item = await post.shelf.item(picture(), "view.jpg")
    emulator = post.running.server.world.hosted["meta_cloud"].emulator
    sample = emulator.sample_content("hello")
    assert isinstance(sample, TemplateRef)
    one = await post.send(replace(sample, media=(item,)), Channel.WHATSAPP, account=account)
    post.running.start()
    await post.running.reach([one], "sent", "delivered", "read", "failed")
    sent = next(json.loads(request.body) for request in post.requests if b'"template"' in request.body)
    header = next(part for part in sent["template"]["components"] if part["type"] == "header")
    ((handle,),) = post.running.yard.rows("SELECT handle FROM media_handles")
    assert header["parameters"][0]["image"] == {"id": handle}


@only_sqlite
async def test_preflight_knows_what_will_not_go(post: Post) -> None:
    twilio, bizgo = await post.account("twilio"), await post.account("bizgo")
    mitake = await post.account("mitake")
    document = await post.shelf.item(PDF, "menu.pdf")
    heavy = replace(document, size=600_000)

    async def refused(item: MediaItem, account: str, channel: Channel = Channel.MMS, to: str = KOREA.format(1)) -> str:
        with pytest.raises(Invalid) as caught:
            await post.send(Media((item,), "x", "y"), channel, to=to, account=account)
        return caught.value.code

    assert await refused(document, bizgo) == "media_type_not_taken"
    assert await refused(heavy, twilio) == "media_too_large"
    assert await refused(document, mitake) != "media_type_not_taken"
    post.running.yard.directory._public_url = ""
    assert await refused(document, twilio) == "media_needs_public_url"
