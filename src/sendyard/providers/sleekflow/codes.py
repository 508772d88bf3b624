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
from sendyard.providers.meta_codes import Remedy, meta_codes, meta_error
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


META = meta_codes(
    {
        Remedy.ACCESS: "The connection to Meta is broken: open Channels in SleekFlow and connect the number again.",
        Remedy.POLICY: "The WhatsApp account is locked: open Channels in SleekFlow and follow the notice.",
        Remedy.NUMBER: "Bring the number into order in SleekFlow: Channels.",
        Remedy.PAYMENT: "Settle the payment method: SleekFlow, Channels, WhatsApp, or Meta Business Settings.",
        Remedy.TEMPLATES: "Look at the template in SleekFlow: Channels, WhatsApp, Templates.",
        Remedy.QUALITY: "Send less, and look at the quality rating of the number in SleekFlow: Channels.",
    }
)

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
    return meta_error(CODES, code, text or f"HTTP {status}")


def failure(word: str, reason: str) -> ProviderError:
    """Why a message with a failed status did not arrive; `word` is spelt as in the table."""
    code = (_meta_number(reason) if word != "OutOfCredit" else "") or word
    return meta_error(CODES, code, reason[:_LONGEST_TEXT] or STATUSES[word].wording)


def spelt(word: str) -> str:
    """A status as the table spells it; "" for one that is in no table."""
    return _STATUS_WORDS.get(word.lower(), "")


def _meta_number(text: str) -> str:
    """The first number in a text that is one of Meta's, else one that looks like it; "" without any."""
    found = [short or long for short, long in _NUMBER.findall(text)]
    known = next((number for number in found if number in META), "")
    return known or next((number for number in found if len(number) == 6 and number.startswith("13")), "")
