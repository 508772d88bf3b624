"""
Consents, keywords and errands from the command line.
"""

import json
from pathlib import Path

from tests.e2e.conftest import Command

KOREAN, AMERICAN = "+821012345678", "+12025550123"
TWILIO = {"account_sid": "AC" + "1" * 32, "auth_token": "invented-token", "base_url": "http://127.0.0.1:9"}


def account(sendyard: Command, tmp_path: Path, provider: str, name: str, **settings: str) -> None:
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    sender = "+15005550006" if provider == "twilio" else ""
    assert sendyard("accounts", "add", provider, "--name", name, "--settings", str(file), "--sender", sender).code == 0


def test_what_people_said_is_kept_listed_taken_over_and_written(sendyard: Command, tmp_path: Path) -> None:
    assert sendyard("consents", "list").out == "Nobody has said anything yet.\n"
    said = sendyard("consents", "add", "010-1234-5678", "--country", "KR", "--kind", "night", "--at", "2026-01-02",
                    "--evidence", "form", "--json")  # fmt: skip
    assert (said.code, said.document["address"], said.document["at"]) == (0, KOREAN, "2026-01-02T00:00:00.000Z")
    assert "marketing granted" in sendyard("consents", "add", AMERICAN).out
    page = sendyard("consents", "list", "--limit", "1", "--json").document
    assert (len(page["data"]), page["next"]) == (1, said.document["id"])
    assert "There are more" in sendyard("consents", "list", "--limit", "1").err
    file = tmp_path / "agreed.csv"
    file.write_text("phone,at\n010-1111-2222,2026-05-06\nhello,\n", encoding="utf-8")
    loaded = sendyard("consents", "import", str(file), "--country", "KR")
    assert loaded.code == 3
    assert "1 words were new; 0 were known already." in loaded.out
    assert "row 3: 'hello'" in loaded.out
    written = tmp_path / "out.csv"
    assert "Wrote 3 words" in sendyard("consents", "export", str(written)).out
    assert "+821011112222,,promotional,marketing,granted,agreed.csv" in written.read_text(encoding="utf-8")
    confirmed = sendyard("consents", "confirm", said.document["id"], "--at", "2026-02-03", "--json").document
    assert confirmed["confirmed_at"] == "2026-02-03T00:00:00.000Z"
    assert "Confirmed with" in sendyard("consents", "confirm", said.document["id"]).out
    file.write_bytes("전화".encode("cp949"))
    read = sendyard("consents", "import", str(file))
    assert (read.code, read.out.splitlines()[0]) == (1, "Read as CP949.")


def test_somebody_is_asked(sendyard: Command, tmp_path: Path) -> None:
    account(sendyard, tmp_path, "twilio", "us", **TWILIO)
    assert sendyard("consents", "requests").out == "Nobody was asked.\n"
    asked = sendyard("consents", "ask", AMERICAN, "--account", "us", "--json")
    assert (asked.code, asked.document["state"]) == (0, "waiting")
    assert "the answer counts until" in sendyard("consents", "ask", AMERICAN, "--account", "us").out
    found = sendyard("consents", "requests", "--state", "replaced", "--json").document["data"]
    assert [one["id"] for one in found] == [asked.document["id"]]
    assert "replaced" in sendyard("consents", "requests", "--limit", "1").out
    assert sendyard("consents", "ask", AMERICAN, "--account", "us", "--text", "Join us").code == 1


def test_consents_that_fall_due_are_listed_and_reminded_of(sendyard: Command) -> None:
    assert "Nothing has to be confirmed within 30 days." in sendyard("consents", "due").out
    sendyard("consents", "add", KOREAN, "--at", "2020-01-02")
    assert "(overdue)" in sendyard("consents", "due").out
    assert sendyard("consents", "due", "--json").document["data"][0]["overdue"] is True
    refused = sendyard("consents", "remind")
    assert refused.code == 1
    assert "sender's name" in refused.err
    settings = sendyard("consents", "settings", "--automatic", "--days-before", "20", "--json").document
    assert settings == {"automatic": True, "days_before": 20, "account": "", "sender": ""}
    assert "days before  20" in sendyard("consents", "settings").out


def test_words_and_texts_are_added_listed_and_taken_back(sendyard: Command) -> None:
    assert "수신거부" in sendyard("keywords", "list", "--language", "ko").out
    assert "means opt_out from now on" in sendyard("keywords", "add", "Basta!", "opt_out").out
    assert sendyard("keywords", "list", "--json").document["data"][0]["word"] == "Basta!"
    assert sendyard("keywords", "add", "stop", "help").code == 1
    assert sendyard("keywords", "remove", "BASTA").code == 0
    assert sendyard("keywords", "remove", "BASTA").code == 1
    assert "opt_out in en: Bye." in sendyard("keywords", "say", "opt_out", "en", "Bye.").out
    assert "yours" in sendyard("keywords", "texts", "--language", "en").out
    assert "You have unsubscribed" in sendyard("keywords", "say", "opt_out", "en").out
    texts = sendyard("keywords", "texts", "--json").document["data"]
    assert not any(one["own"] for one in texts)


def test_a_contact_is_pushed_and_errands_are_listed(sendyard: Command, tmp_path: Path) -> None:
    assert sendyard("errands", "list").out == "There are none.\n"
    account(sendyard, tmp_path, "openphone", "quo", api_key="invented", base_url="http://127.0.0.1:9")
    sendyard("contacts", "add", AMERICAN, "--name", "Ada")
    pushed = sendyard("contacts", "push", AMERICAN, "--account", "quo", "--json")
    assert (pushed.code, pushed.document["state"]) == (0, "waiting")
    assert "A running server tries again" in sendyard("contacts", "push", AMERICAN, "--account", "quo").out
    listed = sendyard("errands", "list", "--state", "waiting", "--json").document["data"]
    assert [one["kind"] for one in listed] == ["contact"]
    assert "quo" in sendyard("errands", "list").out
    assert sendyard("errands", "opt-out-number", "quo", "080-123-4567").code == 1
    account(sendyard, tmp_path, "bizgo", "kr", api_key="invented", base_url="http://127.0.0.1:9")
    refused = sendyard("errands", "opt-out-number", "kr", "080-123-4567")
    assert refused.code == 1
    assert "sender key" in refused.out


def test_a_suppression_read_from_a_sentence_is_reviewed(sendyard: Command) -> None:
    assert sendyard("suppressions", "list", "--to-review", "--json").document["data"] == []
    assert sendyard("suppressions", "reviewed", "none").code == 1
