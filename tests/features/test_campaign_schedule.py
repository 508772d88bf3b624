"""
Campaigns that wait for their time, come again and again, or give each person a time of their own.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sendyard.domain.errors import Conflict, Invalid
from sendyard.domain.status import MessageStatus
from sendyard.features.audience import Question
from sendyard.features.campaigns.plan import Audience, Plan, Repeat, When
from sendyard.features.campaigns.scheduling.launching import MISSED_MS, Launcher
from sendyard.storage.identifiers import now_ms
from tests.features.audience_play import Crowd
from tests.features.campaign_play import Play, play_on, sheet
from tests.yard import Yard

HOUR = 3_600_000


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


def wall(in_hours: float) -> str:
    return f"{datetime.now(UTC) + timedelta(hours=in_hours):%Y-%m-%dT%H:%M:%S}"


def at(in_hours: float = 2) -> Plan:
    return Plan(when=When(mode="at", at=wall(in_hours), zone="UTC"))


def move_clock(play: Play, campaign_id: str, hours: float) -> None:
    """Let the moment of a scheduled campaign be that much earlier, as if the time had gone by."""
    play.yard.database.write_now(
        lambda tx: tx.run("UPDATE campaigns SET send_at = send_at - ? WHERE id = ?", (int(hours * HOUR), campaign_id))
    )


def be_due(play: Play, campaign_id: str) -> None:
    """Let the moment of a scheduled campaign have come just now."""
    play.yard.database.write_now(
        lambda tx: tx.run("UPDATE campaigns SET send_at = ? WHERE id = ?", (now_ms() - 1, campaign_id))
    )


async def test_a_campaign_waits_for_its_time_and_goes(play: Play) -> None:
    campaign_id = await play.started(sheet(2), plan=at(2))
    found = await play.get(campaign_id)
    assert found["status"] == "scheduled"
    assert found["next"]["shown"].endswith(" UTC")
    assert 7100 < found["next"]["seconds_left"] <= 7200
    assert (await play.progress(campaign_id))["next"]["starts_at"] == found["next"]["starts_at"]
    await play.expander().round()
    assert await play.status(campaign_id) == "scheduled"
    move_clock(play, campaign_id, 2)
    while await play.expander().round():
        pass
    done = await play.get(campaign_id)
    assert (done["status"], done["next"]) == ("sending", None)
    assert done["started_at"] is not None
    assert len(play.hand_over()) == 2


async def test_a_time_that_has_passed_is_refused_when_made_and_when_started(play: Play) -> None:
    with pytest.raises(Invalid, match=r"That was .* ago .* Pick a later time"):
        await play.draft(sheet(1), plan=at(-1))
    campaign_id = await play.draft(sheet(1), plan=at(1))
    old = Plan(when=When(mode="at", at="2020-01-01T10:00", zone="Asia/Taipei"))
    await _plan(play, campaign_id, old)
    with pytest.raises(Invalid) as refused:
        await play.campaigns.start(play.yard.workspace_id, campaign_id)
    assert (refused.value.code, refused.value.errors[0].pointer) == ("past", "/when/at")
    assert "2020-01-01 10:00 Asia/Taipei" in refused.value.detail
    checks = {
        check.check: check for check in (await play.campaigns.preflight(play.yard.workspace_id, campaign_id)).checks
    }
    assert checks["begins"].level == "block"


async def test_a_day_that_is_over_in_every_zone_is_refused(play: Play) -> None:
    def on(days: float) -> Plan:
        day = datetime.now(UTC) - timedelta(days=days)
        return Plan(when=When(mode="local", time="10:00", date=f"{day:%Y-%m-%d}"))

    with pytest.raises(Invalid, match="is over in every time zone") as refused:
        await play.draft(sheet(1), plan=on(2))
    assert (refused.value.code, refused.value.errors[0].pointer) == ("past", "/when/date")
    assert await play.draft(sheet(1), plan=on(0.4))


async def _plan(play: Play, campaign_id: str, plan: Plan) -> None:
    from sendyard.features.campaigns.plan import store_plan  # noqa: PLC0415 - only here

    await play.yard.database.write(
        lambda tx: tx.run("UPDATE campaigns SET plan = ? WHERE id = ?", (store_plan(plan), campaign_id))
    )


async def test_a_time_missed_while_nothing_worked_asks_and_does_not_fire(play: Play) -> None:
    campaign_id = await play.started(sheet(1), plan=at(1))
    move_clock(play, campaign_id, 1 + MISSED_MS / HOUR + 0.1)
    await play.expander().round()
    found = await play.get(campaign_id)
    assert found["status"] == "paused"
    assert found["pause_reason"].startswith("Missed its time, ")
    assert play.hand_over() == []
    await _plan(play, campaign_id, Plan(when=When(mode="at", at="2020-01-01T10:00", zone="UTC")))
    assert (await play.campaigns.resume(play.yard.workspace_id, campaign_id))["status"] == "preparing"
    while await play.expander().round():
        pass
    assert len(play.hand_over()) == 1


async def test_two_clocks_fire_once(play: Play) -> None:
    campaign_id = await play.started(sheet(1), plan=at(1))
    move_clock(play, campaign_id, 1)
    launcher = Launcher(play.yard.database, play.yard.directory)
    await launcher.look(now_ms())
    started = (await play.get(campaign_id))["started_at"]
    await launcher.look(now_ms() + 5)
    assert (await play.get(campaign_id))["started_at"] == started


async def test_a_scheduled_campaign_can_be_paused_resumed_and_cancelled(play: Play) -> None:
    campaign_id = await play.started(sheet(1), plan=at(1))
    assert (await play.campaigns.start(play.yard.workspace_id, campaign_id))["status"] == "scheduled"
    assert (await play.campaigns.pause(play.yard.workspace_id, campaign_id))["status"] == "paused"
    await play.expander().round()
    resumed = await play.campaigns.resume(play.yard.workspace_id, campaign_id)
    assert (resumed["status"], resumed["next"] is not None) == ("scheduled", True)
    assert (await play.campaigns.cancel(play.yard.workspace_id, campaign_id))["status"] == "cancelled"
    move_clock(play, campaign_id, 5)
    await play.expander().round()
    assert await play.status(campaign_id) == "cancelled"


async def test_each_person_gets_it_at_their_own_time_of_day(play: Play) -> None:
    now = datetime.now(UTC)
    hour = (now.hour + 2) % 24
    csv = b"phone,name\n+886912345678,Lin\n+821012345678,Kim\n+12125550123,Joe\n"
    when = When(mode="local", time=f"{hour:02}:00")
    campaign_id = await play.prepared(csv, plan=Plan(when=when))
    found = dict(play.rows("SELECT address, send_at FROM messages WHERE group_id = ?", campaign_id))
    for zone_hours, address in ((8, "+886912345678"), (9, "+821012345678")):
        local = datetime.fromtimestamp(found[address] / 1000, UTC) + timedelta(hours=zone_hours)
        assert (local.hour, local.minute) == (hour, 0)
        assert timedelta(0) < local - timedelta(hours=zone_hours) - now < timedelta(days=1)
    statuses = {status for (status,) in play.rows("SELECT DISTINCT status FROM messages")}
    assert statuses == {"scheduled"}
    assert play.hand_over() == []


async def test_those_whose_time_has_passed_may_get_it_at_once(play: Play) -> None:
    just_now = f"{datetime.now(UTC) + timedelta(hours=8) - timedelta(minutes=2):%H:%M}"
    if just_now > "23:50":
        just_now = "00:00"
    when = When(mode="local", time=just_now, passed="now")
    await play.prepared(b"phone,name\n+886912345678,Lin\n", plan=Plan(when=when))
    assert play.hand_over() == ["+886912345678"]


async def test_the_hour_at_which_somebody_reads_is_learned(play: Play) -> None:
    first = await play.prepared(sheet(2))
    reached = play.hand_over(lambda _message: MessageStatus.SENT)
    reader, other = sorted(reached)
    ((message_id, attempt),) = play.rows(
        "SELECT m.id, a.id FROM messages m JOIN attempts a ON a.message_id = m.id WHERE m.address = ?", reader
    )
    hour = (datetime.now(UTC).hour + 4) % 24

    def read_at_that_hour(tx: Any) -> None:
        for day in range(1, 6):
            at_ms = int((datetime.now(UTC).replace(hour=hour, minute=30) - timedelta(days=day)).timestamp() * 1000)
            tx.run(
                "INSERT INTO events (workspace_id, message_id, attempt_id, kind, status, at)"
                " VALUES (?, ?, ?, 'report', 'read', ?)",
                (play.yard.workspace_id, message_id, attempt, at_ms),
            )

    await play.yard.database.write(read_at_that_hour)
    usual = f"{(datetime.now(UTC).hour + 10) % 24:02}:00"
    when = When(mode="best", time=usual)
    second = await play.prepared(sheet(2), plan=Plan(when=when))
    assert first != second
    hours = {
        address: (datetime.fromtimestamp(at / 1000, UTC)).hour
        for address, at in play.rows("SELECT address, send_at FROM messages WHERE group_id = ?", second)
    }
    assert hours[reader] == hour
    assert (hours[other] + 8) % 24 == int(usual[:2])
    checks = {c.check: c.detail for c in (await play.campaigns.preflight(play.yard.workspace_id, second)).checks}
    assert f"at {usual} there" in checks["begins"]


def daily(**rest: Any) -> Plan:
    return Plan(repeat=Repeat(every="day", time="09:00", zone="Asia/Taipei", **rest))


async def runs(play: Play, campaign_id: str) -> list[dict[str, Any]]:
    found = await play.campaigns.list(play.yard.workspace_id, parent=campaign_id)
    return [await play.get(one["id"]) for one in reversed(found)]


async def test_each_run_of_a_repeating_campaign_is_one_of_its_own_with_people_asked_anew(
    play: Play, yard: Yard
) -> None:
    crowd = Crowd(yard)
    await crowd.add("+886912345678", name="Lin", tags=["vip"])
    await crowd.segments.add(crowd.id, name="vips", question=Question("tag = vip"))
    plan = Plan(repeat=daily().repeat, audience=Audience(segments=("vips",)))
    parent = await play.started(b"phone,name\n+886900000001,Given\n", plan=plan)
    first = await play.get(parent)
    assert (first["status"], first["next"]["zone"]) == ("scheduled", "Asia/Taipei")
    be_due(play, parent)
    while await play.expander().round():
        pass
    await crowd.add("+886912345679", name="Wu", tags=["vip"])
    following = await play.get(parent)
    assert following["status"] == "scheduled"
    assert following["next"]["starts_at"] >= first["next"]["starts_at"]
    be_due(play, parent)
    while await play.expander().round():
        pass
    children = await runs(play, parent)
    assert [(one["status"], one["recipients"], one["parent_id"]) for one in children] == [
        ("sending", 2, parent), ("sending", 3, parent),
    ]  # fmt: skip
    assert children[0]["name"].startswith("Spring, 20")
    assert play.addresses(parent) == []
    assert len(play.hand_over()) == 5


async def test_a_missed_run_asks_and_the_next_ones_come(play: Play) -> None:
    parent = await play.started(sheet(1), plan=daily())
    move_clock(play, parent, 24 * 3)
    await play.expander().round()
    (run,) = await runs(play, parent)
    assert run["status"] == "paused"
    assert "Missed its time" in run["pause_reason"]
    assert (await play.get(parent))["next"]["starts_at"] > now_ms()
    await play.campaigns.resume(play.yard.workspace_id, run["id"])
    while await play.expander().round():
        pass
    assert await play.status(run["id"]) == "sending"


async def test_a_repetition_ends_with_its_last_day_or_by_hand(play: Play) -> None:
    until = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    parent = await play.started(sheet(1), plan=daily(until=until))
    await _plan(play, parent, daily(until="2020-01-01"))
    move_clock(play, parent, 24)
    await play.expander().round()
    found = await play.get(parent)
    assert (found["status"], len(await runs(play, parent))) == ("completed", 1)
    other = await play.started(sheet(1), plan=daily())
    await play.campaigns.pause(play.yard.workspace_id, other)
    move_clock(play, other, 48)
    await play.expander().round()
    assert await runs(play, other) == []
    assert (await play.campaigns.resume(play.yard.workspace_id, other))["status"] == "scheduled"
    await play.campaigns.cancel(play.yard.workspace_id, other)
    with pytest.raises(Conflict):
        await play.campaigns.resume(play.yard.workspace_id, other)
    with pytest.raises(Invalid) as refused:
        await play.draft(sheet(1), plan=daily(until="2020-01-01"))
    assert refused.value.code == "no_run"


async def test_a_run_whose_people_cannot_be_found_has_failed(play: Play, yard: Yard) -> None:
    crowd = Crowd(yard)
    await crowd.segments.add(crowd.id, name="nobody", question=Question("name = Nobody"))
    plan = Plan(repeat=daily().repeat, audience=Audience(segments=("nobody",)))
    made = await play.campaigns.create(crowd.id, name="N", text="Hi", plan=plan)
    await play.campaigns.start(crowd.id, made["id"])
    be_due(play, made["id"])
    while await play.expander().round():
        pass
    await play.expander().round()
    (run,) = await runs(play, made["id"])
    assert (run["status"], "Nobody would get" in run["pause_reason"]) == ("failed", True)
