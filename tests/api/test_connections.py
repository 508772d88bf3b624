"""
Accounts, routes, providers, templates, suppressions and keys by the interface.
"""

from typing import Any

import pytest

from sendyard.providers.registry import SLUGS
from tests.api.conftest import KOREAN, TAIWANESE, TWILIO, Caller, problem


class TestAccounts:
    async def test_account_is_added_shown_and_changed_without_its_secrets(self, caller: Caller) -> None:
        wish = {
            "provider": "twilio",
            "name": "tw",
            "settings": TWILIO,
            "price_per_part": "0.0079",
            "rate_per_second": 5,
        }
        answer = await caller.post("/accounts", wish)
        assert answer.status_code == 201
        added = answer.json()
        assert added["settings"]["account_sid"] == TWILIO["account_sid"]
        assert TWILIO["auth_token"] not in answer.text
        assert (added["rate_per_second"], added["price_per_part"], added["emulated"]) == (5, "0.0079", True)
        assert added["callback_url"].startswith("https://yard.example/callbacks/twilio/")
        changed = await caller.ask("PATCH", "/accounts/tw", {"name": "new", "rate_per_second": None})
        assert (changed.json()["name"], changed.json()["id"]) == ("new", added["id"])
        assert (await caller.get(f"/accounts/{added['id']}")).json() == changed.json()
        assert [one["name"] for one in (await caller.get("/accounts")).json()["data"]] == ["new"]

    @pytest.mark.parametrize(
        ("wish", "status", "code", "pointer"),
        [
            ({"provider": "nobody", "settings": {}}, 404, "unknown_provider", None),
            ({"provider": "twilio", "settings": {}}, 422, "bad_account", "/settings/account_sid"),
            ({"provider": "twilio", "settings": {**TWILIO, "x": 1}}, 422, "bad_account", "/settings/x"),
            ({"provider": "twilio", "settings": TWILIO, "currency": "euro"}, 422, "bad_account", "/currency"),
            ({"provider": "twilio", "settings": TWILIO, "rate_per_second": -1}, 422, "bad_account", "/rate_per_second"),
        ],
    )
    async def test_unusable_account_is_refused_without_repeating_secrets(
        self, caller: Caller, wish: Any, status: int, code: str, pointer: str | None
    ) -> None:
        answer = await caller.post("/accounts", wish)
        assert answer.status_code == status, answer.text
        assert TWILIO["auth_token"] not in answer.text
        pointers = {error["pointer"] for error in answer.json()["errors"]}
        assert pointer is None or pointer in pointers, answer.text
        assert code == answer.json()["code"] or status == 422

    async def test_name_that_is_taken_is_a_conflict(self, caller: Caller) -> None:
        await caller.account("tw")
        wish = {"provider": "twilio", "name": "tw", "settings": TWILIO}
        problem(await caller.post("/accounts", wish), 409, "name_taken")

    async def test_pausing_needs_no_body_and_may_give_a_reason(self, caller: Caller) -> None:
        await caller.account("tw")
        assert (await caller.post("/accounts/tw/pause")).json()["pause_reason"] == "Paused by hand."
        paused = (await caller.post("/accounts/tw/pause", {"reason": "Bill is open."})).json()
        assert (paused["status"], paused["pause_reason"]) == ("paused", "Bill is open.")
        assert (await caller.post("/accounts/tw/resume")).json()["status"] == "active"

    async def test_account_whose_provider_cannot_be_reached_says_so(self, caller: Caller) -> None:
        await caller.account("tw")
        found = (await caller.post("/accounts/tw/test")).json()
        assert found["ok"] is False
        assert "127.0.0.1:9" in found["detail"]
        problem(await caller.get("/accounts/tw/balance"), 409, "provider_unreachable")

    @pytest.mark.parametrize("path", ["", "/balance"])
    async def test_unknown_account_is_not_found(self, caller: Caller, path: str) -> None:
        problem(await caller.get(f"/accounts/nobody{path}"), 404, "unknown_account")


