"""
Rules, facts and waivers from the command line.
"""

import asyncio
from pathlib import Path

from sendyard.bootstrap import Yard
from sendyard.delivery.evidence import keep_preflight
from sendyard.settings import Settings
from sendyard.storage.identifiers import now_ms
from tests.e2e.conftest import Command

ENTITY, TELEMARKETER = "1401234567890123456", "1402234567890123456"
TEMPLATE = "1107123456789012345"


def test_rules_are_listed_and_explained(sendyard: Command) -> None:
    said = sendyard("rules", "list", "--country", "KR", "--level", "defer", "--purpose", "promotional", "--json")
    assert [one["id"] for one in said.document["data"]][:2] == ["kr.night", "kr.kakao_hours"]
    assert "No advertising from 21:00 to 08:00" in sendyard("rules", "list", "--channel", "sms").out
    assert sendyard("rules", "list", "--level", "fix", "--waivable", "--country", "KR").out == "No rule is like that.\n"
    shown = sendyard("rules", "show", "tw.hours").out
    assert "defer, uncertain" in shown
    assert "compliance waivers add tw.hours" in shown
    assert sendyard("rules", "show", "kr.nothing").code == 1


def test_facts_are_told_shown_and_their_gaps_named(sendyard: Command) -> None:
    assert "not told (UTC)" in sendyard("compliance", "show").out
    assert "No country is in use yet" in sendyard("compliance", "gaps").out
    assert "sendyard compliance set --entity-id" in sendyard("compliance", "gaps", "--country", "IN").out
    said = sendyard(
        "compliance", "set", "--business", "ACME", "--home-zone", "Asia/Kolkata", "--entity-id", ENTITY,
        "--telemarketer", TELEMARKETER, "--chain", "approved", "--allow-url", "https://a.example/*", "--allow-url",
        "b.example", "--allow-number", "02-1234-5678", "--option", "korea_margin_minutes=15",
        "--option", "korea_relationship=yes",
    )  # fmt: skip
    assert said.code == 0
    assert "https://a.example/*, b.example" in said.out
    assert f"India, every account: {ENTITY}, {TELEMARKETER}; chain approved" in said.out
    assert "by command line" in said.out
    less = ("compliance", "set", "--remove-url", "b.example", "--remove-number", "02-1234-5678", "--option",
            "korea_margin_minutes=", "--json")  # fmt: skip
    document = sendyard(*less).document
    assert (document["allowed_urls"], document["allowed_numbers"]) == (["https://a.example/*"], [])
    assert (document["options"]["korea_margin_minutes"], document["options"]["korea_relationship"]) == (10, True)
    assert "expected something on the list" in sendyard(*less).err.lower()
    assert "registered numbers" in sendyard("compliance", "show").out
    assert sendyard("compliance", "set", "--account", "x").code == 2
    assert "Expected at least one fact" in sendyard("compliance", "set").err
    assert "found 'soon'" in sendyard("compliance", "set", "--option", "korea_margin_minutes=soon").err
    assert "entity" not in sendyard("compliance", "gaps", "--country", "IN").out
    for number in range(12):
        sendyard("compliance", "set", "--allow-number", f"02-1234-56{number:02}")
    assert "and 2 more" in sendyard("compliance", "show").out


def test_senders_are_told_listed_and_forgotten(sendyard: Command) -> None:
    assert "Nobody told anything" in sendyard("compliance", "sender", "list").out
    gaps = sendyard("compliance", "gaps", "--country", "TW").out
    assert "the sender the provider chooses of every account" in gaps
    said = sendyard("compliance", "sender", "set", "0911510123", "--identity-word", "樂活", "--registration",
                    "approved", "--no-replies")  # fmt: skip
    assert "identity_words" in said.out
    found = sendyard("compliance", "sender", "list", "--json").document["data"]
    assert [(one["value"], one["receives_replies"], one["updated_by"]) for one in found] == [
        ("0911510123", False, "command line")
    ]
    assert "樂活" in sendyard("compliance", "sender", "list").out
    assert sendyard("compliance", "sender", "remove", "0911510123").code == 0
    assert sendyard("compliance", "sender", "remove", "0911510123").code == 1


