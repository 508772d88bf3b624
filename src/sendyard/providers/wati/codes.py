"""
What WATI says no with: sentences (which we name), HTTP statuses, and Meta's numbers in webhooks.

WATI documents no codes of its own, so `CODES` has names of ours for its sentences. Sources:
https://docs.wati.io/reference/errors for statuses, Meta's error reference for the numbers.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import Code

SENTENCES: Mapping[str, Code] = MappingProxyType(
    {
        "template": Code(
            ErrorKind.NOT_REGISTERED,
            "Template not found",
            "Sync the templates; only one that WATI shows as approved can be sent.",
        ),
        "template_parameters": Code(
            ErrorKind.CONTENT_REJECTED,
            "Template parameter is missing or blank",
            "Give every variable of the template a value that is not blank.",
        ),
        "balance": Code(
            ErrorKind.OUT_OF_CREDIT,
            "Insufficient wallet balance",
            "Top up the credits on WATI's billing page.",
        ),
        "number": Code(
            ErrorKind.INVALID_RECIPIENT, "invalid phone number", "The number has no WhatsApp, or is none at all."
        ),
        "opted_out": Code(ErrorKind.OPTED_OUT, "contact has opted out", "The person asked not to be contacted."),
        "channel": Code(
            ErrorKind.NOT_REGISTERED,
            "Channel not found",
            "Use a sender from WATI's list of channels, or leave it blank with a single number.",
        ),
        "window_closed": Code(
            ErrorKind.CONTENT_REJECTED,
            "24-hour session is closed",
            "More than 24 hours have passed since the person wrote: send an approved template.",
        ),
        "not_accepted": Code(
            ErrorKind.UNMAPPED, "recipient is missing from WATI's answer", "WATI took the others; look at this number."
        ),
        "quota": Code(
            ErrorKind.OUT_OF_CREDIT,
            "Monthly API quota is used up",
            "Upgrade the plan at WATI; the count starts anew on the first of the month.",
        ),
        "refused": Code(ErrorKind.UNMAPPED, "refused in words that are in no table", "Read what WATI said."),
    }
)

STATUSES: Mapping[str, Code] = MappingProxyType(
    {
        "http:400": Code(ErrorKind.CONTENT_REJECTED, "validation failed", "Read which field WATI names."),
        "http:401": Code(
            ErrorKind.AUTH_FAILED,
            "the access token is not accepted",
            "Copy it again: WATI, Connector (or API Docs), Access Token.",
        ),
        "http:403": Code(
            ErrorKind.AUTH_FAILED,
            "the token may not do this",
            "Give the token the scope messagetemplatev3:write (or api), and check role and plan at WATI.",
        ),
        "http:404": Code(
            ErrorKind.UNSUPPORTED,
            "no such call at this address",
            "Check the API endpoint, or choose another API generation for this account.",
        ),
        "http:405": Code(
            ErrorKind.UNSUPPORTED, "this call is not allowed here", "Choose another API generation for this account."
        ),
        "http:429": Code(ErrorKind.THROTTLED, "too many requests", "Set the account's plan to the one you have."),
        "http:501": Code(ErrorKind.UNSUPPORTED, "this API generation is not served", "Choose another API generation."),
    }
)

_TOKEN = "Sign in to WATI and reconnect the WhatsApp number to Meta."  # noqa: S105  advice, not a token
_LATER = "Meta could not now; it is tried again."
_FIX_TEMPLATE = "Compare the template at Meta with what is sent."
_FIX_REQUEST = "Compare the message with what WhatsApp allows."

META: Mapping[str, Code] = MappingProxyType(
    {
        "131026": Code(
            ErrorKind.INVALID_RECIPIENT,
            "Message undeliverable: not on WhatsApp, old client or terms not accepted",
            "Reach this person by SMS.",
        ),
        "131021": Code(ErrorKind.INVALID_RECIPIENT, "Recipient cannot be sender", "Use another recipient."),
        "131030": Code(
            ErrorKind.INVALID_RECIPIENT,
            "Recipient phone number not in allowed list",
            "A test number reaches only the people on its list at Meta.",
        ),
        "131047": Code(
            ErrorKind.CONTENT_REJECTED,
            "More than 24 hours have passed since the recipient last replied",
            "Send an approved template.",
        ),
        "131049": Code(
            ErrorKind.BLOCKED,
            "Not delivered to maintain healthy ecosystem engagement",
            "Meta holds marketing to this person back: wait at least a day, WATI may repeat it by itself.",
        ),
        "131050": Code(
            ErrorKind.OPTED_OUT, "User has stopped marketing messages from this business", "No more marketing to them."
        ),
        "130472": Code(
            ErrorKind.BLOCKED, "User's number is part of an experiment", "Do not repeat it; use another channel."
        ),
        "130429": Code(ErrorKind.THROTTLED, "Cloud API throughput reached", "Send more slowly."),
        "80007": Code(ErrorKind.THROTTLED, "WhatsApp business account rate limit reached", "Send more slowly."),
        "4": Code(ErrorKind.THROTTLED, "Application request limit reached", "Send more slowly."),
        "131048": Code(
            ErrorKind.THROTTLED, "Spam rate limit hit", "People block or report this number: check its quality."
        ),
        "131056": Code(ErrorKind.THROTTLED, "Too many messages to this one recipient", "Wait; others are unaffected."),
        "131042": Code(
            ErrorKind.OUT_OF_CREDIT, "Business eligibility payment issue", "Repair the payment method at Meta or WATI."
        ),
        "132000": Code(ErrorKind.CONTENT_REJECTED, "Template parameter count mismatch", _FIX_TEMPLATE),
        "132001": Code(
            ErrorKind.NOT_REGISTERED, "Template name does not exist in the translation", "Sync the templates."
        ),
        "132005": Code(ErrorKind.CONTENT_REJECTED, "Template text is too long once filled in", "Shorten the values."),
        "132007": Code(ErrorKind.CONTENT_REJECTED, "Template format character policy violated", _FIX_TEMPLATE),
        "132012": Code(ErrorKind.CONTENT_REJECTED, "Template parameter format mismatch", _FIX_TEMPLATE),
        "132015": Code(ErrorKind.NOT_REGISTERED, "Template is paused", "Wait until Meta resumes it, or improve it."),
        "132016": Code(ErrorKind.NOT_REGISTERED, "Template is disabled", "Register a new template."),
        "132068": Code(ErrorKind.NOT_REGISTERED, "Flow is blocked", "Repair the flow of this template at Meta."),
        "131051": Code(ErrorKind.CONTENT_REJECTED, "Unsupported message type", _FIX_REQUEST),
        "131052": Code(
            ErrorKind.CONTENT_REJECTED, "Media download error", "The file's address must be open to everybody."
        ),
        "131053": Code(ErrorKind.CONTENT_REJECTED, "Media upload error", "Check the type and size of the file."),
        "131008": Code(ErrorKind.CONTENT_REJECTED, "Required parameter is missing", _FIX_REQUEST),
        "131009": Code(ErrorKind.CONTENT_REJECTED, "Parameter value is not valid", _FIX_REQUEST),
        "100": Code(ErrorKind.CONTENT_REJECTED, "Invalid parameter", _FIX_REQUEST),
        "131031": Code(
            ErrorKind.AUTH_FAILED, "Business account has been locked", "Sign in to Meta's business support."
        ),
        "368": Code(
            ErrorKind.AUTH_FAILED, "Temporarily blocked for policy violations", "Sign in to Meta's business support."
        ),
        "0": Code(ErrorKind.AUTH_FAILED, "Could not authenticate the app user", _TOKEN),
        "190": Code(ErrorKind.AUTH_FAILED, "Access token has expired", _TOKEN),
        "131005": Code(ErrorKind.AUTH_FAILED, "Access denied", _TOKEN),
        "10": Code(ErrorKind.AUTH_FAILED, "Permission denied", _TOKEN),
        "200": Code(ErrorKind.AUTH_FAILED, "Permission missing (200 to 299)", _TOKEN),
        "131000": Code(ErrorKind.UNAVAILABLE, "Something went wrong", _LATER),
        "131016": Code(ErrorKind.UNAVAILABLE, "Service unavailable", _LATER),
        "131057": Code(ErrorKind.UNAVAILABLE, "Account in maintenance mode", _LATER),
        "1": Code(ErrorKind.UNAVAILABLE, "Unknown API error", _LATER),
        "2": Code(ErrorKind.UNAVAILABLE, "API service is down", _LATER),
    }
)

NO_REASON = "failed"
"""A failure that is told without a number and without words."""

CODES: Mapping[str, Code] = MappingProxyType(
    {
        **SENTENCES,
        **STATUSES,
        **META,
        NO_REASON: Code(ErrorKind.UNDELIVERABLE, "failed without a reason", "Look at the conversation in WATI."),
    }
)

WORDS: Mapping[str, ReportStatus] = MappingProxyType(
    {
        "sent": ReportStatus.SENT,
        "delivered": ReportStatus.DELIVERED,
        "read": ReportStatus.READ,
        "replied": ReportStatus.READ,  # who answers has read
        "failed": ReportStatus.FAILED,
    }
)
"""`statusString` in lower case; WATI writes it in capitals, capitalised and in lower case."""

WAITING = frozenset({"pending", "queued", "sending"})
"""Words for a message that WATI has and has not sent yet; they say nothing that acceptance did not."""


def meta_code(code: str) -> str:
    """The key of a number in the table: Meta's permission errors 200 to 299 are one."""
    return "200" if len(code) == 3 and code.isdecimal() and code[0] == "2" else code
