"""
What Twilio can do, and the account it needs: data only.
"""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.spec import (
    PICTURES,
    WHATSAPP_FILES,
    AddressFormat,
    Batch,
    CallbackAuth,
    Counting,
    MediaLimits,
    MediaRule,
    MediaWay,
    OwnKeywords,
    ProviderSpec,
    Rate,
    RateUnit,
    ReferenceRules,
    TextRules,
)
from sendyard.providers.twilio.codes import CODES

API_VERSION = "2010-04-01"
WHATSAPP_PREFIX = "whatsapp:"
"""Stands before both addresses of a WhatsApp message (https://www.twilio.com/docs/whatsapp/api)."""

MAX_VALIDITY_SECONDS = 36_000
MAX_MEDIA = 10

SPEC = ProviderSpec(
    slug="twilio",
    name="Twilio",
    channels=frozenset({Channel.SMS, Channel.MMS, Channel.WHATSAPP}),
    batch=Batch(limit=1),
    address_format=AddressFormat.E164,
    text=TextRules(counting=Counting.GSM, max_characters=1600),
    media={
        # https://www.twilio.com/docs/messaging/guides/accepted-mime-types
        Channel.MMS: MediaLimits(
            MediaWay.LINK,
            (
                MediaRule(PICTURES | {"image/gif"}, 5 * 1024 * 1024),
                MediaRule(
                    frozenset(
                        {
                            "application/pdf",
                            "audio/aac",
                            "audio/amr",
                            "audio/mp4",
                            "audio/mpeg",
                            "audio/ogg",
                            "text/plain",
                            "text/vcard",
                            "video/3gpp",
                            "video/mp4",
                        }
                    ),
                    500 * 1024,
                ),
            ),
            MAX_MEDIA,
        ),
        Channel.WHATSAPP: MediaLimits(MediaWay.LINK, WHATSAPP_FILES),
    },
    # Not a field of Twilio's: it travels in the query of `StatusCallback` and comes back with each report.
    # Twilio has no idempotency key, hence nothing is de-duplicated.
    reference=ReferenceRules(accepted=True, max_length=64),
    # 2000 messages/s is the limit of a whole account; slower senders are queued by Twilio itself, up to 10 h.
    rate=Rate(per_second=2000, unit=RateUnit.MESSAGE, open_requests=50),
    callback_auth=CallbackAuth.SIGNATURE,
    inbound=True,
    # https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out; on WhatsApp Twilio leaves them to us.
    own_keywords=OwnKeywords(
        frozenset(
            [
                "stop",
                "stopall",
                "unsubscribe",
                "cancel",
                "end",
                "quit",
                "revoke",
                "optout",
                "start",
                "yes",
                "unstop",
                "help",
                "info",
            ]
        ),
        frozenset({Channel.SMS, Channel.MMS}),
    ),
    confirm_within=600.0,
    # The last one is past the 10 hours that a message may wait in Twilio's queue.
    poll_delays=(600.0, 3600.0, 10_800.0, 36_000.0),
    poll_limit=1,
    codes=CODES,
    docs=(
        "https://www.twilio.com/docs/messaging/api/message-resource",
        "https://www.twilio.com/docs/messaging/guides/track-outbound-message-status",
        "https://www.twilio.com/docs/messaging/guides/webhook-request",
        "https://www.twilio.com/docs/usage/webhooks/webhooks-security",
        "https://www.twilio.com/docs/iam/test-credentials",
        "https://www.twilio.com/docs/api/errors",
    ),
)


class TwilioAccount(AccountSettings):
    """A Twilio account (or sub-account): how to sign in, and how to check what comes back."""

    base_url: str = Field(
        default="https://api.twilio.com",
        title="Interface address",
        description="Leave as it is, unless you send through an emulator or a regional address of Twilio.",
    )
    account_sid: str = Field(
        pattern=r"^AC[0-9a-fA-F]{32}$",
        title="Account SID",
        description="Twilio Console, start page, Account Info: begins with AC, 34 characters.",
    )
    auth_token: SecretStr = Field(
        min_length=1,
        title="Auth Token",
        description=(
            "Twilio Console, start page, Account Info, beside the Account SID. Needed even when an API key is used: "
            "Twilio signs its callbacks with it."
        ),
    )
    secondary_auth_token: SecretStr | None = Field(
        default=None,
        title="Secondary Auth Token",
        description="Only while you rotate the Auth Token: callbacks signed with either token are believed.",
    )
    api_key_sid: str = Field(
        default="",
        pattern=r"^(SK[0-9a-fA-F]{32})?$",
        title="API key SID",
        description="Optional, instead of the Auth Token: Twilio Console, Account, API keys & tokens; begins with SK.",
    )
    api_key_secret: SecretStr | None = Field(
        default=None,
        title="API key secret",
        description="Shown once by Twilio when the API key is created.",
    )
    messaging_service_sid: str = Field(
        default="",
        pattern=r"^(MG[0-9a-fA-F]{32})?$",
        title="Messaging Service SID",
        description="Optional: Twilio Console, Messaging, Services; begins with MG. Twilio then picks the sender.",
    )
    webhook_shared_key: SecretStr | None = Field(
        default=None,
        title="Webhook shared key",
        description="Only if your account signs webhooks with a shared key (HMAC-SHA256), not with the Auth Token.",
    )
    smart_encoded: bool = Field(
        default=False,
        title="Smart encoding",
        description="Let Twilio replace look-alike characters (curly quotes, dashes) so that fewer parts are billed.",
    )
    test_credentials: bool = Field(
        default=False,
        title="These are test credentials",
        description="Twilio Console, Account, API keys & tokens, Test credentials: nothing is sent, charged or stored.",
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_origin(cls, given: str) -> str:
        """Take scheme and host (and the path of an emulator), without what follows a question mark."""
        url = given.strip().rstrip("/").removesuffix(f"/{API_VERSION}")
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"expected an address such as https://api.twilio.com, found {given!r}")
        return url

    @model_validator(mode="after")
    def _key_and_secret_together(self) -> Self:
        """An API key is two values; half of it would be refused at the first message only."""
        if bool(self.api_key_sid) != bool(self.api_key_secret and self.api_key_secret.get_secret_value()):
            raise ValueError("an API key is a pair: give both the API key SID (SK…) and the API key secret, or neither")
        return self
