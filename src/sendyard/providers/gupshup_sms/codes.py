"""
What the gateway's codes mean: three digits from 100 on refuse a request, those below 100 stand in reports.

Sources: docs.gupshup.io (SMS error codes, real-time delivery reports), docs.suprsend.com (Gupshup SMS errors).
Codes 110 to 174 exist and are published nowhere; they stay unmapped.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import OUR_REQUEST, Code

NO_CREDIT = "no_credit"
TOO_FAST = "http:429"
FAILURE = "FAILURE"

REFUSALS: Mapping[str, Code] = MappingProxyType(
    {
        "100": Code(ErrorKind.UNAVAILABLE, "Unknown error", "Try again later; if it stays, ask Gupshup's support."),
        "101": Code(
            ErrorKind.CONTENT_REJECTED,
            "A mandatory parameter is missing",
            "Check that number and text are given, and that the account has user id and password.",
        ),
        "102": Code(
            ErrorKind.AUTH_FAILED,
            "Authentication failed due to invalid userId or password",
            "Copy user id and password again from Gupshup's letter about the Enterprise SMS account.",
        ),
        "103": Code(
            ErrorKind.AUTH_FAILED, "The user does not exist", "Check the user id: ten digits, in Gupshup's letter."
        ),
        "104": Code(
            ErrorKind.AUTH_FAILED, "The user is disabled", "Ask Gupshup's support why the account was switched off."
        ),
        "105": Code(
            ErrorKind.INVALID_RECIPIENT, "The phone number is invalid", "Ask the person for a working mobile number."
        ),
        "106": Code(ErrorKind.UNSUPPORTED, "The method is not supported", "Check the interface address."),
        "107": Code(ErrorKind.UNSUPPORTED, "The version is wrong", "Check the interface address."),
        "108": Code(
            ErrorKind.NOT_REGISTERED,
            "The mask is invalid",
            "Use a sender (header) that is registered on the DLT platform and approved at Gupshup for this account.",
        ),
        "109": Code(
            ErrorKind.CONTENT_REJECTED,
            "The value of override_dnd is invalid",
            OUR_REQUEST,
        ),
        # Sheets call it a bad recipient; the number is fine, the account may not send there.
        "175": Code(
            ErrorKind.UNSUPPORTED,
            'The "INTERNATIONAL_PHONE" service is disabled for you',
            "Have international sending enabled at Gupshup, or route foreign numbers elsewhere.",
        ),
        NO_CREDIT: Code(
            ErrorKind.OUT_OF_CREDIT, "Not enough credit or balance", "Buy credit for the Enterprise SMS account."
        ),
        TOO_FAST: Code(ErrorKind.THROTTLED, "Too many requests", "Send slower."),
    }
)

REPORTS: Mapping[str, Code] = MappingProxyType(
    {
        "000": Code(ReportStatus.DELIVERED, "SUCCESS"),
        "001": Code(
            ErrorKind.UNDELIVERABLE, "ABSENT_SUBSCRIBER", "The phone was switched off or out of reach; try in an hour."
        ),
        "002": Code(ErrorKind.INVALID_RECIPIENT, "CALL_BARRED", "The person's line takes no messages."),
        "003": Code(ErrorKind.INVALID_RECIPIENT, "UNKNOWN_SUBSCRIBER", "Nobody has this number any more."),
        "004": Code(ErrorKind.UNAVAILABLE, "SERVICE_DOWN", "The operator is disturbed; try again later."),
        "005": Code(ErrorKind.UNAVAILABLE, "SYSTEM_FAILURE", "An operator's system failed; try again later."),
        "006": Code(ErrorKind.BLOCKED, "DND_FAIL", "The number refuses promotional messages; leave it out of them."),
        "007": Code(ErrorKind.BLOCKED, "BLOCKED", "The person blocks this sender."),
        "008": Code(ErrorKind.UNAVAILABLE, "DND_TIMEOUT", "The do-not-disturb check took too long; try tomorrow."),
        "009": Code(
            ErrorKind.BLOCKED, "OUTSIDE_WORKING_HOURS", "Promotional messages leave from 9 to 21 o'clock in India only."
        ),
        FAILURE: Code(ErrorKind.UNDELIVERABLE, "Failed without a reason", "Try another route."),
    }
)

CODES: Mapping[str, Code] = MappingProxyType({**REFUSALS, **REPORTS})

BY_CAUSE: Mapping[str, str] = MappingProxyType({code.wording: name for name, code in REPORTS.items()})
"""Code of a cause, for a report that brings the word alone."""

STATUSES: Mapping[str, ReportStatus] = MappingProxyType(
    {
        "SUCCESS": ReportStatus.DELIVERED,
        "DELIVERED": ReportStatus.DELIVERED,
        FAILURE: ReportStatus.FAILED,
        "FAILED": ReportStatus.FAILED,
        # Not final: the gateway has the message and heard nothing of it yet.
        "UNKNOWN": ReportStatus.SENT,
        "SUBMITTED": ReportStatus.SENT,
        "SENT": ReportStatus.SENT,
    }
)
"""`status` of a report by GET and `eventType` of one by POST."""
