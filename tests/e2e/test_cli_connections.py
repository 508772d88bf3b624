"""
Accounts and routes from the command line, with emulated providers.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Command

SECRET = "0123456789abcdef0123456789abcdef"
SID = "AC" + "0" * 32


def settings(emulators: dict[str, Any], **changes: str) -> str:
    base = {"account_sid": SID, "auth_token": SECRET, "base_url": emulators["providers"]["twilio"]}
    return json.dumps({**base, **changes})


def test_account_is_added_from_a_file_tested_and_listed_without_its_secret(
    sendyard: Command, emulators: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "settings.json"
    file.write_text(settings(emulators))
    added = sendyard("accounts", "add", "twilio", "--name", "main", "--settings", str(file), "--sender", "+15005550006")
    assert added.code == 0
    assert "sendyard accounts test main" in added.out
    assert sendyard("accounts", "test", "main").out.startswith("Works")
    assert sendyard("accounts", "test", "main", "--json").document["ok"] is True
    assert sendyard("accounts", "balance", "main", "--json").document["currency"] == "USD"
    assert "USD" in sendyard("accounts", "balance", "main").out
    listed = sendyard("accounts", "list", "--json")
    assert listed.document[0]["settings"]["auth_token"] == "••••"
    assert listed.document[0]["created_at"].endswith("Z")
    for said in (added, listed, sendyard("accounts", "list")):
        assert SECRET not in said.out + said.err


def test_an_account_shows_the_address_to_paste_at_the_provider(
    sendyard: Command, emulators: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sendyard("accounts", "add", "twilio", "--name", "main", "--settings", "-", given=settings(emulators))
    assert "set SENDYARD_PUBLIC_URL" in sendyard("accounts", "show", "main").out
    monkeypatch.setenv("SENDYARD_PUBLIC_URL", "https://gw.example.test")
    shown = sendyard("accounts", "show", "main")
    address = sendyard("accounts", "show", "main", "--json").document["callback_url"]
    assert address.startswith("https://gw.example.test/callbacks/twilio/")
    assert f"Paste this address at Twilio for its callbacks: {address}" in shown.out
    assert SECRET not in shown.out
    assert sendyard("accounts", "show", "nobody").code == 1


def test_secret_is_read_from_standard_input(sendyard: Command, emulators: dict[str, Any]) -> None:
    address = emulators["providers"]["mitake"]
    arguments = ("accounts", "add", "mitake", "--set", "username=me", "--set", f"base_url={address}")
    assert sendyard(*arguments, "--secret", "password", given="invented-word\n").code == 0
    said = sendyard(*arguments, "--secret", "password", given="")
    assert said.code == 1
    assert "Expected the value of password as a line of standard input" in said.err


def test_settings_may_come_as_json_on_standard_input(sendyard: Command, emulators: dict[str, Any]) -> None:
    said = sendyard("accounts", "add", "twilio", "--settings", "-", "--json", given=settings(emulators))
    assert said.document["provider"] == "twilio"


@pytest.mark.parametrize(
    ("content", "words"), [("[1]", "found a list"), ("{", "found JSONDecodeError"), ("\xff", "found JSONDecodeError")]
)
def test_settings_that_are_no_object_are_refused(content: str, words: str, sendyard: Command) -> None:
    said = sendyard("accounts", "add", "twilio", "--settings", "-", given=content)
    assert said.code == 1
    assert words in said.err


def test_settings_file_that_is_not_there_is_named(sendyard: Command) -> None:
    said = sendyard("accounts", "add", "twilio", "--settings", "/nowhere/at.all")
    assert said.code == 1
    assert "/nowhere/at.all: No such file or directory" in said.err


def test_setting_without_a_sign_of_equality_is_refused_without_repeating_more_than_it(sendyard: Command) -> None:
    said = sendyard("accounts", "add", "twilio", "--set", "account_sid")
    assert "Expected --set FIELD=VALUE" in said.err
    assert sendyard("accounts", "add", "twilio", "--set", f"={SECRET}").code == 1
    assert SECRET not in sendyard("accounts", "add", "twilio", "--set", f"={SECRET}").err


def test_missing_and_unknown_settings_are_each_told(sendyard: Command) -> None:
    said = sendyard("accounts", "add", "twilio", "--set", "colour=red")
    assert said.code == 1
    assert "There is no setting 'colour'" in said.err
    assert "Account SID (account_sid) is missing" in said.err


def test_account_that_the_provider_refuses_fails_its_test(sendyard: Command, emulators: dict[str, Any]) -> None:
    given = settings(emulators, auth_token="invalid-x")
    sendyard("accounts", "add", "twilio", "--name", "bad", "--settings", "-", given=given)
    said = sendyard("accounts", "test", "bad")
    assert said.code == 1
    assert said.out.startswith("Does not work")


def test_pause_and_resume_are_seen_in_the_list(sendyard: Command, emulators: dict[str, Any]) -> None:
    sendyard("accounts", "add", "twilio", "--name", "main", "--settings", "-", given=settings(emulators))
    assert "contract ends" in sendyard("accounts", "pause", "main", "--reason", "contract ends").out
    assert "contract ends" in sendyard("accounts", "list").out
    assert sendyard("accounts", "resume", "main").out == "main is active.\n"
    assert sendyard("accounts", "pause", "nobody").code == 1


def test_routes_are_set_listed_and_explained(sendyard: Command, emulators: dict[str, Any]) -> None:
    assert "There are no routes yet" in sendyard("routes", "list").out
    nowhere = sendyard("routes", "explain", "--to", "+886912345678")
    assert nowhere.code == 1
    assert "routes set" in nowhere.out
    for name in ("first one", "second"):
        sendyard("accounts", "add", "twilio", "--name", name, "--settings", "-", given=settings(emulators))
    assert "first one, second" in sendyard("routes", "set", "first one", "second", "--country", "TW").out
    for_codes = sendyard("routes", "set", "second", "--purpose", "otp", "--no-failover", "--json")
    assert for_codes.document["failover"] is False
    assert "first one, second" in sendyard("routes", "list").out
    said = sendyard("routes", "explain", "--to", "+886912345678")
    assert said.code == 0
    assert "First choice." in said.out
    assert sendyard("routes", "explain", "--to", "+886912345678", "--json").document["country"] == "TW"
    assert sendyard("routes", "set", "nobody").code == 1
    assert sendyard("routes", "set").code == 2


def test_new_account_needs_no_quotes_unless_its_name_has_blanks(sendyard: Command, emulators: dict[str, Any]) -> None:
    said = sendyard("accounts", "add", "twilio", "--name", "two words", "--settings", "-", given=settings(emulators))
    assert '`sendyard accounts test "two words"`' in said.out
