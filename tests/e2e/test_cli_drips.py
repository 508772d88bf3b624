"""
Drips from the command line; the loop that a server runs is run by hand.
"""

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from sendyard.bootstrap import Yard
from sendyard.settings import load
from tests.e2e.conftest import Command

PHONE, OTHER = "+886912345678", "+886912345679"


def rounds() -> None:
    """What a running server does, until there is no step to take."""

    async def work(yard: Yard) -> None:
        await yard.directory.refresh()
        while await yard.drip_timer.round():
            pass

    with Yard(load({})) as yard:
        asyncio.run(work(yard))


@pytest.fixture
def connected(sendyard: Command) -> Command:
    settings = ["--set", "account_sid=AC" + "1" * 32, "--set", "auth_token=invented-token",
                "--set", "base_url=http://127.0.0.1:9"]  # fmt: skip
    assert sendyard("accounts", "add", "twilio", "--name", "tw", *settings, "--sender", "+15005550006").code == 0
    assert sendyard("routes", "set", "tw", "--channel", "sms").code == 0
    return sendyard


def test_a_drip_is_made_followed_and_ended(connected: Command, tmp_path: Path) -> None:
    connected("templates", "add", "tips", "A tip for {name|you}")
    said = connected(
        "drips", "create", "--name", "Welcome", "--purpose", "transactional", "--to", PHONE,
        "--step", "0 Hi {name|you}", "--step", "1d12h@09:00 template:tips", "--exit", "replied",
        "--exit", "tag:vip", "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    drip = said.document
    assert [(one["wait"], one["at"], one["template"]) for one in drip["steps"]] == [
        ({"minutes": 0, "hours": 0, "days": 0}, "", None),
        ({"minutes": 0, "hours": 12, "days": 1}, "09:00", "tips"),
    ]
    assert drip["exit"] == ["replied", {"tag": "vip", "segment": ""}]
    started = connected("drips", "start", drip["id"])
    assert "Welcome is active: 1 active" in started.out
    assert "number 2; the first step is due" in connected("drips", "add", drip["id"], "--to", OTHER, "--var",
                                                          "name=Wu").out  # fmt: skip
    rounds()
    shown = connected("drips", "show", drip["id"]).out
    assert "2 queued" in shown
    first, second = (line for line in shown.splitlines() if "under way" in line)
    assert (first.split()[0], second.split()[:5]) == ("1", ["2", "tips", "under", "way", "2"])
    following = connected("drips", "people", drip["id"], "--json").document["data"]
    assert min(one["next_at"] for one in following) in second
    assert OTHER in connected("drips", "people", drip["id"], "--state", "active").out
    file = tmp_path / "welcome.csv"
    assert connected("drips", "people", drip["id"], "--csv", str(file)).code == 0
    assert len(file.read_text("utf-8-sig").splitlines()) == 3
    campaign_id = connected("drips", "show", drip["id"], "--json").document["steps"][0]["campaign_id"]
    coming = f"It is step 1 of the drip Welcome: people may still come to it, see `sendyard drips show {drip['id']}`."
    assert coming in connected("campaign", "results", campaign_id).out
    assert "is paused" in connected("drips", "pause", drip["id"]).out
    assert "is active" in connected("drips", "resume", drip["id"]).out
    assert "2 left" in connected("drips", "cancel", drip["id"]).out
    assert "Welcome; nobody comes to it any more." in connected("campaign", "results", campaign_id).out
    listed = connected("drips", "list", "--json").document["data"]
    assert [(one["name"], one["status"]) for one in listed] == [("Welcome", "cancelled")]
    refused = connected("drips", "add", drip["id"], "--to", "+886912345670")
    assert (refused.code, "The drip is over" in refused.err) == (1, True)


def test_what_is_not_good_is_told_and_what_cannot_be_read_is_wrong_usage(connected: Command) -> None:
    said = connected("drips", "create", "--name", "W", "--segment", "none", "--step", "0 Hi")
    assert (said.code, "none" in said.err) == (1, True)
    told = connected("drips", "create", "--name", "W", "--to", PHONE, "--step", "0 Hi", "--channel", "rcs",
                     "--purpose", "transactional")  # fmt: skip
    assert told.code == 0
    assert "Step 1:" in told.err
    assert "Start it with `sendyard drips start" in told.out
    for wrong in (
        ("create", "--name", "W", "--step", "soon Hi"),
        ("create", "--name", "W", "--step", "0 Hi", "--exit", "tag:"),
        ("create", "--name", "W", "--step", "0 Hi", "--exit", "never"),
        ("add", "ID", "--to", PHONE, "--var", "name"),
    ):
        assert connected("drips", *wrong).code == 2
    in_segment = connected("drips", "create", "--name", "W", "--step", "0 Hi", "--exit", "segment:none")
    assert in_segment.code == 1
    assert connected("drips", "list").out.count("draft") == 1


def test_the_team_gets_a_step(connected: Command) -> None:
    connected("team", "add", "Mina", "--address", OTHER)
    connected("lists", "add", "vip")
    connected("contacts", "add", PHONE, "--list", "vip")
    made = connected("drips", "create", "--name", "W", "--list", "vip", "--enrol", "segment", "--purpose",
                     "transactional", "--step", "0 Hi", "--start", "--json")  # fmt: skip
    assert (made.document["status"], made.document["enrol"]) == ("active", "segment")
    rounds()
    assert OTHER in connected("drips", "test", made.document["id"]).out
    drip = connected("drips", "create", "--name", "V", "--to", PHONE, "--step", "0 Hi", "--channel", "rcs", "--purpose",
                     "transactional", "--json").document  # fmt: skip
    assert connected("drips", "test", drip["id"], "--to", OTHER).code == 1


def test_a_drip_takes_a_file_and_is_changed_while_it_runs(connected: Command, tmp_path: Path) -> None:
    file = tmp_path / "guests.csv"
    file.write_text(f"phone,name\n{PHONE},Lin\n12,Nobody\n")
    said = connected("drips", "create", "--name", "W", "--purpose", "transactional", "--csv", str(file), "--step",
                     "0 Hi {name}", "--step", "1d Later", "--throttle", "600/h", "--start")  # fmt: skip
    assert said.code == 0, said.err
    assert "numbers from 'phone': 1 active, 1 refused." in said.out
    drip_id = connected("drips", "list", "--json").document["data"][0]["id"]
    rounds()
    changed = connected("drips", "edit", drip_id, "--throttle", "none", "--exit", "none", "--step", "0 Hello",
                        "--no-again", "--apply-to", "all", "--json").document  # fmt: skip
    assert (changed["version"], changed["throttle"], changed["exit"]) == (2, None, [])
    shown = connected("drips", "show", drip_id).out
    assert "Version 1, with 1 people on their way:" in shown
    rounds()
    assert "is active, version 3." in connected("drips", "edit", drip_id, "--exit", "replied").out
    assert connected("drips", "people", drip_id, "--state", "done", "--json").document["data"][0]["version"] == 2
    for wrong in ((), ("--throttle", "fast"), ("--exit", "never"), ("--step", "soon Hi")):
        assert connected("drips", "edit", drip_id, *wrong).code == 2
    assert connected("drips", "edit", drip_id, "--budget", "1 XXX").code == 1


def test_people_and_files_of_a_drip_are_changed(connected: Command, tmp_path: Path) -> None:
    assert connected("routes", "set", "tw", "--channel", "mms").code == 0
    for name, number in (("Guests", PHONE), ("Regulars", OTHER)):
        person = connected("contacts", "add", number, "--tag", "vip", "--json").document["id"]
        connected("lists", "add", name)
        assert connected("lists", "put", name, person).code == 0
    assert [(one["name"], one["contacts"]) for one in connected("tags", "list", "--json").document["data"]] == [
        ("vip", 2)
    ]
    assert "vip" in connected("tags", "list").out
    made = connected(
        "drips", "create", "--name", "Look", "--purpose", "transactional", "--list", "Guests", "--channel", "mms",
        "--step", "0 Look", "--step", "1d And?", "--step-media", "1=https://shop.example/a.jpg", "--start", "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    drip = made.document["id"]
    rounds()
    assert connected("drips", "edit", drip, "--list", "Regulars", "--enrol", "segment").code == 0
    rounds()
    people = connected("drips", "people", drip, "--json").document["data"]
    assert [(one["to"], one["state"]) for one in people] == [(PHONE, "active"), (OTHER, "active")]
    nobody = connected("drips", "edit", drip, "--list", "none", "--enrol", "start", "--json").document
    assert (nobody["audience"]["lists"], nobody["looking"]) == ([], False)
    picture = tmp_path / "b.png"
    Image.new("RGB", (8, 8), "teal").save(picture)
    edited = connected("drips", "edit", drip, "--step-media", f"2={picture}", "--step-media", "1=none", "--json")
    assert [[one["filename"] for one in step["media"]] for step in edited.document["steps"]] == [[], ["b.png"]]
    assert [one["wait"]["days"] for one in edited.document["steps"]] == [0, 1]
    assert connected("drips", "edit", drip, "--step-media", "3=none").code == 2
    assert connected("drips", "edit", drip, "--step-media", "menu.jpg").code == 2


def test_files_of_a_draft_are_replaced(connected: Command) -> None:
    made = connected("campaign", "create", "--to", PHONE, "--text", "Look", "--channel", "mms", "--purpose",
                     "transactional", "--media", "https://shop.example/a.jpg", "--json").document["id"]  # fmt: skip
    edit = ("campaign", "edit", made)
    replaced = connected(*edit, "--media", "https://shop.example/b.png", "--json").document
    assert [one["url"] for one in replaced["plan"]["media"]] == ["https://shop.example/b.png"]
    assert connected(*edit, "--media", "none", "--json").document["plan"]["media"] == []
    assert connected(*edit).code == 2
