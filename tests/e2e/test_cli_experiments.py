"""
Experiments from the command line; the loop that a server runs is run by hand.
"""

import asyncio
import html
from pathlib import Path

import pytest

from sendyard.bootstrap import Yard
from sendyard.settings import load
from tests.e2e.conftest import Command

COMPARED = ("--variant-text", "plain=Hi", "--metric", "delivered", "--expected-rate", "0.5", "--lift", "0.2",
            "--name", "May", "--purpose", "transactional")  # fmt: skip


def rounds() -> None:
    async def work(yard: Yard) -> None:
        await yard.directory.refresh()
        while await yard.expander.round():
            pass

    with Yard(load({})) as yard:
        asyncio.run(work(yard))


@pytest.fixture
def connected(sendyard: Command) -> Command:
    settings = ["--set", "account_sid=AC" + "1" * 32, "--set", "auth_token=invented-token",
                "--set", "base_url=http://127.0.0.1:9"]  # fmt: skip
    assert sendyard("accounts", "add", "twilio", "--name", "tw", *settings, "--sender", "+15005550006").code == 0
    assert sendyard("routes", "set", "tw", "--channel", "sms").code == 0
    assert sendyard("templates", "add", "warm", "Dear friend").code == 0
    return sendyard


def test_texts_are_compared_followed_and_chosen(connected: Command, tmp_path: Path) -> None:
    people = [word for place in range(20) for word in ("--to", f"+8869{place:08d}")]
    said = connected("campaign", "create", *COMPARED, "--variant", "warm=warm", "--sample", "50%", "--wait-minutes",
                     "30", "--otherwise", "first", *people, "--start", "--json")  # fmt: skip
    assert said.code == 0, said.err
    campaign = said.document
    assert [one["name"] for one in campaign["experiment"]["variants"]] == ["warm", "plain"]
    assert campaign["plan"]["experiment"]["sample"] == {"people": None, "percent": 50.0}
    rounds()
    shown = connected("campaign", "experiment", campaign["id"])
    assert "The rest is waiting for the result." in shown.out
    assert "The rest is waiting for the result." in connected("campaign", "results", campaign["id"]).out
    assert connected("campaign", "experiment", campaign["id"], "--json").document["state"] == "waiting"
    assert connected("campaign", "choose", campaign["id"]).code == 2
    assert connected("campaign", "choose", campaign["id"], "--variant", "cold").code == 1
    assert "It is decided" in connected("campaign", "choose", campaign["id"], "--variant", "warm").out
    rounds()
    assert "chosen (warm 100.0 %). By cli:" in connected("campaign", "experiment", campaign["id"]).out
    assert connected("campaign", "choose", campaign["id"], "--evenly").code == 1
    file = tmp_path / "shown.csv"
    assert connected("campaign", "experiment", campaign["id"], "--csv", str(file)).code == 0
    assert file.read_text("utf-8-sig").splitlines()[1].startswith("warm,")


def test_the_size_is_told_and_what_so_many_people_can_show(connected: Command) -> None:
    size = ("campaign", "experiment-size", "--expected-rate", "0.05", "--lift", "0.2")
    enough = connected(*size)
    assert (enough.code, "each text needs" in enough.out) == (0, True)
    few = connected(*size, "--people", "800", "--variants", "3")
    assert (few.code, "With 800 people only a difference of" in few.out) == (1, True)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--variant", "warm"), "NAME=TEMPLATE"),
        (("--sample", "many"), "--sample"),
    ],
)
def test_options_that_cannot_be_read_are_told(connected: Command, options: tuple[str, ...], complaint: str) -> None:
    said = connected("campaign", "create", *COMPARED, "--variant", "a=warm", "--to", "+886912345678", *options)
    assert (said.code, complaint in said.err) == (2, True)


def test_an_experiment_needs_its_figures(connected: Command) -> None:
    said = connected("campaign", "create", "--variant", "a=warm", "--to", "+886912345678")
    assert (said.code, "--metric, --expected-rate, --lift" in said.err) == (2, True)


def test_what_was_found_is_written_as_pages_for_a_browser(connected: Command, tmp_path: Path) -> None:
    people = [word for place in range(4) for word in ("--to", f"+8869{place:08d}")]
    campaign = connected("campaign", "create", *COMPARED, "--variant", "warm=warm", *people, "--json").document
    before, shown = tmp_path / "preflight.html", tmp_path / "experiment.html"
    said = connected("campaign", "preflight", campaign["id"], "--page", str(before), "--json")
    page = before.read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert f"<dd>{said.document['messages']:,}</dd>" in page
    assert said.document["checks"][0]["detail"] in html.unescape(page)
    said = connected("campaign", "experiment", campaign["id"], "--page", str(shown), "--json")
    assert said.document == {"id": campaign["id"], "page": str(shown)}
    assert "There has been no look yet" in shown.read_text("utf-8")
    printed = connected("campaign", "experiment", campaign["id"], "--page", "-")
    assert printed.out.startswith("<!doctype html>")
    assert printed.out.endswith("</html>")
    lost = connected("campaign", "preflight", campaign["id"], "--page", str(tmp_path / "none" / "page.html"))
    assert lost.code == 1
    assert f"Cannot write {tmp_path / 'none' / 'page.html'}: No such file or directory." in lost.err
