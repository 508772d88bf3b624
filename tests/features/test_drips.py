"""
Drips: who comes in, which step comes when, and what ends it for a person.
"""

import asyncio
import contextlib
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from sendyard.domain.errors import Conflict, Forbidden, Invalid, NotFound
from sendyard.domain.status import MessageStatus
from sendyard.features.audience import Details, Question
from sendyard.features.campaigns.drips.plan import DripPlan, InGroup, Step
from sendyard.features.campaigns.drips.queries import DripRow, active_drips
from sendyard.features.campaigns.oversight.approvals import Policy, store_policy
from sendyard.features.campaigns.plan import Audience
from sendyard.features.people import Team
from sendyard.storage.identifiers import now_ms
from tests.features.drip_play import DAY, THREE, DripPlay, phone, step
from tests.features.link_desk import LinkDesk
from tests.yard import Yard, only_sqlite


@pytest.fixture
async def play(yard: Yard) -> DripPlay:
    return await DripPlay.on(yard)


async def test_people_get_each_step_once_in_its_order_after_its_wait(play: DripPlay) -> None:
    await play.crowd.add(phone(1), name="Lin")
    drip_id = await play.started(numbers=[phone(1), phone(2)])
    assert play.texts(drip_id, phone(1)) == ["One Lin"]
    assert play.texts(drip_id, phone(2)) == ["One friend"]
    await play.later(drip_id, DAY - 60_000)
    assert len(play.texts(drip_id)) == 2
    await play.later(drip_id, 60_000)
    await play.settle()
    assert play.texts(drip_id, phone(1)) == ["One Lin", "Two Lin"]
    await play.later(drip_id, 2 * DAY)
    await play.later(drip_id, 30 * DAY)
    assert play.texts(drip_id, phone(1)) == ["One Lin", "Two Lin", "Three Lin"]
    found = await play.get(drip_id)
    assert found["people"] == {"active": 0, "done": 2, "left": 0, "refused": 0}
    assert [(one["messages"], one["waiting"]) for one in found["steps"]] == [({"queued": 2}, 0)] * 3
    assert len(play.play.hand_over()) == 6
    assert (await play.get(drip_id))["steps"][0]["messages"] == {"delivered": 2}


async def test_lists_and_segments_are_asked_at_the_start_and_that_audience_stays(play: DripPlay) -> None:
    crowd = play.crowd
    await crowd.lists.add(crowd.id, name="Guests")
    await crowd.segments.add(crowd.id, name="Lins", question=Question("name = Lin"))
    for position in range(3):
        made = await crowd.add(phone(position), name="Ann")
        await crowd.lists.put(crowd.id, "Guests", [made["id"]])
    await crowd.add(phone(3), name="Lin")
    await crowd.add(phone(4), name="Bob")
    drip_id = await play.started(audience=Audience(lists=("Guests",), segments=("Lins",)), numbers=[phone(0)])
    assert sorted(play.texts(drip_id)) == ["One Ann", "One Ann", "One Ann", "One Lin"]
    assert not (await play.get(drip_id))["looking"]
    await crowd.add(phone(5), name="Lin")
    await play.later(drip_id, 3_600_000)
    assert len(play.texts(drip_id)) == 4


async def test_whoever_newly_matches_comes_in_once_when_that_is_wanted(play: DripPlay) -> None:
    crowd = play.crowd
    await crowd.segments.add(crowd.id, name="Lins", question=Question("name = Lin"))
    await crowd.add(phone(1), name="Lin")
    drip_id = await play.started(audience=Audience(segments=("Lins",)), enrol="segment")
    assert len(play.texts(drip_id)) == 1
    await crowd.add(phone(2), name="Lin")
    await play.settle()
    assert len(play.texts(drip_id)) == 1
    for _ in range(3):
        await play.later(drip_id, 61_000)
    assert play.texts(drip_id, phone(2)) == ["One Lin"]
    assert (await play.get(drip_id))["people"]["active"] == 2
    await crowd.segments.remove(crowd.id, "Lins")
    await play.later(drip_id, 61_000)
    found = await play.get(drip_id)
    assert found["status"] == "paused"
    assert "segment" in found["pause_reason"]


