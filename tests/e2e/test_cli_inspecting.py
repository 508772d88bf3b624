"""
Looking at texts, numbers and providers from the command line.
"""

from sendyard.providers.registry import SLUGS
from tests.e2e.conftest import Command


def test_text_inspect_gives_the_promised_document(sendyard: Command) -> None:
    document = sendyard("text", "inspect", "--json", "It’s here").document
    assert {"encoding", "units", "bytes", "parts", "part_sizes", "class", "forcing"} <= document.keys()
    assert document["encoding"] == "UCS-2"
    assert document["forcing"] == [
        {"char": "’", "name": "RIGHT SINGLE QUOTATION MARK", "position": 2, "suggestion": "'"}
    ]


def test_text_inspect_tells_a_person_what_makes_it_dear(sendyard: Command) -> None:
    said = sendyard("text", "inspect", "It’s here\u200b")
    assert "parts       1" in said.out
    assert "'’' (RIGHT SINGLE QUOTATION MARK) at character 3 makes it dearer; write \"'\" instead." in said.out
    assert "leave it out" in said.out
    assert "makes it dearer; nothing cheaper stands for it." in sendyard("text", "inspect", "您好").out


def test_text_inspect_says_why_a_korean_text_cannot_go(sendyard: Command) -> None:
    said = sendyard("text", "inspect", "--country", "KR", "가" * 1001)
    assert "Shorten it by 2 bytes" in said.out


def test_numbers_inspect_ends_with_0_3_or_1(sendyard: Command) -> None:
    good = sendyard("numbers", "inspect", "--country", "TW", "0912-345-678", "--json")
    assert good.code == 0
    assert good.document[0]["e164"] == "+886912345678"
    assert {"input", "ok", "e164", "national", "type", "country", "fixed", "reason"} <= good.document[0].keys()
    mixed = sendyard("numbers", "inspect", "+886912345678", "8.2E+11")
    assert mixed.code == 3
    assert "spreadsheet's exponent" in mixed.out
    assert sendyard("numbers", "inspect", "hello").code == 1


def test_providers_is_the_capability_matrix(sendyard: Command) -> None:
    document = sendyard("providers", "--json").document
    assert [one["slug"] for one in document] == list(SLUGS)
    assert {"name", "channels", "countries", "abilities", "batch_limit", "callback_auth"} <= document[0].keys()
    assert all(slug in sendyard("providers").out for slug in SLUGS)


def test_one_provider_is_shown_with_the_settings_it_needs(sendyard: Command) -> None:
    said = sendyard("providers", "mitake")
    assert said.code == 0
    assert "username" in said.out
    assert sendyard("providers", "mitake", "--json").document["slug"] == "mitake"
