"""
What a workspace tells about itself: kept, checked, seen by every process at once, and missed where it is missing.
"""

from dataclasses import replace
from typing import Any

import pytest

from sendyard.delivery.directory import Directory
from sendyard.delivery.facts import NO_FACTS
from sendyard.domain.channels import Channel
from sendyard.domain.countries.registry import decide
from sendyard.domain.countries.rules import Level
from sendyard.domain.countries.situation import Allowed, DltIds, Registration, Sender
from sendyard.domain.errors import Invalid, NotFound
from sendyard.features.connections.compliance import (
    FactHistory,
    Gaps,
    RegisteredTexts,
    SenderFacts,
    WorkspaceFacts,
)
from sendyard.features.connections.compliance.checks import OPTIONS
from sendyard.features.connections.compliance.gaps import NEEDS
from sendyard.storage.vault import Vault, generate_key
from tests.situations import AMERICA, GERMANY, INDIA, KOREA, TAIWAN
from tests.yard import Yard

BY = "key-1"
ENTITY, TELEMARKETER = "1401234567890123456", "1402234567890123456"


def told(yard: Yard) -> WorkspaceFacts:
    return WorkspaceFacts(yard.database, yard.directory)


def senders(yard: Yard) -> SenderFacts:
    return SenderFacts(yard.database, yard.directory)


async def tell(yard: Yard, **changes: Any) -> dict[str, Any]:
    return await told(yard).change(yard.workspace_id, changes, by=BY)


