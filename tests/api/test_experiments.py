"""
Experiments by the interface: made, sized, followed, decided.
"""

from typing import Any

from sendyard.storage.identifiers import now_ms
from tests.api.conftest import Caller, problem

TERMS = {"metric": "replied", "expected_rate": 0.1, "lift": 1.0, "sample": {"percent": 50}, "wait_minutes": 60}
VARIANTS = [{"name": "plain", "text": "Hi {name|you}"}, {"name": "=warm", "text": "Dear {name|you}"}]
NUMBERS = [f"+8869{place:08d}" for place in range(40)]


async def made(caller: Caller, **change: Any) -> dict[str, Any]:
    wish = {
        "name": "Spring",
        "purpose": "transactional",
        "audience": {"numbers": NUMBERS},
        "experiment": {**TERMS, "variants": VARIANTS, **change},
        "start": True,
    }
    answer = await caller.post("/campaigns", wish)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def settle(caller: Caller) -> None:
    while await caller.yard.expander.round():
        pass


async def test_an_experiment_is_made_followed_and_decided(sender: Caller) -> None:
    campaign = await made(sender)
    path = f"/campaigns/{campaign['id']}"
    assert campaign["experiment"]["variants"][1] == {
        "name": "=warm", "template": None, "text": "Dear {name|you}", "share": 0.5,
    }  # fmt: skip
    assert campaign["plan"]["experiment"]["otherwise"] == "evenly"
    problem(await sender.post(f"{path}/experiment/choose", {"variant": "plain"}), 409, "nothing_to_decide")
    await settle(sender)
    shown = (await sender.get(path)).json()
    assert (shown["status"], shown["experiment"]["told"]) == ("preparing", "The rest is waiting for the result.")
    record = (await sender.get(f"{path}/experiment")).json()
    assert (record["state"], record["looks"], record["decision"]) == ("waiting", [], None)
    assert (
        sum(one["sample"] for one in record["variants"])
        == shown["recipients"] - (await sender.get(f"{path}/progress")).json()["waiting_rows"]
    )
    progress = (await sender.get(f"{path}/progress")).json()
    assert progress["experiment"] == "The rest is waiting for the result."
    problem(await sender.post(f"{path}/experiment/choose", {"variant": "cold"}), 422, "unknown_variant")
    chosen = (await sender.post(f"{path}/experiment/choose", {"variant": "=warm"})).json()
    assert chosen["experiment"]["winner"] == "=warm"
    await settle(sender)
    record = (await sender.get(f"{path}/experiment")).json()
    assert (record["state"], record["decision"]["shares"]) == ("done", {"=warm": 1.0})
    assert record["looks"][0]["by"] == campaign["created_by"]
    assert sum(one["assigned"] for one in record["variants"]) == len(NUMBERS)
    lines = (await sender.get(f"{path}/experiment.csv")).text.removeprefix("\ufeff").splitlines()
    assert [line.split(",")[0] for line in lines] == ["variant", "plain", "'=warm"]


async def test_what_a_look_saw_stands_in_the_record(sender: Caller) -> None:
    campaign = await made(sender, then="winner", otherwise="first")
    await settle(sender)
    past = now_ms() - 7_200_000
    await sender.yard.database.write(
        lambda tx: tx.run("UPDATE messages SET status = 'sent', due_at = NULL, sent_at = ?", (past,))
    )
    sender.yard.expander._watch_at = 0.0
    await settle(sender)
    record = (await sender.get(f"/campaigns/{campaign['id']}/experiment")).json()
    (look,) = record["looks"]
    assert (look["action"], look["shares"]) == ("first", {"plain": 1.0})
    assert record["verdict"]["winner"] == ""
    assert record["decision"]["at"].endswith("Z")
    assert [len(one["posterior"]) for one in record["variants"]] == [101, 101]
    assert record["variants"][0]["people"] == look["tallies"]["plain"]["people"]


async def test_the_size_is_told_beforehand(sender: Caller) -> None:
    found = (await sender.post("/campaigns/experiment-size", {"expected_rate": 0.05, "lift": 0.2})).json()
    assert found["people"] == 2 * found["people_per_variant"] > 10_000
    assert (found["audience"], found["enough"]) == (None, None)
    campaign = await made(sender)
    asked = {"expected_rate": 0.05, "lift": 0.2, "variants": 3, "campaign": campaign["id"]}
    found = (await sender.post("/campaigns/experiment-size", asked)).json()
    assert (found["audience"], found["enough"], found["least_lift"]) == (40, False, None)
    problem(await sender.post("/campaigns/experiment-size", asked | {"people": 7}), 422, "two_audiences")
    problem(await sender.post("/campaigns/experiment-size", asked | {"campaign": "none"}), 404, "unknown_campaign")
    problem(await sender.post("/campaigns/experiment-size", {"expected_rate": 1e-300, "lift": 1}), 422, "bad_rate")


async def test_what_is_wrong_with_an_experiment_is_said_where_it_stands(sender: Caller) -> None:
    wish = {"name": "Spring", "audience": {"numbers": NUMBERS}}
    broken = {**TERMS, "variants": [VARIANTS[0], {"name": "b", "text": " "}]}
    document = problem(await sender.post("/campaigns", wish | {"experiment": broken}), 422, "bad_text")
    assert document["errors"][0]["pointer"] == "/experiment/variants/1/text"
    gone = {**TERMS, "variants": [VARIANTS[0], {"name": "b", "template": "nowhere"}]}
    problem(await sender.post("/campaigns", wish | {"experiment": gone}), 404, "unknown_template")
    plain = (await sender.post("/campaigns", wish | {"text": "Hi"})).json()
    problem(await sender.get(f"/campaigns/{plain['id']}/experiment"), 409, "no_experiment")
