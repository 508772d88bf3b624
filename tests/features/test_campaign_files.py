"""
Files in campaigns: on the messages, in preflight, in tests to the team.
"""

from pathlib import Path
from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import Conflict, Invalid
from sendyard.features.campaigns import Changes, Tests
from sendyard.features.campaigns.experiments.terms import Variant
from sendyard.features.campaigns.files import with_files
from sendyard.features.campaigns.plan import Plan
from sendyard.features.people import Team
from sendyard.features.templates import Templates
from sendyard.ledger.content_codec import decode_letter
from tests.features.campaign_play import Play, play_on, sheet
from tests.features.media_shelf import PDF, Shelf, picture, shelf_at
from tests.features.test_experiments import compared
from tests.yard import Yard

POSTER = MediaItem("image/jpeg", "https://shop.example/poster.jpg", filename="poster.jpg")
SID = "HX" + "1" * 32


@pytest.fixture
async def play(yard: Yard) -> Play:
    found = await play_on(yard)
    for channel in (Channel.MMS, Channel.WHATSAPP):
        await yard.routes.set(yard.workspace_id, channel=channel, accounts=[found.account_id])
    return found


@pytest.fixture
def shelf(yard: Yard, tmp_path: Path) -> Shelf:
    return shelf_at(tmp_path / "media", yard)


async def draft(play: Play, *files: MediaItem, **options: Any) -> str:
    plan = options.pop("plan", Plan(media=files))
    return await play.draft(options.pop("csv", sheet(2)), plan=plan, **{"channel": "mms", **options})


async def lines(play: Play, campaign_id: str) -> list[tuple[str, str]]:
    found = await play.campaigns.preflight(play.yard.workspace_id, campaign_id)
    return [(check.level.value, check.detail) for check in found.checks if check.check == "media"]


def contents(play: Play) -> list[Any]:
    return [decode_letter(content) for (content,) in play.rows("SELECT content FROM messages ORDER BY id")]


async def test_everybody_gets_the_file_beside_their_own_text(play: Play, shelf: Shelf) -> None:
    ours = await shelf.item(picture(), "menu.jpg")
    campaign_id = await draft(play, ours, csv=sheet(2))
    shown = (await play.get(campaign_id))["plan"].media
    assert [(one.content_type, one.filename, one.medium_id) for one in shown] == [
        ("image/jpeg", "menu.jpg", ours.medium_id)
    ]
    ((level, detail),) = await lines(play, campaign_id)
    assert (level, "menu.jpg (image/jpeg, " in detail, "world sends it as image/jpeg" in detail) == ("ok", True, True)
    await play.campaigns.start(play.yard.workspace_id, campaign_id)
    expander = play.expander()
    while await expander.round():
        pass
    found = [letter.content for letter in contents(play)]
    assert [(type(one), one.body, one.items[0].medium_id) for one in found] == [
        (Media, "Hi Name 0", ours.medium_id), (Media, "Hi Name 1", ours.medium_id),
    ]  # fmt: skip


async def test_the_team_gets_the_file_too(play: Play) -> None:
    await Team(play.yard.database).add(play.yard.workspace_id, name="Mina", addresses=["+886900000099"])
    campaign_id = await draft(play, POSTER)
    tests = Tests(play.yard.database, play.yard.directory, Team(play.yard.database))
    (sent,) = await tests.send(play.yard.workspace_id, campaign_id)
    assert (sent["error"], sent["variant"]) == (None, "")
    assert [letter.content.items[0].url for letter in contents(play)] == [POSTER.url]


async def test_a_file_that_a_route_does_not_take_is_told_with_the_reason(play: Play, shelf: Shelf) -> None:
    song = MediaItem("audio/x-unheard-of", "https://shop.example/song", filename="song")
    ((level, detail),) = await lines(play, await draft(play, song))
    assert (level, "takes" in detail, "audio/x-unheard-of" in detail) == ("block", True, True)
    await play.yard.account("mitake", "texts only")
    both = await lines(play, await draft(play, POSTER))
    assert [level for level, _ in both] == ["ok"]
    await play.yard.account("every8d", "small", settings={"username": "shop", "password": "invented"})
    ours = await shelf.item(PDF, "menu.pdf")
    told = dict(await lines(play, await draft(play, ours)))
    assert set(told) <= {"warn", "block"}
    assert "small: " in next(iter(told.values()))
    many = await lines(play, await draft(play, POSTER, POSTER))
    assert ("warn", True) in [(level, "small takes 1 in one message" in detail) for level, detail in many]


async def test_files_that_a_channel_cannot_carry_are_refused_when_the_campaign_is_made(play: Play) -> None:
    templates = Templates(play.yard.database, play.yard.directory)
    body = {"text": "Hi", "buttons": [{"kind": "reply", "text": "Yes"}]}
    document = {"bodies": {"sms": {"en": {"text": "Hi"}}, "whatsapp": {"en": body}}, "language": "en"}
    await templates.add(play.yard.workspace_id, code="pressed", document=document)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"channel": "sms"}, "media_needs_mms"),
        ({"channel": "whatsapp"}, "media_needs_template"),
        ({"text": None, "template_code": "pressed"}, "media_or_buttons"),
        ({"plan": Plan(media=(POSTER,) * 11)}, "too_many"),
    ]
    for options, code in cases:
        with pytest.raises(Invalid) as refused:
            await draft(play, POSTER, **options)
        assert (refused.value.code, refused.value.errors[0].pointer) == (code, "/media")


