"""
What recurs in Meta's webhooks: contacts, faults, unix seconds, numbers without a plus and user ids.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids.
"""

from datetime import UTC, datetime

import msgspec

from sendyard.domain.addresses import Address, AddressKind


class Metadata(msgspec.Struct, frozen=True):
    """Which of our numbers it is about."""

    phone_number_id: str = ""
    display_phone_number: str = ""


class Profile(msgspec.Struct, frozen=True):
    """How a person calls themselves."""

    name: str | None = None


class Contact(msgspec.Struct, frozen=True):
    """Who it is about; a person with a user name may have no `wa_id`."""

    wa_id: str | None = None
    user_id: str | None = None
    profile: Profile | None = None


class _Data(msgspec.Struct, frozen=True):
    details: str | None = None


class Fault(msgspec.Struct, frozen=True):
    """An error as webhooks have it; some have no more than code and title."""

    code: int | str
    title: str | None = None
    message: str | None = None
    error_data: _Data | None = None

    @property
    def words(self) -> str:
        """The most exact words there are."""
        return (self.error_data.details if self.error_data else None) or self.message or self.title or ""


def moment_of(given: str | int | None) -> datetime | None:
    """Read unix seconds, a number or a string of digits; None for what is no moment."""
    try:
        return datetime.fromtimestamp(int(given or ""), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def person_of(wa_id: str | None, user_id: str | None) -> Address:
    """The phone number where there is one (also in the place of the id), else the business-scoped user id."""
    number = (wa_id or "").removeprefix("+")
    if number.isascii() and number.isdecimal():
        return Address.phone(f"+{number}")
    return Address(AddressKind.WHATSAPP_ID, user_id or wa_id or "")


def contact_of(contacts: list[Contact], wa_id: str | None, user_id: str | None) -> Contact:
    """The contact of a person: the one with the same id, or the only one there is."""
    for contact in contacts:
        if (wa_id and contact.wa_id == wa_id) or (user_id and contact.user_id == user_id):
            return contact
    return contacts[0] if len(contacts) == 1 else Contact()
