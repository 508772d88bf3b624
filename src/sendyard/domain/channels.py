"""
Channels a message can travel on and purposes it can have.
"""

from enum import StrEnum


class Channel(StrEnum):
    """The kind of thing the recipient gets."""

    SMS = "sms"  # plain text; in Korea the adapter picks SMS or LMS by bytes
    MMS = "mms"  # text with pictures
    WHATSAPP = "whatsapp"
    ALIMTALK = "alimtalk"  # Kakao, informational, approved templates only
    BRANDMESSAGE = "brandmessage"  # Kakao, advertising
    RCS = "rcs"
    LINE = "line"


class Purpose(StrEnum):
    """Why it is sent: decides priority, failover and which rules apply."""

    OTP = "otp"
    TRANSACTIONAL = "transactional"
    PROMOTIONAL = "promotional"

    @property
    def priority(self) -> int:
        """Smaller leaves first: a one-time code overtakes orders, orders overtake offers."""
        return _PRIORITY[self]


_PRIORITY = {Purpose.OTP: 0, Purpose.TRANSACTIONAL: 1, Purpose.PROMOTIONAL: 2}
