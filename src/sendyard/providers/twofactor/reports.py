"""
What became of a message, as 2Factor tells it: three kinds of form posts, and an XML log to be asked for.

Source: sheet sections 6 and 7. Statements of both kinds about one message and one word have one `dedupe_key`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import cast
from xml.etree.ElementTree import ParseError, fromstring

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import DeliveryEvent, MessageKey, ProtocolError
from sendyard.providers.twofactor.answers import credits_of
from sendyard.providers.twofactor.codes import CODES, word_meaning, word_of

_INDIA = timezone(timedelta(hours=5, minutes=30), "Asia/Kolkata")
_SESSION = re.compile(r"[0-9A-Za-z-]{8,64}")
_MOBILE = re.compile(r"(?:\+?91|0)?([6-9][0-9]{9})")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}")
_LARGEST_LOG = 262_144  # bytes; a row has about 600
_CHARGE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")
_TELLING_LITTLE = frozenset({"FAILED", "UNDELIVERED", "UNDELIVERABLE", "REJECTED", "EXPIRED", "DELETED"})


def pushed(given: Mapping[str, str]) -> DeliveryEvent:
    """
    Translate one form post; `mode` tells one-time codes from texts.

    Raises:
        ProtocolError: no session id, or no status.
    """
    session = given.get("SessionId", "")
    if not _SESSION.fullmatch(session):
        raise ProtocolError(f"expected SessionId in 2Factor's callback, found {session[:40]!r}")
    by_otp = "mode" in given
    said = given.get("Status" if by_otp else "SmsStatus", "")
    if not said.strip():
        raise ProtocolError("expected Status or SmsStatus in 2Factor's callback, found neither")
    to = e164_of(given.get("To" if by_otp else "SmsTo", ""))
    # A call is reported as `DELIVERED (USR_BUSY)`: the first word is the status.
    word = said.partition("(")[0] if by_otp else said
    return event(session, to, word, given.get("ErrorName", ""), given.get("ErrorDescription", ""))


def event(
    session: str,
    recipient: str,
    said: str,
    error_name: str = "",
    description: str = "",
    *,
    at: datetime | None = None,
    cost: Money | None = None,
) -> DeliveryEvent:
    """
    One statement about one message.

    Args:
        session: 2Factor's id of the send.
        recipient: E.164, or "" when not told.
        said: the status word.
        error_name: the carrier's reason, which decides the class when the table has it.
        description: the reason in words.
        at: when it happened, if told.
        cost: credit used, if told.
    """
    word = word_of(said)
    meaning = word_meaning(word)
    status, error = ReportStatus.FAILED, None
    if isinstance(meaning, ReportStatus):
        status = meaning
    else:
        code = _blamed(word, word_of(error_name))
        known = CODES.get(code)
        kind = word_meaning(code)
        if kind is ErrorKind.UNMAPPED:
            status = ReportStatus.UNMAPPED
        words = description.strip()[:200] or (known.wording if known else said.strip()[:200])
        error = ProviderError(cast("ErrorKind", kind), code, words)
    return DeliveryEvent(
        key=MessageKey(provider_ref=session, recipient=recipient),
        status=status,
        raw_status=said.strip()[:60],
        dedupe_key=f"{session}:{recipient}:{word}",
        error=error,
        occurred_at=at,
        cost=cost,
    )


def _blamed(word: str, reason: str) -> str:
    """The reason instead of the status word, where the word says only that it failed and the reason is known."""
    telling = word in _TELLING_LITTLE and isinstance(word_meaning(reason), ErrorKind)
    return reason if telling and word_meaning(reason) is not ErrorKind.UNMAPPED else word


def logged(body: bytes, session: str) -> Iterator[DeliveryEvent]:
    """
    Translate the XML log of one session, one event a recipient; none while a message is pending or not in the log.

    Raises:
        ProtocolError: not the documented XML, larger than 256 KiB, or with a document type.
    """
    if len(body) > _LARGEST_LOG:
        raise ProtocolError(f"expected a log of at most {_LARGEST_LOG} bytes from 2Factor, found {len(body)}")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError(f"expected XML in UTF-8 from 2Factor, found {error}") from error
    if "<!" in text:
        raise ProtocolError("expected plain XML from 2Factor, found a document type or a comment")
    try:
        log = fromstring(text)  # noqa: S314 - nothing can be expanded without a document type
    except ParseError as error:
        raise ProtocolError(f"expected XML from 2Factor, found {body[:40]!r}: {error}") from error
    if log.tag != "smsLog":
        raise ProtocolError(f"expected smsLog from 2Factor, found {log.tag[:40]!r}")
    if log.findtext("logStatus", "").strip() != "Valid":
        return
    for row in log.iterfind("sms"):
        said = row.findtext("smsStatus/statusDesc", "").strip()
        if not said:
            continue
        delivered = row.findtext("smsStatus/deliveredAt", "")
        charged = row.findtext("smsMeta/creditsCharged", "").strip()
        yield event(
            session,
            e164_of(row.findtext("smsMeta/smsTo", "")),
            said,
            row.findtext("smsError/errorName", ""),
            at=moment(delivered) or moment(row.findtext("smsStatus/sentAt", "")),
            cost=credits_of(charged) if _CHARGE.fullmatch(charged) else None,
        )


@lru_cache(maxsize=4096)
def e164_of(given: str) -> str:
    """An Indian mobile number in E.164 from any of 2Factor's spellings, or "" for what is none."""
    found = _MOBILE.fullmatch(given.strip())
    return f"+91{found[1]}" if found else ""


def moment(text: str) -> datetime | None:
    """An aware time (UTC) from `2026-01-12 11:02:09` in India, or None for what is not one."""
    stamp = text.strip()
    if not _MOMENT.fullmatch(stamp):
        return None
    try:
        return datetime.fromisoformat(stamp).replace(tzinfo=_INDIA).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
