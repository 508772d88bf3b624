"""
What Gupshup's SMS gateway can do, and the account it needs: data only.
"""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.gupshup_sms.codes import CODES
from sendyard.providers.spec import (
    AddressFormat,
    Batch,
    CallbackAuth,
    Counting,
    ProviderSpec,
    Rate,
    RateUnit,
    TextRules,
)

SPEC = ProviderSpec(
    slug="gupshup_sms",
    name="Gupshup SMS",
    channels=frozenset({Channel.SMS}),
    countries=frozenset({"IN"}),
    # Several numbers fit into one request, but what is answered to that is not published.
    batch=Batch(limit=1),
    address_format=AddressFormat.NO_PLUS,
    text=TextRules(counting=Counting.GSM),
    # No rate is published; 20 requests a second is our choice.
    rate=Rate(per_second=20, unit=RateUnit.REQUEST, open_requests=20),
    callback_auth=CallbackAuth.URL_TOKEN,
    codes=CODES,
    docs=(
        "https://docs.gupshup.io/docs/getting-started-with-sms-api",
        "https://docs.gupshup.io/docs/send-message-to-single-number",
        "https://docs.gupshup.io/docs/real-time-delivery-reports",
        "https://docs.gupshup.io/docs/error-codes",
    ),
)


class GupshupSmsAccount(AccountSettings):
    """One account of Gupshup's Enterprise SMS gateway."""

    base_url: str = Field(
        default="https://enterprise.smsgupshup.com/GatewayAPI/rest",
        title="Interface address",
        description="Leave as it is, unless Gupshup gave you another gateway or you send through an emulator.",
    )
    userid: str = Field(
        pattern=r"^[0-9]{1,20}$",
        title="User id",
        description="The user id of the Enterprise SMS account, digits only, from Gupshup's welcome letter.",
    )
    password: SecretStr = Field(
        min_length=1,
        max_length=100,
        title="Password",
        description="The password that came with the user id; it is not that of Gupshup's web console.",
    )
    mask: str = Field(
        default="",
        pattern=r"^([A-Za-z]{3,8}|[0-9]{6})?$",
        title="Sender (mask)",
        description="Optional: the registered header used where a message names no sender, without prefix and suffix.",
    )
    entity_id: str = Field(
        default="",
        pattern=r"^([0-9]{19})?$",
        title="DLT entity id",
        description="Your Principal Entity id on the DLT platform, 19 digits; a message's own one goes before it.",
    )
    template_id: str = Field(
        default="",
        pattern=r"^([0-9]{19})?$",
        title="DLT template id",
        description="The DLT content template used where a message names none, 19 digits; usually left empty.",
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, given: str) -> str:
        url = given.strip().rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(
                f"expected an address such as https://enterprise.smsgupshup.com/GatewayAPI/rest, found {given!r}"
            )
        return url
