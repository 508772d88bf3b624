"""
Every code and every sentence MSG91 answers with, and what each means for us.

Numbers from 101 are answers to a request, 1 to 25 are states of a message; sentences without a number, above all
those of the OTP calls, got a name of ours. Sources: sheet, sections 4, 5, 7 and 8.
"""

import re

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.msg91.scrubbing import SCRUB_CODES
from sendyard.providers.spec import OUR_REQUEST, Code

IP_NOT_LISTED = "418"
BAD_KEY = "201"
NO_KEY = "106"
BAD_MOBILE = "202"
TEMPLATE_UNKNOWN = "211"
DUPLICATE = "311"
WINDOW_CLOSED = "306"
THROTTLED = "429"
NOT_IN_LOG = "not_in_log"
BAD_NUMBER_AMONG_SEVERAL = "bad_number_among_several"
REQUEST_RECEIVED = "request_received"

_KEY_PLACE = "MSG91 panel, your name > Authkey"
_KEY_ADVICE = f"Copy the authkey again from {_KEY_PLACE}; a key that was deleted or switched off there no longer works."
_IP_ADVICE = (
    f"Add this server's public IP address to the key's allow-list ({_KEY_PLACE} > IP security), or turn it off."
)
_TEMPLATE_ADVICE = (
    "Use the 24-character template id of MSG91, SMS > Templates (for one-time codes: OTP > Templates), "
    "not the 19 digits of the DLT portal."
)
_FRESH_CODE = "Start over: have a fresh code sent."
_REGISTERED_SENDER = "Use a header of six letters that is registered on the DLT portal and in MSG91, SMS > Sender ID."

_REQUESTS: dict[str, Code] = {
    "101": Code(ErrorKind.INVALID_RECIPIENT, "mobile number missing", "Give the message a recipient."),
    "102": Code(ErrorKind.CONTENT_REJECTED, "message missing", "Check that the template has a text."),
    "103": Code(ErrorKind.NOT_REGISTERED, "sender ID missing", _REGISTERED_SENDER),
    "105": Code(ErrorKind.AUTH_FAILED, "password missing", _KEY_ADVICE),
    NO_KEY: Code(ErrorKind.AUTH_FAILED, "Auth Key missing", _KEY_ADVICE),
    "107": Code(ErrorKind.UNSUPPORTED, "route missing", "Ask MSG91 which routes the account has."),
    BAD_KEY: Code(ErrorKind.AUTH_FAILED, "Invalid authkey", _KEY_ADVICE),
    BAD_MOBILE: Code(ErrorKind.INVALID_RECIPIENT, "invalid mobile number", "Correct the number: 91 and ten digits."),
    "203": Code(ErrorKind.NOT_REGISTERED, "invalid sender ID", _REGISTERED_SENDER),
    "207": Code(ErrorKind.AUTH_FAILED, "invalid authkey", _KEY_ADVICE),
    "208": Code(ErrorKind.AUTH_FAILED, "IP is not whitelisted", _IP_ADVICE),
    TEMPLATE_UNKNOWN: Code(ErrorKind.NOT_REGISTERED, "Template ID Missing or Invalid Template", _TEMPLATE_ADVICE),
    "301": Code(ErrorKind.OUT_OF_CREDIT, "insufficient balance", "Recharge in MSG91, then resume the account here."),
    "302": Code(ErrorKind.AUTH_FAILED, "expired user account", "Have MSG91 renew the account."),
    "303": Code(ErrorKind.AUTH_FAILED, "banned user account", "Ask MSG91's support why the account is banned."),
    WINDOW_CLOSED: Code(
        ErrorKind.THROTTLED,
        "this route is currently unavailable at this hour",
        "Promotional messages leave from 10:00 to 21:00 India time; it is tried again each hour.",
    ),
    "307": Code(ErrorKind.UNSUPPORTED, "incorrect scheduled date", OUR_REQUEST),
    "308": Code(ErrorKind.UNSUPPORTED, "campaign name longer than 32 characters", OUR_REQUEST),
    "309": Code(ErrorKind.UNSUPPORTED, "selected group does not belong to you", OUR_REQUEST),
    "310": Code(ErrorKind.CONTENT_REJECTED, "message too long", "Shorten the text or the values of its variables."),
    # An answer about another request: the identical one, less than 10 s before, was taken.
    DUPLICATE: Code(ReportStatus.UNMAPPED, "identical request within 10 seconds, discarded"),
    "401": Code(ErrorKind.AUTH_FAILED, "Unauthorized", _KEY_ADVICE),
    IP_NOT_LISTED: Code(ErrorKind.AUTH_FAILED, "IP is not in the authkey's allow-list", _IP_ADVICE),
    THROTTLED: Code(ErrorKind.THROTTLED, "too many requests"),
}