async def test_somebody_added_later_begins_at_the_first_step(play: DripPlay) -> None:
    drip_id = await play.started(*THREE, numbers=[phone(1)])
    await play.later(drip_id)
    contact = await play.crowd.add(phone(3), name="Kim")
    await play.drips.add(play.id, drip_id, to="0900000002", variables={"name": "Wu"})
    await play.drips.add(play.id, drip_id, contact=contact["id"])
    await play.settle()
    assert play.texts(drip_id, phone(2)) == ["One Wu"]
    assert play.texts(drip_id, phone(3)) == ["One Kim"]
    await play.later(drip_id)
    assert play.texts(drip_id, phone(2)) == ["One Wu", "Two Wu"]
    for given in ({"to": phone(2)}, {"contact": contact["id"]}):
        with pytest.raises(Conflict, match="in the drip"):
            await play.drips.add(play.id, drip_id, **given)


async def test_nobody_comes_twice_unless_the_drip_says_so(play: DripPlay) -> None:
    once = await play.started(step("Hello"), numbers=[phone(1)])
    with pytest.raises(Conflict) as refused:
        await play.drips.add(play.id, once, to=phone(1))
    assert refused.value.code == "was_in"
    drip_id = await play.started(*THREE[:2], numbers=[phone(1)], again=True, exit=("replied",))
    play.reply(phone(1))
    await play.later(drip_id)
    assert [(one["state"], one["why"]) for one in await play.people(drip_id)] == [("left", "replied")]
    again = await play.drips.add(play.id, drip_id, to=phone(1))
    assert (again["round"], again["step"]) == (2, 1)
    play.yard.database.write_now(lambda tx: tx.run("DELETE FROM inbound_messages"))
    await play.settle()
    await play.later(drip_id)
    assert play.texts(drip_id) == ["One friend", "One friend", "Two friend"]
    assert (await play.get(drip_id))["steps"][0]["messages"] == {"queued": 2}


async def test_replies_stops_reads_clicks_and_groups_end_it_before_the_next_step(play: DripPlay) -> None:
    crowd = play.crowd
    await LinkDesk(play.yard).add()
    await crowd.segments.add(crowd.id, name="Done", question=Question("name = Done"))
    people = [await crowd.add(phone(position), name=f"P{position}") for position in range(7)]
    exits = ("replied", "opted_out", "clicked", "read", InGroup(tag="vip"), InGroup(segment="Done"))
    drip_id = await play.started(
        step("One {link.sale}"), step("Two", days=1), contacts=[one["id"] for one in people], exit=exits
    )
    play.play.hand_over()
    first = (await play.get(drip_id))["steps"][0]["campaign_id"]
    play.reply(phone(0))
    await crowd.suppressions.add(play.id, to=phone(1))
    play.yard.database.write_now(
        lambda tx: tx.run(
            "INSERT INTO link_clicks (workspace_id, link_id, use_no, row, campaign_id, reason, device, place, at)"
            " VALUES (?, '', 1, 3, ?, '', '', '', ?)",
            (play.id, first, now_ms()),
        )
    )
    play.yard.database.write_now(
        lambda tx: tx.run("UPDATE messages SET status = 'read' WHERE address = ?", (phone(3),))
    )
    await tag(play, people[4]["id"], "VIP")
    await rename(play, people[5]["id"], "Done")
    await play.later(drip_id)
    found = {one["to"]: one["why"] for one in await play.people(drip_id) if one["state"] == "left"}
    assert list(found) == [phone(position) for position in range(6)]
    assert list(found.values()) == ["replied", "opted_out", "clicked", "read", "tag:vip", "segment"]
    assert play.texts(drip_id).count("Two") == 1
    reasons = {one["why"]: one["count"] for one in (await play.get(drip_id))["reasons"]}
    assert reasons == dict.fromkeys(found.values(), 1)


async def test_delivered_counts_reads_too(play: DripPlay) -> None:
    drip_id = await play.started(*THREE[:2], numbers=[phone(1), phone(2), phone(3)], exit=("delivered",))
    ends = {phone(1): MessageStatus.DELIVERED, phone(2): MessageStatus.SENT, phone(3): MessageStatus.DELIVERED}
    play.play.hand_over(lambda message: ends[message.to.value])
    play.yard.database.write_now(
        lambda tx: tx.run("UPDATE messages SET status = 'read' WHERE address = ?", (phone(3),))
    )
    await play.later(drip_id)
    assert [one["state"] for one in await play.people(drip_id)] == ["left", "done", "left"]


