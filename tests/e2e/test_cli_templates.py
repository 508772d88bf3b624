"""
Templates in full and data records from the command line.
"""

import json
import tomllib
from pathlib import Path

import pytest

from tests.e2e.conftest import Command

DOCUMENT = {
    "language": "en",
    "variables": {"flight.date": {"type": "date"}},
    "bodies": {
        "sms": {"en": {"text": "Hi {name}, {flight.number} on {flight.date}"}, "ko": {"text": "{name}님 {flight.date}"}}
    },
    "samples": [{"name": "Ann", "flight.number": "X 1", "flight.date": "2026-05-03"}],
}


@pytest.fixture
def flight(sendyard: Command, tmp_path: Path) -> Command:
    """A template with a document."""
    file = tmp_path / "flight.json"
    file.write_text(json.dumps(DOCUMENT))
    added = sendyard("templates", "add", "flight", "--document", str(file))
    assert added.code == 0, added.err
    return sendyard


@pytest.fixture
def flights(sendyard: Command, tmp_path: Path) -> Command:
    """A table of flights."""
    file = tmp_path / "flights.csv"
    file.write_text("Number,Date\nBW 120,2026-05-03\nBW 121,soon\n")
    done = sendyard("records", "import", str(file), "--table", "flights", "--type", "date=date", "--prefix", "flight")
    assert done.code == 3, done.err
    assert "row 3: Expected a day such as 2026-05-03 in date, found 'soon'" in done.out
    return sendyard


def test_a_record_and_a_template_make_a_preview(flight: Command, flights: Command) -> None:
    given = ("--record", "flights:BW 120", "--var", "name=Mina")
    assert "Hi Mina, BW 120 on May 3, 2026" in flight("templates", "preview", "flight", *given).out
    found = flight("templates", "preview", "flight", *given, "--language", "ko", "--country", "kr", "--json").document
    assert (found["text"], found["class"], found["language"]) == ("Mina님 2026. 5. 3.", "SMS", "ko")
    sample = flight("templates", "preview", "flight", "--sample", "0", "--channel", "whatsapp")
    assert "Hi Ann, X 1 on May 3, 2026" in sample.out
    assert flight("templates", "preview", "flight", "--record", "flights").code == 2
    assert flight("templates", "preview", "flight", "--record", "flights:1").code == 1
    assert flight("templates", "preview", "flight", "--contact", "nobody").code == 1
    assert flight("templates", "preview").code == 2
    wrong = flight("templates", "preview", "flight", "--var", "name=A", "--var", "flight.date=soon")
    assert "Expected a day such as 2026-05-03 for {flight.date}" in wrong.err


def test_a_preview_shows_what_stands_around_the_text(sendyard: Command, tmp_path: Path) -> None:
    body = {
        "header": "Your parcel",
        "text": "Hi {name}",
        "footer": "ACME",
        "buttons": [{"kind": "reply", "text": "OK"}],
    }
    file = tmp_path / "parcel.json"
    file.write_text(json.dumps({
        "language": "en", "samples": [{"name": "Ann"}, {"name": "Bo"}],
        "bodies": {
            "whatsapp": {"en": body}, "sms": {"en": {"text": "Hi"}}, "lms": {"en": {"title": "T", "text": "Hi"}},
        },
    }))  # fmt: skip
    assert sendyard("templates", "add", "parcel", "--document", str(file)).code == 0
    shown = sendyard("templates", "preview", "parcel", "--channel", "whatsapp", "--sample", "1")
    assert shown.out.startswith("Your parcel\nHi Bo\nACME\n[OK]\n")
    korean = sendyard("templates", "preview", "parcel", "--sample", "0", "--country", "KR", "--json").document
    assert (korean["kind"], korean["class"]) == ("lms", "LMS")


def test_a_preview_names_costly_characters_and_what_rules_say(sendyard: Command) -> None:
    said = sendyard("templates", "preview", "--text", "Spring… sale", "--country", "US", "--purpose", "promotional")
    assert "'…' (HORIZONTAL ELLIPSIS) makes it dearer; write '...' instead." in said.out
    korean = sendyard("templates", "preview", "--text", "봄 할인", "--country", "KR", "--purpose", "promotional")
    assert korean.out.startswith("(광고)")
    assert "(kr.label)" in korean.out


def test_a_preview_names_what_sending_would_refuse(sendyard: Command, tmp_path: Path) -> None:
    shown = sendyard("templates", "preview", "--text", "안녕 🎉", "--country", "KR")
    assert shown.code == 0
    refused = "refused: Korean carriers cannot show these characters: '🎉'; replace them. (characters_not_carried)"
    assert refused in shown.out.splitlines()
    assert "problem" not in shown.out
    assert "refused:" not in sendyard("templates", "preview", "--text", "안녕", "--country", "KR").out
    file = tmp_path / "press.json"
    buttons = [{"kind": "reply", "text": "OK"}]
    file.write_text(json.dumps({"bodies": {"alimtalk": {"": {"text": "Hi", "buttons": buttons}}}}))
    assert sendyard("templates", "add", "press", "--document", str(file)).code == 0
    found = sendyard("templates", "preview", "press", "--channel", "alimtalk", "--json").document
    assert [one["code"] for one in found["problems"]] == ["buttons_not_carried"]


