"""
What Meta's error codes mean, in the words of the shared table, and where the owner of the account puts things right.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes. A key with
a colon is `code:error_subcode`, where the subcode says more than the code. The same codes stand in answers and in
`failed` statuses.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.meta_codes import Remedy, meta_codes
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
_SHORTEN = "Change this part of the template as Meta's words say, and hand it in again."

_WHERE: Mapping[Remedy, str] = {
    Remedy.ACCESS: _RIGHTS,
    Remedy.POLICY: _POLICY,
    Remedy.NUMBER: _PIN,
    Remedy.PAYMENT: (
        "In business.facebook.com, Billing & payments: add or repair the payment method of the WhatsApp account; its "
        "currency and time zone must be set too."
    ),
    Remedy.MARKETING: (
        "Finish onboarding to the Marketing Messages API in WhatsApp Manager, or switch it off in this account."
    ),
    Remedy.TEMPLATES: "Sync the templates; check name and language in WhatsApp Manager, Message templates.",
    Remedy.VALUES: _FIX_VALUES,
    Remedy.REQUEST: "Meta does not take this message as it is; its words say which field it means.",
    Remedy.PACE: "Nothing to do: it goes on by itself after the wait. If it happens often, lower the account's rate.",
    Remedy.QUALITY: (
        "Look at the number's quality in WhatsApp Manager and send less, and only to people who asked for it."
    ),
    Remedy.LATER: "Nothing to do: it is tried again later. See metastatus.com/whatsapp-business-api.",
}
_ADVICE: Mapping[str, str] = {
    **dict.fromkeys(("0", "190"), _TOKEN),
    "104": f"{_TOKEN} If the app demands a proof, switch off App settings, Advanced, Require app secret.",
    "131037": f"{_NUMBER} It must have an approved display name.",
    "133000": "Deregister the number again, then register.",
    "133006": _NUMBER,
    **dict.fromkeys(("133008", "133009"), f"Wait as told. {_PIN}"),
    "131063": "Onboard to the Marketing Messages API in WhatsApp Manager, then switch it on in this account.",
    "131030": "A test number reaches only the numbers listed in the app's API setup page: add this one there.",
}

_SUBCODES: Mapping[str, Code] = {
    "190:463": Code(ErrorKind.AUTH_FAILED, "Access token has expired", _TOKEN),
    "190:467": Code(ErrorKind.AUTH_FAILED, "Access token is invalid", _TOKEN),
    "100:33": Code(
        ErrorKind.AUTH_FAILED,
        "Unsupported request: the object does not exist, or the token may not see it",
        "Check the phone number ID and the WhatsApp Business Account ID (WhatsApp Manager, Phone numbers and Account "
        f"tools; neither is the phone number itself). {_RIGHTS}",
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

CODES: Mapping[str, Code] = MappingProxyType({**meta_codes(_WHERE, _ADVICE), **_SUBCODES, **STATUSES})

PAIR_BASE = 4.0
"""Seconds to wait after a pair limit are 4^x, x = 0, 1, 2…, for that one person."""