async def test_pause_holds_steps_and_messages_and_resume_lets_them_go(play: DripPlay) -> None:
    drip_id = await play.started(numbers=[phone(1)])
    for _ in range(2):
        assert (await play.drips.pause(play.id, drip_id))["status"] == "paused"
    assert play.play.hand_over() == []
    await play.later(drip_id, 2 * DAY)
    assert len(play.texts(drip_id)) == 1
    for _ in range(2):
        assert (await play.drips.resume(play.id, drip_id))["status"] == "active"
    await play.settle()
    # The wait is a minimum: what came due meanwhile comes now, and the next wait begins from now.
    assert len(play.texts(drip_id)) == 2
    assert len(play.play.hand_over()) == 2


async def test_cancelling_ends_it_for_everybody_and_for_what_waits(play: DripPlay) -> None:
    drip_id = await play.started(numbers=[phone(1), phone(2)])
    assert len(play.play.hand_over(limit=1)) == 1
    for _ in range(2):
        found = await play.drips.cancel(play.id, drip_id)
    assert found["status"] == "cancelled"
    assert found["people"] == {"active": 0, "done": 0, "left": 2, "refused": 0}
    assert found["steps"][0]["messages"] == {"cancelled": 1, "delivered": 1}
    for action in (play.drips.start, play.drips.pause, play.drips.resume):
        with pytest.raises(Conflict, match="It is over"):
            await action(play.id, drip_id)
    with pytest.raises(Conflict, match="is over"):
        await play.drips.add(play.id, drip_id, to=phone(3))
    await play.later(drip_id)
    assert len(play.texts(drip_id)) == 2


async def test_a_paused_step_holds_only_those_before_it_and_a_cancelled_one_is_passed_over(play: DripPlay) -> None:
    drip_id = await play.started(numbers=[phone(1)])
    steps = (await play.get(drip_id))["steps"]
    await play.play.campaigns.pause(play.id, steps[1]["campaign_id"])
    await play.later(drip_id)
    assert len(play.texts(drip_id)) == 1
    await play.drips.resume(play.id, drip_id)
    await play.settle()
    assert len(play.texts(drip_id)) == 2
    await play.play.campaigns.cancel(play.id, steps[2]["campaign_id"])
    await play.later(drip_id, 2 * DAY)
    found = await play.get(drip_id)
    assert found["people"]["done"] == 1
    assert found["steps"][2]["messages"] == {"refused": 1}


async def test_two_timers_at_once_and_timers_that_die_neither_skip_nor_repeat_a_step(play: DripPlay) -> None:
    chance = random.Random(7)
    drip_id = (await play.make(numbers=[phone(at) for at in range(150)], start=True))["id"]
    for _ in range(60):
        await play.die(chance.random() * 0.03)
        if chance.random() < 0.3:
            play.pass_time(drip_id)
    for _ in range(4):
        await play.later(drip_id, 2 * DAY)
    assert (await play.get(drip_id))["people"]["done"] == 150
    counts = Counter(play.yard.rows("SELECT group_id, address FROM messages"))
    assert len(counts) == 450
    assert set(counts.values()) == {1}
    rows = play.yard.rows("SELECT count(*) FROM campaign_recipients")
    assert rows == [(450,)]


async def test_people_taken_by_another_timer_meanwhile_are_left_to_it(play: DripPlay) -> None:
    drip_id = (await play.make(numbers=[phone(1)], start=True))["id"]
    first, second = play.timer(), play.timer()
    await first.round()
    (stale,) = [row for row in await _active(play) if row.id == drip_id]
    play.yard.database.write_now(lambda tx: tx.run("UPDATE drip_people SET step = 1, next_at = 0"))
    play.yard.database.write_now(lambda tx: tx.run("UPDATE drips SET turn = turn + 1"))
    assert not await second._step(stale)
    assert len(play.texts(drip_id)) == 1


