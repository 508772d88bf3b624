"""
Templates, suppressions and keys from the command line.
"""

from tests.e2e.conftest import Command


def test_templates_are_added_edited_listed_and_previewed(sendyard: Command) -> None:
    assert "There are none" in sendyard("templates", "list").out
    assert sendyard("templates", "add", "hi", "Hi {name}").out == "hi, version 1: Hi {name}\n"
    edited = sendyard("templates", "edit", "hi", "--text", "-", given="Hello {name}\n")
    assert edited.out == "hi, version 2: Hello {name}\n"
    assert sendyard("templates", "edit", "hi", "--name", "Greeting", "--json").document["name"] == "Greeting"
    assert "Greeting" in sendyard("templates", "list").out
    shown = sendyard("templates", "preview", "hi", "--var", "name=Ann=a", "--country", "us")
    assert shown.out.startswith("Hello Ann=a\n")
    assert "not known" in shown.out
    assert sendyard("templates", "preview", "--text", "{a}", "--var", "a=1", "--json").document["text"] == "1"


def test_list_of_templates_says_where_to_go_on(sendyard: Command) -> None:
    for code in ("a", "b"):
        sendyard("templates", "add", code, "Text")
    page = sendyard("templates", "list", "--limit", "1", "--json").document
    assert (page["data"][0]["code"], page["next"]) == ("a", "a")
    assert "--after a" in sendyard("templates", "list", "--limit", "1").out
    assert sendyard("templates", "list", "--after", "a", "--json").document["next"] is None


def test_mistakes_with_templates_are_told(sendyard: Command) -> None:
    sendyard("templates", "add", "hi", "Hi {name}")
    assert "another code" in sendyard("templates", "add", "hi", "Hi").err
    assert "At character 4" in sendyard("templates", "add", "bad", "Hi {").err
    assert "needs a value for {name}" in sendyard("templates", "preview", "hi").err
    assert sendyard("templates", "preview").code == 2
    assert sendyard("templates", "edit", "hi").code == 2
    assert sendyard("templates", "edit", "nothing", "--text", "x").code == 1


def test_suppressions_are_added_listed_and_removed(sendyard: Command) -> None:
    assert sendyard("suppressions", "list").out == "Nobody is suppressed.\n"
    said = sendyard("suppressions", "add", "0912345678", "hello", "--country", "TW", "--channel", "sms")
    assert said.code == 3
    assert "+886912345678 is suppressed on sms (manual)." in said.out
    assert "'hello': Expected digits, found letters." in said.out
    assert sendyard("suppressions", "add", "hello").code == 1
    assert sendyard("suppressions", "add", "+886912345679", "--reason", "complaint").code == 0
    page = sendyard("suppressions", "list", "--limit", "1", "--json").document
    assert page["next"] == page["data"][0]["id"]
    assert f"--after {page['next']}" in sendyard("suppressions", "list", "--limit", "1").out
    assert len(sendyard("suppressions", "list", "--to", "+886912345678", "--json").document["data"]) == 1
    assert "That number is not suppressed." in sendyard("suppressions", "list", "--to", "+886912345600").out
    assert sendyard("suppressions", "remove", "+886912345678", "--channel", "sms").code == 0
    assert sendyard("suppressions", "remove", "+886912345678").code == 1


def test_keys_are_shown_once_listed_and_revoked(sendyard: Command) -> None:
    assert "There are no keys yet" in sendyard("keys", "list").out
    made = sendyard("keys", "create", "shop", "--scope", "messages:send", "--json").document
    assert made["key"].startswith("sy_live_")
    assert made["scopes"] == ["messages:send"]
    other = sendyard("keys", "create", "everything", "--kind", "test").out
    assert other.startswith("sy_test_")
    listed = sendyard("keys", "list")
    assert made["key"] not in listed.out
    assert made["hint"] in listed.out
    assert sendyard("keys", "revoke", made["id"]).out == "The key is revoked.\n"
    assert sendyard("keys", "list", "--json").document[0]["revoked_at"].endswith("Z")
    assert sendyard("keys", "revoke", "nothing").code == 1
    assert sendyard("keys", "create", "x", "--kind", "team").out.startswith("sy_team_")
