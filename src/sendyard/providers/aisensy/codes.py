"""
What AiSensy says when it does not send: sentences of its own, and the numbers of Meta's behind it.

AiSensy has no codes. Its sentences get stable names here, found by parts of their text (sheet, section 4); reports
(`failureResponse`) and refusals of the Project API carry Meta's numbers, whose classes are those of
https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes.
"""

from collections.abc import Mapping

from sendyard.domain.errors import ErrorKind
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


def _all(kind: ErrorKind, advice: str, wordings: Mapping[str, str]) -> dict[str, Code]:
    return {code: Code(kind, wording, advice) for code, wording in wordings.items()}


META: Mapping[str, Code] = {
    **_all(
        ErrorKind.AUTH_FAILED,
        "AiSensy's connection to Meta is broken or locked: follow the notice under Manage in AiSensy.",
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
        "Settle the payment method of the WhatsApp account: AiSensy, Billing, or Meta Business Settings.",
        {"131042": "Business eligibility payment issue"},
    ),
    **_all(
        ErrorKind.THROTTLED,
        "Send more slowly; if it keeps coming, look at the quality rating of the number in AiSensy.",
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
        "Bring the number or the template into order in AiSensy (Manage) first.",
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

CODES: Mapping[str, Code] = {**SENTENCES, **META}