class TestRoutes:
    async def test_route_is_set_replaced_explained_and_removed(self, caller: Caller) -> None:
        await caller.account("one")
        await caller.account("two")
        wish = {"channel": "sms", "country": "kr", "purpose": "otp", "accounts": ["one", "two"], "failover": False}
        assert (await caller.post("/routes", wish, once="r")).status_code == 201
        route = (await caller.ask("PUT", "/routes", wish | {"failover": True})).json()
        assert ([account["name"] for account in route["accounts"]], route["country"]) == (["one", "two"], "KR")
        (listed,) = (await caller.get("/routes")).json()["data"]
        assert listed == route
        for answer in (
            await caller.get("/routes/explain", to=KOREAN, purpose="otp"),
            await caller.get(f"/routes/explain?to={KOREAN}&purpose=otp"),
            await caller.post("/routes/explain", {"to": KOREAN, "purpose": "otp"}),
        ):
            found = answer.json()
            assert found["route"] == route
            assert [(one["name"], one["usable"]) for one in found["accounts"]] == [("one", True), ("two", True)]
        assert (await caller.get("/routes/explain", to=KOREAN)).json()["code"] == "no_route"
        assert (await caller.ask("DELETE", f"/routes/{route['id']}")).status_code == 204
        problem(await caller.ask("DELETE", f"/routes/{route['id']}"), 404, "unknown_route")

    async def test_unusable_route_and_number_are_refused(self, caller: Caller) -> None:
        wish = {"channel": "sms", "accounts": ["nobody"]}
        document = (await caller.ask("PUT", "/routes", wish)).json()
        assert document["errors"][0]["pointer"] == "/accounts/0"
        assert (await caller.get("/routes/explain", to="12")).json()["errors"][0]["pointer"] == "/to"


async def test_providers_tell_what_they_can_do_and_what_their_accounts_need(caller: Caller) -> None:
    listed = (await caller.get("/providers")).json()["data"]
    assert [one["slug"] for one in listed] == list(SLUGS)
    assert all(one["channels"] and one["callback_auth"] and one["docs"] for one in listed)
    one = (await caller.get("/providers/twilio")).json()
    secrets = {setting["name"] for setting in one["settings"] if setting["secret"]}
    assert "auth_token" in secrets
    assert "account_sid" not in secrets
    assert {setting["name"] for setting in one["settings"] if setting["required"]} == {"account_sid", "auth_token"}
    assert {"balance", "test", "lookup"} <= set(one["abilities"])
    problem(await caller.get("/providers/nobody"), 404, "unknown_provider")


class TestTemplates:
    async def test_template_gets_versions_and_is_previewed(self, sender: Caller) -> None:
        answer = await sender.post("/templates", {"code": "hi", "body": "Hi {name|you}", "name": "Greeting"})
        assert answer.status_code == 201
        assert answer.json()["variables"] == ["name"]
        changed = await sender.ask("PATCH", "/templates/hi", {"body": "Hello {name|you}"})
        assert changed.json()["version"] == 2
        assert (await sender.post("/templates/hi/versions", {"body": "Ho {name}"})).json()["required"] == ["name"]
        versions = (await sender.get("/templates/hi/versions")).json()["data"]
        assert [version["version"] for version in versions] == [3, 2, 1]
        assert (await sender.get("/templates/hi")).json()["name"] == "Greeting"
        shown = (await sender.post("/templates/hi/preview", {"variables": {"name": "민수"}, "country": "KR"})).json()
        assert (shown["text"], shown["encoding"], shown["class"]) == ("Ho 민수", "CP949", "SMS")
        assert shown["price"] == {"amount": "0.0079", "currency": "USD", "account": "tw"}

    async def test_templates_are_paged_by_code(self, caller: Caller) -> None:
        for code in ("c", "a", "b"):
            await caller.post("/templates", {"code": code, "body": "x"})
        first = (await caller.get("/templates", limit=2)).json()
        assert ([one["code"] for one in first["data"]], first["next"]) == (["a", "b"], "b")
        rest = (await caller.get("/templates", limit=2, after="b")).json()
        assert ([one["code"] for one in rest["data"]], rest["next"]) == (["c"], None)

    async def test_faults_of_templates_are_named(self, caller: Caller) -> None:
        assert (await caller.post("/templates", {"code": "a b", "body": "x"})).json()["errors"][0]["pointer"] == "/code"
        assert (await caller.post("/templates", {"code": "a", "body": "{"})).status_code == 422
        await caller.post("/templates", {"code": "a", "body": "{n}"})
        problem(await caller.post("/templates", {"code": "a", "body": "x"}), 409, "code_taken")
        problem(await caller.get("/templates/none"), 404, "unknown_template")
        problem(await caller.post("/templates/a/preview", {}), 422, "missing_variable")


