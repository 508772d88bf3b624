"""
One-time codes from the command line: ours through a real server, a provider's through its emulator at once.
"""

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.e2e.conftest import Command, Process

INDIAN, AMERICAN = "+919876543210", "+12025550123"


@pytest.fixture
def accounts(sendyard: Command, emulators: dict[str, Any]) -> None:
    addresses = emulators["providers"]
    secrets = {
        "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "0123456789abcdef" * 2},
        "twofactor": {"api_key": "0a1b2c3d-1111-11ef-8b17-0200cd936042", "otp_template": "ACME Login"},
        "msg91": {"authkey": "270001AsendyardInvented", "otp_template_id": "6a4503e82abed18d7607c0de"},
    }
    for provider, settings in secrets.items():
        given = [part for pair in settings.items() for part in ("--set", "=".join(pair))]
        address = f"base_url={addresses[provider]}"
        added = sendyard(
            "accounts", "add", provider, "--name", provider, *given, "--set", address, "--sender", "+15005550006"
        )
        assert added.code == 0, added.err
    assert sendyard("routes", "set", "twilio").code == 0


@pytest.fixture
def server(process: Any, sendyard: Command, accounts: None) -> Iterator[Process]:
    serve: Process = process("serve", "--port", "0", "--json")
    serve.line("{")
    yield serve
    assert serve.end() == 0


def texts(emulators: dict[str, Any], to: str) -> list[str]:
    with urlopen(f"{emulators['control']}/mailbox?to=%2B{to[1:]}") as answer:
        return [letter["text"] for letter in json.load(answer)]


def code_in(text: str) -> str:
    return next(str(digits) for digits in re.findall("[0-9]{6}", text))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.mark.parametrize("provider", ["twofactor", "msg91"])
def test_code_of_a_provider_is_sent_and_checked(
    provider: str, sendyard: Command, accounts: None, emulators: dict[str, Any]
) -> None:
    sent = sendyard("otp", "send", "--to", "98765 43210", "--country", "IN", "--account", provider, "--json")
    assert sent.code == 0, sent.err
    found = sent.document
    assert (found["status"], found["provider"], found["to"]) == ("pending", provider, INDIAN)
    assert found["expires_at"].endswith("Z")
    assert found["resend_after"].endswith("Z")
    code = code_in(texts(emulators, INDIAN)[-1])
    missed = sendyard("otp", "verify", found["id"], wrong(code))
    assert missed.code == 1
    assert missed.out == "This is not the code.\nAttempts left: 4.\n"
    right = sendyard("otp", "verify", found["id"], code, "--json")
    assert right.code == 0
    assert right.document == {"verified": True, "reason": None, "attempts_left": 3}
    again = sendyard("otp", "verify", found["id"], code)
    assert (again.code, again.out) == (1, "The code was verified before; it counts once.\n")
    assert "status         verified" in sendyard("otp", "show", found["id"]).out
    assert code not in sent.out + sent.err + right.err


def test_code_of_ours_reaches_the_handset_and_nobody_else(
    sendyard: Command, server: Process, emulators: dict[str, Any]
) -> None:
    sent = sendyard("otp", "send", "--to", AMERICAN, "--expires-in", "120", "--language", "en", "--json")
    assert sent.code == 0, sent.err
    deadline = time.monotonic() + 60
    while not texts(emulators, AMERICAN) and time.monotonic() < deadline:
        time.sleep(0.1)
    (text,) = texts(emulators, AMERICAN)
    assert "It expires in 2 min." in text
    code = code_in(text)
    shown = sendyard("messages", "show", sent.document["message"])
    whole = sendyard("messages", "show", sent.document["message"], "--json")
    assert code not in shown.out + whole.out + sent.out
    assert whole.document["message"]["text"] is None
    said = sendyard("otp", "verify", sent.document["id"], f"{code[:3]}-{code[3:]}")
    assert (said.code, said.out) == (0, "Verified.\n")


def test_code_is_told_again_by_a_call(
    sendyard: Command, accounts: None, emulators: dict[str, Any], data_dir: Path
) -> None:
    number = "+919876500088"
    found = sendyard("otp", "send", "--to", number, "--account", "msg91", "--json").document
    with contextlib.closing(sqlite3.connect(data_dir / "sendyard.db")) as database, database:
        database.execute("UPDATE otp_codes SET resend_after = 0")
    said = sendyard("otp", "resend", found["id"], "--by-voice", "--json")
    assert said.code == 0, said.err
    assert (said.document["id"], said.document["sends"]) == (found["id"], 2)
    assert len(texts(emulators, number)) == 1  # a call leaves no text


def test_refusals_are_sentences_with_exit_codes(sendyard: Command, accounts: None) -> None:
    soon = sendyard("otp", "send", "--to", AMERICAN, "--json")
    assert soon.code == 0
    second = sendyard("otp", "send", "--to", AMERICAN)
    assert second.code == 1
    assert "left a moment ago; wait" in second.err
    assert "left a moment ago; wait" in sendyard("otp", "resend", soon.document["id"]).err
    assert sendyard("otp", "verify", soon.document["id"], "letters").code == 1
    assert sendyard("otp", "verify", "nothing", "123456", "--json").document["error"]["code"] == "unknown_code"
    assert sendyard("otp", "send", "--to", AMERICAN, "--length", "3").code == 2
    assert "makes codes" in sendyard("otp", "send", "--to", AMERICAN, "--provider").err


def test_provider_that_gives_no_answer_leaves_a_code_that_can_be_checked(
    sendyard: Command, accounts: None, emulators: dict[str, Any], data_dir: Path
) -> None:
    number = "+919876500077"
    rule = {"effect": {"type": "garbage", "accepted": True}, "recipients": [number]}
    post(f"{emulators['control']}/scenarios", rule)
    sent = sendyard("otp", "send", "--to", number, "--provider", "--account", "twofactor", "--json")
    assert sent.code == 0, sent.err
    assert sent.document["status"] == "unknown"
    assert "may be on its way" in sent.err
    code = code_in(texts(emulators, number)[-1])
    assert sendyard("otp", "verify", sent.document["id"], code).code == 0


def post(address: str, body: Any) -> None:
    request = Request(address, json.dumps(body).encode(), {"content-type": "application/json"})
    with urlopen(request) as answer:
        assert answer.status < 300
