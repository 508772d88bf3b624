"""
What AiSensy says when it does not send: sentences of its own, and the numbers of Meta's behind it.

AiSensy has no codes. Its sentences get stable names here, found by parts of their text (sheet, section 4); reports
(`failureResponse`) and refusals of the Project API carry Meta's numbers, whose classes are those of
https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes.
"""

from collections.abc import Mapping

from sendyard.domain.errors import ErrorKind
from sendyard.providers.meta_codes import Remedy, meta_codes
from sendyard.providers.spec import Code

NO_REASON = "failed"
"""Name of a failure that AiSensy gives no reason for."""

SENTENCES: Mapping[str, Code] = {
    "params_mismatch": Code(
        ErrorKind.CONTENT_REJECTED,
        "Template params does not match the campaign",
        "Give exactly as many variables, in their order, as the campaign's template has; nothing was charged.",
    ),
    "campaign_unknown": Code(
        ErrorKind.NOT_REGISTERED,
        "Campaign does not exist.",
        "Use the exact name of an API campaign, not of its template: AiSensy, Campaigns, API campaigns.",
    ),
    "campaign_not_live": Code(
        ErrorKind.NOT_REGISTERED,
        "Campaign is Not Live",
        "Set the API campaign live in AiSensy: Campaigns, the campaign, Set Live.",
    ),
    "media": Code(
        ErrorKind.CONTENT_REJECTED,
        "The media URL could not be reached",
        "AiSensy fetches the file itself: use a public https address, and give one to a template with a header file.",
    ),
    "template": Code(
        ErrorKind.CONTENT_REJECTED,
        "The template cannot be used",
        "Look at the template in AiSensy: Manage, Template Message.",
    ),
    "api_key": Code(
        ErrorKind.AUTH_FAILED,
        "Invalid API key",
        "Copy the key again from AiSensy: Manage, API Key. The Project API has a password of its own beside it.",
    ),
    "balance": Code(
        ErrorKind.OUT_OF_CREDIT,
        "Insufficient WhatsApp conversation credits",
        "Add credit in AiSensy: Billing.",
    ),
    "recipient": Code(
        ErrorKind.INVALID_RECIPIENT,
        "Invalid destination phone number",
        "Ask the person for a number that has WhatsApp.",
    ),
    "rate_limit": Code(ErrorKind.THROTTLED, "Too many requests", "It is tried again by itself, more slowly."),
    NO_REASON: Code(ErrorKind.UNDELIVERABLE, "FAILED without failureResponse", "AiSensy gives no reason; look there."),
}

# Parts of a text in lower case, the most telling first.
_SIGNS: tuple[tuple[str, str], ...] = (
    ("params does not match", "params_mismatch"),
    ("campaign does not exist", "campaign_unknown"),
    ("not live", "campaign_not_live"),
    ("media", "media"),
    ("template", "template"),
    ("api key", "api_key"),
    ("apikey", "api_key"),
    ("token", "api_key"),
    ("unauthor", "api_key"),
    ("credit", "balance"),
    ("balance", "balance"),
    ("wallet", "balance"),
    ("number", "recipient"),
    ("phone", "recipient"),
    ("destination", "recipient"),
    ("limit", "rate_limit"),
    ("too many", "rate_limit"),
)


def named(text: str) -> str:
    """Name of a sentence of AiSensy's; "" for one that says nothing we know."""
    low = text.lower()
    return next((name for sign, name in _SIGNS if sign in low), "")


META = meta_codes(
    {
        Remedy.ACCESS: "AiSensy's connection to Meta is broken: follow the notice under Manage in AiSensy.",
        Remedy.POLICY: "The WhatsApp account is locked: follow the notice under Manage in AiSensy.",
        Remedy.NUMBER: "Bring the number into order in AiSensy: Manage.",
        Remedy.PAYMENT: "Settle the payment method: AiSensy, Billing, or Meta Business Settings.",
        Remedy.TEMPLATES: "Look at the template in AiSensy: Manage, Template Message.",
        Remedy.QUALITY: "Send less, and look at the quality rating of the number in AiSensy.",
    }
)

CODES: Mapping[str, Code] = {**SENTENCES, **META}
