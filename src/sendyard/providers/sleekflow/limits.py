"""
What SleekFlow, or WhatsApp behind it, would refuse and what can be known before it is asked.

Sizes are those of https://developers.facebook.com/docs/whatsapp/cloud-api/messages.
"""

import re

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import Interactive, Media, TemplateRef
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.sleekflow.messages import BUTTON, HEADER
from sendyard.providers.sleekflow.spec import SleekFlowAccount

_SENDER = re.compile(r"(\+?[0-9]{8,15})?")
_BUTTON = re.compile(r"button:[0-9]")
_BROKEN = re.compile("[\ud800-\udfff]")
# WhatsApp refuses these in a variable (132018): they would let a variable change the layout of an approved text.
_LAYOUT = re.compile("[\x00-\x1f\x7f]")
_MAX_TEMPLATE_TEXT = 1024
_MAX_INTERACTIVE_TEXT = 1024


def problems_of(account: SleekFlowAccount, outgoing: Outgoing) -> list[Problem]:
    """Everything wrong with one message that can be known beforehand."""
    found = []
    if outgoing.to.kind is not AddressKind.PHONE:
        found.append(Problem("not_a_number", "SleekFlow sends to phone numbers only: give the person's number."))
    if not _SENDER.fullmatch(outgoing.sender):
        detail = f"{outgoing.sender!r} is no WhatsApp number: give the digits that stand in SleekFlow, Channels."
        found.append(Problem("sender_not_a_number", detail))
    content = outgoing.content
    if isinstance(content, TemplateRef):
        return found + _template(account, content)
    if isinstance(content, Media):
        detail = (
            "SleekFlow takes a file's bytes, never its address: send the address as text, or a template with a file."
        )
        return [*found, Problem("media_unsupported", detail)]
    if _BROKEN.search(content.body):
        found.append(Problem("text_broken", "The text holds half of a character pair; type it again."))
    if not content.body.strip():
        found.append(Problem("text_empty", "WhatsApp refuses a message without text: write one."))
    if isinstance(content, Interactive):
        found += _interactive(content)
    return found


def _template(account: SleekFlowAccount, template: TemplateRef) -> list[Problem]:
    found = []
    if not template.name:
        found.append(Problem("template_missing", "Name the template as it is called in SleekFlow."))
    if account.channel == "whatsapp360dialog" and not account.template_namespace:
        detail = "Templates of 360dialog need their namespace: enter it in the account's settings."
        found.append(Problem("namespace_missing", detail))
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
    return found + _header(template)


def _header(template: TemplateRef) -> list[Problem]:
    found = []
    if template.media and HEADER in template.variables:
        found.append(Problem("two_headers", "A template's header is a file or a text: leave one of them out."))
    if len(template.media) > 1:
        found.append(Problem("one_file_only", "A template's header carries one file: leave the others out."))
    if any(not item.url.startswith(("https://", "http://")) for item in template.media):
        found.append(Problem("media_address", "WhatsApp fetches a header's file itself: give a public https address."))
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
    ids = [one.id for one in content.choices]
    if len(set(ids)) < len(ids) or any(not 1 <= len(one) <= 200 for one in ids):
        found.append(Problem("choice_id", "Every choice needs an id of its own, at most 200 characters long."))
    if len(content.list_label) > 20 or any(len(one.description) > 72 for one in content.choices):
        found.append(Problem("list_text", "A list's label may have 20 characters, a row's description 72: shorten it."))
    if len(content.body) > _MAX_INTERACTIVE_TEXT or len(content.header) > 60 or len(content.footer) > 60:
        detail = f"Beside buttons a text may have {_MAX_INTERACTIVE_TEXT} characters, header and footer 60: shorten it."
        found.append(Problem("interactive_text", detail))
    return found
