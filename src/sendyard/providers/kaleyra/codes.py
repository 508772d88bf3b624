"""
What Kaleyra's codes, traces and status words mean.

Sources: developers.kaleyra.io, sms-status-and-status-trace-codes, whatsapp-api-v2-error-codes-for-send-message,
whatsapp-status. Where the sheet's class fits two of ours, the comment says why it stands where it does.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.meta_codes import Remedy, meta_codes
from sendyard.providers.spec import Code

_QUIET = "The person takes no promotional messages; send such ones only with their consent."
_KEY_PLACE = "Kaleyra console, your profile, API Key & SID"
_SENDER_PLACE = "Kaleyra console, Channels, SMS, Sender ID"
_PHONE = "The phone was off, full or out of reach; try again in half an hour."
_NUMBER = "Ask the person for a working number."
_DLT = "Compare text, sender and DLT template id with what is approved."

FIELD = "field:"
"""Before the name of a form field that a refusal complains about: a code of ours, because Kaleyra gives none."""

REFUSALS: Mapping[str, Code] = MappingProxyType(
    {
        "RBC001": Code(
            ErrorKind.AUTH_FAILED, "Invalid SID or API key", f"Copy SID and API key again from the {_KEY_PLACE}."
        ),
        # "Unauthorised, or number or template not set up": the key itself would be RBC001.
        "WA401": Code(
            ErrorKind.NOT_REGISTERED,
            "Unauthorised: the WhatsApp number or the template is not set up for this account",
            "Check number and template: Kaleyra console, Channels, WhatsApp.",
        ),
        "E110": Code(ErrorKind.OUT_OF_CREDIT, "Insufficient balance", "Recharge the account in Kaleyra's console."),
        "WAV2101": Code(
            ErrorKind.THROTTLED,
            "Daily limit of the account reached",
            "Go on tomorrow, or ask Kaleyra for a higher limit.",
        ),
        "WA400": Code(ErrorKind.CONTENT_REJECTED, "The payload is wrong", "Check template, variables and files."),
        "WA500": Code(
            ErrorKind.UNAVAILABLE, "Internal server error", "Kaleyra advises to try after 5, 10, 15 minutes."
        ),
        "E13001": Code(ErrorKind.CONTENT_REJECTED, "Validation failed", "Check number, sender and content."),
        "http:402": Code(ErrorKind.OUT_OF_CREDIT, "Payment required", "Recharge the account in Kaleyra's console."),
        "http:401": Code(
            ErrorKind.AUTH_FAILED,
            "Unauthorized",
            f"Copy SID and API key again from the {_KEY_PLACE}; check the region.",
        ),
        "http:403": Code(
            ErrorKind.AUTH_FAILED, "Forbidden", f"Copy SID and API key again from the {_KEY_PLACE}; check the region."
        ),
        "http:429": Code(ErrorKind.THROTTLED, "Too many requests", "Send slower."),
        f"{FIELD}to": Code(ErrorKind.INVALID_RECIPIENT, "invalid number", _NUMBER),
        f"{FIELD}sender": Code(ErrorKind.NOT_REGISTERED, "invalid sender", f"Use an approved sender: {_SENDER_PLACE}."),
        f"{FIELD}from": Code(
            ErrorKind.NOT_REGISTERED, "invalid business number", "Check it: Kaleyra console, Channels, WhatsApp."
        ),
        f"{FIELD}template_id": Code(ErrorKind.REGISTRY_REFUSED, "invalid DLT template", _DLT),
        f"{FIELD}template_name": Code(
            ErrorKind.NOT_REGISTERED,
            "invalid template",
            "Check name and language of the template in Kaleyra's console.",
        ),
        f"{FIELD}body": Code(ErrorKind.CONTENT_REJECTED, "invalid text", "Check the text; it may be empty."),
        f"{FIELD}media": Code(ErrorKind.CONTENT_REJECTED, "invalid media type", "Check type and address of the file."),
        f"{FIELD}type": Code(ErrorKind.CONTENT_REJECTED, "invalid type", "Check the account's type of SMS traffic."),
        f"{FIELD}flow_id": Code(
            ErrorKind.NOT_REGISTERED, "invalid flow", "Check the flow's id: Kaleyra console, Verify, Configuration."
        ),
        "E910": Code(ErrorKind.CONTENT_REJECTED, "OTP already verified", "Start a new verification."),
    }
)
"""What a refused request says."""

TRACES: Mapping[str, Code] = MappingProxyType(
    {
        "NO-CREDITS": Code(ErrorKind.OUT_OF_CREDIT, "No credits left", "Recharge the account in Kaleyra's console."),
        "KLR-INV-NUMBER": Code(ErrorKind.INVALID_RECIPIENT, "Invalid number, not sent", _NUMBER),
        "INV-MOB-PATTRN": Code(ErrorKind.INVALID_RECIPIENT, "Invalid pattern of number, not sent", _NUMBER),
        "BLACKLIST": Code(
            ErrorKind.BLOCKED, "The number is on a blacklist", "Take it off Kaleyra's list, or leave it."
        ),
        "CON-DND": Code(ErrorKind.BLOCKED, "Do-not-disturb by the person's consent settings", _QUIET),
        "DND-NUMB": Code(ErrorKind.BLOCKED, "The number is registered as do-not-disturb", _QUIET),
        "NOT-OPTIN": Code(ErrorKind.BLOCKED, "The person has not opted in", "Ask for consent first."),
        "OPT-OUT": Code(ErrorKind.OPTED_OUT, "The person has opted out"),
        "TEMPLATE-NOT-FOUND": Code(ErrorKind.REGISTRY_REFUSED, "No such DLT template", _DLT),
        "INV-TEMPLATE-MATCH": Code(ErrorKind.CONTENT_REJECTED, "The text does not match the DLT template", _DLT),
        "SENDER-ID-NOT-FOUND": Code(ErrorKind.NOT_REGISTERED, "No such sender", f"Register it: {_SENDER_PLACE}."),
        "KYC-NOT-APPROVED": Code(ErrorKind.NOT_REGISTERED, "KYC is not approved", "Finish KYC in Kaleyra's console."),
        "SPAM": Code(ErrorKind.CONTENT_REJECTED, "Taken for spam", "Change the text."),
        "SERIES-BLOCK": Code(
            ErrorKind.BLOCKED,
            "The number series is blocked at Kaleyra",
            "Ask Kaleyra why, or reach the person another way.",
        ),
        "BLOCKED-COUNTRY": Code(ErrorKind.UNSUPPORTED, "The country is blocked", "Ask Kaleyra to open it."),
        "NOT-ALLOWED": Code(ErrorKind.UNSUPPORTED, "Not allowed for this account", "Ask Kaleyra what is missing."),
        "OUTPUT-REJ": Code(
            ErrorKind.BLOCKED, "Rejected by the outgoing route", "Ask Kaleyra which rule of the route refused it."
        ),
        "REJECTED-MULTIPART": Code(ErrorKind.CONTENT_REJECTED, "A long message is not allowed", "Shorten the text."),
        "INV-NUMBER": Code(ErrorKind.INVALID_RECIPIENT, "Invalid number", _NUMBER),
        "INVALID-SUB": Code(ErrorKind.INVALID_RECIPIENT, "Unknown subscriber", _NUMBER),
        "BARRED": Code(ErrorKind.INVALID_RECIPIENT, "The line takes no messages", _NUMBER),
        "SERIES-BLK": Code(ErrorKind.INVALID_RECIPIENT, "The operator blocks this number series", _NUMBER),
        "ABSENT-SUB": Code(ErrorKind.UNDELIVERABLE, "Absent subscriber", _PHONE),
        "MOB-OFF": Code(ErrorKind.UNDELIVERABLE, "Mobile switched off", _PHONE),
        "HANDSET-BUSY": Code(ErrorKind.UNDELIVERABLE, "Handset busy", _PHONE),
        "HANDSET-ERR": Code(ErrorKind.UNDELIVERABLE, "Handset error", _PHONE),
        "MEM-EXEC": Code(ErrorKind.UNDELIVERABLE, "Handset memory exceeded", _PHONE),
        "NET-ERR": Code(ErrorKind.UNAVAILABLE, "Network error", "Try again in half an hour."),
        "SERVER-ERR": Code(ErrorKind.UNAVAILABLE, "Server error", "Try again in half an hour."),
        "EXPIRED": Code(ErrorKind.EXPIRED, "The operator gave up after the validity", _PHONE),
        "SNDRID-NOT-ALLOTED": Code(
            ErrorKind.REGISTRY_REFUSED, "The operator does not know the sender", f"Register it: {_SENDER_PLACE}."
        ),
        "FAILED": Code(ErrorKind.UNDELIVERABLE, "Failed without a reason", "Try another route."),
        "REJECTED": Code(ErrorKind.UNDELIVERABLE, "The operator rejected it", "Try another route."),
        "UNDELIVERED": Code(ErrorKind.UNDELIVERABLE, "Undelivered without a reason", "Try another route."),
        "NOT-SENT": Code(ErrorKind.UNDELIVERABLE, "Kaleyra did not submit it", "Try another route."),
        "DELIVERED": Code(ReportStatus.DELIVERED, "Delivered"),
        "DELIVRD": Code(ReportStatus.DELIVERED, "Delivered"),
    }
)
"""`status_details` of a report, and the words that stand where none is given."""

META_CODES = meta_codes(
    {Remedy.ACCESS: "Connect the WhatsApp number again in Kaleyra's console; its access to Meta is broken."}
)
"""Meta's numbers, which Kaleyra passes on."""

CODES: Mapping[str, Code] = MappingProxyType({**REFUSALS, **META_CODES, **TRACES})

STATUSES: Mapping[str, ReportStatus] = MappingProxyType(
    {
        "sent": ReportStatus.SENT,
        "submitted": ReportStatus.SENT,
        "enroute": ReportStatus.SENT,
        # Final there, but whether it arrived nobody will ever say.
        "sentnodlr": ReportStatus.SENT,
        "delivered": ReportStatus.DELIVERED,
        "delivrd": ReportStatus.DELIVERED,
        "read": ReportStatus.READ,
        "failed": ReportStatus.FAILED,
        "undelivered": ReportStatus.FAILED,
        "notsent": ReportStatus.FAILED,
        "0": ReportStatus.FAILED,
    }
)
"""Status words without blanks and hyphens, in small letters; `0` is a failure of WhatsApp's first version."""

WORD_CODES: Mapping[str, str] = MappingProxyType(
    {"failed": "FAILED", "0": "FAILED", "undelivered": "UNDELIVERED", "notsent": "NOT-SENT"}
)
"""The code of a failure that gives no reason."""
