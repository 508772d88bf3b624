"""
What Meta's error codes mean, and how long Meta wants us to wait after some of them.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes. A key with
a colon is `code:error_subcode`, where the subcode says more than the code. The same codes stand in answers and in
`failed` statuses.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import Code

_TOKEN = (
    "Make a permanent token: business.facebook.com, Settings, Users, System users, Generate token, with "  # noqa: S105
    "whatsapp_business_messaging and whatsapp_business_management; then enter it here."
)
_RIGHTS = (
    "In business.facebook.com, Settings, Users, System users: give this user the WhatsApp account as an asset, and "
    "generate a token with whatsapp_business_messaging and whatsapp_business_management."
)
_NUMBER = "Open WhatsApp Manager, Phone numbers, and follow what it says about this number."
_POLICY = "Open WhatsApp Manager, Account quality: a person has to answer Meta, or appeal, before anything leaves."
_PIN = "Register the number again with its two-step verification PIN (WhatsApp Manager, Phone numbers, the number)."
_FIX_VALUES = "Compare the template's variables in WhatsApp Manager with those given here; sync the templates first."
_WRONG_REQUEST = "Meta does not take this message as it is; its words say which field it means."
_LATER = "Nothing to do: it is tried again later. See metastatus.com/whatsapp-business-api."
_SLOWER = "Nothing to do: sending goes on by itself after the wait. If it happens often, lower the account's rate."
_SHORTEN = "Change this part of the template as Meta's words say, and hand it in again."

_ACCOUNT = {
    "0": Code(ErrorKind.AUTH_FAILED, "Could not authenticate the app user", _TOKEN),
    "190": Code(ErrorKind.AUTH_FAILED, "Access token expired or invalid", _TOKEN),
    "190:463": Code(ErrorKind.AUTH_FAILED, "Access token has expired", _TOKEN),
    "190:467": Code(ErrorKind.AUTH_FAILED, "Access token is invalid", _TOKEN),
    "104": Code(
        ErrorKind.AUTH_FAILED,
        "Access token missing, or the app asks for a proof (appsecret_proof)",
        f"{_TOKEN} If the app demands a proof, switch off App settings, Advanced, Require app secret.",
    ),
    "3": Code(ErrorKind.AUTH_FAILED, "The app has no capability or permission for this method", _RIGHTS),
    "10": Code(ErrorKind.AUTH_FAILED, "Permission denied, or taken away", _RIGHTS),
    "200": Code(ErrorKind.AUTH_FAILED, "API permission missing (all codes from 200 to 299)", _RIGHTS),
    "131005": Code(ErrorKind.AUTH_FAILED, "Access denied", _RIGHTS),
    "100:33": Code(
        ErrorKind.AUTH_FAILED,
        "Unsupported request: the object does not exist, or the token may not see it",
        "Check the phone number ID and the WhatsApp Business Account ID (WhatsApp Manager, Phone numbers and Account "
        f"tools; neither is the phone number itself). {_RIGHTS}",
    ),
    "368": Code(ErrorKind.AUTH_FAILED, "Temporarily blocked for policy violations", _POLICY),
    "131031": Code(ErrorKind.AUTH_FAILED, "Business account locked", _POLICY),
    "131037": Code(
        ErrorKind.AUTH_FAILED, "Display name not approved", f"{_NUMBER} It must have an approved display name."
    ),
    "131045": Code(ErrorKind.AUTH_FAILED, "Incorrect certificate: the number is not registered rightly", _PIN),
    "133010": Code(ErrorKind.AUTH_FAILED, "Phone number not registered on the Cloud API", _PIN),
    "133000": Code(ErrorKind.AUTH_FAILED, "Incomplete deregistration", "Deregister the number again, then register."),
    "133005": Code(ErrorKind.AUTH_FAILED, "Two-step verification PIN mismatch", _PIN),
    "133006": Code(ErrorKind.AUTH_FAILED, "Phone number re-verification needed", _NUMBER),
    "133008": Code(ErrorKind.AUTH_FAILED, "Too many two-step verification PIN guesses", f"Wait as told. {_PIN}"),
    "133009": Code(ErrorKind.AUTH_FAILED, "Two-step verification PIN guessed too fast", f"Wait as told. {_PIN}"),
    "133015": Code(ErrorKind.AUTH_FAILED, "Wait a few minutes before registering this number", _PIN),
    "131042": Code(
        ErrorKind.OUT_OF_CREDIT,
        "Business eligibility: payment method problem",
        "In business.facebook.com, Billing & payments: add or repair the payment method of the WhatsApp account; its "
        "currency and time zone must be set too.",
    ),
    "130497": Code(
        ErrorKind.UNSUPPORTED,
        "The business may not message users in this country",
        "Take this country out of the account's routes: Meta does not allow your trade there.",
    ),
    "131063": Code(
        ErrorKind.UNSUPPORTED,
        "Marketing templates are switched off for the Cloud API",
        "Onboard to the Marketing Messages API in WhatsApp Manager, then switch it on in this account.",
    ),
    "134100": Code(ErrorKind.UNSUPPORTED, "Marketing Messages API: not a marketing template", _WRONG_REQUEST),
    "134102": Code(
        ErrorKind.UNSUPPORTED,
        "Marketing Messages API: not eligible",
        "Finish onboarding to the Marketing Messages API in WhatsApp Manager, or switch it off in this account.",
    ),
}

_PACE = {
    "130429": Code(ErrorKind.THROTTLED, "Rate limit hit: throughput of the phone number", _SLOWER),
    "4": Code(ErrorKind.THROTTLED, "The app has reached its API call rate", _SLOWER),
    "80007": Code(ErrorKind.THROTTLED, "The WhatsApp Business Account has reached its call rate", _SLOWER),
    "131056": Code(
        ErrorKind.THROTTLED,
        "Pair rate limit hit: too many messages from this number to this one user",
        "Nothing to do: one message in six seconds to one person, and 45 at once on credit, is WhatsApp's limit.",
    ),
    "131048": Code(
        ErrorKind.THROTTLED,
        "Spam rate limit hit: the number is limited because messages were blocked or reported",
        "Look at the number's quality in WhatsApp Manager and send less, and only to people who asked for it.",
    ),
    "131064": Code(
        ErrorKind.THROTTLED,
        "Messaging limit imposed for template misclassification",
        "Give the templates their true category in WhatsApp Manager; Meta lifts the limit by itself.",
    ),
    "133016": Code(ErrorKind.THROTTLED, "Too many register and deregister calls", "Wait for 72 hours."),
    "132069": Code(ErrorKind.THROTTLED, "The flow is throttled: 10 messages an hour", "Repair the flow at Meta."),
    "1": Code(ErrorKind.UNAVAILABLE, "API unknown: invalid request or possible server error", _LATER),
    "2": Code(ErrorKind.UNAVAILABLE, "API service: temporary, due to downtime or overload", _LATER),
    "131000": Code(ErrorKind.UNAVAILABLE, "Something went wrong", _LATER),
    "131016": Code(ErrorKind.UNAVAILABLE, "Service unavailable", _LATER),
    "133004": Code(ErrorKind.UNAVAILABLE, "Server temporarily unavailable", _LATER),
    "131057": Code(ErrorKind.UNAVAILABLE, "Account in maintenance mode, such as a throughput upgrade", _LATER),
    "134101": Code(ErrorKind.UNAVAILABLE, "Marketing Messages API: the template is still syncing", _LATER),
}

_PEOPLE = {
    # A number without WhatsApp may still get an SMS, so it is not called wrong.
    "131026": Code(
        ErrorKind.UNDELIVERABLE,
        "Message undeliverable: no WhatsApp, an old app, or the terms not accepted",
        "Reach the person by SMS, or ask for the number they use WhatsApp with.",
    ),
    "131021": Code(ErrorKind.INVALID_RECIPIENT, "Sender and recipient are the same number", "Choose another number."),
    "131030": Code(
        ErrorKind.INVALID_RECIPIENT,
        "Recipient phone number not in the allowed list",
        "A test number reaches only the numbers listed in the app's API setup page: add this one there.",
    ),
    "131062": Code(
        ErrorKind.INVALID_RECIPIENT,
        "Business-scoped user ids are not supported for this message",
        "Send this kind of template (one-tap or zero-tap codes) to the phone number.",
    ),
    "137000": Code(ErrorKind.UNDELIVERABLE, "The recipient's identity key does not match", "Ask the person first."),
    "131049": Code(
        ErrorKind.BLOCKED,
        "Not delivered to maintain healthy ecosystem engagement",
        "WhatsApp limits how much marketing one person gets, from all businesses together, and delivers none to "
        "numbers in the United States. Wait a day or more; repeating at once makes it worse.",
    ),
    "130472": Code(
        ErrorKind.BLOCKED, "The user's number is part of an experiment", "Reach the person on another channel."
    ),
    "131050": Code(
        ErrorKind.OPTED_OUT, "The user has stopped marketing messages from this business", "Send them no more offers."
    ),
    "130403": Code(ErrorKind.OPTED_OUT, "The user has blocked the business", "Do not write to this person again."),
}

_CONTENT = {
    "131047": Code(
        ErrorKind.CONTENT_REJECTED,
        "Re-engagement message: more than 24 hours have passed since the customer last replied",
        "Send an approved template instead.",
    ),
    "132000": Code(ErrorKind.CONTENT_REJECTED, "Number of template parameters does not match", _FIX_VALUES),
    "132001": Code(
        ErrorKind.NOT_REGISTERED,
        "Template does not exist, or is not approved, in this language",
        "Sync the templates; check name and language in WhatsApp Manager, Message templates.",
    ),
    "132005": Code(ErrorKind.CONTENT_REJECTED, "Filled template text too long", "Give shorter values."),
    "132007": Code(ErrorKind.CONTENT_REJECTED, "Template content violates a policy", "Rewrite the template."),
    "132008": Code(ErrorKind.CONTENT_REJECTED, "Template parameter of a wrong value", _FIX_VALUES),
    "132012": Code(ErrorKind.CONTENT_REJECTED, "Template parameter of a wrong format", _FIX_VALUES),
    "132018": Code(ErrorKind.CONTENT_REJECTED, "Fault in the template's parameters", _FIX_VALUES),
    "132015": Code(
        ErrorKind.CONTENT_REJECTED,
        "Template is paused because of low quality",
        "Wait until Meta takes the pause back (3 hours, then 6), or use another template; the third pause is final.",
    ),
    "132016": Code(ErrorKind.CONTENT_REJECTED, "Template is disabled for good", "Make another template."),
    "132068": Code(ErrorKind.CONTENT_REJECTED, "The flow is blocked", "Repair the flow at Meta."),
    "131055": Code(ErrorKind.CONTENT_REJECTED, "Wrong method for this kind of template", _WRONG_REQUEST),
    "33": Code(ErrorKind.CONTENT_REJECTED, "Parameter value is not valid", _WRONG_REQUEST),
    "100": Code(ErrorKind.CONTENT_REJECTED, "Invalid parameter", _WRONG_REQUEST),
    "131008": Code(ErrorKind.CONTENT_REJECTED, "Required parameter is missing", _WRONG_REQUEST),
    "131009": Code(ErrorKind.CONTENT_REJECTED, "Parameter value is not valid", _WRONG_REQUEST),
    "131051": Code(ErrorKind.CONTENT_REJECTED, "Unsupported message type", _WRONG_REQUEST),
    "135000": Code(ErrorKind.CONTENT_REJECTED, "Generic user error", _WRONG_REQUEST),
    "131052": Code(
        ErrorKind.CONTENT_REJECTED, "Media download error", "Check that the file's address opens without signing in."
    ),
    "131053": Code(
        ErrorKind.CONTENT_REJECTED, "Media upload error", "Check the file's type and size, and that it is not damaged."
    ),
    "100:2388039": Code(ErrorKind.CONTENT_REJECTED, "Template: format or character limit of a part", _SHORTEN),
    "100:2388040": Code(ErrorKind.CONTENT_REJECTED, "Template: format or character limit of a part", _SHORTEN),
    "100:2388047": Code(ErrorKind.CONTENT_REJECTED, "Template: header format", _SHORTEN),
    "100:2388072": Code(ErrorKind.CONTENT_REJECTED, "Template: body format", _SHORTEN),
    "100:2388073": Code(ErrorKind.CONTENT_REJECTED, "Template: footer format", _SHORTEN),
    "100:2388293": Code(
        ErrorKind.CONTENT_REJECTED, "Template: too many variables for its length", "Add words or take out variables."
    ),
    "100:2388299": Code(
        ErrorKind.CONTENT_REJECTED, "Template: variable at the start or end", "Put words before and after variables."
    ),
    "100:2388019": Code(
        ErrorKind.CONTENT_REJECTED,
        "Template count limit reached",
        "Delete templates: 250 until the business is verified, 6,000 afterwards.",
    ),
}

STATUSES: Mapping[str, Code] = MappingProxyType(
    {
        "sent": Code(ReportStatus.SENT, "left Meta's servers"),
        "delivered": Code(ReportStatus.DELIVERED, "on the recipient's device"),
        "read": Code(ReportStatus.READ, "shown to the recipient"),
        "played": Code(ReportStatus.READ, "a voice message was played"),
        "failed": Code(ReportStatus.FAILED, "could not be sent or delivered"),
    }
)
"""Words of status webhooks (…/whatsapp/webhooks/reference/messages/status)."""

CODES: Mapping[str, Code] = MappingProxyType({**_ACCOUNT, **_PACE, **_PEOPLE, **_CONTENT, **STATUSES})

PAIR_LIMIT = "131056"
PAIR_BASE = 4.0
"""Seconds to wait after a pair limit are 4^x, x = 0, 1, 2…, for that one person."""

RECIPIENT_ONLY = frozenset({PAIR_LIMIT, "132069"})
"""Throttles that concern one person: messages to others may leave meanwhile."""

WAITS: Mapping[str, float] = MappingProxyType(
    {
        "4": 300.0,  # unless a usage header says more
        "80007": 300.0,
        "131048": 3600.0,
        "131064": 14_400.0,
        "132069": 3600.0,
        "133016": 259_200.0,
        "131057": 60.0,
        "134101": 600.0,
    }
)
"""Seconds to wait after a code; for those left out the engine's own growing waits fit (130429: 1, 2, 4 …)."""
