"""
Contacts, lists, segments and lists of suppressions from the command line.
"""

from pathlib import Path

from tests.e2e.conftest import Command


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
    file.write_bytes("전화".encode("cp949"))
    assert sendyard("suppressions", "import", str(file)).code == 2
