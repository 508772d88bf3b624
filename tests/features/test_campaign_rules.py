"""
What rules do to a campaign: said before it starts, kept as evidence, and done to each person.
"""

from typing import Any

import pytest

from sendyard.delivery.forecast import Forecast
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import Invalid
from sendyard.features.campaigns.finding import find
from sendyard.features.campaigns.rehearsal import rehearse
from sendyard.features.connections.compliance import Waivers
from tests.features.campaign_play import Play, number, play_on, sheet
from tests.features.lawful import Lawful, milliseconds
from tests.situations import at
from tests.yard import Yard

MARKETING, AT_NIGHT = ConsentKind.MARKETING, ConsentKind.NIGHT
SENDER = "0212345678"


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


@pytest.fixture
async def lawful(play: Play) -> Lawful:
    """The facts of a shop, for the yard of `play`."""
    found = Lawful(play.yard, play.account_id)
    await found.tell(business="행복가게", opt_out_number="080-123-4567")
    return found


def korean(position: int) -> str:
    return f"+8210{position:08d}"


def koreans(count: int) -> bytes:
    return ("phone,name\n" + "".join(f"{korean(one)},Name {one}\n" for one in range(count))).encode()


async def draft(play: Play, csv: bytes, **rest: Any) -> str:
    return await play.draft(csv, **{"purpose": "promotional", "text": "할인 {name}", "sender": SENDER, **rest})


async def preflight(play: Play, campaign_id: str) -> Forecast:
    return await play.campaigns.preflight(play.yard.workspace_id, campaign_id)


def checks(found: Forecast) -> dict[str, tuple[str, int]]:
    return {check.check: (check.level.value, check.count) for check in found.checks}


async def test_preflight_says_what_each_rule_does_to_how_many_and_how_to_satisfy_it(play: Play, lawful: Lawful) -> None:
    for one in range(8):
        await lawful.consent(korean(one), MARKETING, AT_NIGHT)
    campaign_id = await draft(play, koreans(10) + f"{korean(0)},Again\n+82 10-1,Short\n".encode())
    found = await preflight(play, campaign_id)
    assert (found.messages, found.examined, found.complete) == (8, 10, True)
    assert checks(found)["rules"] == ("warn", 2)
    assert (checks(found)["rows"][1], checks(found)["duplicates"][1]) == (2, 1)
    shown = {check.check: [(one.row, one.to) for one in check.examples] for check in found.checks if check.examples}
    assert shown == {
        "rows": [(12, "+821***000"), (13, "+8***-1")],
        "duplicates": [(12, "+821***000")],
        "rules": [(10, "+821***008"), (11, "+821***009")],
    }
    lines = {line.rule.id: line.document() for line in found.rules}
    consent, footer = lines["kr.consent"], lines["kr.opt_out"]
    assert (consent["level"], consent["count"], consent["waivable_by"]) == ("block", 2, "nobody")
    assert [one["row"] for one in consent["examples"]] == [10, 11]
    assert consent["examples"][0]["to"] == "+821***008"
    assert consent["fix"] == "POST /api/v1/consents, or `sendyard consents add`"
    assert (footer["level"], footer["count"], len(footer["examples"])) == ("fix", 8, 5)
    assert found.sample[0].content.body == "(광고)행복가게 할인 Name 0\n무료수신거부 080-123-4567"
    assert [(route.accounts, route.messages) for route in found.routes] == [(["world"], 8)]
    assert found.cost is not None
    assert found.routes[0].cost == found.cost


async def test_people_a_rule_protects_are_left_out_as_rows_with_the_reason(play: Play, lawful: Lawful) -> None:
    await lawful.consent(korean(0), MARKETING, AT_NIGHT)
    campaign_id = await draft(play, koreans(2))
    await play.campaigns.start(play.yard.workspace_id, campaign_id)
    while await play.expander().round():
        pass
    assert play.addresses(campaign_id) == [korean(0)]
    (row,) = await play.campaigns.refused(play.yard.workspace_id, campaign_id)
    assert (row["row"], row["code"]) == (3, "kr.consent")


