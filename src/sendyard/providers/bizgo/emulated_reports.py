"""
What the emulated BizGO reports: which code on which channel, and the rows that say so.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.bizgo.codes import ACCEPTED
from sendyard.providers.bizgo.emulated_state import KST, Message
from sendyard.providers.bizgo.report_codes import REPORT_CODES
from sendyard.providers.bizgo.spec import SPEC
from sendyard.providers.emulation import Report

DELIVERED = "10000"
_UNKNOWN_REPORT_CODE = "98765"  # in nobody's table
_TEXTED, _KAKAO = ("10", "2", "9"), ("10", "6", "9")
_SERIES = {
    "SMS": _TEXTED,
    "MMS": _TEXTED,
    "INTERNATIONAL": _TEXTED,
    "ALIMTALK": _KAKAO,
    "BRANDMESSAGE": _KAKAO,
    "RCS": ("10", "3", "4", "5", "9"),
}
_USUAL_FAILURE = {
    "SMS": "22003",
    "MMS": "22003",
    "INTERNATIONAL": "22003",
    "ALIMTALK": "63019",
    "BRANDMESSAGE": "63019",
    "RCS": "33101",
}


def hop_codes(message: Message, report: Report) -> list[str]:
    """Report codes of the channels tried, in order; none while nothing final happened."""
    if report.status is ReportStatus.READ and message.results:
        return []
    flawed = list(takewhile(bool, message.flaws))
    services = [service for service, _ in message.hops[len(flawed) :]]
    if flawed and report.status is not ReportStatus.SENT:
        return [*flawed, *(_codes(services, report) if services else ())]
    return _codes(services, report)


def _codes(services: Sequence[str], report: Report) -> list[str]:
    if report.status is ReportStatus.SENT:
        known = REPORT_CODES.get(report.code)
        return [report.code] if known and known.meaning is ReportStatus.SENT else []
    if report.status is ReportStatus.UNMAPPED:
        return [report.code or _UNKNOWN_REPORT_CODE]
    if report.status is ReportStatus.FAILED:
        return [_failure(service, report, alone=len(services) == 1) for service in services]
    if report.code and len(services) > 1:
        return [*(_failure(service, report, alone=False) for service in services[:-1]), DELIVERED]
    return [DELIVERED]


def _failure(service: str, report: Report, *, alone: bool) -> str:
    """A failure code for one channel: the one asked for where it can occur, else one of its class, else a usual one."""
    if report.code in REPORT_CODES:
        if alone or report.code.startswith(_SERIES[service]):
            return report.code
    elif report.code and report.code not in SPEC.codes:
        return report.code
    return _FAILURES.get((service, report.kind)) or _USUAL_FAILURE[service]


def _first_codes() -> dict[tuple[str, ErrorKind | None], str]:
    """First code of the table for each channel and class; of any series where the channel's own has none."""
    found: dict[tuple[str, ErrorKind | None], str] = {}
    for service, series in _SERIES.items():
        for code, row in sorted(REPORT_CODES.items(), key=lambda item: not item[0].startswith(series)):
            if isinstance(row.meaning, ErrorKind):
                found.setdefault((service, row.meaning), code)
        found[(service, ErrorKind.UNMAPPED)] = _UNKNOWN_REPORT_CODE
    return found


_FAILURES = _first_codes()


def report_row(message: Message, number: int, precision: str) -> dict[str, str]:
    """The report on one channel tried; `precision` is seconds (polled) or milliseconds (pushed)."""
    code, at = message.results[number]
    service, kind = message.hops[number]
    known = REPORT_CODES.get(code)
    row = {
        "msgKey": message.key,
        "serviceType": service,
        "msgType": kind,
        "sendTime": korean_time(message.sent_at or at, precision),
        "reportTime": korean_time(at, precision),
        "reportType": "0",
        "reportCode": code,
        "reportText": known.wording if known else "",
        "carrier": "10001",
        "ref": message.reference,
    }
    return row | {"resCnt": str(message.parts)} if service == "INTERNATIONAL" else row


def status_rows(message: Message) -> list[dict[str, str]]:
    """One row for each channel tried; the first one exists from the moment of acceptance."""
    rows = []
    for number in range(max(1, len(message.results))):
        service, kind = message.hops[number]
        row = {
            "msgKey": message.key,
            "serviceType": service,
            "msgType": kind,
            "to": message.to,
            "fallback": "Y" if number else "N",
            "responseCode": ACCEPTED,
            "responseText": "Success",
            "requestTime": korean_time(message.requested_at),
            "ref": message.reference,
        }
        if message.sent_at is not None:
            row["sendTime"] = korean_time(message.sent_at)
        if message.results:
            row |= report_row(message, number, "seconds")
        rows.append(row)
    return rows


def korean_time(at: datetime, precision: str = "seconds") -> str:
    """A time as BizGO writes it."""
    return at.astimezone(KST).isoformat(timespec=precision)
