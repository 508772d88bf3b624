"""
What Interakt says no with: sentences (which we name), HTTP statuses, and Meta's numbers in webhooks.

Interakt has no codes of its own. Statuses: its public Postman collection,
https://documenter.getpostman.com/view/14760594/2sA2r7zibM; sentences are documented nowhere.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.meta_codes import Remedy, meta_codes
from sendyard.providers.spec import Code

SENTENCES: Mapping[str, Code] = MappingProxyType(
    {
        "window_closed": Code(
            ErrorKind.CONTENT_REJECTED,
            "The 24 hours session window is closed",
            "More than 24 hours have passed since the person wrote: send an approved template.",
        ),
        "opted_out": Code(ErrorKind.OPTED_OUT, "Customer has opted out", "The person asked not to be contacted."),
        "blocked": Code(ErrorKind.BLOCKED, "Customer is blocked", "Unblock the person in Interakt first."),
        "template_category": Code(
            ErrorKind.NOT_REGISTERED,
            "Category does not match template_category",
            "Meta moved the template to another category: look at its price, or switch the guard of the account off.",
        ),
        "template_values": Code(
            ErrorKind.CONTENT_REJECTED,
            "Number of variables does not match",
            "Give every variable, header and button of the template exactly one value.",
        ),
        "template": Code(
            ErrorKind.NOT_REGISTERED,
            "Template does not exist in this language",
            "Sync the templates; a send wants Interakt's code name of the template and its language code.",
        ),
        "balance": Code(
            ErrorKind.OUT_OF_CREDIT, "Insufficient wallet balance", "Recharge the wallet in Interakt, Billing."
        ),
        "number": Code(
            ErrorKind.INVALID_RECIPIENT, "Phone number is not valid", "The number has no WhatsApp, or is none at all."
        ),
        "no_id": Code(
            ErrorKind.UNMAPPED, "result is true, but no id came with it", "Look for the message in Interakt's inbox."
        ),
        "refused": Code(ErrorKind.UNMAPPED, "refused in words that are in no table", "Read what Interakt said."),
    }
)

STATUSES: Mapping[str, Code] = MappingProxyType(
    {
        "http:400": Code(ErrorKind.UNMAPPED, "bad request, without a word", "Compare the message with the template."),
        "http:401": Code(
            ErrorKind.AUTH_FAILED,
            "the API key is not accepted",
            "Copy the API key again: Interakt, Settings, Developer Settings. If it is a bare secret (no = at its end), "
            "set the account's key form to always.",
        ),
        "http:403": Code(
            ErrorKind.AUTH_FAILED,
            "the plan does not include this",
            "Interakt's public API needs the Growth, Advanced or Enterprise plan.",
        ),
        "http:404": Code(ErrorKind.UNSUPPORTED, "no such call at this address", "Check the interface address."),
        "http:429": Code(
            ErrorKind.THROTTLED, "Rate limit exceeded for this resource", "Set the account's plan to the one you have."
        ),
    }
)

META = meta_codes(
    {
        Remedy.ACCESS: "Sign in to Interakt and connect the WhatsApp number to Meta again.",
        Remedy.NUMBER: "Finish registering the number in Interakt.",
        Remedy.PAYMENT: "Repair the payment method at Meta or top up at Interakt.",
        Remedy.MARKETING: "Ask Interakt to finish the onboarding to Meta's marketing interface.",
        Remedy.VALUES: "Compare the values with the template in Interakt.",
    }
)
"""Meta's numbers, which Interakt repeats in the webhook of a failed message (`channel_error_code`)."""

NO_REASON = "failed"
"""A failure that is told without a number and without words."""

CODES: Mapping[str, Code] = MappingProxyType(
    {
        **SENTENCES,
        **STATUSES,
        **META,
        NO_REASON: Code(ErrorKind.UNDELIVERABLE, "failed without a reason", "Look at the chat in Interakt."),
    }
)

STATUS_OF: Mapping[str, ReportStatus] = MappingProxyType(
    {
        "sent": ReportStatus.SENT,
        "delivered": ReportStatus.DELIVERED,
        "read": ReportStatus.READ,
        "clicked": ReportStatus.READ,  # who presses a button has read
        "failed": ReportStatus.FAILED,
    }
)
"""By the last word of a webhook's `type`."""

_OPTED_OUT = re.compile(r"\bopt(ed)?[ -]?(out|in)\b")
_HINTS = (
    ("blocked", ("blocked",)),
    ("template_values", ("variable", "header", "bodyvalues", "buttonvalues")),
    ("template_category", ("category",)),
    ("template", ("template", "language")),
    ("number", ("phone", "number", "country", "not on whatsapp")),
    ("balance", ("balance", "credit", "wallet", "recharge")),
)


def name_of(words: str) -> str:
    """Our name for one of Interakt's sentences; `refused` for any that is not recognised."""
    folded = words.casefold()
    if "24" in folded and any(hint in folded for hint in ("hour", "session", "window")):
        return "window_closed"
    if _OPTED_OUT.search(folded):
        return "opted_out"
    return next((name for name, hints in _HINTS if any(hint in folded for hint in hints)), "refused")