async def test_on_whatsapp_the_file_stands_in_the_header_of_the_template(play: Play) -> None:
    templates = Templates(play.yard.database, play.yard.directory)
    header = {"url": "https://shop.example/usual.jpg", "content_type": "image/jpeg"}
    for code, more in (("with_header", {"header": header}), ("without", {})):
        form = {"name": SID, "language": "en", "variables": {"1": "{name}"}, **more}
        await templates.add(play.yard.workspace_id, code=code, body="Hi {name}", registered={"forms": {"twilio": form}})
    options = {"text": None, "channel": "whatsapp", "plan": Plan(media=(POSTER,))}
    with pytest.raises(Invalid, match="registered with a file as its header"):
        await play.draft(sheet(1), template_code="without", **options)
    with pytest.raises(Invalid, match="holds one file, found 2"):
        await play.draft(sheet(1), template_code="with_header", **{**options, "plan": Plan(media=(POSTER, POSTER))})
    await play.prepared(sheet(1), template_code="with_header", **options)
    ((found,),) = play.rows("SELECT content FROM messages")
    assert "poster.jpg" in found
    assert "usual.jpg" not in found


async def test_a_file_stays_as_long_as_a_campaign_that_is_not_over_names_it(play: Play, shelf: Shelf) -> None:
    ours = await shelf.item(picture(), "menu.jpg")
    campaign_id = await draft(play, ours)
    with pytest.raises(Conflict, match="The campaign 'Spring' names this file"):
        await shelf.library.delete(play.yard.workspace_id, ours.medium_id)
    await play.campaigns.cancel(play.yard.workspace_id, campaign_id)
    await shelf.library.delete(play.yard.workspace_id, ours.medium_id)


async def test_every_variant_carries_the_files(play: Play) -> None:
    texts = (Variant(name="a", text="A {name}"), Variant(name="b", text="B {name}"))
    plan = compared(metric="delivered")
    campaign_id = await draft(
        play, plan=Plan(experiment=plan.experiment, media=(POSTER,)), variants=texts, text=None, csv=sheet(40)
    )
    assert [level for level, _ in await lines(play, campaign_id)] == ["ok"]


def test_a_template_without_a_file_in_its_header_stays_as_it_is() -> None:
    plain, pressed = TemplateRef("arrival"), Interactive("Hi", [Choice("y", "Yes")])
    assert with_files(plain, [POSTER], Channel.WHATSAPP) is plain
    assert with_files(pressed, [POSTER], Channel.MMS) is pressed
    assert with_files(Text("Hi", "Title"), [POSTER], Channel.MMS) == Media([POSTER], "Hi", "Title")
    assert with_files(Text("Hi"), [POSTER], Channel.WHATSAPP) == Text("Hi")


async def test_the_files_of_a_draft_are_replaced_until_its_start(play: Play, shelf: Shelf) -> None:
    ours = await shelf.item(picture(), "menu.jpg")
    changes = Changes(play.yard.database, play.yard.directory)
    campaign_id = await draft(play, POSTER)
    edited = await changes.edit(play.yard.workspace_id, campaign_id, {"media": (ours, POSTER)})
    assert [one.filename for one in edited["plan"].media] == ["menu.jpg", "poster.jpg"]
    await changes.edit(play.yard.workspace_id, campaign_id, {"media": (ours,)})
    await play.campaigns.start(play.yard.workspace_id, campaign_id)
    with pytest.raises(Conflict) as refused:
        await changes.edit(play.yard.workspace_id, campaign_id, {"media": ()})
    assert refused.value.code == "wrong_state"
    while await play.expander().round():
        pass
    assert {letter.content.items[0].filename for letter in contents(play)} == {"menu.jpg"}


async def test_files_that_the_draft_cannot_carry_do_not_replace_its_own(play: Play) -> None:
    changes = Changes(play.yard.database, play.yard.directory)
    campaign_id = await draft(play, plan=Plan(), channel="sms")
    with pytest.raises(Invalid, match="choose the channel mms"):
        await changes.edit(play.yard.workspace_id, campaign_id, {"media": (POSTER,)})
    texts = (Variant(name="a", text="A {name}"), Variant(name="b", text="B {name}"))
    plan = compared(metric="delivered")
    both = await draft(play, plan=Plan(experiment=plan.experiment), variants=texts, text=None, csv=sheet(40))
    edited = await changes.edit(play.yard.workspace_id, both, {"media": (POSTER,)})
    assert [one.filename for one in edited["plan"].media] == ["poster.jpg"]


async def test_a_change_that_meets_the_start_of_its_draft_is_refused(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = Changes(play.yard.database, play.yard.directory)
    campaign_id = await draft(play, POSTER)
    write = changes._database.write

    async def start_before(work: Any) -> Any:
        monkeypatch.undo()
        await play.campaigns.start(play.yard.workspace_id, campaign_id)
        return await write(work)

    monkeypatch.setattr(changes._database, "write", start_before)
    with pytest.raises(Conflict) as refused:
        await changes.edit(play.yard.workspace_id, campaign_id, {"media": ()})
    assert refused.value.code == "changed_meanwhile"
    assert len((await play.get(campaign_id))["plan"].media) == 1
