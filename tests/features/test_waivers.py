"""
Rules set aside: by whom and why, for a campaign or a time, and kept with the evidence of a campaign.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sendyard.delivery.evidence import keep_preflight, preflights, rules_revision
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.registry import PACKS, RULES
from sendyard.domain.countries.rules import Aspect, Level, Waiver
from sendyard.domain.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from sendyard.features.connections.compliance import Waivers, rule_book, rule_of
from sendyard.features.people import Workspaces
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.schema import campaigns, template_versions, templates
from sendyard.storage.transaction import Transaction
from tests.yard import Yard

RULE, OWNERS_RULE, NOBODYS_RULE = "tw.hours", "us.opt_out", "kr.night"
REASON = "people asked for 21:15"


def desk(yard: Yard) -> Waivers:
    return Waivers(yard.database, yard.directory)


def soon(**ahead: float) -> datetime:
    return datetime.now(UTC) + timedelta(**ahead)


async def waive(yard: Yard, rule: str = RULE, **told: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"who": "Lin Yi", "reason": REASON, "by": "key-1", "as_owner": True}
    if "campaign" not in told:
        usual["until"] = soon(days=30)
    return await desk(yard).add(yard.workspace_id, rule=rule, **(usual | told))


async def refused(yard: Yard, kind: type[AppError], **told: Any) -> AppError:
    with pytest.raises(kind) as error:
        await waive(yard, **told)
    assert yard.directory.facts(yard.workspace_id).waived == {}
    return error.value


def campaign(yard: Yard, status: str = "draft") -> str:
    number = new_id()
    own = {"workspace_id": yard.workspace_id, "created_at": 1}

    def work(tx: Transaction) -> None:
        tx.execute(templates.insert(), [{**own, "id": number, "code": number, "name": "x", "version": 1}])
        version = {**own, "id": number, "template_id": number, "version": 1, "body": "hi"}
        tx.execute(template_versions.insert(), [version])
        row = {**own, "id": number, "name": "x", "status": status, "template_version_id": number, "channel": "sms",
               "purpose": "promotional", "expires_in_seconds": 60}  # fmt: skip
        tx.execute(campaigns.insert(), [row])

    yard.database.write_now(work)
    return number


async def test_waiver_of_a_campaign_concerns_that_campaign_only(yard: Yard) -> None:
    mine, other = campaign(yard), campaign(yard)
    found = await waive(yard, campaign=mine)
    assert (found["who"], found["reason"], found["role"], found["created_by"]) == ("Lin Yi", REASON, "manager", "key-1")
    facts = yard.directory.facts(yard.workspace_id)
    assert facts.waived == {mine: frozenset({RULE})}
    assert facts.set_aside(mine) == {RULE}
    assert not facts.set_aside(other)
    assert not facts.set_aside()


async def test_waiver_of_the_workspace_holds_for_every_campaign_until_it_runs_out(yard: Yard) -> None:
    mine = campaign(yard)
    await waive(yard, campaign=mine)
    found = await waive(yard, OWNERS_RULE, role="owner")
    assert yard.directory.facts(yard.workspace_id).set_aside(mine) == {RULE, OWNERS_RULE}
    revision = yard.directory.facts(yard.workspace_id).revision
    yard.database.write_now(lambda tx: tx.run("UPDATE waivers SET until = ? WHERE id = ?", (now_ms(), found["id"])))
    assert await yard.directory.refresh(), "time alone must be noticed, no row tells of it"
    facts = yard.directory.facts(yard.workspace_id)
    assert facts.set_aside(mine) == {RULE}
    assert not facts.set_aside()
    assert facts.revision > revision
    assert [one["in_force"] for one in await desk(yard).list(yard.workspace_id)] == [False, True]


async def test_withdrawn_waiver_ends_at_once_and_stays_on_record(yard: Yard) -> None:
    found = await waive(yard)
    first = await desk(yard).withdraw(yard.workspace_id, found["id"], by="key-2")
    assert yard.directory.facts(yard.workspace_id).waived == {}
    assert (first["in_force"], first["withdrawn_by"]) == (False, "key-2")
    assert await desk(yard).withdraw(yard.workspace_id, found["id"], by="key-3") == first
    assert await desk(yard).list(yard.workspace_id) == [first]
    assert await desk(yard).list(yard.workspace_id, in_force=True) == []
    another = await Workspaces(yard.database).add("Another")
    with pytest.raises(NotFound):
        await desk(yard).withdraw(another["id"], found["id"], by="key-2")


async def test_rule_is_set_aside_once_for_a_place_until_that_is_withdrawn(yard: Yard) -> None:
    mine = campaign(yard)
    found = await waive(yard)
    await waive(yard, campaign=mine)
    for told in ({}, {"campaign": mine}):
        with pytest.raises(Conflict) as error:
            await waive(yard, **told)
        assert error.value.code == "already_waived"
    await desk(yard).withdraw(yard.workspace_id, found["id"], by="key-1")
    assert (await waive(yard))["in_force"]


async def test_nobody_sets_aside_what_nobody_may_and_a_manager_not_what_an_owner_may(yard: Yard) -> None:
    assert (await refused(yard, Forbidden, rule=NOBODYS_RULE, role="owner")).code == "not_waivable"
    assert (await refused(yard, Forbidden, rule=OWNERS_RULE)).code == "owner_needed"
    assert (await refused(yard, NotFound, rule="kr.nothing")).code == "unknown_rule"


async def test_a_key_speaks_for_no_more_than_whoever_holds_it(yard: Yard) -> None:
    for rule in (OWNERS_RULE, RULE):
        error = await refused(yard, Forbidden, rule=rule, role="owner", as_owner=False)
        assert (error.code, "key-1" in error.detail) == ("role_contradicted", True)
    assert (await waive(yard, as_owner=False))["role"] == "manager"
    assert (await waive(yard, OWNERS_RULE, role="owner"))["created_by"] == "key-1"


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ({"who": " "}, "/who"),
        ({"who": "x" * 101}, "/who"),
        ({"reason": "because"}, "/reason"),
        ({"reason": "왜냐하면"}, "/reason"),
        ({"reason": "why " * 300}, "/reason"),
        ({"role": "intern"}, "/role"),
        ({"until": None}, "/until"),
        ({"until": datetime(2020, 1, 1, tzinfo=UTC)}, "/until"),
        ({"until": soon(days=400)}, "/until"),
        ({"until": soon(days=1), "campaign": "some"}, "/until"),
    ],
)
async def test_waiver_needs_a_name_a_reason_and_an_end(yard: Yard, told: dict[str, Any], pointer: str) -> None:
    error = await refused(yard, Invalid, **told)
    assert [found.pointer for found in error.errors] == [pointer]


async def test_reason_in_a_script_without_spaces_is_understood(yard: Yard) -> None:
    assert (await waive(yard, reason="客戶要求晚上九點十五分發送"))["in_force"]


async def test_campaign_of_a_waiver_exists_and_is_not_over(yard: Yard) -> None:
    assert (await refused(yard, NotFound, campaign="none")).code == "unknown_campaign"
    assert (await refused(yard, Conflict, campaign=campaign(yard, "completed"))).code == "campaign_over"


async def test_waivers_are_listed_newest_first_page_by_page_and_by_campaign(yard: Yard) -> None:
    mine = campaign(yard)
    ids = [(await waive(yard, rule, campaign=place))["id"] for rule, place in ((RULE, mine), ("kr.courtesy", mine))]
    everywhere = (await waive(yard))["id"]

    async def listed(**asked: Any) -> list[str]:
        return [one["id"] for one in await desk(yard).list(yard.workspace_id, **asked)]

    assert await listed() == [everywhere, *reversed(ids)]
    assert await listed(after=everywhere, limit=1) == [ids[1]]
    assert await listed(campaign=mine) == list(reversed(ids))
    assert await listed(campaign="") == [everywhere]


async def test_evidence_keeps_the_report_the_rules_and_the_waivers_that_were_used(yard: Yard) -> None:
    mine = campaign(yard)
    used = await waive(yard, campaign=mine)
    await waive(yard, "kr.courtesy")
    withdrawn = await waive(yard, "tw.consent", campaign=mine)
    await desk(yard).withdraw(yard.workspace_id, withdrawn["id"], by="key-1")

    def keep(report: dict[str, Any]) -> str:
        return yard.database.write_now(
            lambda tx: keep_preflight(tx, yard.workspace_id, mine, report, now=now_ms(), waived={RULE, "tw.consent"})
        )

    first, second = keep({"ok": False, "words": "행복"}), keep({"ok": True})
    newest, oldest = await desk(yard).evidence(yard.workspace_id, mine)
    assert (newest["id"], oldest["id"], oldest["report"]) == (second, first, {"ok": False, "words": "행복"})
    assert [one["id"] for one in oldest["waivers"]] == [used["id"]]
    assert oldest["waivers"][0]["reason"] == REASON
    assert oldest["rules_revision"] == rules_revision()
    assert yard.database.read_now(lambda tx: preflights(tx, yard.workspace_id, mine, after=second, limit=1)) == [oldest]
    assert yard.database.read_now(lambda tx: preflights(tx, "another", mine)) == []
    with pytest.raises(NotFound):
        await desk(yard).evidence("another", mine)


def ids_of(**asked: Any) -> list[str]:
    return [one["id"] for one in rule_book(**asked)]


def test_every_rule_is_listed_as_data_with_source_and_how_to_waive() -> None:
    found = rule_book()
    assert [one["id"] for one in found] == list(RULES)
    for one in found:
        assert one == rule_of(one["id"])
        assert one["sources"][0]["title"] in one["why"]
        assert ("Nobody may" in one["how_to_waive"]) is (RULES[one["id"]].waiver is Waiver.NOBODY)
        assert (one["certainty"] == "uncertain") is RULES[one["id"]].uncertain
        assert set(one["channels"]) == set(RULES[one["id"]].channels)
    with pytest.raises(NotFound, match=r"no rule 'kr\.nothing'"):
        rule_of("kr.nothing")


def test_rules_are_listed_by_what_a_message_would_be_asked() -> None:
    own = [rule.id for pack in PACKS if pack.id == "kr" for rule in pack.rules if Channel.SMS in rule.channels]
    assert ids_of(country="kr", channel=Channel.SMS) == own
    assert {one.split(".")[0] for one in ids_of(country="KR")} == {"kr", "wa"}
    assert {one.split(".")[0] for one in ids_of(country="FR", channel=Channel.SMS)} == {"default"}
    assert "wa.window" in ids_of(channel=Channel.WHATSAPP)
    assert "wa.window" not in ids_of(channel=Channel.SMS)
    assert {RULES[one].level for one in ids_of(level=Level.DEFER)} == {Level.DEFER}
    assert {RULES[one].aspect for one in ids_of(aspect=Aspect.CONSENT)} == {Aspect.CONSENT}
    assert all(Purpose.OTP in RULES[one].purposes for one in ids_of(purpose=Purpose.OTP))
    assert Waiver.NOBODY not in {RULES[one].waiver for one in ids_of(waivable=True)}
    assert {RULES[one].waiver for one in ids_of(waivable=False)} == {Waiver.NOBODY}
    assert {one.split(".")[0] for one in ids_of(pack="us")} == {"us"}
    for country in ("Korea", "K1"):
        with pytest.raises(Invalid, match="two letters"):
            rule_book(country=country)
    with pytest.raises(Invalid, match="found 'fr'"):
        rule_book(pack="fr")