def test_registered_texts_come_from_the_portals_file(sendyard: Command, tmp_path: Path) -> None:
    file = tmp_path / "templates.csv"
    file.write_bytes(f"Template Id,Content\n{TEMPLATE},Hi {{#VAR#}}\n".encode("utf-16"))
    tried = sendyard("compliance", "templates", "import", str(file), "--dry-run")
    assert "Would be: 1 added" in tried.out
    assert "row 2: Placeholders are written in small letters" in tried.out
    assert sendyard("compliance", "templates", "list").out == "No registered text is known.\n"
    assert sendyard("compliance", "templates", "import", str(file), "--state", "approved").code == 0
    file.write_text(f"Template Id,Content\n{TEMPLATE},Hi {{#var#}}\n1,x\n")
    said = sendyard("compliance", "templates", "import", str(file))
    assert said.code == 3
    assert "row 3: refused: Expected the 19 digits" in said.out
    file.write_text("Template Id,Content\n1,x\n")
    assert sendyard("compliance", "templates", "import", str(file)).code == 1
    file.write_bytes("Template Id,Content\n1,전화\n".encode("cp949"))
    assert sendyard("compliance", "templates", "import", str(file)).code == 2
    other = ENTITY
    assert "of no known category" in sendyard("compliance", "templates", "set", other, "--text", "Hello").out
    sendyard("compliance", "templates", "set", other, "--header", "ACMEIN", "--tag", "var", "--state", "pending")
    page = sendyard("compliance", "templates", "list", "--limit", "1", "--json").document
    assert ([one["id"] for one in page["data"]], page["next"]) == ([TEMPLATE], TEMPLATE)
    assert f"--after {TEMPLATE}" in sendyard("compliance", "templates", "list", "--limit", "1").out
    assert "ACMEIN" in sendyard("compliance", "templates", "list", "--state", "pending").out
    assert sendyard("compliance", "templates", "remove", other).code == 0
    assert sendyard("compliance", "templates", "remove", other).code == 1


def keep(folder: Path, campaign: str) -> None:
    with Yard(Settings(data_dir=folder)) as yard:
        workspace, _ = asyncio.run(yard.workspaces.first())
        yard.database.write_now(
            lambda tx: keep_preflight(tx, workspace["id"], campaign, {"lines": []}, now=now_ms(), waived=["tw.hours"])
        )


def test_waivers_are_made_listed_withdrawn_and_found_in_the_evidence(
    sendyard: Command, data_dir: Path, tmp_path: Path
) -> None:
    people = tmp_path / "people.csv"
    people.write_text("phone\n+886912345678\n")
    campaign = sendyard("campaign", "create", "--csv", str(people), "--text", "Hi", "--json").document["id"]
    assert sendyard("compliance", "waivers", "list").out == "No rule is set aside.\n"
    why = ("--who", "Lin Yi", "--reason", "people asked for it")
    made = sendyard("compliance", "waivers", "add", "tw.hours", "--campaign", campaign, *why)
    assert "tw.hours is set aside for the campaign, decided by Lin Yi" in made.out
    assert sendyard("compliance", "waivers", "add", "kr.night", "--campaign", campaign, *why).code == 1
    assert sendyard("compliance", "waivers", "add", "tw.hours", "--until", "soon", *why).code == 2
    assert sendyard("compliance", "waivers", "add", "tw.hours", "--until", "2020-01-01", *why).code == 1
    page = sendyard("compliance", "waivers", "list", "--json").document["data"]
    assert (page[0]["campaign"], page[0]["until"], page[0]["in_force"]) == (campaign, None, True)
    assert "No preflight was kept" in sendyard("compliance", "evidence", campaign).out
    keep(data_dir, campaign)
    assert (
        "tw.hours set aside by Lin Yi (manager): people asked for it"
        in sendyard("compliance", "evidence", campaign).out
    )
    kept = sendyard("compliance", "evidence", campaign, "--json").document["data"]
    assert (kept[0]["report"], kept[0]["waivers"][0]["id"]) == ({"lines": []}, page[0]["id"])
    assert "is asked again" in sendyard("compliance", "waivers", "withdraw", page[0]["id"]).out
    assert sendyard("compliance", "waivers", "list", "--in-force").out == "No rule is set aside.\n"


def test_the_history_of_facts_is_listed_newest_first(sendyard: Command) -> None:
    assert sendyard("compliance", "history").out == "Nothing was ever told.\n"
    sendyard("compliance", "set", "--business", "ACME", "--allow-url", "shop.example")
    sendyard("compliance", "sender", "set", "16009064", "--registration", "approved")
    said = sendyard("compliance", "history", "--limit", "1").out
    assert "command line" in said
    assert "sender 16009064" in said
    assert "There are more: --after " in said
    (change,) = sendyard("compliance", "history", "--subject", "workspace", "--json").document["data"]
    assert change["changes"]["allowed_urls"] == {"from": None, "to": ["shop.example"]}
    assert '["shop.example"]' in sendyard("compliance", "history", "--subject", "workspace").out