async def test_whoever_has_had_enough_for_the_hour_gets_the_step_later(play: DripPlay) -> None:
    await play.yard.hourly_limit(1)
    drip_id = await play.started(step("One"), step("Two", minutes=1), numbers=[phone(1)])
    await play.later(drip_id, 120_000)
    assert play.texts(drip_id) == ["One"]
    (person,) = await play.people(drip_id)
    assert (person["state"], person["step"]) == ("active", 2)
    assert person["next_at"] > now_ms()
    play.yard.database.write_now(lambda tx: tx.run("UPDATE messages SET created_at = created_at - 7200000"))
    await play.later(drip_id, 2 * 3_600_000)
    assert play.texts(drip_id) == ["One", "Two"]


async def test_a_link_that_is_gone_pauses_the_step_that_names_it(play: DripPlay) -> None:
    await LinkDesk(play.yard).add()
    drip_id = await play.started(step("One"), step("Two {link.sale}", days=1), numbers=[phone(1)])
    play.yard.database.write_now(lambda tx: tx.run("UPDATE links SET expires_at = 1"))
    await play.later(drip_id)
    found = (await play.get(drip_id))["steps"][1]
    assert found["status"] == "paused"
    assert "has ended" in found["pause_reason"]
    assert (await play.get(drip_id))["steps"][1]["waiting"] == 1


async def test_the_time_of_day_is_that_of_the_person(play: DripPlay) -> None:
    drip_id = await play.started(step("One"), step("Two", days=1, at="09:00"), numbers=[phone(1), "+821012345678"])
    moments = [datetime.fromtimestamp(one["next_at"] / 1000, UTC).hour for one in await play.people(drip_id)]
    assert moments == [1, 0]  # nine o'clock in Taipei and in Seoul


async def test_what_cannot_be_meant_is_refused_with_its_place(play: DripPlay) -> None:
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"steps": ()}, "/steps", "bad_steps"),
        ({"steps": (step("x", days=-1),)}, "/steps/0/wait", "bad_wait"),
        ({"steps": (step("x", days=400),)}, "/steps/0/wait", "bad_wait"),
        ({"steps": (step("x"), step("y", at="9"))}, "/steps/1/at", "bad_time"),
        ({"steps": (step("x"), Step())}, "/steps/1/text", "text_or_template"),
        ({"steps": (step("x", channel="line"),)}, "/steps/0/channel", "other_addresses"),
        ({"steps": (step("x", account="nowhere"),)}, "/steps/0/account", "unknown_account"),
        ({"exit": (InGroup(),)}, "/exit/0", "tag_or_segment"),
        ({"exit": ("read",) * 21}, "/exit", "too_many"),
        ({"enrol": "segment"}, "/audience", "nobody"),
    ]
    for given, pointer, code in cases:
        plan = DripPlan(**{"steps": THREE, **given})
        with pytest.raises(Invalid) as refused:
            await play.drips.create(play.id, name="Bad", plan=plan, country="TW")
        assert (refused.value.errors[0].pointer, refused.value.errors[0].code) == (pointer, code)
    for options, pointer in (({"name": ""}, "/name"), ({"numbers": ["1"] * 10_001}, "/audience/numbers")):
        with pytest.raises(Invalid) as refused:
            await play.make(**options)
        assert refused.value.errors[0].pointer == pointer
    await play.crowd.lists.add(play.id, name="All")
    with pytest.raises(Invalid, match=r"Contacts have no field for \{code\}"):
        await play.make(step("{code}"), audience=Audience(lists=("All",)))
    for wrong in (
        {"contacts": ["nobody"]},
        {"audience": Audience(lists=("None",))},
        {"exit": (InGroup(segment="None"),)},
    ):
        with pytest.raises(NotFound):
            await play.make(**wrong)
    with pytest.raises(NotFound, match="no template"):
        await play.make(Step(template="none"))
    assert await play.drips.list(play.id) == []


