"""
What Gupshup's WhatsApp API can do, and the account it needs: data only.
"""

import re
from functools import lru_cache
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.gupshup_whatsapp.codes import CODES
from sendyard.providers.spec import (
    WHATSAPP_BY_LINK,
    AddressFormat,
    Batch,
    CallbackAuth,
    Counting,
    ProviderSpec,
    Rate,
    RateUnit,
    TextRules,
)

MAX_TEXT = 4096

SPEC = ProviderSpec(
    slug="gupshup_whatsapp",
    name="Gupshup WhatsApp",
    channels=frozenset({Channel.WHATSAPP}),
    batch=Batch(limit=1),
    address_format=AddressFormat.NO_PLUS,
    text=TextRules(counting=Counting.GSM, max_characters=MAX_TEXT),
    media=WHATSAPP_BY_LINK,
    # No rate is published; 20 a second is our choice. Code 4001 and HTTP 429 tell when it is too much.
    rate=Rate(per_second=20, unit=RateUnit.REQUEST, open_requests=20),
    callback_auth=CallbackAuth.URL_TOKEN,
    inbound=True,
    codes=CODES,
    docs=(
        "https://docs.gupshup.io/reference/msg",
        "https://docs.gupshup.io/docs/template-messages",
        "https://docs.gupshup.io/docs/message-events",
        "https://docs.gupshup.io/docs/inbound-messages",
        "https://docs.gupshup.io/docs/error-and-status-messages",
        "https://docs.gupshup.io/docs/webhook-key-points",
        "https://docs.gupshup.io/reference/get_wa-app-appid-template-templateid",
        "https://partner-docs.gupshup.io/reference/get_partner-app-appid-wallet-balance",
        "https://partner-docs.gupshup.io/reference/get_partner-app-appid-usage",
        "https://partner-docs.gupshup.io/reference/getwabahealth",
    ),
)

_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")


class GupshupWhatsappAccount(AccountSettings):
    """One WhatsApp app at Gupshup."""

    base_url: str = Field(
        default="https://api.gupshup.io",
        title="Interface address",
        description="Leave as it is, unless you send through an emulator.",
    )
    api_key: SecretStr = Field(
        min_length=1,
        max_length=200,
        title="API key",
        description="Gupshup console, top right, your profile: the API key of the whole account.",
    )
    app_name: str = Field(
        min_length=1,
        max_length=120,
        title="App name",
        description="Gupshup console, WhatsApp: the name of your app, exactly as it is written there.",
    )
    app_id: str = Field(
        pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        title="App id",
        description="Gupshup console, WhatsApp, your app, Settings: the long id with four dashes.",
    )
    source: str = Field(
        pattern=r"^[0-9]{6,15}$",
        title="Business number",
        description="The WhatsApp number of the app with its country code, digits only: 917834811114.",
    )
    partner_token: SecretStr | None = Field(
        default=None,
        title="Partner app token",
        description=(
            "Optional, for customers of Gupshup's Partner Portal: the app's access token (sk_…). With it, balance, "
            "usage, number quality and new templates work too."
        ),
    )
    webhook_header: str = Field(
        default="x-webhook-key",
        title="Webhook header",
        description="Name of the custom header that you set on the webhook subscription, if you set one.",
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        title="Webhook header's value",
        description=(
            "Optional: the value of that custom header. Gupshup signs nothing, so a header that only you and Gupshup "
            "know makes callbacks harder to forge; without one, only the unguessable address protects them."
        ),
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_origin(cls, given: str) -> str:
        """Take scheme and host (and the path of an emulator), without what follows a question mark."""
        url = given.strip().rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"expected an address such as https://api.gupshup.io, found {given!r}")
        return url

    @field_validator("api_key", "partner_token", "webhook_secret")
    @classmethod
    def _fits_a_header(cls, given: SecretStr | None) -> SecretStr | None:
        """Refuse what cannot stand in a header, blanks at the ends included."""
        if given is None:
            return None
        text = given.get_secret_value()
        if not text or not text.isascii() or not text.isprintable() or text != text.strip():
            raise ValueError("expected printable characters without blanks at the ends; copy it again")
        return given

    @field_validator("webhook_header")
    @classmethod
    def _is_a_header_name(cls, given: str) -> str:
        if not _HEADER.fullmatch(given):
            raise ValueError(f"expected the name of a header such as x-webhook-key, found {given!r}")
        return given.lower()


@lru_cache(maxsize=256)
def partner_url(base_url: str) -> str:
    """Address of the Partner Portal's interface: a host of its own at Gupshup, the same one at an emulator."""
    return base_url.replace("://api.gupshup.io", "://partner.gupshup.io", 1)
