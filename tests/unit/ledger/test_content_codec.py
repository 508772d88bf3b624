"""
Whatever a message says comes back from its row as it went in.
"""

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.ledger.content_codec import Letter, decode_letter, encode_letter

PICTURE = MediaItem("image/jpeg", url="https://files.example/a.jpg", filename="a.jpg")
TEMPLATE = TemplateRef("arrival", "en", {"1": "Ann"}, "Hi Ann", (PICTURE,))


@pytest.mark.parametrize(
    "letter",
    [
        Letter(Text("plain")),
        Letter(Text("long", "title")),
        Letter(Media((PICTURE,), "body", "title")),
        Letter(TEMPLATE),
        Letter(TemplateRef("bare")),
        Letter(Interactive("choose", (Choice("a", "A", "first"), Choice("b", "B")), "head", "foot", "open")),
        Letter(Text("plain"), ((Channel.SMS, Text("instead")), (Channel.MMS, Media((PICTURE,))))),
        Letter(Text("plain"), (), {"one": TEMPLATE, "two": Text("other words")}),
        Letter(Text("plain"), (), {}, {"template_id": "1107000000000000001"}),
    ],
    ids=lambda letter: type(letter.content).__name__,
)
def test_a_letter_comes_back_whole(letter: Letter) -> None:
    assert decode_letter(encode_letter(letter)) == letter


def test_plain_text_is_stored_as_nothing_but_itself() -> None:
    assert encode_letter(Letter(Text('say "hi"'))) == '"say \\"hi\\""'


def test_a_template_written_before_templates_had_files_is_read() -> None:
    stored = '{"content":{"kind":"template","name":"n","language":"","variables":{},"body":""}}'
    assert decode_letter(stored).content == TemplateRef("n")