async def refused(yard: Yard, **changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        await tell(yard, **changes)
    assert yard.directory.facts(yard.workspace_id) == NO_FACTS
    return [(found.pointer, found.code) for found in error.value.errors]


async def test_workspace_that_told_nothing_is_like_no_other(yard: Yard) -> None:
    found = await told(yard).get(yard.workspace_id)
    assert (found["home_zone"], found["allowed_urls"], found["dlt"], found["revision"]) == ("", None, [], 0)
    assert found["options"]["korea_margin_minutes"] == 10
    assert found["updated_at"] is None
    assert yard.directory.facts(yard.workspace_id) is NO_FACTS


async def test_what_is_told_reaches_the_engine_at_once_and_only_that_changes(yard: Yard) -> None:
    await tell(
        yard,
        home_zone="Asia/Seoul",
        business=" 행복가게 ",
        opt_out_number="080-123-4567",
        allowed_urls=["https://shop.example/*", "shop.example"],
        options={"korea_margin_minutes": 0, "korea_relationship": True},
    )
    before = yard.directory.facts(yard.workspace_id)
    assert (before.home_zone, before.business, before.opt_out_number) == ("Asia/Seoul", "행복가게", "080-123-4567")
    assert before.allowed == Allowed(("https://shop.example/*", "shop.example"), None)
    assert (before.options.korea_margin_minutes, before.options.korea_relationship) == (0, True)
    found = await tell(yard, contact="02-123-4567", allowed_urls=None, options={"korea_margin_minutes": None})
    after = yard.directory.facts(yard.workspace_id)
    assert (after.contact, after.business, after.allowed.urls) == ("02-123-4567", "행복가게", None)
    assert (after.options.korea_margin_minutes, after.options.korea_relationship) == (10, True)
    assert after.revision == found["revision"] > before.revision
    assert (found["updated_by"], found["options"]["korea_relationship"]) == (BY, True)


async def test_another_process_notices_with_its_next_look(yard: Yard) -> None:
    elsewhere = Directory(yard.database, Vault([generate_key()]))
    elsewhere.load_now()
    assert elsewhere.facts(yard.workspace_id) is NO_FACTS
    await tell(yard, business="ACME")
    assert await elsewhere.refresh()
    assert elsewhere.facts(yard.workspace_id) == yard.directory.facts(yard.workspace_id)
    kept = elsewhere.facts(yard.workspace_id)
    assert not await elsewhere.refresh()
    assert elsewhere.facts(yard.workspace_id) is kept


async def test_what_was_derived_is_forgotten_when_a_fact_changes(yard: Yard) -> None:
    yard.directory.memo["derived"] = 1
    await tell(yard, business="ACME")
    assert yard.directory.memo == {}


async def test_each_unusable_fact_is_named_and_nothing_is_kept(yard: Yard) -> None:
    assert await refused(yard, home_zone="Asia/Nowhere", business="A\nB", contact=1, opt_out_number="02-123") == [
        ("/home_zone", "bad_value"),
        ("/business", "bad_value"),
        ("/contact", "bad_value"),
        ("/opt_out_number", "bad_value"),
    ]
    assert await refused(yard, allowed_urls=["not an address"]) == [("/allowed_urls", "bad_value")]
    assert await refused(yard, allowed_urls="https://shop.example") == [("/allowed_urls", "bad_value")]
    assert await refused(yard, allowed_numbers=["12", ""]) == [("/allowed_numbers", "bad_value")]
    assert await refused(yard, options={"korea_margin_minutes": -1}) == [("/options", "bad_value")]
    assert await refused(yard, options={"korea_relationship": 1}) == [("/options", "bad_value")]
    assert await refused(yard, options={"india_variable_limit": 0}) == [("/options", "bad_value")]
    assert await refused(yard, options={"margin": 1}) == [("/options", "bad_value")]
    assert await refused(yard, options=7) == [("/options", "bad_value")]
    assert await refused(yard, colour="red") == [("/colour", "unknown_field")]
    assert await refused(yard, dlt=[{"entity_id": "14"}]) == [("/dlt/0/entity_id", "bad_value")]
    assert await refused(yard, dlt=[{"telemarketer_ids": [""]}]) == [("/dlt/0/telemarketer_ids", "bad_value")]
    assert await refused(yard, dlt=[{"chain": "maybe"}]) == [("/dlt/0/chain", "bad_value")]
    assert await refused(yard, dlt=7) == [("/dlt", "bad_value")]
    assert await refused(yard) == []


async def test_every_option_there_is_can_be_set(yard: Yard) -> None:
    highest = {name: True if kind is bool else most for name, (kind, most) in OPTIONS.items()}
    found = await tell(yard, options=highest)
    assert found["options"] == highest


async def test_ids_in_india_are_told_for_all_accounts_or_for_one(yard: Yard) -> None:
    account_id = await yard.account("mitake", "one")
    await tell(yard, dlt=[{"entity_id": ENTITY, "chain": "approved"}, {"account": "one", "chain": "pending"}])
    found = await tell(yard, dlt=[{"account": "one", "entity_id": ENTITY, "telemarketer_ids": [TELEMARKETER]}])
    facts = yard.directory.facts(yard.workspace_id)
    assert facts.dlt_ids(account_id) == DltIds(ENTITY, (TELEMARKETER,), Registration.PENDING)
    assert facts.dlt_ids("another") == DltIds(ENTITY, (), Registration.APPROVED)
    assert [entry["account"] for entry in found["dlt"]] == [None, {"id": account_id, "name": "one"}]
    gone = {"account": account_id, "entity_id": "", "telemarketer_ids": [], "chain": "unknown"}
    found = await tell(yard, dlt=[gone])
    assert [entry["account"] for entry in found["dlt"]] == [None]
    with pytest.raises(NotFound, match="no account 'two'"):
        await tell(yard, dlt=[{"account": "two", "entity_id": ENTITY}])


async def test_sender_keeps_its_own_spelling_and_fills_gaps_from_the_workspace(yard: Yard) -> None:
    account_id = await yard.account("bizgo", "korea")
    await tell(yard, business="행복가게", opt_out_number="080-123-4567")
    about = senders(yard)
    await about.put(yard.workspace_id, "16009064", {"registration": "approved"}, by=BY)
    await about.put(yard.workspace_id, "16009064", {"contact": "1588-1234"}, account="korea", by=BY)
    found = await about.put(
        yard.workspace_id, "16009064", {"registration": "pending", "note": "asked on Monday"}, account="korea", by=BY
    )
    assert (found["value"], found["contact"], found["registration"]) == ("16009064", "1588-1234", "pending")
    facts = yard.directory.facts(yard.workspace_id)
    assert facts.sender(account_id, "16009064") == Sender(
        "16009064", "행복가게", (), "1588-1234", "080-123-4567", Registration.PENDING
    )
    assert facts.sender("another", "16009064").registration is Registration.APPROVED
    assert facts.sender(account_id, "+8216009064").registration is Registration.UNKNOWN
    assert [one["account"] for one in await about.list(yard.workspace_id)] == [
        None,
        {"id": account_id, "name": "korea"},
    ]
    await about.delete(yard.workspace_id, "16009064", account="korea", by="k")
    assert yard.directory.facts(yard.workspace_id).sender(account_id, "16009064").contact == ""
    with pytest.raises(NotFound, match="Nothing is known of sender '16009064' for account korea"):
        await about.delete(yard.workspace_id, "16009064", account="korea", by="k")


async def test_sender_that_has_everything_takes_nothing_from_the_workspace(yard: Yard) -> None:
    await tell(yard, business="ACME", contact="1", opt_out_number="080-123-4567", allowed_numbers=["02-1234-5678"])
    own = {"business": "Shop", "contact": "2", "opt_out_number": "080-765-4321", "receives_replies": False}
    await senders(yard).put(yard.workspace_id, "SHOP", own, by=BY)
    found = yard.directory.facts(yard.workspace_id).sender("any", "SHOP")
    assert found == Sender("SHOP", "Shop", (), "2", "080-765-4321", receives_replies=False)
    assert yard.directory.facts(yard.workspace_id).allowed.numbers == ("02-1234-5678",)


async def test_what_is_wrong_with_a_sender_is_named(yard: Yard) -> None:
    about = senders(yard)
    changes = {"registration": "sure", "receives_replies": "no", "identity_words": [""], "note": "x" * 2000}
    with pytest.raises(Invalid) as error:
        await about.put(yard.workspace_id, "ACMEIN", changes, by=BY)
    assert [found.pointer for found in error.value.errors] == [f"/{name}" for name in changes]
    with pytest.raises(Invalid, match="without space around it"):
        await about.put(yard.workspace_id, " ACMEIN", {}, by=BY)
    assert await about.list(yard.workspace_id) == []


async def test_facts_of_one_workspace_are_not_those_of_another(yard: Yard) -> None:
    await tell(yard, business="ACME")
    await senders(yard).put(yard.workspace_id, "ACMEIN", {}, by=BY)
    assert yard.directory.facts("another") is NO_FACTS
    assert await senders(yard).list("another") == []


async def missing(yard: Yard, *countries: str) -> dict[tuple[str, str], dict[str, Any]]:
    found = await Gaps(yard.database, yard.directory).find(yard.workspace_id, countries)
    return {(one["country"], one["fact"]): one for one in found["data"]}


async def test_gaps_name_the_senders_that_lack_something_and_close_when_it_is_told(yard: Yard) -> None:
    account_id = await yard.account("bizgo", "korea", sender="02-123-4567")
    found = await missing(yard, "kr")
    assert {fact for _, fact in found} == {"senders.registration", "business", "opt_out_number"}
    lacking = {"account": {"id": account_id, "name": "korea"}, "sender": "02-123-4567"}
    assert found["KR", "senders.registration"]["senders"] == [lacking]
    assert found["KR", "business"]["level"] == "block"
    assert found["KR", "business"]["senders"] == []
    await tell(yard, business="행복가게", opt_out_number="080-123-4567")
    assert set(await missing(yard, "KR")) == {("KR", "senders.registration")}
    await senders(yard).put(yard.workspace_id, "02-123-4567", {"registration": "approved"}, by=BY)
    assert await missing(yard, "KR") == {}


async def test_countries_of_gaps_are_those_of_routes_and_providers_in_use(yard: Yard) -> None:
    nothing = await Gaps(yard.database, yard.directory).find(yard.workspace_id)
    assert nothing == {"countries": [], "data": []}
    await yard.account("mitake", "taiwan")
    await yard.account("twilio", "world", sender="+15005550006")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=["world"], country="DE")
    found = await Gaps(yard.database, yard.directory).find(yard.workspace_id)
    assert {"DE", "TW"} <= set(found["countries"])
    facts = {(one["country"], one["fact"]): one for one in found["data"]}
    assert facts["DE", "home_zone"]["rule"] == "default.hours"
    assert [one["account"]["name"] for one in facts["TW", "senders.identity_words"]["senders"]] == ["taiwan", "world"]
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=["taiwan"], country="TW")
    facts = await missing(yard, "TW")
    assert [one["account"]["name"] for one in facts["TW", "senders.identity_words"]["senders"]] == ["taiwan"]
    await tell(yard, home_zone="Europe/Berlin")
    assert ("DE", "home_zone") not in await missing(yard, "DE")
    with pytest.raises(Invalid, match="found 'Taiwan'"):
        await missing(yard, "Taiwan")


