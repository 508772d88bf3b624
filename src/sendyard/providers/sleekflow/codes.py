"""
What SleekFlow says when it does not send: sentences, words of a status, and Meta's numbers inside both.

SleekFlow documents no codes. A refusal is a sentence, sorted by parts of its text under names of our own (sheet,
section 6); a message that failed has the status `Failed`, `Undelivered` or `OutOfCredit` and a reason in
`channelStatusMessage`, in which a number of Meta's may stand
(https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes).
"""

import re
from collections.abc import Mapping

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import Code

_KEY_PLACE = (
    "Copy the key again from SleekFlow (Channels, Add integration, Platform API; an administrator of a Premium or "
    "Enterprise plan) and check the region: a key works on the host of its company only."
)

SENTENCES: Mapping[str, Code] = {
    "auth": Code(ErrorKind.AUTH_FAILED, "HTTP 401 or 403", _KEY_PLACE),
    "wrong_address": Code(
        ErrorKind.AUTH_FAILED,
        "HTTP 404",
        "The address has no such call: check the region of the account's interface address.",
    ),
    "rate_limit": Code(ErrorKind.THROTTLED, "HTTP 429", "The calls of a company are counted together; send slower."),
    "window": Code(
        ErrorKind.CONTENT_REJECTED,
        "The 24-hour window is closed",
        "More than 24 hours have passed since the person wrote: send an approved template.",
    ),
    "template_unknown": Code(
        ErrorKind.NOT_REGISTERED,
        "Template not found",
        "Use name and language of a template that is approved: SleekFlow, Channels, WhatsApp, Templates.",
    ),
    "template": Code(
        ErrorKind.CONTENT_REJECTED,
        "Template components are invalid",
        "Give exactly the variables, file and buttons that the template has.",
    ),
    "channel": Code(
        ErrorKind.NOT_REGISTERED,
        "Channel not found",
        "Check the own WhatsApp number (digits only) and the kind of channel: SleekFlow, Channels.",
    ),
    "balance": Code(
        ErrorKind.OUT_OF_CREDIT, "Insufficient balance", "Top up in SleekFlow: Channels, WhatsApp, Balance."
    ),
    "recipient": Code(
        ErrorKind.INVALID_RECIPIENT, "Invalid phone number", "Ask the person for a number that has WhatsApp."
    ),
}

STATUSES: Mapping[str, Code] = {
    "Sending": Code(ReportStatus.SENT, "SleekFlow has it"),
    "Queued": Code(ReportStatus.SENT, "SleekFlow has it"),
    "Scheduled": Code(ReportStatus.SENT, "SleekFlow has it"),
    "Sent": Code(ReportStatus.SENT, "WhatsApp has it"),
    "Received": Code(ReportStatus.DELIVERED, "The handset has it"),
    "Delivered": Code(ReportStatus.DELIVERED, "The handset has it"),
    "Read": Code(ReportStatus.READ, "The person read it"),
    "Failed": Code(ErrorKind.UNDELIVERABLE, "Failed, without a number of Meta's", "See the reason SleekFlow gives."),
    "Undelivered": Code(ErrorKind.UNDELIVERABLE, "Undelivered", "The person could not be reached on WhatsApp."),
    "OutOfCredit": Code(ErrorKind.OUT_OF_CREDIT, "OutOfCredit", "Top up in SleekFlow: Channels, WhatsApp, Balance."),
}

# Parts of a text in lower case, the most telling first.
_SIGNS: tuple[tuple[str, str], ...] = (
    ("window", "window"),
    ("24 h", "window"),
    ("24-h", "window"),
    ("24h", "window"),
    ("template", "template"),
    ("component", "template"),
    ("parameter", "template"),
    ("channel", "channel"),
    ("from number", "channel"),
    ("sender", "channel"),
    ("credit", "balance"),
    ("balance", "balance"),
    ("phone", "recipient"),
    ("number", "recipient"),
    ("receiver", "recipient"),
    ("recipient", "recipient"),
)
_ABSENT = ("not found", "not exist", "not approved")
_NUMBER = re.compile(r"#([0-9]{1,6})\b|\b([0-9]{5,6})\b")
_LONGEST_TEXT = 300


def _all(kind: ErrorKind, advice: str, wordings: Mapping[str, str]) -> dict[str, Code]:
    return {code: Code(kind, wording, advice) for code, wording in wordings.items()}


