"""
What Kaleyra, India's operators or WhatsApp would refuse and what can be known before they are asked.
"""

import re
from collections.abc import Iterator

from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Interactive, TemplateRef, Text
from sendyard.domain.errors import ErrorKind
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.kaleyra.spec import KaleyraAccount
from sendyard.providers.kaleyra.whatsapp import BUTTON_PREFIX
from sendyard.providers.whatsapp import Carrier, is_unicode, problems_of_content

_CARRIER = Carrier("Kaleyra", header_uploads=True)
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_TEMPLATE_NAME = re.compile(r"[A-Za-z0-9_]{1,512}")
_TRAFFIC = {Purpose.OTP: "OTP", Purpose.PROMOTIONAL: "MKT", Purpose.TRANSACTIONAL: "TXN"}


def traffic(account: KaleyraAccount, outgoing: Outgoing) -> str:
    """Give Kaleyra's word for the purpose, unless the account names one for all."""
    return _TRAFFIC[outgoing.purpose] if account.sms_type == "auto" else account.sms_type


def problems_of(account: KaleyraAccount, outgoing: Outgoing) -> Iterator[Problem]:
    """Yield everything wrong with one message that is known beforehand."""
    if outgoing.to.kind is not AddressKind.PHONE or not _NUMBER.fullmatch(outgoing.to.value):
        yield Problem("recipient_not_a_number", "Kaleyra reaches people by their phone number: give one.")
    yield from _whatsapp(account, outgoing) if outgoing.channel is Channel.WHATSAPP else _sms(account, outgoing)


def _sms(account: KaleyraAccount, outgoing: Outgoing) -> Iterator[Problem]:
    content = outgoing.content
    if not outgoing.sender and not account.sender:
        yield Problem("sender_missing", "Give the message a sender, or the account a Sender ID.")
    # Without a template Kaleyra takes a text to India for an offer, whatever it says.
    wants_template = outgoing.country == "IN" and traffic(account, outgoing) in {"TXN", "OTP"}
    if wants_template and not (outgoing.registration.get("template_id") or account.template_id):
        detail = "India's operators want a DLT template id for this kind of text: add it to the template."
        yield Problem("dlt_template_missing", detail)
    if not isinstance(content, Text):
        yield Problem(ErrorKind.UNSUPPORTED, "An SMS carries plain text only: send a text message.")
    elif not content.body.strip():
        yield Problem("text_empty", "Kaleyra refuses a message without text: write a text.")
    if not is_unicode(content.body):
        yield Problem("text_broken", "The text holds half of a character pair; type it again.")


def _whatsapp(account: KaleyraAccount, outgoing: Outgoing) -> Iterator[Problem]:
    content, is_v1 = outgoing.content, account.whatsapp_api == "v1"
    number = outgoing.sender or account.wa_number
    if not (number.isascii() and number.isdecimal()):
        detail = (
            f"WhatsApp messages leave from a number (digits with the country code), not from {number!r}: name "
            "that as the sender, or none in message and account; a header of SMS belongs into the setting Sender ID."
            if number
            else "Give the account its WhatsApp number, digits with the country code."
        )
        yield Problem("sender_not_a_number", detail)
    if isinstance(content, TemplateRef):
        if not _TEMPLATE_NAME.fullmatch(content.name):
            detail = f"Expected the template's name (small letters, digits, underscores), found {content.name!r}."
            yield Problem("template_not_a_name", detail)
        if is_v1 and _beyond_v1(content):
            detail = "Version 1 of Kaleyra's API takes no quotation marks in variables and one button: use v2."
            yield Problem("needs_whatsapp_v2", detail)
    elif isinstance(content, Interactive) and is_v1:
        yield Problem("needs_whatsapp_v2", "Buttons and lists go by version 2 of Kaleyra's API: switch to it.")
    yield from problems_of_content(_CARRIER, content)


def _beyond_v1(content: TemplateRef) -> bool:
    buttons = [name for name in content.variables if name.startswith(BUTTON_PREFIX)]
    return any('"' in value for value in content.variables.values()) or buttons not in ([], [f"{BUTTON_PREFIX}0"])