async def test_people_who_cannot_be_reached_are_refused_with_the_reason_and_the_rest_goes_on(play: DripPlay) -> None:
    unnamed = await play.crowd.add(phone(2))
    made = await play.make(step("Hi {name}"), numbers=["12", phone(1)], contacts=[unnamed["id"]], start=False)
    assert [(one["state"], one["why"]) for one in await play.people(made["id"])] == [
        ("refused", "too_short"), ("refused", "missing_value"), ("refused", "missing_value"),
    ]  # fmt: skip
    with pytest.raises(Invalid, match=r"Expected a value for \{name\}"):
        await play.drips.add(play.id, made["id"], to=phone(3))
    await play.drips.add(play.id, made["id"], to=phone(3), variables={"name": "Wu"})
    await play.drips.start(play.id, made["id"])
    await play.settle()
    assert play.texts(made["id"]) == ["Hi Wu"]
    for to, contact in (("", ""), (phone(4), "x")):
        with pytest.raises(Invalid, match="either an address or a contact"):
            await play.drips.add(play.id, made["id"], to=to, contact=contact)
    with pytest.raises(Invalid, match="cannot be sent"):
        await play.drips.add(play.id, made["id"], to=phone(4), variables={"name": "\0"})
    with pytest.raises(NotFound, match="no contact"):
        await play.drips.add(play.id, made["id"], contact="x")


async def test_preflight_looks_at_every_step_and_a_start_that_reaches_nobody_is_refused(play: DripPlay) -> None:
    await play.crowd.lists.add(play.id, name="All")
    made = await play.crowd.add(phone(1), name="Lin")
    await play.crowd.lists.put(play.id, "All", [made["id"]])
    drip = await play.make(
        step("One"), step("Two", days=1, channel="whatsapp"), audience=Audience(lists=("All",)), numbers=[phone(1)]
    )
    assert {one["step"] for one in drip["checks"] if one["level"] == "block"} == {2}
    (first, one), (second, two) = await play.drips.preflight(play.id, drip["id"])
    assert (first, one.messages, second, two.messages) == (1, 1, 2, 0)
    with pytest.raises(Invalid, match="Nobody would get step 2"):
        await play.drips.start(play.id, drip["id"])
    assert (await play.get(drip["id"]))["status"] == "draft"


async def test_the_team_gets_any_step_beforehand(play: DripPlay) -> None:
    await Team(play.yard.database).add(play.id, name="Mina", addresses=[phone(9)])
    drip = await play.make(*THREE)
    with pytest.raises(Conflict, match="nobody in the drip"):
        await play.drips.test(play.id, drip["id"], step=2)
    await play.drips.add(play.id, drip["id"], to=phone(1), variables={"name": "Wu"})
    (sent,) = await play.drips.test(play.id, drip["id"], step=2)
    assert (sent["to"], sent["error"]) == (phone(9), None)
    assert play.texts(drip["id"]) == []
    with pytest.raises(NotFound, match="no step 4"):
        await play.drips.test(play.id, drip["id"], step=4)


async def test_a_second_person_starts_what_may_reach_many(play: DripPlay) -> None:
    policy = Policy(recipients=5)
    play.yard.database.write_now(lambda tx: store_policy(tx, play.id, policy))
    small = await play.make(step("One"), numbers=[phone(1)], by="ann", start=True)
    assert small["status"] == "active"
    large = await play.make(*THREE, numbers=[phone(1), phone(2)], by="ann", start=True)
    assert large["status"] == "draft"
    with pytest.raises(Forbidden, match="somebody else"):
        await play.drips.start(play.id, large["id"], by="ann")
    assert (await play.drips.start(play.id, large["id"], by="bob"))["status"] == "active"
    await play.crowd.lists.add(play.id, name="All")
    unknown = await play.make(step("One"), audience=Audience(lists=("All",)), by="ann", start=True)
    assert unknown["status"] == "draft"


async def test_keys_of_the_team_reach_the_team_alone(play: DripPlay) -> None:
    await Team(play.yard.database).add(play.id, name="Mina", addresses=[phone(9)])
    drip_id = await play.started(step("One"), numbers=[phone(9), phone(1)], reach="team")
    assert [one["why"] for one in await play.people(drip_id)] == ["", "not_in_team"]
    everybody = await play.make(step("One"))
    for action in (play.drips.start, play.drips.resume):
        with pytest.raises(Forbidden, match="reaches others"):
            await action(play.id, everybody["id"], reach="team")
    with pytest.raises(Forbidden, match="reaches others"):
        await play.drips.add(play.id, everybody["id"], to=phone(9), reach="team")


