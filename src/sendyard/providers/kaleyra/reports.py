"""
What a status of Kaleyra's says in our words, whether it came by callback or by query.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from sendyard.domain.errors import ErrorKind
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending, Poll
from sendyard.providers.contract import DeliveryEvent, MessageKey, ProtocolError
from sendyard.providers.kaleyra.answers import decode, refusal_of, whole_ref
from sendyard.providers.kaleyra.codes import CODES, STATUSES, WORD_CODES
from sendyard.providers.meta_codes import meta_code, meta_error
from sendyard.providers.wire import HttpResponse

_BETWEEN = re.compile(r"[\s_-]+")
_MILLISECONDS = 100_000_000_000


class _Row(msgspec.Struct, frozen=True):
    campaign_id: str | None = None
    message_id: str | None = None
    id: str | None = None
    status: str | None = None
    status_details: str | None = None


class _Rows(msgspec.Struct, frozen=True):
    data: list[_Row]


_rows = msgspec.json.Decoder(_Rows)


def event(
    key: MessageKey,
    word: str,
    details: str = "",
    error_code: str = "",
    *,
    text: str = "",
    at: datetime | None = None,
    parts: int | None = None,
    cost: Money | None = None,
) -> DeliveryEvent:
    """Build one statement; `details` is the trace, `error_code` a number, often of Meta's."""
    plain = _BETWEEN.sub("", word).casefold()
    status = STATUSES.get(plain, ReportStatus.UNMAPPED)
    error = None
    if status is ReportStatus.FAILED:
        code = _code_of(plain, details, error_code)
        error = meta_error(CODES, code, text or ("" if meta_code(code) in CODES else details))
    return DeliveryEvent(
        key=key,
        status=status,
        raw_status=word,
        dedupe_key=f"{key.provider_ref or key.reference}:{plain}:{error.code if error else ''}",
        error=error,
        occurred_at=at,
        parts=parts,
        cost=cost,
    )


def read_poll(pending: Sequence[Pending], response: HttpResponse) -> Poll:
    """Match rows by id; a message that Kaleyra does not know brings nothing. Raises ProtocolError."""
    if error := refusal_of(response):
        raise ProtocolError(f"expected the states of messages, found {error.code}: {error.detail}")
    asked = {whole_ref(one.provider_ref): one for one in pending if one.provider_ref}
    events = []
    for row in decode(_rows, response.body, "a list of states").data:
        known = asked.get(whole_ref(row.campaign_id or row.message_id or row.id or ""))
        if known and row.status:
            key = MessageKey(known.reference, whole_ref(known.provider_ref), known.to.value)
            events.append(event(key, row.status, row.status_details or ""))
    return Poll(events)


def moment(text: str) -> datetime | None:
    """Read seconds or milliseconds since 1970, or ISO 8601 with an offset; None for anything else."""
    if text.isascii() and text.isdecimal():
        number = int(text[:13])
        return datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS else number, UTC)
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def price(text: str, currency: str) -> Money | None:
    """Read an amount; None for what is none."""
    try:
        amount = Decimal(text) if text else Decimal("NaN")
    except ArithmeticError:
        return None
    return Money(amount, currency) if amount.is_finite() else None


def _code_of(word: str, details: str, error_code: str) -> str:
    """What names the reason best; a trace may come in any case, and often only repeats the word."""
    number = "" if error_code == "0" else error_code
    trace = details.strip().upper().replace(" ", "-")
    known = CODES.get(trace)
    if known and isinstance(known.meaning, ErrorKind) and not (number and trace in WORD_CODES.values()):
        return trace
    if number:
        return number
    return trace if trace and not known else WORD_CODES[word]
