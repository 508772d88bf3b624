"""
Campaigns of lists, times and teams from the command line; the loop that a server runs is run by hand.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sendyard.bootstrap import Yard
from sendyard.cli.showing import in_words
from sendyard.settings import load
from tests.e2e.conftest import Command

PHONE = "+886912345678"
SETTINGS = ("--set", "account_sid=AC" + "1" * 32, "--set", "auth_token=invented-token",
            "--set", "base_url=http://127.0.0.1:9", "--sender", "+15005550006")  # fmt: skip


def rounds() -> None:
    """What a running server does, until there is nothing left to prepare."""

    async def work(yard: Yard) -> None:
        await yard.directory.refresh()
        while await yard.expander.round():
            pass

    with Yard(load({})) as yard:
        asyncio.run(work(yard))


@pytest.fixture
def connected(sendyard: Command) -> Command:
    assert sendyard("accounts", "add", "twilio", "--name", "tw", *SETTINGS).code == 0
    assert sendyard("routes", "set", "tw", "--channel", "sms").code == 0
    return sendyard


def draft(sendyard: Command, *options: str) -> dict[str, Any]:
    said = sendyard("campaign", "create", "--text", "Hi", "--name", "May", "--purpose", "transactional", *options,
                    "--json")  # fmt: skip
    assert said.code == 0, said.err
    found: dict[str, Any] = said.document
    return found


def test_a_list_is_gathered_planned_edited_and_copied(connected: Command) -> None:
    connected("lists", "add", "vip")
    contact = connected("contacts", "add", PHONE, "--list", "vip", "--json").document["id"]
    campaign = draft(connected, "--list", "vip", "--throttle", "20/s", "--wave", "5%,30,3", "--wave", "100,10,2.5",
                     "--pause-after", "5/50", "--balance-below", "3")  # fmt: skip
    plan = campaign["plan"]
    assert plan["throttle"] == {"messages": 20, "per": "second"}
    assert [(one["percent"], one["count"]) for one in plan["waves"]] == [(5, None), (None, 100)]
    assert (plan["auto_pause"]["failures"], plan["auto_pause"]["balance_below"]) == (5, "3")
    rounds()
    listed = connected("campaign", "list", "--json").document["data"]
    assert [(one["id"], one["status"]) for one in listed] == [(campaign["id"], "draft")]
    assert "June is draft" in connected("campaign", "edit", campaign["id"], "--name", "June", "--throttle", "none").out
    assert connected("campaign", "edit", campaign["id"]).code == 2
    copy = connected("campaign", "duplicate", campaign["id"], "--json").document
    assert copy["name"] == "June, copy"
    rounds()
    assert connected("campaign", "archive", copy["id"]).code == 0
    assert [one["id"] for one in connected("campaign", "list", "--archived", "--json").document["data"]] == [copy["id"]]
    assert connected("campaign", "unarchive", copy["id"]).code == 0
    assert "The draft is deleted." in connected("campaign", "delete", copy["id"]).out
    direct = draft(connected, "--contact", contact, "--to", "+886912345679")
    assert direct["recipients"] == 2


def test_a_route_of_two_currencies_is_told_by_account_and_why(connected: Command, tmp_path: Path) -> None:
    campaign = draft(connected, "--to", PHONE)["id"]
    unpriced = connected("campaign", "preflight", campaign).out
    assert "No price is entered for tw: what goes through there is not counted." in unpriced
    assert "tw: 1 messages, not known through tw" in unpriced
    for name, price, currency in (("us", "0.008", "USD"), ("asia", "0.9", "TWD")):
        said = connected(
            "accounts", "add", "twilio", "--name", name, *SETTINGS, "--price", price, "--currency", currency
        )
        assert said.code == 0
    assert connected("routes", "set", "us", "asia", "--channel", "sms").code == 0
    told = connected("campaign", "preflight", campaign).out
    assert "0 to 0.9 TWD, 0 to 0.008 USD" in told
    assert "The accounts bill in TWD and USD, and nothing is converted" in told
    assert "us > asia: 1 messages, 0.008 USD through us, 0.9 TWD through asia" in told
    page = tmp_path / "preflight.html"
    document = connected("campaign", "preflight", campaign, "--page", str(page), "--json").document
    assert (document["cost"], [one["currency"] for one in document["costs"]]) == (None, ["TWD", "USD"])
    assert document["routes"][0]["by_account"][0] == {"account": "us", "amount": "0.008", "currency": "USD"}
    written = page.read_text("utf-8")
    assert document["cost_note"] in written
    assert "0.008 USD through us, 0.9 TWD through asia" in written
    assert connected("routes", "set", "us", "--channel", "sms").code == 0
    alone = connected("campaign", "preflight", campaign).out
    assert "0.008 to 0.008 USD" in alone
    assert "through" not in alone


def test_a_campaign_waits_for_its_time_or_comes_again(connected: Command) -> None:
    later = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
    timed = draft(connected, "--to", PHONE, "--at", later, "--zone", "UTC", "--start")
    assert timed["status"] == "scheduled"
    said = connected("campaign", "start", timed["id"]).out
    assert "It begins " in said
    weekly = draft(connected, "--to", PHONE, "--every", "week:mon,thu 09:00", "--zone", "Asia/Taipei", "--start")
    assert (weekly["status"], weekly["plan"]["repeat"]["on"]) == ("scheduled", [1, 4])
    assert connected("campaign", "list", "--runs-of", weekly["id"], "--json").document["data"] == []
    for options in (("--local-time", "09:00", "--passed", "now"), ("--best-time", "10:00")):
        assert draft(connected, "--to", PHONE, *options)["plan"]["when"]["mode"] in {"local", "best"}


@pytest.mark.parametrize(
    "options",
    [
        ("--at", "2099-01-01T10:00"),
        ("--at", "2099-01-01T10:00", "--zone", "UTC", "--local-time", "09:00"),
        ("--throttle", "fast"),
        ("--wave", "some"),
        ("--budget", "50"),
        ("--every", "week:mon"),
        ("--every", "week:someday 09:00", "--zone", "UTC"),
        ("--pause-after", "many"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(connected: Command, options: tuple[str, ...]) -> None:
    assert connected("campaign", "create", "--text", "Hi", "--to", PHONE, *options).code == 2


def test_a_team_gets_tests_and_results_are_written_by_status(connected: Command, tmp_path: Path) -> None:
    assert connected("team", "list").out.startswith("Nobody is in the team yet")
    member = connected("team", "add", "Mina", "--address", "0912345670", "--country", "TW", "--json").document
    campaign = draft(connected, "--to", PHONE, "--start")
    sent = connected("campaign", "test", campaign["id"], "--json").document["data"]
    assert [(one["to"], one["error"]) for one in sent] == [("+886912345670", None)]
    assert connected("campaign", "test", campaign["id"], "--to", "+886912345600").code == 1
    rounds()
    file = tmp_path / "queued.csv"
    assert connected("campaign", "results", campaign["id"], "--csv", str(file), "--status", "queued").code == 0
    assert len(file.read_text(encoding="utf-8-sig").splitlines()) == 2
    assert connected("team", "remove", member["id"]).code == 0
    assert connected("team", "remove", member["id"]).code == 1


def test_a_second_person_approves(connected: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connected("campaign", "policy").out == "Nobody has to approve.\n"
    said = connected("campaign", "policy", "--recipients", "0", "--cost", "5", "--currency", "usd")
    assert said.out == "A second person approves above 0 recipients or 5 USD.\n"
    campaign = draft(connected, "--to", PHONE)
    assert "waits for somebody else's word" in connected("campaign", "start", campaign["id"]).out
    assert connected("campaign", "approve", campaign["id"]).code == 1
    monkeypatch.setattr("sendyard.cli.campaign_plans.getpass.getuser", lambda: "somebody-else")
    assert "May is draft" in connected("campaign", "reject", campaign["id"], "--note", "later").out
    connected("campaign", "policy", "--off")
    assert connected("campaign", "start", campaign["id"], "--json").document["status"] == "preparing"


def test_messages_that_wait_for_their_moment_are_counted_too() -> None:
    assert in_words({"scheduled": 4, "delivered": 2, "failed": 0}) == "4 scheduled, 2 delivered"