def test_a_word_that_a_document_does_not_know_is_answered_with_those_it_knows(
    sendyard: Command, tmp_path: Path
) -> None:
    document: dict[str, object] = {"bodies": {"sms": {"": {"text": "Hi"}}}, "variables": {"n": {"type": "int"}}}
    known = "variables/n/type: Expected one of text, number, money, date, time, link, list, found 'int'."
    file = tmp_path / "strange.json"
    file.write_text(json.dumps(document))
    added = sendyard("templates", "add", "strange", "--document", str(file))
    assert (added.code, added.err.strip()) == (1, f"Error: {known}")
    file.write_text(json.dumps({"templates": [{"code": "strange", "document": document}]}))
    brought = sendyard("templates", "import", str(file))
    assert (brought.code, f"refused: strange: {known}" in brought.out) == (1, True)


def test_rows_are_listed_and_removed(flights: Command) -> None:
    listed = flights("records", "list", "--json").document["data"]
    assert [(one["name"], one["prefix"], one["rows"]) for one in listed] == [("flights", "flight", 1)]
    assert "date (date)" in flights("records", "list").out
    assert "BW 120  2026-05-03" in flights("records", "rows", "flights").out
    assert (
        flights("records", "add", "orders", "--key", "no", "--column", "no=text", "--column", "sum=money:TWD").code == 0
    )
    assert "no (text), sum (money)" in flights("records", "list").out
    assert "has no rows" in flights("records", "rows", "orders").out
    assert flights("records", "remove", "flights", "BW 120").code == 0
    assert flights("records", "rows", "flights", "--json").document == {"data": [], "next": None}
    assert flights("records", "remove", "flights").code == 0
    gone = flights("records", "rows", "flights")
    assert (gone.code, "There is no table 'flights'" in gone.err) == (1, True)


def test_a_file_without_a_good_row_is_not_done(sendyard: Command, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("no,at\n1,noon\n")
    given = ("records", "import", str(file), "--table", "visits", "--type", "at=time")
    assert sendyard(*given, "--dry-run").code == 1
    assert sendyard("records", "list", "--json").document == {"data": []}


def test_a_template_lives(flight: Command, tmp_path: Path) -> None:
    assert "sms ko" in flight("templates", "show", "flight").out
    assert flight("templates", "edit", "flight", "--text", "Hello {name}, {flight.number} on {flight.date}").code == 0
    compared = flight("templates", "diff", "flight", "1", "2").out
    assert "sms/en/text: changed" in compared
    assert "[-Hi-]{+Hello+} {name}" in compared
    assert "They say the same." in flight("templates", "diff", "flight", "2", "2").out
    document = dict(DOCUMENT, category="travel")
    file = tmp_path / "again.json"
    file.write_text(json.dumps(document))
    assert flight("templates", "edit", "flight", "--document", str(file)).code == 0
    assert "category:  → travel" in flight("templates", "diff", "flight", "1", "3").out
    assert flight("templates", "copy", "flight", "flight-2").code == 0
    assert "is archived" in flight("templates", "archive", "flight").out
    assert [one["code"] for one in flight("templates", "list", "--json").document["data"]] == ["flight-2"]
    assert "flight " in flight("templates", "list", "--archived").out
    refused = flight("send", "--to", "+886912345678", "--template", "flight")
    assert (refused.code, "is archived" in refused.err) == (1, True)
    assert "offered again" in flight("templates", "unarchive", "flight").out
    assert flight("templates", "add", "x").code == 2
    assert flight("templates", "edit", "flight").code == 2
    file.write_text("[]")
    assert flight("templates", "add", "x", "--document", str(file)).code == 2


def test_templates_are_carried_as_a_file(flight: Command, tmp_path: Path) -> None:
    exported = flight("templates", "export")
    assert flight("templates", "export", "--json").document == json.loads(exported.out)
    written = flight("templates", "export", "flight", "--toml").out
    assert [one["code"] for one in tomllib.loads(written)["templates"]] == ["flight"]
    file = tmp_path / "templates.toml"
    file.write_text(written.replace('code = "flight"', 'code = "other"').replace("Hi {name}", "Hey {name}"))
    assert "added  other" in flight("templates", "import", str(file), "--dry-run").out
    assert flight("templates", "import", str(file)).code == 0
    assert flight("templates", "show", "other", "--json").document["body"].startswith("Hey")
    file.write_text(written.replace('code = "flight"', 'code = "not good"'))
    refused = flight("templates", "import", str(file))
    assert (refused.code, "refused: not good" in refused.out) == (1, True)
    file.write_text("{")
    assert flight("templates", "import", str(file)).code == 1


def test_sets_to_begin_with_are_installed(sendyard: Command) -> None:
    listed = sendyard("templates", "starters")
    assert "charter-flights" in listed.out
    assert "0 of 6" in listed.out
    assert "delivery-done" in sendyard("templates", "starters", "install", "delivery").out
    found = sendyard("templates", "starters", "list", "--json").document["data"]
    assert [one["set"] for one in found if all(each["installed"] for each in one["templates"])] == ["delivery"]
    assert sendyard("templates", "starters", "install", "nothing").code == 1
    shown = sendyard("templates", "preview", "delivery-today", "--sample", "0", "--language", "zh-TW")
    assert shown.out.startswith("Harbor Express：包裹 HX-20418 將於今日 下午2:00 至 下午4:00 送達")
