"""
Whom a drip means, changed while people are inside; and the files of its steps.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.content import Media, MediaItem
from sendyard.domain.errors import Conflict, Forbidden, Invalid, NotFound
from sendyard.features.audience import Question
from sendyard.features.campaigns.drips.plan import Step, read_drip
from sendyard.features.campaigns.oversight.approvals import Policy, store_policy
from sendyard.features.campaigns.plan import Audience
from sendyard.ledger.content_codec import decode_letter
from tests.features.drip_play import DripPlay, phone, step
from tests.features.media_shelf import picture, shelf_at
from tests.features.test_drip_editing import edit
from tests.yard import Yard

POSTER = MediaItem("image/jpeg", "https://shop.example/poster.jpg", filename="poster.jpg")
TWO = (step("One {name|friend}"), step("Two {name|friend}", days=1))


@pytest.fixture
async def play(yard: Yard) -> DripPlay:
    return await DripPlay.on(yard)


async def listed(play: DripPlay, name: str, *places: int) -> None:
    """A list with these people, who are added where they are not there yet."""
    if name not in [one["name"] for one in await play.crowd.lists.all(play.id)]:
        await play.crowd.lists.add(play.id, name=name)
    for place in places:
        there = await play.crowd.contacts.find(play.id, "phone", phone(place))
        contact = there or await play.crowd.add(phone(place))
        await play.crowd.lists.put(play.id, name, [contact["id"]])


async def inside(play: DripPlay, drip_id: str) -> dict[str, str]:
    return {one["to"]: one["state"] for one in await play.people(drip_id)}


async def test_others_come_in_and_whoever_is_inside_stays(play: DripPlay) -> None:
    await listed(play, "Guests", 1, 2)
    await listed(play, "Regulars", 2, 3)
    drip_id = await play.started(*TWO, audience=Audience(lists=("Guests",)))
    edited = await edit(play, drip_id, audience=Audience(lists=("Regulars",)))
    assert (edited["version"], edited["looking"]) == (1, True)
    await play.settle()
    assert await inside(play, drip_id) == dict.fromkeys([phone(1), phone(2), phone(3)], "active")
    assert (await play.get(drip_id))["looking"] is False
    await play.later(drip_id)
    assert [play.texts(drip_id, phone(place)) for place in (1, 2, 3)] == [["One friend", "Two friend"]] * 3


async def test_those_no_longer_meant_leave_by_an_exit(play: DripPlay) -> None:
    await listed(play, "Guests", 1, 2)
    await listed(play, "Regulars", 2)
    await play.crowd.segments.add(play.id, name="Strangers", question=Question('not list = "Regulars"'))
    drip_id = await play.started(*TWO, audience=Audience(lists=("Guests",)))
    await edit(play, drip_id, audience=Audience(lists=("Regulars",)))
    exits = msgspec.convert(["opted_out", {"segment": "Strangers"}], list[Any])
    plan = msgspec.json.encode({"steps": [], "exit": exits}).decode()
    await edit(play, drip_id, exit=read_drip(plan).exit, apply_to="all")
    await play.settle()
    await play.later(drip_id)
    assert await inside(play, drip_id) == {phone(1): "left", phone(2): "done"}


async def test_looking_for_new_people_begins_and_ends_with_enrol(play: DripPlay) -> None:
    await listed(play, "Guests", 1)
    drip_id = await play.started(*TWO, audience=Audience(lists=("Guests",)))
    await edit(play, drip_id, enrol="segment")
    await play.settle()
    await listed(play, "Guests", 2)
    await play.later(drip_id, 61_000)
    assert set(await inside(play, drip_id)) == {phone(1), phone(2)}
    await edit(play, drip_id, enrol="start")
    await play.settle()
    await listed(play, "Guests", 3)
    await play.later(drip_id, 61_000)
    assert set(await inside(play, drip_id)) == {phone(1), phone(2)}
    edited = await edit(play, drip_id, audience=Audience())
    assert (edited["looking"], edited["audience"]["lists"]) == (False, ())


async def test_a_page_found_for_the_lists_of_before_lets_nobody_in(
    play: DripPlay, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listed(play, "Guests", 1, 2)
    await listed(play, "Regulars", 3)
    drip_id = str((await play.make(*TWO, audience=Audience(lists=("Guests",)), start=True))["id"])
    timer, writes = play.timer(), itertools.count()
    write = timer._database.write

    async def edit_before_writing(work: Any) -> Any:
        if not next(writes):
            await edit(play, drip_id, audience=Audience(lists=("Regulars",)))
        return await write(work)

    monkeypatch.setattr(timer, "_database", _Interrupted(timer._database.read, edit_before_writing))
    while await timer.round():
        pass
    assert set(await inside(play, drip_id)) == {phone(3)}


@dataclass
class _Interrupted:
    """A database before whose first write something else happens."""

    read: Any
    write: Any


async def test_a_change_of_people_is_refused_where_it_cannot_be(play: DripPlay) -> None:
    await listed(play, "Guests", 1)
    drip_id = await play.started(*TWO, numbers=[phone(9)])
    with pytest.raises(NotFound, match="Nobodies"):
        await edit(play, drip_id, audience=Audience(lists=("Nobodies",)))
    with pytest.raises(Invalid, match="found none"):
        await edit(play, drip_id, enrol="segment")
    filed = await play.started(step("Your code is {voucher}"), csv=f"phone,voucher\n{phone(5)},A1\n".encode())
    with pytest.raises(Invalid, match=r"no field for \{voucher\}"):
        await edit(play, filed, audience=Audience(lists=("Guests",)))
    assert (await play.get(filed))["audience"]["lists"] == ()


async def test_lists_that_a_second_person_would_have_to_allow_are_not_slipped_in(play: DripPlay) -> None:
    await listed(play, "Guests", 1)
    drip_id = await play.started(*TWO, numbers=[phone(9)], by="mina")
    await play.yard.database.write(lambda tx: store_policy(tx, play.id, Policy(recipients=10)))
    with pytest.raises(Forbidden) as refused:
        await edit(play, drip_id, audience=Audience(lists=("Guests",)), by="mina")
    assert refused.value.code == "needs_approval"
    with pytest.raises(Forbidden):
        await edit(play, drip_id, steps=(step("x"),) * 11, by="mina")
    assert (await edit(play, drip_id, name="Calmer", by="mina"))["name"] == "Calmer"


async def mms(play: DripPlay) -> None:
    await play.yard.routes.set(play.id, channel=Channel.MMS, accounts=[play.play.account_id])


def filed(text: str, *files: MediaItem, **rest: Any) -> Step:
    return msgspec.structs.replace(step(text, **rest), channel=Channel.MMS, media=files)


def contents(play: DripPlay) -> list[Any]:
    rows = play.yard.rows("SELECT content FROM messages ORDER BY id")
    return [decode_letter(content).content for (content,) in rows]


async def test_a_step_carries_its_files_in_every_version_and_visit(play: DripPlay, tmp_path: Path) -> None:
    await mms(play)
    ours = await shelf_at(tmp_path / "media", play.yard).item(picture(), "menu.jpg")
    steps = (filed("Look", ours), step("And?", days=1))
    drip_id = await play.started(*steps, numbers=[phone(1)], again=True, exit=("replied",))
    shown = await play.get(drip_id)
    assert [[one["filename"] for one in a["media"]] for a in shown["steps"]] == [["menu.jpg"], []]
    play.reply(phone(1))
    await play.later(drip_id)
    await play.drips.add(play.id, drip_id, to=phone(1))
    await play.settle()
    await edit(play, drip_id, steps=(filed("New", POSTER, ours),))
    await play.drips.add(play.id, drip_id, to=phone(2))
    await play.settle()
    assert [(type(one), [item.filename for item in one.items], one.body) for one in contents(play)] == [
        (Media, ["menu.jpg"], "Look"), (Media, ["menu.jpg"], "Look"), (Media, ["poster.jpg", "menu.jpg"], "New"),
    ]  # fmt: skip


async def test_preflight_says_what_accounts_make_of_a_step_s_file(play: DripPlay) -> None:
    await mms(play)
    song = MediaItem("audio/x-unheard-of", "https://shop.example/song", filename="song")
    made = await play.make(filed("Look", POSTER), filed("Hear", song, days=1), numbers=[phone(1)])
    told = [(one["step"], one["level"]) for one in made["checks"] if one["check"] == "media"]
    assert told == [(2, "block")]
    with pytest.raises(Invalid, match="step 2"):
        await play.drips.start(play.id, made["id"])


async def test_files_that_a_step_cannot_carry_are_refused_with_its_number(play: DripPlay) -> None:
    wrong = msgspec.structs.replace(step("Look", days=1), media=(POSTER,))
    with pytest.raises(Invalid) as refused:
        await play.make(step("Hi"), wrong, numbers=[phone(1)])
    assert (refused.value.code, refused.value.errors[0].pointer) == ("media_needs_mms", "/steps/1/media")
    drip_id = await play.started(*TWO, numbers=[phone(1)])
    with pytest.raises(Invalid) as refused:
        await edit(play, drip_id, steps=(wrong,))
    assert refused.value.errors[0].pointer == "/steps/0/media"


async def test_a_file_stays_as_long_as_a_drip_goes_on(play: DripPlay, tmp_path: Path) -> None:
    await mms(play)
    shelf = shelf_at(tmp_path / "media", play.yard)
    ours = await shelf.item(picture(), "menu.jpg")
    drip_id = await play.started(filed("Look", ours), numbers=[phone(1)])
    await play.yard.database.write(lambda tx: tx.run("UPDATE messages SET status = 'sent', due_at = NULL"))
    await play.yard.database.write(lambda tx: tx.run("UPDATE campaigns SET status = 'completed'"))
    with pytest.raises(Conflict, match="The drip 'Welcome' names this file"):
        await shelf.library.delete(play.id, ours.medium_id)
    await play.drips.cancel(play.id, drip_id)
    await shelf.library.delete(play.id, ours.medium_id)
