"""
Templates at providers, senders and usage from the command line, with emulated providers.
"""

import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Command

SECRET = "EAAinvented-access-token"
NUMBERS = itertools.count(1)


@pytest.fixture
def name() -> str:
    """What the text is called at the emulated Meta, whose templates outlive a test."""
    return f"arrival_{next(NUMBERS)}"


@pytest.fixture
def whatsapp(sendyard: Command, emulators: dict[str, Any], tmp_path: Path, name: str) -> Command:
    """An account at the emulated Meta, its route, and a text with a form there."""
    settings = {
        "phone_number_id": "106540352242922", "waba_id": "102290129340398", "access_token": SECRET,
        "app_secret": "0123456789abcdef0123456789abcdef", "verify_token": "invented-verify-token",
        "base_url": emulators["providers"]["meta_cloud"],
    }  # fmt: skip
    added = sendyard("accounts", "add", "meta_cloud", "--name", "wa", "--settings", "-", given=json.dumps(settings))
    assert added.code == 0, added.err
    assert sendyard("routes", "set", "wa", "--channel", "whatsapp").code == 0
    file = tmp_path / "forms.json"
    form = {"name": name, "language": "en_US", "variables": {"1": "{name}"}}
    file.write_text(json.dumps({"forms": {"meta_cloud": form}}))
    assert sendyard("templates", "add", "arrival", "Hi {name}, it is here.", "--registered", str(file)).code == 0
    return sendyard


def test_templates_of_a_provider_are_listed_handed_in_and_compared(whatsapp: Command, name: str) -> None:
    assert "No provider's templates are known yet" in whatsapp("templates", "provider").out
    said = whatsapp("templates", "sync")
    assert said.code == 0, said.out
    assert "meta_cloud" in said.out
    send = ("send", "--to", "+919812345678", "--channel", "whatsapp", "--template", "arrival", "--var", "name=Ann")
    refused = whatsapp(*send)
    assert refused.code == 1
    assert f"has no template '{name}'" in refused.err
    made = whatsapp(
        "templates", "submit", "arrival", "--account", "wa", "--category", "UTILITY", "--sample", "name=Ann",
        "--footer", "ACME", "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    assert (made.document["state"], made.document["version"]) == ("pending", 1)
    assert "is pending at the provider" in whatsapp(*send).err
    assert name in whatsapp("templates", "provider", "--state", "pending", "--account", "wa").out
    listed = whatsapp("templates", "provider", "--name", name, "--json").document
    assert (listed["data"][0]["footer"], listed["next"]) == ("ACME", None)
    assert "--after" in whatsapp("templates", "provider", "--limit", "1").out
    twice = whatsapp("templates", "submit", "arrival", "--account", "wa", "--category", "UTILITY", "--sample", "name=A")
    assert twice.code == 1
    assert "already content in this language" in twice.err
    assert SECRET not in said.out + made.out + twice.err


def test_facts_of_a_template_handed_in_are_shown(whatsapp: Command, name: str) -> None:
    said = whatsapp(
        "templates", "submit", "arrival", "--account", "wa", "--category", "MARKETING", "--sample", "name=Ann"
    )
    assert said.code == 0, said.err
    assert name in said.out
    assert "pending" in said.out


def test_server_asks_for_templates_by_itself(whatsapp: Command, process: Any) -> None:
    serve = process("serve", "--port", "0", "--json")
    serve.line("{")
    deadline = time.monotonic() + 60
    while "sample_message" not in whatsapp("templates", "provider").out:
        assert time.monotonic() < deadline, serve.err
        time.sleep(0.1)
    assert serve.end() == 0


def test_sync_says_how_much_of_it_failed(whatsapp: Command, emulators: dict[str, Any]) -> None:
    assert whatsapp("templates", "sync", "nobody").code == 1
    settings = {"phone_number_id": "1065403522", "waba_id": "1022901293", "access_token": "invalid-token",
                "app_secret": "0123456789abcdef0123456789abcdef", "verify_token": "invented-verify-token",
                "base_url": emulators["providers"]["meta_cloud"]}  # fmt: skip
    whatsapp("accounts", "add", "meta_cloud", "--name", "bad", "--settings", "-", given=json.dumps(settings))
    partly = whatsapp("templates", "sync", "--json")
    assert partly.code == 3
    assert {one["account"]: bool(one["error"]) for one in partly.document} == {"wa": False, "bad": True}
    assert whatsapp("templates", "sync", "bad").code == 1


def test_senders_usage_and_notices_of_an_account_are_shown(whatsapp: Command) -> None:
    senders = whatsapp("senders", "list", "wa", "--json").document
    assert senders[0]["channels"] == ["whatsapp"]
    assert senders[0]["sender"] in whatsapp("senders", "list", "wa").out
    assert "said nothing about this account" in whatsapp("accounts", "notices", "wa").out
    assert whatsapp("accounts", "notices", "wa", "--json").document == []
    usage = whatsapp("accounts", "usage", "wa", "--json").document
    assert all(name in whatsapp("accounts", "usage", "wa").out for name in usage)
    # What the provider allows was learned from its answer, and is told.
    (learned,) = whatsapp("accounts", "notices", "wa", "--json").document
    assert "Preflight counts with it." in learned["detail"]
    assert learned["detail"] in whatsapp("accounts", "notices", "wa").out


def test_test_of_an_account_shows_where_its_callbacks_go(whatsapp: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDYARD_PUBLIC_URL", "https://yard.example")
    assert "https://yard.example/callbacks/meta_cloud/" in whatsapp("accounts", "test", "wa").out


def test_where_a_form_stands_is_told_and_a_form_is_proposed(whatsapp: Command, name: str) -> None:
    assert "never asked which templates it has" in whatsapp("templates", "standing", "arrival").out
    assert whatsapp("templates", "sync").code == 0
    handed = whatsapp(
        "templates", "submit", "arrival", "--account", "wa", "--category", "UTILITY", "--sample", "name=Ann"
    )
    assert handed.code == 0, handed.err
    assert f"{name} (any language) at wa: pending" in whatsapp("templates", "standing", "arrival").out
    assert whatsapp("templates", "edit", "arrival", "--text", "Hello {name}, it is here.").code == 0
    assert "{+Hello+}" in whatsapp("templates", "standing", "arrival").out
    proposed = whatsapp("templates", "propose", "arrival", "--account", "wa", "--as", name)
    assert "1  {name}" in proposed.out
    assert "Nothing is kept" in proposed.out
    kept = whatsapp("templates", "propose", "arrival", "--account", "wa", "--as", name, "--apply", "--json").document
    assert (kept["applied"], kept["variables"]) == (True, {"1": "{name}"})
