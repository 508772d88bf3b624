"""
What SleekFlow can do, and the account it needs: data only.
"""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.sleekflow.codes import CODES
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

REGIONS = {
    "global": "https://api.sleekflow.io",
    **{
        region: f"https://sleekflow-core-app-{region}-production.azurewebsites.net"
        for region in ("weu", "eus", "seas", "uaen")
    },
}
"""Hosts by name: global (Hong Kong), West Europe, East US, South-East Asia, UAE North."""

PROOF_HEADER = "x-webhook-secret"
"""A header that the Flow Builder's webhook node can be given; SleekFlow itself signs nothing."""

SPEC = ProviderSpec(
    slug="sleekflow",
    name="SleekFlow",
    channels=frozenset({Channel.WHATSAPP}),
    batch=Batch(limit=1),
    address_format=AddressFormat.NO_PLUS,
    text=TextRules(max_characters=4096),
    media=WHATSAPP_BY_LINK,
    # Our id travels as a label of the message (`analyticTags`) and is looked for in the conversation.
    reference=ReferenceRules(accepted=True, max_length=64),
    # The allowance of a plan is not published and is shared with polls; 5 a second is our choice.
    rate=Rate(per_second=5, unit=RateUnit.REQUEST, open_requests=10),
    callback_auth=CallbackAuth.URL_TOKEN,
    inbound=True,
    # Asked for 10 s, 60 s, 5 min, 1 h and 24 h after the submit, because no webhook tells what became of a message.
    confirm_within=10.0,
    poll_delays=(50.0, 240.0, 3300.0, 82_800.0),
    poll_limit=1,
    codes=CODES,
    docs=(
        "https://apidoc.sleekflow.io",
        "https://help.sleekflow.io/en_US/integrations/platform-api-integration",
        "https://help.sleekflow.io/en_US/configuring-external-integration-action-nodes-afb",
        "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes",
    ),
)


class SleekFlowAccount(AccountSettings):
    """One company at SleekFlow, and the WhatsApp number it sends from."""

    base_url: str = Field(
        default=REGIONS["global"],
        title="Region",
        description=(
            "Where your company lives at SleekFlow: global, weu, eus, seas, uaen or the full address. SleekFlow's "
            "support tells it; a key is refused in any other region."
        ),
    )
    api_key: SecretStr = Field(
        min_length=1,
        title="Platform API key",
        description=(
            "SleekFlow, Channels, Add integration, Platform API: made by an administrator; needs a Premium or "
            "Enterprise plan."
        ),
    )
    channel: Literal["whatsappcloudapi", "whatsapp360dialog"] = Field(
        default="whatsappcloudapi",
        title="Kind of channel",
        description="whatsappcloudapi for a number connected through Meta, whatsapp360dialog for one of 360dialog's.",
    )
    from_number: str = Field(
        default="",
        pattern=r"^([0-9]{8,15})?$",
        title="Own WhatsApp number",
        description=(
            "Digits with the country code, no plus: SleekFlow, Channels. Used where a message names no sender; the "
            "list of templates needs it."
        ),
    )
    template_namespace: str = Field(
        default="",
        title="Template namespace",
        description="Only for whatsapp360dialog: it stands beside the templates in the 360dialog hub.",
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        title="Secret of incoming webhooks",
        description=(
            "Optional: add the header X-Webhook-Secret with a secret of yours to the webhook node in SleekFlow's Flow "
            "Builder, and enter the same here. Without it only the unguessable address proves where a call comes from."
        ),
    )

    @field_validator("base_url")
    @classmethod
    def _is_a_region_or_an_origin(cls, given: str) -> str:
        """Turn a region's name into its host, and drop what belongs to single calls."""
        url = REGIONS.get(given.strip().lower(), given.strip()).rstrip("/")
        parts = urlsplit(url.removesuffix("/api"))
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            regions = ", ".join(REGIONS)
            raise ValueError(f"expected one of the regions {regions}, or an address such as {REGIONS['global']}")
        return url.removesuffix("/api")

    @field_validator("api_key")
    @classmethod
    def _is_one_line(cls, given: SecretStr) -> SecretStr:
        """A copied line end would break the header."""
        value = given.get_secret_value()
        if not value.isascii() or not value.isprintable():
            raise ValueError("expected one line of plain letters and digits; copy the key again")
        return given
