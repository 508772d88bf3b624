"""
What WhatsApp's numbers mean, whoever passes them on: Meta's codes are known to many providers by the same numbers.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes. A provider
adds its own codes, and says where in its own dashboard a person puts right what Meta complains about.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.spec import Code


class Remedy(StrEnum):
    """What has to be put right; where that is done differs from provider to provider."""

    ACCESS = "access"  # the token or the permissions of the connection to Meta
    POLICY = "policy"  # Meta has locked the business; a person has to answer
    NUMBER = "number"  # the sending number is not registered rightly
    PAYMENT = "payment"  # Meta's bill
    MARKETING = "marketing"  # the interface for marketing messages is not open to this account
    TEMPLATES = "templates"  # the template itself: missing, paused, disabled
    VALUES = "values"  # what was filled into the template
    REQUEST = "request"  # the message as it was written
    FILE = "file"
    PACE = "pace"
    QUALITY = "quality"  # people block or report the number
    LATER = "later"


_EVERYWHERE: Mapping[Remedy, str] = MappingProxyType(
    {
        Remedy.ACCESS: "Connect the WhatsApp number to Meta again; its access is broken.",
        Remedy.POLICY: "Open Meta's business support: nothing leaves until a person has settled it there.",
        Remedy.NUMBER: "Look at the state of the number in Meta's WhatsApp Manager, Phone numbers.",
        Remedy.PAYMENT: "Repair the payment method of the WhatsApp account at Meta.",
        Remedy.MARKETING: "Finish onboarding to Meta's marketing interface, or use another account.",
        Remedy.TEMPLATES: "Sync the templates and use one that is approved in this language.",
        Remedy.VALUES: "Compare the values with the variables of the approved template.",
        Remedy.REQUEST: "Compare the message with what WhatsApp allows.",
        Remedy.FILE: "Check the file's type and size, and that its address opens without signing in.",
        Remedy.PACE: "It goes on by itself after a wait; if it happens often, lower the account's rate.",
        Remedy.QUALITY: "Look at the quality of the number, send less, and only to people who asked for it.",
        Remedy.LATER: "Meta could not take it just then; it is tried again.",
    }
)

_TABLE: Mapping[ErrorKind, Mapping[str, tuple[str, Remedy | str]]] = {
    ErrorKind.AUTH_FAILED: {
        "131005": ("Access denied", Remedy.ACCESS),
        "0": ("Could not authenticate the app user", Remedy.ACCESS),
        "190": ("Access token expired or invalid", Remedy.ACCESS),
        "104": ("Access token missing", Remedy.ACCESS),
        "3": ("No capability or permission for this method", Remedy.ACCESS),
        "10": ("Permission denied, or taken away", Remedy.ACCESS),
        "200": ("API permission missing (all codes from 200 to 299)", Remedy.ACCESS),
        "368": ("Temporarily blocked for policy violations", Remedy.POLICY),
        "131031": ("Business account locked", Remedy.POLICY),
        "131037": ("Display name not approved", Remedy.NUMBER),
        "131045": ("Incorrect certificate: the number is not registered rightly", Remedy.NUMBER),
        "133010": ("Phone number not registered", Remedy.NUMBER),
        "133000": ("Incomplete deregistration", Remedy.NUMBER),
        "133005": ("Two-step verification PIN mismatch", Remedy.NUMBER),
        "133006": ("Phone number re-verification needed", Remedy.NUMBER),
        "133008": ("Too many two-step verification PIN guesses", Remedy.NUMBER),
        "133009": ("Two-step verification PIN guessed too fast", Remedy.NUMBER),
        "133015": ("Wait a few minutes before registering this number", Remedy.NUMBER),
    },
    ErrorKind.OUT_OF_CREDIT: {"131042": ("Business eligibility: payment method problem", Remedy.PAYMENT)},
    ErrorKind.UNSUPPORTED: {
        "130497": (
            "The business may not message users in this country",
            "Take this country out of the account's routes: Meta does not allow this trade there.",
        ),
        "131063": ("Marketing templates are switched off for this interface", Remedy.MARKETING),
        "134100": ("Not a marketing template", Remedy.MARKETING),
        "134102": ("Not eligible for marketing messages", Remedy.MARKETING),
    },
    ErrorKind.THROTTLED: {
        "130429": ("Rate limit hit: throughput of the phone number", Remedy.PACE),
        "4": ("The app has reached its API call rate", Remedy.PACE),
        "80007": ("The WhatsApp Business Account has reached its call rate", Remedy.PACE),
        "131056": (
            "Pair rate limit hit: too many messages from this number to this one user",
            "Nothing to do: one message in six seconds to one person, and 45 at once on credit, is WhatsApp's limit.",
        ),
        "131048": ("Spam rate limit hit: messages were blocked or reported", Remedy.QUALITY),
        "131064": (
            "Messaging limit imposed for template misclassification",
            "Give the templates their true category; Meta lifts the limit by itself.",
        ),
        "132069": ("The flow is throttled: 10 messages an hour", "Repair the flow of this template at Meta."),
        "133016": ("Too many register and deregister calls", "Wait for 72 hours."),
    },
    ErrorKind.UNAVAILABLE: {
        "131000": ("Something went wrong", Remedy.LATER),
        "1": ("API unknown: invalid request or possible server error", Remedy.LATER),
        "2": ("API service: temporary, due to downtime or overload", Remedy.LATER),
        "131016": ("Service unavailable", Remedy.LATER),
        "133004": ("Server temporarily unavailable", Remedy.LATER),
        "131057": ("Account in maintenance mode, such as a throughput upgrade", Remedy.LATER),
        "134101": ("The template is still syncing", Remedy.LATER),
    },
    ErrorKind.INVALID_RECIPIENT: {
        "131030": (
            "Recipient phone number not in the allowed list",
            "A test number reaches only the people on its list at Meta: add this one there.",
        ),
        "131021": ("Sender and recipient are the same number", "Choose another number."),
        "131062": (
            "Business-scoped user ids are not supported for this message",
            "Send this kind of template (one-tap or zero-tap codes) to the phone number.",
        ),
    },
    ErrorKind.UNDELIVERABLE: {
        # A person without WhatsApp can still be reached by SMS, so the number is not called wrong.
        "131026": (
            "Message undeliverable: no WhatsApp, an old app, or the terms not accepted",
            "Reach the person by SMS, or ask for the number they use WhatsApp with.",
        ),
        "137000": ("The recipient's identity key does not match", "Ask the person first."),
    },
    ErrorKind.BLOCKED: {
        "131049": (
            "Not delivered to maintain healthy ecosystem engagement",
            (
                "WhatsApp limits how much marketing one person gets, from all businesses together, and delivers none "
                "to numbers in the United States. Wait a day or more; repeating at once makes it worse."
            ),
        ),
        "130472": ("The user's number is part of an experiment", "Reach the person on another channel."),
    },
    ErrorKind.OPTED_OUT: {
        "131050": ("The user has stopped marketing messages from this business", "Send them no more offers."),
        "130403": ("The user has blocked the business", "Do not write to this person again."),
    },
    # A template belongs to one WhatsApp account: another account may have it in order.
    ErrorKind.NOT_REGISTERED: {
        "132001": ("Template does not exist, or is not approved, in this language", Remedy.TEMPLATES),
        "132015": (
            "Template is paused because of low quality",
            "Wait until Meta takes the pause back (3 hours, then 6), or use another template; the third is final.",
        ),
        "132016": ("Template is disabled for good", "Make another template."),
    },
    ErrorKind.CONTENT_REJECTED: {
        "132000": ("Template parameter count mismatch", Remedy.VALUES),
        "131047": (
            "Re-engagement message: more than 24 hours have passed since the customer last replied",
            "Send an approved template instead.",
        ),
        "132005": ("Filled template text too long", "Give shorter values."),
        "132007": ("Template content violates a policy", "Rewrite the template."),
        "132008": ("Template parameter of a wrong value", Remedy.VALUES),
        "132012": ("Template parameter format mismatch", Remedy.VALUES),
        "132018": ("Fault in the template's parameters", Remedy.VALUES),
        "132068": ("The flow is blocked", "Repair the flow of this template at Meta."),
        "131055": ("Wrong method for this kind of template", Remedy.REQUEST),
        "33": ("Parameter value is not valid", Remedy.REQUEST),
        "100": ("Invalid parameter", Remedy.REQUEST),
        "131008": ("Required parameter is missing", Remedy.REQUEST),
        "131009": ("Parameter value is not valid", Remedy.REQUEST),
        "131051": ("Unsupported message type", Remedy.REQUEST),
        "135000": ("Generic user error", Remedy.REQUEST),
        "131052": ("Media download error", Remedy.FILE),
        "131053": ("Media upload error", Remedy.FILE),
    },
}

PAIR_LIMIT = "131056"
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


def meta_codes(where: Mapping[Remedy, str], advice: Mapping[str, str] | None = None) -> Mapping[str, Code]:
    """
    Meta's table as one provider's users should read it.

    Args:
        where: what to do, in this provider's dashboard, about each thing that has to be put right.
        advice: instead, for single codes.
    """
    places = {**_EVERYWHERE, **where}
    own = advice or {}
    return MappingProxyType(
        {
            code: Code(kind, wording, own.get(code) or (places[remedy] if isinstance(remedy, Remedy) else remedy))
            for kind, codes in _TABLE.items()
            for code, (wording, remedy) in codes.items()
        }
    )


def meta_code(code: str) -> str:
    """The key of a number in the table: Meta's permission errors 200 to 299 are one."""
    return "200" if len(code) == 3 and code.isdecimal() and code[0] == "2" else code


def meta_error(codes: Mapping[str, Code], code: str, detail: str = "", wait: float | None = None) -> ProviderError:
    """
    An error by its number: its class, the wait that Meta asks for after it, and whom a throttle concerns.

    Args:
        codes: the provider's table, Meta's numbers among it.
        code: the number as it came; it is kept so, whether a table has it or not.
        detail: the words beside it; without any, those of the table.
        wait: seconds that this very answer asks for.
    """
    known = codes.get(code) or codes.get(meta_code(code))
    meaning = known.meaning if known else ErrorKind.UNMAPPED
    kind = meaning if isinstance(meaning, ErrorKind) else ErrorKind.UNMAPPED
    waits = kind in {ErrorKind.THROTTLED, ErrorKind.UNAVAILABLE}
    return ProviderError(
        kind,
        code,
        detail or (known.wording if known else ""),
        (wait or WAITS.get(code)) if waits else None,
        recipient_only=code in RECIPIENT_ONLY,
    )
