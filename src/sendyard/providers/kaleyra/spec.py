"""
What Kaleyra can do, and the account it needs: data only.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.kaleyra.codes import CODES
from sendyard.providers.spec import (
    WHATSAPP_BY_LINK,
    AddressFormat,
    Batch,
    CallbackAuth,
    Counting,
    ProviderSpec,
    Rate,
    RateUnit,
    ReferenceRules,
    TextRules,
)

REGIONS: Mapping[str, str] = MappingProxyType(
    {
        "global": "https://api.kaleyra.io",
        "in": "https://api.in.kaleyra.io",
        "ap": "https://api.ap.kaleyra.io",
        "eu": "https://api.eu.kaleyra.io",
        "na": "https://api.na.kaleyra.ai",
    }
)
"""One cloud per region; an account lives in one of them and does not work in another."""

CALLBACK_PRESET = (
    "id=id, status=status, details=status_details, recipient=recipient, reference=ref, error=error_code, "
    "parts=units, price=price, sent_at=sent_time, delivered_at=delivered_time"
)
"""Meaning = name of the parameter, as we prescribe them for callback profiles."""

MEANINGS = frozenset(pair.partition("=")[0].strip() for pair in CALLBACK_PRESET.split(","))

SPEC = ProviderSpec(
    slug="kaleyra",
    name="Kaleyra",
    channels=frozenset({Channel.SMS, Channel.WHATSAPP}),
    # A request takes a hundred numbers with one text, but then they share one reference of ours.
    batch=Batch(limit=1),
    address_format=AddressFormat.E164,
    text=TextRules(counting=Counting.GSM),
    media=WHATSAPP_BY_LINK,
    reference=ReferenceRules(accepted=True, max_length=64),
    # No rate is published; 20 requests a second is our choice.
    rate=Rate(per_second=20, unit=RateUnit.REQUEST, open_requests=20),
    callback_auth=CallbackAuth.URL_TOKEN,
    inbound=True,
    confirm_within=900.0,
    poll_delays=(900.0, 3600.0, 14_400.0),
    poll_limit=50,
    codes=CODES,
    docs=(
        "https://developers.kaleyra.io/docs/sms-api-send-the-first-sms",
        "https://developers.kaleyra.io/docs/sms-api-status",
        "https://developers.kaleyra.io/docs/sms-callback",
        "https://developers.kaleyra.io/docs/create-callback-profile-for-sms",
        "https://developers.kaleyra.io/docs/sms-status-and-status-trace-codes",
        "https://developers.kaleyra.io/docs/whatsapp-api-v2-send-template-messages",
        "https://developers.kaleyra.io/docs/whatsapp-callback-url",
        "https://developers.kaleyra.io/docs/create-callback-profile-for-incoming-whatsapp-messages",
        "https://developers.kaleyra.io/docs/whatsapp-api-v2-error-codes-for-send-message",
        "https://developers.kaleyra.io/docs/generating-otp",
        "https://developers.kaleyra.io/docs/validating-otp",
    ),
)


class KaleyraAccount(AccountSettings):
    """One account (SID) in one of Kaleyra's regions."""

    base_url: str = Field(
        default=REGIONS["global"],
        title="Region",
        description=(
            'Where the account lives: "global", "in" (India), "ap" (Singapore), "eu", "na", or the full address. The '
            "address of your Kaleyra console shows it."
        ),
    )
    sid: str = Field(
        pattern=r"^[A-Za-z0-9]{4,64}$",
        title="SID",
        description="Kaleyra console, your profile, API Key & SID: begins with HX, for example HXIN1700000000IN.",
    )
    api_key: SecretStr = Field(
        min_length=1,
        max_length=200,
        title="API key",
        description="Kaleyra console, your profile, API Key & SID: shown once when it is made, begins with A.",
    )
    sender: str = Field(
        default="",
        max_length=20,
        title="Sender ID",
        description="Optional: the approved SMS sender used where a message names none; Channels, SMS, Sender ID.",
    )
    sms_type: Literal["auto", "TXN", "MKT", "OTP", "DEFAULT"] = Field(
        default="auto",
        title="Type of SMS traffic",
        description="auto: OTP for one-time codes, MKT for offers, TXN for the rest. Outside India often DEFAULT.",
    )
    template_id: str = Field(
        default="",
        pattern=r"^[0-9]{0,25}$",
        title="DLT template id",
        description="India only: the DLT template used where a message names none; usually left empty.",
    )
    wa_number: str = Field(
        default="",
        pattern=r"^([0-9]{6,15})?$",
        title="WhatsApp number",
        description="The business number with its country code, digits only: Kaleyra console, Channels, WhatsApp.",
    )
    whatsapp_api: Literal["v2", "v1"] = Field(
        default="v2",
        title="WhatsApp API",
        description="v2 unless Kaleyra set your number up for v1 only; v1 has no buttons and lists here.",
    )
    callback_profile_id: str = Field(
        default="",
        max_length=100,
        title="SMS callback profile",
        description=(
            "Optional: id of a profile from your profile, Callback Profiles. Without one, each SMS carries the "
            "callback address itself."
        ),
    )
    whatsapp_profile_id: str = Field(
        default="",
        max_length=100,
        title="WhatsApp callback profile",
        description="Needed for reports on WhatsApp v2: id of a profile for WhatsApp status updates.",
    )
    callback_mapping: str = Field(
        default=CALLBACK_PRESET,
        max_length=1000,
        title="Names in callbacks",
        description=(
            "How your callback profile names its parameters, as meaning=name. Leave it as it is if you copied the "
            "profile from this provider's page."
        ),
    )
    webhook_header: str = Field(
        default="x-api-key",
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        title="Callback header",
        description="Name of the static header that callbacks carry, as set in the callback profile.",
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        title="Callback header's value",
        description=(
            "Optional: the value of that header. Kaleyra signs nothing, so a header that only you and Kaleyra know "
            "makes callbacks harder to forge."
        ),
    )
    flow_id: str = Field(
        default="",
        max_length=64,
        title="Verify flow",
        description="Only for one-time codes made by Kaleyra: Kaleyra console, Verify, Configuration, the flow's id.",
    )
    currency: str = Field(
        default="INR",
        pattern=r"^[A-Z]{3}$",
        title="Currency",
        description="Currency of the prices that Kaleyra puts into WhatsApp callbacks of postpaid accounts.",
    )

    @field_validator("base_url")
    @classmethod
    def _region_or_address(cls, given: str) -> str:
        """Turn a region's name into its address."""
        url = REGIONS.get(given.strip().lower(), given.strip()).rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(
                f"expected one of {', '.join(REGIONS)} or an address such as {REGIONS['in']}, found {given!r}"
            )
        return url

    @field_validator("api_key", "webhook_secret")
    @classmethod
    def _fits_a_header(cls, given: SecretStr | None) -> SecretStr | None:
        """Refuse what cannot stand in a header, blanks at the ends included."""
        if given is None:
            return None
        text = given.get_secret_value()
        if not text or not text.isascii() or not text.isprintable() or text != text.strip():
            raise ValueError("expected printable characters without blanks at the ends; copy it again")
        return given

    @field_validator("callback_mapping")
    @classmethod
    def _known_meanings(cls, given: str) -> str:
        names = mapping_of(given)
        unknown = sorted(set(names) - MEANINGS)
        if unknown or not names.get("id") or not names.get("status"):
            raise ValueError(
                f"expected meaning=name pairs with at least id and status, of {', '.join(sorted(MEANINGS))}; "
                f"found {given!r}"
            )
        return given


@lru_cache(maxsize=256)
def mapping_of(text: str) -> Mapping[str, str]:
    """Read `meaning=name, meaning=name`."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return MappingProxyType({meaning.strip(): name.strip() for meaning, _, name in pairs})
