"""
What Fast2SMS's `status_code`s mean (they are no HTTP statuses), and the words of its delivery reports.

Source: https://docs.fast2sms.com/reference/error-code-list, sheet sections 4 and 5. Words stand in lower case; the
names with an underscore are ours, for what only the description of a report tells.
"""

from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import OUR_REQUEST, Code

_KEY_PLACE = "Sign in at fast2sms.com, open Dev API and copy the API authorization key again, without 'Bearer'."
_MANAGER = "Compare sender, message id and template with the DLT Manager of the Fast2SMS panel."
_TEXT = "Send exactly the approved text: every space, sign and capital letter outside the variables counts."

_SENDING = {
    "401": Code(ErrorKind.NOT_REGISTERED, "Sender ID is missing", "Give the message or the account a sender."),
    "402": Code(ErrorKind.CONTENT_REJECTED, "Message is missing", "Give the message a text."),
    "403": Code(ErrorKind.UNSUPPORTED, "Route is missing", OUR_REQUEST),
    "404": Code(ErrorKind.UNSUPPORTED, "Language is missing", OUR_REQUEST),
    "405": Code(ErrorKind.INVALID_RECIPIENT, "Numbers are missing", "Give the message a number."),
    "406": Code(ErrorKind.NOT_REGISTERED, "Invalid Sender ID", _MANAGER),
    "407": Code(ErrorKind.CONTENT_REJECTED, "The text holds forbidden words", "Write the text without them."),
    "408": Code(ErrorKind.UNSUPPORTED, "Invalid route", "Choose another text route in the account."),
    "409": Code(ErrorKind.UNSUPPORTED, "This route is not allowed for the account", "Ask Fast2SMS to open the route."),
    "410": Code(ErrorKind.CONTENT_REJECTED, "Invalid language", OUR_REQUEST),
    "411": Code(ErrorKind.INVALID_RECIPIENT, "Invalid numbers", "Only Indian mobile numbers can be reached."),
    "411:several": Code(
        ErrorKind.UNAVAILABLE,
        "Invalid numbers, in a call with several",
        "Fast2SMS does not say which number it means; set 'Numbers per call' of the account to 1.",
    ),
    "412": Code(ErrorKind.AUTH_FAILED, "Invalid Authentication, Check Authorization Key", _KEY_PLACE),
    "413": Code(ErrorKind.AUTH_FAILED, "The authorization key is disabled", f"Enable it there, or: {_KEY_PLACE}"),
    "414": Code(
        ErrorKind.AUTH_FAILED,
        "This IP address is blocked",
        "Allow this server's public IP address under Dev API in the Fast2SMS panel.",
    ),
    "415": Code(ErrorKind.AUTH_FAILED, "The account is disabled", "Ask Fast2SMS's support why, and to enable it."),
    "416": Code(ErrorKind.OUT_OF_CREDIT, "The wallet is too low", "Recharge the wallet in the Fast2SMS panel."),
    "417": Code(ErrorKind.CONTENT_REJECTED, "Non-English text needs the language unicode", OUR_REQUEST),
    "424": Code(ErrorKind.NOT_REGISTERED, "Invalid message id", f"{_MANAGER} It is not the 19-digit template id."),
    "425": Code(ErrorKind.NOT_REGISTERED, "Invalid template", _MANAGER),
    "426": Code(
        ErrorKind.CONTENT_REJECTED, "A link in a variable is not allowed", "Have the link whitelisted on DLT first."
    ),
    "500": Code(
        ErrorKind.REGISTRY_REFUSED, "The template or sender is blacklisted at DLT", "Ask your DLT operator why."
    ),
    "990": Code(ErrorKind.UNSUPPORTED, "This API is old and does not work any more", "Check the interface address."),
    "995": Code(
        ErrorKind.THROTTLED,
        "Spamming: several messages to the same number",
        "Wait some minutes; Fast2SMS allows few messages to one number in a short time.",
    ),
    "996": Code(
        ErrorKind.AUTH_FAILED,
        "The OTP route needs a verified account",
        "Complete KYC or website verification in the Fast2SMS panel, or send codes by a DLT template.",
    ),
    "997": Code(ErrorKind.CONTENT_REJECTED, "The OTP route takes digits only", "Make the code of digits."),
    "998": Code(ErrorKind.UNSUPPORTED, "This route is not for bulk messages", "Send by a DLT template."),
    "999": Code(
        ErrorKind.OUT_OF_CREDIT,
        "One recharge of 100 INR or more is needed before the API may be used",
        "Recharge the wallet with at least ₹100 once.",
    ),
}

_WORDS = {
    "delivered": Code(ReportStatus.DELIVERED, "Delivered"),
    "success": Code(ReportStatus.DELIVERED, "Success"),
    "delivrd": Code(ReportStatus.DELIVERED, "DELIVRD"),
    "": Code(ReportStatus.SENT, "(no status yet)"),
    "sent": Code(ReportStatus.SENT, "Sent"),
    "submitted": Code(ReportStatus.SENT, "Submitted"),
    "pending": Code(ReportStatus.SENT, "Pending"),
    "queued": Code(ReportStatus.SENT, "Queued"),
    "failed": Code(ErrorKind.UNDELIVERABLE, "Failed"),
    "undelivered": Code(ErrorKind.UNDELIVERABLE, "Undelivered"),
    "not delivered": Code(ErrorKind.UNDELIVERABLE, "Not delivered"),
    "expired": Code(ErrorKind.EXPIRED, "Expired"),
    "rejected": Code(ErrorKind.BLOCKED, "Rejected", "Ask Fast2SMS's support with the request id."),
    "blocked": Code(ErrorKind.BLOCKED, "Blocked", "The number is on a list of blocked numbers."),
    "dnd": Code(ErrorKind.BLOCKED, "DND or NDNC", "On the do-not-disturb register; send no offers to this number."),
}

_DESCRIBED = {
    "dlt_text": Code(ErrorKind.CONTENT_REJECTED, "The text does not match its DLT template", _TEXT),
    "dlt_registration": Code(ErrorKind.REGISTRY_REFUSED, "Template, header or entity is not in order on DLT", _MANAGER),
    "invalid_number": Code(ErrorKind.INVALID_RECIPIENT, "Invalid number", "Ask the person for a working number."),
}

STATUS_WORDS = MappingProxyType(_WORDS)
REPORTS = MappingProxyType({**_WORDS, **_DESCRIBED})
CODES = MappingProxyType({**_SENDING, **REPORTS})
