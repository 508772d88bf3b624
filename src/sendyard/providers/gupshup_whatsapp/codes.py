"""
What Gupshup's codes, status words and refusals mean.

Numbers and their words are from docs.gupshup.io/docs/error-and-status-messages. A refused submit carries a text
and no code; those texts are known here under names of our own.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.meta_codes import Remedy, meta_codes
from sendyard.providers.spec import Code

_KEY_PLACE = "Gupshup console, your profile, API Key"
_OPT_IN = "Let the person write to you first, or mark the opt-in at Gupshup."
_SEND_TEMPLATE = "More than 24 hours have passed since the person wrote; send an approved template."

REFUSALS: Mapping[str, Code] = MappingProxyType(
    {
        "authentication_failed": Code(
            ErrorKind.AUTH_FAILED, "Authentication Failed", f"Copy the API key again from the {_KEY_PLACE}."
        ),
        "portal_user_not_found": Code(
            ErrorKind.AUTH_FAILED,
            "Portal User Not Found With APIKey",
            f"Nobody at Gupshup has this API key; copy it again from the {_KEY_PLACE}.",
        ),
        "invalid_destination": Code(
            ErrorKind.INVALID_RECIPIENT, "Invalid Destination", "Ask the person for a working WhatsApp number."
        ),
        "unknown_app": Code(
            ErrorKind.NOT_REGISTERED,
            "App not found",
            "Check app name and business number against the Gupshup console, WhatsApp, your app, Settings.",
        ),
        "invalid_template": Code(
            ErrorKind.CONTENT_REJECTED, "Invalid template", "Check the template's id and the number of its variables."
        ),
        "invalid_channel": Code(ErrorKind.CONTENT_REJECTED, "Invalid channel", "Only WhatsApp goes this way."),
        "invalid_message": Code(ErrorKind.CONTENT_REJECTED, "Invalid message", "Check that the message is not empty."),
        "file_too_large": Code(
            ErrorKind.CONTENT_REJECTED, "File size exceeds the maximum limit!", "Send a file of up to 100 MB."
        ),
        "not_cloud_api": Code(
            ErrorKind.UNSUPPORTED,
            "Only CAPI apps allowed to generate media ID",
            "Ask Gupshup to move the app to the Cloud API, or send the file by its address.",
        ),
        "too_many_requests": Code(ErrorKind.THROTTLED, "Too Many Requests", "Send slower."),
    }
)
"""Texts of refused requests, each under a name of ours."""

EVENT_CODES: Mapping[str, Code] = MappingProxyType(
    {
        "500": Code(ErrorKind.UNAVAILABLE, "Internal Server Error", "Try again later; if it stays, ask Gupshup."),
        "1001": Code(
            ErrorKind.UNSUPPORTED,
            "Last Mapped Bot Failed",
            "In the sandbox a person must join first; with an app of your own, check its bot mapping at Gupshup.",
        ),
        # Like Meta's 131026: without WhatsApp, but not without a telephone.
        "1002": Code(
            ErrorKind.UNDELIVERABLE, "Number Does Not Exist On WhatsApp", "Reach this person by text message."
        ),
        "1003": Code(
            ErrorKind.OUT_OF_CREDIT,
            "Unable To Send Message / Check your wallet balance.",
            "Recharge the wallet: Gupshup console, Billing.",
        ),
        "1004": Code(
            ErrorKind.CONTENT_REJECTED,
            "Message sending failed as the user is inactive for session message, and template messaging is disabled.",
            "Send an approved template, and enable template messaging in the app's settings at Gupshup.",
        ),
        "1005": Code(
            ErrorKind.CONTENT_REJECTED,
            "Message sending failed as the user is inactive for session message, and the template did not match.",
            _SEND_TEMPLATE,
        ),
        "1006": Code(
            ErrorKind.BLOCKED,
            "Message sending failed as the user is inactive for session message and has not opted in for template "
            "message.",
            _OPT_IN,
        ),
        "1007": Code(
            ErrorKind.BLOCKED,
            "Message sending failed as the user is inactive for session message, has not opted in for template "
            "message, and the template did not match.",
            _OPT_IN,
        ),
        "1008": Code(ErrorKind.BLOCKED, "User is not opted in and inactive.", _OPT_IN),
        "1010": Code(ErrorKind.CONTENT_REJECTED, "Invalid Media Url", "Check that the file's address is public."),
        "1011": Code(ErrorKind.CONTENT_REJECTED, "Invalid Media Size", "Send a smaller file."),
        "1012": Code(ErrorKind.OPTED_OUT, "Message Sending failed as the phone number is opted out."),
        "4001": Code(
            ErrorKind.THROTTLED,
            "API Rate Limited",
            "Stop sending for a while, then send slower; Gupshup asks to be told this code.",
        ),
        "4002": Code(ErrorKind.UNAVAILABLE, "Invalid Response From WhatsApp", "Try again later."),
        "4003": Code(
            ErrorKind.NOT_REGISTERED,
            "Message Sending failed as the template did not match.",
            "Sync the templates, and compare id and variables.",
        ),
        "4004": Code(
            ErrorKind.UNSUPPORTED,
            "Message type is only supported on Meta hosted cloud API.",
            "Ask Gupshup to move the app to the Cloud API.",
        ),
        "4005": Code(
            ErrorKind.NOT_REGISTERED,
            "Message Sending failed as the template is paused.",
            "Wait until WhatsApp lets the template go on, or use another one.",
        ),
        "470": Code(
            ErrorKind.CONTENT_REJECTED, "Outside of the 24-hour window of the last message of the user", _SEND_TEMPLATE
        ),
        "failed": Code(ErrorKind.UNDELIVERABLE, "Message failed, no code given", "Try another channel."),
    }
)
"""`code` of failed events; `failed` is the word itself, for an event that brings no code."""

STATUSES: Mapping[str, ReportStatus] = MappingProxyType(
    {
        "enqueued": ReportStatus.SENT,
        "sent": ReportStatus.SENT,
        # The message was taken back after it had been there: what was heard of it before stays true.
        "deleted": ReportStatus.SENT,
        "delivered": ReportStatus.DELIVERED,
        "read": ReportStatus.READ,
        "failed": ReportStatus.FAILED,
    }
)

_STATUS_CODES = {
    "enqueued": Code(ReportStatus.SENT, "Gupshup has handed it to WhatsApp's queue"),
    "sent": Code(ReportStatus.SENT, "WhatsApp has it"),
    "delivered": Code(ReportStatus.DELIVERED, "it is on the person's phone"),
    "read": Code(ReportStatus.READ, "the person opened it"),
    "deleted": Code(ReportStatus.SENT, "it was deleted after it had been sent"),
}

META_CODES = meta_codes(
    {Remedy.ACCESS: "Connect the WhatsApp number again in Gupshup's console; its access to Meta is broken."}
)
"""Meta's numbers, which Gupshup passes on."""