class TestSuppressions:
    async def test_address_is_forbidden_listed_and_allowed_again(self, caller: Caller) -> None:
        wish = {"to": "0912345678", "country": "TW", "channel": "sms", "reason": "complaint", "source": "a letter"}
        added = (await caller.post("/suppressions", wish)).json()
        assert (added["address"], added["channel"], added["reason"]) == (TAIWANESE, "sms", "complaint")
        await caller.post("/suppressions", {"to": KOREAN})
        page = (await caller.get("/suppressions", limit=1)).json()
        assert page["data"] == [added]
        rest = (await caller.get("/suppressions", limit=1, after=page["next"])).json()
        assert ([one["address"] for one in rest["data"]], rest["next"]) == ([KOREAN], None)
        assert (await caller.get(f"/suppressions?to={TAIWANESE}")).json()["data"] == [added]
        for status in (204, 404):
            answer = await caller.ask("DELETE", "/suppressions", params={"to": TAIWANESE, "channel": "sms"})
            assert answer.status_code == status

    async def test_unusable_address_is_refused(self, caller: Caller) -> None:
        for answer in (
            await caller.post("/suppressions", {"to": "12"}),
            await caller.get("/suppressions", to="12"),
            await caller.ask("DELETE", "/suppressions"),
        ):
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["pointer"] == "/to"


class TestKeys:
    async def test_key_is_shown_once_and_listed_by_its_hint(self, caller: Caller) -> None:
        made = (await caller.post("/keys", {"name": "shop", "scopes": ["messages:send"]})).json()
        assert made["key"].startswith("sy_live_")
        listed = (await caller.get("/keys")).json()["data"]
        assert made["key"] not in str(listed)
        assert listed[-1] == {name: value for name, value in made.items() if name != "key"}
        assert made["key"].startswith(listed[-1]["hint"])

    async def test_repeated_create_gives_the_same_key_which_is_kept_encrypted(self, caller: Caller) -> None:
        first = await caller.post("/keys", {"name": "shop"}, once="k")
        again = await caller.post("/keys", {"name": "shop"}, once="k")
        assert again.json() == first.json()
        assert again.headers["idempotent-replay"] == "true"
        rows = await caller.yard.database.read(lambda tx: tx.rows("SELECT body FROM idempotency_keys"))
        assert first.json()["key"].encode() not in bytes(rows[0][0])

    async def test_key_gives_no_more_than_it_has(self, caller: Caller) -> None:
        limited = await caller.other(scopes=["keys", "messages:read"])
        document = problem(await limited.post("/keys", {"name": "x"}), 403, "beyond_own_scopes")
        assert "'*'" in document["detail"]
        assert (await limited.post("/keys", {"name": "x", "scopes": ["messages:read"]})).status_code == 201
        tester = await caller.other(kind="test")
        problem(await tester.post("/keys", {"name": "x"}), 403, "beyond_own_kind")
        assert (await tester.post("/keys", {"name": "x", "kind": "test"})).status_code == 201

    async def test_a_team_key_makes_no_keys(self, caller: Caller) -> None:
        team = await caller.other(kind="team")
        problem(await team.post("/keys", {"name": "x", "kind": "team"}), 403, "team_key")

    async def test_unknown_key_cannot_be_revoked(self, caller: Caller) -> None:
        problem(await caller.ask("DELETE", "/keys/none"), 404, "unknown_key")


async def test_feed_gives_events_in_order_and_where_to_go_on(sender: Caller) -> None:
    assert (await sender.get("/events")).json() == {"data": [], "next": "0"}
    ids = []
    for _ in range(3):
        sent = (await sender.post("/messages", {"to": KOREAN, "text": "x"})).json()
        await sender.post(f"/messages/{sent['id']}/cancel")
        ids.append(sent["id"])
    first = (await sender.get("/events", limit=2)).json()
    assert [(event["message"], event["kind"], event["status"]) for event in first["data"]] == [
        (message_id, "cancelled", "cancelled") for message_id in ids[:2]
    ]
    rest = (await sender.get("/events", after=first["next"])).json()
    assert [event["message"] for event in rest["data"]] == ids[2:]
    assert (await sender.get("/events", after=rest["next"])).json() == {"data": [], "next": rest["next"]}
    problem(await sender.get("/events", after=2**63), 422, "invalid_query")
