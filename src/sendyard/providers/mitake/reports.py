"""
What a report of Mitake's says in our words, whether it came by callback or by query.
"""

import re

from sendyard.domain.errors import ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import DeliveryEvent, MessageKey
from sendyard.providers.mitake.answers import moment
from sendyard.providers.mitake.codes import CODES, STATUS_WORD
from sendyard.providers.mitake.spec import SPEC

MOBILE = re.compile(r"\+8869[0-9]{8}")
"""A Taiwanese mobile number in E.164: all that Mitake reaches."""


def event(key: MessageKey, code: str, when: str, cost: Money | None = None) -> DeliveryEvent:
    """
    One statement about one message.

    Args:
        key: how to find the message; its `provider_ref` is the msgid.
        code: a key of the code table, or one that is in no table.
        when: `YYYYMMDDHHMMSS` in Taipei, or anything else for "not known".
        cost: the points it cost, when told.
    """
    meaning = SPEC.meaning(code)
    known = CODES.get(code)
    word = code.removeprefix(STATUS_WORD)
    if isinstance(meaning, ReportStatus):
        status, error = meaning, None
    else:
        status = ReportStatus.FAILED if known else ReportStatus.UNMAPPED
        error = ProviderError(meaning, code, known.wording if known else "")
    return DeliveryEvent(
        key=key,
        status=status,
        raw_status=word,
        dedupe_key=f"{key.provider_ref}:{word}",
        error=error,
        occurred_at=moment(when),
        cost=cost,
    )


def e164_of(dstaddr: str) -> str:
    """The number of a callback in E.164, or nothing when it is not a Taiwanese mobile number."""
    digits = dstaddr.strip().removeprefix("+")
    e164 = f"+886{digits[1:]}" if digits.startswith("0") else f"+{digits}"
    return e164 if MOBILE.fullmatch(e164) else ""
