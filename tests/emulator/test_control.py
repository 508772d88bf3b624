"""
The control API, as demos and tests use it, and as people mistype it.
"""

from datetime import datetime
from typing import Any

import aiohttp
import pytest

from sendyard.emulator.server import EmulatorServer
from tests.emulator.conftest import Caller, Listener
from tests.emulator.parrot import Parrot

TO = "+886912345678"
OTHER = "+12125550123"


async def test_the_mailbox_lists_what_handsets_received_oldest_first(caller: Caller) -> None:
    await caller.send(TO, text="first", reference="r1")
    await caller.send(OTHER, text="second")
    letters = await caller.mailbox()
    assert [letter["text"] for letter in letters] == ["first", "second"]
    assert datetime.fromisoformat(letters[0].pop("at")).tzinfo
    assert letters[0] == {
        "provider": "parrot",
        "account": "polly",
        "to": TO,
        "sender": "Polly",
        "channel": "sms",
        "text": "first",
        "media": [],
        "template": "",
        "variables": {},
        "reference": "r1",
        "provider_ref": "P1",
    }


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("?to=%2B12125550123", ["b"]),
        ("?to=+12125550123", ["b"]),
        ("?provider=parrot", ["a", "b", "c"]),
        ("?provider=parrot&to=%2B886912345678", ["a", "c"]),
        ("?limit=2", ["a", "b"]),
        ("?after=1&limit=1", ["b"]),
        ("?after=3", []),
        ("?failed=true", []),
    ],
)
async def test_the_mailbox_is_filtered_and_paged(caller: Caller, query: str, texts: list[str]) -> None:
    for to, text in ((TO, "a"), (OTHER, "b"), (TO, "c")):
        await caller.send(to, text=text)
    assert [letter["text"] for letter in await caller.mailbox(query)] == texts


async def test_pages_continue_where_the_last_one_ended(
    caller: Caller, server: EmulatorServer, client: aiohttp.ClientSession
) -> None:
    for count in range(5):
        await caller.send(TO if count % 2 else OTHER, text=str(count))
    seen, after = [], "0"
    for _ in range(3):
        query = {"to": OTHER, "limit": "1", "after": after}
        async with client.get(f"{server.control_url}/mailbox", params=query) as answer:
            seen += [letter["text"] for letter in await answer.json()]
            after = answer.headers["next-after"]
    assert seen == ["0", "2", "4"]


async def test_the_mailbox_can_be_counted_and_emptied(caller: Caller) -> None:
    await caller.send(TO, OTHER)
    assert await caller.control("GET", "/mailbox/count") == (200, {"count": 2})
    assert await caller.control("GET", "/mailbox/count?to=%2B886912345678") == (200, {"count": 1})
    assert await caller.control("DELETE", "/mailbox") == (200, {"removed": 2})
    assert await caller.mailbox() == []


async def test_once_an_account_is_registered_the_others_are_strangers(caller: Caller) -> None:
    status, _ = await caller.control("POST", "/accounts", {"provider": "parrot", "name": "jack"})
    assert status == 201
    assert (await caller.send(TO, account="jack"))[0] == 201
    assert (await caller.send(TO, account="polly"))[0] == 401


async def test_scenarios_are_listed_with_their_hits_and_ended_one_by_one_or_all(caller: Caller) -> None:
    first = await caller.scenario(effect={"type": "error"}, name="outage", count=1)
    status, added = await caller.control(
        "POST", "/scenarios", [{"effect": {"type": "latency", "seconds": 0}}, {"effect": {"type": "throttle"}}]
    )
    assert (status, [rule["id"] for rule in added]) == (201, [2, 3])
    await caller.send(TO)
    _, listed = await caller.control("GET", "/scenarios")
    assert [(rule["id"], rule["hits"]) for rule in listed] == [(1, 1), (2, 1), (3, 0)]
    assert listed[0]["name"] == "outage"
    assert listed[0]["effect"] == {"type": "error", "status": None, "accepted": False}
    assert await caller.control("DELETE", f"/scenarios/{first['id']}") == (200, {"ended": 1})
    assert await caller.control("DELETE", "/scenarios") == (200, {"ended": 2})
    assert (await caller.send(TO))[0] == 201


