"""
What people give as a recipient, read as the address a channel can reach.
"""

from phonenumbers import PhoneNumberFormat, PhoneNumberType, example_number_for_type, format_number

from sendyard.domain.addresses import LINE_ID, WHATSAPP_ID, Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.phone import parse_phone
from sendyard.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who was meant; without an `address`, `code` and `detail` say why nobody."""

    address: Address | None
    country: str = ""  # ISO 3166 alpha-2, as far as the address tells
    fixed: str = ""  # what was repaired, in words
    code: str = ""
    detail: str = ""


def read_recipient(channel: Channel, given: str, country: str | None = None) -> Recipient:
    """
    Read one recipient: an id of LINE on that channel, a number or a WhatsApp id on that one, elsewhere a number.

    Args:
        channel: what the message travels on.
        given: as typed.
        country: ISO 3166 code by which a national number is read; None or "" for none.
    """
    text = given.strip()
    if channel is Channel.LINE:
        if LINE_ID.fullmatch(text):
            return Recipient(Address(AddressKind.LINE_ID, text))
        detail = (
            "LINE reaches people by their user id (U and 32 hexadecimal digits), never by number, "
            f"found {text[:40]!r}; ids come with follow events and messages of people."
        )
        return Recipient(None, code="not_a_line_id", detail=detail)
    if channel is Channel.WHATSAPP and (found := WHATSAPP_ID.fullmatch(text)):
        return Recipient(Address(AddressKind.WHATSAPP_ID, text), found[1])
    number = parse_phone(given, country or None)
    if not number.ok:
        return Recipient(None, code=number.reason, detail=number.detail)
    return Recipient(Address.phone(number.e164), number.country, number.fixed)


def anybody(channel: Channel, country: str) -> Address:
    """
    Give an address such as people of a country have, where a message is looked at and nobody is named.

    A country without numbers of its own, or "", gives a number of the United States.
    """
    if channel is Channel.LINE:
        return Address(AddressKind.LINE_ID, f"U{0:032}")
    number = example_number_for_type(country, PhoneNumberType.MOBILE)
    return Address.phone(format_number(number, PhoneNumberFormat.E164) if number else "+12025550123")
