"""
Drips at a pace, within a budget, from files, and in new versions.
"""

import itertools
from typing import Any

import pytest

from sendyard.domain.errors import Conflict, Forbidden, Invalid, NotFound
from sendyard.features.audience import Question
from sendyard.features.campaigns.drips.plan import read_drip
from sendyard.features.campaigns.drips.timer import ABANDONED_MS
from sendyard.features.campaigns.oversight.approvals import Policy, store_policy
from sendyard.features.campaigns.plan import Audience, Budget, Throttle
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction
from tests.features.drip_play import DAY, THREE, DripPlay, phone, step
from tests.features.link_desk import LinkDesk
from tests.yard import Yard


@pytest.fixture
async def play(yard: Yard) -> DripPlay:
    return await DripPlay.on(yard)


async def edit(play: DripPlay, drip_id: str, **changes: Any) -> dict[str, Any]:
    options = {name: changes.pop(name) for name in ("apply_to", "by", "reach") if name in changes}
    return await play.drips.edit(play.id, drip_id, changes, **options)


async def test_whoever_is_inside_finishes_on_the_version_they_began(play: DripPlay) -> None:
    drip_id = await play.started(*THREE[:2], numbers=[phone(1)], exit=("replied",))
    edited = await edit(play, drip_id, steps=(step("New one"), step("New two", days=1)), exit=(), name="Better")
    assert (edited["name"], edited["version"]) == ("Better", 2)
    assert [(one["version"], one["active"], one["exit"]) for one in edited["older"]] == [(1, 1, ("replied",))]
    await play.drips.add(play.id, drip_id, to=phone(2))
    await play.settle()
    await play.later(drip_id)
    assert play.texts(drip_id, phone(1)) == ["One friend", "Two friend"]
    assert play.texts(drip_id, phone(2)) == ["New one", "New two"]
    people = await play.people(drip_id)
    assert [(one["version"], one["round"], one["state"]) for one in people] == [(1, 1, "done"), (2, 1, "done")]
    shown = await play.get(drip_id)
    assert [one["messages"] for one in shown["steps"]] == [{"queued": 1}] * 2
    assert [one["text"] for one in shown["older"][0]["steps"]] == [one.text for one in THREE[:2]]


async def test_each_version_ends_for_its_people_by_its_own_conditions(play: DripPlay) -> None:
    drip_id = await play.started(*THREE[:2], numbers=[phone(1)], exit=("replied",))
    await edit(play, drip_id, exit=())
    await play.drips.add(play.id, drip_id, to=phone(2))
    await play.settle()
    for position in (1, 2):
        play.reply(phone(position))
    await play.later(drip_id)
    assert [one["state"] for one in await play.people(drip_id)] == ["left", "done"]


async def test_everybody_inside_is_moved_to_the_same_place_when_that_is_wanted(play: DripPlay) -> None:
    drip_id = await play.started(*THREE, numbers=[phone(1)], again=True, exit=())
    await play.later(drip_id)
    await play.drips.add(play.id, drip_id, to=phone(2))
    await play.settle()
    edited = await edit(play, drip_id, steps=(step("A"), step("B", days=1)), apply_to="all")
    assert edited["older"][0]["active"] == 2
    await play.settle()
    # One has had two steps, as many as there are now; the other waits for the second, as long as before.
    assert [(one["version"], one["state"], one["step"]) for one in await play.people(drip_id)] == [
        (2, "done", None), (2, "active", 2),
    ]  # fmt: skip
    await play.later(drip_id, DAY - 60_000)
    assert play.texts(drip_id, phone(2)) == ["One friend"]
    await play.later(drip_id, 60_000)
    assert play.texts(drip_id, phone(2)) == ["One friend", "B"]
    assert play.texts(drip_id, phone(1)) == ["One friend", "Two friend"]
    pieces = [piece async for piece in await play.drips.results_csv(play.id, drip_id)]
    header, *lines = b"".join(pieces).decode("utf-8-sig").splitlines()
    assert header.endswith("step_3_delivered_at")
    assert [line.split(",")[3] for line in lines] == ["2", "2"]


