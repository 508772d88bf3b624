"""
What AiSensy can do, and the account it needs: data only.
"""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from sendyard.domain.channels import Channel
from sendyard.providers.aisensy.codes import CODES
from sendyard.providers.contract import AccountSettings
from sendyard.providers.spec import (
    WHATSAPP_BY_LINK,
    AddressFormat,
    Batch,
    CallbackAuth,
    ProviderSpec,
    Rate,
    RateUnit,
    TextRules,
)

CAMPAIGN_HOST = "https://backend.aisensy.com"
PROJECT_HOST = "https://apis.aisensy.com"

SPEC = ProviderSpec(
    slug="aisensy",
    name="AiSensy",
    channels=frozenset({Channel.WHATSAPP}),
    batch=Batch(limit=1),
    # The Campaign API recommends the plus; the Project API wants none and is given none.
    address_format=AddressFormat.E164,
    text=TextRules(max_characters=4096),
    media=WHATSAPP_BY_LINK,
    # No rate is published: 10 a second and 600 a minute is our choice.
    rate=Rate(per_second=10, unit=RateUnit.REQUEST, open_requests=20),
    callback_auth=CallbackAuth.SIGNATURE,
    inbound=True,
    codes=CODES,
    docs=(
        "https://help.aisensy.com/en/articles/5358962-api-reference-docs",
        "https://aisensy.com/docs/api-docs/api-reference-docs",
        "https://aisensy.stoplight.io/docs/project-api",
        "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes",
    ),
)


class AiSensyAccount(AccountSettings):
    """One AiSensy project: the Campaign API key, and for more than templates the Project API's id and password."""

    base_url: str = Field(
        default=CAMPAIGN_HOST,
        title="Campaign API address",
        description="Leave as it is, unless you send through an emulator.",
    )
    project_base_url: str = Field(
        default="",
        title="Project API address",
        description="Leave empty: it is AiSensy's own, or that of the emulator the Campaign API address names.",
    )
    api_key: SecretStr = Field(
        min_length=1,
        title="API key",
        description="AiSensy, Manage, API Key: the long text of the Campaign API, on every plan.",
    )
    default_campaign_name: str = Field(
        default="",
        title="Default API campaign",
        description=(
            'Exact name of a live API campaign (AiSensy, Campaigns). "Test connection" looks at it, and a template '
            "message without a name goes through it."
        ),
    )
    project_id: str = Field(
        default="",
        pattern=r"^[0-9A-Za-z_-]{0,64}$",
        title="Project id",
        description="Pro plan and above: AiSensy, Manage, API Key, Project API. Needed for everything but templates.",
    )
    project_api_password: SecretStr | None = Field(
        default=None,
        title="Project API password",
        description="Beside the project id: AiSensy, Manage, API Key, Project API. Give both or neither.",
    )
    send_via: Literal["campaign", "project"] = Field(
        default="campaign",
        title="Templates travel by",
        description=(
            '"campaign": the name of a template message is that of a live API campaign. "project": it is the name of '
            "the template itself (Project API, Pro plan and above)."
        ),
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        title="Webhook shared secret",
        description=(
            "AiSensy, Manage, Webhooks, shared secret. Without it nothing but the unguessable address proves that a "
            "callback comes from AiSensy."
        ),
    )
    contact_name: str = Field(
        default="Customer",
        min_length=1,
        max_length=100,
        title="Name of new contacts",
        description="The Campaign API wants a name for each recipient; AiSensy makes a contact of that name if new.",
    )
    source: str = Field(
        default="",
        max_length=100,
        title="Source of new contacts",
        description="Optional: what AiSensy shows as the source of contacts that a message creates.",
    )
    campaign_id: str = Field(
        default="",
        pattern=r"^[0-9A-Za-z_-]{0,64}$",
        title="Campaign to measure",
        description="Optional: id of the campaign whose figures are shown; it stands in the address of its page.",
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_origin(cls, given: str) -> str:
        """Take scheme, host and an emulator's path, without what belongs to single calls."""
        return _origin(given, "/campaign/t1/api/v2", "/campaign/t1/api")

    @field_validator("project_base_url")
    @classmethod
    def _is_an_origin_or_empty(cls, given: str) -> str:
        return _origin(given, "/project-apis/v1/project", "/project-apis/v1") if given.strip() else ""

    @field_validator("api_key", "project_api_password")
    @classmethod
    def _is_one_line(cls, given: SecretStr | None) -> SecretStr | None:
        """A copied line end would break the header or the key."""
        if given is not None and not given.get_secret_value().isprintable():
            raise ValueError("expected one line without tabs and line ends; copy the value again")
        return given

    @model_validator(mode="after")
    def _id_and_password_together(self) -> Self:
        has_password = bool(self.project_api_password and self.project_api_password.get_secret_value())
        if bool(self.project_id) != has_password:
            raise ValueError("the Project API needs both its project id and its password; give both or neither")
        if self.send_via == "project" and not self.project_id:
            raise ValueError('templates can travel by "project" only with a project id and its password')
        return self


def _origin(given: str, *calls: str) -> str:
    url = given.strip().rstrip("/")
    for call in calls:
        url = url.removesuffix(call)
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"expected an address such as {CAMPAIGN_HOST}, found {given!r}")
    return url
