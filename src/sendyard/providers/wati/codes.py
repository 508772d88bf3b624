"""
What WATI says no with: sentences (which we name), HTTP statuses, and Meta's numbers in webhooks.

WATI documents no codes of its own, so `CODES` has names of ours for its sentences. Sources:
https://docs.wati.io/reference/errors for statuses, Meta's error reference for the numbers.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.meta_codes import Remedy, meta_codes
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
            "Copy the access token again: WATI, Connector, API, Create API Token (older: API Docs).",
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

META = meta_codes(
    {
        Remedy.ACCESS: "Sign in to WATI and connect the WhatsApp number to Meta again.",
        Remedy.PAYMENT: "Repair the payment method at Meta or WATI.",
        Remedy.VALUES: "Compare the values with the template in WATI.",
    },
    {"131049": "Meta holds marketing to this person back: wait at least a day, WATI may repeat it by itself."},
)
"""Meta's numbers, which stand in webhooks."""

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
