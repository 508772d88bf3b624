"""
Messages and campaigns from the command line, sent by a real server through emulated providers.
"""

import csv
import io
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.e2e.conftest import Command, Process


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("installation") / "data"


@pytest.fixture(scope="module")
def port() -> str:
    """Where the server listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(installation: Path, port: str, emulators: dict[str, Any]) -> Iterator[Process]:
    """`sendyard serve` with one account and a route; callbacks reach it."""
    public = {"SENDYARD_DATA_DIR": str(installation), "SENDYARD_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    serve = Process("serve", "--port", port, "--json", **public)
    try:
        started = json.loads(serve.line("{"))
        assert started["role"] == "all"
        assert started["first_key"].startswith("sy_live_")
        yield serve
    finally:
        assert serve.end() == 0
        serve.clean()


@pytest.fixture
def data_dir(installation: Path, server: Process, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("SENDYARD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SENDYARD_DATA_DIR", str(installation))
    return installation


@pytest.fixture
def account(sendyard: Command, emulators: dict[str, Any]) -> str:
    """An account with the route to everywhere; added by the first test that asks."""
    if not sendyard("accounts", "list", "--json").document:
        address = emulators["providers"]["twilio"]
        settings = ("--set", "account_sid=AC" + "0" * 32, "--set", "auth_token=" + "0123456789abcdef" * 2)
        added = sendyard(
            "accounts", "add", "twilio", "--name", "main", *settings, "--set", f"base_url={address}",
            "--sender", "+15005550006", "--price", "0.01",
        )  # fmt: skip
        assert added.code == 0
        assert sendyard("routes", "set", "main").code == 0
        time.sleep(1.5)  # the server looks for new accounts about once a second
    return "main"


def letters(emulators: dict[str, Any], to: str) -> list[dict[str, Any]]:
    with urlopen(f"{emulators['control']}/mailbox?to=%2B{to[1:]}") as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def test_message_is_sent_waited_for_and_explained(sendyard: Command, account: str, emulators: dict[str, Any]) -> None:
    sent = sendyard("send", "--to", "+12025550123", "--text", "Your table is ready.", "--wait", "--json")
    assert sent.code == 0
    assert sent.document["status"] == "delivered"
    assert [letter["text"] for letter in letters(emulators, "+12025550123")] == ["Your table is ready."]
    shown = sendyard("messages", "show", sent.document["id"])
    assert "accepted through main; now sent" in shown.out
    assert "through  main (twilio)" in shown.out
    life = sendyard("messages", "show", sent.document["id"], "--json").document
    assert life["message"]["status"] == "delivered"
    assert life["timeline"][0]["kind"] == "created"


def test_template_is_filled_in_for_one_person(sendyard: Command, account: str, emulators: dict[str, Any]) -> None:
    sendyard("templates", "add", "table", "Hi {name}, your table is ready.")
    said = sendyard("send", "--to", "+12025550124", "--template", "table", "--var", "name=Ann", "--wait")
    assert said.code == 0
    assert "Hi Ann, your table is ready." in said.out
    missing = sendyard("send", "--to", "+12025550124", "--template", "table")
    assert missing.code == 1
    assert "{name}" in missing.err


def test_message_that_fails_ends_waiting_with_1_and_the_reason(sendyard: Command, account: str) -> None:
    refused = sendyard("send", "--to", "+886912990001", "--text", "x", "--wait")
    assert refused.code == 1
    assert "status   failed" in refused.out
    assert "reason   Invalid 'To' Phone Number" in refused.out
    assert "advice   Ask the person for a working number." in refused.out


def test_message_can_be_cancelled_until_it_leaves(sendyard: Command, account: str) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    planned = sendyard("send", "--to", "+12025550125", "--text", "x", "--at", tomorrow, "--json")
    assert planned.document["status"] == "scheduled"
    assert sendyard("messages", "cancel", planned.document["id"], "--json").document["status"] == "cancelled"
    sent = sendyard("send", "--to", "+12025550126", "--text", "x", "--wait", "--json").document
    late = sendyard("messages", "cancel", sent["id"])
    assert late.code == 1
    assert "this one is delivered" in late.err


def test_time_without_an_offset_is_this_machines(sendyard: Command, account: str) -> None:
    planned = datetime.now().replace(microsecond=0) + timedelta(days=1)  # noqa: DTZ005 - local on purpose
    said = sendyard("send", "--to", "+12025550130", "--text", "x", "--at", planned.isoformat(), "--json")
    assert datetime.fromisoformat(said.document["send_at"]) == planned.astimezone()


def test_messages_are_listed_newest_first_and_by_condition(sendyard: Command, account: str) -> None:
    for number in range(2):
        sendyard("send", "--to", "+12025550127", "--text", "x", "--reference", f"list-{number}", "--wait")
    page = sendyard("messages", "list", "--to", "+12025550127", "--limit", "1", "--json").document
    assert page["data"][0]["reference"] == "list-1"
    older = sendyard("messages", "list", "--to", "+12025550127", "--after", page["next"], "--json").document
    assert older["data"][0]["reference"] == "list-0"
    assert f"--after {page['next']}" in sendyard("messages", "list", "--to", "+12025550127", "--limit", "1").out
    assert "There are no such messages." in sendyard("messages", "list", "--reference", "nothing").out
    assert sendyard("messages", "list", "--account", "main", "--status", "delivered").code == 0
    assert sendyard("messages", "list", "--account", "nobody").code == 1
    assert sendyard("messages", "show", "nothing").code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "12", "--text", "x"), "too few digits"),
        (("--to", "+12025550123"), "Expected one of text, template, media and interactive, found none"),
        (("--to", "+12025550123", "--text", "x", "--at", "tomorrow"), "found 'tomorrow'"),
        (("--to", "+12025550123", "--text", "x", "--at", "2020-01-01"), "The time to send at has passed"),
        (("--to", "+12025550123", "--text", "x", "--expires-in", "0"), "Expected 1 to"),
        (("--to", "+12025550123", "--media", __file__, "--channel", "whatsapp"), "There is no route for whatsapp"),
        (("--to", "+12025550123", "--media", "cat.png", "--channel", "mms"), "found 'cat.png'"),
        (("--to", "+12025550123", "--text", "x", "--account", "nobody"), "There is no account 'nobody'"),
        (("--to", "+12025550123", "--text", "\udcff"), "cannot be stored"),
    ],
)
def test_message_that_cannot_be_accepted_is_refused_in_a_sentence(
    arguments: tuple[str, ...], words: str, sendyard: Command, account: str
) -> None:
    said = sendyard("send", *arguments)
    assert said.code == 1
    assert words in said.err
    assert said.out == ""


def test_picture_travels_by_its_address(sendyard: Command, account: str, emulators: dict[str, Any]) -> None:
    said = sendyard("routes", "set", "main", "--channel", "mms")
    assert said.code == 0
    time.sleep(1.2)
    picture = "https://example.com/a.png"
    assert sendyard("send", "--to", "+12025550128", "--media", picture, "--channel", "mms", "--wait").code == 0
    assert letters(emulators, "+12025550128")[0]["media"] == [picture]


def knows_of_the_pause(port: str) -> bool:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        return re.search(r"^sendyard_account_active\{.*\} 0\.0$", answer.read().decode(), re.MULTILINE) is not None


def test_waiting_in_vain_says_what_to_look_at(sendyard: Command, account: str, port: str) -> None:
    sendyard("accounts", "pause", "main")
    try:
        deadline = time.monotonic() + 60
        while not knows_of_the_pause(port):
            assert time.monotonic() < deadline, "the server has not noticed"
            time.sleep(0.1)
        said = sendyard("send", "--to", "+12025550129", "--text", "x", "--wait", "--timeout", "0.5")
        assert said.code == 1
        assert "is `sendyard serve` running" in said.err
    finally:
        sendyard("accounts", "resume", "main")


AN_ORDER = ("--purpose", "transactional")  # goes at whatever hour the tests run
PEOPLE = """name,phone,amount
Ann,+12025550141,3
Bob,12,4
=Cy,+12025550142,5
"""


def test_campaign_goes_from_file_to_results(
    sendyard: Command, account: str, emulators: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE)
    made = sendyard("campaign", "create", *AN_ORDER, "--csv", str(file), "--text", "Hi {name}, {amount}")
    assert made.code == 3
    assert "people is draft" in made.out
    assert "3    12" in made.out
    campaign_id = sendyard("campaign", "list", "--limit", "1", "--json").document["data"][0]["id"]
    checked = sendyard("campaign", "preflight", campaign_id)
    assert checked.code == 0
    assert "Hi Ann, 3" in checked.out
    assert "  rows: row 3, ***: Expected" in checked.out
    assert sendyard("campaign", "preflight", campaign_id, "--json").document["messages"] == 2
    watched = sendyard("campaign", "start", campaign_id, "--watch")
    assert watched.code == 0
    assert "people is completed." in watched.out
    assert [letter["text"] for letter in letters(emulators, "+12025550141")] == ["Hi Ann, 3"]
    told = sendyard("campaign", "results", campaign_id)
    assert "2 of 2 are final: 2 delivered." in told.out
    assert sendyard("campaign", "results", campaign_id, "--json").document["refused_rows"][0]["row"] == 3
    printed = sendyard("campaign", "results", campaign_id, "--csv", "-").out.lstrip("\ufeff")
    statuses = [row["status"] for row in csv.DictReader(io.StringIO(printed))]
    assert statuses == ["delivered", "refused", "delivered"]
    exported = tmp_path / "results.csv"
    assert str(exported) in sendyard("campaign", "results", campaign_id, "--csv", str(exported)).out
    assert exported.read_text(encoding="utf-8-sig").startswith("row,given")
    assert sendyard("campaign", "results", campaign_id, "--csv", "/nowhere/at.all").code == 1


def test_campaign_with_failures_ends_watching_with_3_and_can_be_retried(sendyard: Command, account: str) -> None:
    people = "phone\n+12025550143\n+886912990005\n"
    made = sendyard("campaign", "create", *AN_ORDER, "--csv", "-", "--text", "x", "--start", "--json", given=people)
    assert made.code == 0
    watched = sendyard("campaign", "watch", made.document["id"])
    assert watched.code == 3
    assert "undeliverable" in watched.out
    again = sendyard("campaign", "retry-failed", made.document["id"], "--json").document
    assert again["recipients"] == 1
    assert "is a draft for 1 people" in sendyard("campaign", "retry-failed", made.document["id"]).out
    assert "Expected" in sendyard("campaign", "create", *AN_ORDER, "--csv", "-", "--text", "x", given="").err


def test_campaign_is_paused_resumed_and_cancelled(sendyard: Command, account: str) -> None:
    sendyard("accounts", "pause", "main")
    try:
        people = "phone\n" + "".join(f"+1202555{number:04d}\n" for number in range(150, 160))
        made = sendyard(
            "campaign",
            "create",
            *AN_ORDER,
            "--csv",
            "-",
            "--text",
            "x",
            "--start",
            "--json",
            "--name",
            "slow",
            given=people,
        ).document
        assert sendyard("campaign", "pause", made["id"]).out == "slow is paused.\n"
        paused = sendyard("campaign", "watch", made["id"])
        assert paused.code == 1
        assert "Paused by hand." in paused.err
        assert sendyard("campaign", "resume", made["id"]).code == 0
        assert sendyard("campaign", "cancel", made["id"]).out == "slow is cancelled.\n"
        assert sendyard("campaign", "watch", made["id"], "--json").code == 1
        assert sendyard("campaign", "resume", made["id"]).code == 1
    finally:
        sendyard("accounts", "resume", "main")


def test_campaign_nobody_can_get_is_stopped_by_its_preflight(sendyard: Command, account: str) -> None:
    made = sendyard("campaign", "create", *AN_ORDER, "--csv", "-", "--text", "x", "--json", given="phone\n12\n")
    assert made.code == 1
    assert made.document["recipients"] == 0
    assert sendyard("campaign", "preflight", made.document["id"]).code == 1
    assert sendyard("campaign", "start", made.document["id"]).code == 1
    assert sendyard("campaign", "start", "nothing").code == 1


def test_many_refused_rows_are_cut_off_for_people_and_complete_for_programs(sendyard: Command, account: str) -> None:
    people = "phone\n+12025550161\n" + "12\n" * 60
    said = sendyard("campaign", "create", *AN_ORDER, "--csv", "-", "--text", "x", given=people)
    assert "… and 10 more; --json lists all." in said.out
    documented = sendyard("campaign", "create", *AN_ORDER, "--csv", "-", "--text", "x", "--json", given=people)
    assert len(documented.document["refused_rows"]) == 60
    assert "--after" in sendyard("campaign", "list", "--limit", "1").out


def test_second_server_on_the_same_data_is_refused(sendyard: Command, account: str) -> None:
    said = sendyard("serve", "--port", "0")
    assert said.code == 1
    assert "Another process serves" in said.err