@pytest.mark.parametrize("name", ["1", "x", "-1", "²", "99999999999"])
async def test_ending_a_scenario_that_is_not_there_says_which_are(caller: Caller, name: str) -> None:
    status, answer = await caller.control("DELETE", f"/scenarios/{name}")
    assert status == 404
    assert "in force: none" in answer["detail"]


async def test_a_person_can_write_to_us(caller: Caller, listener: Listener) -> None:
    order = {"provider": "parrot", "account": listener.url, "from": TO, "to": "Polly", "text": "STOP"}
    assert await caller.control("POST", "/inbound", order) == (202, {"url": listener.url})
    await caller.settled()
    assert listener.heard == [{"from": TO, "to": "Polly", "text": "STOP"}]


async def test_inbound_to_an_account_without_an_address_is_refused_with_the_reason(caller: Caller) -> None:
    order = {"provider": "parrot", "account": "polly", "from": TO, "to": "Polly", "text": "hi"}
    status, answer = await caller.control("POST", "/inbound", order)
    assert status == 422
    assert "not registered here with a callback address" in answer["detail"]
    assert answer["errors"][0]["pointer"] == "/account"


async def test_callbacks_are_logged_with_answers_and_tries(caller: Caller, listener: Listener) -> None:
    listener.statuses = [500]
    await caller.send_and_wait(TO)
    _, log = await caller.control("GET", "/callbacks?provider=parrot")
    assert [(entry["provider_ref"], entry["status"], entry["accepted"], entry["tries"]) for entry in log] == [
        ("P1", 200, True, 2),
        ("P1", 200, True, 1),
    ]
    assert {entry["url"] for entry in log} == {listener.url}
    assert len((await caller.control("GET", "/callbacks?limit=1"))[1]) == 1


async def test_reset_begins_again_with_a_seed(caller: Caller, server: EmulatorServer, listener: Listener) -> None:
    await caller.control("POST", "/accounts", {"provider": "parrot", "name": "jack"})
    await caller.scenario(effect={"type": "callback", "delay": 60})
    await caller.send(TO, account="jack")
    assert await caller.control("POST", "/reset", {"seed": 7}) == (200, {"seed": "7"})
    assert await caller.control("POST", "/reset") == (200, {"seed": "7"})
    status, health = await caller.control("GET", "/health")
    assert (status, health) == (
        200,
        {
            "status": "ok",
            "seed": "7",
            "providers": ["parrot"],
            "messages": 0,
            "pending_reports": 0,
            "pending_callbacks": 0,
        },
    )
    assert (await caller.control("GET", "/scenarios"))[1] == []
    assert (await caller.send(TO, account="polly"))[1] == [{"to": TO, "id": "P1"}]


async def test_providers_are_listed_with_what_an_account_needs(caller: Caller, server: EmulatorServer) -> None:
    assert await caller.control("GET", "/providers") == (
        200,
        [
            {
                "provider": "parrot",
                "base_url": f"{server.url}/parrot/v1",
                "sample_account": {"name": "polly"},
                "sample_sender": "Polly",
            }
        ],
    )