async def test_a_person_who_is_forgotten_leaves_and_leaves_nothing_behind(play: DripPlay) -> None:
    made = await play.crowd.add(phone(1), name="Lin")
    drip_id = await play.started(contacts=[made["id"]])
    await play.crowd.erasing.erase(play.id, made["id"])
    await play.later(drip_id)
    (person,) = await play.people(drip_id)
    assert (person["state"], person["why"], person["variables"], person["given"]) == ("left", "erased", {}, "")
    assert person["to"].startswith("erased-")
    assert len(play.texts(drip_id)) == 1


async def test_the_results_have_everybody_with_every_step(play: DripPlay) -> None:
    drip_id = await play.started(step("One"), step("Two", days=1), numbers=[phone(1), "12"])
    play.play.hand_over()
    pieces = [piece async for piece in await play.drips.results_csv(play.id, drip_id)]
    header, good, bad = b"".join(pieces).decode("utf-8-sig").splitlines()
    assert header.startswith("no,to,country,version,round,state,why,step,next_at,entered_at,ended_at,step_1_status")
    assert f"{phone(1)},TW,1,1,active,,2," in good
    assert ",delivered,," in good
    assert "refused,too_short" in bad
    assert len(await play.drips.people(play.id, drip_id, state="active")) == 1
    with pytest.raises(Invalid, match="Expected one of active"):
        await play.drips.people(play.id, drip_id, state="lost")
    with pytest.raises(NotFound, match="no drip"):
        await play.drips.results_csv(play.id, "nothing")


async def test_a_segment_that_is_gone_pauses_the_drip_whose_end_it_decides(play: DripPlay) -> None:
    crowd = play.crowd
    await crowd.segments.add(crowd.id, name="Done", question=Question("name = Done"))
    exits = (InGroup(tag="never given"), InGroup(segment="Done"))
    drip_id = await play.started(*THREE, numbers=[phone(1)], exit=exits)
    await crowd.segments.remove(crowd.id, "Done")
    await play.later(drip_id)
    assert (await play.get(drip_id))["status"] == "paused"
    assert len(play.texts(drip_id)) == 1


async def test_several_people_come_again_in_the_same_round(play: DripPlay) -> None:
    drip_id = await play.started(step("Hello"), numbers=[phone(1), phone(2)], again=True)
    for position in (1, 2):
        assert (await play.drips.add(play.id, drip_id, to=phone(position)))["round"] == 2
    await play.settle()
    assert (await play.get(drip_id))["people"]["done"] == 4
    assert play.texts(drip_id) == ["Hello"] * 4


async def test_the_list_has_the_newest_first(play: DripPlay) -> None:
    made = [(await play.make(step("One"), name=name))["id"] for name in ("a", "b", "c")]
    assert [one["id"] for one in await play.drips.list(play.id, limit=2)] == [made[2], made[1]]
    assert [one["id"] for one in await play.drips.list(play.id, after=made[1])] == [made[0]]
    assert await play.play.campaigns.list(play.id) == []


@only_sqlite
async def test_the_loop_goes_on_after_an_error(play: DripPlay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendyard.features.campaigns.drips.timer._PAUSE_AFTER_ERROR", 0.01)
    monkeypatch.setattr("sendyard.features.campaigns.drips.timer._ROUND", 0.01)
    drip_id = (await play.make(numbers=[phone(1)], start=True))["id"]
    timer = play.timer()
    calls = []
    usual = timer.round

    async def first_fails() -> bool:
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError("the database is away")
        return await usual()

    monkeypatch.setattr(timer, "round", first_fails)
    task = asyncio.create_task(timer.run())
    async with asyncio.timeout(60):
        while not play.texts(drip_id):  # noqa: ASYNC110 - what is waited for is written by another task
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _active(play: DripPlay) -> list[DripRow]:
    return await play.yard.database.read(active_drips)


async def tag(play: DripPlay, contact_id: str, name: str) -> None:
    await play.crowd.contacts.edit(play.id, contact_id, Details(tags=[name]))


async def rename(play: DripPlay, contact_id: str, name: str) -> None:
    await play.crowd.contacts.edit(play.id, contact_id, Details(name=name))
