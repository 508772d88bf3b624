"""
Contacts, lists, segments and lists of suppressions from the command line.
"""

from pathlib import Path

import pytest

from sendyard.delivery.transport import Transport
from tests.e2e.conftest import Command
from tests.features.list_play import Provider


def test_people_are_added_listed_shown_exported_and_erased(sendyard: Command) -> None:
    assert sendyard("contacts", "list").out == "There is nobody yet.\n"
    sendyard("lists", "add", "Spring")
    said = sendyard("contacts", "add", "0912345678", "--country", "TW", "--name", "王", "--tag", "vip",
                    "--list", "Spring",
                    "--email", "w@x.example", "--json")  # fmt: skip
    assert (said.code, said.document["phone"]) == (0, "+886912345678")
    contact = said.document["id"]
    assert sendyard("contacts", "add", "+886912345679", "--field", "city").code == 2
    assert sendyard("contacts", "add", "+886912345678").code == 1
    assert "Added +886912345679" in sendyard("contacts", "add", "+886912345679").out
    page = sendyard("contacts", "list", "--limit", "1", "--json").document
    assert (page["data"][0]["id"], page["next"]) == (contact, "1")
    assert "There are more: --after 1" in sendyard("contacts", "list", "--limit", "1").out
    assert "The filter finds nobody." in sendyard("contacts", "list", "--filter", "lead = won").out
    shown = sendyard("contacts", "show", "0912345678", "--country", "TW").out
    assert "email w@x.example" in shown
    assert "Asia/Taipei (guessed)" in shown
    assert sendyard("contacts", "show", "+886912345600").code == 1
    exported = sendyard("contacts", "export", contact, "--json").document
    assert exported["contact"]["id"] == contact
    assert "with --json" in sendyard("contacts", "export", contact).out
    assert sendyard("contacts", "erase", contact, given="n\n").code == 1
    assert "Erased. 0 messages" in sendyard("contacts", "erase", contact, "--yes").out
    assert sendyard("contacts", "show", contact).code == 1


def test_lists_and_segments_are_counted(sendyard: Command) -> None:
    assert sendyard("lists", "list").out == "There are no lists yet.\n"
    assert sendyard("lists", "add", "Spring", "--description", "x").code == 0
    contact = sendyard("contacts", "add", "+886912345678", "--tag", "vip", "--json").document["id"]
    assert "1 more are on Spring" in sendyard("lists", "put", "Spring", contact).out
    assert sendyard("lists", "list", "--json").document["data"][0]["contacts"] == 1
    assert sendyard("segments", "count", "list = Spring").out == "1 people.\n"
    assert sendyard("segments", "add", "Vips", "tag = vip").out == "Saved Vips.\n"
    assert sendyard("segments", "count", "@Vips", "--json").document["count"] == 1
    assert "tag = vip" in sendyard("segments", "list").out
    wrong = sendyard("segments", "count", "tag = vpi and country = TW")
    assert wrong.code == 1
    assert "tag = vpi and country = TW\n      ^\n" in wrong.err
    assert "did you mean vip?" in wrong.err
    assert sendyard("segments", "remove", "Vips").code == 0
    assert "1 fewer" in sendyard("lists", "take", "Spring", contact).out
    assert sendyard("lists", "remove", "Spring").code == 0


def test_lists_of_suppressions_are_taken_over_and_written(sendyard: Command, tmp_path: Path) -> None:
    file = tmp_path / "dnc.txt"
    file.write_text("0912345678\nhello\n", encoding="utf-8")
    said = sendyard("suppressions", "import", str(file), "--country", "TW", "--reason", "do_not_call")
    assert said.code == 3
    assert "1 more are suppressed; 0 were already." in said.out
    assert "row 2: 'hello'" in said.out
    again = sendyard("suppressions", "import", str(file), "--country", "TW", "--json")
    assert (again.document["added"], again.document["known"]) == (0, 1)
    written = tmp_path / "out.csv"
    assert "Wrote 1 suppressions" in sendyard("suppressions", "export", str(written)).out
    assert "+886912345678,,,do_not_call,dnc.txt" in written.read_text(encoding="utf-8")


