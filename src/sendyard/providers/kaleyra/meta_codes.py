"""
Codes of Meta's that Kaleyra passes through in WhatsApp callbacks.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.providers.spec import Code

_ANOTHER_CHANNEL = "Reach this person on another channel."
_RECONNECT = "Connect the WhatsApp number again in Kaleyra's console; its access to Meta is broken."
_TEMPLATE = "Compare the message with the approved template and its variables, then send again."
_NUMBER = "Look at the state of the WhatsApp number in Meta's WhatsApp Manager."
_WAIT = "Meta is disturbed; see metastatus.com, and try again later."

META_CODES: Mapping[str, Code] = MappingProxyType(
    {
        "0": Code(ErrorKind.AUTH_FAILED, "AuthException: could not authenticate the app user", _RECONNECT),
        "190": Code(ErrorKind.AUTH_FAILED, "Access token has expired", _RECONNECT),
        "104": Code(ErrorKind.AUTH_FAILED, "Access token missing", _RECONNECT),
        "3": Code(ErrorKind.AUTH_FAILED, "API method: capability or permission missing", _RECONNECT),
        "10": Code(ErrorKind.AUTH_FAILED, "Permission denied", _RECONNECT),
        "200": Code(ErrorKind.AUTH_FAILED, "API permission not granted or removed", _RECONNECT),
        "131005": Code(ErrorKind.AUTH_FAILED, "Access denied", _RECONNECT),
        "368": Code(ErrorKind.AUTH_FAILED, "Temporarily blocked for policies violations", _NUMBER),
        "131031": Code(ErrorKind.AUTH_FAILED, "Business account has been locked", _NUMBER),
        "131037": Code(ErrorKind.NOT_REGISTERED, "Display name of the number is not approved", _NUMBER),
        "131045": Code(ErrorKind.NOT_REGISTERED, "Phone number registration error: incorrect certificate", _NUMBER),
        "133000": Code(ErrorKind.NOT_REGISTERED, "Incomplete deregistration", _NUMBER),
        "133005": Code(ErrorKind.NOT_REGISTERED, "Two-step verification PIN mismatch", _NUMBER),
        "133006": Code(ErrorKind.NOT_REGISTERED, "Phone number re-verification needed", _NUMBER),
        "133008": Code(ErrorKind.NOT_REGISTERED, "Too many two-step verification PIN guesses", _NUMBER),
        "133009": Code(ErrorKind.NOT_REGISTERED, "Two-step verification PIN guessed too fast", _NUMBER),
        "133010": Code(ErrorKind.NOT_REGISTERED, "Phone number not registered on the platform", _NUMBER),
        "133015": Code(ErrorKind.NOT_REGISTERED, "Phone number was deleted recently; wait before registering", _NUMBER),
        "130497": Code(ErrorKind.UNSUPPORTED, "Business account is restricted from messaging users in this country"),
        "131063": Code(ErrorKind.UNSUPPORTED, "Marketing templates are switched off for the Cloud API", _NUMBER),
        "4": Code(ErrorKind.THROTTLED, "Application request limit reached", "Send slower."),
        "80007": Code(ErrorKind.THROTTLED, "Rate limit of the WhatsApp business account reached", "Send slower."),
        "130429": Code(ErrorKind.THROTTLED, "Rate limit hit: throughput of the number exceeded", "Send slower."),
        "131048": Code(ErrorKind.THROTTLED, "Spam rate limit hit", "People block or report this number; send less."),
        "131056": Code(ErrorKind.THROTTLED, "Too many messages to this one person", "Wait before writing again."),
        "131064": Code(ErrorKind.THROTTLED, "Messaging limit for template misclassification", _NUMBER),
        "132069": Code(ErrorKind.THROTTLED, "Flow is throttled", "Repair the flow in Meta's WhatsApp Manager."),
        "133016": Code(ErrorKind.THROTTLED, "Number registered and deregistered too often", "Wait 72 hours."),
        "131049": Code(
            ErrorKind.BLOCKED,
            "Not delivered to maintain healthy ecosystem engagement",
            "Meta holds marketing back from this person; wait a day at least, or use another channel.",
        ),
        "130472": Code(ErrorKind.BLOCKED, "User's number is part of an experiment", _ANOTHER_CHANNEL),
        "131050": Code(ErrorKind.OPTED_OUT, "User stopped marketing messages of this business"),
        "130403": Code(ErrorKind.OPTED_OUT, "User has blocked the business"),
        "131026": Code(
            ErrorKind.INVALID_RECIPIENT, "Message undeliverable: not reachable on WhatsApp", _ANOTHER_CHANNEL
        ),
        "131021": Code(ErrorKind.INVALID_RECIPIENT, "Sender and recipient are the same number"),
        "131030": Code(
            ErrorKind.INVALID_RECIPIENT, "Recipient phone number not in allowed list", "Add it as a tester."
        ),
        "131062": Code(ErrorKind.INVALID_RECIPIENT, "Business-scoped user id not supported here", "Use the number."),
        "131047": Code(
            ErrorKind.CONTENT_REJECTED,
            "Re-engagement message: more than 24 hours since the last message of the user",
            "Send an approved template.",
        ),
        "132000": Code(ErrorKind.CONTENT_REJECTED, "Template parameter count mismatch", _TEMPLATE),
        "132001": Code(
            ErrorKind.NOT_REGISTERED, "Template does not exist in this language or is not approved", _TEMPLATE
        ),
        "132005": Code(ErrorKind.CONTENT_REJECTED, "Template hydrated text too long", _TEMPLATE),
        "132007": Code(ErrorKind.CONTENT_REJECTED, "Template format or character policy violated", _TEMPLATE),
        "132008": Code(ErrorKind.CONTENT_REJECTED, "Template parameter value mismatch", _TEMPLATE),
        "132012": Code(ErrorKind.CONTENT_REJECTED, "Template parameter format mismatch", _TEMPLATE),
        "132018": Code(ErrorKind.CONTENT_REJECTED, "Template parameter fault", _TEMPLATE),
        "132015": Code(
            ErrorKind.NOT_REGISTERED, "Template is paused for low quality", "Wait, or use another template."
        ),
        "132016": Code(ErrorKind.NOT_REGISTERED, "Template is disabled for low quality", "Use another template."),
        "132068": Code(ErrorKind.CONTENT_REJECTED, "Flow is blocked", "Repair the flow in Meta's WhatsApp Manager."),
        "134100": Code(ErrorKind.CONTENT_REJECTED, "Not a marketing template", _TEMPLATE),
        "134101": Code(ErrorKind.UNAVAILABLE, "Template is still being prepared", "Try again in ten minutes."),
        "134102": Code(ErrorKind.CONTENT_REJECTED, "Template is not eligible for marketing messages", _TEMPLATE),
        "131055": Code(ErrorKind.CONTENT_REJECTED, "Wrong method for this type of template", _TEMPLATE),
        "131042": Code(
            ErrorKind.OUT_OF_CREDIT, "Business eligibility: payment issue", "Repair the payment method at Meta."
        ),
        "33": Code(ErrorKind.CONTENT_REJECTED, "Parameter value is not valid", "Check number and content."),
        "100": Code(ErrorKind.CONTENT_REJECTED, "Invalid parameter", "Check number and content."),
        "131008": Code(ErrorKind.CONTENT_REJECTED, "Required parameter is missing", _TEMPLATE),
        "131009": Code(ErrorKind.CONTENT_REJECTED, "Parameter value is not valid for this message", _TEMPLATE),
        "131051": Code(ErrorKind.CONTENT_REJECTED, "Unsupported message type"),
        "135000": Code(ErrorKind.CONTENT_REJECTED, "Generic user error", "Check the template and its variables."),
        "137000": Code(ErrorKind.CONTENT_REJECTED, "Identity key of the user does not match"),
        "131052": Code(ErrorKind.CONTENT_REJECTED, "Media download error", "Check that the file's address is public."),
        "131053": Code(ErrorKind.CONTENT_REJECTED, "Media upload error", "Check type and size of the file."),
        "1": Code(ErrorKind.UNAVAILABLE, "API unknown error at Meta", _WAIT),
        "2": Code(ErrorKind.UNAVAILABLE, "API service at Meta", _WAIT),
        "131000": Code(ErrorKind.UNAVAILABLE, "Something went wrong at Meta", _WAIT),
        "131016": Code(ErrorKind.UNAVAILABLE, "Service unavailable at Meta", _WAIT),
        "133004": Code(ErrorKind.UNAVAILABLE, "Server temporarily unavailable at Meta", _WAIT),
        "131057": Code(ErrorKind.UNAVAILABLE, "Account in maintenance mode", "Try again in a minute."),
    }
)