META: Mapping[str, Code] = {
    **_all(
        ErrorKind.AUTH_FAILED,
        "SleekFlow's connection to Meta is broken or locked: open Channels in SleekFlow and connect the number again.",
        {
            "0": "AuthException: the app user could not be authenticated",
            "3": "API Method: capability or permission issue",
            "10": "Permission denied",
            "104": "Access token missing",
            "190": "Access token has expired",
            "200": "API Permission not granted",
            "368": "Temporarily blocked for policies violations",
            "131005": "Access denied",
            "131031": "Business account has been locked",
        },
    ),
    **_all(
        ErrorKind.OUT_OF_CREDIT,
        "Settle the payment method of the WhatsApp account: SleekFlow, Channels, WhatsApp, or Meta Business Settings.",
        {"131042": "Business eligibility payment issue"},
    ),
    **_all(
        ErrorKind.THROTTLED,
        "Send more slowly; if it keeps coming, look at the quality rating of the number in SleekFlow, Channels.",
        {
            "4": "Application request limit reached",
            "80007": "Rate limit issues",
            "130429": "Rate limit hit",
            "131048": "Spam rate limit hit",
            "131056": "(Business Account, Consumer Account) pair rate limit hit",
            "131064": "Messaging limit imposed on the account",
            "132069": "Flow is throttled",
            "133016": "Account register and deregister rate limit exceeded",
        },
    ),
    **_all(
        ErrorKind.UNAVAILABLE,
        "Meta could not take it just then; it may be sent again.",
        {
            "1": "API Unknown",
            "2": "API Service",
            "131000": "Something went wrong",
            "131016": "Service unavailable",
            "131057": "Account in maintenance mode",
            "133004": "Server temporarily unavailable",
            "134101": "Template still being synchronised",
        },
    ),
    **_all(
        ErrorKind.UNSUPPORTED,
        "This WhatsApp account may not send it; use another account or channel.",
        {
            "130497": "Business account is restricted from messaging users in this country",
            "131030": "Recipient phone number not in allowed list",
            "131062": "Business-scoped user id not supported for this message",
            "131063": "Marketing templates are switched off for this API",
            "134100": "Not a marketing template",
            "134102": "Not eligible for the marketing API",
        },
    ),
    **_all(
        ErrorKind.NOT_REGISTERED,
        "Bring the number or the template into order in SleekFlow (Channels) first.",
        {
            "131037": "Display name of the number is not approved",
            "131045": "Incorrect certificate",
            "132001": "Template does not exist in the translation",
            "132015": "Template is paused",
            "132016": "Template is disabled",
            "133000": "Incomplete deregistration",
            "133005": "Two-step verification PIN mismatch",
            "133006": "Phone number re-verification needed",
            "133008": "Too many two-step verification PIN guesses",
            "133009": "Two-step verification PIN guessed too fast",
            "133010": "Phone number not registered",
            "133015": "Wait before registering this phone number",
        },
    ),
    **_all(
        ErrorKind.INVALID_RECIPIENT,
        "The person has no WhatsApp there, or an old one; use another channel.",
        {
            "131021": "Recipient cannot be sender",
            "131026": "Message undeliverable",
        },
    ),
    **_all(
        ErrorKind.OPTED_OUT,
        "The person does not want these messages; do not send again.",
        {
            "130403": "The user has blocked the business",
            "131050": "User has stopped marketing messages from this business",
        },
    ),
    **_all(
        ErrorKind.BLOCKED,
        "WhatsApp holds back marketing to this person for now; do not repeat it at once.",
        {
            "130472": "User's number is part of an experiment",
            "131049": "Not delivered to maintain healthy ecosystem engagement",
        },
    ),
    **_all(
        ErrorKind.CONTENT_REJECTED,
        "Correct the template, its variables or the file.",
        {
            "33": "Parameter value is not valid",
            "100": "Invalid parameter",
            "131008": "Required parameter is missing",
            "131009": "Parameter value is not valid",
            "131051": "Unsupported message type",
            "131052": "Media download error",
            "131053": "Media upload error",
            "131055": "Method not allowed for this type of template",
            "132000": "Template param count mismatch",
            "132005": "Template hydrated text too long",
            "132007": "Template format character policy violated",
            "132008": "Template parameter value is not allowed",
            "132012": "Template parameter format mismatch",
            "132018": "Template parameters are faulty",
            "132068": "Flow is blocked",
            "135000": "Generic user error",
            "137000": "Identity key of the user does not match",
        },
    ),
    "131047": Code(
        ErrorKind.CONTENT_REJECTED,
        "Re-engagement message: more than 24 hours have passed since the customer last replied",
        "The 24-hour window is closed: send an approved template instead of plain text.",
    ),
}

CODES: Mapping[str, Code] = {**SENTENCES, **STATUSES, **META}

_STATUS_WORDS = {word.lower(): word for word in STATUSES}


def refusal(text: str, status: int) -> ProviderError:
    """Sort the text of a refused request: by Meta's number in it, then by its words."""
    text = text[:_LONGEST_TEXT]
    code = _meta_number(text)
    if not code:
        low = text.lower()
        code = next((name for sign, name in _SIGNS if sign in low), f"http:{status}")
        if code == "template" and any(sign in low for sign in _ABSENT):
            code = "template_unknown"
    return ProviderError(_kind(code), code, text or f"HTTP {status}")


def failure(word: str, reason: str) -> ProviderError:
    """Why a message with a failed status did not arrive; `word` is spelt as in the table."""
    code = (_meta_number(reason) if word != "OutOfCredit" else "") or word
    return ProviderError(_kind(code), code, reason[:_LONGEST_TEXT] or STATUSES[word].wording)


def spelt(word: str) -> str:
    """A status as the table spells it; "" for one that is in no table."""
    return _STATUS_WORDS.get(word.lower(), "")


def _meta_number(text: str) -> str:
    """The first number in a text that is one of Meta's, else one that looks like it; "" without any."""
    found = [short or long for short, long in _NUMBER.findall(text)]
    known = next((number for number in found if number in META), "")
    return known or next((number for number in found if len(number) == 6 and number.startswith("13")), "")


def _kind(code: str) -> ErrorKind:
    known = CODES.get(code)
    return known.meaning if known and isinstance(known.meaning, ErrorKind) else ErrorKind.UNMAPPED