WRONG: list[tuple[str, str, Any, bytes | None, int, str]] = [
    ("GET", "/nothing", None, None, 404, "/_control/mailbox"),
    ("POST", "/scenarios/1", None, None, 404, "/_control/scenarios"),
    ("PUT", "/mailbox", None, None, 405, "takes GET, DELETE"),
    ("GET", "/mailbox?provider=ghost", None, None, 422, "one of parrot, found 'ghost'"),
    ("GET", "/mailbox?limit=many", None, None, 422, "whole number for limit, found 'many'"),
    ("GET", "/mailbox?after=-1", None, None, 422, "whole number for after"),
    ("GET", "/mailbox?after=9999999999", None, None, 422, "whole number for after"),
    ("GET", "/mailbox?failed=perhaps", None, None, 422, "failed=true or failed=false"),
    ("GET", "/mailbox?to=%ff", None, None, 422, "UTF-8 query string"),
    ("POST", "/accounts", {"name": "jack"}, None, 422, "slug of a provider, found None"),
    ("POST", "/accounts", {"provider": 5}, None, 422, "slug of a provider, found 5"),
    ("POST", "/accounts", {"provider": "ghost"}, None, 422, "found 'ghost'"),
    ("POST", "/accounts", {"provider": "parrot"}, None, 422, "Expected name"),
    ("POST", "/accounts", None, b"", 422, "as JSON"),
    ("POST", "/accounts", None, b"\xff\xfe", 422, "as JSON"),
    ("POST", "/accounts", None, b"[" * 100_000, 422, "as JSON"),
    ("POST", "/scenarios", {}, None, 422, "`effect`"),
    ("POST", "/scenarios", {"effect": {"type": "explode"}}, None, 422, "explode"),
    ("POST", "/scenarios", {"effect": {"type": "hang"}, "oops": 1}, None, 422, "oops"),
    ("POST", "/scenarios", {"effect": {"type": "latency", "seconds": "2"}}, None, 422, "$.effect.seconds"),
    ("POST", "/scenarios", {"effect": {"type": "latency", "seconds": -1}}, None, 422, "`float` >= 0"),
    ("POST", "/scenarios", {"effect": {"type": "hang"}, "probability": 1.5}, None, 422, "$.probability"),
    ("POST", "/scenarios", {"effect": {"type": "hang"}, "provider": "ghost"}, None, 422, "found 'ghost'"),
    ("POST", "/scenarios", [{"effect": {"type": "refuse", "kind": "sad"}}], None, 422, "sad"),
    ("POST", "/inbound", {"provider": "parrot"}, None, 422, "account"),
    ("POST", "/reset", {"seed": []}, None, 422, "$.seed"),
]


@pytest.mark.parametrize(("method", "path", "document", "raw", "status", "says"), WRONG)
async def test_a_wrong_request_is_answered_with_a_problem_that_says_what_is_wrong(
    caller: Caller, method: str, path: str, document: object, raw: bytes | None, status: int, says: str
) -> None:
    found, problem = await caller.control(method, path, document, raw)
    assert found == problem["status"] == status
    assert says in problem["detail"]
    assert problem["title"]


async def test_problems_say_by_their_type_that_they_are_problems(
    server: EmulatorServer, client: aiohttp.ClientSession
) -> None:
    async with client.post(f"{server.control_url}/scenarios", data=b"{") as answer:
        assert (answer.status, answer.content_type) == (422, "application/problem+json")


async def test_nothing_is_added_when_one_rule_of_a_list_is_wrong(caller: Caller) -> None:
    rules = [{"effect": {"type": "hang"}}, {"effect": {"type": "hang"}, "provider": "ghost"}]
    assert (await caller.control("POST", "/scenarios", rules))[0] == 422
    assert (await caller.control("GET", "/scenarios"))[1] == []


async def test_the_control_api_can_have_a_port_of_its_own(client: aiohttp.ClientSession) -> None:
    async with EmulatorServer(providers={"parrot": Parrot()}, control_port=0) as server:
        statuses: list[int] = []
        for url in (
            f"{server.control_url}/health",
            f"{server.url}/_control/health",
            f"{server.control_url.removesuffix('_control')}parrot/v1/ping",
        ):
            async with client.get(url) as answer:
                statuses.append(answer.status)
    assert statuses == [200, 404, 404]
