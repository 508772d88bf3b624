"""
What the WhatsApp Cloud API can do, and the account it needs: data only.
"""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.meta_cloud.codes import CODES
from sendyard.providers.spec import (
    WHATSAPP_FILES,
    AddressFormat,
    Batch,
    CallbackAuth,
    MediaLimits,
    MediaWay,
    ProviderSpec,
    Rate,
    RateUnit,
    ReferenceRules,
    TextRules,
)

MAX_TEXT = 4096
MAX_REFERENCE = 512
PEOPLE_PER_DAY = {
    "TIER_50": 50,  # this and 1K are history, and may still come
    "TIER_250": 250,
    "TIER_1K": 1000,
    "TIER_2K": 2000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
}
"""By messaging limit (…/whatsapp/messaging-limits): people written to outside their 24 hours, by the whole business."""

SPEC = ProviderSpec(
    slug="meta_cloud",
    name="Meta WhatsApp Cloud API",
    channels=frozenset({Channel.WHATSAPP}),
    batch=Batch(limit=1),
    address_format=AddressFormat.NO_PLUS,
    text=TextRules(max_characters=MAX_TEXT),
    # Meta forgets an upload after 30 days.
    media={Channel.WHATSAPP: MediaLimits(MediaWay.UPLOAD, WHATSAPP_FILES, handle_seconds=29 * 86_400)},
    # `biz_opaque_callback_data`: comes back in statuses only; Meta has no idempotency key.
    reference=ReferenceRules(accepted=True, max_length=MAX_REFERENCE),
    rate=Rate(per_second=80, unit=RateUnit.MESSAGE, open_requests=50),
    callback_auth=CallbackAuth.SIGNATURE,
    inbound=True,
    codes=CODES,
    docs=(
        "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes",
        "https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status",
        "https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits",
        "https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput",
        "https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing",
        "https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids",
        "https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint",
        "https://github.com/facebook/openapi",
    ),
)


class MetaCloudAccount(AccountSettings):
    """One phone number of a WhatsApp Business Account, the token that may use it, and its app's secrets."""

    base_url: str = Field(
        default="https://graph.facebook.com",
        title="Interface address",
        description="Leave as it is, unless you send through an emulator.",
    )
    api_version: str = Field(
        default="v25.0",
        pattern=r"^v[0-9]{1,3}\.[0-9]$",
        title="Graph API version",
        description="Such as v25.0. Meta keeps a version for about two years; raise it before yours ends.",
    )
    phone_number_id: str = Field(
        pattern=r"^[0-9]{5,32}$",
        title="Phone number ID",
        description="App dashboard, WhatsApp, API setup, below From: an id of digits, not the phone number itself.",
    )
    waba_id: str = Field(
        pattern=r"^[0-9]{5,32}$",
        title="WhatsApp Business Account ID",
        description="App dashboard, WhatsApp, API setup, beside the phone number ID; templates belong to it.",
    )
    access_token: SecretStr = Field(
        title="Access token",
        description=(
            "business.facebook.com, Settings, Users, System users, Generate token: with whatsapp_business_messaging "
            "and whatsapp_business_management. The token of the API setup page ends after a day."
        ),
    )
    app_secret: SecretStr = Field(
        title="App secret",
        description="App dashboard, App settings, Basic, App secret: Meta signs its webhooks with it.",
    )
    verify_token: SecretStr = Field(
        title="Verify token",
        description=(
            "A word of your own choice. Enter the same one in the app dashboard, WhatsApp, Configuration, beside the "
            "callback address."
        ),
    )
    messages_per_second: int = Field(
        default=80,
        ge=1,
        le=1000,
        title="Messages a second",
        description="80 for most numbers, 1000 after Meta's upgrade, 20 for one shared with the WhatsApp Business app.",
    )
    messaging_limit: Literal[
        "", "TIER_50", "TIER_250", "TIER_1K", "TIER_2K", "TIER_10K", "TIER_100K", "TIER_UNLIMITED"
    ] = Field(
        default="",
        title="Messaging limit",
        description=(
            "How many people you may write to first within 24 hours, as WhatsApp Manager, Account tools, Phone numbers "
            'says; preflight warns of what lies beyond. Leave empty if you do not know: "Test connection" and Meta\'s '
            "webhooks keep it up to date."
        ),
    )
    marketing_messages: bool = Field(
        default=False,
        title="Use the Marketing Messages API",
        description="Send promotional templates through it; first onboard your account in WhatsApp Manager.",
    )
    billing_currency: str = Field(
        default="",
        pattern=r"^([A-Z]{3})?$",
        title="Billing currency",
        description="Optional, such as INR: with it, messages that Meta reports as free are booked with a cost of 0.",
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_origin(cls, given: str) -> str:
        """Take scheme and host (and the path of an emulator), without what follows a question mark."""
        url = given.strip().rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"expected an address such as https://graph.facebook.com, found {given!r}")
        return url

    @field_validator("access_token", "app_secret", "verify_token")
    @classmethod
    def _is_one_word(cls, given: SecretStr) -> SecretStr:
        """None of them has blanks or line ends: those come from copying."""
        value = given.get_secret_value()
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError("expected one word without blanks and line ends; copy it again")
        return given