async def test_india_without_anything_told_lacks_everything(yard: Yard) -> None:
    found = await missing(yard, "IN")
    assert {fact for _, fact in found} == {
        "senders.value", "dlt.entity_id", "dlt.chain", "templates", "allowed_urls",
    }  # fmt: skip
    assert found["IN", "dlt.entity_id"]["senders"] == [{"account": None, "sender": ""}]
    assert {one["level"] for one in found.values()} == {"warn"}  # as preflight says: the provider may know better


async def test_what_india_lacks_blocks_once_an_entity_id_is_told(yard: Yard) -> None:
    await tell(yard, dlt=[{"entity_id": "1101234567890123456"}])
    found = await missing(yard, "IN")
    assert {fact for (_, fact), one in found.items() if one["level"] == "block"} == {"senders.value", "templates"}


BARE = {
    "kr": replace(KOREA, sender=Sender("02-123-4567"), text="(광고)오늘만 할인"),
    "in": replace(INDIA, sender=Sender(), dlt=DltIds(), template=None, allowed=Allowed()),
    "tw": replace(TAIWAN, sender=Sender("0911510123"), allowed=Allowed(), text="https://shop.example 02-2345-6789"),
    "us": replace(AMERICA, sender=Sender("+12025550123")),
    "default": replace(GERMANY, sender=Sender()),
}


