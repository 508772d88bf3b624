"""
What Kaleyra, India's operators or WhatsApp would refuse and what can be known before they are asked.
"""

import re
from collections.abc import Iterable

from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, Interactive, Media, TemplateRef, Text
from sendyard.domain.errors import ErrorKind
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.kaleyra.spec import KaleyraAccount
from sendyard.providers.kaleyra.whatsapp import BUTTON_PREFIX, kind_of

_MAX_TEXT = 4096
_MAX_BODY = 1024
_MAX_MARGIN = 60
_MAX_BUTTONS = 3
_MAX_BUTTON = 20
_MAX_ROWS = 10
_MAX_ROW = 24
_MAX_DESCRIPTION = 72
_MAX_CHOICE_ID = 200

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_TEMPLATE_NAME = re.compile(r"[A-Za-z0-9_]{1,512}")
_TRAFFIC = {Purpose.OTP: "OTP", Purpose.PROMOTIONAL: "MKT", Purpose.TRANSACTIONAL: "TXN"}


def traffic(account: KaleyraAccount, outgoing: Outgoing) -> str:
    """Give Kaleyra's word for the purpose, unless the account names one for all."""
    return _TRAFFIC[outgoing.purpose] if account.sms_type == "auto" else account.sms_type


def problems_of(account: KaleyraAccount, outgoing: Outgoing) -> list[Problem]:
    """Everything wrong with one message that is known beforehand."""
    found = []
    if outgoing.to.kind is not AddressKind.PHONE or not _NUMBER.fullmatch(outgoing.to.value):
        found.append(Problem("recipient_not_a_number", "Kaleyra reaches people by their phone number: give one."))
    found += _whatsapp(account, outgoing) if outgoing.channel is Channel.WHATSAPP else _sms(account, outgoing)
    if not _is_unicode("".join(_texts(outgoing.content))):
        found.append(Problem("text_broken", "The text holds half of a character pair; type it again."))
    return found


def _sms(account: KaleyraAccount, outgoing: Outgoing) -> list[Problem]:
    found = []
    if not outgoing.sender and not account.sender:
        found.append(Problem("sender_missing", "Give the message a sender, or the account a Sender ID."))
    # Without a template Kaleyra takes a text to India for an offer, whatever it says.
    wants_template = outgoing.country == "IN" and traffic(account, outgoing) in {"TXN", "OTP"}
    if wants_template and not (outgoing.registration.get("template_id") or account.template_id):
        detail = "India's operators want a DLT template id for this kind of text: add it to the template."
        found.append(Problem("dlt_template_missing", detail))
    if not isinstance(outgoing.content, Text):
        return [*found, Problem(ErrorKind.UNSUPPORTED, "An SMS carries plain text only: send a text message.")]
    if not outgoing.content.body.strip():
        found.append(Problem("text_empty", "Kaleyra refuses a message without text: write a text."))
    return found


def _whatsapp(account: KaleyraAccount, outgoing: Outgoing) -> list[Problem]:
    content = outgoing.content
    found = []
    number = outgoing.sender or account.wa_number
    if not (number.isascii() and number.isdecimal()):
        detail = "Give the account its WhatsApp number, digits with the country code."
        found.append(Problem("sender_not_a_number", detail))
    if isinstance(content, TemplateRef):
        found += _template(account, content)
    elif isinstance(content, Media):
        found += _media(content)
    elif isinstance(content, Interactive):
        found += _interactive(account, content)
    elif not content.body.strip() or len(content.body) > _MAX_TEXT:
        found.append(Problem("text_length", f"WhatsApp takes 1 to {_MAX_TEXT} characters, found {len(content.body)}."))
    return found


def _template(account: KaleyraAccount, content: TemplateRef) -> list[Problem]:
    found = []
    if not _TEMPLATE_NAME.fullmatch(content.name):
        detail = f"Expected the template's name (small letters, digits, underscores), found {content.name!r}."
        found.append(Problem("template_not_a_name", detail))
    empty = sorted(name for name, value in content.variables.items() if not value.strip())
    if empty:
        found.append(Problem("variable_empty", f"WhatsApp refuses empty variables: fill in {', '.join(empty)}."))
    if len(content.media) > 1 or any(kind_of(item.content_type) in {"audio", "sticker"} for item in content.media):
        found.append(Problem("media_not_possible", "A template's header holds one image, video or document."))
    if not all(_is_address(item.url) or item.handle for item in content.media):
        found.append(Problem("media_needs_url", "Give the header's file a public address (https://…)."))
    if account.whatsapp_api == "v1":
        buttons = [name for name in content.variables if name.startswith(BUTTON_PREFIX)]
        if any('"' in value for value in content.variables.values()) or buttons not in ([], [f"{BUTTON_PREFIX}0"]):
            detail = "Version 1 of Kaleyra's API takes no quotation marks in variables and one button: use v2."
            found.append(Problem("needs_whatsapp_v2", detail))
    return found


def _media(content: Media) -> list[Problem]:
    found = []
    if len(content.items) != 1 or not all(_is_address(item.url) for item in content.items):
        detail = "A WhatsApp message carries one file, from a public address (https://…)."
        found.append(Problem("media_not_one", detail))
    if content.body and any(kind_of(item.content_type) in {"audio", "sticker"} for item in content.items):
        found.append(
            Problem("media_without_caption", "WhatsApp shows no text beside sound and stickers: send it apart.")
        )
    if len(content.body) > _MAX_BODY:
        found.append(Problem("caption_too_long", f"A caption has up to {_MAX_BODY} characters: shorten it."))
    return found


def _interactive(account: KaleyraAccount, content: Interactive) -> list[Problem]:
    found = []
    if account.whatsapp_api == "v1":
        found.append(Problem("needs_whatsapp_v2", "Buttons and lists go by version 2 of Kaleyra's API: switch to it."))
    most, longest = (_MAX_ROWS, _MAX_ROW) if content.list_label else (_MAX_BUTTONS, _MAX_BUTTON)
    count = len(content.choices)
    if not 1 <= count <= most or len({choice.id for choice in content.choices}) != count:
        detail = f"WhatsApp shows 1 to {most} choices here, each with an id of its own; found {count}."
        found.append(Problem("choices_out_of_range", detail))
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


def _texts(content: Content) -> Iterable[str]:
    yield content.body
    if isinstance(content, TemplateRef):
        yield from content.variables.values()
    if isinstance(content, Media):
        yield from (item.filename for item in content.items)
    if isinstance(content, Interactive):
        yield from (content.header, content.footer, content.list_label)
        yield from (part for choice in content.choices for part in (choice.id, choice.title, choice.description))


def _is_address(url: str) -> bool:
    return url.isascii() and url.startswith(("https://", "http://"))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
