"""
Who may say yes, what may be changed, and tests to the team.
"""

from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Conflict, Forbidden, Invalid, NotFound
from sendyard.features.campaigns import Approvals, Changes, Plan, Tests
from sendyard.features.campaigns.finding import find
from sendyard.features.campaigns.plan import Audience, Budget, Repeat, Throttle, Wave, When
from sendyard.features.people import ApiKeys, Team
from tests.features.campaign_play import Play, play_on, sheet
from tests.yard import Yard, only_sqlite


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


@pytest.fixture
async def approvals(play: Play) -> Approvals:
    return Approvals(play.yard.database, play.yard.directory)


@pytest.fixture
async def changes(play: Play) -> Changes:
    return Changes(play.yard.database, play.yard.directory)


@pytest.fixture
async def team(play: Play) -> Team:
    return Team(play.yard.database)


async def expand_all(play: Play) -> None:
    expander = play.expander()
    while await expander.round():
        pass


async def test_above_a_size_somebody_else_says_yes_before_it_starts(play: Play, approvals: Approvals) -> None:
    workspace_id = play.yard.workspace_id
    await approvals.set_policy(workspace_id, recipients=2)
    small = await play.draft(sheet(2), by="ann")
    assert (await play.campaigns.start(workspace_id, small, by="ann"))["status"] == "preparing"
    large = await play.draft(sheet(3), by="ann")
    asked = await play.campaigns.start(workspace_id, large, by="bob")
    assert (asked["status"], asked["approval"]["state"]) == ("draft", "requested")
    await play.campaigns.start(workspace_id, large, by="bob")
    for own in ("ann", "bob"):
        with pytest.raises(Forbidden, match="cannot approve it"):
            await approvals.approve(workspace_id, large, by=own)
    done = await approvals.approve(workspace_id, large, by="cho", note=" looks good ")
    assert done["status"] == "preparing"
    history = done["approval"]["history"]
    assert [(one["action"], one["by"], one["note"], one["recipients"]) for one in history] == [
        ("requested", "bob", "", 3),
        ("approved", "cho", "looks good", 3),
    ]
    with pytest.raises(Conflict, match="Nobody has asked"):
        await approvals.approve(workspace_id, large, by="cho")


async def test_above_a_price_too_and_when_the_price_is_not_known(play: Play, approvals: Approvals) -> None:
    workspace_id = play.yard.workspace_id
    await approvals.set_policy(workspace_id, recipients=None, cost="0.12", currency="USD")
    cheap, dear = await play.draft(sheet(2)), await play.draft(sheet(3))
    assert (await play.campaigns.start(workspace_id, cheap, by="a"))["status"] == "preparing"
    asked = await play.campaigns.start(workspace_id, dear, by="a")
    assert asked["approval"]["history"][0]["cost"] == "0.15 USD"
    await approvals.set_policy(workspace_id, recipients=None, cost="10", currency="TWD")
    other = await play.draft(sheet(1))
    assert (await play.campaigns.start(workspace_id, other, by="a"))["approval"]["state"] == "requested"


async def test_a_no_keeps_it_a_draft_and_a_change_takes_a_yes_back(
    play: Play, approvals: Approvals, changes: Changes
) -> None:
    workspace_id = play.yard.workspace_id
    await approvals.set_policy(workspace_id, recipients=0)
    plan = Plan(when=When(mode="at", at="2099-01-01T10:00", zone="UTC"))
    campaign_id = await play.draft(sheet(1), by="ann")
    await play.campaigns.start(workspace_id, campaign_id, by="ann")
    refused = await approvals.approve(workspace_id, campaign_id, by="bob", yes=False, note="not on a Sunday")
    assert (refused["status"], refused["approval"]["state"]) == ("draft", "rejected")
    await play.campaigns.start(workspace_id, campaign_id, by="ann")
    await changes.edit(workspace_id, campaign_id, {"name": "Summer"}, by="ann")
    found = await changes.edit(workspace_id, campaign_id, {"when": Plan().when, "waves": ()}, by="ann")
    assert found["approval"]["state"] == "withdrawn"
    with pytest.raises(Conflict):
        await approvals.approve(workspace_id, campaign_id, by="bob")
    assert plan.when.mode == "at"


