"""
What AiSensy, or WhatsApp behind it, would refuse and what can be known before it is asked.

Sizes are those of https://developers.facebook.com/docs/whatsapp/cloud-api/messages.
"""

import re
from collections.abc import Sequence

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import Interactive, Media, MediaItem, TemplateRef
from sendyard.providers.aisensy.messages import BUTTON, HEADER, media_kind
from sendyard.providers.aisensy.spec import AiSensyAccount
from sendyard.providers.contract import Outgoing, Problem

_BUTTON = re.compile(r"button:[0-9]")
_BROKEN = re.compile("[\ud800-\udfff]")
# WhatsApp refuses these in a variable (132018): they would let a variable change the layout of an approved text.
_LAYOUT = re.compile("[\x00-\x1f\x7f]")
_MAX_TEMPLATE_TEXT = 1024
_MAX_CAPTION = 1024
_MAX_INTERACTIVE_TEXT = 1024


def problems_of(account: AiSensyAccount, outgoing: Outgoing) -> list[Problem]:
    """Everything wrong with one message that can be known beforehand."""
    found = []
    if outgoing.to.kind is not AddressKind.PHONE:
        found.append(Problem("not_a_number", "AiSensy sends to phone numbers only: give the person's number."))
    content = outgoing.content
    if isinstance(content, TemplateRef):
        return found + _template(account, content)
    if not account.project_id:
        detail = (
            "The Campaign API carries nothing but templates: send a template, or enter project id and Project API "
            "password for this account (AiSensy, Manage, API Key; Pro plan and above)."
        )
        found.append(Problem("project_api_needed", detail))
    if _BROKEN.search(content.body):
        found.append(Problem("text_broken", "The text holds half of a character pair; type it again."))
    if isinstance(content, Media):
        return found + _media(content)
    if not content.body.strip():
        found.append(Problem("text_empty", "WhatsApp refuses a message without text: write one."))
    if isinstance(content, Interactive):
        found += _interactive(content)
    return found


def _template(account: AiSensyAccount, template: TemplateRef) -> list[Problem]:
    found = []
    if not (template.name or (account.send_via == "campaign" and account.default_campaign_name)):
        found.append(Problem("template_missing", "Name the API campaign or template, or set the account's default."))
    for name, value in template.variables.items():
        if name.startswith(BUTTON) and not _BUTTON.fullmatch(name):
            found.append(Problem("variable_name", f"{name!r} is no button: write button:0 for the first, and so on."))
        if not value.strip():
            found.append(Problem("variable_empty", f"The variable {name!r} is empty; WhatsApp refuses that."))
        elif _LAYOUT.search(value) or _BROKEN.search(value):
            detail = f"The variable {name!r} holds a line break, tab or broken character; WhatsApp takes none in one."
            found.append(Problem("variable_layout", detail))
    if len(template.body) > _MAX_TEMPLATE_TEXT:
        detail = f"The filled-in template has {len(template.body)} characters; WhatsApp takes {_MAX_TEMPLATE_TEXT}."
        found.append(Problem("template_too_long", detail))
    if template.media and HEADER in template.variables:
        found.append(Problem("two_headers", "A template's header is a file or a text: leave one of them out."))
    return found + _files(template.media)


def _media(content: Media) -> list[Problem]:
    found = _files(content.items)
    if not content.items:
        found.append(Problem("media_missing", "There is no file: add one, or send plain text."))
    elif content.body and media_kind(content.items[0].content_type) == "audio":
        found.append(Problem("audio_caption", "WhatsApp shows no text beside an audio file: send the text by itself."))
    if len(content.body) > _MAX_CAPTION:
        found.append(Problem("caption_too_long", f"A file's text may have {_MAX_CAPTION} characters: shorten it."))
    return found


def _files(items: Sequence[MediaItem]) -> list[Problem]:
    found = []
    if len(items) > 1:
        found.append(Problem("one_file_only", "A WhatsApp message carries one file: send the others by themselves."))
    if any(not item.url.startswith(("https://", "http://")) for item in items):
        found.append(Problem("media_address", "AiSensy fetches files itself: give a public https address."))
    return found


def _interactive(content: Interactive) -> list[Problem]:
    listed = bool(content.list_label)
    most, longest = (10, 24) if listed else (3, 20)
    found = []
    if not 1 <= len(content.choices) <= most:
        detail = (
            f"WhatsApp takes 1 to {most} {'rows in a list' if listed else 'buttons'}, found {len(content.choices)}."
        )
        found.append(Problem("choices", detail))
    if any(not one.title or len(one.title) > longest for one in content.choices):
        found.append(Problem("choice_title", f"What can be pressed needs a title of 1 to {longest} characters."))
    if len({one.id for one in content.choices}) < len(content.choices) or any(
        not 1 <= len(one.id) <= 200 for one in content.choices
    ):
        found.append(Problem("choice_id", "Every choice needs an id of its own, at most 200 characters long."))
    if len(content.list_label) > 20 or any(len(one.description) > 72 for one in content.choices):
        found.append(Problem("list_text", "A list's label may have 20 characters, a row's description 72: shorten it."))
    if len(content.body) > _MAX_INTERACTIVE_TEXT or len(content.header) > 60 or len(content.footer) > 60:
        detail = f"Beside buttons a text may have {_MAX_INTERACTIVE_TEXT} characters, header and footer 60: shorten it."
        found.append(Problem("interactive_text", detail))
    return found
