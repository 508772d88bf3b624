"""
What Quo's codes and status words mean.

The first two digits of a code name the resource: 02 is messages, 08 contacts. Sources: the error tables of
https://www.quo.com/docs/mdx/api-reference/errors and the OpenAPI files of both API surfaces. In `errorCode` Quo passes
on the carrier's five digits, in the numbering that this industry shares. Names that are no number are ours, for
refusals that carry no documented code.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import OUR_REQUEST, Code

KEY_PLACE = "Quo, Settings, API, where an owner or admin makes keys"
_REGISTRATION_PLACE = "Quo, Settings, Trust Center (US carrier registration)"

STATUSES: Mapping[str, Code] = MappingProxyType(
    {
        "queued": Code(ReportStatus.SENT, "waits at Quo"),
        "sent": Code(ReportStatus.SENT, "the carrier has it"),
        "delivered": Code(ReportStatus.DELIVERED, "the carrier confirmed it"),
        "undelivered": Code(ReportStatus.FAILED, "the carrier says that it did not arrive"),
        "failed": Code(ReportStatus.FAILED, "Quo could not send it"),
    }
)
"""Values of `status` of what we send; `received` belongs to inbound messages. Quo knows no "read" for SMS."""

REFUSALS: Mapping[str, Code] = MappingProxyType(
    {
        "0200401": Code(
            ErrorKind.AUTH_FAILED, "Unauthorized", f"Copy the API key again: {KEY_PLACE}; give it without `Bearer`."
        ),
        "0206400": Code(
            ErrorKind.NOT_REGISTERED,
            "A2P Registration Not Approved",
            f"Texts to US numbers need an approved carrier registration: {_REGISTRATION_PLACE}.",
        ),
        "0200404": Code(
            ErrorKind.NOT_REGISTERED,
            "Not Found",
            "The sender or the user id is not in this workspace: choose a number from the account's list of senders.",
        ),
        "0202403": Code(
            ErrorKind.NOT_REGISTERED,
            "Not Phone Number User",
            "The user is no member of this number: add them in Quo, Settings, Phone numbers, or clear the user id.",
        ),
        "0200402": Code(
            ErrorKind.OUT_OF_CREDIT, "Not Enough Credits", "Buy credits, or switch on auto-charge: Quo, Settings, Plan."
        ),
        "0201402": Code(
            ErrorKind.OUT_OF_CREDIT, "Subscription Expired", "Renew the subscription: Quo, Settings, Plan and billing."
        ),
        "http:402": Code(
            ErrorKind.OUT_OF_CREDIT, "payment needed, without a code", "Look at Quo, Settings, Plan and billing."
        ),
        "0204403": Code(
            ErrorKind.THROTTLED,
            "A2P 10DLC daily message cap reached",
            "The day's allowance of your carrier registration is used up; it begins anew on the next day.",
        ),
        "http:429": Code(ErrorKind.THROTTLED, "more than 10 requests a second"),
        "international_not_enabled": Code(
            ErrorKind.UNSUPPORTED,
            "international messaging not enabled",
            "Switch on texts to other countries for this number: Quo, Settings, Phone numbers.",
        ),
        "invalid_to": Code(
            ErrorKind.INVALID_RECIPIENT,
            "Bad request, with an error at the path /to",
            "Ask the person for a working number.",
        ),
        "invalid_from": Code(
            ErrorKind.NOT_REGISTERED,
            "Bad request, with an error at the path /from",
            "Write the sender as the id (PN…) or as the number, with its plus, of a number in this workspace.",
        ),
        "invalid_content": Code(
            ErrorKind.CONTENT_REJECTED,
            "Bad request, with an error at the path /content",
            "A text has 1 to 1600 characters, not only spaces.",
        ),
        "http:400": Code(ErrorKind.CONTENT_REJECTED, "Bad request, without a path that says why", OUR_REQUEST),
        "http:409": Code(ErrorKind.CONTENT_REJECTED, "Conflict", OUR_REQUEST),
        "http:413": Code(ErrorKind.CONTENT_REJECTED, "Content too large", "Shorten the text."),
        "http:422": Code(ErrorKind.CONTENT_REJECTED, "the request is well formed but cannot be done", OUR_REQUEST),
        "0800409": Code(
            ErrorKind.CONTENT_REJECTED,
            "Conflict: a contact with this external id exists",
            "Give the contact's Quo id as the field `id` to bring it up to date instead.",
        ),
        # Says nothing about whether the message was taken, so a submit that gets it has an unknown outcome.
        "0201500": Code(ErrorKind.UNAVAILABLE, "Unknown", "Quo had a failure of its own; look at its status page."),
    }
)
"""Codes that can refuse a request; of one class, the most telling first."""

CARRIER: Mapping[str, Code] = MappingProxyType(
    {
        "30003": Code(ErrorKind.UNDELIVERABLE, "Unreachable destination handset", "Try again later, once."),
        "30005": Code(
            ErrorKind.INVALID_RECIPIENT, "Unknown destination handset", "Ask the person for a working number."
        ),
        "30006": Code(
            ErrorKind.INVALID_RECIPIENT, "Landline or unreachable carrier", "Ask the person for a mobile number."
        ),
        "21610": Code(
            ErrorKind.OPTED_OUT, "Attempt to send to unsubscribed recipient", "Only the person's own START lifts it."
        ),
        "30004": Code(
            ErrorKind.BLOCKED,
            "Message blocked",
            "The handset or the carrier refuses messages; reach the person another way.",
        ),
        "30007": Code(
            ErrorKind.CONTENT_REJECTED,
            "Message filtered",
            "A carrier took it for spam: name the sender, avoid shortened links, keep to the registered use.",
        ),
        "30019": Code(ErrorKind.CONTENT_REJECTED, "Content size exceeds carrier limit", "Shorten the text."),
        "30034": Code(
            ErrorKind.NOT_REGISTERED,
            "Message from an Unregistered Number",
            f"Finish the carrier registration: {_REGISTRATION_PLACE}.",
        ),
        "30032": Code(
            ErrorKind.NOT_REGISTERED,
            "Toll-Free Number Has Not Been Verified",
            f"Have the toll-free number verified: {_REGISTRATION_PLACE}.",
        ),
        "30018": Code(
            ErrorKind.NOT_REGISTERED,
            "Destination carrier requires sender ID pre-registration",
            "Send to this country from a number that its carriers have registered, or by another provider.",
        ),
        "30024": Code(
            ErrorKind.NOT_REGISTERED,
            "Numeric Sender ID Not Provisioned on Carrier",
            "The carrier does not know this sender; use a number registered for that country, or another provider.",
        ),
        "30002": Code(ErrorKind.AUTH_FAILED, "Account suspended", "Ask Quo's support why the workspace is suspended."),
        "30001": Code(ErrorKind.THROTTLED, "Queue overflow", "Send slower."),
        "30022": Code(ErrorKind.THROTTLED, "US A2P 10DLC - Rate Limits Exceeded", "Send slower to US numbers."),
        "30023": Code(
            ErrorKind.THROTTLED,
            "US A2P 10DLC - Daily Message Cap Reached",
            "The day's allowance is used up; it begins anew at midnight, Pacific time.",
        ),
        "30010": Code(
            ErrorKind.UNSUPPORTED,
            "Message price exceeds max price",
            "Ask Quo's support about the price limit of the workspace.",
        ),
        "30036": Code(ErrorKind.EXPIRED, "Validity Period Expired", "It waited too long on its way; send slower."),
        "30008": Code(ErrorKind.UNAVAILABLE, "Unknown error"),
        "30017": Code(ErrorKind.UNAVAILABLE, "Carrier network congestion"),
        "30410": Code(ErrorKind.UNAVAILABLE, "Provider Timeout Error"),
    }
)
"""Values of `errorCode` in `message.failed` and `message.undelivered`; of one class, the most telling first."""

CODES: Mapping[str, Code] = MappingProxyType({**STATUSES, **REFUSALS, **CARRIER})
