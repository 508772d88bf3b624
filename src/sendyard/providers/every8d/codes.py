"""
What Every8d's codes mean: zero and above in reports, negative ones in answers and in reports.

Source: "簡訊 API2.1 規格書" 2.2 (2025-11-14) and, where marked, public code that uses the service.
"""

from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import OUR_REQUEST, Code

FILTERED = "FAIL_MOBILE"
"""Our name for a number that SendSMS4FilterMessage lists as one that had the same text within 24 hours."""

NO_CREDIT = "301"
REPLY = "999"

_LOGIN = (
    "User name (UID) and password (PWD) are those of the Every8d web console, reached from "
    "www.teamplus.tech/product/every8d-login"
)
_UNVERIFIED = "from one unverified list of codes"

_REPORTED = {
    "0": Code(ReportStatus.SENT, "at the carrier, waiting for the handset"),
    "100": Code(ReportStatus.DELIVERED, "delivered to the handset"),
    "101": Code(ErrorKind.UNDELIVERABLE, "handset off, without signal or full", "Try again later."),
    "102": Code(ErrorKind.UNDELIVERABLE, "fault of the network or its equipment", "Try again later."),
    "103": Code(
        ErrorKind.INVALID_RECIPIENT, "wrong, unassigned or inactive number", "Ask the person for a working number."
    ),
    "104": Code(
        ErrorKind.BLOCKED,
        "the number is on the carrier's blacklist",
        "The person had the carrier block such messages; reach them another way.",
    ),
    "105": Code(
        ErrorKind.CONTENT_REJECTED,
        "a sensitive keyword, blocked by the carrier",
        "Check that the text names your approved sender identity, such as 【Brand】, and holds no web address or "
        "phone number that is not registered: since November 2025 Taiwanese carriers block both.",
    ),
    "106": Code(
        ErrorKind.CONTENT_REJECTED,
        "a sensitive keyword, blocked by Every8d",
        "Word the text differently, or ask Every8d which word it is.",
    ),
    "107": Code(ErrorKind.EXPIRED, "received after the deadline, or sending timed out"),
    "300": Code(ReportStatus.SENT, "scheduled"),
    NO_CREDIT: Code(ErrorKind.OUT_OF_CREDIT, "not sent: no credit left", "Buy points, then resume the account here."),
    # Only a person or another system cancels a booking, so nothing may be sent in its place.
    "303": Code(ErrorKind.EXPIRED, "the schedule was cancelled"),
    "500": Code(
        ErrorKind.UNSUPPORTED,
        "international sending is not enabled",
        "Ask Every8d to enable international sending, or route such numbers elsewhere.",
    ),
    "700": Code(ReportStatus.SENT, "transmitted (MMS)"),
    "888": Code(ReportStatus.UNMAPPED, "test mode"),
    REPLY: Code(ReportStatus.UNMAPPED, "a reply of the recipient"),
}
_ANSWERED = {
    "-1": Code(ErrorKind.UNSUPPORTED, "parameter error", OUR_REQUEST),
    "-2": Code(
        ErrorKind.AUTH_FAILED,
        "account or password wrong",
        f"{_LOGIN}; sign in there to see which is wrong.",
    ),
    "-3": Code(
        ErrorKind.OPTED_OUT,
        "the number is on Every8d's blacklist",
        "The person asked not to be contacted. (Older lists of codes say: invalid number.)",
    ),
    "-4": Code(ErrorKind.UNSUPPORTED, "the scheduled time is more than 24 hours past, or no time", OUR_REQUEST),
    "-5": Code(ErrorKind.CONTENT_REJECTED, "the text is too long", "Shorten the text; 333 characters are the most."),
    "-8": Code(ErrorKind.INVALID_RECIPIENT, "wrong format of the number", "Give a Taiwanese mobile number (09…)."),
    "-10": Code(ErrorKind.UNSUPPORTED, "no MMS support", "Ask Every8d to open MMS for the account, or send a text."),
    "-24": Code(
        ErrorKind.CONTENT_REJECTED,
        "empty content (another list: scheduled more than 6 months ahead)",
        "Give the message a text.",
    ),
    "-28": Code(ErrorKind.UNSUPPORTED, "wrong format of SendTime", OUR_REQUEST),
    "-41": Code(ErrorKind.INVALID_RECIPIENT, "no mobile number was given", "Give the message a number."),
    "-99": Code(
        ErrorKind.UNAVAILABLE,
        "主機端發生不明錯誤，請與廠商窗口聯繫。 (unknown error of the server)",
        "Every8d may have taken the message all the same; look in its console before sending it again.",
    ),
    "-100": Code(
        ErrorKind.AUTH_FAILED,
        "no such account",
        f"The user name is wrong. {_LOGIN}.",
    ),
    "-101": Code(
        ErrorKind.AUTH_FAILED,
        "wrong password",
        f"The password is wrong. {_LOGIN}; one changed there must be changed here.",
    ),
    "-290": Code(
        ErrorKind.UNSUPPORTED,
        "undocumented; seen where EventID was given without being opened for the account",
        "Ask Every8d what it means for your account.",
    ),
    "-300": Code(
        ErrorKind.AUTH_FAILED,
        "account or password empty or wrong",
        f"{_LOGIN}; sign in there to see which is wrong.",
    ),
    "-303": Code(ErrorKind.CONTENT_REJECTED, "MMS: the subject is missing", "Give the message a title."),
    "-304": Code(ErrorKind.CONTENT_REJECTED, "MMS: the image is missing", "Attach one picture."),
    "-305": Code(ErrorKind.CONTENT_REJECTED, "MMS: the image type is missing", "Attach a JPEG, PNG or GIF."),
    "-314": Code(ErrorKind.CONTENT_REJECTED, "MMS: the image is too large", "Keep the picture under 50 kB."),
    FILTERED: Code(
        ErrorKind.CONTENT_REJECTED,
        "the same text went to the same number within 24 hours",
        "Nothing was sent now. Change the text, or turn off the duplicate filter of the account.",
    ),
}
_DISPLAYED = {
    code: Code(ErrorKind.UNMAPPED, f"{wording} ({_UNVERIFIED})", "Ask Every8d to confirm what the code means.")
    for code, wording in {
        "-6": "wrong format of the time",
        "-7": "too many recipients",
        "-9": "batch unknown",
        "-11": "the API is not enabled",
        "-12": "international sending is not enabled",
        "-16": "blocked",
        "-20": "a reservation must be more than 10 minutes ahead",
        "-21": "wrong batch id",
    }.items()
}

CODES = MappingProxyType({**_REPORTED, **_ANSWERED, **_DISPLAYED})
