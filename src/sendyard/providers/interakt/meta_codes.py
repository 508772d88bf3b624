"""
Meta's numbers, which Interakt repeats in the webhook of a failed message (`channel_error_code`).

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.providers.spec import Code

_RECONNECT = "Sign in to Interakt and connect the WhatsApp number to Meta again."
_META_SUPPORT = "Sign in to Meta's business support; nothing can be sent until it is settled there."
_LATER = "Meta could not now; it is tried again."
_SLOWER = "Send more slowly."
_NO_MARKETING = "Do not repeat it soon; use another channel."
_FIX_VALUES = "Compare the values with the template in Interakt."
_FIX_MESSAGE = "Compare the message with what WhatsApp allows."
_REGISTER = "Finish registering the number in Interakt."
_SYNC = "Sync the templates and use one that is approved."

_TABLE: Mapping[ErrorKind, Mapping[str, tuple[str, str]]] = {
    ErrorKind.AUTH_FAILED: {
        "0": ("Could not authenticate the app user", _RECONNECT),
        "190": ("Access token has expired", _RECONNECT),
        "104": ("Access token is missing", _RECONNECT),
        "3": ("Capability or permission for the method is missing", _RECONNECT),
        "10": ("Permission denied", _RECONNECT),
        "200": ("Permission missing (200 to 299)", _RECONNECT),
        "131005": ("Access denied", _RECONNECT),
        "368": ("Temporarily blocked for policy violations", _META_SUPPORT),
        "131031": ("Business account has been locked", _META_SUPPORT),
        "131037": ("Display name is not approved", _REGISTER),
        "131045": ("Bad certificate of the number", _REGISTER),
        "133010": ("Phone number is not registered", _REGISTER),
        "133000": ("Incomplete deregistration", _REGISTER),
        "133005": ("Two-step verification PIN mismatch", _REGISTER),
        "133006": ("Phone number needs to be verified again", _REGISTER),
        "133008": ("Too many PIN guesses", _REGISTER),
        "133009": ("PIN guessed too fast", _REGISTER),
        "133015": ("Wait before registering this number", _REGISTER),
    },
    ErrorKind.OUT_OF_CREDIT: {
        "131042": ("Business eligibility payment issue", "Repair the payment method at Meta or top up at Interakt."),
    },
    ErrorKind.UNSUPPORTED: {
        "130497": ("Business may not message users in this country", "Take the country out of this account's routes."),
        "131063": ("Marketing templates are switched off for this API", "Ask Interakt to switch them on."),
        "134100": ("Not a marketing template", _SYNC),
        "134102": ("Not eligible for the marketing API", "Ask Interakt to finish the onboarding."),
    },
    ErrorKind.THROTTLED: {
        "4": ("Application request limit reached", _SLOWER),
        "80007": ("WhatsApp business account rate limit reached", _SLOWER),
        "130429": ("Throughput of the number reached", _SLOWER),
        "131048": ("Spam rate limit hit", "People block or report this number: check its quality."),
        "131056": ("Too many messages to this one recipient", "Wait; others are unaffected."),
        "131064": ("Messaging limit for misclassified templates", "Give the templates their true category."),
        "132069": ("Flow is throttled", _SLOWER),
        "133016": ("Too many register and deregister calls", "Wait for 72 hours."),
    },
    ErrorKind.UNAVAILABLE: {
        "1": ("Unknown API error", _LATER),
        "2": ("API service is down", _LATER),
        "131000": ("Something went wrong", _LATER),
        "131016": ("Service unavailable", _LATER),
        "131057": ("Account in maintenance mode", _LATER),
        "133004": ("Server temporarily unavailable", _LATER),
        "134101": ("Template is still syncing", _LATER),
    },
    ErrorKind.BLOCKED: {
        "131049": ("Not delivered to maintain healthy ecosystem engagement", _NO_MARKETING),
        "130472": ("User's number is part of an experiment", _NO_MARKETING),
    },
    ErrorKind.OPTED_OUT: {
        "131050": ("User has stopped marketing messages from this business", "No more marketing to this person."),
        "130403": ("User has blocked the business", "Do not write to this person again."),
    },
    ErrorKind.INVALID_RECIPIENT: {
        "131026": (
            "Message undeliverable: not on WhatsApp, old client or terms not accepted",
            "Reach this person by SMS.",
        ),
        "131021": ("Recipient cannot be sender", "Use another recipient."),
        "131030": ("Recipient phone number not in allowed list", "A test number reaches the people on its list only."),
        "131062": ("User id is not supported for this message", "Send it to a phone number."),
    },
    ErrorKind.NOT_REGISTERED: {
        "132001": ("Template does not exist in this language or is not approved", _SYNC),
        "132015": ("Template is paused", _SYNC),
        "132016": ("Template is disabled", _SYNC),
        "132068": ("Flow is blocked", "Repair the flow of this template."),
    },
    ErrorKind.CONTENT_REJECTED: {
        "131047": ("More than 24 hours have passed since the recipient last replied", "Send an approved template."),
        "132000": ("Template parameter count mismatch", _FIX_VALUES),
        "132005": ("Template text is too long once filled in", "Shorten the values."),
        "132007": ("Template content violates a policy", _FIX_VALUES),
        "132008": ("Template parameter has a wrong value", _FIX_VALUES),
        "132012": ("Template parameter format mismatch", _FIX_VALUES),
        "132018": ("Fault in the template's parameters", _FIX_VALUES),
        "131055": ("Wrong method for this kind of template", _FIX_MESSAGE),
        "33": ("Parameter value is not valid", _FIX_MESSAGE),
        "100": ("Invalid parameter", _FIX_MESSAGE),
        "131008": ("Required parameter is missing", _FIX_MESSAGE),
        "131009": ("Parameter value is not valid", _FIX_MESSAGE),
        "131051": ("Unsupported message type", _FIX_MESSAGE),
        "131052": ("Media download error", "The file's address must be open to everybody."),
        "131053": ("Media upload error", "Check the type and size of the file."),
        "135000": ("Generic user error", _FIX_MESSAGE),
        "137000": ("Identity key mismatch", _FIX_MESSAGE),
    },
}

META: Mapping[str, Code] = MappingProxyType(
    {code: Code(kind, *words) for kind, codes in _TABLE.items() for code, words in codes.items()}
)


def meta_code(code: str) -> str:
    """The key of a number in the table: Meta's permission errors 200 to 299 are one."""
    return "200" if len(code) == 3 and code.isdecimal() and code[0] == "2" else code
