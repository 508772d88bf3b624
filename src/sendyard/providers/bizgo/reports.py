"""
What BizGO says about messages later: delivery reports, status rows, and messages from people.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.bizgo.answers import error_of
from sendyard.providers.bizgo.codes import ACCEPTED, DUPLICATE
from sendyard.providers.bizgo.report_codes import REPORT_CODES, report_meaning
from sendyard.providers.contract import DeliveryEvent, Inbound, MessageKey

KST = timezone(timedelta(hours=9))

_SPELLING = {
    "msg_key": "msgKey",
    "service_type": "serviceType",
    "msg_type": "msgType",
    "report_code": "reportCode",
    "report_text": "reportText",
    "report_time": "reportTime",
    "res_cnt": "resCnt",
    "response_code": "responseCode",
    "response_text": "responseText",
    "sender": "from",
    "occurred_time": "occurredTime",
}
_CHANNELS = {
    "SMS": Channel.SMS,
    "INTERNATIONAL": Channel.SMS,  # not among the documented values; named after the flow's key
    "RCS": Channel.RCS,
    "ALIMTALK": Channel.ALIMTALK,
    "BRANDMESSAGE": Channel.BRANDMESSAGE,
}


class Report(msgspec.Struct, rename=_SPELLING):
    """
    A delivery report, or a message from a person (`serviceType` MO), or a row of the history.

    Documented as strings throughout; anything else is read as its text, so that one odd field can never hold
    up a whole polled batch.
    """

    msg_key: Any = None
    service_type: Any = None
    msg_type: Any = None
    report_code: Any = None
    report_text: Any = None
    report_time: Any = None
    res_cnt: Any = None
    ref: Any = None
    response_code: Any = None
    response_text: Any = None
    to: Any = None
    sender: Any = None
    originator: Any = None
    content: Any = None
    occurred_time: Any = None


def word(value: Any) -> str:
    """Read a field as text; absent is empty."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def delivery_event(report: Report) -> DeliveryEvent:
    """Translate one delivery report; it carries no recipient, so `msgKey` and `ref` are its key."""
    code, service, key = word(report.report_code), word(report.service_type), word(report.msg_key)
    meaning = report_meaning(code)
    if isinstance(meaning, ReportStatus):
        status = meaning
        error = _error(ErrorKind.UNMAPPED, code, report) if meaning is ReportStatus.UNMAPPED else None
    else:
        status, error = ReportStatus.FAILED, _error(meaning, code, report)
    parts = word(report.res_cnt)
    return DeliveryEvent(
        key=MessageKey(reference=word(report.ref), provider_ref=key),
        status=status,
        raw_status=code,
        dedupe_key=f"{key}:{service}:{code}",
        channel=channel_of(service, word(report.msg_type)),
        error=error,
        occurred_at=moment(report.report_time),
        parts=int(parts) if parts.isascii() and parts.isdigit() and len(parts) < 4 else None,
    )


def inbound(report: Report) -> Inbound:
    """Translate one message from a person; `originator` is the handset, `from` is what its owner may have typed."""
    key = word(report.msg_key)
    return Inbound(
        sender=e164(word(report.originator) or word(report.sender)),
        recipient=word(report.to),
        channel=Channel.SMS,
        content=Text(word(report.content)),
        provider_ref=key,
        dedupe_key=f"MO:{key}",
        occurred_at=moment(report.occurred_time),
    )


def state_of(rows: Sequence[Report], hops: int) -> DeliveryEvent | None:
    """
    Join the rows of one message, one per channel tried: one success is enough, failure needs all `hops` channels.

    None while nothing final is known.
    """
    refused = word(rows[-1].response_code)
    if refused not in {"", ACCEPTED, DUPLICATE}:
        error = error_of(refused, word(rows[-1].response_text))
        key = MessageKey(reference=word(rows[-1].ref), provider_ref=word(rows[-1].msg_key))
        return DeliveryEvent(key, ReportStatus.FAILED, refused, f"{key.provider_ref}:{refused}", error=error)
    events = [delivery_event(row) for row in rows if word(row.report_code)]
    delivered = [event for event in events if event.status is ReportStatus.DELIVERED]
    undecided = [event for event in events if event.status is not ReportStatus.FAILED]
    if delivered or undecided:
        return (delivered or undecided)[-1]
    return events[-1] if events and len(events) >= hops else None


def channel_of(service: str, kind: str) -> Channel | None:
    """The channel behind a service type; LMS, an `MMS` of type `LM`, is our SMS. None for one we do not know."""
    if service == "MMS":
        return Channel.SMS if kind == "LM" else Channel.MMS
    return _CHANNELS.get(service)


def moment(value: Any) -> datetime | None:
    """Read a time with or without milliseconds; without an offset it is Korean time. None when unreadable."""
    try:
        read = datetime.fromisoformat(word(value))
    except ValueError:
        return None
    return read if read.tzinfo is not None else read.replace(tzinfo=KST)


def e164(number: str) -> str:
    """A Korean number as BizGO writes it (`010…`, sometimes `8210…`) in E.164; anything else unchanged."""
    digits = number.replace("-", "")
    if digits.startswith("82"):
        return "+" + digits
    return "+82" + digits[1:] if digits.startswith("0") else number


def _error(kind: ErrorKind, code: str, report: Report) -> ProviderError:
    known = REPORT_CODES.get(code)
    return ProviderError(kind, code, word(report.report_text) or (known.wording if known else ""))