_OTP: dict[str, Code] = {
    "otp_not_match": Code(ErrorKind.CONTENT_REJECTED, "OTP not match", "The code typed is not the one that was sent."),
    "otp_expired": Code(ErrorKind.EXPIRED, "OTP expired", _FRESH_CODE),
    "mobile_not_found": Code(ErrorKind.EXPIRED, "Mobile no. not found", _FRESH_CODE),
    "already_verified": Code(ErrorKind.EXPIRED, "Mobile no. already verified", _FRESH_CODE),
    "max_limit_reached": Code(ErrorKind.EXPIRED, "Max limit reached for this otp verification", _FRESH_CODE),
    "otp_not_numeric": Code(ErrorKind.CONTENT_REJECTED, "OTP empty or not numeric", "A code has digits only."),
    "ip_blocked": Code(ErrorKind.THROTTLED, "IPBlocked", "MSG91 blocks this address for a while; wait, then retry."),
    "no_otp_request": Code(ErrorKind.EXPIRED, "No OTP request found to retryotp", _FRESH_CODE),
    "retry_count_maxed": Code(ErrorKind.EXPIRED, "OTP retry count maxed out", _FRESH_CODE),
}

STATES: dict[str, Code] = {
    "1": Code(ReportStatus.DELIVERED, "Delivered"),
    "2": Code(ErrorKind.UNDELIVERABLE, "Failed", "The operator gave no reason; try another time."),
    "9": Code(ErrorKind.BLOCKED, "NDNC", "The person takes no promotional messages (DND)."),
    "16": Code(ErrorKind.CONTENT_REJECTED, "Rejected", "See the failure reason in MSG91, SMS > Logs."),
    "17": Code(ErrorKind.BLOCKED, "Blocked number", "MSG91 has this number on the account's block list."),
    "25": Code(ErrorKind.CONTENT_REJECTED, "Rejected", "See the failure reason in MSG91, SMS > Logs."),
    "auto_failed": Code(ErrorKind.UNDELIVERABLE, "Auto failed", "No operator reported within MSG91's time."),
    "opt_out": Code(ErrorKind.OPTED_OUT, "Opt-out", "The person asked not to be contacted."),
    "submitted": Code(ReportStatus.SENT, "Submitted"),
    "sent": Code(ReportStatus.SENT, "Sent"),
    "pending": Code(ReportStatus.SENT, "Pending"),
    REQUEST_RECEIVED: Code(ReportStatus.SENT, "On Request Received"),
}

CODES: dict[str, Code] = {
    **_REQUESTS,
    **_OTP,
    **STATES,
    **SCRUB_CODES,
    # Which number is meant, MSG91 does not say: all go again, and the bad one fails when it travels alone.
    BAD_NUMBER_AMONG_SEVERAL: Code(ErrorKind.UNAVAILABLE, "one of the numbers of a request is invalid"),
    NOT_IN_LOG: Code(
        ErrorKind.UNDELIVERABLE,
        "accepted, but in no delivery log two hours later",
        "MSG91 answers success and drops a message when the template is wrong or no credit is left: check both.",
    ),
}

_NOT_LETTERS = re.compile(r"[^a-z0-9]+")


def _folded(words: str) -> str:
    return _NOT_LETTERS.sub("", words.casefold())


_SENTENCES = {
    **{_folded(known.wording): code for code, known in (_OTP | STATES).items() if code != "25"},
    _folded("Auth Key missing"): NO_KEY,
    _folded("Invalid authkey"): BAD_KEY,
    _folded("Mobile number empty or not numeric"): BAD_MOBILE,
    _folded("invalid_mobile_number"): BAD_MOBILE,
    _folded("Please enter atleast one number to send sms."): "101",
    _folded("Template ID Missing or Invalid Template"): TEMPLATE_UNKNOWN,
    _folded("last_otp_request_on_this_number_is_invalid"): "no_otp_request",
    _folded("no_request_found"): "no_otp_request",
}


def code_of_words(words: str) -> str:
    """The code of a documented sentence or state, whatever its capitals and punctuation; "" for others."""
    return _SENTENCES.get(_folded(words), "")
