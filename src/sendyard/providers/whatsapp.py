"""
What WhatsApp itself takes, whoever carries it there: every provider of the channel shares these limits.

Sizes are those of the message types at https://developers.facebook.com/documentation/business-messaging/whatsapp. A
provider adds what it alone wants: how it names templates and their variables, and what its interface leaves out.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef
from sendyard.domain.values import dataclass
from sendyard.providers.contract import Problem

MAX_TEXT = 4096
MAX_BODY = 1024
"""Characters of a filled-in template, of a caption, and of a text beside buttons."""
MAX_MARGIN = 60
"""Characters of a header, and of a footer."""
MAX_LABEL = 20

# They would let a variable change the layout of an approved text (132018).
_LAYOUT = re.compile("[\x00-\x1f\x7f]| {5}")
_ADDRESS = ("https://", "http://")
_SILENT = frozenset({"audio", "sticker"})  # kinds of files that show no text, and stand in no header
_FAMILIES = frozenset({"image", "video", "audio"})


class _Measure(NamedTuple):
    """What can be pressed: how many, and characters of a title, an id and a description."""

    named: str
    most: int
    title: int
    identifier: int
    description: int


_BUTTONS = _Measure("buttons", 3, MAX_LABEL, 256, 0)
_ROWS = _Measure("rows in a list", 10, 24, 200, 72)
MAX_ROWS = _ROWS.most


@dataclass(frozen=True, slots=True)
class Carrier:
    """
    In what one provider differs from another when it passes content on to WhatsApp.

    Attributes:
        name: who fetches a file by its address, as a person knows it.
        uploads: whether a message may carry a file that was uploaded there before.
        header_uploads: the same for the header of a template.
        list_body: characters of a text above a list; WhatsApp itself takes `MAX_TEXT`, not every provider does.
    """

    name: str
    uploads: bool = False
    header_uploads: bool = False
    list_body: int = MAX_BODY


def kind_of(content_type: str) -> str:
    """Give WhatsApp's word for a type of file: image, video, audio or sticker; document for whatever else."""
    plain = content_type.partition(";")[0].strip().lower()
    if plain == "image/webp":
        return "sticker"
    family = plain.partition("/")[0]
    return family if family in _FAMILIES else "document"


def problems_of_content(carrier: Carrier, content: Content) -> Iterator[Problem]:
    """Yield everything that WhatsApp would refuse in a content."""
    if isinstance(content, TemplateRef):
        yield from _template(carrier, content)
    elif isinstance(content, Media):
        yield from _media(carrier, content)
    elif isinstance(content, Interactive):
        yield from _interactive(carrier, content)
    else:
        yield from _body(content.body, MAX_TEXT)
    if not is_unicode("".join(_texts(content))):
        yield Problem("text_broken", "The text holds half of a character pair; type it again.")


def _template(carrier: Carrier, content: TemplateRef) -> Iterator[Problem]:
    values = content.variables.items()
    if empty := sorted(name for name, value in values if not value.strip()):
        yield Problem("variable_empty", f"WhatsApp refuses empty variables (131008): fill in {', '.join(empty)}.")
    if wild := sorted(name for name, value in values if _LAYOUT.search(value)):
        detail = f"WhatsApp takes no line break, tab or row of blanks in a variable: put {', '.join(wild)} on one line."
        yield Problem("variable_layout", detail)
    if len(content.body) > MAX_BODY:
        detail = f"WhatsApp takes {MAX_BODY} characters of filled-in template, found {len(content.body)} (132005)."
        yield Problem("template_too_long", detail)
    if len(content.media) + sum(name.partition(":")[0] == "header" for name in content.variables) > 1:
        yield Problem("template_header_twice", "A template has one header, a text or one file: leave the others out.")
    if any(kind_of(item.content_type) in _SILENT for item in content.media):
        yield Problem("media_not_possible", "A template's header holds an image, a video or a document: change it.")
    yield from _files(content.media, carrier.name, uploads=carrier.header_uploads)


def _media(carrier: Carrier, content: Media) -> Iterator[Problem]:
    count = len(content.items)
    if count != 1:
        yield Problem("media_not_one", f"A WhatsApp message carries one file, found {count}: send a message for each.")
    yield from _files(content.items, carrier.name, uploads=carrier.uploads)
    if len(content.body) > MAX_BODY:
        yield Problem("caption_too_long", f"A caption has up to {MAX_BODY} characters, found {len(content.body)}.")
    if content.body and any(kind_of(item.content_type) in _SILENT for item in content.items):
        yield Problem("caption_not_possible", "WhatsApp shows no text beside sound and stickers: send it separately.")


def _files(items: Sequence[MediaItem], name: str, *, uploads: bool) -> Iterator[Problem]:
    for item in items:
        if not (item.handle and uploads) and not (item.url.isascii() and item.url.startswith(_ADDRESS)):
            besides = ", or upload it first" if uploads else ""
            detail = f"{name} fetches a file itself: give its public address (https://…, in plain ASCII){besides}."
            yield Problem("media_needs_address", detail)


def _interactive(carrier: Carrier, content: Interactive) -> Iterator[Problem]:
    measure = _ROWS if content.list_label else _BUTTONS
    count = len(content.choices)
    if not 1 <= count <= measure.most:
        yield Problem("choices_count", f"WhatsApp shows 1 to {measure.most} {measure.named}, found {count}.")
    if len({choice.id for choice in content.choices}) < count:
        yield Problem("choices_same_id", "Each choice needs an id of its own: change those that are alike.")
    for choice in content.choices:
        yield from _choice(choice, measure)
    if len(content.list_label) > MAX_LABEL:
        detail = f"A list's label has up to {MAX_LABEL} characters, found {content.list_label!r}: shorten it."
        yield Problem("choices_label_too_long", detail)
    yield from _body(content.body, carrier.list_body if content.list_label else MAX_BODY)
    for name, text in (("header", content.header), ("footer", content.footer)):
        if len(text) > MAX_MARGIN:
            detail = f"The {name} has up to {MAX_MARGIN} characters, found {len(text)}: shorten it."
            yield Problem(f"{name}_too_long", detail)


def _choice(choice: Choice, measure: _Measure) -> Iterator[Problem]:
    titled = choice.title.strip() and len(choice.title) <= measure.title
    if not titled or not 1 <= len(choice.id) <= measure.identifier:
        detail = f"a title of 1 to {measure.title} characters and an id of 1 to {measure.identifier}"
        yield Problem("choice_length", f"What can be pressed has {detail}: see {choice.title!r}.")
    if len(choice.description) > measure.description:
        wanted = f"up to {measure.description} characters" if measure.description else "none on buttons; use a list"
        yield Problem("choice_description", f"The description of {choice.title!r} does not fit: {wanted}.")


def _body(text: str, most: int) -> Iterator[Problem]:
    if not text.strip():
        yield Problem("text_empty", "WhatsApp refuses a message without text (131008): write a text.")
    elif len(text) > most:
        yield Problem("text_too_long", f"WhatsApp takes {most} characters here, found {len(text)}: shorten it.")


def _texts(content: Content) -> Iterable[str]:
    yield content.body
    if isinstance(content, TemplateRef):
        yield from content.variables.values()
    elif isinstance(content, Media):
        yield from (item.filename for item in content.items)
    elif isinstance(content, Interactive):
        yield from (content.header, content.footer, content.list_label)
        yield from (part for choice in content.choices for part in (choice.id, choice.title, choice.description))


def is_unicode(text: str) -> bool:
    """Whether a text can be sent at all: no half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
