"""
What Twilio would refuse and what can be known before it is asked.
"""

import re

from sendyard.domain.channels import Channel
from sendyard.domain.content import Media, TemplateRef, Text
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.twilio.spec import MAX_MEDIA, WHATSAPP_PREFIX, TwilioAccount

# https://www.twilio.com/docs/content/using-variables-with-content-api
_MAX_VARIABLES = 100
_MAX_VARIABLE_NAME = 16
_MAX_VARIABLE = 255
_MAX_TEMPLATE_TEXT = 1024  # on WhatsApp, filled in (error 63021)

_CONTENT_SID = re.compile(r"HX[0-9a-fA-F]{32}")
_NUMERIC_SENDER = re.compile(r"\+?[0-9]+")


def problems_of(account: TwilioAccount, outgoing: Outgoing) -> list[Problem]:
    """Everything wrong with one message that Twilio's documentation names."""
    found = _sender(account, outgoing)
    content = outgoing.content
    if isinstance(content, TemplateRef):
        found += _template(outgoing.channel, content)
    elif isinstance(content, Media):
        found += _media(outgoing.channel, content)
    elif not content.body:
        found.append(Problem("text_empty", "Twilio refuses a message without text (21602): write a text."))
    if isinstance(content, Text | Media) and not content.body.isascii() and not _is_unicode(content.body):
        found.append(Problem("text_broken", "The text holds half of a character pair; type it again."))
    return found


def _sender(account: TwilioAccount, outgoing: Outgoing) -> list[Problem]:
    sender = outgoing.sender
    if not sender:
        if account.messaging_service_sid:
            return []
        return [Problem("sender_missing", "Give the message a sender, or the account a Messaging Service (21603).")]
    if outgoing.country in {"US", "CA"} and outgoing.channel is not Channel.WHATSAPP:
        is_service = sender.startswith("MG") and len(sender) == 34
        if not is_service and not _NUMERIC_SENDER.fullmatch(sender):
            return [
                Problem(
                    "sender_not_a_number", f"A name such as {sender} reaches nobody in the US or Canada: use a number."
                )
            ]
    if sender.startswith(WHATSAPP_PREFIX) and outgoing.channel is not Channel.WHATSAPP:
        return [Problem("sender_other_channel", f"{sender} sends on WhatsApp only (21910): use a phone number.")]
    return []


def _media(channel: Channel, content: Media) -> list[Problem]:
    found = []
    if channel is Channel.SMS:
        found.append(Problem("media_on_sms", "An SMS carries no files: use the channel mms or whatsapp."))
    if not content.items:
        found.append(Problem("media_missing", "Add a file, or send a text."))
    if len(content.items) > MAX_MEDIA:
        found.append(Problem("media_too_many", f"Twilio takes {MAX_MEDIA} files, found {len(content.items)} (21623)."))
    if not all(item.url.startswith(("https://", "http://")) for item in content.items):
        found.append(Problem("media_needs_url", "Twilio fetches files itself: each needs a public address (21620)."))
    return found


def _template(channel: Channel, content: TemplateRef) -> list[Problem]:
    found = []
    if not _CONTENT_SID.fullmatch(content.name):
        found.append(
            Problem("template_not_a_sid", f"Expected the template's SID (HX…), found {content.name!r} (21655).")
        )
    empty = sorted(name for name, value in content.variables.items() if not value)
    if empty:
        found.append(Problem("variable_empty", f"Twilio refuses empty variables (21656): fill in {', '.join(empty)}."))
    long = sorted(
        name
        for name, value in content.variables.items()
        if len(value) > _MAX_VARIABLE or len(name) > _MAX_VARIABLE_NAME
    )
    if long:
        found.append(
            Problem(
                "variable_too_long",
                f"A variable has up to {_MAX_VARIABLE} characters and its name {_MAX_VARIABLE_NAME}: "
                f"shorten {', '.join(long)}.",
            )
        )
    if len(content.variables) > _MAX_VARIABLES:
        found.append(
            Problem(
                "variables_too_many", f"A template takes {_MAX_VARIABLES} variables, found {len(content.variables)}."
            )
        )
    if channel is Channel.WHATSAPP and len(content.body) > _MAX_TEMPLATE_TEXT:
        found.append(
            Problem(
                "template_too_long",
                f"WhatsApp takes {_MAX_TEMPLATE_TEXT} characters, found {len(content.body)} (63021).",
            )
        )
    return found


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
