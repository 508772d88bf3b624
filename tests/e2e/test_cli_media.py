"""
Files from the command line; sent by a real server through an emulated provider.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.e2e.conftest import Command, Process
from tests.features.media_shelf import PDF, noise, picture

META = {
    "phone_number_id": "100000000000001",
    "waba_id": "200000000000002",
    "access_token": "EAAGinventedtoken0000000000000",
    "app_secret": "0123456789abcdef0123456789abcdef",
    "verify_token": "a-word-of-our-own",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "view.jpg").write_bytes(noise(size=(1600, 1200)))
    (folder / "menu.pdf").write_bytes(PDF)
    (folder / "logo.svg").write_bytes(b"<svg xmlns='x'/>")
    return folder


def test_files_are_added_listed_shown_and_deleted(sendyard: Command, files: Path) -> None:
    added = sendyard("media", "add", str(files / "view.jpg"), "--json")
    assert added.code == 0
    (view,) = added.document["data"]
    assert (view["content_type"], view["width"]) == ("image/jpeg", 1600)
    several = sendyard("media", "add", str(files / "menu.pdf"), str(files / "logo.svg"), str(files / "none.gif"))
    assert several.code == 3
    assert "menu.pdf" in several.out
    assert "an SVG picture" in several.err
    assert "found none at" in several.err
    alone = sendyard("media", "add", str(files / "logo.svg"))
    assert (alone.code, "an SVG picture" in alone.err) == (1, True)
    listed = sendyard("media", "list", "--limit", "1", "--json").document
    assert [one["name"] for one in listed["data"]] == ["menu.pdf"]
    assert listed["next"] == listed["data"][0]["id"]
    assert f"--after {listed['next']}" in sendyard("media", "list", "--limit", "1").out
    rest = sendyard("media", "list", "--after", listed["next"], "--json").document
    assert [one["id"] for one in rest["data"]] == [view["id"]]
    assert sendyard("media", "delete", view["id"]).out == f"Removed {view['id']}.\n"
    gone = sendyard("media", "show", view["id"])
    assert (gone.code, "There is no file" in gone.err) == (1, True)


def test_what_an_account_would_be_given_is_shown_and_written_to_a_file(sendyard: Command, files: Path) -> None:
    settings = ("--set", "api_key=mars_ak_invented", "--set", "base_url=http://127.0.0.1:9")
    assert sendyard("accounts", "add", "bizgo", "--name", "kr", *settings, "--sender", "15880000").code == 0
    added = sendyard("media", "add", str(files / "view.jpg"), "--json").document["data"][0]["id"]
    out = files / "small.jpg"
    shown = sendyard("media", "show", added, "--channel", "mms", "--account", "kr", "--out", str(out))
    assert shown.code == 0
    assert "kr (bizgo): " in shown.out
    assert "bytes became" in shown.out
    assert 0 < out.stat().st_size <= 307_200
    document = sendyard("media", "show", added, "--channel", "mms", "--json").document
    assert document["previews"][0]["sent"]["bytes"] == out.stat().st_size
    needs = sendyard("media", "show", added, "--account", "kr")
    assert (needs.code, "--account needs --channel" in needs.err) == (1, True)
    wrong = sendyard("media", "show", added, "--channel", "whatsapp", "--account", "kr")
    assert "carries no files on whatsapp" in wrong.out


@pytest.fixture
def server(data_dir: Path, emulators: dict[str, Any], sendyard: Command) -> Iterator[Process]:
    """`sendyard serve` with an account at WhatsApp."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    settings = {**META, "base_url": emulators["providers"]["meta_cloud"]}
    given = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    assert sendyard("accounts", "add", "meta_cloud", "--name", "wa", *given).code == 0
    serve = Process("serve", "--port", port, "--json", SENDYARD_DATA_DIR=os.environ["SENDYARD_DATA_DIR"])
    try:
        serve.line("{")
        yield serve
    finally:
        assert serve.end() == 0
        serve.clean()


def test_a_file_of_this_machine_and_buttons_are_sent_in_one_step(
    sendyard: Command, server: Process, emulators: dict[str, Any], files: Path
) -> None:
    to = ("--to", "+886912345678", "--channel", "whatsapp", "--account", "wa")
    sent = sendyard("send", *to, "--media", str(files / "menu.pdf"), "--text", "Our menu", "--json")
    assert sent.code == 0, sent.err
    (file,) = sent.document["media"]
    assert file["filename"] == "menu.pdf"
    again = sendyard("send", *to, "--media", file["id"], "--text", "Our menu again")
    assert (again.code, "menu.pdf" in again.out) == (0, True)
    pressed = sendyard("send", *to, "--text", "At home?", "--button", "yes=Yes", "--button", "No")
    assert (pressed.code, "Yes, No" in pressed.out) == (0, True)
    for _ in range(500):
        with urlopen(f"{emulators['control']}/mailbox?provider=meta_cloud&to=%2B886912345678") as answer:
            letters = json.load(answer)
        if len(letters) == 3:
            break
        time.sleep(0.1)
    assert {letter["text"] for letter in letters} == {"Our menu", "Our menu again", "At home?"}
    assert len({letter["media"][0] for letter in letters if letter["media"]}) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--media", "no-such-file.jpg", "--text", "x"), "Expected a file, the id of an uploaded one"),
        (("--button", "Yes"), "Buttons stand under a text"),
        (("--text", "x", "--footer", "y"), "belong to buttons"),
        (("--text", "x", "--media", "0192f0c1-0000-7000-8000-000000000000"), "There is no file"),
    ],
)
def test_what_cannot_be_sent_is_said_in_a_sentence(sendyard: Command, arguments: tuple[str, ...], said: str) -> None:
    refused = sendyard("send", "--to", "+886912345678", "--channel", "mms", *arguments)
    assert (refused.code, said in refused.err) == (1, True), refused.err


def test_a_picture_needs_no_ending(sendyard: Command, files: Path) -> None:
    (files / "picture").write_bytes(picture("PNG"))
    assert "picture.png" in sendyard("media", "add", str(files / "picture")).out
