"""
What Meta would refuse and what can be known before it is asked.

Numbers: sheet of the message types at https://developers.facebook.com/documentation/business-messaging/whatsapp.
"""

import re
from collections.abc import Iterator, Sequence

from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Purpose
from sendyard.domain.content import Choice, Interactive, Media, MediaItem, TemplateRef
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.meta_cloud.payloads import BUTTON_VARIABLES, UNCAPTIONED, message_kind
from sendyard.providers.meta_cloud.spec import MAX_TEXT

MAX_TEMPLATE_TEXT = 1024
MAX_CAPTION = 1024
MAX_BUTTON_BODY = 1024
MAX_FOOTER = 60
MAX_ROWS = 10
_BUTTONS = (3, 20, 256, 0)  # how many, and characters of title, id and description
_ROWS = (MAX_ROWS, 24, 200, 72)

_TEMPLATE_NAME = re.compile(r"[a-z0-9_]{1,512}")
# `CC.digits`, or `CC.ENT.digits` of a parent business (…/whatsapp/business-scoped-user-ids).
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_BUTTON_INDEX = re.compile(r"[0-9]")


def problems_of(outgoing: Outgoing) -> list[Problem]:
    """Everything wrong with one message that Meta's documentation names."""
    return [*_addresses(outgoing), *_content(outgoing)]


def _addresses(outgoing: Outgoing) -> Iterator[Problem]:
    sender = outgoing.sender
    if sender and not (sender.isascii() and sender.isdecimal()):
        yield Problem(
            "sender_not_an_id",
            f"Expected a phone number ID (digits without a plus), found {sender!r}; leave it blank for the account's.",
        )
    to = outgoing.to
    if to.kind is AddressKind.LINE_ID:
        yield Problem("recipient_not_on_whatsapp", "A LINE user cannot be reached by WhatsApp: use the phone number.")
    elif to.kind is AddressKind.WHATSAPP_ID and not _USER_ID.fullmatch(to.value):
        yield Problem(
            "user_id_malformed", "Expected a business-scoped user id such as US.13491208655302741918, as Meta gave it."
        )


def _content(outgoing: Outgoing) -> Iterator[Problem]:
    content = outgoing.content
    if isinstance(content, TemplateRef):
        yield from _template(content)
        if outgoing.purpose is Purpose.PROMOTIONAL and outgoing.country == "US":
            yield Problem(
                "marketing_to_us",
                "WhatsApp delivers no marketing to numbers in the United States: use another channel.",
            )
    elif isinstance(content, Media):
        yield from _media(content)
    elif isinstance(content, Interactive):
        yield from _interactive(content)
    elif not content.body.strip():
        yield Problem("text_empty", "WhatsApp refuses a message without text (131008): write a text.")
    elif len(content.body) > MAX_TEXT:
        yield Problem("text_too_long", f"WhatsApp takes {MAX_TEXT} characters, found {len(content.body)}: shorten it.")
    if not _is_unicode(content.body):
        yield Problem("text_broken", "The text holds half of a character pair; type it again.")


def _template(content: TemplateRef) -> Iterator[Problem]:
    if not _TEMPLATE_NAME.fullmatch(content.name):
        yield Problem(
            "template_name_malformed",
            f"A template's name has lower-case letters, digits and underscores, found {content.name!r}.",
        )
    if not content.language:
        yield Problem("template_language_missing", "Give the template's language as WhatsApp has it, such as en_US.")
    names = list(content.variables)
    if empty := sorted(name for name, value in content.variables.items() if not value):
        yield Problem("variable_empty", f"WhatsApp refuses empty variables (131008): fill in {', '.join(empty)}.")
    if wrong := sorted(name for name in names if not _is_known_place(name)):
        yield Problem(
            "variable_place_unknown",
            f"No template has a place for {', '.join(wrong)}: a button is named by its number from 0, as button:0.",
        )
    body = [name for name in names if ":" not in name and name != "header"]
    if any(map(str.isdecimal, body)) and not all(map(str.isdecimal, body)):
        yield Problem("variables_mixed", "A template numbers its variables or names them, never both: sync it.")
    if len(content.body) > MAX_TEMPLATE_TEXT:
        yield Problem(
            "template_too_long",
            f"WhatsApp takes {MAX_TEMPLATE_TEXT} characters of filled template, found {len(content.body)} (132005).",
        )
    if not all(map(_is_unicode, content.variables.values())):
        yield Problem("text_broken", "A variable holds half of a character pair; type it again.")
    headers = len(content.media) + sum(name.partition(":")[0] == "header" for name in names)
    if headers > 1:
        yield Problem("header_twice", "A template has one header: a text or a file, not both.")
    yield from _files(content.media)


def _is_known_place(name: str) -> bool:
    place, colon, detail = name.partition(":")
    if not colon:
        return bool(name)
    return bool(detail) if place == "header" else place in BUTTON_VARIABLES and bool(_BUTTON_INDEX.fullmatch(detail))


def _media(content: Media) -> Iterator[Problem]:
    if len(content.items) != 1:
        yield Problem(
            "media_not_one", f"A WhatsApp message carries one file, found {len(content.items)}: send several."
        )
    yield from _files(content.items)
    if len(content.body) > MAX_CAPTION:
        yield Problem("caption_too_long", f"A caption has up to {MAX_CAPTION} characters, found {len(content.body)}.")
    kinds = {message_kind(item.content_type) for item in content.items}
    if content.body and kinds & UNCAPTIONED:
        yield Problem("caption_not_possible", "Audio and stickers have no caption: send the text as its own message.")


def _files(items: Sequence[MediaItem]) -> Iterator[Problem]:
    for item in items:
        if not item.handle and not item.url.startswith(("https://", "http://")):
            yield Problem("media_needs_address", "Upload the file first, or give an address that Meta can fetch.")


def _interactive(content: Interactive) -> Iterator[Problem]:
    is_list = bool(content.list_label)
    limit, title, identifier, description = _ROWS if is_list else _BUTTONS
    named = "rows" if is_list else "buttons"
    if not 1 <= len(content.choices) <= limit:
        yield Problem("choices_count", f"WhatsApp shows 1 to {limit} {named}, found {len(content.choices)}.")
    if len({choice.id for choice in content.choices}) < len(content.choices):
        yield Problem("choices_same_id", "Each choice needs an id of its own.")
    for choice in content.choices:
        yield from _choice(choice, title, identifier, description)
    if len(content.list_label) > 20:
        yield Problem("list_label_too_long", f"The list's label has up to 20 characters, found {content.list_label!r}.")
    longest = MAX_TEXT if is_list else MAX_BUTTON_BODY
    if not content.body.strip() or len(content.body) > longest:
        yield Problem("body_length", f"The text needs 1 to {longest} characters, found {len(content.body)}.")
    if len(content.header) > 60 or len(content.footer) > MAX_FOOTER:
        yield Problem("header_or_footer_too_long", "Header and footer have up to 60 characters each: shorten them.")


def _choice(choice: Choice, title: int, identifier: int, description: int) -> Iterator[Problem]:
    if not 1 <= len(choice.title) <= title or not 1 <= len(choice.id) <= identifier:
        yield Problem(
            "choice_length",
            f"A choice has a title of 1 to {title} characters and an id of 1 to {identifier}: see {choice.title!r}.",
        )
    if len(choice.description) > description:
        wanted = f"up to {description} characters" if description else "none on buttons; use a list"
        yield Problem("choice_description", f"The description of {choice.title!r} does not fit: {wanted}.")


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
