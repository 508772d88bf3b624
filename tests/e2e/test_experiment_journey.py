"""
Two experiments of 400 people each, from the first command to the last figure, through the server and the emulators.

Everybody has one minute to follow the link; so the winner is found, and the rest gets it, within about two.
"""

import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Command
from tests.e2e.journey import Journey, journey, lines_of, wait_for

PEOPLE = 400
WINNER, THOMPSON = "+49151{:08d}", "+49160{:08d}"
ADDRESS = re.compile(r"http://\S+/l/\S+")
SETTINGS = {"account_sid": "AC" + "1" * 32, "auth_token": "invented-token"}


def connect(way: Journey, sendyard: Command) -> None:
    """An account, its route, and what texts need; by the command line."""
    base = way.base_url("twilio")
    wanted = [word for name, value in {**SETTINGS, "base_url": base}.items() for word in ("--set", f"{name}={value}")]
    added = sendyard("accounts", "add", "twilio", "--name", "tw", *wanted, "--sender", "+15005550006", "--price",
                     "0.05", "--rate", "200", "--json")  # fmt: skip
    assert added.code == 0, added.err
    way.emulator("POST", "/accounts", {"provider": "twilio", **SETTINGS})
    assert sendyard("routes", "set", "tw", "--channel", "sms").code == 0
    assert sendyard("links", "add", "https://shop.example/sale", "--code", "sale").code == 0
    assert sendyard("templates", "add", "plain", "Sale: {link.sale}").code == 0


def by_command(sendyard: Command, file: Path) -> str:
    """The experiment with a winner, made and started by the command line."""
    file.write_text("phone,name\n" + "".join(f"{WINNER.format(one)},Guest {one}\n" for one in range(PEOPLE)))
    made = sendyard(
        "campaign", "create", "--csv", str(file), "--country", "DE", "--purpose", "transactional", "--name", "Winner",
        "--variant", "plain=plain", "--variant-text", "warm=Dear {name}, our sale for you: {link.sale}",
        "--metric", "clicked", "--expected-rate", "0.1", "--lift", "2", "--sample", "70%", "--wait-minutes", "1",
        "--otherwise", "ask", "--start", "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    return str(made.document["id"])


def by_interface(way: Journey) -> str:
    """The experiment by Thompson's rule, made and started by the API."""
    made = way.ask("POST", "/campaigns", {
        "name": "Thompson", "purpose": "transactional", "start": True,
        "audience": {"numbers": [THOMPSON.format(one) for one in range(PEOPLE)]},
        "experiment": {
            "variants": [{"name": "plain", "template": "plain"}, {"name": "warm", "text": "Only now: {link.sale}"}],
            "metric": "clicked", "expected_rate": 0.1, "lift": 2.0, "sample": {"percent": 70}, "wait_minutes": 1,
            "then": "thompson",
        },
    })  # fmt: skip
    return str(made["id"])


def follow(way: Journey, letters: list[dict[str, Any]]) -> None:
    """Two in three follow the link of the warm text, one in twenty that of the plain one."""
    seen: Counter[bool] = Counter()
    for place, letter in enumerate(letters):
        warm = not letter["text"].startswith("Sale: ")
        seen[warm] += 1
        if seen[warm] % 3 if warm else seen[warm] % 20 == 0:
            address = ADDRESS.search(letter["text"])
            assert address
            assert way.follow(address.group(), place) == (302, "https://shop.example/sale")


def of(letters: list[dict[str, Any]], pattern: str) -> list[dict[str, Any]]:
    """The letters of one experiment."""
    return [letter for letter in letters if letter["to"].startswith(pattern[:6])]


def agree(way: Journey, sendyard: Command, campaign: str, letters: list[dict[str, Any]], folder: Path) -> Counter[str]:
    """Everybody has one text; handsets, ledger, record, results and files count alike. Gives people by variant."""
    received = Counter("plain" if letter["text"].startswith("Sale: ") else "warm" for letter in letters)
    assert len({letter["to"] for letter in letters}) == len(letters) == PEOPLE
    ledger = way.all_of(f"/campaigns/{campaign}/recipients")
    assert {one["status"] for one in ledger} == {"delivered"}
    texts = {letter["to"]: letter["text"] for letter in letters}
    for one in ledger:
        assert texts[one["to"]].startswith("Sale: ") is (one["variant"] == "plain")
    assert Counter(one["variant"] for one in ledger) == received
    record = way.ask("GET", f"/campaigns/{campaign}/experiment")
    assert {one["name"]: one["assigned"] for one in record["variants"]} == received
    assert record == sendyard("campaign", "experiment", campaign, "--json").document | {
        name: record[name] for name in ("looks", "decision", "next_look_at")
    }
    file, rows = folder / f"{campaign}-variants.csv", folder / f"{campaign}-rows.csv"
    assert sendyard("campaign", "experiment", campaign, "--csv", str(file)).code == 0
    assert {one["variant"]: int(one["assigned"]) for one in lines_of(file)} == received
    assert lines_of(way.ask("GET", f"/campaigns/{campaign}/experiment.csv")) == lines_of(file)
    assert sendyard("campaign", "results", campaign, "--csv", str(rows)).code == 0
    assert Counter(one["variant"] for one in lines_of(rows)) == received
    assert way.ask("GET", f"/campaigns/{campaign}/results.csv") == rows.read_bytes().decode("utf-8-sig")
    return received


@pytest.mark.timeout(400)
def test_winner_goes_to_the_rest_and_thompson_divides_it_and_all_books_agree(sendyard: Command, tmp_path: Path) -> None:
    with journey() as way:
        connect(way, sendyard)
        first, second = by_command(sendyard, tmp_path / "people.csv"), by_interface(way)

        def sampled() -> bool:
            states = [way.ask("GET", f"/campaigns/{one}/experiment") for one in (first, second)]
            return all(
                one["state"] == "waiting" and all(text["people"] == text["sample"] for text in one["variants"])
                for one in states
            )

        wait_for(sampled, 120)
        letters = way.letters("twilio")
        for campaign, pattern in ((first, WINNER), (second, THOMPSON)):
            sample = of(letters, pattern)
            assert PEOPLE // 2 < len(sample) < PEOPLE
            waiting = way.ask("GET", f"/campaigns/{campaign}/progress")
            assert (waiting["status"], waiting["waiting_rows"]) == ("preparing", PEOPLE - len(sample))
        time.sleep(2.5)  # whoever follows a link sooner than that is a carrier's scanner
        follow(way, letters)

        def over() -> bool:
            return all(way.ask("GET", f"/campaigns/{one}")["status"] == "completed" for one in (first, second))

        wait_for(over, 240)
        letters = way.letters("twilio")
        won = agree(way, sendyard, first, of(letters, WINNER), tmp_path)
        record = way.ask("GET", f"/campaigns/{first}/experiment")
        assert (record["state"], record["decision"]["winner"]) == ("done", "warm")
        sizes = {one["name"]: one["sample"] for one in record["variants"]}
        assert won == {"plain": sizes["plain"], "warm": PEOPLE - sizes["plain"]}
        assert "winner (warm 100.0 %)" in sendyard("campaign", "experiment", first).out
        divided = agree(way, sendyard, second, of(letters, THOMPSON), tmp_path)
        record = way.ask("GET", f"/campaigns/{second}/experiment")
        assert [one["action"] for one in record["looks"] if one["action"] != "looked"] == ["thompson"]
        assert record["looks"][-1]["shares"]["warm"] > 0.99
        assert divided["warm"] > divided["plain"]
