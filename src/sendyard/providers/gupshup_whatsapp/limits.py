"""
What Gupshup or WhatsApp would refuse and what can be known before they are asked.

Sources: docs.gupshup.io/docs/session-messages (3 quick replies, 10 rows) and WhatsApp's own limits of lengths.
"""

import re
from collections.abc import Iterable

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import Interactive, Media, TemplateRef
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.gupshup_whatsapp.messages import kind_of

_MAX_CAPTION = 1024
_MAX_BODY = 1024
_MAX_MARGIN = 60  # header and footer
_MAX_BUTTONS = 3
_MAX_BUTTON = 20
_MAX_ROWS = 10
_MAX_ROW = 24
_MAX_DESCRIPTION = 72
_MAX_CHOICE_ID = 200

_NUMBER = re.compile(r"\+[0-9]{6,15}")
_SENDER = re.compile(r"([0-9]{6,15})?")
_TEMPLATE_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_VARIABLE = re.compile(r"header|[1-9][0-9]?|button:[0-9]")


def problems_of(outgoing: Outgoing) -> list[Problem]:
    """Everything wrong with one message that is known beforehand."""
    found = []
    if outgoing.to.kind is not AddressKind.PHONE or not _NUMBER.fullmatch(outgoing.to.value):
        found.append(Problem("recipient_not_a_number", "Gupshup reaches people by their phone number only: give one."))
    if not _SENDER.fullmatch(outgoing.sender):
        detail = f"Expected the business number as digits with the country code, found {outgoing.sender!r}."
        found.append(Problem("sender_not_a_number", detail))
    content = outgoing.content
    if isinstance(content, TemplateRef):
        found += _template(content)
        texts: Iterable[str] = content.variables.values()
    elif isinstance(content, Media):
        found += _media(content)
        texts = (content.body, *(item.filename for item in content.items))
    elif isinstance(content, Interactive):
        found += _interactive(content)
        choices = [part for choice in content.choices for part in (choice.id, choice.title, choice.description)]
        texts = (content.body, content.header, content.footer, content.list_label, *choices)
    else:
        if not content.body.strip():
            found.append(Problem("text_empty", "WhatsApp refuses a message without text: write a text."))
        texts = (content.body,)
    if not _is_unicode("".join(texts)):
        found.append(Problem("text_broken", "The text holds half of a character pair; type it again."))
    return found


def _template(content: TemplateRef) -> list[Problem]:
    found = []
    if not _TEMPLATE_ID.fullmatch(content.name):
        detail = f"Gupshup names a template by its id (five groups of hexadecimal digits), found {content.name!r}."
        found.append(Problem("template_not_an_id", detail))
    names = list(content.variables)
    unknown = sorted(name for name in names if not _VARIABLE.fullmatch(name))
    if unknown:
        detail = f"Name variables header, 1, 2, … or button:0, found {', '.join(unknown)}."
        found.append(Problem("variable_unknown", detail))
    numbers = sorted(int(name) for name in names if name.isascii() and name.isdecimal())
    if numbers != list(range(1, len(numbers) + 1)):
        detail = "Variables travel by position: give all of the body from 1 on, without a gap."
        found.append(Problem("variables_with_gaps", detail))
    empty = sorted(name for name, value in content.variables.items() if not value.strip())
    if empty:
        found.append(Problem("variable_empty", f"WhatsApp refuses empty variables: fill in {', '.join(empty)}."))
    if len(content.media) > 1:
        found.append(Problem("media_too_many", f"A template has one file in its header, found {len(content.media)}."))
    for item in content.media:
        if kind_of(item.content_type) == "audio":
            found.append(Problem("media_not_possible", "A header holds an image, a video or a document; no audio."))
        if not item.handle and not _is_address(item.url):
            found.append(Problem("media_needs_url", "Give the header's file a public address, or upload it first."))
    return found


def _media(content: Media) -> list[Problem]:
    found = []
    if len(content.items) != 1:
        detail = f"A WhatsApp message carries one file, found {len(content.items)}: send one message for each."
        found.append(Problem("media_not_one", detail))
    for item in content.items:
        if not _is_address(item.url):
            detail = "Gupshup fetches files itself: give the file a public address (https://…)."
            found.append(Problem("media_needs_url", detail))
        if content.body and (kind := kind_of(item.content_type)) in {"audio", "sticker"}:
            found.append(Problem("media_without_caption", f"WhatsApp shows no text beside {kind}: send it separately."))
    if len(content.body) > _MAX_CAPTION:
        detail = f"A caption has up to {_MAX_CAPTION} characters, found {len(content.body)}."
        found.append(Problem("caption_too_long", detail))
    return found


def _interactive(content: Interactive) -> list[Problem]:
    found = []
    is_list = bool(content.list_label)
    most, longest = (_MAX_ROWS, _MAX_ROW) if is_list else (_MAX_BUTTONS, _MAX_BUTTON)
    count = len(content.choices)
    if not 1 <= count <= most:
        what = "rows" if is_list else "buttons"
        found.append(Problem("choices_out_of_range", f"WhatsApp shows 1 to {most} {what}, found {count}."))
    if len({choice.id for choice in content.choices}) != count or len({one.title for one in content.choices}) != count:
        found.append(Problem("choices_not_distinct", "Give each choice an id and a title of its own."))
    if is_list and content.footer:
        found.append(Problem("footer_not_possible", "A list at Gupshup has no footer: put it into the text."))
    too_long = [
        name
        for name, text, limit in (
            ("text", content.body, _MAX_BODY),
            ("header", content.header, _MAX_MARGIN),
            ("footer", content.footer, _MAX_MARGIN),
            ("list label", content.list_label, _MAX_BUTTON),
            *((f"title of {choice.id}", choice.title, longest) for choice in content.choices),
            *((f"description of {choice.id}", choice.description, _MAX_DESCRIPTION) for choice in content.choices),
            *((f"id {choice.id}", choice.id, _MAX_CHOICE_ID) for choice in content.choices),
        )
        if len(text) > limit
    ]
    if too_long:
        found.append(Problem("choice_too_long", f"WhatsApp shows only so much: shorten {', '.join(too_long)}."))
    if not content.body.strip() or any(not choice.title.strip() or not choice.id for choice in content.choices):
        found.append(Problem("text_empty", "Give the message a text, and each choice a title and an id."))
    return found


def _is_address(url: str) -> bool:
    return url.isascii() and url.startswith(("https://", "http://"))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