async def test_what_people_did_before_they_were_moved_still_counts(play: DripPlay) -> None:
    await LinkDesk(play.yard).add()
    ends = ("delivered", "clicked")
    drip_id = await play.started(step("One {link.sale}"), numbers=[phone(1), phone(2)], exit=ends)
    other = await play.started(step("One {link.sale}"), step("Two", days=1), numbers=[phone(3), phone(4)], exit=ends)
    assert (await play.get(drip_id))["people"]["done"] == 2
    first = (await play.get(other))["steps"][0]["campaign_id"]
    play.yard.database.write_now(
        lambda tx: tx.run(
            "UPDATE messages SET status = 'delivered' WHERE group_id = ? AND address = ?", (first, phone(3))
        )
    )
    play.yard.database.write_now(
        lambda tx: tx.run(
            "INSERT INTO link_clicks (workspace_id, link_id, use_no, row, campaign_id, reason, device, place, at)"
            " VALUES (?, '', 1, 2, ?, '', '', '', ?)",
            (play.id, first, now_ms()),
        )
    )
    await edit(play, other, steps=(step("A"), step("B", days=1)), apply_to="all")
    await play.later(other)
    assert [(one["version"], one["why"]) for one in await play.people(other)] == [(2, "delivered"), (2, "clicked")]


async def test_those_who_came_again_are_moved_to_a_round_of_their_own(play: DripPlay) -> None:
    drip_id = await play.started(step("Hello"), step("Later", days=1), numbers=[phone(1)], again=True, exit=())
    await play.later(drip_id)
    assert (await play.drips.add(play.id, drip_id, to=phone(1)))["round"] == 2
    await play.settle()
    await edit(play, drip_id, steps=(step("Hello"), step("New", days=1)), apply_to="all")
    await play.later(drip_id)
    assert play.texts(drip_id) == ["Hello", "Later", "Hello", "New"]
    again = await play.drips.add(play.id, drip_id, to=phone(1))
    assert (again["version"], again["round"]) == (2, 3)
    await play.settle()
    await play.later(drip_id)
    assert play.texts(drip_id)[4:] == ["Hello", "New"]
    assert [one["messages"] for one in (await play.get(drip_id))["steps"]] == [{"queued": 1}, {"queued": 2}]