def test_lists_are_read_in_the_encoding_they_have(sendyard: Command, tmp_path: Path) -> None:
    file = tmp_path / "dnc.csv"
    korean = "phone,evidence\n010-1234-5678,전화로 수신거부 요청\n"
    chinese = "phone,evidence\n0912345678,客戶來電要求不再收到簡訊\n"
    for text, country, codec, label in (
        (korean, "KR", "utf-8", "UTF-8"),
        (korean, "KR", "utf-8-sig", "UTF-8 with mark"),
        (korean, "KR", "utf-16", "UTF-16 LE"),
        (korean, "KR", "utf-16-be", "UTF-16 BE"),
        (korean, "KR", "cp949", "CP949"),
        (chinese, "TW", "cp950", "Big5"),
    ):
        file.write_bytes(text.encode(codec))
        read = sendyard("suppressions", "import", str(file), "--country", country, "--json").document
        assert (read["encoding"], read["refused"], read["added"] + read["known"]) == (label, [], 1)
        agreed = sendyard("consents", "import", str(file), "--country", country, "--json").document
        assert (agreed["encoding"], agreed["rows"]) == (label, 1)
    kept = sendyard("suppressions", "list", "--json").document["data"]
    assert [(one["address"], one["evidence"]) for one in kept] == [
        ("+821012345678", "전화로 수신거부 요청"), ("+886912345678", "客戶來電要求不再收到簡訊"),
    ]  # fmt: skip
    assert sendyard("suppressions", "import", str(file), "--encoding", "Big5").out.startswith("Read as Big5.\n")
    wrong = sendyard("suppressions", "import", str(file), "--encoding", "UTF-8")
    assert (wrong.code, "found other bytes in line 2" in wrong.err) == (1, True)
    assert sendyard("suppressions", "import", str(file), "--encoding", "Klingon").code == 1
    file.write_bytes(b"PK\x03\x04")
    assert "found a workbook" in sendyard("suppressions", "import", str(file)).err
    file.write_bytes(b"")
    assert sendyard("suppressions", "import", str(file), "--json").document["rows"] == 0


def test_custom_fields_are_made_used_changed_and_removed(sendyard: Command) -> None:
    assert sendyard("fields", "list").out == "There are no custom fields yet.\n"
    assert sendyard("fields", "add", "name").code == 1
    assert "Made the field city (text)." in sendyard("fields", "add", "city").out
    sendyard("fields", "add", "grade", "--type", "choice", "--choice", "gold", "--choice", "silver")
    made = sendyard("fields", "add", "amount", "--type", "money", "--currency", "twd", "--json").document
    assert (made["type"], made["currency"]) == ("money", "TWD")
    assert sendyard("contacts", "add", "+886912345678", "--field", "city=臺北", "--field", "grade=bronze").code == 1
    assert sendyard("contacts", "add", "+886912345678", "--field", "city=臺北", "--field", "grade=gold").code == 0
    assert "Changed the field grade." in sendyard("fields", "edit", "grade", "--choice", "bronze").out
    assert "bronze" in sendyard("fields", "list").out
    assert sendyard("fields", "remove", "city", given="n\n").code == 1
    assert sendyard("fields", "remove", "city", "--yes").out == "Removed city; 1 people had a value.\n"


