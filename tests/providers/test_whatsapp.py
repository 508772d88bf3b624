"""
What WhatsApp refuses whoever carries it; what a provider adds stands in that provider's own tests.
"""

import pytest

from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.providers.whatsapp import MAX_BODY, MAX_TEXT, Carrier, kind_of, problems_of_content

PLAIN = Carrier("Some provider")
UPLOADS = Carrier("Some provider", uploads=True, header_uploads=True, list_body=MAX_TEXT)
PICTURE = MediaItem("image/jpeg", url="https://cdn.example.com/a.jpg")
KEPT = MediaItem("image/jpeg", handle="h1")
YES = Choice("y", "Yes")


def codes(content: Content, carrier: Carrier = PLAIN) -> list[str]:
    found = list(problems_of_content(carrier, content))
    assert all(len(problem.detail) > 20 for problem in found)
    return [problem.code for problem in found]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "variable_empty"),
        (" ", "variable_empty"),
        ("a\nb", "variable_layout"),
        ("a\tb", "variable_layout"),
        ("a" + 5 * " " + "b", "variable_layout"),
        ("a\udc00", "text_broken"),
    ],
)
def test_a_variable_cannot_change_the_layout_of_an_approved_text(value: str, code: str) -> None:
    assert codes(TemplateRef("t", variables={"1": value})) == [code]
    assert codes(TemplateRef("t", variables={"1": "a    b"})) == []


@pytest.mark.parametrize(
    ("template", "code"),
    [
        (TemplateRef("t", media=[PICTURE, PICTURE]), "template_header_twice"),
        (TemplateRef("t", variables={"header:shop": "Ours"}, media=[PICTURE]), "template_header_twice"),
        (TemplateRef("t", media=[MediaItem("audio/ogg", "https://x.test/a.ogg")]), "media_not_possible"),
        (TemplateRef("t", media=[MediaItem("image/webp", "https://x.test/a.webp")]), "media_not_possible"),
        (TemplateRef("t", media=[KEPT]), "media_needs_address"),
        (TemplateRef("t", body="x" * (MAX_BODY + 1)), "template_too_long"),
    ],
)
def test_a_template_has_one_header_that_can_be_fetched(template: TemplateRef, code: str) -> None:
    assert codes(template) == [code]


def test_an_uploaded_file_passes_where_the_provider_takes_uploads() -> None:
    for content in (Media([KEPT]), TemplateRef("t", media=[KEPT])):
        assert codes(content) == ["media_needs_address"]
        assert codes(content, UPLOADS) == []
    (problem,) = problems_of_content(UPLOADS, Media([MediaItem("image/png")]))
    assert "upload it first" in problem.detail


@pytest.mark.parametrize("url", ["", "ftp://x.test/a.png", "https://x.test/ä.png"])
def test_an_address_is_public_and_plain(url: str) -> None:
    assert codes(Media([MediaItem("image/png", url)])) == ["media_needs_address"]


def test_a_list_may_say_more_than_buttons_where_the_provider_lets_it() -> None:
    long = Interactive("x" * MAX_TEXT, [YES], list_label="Choose")
    assert codes(long) == ["text_too_long"]
    assert codes(long, UPLOADS) == []
    assert codes(Interactive("x" * MAX_TEXT, [YES]), UPLOADS) == ["text_too_long"]
    assert codes(Text("x" * MAX_TEXT)) == []


def test_each_part_of_what_can_be_pressed_has_its_own_limit() -> None:
    assert codes(Interactive("Come?", [Choice("y", " ")])) == ["choice_length"]
    assert codes(Interactive("Come?", [Choice("y" * 257, "Yes")])) == ["choice_length"]
    assert codes(Interactive("Come?", [Choice("y", "Yes", "or no")])) == ["choice_description"]
    assert codes(Interactive("Come?", [Choice("y" * 201, "Yes")], list_label="Choose")) == ["choice_length"]
    assert codes(Interactive("Come?", [YES], header="x" * 61, footer="x" * 61)) == [
        "header_too_long",
        "footer_too_long",
    ]
    assert codes(Interactive("Come?", [Choice("y", "\ud83d")])) == ["text_broken"]


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("image/png", "image"),
        ("IMAGE/JPEG; q=1", "image"),
        ("image/webp", "sticker"),
        ("video/mp4", "video"),
        ("audio/ogg; codecs=opus", "audio"),
        ("application/pdf", "document"),
        ("", "document"),
    ],
)
def test_every_type_of_file_has_one_kind(content_type: str, kind: str) -> None:
    assert kind_of(content_type) == kind
