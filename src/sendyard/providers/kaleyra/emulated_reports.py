"""
Callbacks of the emulated Kaleyra, filled in from the variables of a profile.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import Received, Report
from sendyard.providers.kaleyra.codes import CODES, TRACES
from sendyard.providers.kaleyra.emulated_state import Customer, Profile
from sendyard.providers.wire import HttpRequest

_VARIABLE = re.compile(r"<([a-z_]+)>")
_UNHEARD_OF = "Parked"
_WORDS = {ReportStatus.SENT: "Sent", ReportStatus.DELIVERED: "Delivered", ReportStatus.READ: "Read"}
_TRACE_OF_KIND = {
    **{code.meaning: name for name, code in reversed(list(TRACES.items())) if isinstance(code.meaning, ErrorKind)},
    ErrorKind.UNDELIVERABLE: "ABSENT-SUB",
    ErrorKind.UNMAPPED: "NEVER-HEARD-OF",
}
_NOT_SENT = frozenset(list(TRACES)[: list(TRACES).index("INV-NUMBER")])
"""Traces of messages that Kaleyra itself stopped."""


def outcome(report: Report) -> tuple[str, str]:
    """`status` and `status_details` of a report."""
    if report.status is ReportStatus.FAILED:
        trace = _trace(report)
        return ("NotSent" if trace in _NOT_SENT else "Undelivered"), trace
    word = _WORDS.get(report.status, _UNHEARD_OF)
    return word, word.upper()


def callback(customer: Customer, received: Received, report: Report, profile: Profile) -> HttpRequest:
    """Tell one report: version 1 of WhatsApp by its own two parameters, all others by the profile."""
    status, details = outcome(report)
    if received.extra["way"] == "v1":
        word = "0" if report.status is ReportStatus.FAILED else status.lower()
        return _called(profile, {"id": received.provider_ref, "status": word})
    is_whatsapp = received.channel is Channel.WHATSAPP
    failed = report.status is ReportStatus.FAILED
    delivered = report.status is ReportStatus.DELIVERED
    variables = {
        "id": received.provider_ref,
        "status": status.upper() if is_whatsapp else status,
        "status_details": details,
        "recipient": received.to.lstrip("+"),
        "sender": received.sender,
        "ref": received.reference,
        "error_code": details if failed and details.isdecimal() else "",
        "units": str(received.parts),
        "price": customer.wa_price if is_whatsapp and delivered else "",
        "sent_time": _stamp(received.at or report.at),
        "delivered_time": _stamp(report.at),
    }
    return _called(profile, {name: _filled(text, variables) for name, text in profile.payload.items()})


def inbound(profile: Profile, sender: str, recipient: str, text: str, now: datetime, ref: str) -> HttpRequest:
    """Tell what a person wrote: digits stand for a WhatsApp number, a plus for one of ours for SMS."""
    if recipient.startswith("+"):
        return _called(
            profile,
            {
                "source": sender.lstrip("+"),
                "recipient": recipient,
                "message": text,
                "id": ref,
                "kid": ref,
                "status": "SENT",
                "status_trace": "SENT",
                "timestamp": _stamp(now),
            },
        )
    given = {
        "wanumber": recipient,
        "from": sender.lstrip("+"),
        "name": "Emulated person",
        "type": "text",
        "body": text,
        "created_at": str(int(now.timestamp())),
        "media_url": "<media_url>",  # a variable without a value stays as it is written
    }
    return _called(profile, given)


def _trace(report: Report) -> str:
    known = CODES.get(report.code)
    if known and isinstance(known.meaning, ErrorKind):
        return report.code
    return _TRACE_OF_KIND.get(report.kind or ErrorKind.UNDELIVERABLE, "FAILED")


def _filled(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: variables.get(str(found[1]), str(found[0])), text)


def _stamp(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}+00:00"


def _called(profile: Profile, given: Mapping[str, str]) -> HttpRequest:
    if profile.method.upper() == "GET":
        joint = "&" if "?" in profile.url else "?"
        return HttpRequest("GET", f"{profile.url}{joint}{urlencode(given)}", dict(profile.headers))
    headers = {**profile.headers, "content-type": "application/json"}
    return HttpRequest("POST", profile.url, headers, msgspec.json.encode(given))
