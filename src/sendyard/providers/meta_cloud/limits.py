"""
What Meta would refuse and what can be known before it is asked.

Numbers: sheet of the message types at https://developers.facebook.com/documentation/business-messaging/whatsapp.
"""

import re
from collections.abc import Iterator

from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Purpose
from sendyard.domain.content import TemplateRef
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.meta_cloud.payloads import BUTTON_VARIABLES
from sendyard.providers.whatsapp import MAX_TEXT, Carrier, problems_of_content

_CARRIER = Carrier("Meta", uploads=True, header_uploads=True, list_body=MAX_TEXT)
_TEMPLATE_NAME = re.compile(r"[a-z0-9_]{1,512}")
# `CC.digits`, or `CC.ENT.digits` of a parent business (…/whatsapp/business-scoped-user-ids).
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_BUTTON_INDEX = re.compile(r"[0-9]")


def problems_of(outgoing: Outgoing) -> Iterator[Problem]:
    """Yield everything wrong with one message that Meta's documentation names."""
    yield from _addresses(outgoing)
    content = outgoing.content
    if isinstance(content, TemplateRef):
        yield from _template(content)
        if outgoing.purpose is Purpose.PROMOTIONAL and outgoing.country == "US":
            yield Problem(
                "marketing_to_us",
                "WhatsApp delivers no marketing to numbers in the United States: use another channel.",
            )
    yield from problems_of_content(_CARRIER, content)


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


def _template(content: TemplateRef) -> Iterator[Problem]:
    if not _TEMPLATE_NAME.fullmatch(content.name):
        yield Problem(
            "template_name_malformed",
            f"A template's name has lower-case letters, digits and underscores, found {content.name!r}.",
        )
    if not content.language:
        yield Problem("template_language_missing", "Give the template's language as WhatsApp has it, such as en_US.")
    names = list(content.variables)
    if wrong := sorted(name for name in names if not _is_known_place(name)):
        yield Problem(
            "variable_place_unknown",
            f"No template has a place for {', '.join(wrong)}: a button is named by its number from 0, as button:0.",
        )
    body = [name for name in names if ":" not in name and name != "header"]
    if any(map(str.isdecimal, body)) and not all(map(str.isdecimal, body)):
        yield Problem("variables_mixed", "A template numbers its variables or names them, never both: sync it.")


def _is_known_place(name: str) -> bool:
    place, colon, detail = name.partition(":")
    if not colon:
        return bool(name)
    return bool(detail) if place == "header" else place in BUTTON_VARIABLES and bool(_BUTTON_INDEX.fullmatch(detail))
