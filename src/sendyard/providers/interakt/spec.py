"""
What Interakt can do, and the account it needs: data only.
"""

from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.interakt.codes import CODES
from sendyard.providers.spec import (
    WHATSAPP_BY_LINK,
    AddressFormat,
    Batch,
    CallbackAuth,
    ProviderSpec,
    Rate,
    RateUnit,
    ReferenceRules,
    TextRules,
)

PER_MINUTE = {"growth": 300, "advanced": 600, "enterprise": 600}
"""Requests by plan; Enterprise has a limit of its own for each account, which a setting takes."""

LONGEST_CALLBACK_DATA = 512

SPEC = ProviderSpec(
    slug="interakt",
    name="Interakt",
    channels=frozenset({Channel.WHATSAPP}),
    batch=Batch(limit=1),
    address_format=AddressFormat.NO_PLUS,
    # WhatsApp's limit of a text in an open conversation.
    text=TextRules(max_characters=4096),
    media=WHATSAPP_BY_LINK,
    # `callbackData`: it comes back in webhooks, and recognises no repetition.
    reference=ReferenceRules(accepted=True, max_length=LONGEST_CALLBACK_DATA),
    rate=Rate(per_second=PER_MINUTE["growth"] / 60, unit=RateUnit.REQUEST, open_requests=10),
    callback_auth=CallbackAuth.SIGNATURE,
    inbound=True,
    codes=CODES,
    docs=(
        "https://documenter.getpostman.com/view/14760594/2sA2r7zibM",
        "https://www.interakt.shop/resource-center/interakts-webhooks",
        "https://www.interakt.shop/resource-center/how-to-send-whatsapp-templates-using-apis-webhooks",
        "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    ),
)

_PUBLIC = "/v1/public"


class InteraktAccount(AccountSettings):
    """One Interakt workspace: its key, and the secret its webhooks are signed with."""

    base_url: str = Field(
        default="https://api.interakt.ai/v1/public",
        title="Interface address",
        description="Leave as it is, unless you send through an emulator.",
    )
    api_key: SecretStr = Field(
        min_length=1,
        max_length=1024,
        title="API key",
        description=(
            "Interakt, Settings, Developer Settings, API key (also called secret key): exactly as shown, with or "
            "without the word Basic. The public API needs the Growth, Advanced or Enterprise plan."
        ),
    )
    encode_key: Literal["never", "auto", "always"] = Field(
        default="never",
        title="Key form",
        description=(
            "How a key is sent that is not in Interakt's usual form (which ends with = and is sent as it is): never "
            "sends it as it is, always encodes it as a bare secret, auto does so unless it is encoded already."
        ),
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        title="Webhook secret",
        description="Interakt, Settings, Developer Settings, Webhook: the secret key set beside the address there.",
    )
    plan: Literal["growth", "advanced", "enterprise"] = Field(
        default="growth",
        title="Plan",
        description="Interakt, Settings, Plan: decides how many requests a minute Interakt takes (300 or 600).",
    )
    requests_per_minute: int = Field(
        default=0,
        ge=0,
        le=60_000,
        title="Requests a minute",
        description="Only if Interakt told you another limit than your plan's, as for Enterprise; 0 takes the plan's.",
    )
    guard_utility: bool = Field(
        default=False,
        title="Refuse utility templates that became marketing",
        description=(
            "Meta may move a utility template to marketing, which costs more. Turned on, Interakt refuses a "
            "transactional message whose template is no longer utility."
        ),
    )
    otp_button: bool = Field(
        default=True,
        title="One-time codes have a button",
        description=(
            "WhatsApp's authentication templates want the code in their button as well; Sendyard puts it there. "
            "Turn it off if your one-time codes use another kind of template."
        ),
    )
    campaign_id: str = Field(
        default="",
        max_length=100,
        title="Campaign id",
        description="Optional: the id of an API campaign made in Interakt, Campaigns, to count these messages there.",
    )
    currency: str = Field(
        default="INR",
        pattern=r"^[A-Z]{3}$",
        title="Currency",
        description="The currency of your Interakt wallet, in which webhooks tell what a message cost.",
    )

    @field_validator("base_url")
    @classmethod
    def _public(cls, given: str) -> str:
        """Take the host alone as well as the address of one call."""
        url = given.strip().rstrip("/").removesuffix("/message")
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"expected an address such as https://api.interakt.ai/v1/public, found {given!r}")
        return url if url.endswith(_PUBLIC) else url + _PUBLIC

    @field_validator("api_key")
    @classmethod
    def _bare(cls, given: SecretStr) -> SecretStr:
        """Interakt's examples show the key with the word Basic before it, which is not a part of it."""
        key = given.get_secret_value().strip()
        if key[:6].lower() in {"basic ", "basic"}:
            key = key[6:].strip()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("expected one key without spaces or line breaks; copy it again from Interakt")
        return SecretStr(key)


@lru_cache(maxsize=256)
def authorization(account: InteraktAccount) -> str:
    """
    The value of the header: Interakt shows keys encoded already, and encoding them twice is refused.

    A bare secret is the user of HTTP Basic, with an empty password.
    """
    key = account.api_key.get_secret_value()
    inside = _decoded(key)
    if inside.endswith(":") or account.encode_key == "never" or (account.encode_key == "auto" and inside):
        return f"Basic {key}"
    return f"Basic {b64encode(f'{key}:'.encode()).decode()}"


def _decoded(key: str) -> str:
    """The text behind a Base64 key; nothing when it is not printable text in Base64."""
    try:
        inside = b64decode(key, validate=True).decode()
    except ValueError:
        return ""
    return inside if inside.isprintable() else ""
