"""
What WATI says about one message, whether by webhook or in a conversation's history.
"""

from datetime import UTC, datetime

from sendyard.domain.errors import ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import DeliveryEvent, MessageKey
from sendyard.providers.meta_codes import meta_error
from sendyard.providers.wati.answers import name_of
from sendyard.providers.wati.codes import NO_REASON, WORDS
from sendyard.providers.wati.spec import SPEC


def delivery_event(
    key: MessageKey, name: str, word: str, *, code: str = "", detail: str = "", at: datetime | None = None
) -> DeliveryEvent:
    """
    One statement about one message.

    Args:
        key: how to find the message.
        name: what WATI calls it, for recognising repetitions.
        word: `statusString` or `status` as WATI wrote it.
        code: Meta's number of a failure, if told.
        detail: WATI's words about a failure.
        at: when it happened.
    """
    status = WORDS.get(word.casefold(), ReportStatus.UNMAPPED)
    return DeliveryEvent(
        key=key,
        status=status,
        raw_status=word,
        dedupe_key=f"{name}:{word.casefold()}:{code}",
        error=failure_of(code, detail) if status is ReportStatus.FAILED else None,
        occurred_at=at,
    )


def failure_of(code: str, detail: str) -> ProviderError:
    """Class a failure by Meta's number; without one by WATI's words, if there are any."""
    if not code:
        name = name_of(detail) if detail else NO_REASON
        return ProviderError(SPEC.error_kind(name), name, detail or SPEC.codes[name].wording)
    return meta_error(SPEC.codes, code, detail)


def moment(timestamp: str | float | None, created: str | None = None) -> datetime | None:
    """Seconds since 1970 (WATI writes them as text), else an ISO time; None when neither is one."""
    try:
        if timestamp is not None:
            return datetime.fromtimestamp(float(timestamp), UTC)
        found = datetime.fromisoformat(created or "")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