@pytest.mark.parametrize("rule", [need.rule for needs in NEEDS.values() for need in needs])
def test_rule_of_every_gap_speaks_for_lack_of_the_fact(rule: str) -> None:
    pack, (need,) = next(
        (pack, found) for pack, needs in NEEDS.items() if (found := [one for one in needs if one.rule == rule])
    )
    situation = BARE[pack]
    if rule in {"in.template_state", "in.url_allow_list"}:
        assert INDIA.template is not None
        template = INDIA.template.__class__(INDIA.template.id, "See {#var#} now")
        situation = replace(INDIA, template=template, text="See https://shop.example now", allowed=Allowed())
    levels = {one.rule_id: one.level for one in decide(situation).verdicts}
    assert levels[rule] is need.level
    assert need.level in {Level.BLOCK, Level.WARN}


def history(yard: Yard) -> FactHistory:
    return FactHistory(yard.database, yard.directory)


async def test_every_change_of_facts_is_kept_with_who_made_it_and_what_was_before(yard: Yard) -> None:
    await told(yard).change(yard.workspace_id, {"business": "ACME", "allowed_urls": ["shop.example"]}, by="key-1")
    await told(yard).change(
        yard.workspace_id, {"business": "ACME Ltd", "options": {"korea_margin_minutes": 20}}, by="key-2"
    )
    await told(yard).change(yard.workspace_id, {"business": "ACME Ltd"}, by="key-3")
    changes = await history(yard).list(yard.workspace_id)
    assert [(one["by"], one["subject"], one["account"], one["changes"]) for one in changes] == [
        (
            "key-2",
            "workspace",
            None,
            {
                "business": {"from": "ACME", "to": "ACME Ltd"},
                "options.korea_margin_minutes": {"from": None, "to": 20},
            },
        ),
        (
            "key-1",
            "workspace",
            None,
            {"business": {"from": "", "to": "ACME"}, "allowed_urls": {"from": None, "to": ["shop.example"]}},
        ),
    ]
    assert changes[0]["at"] >= changes[1]["at"]
    assert await history(yard).list(yard.workspace_id, after=changes[0]["id"], limit=1) == [changes[1]]


async def test_senders_texts_and_ids_have_a_history_of_their_own_after_they_are_gone(yard: Yard) -> None:
    account = await yard.account("mitake", "taiwan")
    about = SenderFacts(yard.database, yard.directory)
    await about.put(yard.workspace_id, "0911", {"business": "A", "registration": "pending"}, account="taiwan", by="k1")
    await about.put(yard.workspace_id, "0911", {"registration": "approved"}, account="taiwan", by="k2")
    await about.put(yard.workspace_id, "0911", {"registration": "approved"}, account="taiwan", by="k3")
    await about.delete(yard.workspace_id, "0911", account="taiwan", by="k4")
    gone, approved, new = await history(yard).list(yard.workspace_id, subject="sender", name="0911")
    assert approved["changes"] == {"registration": {"from": "pending", "to": "approved"}}
    assert (approved["by"], approved["account"]) == ("k2", {"id": account, "name": "taiwan"})
    assert new["changes"]["business"] == {"from": None, "to": "A"}
    assert "contact" not in new["changes"]
    assert (gone["by"], gone["changes"]["registration"]) == ("k4", {"from": "approved", "to": None})
    for entity in ("1101234567890123456", ""):
        await told(yard).change(yard.workspace_id, {"dlt": [{"entity_id": entity}]}, by="k5")
    away, there = await history(yard).list(yard.workspace_id, subject="dlt")
    assert there["changes"] == {"entity_id": {"from": "", "to": "1101234567890123456"}}
    assert away["changes"] == {"entity_id": {"from": "1101234567890123456", "to": ""}}
    texts = RegisteredTexts(yard.database, yard.directory)
    name = "1107161234567890123"
    await texts.put(yard.workspace_id, name, {"text": "Hi {#var#}"}, by="k6")
    file = f"Template ID,Template Content,Status\n{name},Hi {{#var#}},Approved\n1107161234567890124,Bye,Approved\n"
    for _ in range(2):
        await texts.load(yard.workspace_id, file, by="k7")
    await texts.delete(yard.workspace_id, name, by="k8")
    found = await history(yard).list(yard.workspace_id, subject="template", name=name)
    assert [one["by"] for one in found] == ["k8", "k7", "k6"]
    assert found[1]["changes"] == {"state": {"from": "unknown", "to": "approved"}}
    assert len(await history(yard).list(yard.workspace_id, subject="template")) == 4
