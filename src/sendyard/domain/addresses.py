"""
Addresses people are reached at. A sender is not an address: it stays the text the provider knows.
"""

import re
from enum import StrEnum

from sendyard.domain.values import dataclass


class AddressKind(StrEnum):
    """What the value of an address identifies."""

    PHONE = "phone"  # E.164, with the plus
    WHATSAPP_ID = "whatsapp_id"  # business-scoped user id; may exist without a phone number
    LINE_ID = "line_id"


LINE_ID = re.compile(r"[UCR][0-9a-f]{32}|audience:[0-9]{1,19}")
"""A LINE user, group or room id, or the number of an audience that LINE keeps."""
LINE_USER_ID = re.compile(r"U[0-9a-f]{32}")
"""What identifies a person on LINE (Messaging API reference, "User ID")."""
WHATSAPP_ID = re.compile(r"([A-Z]{2})\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
"""A business-scoped user id of WhatsApp; it begins with the country."""


@dataclass(frozen=True, slots=True)
class Address:
    """One identity of a person; `value` is E.164 for a phone, the provider's own id otherwise."""

    kind: AddressKind
    value: str

    @classmethod
    def phone(cls, e164: str) -> "Address":
        """Wrap a number that is E.164 already; `phone.parse_phone` makes one from what people type."""
        return cls(AddressKind.PHONE, e164)

    @classmethod
    def known(cls, value: str) -> "Address":
        """Wrap a value that was checked before: E.164, or an id of LINE or WhatsApp."""
        if value[:1] == "+":
            return cls(AddressKind.PHONE, value)
        return cls(AddressKind.LINE_ID if LINE_ID.fullmatch(value) else AddressKind.WHATSAPP_ID, value)

    @property
    def masked(self) -> str:
        """For logs and screens without the full-number right: `+8869***678`, never the whole value."""
        return mask(self.value)


def mask(value: str) -> str:
    """Keep enough of an address to recognise it, never enough to use it."""
    if len(value) <= 6:
        return "***"
    return f"{value[:4]}***{value[-3:]}" if len(value) > 9 else f"{value[:2]}***{value[-2:]}"