CODES: Mapping[str, Code] = MappingProxyType({**REFUSALS, **EVENT_CODES, **META_CODES, **_STATUS_CODES})

_BY_WORDING = {code.wording.casefold(): name for name, code in {**META_CODES, **EVENT_CODES, **REFUSALS}.items()}
# Gupshup prints only some of its texts, and varies them; the noun they turn on is what stays.
_BY_NOUN = (
    (re.compile(r"too many requests", re.IGNORECASE), "too_many_requests"),
    (re.compile(r"destination", re.IGNORECASE), "invalid_destination"),
    (re.compile(r"\bapi ?key\b", re.IGNORECASE), "portal_user_not_found"),
    (re.compile(r"template", re.IGNORECASE), "invalid_template"),
    (re.compile(r"channel", re.IGNORECASE), "invalid_channel"),
    (re.compile(r"\bapp\b|\bsource\b", re.IGNORECASE), "unknown_app"),
    (re.compile(r"\bmessage\b", re.IGNORECASE), "invalid_message"),
)


def code_of(text: str) -> str:
    """Give the name of a refusal's text, "" for one that nothing here fits."""
    exact = _BY_WORDING.get(text.strip().casefold())
    return exact or next((name for pattern, name in _BY_NOUN if pattern.search(text)), "")