async def test_people_are_moved_page_by_page_by_whoever_works(play: DripPlay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendyard.features.campaigns.drips.timer.PAGE", 7)
    drip_id = await play.started(*THREE, numbers=[phone(at) for at in range(30)])
    await edit(play, drip_id, steps=(step("A"), step("B", days=1)), apply_to="all")
    play.pass_time(drip_id)
    await play.timer().round()
    assert sorted(one["version"] for one in await play.people(drip_id)) == [1] * 23 + [2] * 7
    # Nobody takes a step before all are moved; another process begins anew and changes nothing twice.
    assert len(play.texts(drip_id)) == 30
    await play.settle()
    assert {one["version"] for one in await play.people(drip_id)} == {2}
    assert play.texts(drip_id).count("B") == 30


async def test_a_draft_is_changed_for_everybody_in_it(play: DripPlay) -> None:
    made = await play.make(numbers=[phone(1)])
    edited = await edit(play, made["id"], steps=(step("Better"),))
    assert [one["text"] for one in edited["steps"]] == ["Better"]
    (_, forecast), *rest = await play.drips.preflight(play.id, made["id"])
    assert (forecast.messages, rest) == (1, [])
    await play.drips.start(play.id, made["id"])
    await play.settle()
    assert play.texts(made["id"]) == ["Better"]


async def test_a_paused_drip_moves_its_people_when_it_goes_on(play: DripPlay) -> None:
    drip_id = await play.started(*THREE[:2], numbers=[phone(1)])
    await play.drips.pause(play.id, drip_id)
    edited = await edit(play, drip_id, steps=(step("A"), step("B", days=1)), apply_to="all")
    assert [one["status"] for one in edited["steps"]] == ["paused"] * 2
    await play.later(drip_id)
    await play.drips.resume(play.id, drip_id)
    await play.settle()
    assert play.texts(drip_id) == ["One friend", "B"]


async def test_senders_and_accounts_are_kept_until_they_are_changed(play: DripPlay) -> None:
    made = await play.make(step("One"), step("Two", sender="OTHER"), sender="SHOP", account="world", numbers=[phone(1)])
    same = await edit(play, made["id"], exit=("replied",))
    assert [one["sender"] for one in same["steps"]] == ["SHOP", "OTHER"]
    accounts = play.yard.rows(
        "SELECT DISTINCT c.account, c.expires_in_seconds FROM campaigns c JOIN drip_steps s ON s.campaign_id = c.id"
    )
    assert accounts == [(play.play.account_id, 86_400)]
    changed = await edit(play, made["id"], sender="STORE", account="", expires_in=3600)
    assert [one["sender"] for one in changed["steps"]] == ["STORE", "OTHER"]
    newest = play.yard.rows(
        "SELECT c.account, c.expires_in_seconds FROM campaigns c WHERE c.id = ?", changed["steps"][0]["campaign_id"]
    )
    assert newest == [("", 3600)]


async def test_a_change_that_cannot_be_made_is_refused_with_the_reason(
    play: DripPlay, monkeypatch: pytest.MonkeyPatch
) -> None:
    drip_id = await play.started(*THREE, numbers=[phone(1)])
    cases: list[tuple[dict[str, Any], str]] = [
        ({"steps": ()}, "bad_steps"),
        ({"steps": (step("Hi {code}"),), "apply_to": "all"}, "values_missing"),
        ({"name": ""}, "bad_name"),
        ({"throttle": Throttle(0)}, "bad_rate"),
        ({"budget": Budget("-1", "USD")}, "bad_amount"),
        ({"budget": Budget("1", "TWD")}, "no_price"),
        ({"account": "nowhere"}, "unknown_account"),
    ]
    for changes, code in cases:
        with pytest.raises(Invalid) as refused:
            await edit(play, drip_id, **changes)
        assert refused.value.code == code
    assert (await edit(play, drip_id, steps=(step("Hi {code}"),)))["version"] == 2
    with pytest.raises(NotFound):
        await edit(play, "nothing", name="x")
    with pytest.raises(Forbidden, match="reaches others"):
        await edit(play, drip_id, name="x", reach="team")
    monkeypatch.setattr("sendyard.features.campaigns.drips.editing.MOST_VERSIONS", 2)
    with pytest.raises(Conflict, match="at most 2 versions"):
        await edit(play, drip_id, exit=())
    monkeypatch.setattr("sendyard.features.campaigns.drips.queries.edit", lambda *_: False)
    with pytest.raises(Conflict, match="just now"):
        await edit(play, drip_id, name="x")
    await play.drips.cancel(play.id, drip_id)
    with pytest.raises(Conflict, match="is over"):
        await edit(play, drip_id, name="x")


async def test_what_a_second_person_agreed_to_stays_as_it_is(play: DripPlay) -> None:
    policy = Policy(recipients=1)
    play.yard.database.write_now(lambda tx: store_policy(tx, play.id, policy))
    made = await play.make(*THREE, numbers=[phone(1)], by="ann")
    await edit(play, made["id"], exit=(), by="bob")
    for maker in ("ann", "bob"):
        with pytest.raises(Forbidden, match="somebody else"):
            await play.drips.start(play.id, made["id"], by=maker)
    await play.drips.start(play.id, made["id"], by="eve")
    with pytest.raises(Forbidden, match="has agreed"):
        await edit(play, made["id"], steps=(step("Something else"),), by="bob")
    assert (await edit(play, made["id"], name="Renamed", throttle=Throttle(5), by="bob"))["throttle"]["messages"] == 5


async def test_steps_are_taken_at_the_pace_of_the_drip(play: DripPlay) -> None:
    drip_id = await play.started(*THREE[:2], numbers=[phone(at) for at in range(20)], throttle=Throttle(30, "minute"))
    # One every two seconds, made up to ten seconds ahead.
    assert len(play.texts(drip_id)) == 6
    moments = [due for (due,) in play.yard.rows("SELECT due_at FROM messages ORDER BY due_at")]
    assert [round((later - moment) / 1000) for moment, later in itertools.pairwise(moments)] == [2] * 5
    assert len(play.play.hand_over()) == 1
    await edit(play, drip_id, throttle=None)
    await play.settle()
    assert len(play.texts(drip_id)) == 20
    assert play.yard.rows("SELECT count(*) FROM campaign_paces") == [(0,)]
    found = await edit(play, drip_id, throttle=Throttle(10, "hour"))
    assert found["throttle"] == {"messages": 10, "per": "hour"}
    await play.later(drip_id)
    assert len(play.texts(drip_id)) == 21


async def test_messages_of_all_steps_that_come_due_together_share_the_pace(play: DripPlay) -> None:
    steps = (step("One"), step("Two"), step("Three"))
    drip_id = await play.started(*steps, numbers=[phone(1)])
    await play.later(drip_id)
    await play.later(drip_id)
    assert len(play.texts(drip_id)) == 3
    await edit(play, drip_id, throttle=Throttle(1, "minute"))
    # They waited for permitted hours, say, and may all leave now.
    assert len(play.play.hand_over()) == 1
    assert play.play.hand_over() == []
    moments = sorted(due for (due,) in play.yard.rows("SELECT due_at FROM messages WHERE due_at IS NOT NULL"))
    assert [round((at - now_ms()) / 60_000) for at in moments] == [1, 2]


async def test_the_budget_stops_the_drip_before_it_is_exceeded(play: DripPlay) -> None:
    drip_id = await play.started(
        step("One"), step("Two", days=1), numbers=[phone(at) for at in range(5)], budget=Budget("0.30", "USD")
    )
    found = await play.get(drip_id)
    assert (found["status"], found["spent"], len(play.texts(drip_id))) == ("active", "0.25", 5)
    await play.later(drip_id)
    found = await play.get(drip_id)
    assert (found["status"], found["spent"]) == ("paused", "0.3")
    assert "budget of 0.30 USD is used up" in found["pause_reason"]
    assert len(play.texts(drip_id)) == 6
    await edit(play, drip_id, budget=Budget("1", "USD"))
    await play.drips.resume(play.id, drip_id)
    await play.settle()
    assert len(play.texts(drip_id)) == 10
    assert (await play.get(drip_id))["people"]["done"] == 5
    with pytest.raises(Invalid, match="in which an account has a price"):
        await play.make(budget=Budget("1", "TWD"))


async def test_the_budget_holds_for_steps_of_several_kinds_in_one_round(play: DripPlay) -> None:
    drip_id = await play.started(step("One"), step("Two", days=1), numbers=[phone(1)])
    for position in (2, 3):
        await play.drips.add(play.id, drip_id, to=phone(position))
    play.pass_time(drip_id)
    await edit(play, drip_id, budget=Budget("0.05", "USD"))
    await play.settle()
    assert len(play.texts(drip_id)) == 2
    found = await play.get(drip_id)
    assert (found["status"], found["people"]["active"]) == ("paused", 3 if found["people"]["done"] == 0 else 2)


async def test_a_file_brings_people_with_their_values(play: DripPlay) -> None:
    await play.crowd.add(phone(3), name="Kim")
    csv = f"phone,Name,city\n{phone(1)},Lin,Taipei\n12,Bad,x\n{phone(1)},Lin,Again\n{phone(2)},,Tainan\n".encode()
    steps = (step("Hi {name|you}"), step("In {city}", days=1))
    made = await play.make(*steps, csv=csv, numbers=[phone(2), phone(4)], start=True)
    assert (made["encoding"], made["separator"], made["columns"]["variables"]["name"]) == ("utf-8", ",", "Name")
    people = await play.people(made["id"])
    assert [(one["state"], one["why"]) for one in people] == [
        ("active", ""), ("refused", "too_short"), ("refused", "duplicate"), ("active", ""),
        ("refused", "duplicate"), ("refused", "missing_value"),
    ]  # fmt: skip
    await play.settle()
    await play.later(made["id"])
    assert play.texts(made["id"]) == ["Hi Lin", "Hi you", "In Taipei", "In Tainan"]
    known = await play.make(
        step("Hi {name}"), csv=f"phone\n{phone(3)}\n".encode(), contact_fields=True, name="From contacts"
    )
    assert [one["variables"] for one in await play.people(known["id"])] == [{"name": "Kim"}]
    team = await play.make(step("Hi"), csv=f"phone\n{phone(3)}\n".encode(), reach="team")
    assert [one["why"] for one in await play.people(team["id"])] == ["not_in_team"]


async def test_a_file_that_cannot_be_used_leaves_nothing_behind(play: DripPlay) -> None:
    for csv, code in (
        (b"phone\n+886912345678\n", "missing_column"),
        (b"phone,city\n", "empty_file"),
        (b"name,city\nLin,Taipei\n", "no_phone_column"),
    ):
        with pytest.raises(Invalid) as refused:
            await play.make(step("In {city}"), csv=csv)
        assert refused.value.code == code
    many = "phone,city\n" + "".join(f"{phone(at)},T\n" for at in range(1200))
    with pytest.raises(NotFound, match="no contact"):
        await play.make(step("In {city}"), csv=many.encode(), contacts=["nobody"])
    assert play.yard.rows("SELECT count(*) FROM drip_people") == [(0,)]
    assert play.yard.rows("SELECT count(*) FROM drips") == [(0,)]


async def test_what_was_never_read_to_its_end_is_removed_after_a_while(play: DripPlay) -> None:
    made = await play.make(numbers=[phone(1)])
    young = await play.make(numbers=[phone(1)])

    def age(tx: Transaction) -> None:
        tx.run("DELETE FROM drip_steps")
        tx.run("UPDATE drips SET status = 'importing'")
        tx.run("UPDATE drips SET created_at = created_at - ? WHERE id = ?", (ABANDONED_MS, made["id"]))

    play.yard.database.write_now(age)
    await play.settle()
    assert play.yard.rows("SELECT id FROM drips") == [(young["id"],)]
    assert await play.drips.list(play.id) == []
    with pytest.raises(NotFound):
        await play.get(young["id"])


async def test_an_edit_while_people_are_found_gives_the_new_version_to_those_found_later(play: DripPlay) -> None:
    crowd = play.crowd
    await crowd.segments.add(crowd.id, name="Lins", question=Question("name = Lin"))
    await crowd.add(phone(1), name="Lin")
    drip_id = await play.started(step("One"), audience=Audience(segments=("Lins",)), enrol="segment")
    await edit(play, drip_id, steps=(step("New"),))
    await crowd.add(phone(2), name="Lin")
    await play.later(drip_id, 61_000)
    assert [(one["to"], one["version"]) for one in await play.people(drip_id)] == [(phone(1), 1), (phone(2), 2)]
    assert play.texts(drip_id) == ["One", "New"]
    (plan,) = play.yard.rows("SELECT plan FROM drips WHERE id = ?", drip_id)[0]
    assert read_drip(plan).audience.segments


async def test_a_person_is_told_where_they_stand_by_version_and_visit(play: DripPlay) -> None:
    contact = await play.crowd.add(phone(8), name="Ann")
    drip_id = await play.started(step("One"), step("Two", days=1))
    await edit(play, drip_id, exit=("replied",))
    added = await play.drips.add(play.id, drip_id, contact=contact["id"])
    assert (added["version"], added["round"], added["step"], added["variables"]) == (2, 1, 1, {})
