"""
Short links from the command line; followed at a real server.
"""

import http.client
import os
import socket
import time
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Command, Process

URL = "https://shop.example/sale"


@pytest.fixture(autouse=True)
def public(data_dir: object, monkeypatch: pytest.MonkeyPatch) -> None:
    del data_dir
    monkeypatch.setenv("SENDYARD_PUBLIC_URL", "https://yard.example")


@pytest.fixture
def serving() -> Iterator[int]:
    """A server of this installation in a process of its own; gives its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    serve = Process("serve", "--port", str(port), "--json", SENDYARD_DATA_DIR=os.environ["SENDYARD_DATA_DIR"])
    try:
        serve.line("{")
        yield port
    finally:
        serve.clean()


def test_links_are_made_listed_shown_changed_and_ended(sendyard: Command) -> None:
    assert "no links yet" in sendyard("links", "list").out
    made = sendyard("links", "add", URL, "--code", "sale", "--title", "Spring")
    assert (made.code, "Write {link.sale} in a template" in made.out) == (0, True)
    assert "https://yard.example/l/" in made.out
    other = sendyard("links", "add", "https://shop.example/track/{number}", "--json")
    assert other.document["short_url"] is None
    assert "poster" not in sendyard("links", "add", "https://shop.example/{number}", "--code", "third").out
    listed = sendyard("links", "list", "--limit", "1")
    assert "third" in listed.out
    following = sendyard("links", "list", "--limit", "1", "--json").document["next"]
    assert f"--after {following}" in listed.out
    rest = sendyard("links", "list", "--after", following, "--json").document
    assert [one["code"] for one in rest["data"]] == [other.document["code"], "sale"]
    shown = sendyard("links", "show", "sale", "--clicks", "5")
    assert "Nobody followed it yet." in shown.out
    changed = sendyard("links", "change", "sale", "--expires-in", "0", "--preview-page", "--json").document
    assert (changed["preview_page"], changed["expires_at"] is not None) == (True, True)
    assert "ends" in sendyard("links", "change", "sale", "--title", "Over").out


def test_what_cannot_be_is_said_with_its_exit_code(sendyard: Command) -> None:
    wrong = sendyard("links", "add", "javascript:alert(1)")
    assert (wrong.code, "begins with https://" in wrong.err) == (1, True)
    gone = sendyard("links", "show", "none")
    assert (gone.code, "There is no link 'none'" in gone.err) == (1, True)
    assert sendyard("links", "add").code == 2


def test_domains_are_noted_and_verified_only_if_they_lead_here(
    sendyard: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDYARD_PRIVATE_LINK_DOMAINS", "true")
    assert "no hosts" in sendyard("links", "domains", "list").out
    noted = sendyard("links", "domains", "add", "http://127.0.0.1:9")
    assert "sendyard links domains verify 127.0.0.1:9" in noted.out
    listed = sendyard("links", "domains", "list")
    assert "not yet" in listed.out
    elsewhere = sendyard("links", "domains", "verify", "127.0.0.1:9")
    assert (elsewhere.code, "nobody answered" in elsewhere.err) == (1, True)
    assert sendyard("links", "domains", "remove", "127.0.0.1:9").out == "Removed 127.0.0.1:9.\n"


def test_domain_is_proved_and_a_click_is_counted_at_a_real_server(
    sendyard: Command, serving: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = f"127.0.0.1:{serving}"
    sendyard("links", "domains", "add", f"http://{host}")
    refused = sendyard("links", "domains", "verify", host)
    assert (refused.code, "private network" in " ".join(refused.err.split())) == (1, True), refused.err
    monkeypatch.setenv("SENDYARD_PRIVATE_LINK_DOMAINS", "true")
    verified = sendyard("links", "domains", "verify", host)
    assert verified.out == f"{host} leads here; short links may begin with it.\n"
    short = sendyard("links", "add", URL, "--code", "sale", "--json").document["short_url"]
    assert short.startswith(f"http://{host}/l/")
    connection = http.client.HTTPConnection("127.0.0.1", serving, timeout=60)
    for agent in ("Mozilla/5.0 (Linux; Android 14; SM-S921N) Mobile Safari/537.36", "curl/8.5.0"):
        connection.request("GET", short.removeprefix(f"http://{host}"), headers={"user-agent": agent})
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.headers["location"]) == (302, URL)
    connection.close()
    for _ in range(500):
        found = sendyard("links", "show", "sale", "--clicks", "5", "--json").document
        # The sums are read before the visits.
        if found["visits"]["clicks"] + found["visits"]["filtered"] == 2:
            break
        time.sleep(0.1)
    assert (found["visits"]["clicks"], found["filtered_reasons"]) == (1, {"program": 1})
    counted = sendyard("links", "show", "sale", "--clicks", "5", "--counted")
    assert "android" in counted.out
    assert counted.out.count("program") == 1  # in the summary alone