def test_people_are_changed_merged_and_split_again(sendyard: Command) -> None:
    sendyard("fields", "add", "city")
    one = sendyard("contacts", "add", "+886912345678", "--name", "王", "--tag", "vip", "--json").document["id"]
    two = sendyard("contacts", "add", "+886912345679", "--email", "w@x.example", "--json").document["id"]
    changed = sendyard("contacts", "edit", "0912345678", "--country", "TW", "--field", "city=臺北", "--lead", "won",
                       "--tag", "", "--identity", f"line_id=U{'0' * 32}", "--json").document  # fmt: skip
    assert (changed["fields"], changed["lead"], changed["tags"]) == ({"city": "臺北"}, "won", [])
    assert "Changed 王." in sendyard("contacts", "edit", one, "--field", "city=", "--list", "", "--tag", "vip").out
    assert sendyard("contacts", "edit", one, "--identity", "line").code == 2
    assert sendyard("contacts", "history", one).out == "Never merged or split.\n"
    assert "w@x.example" in sendyard("contacts", "merge", one, "+886912345679").out
    again = sendyard("contacts", "merge", one, two)
    assert again.code == 1
    assert "one person already" in again.err or "the same one twice" in again.err
    merge = sendyard("contacts", "history", one, "--json").document["data"][0]["id"]
    assert "Two people now" in sendyard("contacts", "split", one, "--merge", merge).out
    assert sendyard("contacts", "show", two, "--json").document["phone"] == "+886912345679"
    parted = sendyard("contacts", "split", two, "--identity", "email=w@x.example", "--json").document
    assert [i["kind"] for i in parted["other"]["identities"]] == ["email"]
    assert sendyard("contacts", "forget-identity", one, f"line_id=U{'0' * 32}").out == "Forgot the line_id.\n"
    assert sendyard("contacts", "forget-identity", one, "phone=+886912345678").code == 1


def test_lists_and_segments_get_other_names_and_filters(sendyard: Command) -> None:
    sendyard("lists", "add", "Spring")
    assert "Changed the list Summer" in sendyard("lists", "edit", "Spring", "--name", "Summer").out
    sendyard("contacts", "add", "+886912345678", "--tag", "vip")
    sendyard("segments", "add", "Vips", "tag = vip")
    assert "Changed Best: country = TW" in sendyard("segments", "edit", "Vips", "--name", "Best", "--filter",
                                                    "country = TW").out  # fmt: skip
    assert "^" in sendyard("segments", "edit", "Best", "--filter", "tag = vpi").err


def test_lists_that_providers_keep_are_read_and_kept_in_step(
    sendyard: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sendyard("suppressions", "lists").out == "There are no accounts yet.\n"
    provider = Provider("gupshup_whatsapp", opted_out=["919876543210"])
    monkeypatch.setattr(Transport, "exchange", lambda _, request, timeout: provider.exchange(request, timeout))
    given = {**provider.settings, "base_url": "http://127.0.0.1:9"}
    assert sendyard("accounts", "add", "gupshup_whatsapp", "--name", "in-main",
                    *(f"--set={name}={value}" for name, value in given.items())).code == 0  # fmt: skip
    assert "can be told what people refuse here" in sendyard("suppressions", "lists").out
    assert sendyard("suppressions", "sync", "--account", "in-main").out == (
        "1 refuse and 0 agreed; 1 more are suppressed.\n"
    )
    kept = sendyard("suppressions", "keep", "--account", "in-main", "--every-hours", "24", "--tell")
    assert kept.out == "The list of in-main is read every 24 hours; it is told what people refuse.\n"
    listed = sendyard("suppressions", "lists", "--json").document["data"]
    assert (listed[0]["state"], listed[0]["refusing"], listed[0]["every_hours"]) == ("done", 1, 24)
    monkeypatch.setattr("sendyard.features.audience.opt_outs.lists._AT_A_STRETCH", 0.0)
    provider.console(is_young=True)
    said = sendyard("suppressions", "sync", "--account", "in-main")
    assert (said.code, "App not supported" in said.out) == (1, True)
    assert sendyard("suppressions", "sync", "--account", "nobody").code == 1
    never = sendyard("suppressions", "keep", "--account", "in-main", "--every-hours", "0", "--no-tell")
    assert never.out == "The list of in-main is read when somebody asks; it is not told what people refuse.\n"


def test_a_list_too_long_for_one_sitting_says_that_a_server_reads_on(
    sendyard: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider("wati", no_broadcasts=[f"+9198{count:08d}" for count in range(101)])
    monkeypatch.setattr(Transport, "exchange", lambda _, request, timeout: provider.exchange(request, timeout))
    monkeypatch.setattr("sendyard.features.audience.opt_outs.lists._AT_A_STRETCH", 0.0)
    sendyard("accounts", "add", "wati", "--name", "in", "--set=base_url=http://127.0.0.1:9/100200",
             *(f"--set={name}={value}" for name, value in provider.settings.items()))  # fmt: skip
    assert "a running server reads on" in sendyard("suppressions", "sync", "--account", "in").out
