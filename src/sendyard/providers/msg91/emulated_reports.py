"""
How the emulated MSG91 calls back: "Webhook (New)" with the body our README recommends, or the older v2, v3 and v4.
"""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import Report
from sendyard.providers.msg91.codes import STATES
from sendyard.providers.msg91.emulated_answers import stamp
from sendyard.providers.msg91.emulated_desk import reason_words
from sendyard.providers.msg91.emulated_state import Message
from sendyard.providers.msg91.scrubbing import SCRUB_CODES
from sendyard.providers.wire import HttpRequest

_ENCODER = msgspec.json.Encoder()
_NOT_DOCUMENTED = "77"
_FAILED_AS = {
    ErrorKind.BLOCKED: ("9", ""),
    ErrorKind.OPTED_OUT: ("opt_out", ""),
    ErrorKind.INVALID_RECIPIENT: ("2", "INVALID-SUB"),
    ErrorKind.REGISTRY_REFUSED: ("16", "620"),
    ErrorKind.CONTENT_REJECTED: ("16", "633"),
    ErrorKind.EXPIRED: ("2", "EXPIRED"),
    ErrorKind.UNMAPPED: (_NOT_DOCUMENTED, ""),
}
_WORD_STATES = {"auto_failed": "2", "opt_out": "17"}
"""States without a number of their own, and the number that the older callbacks give beside the word."""


def state_of(report: Report) -> tuple[str, str]:
    """State and reason of a report; the reason is an operator's code."""
    if report.status is ReportStatus.SENT:
        return "sent", ""
    if report.status is ReportStatus.UNMAPPED:
        return _NOT_DOCUMENTED, ""
    if report.status is not ReportStatus.FAILED:
        return "1", ""
    if report.code in STATES:
        return report.code, ""
    if report.code in SCRUB_CODES:
        return ("16" if report.code.isdigit() else "2"), report.code
    return _FAILED_AS.get(report.kind or ErrorKind.UNDELIVERABLE, ("2", ""))


def callback(message: Message, at: datetime) -> HttpRequest | None:
    """The call that tells; None for what a shape does not tell."""
    panel = message.account.panel
    if not panel.callback_url or message.is_otp:
        return None
    if message.state == "sent":
        return _json(panel.callback_url, _accepted(message)) if panel.webhook == "new" else None
    known = STATES.get(message.state)
    words = known.wording.upper() if known else "UNKNOWN"
    number = _WORD_STATES.get(message.state, message.state)
    reason = reason_words(message.reason)
    if panel.webhook == "v2":
        form = urlencode({"data": _ENCODER.encode([_second(message, at, number, words, reason)]).decode()})
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return HttpRequest("POST", panel.callback_url, headers, form.encode())
    if panel.webhook == "v3":
        return _json(panel.callback_url, _third(message, at, number, reason or words))
    if panel.webhook == "v4":
        entry = {"meta": message.crqid or "0", "INMSID": "0", "description": reason or words, "ts": int(at.timestamp())}
        return _json(panel.callback_url, [{"data": [entry], "event": words.lower()}])
    body = {
        "requestId": message.request_id,
        "CRQID": message.crqid or "0",
        "telNum": message.number,
        "status": known.wording if known else message.state,
        "failureReason": reason,
        "deliveryTime": stamp(at),
        "senderId": message.sender,
        "credit": str(message.credit),
    }
    return _json(panel.callback_url, body)


def _accepted(message: Message) -> dict[str, str]:
    """What "On Request Received" tells: what was asked for, nothing about delivery."""
    return {
        "requestId": message.request_id,
        "CRQID": message.crqid or "0",
        "telNum": message.number,
        "requestedAt": stamp(message.requested_at),
        "senderId": message.sender,
    }


def _second(message: Message, at: datetime, number: str, words: str, reason: str) -> dict[str, Any]:
    return {
        "senderId": message.sender,
        "requestId": message.request_id,
        "userId": "270001",
        "campaignName": "API",
        "report": [
            {
                "date": stamp(at),
                "number": message.number,
                "status": number,
                "desc": words,
                "failedReason": reason,
                "amount": "0.01",
                "credit": str(message.credit),
                "clientid": "",
                "INMSID": "0",
                "CRQID": message.crqid or "0",
                "ctCode": "900",
            }
        ],
    }


def _third(message: Message, at: datetime, number: str, description: str) -> dict[str, str]:
    return {
        "date": stamp(at),
        "number": message.number,
        "senderId": message.sender,
        "amount": "0.01",
        "requestId": message.request_id,
        "INMSID": "0",
        "CRQID": message.crqid or "0",
        "credit": str(message.credit),
        "userId": "270001",
        "campaignName": "API",
        "status": number,
        "desc": description,
    }


def _json(url: str, body: Any) -> HttpRequest:
    return HttpRequest("POST", url, {"content-type": "application/json"}, _ENCODER.encode(body))
