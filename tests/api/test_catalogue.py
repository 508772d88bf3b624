"""
Providers' copies of templates, senders, usage and notices, over the interface.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from sendyard.delivery.queries import keep_notice
from sendyard.emulator.server import EmulatorServer
from sendyard.providers.contract import AccountNotice
from sendyard.storage.identifiers import now_ms
from tests.api.conftest import Caller, problem

FORM = {"name": "arrival", "language": "en_US", "variables": {"1": "{name}"}}
TEXT = {"code": "arrival", "body": "Hi {name}, it is here.", "registered": {"forms": {"meta_cloud": FORM}}}


@pytest.fixture
async def meta(caller: Caller) -> AsyncIterator[Caller]:
    """A caller with a WhatsApp account that leads to an emulator, and a text with a form there."""
    async with EmulatorServer() as server:
        settings = {
            **server.world.hosted["meta_cloud"].emulator.sample_account,
            "base_url": server.base_url("meta_cloud"),
        }
        wish = {"provider": "meta_cloud", "name": "wa", "settings": settings}
        assert (await caller.post("/accounts", wish)).status_code == 201
        assert (await caller.post("/templates", TEXT)).status_code == 201
        wish = {"channel": "whatsapp", "accounts": ["wa"]}
        assert (await caller.ask("PUT", "/routes", wish)).status_code == 200
        yield caller


def message(**changes: Any) -> dict[str, Any]:
    template = {"code": "arrival", "variables": {"name": "Ann"}}
    return {"to": "+919812345678", "channel": "whatsapp", "template": template, **changes}


async def test_templates_are_synced_listed_and_handed_in(meta: Caller) -> None:
    (report,) = (await meta.post("/templates/sync", {"account": "wa"})).json()["data"]
    assert (report["account"], report["provider"], report["error"]) == ("wa", "meta_cloud", "")
    (again,) = (await meta.post("/templates/sync")).json()["data"]
    assert (again["added"], again["total"]) == (0, report["total"])
    wish = {"account": "wa", "category": "UTILITY", "samples": {"name": "Ann"}, "footer": "ACME",
            "buttons": [{"kind": "quick_reply", "text": "Thanks"}]}  # fmt: skip
    answer = await meta.post("/templates/arrival/submit", wish)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["code"], made["version"], made["state"]) == ("arrival", 1, "pending")
    assert made["buttons"] == [{"kind": "quick_reply", "text": "Thanks", "url": "", "phone": ""}]
    (copy,) = (await meta.get("/templates/provider", name="arrival", account="wa", state="pending")).json()["data"]
    assert (copy["body"], copy["variables"], copy["footer"]) == ("Hi {{1}}, it is here.", ["1"], "ACME")
    assert copy["synced_at"].endswith("Z")
    first = (await meta.get("/templates/provider", limit="1")).json()
    rest = (await meta.get("/templates/provider", after=first["next"])).json()
    assert rest["next"] is None
    assert {one["name"] for one in first["data"] + rest["data"]} == {"sample_message", "arrival"}


async def test_a_message_with_a_template_the_provider_has_not_approved_is_refused(meta: Caller) -> None:
    assert (await meta.post("/messages", message())).status_code == 202
    await meta.post("/templates/sync")
    refused = problem(await meta.post("/messages", message()), 422, "template_unknown")
    assert [error["pointer"] for error in refused["errors"]] == ["/template"]
    wish = {"account": "wa", "category": "UTILITY", "samples": {"name": "Ann"}}
    assert (await meta.post("/templates/arrival/submit", wish)).status_code == 200
    problem(await meta.post("/messages", message()), 422, "template_not_approved")


async def test_what_cannot_be_asked_or_handed_in_is_said(meta: Caller) -> None:
    await meta.account("texts")
    problem(await meta.post("/templates/sync", {"account": "nobody"}), 404, "unknown_account")
    problem(await meta.post("/templates/sync", {"account": "texts"}), 409, "not_supported")
    problem(await meta.get("/templates/provider", account="nobody"), 404, "unknown_account")
    problem(await meta.post("/templates/nothing/submit", {"account": "wa"}), 404, "unknown_template")
    problem(await meta.post("/templates/arrival/submit", {"account": "texts"}), 409, "not_supported")
    problem(await meta.post("/templates/arrival/submit", {"account": "wa"}), 422, "missing_variable")


@pytest.mark.parametrize("code", ["sync", "provider"])
async def test_codes_that_are_words_of_addresses_are_not_given(caller: Caller, code: str) -> None:
    problem(await caller.post("/templates", {"code": code, "body": "Hi"}), 422, "reserved_code")


async def test_senders_and_usage_are_asked_from_the_provider(meta: Caller) -> None:
    await meta.account("texts")
    senders = (await meta.get("/accounts/wa/senders")).json()
    assert senders["next"] is None
    assert all(one["channels"] == ["whatsapp"] and one["usable"] for one in senders["data"])
    assert senders["data"]
    assert (await meta.get("/accounts/wa/usage")).json()["facts"]
    problem(await meta.get("/accounts/texts/usage"), 409, "not_supported")
    for call in ("senders", "usage", "notices"):
        problem(await meta.get(f"/accounts/nobody/{call}"), 404, "unknown_account")


async def test_notices_are_listed_newest_first_in_pages(sender: Caller) -> None:
    account_id = sender.yard.accounts.get(sender.workspace_id, "tw")["id"]
    for number in range(3):
        notice = AccountNotice(
            subject="limit", detail=f"Now {number}", dedupe_key=f"k{number}", facts={"limit": str(number)}
        )
        keep = partial(
            keep_notice, workspace_id=sender.workspace_id, account_id=account_id, notice=notice, now=now_ms()
        )
        await sender.yard.database.write(keep)
    first = (await sender.get("/accounts/tw/notices", limit="2")).json()
    assert [one["detail"] for one in first["data"]] == ["Now 2", "Now 1"]
    rest = (await sender.get("/accounts/tw/notices", after=first["next"])).json()
    assert [(one["detail"], one["facts"]) for one in rest["data"]] == [("Now 0", {"limit": "0"})]
    assert rest["next"] is None


async def test_where_a_form_stands_is_told_and_proposed(meta: Caller) -> None:
    (before,) = (await meta.get("/templates/arrival/standing")).json()["data"]
    assert (before["state"], [stale["kind"] for stale in before["stale"]]) == (None, ["never_listed"])
    await meta.post("/templates/sync")
    wish = {"account": "wa", "category": "UTILITY", "samples": {"name": "Ann"}}
    assert (await meta.post("/templates/arrival/submit", wish)).status_code == 200
    (after,) = (await meta.get("/templates/arrival/standing")).json()["data"]
    assert (after["state"], after["stale"], after["synced_at"][-1]) == ("pending", [], "Z")
    await meta.ask("PATCH", "/templates/arrival", {"body": "Hello {name}, it is here."})
    found = (await meta.post("/templates/arrival/propose", {"account": "wa", "name": "arrival"})).json()
    assert (found["variables"], found["exact"], found["applied"]) == ({"1": "{name}"}, False, False)
    assert {"op": "added", "text": "Hello"} in found["words"]
    problem(await meta.post("/templates/arrival/propose", {"account": "wa", "name": "x"}), 404,
            "unknown_provider_template")  # fmt: skip
