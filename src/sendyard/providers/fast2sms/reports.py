"""
What became of a message: rows of the delivery log, and webhooks whose body the account's owner wrote.

Source: sheet sections 5 and 6. Both say the same in the same words, so their statements have the same `dedupe_key`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from urllib.parse import parse_qsl

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import DeliveryEvent, MessageKey, ProtocolError
from sendyard.providers.fast2sms.codes import CODES, REPORTS, STATUS_WORDS
from sendyard.providers.wire import CallbackRequest

_INDIA = timezone(timedelta(hours=5, minutes=30), "Asia/Kolkata")
_MOBILE = re.compile(r"(?:\+?91|0)?([6-9][0-9]{9})")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}")
_NUMBER_NAMES = ("mobile", "number", "numbers")
_STATUS_NAMES = ("status", "delivery_status")


@lru_cache(maxsize=1024)
def code_of(status: str, description: str) -> str:
    """The code of a status and its description, or the status itself when no table has it; both in lower case."""
    word = "not delivered" if "not delivered" in status else status
    if word in STATUS_WORDS and isinstance(STATUS_WORDS[word].meaning, ReportStatus):
        return word
    both = f"{status} {description}"
    if "dnd" in both or "ndnc" in both:
        return "dnd"
    if any(subject in both for subject in ("template", "dlt", "header", "entity")):
        return "dlt_text" if "match" in both or "content" in both else "dlt_registration"
    if "invalid number" in both or "invalid sub" in both or "invalid-sub" in both:
        return "invalid_number"
    return word


def event(key: MessageKey, status: str, description: str = "", when: str = "") -> DeliveryEvent:
    """One statement about one message; `when` is `2026-01-12 11:02:09` in India, or anything else for "not known"."""
    lowered = " ".join(status.lower().split())
    code = code_of(lowered, description.lower())
    known = REPORTS.get(code)
    error, said = None, ReportStatus.FAILED
    if known is None:
        said = ReportStatus.UNMAPPED
        # A word that is also a code of sending must not be taken for that.
        named = f"report:{code[:60]}" if code in CODES else code[:60]
        error = ProviderError(ErrorKind.UNMAPPED, named, description[:200])
    elif isinstance(known.meaning, ReportStatus):
        said = known.meaning
    else:
        error = ProviderError(known.meaning, code, description[:200] or known.wording)
    return DeliveryEvent(
        key=key,
        status=said,
        raw_status=status.strip()[:60],
        dedupe_key=f"{key.provider_ref or key.reference}:{key.recipient}:{lowered[:60]}",
        error=error,
        occurred_at=moment(when),
    )


def pushed(request: CallbackRequest) -> Iterator[DeliveryEvent]:
    """
    Translate a webhook: JSON, form fields, a form field that holds JSON, or a query; names in any case.

    Raises:
        ProtocolError: none of these, or no status, or neither `request_id` nor `udf1`.
    """
    given = {name.lower(): value for name, value in _fields(request).items()}
    request_id, reference = given.get("request_id", ""), given.get("udf1", "")
    if not request_id and not reference:
        raise ProtocolError("expected request_id or udf1 in Fast2SMS's webhook, found neither; check its body there")
    status = next((given[name] for name in _STATUS_NAMES if name in given), None)
    if status is None:
        raise ProtocolError("expected status in Fast2SMS's webhook, found none; check its body in the panel")
    numbers = next((given[name] for name in _NUMBER_NAMES if given.get(name)), "")
    description, when = given.get("status_description", ""), given.get("delivery_time", "")
    for number in numbers.split(","):
        key = MessageKey(reference=reference, provider_ref=request_id, recipient=e164_of(number))
        yield event(key, status, description, when)


def _fields(request: CallbackRequest) -> Mapping[str, str]:
    body = request.body.strip()
    if not body:
        return dict(parse_qsl(request.query, keep_blank_values=True, errors="replace"))
    if body.startswith(b"{"):
        return _object(body)
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace"))
    for name, value in form.items():
        for text in (value, name):
            # "Raw JSON": the whole body as one field, as its value or as its name.
            if text.lstrip().startswith("{"):
                return _object(text.encode("utf-8", "replace"))
    return form


def _object(body: bytes) -> Mapping[str, str]:
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"expected JSON in Fast2SMS's webhook, found {body[:40]!r}: {error}") from error
    return {name: "" if value is None else str(value) for name, value in given.items()}


@lru_cache(maxsize=4096)
def e164_of(given: str) -> str:
    """An Indian mobile number in E.164 from any spelling, or "" for what is none."""
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