async def test_a_campaign_whose_sender_a_rule_forbids_does_not_start_for_anybody(play: Play, lawful: Lawful) -> None:
    await lawful.consent(korean(0), MARKETING, AT_NIGHT)
    await lawful.sender(SENDER, registration="rejected")
    mixed = koreans(1) + f"+886{number(1)[1:]},Somebody\n".encode()
    campaign_id = await draft(play, mixed)
    found = await preflight(play, campaign_id)
    assert (found.messages, checks(found)["rules"]) == (1, ("block", 1))
    with pytest.raises(Invalid) as error:
        await play.campaigns.start(play.yard.workspace_id, campaign_id)
    assert error.value.code == "kr.sender_registered"
    assert await play.status(campaign_id) == "draft"
    await lawful.waive("kr.sender_registered", campaign=campaign_id, role="owner")
    await play.campaigns.start(play.yard.workspace_id, campaign_id)
    assert await play.status(campaign_id) == "preparing"


async def test_nobody_to_reach_is_said_before_anything_starts(play: Play, lawful: Lawful) -> None:
    campaign_id = await draft(play, koreans(2))
    assert checks(await preflight(play, campaign_id))["rules"] == ("block", 2)
    with pytest.raises(Invalid) as error:
        await play.campaigns.start(play.yard.workspace_id, campaign_id)
    assert error.value.code == "nobody_reachable"
    assert "consent" in error.value.detail
    assert lawful.yard.rows("SELECT count(*) FROM preflight_results") == [(0,)]


async def test_what_was_found_at_the_start_is_kept_with_the_waivers_used_and_without_names(
    play: Play, lawful: Lawful
) -> None:
    campaign_id = await draft(play, sheet(3), text="Hi {name}", sender="")
    for rule in ("tw.hours", "tw.topics"):  # the second has nothing to say of these texts
        await lawful.waive(rule, campaign=campaign_id)
    await play.campaigns.start(play.yard.workspace_id, campaign_id)
    waivers = Waivers(play.yard.database, play.yard.directory)
    (kept,) = await waivers.evidence(play.yard.workspace_id, campaign_id)
    report = kept["report"]
    assert report["messages"] == 3
    lines = {line["id"]: line for line in report["rules"]}
    assert lines["tw.consent"]["count"] == 3
    assert "Name 0" not in str(report)
    assert "+886900000000" not in str(report)
    # The clock decides whether the waiver was needed; whenever it was, it is in the evidence, and no other is.
    used = {one["rule"] for one in kept["waivers"]}
    assert used == ({"tw.hours"} if "tw.hours" in lines else set())


async def test_a_start_at_night_waits_for_the_morning_and_what_does_not_fit_a_day_ends_on_the_next(
    play: Play, lawful: Lawful
) -> None:
    for one in range(3):
        await lawful.consent(korean(one))
    campaign = await find(play.yard.database, play.yard.workspace_id, await draft(play, koreans(3)))
    one_in_five_and_a_half_hours = {"rate_per_second": 0.00005}
    await play.yard.accounts.edit(play.yard.workspace_id, play.account_id, one_in_five_and_a_half_hours)

    async def foreseen(when: str) -> Forecast:
        begins = milliseconds(at(when, "Asia/Seoul"))
        return await rehearse(play.yard.database, play.yard.directory, campaign, begins=begins)

    opening = milliseconds(at("2027-03-02 08:00", "Asia/Seoul"))
    found = await foreseen("2027-03-01 22:00")
    assert checks(found)["hours"] == ("warn", 3)
    assert found.deferrals == [(opening, 3)]
    # The day has 12 hours and 50 minutes, and the three take 16 hours and 40 minutes.
    assert found.finish_at is not None
    assert found.finish_at >= milliseconds(at("2027-03-03 08:00", "Asia/Seoul"))
    daytime = await foreseen("2027-03-02 09:00")
    assert (checks(daytime)["hours"], daytime.deferrals) == (("ok", 0), [])