async def test_a_yes_to_a_repeating_campaign_holds_for_its_runs(play: Play, approvals: Approvals) -> None:
    workspace_id = play.yard.workspace_id
    await approvals.set_policy(workspace_id, recipients=0)
    parent = await play.draft(sheet(1), plan=Plan(repeat=Repeat(every="day", time="09:00", zone="UTC")), by="ann")
    await play.campaigns.start(workspace_id, parent, by="ann")
    assert (await approvals.approve(workspace_id, parent, by="bob"))["status"] == "scheduled"
    play.yard.database.write_now(lambda tx: tx.run("UPDATE campaigns SET send_at = send_at - 86400000"))
    expander = play.expander()
    while await expander.round():
        pass
    (run,) = await play.campaigns.list(workspace_id, parent=parent)
    if run["status"] == "paused":  # the test began within the hour after nine was missed
        await play.campaigns.resume(workspace_id, run["id"])
        await expand_all(play)
    assert len(play.addresses(run["id"])) == 1


@pytest.mark.parametrize(
    ("policy", "pointer"),
    [
        ({"recipients": -1}, "/recipients"),
        ({"recipients": None, "cost": "much", "currency": "USD"}, "/cost"),
        ({"recipients": None, "cost": "1", "currency": "usd"}, "/cost"),
    ],
)
@only_sqlite
async def test_a_policy_that_cannot_be_is_refused(approvals: Approvals, play: Play, policy: Any, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        await approvals.set_policy(play.yard.workspace_id, **policy)
    assert refused.value.errors[0].pointer == pointer
    assert not (await approvals.policy(play.yard.workspace_id)).asks


async def test_a_draft_can_be_changed_in_everything_but_its_people(play: Play, changes: Changes) -> None:
    campaign_id = await play.draft(sheet(2))
    found = await changes.edit(
        play.yard.workspace_id,
        campaign_id,
        {"name": " Summer ", "sender": "Shop", "expires_in": 60, "throttle": Throttle(3), "waves": (Wave(count=1),)},
    )
    assert (found["name"], found["sender"], found["expires_in"], found["recipients"]) == ("Summer", "Shop", 60, 2)
    assert found["plan"].throttle == Throttle(3)
    for wrong in ({"name": " "}, {"expires_in": 0}, {"throttle": Throttle(0)}, {"budget": Budget("1", "EUR")}):
        with pytest.raises(Invalid):
            await changes.edit(play.yard.workspace_id, campaign_id, wrong)


async def test_what_is_under_way_keeps_its_time_and_waves(play: Play, changes: Changes) -> None:
    campaign_id = await play.started(sheet(1))
    with pytest.raises(Conflict, match="cannot have its waves changed"):
        await changes.edit(play.yard.workspace_id, campaign_id, {"waves": (), "name": "x"})
    assert (await changes.edit(play.yard.workspace_id, campaign_id, {"name": "Later"}))["name"] == "Later"
    await play.campaigns.cancel(play.yard.workspace_id, campaign_id)
    with pytest.raises(Conflict):
        await changes.edit(play.yard.workspace_id, campaign_id, {"name": "Over"})


async def test_a_change_made_on_old_knowledge_is_refused(
    play: Play, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await play.draft(sheet(1))

    async def slowly(*place: Any) -> Any:
        found = await find(*place)
        monkeypatch.setattr("sendyard.features.campaigns.changing.find", find)
        await changes.edit(play.yard.workspace_id, campaign_id, {"throttle": Throttle(9)})
        return found

    monkeypatch.setattr("sendyard.features.campaigns.changing.find", slowly)
    with pytest.raises(Conflict, match="Somebody else changed"):
        await changes.edit(play.yard.workspace_id, campaign_id, {"throttle": Throttle(1)})


async def test_a_copy_sends_the_same_to_the_same_file_and_people_asked_anew(play: Play, changes: Changes) -> None:
    plan = Plan(throttle=Throttle(100), when=When(mode="at", at="2099-01-01T10:00", zone="UTC"))
    first = await play.draft(sheet(3) + b"12,Bad\n", plan=plan)
    made = await changes.duplicate(play.yard.workspace_id, first, by="ann")
    assert (made["name"], made["status"], made["created_by"]) == ("Spring, copy", "preparing", "ann")
    await expand_all(play)
    copy = await play.get(made["id"])
    assert (copy["status"], copy["recipients"], copy["refused"]) == ("draft", 3, 1)
    assert copy["plan"] == plan
    named = await changes.duplicate(play.yard.workspace_id, first, name="Again")
    assert named["name"] == "Again"
    with pytest.raises(Invalid):
        await changes.duplicate(play.yard.workspace_id, first, name="x" * 201)


async def test_a_draft_is_deleted_with_all_its_rows_and_its_copy_keeps_the_text(play: Play, changes: Changes) -> None:
    first = await play.draft(sheet(1200))
    copy = await changes.duplicate(play.yard.workspace_id, first)
    await expand_all(play)
    await changes.delete(play.yard.workspace_id, first)
    with pytest.raises(NotFound):
        await play.get(first)
    assert play.rows("SELECT DISTINCT campaign_id FROM campaign_recipients") == [(copy["id"],)]
    assert (await play.get(copy["id"]))["text"] == "Hi {name}"
    await changes.delete(play.yard.workspace_id, copy["id"])
    assert play.rows("SELECT id FROM template_versions") == []
    started = await play.started(sheet(1))
    with pytest.raises(Conflict, match="Only drafts can be deleted"):
        await changes.delete(play.yard.workspace_id, started)


async def test_what_is_over_can_be_put_away_and_taken_back(play: Play, changes: Changes) -> None:
    workspace_id = play.yard.workspace_id
    campaign_id = await play.started(sheet(1))
    with pytest.raises(Conflict, match="cannot be archived"):
        await changes.archive(workspace_id, campaign_id)
    await play.campaigns.cancel(workspace_id, campaign_id)
    assert (await changes.archive(workspace_id, campaign_id))["archived_at"] is not None
    assert await play.campaigns.list(workspace_id) == []
    assert [one["id"] for one in await play.campaigns.list(workspace_id, archived=True)] == [campaign_id]
    assert (await changes.archive(workspace_id, campaign_id, archived=False))["archived_at"] is None


async def test_a_retry_keeps_the_pace_but_neither_time_nor_waves(play: Play) -> None:
    workspace_id = play.yard.workspace_id
    plan = Plan(throttle=Throttle(9), waves=(Wave(count=1),), audience=Audience())
    first = await play.started(sheet(2), plan=plan)
    await play.yard.hourly_limit(1)
    await play.campaigns.cancel(workspace_id, first)
    play.yard.database.write_now(
        lambda tx: tx.run("UPDATE campaign_recipients SET code = 'no_route', detail = 'x' WHERE row = 2")
    )
    retry = await play.campaigns.retry_failed(workspace_id, first, by="ann")
    assert (retry["plan"].throttle, retry["plan"].waves, retry["created_by"]) == (Throttle(9), (), "ann")


async def test_tests_go_to_the_team_as_messages_of_their_own(play: Play, team: Team) -> None:
    workspace_id = play.yard.workspace_id
    tests = Tests(play.yard.database, play.yard.directory, team)
    campaign_id = await play.draft(sheet(3))
    with pytest.raises(Conflict, match="Nobody of the team"):
        await tests.send(workspace_id, campaign_id)
    mina = await team.add(workspace_id, name=" Mina ", addresses=["0987654321", "U" + "a" * 32], country="TW")
    assert (mina["name"], mina["addresses"]) == ("Mina", ["+886987654321", "U" + "a" * 32])
    (sent,) = await tests.send(workspace_id, campaign_id)
    assert (sent["to"], sent["error"]) == ("+886987654321", None)
    ((content, group, metadata),) = play.rows("SELECT content, group_id, metadata FROM messages")
    assert (content, group, metadata) == ('"Hi Name 0"', "", f'{{"test_of":"{campaign_id}"}}')
    await tests.send(workspace_id, campaign_id, to=["+886987654321"], row=4)
    assert {content for (content,) in play.rows("SELECT content FROM messages")} == {'"Hi Name 0"', '"Hi Name 2"'}
    with pytest.raises(Forbidden):
        await tests.send(workspace_id, campaign_id, to=["+886911111111"])
    with pytest.raises(Invalid, match="no good row 99"):
        await tests.send(workspace_id, campaign_id, row=99)
    assert (await play.progress(campaign_id))["messages"] == 0
    await team.remove(workspace_id, mina["id"])
    assert await team.list(workspace_id) == []
    with pytest.raises(NotFound):
        await team.remove(workspace_id, mina["id"])


async def test_a_test_that_cannot_be_sent_says_why(play: Play, team: Team) -> None:
    workspace_id = play.yard.workspace_id
    tests = Tests(play.yard.database, play.yard.directory, team)
    campaign_id = await play.draft(sheet(1))
    await team.add(workspace_id, name="Mina", addresses=["+886987654321"])
    (sent,) = await tests.send(workspace_id, campaign_id, test=True)
    assert sent["message_id"] is None
    assert sent["error"]
    await play.yard.hourly_limit(1)
    await tests.send(workspace_id, campaign_id)
    (again,) = await tests.send(workspace_id, campaign_id)
    assert "hour" in again["error"]
    play.yard.database.write_now(lambda tx: tx.run("UPDATE campaign_recipients SET code = 'x'"))
    with pytest.raises(Conflict, match="no good row"):
        await tests.send(workspace_id, campaign_id)


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"name": "", "addresses": ["+886987654321"]}, "/name"),
        ({"name": "A", "addresses": []}, "/addresses"),
        ({"name": "A", "addresses": ["+886987654321", "12"]}, "/addresses/1"),
    ],
)
@only_sqlite
async def test_somebody_who_cannot_be_reached_does_not_join(
    team: Team, play: Play, given: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await team.add(play.yard.workspace_id, **given)
    assert refused.value.errors[0].pointer == pointer


async def test_an_address_belongs_to_its_newest_owner_and_a_team_has_an_end(
    team: Team, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace_id = play.yard.workspace_id
    await team.add(workspace_id, name="A", addresses=["+886987654321"])
    await team.add(workspace_id, name="B", addresses=["+886987654321", "TW.abc"])
    assert [one["addresses"] for one in await team.list(workspace_id)] == [[], ["+886987654321", "TW.abc"]]
    assert await team.reachable(workspace_id, Channel.WHATSAPP) == ["+886987654321", "TW.abc"]
    assert await team.reachable(workspace_id, Channel.SMS) == ["+886987654321"]
    monkeypatch.setattr("sendyard.features.people.team.MOST_MEMBERS", 2)
    with pytest.raises(Invalid, match="at most 2 people"):
        await team.add(workspace_id, name="C", addresses=["+886911111111"])


async def test_campaigns_of_a_team_key_reach_the_team_only(play: Play, team: Team) -> None:
    workspace_id = play.yard.workspace_id
    await team.add(workspace_id, name="Mina", addresses=["+886900000001"])
    campaign_id = await play.draft(sheet(3), by="k", reach="team")
    found = await play.campaigns.recipients(workspace_id, campaign_id)
    assert [(one["to"], one["code"]) for one in found] == [
        (None, "not_in_team"), ("+886900000001", ""), (None, "not_in_team"),
    ]  # fmt: skip
    await play.campaigns.start(workspace_id, campaign_id, reach="team")
    await expand_all(play)
    assert play.hand_over() == ["+886900000001"]
    others = await play.draft(sheet(1))
    for action in (play.campaigns.start, play.campaigns.resume):
        with pytest.raises(Forbidden, match="reaches others"):
            await action(workspace_id, others, reach="team")


async def test_campaigns_of_a_test_key_are_carried_by_emulated_accounts_only(play: Play) -> None:
    with pytest.raises(Invalid, match="Nobody would get"):
        await play.started(sheet(1), reach="test")


@only_sqlite
async def test_keys_know_whom_they_reach(play: Play) -> None:
    keys = ApiKeys(play.yard.database)
    found = {}
    for kind in ("live", "team", "test"):
        made = await keys.create(play.yard.workspace_id, name=kind, kind=kind)
        principal = await keys.authenticate(made["key"])
        found[kind] = (principal.reach, principal.is_team, principal.is_test)
    assert found == {"live": ("all", False, False), "team": ("team", True, False), "test": ("test", False, True)}
